"""What columns mean beside the times of their rows: the time once more, a series each, a rhythm, a fact of the period.

The rules:
* a column is the time once more where its numbers only grow (or fall) with the time, or where each of its categories
  has a stretch of time of its own: what comes later lies beyond everything that was trained on;
* a column names series where nearly every moment has nearly every one of its values, once: a month's row a city; where
  every second one is there it may;
* the target has a rhythm where the means by hour of the day (day of the week) of the older half of its rows say more
  of the newer half than that half's mean does, by at least what the rules of evidence call material (2 % of no-skill);
  of series without one, white noise to random walks, at most 6 % are asked about, from 1,000 times on 3 %;
* a feature of one value a moment, several rows to it, is something that those rows share.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

from sopkit.modelling.drafting_names import is_text

__all__ = ["rhythms", "series_of", "shared_by_rows", "time_again"]

RECURRING, OFTEN, ONCE = 0.8, 0.5, 0.95  # the first as in `seasons`
SEVERAL = 1.5  # values at a moment: fewer are no series side by side
MATERIAL = 0.02  # of no-skill, as the guardrails of an evaluation
FEWEST, SOME, MOST_SERIES = 10, 20, 2000  # moments; rows; series
SLOTS = {"hour": ("hour", 24 * 10), "weekday": ("dayofweek", 7 * 20)}  # part of a time, times that it takes to tell


def time_again(column: pd.Series, times: pd.Series) -> str | None:
    """Why the column is the time in other words; None where it is not."""
    known = column.notna() & times.notna()
    rows = pd.DataFrame({"at": times[known], "value": column[known]})
    if rows["value"].nunique() < 2 or rows["at"].nunique() < 3 or len(rows) < max(SOME, len(column) / 2):
        return None
    if is_text(column) or pd.api.types.is_bool_dtype(column.dtype):
        spans = rows.assign(value=rows["value"].astype(str)).groupby("value")["at"].agg(["min", "max"])
        spans = spans.sort_values("min")
        if len(spans) > len(rows) / 2 or (spans["max"].to_numpy()[:-1] >= spans["min"].to_numpy()[1:]).any():
            return None
        return "each of its values has a stretch of time of its own, so the next one was never trained on"
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return None
    ends = rows.groupby("at")["value"].agg(["min", "max"]).sort_index()
    low, high = ends["min"].to_numpy(dtype=float), ends["max"].to_numpy(dtype=float)
    one = (low == high).all()  # of rows at one moment a few could differ by chance, and the last moment's alone
    grows, falls = (high[:-1] <= low[1:], low[:-1] >= high[1:]) if one else (high[:-1] < low[1:], low[:-1] > high[1:])
    if grows.all() or falls.all():
        return "it only goes one way with the time, so it always lies beyond what was trained on"
    return None


def series_of(table: pd.DataFrame, times: pd.Series, names: Iterable[str]) -> tuple[str | None, bool]:
    """The column, of `names`, whose values each have a row at many times, and whether at nearly every one."""
    moments = int(times.nunique())
    found: dict[str, float] = {}
    for name in names:
        values = table[name]
        count = int(values.nunique())
        if moments < FEWEST or not 2 <= count <= MOST_SERIES or not OFTEN <= len(table) / (count * moments) <= 1.1:
            continue
        pairs = len(pd.DataFrame({"at": times, "value": values}).dropna().drop_duplicates())
        if pairs >= max(ONCE * len(table), OFTEN * count * moments, SEVERAL * moments):
            found[name] = pairs / (count * moments)
    best = max(found, key=lambda name: found[name], default=None)
    return best, best is not None and found[best] >= RECURRING


def rhythms(table: pd.DataFrame, times: pd.Series, target: pd.Series, features: Sequence[str]) -> list[str]:
    """`hour` and `weekday`, where the numeric `target` goes by it and no feature says it."""
    known = target.notna() & times.notna()
    rows = pd.DataFrame({"at": times[known], "y": target[known].astype(float)}).sort_values("at", kind="stable")
    found = []
    for name, (part, enough) in SLOTS.items():
        slots = getattr(rows["at"].dt, part)
        moment = rows["at"].dt.floor("h" if name == "hour" else "D").nunique()
        if slots.nunique() < 2 or moment < enough:
            continue
        said = any(_says(table.loc[rows.index, each], slots) for each in features)
        if not said and _skill(rows["y"].to_numpy(), slots.to_numpy()) >= MATERIAL:
            found.append(name)
    return found


def shared_by_rows(table: pd.DataFrame, times: pd.Series, features: Iterable[str]) -> list[str]:
    """Features that have one value at each time and more than one in all, where times have many rows."""
    moments = times.nunique()
    if len(table) < FEWEST * moments:
        return []
    return [
        name for name in features if table[name].nunique() > 1 and (table[name].groupby(times).nunique() <= 1).all()
    ]


def _skill(y: np.ndarray, slots: np.ndarray) -> float:
    """The share of the squared error about the newer half's mean that means of the older half by slot take away.

    Both halves are compared about their own mean: a level that has moved says nothing about a rhythm.
    """
    cut = len(y) // 2
    old, new = pd.Series(y[:cut]), y[cut:]
    means = (old - old.mean()).groupby(slots[:cut]).mean()
    away = new - new.mean()
    total = float(np.square(away).sum())
    said = pd.Series(slots[cut:]).map(means).fillna(0.0).to_numpy()
    said = said - said.mean()
    return 1 - float(np.square(away - said).sum()) / total if total > 0 else 0.0


def _says(column: pd.Series, slots: pd.Series) -> bool:
    """Whether each value of a feature, and its absence, stands in one slot only, or two: clocks go by summer time."""
    if 2 * column.nunique() > len(column):
        return False
    return bool((slots.groupby(column, dropna=False).nunique() <= 2).all())
