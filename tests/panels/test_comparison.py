"""The panel of the comparison: the newest attempt first, an older one where it is chosen."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "views"))
from comparisons import left_by_evaluate

from sopkit.views.comparison.facts import comparison_facts
from sopkit.views.fragments import fragment


@pytest.fixture(scope="module")
def artifacts() -> dict[str, bytes]:
    """What evaluate attaches, as bytes."""
    left = left_by_evaluate("binary")["artifacts"]
    return {name: json.dumps(value).encode() for name, value in left.items()}


def test_the_panel_shows_the_fragment_of_the_page(desk_of, world, artifacts) -> None:
    """Panel and static page show the same; with one attempt there is nothing to choose."""
    world.seal(world.run, "evaluate", 2, artifacts=artifacts)
    desk = desk_of("olga", panel="Comparison")
    panel = desk._made["Comparison"]
    assert str(fragment("comparison", **comparison_facts(desk.contents))) in panel.shown.value
    assert desk.said.value == ""


def test_an_older_attempt_can_be_chosen_and_the_newest_comes_first(desk_of, world, artifacts) -> None:
    """The choice has a label; the chosen attempt says that it counts no more; a new attempt is shown at once."""
    world.seal(world.run, "evaluate", 2, artifacts=artifacts)
    desk = desk_of("olga", panel="Comparison")
    panel = desk._made["Comparison"]
    assert panel.attempt.description == "Attempt of evaluate"
    assert panel.attempt.layout.display is None
    assert [number for _, number in panel.attempt.options] == [2, 1]
    assert "By the rule" in panel.shown.value
    panel.attempt.value = 1
    assert "This is attempt 1 of 2. Only the newest attempt counts." in panel.shown.value
    desk.refresh()
    assert panel.attempt.value == 1
    world.seal(world.run, "evaluate", 3, artifacts=artifacts)
    desk.follow()
    assert panel.attempt.value == 3
    assert "Attempt 3 of 3." in panel.shown.value


def test_a_single_attempt_offers_no_choice(desk_of) -> None:
    """The field is hidden, and a run without a comparison says so."""
    panel = _panel(desk_of("olga", panel="Comparison"))
    assert panel.attempt.layout.display == "none"
    assert "This attempt kept no comparison." in panel.shown.value


def test_another_run_is_shown_with_its_own_attempts(desk_of, world, artifacts) -> None:
    """What was chosen in one run says nothing about another."""
    world.seal(world.run, "evaluate", 2, artifacts=artifacts)
    desk = desk_of("olga", panel="Comparison")
    _panel(desk).attempt.value = 1
    other = world.start()
    desk.refresh()
    desk.look_at(other)
    assert "have not been compared yet" in _panel(desk).shown.value
    assert _panel(desk).attempt.options == ()
    desk.look_at(world.run)
    assert _panel(desk).attempt.value == 2


def test_altered_evidence_is_told_and_not_shown(desk_of, world, artifacts) -> None:
    """Bytes in the store that are not what was kept: the desk says so in place of numbers."""
    world.seal(world.run, "evaluate", 2, artifacts=artifacts)
    desk = desk_of("olga")
    digest = desk.contents.digest("evaluate", "decision.json")
    path = next((world.workspace.runs / "store").rglob(digest[2:]))
    path.chmod(0o600)
    path.write_bytes(b"{}")
    desk.open("Comparison")
    assert "restore it from a backup or an audit pack" in desk.said.value
    assert "By the rule" not in _panel(desk).shown.value
    _panel(desk).attempt.value = 1
    _panel(desk).attempt.value = 2
    assert "restore it" in desk.said.value
    assert _panel(desk).shown.value == ""


def _panel(desk: Any) -> Any:
    return desk._made["Comparison"]
