"""Units: do values look converted, from a moment on, in one group, in part of the rows, or since the last training?

The rules:
* a change of unit is one that a known conversion explains, in place *and* spread; a mere shift is drift, and no unit;
* within the snapshot neighbouring periods are compared, so that the seasons do not look like another unit
  (`conversions`); a numeric target is looked at as the features are;
* a group is converted when it is the one that is far from *each* other group, and chance alone may have made the
  difference between its undone values and all other rows, quantile by quantile: children are of another age than
  others, in the same unit;
* values on two scales (a gap of a factor of twenty or more with many values on both sides) are named without a guess.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence import rules
from sopkit.evidence.by_period import Periods, numeric_columns
from sopkit.evidence.conversions import CONVERSIONS, SHARES, Conversion, converted_from, elsewhere_from
from sopkit.evidence.findings import Finding, finding, of_rows
from sopkit.evidence.measure import number
from sopkit.evidence.profiles import numbers

__all__ = ["by_group", "by_period", "since", "two_scales"]

ENOUGH = 100
DEVIATIONS = 3.0  # five quantiles together: chance goes farther in one of a hundred groups
ALIKE = 0.1  # and no quantile may lie in another tenth
REMEDY = "ask the source for the unit; give `data.columns` a min and max"


def since(before: pd.Series, now: pd.Series, name: str) -> list[Finding]:
    """Against the champion's training rows."""
    sides = [values[~np.isnan(values)] for values in (numbers(before), numbers(now))]
    if min(map(len, sides)) < ENOUGH:
        return []
    was, is_now = (np.quantile(side, SHARES) for side in sides)
    found = _conversion(was, is_now, spread=0.15, middle=0.25)
    if found is None:
        return []
    told = f"{name} looks as if its unit had changed {found.words} "
    told += f"(median {number(was[2])}, now {number(is_now[2])})"
    return [finding("unit_jump", told, name, remedy=REMEDY)]


def by_period(table: pd.DataFrame, model: ModelFile, periods: Periods) -> list[Finding]:
    """From a period on within the snapshot: converted, or wholly elsewhere."""
    names = numeric_columns(table, model)
    if len(periods.starts) < 2 or not names:
        return []
    values = pd.DataFrame({name: numbers(table[name]) for name in names})
    rows = np.flatnonzero(periods.codes >= 0)
    most = 2000 * len(periods.starts)
    if len(rows) > most:
        rows = rows[np.linspace(0, len(rows) - 1, most).astype(int)]
    groups = values.iloc[rows].groupby(periods.codes[rows])
    table_of = groups.quantile(SHARES).unstack().reindex(range(len(periods.starts)))
    counts = groups.count().reindex(range(len(periods.starts)), fill_value=0)
    found = []
    for name in names:
        quantiles = table_of[name].to_numpy(dtype=float).copy()
        quantiles[counts[name].to_numpy() < ENOUGH / 5] = np.nan
        turn = converted_from(quantiles) or elsewhere_from(quantiles)
        if turn is None:
            continue
        medians = f"(median {number(turn.was)} before, {number(turn.now)} then)"
        told = f"From {periods.day(turn.at)} on {name} "
        if turn.conversion is not None:
            code, remedy = "unit_by_period", REMEDY
            told += f"looks converted {turn.conversion.words} {medians}"
        else:
            code, remedy = "elsewhere_by_period", "ask the source what changed: the unit, the sensor, or the world?"
            told += f"has hardly a value in common with before {medians}"
        there = periods.codes >= turn.at
        found.append(of_rows(code, told, name, there, table, model, remedy=remedy))
    return found


def by_group(table: pd.DataFrame, model: ModelFile, columns: list[str], limits: rules.Validation) -> list[Finding]:
    """In one group of a category, slice or protected attribute against all other rows."""
    names = numeric_columns(table, model)
    step = max(len(table) // limits.sample, 1)
    part = table.iloc[::step]
    values = pd.DataFrame({name: numbers(part[name]) for name in names})
    found: dict[str, Finding] = {}
    for column in columns if names else ():
        groups, labels = pd.factorize(part[column])
        sizes = np.bincount(groups[groups >= 0], minlength=len(labels))
        large = np.flatnonzero(sizes >= ENOUGH)
        if not 2 <= len(labels) <= 50 or len(large) < 2:
            continue
        wide = values.groupby(groups).quantile(SHARES).unstack().reindex(large)
        quantiles = wide.to_numpy(dtype=float).reshape(len(large), len(names), len(SHARES))
        for place, name in enumerate(names):
            for group in _apart(quantiles[:, place]) if name not in found else ():
                inside = groups == large[group]
                there, rest = (side[~np.isnan(side)] for side in (values[name][inside], values[name][~inside]))
                conversion = _same_undone(there.to_numpy(), rest.to_numpy())
                if conversion is None:
                    continue
                label = labels[large[group]]
                told = f"Where {column} is {label}, {name} looks converted {conversion.words} "
                told += f"(median {number(there.median())}, elsewhere {number(rest.median())})"
                rows = (table[column] == label).fillna(False).astype(bool)
                found[name] = of_rows("unit_by_group", told, name, rows, table, model, remedy=REMEDY, show=[column])
                break
    return list(found.values())


def two_scales(table: pd.DataFrame, model: ModelFile, limits: rules.Validation) -> list[Finding]:
    """Values of one sign that fall apart into two clouds, a factor of twenty or more between them."""
    found = []
    for name in numeric_columns(table, model):
        values = numbers(table[name])
        known = np.abs(values[~np.isnan(values) & (values != 0)])
        if len(known) < ENOUGH:
            continue
        distinct = np.unique(known)
        gaps = distinct[1:] / distinct[:-1]
        if not len(gaps) or gaps.max() < limits.scales:
            continue
        at = int(gaps.argmax())
        large = known > distinct[at]
        least = max(20, 0.002 * len(known))
        if min(at + 1, len(distinct) - at - 1) < 10 or min(large.sum(), (~large).sum()) < least:
            continue
        ratio = float(np.median(known[large]) / np.median(known[~large]))
        told = f"{name} lies on two scales: {int(large.sum()):,} values are about {number(ratio)} times the others "
        told += f"(nothing between {number(distinct[at])} and {number(distinct[at + 1])})"
        fewer_large = large.sum() <= len(known) / 2
        rows = np.abs(values) > distinct[at] if fewer_large else (np.abs(values) <= distinct[at]) & (values != 0)
        found.append(of_rows("two_scales", told, name, rows, table, model, remedy=REMEDY))
    return found


def _conversion(was: np.ndarray, now: np.ndarray, *, spread: float, middle: float) -> Conversion | None:
    """The conversion that explains quantiles `now` from `was`: far apart, the spread and the median as converted."""
    width, width_now = was[3] - was[1], now[3] - now[1]
    apart = now[1] > was[3] or now[3] < was[1]
    if not (width > 0 and width_now > 0 and apart):  # neither holds for NaN
        return None
    fits = []
    for one in CONVERSIONS:
        off = abs(now[2] - (was[2] * one.factor + one.offset)) / width_now
        wide = abs(np.log(width_now / width / one.factor))
        if off <= middle and wide <= np.log1p(spread):
            fits.append((off + wide, one))
    return min(fits)[1] if fits else None


def _apart(quantiles: np.ndarray) -> np.ndarray:
    """The one group of quantiles (groups, 5) whose middle half has no common ground with any other's; both of two."""
    known = np.flatnonzero(~np.isnan(quantiles).any(axis=1))
    low, high = quantiles[known][:, [1]], quantiles[known][:, [3]]
    apart = ((low > high.T) | (high < low.T)).sum(axis=1) == len(known) - 1
    return known[apart] if len(known) == 2 or (apart.sum() == 1 and len(known) > 2) else known[:0]


def _same_undone(there: np.ndarray, rest: np.ndarray) -> Conversion | None:
    """The conversion without which a group has the quantiles of the rest, but for chance."""
    if min(len(there), len(rest)) < ENOUGH:
        return None
    rest, expected = np.sort(rest), np.quantile(there, SHARES)
    chance = DEVIATIONS * np.sqrt(SHARES * (1 - SHARES) * (1 / len(there) + 1 / len(rest)))
    fits = []
    for one in CONVERSIONS:
        below, at_most = (np.searchsorted(rest, one.undo(expected), side) / len(rest) for side in ("left", "right"))
        off = np.maximum(np.maximum(below - SHARES, SHARES - at_most), 0) / np.minimum(chance, ALIKE)
        if off.max() <= 1:
            fits.append((float(off.max()), one))
    return min(fits)[1] if fits else None
