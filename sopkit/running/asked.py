"""What somebody asks of a runner, checked before anything is written.

The rules:
* the clock of a run never lies in the future and never runs backwards; a live workspace has no clock of its own;
* a run keeps what it was given (it is pinned at its start): a name that was given before may be given again with the
  same value only;
* a parameter may be added as long as every stage that declares it is still to be executed: one that a sealed stage
  declares was decided when that stage ran, and what rests on it may be signed;
* what the runner itself gives to notebooks (`OWN`) nobody else gives.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sopkit.archive.canonical import canonical_json
from sopkit.archive.runs import RunState
from sopkit.definitions.rendering import render_value
from sopkit.definitions.sop import Stage
from sopkit.errors import NotFound, ParameterError, WrongUse
from sopkit.running.open_run import now
from sopkit.running.parameters import OWN, check_parameters
from sopkit.running.pins import Pinned

__all__ = ["check_until", "clock_of", "duration", "refuse_own", "refused_live", "require_later", "require_parameters"]


def require_parameters(given: Mapping[str, Any], definitions: Pinned, state: RunState) -> None:
    """Whether a resume may give these. Raises ParameterError with the way out."""
    if not given:
        return
    refuse_own(given)
    check_parameters(given, definitions.parameters)
    new_run = f"start a new run:  sop run {state.sop} --model {state.model} -p NAME=VALUE"
    for name, value in given.items():
        before = state.parameters.get(name)
        if name in state.parameters:
            if canonical_json(before) == canonical_json(value):  # as the log keeps it: 1.0 is 1, and True is not
                continue
            raise ParameterError(
                f"parameter `{name}` was given before, and a run keeps what it was given",
                where=state.id,
                expected=repr(before),
                got=repr(value),
                remedy=new_run,
            )
        declaring = [stage for stage, known in definitions.parameters.items() if name in {each.name for each in known}]
        sealed = [stage for stage in declaring if state.stage(stage).sealed]
        if sealed:
            raise ParameterError(
                f"parameter `{name}` comes too late: stage '{sealed[0]}' has been executed without it",
                where=state.id,
                expected="a parameter that no stage declares which is executed already",
                remedy=new_run,
            )


def refuse_own(given: Mapping[str, Any]) -> None:
    """Raises ParameterError for a name whose value the runner itself gives."""
    if own := [name for name in OWN if name in given]:
        raise ParameterError(
            f"parameter `{own[0]}` is given by the runner itself",
            expected="a parameter of a stage",
            remedy={"as_of": "--as-of DATE", "reason": "--reason TEXT, when the run is started"}.get(own[0]),
        )


def clock_of(as_of: datetime | None) -> datetime:
    """The clock that a run sees, now where nothing is said. Raises WrongUse."""
    moment = now()
    if as_of is None:
        return moment
    clock = as_of.replace(tzinfo=UTC) if as_of.tzinfo is None else as_of.astimezone(UTC)
    if clock > moment:
        raise WrongUse(
            "the clock of a run never lies in the future", expected="now or earlier", got=render_value(clock)
        )
    return clock


def require_later(clock: datetime, state: RunState) -> None:
    """Raises WrongUse for a clock that runs backwards."""
    if clock < state.as_of:
        raise WrongUse(
            f"the clock of run {state.id} does not run backwards",
            expected=f"--as-of {render_value(state.as_of)} or later",
            got=render_value(clock),
        )


def refused_live(option: str) -> WrongUse:
    """The error of a simulation's option in a live workspace."""
    return WrongUse(
        f"this workspace is live: {option} is refused",
        remedy="make a workspace to try things in: `sop new DIR`, and run there",
    )


def check_until(definitions: Pinned, until: str | None) -> None:
    """Raises NotFound for a stage that the SOP does not have."""
    stages = [stage.id for stage in definitions.sop.stages]
    if until is not None and until not in stages:
        raise NotFound(f"no stage '{until}'", expected=f"one of {', '.join(stages)}")


def duration(definitions: Pinned, stage: Stage) -> timedelta:
    """How long a stage waits, by the model file. Raises WrongUse where that is no duration."""
    value: Any = definitions.model
    for name in (stage.wait or "").split("."):
        value = getattr(value, name, None)
    if not isinstance(value, timedelta):
        raise WrongUse(f"stage '{stage.id}' waits for `{stage.wait}`, which is not a duration of the model file")
    return value
