"""One rule for each kind of trigger: facts in, a judged condition out (see `triggers` for what they mean)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from sopkit.definitions.durations import parse_duration
from sopkit.definitions.model import Trigger, times_of
from sopkit.definitions.results import Verdict, plain
from sopkit.evidence.drift import Drift
from sopkit.evidence.indicators import Readings
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.metrics import Task, find
from sopkit.evidence.promise import PromiseKept
from sopkit.evidence.season import Season

__all__ = ["Facts", "Fired", "State", "judge", "last_scheduled"]

State = Literal["fired", "not fired", "insufficient", "cooling down", "advised"]


@dataclass(frozen=True)
class Facts:
    """What is known when triggers are judged. `None` means: not measured, and why stands in `why_not`."""

    champion: str | None = None
    trained_until: datetime | None = None
    promoted_at: datetime | None = None
    kept_at: datetime | None = None  # when it was last examined and kept
    drift: Drift | None = None
    season: Season | None = None
    performance: PromiseKept | None = None
    scores: Mapping[str, float] = field(default_factory=dict)  # metric -> value, on the rows of `performance`
    task: Task | None = None
    new_labelled_rows: int | None = None
    learned_rows: int | None = None  # that the champion was trained on
    readings: Readings | None = None
    reason: str = ""
    why_not: Mapping[str, str] = field(default_factory=dict)

    @property
    def decided_at(self) -> datetime | None:
        """When the champion was last decided about: put into service, or examined and kept."""
        return max((at for at in (self.promoted_at, self.kept_at) if at is not None), default=None)


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
    explained: bool = False  # beyond the limit, and no reason to act

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
    match trigger.kind:
        case "schedule":
            return _schedule(item, trigger, facts, as_of)
        case "staleness":
            return _staleness(item, trigger, facts, as_of)
        case "drift":
            return _drift(item, trigger, facts, minimum_rows)
        case "performance" if trigger.metric is not None:
            return _metric(item, trigger, facts, minimum_rows)
        case "performance":
            return _performance(item, trigger, facts, minimum_rows)
        case "volume":
            return _volume(item, trigger, facts)
        case "indicator":
            return _indicator(item, facts)
    return _manual(item, facts)


def _schedule(item: Fired, trigger: Trigger, facts: Facts, as_of: datetime) -> Fired:
    item = replace(item, comparator="has passed")
    known = [at for at in (facts.trained_until, facts.decided_at) if at is not None]
    if not trigger.every or not known:
        told = _lacking(item, facts, "no `every`, or it is not known when the champion was trained or decided about")
        return replace(item, state="insufficient", sentence=told)
    try:
        moment = last_scheduled(trigger.every, as_of)
    except ValueError as error:
        return replace(item, state="insufficient", sentence=str(error))
    due, since = moment > max(known), max(known)
    what = "the champion was last decided about" if since == facts.decided_at else "the champion's data end"
    told = f"the last scheduled moment was {moment:%Y-%m-%d %H:%M}, {what} {since:%Y-%m-%d %H:%M}"
    state: State = "fired" if due else "not fired"
    value = f"{moment:%Y-%m-%d %H:%M}"
    return replace(item, state=state, value=value, sentence=told, ratio=1.0 if due else 0.0)


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
        told = f"{share:.0%} of the features' weight has drifted, {limit:.0%} is allowed ({names})"
        if facts.season is None:
            return replace(item, state="fired", sentence=told)
        seasonal = facts.season.explains(limit)
        told += f"; {facts.season.told(limit)}"
        return replace(item, state="not fired" if seasonal else "fired", sentence=told, explained=seasonal)
    if most > limit:
        return replace(item, state="insufficient", sentence=f"{facts.drift.reason}")
    return replace(item, sentence=f"{share:.0%} of the features' weight has drifted, {limit:.0%} is allowed")


def _performance(item: Fired, trigger: Trigger, facts: Facts, minimum_rows: int) -> Fired:
    item = replace(item, comparator="worse than promised by more than")
    limit = _number(trigger.value)
    if facts.performance is None or limit is None:
        return replace(item, state="insufficient", sentence=_lacking(item, facts, "performance was not measured"))
    kept = facts.performance.held_to(limit)
    if kept.rows < minimum_rows:
        told = f"only {kept.rows:,} labelled rows, {minimum_rows:,} are needed"
        return replace(item, state="insufficient", sentence=told)
    judged = kept.broken or [m for m in kept.measures if isinstance(m.value, int | float)]
    shown = max(judged, key=lambda m: float(m.value or 0) / _limit_of(m, kept.limit), default=None)
    value, most = (float(shown.value or 0), _limit_of(shown, kept.limit)) if shown else (0.0, limit)
    if shown:
        item = replace(item, value=value, limit=most, ratio=max(value, 0.0) / most)
    if shown and kept.broken:
        return replace(item, state="fired", sentence=shown.reason)
    if kept.verdict is Verdict.INSUFFICIENT:
        return replace(item, state="insufficient", sentence=kept.reason)
    told = f"; the largest shortfall is {value:.1%} of no-skill" if value > 0 else ""
    return replace(item, sentence=kept.reason + told)


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
    rows, times = facts.new_labelled_rows, times_of(trigger.value)
    limit = _number(trigger.value) if times is None else facts.learned_rows and times * facts.learned_rows
    if rows is None or limit is None:
        return replace(item, state="insufficient", sentence=_lacking(item, facts, "new labelled rows were not counted"))
    told = f"{rows:,} new labelled rows, {limit:,.0f} are enough"
    if times is not None:
        told += f" ({number(times)} times what the champion has learned from)"
    return replace(
        item,
        state="fired" if rows >= limit else "not fired",
        value=rows,
        sentence=told,
        ratio=rows / limit if limit else None,
    )


def _indicator(item: Fired, facts: Facts) -> Fired:
    reading = facts.readings.get(item.name) if facts.readings else None
    if reading is None:
        return replace(item, state="insufficient", sentence=_lacking(item, facts, "the series was not read"))
    comparator = "changed by more than" if reading.comparison == "change" else reading.comparison
    item = replace(item, comparator=comparator, value=reading.value, sentence=reading.reason)
    if reading.verdict is Verdict.INSUFFICIENT or reading.value is None:
        return replace(item, state="insufficient")
    parts = (reading.value, reading.limit) if reading.comparison != "below" else (reading.limit, reading.value)
    ratio = parts[0] / parts[1] if min(parts) > 0 else None
    return replace(item, state="fired" if reading.verdict is Verdict.FAIL else "not fired", ratio=ratio)


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
