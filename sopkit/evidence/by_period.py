"""The snapshot against itself, period by period: what changes with time inside the rows that are learned from.

The rules:
* a period is the finest of hour, day, week, month, quarter, year that has enough rows (`period_of`);
* a feature is missing differently when the share moves by more than a tenth, for more than one period and beyond
  chance: what it means to have no value has changed, and a model would learn the change;
* a frequent category appears (vanishes) at a period when there were enough rows before (after) to have seen it, it
  is there in most periods from then on (until then), and it was never away for so long: a visit is no new category,
  and snow is back in winter; columns that only repeat the calendar do so by nature and are left out;
* a number stands still in a period when it has one value there and moves in nearly all others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts, rules
from sopkit.evidence.findings import Finding, finding, of_rows
from sopkit.evidence.measure import Measure, counted
from sopkit.evidence.overview import Note
from sopkit.evidence.profiles import numbers

__all__ = [
    "PERIODS",
    "MissingByPeriod",
    "Periods",
    "categories",
    "missing_by_period",
    "moments",
    "numeric_columns",
    "period_of",
    "periods_of",
    "standstill",
]

PERIODS = (("hour", "h"), ("day", "D"), ("week", "W"), ("month", "M"), ("quarter", "Q"), ("year", "Y"))
MOST_PERIODS = 110


@dataclass(frozen=True, eq=False)
class Periods:
    """`codes` (n,): each row's place in `starts`, -1 without a time. `rows`: how many rows each period has."""

    period: str
    starts: pd.DatetimeIndex
    codes: np.ndarray
    rows: np.ndarray

    def day(self, place: int) -> str:
        """The beginning of a period, for people."""
        start = self.starts[place]
        return str(start.strftime("%Y-%m-%d" if start == start.normalize() else "%Y-%m-%d %H:%M"))


def moments(values: pd.Series) -> pd.Series:
    """Aware times, missing where a value is none."""
    return pd.Series(pd.to_datetime(values, utc=True, errors="coerce"))


def period_of(times: pd.Series, minimum_rows: int = 30) -> str:
    """The finest calendar period of which at most 110 are there, at least half of them with `minimum_rows` rows."""
    if not len(times):
        return "day"
    naive = times.dt.tz_localize(None) if times.dt.tz is not None else times
    counts = {name: naive.dt.to_period(code).value_counts() for name, code in PERIODS}
    fit = [name for name, found in counts.items() if len(found) <= MOST_PERIODS and found.median() >= minimum_rows]
    if not fit:
        return PERIODS[-1][0]
    # times such as 2008-05 stand for a whole month: the coarsest name for the same groups is the true one
    return [name for name in counts if len(counts[name]) == len(counts[fit[0]])][-1]


def periods_of(times: pd.Series, minimum_rows: int = rules.VALIDATION.period_rows) -> Periods:
    """The calendar periods of the rows' times (aware; missing where there is none)."""
    read = moments(times)
    period = period_of(read.dropna(), minimum_rows)
    starts = read.dt.tz_localize(None).dt.to_period(dict(PERIODS)[period]).dt.start_time
    codes, found = pd.factorize(starts, sort=True)
    return Periods(period, pd.DatetimeIndex(found), codes, np.bincount(codes[codes >= 0], minlength=len(found)))


def numeric_columns(table: pd.DataFrame, model: ModelFile) -> list[str]:
    """The columns of numbers that a model learns from: its numeric features, and a target that is a number."""
    names = [name for name, feature in model.features.items() if feature.type == "numeric"]
    target = model.target.column if model.target.task == "regression" else None
    return [name for name in dict.fromkeys([*names, *([target] if target else [])]) if name in table.columns]


@dataclass(frozen=True, eq=False)
class MissingByPeriod:
    """The share of missing values by period: `table` has one row a period and one column a feature."""

    period: str
    table: pd.DataFrame
    rows: pd.Series
    findings: tuple[Finding, ...]

    @property
    def changed(self) -> list[str]:
        return [item.column for item in self.findings]

    @property
    def verdict(self) -> Verdict:
        if len(self.table) < 2:
            return Verdict.INSUFFICIENT
        return Verdict.FAIL if self.findings else Verdict.PASS

    @property
    def reason(self) -> str:
        if len(self.table) < 2:
            return "There are not two periods with enough rows to compare"
        if not self.findings:
            return f"How often a feature is missing stays as it was from {self.period} to {self.period}"
        more = f", and that of {len(self.changed) - 1} more" if len(self.changed) > 1 else ""
        return f"How often {self.changed[0]} is missing changes with time{more}"

    @property
    def measures(self) -> list[Measure]:
        detail = {"period": self.period, "changed": self.changed}
        value = None if self.verdict is Verdict.INSUFFICIENT else len(self.changed)
        limit = Threshold(op="at_most", value=0)
        title = "Features whose missing share changes with time"
        return [Measure("missing_moves", value, self.verdict, self.reason, detail, limit, title, "features")]

    def figure(self) -> charts.Chart | Note:
        """The share of missing values of the features in which it changes (else of those most often missing)."""
        usual = self.table.mean().astype(float)
        shown = (self.changed or list(usual[usual > 0].nlargest(3).index))[: len(charts.COLOURS)]
        if not shown:
            return Note("no feature has a missing value" if len(self.table) else self.reason)
        lines = {name: (list(self.table.index), list(100 * self.table[name])) for name in shown}
        told = f"by {self.period}, {int(self.rows.min()) if len(self.rows) else 0:,} rows or more in each"
        if len(self.changed) > len(shown):
            told += f"; {len(shown)} of {len(self.changed)} features that change"
        chart = charts.over_time(self.reason, lines, y_label="missing (% of rows)", subtitle=told)
        chart.figure.axes[0].set_ylim(bottom=0)
        return chart

    def to_dict(self) -> dict[str, Any]:
        return {
            "period": self.period,
            "verdict": str(self.verdict),
            "reason": self.reason,
            "changed": self.changed,
            "missing": [{"from": at.isoformat(), **plain(row.to_dict())} for at, row in self.table.iterrows()],
        }

    def _repr_html_(self) -> str:
        return str(self.table.to_html(float_format=lambda share: f"{share:.1%}"))


def missing_by_period(
    table: pd.DataFrame, model: ModelFile, limits: rules.Validation = rules.VALIDATION
) -> MissingByPeriod:
    """How often each feature of the model file is missing, period by period of the table's own time."""
    names = [name for name in model.features if name in table.columns]
    nothing = MissingByPeriod("period", pd.DataFrame(columns=names), pd.Series(dtype=int), ())
    if model.data.time not in table.columns or not len(table):
        return nothing
    periods = periods_of(table[model.data.time], limits.period_rows)
    enough = periods.rows >= limits.period_rows
    if not enough.any():
        return nothing
    gone = table[names].isna().groupby(periods.codes).mean().reindex(range(len(periods.starts)))
    shares = gone[enough].set_axis(periods.starts[enough])
    rows = pd.Series(periods.rows[enough], index=shares.index)
    found = [item for name in names for item in _moves(shares[name], rows, name, periods.period, limits)]
    found.sort(key=lambda item: -float(np.ptp(shares[item.column])))
    return MissingByPeriod(periods.period, shares, rows, tuple(found))


def _moves(shares: pd.Series, rows: pd.Series, name: str, period: str, limits: rules.Validation) -> list[Finding]:
    if len(shares) < 2 or not shares.max() > 0:
        return []
    # one odd week is an outage, not a change: a level has to last
    level = shares.rolling(3, center=True, min_periods=3 if len(shares) > 8 else 2).median()
    level = level if len(shares) > 3 else shares
    overall = float(np.average(shares, weights=rows))
    noise = np.sqrt(max(overall * (1 - overall), 1e-4) / rows.median())
    if level.max() - level.min() <= max(limits.missing_moves, 4 * noise):
        return []
    first, last = sorted([level.idxmin(), level.idxmax()])
    told = f"{name} is missing in {level[first]:.0%} of rows around the {period} of {first:%Y-%m-%d}, "
    told += f"in {level[last]:.0%} around that of {last:%Y-%m-%d}"
    examples = tuple(
        {period: f"{at:%Y-%m-%d}", "rows": f"{rows[at]:,}", "missing": f"{shares[at]:.1%}"} for at in (first, last)
    )
    remedy = "ask what changed at the source; learn from the rows since, or exclude it"
    return [finding("missing_moves", told, name, share=overall, examples=examples, remedy=remedy)]


def standstill(table: pd.DataFrame, model: ModelFile, periods: Periods) -> list[Finding]:
    """Numbers with one value all period long, though they move in nearly all other periods."""
    found: list[Finding] = []
    if len(periods.starts) < 5:
        return found
    for name in numeric_columns(table, model):
        values = pd.Series(numbers(table[name]))
        groups = values.groupby(periods.codes)
        kinds, known = groups.nunique(), groups.count()
        kinds, known = kinds[kinds.index >= 0], known[known.index >= 0]
        usual = values.mode().iloc[0] if known.sum() else np.nan
        often = (values == usual).mean() > 0.5  # such as no purchase yet: standing there is no sign of anything
        still = (kinds == 1) & (known >= 30) & ~((groups.first().reindex(kinds.index) == usual) & often)
        if values.nunique() <= 10 or not still.any() or still.mean() > 0.2:
            continue
        which = [periods.day(place) for place in still.index[still]]
        told = f"{name} does not move in {counted(len(which), periods.period)}, "
        told += f"that of {which[0]}" if len(which) == 1 else f"first in that of {which[0]}"
        rows = np.isin(periods.codes, still.index[still])
        remedy = "was the sensor stuck, or a default filled in?"
        found.append(of_rows("constant_period", told, name, rows, table, model, remedy=remedy))
    return found


def categories(table: pd.DataFrame, model: ModelFile, periods: Periods, limits: rules.Validation) -> list[Finding]:
    """Frequent categories that are there from a period on only, or up to one."""
    found = []
    for name, feature in model.features.items():
        if feature.type != "categorical" or name not in table.columns or len(periods.starts) < 3:
            continue
        codes, labels = pd.factorize(table[name])
        inside = (codes >= 0) & (periods.codes >= 0)
        counts = np.zeros((len(periods.starts), len(labels)))
        np.add.at(counts, (periods.codes[inside], codes[inside]), 1)
        if not len(labels) or (len(labels) > 3 and np.median((counts > 0).sum(axis=1)) <= 2):
            continue  # a column such as the month's name has one value a period
        rows = counts.sum(axis=1)
        appears: dict[int, str] = {}
        vanishes: dict[int, str] = {}
        for place, label in enumerate(labels):
            there = np.flatnonzero(counts[:, place])
            if not len(there):
                continue
            first, last = int(there[0]), int(there[-1])
            share = _steady_share(counts[:, place], rows)
            if share >= limits.category and share * rows[:first].sum() >= limits.period_rows:
                appears[place] = f"{label} from {periods.day(first)} on ({share:.0%} of rows)"
            share = _steady_share(counts[::-1, place], rows[::-1])
            if share >= limits.category and share * rows[last + 1 :].sum() >= limits.period_rows:
                vanishes[place] = f"{label} after the {periods.period} of {periods.day(last)} ({share:.0%} of rows)"
        remedy = "ask whether codes were renamed; learn from the rows since, or map old to new"
        for code, verb, which in (("category_appears", "appear", appears), ("category_vanishes", "vanish", vanishes)):
            if which:
                told = f"Frequent values of {name} {verb}: {'; '.join(list(which.values())[:3])}"
                rows_of = np.isin(codes, list(which))
                found.append(of_rows(code, told, name, rows_of, table, model, remedy=remedy))
    return found


def _steady_share(counts: np.ndarray, rows: np.ndarray) -> float:
    """The share of rows of a category from its first period on; 0 if it is not in most of them, or away for as long."""
    there = counts[rows > 0] > 0
    first = int(there.argmax())
    since = there[first:]
    away = np.diff(np.flatnonzero([*since, True])).max(initial=1) - 1
    if len(since) < 2 or since.mean() <= 0.5 or away >= max(first, 1):
        return 0.0
    return float(counts.sum() / rows[np.flatnonzero(counts)[0] :].sum())
