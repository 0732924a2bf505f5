"""Judging a gate now, from everything that the log knows: sign-offs, evidence, and what is overdue.

The rules:
* the gate is judged by `gates`, from verified sign-offs; those that do not verify are named, and count for nothing;
* an overdue condition of the model and SOP closes a gate that was not passed yet (see `condition_states`): sign-offs
  are recorded all the same, and it opens when the condition is settled;
* a gate is passed once a stage behind it was started, or an effect of its stage begun, after its attempt was sealed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sopkit.archive.condition_states import overdue_reasons
from sopkit.archive.entries import Entries, Entry
from sopkit.archive.gates import GateResult
from sopkit.archive.records import case_of, gate_of, read_sign_offs
from sopkit.archive.runs import run_state
from sopkit.archive.states import RunState
from sopkit.archive.workspace import Workspace
from sopkit.definitions.sop import Sop
from sopkit.errors import SignOffRefused

__all__ = ["gate_result", "passed"]


def gate_result(
    workspace: Workspace, entries: Sequence[Entry], run: str, stage: str, *, at: datetime | None = None
) -> GateResult:
    """Judge the gate of a stage from the log, at wall time `at` (default: the last entry's).

    Closed, with the reason, where there is no sealed attempt. Raises NotFound (no such run or stage),
    WrongUse (the stage has no gate).
    """
    gate = gate_of(workspace, run_state(entries, run), stage)[1]
    try:
        case = case_of(workspace, entries, run, stage)
    except SignOffRefused as error:
        return GateResult(gate.id, gate.roles, dict.fromkeys(gate.roles, ()), dict(gate.roles), reasons=(error.what,))
    sign_offs, forged = read_sign_offs(workspace, entries, run)
    mine = [sign_off for sign_off in sign_offs if sign_off.gate == gate.id]
    at = at or entries[-1].at
    result = case.judge(mine, at)
    if not passed(case.sop, case.state, stage):
        overdue = overdue_reasons(workspace, entries, case.state, at)
        result = replace(result, reasons=(*result.reasons, *overdue))
    logged_here = {entry.seq for entry in Entries.of(entries).of_run(run) if entry.stage == stage}
    unverified = tuple(refused for refused in forged if refused.seq in logged_here)
    return replace(result, refused=(*unverified, *result.refused))


def passed(sop: Sop, state: RunState, stage: str) -> bool:
    """Whether anything behind the gate of a stage was begun since the stage's current attempt was sealed."""
    current = state.stage(stage).sealed
    if current is None or current.ended is None:
        return False
    ids = [each.id for each in sop.stages]
    behind = [state.stage(id) for id in ids[ids.index(stage) + 1 :]]
    if any(attempt.seq > current.ended for each in behind for attempt in each.attempts):
        return True
    return any((effect.stage, effect.attempt) == (stage, current.number) for effect in state.effects)
