"""Signing a settlement: said once, and only if it counts.

What would not count is refused before anything is signed, by the judge of `settlements` itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sopkit.archive import envelopes
from sopkit.archive.condition_states import Opened, opened
from sopkit.archive.entries import Entry, instant
from sopkit.archive.keys import fingerprint
from sopkit.archive.people import Signer, in_force, wall_time
from sopkit.archive.records import Case, case_of
from sopkit.archive.settlements import KIND, PREDICATE, REPEATED, digest_of, why_not
from sopkit.archive.statements import about
from sopkit.archive.workspace import Workspace
from sopkit.errors import NotFound, SignOffRefused

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["settle"]


def settle(
    workspace: Workspace,
    condition: str,
    *,
    private_key: Ed25519PrivateKey,
    at: datetime,
    comment: str,
    role: str | None = None,
) -> Entry:
    """Sign that a condition (`37.1`) is met or no longer matters, and log that; the log entry.

    `role` may be left out where the person holds one that the gate asks for, or owns the condition. Raises NotFound (no
    such condition), SignOffRefused for what would not count or is not open.
    """
    entries = workspace.log.entries()
    found, now = _open(workspace, entries, condition), wall_time(entries, at)
    said, where = found.said, f"{found.run}, condition {found.id}"
    if not comment.strip():
        raise SignOffRefused("a settlement needs a comment: how was it met?", where=where, remedy="--comment T")
    case = case_of(workspace, entries, found.run, said.stage, said.attempt)
    key = fingerprint(private_key.public_key())
    people = case.people(len(entries) + 1)
    signer = people.owner(key)
    role = role or _role(case, found, signer, now)
    if why := why_not(case, found.condition, key, role, people, now):
        raise SignOffRefused(f"this would not count: {why}", where=where)
    assert signer is not None
    told: dict[str, Any] = {
        "run": found.run,
        "model": found.model,
        "sop": {"name": case.sop.sop, "version": case.sop.version, "digest": case.subject.sop},
        "stage": said.stage,
        "attempt": said.attempt,
        "gate": said.gate,
        "condition": found.id,
        "sign_off": digest_of(said),
        "text": found.condition.text,
        "comment": comment.strip(),
        "name": signer.person.name,
        "role": role,
        "at": instant(at),
        "log": workspace.log.position(),
    }
    envelope = envelopes.sign(envelopes.PAYLOAD_TYPE, about(case.subject, PREDICATE, told), private_key)

    def expect(later: Sequence[Entry]) -> None:
        _open(workspace, later, condition)
        if in_force(workspace, later).seq != in_force(workspace, entries).seq:
            raise SignOffRefused("another people file was adopted meanwhile", where=where, remedy="do it again")

    return workspace.log.append(
        KIND,
        at=at,
        run=found.run,
        stage=said.stage,
        attempt=said.attempt,
        by=signer.person.id,
        body={"envelope": envelope, "key": key, "sop": case.sop.sop, **{name: told[name] for name in REPEATED}},
        expect=expect,
    )


def _open(workspace: Workspace, entries: Sequence[Entry], id: str) -> Opened:
    every = opened(workspace, entries)
    for each in every:
        if each.id == id:
            if each.state == "open":
                return each
            how = f"log entry {each.settlement.seq}" if each.settlement and each.state == "settled" else None
            raise SignOffRefused(f"condition {id} is {each.state} already", where=each.run, got=how)
    known = ", ".join(each.id for each in every if each.state == "open") or "none is open"
    raise NotFound(f"there is no condition {id!r}", expected=known, remedy="sop conditions  lists them")


def _role(case: Case, found: Opened, signer: Signer | None, at: datetime) -> str:
    """A role of the gate that the person holds, else the one that owns it; who has neither is told so by the judge."""
    held = [name for name in case.gate.roles if signer is not None and signer.person.holds(name, at)]
    return (held or [str(found.condition.owner)])[0]
