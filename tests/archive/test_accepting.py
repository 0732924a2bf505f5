"""Accepting an envelope that was made elsewhere: everything in it is judged here, and it is taken once."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sopkit.archive import envelopes, sign_offs
from sopkit.archive.canonical import canonical_json
from sopkit.archive.entries import Entry
from sopkit.archive.notebooks import parse_notebook
from sopkit.archive.statements import SignOff
from sopkit.errors import NotFound, SignOffRefused, SopkitError, Untrusted, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from simulator import SOP, Simulator

CHECKLIST = """
checklist:
  - {id: auc-ok, question: "Is the AUC good enough?", gate: promotion, answered_by: evaluate.auc}
  - {id: told, question: "Were the users told?", gate: promotion, role: model-owner}
"""
Envelope = dict[str, Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulator, str]:
    """A world with a run whose gated stages are sealed, nothing signed, and a checklist; made once."""
    world = Simulator(tmp_path_factory.mktemp("made") / "w", sop=SOP.replace("roles:\n", f"{CHECKLIST}\nroles:\n", 1))
    run = world.start()
    world.seal(run, "collect")
    world.seal(run, "evaluate")
    return world, run


@pytest.fixture
def run(made: tuple[Simulator, str]) -> str:
    return made[1]


@pytest.fixture
def world(made: tuple[Simulator, str], tmp_path: Path) -> Simulator:
    return made[0].copy(tmp_path / "w")


@pytest.fixture
def elsewhere(world: Simulator, tmp_path: Path) -> Simulator:
    """A copy of the workspace on another machine, as it was when it was taken along."""
    return world.copy(tmp_path / "elsewhere")


def prepared(world: Simulator, run: str, person: str, decision: str = "approve", **options: Any) -> Envelope:
    return sign_offs.prepare(
        world.workspace,
        run,
        options.pop("stage", "evaluate"),
        decision=decision,
        private_key=world.keys[person],
        at=world.tick(),
        **options,
    )


def accepted(world: Simulator, envelope: Envelope) -> Entry:
    return sign_offs.accept(world.workspace, envelope, at=world.tick())


def refused(world: Simulator, envelope: Any, match: str, error: type[SopkitError] = SignOffRefused) -> None:
    """Accepting raises, and the log is as long as before."""
    before = world.workspace.log.size
    with pytest.raises(error, match=match):
        accepted(world, envelope)
    assert world.workspace.log.size == before


def edited(world: Simulator, envelope: Envelope, person: str, edit: Callable[[dict[str, Any]], object]) -> Envelope:
    """The statement changed and signed again by somebody whose key counts."""
    statement = json.loads(base64.b64decode(envelope["payload"]))
    edit(statement)
    return envelopes.sign(envelopes.PAYLOAD_TYPE, canonical_json(statement), world.keys[person])


def test_what_was_signed_on_a_copy_counts_here(world: Simulator, elsewhere: Simulator, run: str) -> None:
    """An envelope made elsewhere is logged after what was signed here meanwhile, shown, and opens the gate."""
    envelope = json.loads(json.dumps(prepared(elsewhere, run, "olga", comment="read on the train")))
    assert elsewhere.workspace.log.size == world.workspace.log.size
    world.sign(run, "evaluate", "rita", "approve")
    entry = accepted(world, envelope)
    assert (entry.by, entry.body["role"], entry.body["comment"]) == ("olga", "model-owner", "read on the train")
    assert world.gate(run, "evaluate")
    shown = parse_notebook((world.workspace.run_folder("repair", run) / "02_evaluate.ipynb").read_bytes(), "x")
    assert shown["cells"][-1]["metadata"]["sopkit"]["envelope"] == envelope
    assert world.verify().ok


def test_signing_is_preparing_and_accepting(world: Simulator, run: str) -> None:
    """The entry of `sign` is the one that `accept` makes of the envelope alone."""
    before = world.copy(world.workspace.root.with_name("before"))
    entry = world.sign(run, "evaluate", "olga", "approve", answers={"told": "not-applicable"}, comment="no users")
    again = accepted(before, entry.body["envelope"])
    assert (again.body, again.by, again.seq, again.attempt) == (entry.body, entry.by, entry.seq, entry.attempt)
    assert entry.body["checklist"]["told"]["answer"] == "not-applicable"


def test_an_envelope_is_accepted_once(world: Simulator, elsewhere: Simulator, run: str) -> None:
    """The same envelope is refused the second time, also after its approval was withdrawn."""
    envelope = prepared(elsewhere, run, "olga")
    accepted(world, envelope)
    refused(world, envelope, "in the log already")
    world.sign(run, "evaluate", "olga", "withdraw", comment="not yet")
    refused(world, envelope, "in the log already")
    assert world.gate(run, "evaluate").missing == {"model-owner": 1, "reviewer": 1}


def test_an_older_approval_does_not_come_after_a_later_word(world: Simulator, elsewhere: Simulator, run: str) -> None:
    """Who rejected here and withdrew that has an opinion younger than the envelope, which is refused."""
    envelope = prepared(elsewhere, run, "olga")
    world.sign(run, "evaluate", "olga", "reject", comment="no")
    refused(world, envelope, "has said reject")
    world.sign(run, "evaluate", "olga", "withdraw", comment="on second thoughts")
    refused(world, envelope, "since this was signed")


def test_a_changed_envelope_is_refused(world: Simulator, elsewhere: Simulator, run: str) -> None:
    """Another payload under the same signature, a stranger's key, a field more or no envelope at all."""
    envelope = prepared(elsewhere, run, "olga", "reject", comment="no")
    statement = json.loads(base64.b64decode(envelope["payload"]))
    statement["predicate"]["decision"] = "approve"
    payload = base64.b64encode(canonical_json(statement)).decode()
    refused(world, {**envelope, "payload": payload}, "does not fit", Untrusted)
    world.person("eve", "model-owner")  # not in the people file in force
    refused(world, edited(world, envelope, "eve", lambda told: None), "nobody in force", Untrusted)
    refused(world, {**envelope, "decision": "approve"}, "not an envelope", Untrusted)
    refused(world, {}, "not an envelope", Untrusted)


def test_a_body_beside_the_envelope_is_not_taken(world: Simulator, elsewhere: Simulator, run: str) -> None:
    """Person, role, decision and demo of the log entry follow from the statement and the key alone."""
    entry = accepted(world, prepared(elsewhere, run, "olga"))
    said = sign_offs.read_sign_offs(world.workspace, world.entries, run)[0][-1]
    assert isinstance(said, SignOff)
    assert (said.person, said.role, said.decision) == (entry.by, entry.body["role"], entry.body["decision"])


WRONG: list[tuple[str, Callable[[dict[str, Any]], object], str]] = [
    ("meaning", lambda told: told["predicate"].update(meaning="I have seen nothing."), "differs in: meaning"),
    ("checklist", lambda told: told["predicate"]["checklist"]["auc-ok"].update(answer="no"), "checklist"),
    ("question", lambda told: told["predicate"]["checklist"]["told"].update(question="Is it Monday?"), "checklist"),
    ("no answer", lambda told: told["predicate"]["checklist"].clear(), "answers nothing to 'told'"),
    ("a field more", lambda told: told["predicate"].update(extra=1), "differs in: extra"),
    ("withdraws", lambda told: told["predicate"].update(withdraws=3), "differs in: withdraws"),
    ("attempt", lambda told: told["predicate"].update(attempt=2), "signed for attempt 2"),
    ("gate", lambda told: told["predicate"].update(gate="data"), "has no gate 'data'"),
    ("role", lambda told: told["predicate"].update(role="reviewer"), "did not hold the role"),
    ("SOP", lambda told: told["predicate"]["sop"].update(digest="0" * 64), "signed for SOP"),
    ("version", lambda told: told["predicate"]["sop"].update(version="9.9.9"), "differs in: sop"),
    ("digest", lambda told: told["subject"][0]["digest"].update(sha256="0" * 64), "not what is there now"),
    ("no comment", lambda told: told["predicate"].update(decision="reject", checklist={}), "needs a comment"),
]


@pytest.mark.parametrize(("edit", "match"), [(edit, match) for _, edit, match in WRONG], ids=[n for n, _, _ in WRONG])
def test_a_signed_statement_of_other_words_is_refused(
    world: Simulator, elsewhere: Simulator, run: str, edit: Any, match: str
) -> None:
    """A valid signature of the right person over a statement that our signing code would not have made."""
    refused(world, edited(world, prepared(elsewhere, run, "olga"), "olga", edit), match)


NO_FORM: list[Callable[[dict[str, Any]], object]] = [
    lambda told: told.update(predicate=[]),
    lambda told: told["predicate"].pop("comment"),
    lambda told: told["predicate"].update(run=7),
    lambda told: told["predicate"].update(log={"size": True, "root": ""}),
    lambda told: told["predicate"].update(log={"size": 10**9, "root": ""}),
    lambda told: told["predicate"].update(at="yesterday"),
    lambda told: told["predicate"].update(name="Rita"),
    lambda told: told["predicate"].update(checklist={"auc-ok": "yes"}),
    lambda told: told.update(predicateType="urn:sopkit:waiver:v1"),
    lambda told: told.update(subject=[[]]),
]


@pytest.mark.parametrize("edit", NO_FORM)
def test_what_has_not_the_form_of_a_sign_off_is_refused(
    world: Simulator, elsewhere: Simulator, run: str, edit: Any
) -> None:
    """Other types, missing fields, another predicate: an error of ours, and no traceback."""
    refused(world, edited(world, prepared(elsewhere, run, "olga"), "olga", edit), ".", Untrusted)


def test_a_path_for_a_run_id_leads_nowhere(world: Simulator, elsewhere: Simulator, run: str) -> None:
    """A run id that is a path or not there is refused before anything is looked for."""
    envelope = prepared(elsewhere, run, "olga")
    for other, error in (("../../etc", WrongUse), ("20130701T000000Z-flights-ffff", NotFound)):

        def edit(told: dict[str, Any], run: str = other) -> None:
            told["predicate"]["run"] = run

        refused(world, edited(world, envelope, "olga", edit), "run", error)


def test_another_workspace_is_not_this_one(world: Simulator, run: str, tmp_path: Path) -> None:
    """What was signed on a log that went another way is refused, with the way out."""
    elsewhere = world.copy(tmp_path / "elsewhere")
    elsewhere.wait(run)
    refused(world, prepared(elsewhere, run, "olga"), "not signed in this workspace", Untrusted)
    world.append("run.resumed", run=run, by="mia", body={})
    refused(world, prepared(elsewhere, run, "olga"), "sign again, on a new copy", Untrusted)


def test_what_changed_since_the_copy_was_taken_counts(world: Simulator, elsewhere: Simulator, run: str) -> None:
    """A new attempt, a return, a lost role and a run that is over make the envelope refused."""
    envelope = prepared(elsewhere, run, "olga")
    other = world.copy(world.workspace.root.with_name("returned"))
    other.sign(run, "evaluate", "rita", "return", comment="the wrong month")
    refused(other, envelope, "rita has returned this attempt")
    other.seal(run, "evaluate", 2, auc=0.8)
    refused(other, envelope, "signed for attempt 1, not 2")
    other.append("run.abandoned", run=run, body={"reason": "x"})
    refused(other, envelope, "is over")
    world.named("olga")["roles"] = []
    world.change_people()
    refused(world, envelope, "did not hold the role")


def test_a_reject_of_somebody_else_is_heard_with_it(world: Simulator, elsewhere: Simulator, run: str) -> None:
    """An approval that comes after another's reject is recorded, and the gate stays closed by the reject."""
    envelope = prepared(elsewhere, run, "olga")
    world.sign(run, "evaluate", "rita", "reject", comment="no")
    accepted(world, envelope)
    result = world.gate(run, "evaluate")
    assert (result.open, result.rejected_by, result.have["model-owner"]) == (False, ("rita",), ("olga",))
