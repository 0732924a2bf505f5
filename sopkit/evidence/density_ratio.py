"""How likely is it that a row comes from the current period? A small classifier that cannot be fooled by one column.

Logistic regression on bins (quantiles of numbers, common categories, missing), on each number itself, scaled by its
quartiles and clipped, so that odd scales and wild values have no pull, and on the commonest words of texts; a ridge
penalty keeps odds finite where a bin belongs to one period alone; both periods weigh the same.

No row is judged by a classifier that has seen it, or another row of its block (cross-fitting in halves of blocks,
Chernozhukov et al. 2018): with many columns, or weather that marks its day, a classifier tells periods apart that are
alike. Bins and coefficients are learned on a sample; every row is then looked up, so memory is linear and small.

Written here because a model's estimators belong to another room; it is twenty lines of Newton's method.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sopkit.evidence.profiles import kinds, numbers

__all__ = ["probability_of_current"]

BINS, CATEGORIES, WORDS = 8, 15, 100
MOST_ROWS = 10_000  # a side, for learning
RIDGE = 1e-3
ROWS_OF_PRIOR = 0.1  # blocks: with few of them the penalty is this share of one
FARTHEST = 3.0  # interquartile ranges from the median
WORD = re.compile(r"\w{2,30}")


def probability_of_current(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    features: Mapping[str, Any],
    *,
    blocks: tuple[Any, Any] | None = None,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """P(current | row) for the rows of both tables, with equal prior odds. `blocks`: labels (n,) of each table."""
    random = np.random.default_rng(seed)
    sides = (reference, current)
    halves = [_halves(labels, len(side), random) for labels, side in zip(blocks or (None, None), sides, strict=True)]
    names = {name: kind for name, kind in kinds(features).items() if all(name in side for side in sides)}
    units = min(len(pd.unique(np.asarray(labels))) for labels in blocks) if blocks else min(len(s) for s in sides)
    penalty = max(RIDGE, ROWS_OF_PRIOR / max(units, 1))
    found = [np.full(len(side), 0.5) for side in sides]
    for half in (0, 1):
        learned = [
            side.iloc[np.sort(random.permutation(np.flatnonzero(mark != half))[:MOST_ROWS])]
            for side, mark in zip(sides, halves, strict=True)
        ]
        if not all(len(part) for part in learned):
            continue
        classifier = _learn(learned[0], learned[1], names, penalty)
        for side, mark, p in zip(sides, halves, found, strict=True):
            p[mark == half] = classifier(side.iloc[np.flatnonzero(mark == half)])
    return found[0], found[1]


def _halves(labels: Any, rows: int, random: np.random.Generator) -> np.ndarray:
    """0 or 1 for each row, the same for the rows of one block; rows by themselves where there is one block only."""
    codes = np.arange(rows) if labels is None else pd.factorize(np.asarray(labels))[0]
    units = int(codes.max()) + 1 if rows else 0
    if units < 2:
        codes, units = np.arange(rows), rows
    return np.asarray(random.permutation(np.arange(units) % 2)[codes])


@dataclass(frozen=True)
class _Classifier:
    columns: Mapping[str, _Column]
    beta: np.ndarray

    def __call__(self, rows: pd.DataFrame) -> np.ndarray:
        odds, place = np.full(len(rows), self.beta[0]), 1
        for name, column in self.columns.items():
            odds += column.odds(rows[name], self.beta[place : place + column.width])
            place += column.width
        return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))))


@dataclass(frozen=True)
class _Column:
    """What is learned of one column: inner edges and quartiles of numbers, categories, or words."""

    kind: str
    marks: Any
    quartiles: tuple[float, float, float] = (0.0, 0.0, 0.0)

    @property
    def width(self) -> int:
        return len(self.marks) + {"numeric": 3, "text": 0}.get(self.kind, 1)

    def design(self, values: pd.Series) -> np.ndarray:
        """(n, width) columns to learn from."""
        if self.kind == "text":
            found = np.zeros((len(values), len(self.marks)))
            for row, text in enumerate(values):
                found[row, self._words(text)] = 1.0
            return found
        codes = self._codes(values)
        bins = self.width - (self.kind == "numeric")
        one_hot = (codes[:, None] == np.arange(bins)).astype(float)
        return one_hot if self.kind != "numeric" else np.column_stack([one_hot, self._scaled(values)])

    def odds(self, values: pd.Series, beta: np.ndarray) -> np.ndarray:
        if self.kind == "text":
            return np.array([beta[self._words(text)].sum() for text in values])
        found = beta[self._codes(values)]
        return np.asarray(found if self.kind != "numeric" else found + beta[-1] * self._scaled(values))

    def _codes(self, values: pd.Series) -> np.ndarray:
        if self.kind != "numeric":
            codes = self.marks.get_indexer(pd.Index(_texts(values)))
            return np.where(codes < 0, len(self.marks), codes)
        numeric = numbers(values)
        known = np.searchsorted(self.marks, numeric, side="left")
        return np.where(np.isnan(numeric), len(self.marks) + 1, known)

    def _scaled(self, values: pd.Series) -> np.ndarray:
        low, middle, high = self.quartiles
        away = (np.nan_to_num(numbers(values), nan=middle) - middle) / ((high - low) or 1.0)
        return np.clip(away, -FARTHEST, FARTHEST)

    def _words(self, text: Any) -> list[int]:
        return [self.marks[word] for word in _words(text) if word in self.marks]


def _learn(reference: pd.DataFrame, current: pd.DataFrame, names: Mapping[str, str], penalty: float) -> _Classifier:
    both = pd.concat([reference, current], ignore_index=True)
    columns = {name: _column(both[name], kind) for name, kind in names.items()}
    design = np.column_stack([np.ones(len(both)), *(column.design(both[name]) for name, column in columns.items())])
    label = np.repeat([0.0, 1.0], [len(reference), len(current)])
    weight = np.where(label == 1, 0.5 / len(current), 0.5 / len(reference))
    return _Classifier(columns, _fit(design, label, weight, penalty))


def _column(values: pd.Series, kind: str) -> _Column:
    if kind == "text":
        counted = Counter(word for text in values for word in _words(text))
        common = sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:WORDS]
        return _Column(kind, {word: place for place, (word, _) in enumerate(common)})
    if kind != "numeric":
        return _Column(kind, pd.Index(_texts(values).value_counts().index[:CATEGORIES]))
    numeric = numbers(values)
    known = numeric[~np.isnan(numeric)]
    if not len(known):
        return _Column(kind, np.empty(0))
    inner = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]))
    low, middle, high = np.quantile(known, [0.25, 0.5, 0.75])
    return _Column(kind, inner, (float(low), float(middle), float(high)))


def _texts(values: pd.Series) -> pd.Series:
    return values.astype(object).where(values.notna(), "(missing)").astype(str)


def _words(text: Any) -> set[str]:
    return set(WORD.findall(text.lower())) if isinstance(text, str) else set()


def _fit(x: np.ndarray, y: np.ndarray, weight: np.ndarray, ridge: float) -> np.ndarray:
    """Ridge logistic regression by Newton's method (iteratively reweighted least squares).

    The slope decides where it ends and is exact; the curvature only decides the way there, so half the digits and one
    triangle of it are enough, at a quarter of the time.
    """
    light = x.astype(np.float32)
    beta = np.zeros(x.shape[1])
    penalty = np.full(x.shape[1], ridge)
    penalty[0] = 1e-9
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(x @ beta, -30, 30)))
        slope = x.T @ (weight * (y - p)) - penalty * beta
        rooted = light * np.sqrt(weight * p * (1 - p)).astype(np.float32)[:, None]
        curve = (rooted.T @ rooted).astype(float) + np.diag(penalty)
        move = np.linalg.solve(curve, slope)
        beta = beta + move
        if np.abs(move).max() < 1e-4:
            break
    return beta
