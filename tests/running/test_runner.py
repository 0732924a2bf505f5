"""The sample procedure of `conftest`, executed by the real runner, papermill and kernels."""

import json
import os
import shutil
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive.aliases import alias_holder
from sopkit.archive.keys import public_line
from sopkit.archive.runs import run_states
from sopkit.archive.sign_offs import sign
from sopkit.archive.verification import verify
from sopkit.errors import Busy, DataError, DefinitionError, NotFound, ParameterError, SignOffRefused, WrongUse
from sopkit.running.runner import Runner

AS_OF = datetime(2020, 2, 1, tzinfo=UTC)


def start(workspace, **how):
    how = {"model": "tiny", "as_of": AS_OF, "demo": True, **how}
    return Runner(workspace, by="eng").start("sample", **how)


def change(workspace, name, cell, source):
    """Replace the source of one cell of a source notebook."""
    path = workspace.notebooks / "sample" / f"{name}.ipynb"
    notebook = json.loads(path.read_text())
    next(known for known in notebook["cells"] if known["id"] == cell)["source"] = source
    path.write_text(json.dumps(notebook))


def everything(workspace):
    return {
        str(path.relative_to(workspace.root)): path.read_bytes()
        for path in workspace.root.rglob("*")
        if path.is_file() and ".sop" not in path.parts
    }


def test_a_run_goes_as_far_as_gates_and_clock_let_it_and_on_when_the_clock_allows(workspace):
    """Signed by demo reviewers, the sample moves its model, waits for its soak, and is done after it; it verifies."""
    state = start(workspace)
    assert ("waiting", "moved") == (state.state, state.outcome)
    assert ["clock"] == [need["kind"] for need in state.waiting_for]
    assert state.stage("move").current.artifacts[0]["sha256"] == alias_holder(workspace.log.entries(), "tiny").digest
    state = Runner(workspace, by="eng").resume(state.id, as_of=AS_OF + timedelta(days=7))
    assert ("done", "moved") == (state.state, state.outcome)
    found = verify(workspace)
    assert found.ok, found.problems
    assert 1 == found.demo


def test_without_reviewers_a_run_waits_at_its_gate(workspace):
    """Nobody has signed: the run waits for the role, and nothing was moved."""
    state = start(workspace, demo=False)
    assert [{"stage": "judge", "kind": "sign_off", "roles": ["validator"], "until": None}] == list(state.waiting_for)
    assert alias_holder(workspace.log.entries(), "tiny") is None


def test_a_result_that_must_pass_blocks(workspace):
    """Fewer rows than required: the run is stopped, outcome blocked, and the stage after it never starts."""
    state = start(workspace, parameters={"least": 100})
    assert ("stopped", "blocked") == (state.state, state.outcome)
    assert "judge" not in state.stages


def test_a_cell_that_raises_fails_the_attempt_and_the_mended_cause_is_taken_up(workspace):
    """The failed notebook is kept; a resume makes a second attempt, and the first one stays as it was."""
    os.rename(workspace.root / "data.csv", workspace.root / "gone.csv")
    (workspace.root / "data.csv").write_text("at,x,y\nsome day,1,1\n")
    failed = start(workspace)
    assert "failed" == failed.state
    assert "DataError" in failed.why
    assert (workspace.run_folder("sample", failed.id) / "01_look.ipynb").exists()
    os.replace(workspace.root / "gone.csv", workspace.root / "data.csv")
    state = Runner(workspace, by="eng").resume(failed.id)
    assert ["failed", "sealed"] == [attempt.status for attempt in state.stage("look").attempts]
    assert (workspace.run_folder("sample", failed.id) / "01_look.2.ipynb").exists()
    assert verify(workspace).ok


BAD = {
    "no such SOP": (lambda w: None, {"sop": "nothing"}, NotFound),
    "no such model": (lambda w: None, {"model": "nothing"}, NotFound),
    "a name that is a path": (lambda w: None, {"model": "../tiny"}, WrongUse),
    "unknown parameter": (lambda w: None, {"parameters": {"lest": 3}}, ParameterError),
    "wrong type": (lambda w: None, {"parameters": {"least": "3"}}, ParameterError),
    "unknown stage": (lambda w: None, {"until": "nothing"}, NotFound),
    "future clock": (lambda w: None, {"as_of": datetime(2999, 1, 1, tzinfo=UTC)}, WrongUse),
    "malformed YAML": (lambda w: (w.templates / "models/tiny.yaml").write_text("model: [tiny"), {}, DefinitionError),
    "missing notebook": (lambda w: (w.notebooks / "sample/03_move.ipynb").unlink(), {}, NotFound),
    "broken notebook": (lambda w: (w.notebooks / "sample/03_move.ipynb").write_text("{}"), {}, DefinitionError),
    "missing data file": (lambda w: (w.root / "data.csv").unlink(), {}, DataError),
}


@pytest.mark.parametrize("case", BAD)
def test_what_can_be_checked_beforehand_is_refused_and_leaves_the_workspace_as_it_was(workspace, case):
    """Wrong use and malformed definitions raise an error of their class before a single byte is written."""
    spoil, how, error = BAD[case]
    spoil(workspace)
    before = everything(workspace)
    with pytest.raises(error):
        Runner(workspace, by="eng").start(**{"sop": "sample", "model": "tiny", "as_of": AS_OF, "demo": True, **how})
    assert before == everything(workspace)


def test_one_run_of_a_model_is_active_at_a_time_and_a_soaking_one_does_not_block(workspace):
    """A run that waits for a sign-off blocks the next one of its model; one that only waits for the clock does not."""
    waiting = start(workspace, demo=False)
    with pytest.raises(Busy, match=waiting.id):
        start(workspace)
    Runner(workspace, by="eng").abandon(waiting.id, "a test")
    assert "waiting" == start(workspace).state
    assert "waiting" == start(workspace).state


def test_a_run_uses_its_pins_and_names_what_differs(workspace):
    """A definition that changed after the start changes nothing in the run, and the resume says that it differs."""
    waiting = start(workspace, demo=False, until="look")
    change(workspace, "02_judge", "cell-1", "raise SystemExit('not the pinned notebook')")
    told = []
    state = Runner(workspace, by="eng", on_event=told.append).resume(waiting.id)
    assert "sealed" == state.stage("judge").current.status
    assert any("02_judge.ipynb" in event.get("text", "") for event in told)


def test_the_clock_of_a_run_does_not_run_backwards(workspace):
    """A resume with an earlier clock is refused."""
    state = start(workspace)
    with pytest.raises(WrongUse, match="backwards"):
        Runner(workspace, by="eng").resume(state.id, as_of=AS_OF - timedelta(days=1))


def test_a_live_workspace_refuses_a_clock_of_its_own_and_demo_reviewers(workspace):
    """The first run decides that the workspace is live; from then on simulations are refused, with the way out."""
    start(workspace, as_of=None, demo=False)
    for how in ({"as_of": AS_OF, "demo": False}, {"as_of": None, "demo": True}):
        with pytest.raises(WrongUse, match="sop new"):
            start(workspace, **how)
    assert 1 == len(run_states(workspace.log.entries()))


def test_deleting_what_may_be_deleted_loses_nothing(workspace):
    """Without `.sop` (but its keys) and without the run folder's views, a resume goes on and everything is back."""
    state = start(workspace)
    for path in workspace.sop.iterdir():
        if path.name != "keys":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    (workspace.run_folder("sample", state.id) / "02_judge.ipynb").unlink()
    state = Runner(workspace, by="eng").resume(state.id, as_of=AS_OF + timedelta(days=8))
    assert "done" == state.state
    assert verify(workspace).ok


def test_a_returned_attempt_is_made_again_and_a_reject_stops_the_run(workspace):
    """A reviewer returns: the next resume makes a second attempt. Then they reject: the run stops, nothing moved."""

    key = Ed25519PrivateKey.generate()
    public = public_line(key.public_key(), "ada")
    (workspace.templates / "people.yaml").write_text(
        f"version: 1\npeople:\n  - id: ada\n    name: Ada Example\n    keys: [{{public: {public}}}]\n"
        "    roles: [{role: validator}, {role: people-admin}]\n"
    )
    waiting = start(workspace, demo=False)
    now = datetime.now(UTC)
    sign(workspace, waiting.id, "judge", decision="return", comment="look again", private_key=key, at=now)
    state = Runner(workspace, by="eng").resume(waiting.id)
    assert ["returned", "sealed"] == [attempt.status for attempt in state.stage("judge").attempts]
    assert ("attempt 1 was returned by ada",) == tuple(state.stage("judge").current.because)
    assert "waiting" == state.state
    now = datetime.now(UTC)
    sign(workspace, waiting.id, "judge", decision="reject", comment="not good enough", private_key=key, at=now)
    state = Runner(workspace, by="eng").resume(waiting.id)
    assert ("stopped", "rejected") == (state.state, state.outcome)
    assert "move" not in state.stages
    assert verify(workspace).ok


def test_the_signature_of_a_person_opens_the_gate_and_the_one_who_executes_cannot_sign(workspace):
    """An approval by a key of the people file lets the run go on; the executor's own would not count and is refused."""

    keys = {name: Ed25519PrivateKey.generate() for name in ("ada", "eng")}
    lines = ["version: 1", "people:"]
    for name, key in keys.items():
        lines += [f"  - id: {name}", f"    name: {name.title()}"]
        lines += [f"    keys: [{{public: {public_line(key.public_key(), name)}}}]"]
        lines += ["    roles: [{role: validator}, {role: people-admin}]"]
    (workspace.templates / "people.yaml").write_text("\n".join(lines) + "\n")
    waiting = start(workspace, demo=False)
    with pytest.raises(SignOffRefused):
        sign(workspace, waiting.id, "judge", decision="approve", private_key=keys["eng"], at=datetime.now(UTC))
    sign(workspace, waiting.id, "judge", decision="approve", private_key=keys["ada"], at=datetime.now(UTC))
    assert "moved" == Runner(workspace, by="eng").resume(waiting.id).outcome
