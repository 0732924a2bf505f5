"""How strongly does one feature alone tell the target? Measured forwards in time, stretch after stretch.

The rules:
* a feature is encoded by the target's mean on earlier rows (bins of numbers, categories) and judged on the stretch of
  time behind them; the median over the stretches counts, because the rate of labels and the world change;
* whether it rises or falls with the target is learned on the earlier rows too: chosen on the judged rows, the better
  direction would flatter whatever is slow;
* around the changes of a label only, where there are enough such rows: with labels in long runs every slow feature
  agrees by itself, a leak changes in step. What tells nearly every later row all the same, all stretches taken
  together, is taken at its word, if the label came and went often enough (`EPISODES`);
* a number is told by its order or by its size: the stronger of the rank correlation and the variance that a straight
  line explains counts, for noise that hides the order of many small values leaves the large ones in their places.
  Of a category the order alone counts: one very large group explains most variance, and rightly so;
* a label of several classes is told as well as its classes are, weighted by their rows; so is it by missing values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias

import numpy as np
import pandas as pd

from sopkit.evidence import rules
from sopkit.evidence.metrics import roc_auc
from sopkit.evidence.profiles import numbers

__all__ = ["Coded", "Told", "by_missing", "coded", "strength", "weighted"]

BINS = 50
SMOOTHING = 10.0
STRETCHES = (8, 4, 2)  # as many as there are labels for
AROUND = 10  # rows on either side of a change of the label
EPISODES = 3  # of either label: that a slow feature orders three and three rightly by chance happens once in 20 times
Stretches: TypeAlias = tuple[tuple[int, np.ndarray], ...]
Measured: TypeAlias = Callable[[np.ndarray, np.ndarray], float]


@dataclass(frozen=True, eq=False)
class Coded:
    """The target as numbers, in the order of time, and where it is judged: (beginning of a stretch, its rows).

    `every` are all rows of the stretches where `stretches` holds those around changes only, and the label comes and
    goes often enough to trust them; otherwise there are none.
    """

    y: np.ndarray
    stretches: Stretches
    every: Stretches


@dataclass(frozen=True)
class Told:
    """How well a feature tells the target (`value`, and in which sense), how well its missingness does (NaN: not at
    all), and for a text which single word does so best, and how well."""

    value: float
    missing: float
    sense: Literal["AUC", "rank correlation", "explained variance"] = "AUC"
    word: str = ""
    by_word: float = float("nan")


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
            found.append(Coded(column, around or every, every if around and _comes_and_goes(column, every) else ()))
    return found


def _comes_and_goes(y: np.ndarray, stretches: Stretches) -> bool:
    judged = y[np.concatenate([at for _, at in stretches])]
    return int((np.diff(judged) != 0).sum()) + 1 >= 2 * EPISODES


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


def strength(values: pd.Series, kind: str, target: list[Coded], task: str, limits: rules.Leaks) -> Told:
    """How well one feature tells the target. `values` (n,) are in the order of time, like the target."""
    codes = _bins(values, kind)
    plain = numbers(values) if kind == "numeric" else np.full(len(values), np.nan)
    gone = np.isnan(plain)
    ordered = int(codes.max()) + 1 - int(gone.any())  # bins: missing values have the last one

    def scores(y: np.ndarray, start: int, at: np.ndarray) -> list[np.ndarray]:
        rows, total = _past(codes, y, start)
        prior = total.sum() / start
        found = [((total + SMOOTHING * prior) / (rows + SMOOTHING))[codes[at]]]  # drawn to the mean where rows are few
        if not gone[at].any():  # fewer rows are needed to see a plain rise or fall
            found.append(_direction(rows[:ordered], total[:ordered]) * plain[at])
        return found

    def median(one: Coded, *measures: Measured) -> list[float]:
        parts = [(one.y[at], scores(one.y, start, at)) for start, at in one.stretches]
        return [float(np.median([max(measure(y, x) for x in found) for y, found in parts])) for measure in measures]

    if task == "regression":
        by_rank, by_size = median(target[0], _correlation_of_ranks, _explained)
        if kind == "numeric" and by_size > by_rank:
            return Told(by_size, float("nan"), "explained variance")
        return Told(by_rank, float("nan"), "rank correlation")
    found = []
    for one in target:
        parts = [scores(one.y, start, at) for start, at in one.every]
        judged = np.concatenate([one.y[at] for _, at in one.every]) if parts else np.empty(0)
        together = zip(*parts, strict=False)  # the plain number only where every stretch has it
        every = max((_area(judged, np.concatenate(each)) for each in together), default=0.0)
        found.append(every if every >= limits.certain else median(one, _area)[0])
    return Told(weighted(found, target), by_missing(values, target))


def by_missing(values: pd.Series, target: list[Coded]) -> float:
    """How well it tells the target whether a value is missing; NaN where none is, or all are, at any time."""
    gone = values.isna().to_numpy().astype(int)
    found = []
    for one in target:
        places = [(start, at) for start, at in one.stretches if np.ptp(gone[:start]) and np.ptp(gone[at])]
        areas = [_area(one.y[at], _direction(*_past(gone, one.y, start)) * gone[at]) for start, at in places]
        found.append(float(np.median(areas)) if areas else float("nan"))
    known = ~np.isnan(found)
    return weighted(np.where(known, found, 0.5), target) if known.any() else float("nan")


def weighted(found: Sequence[float] | np.ndarray, target: list[Coded]) -> float:
    """The mean over the classes, each by its rows."""
    return float(np.average(found, weights=[one.y.sum() for one in target]))


def _past(codes: np.ndarray, y: np.ndarray, start: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and sum of the target in each bin, before `start`."""
    size = int(codes.max()) + 1
    return np.bincount(codes[:start], minlength=size), np.bincount(codes[:start], y[:start], minlength=size)


def _direction(rows: np.ndarray, total: np.ndarray) -> float:
    """-1 where the target falls from bin to bin, else 1; by bins, so that a few wild values do not turn it."""
    above = total - rows * (total.sum() / max(rows.sum(), 1))
    return -1.0 if np.arange(len(above)) @ above < 0 else 1.0


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


def _area(y: np.ndarray, score: np.ndarray) -> float:
    return float(roc_auc(y, score)) if np.ptp(score) > 0 else 0.5


def _correlation(y: np.ndarray, score: np.ndarray) -> float:
    if np.ptp(score) == 0:
        return 0.0
    with np.errstate(all="ignore"):  # numbers near the largest that there are have no variance
        return max(0.0, float(np.nan_to_num(np.corrcoef(score, y)[0, 1])))


def _correlation_of_ranks(y: np.ndarray, score: np.ndarray) -> float:
    return _correlation(pd.Series(y).rank().to_numpy(), pd.Series(score).rank().to_numpy())


def _explained(y: np.ndarray, score: np.ndarray) -> float:
    return _correlation(y, score) ** 2
