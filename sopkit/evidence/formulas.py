"""The formulas of the metrics, all of them for many weightings of the rows at once.

The rules:
* a formula of sums gives columns (n, k), the first of them ones, and makes values of their totals (R, k);
* a formula of ranks takes `groups` (n,) and `counts` (R, groups): how often each weighting counts each group;
* values are scikit-learn's, ties included; what does not exist in a weighting is NaN;
* a mean over classes is one over those with enough rows among all that are judged (`frequent`), the same ones in
  every weighting: a class of two rows must not decide, nor come and go with the resamples.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sopkit.evidence import rules

__all__ = [
    "around_median",
    "auc",
    "auc_of_classes",
    "centred",
    "class_log_losses",
    "entropy",
    "explained",
    "f1_columns",
    "frequent",
    "log_losses",
    "majority",
    "majority_f1",
    "mean",
    "mean_f1",
    "precision_over_recall",
    "rate",
    "skill",
    "sums",
]

Array: TypeAlias = NDArray[Any]
FEW_GROUPS = 64  # so many searches over the rows cost less than a pass for each of hundreds of resamples
SMALLEST_PROBABILITY = float(np.finfo(np.float64).eps)  # the clip of sklearn's log_loss

# What is summed row by row, and what the totals give.


def sums(*columns: Array) -> Array:
    return np.column_stack([np.ones(len(columns[0])), *columns])


def mean(totals: Array) -> Array:
    return np.asarray(totals[:, 1] / totals[:, 0])


def log_losses(y: Array, p: Array) -> Array:
    p = np.clip(p, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
    return sums(-np.where(y == 1, np.log(p), np.log1p(-p)))


def class_log_losses(y: Array, p: Array) -> Array:
    p = p / p.sum(axis=1, keepdims=True)
    chosen = p[np.arange(len(y)), y.astype(np.intp)]
    return sums(-np.log(np.clip(chosen, SMALLEST_PROBABILITY, 1.0)))


def frequent(y: Array, minimum: int = rules.CLASSES.minimum_rows) -> Array:
    """The codes of the classes that have enough rows to be judged by themselves, in order."""
    codes, rows = np.unique(y, return_counts=True)
    return np.asarray(codes[rows >= minimum])


def f1_columns(y: Array, p: Array) -> Array:
    classes = frequent(y)
    actual, chosen = y[:, None] == classes, p.argmax(axis=1)[:, None] == classes
    return np.hstack([np.ones((len(y), 1)), actual & chosen, actual.astype(float) + chosen])


def mean_f1(totals: Array) -> Array:
    k = (totals.shape[1] - 1) // 2
    hits, both = totals[:, 1 : k + 1], totals[:, k + 1 :]
    seen = both > 0  # a class that neither occurs nor is predicted has no F1
    f1 = np.where(seen, 2 * hits / np.where(seen, both, 1), 0.0)
    return np.asarray(f1.sum(axis=1) / seen.sum(axis=1))


def centred(y: Array, p: Array) -> Array:
    centre = y.mean()  # sums of squares around a common centre, or large targets lose their digits
    return sums((y - p) ** 2, y - centre, (y - centre) ** 2)


def explained(totals: Array) -> Array:
    spread = totals[:, 3] - totals[:, 2] ** 2 / totals[:, 0]
    return np.asarray(np.where(spread > 0, 1 - totals[:, 1] / np.where(spread > 0, spread, 1), np.nan))


def skill(totals: Array) -> Array:
    rate = totals[:, 2] / totals[:, 0]
    chance = rate * (1 - rate)
    return np.asarray(np.where(chance > 0, 1 - mean(totals) / np.where(chance > 0, chance, 1), np.nan))


# What ranks give, with rows weighted by group.


def auc(y: Array, p: Array, groups: Array, counts: Array) -> Array:
    """Mann and Whitney's count of pairs in order, a tie for half a pair, with rows weighted by group."""
    positive = y == 1
    up, down = np.flatnonzero(positive), np.flatnonzero(~positive)
    up, down = up[np.argsort(p[up])], down[np.argsort(p[down])]
    if counts.shape[1] <= FEW_GROUPS:
        return _auc_of_pairs(p[up], p[down], groups[up], groups[down], counts)
    below = np.searchsorted(p[down], p[up], side="left")
    upto = np.searchsorted(p[down], p[up], side="right")
    tied = bool((below != upto).any())
    up_group, down_group = groups[up], groups[down]
    values = np.empty(len(counts))
    lost = np.zeros(len(down) + 1)
    for r, count in enumerate(counts):
        np.cumsum(count[down_group], out=lost[1:])
        weight = count[up_group]
        won = (lost[below] + lost[upto]) / 2 if tied else lost[below]
        values[r] = weight @ won / (weight.sum() * lost[-1])
    return values


def _auc_of_pairs(up: Array, down: Array, up_group: Array, down_group: Array, counts: Array) -> Array:
    """The same from pairs counted once for each two groups, so that a resample costs groups², not rows."""
    size = counts.shape[1]
    won = np.zeros((size, size))
    for group in range(size):
        lost = down[down_group == group]
        ranks = np.searchsorted(lost, up, side="left") + np.searchsorted(lost, up, side="right")
        won[:, group] = np.bincount(up_group, ranks / 2, minlength=size)
    ups, downs = (counts @ np.bincount(groups, minlength=size) for groups in (up_group, down_group))
    return np.asarray(((counts @ won) * counts).sum(axis=1) / (ups * downs))


def precision_over_recall(y: Array, p: Array, groups: Array, counts: Array) -> Array:
    """Sum of precision times the step in recall, tied scores in one step (as scikit-learn defines it)."""
    order = np.argsort(-p, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(p[order])), len(p) - 1)
    positive, group = (y[order] == 1).astype(float), groups[order]
    values = np.empty(len(counts))
    for r, count in enumerate(counts):
        weight = count[group]
        flagged, hits = np.cumsum(weight)[ends], np.cumsum(weight * positive)[ends]
        precision = hits / np.where(flagged > 0, flagged, 1)
        values[r] = np.diff(hits, prepend=0.0) @ precision / hits[-1]
    return values


def auc_of_classes(y: Array, p: Array, groups: Array, counts: Array) -> Array:
    """One class against the rest, mean over the frequent classes weighted by their rows (Provost & Domingos 2000)."""
    classes = frequent(y)
    each = np.array([auc((y == k).astype(float), p[:, int(k)], groups, counts) for k in classes])
    rows = np.array([counts @ np.bincount(groups[y == k], minlength=counts.shape[1]) for k in classes])
    weights = rows * ~np.isnan(each)
    return np.asarray((np.nan_to_num(each) * weights).sum(axis=0) / weights.sum(axis=0))


# What no skill reaches: a prediction that knows the distribution of the target and nothing else.


def rate(y: Array) -> float:
    return float(np.mean(y))


def entropy(y: Array) -> float:
    shares = np.unique(y, return_counts=True)[1] / len(y)
    return float(-(shares * np.log(shares)).sum())


def majority(y: Array) -> float:
    return float(np.unique(y, return_counts=True)[1].max() / len(y))


def majority_f1(y: Array) -> float:
    share = majority(y)
    return 2 * share / (1 + share) / max(len(frequent(y)), 1)


def around_median(y: Array) -> float:
    return float(np.abs(y - np.median(y)).mean())
