"""Data: the section of a run, and the form that takes a new data set in; the process is a real one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from sopkit.archive.data_sets import standing
from sopkit.panels import Desk
from sopkit.panels import intake as intake_module
from sopkit.panels.intake import IntakeForm

MODEL = """
model: flights
data: {source: data.csv, time: when, id: [number]}
target: {column: late, task: binary}
features: {a: numeric, place: categorical}
"""
BAD = "</script><script>alert(1)</script>"
GOOD = "number,when,a,place,late\n" + "".join(
    f"{each},2026-10-{each % 28 + 1:02d},{each % 7}.5,{'xy'[each % 2]},{each % 3 // 2}\n" for each in range(60)
)


@pytest.fixture
def form_of(desk_of, world) -> Callable[..., tuple[Desk, IntakeForm]]:
    """The Data panel's form on a live workspace with a model file of 60 possible rows."""
    models = world.workspace.templates / "models"
    models.mkdir(exist_ok=True)
    (models / "flights.yaml").write_text(MODEL)

    def sit_down(person: str = "olga") -> tuple[Desk, IntakeForm]:
        desk = desk_of(person, panel="Data")
        return desk, desk._made["Data"].intake

    return sit_down


def choose(form: IntakeForm, data: str, name: str = "new.csv") -> None:
    """As the browser hands a file over."""
    content = memoryview(data.encode())
    file = {"name": name, "type": "text/csv", "size": len(content), "content": content}
    form.upload.value = ({**file, "last_modified": datetime.now()},)


def test_a_good_file_is_checked_and_then_accepted_by_whoever_sits_there(form_of, world):
    """Nothing is kept by checking; accepting logs it in Olga's name, and what was uploaded is gone from the disk."""
    desk, form = form_of("olga")
    assert (form.model.value, form.accept_it.disabled) == ("flights", True)
    choose(form, GOOD)
    size = world.workspace.log.size
    form.check.click()
    assert form.check.disabled
    form.wait()
    assert "Nothing blocks new.csv" in desk.said.value
    assert (form.accept_it.disabled, world.workspace.log.size) == (False, size)
    form.accept_it.click()
    form.wait()
    (found,) = standing(world.workspace.log.entries(), "flights")
    assert (found.by, found.name, found.rows) == ("olga", "new.csv", 60)
    assert "Accepted" in desk.said.value
    assert "new.csv" in form.accepted.value
    assert form.accept_it.disabled
    assert list((world.workspace.sop / "intake").iterdir()) == []


def test_a_bad_file_is_blocked_in_words(form_of, world):
    """A missing column is told; Accept stays closed, also when it is called."""
    desk, form = form_of()
    choose(form, GOOD.replace(",a,", ",b,", 1))
    form.check.click()
    form.wait()
    assert "is blocked" in desk.said.value
    assert "lacks" in form.found.value
    assert form.accept_it.disabled
    form.accept()
    form.wait()
    assert standing(world.workspace.log.entries(), "flights") == []


def test_a_hostile_file_is_text(form_of):
    """In its name, a column and a value; no markup of it reaches the page."""
    desk, form = form_of()
    lines = GOOD.replace("late\n", f"late,{BAD}\n").splitlines()
    choose(form, "\n".join([lines[0], *(f"{line},{BAD}" for line in lines[1:])]), name=f"../../{BAD}.csv")
    form.check.click()
    form.wait()
    shown = form.found.value + form.chosen.value + desk.said.value
    assert "<script" not in shown
    assert "&lt;script&gt;" in form.found.value
    assert not form.accept_it.disabled


def test_another_file_takes_the_answer_away(form_of):
    """What was found belongs to what was asked: a new file, path or model closes Accept again."""
    _, form = form_of()
    choose(form, GOOD)
    form.check.click()
    form.wait()
    assert not form.accept_it.disabled
    choose(form, GOOD.replace("0.5", "9.5"), name="other.csv")
    assert (form.accept_it.disabled, form.found.value) == (True, "")


def test_what_is_accepted_is_what_was_examined(form_of, world):
    """A file in the workspace that changes between the two is refused."""
    desk, form = form_of()
    path = world.workspace.root / "new.csv"
    path.write_text(GOOD)
    form.place.value = "new.csv"
    form.check.click()
    form.wait()
    assert not form.accept_it.disabled
    path.write_text(GOOD.replace("0.5", "9.5"))
    form.accept_it.click()
    form.wait()
    assert "not the data set that was examined" in desk.said.value
    assert standing(world.workspace.log.entries(), "flights") == []


@pytest.mark.parametrize("place", ["../secret.csv", "/etc/passwd", "nowhere.csv", "--accept", "a.csv --by mia"])
def test_a_typed_place_is_a_file_of_the_workspace_or_nothing(form_of, world, place):
    """Neither a way out nor an option of the command: it is told, and nothing is started."""
    desk, form = form_of()
    (world.workspace.root.parent / "secret.csv").write_text(GOOD)
    form.place.value = place
    form.check.click()
    assert not form.busy
    assert "no such file" in desk.said.value


def test_a_file_or_a_place_and_not_both(form_of):
    """Which one was meant is asked, and nothing is started."""
    desk, form = form_of()
    form.check.click()
    assert "one of the two" in desk.said.value
    choose(form, GOOD)
    form.place.value = "data.csv"
    form.check.click()
    assert ("one of the two" in desk.said.value, form.busy) == (True, False)


def test_too_large_a_file_is_not_written(form_of, world, monkeypatch):
    """The limit is told before anything is written or started."""
    desk, form = form_of()
    monkeypatch.setattr(intake_module, "MOST", 1000)
    choose(form, GOOD)
    form.check.click()
    assert "are the most" in desk.said.value
    assert not list((world.workspace.sop / "intake").glob("*.data"))


def test_nobody_accepts(form_of, world, tmp_path):
    """Without a key at the desk nobody could be named: it is asked for."""
    desk, form = form_of()
    desk.identity.key.value = None
    choose(form, GOOD)
    form.check.click()
    form.wait()
    form.accept_it.click()
    assert ("Choose your key" in desk.said.value, form.busy) == (True, False)
    assert standing(world.workspace.log.entries(), "flights") == []


def test_withdrawing_needs_a_reason(form_of, world):
    """With one, the data set is read by no new run, and is still listed with who took it back."""
    desk, form = form_of("olga")
    choose(form, GOOD)
    form.check.click()
    form.wait()
    form.accept_it.click()
    form.wait()
    form.take_back.click()
    assert "needs a reason" in desk.said.value
    form.reason.value = f"--by=mia {BAD}"
    form.take_back.click()
    form.wait()
    assert standing(world.workspace.log.entries(), "flights") == []
    assert ("withdrawn" in form.accepted.value, "<script" in form.accepted.value) == (True, False)
    assert form.withdrawing.layout.display == "none"


def test_a_desk_that_was_closed_leaves_nothing_for_long(form_of, world):
    """An upload that nobody asked about any more goes when the next one comes."""
    import os

    _, form = form_of()
    left: Path = world.workspace.sop / "intake" / "0123.data"
    left.parent.mkdir(parents=True, exist_ok=True)
    left.write_text("old")
    os.utime(left, (0, 0))
    choose(form, GOOD)
    form.check.click()
    form.wait()
    assert not left.exists()
