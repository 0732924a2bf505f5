"""Preparing a sign-off: from a decision about what lies on this disk to a signed envelope. Nothing is written.

The rules:
* what would not count is refused before anything is signed, by the judge of the gate itself;
* the bytes are read from store and run folder, so nobody signs what differs from what they looked at, and whoever
  hands in what was shown (`seen`, of `Subject`) signs nothing else;
* the signer is the owner of the key; the printed name comes from the people file, never from an argument.

The workspace may be a copy on another machine: the envelope names where its log stood, and `accepting` takes it
into the log that continues from there.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sopkit.archive import envelopes
from sopkit.archive.checklist import stated
from sopkit.archive.conditions import Condition, completed, require_conditions
from sopkit.archive.countable import open_case, require_comment, require_counts, withdrawn
from sopkit.archive.keys import fingerprint
from sopkit.archive.people import InForce, Signer, wall_time
from sopkit.archive.records import Case, read_sign_offs
from sopkit.archive.seen import require_what_was_seen
from sopkit.archive.statements import DECISIONS, SignOff, statement
from sopkit.archive.workspace import Workspace
from sopkit.errors import SignOffRefused, WrongUse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["prepare"]


def prepare(
    workspace: Workspace,
    run: str,
    stage: str,
    *,
    decision: str,
    private_key: Ed25519PrivateKey,
    at: datetime,
    gate: str | None = None,
    role: str | None = None,
    comment: str = "",
    conditions: Sequence[Condition | str] = (),
    withdraws: int | None = None,
    answers: Mapping[str, str] | None = None,
    opened: Iterable[str] = (),
    seen: str | None = None,
    left_out: Container[str] = (),
) -> dict[str, Any]:
    """The signed envelope of a decision about the current attempt of a stage; arguments and errors as of `sign`.

    `left_out` are digests of data and models that are not in this copy of the workspace.
    """
    if decision not in DECISIONS:
        raise WrongUse("not a decision", expected=", ".join(DECISIONS), got=decision)
    comment = comment.strip()
    require_comment(decision, comment, f"{run}, stage {stage}")
    entries = workspace.log.entries()
    case = open_case(workspace, entries, run, stage, gate)
    if seen not in (None, case.subject.seen):
        raise SignOffRefused(
            "what was shown has changed since",
            where=f"{run}, stage {stage}",
            got=f"attempt {case.subject.attempt}, sealed {case.subject.sealed_at:%Y-%m-%d %H:%M:%S} UTC",
            remedy="look at it again, then sign",
        )
    key = fingerprint(private_key.public_key())
    signer = _signer(case.people(len(entries) + 1), key, case)
    judged_at = wall_time(entries, at)
    asked = completed(conditions, case.sop, at)
    require_conditions(asked, decision, case.sop, case.people(len(entries) + 1).people, at, f"{run}, stage {stage}")
    spoken = read_sign_offs(workspace, entries, run)[0]
    checklist: Mapping[str, Mapping[str, str]] = {}
    if decision == "withdraw":
        withdraws, role = withdrawn(case, spoken, signer.person.id, judged_at, role, withdraws)
    else:
        withdraws, role = None, _role(case, signer, judged_at, role)
        checklist = stated(
            case.sop, case.state, case.gate.id, role=role, decision=decision, given=answers or {}, comment=comment
        )
    require_what_was_seen(workspace, entries, case, left_out)
    said = SignOff(
        seq=len(entries) + 1,
        at=judged_at,
        key=key,
        run=run,
        stage=stage,
        attempt=case.subject.attempt,
        gate=case.gate.id,
        decision=decision,
        role=role,
        sop=case.subject.sop,
        digests=case.subject.digests,
        withdraws=withdraws,
        checklist=checklist,
    )
    require_counts(case, spoken, said)
    payload = statement(
        case.subject,
        case.gate,
        case.sop,
        decision=decision,
        role=role,
        name=signer.person.name,
        comment=comment,
        conditions=asked,
        withdraws=withdraws,
        checklist=checklist,
        opened=opened,
        at=at,
        log=workspace.log.position(),
    )
    return envelopes.sign(envelopes.PAYLOAD_TYPE, payload, private_key)


def _signer(people: InForce, key: str, case: Case) -> Signer:
    signer = people.owner(key)
    if signer is None:
        raise SignOffRefused(
            "this key is nobody's in the people file in force",
            where=f"{case.state.id}, stage {case.subject.stage}",
            got=key,
            remedy="a people-admin adds it to templates/people.yaml and signs that:  sop people sign",
        )
    return signer


def _role(case: Case, signer: Signer, at: datetime, role: str | None) -> str:
    """The role in which to sign: the one that is named, or the only one that the gate asks for and the person holds."""
    if role is not None:
        return role
    held = [name for name in case.gate.roles if signer.person.holds(name, at)]
    if len(held) == 1:
        return held[0]
    asked = ", ".join(case.gate.roles)
    if held:
        remedy = f"say in which: --role {held[0]}"
        raise SignOffRefused(f"{signer.person.id} holds more than one role of gate '{case.gate.id}'", remedy=remedy)
    raise SignOffRefused(
        f"{signer.person.id} holds no role that gate '{case.gate.id}' asks for",
        where=f"{case.state.id}, stage {case.subject.stage}",
        expected=asked,
        got=", ".join(sorted(held.role for held in signer.person.roles if held.valid_at(at))) or "no role",
    )
