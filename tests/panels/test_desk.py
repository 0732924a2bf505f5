"""The desk: which run is looked at, who is looking, and that nothing takes it down."""

from __future__ import annotations

import json
from pathlib import Path

import papermill
import pytest
from at_the_desk import give_key

from sopkit.errors import RecordError
from sopkit.panels import Desk
from sopkit.panels.desk import PANELS

NOTEBOOKS = Path(__file__).parent.parent.parent / "notebooks"


def test_what_waits_for_me_is_told_and_leads_to_the_sign_off(desk_of, world) -> None:
    """Olga, a model owner, finds the run in her inbox; its button opens the sign-off of that run."""
    desk = desk_of("olga")
    inbox = desk._made["Inbox"]
    assert [row["mine"] for row in inbox.rows["waiting"]] == [True]
    card = inbox.waiting.children[0]
    assert "waits for you" in card.children[0].value
    card.children[1].click()
    assert (desk.panel, desk.run.id) == ("Sign-off", world.run)


def test_who_executed_the_run_does_not_find_it_in_the_inbox(desk_of) -> None:
    """Mia holds the role and executed the run, so it does not wait for her."""
    desk = desk_of("mia")
    assert [row["mine"] for row in desk._made["Inbox"].rows["waiting"]] == [False]
    desk._made["Inbox"].mine.value = True
    assert desk._made["Inbox"].waiting.children == ()


def test_who_only_has_a_run_go_on_may_still_sign_in_it(desk_of, world, monkeypatch) -> None:
    """A reviewer goes on as the desk; who executes the run anyway, gives parameters or is named goes on by name."""
    olga, mia = desk_of("olga"), desk_of("mia")
    assert olga.goes_on_as(olga.run) == "desk"
    assert olga.goes_on_as(olga.run, decides=True) == "olga"
    assert mia.goes_on_as(mia.run) == "mia"
    monkeypatch.setenv("SOP_PERSON", "ines")
    assert olga.goes_on_as(olga.run) == "ines"


def test_a_key_that_was_made_meanwhile_is_offered(desk_of, world, keys) -> None:
    """Looking again finds it; the key that was chosen stays chosen."""
    desk = desk_of("olga")
    give_key(world, keys, "rita")
    desk.refresh()
    assert [name for name, _ in desk.identity.key.options] == ["olga", "rita"]
    assert desk.identity.person == "olga"


def test_filters_and_search(desk_of, world) -> None:
    """Role and words let through what they name."""
    world.append("run.abandoned", run=world.run, body={"reason": "wrong year"})
    inbox = desk_of("olga")._made["Inbox"]
    assert [run for _, run in inbox.finished.options] == [world.run]
    inbox.search.value = "abandoned wrong"
    assert len(inbox.finished.options) == 1
    inbox.search.value = "promoted"
    assert inbox.finished.options == ()


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_opens_on_an_empty_workspace(panel, tmp_path, keys) -> None:
    """Before the first run each panel says in words that there is nothing yet."""
    for name in ("notebooks", "templates", "runs"):
        (tmp_path / "empty" / name).mkdir(parents=True)
    desk = Desk(tmp_path / "empty", panel=panel)
    assert "cannot be shown" not in desk.said.value


@pytest.mark.parametrize("panel", PANELS)
def test_every_panel_opens_on_a_run_that_left_nothing_that_it_shows(panel, desk_of) -> None:
    """A SOP whose stages attach other things than retraining does: the panel says what is not there."""
    desk = desk_of("olga", panel=panel)
    assert "cannot be shown" not in desk.said.value


def test_the_desk_follows_the_log(desk_of, world) -> None:
    """What is logged by another process is shown without being asked for."""
    desk = desk_of("olga", panel="Run")
    world.append("run.abandoned", run=world.run, body={"reason": "wrong year"})
    desk.follow()
    assert "abandoned" in desk._made["Run"].shown.value


def test_a_panel_that_fails_does_not_take_the_desk_with_it(desk_of, monkeypatch) -> None:
    """The reason is told; the other panels open."""
    desk = desk_of("olga", panel="Run")

    def broken() -> None:
        raise RecordError("bytes that do not have their digest")

    monkeypatch.setattr(desk._made["Run"], "refresh", broken)
    desk.refresh()
    assert "do not have their digest" in desk.said.value
    desk.open("Inbox")
    assert desk._made["Inbox"].waiting.children


def test_the_workbench_shows_the_desk_and_nothing_else() -> None:
    """The notebook of the desk is the only one with widgets: a title, and one short cell without outputs."""
    cells = json.loads((NOTEBOOKS / "workbench.ipynb").read_text())["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code"]
    assert "".join(cells[1]["source"]) == "from sopkit.panels import Desk\n\nDesk()"
    assert cells[1]["outputs"] == []


def test_a_papermill_run_of_the_workbench_ends(world, tmp_path) -> None:
    """Nothing waits for a person: executed without a browser, the notebook is done at once, without an error."""
    made = tmp_path / "executed.ipynb"
    told = papermill.execute_notebook(
        str(NOTEBOOKS / "workbench.ipynb"), str(made), cwd=str(world.workspace.root), progress_bar=False
    )
    outputs = [output for cell in told.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [output.output_type for output in outputs] == ["execute_result"]
