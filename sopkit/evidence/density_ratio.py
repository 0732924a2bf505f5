"""How likely is it that a row comes from the current period? A small classifier that cannot be fooled by one column.

Logistic regression on bins (quantiles of numbers, common categories, missing) and on each number itself, scaled by
its quartiles and clipped, so that odd scales and wild values have no pull; a ridge penalty keeps odds finite where
a bin belongs to one period alone; both periods weigh the same. Written here because a model's estimators belong to
another room; it is twenty lines of Newton's method.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sopkit.evidence.profiles import kinds, numbers

__all__ = ["probability_of_current"]

BINS, CATEGORIES = 8, 15
MOST_ROWS = 20_000  # for learning; every row gets its probability
RIDGE = 1e-3
FARTHEST = 3.0  # interquartile ranges from the median


def probability_of_current(
    reference: pd.DataFrame, current: pd.DataFrame, features: Mapping[str, Any], *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """P(current | row) for the rows of both tables, with equal prior odds. Texts are left out."""
    both = pd.concat([reference, current], ignore_index=True)
    blocks = [_columns(both[name], kind) for name, kind in kinds(features).items() if name in both and kind != "text"]
    design = np.column_stack([np.ones(len(both), dtype=np.float32), *blocks])
    label = np.repeat([0.0, 1.0], [len(reference), len(current)])
    weight = np.where(label == 1, 0.5 / max(len(current), 1), 0.5 / max(len(reference), 1))
    random = np.random.default_rng(seed)
    chosen = np.concatenate([
        random.permutation(np.flatnonzero(label == side))[:MOST_ROWS] for side in (0, 1)
    ])  # fmt: skip
    kept = weight[chosen]
    for side in (0, 1):
        kept = np.where(label[chosen] == side, kept * 0.5 / max(kept[label[chosen] == side].sum(), 1e-12), kept)
    beta = _fit(design[chosen].astype(float), label[chosen], kept)
    odds = np.clip(design @ beta, -30, 30)
    p = 1 / (1 + np.exp(-odds))
    return p[: len(reference)], p[len(reference) :]


def _columns(values: pd.Series, kind: str) -> np.ndarray:
    if kind != "numeric":
        texts = values.astype(object).where(values.notna(), "(missing)").astype(str)
        common = list(texts.value_counts().index[:CATEGORIES])
        codes = pd.Index(common).get_indexer(pd.Index(texts))
        return _one_hot(np.where(codes < 0, len(common), codes))
    numeric = numbers(values)
    known = numeric[~np.isnan(numeric)]
    if not len(known):
        return np.empty((len(values), 0), dtype=np.float32)
    inner = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    codes = np.where(np.isnan(numeric), len(inner) + 1, np.searchsorted(inner, numeric, side="left"))
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    scaled = np.clip((np.nan_to_num(numeric, nan=middle) - middle) / ((high - low) or 1.0), -FARTHEST, FARTHEST)
    return np.column_stack([_one_hot(codes), scaled.astype(np.float32)])


def _one_hot(codes: np.ndarray) -> np.ndarray:
    used = np.unique(codes)
    return (codes[:, None] == used[None, 1:]).astype(np.float32)  # the first bin is the base


def _fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Ridge logistic regression by Newton's method (iteratively reweighted least squares)."""
    beta = np.zeros(x.shape[1])
    penalty = np.full(x.shape[1], RIDGE)
    penalty[0] = 1e-9
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        slope = x.T @ (weight * (y - p)) - penalty * beta
        curve = (x * (weight * p * (1 - p))[:, None]).T @ x + np.diag(penalty)
        move = np.linalg.solve(curve, slope)
        beta = beta + move
        if np.abs(move).max() < 1e-6:
            break
    return beta
