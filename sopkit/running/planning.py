"""What happens next in a run: one pure function over the SOP, the run's state and its gates.

For each stage in order, the first rule that applies decides:
1. a stage that was never executed, whose last attempt failed, was interrupted or returned, or one
   of whose used inputs has another digest now, is executed; if it has to wait for the clock first,
   the run waits;
2. a result that must pass and does not stops the run: `blocked`;
3. an outcome that ends the run ends it, without asking anyone to sign what moves nothing;
4. a gate with a standing reject stops the run: `rejected`; a gate that is not open makes it wait;
5. effects that the stage requested are performed, in order, once;
6. an outcome that the stage concluded becomes the run's.

A stage at or before one whose effects have moved something is never executed again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sopkit.archive.gates import GateResult
from sopkit.archive.runs import AttemptState, RunState
from sopkit.definitions.results import Requested
from sopkit.definitions.sop import Sop, Stage

__all__ = ["Action", "Conclude", "Execute", "Finish", "Perform", "Wait", "next_action"]


@dataclass(frozen=True)
class Execute:
    stage: str
    attempt: int
    because: list[str]


@dataclass(frozen=True)
class Perform:
    stage: str
    attempt: int
    index: int
    request: Requested


@dataclass(frozen=True)
class Conclude:
    """Make a concluded outcome that does not end the run its outcome."""

    stage: str
    outcome: str
    why: str


@dataclass(frozen=True)
class Wait:
    """`needs` holds `{stage, kind: sign_off|clock, roles, until}`; empty after `--until`."""

    why: str
    needs: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Finish:
    """The end: `state` is `done` or `stopped`."""

    state: str
    outcome: str | None
    why: str
    stage: str | None = None


Action = Execute | Perform | Conclude | Wait | Finish


def next_action(
    sop: Sop,
    state: RunState,
    *,
    as_of: datetime,
    gate: Callable[[str], GateResult],
    wait_of: Callable[[Stage], timedelta],
    inputs_now: Callable[[], Mapping[str, str]],
    moving: frozenset[str],
    until: str | None = None,
) -> Action:
    """The next action of a run.

    `gate` judges the gate of a stage from verified sign-offs; `wait_of` gives the waiting time of a
    stage; `inputs_now` the digests, now, of inputs from outside the run (such as `champion`);
    `moving` are the effects that change what is in service.
    """
    frozen = _frozen(sop, state, moving)
    before: AttemptState | None = None
    for position, stage in enumerate(sop.stages):
        current = _current(state, stage.id)
        because = [] if position <= frozen else _why_execute(stage, state, inputs_now, outside=frozen < 0)
        if because:
            if stage.wait and before is not None and (ready := _as_of(before) + wait_of(stage)) > as_of:
                until_text = ready.isoformat().replace("+00:00", "Z")
                need = {"stage": stage.id, "kind": "clock", "roles": [], "until": until_text}
                return Wait(f"stage '{stage.id}' may start as of {until_text}", [need])
            return Execute(stage.id, _attempts(state, stage.id) + 1, because)
        assert current is not None
        action = _after(sop, stage, current, state, gate)
        if action is not None:
            return action
        if until == stage.id:
            return Wait(f"as asked, nothing after stage '{stage.id}' was executed")
        before = current
    return Finish("done", state.outcome, "every stage is done")


def _after(
    sop: Sop, stage: Stage, current: AttemptState, state: RunState, gate: Callable[[str], GateResult]
) -> Action | None:
    """What a sealed attempt asks for before the next stage may start."""
    for name, required in stage.results.items():
        verdict = current.results.get(name, {}).get("verdict")
        if required.must_pass and verdict != "pass":
            reason = current.results.get(name, {}).get("reason") or required.title
            return Finish("stopped", "blocked", f"{stage.id}: `{name}` is {verdict or 'missing'}: {reason}", stage.id)
    concluded = current.concluded
    if concluded and sop.outcomes[concluded["outcome"]].ends:
        end = "stopped" if concluded["outcome"] == "blocked" else "done"
        return Finish(end, concluded["outcome"], concluded["why"], stage.id)
    if stage.gate is not None:
        judged = gate(stage.id)
        if judged.rejected_by:
            names = ", ".join(judged.rejected_by)
            return Finish("stopped", "rejected", f"{names} rejected {stage.id} at gate '{stage.gate.id}'", stage.id)
        if not judged:
            roles = [role for role, missing in sorted(judged.missing.items()) for _ in range(missing)]
            need = {"stage": stage.id, "kind": "sign_off", "roles": roles, "until": None}
            why = "".join(f": {reason}" for reason in judged.reasons[:1])
            return Wait(f"gate '{stage.gate.id}' of stage '{stage.id}' is closed{why}", [need])
    for index, request in enumerate(current.requests):
        if _effect(state, stage.id, current.number, index) != "done":
            return Perform(stage.id, current.number, index, Requested.model_validate(request))
    if concluded and state.outcome != concluded["outcome"]:
        return Conclude(stage.id, concluded["outcome"], concluded["why"])
    return None


def _why_execute(
    stage: Stage, state: RunState, inputs_now: Callable[[], Mapping[str, str]], *, outside: bool
) -> list[str]:
    current = _current(state, stage.id)
    if current is None:
        return ["first attempt"]
    match current.status:
        case "failed":
            return [f"attempt {current.number} failed: {current.reason}"]
        case "interrupted" | "running":
            return [f"attempt {current.number} was interrupted"]
        case "returned":
            return [f"attempt {current.number} was returned by {_returned_by(state, stage.id, current.number)}"]
    changed = []
    for used in current.uses:
        name, digest = used["input"], used["digest"]
        if name.startswith("stage:"):
            now = _artifact(state, name)
        elif outside and name in (known := inputs_now()):
            now = known[name]
        else:
            continue
        if now != digest:
            changed.append(f"{name} changed: {digest[:12]} → {(now or 'nothing')[:12]}")
    return sorted(set(changed))


def _artifact(state: RunState, name: str) -> str | None:
    stage, _, artifact = name.removeprefix("stage:").partition("/")
    current = _current(state, stage)
    if current is None:
        return None
    return next((item["sha256"] for item in current.artifacts if item["name"] == artifact), None)


def _frozen(sop: Sop, state: RunState, moving: frozenset[str]) -> int:
    """Position of the last stage that has moved something; -1 if none has."""
    moved = {effect.stage for effect in state.effects if effect.status == "done" and effect.effect in moving}
    return max((position for position, stage in enumerate(sop.stages) if stage.id in moved), default=-1)


def _returned_by(state: RunState, stage: str, attempt: int) -> str:
    standing = [signed for signed in state.sign_offs if signed.decision == "return" and not signed.withdrawn]
    return ", ".join(str(signed.by) for signed in standing if (signed.stage, signed.attempt) == (stage, attempt))


def _current(state: RunState, stage: str) -> AttemptState | None:
    return state.stage(stage).current


def _attempts(state: RunState, stage: str) -> int:
    return max((attempt.number for attempt in state.stage(stage).attempts), default=0)


def _effect(state: RunState, stage: str, attempt: int, id: int) -> str | None:
    place = (stage, attempt, id)
    return next((known.status for known in state.effects if (known.stage, known.attempt, known.index) == place), None)


def _as_of(attempt: AttemptState) -> datetime:
    assert attempt.as_of is not None
    return attempt.as_of
