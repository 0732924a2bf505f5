"""Where a run stands now: its facts, with what was signed since the runner stopped taken into account.

The log says what was missed when the run stopped; who has signed since then is judged here, so that the command
line, the desk and the static pages never ask anyone for a sign-off that is there.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sopkit.archive.condition_states import opened
from sopkit.archive.gates import GateResult
from sopkit.archive.judging import gate_result
from sopkit.archive.records import sop_of
from sopkit.archive.runs import RunState, run_ids, run_state
from sopkit.archive.waivers import standing
from sopkit.archive.workspace import Workspace
from sopkit.definitions.sop import Sop, Stage
from sopkit.errors import NotFound
from sopkit.views import facts

__all__ = ["as_signed", "facts_of", "find_run", "find_stage", "pinned_sop"]


def find_run(workspace: Workspace, text: str) -> RunState:
    """The run of that id, the only one whose id starts or ends so, or the newest for `last`. Raises NotFound."""
    entries = workspace.log.entries()
    ids = run_ids(entries)
    if text == "last" and ids:
        return run_state(entries, ids[0])
    same = [id for id in ids if id == text]
    found = same or [id for id in ids if id.startswith(text) or id.endswith(f"-{text}")]
    if len(found) == 1:
        return run_state(entries, found[0])
    if found:
        listed = ", ".join(found)
        raise NotFound(f"'{text}' is the start of more than one run", expected="a run's whole id", got=listed)
    raise NotFound(f"no run '{text}'", where=workspace.runs, remedy="sop status  lists the runs")


def find_stage(sop: Sop, stage: str) -> Stage:
    """The stage of that id. Raises NotFound."""
    try:
        return sop.stage(stage)
    except KeyError:
        known = ", ".join(each.id for each in sop.stages)
        raise NotFound(f"SOP '{sop.sop}' has no stage '{stage}'", expected=f"one of {known}") from None


def pinned_sop(workspace: Workspace, state: RunState) -> Sop:
    """The SOP as it was when the run started. Raises NotFound, DigestMismatch."""
    return sop_of(workspace, state)


def facts_of(workspace: Workspace, state: RunState, *, at: datetime | None = None) -> dict[str, Any]:
    """What `views.facts` says about a run at a wall time (default: now), which waivers and conditions depend on."""
    at = at or datetime.now(UTC)
    entries = workspace.log.entries()
    accepted = standing(workspace, entries, at=at, model=state.model, sop=state.sop)
    asked = opened(workspace, entries, model=state.model, sop=state.sop)
    return facts.run_facts(
        as_signed(workspace, state, at=at),
        pinned_sop(workspace, state),
        waivers=[waiver.to_dict() for waiver in accepted],
        conditions=[each.to_dict(at) for each in asked if each.state == "open" or each.run == state.id],
    )


def as_signed(workspace: Workspace, state: RunState, *, at: datetime | None = None) -> RunState:
    """`state`, waiting only for what is missing at a wall time (default: now); the log names what was at the stop.

    A gate to which no sign-off is missing and which is closed all the same is a need of the kind `gate`, with `why`.
    """
    if state.state != "waiting" or not state.waiting_for:
        return state
    entries, needs, reasons = workspace.log.entries(), [], list[str]()
    for need in state.waiting_for:
        if need["kind"] != "sign_off":
            needs.append(need)
            continue
        judged = gate_result(workspace, entries, state.id, need["stage"], at=at or datetime.now(UTC))
        reasons += judged.reasons
        if missing := _missing(judged):
            needs.append({**need, "roles": missing})
        elif judged.reasons:
            needs.append({**need, "kind": "gate", "roles": [], "why": "; ".join(judged.reasons)})
    why = "; ".join(reasons) or (state.why if needs else "what it waited for is there: resume it")
    return replace(state, waiting_for=tuple(needs), why=why)


def _missing(gate: GateResult) -> list[str]:
    """A role for each sign-off that would still help: none where somebody has said reject or return."""
    if gate.rejected_by or gate.returned_by:
        return []
    return [role for role, number in sorted(gate.missing.items()) for _ in range(number)]
