"""Accepting a sign-off: a signed envelope into the log, then into the run notebook. It may come from anywhere.

The rules:
* nothing is believed but the envelope: signature, log position, person, role and digests are judged here, by this log
  and the people in force now, and every field of the log entry follows from the statement;
* the statement is word for word what this release states about the same decision, made from this log: an answer to
  the checklist that no result gave, another meaning or a field more is refused;
* an envelope is accepted once, and not if its signer has rejected, returned or withdrawn something since it was made;
* all of it is judged again under the lock of the log, so that two who sign at once hear each other;
* the log entry is the sign-off and comes first; the record cell in the run notebook is its copy and comes after.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sopkit.archive import envelopes
from sopkit.archive.checklist import stated
from sopkit.archive.conditions import require_conditions
from sopkit.archive.countable import open_case, require_comment, require_counts, withdrawn
from sopkit.archive.entries import Entry
from sopkit.archive.folders import rebuild
from sopkit.archive.people import in_force, wall_time
from sopkit.archive.records import Case, read_sign_offs
from sopkit.archive.statements import SignOff, read_sign_off, statement
from sopkit.archive.workspace import Workspace
from sopkit.errors import SignOffRefused, Untrusted

__all__ = ["accept"]


def accept(workspace: Workspace, envelope: Mapping[str, Any], *, at: datetime) -> Entry:
    """Log the sign-off in an envelope that `prepare` made here or on a copy of this workspace; the log entry.

    `at` is the wall time of accepting, at which key and role are judged. Raises Untrusted for what is no sign-off of
    this workspace, SignOffRefused for what would not count, NotFound (no such run or stage), WrongUse (no gate).
    """
    entries = workspace.log.entries()
    entry = _judged(workspace, entries, envelope, at)

    def expect(now: Sequence[Entry]) -> None:
        again = _judged(workspace, now, envelope, at)
        if (again.by, again.body) != (entry.by, entry.body):
            raise SignOffRefused("another people file was adopted meanwhile", remedy="do it again")

    logged = workspace.log.append(
        entry.kind,
        at=at,
        run=entry.run,
        stage=entry.stage,
        attempt=entry.attempt,
        by=entry.by,
        body=entry.body,
        expect=expect,
    )
    rebuild(workspace, str(logged.run))
    return logged


def _judged(workspace: Workspace, entries: Sequence[Entry], envelope: Mapping[str, Any], at: datetime) -> Entry:
    """The entry that would follow `entries`, if it counts. Raises as `accept`."""
    told = _told(workspace, envelope)
    case = open_case(workspace, entries, told["run"], told["stage"], told["gate"])
    people = in_force(workspace, entries, run=told["run"])
    key = envelopes.verify(envelope, people.public_keys())
    signer = people.owner(key)
    body = {
        "envelope": dict(envelope),
        "demo": signer is not None and signer.demo,
        "key": key,
        **{name: told[name] for name in _REPEATED},
    }
    by = signer.person.id if signer else None
    entry = Entry(len(entries) + 1, at, "sign_off", None, told["run"], told["stage"], told["attempt"], by, body)
    said = read_sign_off(entry, people, wall_time(entries, at), workspace.log.root_at)
    spoken = read_sign_offs(workspace, entries, said.run)[0]
    _require_new(spoken, said, told["log"]["size"])
    where, signed_at = f"{said.run}, stage {said.stage}", datetime.fromisoformat(told["at"])
    require_comment(said.decision, said.comment, where)
    require_conditions(said.conditions, said.decision, case.sop, people.people, signed_at, where)
    require_counts(case, spoken, said)
    _require_our_words(case, spoken, said, told, by or "")
    return entry


_REPEATED = ("role", "gate", "decision", "comment", "withdraws", "checklist", "conditions", "opened")
_FIELDS: dict[str, tuple[type, ...]] = {
    "run": (str,),
    "sop": (dict,),
    "stage": (str,),
    "attempt": (int,),
    "gate": (str,),
    "decision": (str,),
    "meaning": (str,),
    "comment": (str,),
    "conditions": (list,),
    "name": (str,),
    "role": (str,),
    "at": (str,),
    "log": (dict,),
    "withdraws": (int, type(None)),
    "checklist": (dict,),
    "opened": (list,),
}


def _told(workspace: Workspace, envelope: Mapping[str, Any]) -> dict[str, Any]:
    """The predicate of an envelope, not verified, but of the right form and made from this log. Raises Untrusted."""
    try:
        told: dict[str, Any] = json.loads(envelopes.payload(envelope))["predicate"]
        wrong = [name for name, kinds in _FIELDS.items() if not isinstance(told[name], kinds)]
        size, root = told["log"]["size"], told["log"]["root"]
        wrong += [] if datetime.fromisoformat(told["at"]).tzinfo else ["at"]
        for said in told["checklist"].values():
            wrong += [] if all(isinstance(said[word], str) for word in ("question", "answer")) else ["checklist"]
        wrong += [] if all(isinstance(panel, str) for panel in told["opened"]) else ["opened"]
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise Untrusted("not a sign-off that can be accepted", got=repr(error)) from None
    if wrong:
        raise Untrusted("not a sign-off that can be accepted", got=f"{wrong[0]} is {told[wrong[0]]!r}")
    here = type(size) is int and 0 < size <= workspace.log.size and workspace.log.root_at(size) == root
    if not here:
        raise Untrusted(
            "it was not signed in this workspace, or in no copy of it",
            where=f"{told['run']}, stage {told['stage']}",
            expected="a size and a root that this log had",
            got=f"{size} entries, root {root}",
            remedy="sign again, on a new copy of this workspace",
        )
    return told


def _require_new(spoken: Sequence[SignOff], said: SignOff, size: int) -> None:
    where = f"{said.run}, stage {said.stage}"
    for other in spoken:
        if other.envelope["payload"] == said.envelope["payload"]:
            raise SignOffRefused("this sign-off is in the log already", where=where, got=f"log entry {other.seq}")
        same = (other.person, other.stage, other.attempt) == (said.person, said.stage, said.attempt)
        if same and other.seq > size and other.decision != "approve":
            what = f"{said.person} has said {other.decision} (log entry {other.seq}) since this was signed"
            raise SignOffRefused(what, where=where, remedy="look at it again, and sign again")


def _require_our_words(
    case: Case, spoken: Sequence[SignOff], said: SignOff, told: Mapping[str, Any], person: str
) -> None:
    """The statement is the one that `prepare` makes of the same decision. Raises SignOffRefused, WrongUse."""
    withdraws, checklist = None, {}
    if said.decision == "withdraw":
        withdraws = withdrawn(case, spoken, person, said.at, said.role, said.withdraws)[0]
    else:
        given = {id: word["answer"] for id, word in said.checklist.items() if "answered_by" not in word}
        checklist = stated(
            case.sop,
            case.state,
            case.gate.id,
            role=said.role,
            decision=said.decision,
            given=given,
            comment=said.comment,
        )
    ours = statement(
        case.subject,
        case.gate,
        case.sop,
        decision=said.decision,
        role=said.role,
        name=said.name,
        comment=said.comment.strip(),
        conditions=said.conditions,
        withdraws=withdraws,
        checklist=checklist,
        opened=said.opened,
        at=datetime.fromisoformat(told["at"]),
        log={name: told["log"][name] for name in ("size", "root")},
    )
    if ours == envelopes.payload(said.envelope):
        return
    expected = json.loads(ours)["predicate"]
    other = sorted(name for name in {*told, *expected} if told.get(name) != expected.get(name))
    raise SignOffRefused(
        "the statement is not what is stated here about this decision",
        where=f"{said.run}, stage {said.stage}",
        expected="the same release of sopkit, and nothing changed in between",
        got=f"differs in: {', '.join(other) or 'its form'}",
        remedy="sign again, on a new copy of this workspace",
    )
