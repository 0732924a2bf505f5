"""What a stage took, and whether that is far more than it took in its earlier runs.

The rules:
* compared are attempts of the same stage, SOP and model that were sealed before this one started, whatever became of
  their runs; fewer than three of them are no habit, and nothing is said;
* far more is more than three times the median, and by more than 30 seconds or 500 megabytes: what is small may vary;
* an attempt under way is judged by what it has taken so far; it can only become more;
* this is a hint for people: no gate rests on it.

The median, because one run on a busy machine must not make the next slow one look usual.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from sopkit.archive.states import AttemptState, RunState

__all__ = ["FACTOR", "FEWEST", "Alert", "Earlier", "alerts_of", "earlier", "far_more"]

FACTOR = 3.0
FEWEST = 3
AT_LEAST: Mapping[str, float] = {"time": 30.0, "memory": 500.0}  # seconds, megabytes


@dataclass(frozen=True)
class Earlier:
    """What the earlier attempts of a stage took, oldest first: seconds, and peak megabytes where they are known."""

    seconds: tuple[float, ...] = ()
    memory: tuple[float, ...] = ()

    @property
    def usual(self) -> dict[str, float | None]:
        """The medians; None where there are too few to speak of what is usual."""
        both = {"time": self.seconds, "memory": self.memory}
        return {kind: median(values) if len(values) >= FEWEST else None for kind, values in both.items()}


@dataclass(frozen=True)
class Alert:
    """`value` (seconds or megabytes) is far more than `usual`, the median of `earlier` ones; `under_way`: so far."""

    stage: str
    kind: Literal["time", "memory"]
    value: float
    usual: float
    earlier: int
    under_way: bool = False

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def far_more(value: float | None, before: Sequence[float], at_least: float, *, factor: float = FACTOR) -> bool:
    """Whether `value` is far more than the median of `before`; False where either is not known well enough."""
    if value is None or len(before) < FEWEST:
        return False
    usual = median(before)
    return value > factor * usual and value - usual > at_least


def earlier(states: Iterable[RunState], run: RunState, stage: str, before: int | None = None) -> Earlier:
    """What attempts of `stage` took in the runs of this SOP and model that were sealed before log entry `before`.

    Without `before`: before the stage's newest attempt in `run`, and all there are if it has none.
    """
    newest = run.stage(stage).current
    limit = before if before is not None else newest.seq if newest else None
    found = sorted(
        (
            attempt
            for state in states
            if (state.sop, state.model) == (run.sop, run.model)
            for attempt in state.stage(stage).attempts
            if attempt.status in ("sealed", "returned") and (limit is None or (attempt.ended or attempt.seq) < limit)
        ),
        key=lambda attempt: attempt.seq,
    )
    memory = (_peak(attempt) for attempt in found)
    return Earlier(
        tuple(attempt.seconds for attempt in found if attempt.seconds is not None),
        tuple(peak for peak in memory if peak is not None),
    )


def alerts_of(states: Sequence[RunState], run: RunState, live: Mapping[str, Any] | None = None) -> list[Alert]:
    """What is far more than usual in the newest attempts of a run, in the order of its stages.

    `live` is what its runner tells now (`seconds`, `peak_memory_mb`, `stage`), None where none does.
    """
    found = []
    same = [state for state in states if (state.sop, state.model) == (run.sop, run.model)]
    for stage in run.stages.values():
        attempt = stage.current
        if attempt is None:
            continue
        under_way = attempt.status == "running"
        seconds, peak = attempt.seconds, _peak(attempt)
        if under_way:
            told = live if live and live.get("alive") and live.get("stage") == stage.id else {}
            seconds, peak = told.get("seconds"), told.get("peak_memory_mb")
        past = earlier(same, run, stage.id)
        for kind, value, before in (("time", seconds, past.seconds), ("memory", peak, past.memory)):
            if value is not None and far_more(value, before, AT_LEAST[kind]):
                found.append(Alert(stage.id, kind, value, median(before), len(before), under_way))  # type: ignore[arg-type]
    return found


def _peak(attempt: AttemptState) -> float | None:
    """Of what the log tells; what is no number is not known."""
    value = (attempt.usage or {}).get("peak_memory_mb") if isinstance(attempt.usage or {}, Mapping) else None
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
