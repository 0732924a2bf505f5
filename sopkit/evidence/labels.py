"""Labels: are they there, are they mature, and does their rate jump?

The rules:
* only closed cohorts count: a row is mature when the label delay has passed since it came to be;
* a label that is there before its row is mature is a sample of the quick ones, and biased: it must be withheld;
* a period's label rate jumps when it and the next one leave the band of the periods before by several *robust*
  standard deviations between periods, and by an odds ratio that matters. Rows of one period are not independent,
  so their number alone never makes a jump (Rousseeuw & Croux 1993 for the median absolute deviation);
* a period with one class only is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.rendering import render_value
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts, rules
from sopkit.evidence.by_period import PERIODS, moments, period_of
from sopkit.evidence.measure import Measure, failed, insufficient, measured

__all__ = ["LabelMaturity", "LabelRate", "label_maturity", "label_rate"]


@dataclass(frozen=True)
class LabelMaturity:
    """Counts of rows: `mature` ones, those of them with a label, and labels that came early."""

    rows: int
    mature: int
    labelled: int
    early: int
    closed_until: pd.Timestamp
    measure: Measure

    @property
    def share(self) -> float:
        return self.labelled / self.mature if self.mature else float("nan")

    @property
    def verdict(self) -> Verdict | None:
        return self.measure.verdict

    @property
    def measures(self) -> list[Measure]:
        return [self.measure]

    @property
    def table(self) -> pd.DataFrame:
        counts = {
            "mature, with label": self.labelled,
            "mature, without label": self.mature - self.labelled,
            "not mature, no label yet": self.rows - self.mature - self.early,
            "not mature, label came early": self.early,
        }
        return pd.DataFrame({"rows": counts, "share": {k: v / max(self.rows, 1) for k, v in counts.items()}})

    def figure(self) -> charts.Chart:
        rows = [charts.Row(str(name), float(line["rows"])) for name, line in self.table.iterrows()]
        return charts.bars(f"{self.share:.1%} of mature rows have a label", rows, x_label="rows")

    def to_dict(self) -> dict[str, Any]:
        return {**self.measure.to_dict(), "closed_until": self.closed_until.isoformat()}


@dataclass(frozen=True)
class LabelRate:
    """The label's rate (regression: mean) by `period`. `table`: rows, rate, low, high (the band), jump, one_class."""

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
        known = self.table["low"].notna().to_numpy() if len(self.table) else np.array([], bool)
        lines = {f"each {self.period}": (times, list(self.table["rate"]) if times else [])}
        chart, axes = charts.figure(
            self.reason, height=2.9, subtitle=f"by {self.period}; the band is what the periods before it allow"
        )
        if known.any():
            part = self.table[known]
            axes.fill_between(
                part.index,
                part["low"],
                part["high"],
                color=charts.COLOURS[4],
                alpha=0.35,
                linewidth=0,
                label="expected",
            )
        for label, (xs, ys) in lines.items():
            axes.plot(xs, ys, color=charts.INK, marker="o", markersize=3.5, linewidth=1.4, label=label)
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


def label_maturity(
    time: pd.Series,
    labels: pd.Series,
    *,
    label_delay: timedelta,
    as_of: datetime,
    without_label: int = 0,
    at_least: float = rules.LABELS.labelled,
) -> LabelMaturity:
    """How many of the rows old enough to have a label have one. `time` is aware; `labels` is missing where unknown.

    `without_label` mature rows were taken out before for want of a label. Labels of rows that are not mature yet
    `fail`: whoever learns from them learns from the quick ones.
    """
    clock = _utc(as_of)
    closed = clock - label_delay
    mature = (moments(time) < closed).to_numpy()
    known = labels.notna().to_numpy()
    rows = len(labels) + without_label
    counts = int(mature.sum()) + without_label, int((mature & known).sum()), int((~mature & known).sum())
    detail = {
        "rows": rows,
        "mature": counts[0],
        "labelled": counts[1],
        "early": counts[2],
        "closed_until": closed,
    }
    parts: dict[str, Any] = {"title": "Mature rows that have a label", "unit": "share", "detail": plain(detail)}
    if counts[2]:
        told = f"{counts[2]:,} labels are there before their rows are older than the label delay"
        share = counts[1] / counts[0] if counts[0] else None
        measure = failed("label_maturity", told, value=share, **parts)
    elif not counts[0]:
        measure = insufficient(
            "label_maturity", f"no row is older than the label delay (closed until {_day(closed)})", **parts
        )
    else:
        reason = f"{counts[0] - counts[1]:,} of {counts[0]:,} rows older than the label delay have no label"
        measure = measured(
            "label_maturity",
            counts[1] / counts[0],
            threshold=Threshold(op="at_least", value=at_least),
            reason=reason,
            **parts,
        )
    return LabelMaturity(rows, *counts, closed, measure)


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

    `period` is hour, day, week, month or quarter; by default the finest with enough rows. Periods with fewer than
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
        reason = f"only {len(table)} {period}s with {limits.minimum_rows} labels or more"
        reason += f", {limits.minimum_periods + 1} are needed"
        return LabelRate(period, table, Verdict.INSUFFICIENT, reason, unit)
    deviation = groups.std(ddof=0).reindex(table.index).fillna(0.0)
    table = _jumps(table, deviation.to_numpy(), limits, share=task != "regression")
    return LabelRate(period, table, *_told(table, period, unit), unit)


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


def _told(table: pd.DataFrame, period: str, unit: str) -> tuple[Verdict, str]:
    jumps, single = table.index[table["jump"]], table.index[table["one_class"]]
    share, what = unit == "share of rows", _what(unit)
    told = partial(render_value, unit="%" if share else "")
    spread = f"between {told(float(table['rate'].min()))} and {told(float(table['rate'].max()))}"
    spread += f" {unit}" if unit and not share else ""
    if len(jumps):
        first = table.loc[jumps[0]]
        low = max(first["low"], 0.0) if share else first["low"]
        return Verdict.FAIL, (
            f"The {what} jumps to {told(float(first['rate']))} in the {period} of {_day(jumps[0])}, "
            f"where {told(float(low))} to {told(float(first['high']))} was to be expected"
        )
    if len(single):
        return Verdict.FAIL, f"There is one class only in {len(single)} {period}(s), first in that of {_day(single[0])}"
    unjudged = int(table["low"].isna().sum())
    early = f" (the first {unjudged} have too little past to tell)" if unjudged else ""
    return Verdict.PASS, f"The {what} moves {spread} from {period} to {period}, without a jump that lasts{early}"


def _what(unit: str) -> str:
    return "label rate" if unit == "share of rows" else "mean of the target"


def _day(moment: pd.Timestamp) -> str:
    return str(moment.strftime("%Y-%m-%d" if moment == moment.normalize() else "%Y-%m-%d %H:%M"))


def _utc(moment: datetime) -> pd.Timestamp:
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
