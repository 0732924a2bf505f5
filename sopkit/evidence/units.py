"""Units: do values look converted, from a moment on, in one group, in part of the rows, or since the last training?

The rules:
* a change of unit is one that a known conversion explains, in place *and* spread, and that leaves hardly any common
  ground; a mere shift is drift, and no unit;
* within the snapshot neighbouring periods are compared, three against three (or one against one, more strictly), so
  that the seasons do not look like another unit;
* a group is compared with all others, quantile by quantile;
* values on two scales (a gap of a factor of twenty or more with many values on both sides) are named without a guess.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence import rules
from sopkit.evidence.by_period import Periods
from sopkit.evidence.findings import Finding, finding, of_rows
from sopkit.evidence.measure import number
from sopkit.evidence.profiles import numbers

__all__ = ["by_group", "by_period", "since", "two_scales"]

SHARES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
ENOUGH = 100
UNUSUAL = 6.0  # times the usual step from one period to the next
REMEDY = "ask the source for the unit; give `data.columns` a min and max"


class Conversion(NamedTuple):
    factor: float
    offset: float = 0.0

    @property
    def words(self) -> str:
        told = {1.8: " (as from °C to °F)", 1 / 1.8: " (as from °F to °C)"}.get(self.factor, "")
        return f"by a factor of {number(self.factor)}{told}"


# What is mixed up in practice: °C and °F, thousands, percent, time, inches, feet, miles, pounds, gallons …
_FACTORS = (10.0, 100.0, 1000.0, 1e6, 60.0, 24.0, 3600.0, 2.54, 3.2808, 1.6093, 2.2046, 4.4482, 3.7854)
CONVERSIONS = (
    Conversion(1.8, 32.0),
    Conversion(1 / 1.8, -32.0 / 1.8),
    *(Conversion(factor) for f in _FACTORS for factor in (f, 1 / f)),
)


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
    """From a period on (or for one period) within the snapshot."""
    names = _numeric(table, model)
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
        best = _boundary(quantiles)
        if best is not None:
            at, conversion, was, is_now = best
            told = f"From {periods.day(at)} on {name} looks converted {conversion.words} "
            told += f"(median {number(was)} before, {number(is_now)} then)"
            there = periods.codes >= at
            found.append(of_rows("unit_by_period", told, name, there, table, model, remedy=REMEDY))
    return found


def by_group(table: pd.DataFrame, model: ModelFile, columns: list[str], limits: rules.Validation) -> list[Finding]:
    """In one group of a category, slice or protected attribute against all other rows."""
    names = _numeric(table, model)
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
            for group in range(len(large)) if name not in found else ():
                one, others = quantiles[group, place], np.delete(quantiles[:, place], group, axis=0)
                others = others[~np.isnan(others).any(axis=1)]
                if not len(others):
                    continue
                rest = np.median(others, axis=0)
                conversion = _conversion(rest, one, spread=0.25, middle=0.25)
                if conversion is None or not _alike(rest, one, conversion):
                    continue
                label = labels[large[group]]
                told = f"Where {column} is {label}, {name} looks converted {conversion.words} "
                told += f"(median {number(one[2])}, elsewhere {number(rest[2])})"
                there = (table[column] == label).fillna(False).astype(bool)
                found[name] = of_rows("unit_by_group", told, name, there, table, model, remedy=REMEDY, show=[column])
                break
    return list(found.values())


def two_scales(table: pd.DataFrame, model: ModelFile, limits: rules.Validation) -> list[Finding]:
    """Values of one sign that fall apart into two clouds, a factor of twenty or more between them."""
    found = []
    for name in _numeric(table, model):
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


def _numeric(table: pd.DataFrame, model: ModelFile) -> list[str]:
    return [name for name, feature in model.features.items() if feature.type == "numeric" and name in table.columns]


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


def _alike(was: np.ndarray, now: np.ndarray, one: Conversion) -> bool:
    expected = was * one.factor + one.offset
    return bool(np.abs(now - expected).max() <= 0.2 * (now[4] - now[0]))


def _boundary(quantiles: np.ndarray) -> tuple[int, Conversion, float, float] | None:
    """Where neighbouring periods are a conversion apart: the boundary with the largest step, if any.

    The step must stand out from those between other periods, or it is how this feature moves.
    """
    steps = np.abs(np.diff(quantiles[:, 2]))
    usual = 1.4826 * float(np.nanmedian(steps)) if np.isfinite(steps).any() else np.nan
    for reach, spread, middle in ((3, 0.35, 0.5), (1, 0.15, 0.25)):
        best: tuple[float, int, Conversion, float, float] | None = None
        for at in range(1, len(quantiles)):
            if not steps[at - 1] > UNUSUAL * usual:
                continue
            sides = [quantiles[max(0, at - reach) : at], quantiles[at : at + reach]]
            sides = [side[~np.isnan(side).any(axis=1)] for side in sides]
            if not all(map(len, sides)):
                continue
            was, now = (np.median(side, axis=0) for side in sides)
            conversion = _conversion(was, now, spread=spread, middle=middle)
            if conversion is None or not _alike(was, now, conversion):
                continue
            if best is None or steps[at - 1] > best[0]:
                best = (float(steps[at - 1]), at, conversion, float(was[2]), float(now[2]))
        if best is not None:
            return best[1:]
    return None
