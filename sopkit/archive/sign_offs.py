"""Signing: a person's decision about the current attempt of a stage, said once, and only if it counts.

`sign` is `prepare` (read the bytes, judge, sign; here or on a copy elsewhere) and then `accept` (judge again, log, show
in the run notebook). Each module says which rules it keeps.

`from sopkit.archive import sign_offs` is the door for those who sign, judge and read sign-offs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from sopkit.archive.accepting import accept
from sopkit.archive.conditions import Condition
from sopkit.archive.countable import not_opened
from sopkit.archive.entries import Entry
from sopkit.archive.judging import gate_result
from sopkit.archive.preparing import prepare
from sopkit.archive.records import read_sign_offs, subject_of
from sopkit.archive.statements import SignOff, Subject
from sopkit.archive.workspace import Workspace

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "Condition",
    "SignOff",
    "Subject",
    "accept",
    "gate_result",
    "not_opened",
    "prepare",
    "read_sign_offs",
    "sign",
    "subject_of",
]


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
    conditions: Sequence[Condition | str] = (),
    withdraws: int | None = None,
    answers: Mapping[str, str] | None = None,
    opened: Iterable[str] = (),
    seen: str | None = None,
) -> Entry:
    """Sign the current attempt of a stage, log the sign-off and show it in the run notebook; the log entry.

    `decision` is approve, reject, return or withdraw; all but approve need a comment. `role` may be
    left out where the person holds exactly one that the gate asks for, `withdraws` (a log position)
    where only one sign-off of theirs stands. `conditions` of an approval open findings, see `condition_states`.
    `answers` to the checklist (id -> yes, no, not-applicable): an approval answers yes to what is not named.
    `opened` names what the signer had opened; `seen` is the `Subject.seen` of what was shown: if the subject is
    another one now, nothing is signed. Raises SignOffRefused for what would not count, NotFound (no such run or
    stage), WrongUse (no gate, no such decision), RecordError (what is kept was changed).
    """
    envelope = prepare(
        workspace,
        run,
        stage,
        decision=decision,
        private_key=private_key,
        at=at,
        gate=gate,
        role=role,
        comment=comment,
        conditions=conditions,
        withdraws=withdraws,
        answers=answers,
        opened=opened,
        seen=seen,
    )
    return accept(workspace, envelope, at=at)
