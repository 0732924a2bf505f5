"""One rule for each kind of trigger: facts in, a judged condition out (see `triggers` for what they mean)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sopkit.definitions.durations import parse_duration
from sopkit.definitions.model import Trigger
from sopkit.definitions.results import Verdict, plain
from sopkit.evidence.drift import Drift
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.metrics import Task, find
from sopkit.evidence.promise import PromiseKept

__all__ = ["Facts", "Fired", "State", "judge", "last_scheduled"]

State = Literal["fired", "not fired", "insufficient", "cooling down", "advised"]


@dataclass(frozen=True)
class Facts:
    """What is known when triggers are judged. `None` means: not measured, and why stands in `why_not`."""

    champion: str | None = None
    trained_until: datetime | None = None
    promoted_at: datetime | None = None
    drift: Drift | None = None
    performance: PromiseKept | None = None
    scores: Mapping[str, float] = field(default_factory=dict)  # metric -> value, on the rows of `performance`
    task: Task | None = None
    new_labelled_rows: int | None = None
    reason: str = ""
    why_not: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Fired:
    """One trigger: what was measured, against which limit, over which window, and what follows."""

    name: str
    kind: str
    state: State
    value: float | int | str | None
    comparator: str
    limit: float | str | None
    window: str
    mode: str
    sentence: str
    ratio: float | None = None

    @property
    def fired(self) -> bool:
        return self.state == "fired"

    def to_dict(self) -> dict[str, Any]:
        return dict(plain(vars(self)))


def last_scheduled(every: str, as_of: datetime) -> datetime:
    """The newest moment of a cron expression that is not after `as_of`. Raises ValueError for a wrong expression."""
    from cronsim import CronSim, CronSimError

    try:  # cronsim 2.8 gives moments strictly before the start when it runs backwards
        return next(CronSim(every, as_of + timedelta(minutes=1), reverse=True))
    except (CronSimError, StopIteration) as error:
        raise ValueError(f"{every!r} is not a cron expression with a past moment: {error}") from error


def judge(item: Fired, trigger: Trigger, facts: Facts, minimum_rows: int, as_of: datetime) -> Fired:
    """One condition against the facts, by the rule of its kind."""
    if trigger.kind == "schedule":
        return _schedule(item, trigger, facts, as_of)
    if trigger.kind == "staleness":
        return _staleness(item, trigger, facts, as_of)
    if trigger.kind == "drift":
        return _drift(item, trigger, facts, minimum_rows)
    if trigger.kind == "performance":
        named = trigger.metric is not None
        return _metric(item, trigger, facts, minimum_rows) if named else _performance(item, facts, minimum_rows)
    return _volume(item, trigger, facts) if trigger.kind == "volume" else _manual(item, facts)


def _schedule(item: Fired, trigger: Trigger, facts: Facts, as_of: datetime) -> Fired:
    item = replace(item, comparator="has passed")
    if not trigger.every or facts.trained_until is None:
        return replace(
            item,
            state="insufficient",
            sentence=_lacking(item, facts, "no `every`, or no end of the champion's training"),
        )
    try:
        moment = last_scheduled(trigger.every, as_of)
    except ValueError as error:
        return replace(item, state="insufficient", sentence=str(error))
    due = moment > facts.trained_until
    told = f"the last scheduled moment was {moment:%Y-%m-%d %H:%M}, "
    told += f"the champion's data end {facts.trained_until:%Y-%m-%d %H:%M}"
    return replace(
        item,
        state="fired" if due else "not fired",
        value=f"{moment:%Y-%m-%d %H:%M}",
        sentence=told,
        ratio=1.0 if due else 0.0,
    )


def _staleness(item: Fired, trigger: Trigger, facts: Facts, as_of: datetime) -> Fired:
    if facts.trained_until is None:
        return replace(
            item, state="insufficient", sentence=_lacking(item, facts, "it is not known when the champion's data ended")
        )
    try:
        limit = parse_duration(trigger.value)
    except ValueError as error:
        return replace(item, state="insufficient", sentence=f"value {trigger.value!r}: {error}")
    age = as_of - facts.trained_until
    days, most = age / timedelta(days=1), limit / timedelta(days=1)
    told = f"the champion's training data ended {days:.0f} days ago, {most:.0f} are allowed"
    ratio = days / most if most else None
    return replace(
        item,
        state="fired" if age > limit else "not fired",
        value=round(days, 2),
        sentence=told,
        ratio=ratio,
        limit=round(most, 2),
        comparator="days above",
    )


def _drift(item: Fired, trigger: Trigger, facts: Facts, minimum_rows: int) -> Fired:
    limit = _number(trigger.value)
    if facts.drift is None or limit is None:
        return replace(item, state="insufficient", sentence=_lacking(item, facts, "drift was not measured"))
    rows = min(facts.drift.rows)
    if rows < minimum_rows:
        return replace(item, state="insufficient", sentence=f"only {rows:,} rows, {minimum_rows:,} are needed")
    share, most = facts.drift.share, facts.drift.share_at_most
    ratio = share / limit if limit else None
    item = replace(item, value=share, ratio=ratio)
    if share > limit:
        names = ", ".join(facts.drift.drifted[:4])
        return replace(
            item,
            state="fired",
            sentence=f"{share:.0%} of the features' weight has drifted, {limit:.0%} is allowed ({names})",
        )
    if most > limit:
        return replace(item, state="insufficient", sentence=f"{facts.drift.reason}")
    return replace(item, sentence=f"{share:.0%} of the features' weight has drifted, {limit:.0%} is allowed")


def _performance(item: Fired, facts: Facts, minimum_rows: int) -> Fired:
    item = replace(item, comparator="worse than promised by more than")
    kept = facts.performance
    if kept is None:
        return replace(item, state="insufficient", sentence=_lacking(item, facts, "performance was not measured"))
    if kept.rows < minimum_rows:
        told = f"only {kept.rows:,} labelled rows, {minimum_rows:,} are needed"
        return replace(item, state="insufficient", sentence=told)
    item = replace(item, value=kept.worst_by, limit=kept.limit)
    if kept.broken:
        shown = max(kept.broken, key=lambda m: float(m.value or 0) / _limit_of(m, kept.limit))
        ratio = float(shown.value or 0) / _limit_of(shown, kept.limit)
        return replace(
            item,
            state="fired",
            value=float(shown.value or 0),
            limit=_limit_of(shown, kept.limit),
            sentence=shown.reason,
            ratio=ratio,
        )
    if kept.verdict is Verdict.INSUFFICIENT:
        return replace(item, state="insufficient", sentence=kept.reason)
    judged = [m for m in kept.measures if isinstance(m.value, int | float)]
    if not judged:
        return replace(item, sentence=kept.reason)
    nearest = max(judged, key=lambda m: float(m.value or 0) / _limit_of(m, kept.limit))
    value, limit = float(nearest.value or 0), _limit_of(nearest, kept.limit)
    told = f"{kept.reason}; the largest shortfall is {value:.1%} of no-skill" if value > 0 else kept.reason
    return replace(item, value=value, limit=limit, sentence=told, ratio=max(value, 0.0) / limit)


def _metric(item: Fired, trigger: Trigger, facts: Facts, minimum_rows: int) -> Fired:
    """A limit that the owner set for the metric itself, as measured: what is acceptable is not a matter of chance."""
    name, limit = str(trigger.metric), _number(trigger.value)
    if facts.task is None or facts.performance is None or name not in facts.scores or limit is None:
        return replace(item, state="insufficient", sentence=_lacking(item, facts, f"{name} was not measured"))
    metric, value, rows = find(facts.task, name), float(facts.scores[name]), facts.performance.rows
    over = metric.direction == "down"
    item = replace(item, comparator="above" if over else "below", limit=limit)
    if rows < minimum_rows or not math.isfinite(value):
        told = (
            f"{rows:,} labelled rows, {minimum_rows:,} are needed" if rows < minimum_rows else "it cannot be measured"
        )
        return replace(item, state="insufficient", sentence=f"{metric.title}: {told}")
    beyond = value > limit if over else value < limit
    told = f"{metric.title} is {number(value)} on {rows:,} labelled rows, {number(limit)} is the owner's limit"
    ratio = (value / limit if over else limit / value) if value > 0 and limit > 0 else None
    return replace(item, state="fired" if beyond else "not fired", value=value, sentence=told, ratio=ratio)


def _volume(item: Fired, trigger: Trigger, facts: Facts) -> Fired:
    item = replace(item, comparator="at least")
    limit, rows = _number(trigger.value), facts.new_labelled_rows
    if rows is None or limit is None:
        return replace(item, state="insufficient", sentence=_lacking(item, facts, "new labelled rows were not counted"))
    told = f"{rows:,} new labelled rows, {limit:,.0f} are enough"
    return replace(
        item,
        state="fired" if rows >= limit else "not fired",
        value=rows,
        sentence=told,
        ratio=rows / limit if limit else None,
    )


def _manual(item: Fired, facts: Facts) -> Fired:
    given = facts.reason.strip()
    item = replace(item, comparator="a reason", limit="")
    told = f"a person asks for it: {given}" if given else "no person has given a reason"
    return replace(
        item, state="fired" if given else "not fired", value=given or None, sentence=told, ratio=1.0 if given else 0.0
    )


def _lacking(item: Fired, facts: Facts, default: str) -> str:
    return facts.why_not.get(item.name) or facts.why_not.get(item.kind) or default


def _limit_of(measure: Measure, default: float) -> float:
    return float(measure.threshold.value) if measure.threshold else default


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
