"""The label's rate (of numbers: the mean), period by period: does it jump?

The rules:
* a period's label rate jumps when it and the next one leave the band of the periods before by several *robust*
  standard deviations between periods, and by an odds ratio that matters. Rows of one period are not independent,
  so their number alone never makes a jump (Rousseeuw & Croux 1993 for the median absolute deviation);
* where no period stands out by itself, all those after a moment are held against all those before it
  (`lasting_change`), and have to differ by as much;
* a period with one class only is named where chance does not explain it (`one_class`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.rendering import render_value
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts, rules
from sopkit.evidence.by_period import PERIODS, moments, period_of
from sopkit.evidence.lasting_change import lasting_change
from sopkit.evidence.measure import Measure, counted
from sopkit.evidence.one_class import beyond_chance

__all__ = ["LabelRate", "label_rate"]


@dataclass(frozen=True)
class LabelRate:
    """The label's rate (regression: mean) by `period`. `table`: rows, rate, low, high (the band), jump, one_class.

    `one_class` is true only where chance does not explain it.
    """

    period: str
    table: pd.DataFrame
    verdict: Verdict
    reason: str
    unit: str = "share of rows"

    @property
    def what(self) -> str:
        return _what(self.unit)

    @property
    def jumps(self) -> list[str]:
        return [_day(moment) for moment in self.table.index[self.table["jump"]]] if len(self.table) else []

    @property
    def one_class(self) -> list[str]:
        return [_day(moment) for moment in self.table.index[self.table["one_class"]]] if len(self.table) else []

    @property
    def measures(self) -> list[Measure]:
        detail = {"period": self.period, "jumps": self.jumps, "one_class": self.one_class, "periods": len(self.table)}
        value = None if self.verdict is Verdict.INSUFFICIENT else len(self.jumps)
        limit = Threshold(op="at_most", value=0)
        return [
            Measure(
                "label_jumps", value, self.verdict, self.reason, detail, limit, f"Jumps of the {self.what}", "periods"
            )
        ]

    def figure(self) -> charts.Chart:
        times = list(self.table.index)
        drawn = _broken_at_gaps(self.table)
        chart, axes = charts.figure(
            self.reason, height=2.9, subtitle=f"by {self.period}; the band is what the periods before it allow"
        )
        if times and self.table["low"].notna().any():
            band = {"color": charts.COLOURS[4], "alpha": 0.35, "linewidth": 0, "label": "expected"}
            axes.fill_between(drawn.index, drawn["low"], drawn["high"], **band)
        line = {"color": charts.INK, "marker": "o", "markersize": 3.5, "linewidth": 1.4}
        axes.plot(drawn.index, drawn["rate"] if times else [], label=f"each {self.period}", **line)
        jumps = self.table[self.table["jump"]] if times else self.table
        if len(jumps):
            axes.plot(
                jumps.index,
                jumps["rate"],
                linestyle="",
                marker="X",
                markersize=11,
                color=charts.COLOURS[5],
                label="jump",
            )
        axes.set_ylabel(charts.literal(f"{self.what} ({self.unit})" if self.unit else self.what))
        charts.dates(axes)
        charts.legend(axes)
        return chart

    def to_dict(self) -> dict[str, Any]:
        rows = [{"from": moment.isoformat(), **plain(line.to_dict())} for moment, line in self.table.iterrows()]
        return {"period": self.period, "verdict": str(self.verdict), "reason": self.reason, "periods": rows}


def label_rate(
    time: pd.Series,
    labels: pd.Series,
    *,
    task: str = "binary",
    period: str | None = None,
    limits: rules.Labels = rules.LABELS,
    measured_in: str = "",
) -> LabelRate:
    """The label rate by period and its jumps. Binary labels are 0/1; multiclass: the share of the commonest class;
    regression: the mean, `measured_in` the target's unit.

    `period` is hour, day, week, month, quarter or year; by default the finest with enough rows. Periods with fewer than
    `limits.minimum_rows` labels are left out.
    """
    times = moments(time).reset_index(drop=True)
    labels = labels.reset_index(drop=True)
    known = (labels.notna() & times.notna()).to_numpy()
    times, labels = times[known], labels[known]
    if task == "multiclass" and len(labels):
        values = labels.eq(labels.value_counts().index[0]).astype(float)
    else:
        values = pd.to_numeric(labels, errors="coerce").astype(float)
    period = period or period_of(times, limits.minimum_rows)
    unit = measured_in if task == "regression" else "share of rows"
    starts = times.dt.tz_localize(None).dt.to_period(dict(PERIODS)[period]).dt.start_time
    groups = values.groupby(starts.to_numpy())
    table = pd.DataFrame({"rows": groups.size(), "rate": groups.mean()})
    classes = labels.groupby(starts.to_numpy()).nunique()
    table["one_class"] = (classes == 1) if task != "regression" else False
    table = table[table["rows"] >= limits.minimum_rows].copy()
    table["low"], table["high"] = np.nan, np.nan
    table["jump"] = False
    if len(table) < limits.minimum_periods + 1:
        reason = f"Only {len(table)} {period}s have {limits.minimum_rows} labels or more"
        reason += f", {limits.minimum_periods + 1} are needed"
        return LabelRate(period, table, Verdict.INSUFFICIENT, reason, unit)
    deviation = groups.std(ddof=0).reindex(table.index).fillna(0.0)
    table = _jumps(table, deviation.to_numpy(), limits, share=task != "regression")
    rates, rows = table["rate"].to_numpy(dtype=float), table["rows"].to_numpy(dtype=float)
    table["one_class"] = beyond_chance(rows, rates, table["one_class"].to_numpy(dtype=bool))
    change = None if table["jump"].any() else _change(table, float(deviation.median()), limits, task != "regression")
    if change is not None:
        table.iloc[change, list(table.columns).index("jump")] = True
    return LabelRate(period, table, *_told(table, period, unit, change), unit)


def _change(table: pd.DataFrame, deviation: float, limits: rules.Labels, share: bool) -> int | None:
    """From which period on the level is another one for good, by as much as makes a jump of one period."""
    place = lasting_change(table["rate"].to_numpy(dtype=float), limits.minimum_periods)
    if place is None:
        return None
    rates, rows = _sides(table, place)
    before, after = _logit(rates, rows) if share else rates
    enough = abs(after - before) >= (np.log(limits.odds) if share else limits.deviations * deviation)
    return place if enough else None


def _sides(table: pd.DataFrame, place: int) -> tuple[np.ndarray, np.ndarray]:
    """The rates before and since a period, over all rows of both sides, and these rows' numbers."""
    parts = [table.iloc[:place], table.iloc[place:]]
    rows = np.array([float(part["rows"].sum()) for part in parts])
    return np.array([float((part["rate"] * part["rows"]).sum()) for part in parts]) / rows, rows


def _jumps(table: pd.DataFrame, deviation: np.ndarray, limits: rules.Labels, *, share: bool) -> pd.DataFrame:
    rows = table["rows"].to_numpy(dtype=float)
    values = _logit(table["rate"].to_numpy(), rows) if share else table["rate"].to_numpy()
    low, high, jump = np.full(len(values), np.nan), np.full(len(values), np.nan), np.zeros(len(values), bool)
    for at in range(limits.minimum_periods, len(values)):
        past = values[max(0, at - limits.past) : at]
        middle = float(np.median(past))
        between = 1.4826 * float(np.median(np.abs(past - middle)))
        steps = 1.4826 * float(np.median(np.abs(np.diff(past)))) / np.sqrt(2)
        rate = float(np.median(table["rate"].to_numpy()[max(0, at - limits.past) : at]))
        within = (
            1 / np.sqrt(rows[at] * max(rate * (1 - rate), 1 / rows[at])) if share else deviation[at] / np.sqrt(rows[at])
        )
        # With few periods the median deviation is itself uncertain: widened for their number.
        reach = limits.jump * float(np.hypot(max(between, steps), within)) * (1 + 2 / len(past))
        reach = max(reach, np.log(limits.odds)) if share else max(reach, limits.deviations * deviation[at])
        low[at], high[at] = middle - reach, middle + reach
        beyond = values[at : at + 2] - middle
        # A storm lasts a day, a broken label pipeline does not: the next period must lie beyond, too.
        alone = len(beyond) == 1
        jump[at] = bool((beyond > reach * (1 + alone)).all() or (beyond < -reach * (1 + alone)).all())
    jump &= ~np.append(False, jump[:-1])  # a new level is one jump, however long it lasts
    if share:
        low, high = 1 / (1 + np.exp(-low)), 1 / (1 + np.exp(-high))
    return table.assign(low=low, high=high, jump=jump)


def _logit(rate: np.ndarray, rows: np.ndarray) -> np.ndarray:
    inside = (rate * rows + 0.5) / (rows + 1)
    return np.asarray(np.log(inside / (1 - inside)))


def _told(table: pd.DataFrame, period: str, unit: str, change: int | None) -> tuple[Verdict, str]:
    jumps, single = table.index[table["jump"]], table.index[table["one_class"]]
    share, what = unit == "share of rows", _what(unit)
    told = partial(render_value, unit="%" if share else "")
    spread = f"between {told(float(table['rate'].min()))} and {told(float(table['rate'].max()))}"
    spread += f" {unit}" if unit and not share else ""
    if change is not None:
        before, after = _sides(table, change)[0]
        measured_in = f" {unit}" if unit and not share else ""
        return Verdict.FAIL, (
            f"The {what} is {told(float(after))}{measured_in} from the {period} of {_day(jumps[0])} on, "
            f"it was {told(float(before))}{measured_in} before"
        )
    if len(jumps):
        first = table.loc[jumps[0]]
        low = max(first["low"], 0.0) if share else first["low"]
        return Verdict.FAIL, (
            f"The {what} jumps to {told(float(first['rate']))} in the {period} of {_day(jumps[0])}, "
            f"where {told(float(low))} to {told(float(first['high']))} was to be expected"
        )
    if len(single):
        span = _day(single[0]) + (f" to {_day(single[-1])}" if len(single) > 1 else "")
        return Verdict.FAIL, f"There is one class only in {counted(len(single), period)}, {span}"
    unjudged = int(table["low"].isna().sum())
    early = f" (the first {unjudged} have too little past to tell)" if unjudged else ""
    return Verdict.PASS, f"The {what} moves {spread} from {period} to {period}, without a jump that lasts{early}"


def _broken_at_gaps(table: pd.DataFrame) -> pd.DataFrame:
    """The periods with an empty one inside each long gap, so that no line is drawn through it."""
    steps = table.index.to_series().diff()
    far = steps > rules.VALIDATION.gap * steps.median()
    empty = table.index[far] - steps[far] / 2
    return table.reindex(table.index.union(empty)) if far.any() else table


def _what(unit: str) -> str:
    return "label rate" if unit == "share of rows" else "mean of the target"


def _day(moment: pd.Timestamp) -> str:
    return str(moment.strftime("%Y-%m-%d" if moment == moment.normalize() else "%Y-%m-%d %H:%M"))
