"""Settlements: a person's signed word that a condition of an approval is met, or no longer matters.

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": as of the sign-off that set the condition: run notebook and artifacts of its attempt,
     "predicateType": "urn:sopkit:settlement:v1",
     "predicate": {"run", "model", "sop": {"name", "version", "digest"}, "stage", "attempt", "gate",
                   "condition": "37.1", "sign_off": <sha256 of the statement that set it>, "text", "comment",
                   "name", "role", "at", "log": {"size", "root"}}}

The rules:
* who may settle is who may sign at the gate where the condition was set, and who owns it: the person it names, or who
  holds the role that it names. Where the gate asks for separation, neither executor nor author settles, even as the
  owner: they do what was asked for, and somebody else says that it was done;
* key and role are judged at the wall time and log position of the settlement; it says how, in a comment;
* it names the statement that set the condition by digest, so it is for no other;
* who changes their mind sets a new condition: a settlement is not taken back;
* demo reviewers settle nothing; an envelope that was logged before is a copy, not a word.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sopkit.archive import envelopes
from sopkit.archive.canonical import sha256_hex
from sopkit.archive.conditions import Condition
from sopkit.archive.entries import Entries, Entry
from sopkit.archive.gates import Refused
from sopkit.archive.people import InForce, in_force, wall_time
from sopkit.archive.records import Case, case_of, read_sign_offs
from sopkit.archive.separation import nobody_excluded, why_not_apart, why_not_signer, why_not_speaker
from sopkit.archive.statements import Signed, SignOff, read_statement
from sopkit.archive.workspace import Workspace
from sopkit.errors import SopkitError, Untrusted

__all__ = [
    "KIND",
    "PREDICATE",
    "REPEATED",
    "Settlement",
    "condition_of",
    "digest_of",
    "not_counted",
    "read_settlements",
    "why_not",
]

PREDICATE = "urn:sopkit:settlement:v1"
KIND = "condition.settled"
# What the log entry says again in plain
REPEATED = ("condition", "sign_off", "text", "comment", "role", "model")


@dataclass(frozen=True)
class Settlement:
    """A settlement whose signature verified; whether it counts is judged by `not_counted`."""

    seq: int
    at: datetime
    key: str
    person: str
    name: str
    role: str
    run: str
    stage: str
    attempt: int
    condition: str
    comment: str
    digest: str


def read_settlements(workspace: Workspace, entries: Sequence[Entry]) -> tuple[list[Settlement], list[Refused]]:
    """The settlements in the log that verify, in its order, and those that do not, with the reason."""
    verified: list[Settlement] = []
    refused: list[Refused] = []
    said: dict[str, int] = {}
    for entry in Entries.of(entries).of_kind(KIND):
        try:
            settlement = _read(workspace, entries, entry)
            if (first := said.setdefault(settlement.digest, entry.seq)) != entry.seq:
                raise Untrusted(f"a copy of the settlement in log entry {first}")
            verified.append(settlement)
        except SopkitError as error:
            refused.append(Refused(entry.seq, error.what if error.got is None else f"{error.what} ({error.got})"))
    return verified, refused


def _read(workspace: Workspace, entries: Sequence[Entry], entry: Entry) -> Settlement:
    body, where = entry.body, f"log entry {entry.seq}"

    def held(signed: Signed) -> Iterable[tuple[str, Any, Any]]:
        told = signed.predicate
        yield "SOP", told["sop"]["name"], body.get("sop")
        yield from ((name, told[name], body.get(name)) for name in REPEATED)

    people = in_force(workspace, entries, entry.seq, run=entry.run)
    signed = read_statement(entry, PREDICATE, people, workspace.log.root_at, held)
    told = signed.predicate
    try:
        set_by, condition = condition_of(workspace, entries[: entry.seq - 1], str(told["run"]), str(told["condition"]))
        case = case_of(workspace, entries, set_by.run, set_by.stage, set_by.attempt)
        compared = (
            ("what it is about", signed.digests, set_by.digests),
            ("place", (told["stage"], told["attempt"], told["gate"]), (set_by.stage, set_by.attempt, set_by.gate)),
            ("SOP", (told["sop"]["name"], told["sop"]["digest"]), (case.sop.sop, set_by.sop)),
            ("model", told["model"], case.state.model),
            ("sign-off", told["sign_off"], digest_of(set_by)),
            ("condition", told["text"], condition.text),
        )
        settlement = Settlement(
            seq=entry.seq,
            at=wall_time(entries[: entry.seq]),
            key=signed.key,
            person=signed.signer.person.id,
            digest=sha256_hex(envelopes.payload(body["envelope"])),
            **{name: told[name] for name in ("name", "role", "run", "stage", "attempt", "condition", "comment")},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Untrusted("not a settlement", where=where, got=repr(error)) from None
    for what, said, there in compared:
        if said != there:
            raise Untrusted(f"{what} is not what the log has", where=where)
    return settlement


def condition_of(workspace: Workspace, entries: Sequence[Entry], run: str, id: str) -> tuple[SignOff, Condition]:
    """The verified sign-off that set a condition, and the condition. Raises ValueError if there is none of that id."""
    seq, _, number = id.partition(".")
    for said in read_sign_offs(workspace, entries, run)[0]:
        if str(said.seq) == seq:
            for place, condition in enumerate(said.conditions, 1):
                if str(place) == number:
                    return said, condition
    raise ValueError(f"no sign-off of run {run} set a condition {id}")


def digest_of(said: SignOff) -> str:
    """By which a settlement names the statement that set its condition."""
    return sha256_hex(envelopes.payload(said.envelope))


def not_counted(workspace: Workspace, entries: Sequence[Entry], settlement: Settlement) -> str | None:
    """Why a settlement that verifies does not count: who signed it was not allowed to then. None if it counts."""
    before = entries[: settlement.seq]
    said, condition = condition_of(workspace, before, settlement.run, settlement.condition)
    case = case_of(workspace, before, said.run, said.stage, said.attempt)
    return why_not(case, condition, settlement.key, settlement.role, case.people(settlement.seq), settlement.at)


def why_not(case: Case, condition: Condition, key: str, role: str, people: InForce, at: datetime) -> str | None:
    """Why the owner of a key may not settle a condition in a role; None if they may."""
    signer = people.owner(key)
    if signer is not None and signer.demo:
        return "demo reviewers exist in one run only, and settle nothing"
    if why := nobody_excluded(case.gate, case.executors):
        return why
    if role in case.gate.roles or role != condition.owner:
        return why_not_speaker(key, role, case.gate, people, at, executors=case.executors, authors=case.authors)
    if why := why_not_signer(key, people, at):
        return why
    assert signer is not None
    person = signer.person
    if person.id != condition.owner and not person.holds(role, at):
        return f"{person.id} neither is '{role}' nor held that role at {at.isoformat()}"
    return why_not_apart(person.id, case.gate, executors=case.executors, authors=case.authors)
