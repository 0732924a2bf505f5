"""Conditions of an approval: what may be asked for, what becomes of it, and which gate it closes when it is overdue."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive import condition_states, envelopes
from sopkit.archive.canonical import canonical_json
from sopkit.archive.conditions import Condition
from sopkit.archive.entries import Entry
from sopkit.archive.notebooks import parse_notebook
from sopkit.archive.settling import settle
from sopkit.errors import NotFound, SignOffRefused, SopkitError, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from simulator import Simulator

SOON = Condition("watch recall at night", "high", "reviewer", date(2026, 12, 1))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulator, str, str]:
    """A run whose data gate was approved on a condition, evaluated since; its id and the condition's. Made once."""
    world = Simulator(tmp_path_factory.mktemp("made") / "w")
    run = world.start()
    world.seal(run, "collect")
    entry = world.sign(run, "collect", "dora", "approve", conditions=[SOON])
    world.seal(run, "evaluate")
    return world, run, f"{entry.seq}.1"


@pytest.fixture
def world(made: tuple[Simulator, str, str], tmp_path: Path) -> Simulator:
    return made[0].copy(tmp_path / "w")


@pytest.fixture
def run(made: tuple[Simulator, str, str]) -> str:
    return made[1]


@pytest.fixture
def id(made: tuple[Simulator, str, str]) -> str:
    return made[2]


def states(world: Simulator, **only: Any) -> dict[str, str]:
    return {each.id: each.state for each in condition_states.opened(world.workspace, world.entries, **only)}


def settled(world: Simulator, id: str, person: str, comment: str = "watched, it holds", **options: Any) -> Entry:
    return settle(world.workspace, id, private_key=world.keys[person], at=world.tick(), comment=comment, **options)


def refused(
    world: Simulator, call: Callable[[], object], match: str, error: type[SopkitError] = SignOffRefused
) -> None:
    """It raises, and the log is as long as before."""
    before = world.workspace.log.size
    with pytest.raises(error, match=match):
        call()
    assert world.workspace.log.size == before


# What is asked for


@pytest.mark.parametrize(
    ("words", "condition"),
    [
        ("watch recall", Condition("watch recall")),
        ("a; b; severity=high", Condition("a; b", "high")),
        ("x; due=2026-12-01; owner=ml-engineer", Condition("x", "medium", "ml-engineer", date(2026, 12, 1))),
        (" a = b ;severity = low ", Condition("a = b", "low")),
    ],
)
def test_a_condition_is_written_as_text_and_fields(words: str, condition: Condition) -> None:
    """Fields come last, in any order; semicolons in the text stay there."""
    assert Condition.parse(words) == condition


@pytest.mark.parametrize("words", ["x; severty=high", "x; due=soon", "x; due=2026-12-01; due=2026-12-02"])
def test_a_misspelt_field_is_no_text(words: str) -> None:
    """An unknown field, a date that is none, and a field twice are refused, instead of being signed as text."""
    with pytest.raises(WrongUse):
        Condition.parse(words)


def test_what_is_not_said_is_the_owner_of_the_sop_and_thirty_days(world: Simulator, run: str) -> None:
    """The statement and the entry name severity, owner and date, also where the signer named none."""
    entry = world.sign(run, "evaluate", "olga", "approve", conditions=["  watch recall ", SOON])
    first = {"text": "watch recall", "severity": "medium", "owner": "model-owner", "due": "2026-12-20"}
    second = {"text": SOON.text, "severity": "high", "owner": "reviewer", "due": "2026-12-01"}
    assert entry.body["conditions"] == [first, second]
    assert world.verify().ok


@pytest.mark.parametrize(
    ("condition", "match"),
    [
        (Condition(" "), "what is the condition"),
        (Condition("x", "urgent"), "not a severity"),
        (Condition("x", owner="nobody"), "nobody owns"),
        (Condition("x", due=date(2026, 11, 19)), "due later"),
    ],
)
def test_a_condition_that_binds_nobody_is_refused(world: Simulator, run: str, condition: Condition, match: str) -> None:
    """An empty text, another severity, an owner who is not known and a date that is past."""
    refused(world, lambda: world.sign(run, "evaluate", "olga", "approve", conditions=[condition]), match)


def test_only_an_approval_has_conditions(world: Simulator, run: str) -> None:
    """Who wants something before approving returns the attempt, and says it in the comment."""
    for decision in ("reject", "return", "withdraw"):
        sign = partial(world.sign, run, "evaluate", "olga", decision, comment="no", conditions=[SOON])
        refused(world, sign, f"a {decision} has no conditions")


def test_an_owner_may_be_a_person(world: Simulator, run: str) -> None:
    """A person of the people file owns a condition by name, and settles it without a role of the gate."""
    entry = world.sign(run, "evaluate", "olga", "approve", conditions=[Condition("tell them", owner="anna")])
    settled(world, f"{entry.seq}.1", "anna")
    assert states(world)[f"{entry.seq}.1"] == "settled"


def test_hostile_text_stays_text(world: Simulator, run: str) -> None:
    """Nothing in a condition is markup in the record cell, and it cannot leave its row."""
    text = (
        "</script><script>alert(1)</script>\n| who | <img src=x onerror=alert(1)> [x](javascript:alert(1)) $\\href{x}$"
    )
    entry = world.sign(run, "evaluate", "olga", "approve", conditions=[Condition(text)])
    shown = parse_notebook((world.workspace.run_folder("repair", run) / "02_evaluate.ipynb").read_bytes(), "x")
    row = next(line for line in shown["cells"][-1]["source"] if line.startswith("| conditions"))
    assert f"| {entry.seq}&#46;1&#58; " in row
    assert not [
        character
        for character in "<>[]$\\|"
        if character
        in row.strip("| \n")
        .replace("<br>", "")
        .replace("<span>", "")
        .replace("</span>", "")
        .removeprefix("conditions |")
    ]
    assert world.verify().ok


# What becomes of it


def test_a_condition_is_open_until_somebody_settles_it(world: Simulator, run: str, id: str) -> None:
    """It is found by run, model and SOP, and a settlement tells who, when and how."""
    assert states(world, run=run) == states(world, model="flights", sop="repair") == {id: "open"}
    assert states(world, model="other") == states(world, run="20130701T000000Z-flights-ffff") == {}
    entry = settled(world, id, "dora")
    (found,) = condition_states.opened(world.workspace, world.entries)
    told = found.to_dict(world.now)
    assert (told["state"], told["settled"]["person"], told["settled"]["seq"]) == ("settled", "dora", entry.seq)
    assert (told["severity"], told["owner"], told["due"], told["overdue"]) == ("high", "reviewer", "2026-12-01", False)
    assert world.verify().ok
    refused(world, lambda: settled(world, id, "dora"), "is settled already")


def test_who_may_settle(world: Simulator, run: str, id: str) -> None:
    """Who holds a role of the gate or owns it; no stranger, executor or author, and not in silence."""
    world.keys["eve"] = Ed25519PrivateKey.generate()
    refused(world, lambda: settled(world, id, "eve"), "nobody's in the people file")
    refused(world, lambda: settled(world, id, "olga"), "neither is 'reviewer' nor held that role")
    refused(world, lambda: settled(world, id, "olga", role="model-owner"), "not asked for at gate 'data'")
    refused(world, lambda: settled(world, id, "mia"), "mia executed this run")
    refused(world, lambda: settled(world, id, "mia", role="reviewer"), "mia executed this run")
    refused(world, lambda: settled(world, id, "sam", role="reviewer"), "sam is an author")
    refused(world, lambda: settled(world, id, "dora", comment=" "), "needs a comment")
    refused(world, lambda: settled(world, "1.1", "dora"), "no condition '1.1'", NotFound)
    refused(world, lambda: settled(world, "../x", "dora"), "no condition", NotFound)
    other = world.copy(world.workspace.root.with_name("other"))
    settled(other, id, "rita")  # owns it
    settled(world, id, "dora")  # may sign at the gate
    assert states(other) == states(world) == {id: "settled"}


def test_a_condition_goes_with_its_approval(world: Simulator, run: str, id: str) -> None:
    """Withdrawn, rejected or returned by whoever may: the condition is no longer open, and nothing to settle."""
    other = world.copy(world.workspace.root.with_name("other"))
    world.sign(run, "collect", "dora", "withdraw", comment="a mistake")
    assert states(world) == {id: "withdrawn"}
    refused(world, lambda: settled(world, id, "dora"), "is withdrawn already")
    other.sign(run, "collect", "dora", "return", comment="the wrong month")
    assert states(other) == {id: "withdrawn"}
    other.seal(run, "collect", 2)
    again = other.sign(run, "collect", "dora", "approve", conditions=[SOON])
    assert states(other) == {id: "withdrawn", f"{again.seq}.1": "open"}


def test_a_condition_of_an_older_release_is_a_text(world: Simulator, run: str) -> None:
    """A plain string reads as an open condition without a date, is shown as it was, and is never overdue."""
    like = world.sign(run, "evaluate", "olga", "approve")
    world.sign(run, "evaluate", "olga", "withdraw", comment="to be replaced by an older one")
    body = {name: value for name, value in like.body.items() if name not in ("conditions", "opened")}

    def older(statement: dict[str, Any]) -> None:
        statement["predicate"]["conditions"] = ["watch recall"]
        del statement["predicate"]["opened"]

    world.forge(Entry(**{**vars(like), "body": body}), key=world.keys["olga"], edit=older)
    (found,) = [
        each for each in condition_states.opened(world.workspace, world.entries) if each.said.stage == "evaluate"
    ]
    assert (found.condition, found.state) == (Condition("watch recall"), "open")
    assert not found.overdue(world.now + timedelta(days=10_000))
    settled(world, found.id, "rita")


# What an overdue one does


def test_an_overdue_condition_closes_the_next_gate_until_it_is_settled(world: Simulator, run: str, id: str) -> None:
    """Who signs is recorded; the gate stays closed and says how to open it; after settling it is open."""
    for person in ("olga", "rita"):
        world.sign(run, "evaluate", person, "approve")
    assert world.gate(run, "evaluate")
    world.now = world.now.replace(month=12, day=1, hour=23)
    assert world.gate(run, "evaluate")  # until its day is over
    world.tick(hours=2)
    result = world.gate(run, "evaluate")
    reason = f"condition {id} of run {run} was due 2026-12-01: {SOON.text} (sop settle {id} --comment T)"
    assert (result.open, result.reasons, result.missing) == (False, (reason,), {})
    settled(world, id, "dora")
    assert world.gate(run, "evaluate")


def test_signing_under_an_overdue_condition_is_recorded(world: Simulator, run: str, id: str) -> None:
    """It is no fault of the evidence: reviewers sign, and the gate opens once the condition is settled."""
    world.tick(days=20)
    for person in ("olga", "rita"):
        world.sign(run, "evaluate", person, "approve")
    assert not world.gate(run, "evaluate")
    settled(world, id, "rita")
    assert world.gate(run, "evaluate")


def test_an_overdue_condition_closes_gates_of_later_runs_and_of_no_other_sop_or_model(
    world: Simulator, run: str, id: str
) -> None:
    """The next run of the model waits at its first gate; a gate that was passed is not closed again."""
    world.append("run.abandoned", run=run, body={"reason": "x"})
    later = world.start()
    world.seal(later, "collect")
    world.sign(later, "collect", "dora", "approve")
    assert world.gate(later, "collect")
    world.tick(days=20)
    assert f"condition {id}" in str(world.gate(later, "collect"))
    assert condition_states.opened(world.workspace, world.entries, model="flights", sop="other") == []
    assert world.gate(run, "collect")  # evaluate was started behind it: it is passed


def test_a_gate_whose_effects_have_begun_stays_passed(world: Simulator, run: str) -> None:
    """What is under way goes on, so that nobody is kept from going back."""
    for person in ("olga", "rita"):
        world.sign(run, "evaluate", person, "approve")
    world.tick(days=20)
    assert not world.gate(run, "evaluate")
    world.append("effect.intended", run=run, stage="evaluate", attempt=1, body={"index": 0, "effect": "move_alias"})
    assert world.gate(run, "evaluate")


def test_a_new_attempt_has_its_gate_before_it(world: Simulator, run: str, id: str) -> None:
    """What came after an older attempt does not count as passing the gate of a newer one."""
    world.seal(run, "collect", 2)
    world.sign(run, "collect", "dora", "approve")
    assert world.gate(run, "collect")
    world.tick(days=20)
    assert f"condition {id}" in str(world.gate(run, "collect"))


# Forged


def forged(
    world: Simulator, like: Entry, key: Ed25519PrivateKey | None, edit: Callable[[dict[str, Any]], object], **entry: Any
) -> Entry:
    """A settlement as an intruder with write access would log it."""
    body = json.loads(json.dumps(like.body))
    statement = json.loads(envelopes.payload(body["envelope"]))
    edit(statement["predicate"])
    if key is not None:
        body["envelope"] = envelopes.sign(envelopes.PAYLOAD_TYPE, canonical_json(statement), key)
        body["key"] = body["envelope"]["signatures"][0]["keyid"]
    body |= {
        name: statement["predicate"][name] for name in ("condition", "sign_off", "text", "comment", "role", "model")
    }
    place = {"run": like.run, "stage": like.stage, "attempt": like.attempt, "by": like.by, **entry}
    return world.append("condition.settled", body={**body, **entry.pop("body", {})}, **place)


@pytest.fixture
def like(world: Simulator, id: str) -> Entry:
    """A settlement that counts, made in a copy of the world, so that here the condition is still open."""
    other = world.copy(world.workspace.root.with_name("elsewhere"))
    return settled(other, id, "dora")


def test_a_copied_settlement_is_one(world: Simulator, id: str, like: Entry) -> None:
    """Logged again it is a copy; the first one counts."""
    forged(world, like, None, lambda told: None)
    assert (states(world), world.verify().ok) == ({id: "settled"}, True)
    forged(world, like, None, lambda told: None)
    assert [problem.kind for problem in world.verify().problems] == ["forged"]


FORGERIES: list[tuple[str, str | None, dict[str, Any], str]] = [
    ("a stranger", "eve", {}, "nobody in force"),
    ("another's name", "rita", {}, "printed name"),
    ("no role", "olga", {"name": "Olga", "role": "model-owner"}, "not asked for at gate"),
    ("the executor", "mia", {"name": "Mia", "role": "reviewer"}, "executed this run"),
    ("another text", "dora", {"text": "nothing"}, "condition is not what the log has"),
    ("another condition", "dora", {"condition": "1.1"}, "not a settlement"),
    ("another sign-off", "dora", {"sign_off": "0" * 64}, "sign-off is not what the log has"),
    ("another gate", "dora", {"gate": "promotion"}, "place is not what the log has"),
    ("another model", "dora", {"model": "other"}, "model is not what the log has"),
    ("another log", "dora", {"log": {"size": 3, "root": "0" * 64}}, "log root"),
    ("the old signature", None, {"comment": "all is well"}, "does not fit"),
]


@pytest.mark.parametrize(("person", "change", "match"), [each[1:] for each in FORGERIES], ids=[f[0] for f in FORGERIES])
def test_a_forged_settlement_settles_nothing(
    world: Simulator, id: str, like: Entry, person: str | None, change: dict[str, Any], match: str
) -> None:
    """It is a problem of verification, with the reason, and the condition stays open."""
    world.keys["eve"] = Ed25519PrivateKey.generate()
    if person is None:
        body = {**like.body, **change}
        world.append(
            "condition.settled",
            run=like.run,
            stage=like.stage,
            attempt=1,
            by=like.by,
            body={**body, "envelope": {**body["envelope"], "payload": _changed(body["envelope"], change)}},
        )
    else:
        forged(
            world, like, world.keys[person], lambda told: told.update(change), by=person if person != "eve" else "dora"
        )
    assert states(world) == {id: "open"}
    (problem,) = world.verify().problems
    assert (problem.kind, "settlement in log entry" in problem.detail) == ("forged", True)
    if match:
        assert match in problem.detail
    refused(world, lambda: settled(world, id, "olga"), "neither is")


def _changed(envelope: dict[str, Any], change: dict[str, Any]) -> str:
    import base64

    statement = json.loads(envelopes.payload(envelope))
    statement["predicate"].update(change)
    return base64.b64encode(canonical_json(statement)).decode()


def test_conditions_beside_the_envelope_are_not_believed(world: Simulator, run: str) -> None:
    """An entry that leaves out or changes the conditions of its statement is forged, and does not count."""
    like = world.sign(run, "evaluate", "olga", "approve", conditions=[SOON])
    world.sign(run, "evaluate", "olga", "withdraw", comment="x")
    for conditions in ([], [{**SOON.to_json(), "due": "2036-12-01"}]):
        world.forge(
            like,
            key=world.keys["olga"],
            edit=lambda told: told["predicate"].update(comment="y"),
            body={"conditions": conditions},
        )
    assert "model-owner" in world.gate(run, "evaluate").missing
    assert {problem.kind for problem in world.verify().problems} == {"forged"}


def test_demo_reviewers_settle_nothing(tmp_path: Path) -> None:
    """They exist in one run only, and speak for nobody."""
    world = Simulator(tmp_path / "w", "simulation")
    run = world.start(demo=True)
    world.seal(run, "collect")
    world.demo_reviewers(run, zoe="data-steward")
    entry = world.sign(run, "collect", "dora", "approve", conditions=[SOON])
    refused(world, lambda: settled(world, f"{entry.seq}.1", "zoe"), "demo reviewers")


def test_two_who_settle_at_once_settle_it_once(world: Simulator, id: str) -> None:
    """The second one is told that it is settled, under the log's lock."""
    log, real = world.workspace.log, world.workspace.log.append

    def late(kind: str, **parts: Any) -> Entry:
        log.append = real  # type: ignore[method-assign]
        settled(world, id, "rita")
        return real(kind, **parts)

    log.append = late  # type: ignore[method-assign]
    with pytest.raises(SignOffRefused, match="is settled already"):
        settled(world, id, "dora")
    assert [entry.by for entry in world.entries if entry.kind == "condition.settled"] == ["rita"]
