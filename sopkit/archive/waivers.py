"""Waivers: what a person accepts for a while, in writing, although it stops a run.

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": as of a sign-off: the run notebook of the attempt in which it was found, and its artifacts,
     "predicateType": "urn:sopkit:waiver:v1",
     "predicate": {"run", "model", "sop": {"name", "version", "digest"}, "stage", "attempt", "gate", "finding",
                   "sentence", "decision": "waive" | "withdraw", "reason", "until", "withdraws", "name", "role", "at",
                   "log": {"size", "root"}}}

A finding can be waived if a result names it in its detail: `{"findings": [{"id", "sentence", "severity",
"waivable"}]}`. What an id stands for is the stage's business, and unknown here.

The rules:
* who may waive is who may sign at the gate of that stage: key valid, role held, neither executor nor author;
* a waiver holds for one finding of one stage of one SOP and model, until a moment of wall time, at most `LONGEST` away;
* the run that was stopped stays stopped; a later run takes the waiver up, unless its own executor or author signed it;
* who signed it, or who could have, may withdraw it; demo reviewers waive nothing;
* an envelope that was logged before is a copy, not a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sopkit.archive import envelopes
from sopkit.archive.canonical import sha256_hex
from sopkit.archive.entries import Entries, Entry, instant
from sopkit.archive.gates import Refused
from sopkit.archive.people import InForce, in_force, wall_time
from sopkit.archive.records import Case, case_of, makers_of, sop_of
from sopkit.archive.separation import nobody_excluded, why_not_signer, why_not_speaker
from sopkit.archive.statements import Signed, read_statement
from sopkit.archive.states import AttemptState, RunState
from sopkit.archive.workspace import Workspace
from sopkit.errors import SopkitError, Untrusted

__all__ = [
    "DEFAULT",
    "KINDS",
    "LONGEST",
    "PREDICATE",
    "REPEATED",
    "Waivable",
    "Waiver",
    "found_in",
    "not_counted",
    "read_waivers",
    "standing",
    "why_not",
]

PREDICATE = "urn:sopkit:waiver:v1"
KINDS = {"waive": "waiver.signed", "withdraw": "waiver.withdrawn"}
DEFAULT = timedelta(days=30)
LONGEST = timedelta(days=90)
# What the log entry says again in plain
REPEATED = ("finding", "sentence", "decision", "reason", "until", "withdraws", "role", "model")


@dataclass(frozen=True)
class Waivable:
    """A finding that a result of a run names. `waivable`: a person may accept it; `waived`: a person has."""

    stage: str
    id: str
    sentence: str
    waivable: bool
    waived: bool


@dataclass(frozen=True)
class Waiver:
    """A waiver, or its withdrawal, whose signature verified. `digest` is of the signed payload."""

    seq: int
    at: datetime
    key: str
    person: str
    name: str
    role: str
    demo: bool
    run: str
    model: str
    sop: str
    stage: str
    attempt: int
    gate: str
    finding: str
    sentence: str
    decision: str
    reason: str
    until: datetime
    withdraws: tuple[int, ...]
    digest: str

    @property
    def about(self) -> tuple[str, str, str, str]:
        """What it is for: model, SOP, stage, finding."""
        return self.model, self.sop, self.stage, self.finding

    @property
    def words(self) -> str:
        """Who accepts it, why, and until when: what is shown beside the finding."""
        return f"{self.name} ({self.role}) accepts this until {self.until:%Y-%m-%d}: {self.reason}"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, for --json and views."""
        names = ("seq", "person", "name", "role", "run", "model", "sop", "stage", "finding", "sentence", "reason")
        told = {name: getattr(self, name) for name in names}
        return {**told, "at": instant(self.at), "until": instant(self.until), "digest": self.digest}


def found_in(state: RunState) -> list[Waivable]:
    """The findings that the current attempts of a run name."""
    stages = ((stage.id, stage.sealed) for stage in state.stages.values())
    return [each for stage, attempt in stages if attempt is not None for each in _named_by(stage, attempt)]


def standing(
    workspace: Workspace,
    entries: Sequence[Entry],
    *,
    at: datetime,
    model: str | None = None,
    sop: str | None = None,
    stage: str | None = None,
    run: RunState | None = None,
) -> list[Waiver]:
    """The waivers in force at wall time `at`, oldest first: signed by who may, not over, not withdrawn.

    With `run`, those of its model and SOP that count in it: none that its own executor or author signed, and none where
    it is not known who executes it.
    """
    heard = [each for each in read_waivers(workspace, entries)[0] if not not_counted(workspace, entries, each)]
    gone = {(*each.about, seq) for each in heard for seq in each.withdraws if seq < each.seq}
    now = wall_time(entries, at)
    return [
        each
        for each in heard
        if each.decision == "waive" and (*each.about, each.seq) not in gone and now < each.until
        if model in (None, each.model) and sop in (None, each.sop) and stage in (None, each.stage)
        if run is None or ((each.model, each.sop) == (run.model, run.sop) and _counts_in(workspace, run, each))
    ]


def read_waivers(workspace: Workspace, entries: Sequence[Entry]) -> tuple[list[Waiver], list[Refused]]:
    """The waivers and withdrawals in the log that verify, in its order, and those that do not, with the reason."""
    verified: list[Waiver] = []
    refused: list[Refused] = []
    said: dict[str, int] = {}
    known = Entries.of(entries)
    for entry in sorted((entry for kind in KINDS.values() for entry in known.of_kind(kind)), key=lambda each: each.seq):
        try:
            people = in_force(workspace, entries, entry.seq, run=entry.run)
            waiver = _read(workspace, entries, entry, people)
            if (first := said.setdefault(waiver.digest, entry.seq)) != entry.seq:
                raise Untrusted(f"a copy of the waiver in log entry {first}")
            verified.append(waiver)
        except SopkitError as error:
            refused.append(Refused(entry.seq, error.what if error.got is None else f"{error.what} ({error.got})"))
    return verified, refused


def _read(workspace: Workspace, entries: Sequence[Entry], entry: Entry, people: InForce) -> Waiver:
    body = entry.body

    def held(signed: Signed) -> Iterable[tuple[str, Any, Any]]:
        told = signed.predicate
        yield "decision", KINDS.get(str(told["decision"])), entry.kind
        yield "SOP", told["sop"]["name"], body.get("sop")
        yield from ((name, told[name], body.get(name)) for name in REPEATED)

    signed = read_statement(entry, PREDICATE, people, workspace.log.root_at, held)
    told = signed.predicate
    at = wall_time(entries[: entry.seq])
    try:
        waiver = Waiver(
            seq=entry.seq,
            at=at,
            key=signed.key,
            person=signed.signer.person.id,
            demo=signed.signer.demo,
            sop=told["sop"]["name"],
            until=datetime.fromisoformat(told["until"]),
            withdraws=tuple(told["withdraws"]),
            digest=sha256_hex(envelopes.payload(body["envelope"])),
            **{name: told[name] for name in ("name", "role", "run", "model", "stage", "attempt", "gate")},
            **{name: told[name] for name in ("finding", "sentence", "decision", "reason")},
        )
        case = case_of(workspace, entries, waiver.run, waiver.stage, waiver.attempt)
        compared: tuple[tuple[str, Any, Any], ...] = (
            ("what it is about", signed.digests, case.subject.digests),
            ("SOP", told["sop"]["digest"], case.subject.sop),
            ("model", waiver.model, case.state.model),
        )
        if waiver.decision == "waive":
            attempt = case.state.stage(waiver.stage).attempt(waiver.attempt)
            known = {each.id: each for each in _named_by(waiver.stage, attempt)} if attempt else {}
            found = known.get(waiver.finding)
            compared += (
                ("finding", waiver.sentence, found.sentence if found else None),
                ("whether it can be waived", True, found is not None and found.waivable),
                ("length", waiver.until - at <= LONGEST, True),
            )
    except (KeyError, TypeError, ValueError) as error:
        raise Untrusted("not a waiver", where=f"log entry {entry.seq}", got=repr(error)) from None
    for what, said, there in compared:
        if said != there:
            raise Untrusted(f"{what} is not what the log has", where=f"log entry {entry.seq}")
    return waiver


def _named_by(stage: str, attempt: AttemptState) -> list[Waivable]:
    """The findings in the detail of an attempt's results. Those of one id are waived together, or not at all."""
    found: dict[str, Waivable] = {}
    for result in attempt.results.values():
        for item in dict(result.get("detail") or {}).get("findings") or ():
            if isinstance(item, Mapping) and "waivable" in item:
                id, before = str(item.get("id")), found.get(str(item.get("id")))
                found[id] = Waivable(
                    stage,
                    id,
                    "; ".join(([before.sentence] if before else []) + [str(item.get("sentence"))]),
                    item["waivable"] is True and (before is None or before.waivable),
                    item.get("severity") == "waived",
                )
    return list(found.values())


def not_counted(workspace: Workspace, entries: Sequence[Entry], waiver: Waiver) -> str | None:
    """Why a waiver that verifies does not count: who signed it was not allowed to, as of then. None if it counts."""
    case = case_of(workspace, entries[: waiver.seq], waiver.run, waiver.stage, waiver.attempt)
    own = {str(entry.by) for entry in entries if entry.seq in waiver.withdraws}
    return why_not(case, waiver.key, waiver.role, case.people(waiver.seq), waiver.at, own=own)


def _counts_in(workspace: Workspace, state: RunState, waiver: Waiver) -> bool:
    """Whether a waiver counts in a run, by the separation of that run's own gate."""
    gates = {stage.id: stage.gate for stage in sop_of(workspace, state).stages}
    gate = gates.get(waiver.stage)
    executors, authors = makers_of(workspace, state)
    if gate is None or waiver.role not in gate.roles or nobody_excluded(gate, executors):
        return False
    return not (gate.separation and waiver.person in executors | authors)


def why_not(case: Case, key: str, role: str, people: InForce, at: datetime, *, own: Iterable[str] = ()) -> str | None:
    """Why a waiver would not count; `own` are the people whose waivers it withdraws."""
    signer = people.owner(key)
    if signer is not None and signer.demo:
        return "demo reviewers exist in one run only, and waive nothing"
    if signer is not None and set(own) == {signer.person.id}:
        return why_not_signer(key, people, at)
    return nobody_excluded(case.gate, case.executors) or why_not_speaker(
        key, role, case.gate, people, at, executors=case.executors, authors=case.authors
    )
