"""The way back, as facts for whoever approves: is there a champion, is it whole, was going back rehearsed."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from sopkit.archive.records import sop_of
from sopkit.archive.rollback import guards_a_move, readiness
from sopkit.archive.runs import run_state
from sopkit.errors import NotFound

sys.path.insert(0, str(Path(__file__).parent))
from simulator import SOP, Simulator

FALLBACK = "fallback: >-\n  People decide\n  by hand.\nroles:\n"


@pytest.fixture
def world(tmp_path: Path) -> Simulator:
    return Simulator(tmp_path / "w", sop=SOP.replace("roles:\n", FALLBACK, 1))


def promoted(world: Simulator, run: str, version: int, *, golden: bool = True) -> str:
    """A champion put into service by a run; its digest."""
    digest = world.workspace.store.put(f"model {version}".encode())
    card = {"golden": {"name": "g", "sha256": world.workspace.store.put(f"golden {version}".encode())}}
    arguments = {"model": "flights", "alias": "champion", "digest": digest, "card": card if golden else {}}
    body = {"index": 0, "effect": "move_alias", "arguments": arguments, "answer": {"version": version}}
    world.append("effect.done", run=run, stage="deploy", attempt=1, body=body)
    return digest


def facts(world: Simulator, run: str) -> dict[str, Any]:
    return readiness(world.workspace, world.entries, run)


def rehearsal(verdict: str, reason: str) -> dict[str, Any]:
    return {"rollback_ready": {"name": "rollback_ready", "verdict": verdict, "reason": reason}}


def test_a_first_champion_has_none_to_go_back_to(world: Simulator) -> None:
    """It is said, with the SOP's fallback, and not called ready; also after it was put into service."""
    run = world.start()
    told = facts(world, run)
    assert (told["ready"], told["word"], told["champion"]) == (False, "none", None)
    assert told["sentence"].endswith("there is none to go back to. The fallback is: People decide by hand.")
    promoted(world, run, 1)
    assert facts(world, run)["word"] == "none"


def test_the_champion_in_service_is_gone_back_to(world: Simulator) -> None:
    """Its files are whole; it was not rehearsed yet. Seen from its own run, and from the next, it is another one."""
    first, second, third = world.start(), world.start(), world.start()
    one, two = promoted(world, first, 1), promoted(world, second, 2)
    told = facts(world, third)
    assert (told["ready"], told["champion"]["digest"], told["champion"]["version"]) == (True, two, 2)
    assert "has not been rehearsed yet" in told["sentence"]
    assert facts(world, second)["champion"]["digest"] == one
    promoted(world, second, 1)
    assert facts(world, second)["champion"]["digest"] == one


@pytest.mark.parametrize("lost", ["model 1", "golden 1"])
def test_what_is_spoilt_or_missing_is_named(world: Simulator, lost: str) -> None:
    """A model file or golden predictions that the store has not as they were kept: not ready."""
    promoted(world, world.start(), 1)
    path = world.workspace.store.path(world.workspace.store.put(lost.encode()))
    path.chmod(0o644)
    path.write_bytes(b"spoilt")
    told = facts(world, world.start())
    assert (told["ready"], told["word"]) == (False, "not ready")
    assert "a stored file is not what was stored" in told["sentence"]
    path.unlink()
    assert "a stored file is missing" in facts(world, world.start())["sentence"]


def test_a_champion_without_golden_predictions_is_not_ready(world: Simulator) -> None:
    """Where nothing was kept, nothing is ready."""
    promoted(world, world.start(), 1, golden=False)
    assert "its golden predictions: none were kept" in facts(world, world.start())["sentence"]


@pytest.mark.parametrize(("verdict", "ready"), [("pass", True), ("fail", False), ("insufficient", False)])
def test_the_last_rehearsal_counts(world: Simulator, verdict: str, ready: bool) -> None:
    """Of exactly this champion, with its verdict and its reason; a rehearsal of another model says nothing."""
    digest = promoted(world, world.start(), 1)
    run = world.start()
    world.seal(run, "deploy", uses={"champion": "0" * 64}, results=rehearsal("fail", "another model"))
    assert facts(world, run)["rehearsed"] is None
    world.seal(run, "deploy", 2, uses={"champion": digest}, results=rehearsal("pass", "long ago"))
    world.seal(run, "deploy", 3, uses={"champion": digest}, results=rehearsal(verdict, "as recorded"))
    told = facts(world, run)
    assert (told["ready"], told["rehearsed"]["verdict"], told["rehearsed"]["run"]) == (ready, verdict, run)
    assert "(as recorded)" in told["sentence"]


def test_the_last_gate_before_a_move(world: Simulator) -> None:
    """Of two gates only the second guards the move; a run that does not exist is told so."""
    run = world.start()
    sop = sop_of(world.workspace, run_state(world.entries, run))
    assert [guards_a_move(sop, stage) for stage in ("collect", "evaluate")] == [False, True]
    still = sop.model_copy(update={"outcomes": {}})
    assert not guards_a_move(still, "evaluate")
    with pytest.raises(NotFound):
        facts(world, "20130701T000000Z-flights-ffff")
