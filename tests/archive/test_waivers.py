"""Waivers: who may accept what for how long, what is in force, and what an intruder could write into the log."""

from __future__ import annotations

import base64
import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive import envelopes
from sopkit.archive.canonical import canonical_json
from sopkit.archive.entries import Entry
from sopkit.archive.keys import fingerprint
from sopkit.archive.runs import run_state
from sopkit.archive.waivers import DEFAULT, LONGEST, Waiver, standing
from sopkit.archive.waiving import waive
from sopkit.errors import NotFound, SignOffRefused, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from simulator import SOP, Simulator, digest_of

LEAK, EMPTY = "leak:duration", "no_values:age"
FOUND = [
    {"id": LEAK, "sentence": "duration knows the answer", "severity": "block", "waivable": True},
    {"id": EMPTY, "sentence": "age is empty", "severity": "block", "waivable": False},
]
SOP_WITH_TWO = SOP.replace("roles: {data-steward: 1}", "roles: {data-steward: 1, reviewer: 1}")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulator, str]:
    """A world with a run by mia that two findings have stopped, and a second data steward; made once."""
    world = Simulator(tmp_path_factory.mktemp("made") / "w", sop=SOP_WITH_TWO)
    world.person("dan", "data-steward")
    world.change_people()
    return world, blocked(world, "mia")


@pytest.fixture
def world(made: tuple[Simulator, str], tmp_path: Path) -> Simulator:
    return made[0].copy(tmp_path / "w")


@pytest.fixture
def run(made: tuple[Simulator, str]) -> str:
    return made[1]


def blocked(world: Simulator, by: str | None) -> str:
    run = world.start(by)
    world.seal(run, "collect", results={"bad": {"name": "bad", "verdict": "fail", "detail": {"findings": FOUND}}})
    world.append("run.finished", run=run, body={"state": "stopped", "why": "bad"})
    return run


def sign(world: Simulator, run: str, person: str, finding: str = LEAK, **options: Any) -> Entry:
    options = {"reason": "known before the call", "at": world.tick(), **options}
    return waive(world.workspace, run, finding, private_key=world.keys[person], **options)


def force(world: Simulator, **only: Any) -> list[Waiver]:
    return standing(world.workspace, world.entries, at=world.now, **only)


def counting(world: Simulator, run: str) -> list[str]:
    return [each.finding for each in force(world, run=run_state(world.entries, run))]


def told(entry: Entry) -> dict[str, Any]:
    statement: dict[str, Any] = json.loads(base64.b64decode(entry.body["envelope"]["payload"]))
    return statement


def test_a_waiver_says_what_is_accepted_where_by_whom_and_until_when(world: Simulator, run: str) -> None:
    """A statement of its own type about run notebook and artifacts, with finding, reason, time and log position."""
    before = world.workspace.log.position()
    entry = sign(world, run, "dora")
    statement = told(entry)
    sealed = next(each for each in world.entries if each.kind == "stage.sealed")
    assert statement["predicateType"] == "urn:sopkit:waiver:v1"
    assert {item["name"]: item["digest"] for item in statement["subject"]} == {
        "01_collect.ipynb": {"sopkit-content-v1": sealed.body["content"]},
        "artifacts/collect/report.json": {"sha256": digest_of("report.json", sealed)},
        "artifacts/collect/model.skops": {"sha256": digest_of("model.skops", sealed)},
    }
    predicate = statement["predicate"]
    expected = {
        "run": run,
        "model": "flights",
        "stage": "collect",
        "finding": LEAK,
        "sentence": "duration knows the answer",
        "reason": "known before the call",
        "name": "Dora",
        "role": "data-steward",
        "log": before,
    }
    assert {name: predicate[name] for name in expected} == expected
    assert (entry.kind, entry.run, entry.stage, entry.by) == ("waiver.signed", run, "collect", "dora")
    (waiver,) = force(world, model="flights")
    assert waiver.until == entry.at + DEFAULT
    assert waiver.words.startswith("Dora (data-steward) accepts this until 2026-12-20: known before")
    assert world.verify().ok


def test_the_run_that_was_stopped_stays_stopped(world: Simulator, run: str) -> None:
    """A waiver changes nothing about the run in which it was found."""
    before = run_state(world.entries, run)
    sign(world, run, "dora")
    assert run_state(world.entries, run) == before


def test_what_would_not_count_is_refused_before_it_is_signed(world: Simulator, run: str) -> None:
    """Executor, authors, strangers, other roles, unknown or unusable findings, too long: nothing is logged."""
    world.keys["eve"] = Ed25519PrivateKey.generate()
    before = len(world.entries)
    for person, options, match, error in (
        ("mia", {}, "mia executed this run", SignOffRefused),
        ("sam", {}, "sam is an author", SignOffRefused),
        ("mona", {}, "mona is an author", SignOffRefused),
        ("eve", {}, "nobody's in the people file", SignOffRefused),
        ("olga", {}, "olga did not hold the role 'data-steward'", SignOffRefused),
        ("dora", {"role": "reviewer"}, "dora did not hold the role 'reviewer'", SignOffRefused),
        ("dora", {"role": "model-owner"}, "not asked for at gate 'data'", SignOffRefused),
        ("dora", {"finding": EMPTY}, f"'{EMPTY}' cannot be waived", SignOffRefused),
        ("dora", {"finding": "leak:other"}, "no finding 'leak:other'", NotFound),
        ("dora", {"reason": "  "}, "needs a reason", SignOffRefused),
        ("dora", {"until": world.now}, "a time to come", WrongUse),
        ("dora", {"until": world.now + LONGEST + timedelta(days=1)}, "90 days at most", WrongUse),
        ("dora", {"withdraw": True}, "no waiver of 'leak:duration' is in force", SignOffRefused),
    ):
        with pytest.raises(error, match=match):
            sign(world, run, person, **options)
    assert len(world.entries) == before


def test_where_nobody_is_named_as_executing_nobody_may_waive(world: Simulator) -> None:
    """Who executed is not known, so nobody can be excluded."""
    with pytest.raises(SignOffRefused, match="not known who executed"):
        sign(world, blocked(world, None), "dora")


def test_whoever_holds_one_of_the_gates_roles_may_waive(world: Simulator, run: str) -> None:
    """A gate of two roles: a person of either signs in the role that they hold."""
    assert sign(world, run, "rita").body["role"] == "reviewer"
    assert sign(world, run, "dora").body["role"] == "data-steward"
    assert world.verify().ok


def test_a_waiver_is_over_when_its_time_is(world: Simulator, run: str) -> None:
    """By the wall clock, and a clock that is set back does not bring it back."""
    sign(world, run, "dora", until=world.now + timedelta(hours=2))
    assert [each.finding for each in force(world)] == [LEAK]
    world.tick(hours=2)
    assert force(world) == []
    world.wait(blocked(world, "mia"))
    world.now -= timedelta(hours=2)
    assert force(world) == []
    assert world.verify().ok


@pytest.mark.parametrize(("person", "counts"), [("dora", True), ("dan", True), ("olga", False), ("mia", False)])
def test_who_signed_it_or_could_have_may_withdraw_it(world: Simulator, run: str, person: str, counts: bool) -> None:
    """The signer and another person of the role take it back; anyone else is refused."""
    sign(world, run, "dora")
    if counts:
        entry = sign(world, run, person, withdraw=True, reason="the column has changed")
        assert (entry.kind, force(world)) == ("waiver.withdrawn", [])
    else:
        with pytest.raises(SignOffRefused):
            sign(world, run, person, withdraw=True)
        assert len(force(world)) == 1
    assert world.verify().ok


def test_who_lost_the_role_may_still_take_back_their_own_word(world: Simulator, run: str) -> None:
    """As for sign-offs: withdrawing an own waiver needs a valid key and no role; the waiver itself stands by then."""
    sign(world, run, "dora")
    world.named("dora")["roles"] = []
    world.change_people()
    assert len(force(world)) == 1
    sign(world, run, "dora", withdraw=True)
    assert force(world) == []


def test_a_later_run_takes_it_up_unless_its_own_executor_or_nobody_is_behind_it(world: Simulator, run: str) -> None:
    """It counts in another run of the model; not in one that its signer executes, or that nobody is named for."""
    sign(world, run, "dora")
    assert counting(world, world.start("mia")) == [LEAK]
    assert counting(world, world.start("dora")) == []
    assert counting(world, world.start(None)) == []
    assert force(world, model="other") == []
    assert force(world, sop="other") == []
    assert force(world, stage="evaluate") == []


def forge(world: Simulator, like: Entry, *, key: str | None = None, edit: Any = None, **body: Any) -> None:
    """Log a waiver as an intruder with write access would."""
    statement, envelope = told(like), json.loads(json.dumps(like.body["envelope"]))
    if edit is not None:
        edit(statement["predicate"])
        envelope["payload"] = base64.b64encode(canonical_json(statement)).decode()
    new = {**like.body}
    if key is not None:
        envelope = envelopes.sign(envelopes.PAYLOAD_TYPE, canonical_json(statement), world.keys[key])
        new["key"] = fingerprint(world.keys[key].public_key())
    new |= {name: statement["predicate"][name] for name in new if name in statement["predicate"] and name != "sop"}
    place = {"run": like.run, "stage": like.stage, "attempt": like.attempt}
    world.append(like.kind, **place, by=key or like.by, body={**new, "envelope": envelope, **body})


FORGERIES: dict[str, tuple[dict[str, Any], str]] = {
    "a copy": ({}, "a copy of the waiver"),
    "another reason in the entry": ({"reason": "harmless"}, "reason"),
    "another reason in the statement": ({"edit": lambda told: told.update(reason="harmless")}, "does not fit"),
    "longer, signed by the person": (
        {"edit": lambda told: told.update(until="2030-01-01T00:00:00.000000Z"), "key": "dora"},
        "length is not",
    ),
    "what cannot be waived, signed by the person": (
        {"edit": lambda told: told.update(finding=EMPTY, sentence="age is empty"), "key": "dora"},
        "whether it can be waived",
    ),
    "a finding that was not there": ({"edit": lambda told: told.update(finding="leak:x"), "key": "dora"}, "finding is"),
    "another model": ({"edit": lambda told: told.update(model="other"), "key": "dora"}, "model is not"),
    "without a time": ({"edit": lambda told: told.update(until="some day"), "key": "dora"}, "not a waiver"),
    "by the executor": ({"edit": lambda told: told.update(name="Mia"), "key": "mia"}, "mia executed"),
    "by who lacks the role": ({"edit": lambda told: told.update(name="Olga"), "key": "olga"}, "did not hold"),
}


@pytest.mark.parametrize("case", FORGERIES)
def test_a_forged_waiver_is_found_and_does_not_count(world: Simulator, run: str, case: str) -> None:
    """Nothing of it comes into force, and verification names the entry as forged, with the reason."""
    how, reason = FORGERIES[case]
    like = sign(world, run, "dora", finding=LEAK)
    before = force(world)
    forge(world, like, **how)
    assert force(world) == before
    (problem,) = world.verify().problems
    assert (problem.kind, problem.run) == ("forged", run)
    assert reason in problem.detail


def test_a_withdrawal_takes_back_only_what_it_names(world: Simulator, run: str) -> None:
    """A withdrawal with another finding's log position, signed by a person of the role, changes nothing there."""
    first = sign(world, run, "dora")
    second = sign(world, run, "rita")
    withdrawn = sign(world, run, "dan", withdraw=True)
    assert told(withdrawn)["predicate"]["withdraws"] == [first.seq, second.seq]
    third = sign(world, run, "dora")
    forge(world, withdrawn, key="dan", edit=lambda told: told.update(finding="leak:x", withdraws=[third.seq]))
    assert [each.seq for each in force(world)] == [third.seq]


def test_demo_reviewers_waive_nothing(tmp_path: Path) -> None:
    """A person who exists in one run only cannot accept anything for the next one."""
    world = Simulator(tmp_path / "w", mode="simulation")
    run = world.start(demo=True)
    world.demo_reviewers(run, dede="data-steward")
    world.seal(run, "collect", results={"bad": {"name": "bad", "detail": {"findings": FOUND}}})
    with pytest.raises(SignOffRefused, match="demo reviewers"):
        sign(world, run, "dede")
