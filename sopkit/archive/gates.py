"""Gates: may the next stage start?

The rules, in the order they are judged:
* a sign-off counts only for the run, stage, attempt, gate, SOP and digests that it names;
* its key was valid, and its person held the role, at the wall time and log position of the sign-off,
  where wall time never runs back behind an earlier entry;
* where the gate asks for separation, who executed the run and who wrote the SOP or the model file never
  count; if it is not known who executed the run, nobody can be excluded, and the gate stays closed;
* one standing reject closes the gate, whatever else was signed, and a standing return voids the attempt,
  until the same person withdraws it; whoever rejects or returns takes back their own approvals by that;
* people are counted, not keys, and each for one role: two roles need two people. Who signed in
  several roles is counted where it opens the gate, if anywhere it does;
* an approval that leaves a question of the checklist open, or answers it with no, is none;
* evidence older than the gate's `valid_for`, or whose inputs have changed since, keeps it closed.

Withdrawing needs a valid key of the person, no role: whoever lost a role may still take back a word.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sopkit.archive import checklist as answers
from sopkit.archive.people import InForce
from sopkit.archive.separation import nobody_excluded, why_not_signer, why_not_speaker
from sopkit.archive.statements import SignOff, Subject
from sopkit.definitions.durations import render_duration
from sopkit.definitions.sop import ChecklistItem, Gate
from sopkit.errors import GateClosed

__all__ = ["GateResult", "Refused", "evaluate", "require", "require_open"]

PeopleLookup = Callable[[int], InForce]


@dataclass(frozen=True)
class Refused:
    """A logged sign-off that does not count, and why."""

    seq: int
    reason: str


@dataclass(frozen=True)
class GateResult:
    """Whether a gate is open, and what is missing. Truthy when open.

    `standing` is all that was said and not taken back, whether or not a role still needed it;
    `reasons` is every cause that is not a missing sign-off.
    """

    gate: str
    needed: Mapping[str, int]
    have: Mapping[str, tuple[str, ...]]
    missing: Mapping[str, int]
    refused: tuple[Refused, ...] = ()
    rejected_by: tuple[str, ...] = ()
    returned_by: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    standing: tuple[SignOff, ...] = ()

    @property
    def open(self) -> bool:
        return not (self.missing or self.rejected_by or self.returned_by or self.reasons)

    @property
    def demo(self) -> bool:
        """Whether a demo reviewer is among those who count."""
        return any(sign_off.demo for sign_off in self.standing)

    def __bool__(self) -> bool:
        return self.open

    def __str__(self) -> str:
        if self.open:
            return f"gate '{self.gate}' is open"
        causes = [f"rejected by {person}" for person in self.rejected_by]
        causes += [f"returned by {person}" for person in self.returned_by]
        causes += self.reasons
        if self.missing:
            have, needed = sum(map(len, self.have.values())), sum(self.needed.values())
            roles = ", ".join(f"'{role}'" + (f" x{n}" if n > 1 else "") for role, n in sorted(self.missing.items()))
            causes.append(f"{have} of {needed} sign-offs, missing role {roles}")
        return f"gate '{self.gate}' is closed: {'; '.join(causes)}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, for --json and views."""
        return {
            "gate": self.gate,
            "open": self.open,
            "needed": dict(self.needed),
            "have": {role: list(people) for role, people in self.have.items()},
            "missing": dict(self.missing),
            "refused": [{"seq": refused.seq, "reason": refused.reason} for refused in self.refused],
            "rejected_by": list(self.rejected_by),
            "returned_by": list(self.returned_by),
            "reasons": list(self.reasons),
            "demo": self.demo,
        }


def evaluate(
    gate: Gate,
    subject: Subject,
    sign_offs: Iterable[SignOff],
    people_lookup: PeopleLookup,
    *,
    executors: frozenset[str | None],
    authors: frozenset[str],
    at: datetime,
    checklist: Sequence[ChecklistItem] = (),
) -> GateResult:
    """Judge a gate from verified sign-offs.

    `people_lookup(seq)` gives who counts just before that log entry; `executors` holds None where a
    start or resume did not say who; `at` is the wall time of the judgement, for `valid_for`; `checklist` the SOP's.
    """
    words = _Words()
    for sign_off in sorted(sign_offs, key=lambda sign_off: sign_off.seq):
        people = people_lookup(sign_off.seq)
        reason = _refusal(sign_off, gate, subject, people, executors=executors, authors=authors)
        if reason is None and sign_off.decision == "approve":
            asked = answers.asked_of(checklist, gate.id, sign_off.role)
            reason = answers.refusal(asked, sign_off.checklist)
        owner = people.owner(sign_off.key)
        words.hear(sign_off, owner.person.id if owner else "", reason)
    have = _assigned(gate.roles, words.approvals)
    missing = {role: n - len(have[role]) for role, n in gate.roles.items() if n > len(have[role])}
    return GateResult(
        gate=gate.id,
        needed=dict(gate.roles),
        have=have,
        missing=missing,
        refused=tuple(words.refused),
        rejected_by=tuple(words.rejects),
        returned_by=tuple(words.returns),
        reasons=tuple(_reasons(gate, subject, executors, at)),
        standing=tuple([*words.approvals.values(), *words.rejects.values(), *words.returns.values()]),
    )


def require(
    gate: Gate,
    subject: Subject,
    sign_offs: Iterable[SignOff],
    people_lookup: PeopleLookup,
    *,
    executors: frozenset[str | None],
    authors: frozenset[str],
    at: datetime,
    checklist: Sequence[ChecklistItem] = (),
) -> GateResult:
    """`evaluate`, raising GateClosed with the same value unless the gate is open."""
    result = evaluate(
        gate, subject, sign_offs, people_lookup, executors=executors, authors=authors, at=at, checklist=checklist
    )
    return require_open(result, subject.run, subject.stage)


def require_open(result: GateResult, run: str, stage: str) -> GateResult:
    """`result`, if open. Raises GateClosed carrying it, with the command that would help."""
    if result.open:
        return result
    can_be_signed = result.missing and not (result.rejected_by or result.returned_by or result.reasons)
    remedy = f"sop sign {run} {stage} --approve" if can_be_signed else f"sop status {run}"
    raise GateClosed(str(result), result=result, where=f"{run}, stage {stage}", remedy=remedy)


class _Words:
    """What people have said and not taken back, in log order."""

    def __init__(self) -> None:
        self.approvals: dict[tuple[str, str], SignOff] = {}
        self.rejects: dict[str, SignOff] = {}
        self.returns: dict[str, SignOff] = {}
        self.refused: list[Refused] = []

    def hear(self, said: SignOff, person: str, reason: str | None) -> None:
        reason = reason or getattr(self, f"_{said.decision}")(said, person)
        if reason:
            self.refused.append(Refused(said.seq, reason))

    def _approve(self, said: SignOff, person: str) -> str | None:
        if against := self.rejects.get(person) or self.returns.get(person):
            return f"{person} has said {against.decision} (log entry {against.seq}) and not withdrawn that"
        if earlier := self.approvals.get((person, said.role)):
            again = f"{person} has approved as {said.role} already (log entry {earlier.seq})"
            return f"{again}; people are counted, not keys"
        self.approvals[person, said.role] = said
        return None

    def _reject(self, said: SignOff, person: str) -> str | None:
        return self._against(said, person, self.rejects)

    def _return(self, said: SignOff, person: str) -> str | None:
        return self._against(said, person, self.returns)

    def _against(self, said: SignOff, person: str, words: dict[str, SignOff]) -> str | None:
        if person in words:
            return f"{person} has said {said.decision} already (log entry {words[person].seq})"
        self.approvals = {key: value for key, value in self.approvals.items() if key[0] != person}
        words[person] = said
        return None

    def _withdraw(self, said: SignOff, person: str) -> str | None:
        for words in (self.rejects, self.returns):
            if person in words and words[person].seq == said.withdraws:
                del words[person]
                return None
        for (who, role), approval in self.approvals.items():
            if who == person and approval.seq == said.withdraws:
                del self.approvals[who, role]
                return None
        return f"log entry {said.withdraws} is no standing sign-off of {person}"


def _refusal(
    said: SignOff,
    gate: Gate,
    subject: Subject,
    people: InForce,
    *,
    executors: frozenset[str | None],
    authors: frozenset[str],
) -> str | None:
    """Why a sign-off does not count, by itself; None if it does."""
    for what, signed, asked in (
        ("run", said.run, subject.run),
        ("stage", said.stage, subject.stage),
        ("gate", said.gate, gate.id),
        ("SOP", said.sop, subject.sop),
        ("attempt", said.attempt, subject.attempt),
    ):
        if signed != asked:
            stale = "stale: " if what == "attempt" else ""
            return f"{stale}signed for {what} {signed}, not {asked}"
    if said.digests != subject.digests:
        changed = sorted({name for name, _, _ in said.digests ^ subject.digests})
        return f"stale: what was signed is not what is there now: {', '.join(changed)}"
    if said.decision == "withdraw":
        return why_not_signer(said.key, people, said.at)
    return why_not_speaker(said.key, said.role, gate, people, said.at, executors=executors, authors=authors)


def _reasons(gate: Gate, subject: Subject, executors: frozenset[str | None], at: datetime) -> Iterable[str]:
    if subject.stale:
        yield f"attempt {subject.attempt} is stale: {subject.stale}"
    if gate.valid_for is not None and at - subject.sealed_at > gate.valid_for:
        age = f"older than {render_duration(gate.valid_for)}"
        yield f"the evidence is {age} (sealed {subject.sealed_at.isoformat()}): a new attempt is needed"
    if why := nobody_excluded(gate, executors):
        yield why


def _assigned(roles: Mapping[str, int], approvals: Mapping[tuple[str, str], SignOff]) -> dict[str, tuple[str, ...]]:
    """Who is counted for which role: as many places filled as can be (Kuhn's matching), earlier sign-offs first."""
    places = [(role, number) for role, count in roles.items() for number in range(count)]
    taken: dict[tuple[str, int], str] = {}

    def seat(person: str, tried: set[tuple[str, int]]) -> bool:
        for place in places:
            if (person, place[0]) in approvals and place not in tried:
                tried.add(place)
                if place not in taken or seat(taken[place], tried):
                    taken[place] = person
                    return True
        return False

    for person in dict.fromkeys(person for person, _ in approvals):
        seat(person, set())
    return {role: tuple(taken[place] for place in places if place[0] == role and place in taken) for role in roles}
