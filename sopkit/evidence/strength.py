"""How strongly does one feature alone tell the target? Measured forwards in time, stretch after stretch.

The rules:
* a feature is encoded by the target's mean on earlier rows (bins of numbers, categories) and judged on the stretch of
  time behind them; the median over the stretches counts, because the rate of labels and the world change;
* around the changes of a label only, where there are enough such rows: with labels in long runs every slow feature
  agrees by itself, a leak changes in step. What tells nearly every row all the same is taken at its word.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import pandas as pd

from sopkit.evidence import rules
from sopkit.evidence.metrics import roc_auc
from sopkit.evidence.profiles import numbers

__all__ = ["Coded", "coded", "strength"]

BINS = 50
SMOOTHING = 10.0
STRETCHES = (8, 4, 2)  # as many as there are labels for
AROUND = 10  # rows on either side of a change of the label
Stretches: TypeAlias = tuple[tuple[int, np.ndarray], ...]


@dataclass(frozen=True, eq=False)
class Coded:
    """The target as numbers, in the order of time, and where it is judged: (beginning of a stretch, its rows)."""

    y: np.ndarray
    stretches: Stretches
    every: Stretches


def coded(y: pd.Series, task: str, limits: rules.Leaks) -> list[Coded]:
    """The target as one or more numeric columns, of which each must vary on both sides of several cuts."""
    if task == "regression":
        columns = [y.to_numpy(dtype=float)]
    else:
        classes = y.value_counts()
        chosen = classes.index[:1] if len(classes) == 2 else classes.index[:20]
        if task == "binary" and len(classes) == 2:
            chosen = [max(classes.index)]
        columns = [(y == one).to_numpy(dtype=float) for one in chosen] if len(classes) > 1 else []
    found = []
    for column in columns:
        every = _stretches(column, np.ones(len(column), bool), task, limits)
        around = () if task == "regression" else _stretches(column, _around_changes(column), task, limits)
        if every:
            found.append(Coded(column, around or every, every if around else ()))
    return found


def _stretches(y: np.ndarray, judged: np.ndarray, task: str, limits: rules.Leaks) -> Stretches:
    def varies(side: np.ndarray) -> bool:
        if task == "regression":
            return len(np.unique(side)) > 1
        return bool(limits.minimum_class <= side.sum() <= len(side) - limits.minimum_class)

    for number_of in STRETCHES:
        edges = np.linspace(0, len(y), number_of + 1).astype(int)
        parts = [(start, start + np.flatnonzero(judged[start:end])) for start, end in pairwise(edges[1:])]
        kept = [(start, places) for start, places in parts if varies(y[:start]) and varies(y[places])]
        if len(kept) >= number_of // 2:
            return tuple(kept)
    return ()


def _around_changes(y: np.ndarray) -> np.ndarray:
    changes = np.flatnonzero(np.diff(y) != 0)
    marks = np.zeros(len(y) + 1)
    np.add.at(marks, np.maximum(changes + 1 - AROUND, 0), 1)
    np.add.at(marks, np.minimum(changes + 1 + AROUND, len(y)), -1)
    return np.asarray(np.cumsum(marks)[:-1] > 0)


def strength(values: pd.Series, kind: str, target: list[Coded], task: str, limits: rules.Leaks) -> tuple[float, float]:
    gone = values.isna().to_numpy()
    codes = _bins(values, kind)

    plain = numbers(values) if kind == "numeric" else None

    def median(one: Coded, stretches: Stretches) -> float:
        areas = []
        for start, at in stretches:
            area = _agreement(one.y[at], _encoded(codes, one.y, start, at), task)
            if plain is not None and not np.isnan(plain[at]).any():  # fewer rows are needed to see a plain rise or fall
                rises = _agreement(one.y[at], plain[at], task)
                area = max(area, rises if task == "regression" else max(rises, 1 - rises))
            areas.append(area)
        return float(np.median(areas))

    found, by_missing = [], []
    for one in target:
        around, every = median(one, one.stretches), median(one, one.every) if one.every else 0.0
        found.append(every if every >= limits.certain else around)
        parts = [at for _, at in one.stretches if task != "regression" and 0 < gone[at].sum() < len(at)]
        areas = [roc_auc(one.y[at], gone[at].astype(float)) for at in parts]
        if areas:
            by_missing.append(float(np.median([max(area, 1 - area) for area in areas])))
    weights = [one.y.sum() for one in target] if task == "multiclass" else None
    value = float(np.average(found, weights=weights))
    return value, float(np.max(by_missing)) if by_missing else float("nan")


def _bins(values: pd.Series, kind: str) -> np.ndarray:
    """Bin numbers of each row, made without the target."""
    if kind == "numeric":
        numeric = numbers(values)
        known = numeric[~np.isnan(numeric)]
        if not len(known):
            return np.zeros(len(numeric), dtype=int)
        inner = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
        return np.where(np.isnan(numeric), len(inner) + 1, np.searchsorted(inner, numeric, side="left"))
    codes, _ = pd.factorize(values, use_na_sentinel=False)
    return np.asarray(codes)


def _encoded(codes: np.ndarray, y: np.ndarray, start: int, places: np.ndarray) -> np.ndarray:
    """The mean target of a row's bin on the rows before, drawn towards the overall mean where these are few."""
    prior, size = y[:start].mean(), int(codes.max()) + 1
    rows = np.bincount(codes[:start], minlength=size)
    total = np.bincount(codes[:start], y[:start], minlength=size)
    return np.asarray(((total + SMOOTHING * prior) / (rows + SMOOTHING))[codes[places]])


def _agreement(y: np.ndarray, encoded: np.ndarray, task: str) -> float:
    if len(np.unique(encoded)) < 2:
        return 0.0 if task == "regression" else 0.5
    if task == "regression":
        from scipy.stats import spearmanr

        return abs(float(spearmanr(encoded, y).statistic))
    return float(roc_auc(y, encoded))
