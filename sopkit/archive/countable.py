"""Would a sign-off count? What the one who signs and the one who accepts ask alike.

The rules:
* a run that is over is not signed, and a stage only at its own gate;
* the judge of the gate hears what is to be said, after all that was said before, and names the reason;
* everything but an approval needs a comment: why;
* what a gate wants to be opened before it is approved is asked for at the desk, where it is known what was opened;
* a person takes back only what they said themselves and what stands.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from sopkit.archive.entries import Entry
from sopkit.archive.records import Case, case_of
from sopkit.archive.statements import SignOff
from sopkit.archive.workspace import Workspace
from sopkit.definitions.sop import Gate
from sopkit.errors import SignOffRefused

__all__ = ["not_opened", "open_case", "require_comment", "require_counts", "withdrawn"]


def open_case(workspace: Workspace, entries: Sequence[Entry], run: str, stage: str, gate: str | None) -> Case:
    """The case of a gate that can still be signed. Raises SignOffRefused, NotFound, WrongUse."""
    case = case_of(workspace, entries, run, stage)
    if case.state.ended:
        raise SignOffRefused(f"run {run} is over: it is {case.state.state}", remedy="start a new run")
    if gate not in (None, case.gate.id):
        raise SignOffRefused(f"stage '{stage}' has no gate '{gate}'", where=run, expected=case.gate.id)
    return case


def require_comment(decision: str, comment: str, where: str) -> None:
    """Raises SignOffRefused unless there is a comment where one is needed."""
    if decision != "approve" and not comment.strip():
        what = "withdrawal" if decision == "withdraw" else decision
        raise SignOffRefused(f"a {what} needs a comment: why?", where=where, remedy="--comment T")


def not_opened(gate: Gate, opened: Collection[str]) -> list[str]:
    """What a reviewer has yet to open before approving at the desk, in the gate's order."""
    return [panel for panel in gate.read_first if panel not in opened]


def require_counts(case: Case, spoken: Sequence[SignOff], said: SignOff) -> None:
    """Let the judge of the gate hear it. Raises SignOffRefused with the judge's reason if it would not count."""
    result = case.judge([*(other for other in spoken if other.gate == said.gate), said], said.at)
    reasons = [refused.reason for refused in result.refused if refused.seq == said.seq]
    if said.decision == "approve":
        reasons += [*result.reasons, *(f"{person} has returned this attempt" for person in result.returned_by)]
    if reasons:
        raise SignOffRefused(f"this sign-off would not count: {reasons[0]}", where=f"{said.run}, stage {said.stage}")


def withdrawn(
    case: Case, spoken: Sequence[SignOff], person: str, at: datetime, role: str | None, withdraws: int | None
) -> tuple[int, str]:
    """Which standing sign-off of the person is withdrawn, and the role in which it was made."""
    standing = [
        said
        for said in case.judge([said for said in spoken if said.gate == case.gate.id], at).standing
        if said.person == person and role in (None, said.role) and withdraws in (None, said.seq)
    ]
    if len(standing) == 1:
        return standing[0].seq, standing[0].role
    what = "no sign-off" if not standing else "more than one sign-off"
    raise SignOffRefused(
        f"{what} of {person} stands at gate '{case.gate.id}' for attempt {case.subject.attempt}",
        where=f"{case.state.id}, stage {case.subject.stage}",
        got=", ".join(f"{said.decision} as {said.role} (log entry {said.seq})" for said in standing) or None,
        remedy="say which: --role R" if standing else None,
    )
