"""Gates: each rule by itself, and all of them together against a judge that tries everything."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from sopkit.archive.gates import GateResult, evaluate, require
from sopkit.archive.keys import fingerprint, public_line
from sopkit.archive.people import InForce
from sopkit.archive.statements import SignOff, Subject
from sopkit.definitions.people import Key, People, Person, RoleHeld
from sopkit.definitions.sop import Gate
from sopkit.errors import GateClosed

T0 = datetime(2026, 11, 20, tzinfo=UTC)
LINES = [public_line(Ed25519PrivateKey.from_private_bytes(bytes([n] * 32)).public_key()) for n in range(10)]
GATE = Gate(id="promotion", title="Promotion", meaning="I have read it.", roles={"owner": 1, "reviewer": 1})
SUBJECT = Subject("run-1", "evaluate", 2, "05.ipynb", "c" * 64, {"a.json": "a" * 64}, "s" * 64, T0)


def person(id: str, *roles: str, keys: Sequence[int] = (), **validity: Any) -> Person:
    held = [RoleHeld(role=role, **validity) for role in roles]
    return Person(id=id, name=id.title(), keys=[Key(public=LINES[n]) for n in keys], roles=held)


PEOPLE = InForce(
    People(
        people=[
            person("olga", "owner", keys=[0]),
            person("rita", "reviewer", keys=[1, 2]),
            person("both", "owner", "reviewer", keys=[3]),
            person("late", "reviewer", keys=[4], until=T0),
            person("mia", "owner", "reviewer", keys=[5]),
        ]
    )
)
KEY = {"olga": 0, "rita": 1, "rita's other key": 2, "both": 3, "late": 4, "mia": 5, "nobody": 9}


def said(seq: int, who: str, decision: str = "approve", role: str = "reviewer", **other: Any) -> SignOff:
    parts: dict[str, Any] = {
        "run": "run-1",
        "stage": "evaluate",
        "attempt": 2,
        "gate": "promotion",
        "sop": SUBJECT.sop,
        "digests": SUBJECT.digests,
        "at": T0 + timedelta(hours=seq),
        "key": fingerprint(LINES[KEY[who]]),
        **other,
    }
    return SignOff(seq=seq, decision=decision, role=role, **parts)


def judged(*sign_offs: SignOff, gate: Gate = GATE, subject: Subject = SUBJECT, **options: Any) -> GateResult:
    known: dict[str, Any] = {
        "executors": frozenset({"runner"}),
        "authors": frozenset({"sam"}),
        "at": T0 + timedelta(days=1),
        **options,
    }
    return evaluate(gate, subject, sign_offs, lambda seq: PEOPLE, **known)


OLGA, RITA = said(1, "olga", role="owner"), said(2, "rita")


def test_a_gate_opens_when_every_role_is_filled() -> None:
    """One owner and one reviewer open a gate that asks for one of each."""
    result = judged(OLGA, RITA)
    assert result
    assert result.have == {"owner": ("olga",), "reviewer": ("rita",)}


def test_a_gate_knows_what_is_missing() -> None:
    """A closed gate says how many of which role are missing, and who there is."""
    result = judged(RITA)
    assert not result
    assert (result.missing, result.have) == ({"owner": 1}, {"owner": (), "reviewer": ("rita",)})
    assert str(result) == "gate 'promotion' is closed: 1 of 2 sign-offs, missing role 'owner'"


def test_require_raises_the_same_value() -> None:
    """`require` gives the result of an open gate and raises that of a closed one, with the command that helps."""
    known: dict[str, Any] = {"executors": frozenset({"x"}), "authors": frozenset(), "at": T0}
    assert require(GATE, SUBJECT, [OLGA, RITA], lambda seq: PEOPLE, **known).open
    with pytest.raises(GateClosed, match="sop sign run-1 evaluate --approve") as closed:
        require(GATE, SUBJECT, [OLGA], lambda seq: PEOPLE, **known)
    assert closed.value.result == judged(OLGA)
    assert closed.value.exit_code == 3


REFUSED = {
    "another run": (said(2, "rita", run="run-2"), "signed for run run-2, not run-1"),
    "another stage": (said(2, "rita", stage="deploy"), "signed for stage deploy"),
    "another gate": (said(2, "rita", gate="data"), "signed for gate data"),
    "another version of the SOP": (said(2, "rita", sop="t" * 64), "signed for SOP"),
    "an old attempt": (said(2, "rita", attempt=1), "stale: signed for attempt 1, not 2"),
    "other content": (
        said(2, "rita", digests=frozenset({("05.ipynb", "sopkit-content-v1", "d" * 64)})),
        "stale: what was signed",
    ),
    "an artifact less": (said(2, "rita", digests=frozenset(list(SUBJECT.digests)[:1])), "stale: what was signed"),
    "an unknown key": (said(2, "nobody"), "nobody's"),
    "a role never held": (said(2, "rita", role="owner"), "did not hold the role 'owner'"),
    "a role not asked for": (said(2, "rita", role="data-steward"), "not asked for"),
    "a role held until yesterday": (said(2, "late"), "did not hold the role"),
}


@pytest.mark.parametrize(("wrong", "reason"), REFUSED.values(), ids=REFUSED)
def test_a_sign_off_that_does_not_count_leaves_the_gate_closed(wrong: SignOff, reason: str) -> None:
    """A sign-off for or by anything else is refused with the reason, and fills no role."""
    result = judged(OLGA, wrong)
    assert not result
    assert [refused.seq for refused in result.refused] == [wrong.seq]
    assert reason in result.refused[0].reason


@pytest.mark.parametrize("moment", [-1, 0])
def test_a_key_counts_from_and_until_its_times(moment: int) -> None:
    """A key is valid at its `from` and no longer at its `until`."""
    at = T0 + timedelta(hours=2)
    window = {"from": at} if moment == 0 else {"until": at}
    key = Key.model_validate({"public": LINES[1], **window})
    rita = Person(id="rita", name="Rita", keys=[key], roles=[RoleHeld(role="reviewer")])
    people = InForce(People(people=[PEOPLE.people.people[0], rita]))
    known: dict[str, Any] = {"executors": frozenset({"x"}), "authors": frozenset(), "at": at}
    result = evaluate(GATE, SUBJECT, [OLGA, RITA], lambda seq: people, **known)
    assert result.open is (moment == 0)


def test_who_executed_or_wrote_does_not_count_where_duties_are_separated() -> None:
    """Executors and authors are refused at a gate with separation, and count at one without."""
    own = said(2, "mia")
    for role in ("executors", "authors"):
        result = judged(OLGA, own, **{role: frozenset({"mia"})})
        assert not result
        assert "mia" in result.refused[0].reason
        assert judged(OLGA, own, gate=GATE.model_copy(update={"separation": False}), **{role: frozenset({"mia"})})


@pytest.mark.parametrize("executors", [frozenset(), frozenset({None}), frozenset({"mia", None})])
def test_a_run_of_nobody_keeps_a_gate_with_separation_closed(executors: frozenset[str | None]) -> None:
    """If it is not known who executed the run, nobody can be excluded: the gate stays closed and says so."""
    result = judged(OLGA, RITA, executors=executors)
    assert not result
    assert "not known who executed" in str(result)
    assert judged(OLGA, RITA, executors=executors, gate=GATE.model_copy(update={"separation": False}))


def test_one_person_fills_one_role() -> None:
    """Two roles need two people, even if one person holds and signs both."""
    result = judged(said(1, "both", role="owner"), said(2, "both"))
    assert not result
    assert sum(result.missing.values()) == 1


def test_who_signed_in_two_roles_is_counted_where_it_helps() -> None:
    """Whoever could fill either role leaves the one to the person who can only fill that."""
    both = [said(1, "both", role="owner"), said(2, "both")]
    assert judged(*both, said(3, "olga", role="owner")).have == {"owner": ("olga",), "reviewer": ("both",)}
    assert judged(*both, said(3, "rita")).have == {"owner": ("both",), "reviewer": ("rita",)}


def test_people_are_counted_not_keys() -> None:
    """Two keys of one person are one person."""
    two = GATE.model_copy(update={"roles": {"reviewer": 2}})
    result = judged(RITA, said(3, "rita's other key"), gate=two)
    assert result.missing == {"reviewer": 1}
    assert "people are counted, not keys" in result.refused[0].reason


def test_one_reject_closes_until_the_same_person_withdraws_it() -> None:
    """A reject closes a gate that was open; only its own withdrawal by its own person opens it again."""
    against = said(3, "both", "reject")
    assert judged(OLGA, RITA, against).rejected_by == ("both",)
    somebody_else = judged(OLGA, RITA, against, said(4, "rita", "withdraw", withdraws=3))
    assert somebody_else.rejected_by == ("both",)
    assert "no standing sign-off of rita" in somebody_else.refused[0].reason
    assert judged(OLGA, RITA, against, said(4, "both", "withdraw", withdraws=3))


def test_a_reject_takes_back_ones_own_approval_for_good() -> None:
    """After a withdrawn reject the earlier approval does not come back by itself."""
    then = [OLGA, RITA, said(3, "rita", "reject"), said(4, "rita", "withdraw", withdraws=3)]
    assert judged(*then).missing == {"reviewer": 1}
    assert judged(*then, said(5, "rita"))


def test_an_approval_over_ones_own_reject_is_refused() -> None:
    """Who has rejected has to withdraw that before approving."""
    result = judged(OLGA, said(2, "rita", "reject"), said(3, "rita"))
    assert not result
    assert "not withdrawn" in result.refused[0].reason


def test_a_withdrawn_approval_does_not_count() -> None:
    """A withdrawn approval leaves its role open, and cannot be withdrawn twice."""
    result = judged(OLGA, RITA, *(said(n, "rita", "withdraw", withdraws=2) for n in (3, 4)))
    assert result.missing == {"reviewer": 1}
    assert [refused.seq for refused in result.refused] == [4]


def test_who_lost_the_role_may_still_withdraw() -> None:
    """Withdrawing needs the person's key, not the role that has since ended."""
    assert judged(OLGA, RITA, said(3, "rita", "withdraw", role="anything", withdraws=2)).missing == {"reviewer": 1}


def test_a_return_closes() -> None:
    """A returned attempt is void, whoever else approves it."""
    result = judged(OLGA, RITA, said(3, "both", "return"))
    assert not result
    assert result.returned_by == ("both",)


def test_old_evidence_closes() -> None:
    """Approvals of evidence older than `valid_for` do not open; at its last instant they do."""
    gate = GATE.model_copy(update={"valid_for": timedelta(days=30)})
    assert judged(OLGA, RITA, gate=gate, at=T0 + timedelta(days=30))
    result = judged(OLGA, RITA, gate=gate, at=T0 + timedelta(days=30, microseconds=1))
    assert not result
    assert "older than 30d" in str(result)


def test_changed_inputs_close() -> None:
    """An attempt whose inputs are no longer what it used keeps its gate closed, and says which."""
    result = judged(OLGA, RITA, subject=replace(SUBJECT, stale="stage:collect/train.parquet is not what it used"))
    assert not result
    assert "stage:collect/train.parquet" in str(result)


def test_demo_people_cannot_take_a_real_persons_place() -> None:
    """A demo person with the id of somebody in the people file signs for nobody, and a shared key is nobody's."""
    fake = person("olga", "owner", keys=[7])
    twin = person("twin", "owner", keys=[0])
    assert InForce(PEOPLE.people, (fake,)).owner(fingerprint(LINES[7])) is None
    assert InForce(PEOPLE.people, (twin,)).owner(fingerprint(LINES[0])) is None
    assert InForce(PEOPLE.people, (person("demo-1", "owner", keys=[7]),)).owner(fingerprint(LINES[7])).demo  # type: ignore[union-attr]


# An independent judge


@dataclass(frozen=True)
class Event:
    """What hypothesis plays: who, with which of two keys, says what."""

    who: int
    key: int
    role: str
    decision: str
    target: int
    wrong: str | None


IDS = ["p0", "p1", "p2", "p3"]
ROLES = ["owner", "reviewer"]
events = st.builds(
    Event,
    st.sampled_from([0, 0, 0, 1, 1, 2, 3]),
    st.integers(0, 1),
    st.sampled_from(ROLES),
    st.sampled_from(["approve", "approve", "approve", "reject", "return", "withdraw"]),
    st.integers(0, 3),
    st.sampled_from([None] * 40 + ["run", "stage", "attempt", "gate", "digests"]),
)
hours = st.tuples(st.integers(-1, 9), st.integers(0, 10))


@st.composite
def worlds(draw: Any) -> dict[str, Any]:
    sometimes = st.sampled_from([False] * 9 + [True])
    window = {(n, what): draw(hours) if draw(sometimes) else None for n in range(4) for what in ("key", *ROLES)}
    holds = {(n, role): draw(st.integers(0, 7)) > 0 for n in range(4) for role in ROLES}
    return {
        "window": window,
        "holds": holds,
        "needed": {role: n for role in ROLES if (n := draw(st.integers(0, 2)))} or {"owner": 1},
        "events": draw(st.lists(events, min_size=2, max_size=7)),
        "excluded": frozenset(IDS[:1] if draw(sometimes) else []),
        "separation": draw(st.booleans()),
    }


def brute_force(world: dict[str, Any]) -> tuple[bool, set[str], set[str]]:
    """Open?, who rejects, who returns: by recursion over the definition, and every assignment of people to roles."""
    told: list[Event] = world["events"]

    def within(window: tuple[int, int] | None, hour: int) -> bool:
        return window is None or window[0] <= hour < window[1]

    def eligible(i: int) -> bool:
        event = told[i]
        if event.wrong or (event.key == 0 and not within(world["window"][event.who, "key"], i)):
            return False
        if event.decision == "withdraw":
            return True
        if not (world["holds"][event.who, event.role] and within(world["window"][event.who, event.role], i)):
            return False
        if event.role not in world["needed"]:
            return False
        return not (world["separation"] and IDS[event.who] in world["excluded"])

    @cache
    def stands(i: int, before: int) -> bool:
        """Whether event i was accepted and nothing before `before` took it back."""
        if not (i < before and accepted(i)):
            return False
        for j in range(i + 1, before):
            same = told[j].who == told[i].who and accepted(j)
            if same and told[j].decision == "withdraw" and told[j].target == i:
                return False
            if same and told[i].decision == "approve" and told[j].decision in ("reject", "return"):
                return False
        return True

    @cache
    def accepted(j: int) -> bool:
        event = told[j]
        if not eligible(j):
            return False
        mine = [i for i in range(j) if told[i].who == event.who and stands(i, j)]
        if event.decision == "withdraw":
            return event.target in mine and told[event.target].decision != "withdraw"
        if event.decision == "approve":
            return not any(
                told[i].decision in ("reject", "return")
                or (told[i].decision == "approve" and told[i].role == event.role)
                for i in mine
            )
        return all(told[i].decision != event.decision for i in mine)

    standing = [told[i] for i in range(len(told)) if stands(i, len(told))]
    approving = {(event.who, event.role) for event in standing if event.decision == "approve"}
    seats = [role for role, count in world["needed"].items() for _ in range(count)]
    filled = any(
        all((who, role) in approving for who, role in zip(chosen, seats, strict=True))
        for chosen in itertools.permutations(range(4), len(seats))
    )
    rejects = {IDS[event.who] for event in standing if event.decision == "reject"}
    returns = {IDS[event.who] for event in standing if event.decision == "return"}
    return filled and not rejects and not returns, rejects, returns


@given(worlds())
@settings(max_examples=1000, deadline=None)
def test_gates_agree_with_a_judge_that_tries_everything(world: dict[str, Any]) -> None:
    """For any people, validity, and order of words, the gate is as open as brute force finds it."""

    def valid(n: int, what: str) -> dict[str, Any]:
        window = world["window"][n, what]
        if window is None:
            return {}
        return {"from": T0 + timedelta(hours=window[0]), "until": T0 + timedelta(hours=window[1])}

    people = []
    for n, id in enumerate(IDS):
        keys = [Key.model_validate({"public": LINES[2 * n], **valid(n, "key")}), Key(public=LINES[2 * n + 1])]
        roles = [RoleHeld.model_validate({"role": role, **valid(n, role)}) for role in ROLES if world["holds"][n, role]]
        people.append(Person(id=id, name=id, keys=keys, roles=roles))
    in_force = InForce(People(people=people))
    others = {
        "run": "run-2",
        "stage": "deploy",
        "attempt": 1,
        "gate": "data",
        "digests": frozenset({("x", "sha256", "y")}),
    }
    sign_offs = [
        said(
            n + 1,
            "olga",
            event.decision,
            event.role,
            key=fingerprint(LINES[2 * event.who + event.key]),
            at=T0 + timedelta(hours=n),
            withdraws=event.target + 1 if event.decision == "withdraw" else None,
            **({event.wrong: others[event.wrong]} if event.wrong else {}),
        )
        for n, event in enumerate(world["events"])
    ]
    gate = GATE.model_copy(update={"roles": world["needed"], "separation": world["separation"]})
    known: dict[str, Any] = {"executors": world["excluded"] | {"somebody"}, "authors": frozenset(), "at": T0}
    result = evaluate(gate, SUBJECT, sign_offs, lambda seq: in_force, **known)
    assert (result.open, set(result.rejected_by), set(result.returned_by)) == brute_force(world)
    counted = [person for people in result.have.values() for person in people]
    assert len(counted) == len(set(counted))
