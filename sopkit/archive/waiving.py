"""Signing a waiver, or its withdrawal: said once, and only if it counts.

What would not count is refused before anything is signed, by the judge of `waivers` itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sopkit.archive import envelopes
from sopkit.archive.entries import Entry, instant
from sopkit.archive.keys import fingerprint
from sopkit.archive.people import Signer, in_force, wall_time
from sopkit.archive.records import Case, case_of
from sopkit.archive.runs import RunState, run_state
from sopkit.archive.statements import about
from sopkit.archive.waivers import (
    DEFAULT,
    KINDS,
    LONGEST,
    PREDICATE,
    REPEATED,
    Waivable,
    Waiver,
    found_in,
    standing,
    why_not,
)
from sopkit.archive.workspace import Workspace
from sopkit.errors import NotFound, SignOffRefused, WrongUse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["waive"]


def waive(
    workspace: Workspace,
    run: str,
    finding: str,
    *,
    private_key: Ed25519PrivateKey,
    at: datetime,
    reason: str,
    until: datetime | None = None,
    role: str | None = None,
    withdraw: bool = False,
) -> Entry:
    """Sign a waiver for a finding of a run, or withdraw those in force for it, and log that; the log entry.

    `until` defaults to `DEFAULT` from now; `role` may be left out where the person holds one that the gate asks for.
    Raises SignOffRefused for what would not count, NotFound (no such run or finding), WrongUse (no gate, a time that
    is past or too far).
    """
    entries = workspace.log.entries()
    state, now, where = run_state(entries, run), wall_time(entries, at), f"{run}, finding '{finding}'"
    until = until or now + DEFAULT
    if not reason.strip():
        raise SignOffRefused("a waiver needs a reason", where=where, remedy="--reason T")
    if withdraw:
        old = _in_force_for(workspace, entries, state, finding, now)
        case = case_of(workspace, entries, old[-1].run, old[-1].stage, old[-1].attempt)
        sentence, withdraws = old[-1].sentence, [each.seq for each in old]
        own = {each.person for each in old}
    else:
        known = _known(state, finding)
        _require_waivable(known, now, until, where)
        case = case_of(workspace, entries, run, known.stage)
        sentence, withdraws, own = known.sentence, [], set()
    key = fingerprint(private_key.public_key())
    people = case.people(len(entries) + 1)
    signer = people.owner(key)
    role = role or _role(case, signer, now)
    if why := why_not(case, key, role, people, now, own=own):
        raise SignOffRefused(f"this would not count: {why}", where=where)
    assert signer is not None
    said: dict[str, Any] = {
        "run": case.subject.run,
        "model": state.model,
        "sop": {"name": case.sop.sop, "version": case.sop.version, "digest": case.subject.sop},
        "stage": case.subject.stage,
        "attempt": case.subject.attempt,
        "gate": case.gate.id,
        "finding": finding,
        "sentence": sentence,
        "decision": "withdraw" if withdraw else "waive",
        "reason": reason.strip(),
        "until": instant(until),
        "withdraws": withdraws,
        "name": signer.person.name,
        "role": role,
        "at": instant(at),
        "log": workspace.log.position(),
    }
    envelope = envelopes.sign(envelopes.PAYLOAD_TYPE, about(case.subject, PREDICATE, said), private_key)
    return workspace.log.append(
        KINDS[said["decision"]],
        at=at,
        run=said["run"],
        stage=said["stage"],
        attempt=said["attempt"],
        by=signer.person.id,
        body={"envelope": envelope, "key": key, "sop": case.sop.sop, **{name: said[name] for name in REPEATED}},
        expect=lambda later: _require_same_people(workspace, entries, later, where),
    )


def _role(case: Case, signer: Signer | None, at: datetime) -> str:
    """The first role of the gate that the person holds; who holds none is told so by the judge."""
    held = [name for name in case.gate.roles if signer is not None and signer.person.holds(name, at)]
    return (held or list(case.gate.roles))[0]


def _known(state: RunState, finding: str) -> Waivable:
    found = found_in(state)
    for each in found:
        if each.id == finding:
            return each
    listed = ", ".join(each.id for each in found if each.waivable) or "nothing that stopped it can be waived"
    raise NotFound(f"no finding '{finding}' stopped this run", where=state.id, expected=listed)


def _in_force_for(
    workspace: Workspace, entries: Sequence[Entry], state: RunState, finding: str, at: datetime
) -> list[Waiver]:
    found = standing(workspace, entries, at=at, model=state.model, sop=state.sop)
    found = [each for each in found if each.finding == finding]
    if not found:
        what = f"no waiver of '{finding}' is in force for model '{state.model}'"
        raise SignOffRefused(what, remedy="sop waive --list  shows those that are")
    return [each for each in found if each.stage == found[-1].stage]


def _require_same_people(workspace: Workspace, before: Sequence[Entry], now: Sequence[Entry], where: str) -> None:
    if in_force(workspace, now).seq != in_force(workspace, before).seq:
        raise SignOffRefused("another people file was adopted meanwhile", where=where, remedy="do it again")


def _require_waivable(known: Waivable, now: datetime, until: datetime, where: str) -> None:
    if not known.waivable:
        what = f"'{known.id}' cannot be waived: {known.sentence}"
        raise SignOffRefused(what, where=where, remedy="correct the data or the model file")
    if until <= now:
        raise WrongUse("a waiver is for a time to come", where=where, expected=f"later than {now:%Y-%m-%d}", got=until)
    if until > now + LONGEST:
        raise WrongUse(
            f"a waiver holds for {LONGEST.days} days at most",
            where=where,
            expected=f"--until {now + LONGEST:%Y-%m-%d} or earlier",
            got=f"{until:%Y-%m-%d}",
            remedy="what is to be accepted for good belongs in the model file",
        )
