"""Readings of indicators: what a trigger of kind indicator sees of the series that it watches.

The rules:
* the newest window ends where values can be known (the clock, less the time until publication), not where they end:
  a series that stopped is stale, and a stale series says nothing about today;
* `above` and `below` hold the mean of the newest window against the limit; `change` holds its distance from the mean
  of the window before against it, in either direction. The limit is its owner's, so it is held as measured;
* too few values are `insufficient`: of a series fewer than half of what is usual in such a window, of a column of the
  rows fewer than the evidence minimum of the triggers.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

import pandas as pd

from sopkit.definitions.durations import render_duration
from sopkit.definitions.model import Trigger
from sopkit.definitions.model import Triggers as Conditions
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts
from sopkit.evidence.measure import Measure, measure_name, number

__all__ = ["Reading", "Readings", "read_off", "readings"]

WINDOWS_SHOWN = 12


class Watched(Protocol):
    """A series: `table` (time, value) in order of time, known before `known_until`; `rows`: one value a row."""

    @property
    def name(self) -> str: ...
    @property
    def table(self) -> pd.DataFrame: ...
    @property
    def known_until(self) -> pd.Timestamp: ...
    @property
    def rows(self) -> bool: ...


@dataclass(frozen=True, eq=False)
class Reading:
    """One trigger's look at its series. `value` is what is held against `limit`: a mean, or a change of the mean;
    `fail` means beyond the limit. `means` and `counts`: newest window, window before."""

    trigger: str
    series: str
    comparison: str
    window: str
    limit: float
    value: float | None
    verdict: Verdict
    reason: str
    means: tuple[float | None, float | None]
    counts: tuple[int, int]
    edges: tuple[pd.Timestamp, pd.Timestamp, pd.Timestamp]
    newest: pd.Timestamp | None = None
    points: pd.DataFrame | None = None

    @property
    def measure(self) -> Measure:
        op = "at_least" if self.comparison == "below" else "at_most"
        limit = Threshold(op=op, value=self.limit)
        name = f"reading_{measure_name(self.trigger)}"[:64]
        title = f"{'Change of ' if self.comparison == 'change' else ''}{self.series} over {self.window}"
        return Measure(name, self.value, self.verdict, self.reason, self.to_dict(), limit, title)

    def to_dict(self) -> dict[str, Any]:
        names = ("trigger", "series", "comparison", "window", "limit", "value", "verdict", "reason", "newest")
        told = {name: plain(getattr(self, name)) for name in names}
        return {**told, "means": list(self.means), "counts": list(self.counts), "edges": plain(list(self.edges))}


@dataclass(frozen=True, eq=False)
class Readings:
    items: tuple[Reading, ...]

    def __bool__(self) -> bool:
        return bool(self.items)

    def get(self, trigger: str) -> Reading | None:
        return next((item for item in self.items if item.trigger == trigger), None)

    @property
    def measures(self) -> list[Measure]:
        return [item.measure for item in self.items]

    @property
    def table(self) -> pd.DataFrame:
        """One row a trigger."""
        names = ["trigger", "series", "comparison", "value", "limit", "window", "verdict", "reason"]
        return pd.DataFrame([{name: getattr(item, name) for name in names} for item in self.items], columns=names)

    def to_dict(self) -> dict[str, Any]:
        return {"readings": [item.to_dict() for item in self.items]}

    def figure(self) -> charts.Chart:
        """Each series over time, the two windows with their means, and the limit. One panel a trigger."""
        beyond = [item.reason for item in self.items if item.verdict is Verdict.FAIL]
        rest = [item.reason for item in self.items if item.verdict is not Verdict.FAIL]
        size = len(self.items)
        title = "; ".join(beyond) if beyond else f"None of {size} watched series is beyond its limit"
        chart, axes = charts.figure(title, subtitle="; ".join(rest), height=2.7 * size, rows=size, squeeze=False)
        for item, axis in zip(self.items, axes[:, 0], strict=True):
            _draw(axis, item)
        return chart

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False))


def readings(watched: Mapping[str, Watched], conditions: Conditions) -> Readings:
    """A reading for each trigger that has a series in `watched` (trigger -> series)."""
    found = [
        read_off(name, watched[name], trigger, minimum_rows=conditions.minimum_rows)
        for name, trigger in conditions.conditions.items()
        if name in watched
    ]
    return Readings(tuple(found))


def read_off(name: str, series: Watched, trigger: Trigger, *, minimum_rows: int = 1) -> Reading:
    """What `trigger` sees of `series`; its `value` and `window` must be there (lint and schema ask for them)."""
    window, end = pd.Timedelta(trigger.window or pd.Timedelta(days=30)), series.known_until
    limit = float(trigger.value) if isinstance(trigger.value, int | float) else math.nan
    table = series.table[series.table["time"] < end]
    edges = (end - 2 * window, end - window, end)
    now = table.loc[table["time"] >= edges[1], "value"]
    before = table.loc[(table["time"] >= edges[0]) & (table["time"] < edges[1]), "value"]
    means = tuple(float(part.mean()) if len(part) else None for part in (now, before))
    told = render_duration(window.to_pytimedelta())
    newest = table["time"].max() if len(table) else None
    empty = Reading(
        name, series.name, trigger.comparison, told, limit, None, Verdict.INSUFFICIENT, "", (means[0], means[1]),
        (len(now), len(before)), edges, newest, _points(series, edges),
    )  # fmt: skip
    needed = minimum_rows if series.rows else _half_of_usual(table["time"], window)
    problem = _problem(empty, needed, trigger.comparison == "change")
    if problem or not math.isfinite(limit):
        reason = problem or f"the trigger's value {trigger.value!r} is no number"
        return replace(empty, reason=f"{series.name}: {reason}")
    return replace(empty, **_judged(empty))


def _problem(item: Reading, needed: int, both: bool) -> str:
    """Why the windows cannot be judged; empty where they can."""
    if item.newest is None:
        return f"there is no value before {item.edges[2]:%Y-%m-%d %H:%M}"
    if not item.counts[0]:
        told = f"the series is stale: its newest value is of {item.newest:%Y-%m-%d %H:%M}, "
        return told + f"none lies in the {item.window} before {item.edges[2]:%Y-%m-%d %H:%M}"
    for count, which in zip(item.counts, ("newest", "former"), strict=True):
        if count < needed and (both or which == "newest"):
            told = f"only {count:,} values in the {which} {item.window}, {needed:,} are needed"
            return f"{told} (the newest is of {item.newest:%Y-%m-%d %H:%M})"
    return ""


def _judged(item: Reading) -> dict[str, Any]:
    now, before = item.means
    assert now is not None
    told = f"{item.series}: mean {number(now)} over the newest {item.window} ({item.counts[0]:,} values)"
    if item.comparison == "change":
        assert before is not None
        value = now - before
        beyond = abs(value) > item.limit
        told += f", {number(before)} over the {item.window} before ({item.counts[1]:,}): "
        told += f"a change of {'+' if value > 0 else ''}{number(value)}, limit {number(item.limit)}"
        return {"value": abs(value), "verdict": Verdict.FAIL if beyond else Verdict.PASS, "reason": told}
    beyond = now > item.limit if item.comparison == "above" else now < item.limit
    told += f", limit {number(item.limit)} ({item.comparison} it, the trigger fires)"
    return {"value": now, "verdict": Verdict.FAIL if beyond else Verdict.PASS, "reason": told}


def _half_of_usual(times: pd.Series, window: pd.Timedelta) -> int:
    steps = times.drop_duplicates().diff().dropna()
    return max(1, math.ceil(window / steps.median() / 2)) if len(steps) else 1


def _points(series: Watched, edges: tuple[pd.Timestamp, pd.Timestamp, pd.Timestamp]) -> pd.DataFrame:
    """What is drawn: the last windows, and means of an eighth of a window where there are many values."""
    window = edges[2] - edges[1]
    part = series.table[series.table["time"] >= edges[2] - WINDOWS_SHOWN * window]
    if len(part) <= 200:
        return part
    slot = (part["time"] - edges[2]) // (window / 8)
    means = part.groupby(slot)["value"].mean()
    return pd.DataFrame({"time": edges[2] + (means.index + 0.5) * (window / 8), "value": means.to_numpy()})


def _draw(axis: Any, item: Reading) -> None:
    points, (first, start, end) = item.points, item.edges
    if points is not None and len(points):
        axis.plot(points["time"], points["value"], color=charts.MUTED, marker="o", markersize=3, linewidth=1.0)
    for place, (left, right, mean, count) in enumerate(
        ((first, start, item.means[1], item.counts[1]), (start, end, item.means[0], item.counts[0]))
    ):
        newest = place == 1
        axis.axvspan(left, right, color=charts.COLOURS[4], alpha=0.28 if newest else 0.1, linewidth=0)
        if mean is not None:
            label = f"{'newest' if newest else 'former'} {item.window}: {number(mean)} ({count:,} values)"
            look = {"color": charts.COLOURS[0 if newest else 1], "linewidth": 2.6, "linestyle": "-" if newest else "--"}
            axis.plot([left, right], [mean, mean], label=charts.literal(label), **look)
    for limit in _limits(item):
        axis.axhline(limit, color=charts.INK, linewidth=1.1, linestyle=(0, (4, 3)))
    what = "limit" if item.comparison != "change" else f"former ± {number(item.limit)}"
    axis.plot([], [], color=charts.INK, linewidth=1.1, linestyle=(0, (4, 3)), label=charts.literal(what))
    charts.dates(axis)
    axis.set_ylabel(charts.clip(item.series, 24))
    charts.legend(axis)


def _limits(item: Reading) -> list[float]:
    if item.comparison != "change":
        return [item.limit]
    return [] if item.means[1] is None else [item.means[1] - item.limit, item.means[1] + item.limit]
