"""Sign-offs as signed statements: what is stated, and what a logged statement says once it is verified.

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": "05_evaluate.2.ipynb", "digest": {"sopkit-content-v1": "…"}},
                 {"name": "artifacts/evaluate/comparison.json", "digest": {"sha256": "…"}}],
     "predicateType": "urn:sopkit:sign-off:v1",
     "predicate": {"run", "sop": {"name", "version", "digest"}, "stage", "attempt", "gate", "decision",
                   "meaning", "comment", "conditions", "name", "role", "at", "log": {"size", "root"}, "withdraws"}}

The rules:
* the statement decides, not the log entry around it: where the two differ, the entry is forged;
* the signer is whose key verified; the printed name must be that person's;
* the statement names a size and root of this log before its own entry, so it is no other workspace's.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sopkit.archive import envelopes
from sopkit.archive.canonical import canonical_json
from sopkit.archive.entries import Entry, instant
from sopkit.archive.people import InForce
from sopkit.archive.record_cells import LoggedEnvelope
from sopkit.definitions.sop import Gate, Sop
from sopkit.errors import SopkitError, Untrusted

__all__ = ["CONTENT", "DECISIONS", "PREDICATE", "SignOff", "Subject", "read_sign_off", "statement"]

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
    conditions: tuple[str, ...] = ()
    withdraws: int | None = None
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
    conditions: tuple[str, ...],
    withdraws: int | None,
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
        "conditions": list(conditions),
        "name": name,
        "role": role,
        "at": instant(at),
        "log": dict(log),
        "withdraws": withdraws,
    }
    subjects = [{"name": name, "digest": {kind: digest}} for name, kind, digest in sorted(subject.digests)]
    return canonical_json({"_type": STATEMENT, "subject": subjects, "predicateType": PREDICATE, "predicate": predicate})


def read_sign_off(entry: Entry, people: InForce, at: datetime, root_at: Callable[[int], str]) -> SignOff:
    """The sign-off in a log entry, verified against the keys of `people`, and equal to what the entry says.

    `at` is the wall time at which its key and role are judged; `root_at(size)` is the log's own root over
    its first `size` entries, hex. Raises Untrusted.
    """
    body = entry.body
    try:
        envelope = body["envelope"]
        key = envelopes.verify(envelope, people.public_keys())
        told = json.loads(envelopes.payload(envelope))
        predicate = told["predicate"]
        owner = people.owner(key)
        if owner is None:
            raise Untrusted("the key is more than one person's", got=key)
        sign_off = SignOff(
            seq=entry.seq,
            at=at,
            key=key,
            **{name: predicate[name] for name in ("run", "stage", "attempt", "gate", "decision", "role", "name")},
            **{name: predicate[name] for name in ("meaning", "comment", "withdraws")},
            sop=predicate["sop"]["digest"],
            digests=frozenset(
                (item["name"], kind, digest) for item in told["subject"] for kind, digest in item["digest"].items()
            ),
            person=owner.person.id,
            demo=owner.demo,
            conditions=tuple(predicate["conditions"]),
            envelope=envelope,
        )
        size = predicate["log"]["size"]
        held = [
            ("statement type", (told["_type"], told["predicateType"]), (STATEMENT, PREDICATE)),
            ("decision", sign_off.decision in DECISIONS, True),
            ("printed name", sign_off.name, owner.person.name),
            *((name, getattr(sign_off, name), getattr(entry, name)) for name in ("run", "stage", "attempt")),
            ("person", sign_off.person, entry.by),
            *((name, getattr(sign_off, name), body.get(name)) for name in _LOGGED),
            ("log size", 0 < size < entry.seq, True),
        ]
        held.append(("log root", predicate["log"]["root"], root_at(size) if held[-1][1] else None))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Untrusted("not a sign-off statement", where=f"log entry {entry.seq}", got=repr(error)) from None
    except SopkitError as error:
        raise Untrusted(error.what, where=f"log entry {entry.seq}", expected=error.expected, got=error.got) from None
    for what, signed, logged in held:
        if signed != logged:
            raise Untrusted(f"{what}: {signed} was signed, {logged} was logged", where=f"log entry {entry.seq}")
    return sign_off


_LOGGED = ("key", "demo", "role", "gate", "decision", "comment", "withdraws")


def _meaning(decision: str, gate: Gate, withdraws: int | None) -> str:
    match decision:
        case "approve":
            return gate.meaning
        case "reject":
            return f"The opposite of: {gate.meaning} The run is to stop."
        case "return":
            return "This attempt does not count; the stage is to be executed again."
    return f"The sign-off of log entry {withdraws} no longer stands."
