"""Stepping from the desk, with real processes: forms, stages, stop, kill, resume, abandon, new runs."""

from __future__ import annotations

import html
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ipywidgets
import pytest
from a_procedure import eventually, make_workspace

from sopkit.archive.verification import verify
from sopkit.archive.workspace import Workspace
from sopkit.errors import ParameterError
from sopkit.panels import Desk
from sopkit.panels.stepping import SteppingPanel
from sopkit.panels.typed_form import TypedForm, arguments
from sopkit.running.live import live_state
from sopkit.running.parameters import declared_parameters
from sopkit.running.planning import Execute


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "workspace")


@pytest.fixture
def sit(workspace: Workspace, keys: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Desk]]:
    """A desk at the panel; whatever runs at the end of the test is ended."""
    monkeypatch.setenv("SOP_PERSON", "eng")
    desks: list[Desk] = []

    def sit_down() -> Desk:
        desks.append(Desk(workspace.root, panel="Stepping"))
        return desks[-1]

    yield sit_down
    for desk in desks:
        process = panel_of(desk).process
        if process is not None and process.running:
            process.stop()
            eventually(lambda: not process.running)  # noqa: B023


def panel_of(desk: Desk) -> SteppingPanel:
    return desk._made["Stepping"]


def followed(desk: Desk, ask: Callable[[], Any]) -> Any:
    """What `ask` answers as soon as that is anything, the desk looking again meanwhile as its timer has it do."""

    def look() -> Any:
        desk.follow()
        return ask()

    return eventually(look)


def begun(desk: Desk, *, until: str = "look", **values: Any) -> SteppingPanel:
    """A run of the procedure up to a stage, started from the form, its process ended."""
    panel = panel_of(desk)
    panel.new.as_of.value = "2020-02-01"
    panel.new.until.value = until
    for name, value in values.items():
        panel.new.form.fields[name].value = value
    panel.new.button.click()
    followed(desk, lambda: desk.run and not panel.busy and desk.run.state != "running")
    return panel


def told(desk: Desk) -> str:
    """What the desk says, as a reader sees it."""
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", desk.said.value))).strip()


def test_a_run_is_started_stage_by_stage_and_goes_on_to_its_gate(workspace: Workspace, sit: Callable[[], Desk]) -> None:
    """The form starts a run that stops after a stage; the next one is told with its form, and then the gate."""
    desk = sit()
    panel = begun(desk, least=7)
    assert desk.run is not None
    assert dict(desk.run.parameters) == {"least": 7}
    assert desk.run.by == "eng"
    assert panel.next == Execute("judge", 1, ["first attempt"])
    assert "Next: 2. Judge them" in panel.shown.value
    assert set(panel.form.fields) == {"share", "words", "names", "limit"}
    panel.form.fields["share"].value = 0.25
    panel.form.fields["words"].value = "5"
    panel.form.fields["names"].value = '["<b>", "b"]'
    panel.run_stage.click()
    assert panel.run_stage.disabled
    followed(desk, lambda: desk.run.state == "waiting" and not panel.busy and desk.run.stage("judge").sealed)
    found = desk.run.stage("judge").sealed.results["told"]["value"]
    assert found == "0.25 5 ['<b>', 'b'] None"
    assert {"share": 0.25, "words": "5", "names": ["<b>", "b"], "least": 7} == dict(desk.run.parameters)
    panel.go_on.click()
    followed(desk, lambda: not panel.busy)
    assert "validator" in panel.shown.value
    assert panel.run_stage.disabled
    assert panel.go_on.disabled
    assert verify(workspace).ok


def test_what_is_typed_wrongly_starts_nothing_and_says_what_is_wrong(workspace: Workspace, sit: Callable) -> None:
    """No JSON, another type, no date: each is told with what was expected, and no process is there."""
    desk = sit()
    new = panel_of(desk).new
    new.form.fields["names"].value = "a, b"
    new.button.click()
    assert "parameter `names` is not JSON" in told(desk)
    new.form.fields["names"].value = '[1, "a"]'
    new.button.click()
    assert "`names` of stage 'judge' has the wrong type" in told(desk)
    new.form.fields["names"].value = "['a']"
    new.form.fields["names"].value = '["a"]'
    new.as_of.value = "in spring"
    new.button.click()
    assert "not a date" in told(desk)
    assert not list(workspace.sop.glob("desk/*"))


def test_what_a_run_was_given_is_shown_and_stays(sit: Callable[[], Desk]) -> None:
    """A name that was given at the start stands in the later stage's form and cannot be changed."""
    desk = sit()
    panel = begun(desk, share=0.75)
    field = panel.form.fields["share"]
    assert (field.value, field.disabled) == (0.75, True)
    assert panel.form.values() == {}
    assert not panel.form.fields["words"].disabled


def test_a_stage_that_fails_is_told_with_its_reason_and_notebook_and_run_again(
    workspace: Workspace, sit: Callable[[], Desk]
) -> None:
    """The reason as text, a link to the executed notebook, what the process said; the mended stage is run once more."""
    desk = sit()
    panel = begun(desk, strict=True)
    assert desk.run.state == "failed"
    shown = panel.shown.value
    assert "AssertionError: too &lt;strict&gt;" in shown
    path = f"runs/sample/{desk.run.id}/01_look.ipynb"
    assert f'href="/lab/tree/{path}"' in shown
    assert (workspace.root / path).is_file()
    assert panel.process.exit_code == 1
    assert "✗ The last process failed (exit code 1)" in shown
    assert panel.next.attempt == 2


def test_a_stage_under_way_is_watched_and_stopped_and_can_be_run_again(sit: Callable[[], Desk]) -> None:
    """Cell and seconds while it runs, no second process meanwhile; stopped, the next attempt is offered."""
    desk = sit()
    panel = panel_of(desk)
    panel.new.as_of.value = "2020-02-01"
    panel.new.form.fields["seconds"].value = 60.0
    panel.new.button.click()
    followed(desk, lambda: "cell 4 of" in panel.live.value)
    assert "Under way: Look at the rows" in panel.live.value
    assert panel.run_stage.disabled
    assert panel.go_on.disabled
    assert panel.abandon.disabled
    pid = panel.process.pid
    panel._resume()
    assert "is being executed" in told(desk)
    assert panel.process.pid == pid
    panel.stop.click()
    followed(desk, lambda: not panel.busy and not panel.run_stage.disabled)
    assert desk.run.stage("look").current.status == "interrupted"
    assert panel.next == Execute("look", 2, ["attempt 1 was interrupted"])
    assert panel.live.value == "" or "gone" not in panel.live.value


def test_a_process_that_was_killed_is_told_and_resuming_is_offered(workspace: Workspace, sit: Callable) -> None:
    """After kill -9 another desk says that the process is gone, and one button takes the run up again."""
    first = sit()
    panel = panel_of(first)
    panel.new.as_of.value = "2020-02-01"
    panel.new.form.fields["seconds"].value = 1.5
    panel.new.button.click()
    followed(first, lambda: "cell 4 of" in panel.live.value)
    os.kill(panel.process.pid, signal.SIGKILL)
    followed(first, lambda: "is gone" in panel.live.value and not panel.run_stage.disabled)
    desk = sit()
    panel = panel_of(desk)
    assert "is gone" in panel.live.value
    assert "ended without a word" in panel.shown.value
    assert panel.next == Execute("look", 2, ["attempt 1 was interrupted"])
    panel.run_stage.click()
    followed(desk, lambda: desk.run.stage("look").sealed and not panel.busy)
    assert [attempt.status for attempt in desk.run.stage("look").attempts] == ["interrupted", "sealed"]
    assert live_state(workspace, desk.run.id) is None
    assert verify(workspace).ok


def test_abandoning_needs_a_reason_and_ends_the_run(sit: Callable[[], Desk]) -> None:
    """Without a reason nothing happens; with one the run is over, and says why."""
    desk = sit()
    panel = begun(desk)
    panel.abandon.click()
    assert "needs a reason" in told(desk)
    panel.reason.value = "--the <wrong> data"
    panel.abandon.click()
    followed(desk, lambda: desk.run.ended)
    assert desk.run.state == "abandoned"
    assert "--the &lt;wrong&gt; data" in panel.shown.value
    assert panel.buttons.layout.display == "none"


def test_a_run_that_cannot_be_started_says_why(workspace: Workspace, sit: Callable[[], Desk]) -> None:
    """While another run of the model is active the process refuses, and the desk tells its words."""
    desk = sit()
    panel = begun(desk)
    first = desk.run.id
    panel.new.button.click()
    followed(desk, lambda: "is not over" in told(desk))
    assert first in told(desk)
    assert len(desk.states) == 1


def test_the_first_run_says_what_it_decides_and_a_live_workspace_asks_for_no_clock(workspace, sit) -> None:
    """Before the first run live or simulation is explained; in a live one there is no field for a clock."""
    desk = sit()
    panel = panel_of(desk)
    assert "the first run decides" in panel.new.clock.value
    assert panel.new.as_of.layout.display != "none"
    panel.new.until.value = "look"
    panel.new.button.click()
    followed(desk, lambda: desk.run and desk.run.stage("look").sealed and not panel.busy)
    assert workspace.mode == "live"
    assert panel.new.as_of.layout.display == panel.as_of.layout.display == "none"


def test_a_definition_that_is_not_in_order_is_told_in_the_form(workspace: Workspace, sit: Callable[[], Desk]) -> None:
    """A broken model file is named with its line, the button is off; mended, another look makes the form."""
    path = workspace.templates / "models" / "tiny.yaml"
    good = path.read_text()
    path.write_text("model: [tiny")
    desk = sit()
    new = panel_of(desk).new
    assert "tiny.yaml" in new.parameters.children[0].value
    assert new.button.disabled
    path.write_text(good)
    new.choose()
    assert not new.button.disabled


def test_names_comments_and_purposes_show_as_text(sit: Callable[[], Desk]) -> None:
    """Whatever stands in a SOP or a parameters cell is escaped."""
    desk = sit()
    panel = begun(desk, until="look")
    texts = [panel.shown.value] + [row.children[-1].value for row in panel.new.form.widget.children]
    texts = [text for text in texts if isinstance(text, str)]
    assert not any("<img" in text or "<b>" in text for text in texts)
    assert any("&lt;b&gt;how long&lt;/b&gt;" in text for text in texts)


KINDS = {
    "text: str = 'a'": ("a", "b", "b", ipywidgets.Text),
    "number: int = 3": (3, 4, 4, ipywidgets.IntText),
    "share: float = 1": (1.0, 0.5, 0.5, ipywidgets.FloatText),
    "on: bool = True": (True, False, False, ipywidgets.Checkbox),
    "some: list[int] = [1]": ("[1]", "[1, 2]", [1, 2], ipywidgets.Text),
    "limits: dict[str, float] = {'ä': 0.5}": ('{"ä": 0.5}', "{}", {}, ipywidgets.Text),
    "maybe: int | None = None": ("null", "7", 7, ipywidgets.Text),
    "either: str | int = 'a'": ('"a"', '"7"', "7", ipywidgets.Text),
}


@pytest.mark.parametrize("line", KINDS)
def test_a_field_is_of_the_kind_of_its_annotation(line: str) -> None:
    """Each kind of parameter has its field, shows its default, and gives a value of its type once it is changed."""
    shown, typed, value, kind = KINDS[line]
    form = form_of(line)
    name = line.partition(":")[0]
    field = form.fields[name]
    assert (type(field), field.value) == (kind, shown)
    assert form.values() == {}
    field.value = typed
    assert form.values() == {name: value}


@pytest.mark.parametrize("text", ["", "[1", "NaN", "[" * 5000, "{'a': 1}"])
def test_a_text_that_is_no_json_is_an_error_with_an_example(text: str) -> None:
    """The error names the parameter, its annotation and what was typed."""
    form = form_of("some: list[int] = [1]")
    form.fields["some"].value = text
    with pytest.raises(ParameterError, match=r"`some` is not JSON(?s:.*)list\[int\], such as \[1\]"):
        form.values()


def test_what_the_runner_gives_is_not_asked_for_and_texts_stay_texts() -> None:
    """`run`, `model`, `as_of` and `reason` have no field; a text `5` goes to the process as a text."""
    form = form_of("run: str = ''\nmodel: str = ''\nas_of: str = ''\nreason: str = ''\nown: str = ''")
    assert set(form.fields) == {"own"}
    form.fields["own"].value = "5"
    assert arguments(form.values()) == ["-p", 'own="5"']


def form_of(lines: str) -> TypedForm:
    cell = {"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": lines}
    return TypedForm(declared_parameters({"cells": [cell]}, "a notebook"))


def test_training_follows_a_stage_and_leaves_what_is_unfolded(sit: Callable[[], Desk]) -> None:
    """While a stage runs only the moving part is sent again; when it ends the table has its time and memory."""
    desk = sit()
    panel = begun(desk, seconds=2.0)
    desk.open("Training")
    training = desk._made["Training"]
    assert "Look at the rows" in training.shown.value
    assert training.live.value == ""
    panel.do_stage()
    desk.open("Training")
    followed(desk, lambda: "Under way: Judge them" in training.live.value)
    sent: list[str] = []
    training.shown.observe(lambda change: sent.append(change["new"]), "value")
    for _ in range(3):
        training.follow()
    assert sent == []
    followed(desk, lambda: desk.run.stage("judge").sealed and training.live.value == "")
    assert len(sent) >= 1
    assert re.search(r"Judge them.*?\d+\.\d s.*?\d+ MB", sent[-1], re.DOTALL)
