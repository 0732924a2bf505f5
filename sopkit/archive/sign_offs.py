"""Signing: a person's decision about the current attempt of a stage, said once, and only if it counts.

The rules:
* what would not count is refused before anything is signed, by the judge of the gate itself;
* the bytes are read from store and run folder, so nobody signs what differs from what they looked at;
* the signer is the owner of the key; the printed name comes from the people file, never from an argument;
* the log entry is the sign-off and comes first, written only if the attempt is still the current one;
  the record cell in the run notebook is its copy and comes after.

`from sopkit.archive import sign_offs` is the door for those who sign, judge and read sign-offs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sopkit.archive import envelopes
from sopkit.archive.checklist import stated
from sopkit.archive.entries import Entry
from sopkit.archive.folders import Kept, expected_files, rebuild
from sopkit.archive.keys import fingerprint
from sopkit.archive.notebooks import content_digest, parse_notebook
from sopkit.archive.people import InForce, Signer, wall_time
from sopkit.archive.records import Case, case_of, gate_result, read_sign_offs, subject_of
from sopkit.archive.statements import DECISIONS, SignOff, Subject, statement
from sopkit.archive.workspace import Workspace
from sopkit.errors import RecordError, SignOffRefused, WrongUse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["SignOff", "Subject", "gate_result", "read_sign_offs", "sign", "subject_of"]


def sign(
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
    conditions: Sequence[str] = (),
    withdraws: int | None = None,
    answers: Mapping[str, str] | None = None,
) -> Entry:
    """Sign the current attempt of a stage, log the sign-off and show it in the run notebook; the log entry.

    `decision` is approve, reject, return or withdraw; reject and return need a comment. `role` may be
    left out where the person holds exactly one that the gate asks for, `withdraws` (a log position)
    where only one sign-off of theirs stands. `answers` to the checklist (id -> yes, no, not-applicable): an approval
    answers yes to what is not named. Raises SignOffRefused for what would not count, NotFound
    (no such run or stage), WrongUse (no gate, no such decision), RecordError (what is kept was changed).
    """
    if decision not in DECISIONS:
        raise WrongUse("not a decision", expected=", ".join(DECISIONS), got=decision)
    comment = comment.strip()
    if decision in ("reject", "return") and not comment:
        raise SignOffRefused(f"a {decision} needs a comment: why?", where=f"{run}, stage {stage}", remedy="--comment T")
    entries = workspace.log.entries()
    case = _open_case(workspace, entries, run, stage, gate)
    key = fingerprint(private_key.public_key())
    signer = _signer(case.people(len(entries) + 1), key, case)
    judged_at = wall_time(entries, at)
    if decision == "withdraw":
        spoken = read_sign_offs(workspace, entries, run)[0]
        withdraws, role = _withdrawn(case, spoken, signer, judged_at, role, withdraws)
    else:
        role = _role(case, signer, judged_at, role)
    checklist: Mapping[str, Mapping[str, str]] = {}
    if decision != "withdraw":
        checklist = stated(
            case.sop, case.state, case.gate.id, role=role, decision=decision, given=answers or {}, comment=comment
        )
    _require_what_was_seen(workspace, entries, case)
    payload = statement(
        case.subject,
        case.gate,
        case.sop,
        decision=decision,
        role=role,
        name=signer.person.name,
        comment=comment,
        conditions=tuple(conditions),
        withdraws=withdraws,
        checklist=checklist,
        at=at,
        log=workspace.log.position(),
    )
    body = {
        "envelope": envelopes.sign(envelopes.PAYLOAD_TYPE, payload, private_key),
        "demo": signer.demo,
        "key": key,
        "role": role,
        "gate": case.gate.id,
        "decision": decision,
        "comment": comment,
        "withdraws": withdraws,
        "checklist": checklist,
    }

    def expect(now: Sequence[Entry]) -> None:
        still = _open_case(workspace, now, run, stage, gate)
        said = SignOff(
            seq=len(now) + 1,
            at=wall_time(now, at),
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
        _require_counts(still, read_sign_offs(workspace, now, run)[0], said)

    expect(entries)
    entry = workspace.log.append(
        "sign_off",
        at=at,
        run=run,
        stage=stage,
        attempt=case.subject.attempt,
        by=signer.person.id,
        body=body,
        expect=expect,
    )
    rebuild(workspace, run)
    return entry


def _open_case(workspace: Workspace, entries: Sequence[Entry], run: str, stage: str, gate: str | None) -> Case:
    """The case of a gate that can still be signed. Raises SignOffRefused, NotFound, WrongUse."""
    case = case_of(workspace, entries, run, stage)
    if case.state.ended:
        raise SignOffRefused(f"run {run} is over: it is {case.state.state}", remedy="start a new run")
    if gate not in (None, case.gate.id):
        raise SignOffRefused(f"stage '{stage}' has no gate '{gate}'", where=run, expected=case.gate.id)
    return case


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


def _withdrawn(
    case: Case, spoken: Sequence[SignOff], signer: Signer, at: datetime, role: str | None, withdraws: int | None
) -> tuple[int, str]:
    """Which standing sign-off of the person is withdrawn, and the role in which it was made."""
    standing = [
        said
        for said in case.judge([said for said in spoken if said.gate == case.gate.id], at).standing
        if said.person == signer.person.id and role in (None, said.role) and withdraws in (None, said.seq)
    ]
    if len(standing) == 1:
        return standing[0].seq, standing[0].role
    what = "no sign-off" if not standing else "more than one sign-off"
    raise SignOffRefused(
        f"{what} of {signer.person.id} stands at gate '{case.gate.id}' for attempt {case.subject.attempt}",
        where=f"{case.state.id}, stage {case.subject.stage}",
        got=", ".join(f"{said.decision} as {said.role} (log entry {said.seq})" for said in standing) or None,
        remedy="say which: --role R" if standing else None,
    )


def _require_counts(case: Case, spoken: Sequence[SignOff], said: SignOff) -> None:
    """Let the judge of the gate hear it. Raises SignOffRefused with the judge's reason if it would not count."""
    result = case.judge([*(other for other in spoken if other.gate == said.gate), said], said.at)
    reasons = [refused.reason for refused in result.refused if refused.seq == said.seq]
    if said.decision == "approve":
        reasons += [*result.reasons, *(f"{person} has returned this attempt" for person in result.returned_by)]
    if reasons:
        raise SignOffRefused(f"this sign-off would not count: {reasons[0]}", where=f"{said.run}, stage {said.stage}")


def _require_what_was_seen(workspace: Workspace, entries: Sequence[Entry], case: Case) -> None:
    """What is kept is whole, and the files that people look at are copies of it. Raises RecordError, NotFound."""
    for digest in case.subject.artifacts.values():
        workspace.store.check(digest)
    run = case.subject.run
    while (other := _not_what_was_sealed(workspace, entries, case)) is not None:
        # A sign-off is in the log first, and in the file a moment later: a file may show the log as it was before one.
        before = [place for place, entry in enumerate(entries) if entry.kind == "sign_off" and entry.run == run]
        if any(_not_what_was_sealed(workspace, entries[:place], case) is None for place in reversed(before)):
            return
        newer = workspace.log.entries()
        if len(newer) == len(entries):
            raise RecordError(
                "what lies in the run folder is not what was sealed, so it cannot be signed",
                where=other,
                remedy=f"sop verify {run} shows it; sop resume {run} puts the sealed one back",
            )
        entries = newer  # somebody has signed since, and the file shows that already


def _not_what_was_sealed(workspace: Workspace, entries: Sequence[Entry], case: Case) -> str | None:
    """The first file of the stage that is not a copy of what is kept as of these entries."""
    subject = case.subject
    folder = f"{workspace.runs.name}/{case.state.sop}/{subject.run}"
    for name, kept in expected_files(workspace, entries, subject.run).items():
        seen = name.removeprefix(f"{folder}/")
        path = workspace.root / name
        if seen == subject.file:
            same = _shows_what_was_sealed(workspace, path, kept)
        elif seen.startswith(f"artifacts/{subject.stage}/"):
            same = not path.exists() or kept.matches(path, workspace.store)
        else:
            continue
        if not same:
            return name
    return None


def _shows_what_was_sealed(workspace: Workspace, path: Path, kept: Kept) -> bool:
    if content_digest(parse_notebook(workspace.store.get(kept.digest), path.name)) != kept.content:
        return False
    if not path.exists() or kept.matches(path, workspace.store):
        return True
    return kept.why_altered(path, workspace.store) is None
