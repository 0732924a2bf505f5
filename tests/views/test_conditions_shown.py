"""Conditions of approvals as people see them: in words and shapes, overdue ones first of all, hostile text as text."""

from __future__ import annotations

import io
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from sopkit.archive.conditions import Condition
from sopkit.archive.runs import run_state
from sopkit.archive.settling import settle
from sopkit.views import inbox_facts, terminal, wording
from sopkit.views.conditions import conditions_table, sentence
from sopkit.views.fragments import fragment
from sopkit.views.links import lab_link
from sopkit.views.standing import as_signed, facts_of, pinned_sop

sys.path.insert(0, str(Path(__file__).parents[1] / "archive"))
from simulator import Simulator

HOSTILE = "</script><script>alert(1)</script> <img src=x onerror=alert(1)> [x](javascript:alert(1)) \x1b[2J"
LATER = timedelta(days=20)


@pytest.fixture
def world(tmp_path: Path) -> Simulator:
    """A run whose data gate was approved on a hostile condition, and which waits at its second gate, signed by all."""
    world = Simulator(tmp_path / "w")
    run = world.start()
    world.seal(run, "collect")
    world.sign(run, "collect", "dora", "approve", conditions=[Condition(HOSTILE, "high", "dora", date(2026, 12, 1))])
    world.seal(run, "evaluate")
    need = {"stage": "evaluate", "kind": "sign_off", "roles": ["model-owner", "reviewer"], "until": None}
    world.append("run.waiting", run=run, body={"for": [need], "why": "gate 'promotion' of stage 'evaluate' is closed"})
    for person in ("olga", "rita"):
        world.sign(run, "evaluate", person, "approve")
    return world


def run_of(world: Simulator) -> str:
    return next(str(entry.run) for entry in world.entries if entry.run)


def facts(world: Simulator, at: datetime) -> dict[str, Any]:
    return facts_of(world.workspace, run_state(world.entries, run_of(world)), at=at)


def written(view: RenderableType) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(view)
    return console.export_text()


def test_an_open_condition_stands_in_the_facts_of_the_run(world: Simulator) -> None:
    """With its fields and its state; while it is not overdue, the run can be resumed."""
    told = facts(world, world.now)
    (condition,) = told["conditions"]
    assert (condition["state"], condition["overdue"], condition["owner"]) == ("open", False, "dora")
    assert (condition["due"], condition["severity"], condition["by"]) == ("2026-12-01", "high", "dora")
    assert (told["waiting_for"], wording.condition(condition)) == ([], "○ open")
    assert terminal.next_commands(told) == [f"sop resume {told['run']}"]


def test_an_overdue_condition_keeps_the_run_waiting_and_says_why(world: Simulator) -> None:
    """Nobody's sign-off is missing: the gate is closed, with the reason, and the command that would help."""
    told = facts(world, world.now + LATER)
    (condition,) = told["conditions"]
    (need,) = told["waiting_for"]
    assert (need["kind"], need["roles"], wording.condition(condition)) == ("gate", [], "✗ overdue")
    assert f"condition {condition['id']} of run {told['run']} was due 2026-12-01" in need["why"]
    assert told["why"] == need["why"]
    assert f"sop settle {condition['id']} --comment TEXT" in terminal.next_commands(told)
    shown = written(terminal.run_view(told))
    assert "\x1b[2J" not in shown
    assert "✗ overdue" in shown
    assert "although nobody's sign-off is missing" in shown
    row = fragment("run", run=told, link=lab_link)
    assert "The gate of stage evaluate is closed:" in row


def test_the_inbox_says_that_a_gate_is_closed(world: Simulator) -> None:
    """It is urgent, and asks nobody for a signature that is there."""
    run = run_state(world.entries, run_of(world))
    state = as_signed(world.workspace, run, at=world.now + LATER)
    sop = pinned_sop(world.workspace, state)
    told = inbox_facts._waiting(state, sop, world.now + LATER, "olga", frozenset({"model-owner"}))
    assert (told["level"], told["mine"], told["roles"]) == ("overdue", False, [])
    assert "is closed: condition" in told["needs"][0]["sentence"]


def test_a_settled_condition_tells_how(world: Simulator) -> None:
    """Who settled it, in which role and with which words; and the run goes on."""
    id = facts(world, world.now)["conditions"][0]["id"]
    settle(world.workspace, id, private_key=world.keys["dora"], at=world.tick(days=20), comment=HOSTILE)
    told = facts(world, world.now)
    assert (told["waiting_for"], told["conditions"][0]["settled"]["person"]) == ([], "dora")
    assert "● settled" in fragment("conditions", run=told)


def test_hostile_words_stay_words(world: Simulator) -> None:
    """No markup on the page, and nothing that moves a cursor in the terminal."""
    told = facts(world, world.now + LATER)
    for page in (
        fragment("conditions", run=told),
        fragment("run", run=told, link=lab_link),
        fragment("sign_offs", run=told),
    ):
        assert "<script" not in page
        assert "<img" not in page
        assert "&lt;script&gt;" in page
    assert "\x1b" not in sentence(told["conditions"][0])
    assert "\x1b[2J" not in written(conditions_table(told["conditions"]))
