"""Sign-offs as signed statements: what is stated, and what a logged statement says once it is verified.

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": "05_evaluate.2.ipynb", "digest": {"sopkit-content-v1": "…"}},
                 {"name": "artifacts/evaluate/comparison.json", "digest": {"sha256": "…"}}],
     "predicateType": "urn:sopkit:sign-off:v1",
     "predicate": {"run", "sop": {"name", "version", "digest"}, "stage", "attempt", "gate", "decision",
                   "meaning", "comment", "conditions": [{"text", "severity", "owner", "due"}],
                   "name", "role", "at", "log": {"size", "root"}, "withdraws",
                   "checklist": {"<id>": {"question", "answer", "answered_by"}},
                   "opened": ["<what the signer had opened at the desk>"]}}

The rules:
* the statement decides, not the log entry around it: where the two differ, the entry is forged;
* the signer is whose key verified; the printed name must be that person's;
* the statement names a size and root of this log before its own entry, so it is no other workspace's;
* a statement without a checklist or `opened`, with conditions that are texts alone, or one of another kind (a waiver, a
  settlement), is read by the same rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sopkit.archive import envelopes
from sopkit.archive.canonical import canonical_json, sha256_hex
from sopkit.archive.conditions import Condition
from sopkit.archive.entries import Entry, instant
from sopkit.archive.people import InForce, Signer
from sopkit.archive.record_cells import LoggedEnvelope
from sopkit.definitions.sop import Gate, Sop
from sopkit.errors import SopkitError, Untrusted

__all__ = [
    "CONTENT",
    "DECISIONS",
    "PREDICATE",
    "SignOff",
    "Signed",
    "Subject",
    "about",
    "read_sign_off",
    "read_statement",
    "statement",
]

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:sopkit:sign-off:v1"
CONTENT = "sopkit-content-v1"
DECISIONS = ("approve", "reject", "return", "withdraw")


@dataclass(frozen=True)
class Subject:
    """What is signed at the gate of a stage: its current attempt, by the digests of everything it shows.

    `stale` says why the attempt no longer rests on what it used; empty if it does.
    """

    run: str
    stage: str
    attempt: int
    file: str
    content: str
    artifacts: Mapping[str, str]
    sop: str
    sealed_at: datetime
    stale: str = ""

    @property
    def digests(self) -> frozenset[tuple[str, str, str]]:
        """(name, name of the digest, digest) of the run notebook and of each artifact."""
        files = {(f"artifacts/{self.stage}/{name}", "sha256", digest) for name, digest in self.artifacts.items()}
        return frozenset({(self.file, CONTENT, self.content), *files})

    @property
    def seen(self) -> str:
        """What whoever shows it hands to `sign`, so that nothing else is signed than what was shown."""
        told = [self.run, self.stage, self.attempt, self.sop, self.stale, *map(list, sorted(self.digests))]
        return sha256_hex(canonical_json(told))


@dataclass(frozen=True)
class SignOff:
    """A sign-off whose signature verified; whether it counts is judged at a gate.

    `at` is when its key and role are judged, `key` the verified fingerprint.
    """

    seq: int
    at: datetime
    key: str
    run: str
    stage: str
    attempt: int
    gate: str
    decision: str
    role: str
    sop: str
    digests: frozenset[tuple[str, str, str]]
    name: str = ""
    person: str = ""
    demo: bool = False
    meaning: str = ""
    comment: str = ""
    conditions: tuple[Condition, ...] = ()
    withdraws: int | None = None
    checklist: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)
    opened: tuple[str, ...] = ()
    envelope: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)

    @property
    def record(self) -> LoggedEnvelope:
        """What its record cell is rendered from."""
        return LoggedEnvelope(self.seq, self.at, self.key, self.demo, self.envelope)


def statement(
    subject: Subject,
    gate: Gate,
    sop: Sop,
    *,
    decision: str,
    role: str,
    name: str,
    comment: str,
    conditions: Iterable[Condition],
    withdraws: int | None,
    checklist: Mapping[str, Mapping[str, str]],
    opened: Iterable[str],
    at: datetime,
    log: Mapping[str, Any],
) -> bytes:
    """The payload of a sign-off's envelope, in canonical JSON."""
    predicate = {
        "run": subject.run,
        "sop": {"name": sop.sop, "version": sop.version, "digest": subject.sop},
        "stage": subject.stage,
        "attempt": subject.attempt,
        "gate": gate.id,
        "decision": decision,
        "meaning": _meaning(decision, gate, withdraws),
        "comment": comment,
        "conditions": [each.to_json() for each in conditions],
        "name": name,
        "role": role,
        "at": instant(at),
        "log": dict(log),
        "withdraws": withdraws,
        "checklist": dict(checklist),
        "opened": sorted(set(opened)),
    }
    return about(subject, PREDICATE, predicate)


def about(subject: Subject, predicate_type: str, predicate: Mapping[str, Any]) -> bytes:
    """The payload of a statement about a subject, in canonical JSON."""
    subjects = [{"name": name, "digest": {kind: digest}} for name, kind, digest in sorted(subject.digests)]
    told = {"_type": STATEMENT, "subject": subjects, "predicateType": predicate_type, "predicate": dict(predicate)}
    return canonical_json(told)


@dataclass(frozen=True)
class Signed:
    """What a logged envelope holds, its signature and its log position verified, and who signed it."""

    key: str
    signer: Signer
    predicate: Mapping[str, Any]
    digests: frozenset[tuple[str, str, str]]


Held = Callable[[Signed], Iterable[tuple[str, Any, Any]]]


def read_statement(
    entry: Entry, predicate_type: str, people: InForce, root_at: Callable[[int], str], held: Held
) -> Signed:
    """The statement in a log entry, verified against the keys of `people`; `held` gives (what, signed, logged) triples
    that must agree. `root_at(size)` is the log's own root over its first `size` entries, hex. Raises Untrusted.
    """
    where = f"log entry {entry.seq}"
    try:
        envelope = entry.body["envelope"]
        key = envelopes.verify(envelope, people.public_keys())
        told = json.loads(envelopes.payload(envelope))
        predicate = told["predicate"]
        owner = people.owner(key)
        if owner is None:
            raise Untrusted("the key is more than one person's", got=key)
        digests = {(item["name"], kind, digest) for item in told["subject"] for kind, digest in item["digest"].items()}
        signed = Signed(key, owner, predicate, frozenset(digests))
        size = predicate["log"]["size"]
        before = 0 < size < entry.seq
        compared = [
            ("statement type", (told["_type"], told["predicateType"]), (STATEMENT, predicate_type)),
            ("printed name", predicate["name"], owner.person.name),
            ("person", owner.person.id, entry.by),
            ("key", key, entry.body.get("key")),
            *((name, predicate[name], getattr(entry, name)) for name in ("run", "stage", "attempt")),
            *held(signed),
            ("log size", before, True),
            ("log root", predicate["log"]["root"], root_at(size) if before else None),
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Untrusted("not a sign-off statement", where=where, got=repr(error)) from None
    except SopkitError as error:
        raise Untrusted(error.what, where=where, expected=error.expected, got=error.got) from None
    for what, said, logged in compared:
        if said != logged:
            raise Untrusted(f"{what}: {said} was signed, {logged} was logged", where=where)
    return signed


def read_sign_off(entry: Entry, people: InForce, at: datetime, root_at: Callable[[int], str]) -> SignOff:
    """The sign-off in a log entry, verified against the keys of `people`, and equal to what the entry says.

    `at` is the wall time at which its key and role are judged; `root_at(size)` is the log's own root over
    its first `size` entries, hex. Raises Untrusted.
    """
    body = entry.body

    def held(signed: Signed) -> Iterable[tuple[str, Any, Any]]:
        told = signed.predicate
        yield "decision", told["decision"] in DECISIONS, True
        yield "demo", signed.signer.demo, body.get("demo")
        yield from ((name, told[name], body.get(name)) for name in ("role", "gate", "decision", "comment", "withdraws"))
        yield "checklist", told.get("checklist") or {}, body.get("checklist") or {}
        # What older releases did not log beside the envelope
        yield from ((name, told.get(name), body[name]) for name in ("conditions", "opened") if name in body)

    signed = read_statement(entry, PREDICATE, people, root_at, held)
    told = signed.predicate
    try:
        return SignOff(
            seq=entry.seq,
            at=at,
            key=signed.key,
            **{name: told[name] for name in ("run", "stage", "attempt", "gate", "decision", "role", "name")},
            **{name: told[name] for name in ("meaning", "comment", "withdraws")},
            sop=told["sop"]["digest"],
            digests=signed.digests,
            person=signed.signer.person.id,
            demo=signed.signer.demo,
            conditions=tuple(Condition.from_json(each) for each in list(told["conditions"])),
            checklist=told.get("checklist") or {},
            opened=tuple(told.get("opened") or ()),
            envelope=body["envelope"],
        )
    except (KeyError, TypeError, ValueError) as error:
        raise Untrusted("not a sign-off statement", where=f"log entry {entry.seq}", got=repr(error)) from None


def _meaning(decision: str, gate: Gate, withdraws: int | None) -> str:
    match decision:
        case "approve":
            return gate.meaning
        case "reject":
            return f"The opposite of: {gate.meaning} The run is to stop."
        case "return":
            return "This attempt does not count; the stage is to be executed again."
    return f"The sign-off of log entry {withdraws} no longer stands."
