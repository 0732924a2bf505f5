"""Two periods brought onto the inputs that they share, and what is left of a difference there.

The arithmetic of `causes`, which has the rules. Outcomes are (n, k): 0/1 for a binary target, one column a class for
several (and one for classes that no model knows, where they occur), the value for numbers.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sopkit.evidence.bootstrap import Plan

__all__ = ["Side", "both_resampled", "drawn_means", "levelled", "outcomes", "support", "together"]

LEVEL_ROWS = 100_000  # more are not needed to find a level
ROUNDS = 60

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Side:
    """One period: outcomes and predictions (n, k), the weight of each row on common support, how it is resampled."""

    outcome: Array
    prediction: Array
    weights: Array
    plan: Plan

    @property
    def effective(self) -> float:
        """Rows behind a weighted mean; equal weights near zero look like many, and a shared row weighs one half."""
        total = float(self.weights.sum())
        return min(total**2 / float((self.weights**2).sum()), 2 * total) if total else 0.0

    @property
    def rate(self) -> Array:
        """(k,) the mean outcome of all rows."""
        return np.asarray(self.outcome.mean(axis=0))

    def errors(self, *, classes: bool) -> Array:
        """(n,) squared errors once predictions are at the level of what came on common support.

        Of classes, less the error that such predictions announce, the sum of p (1 - p): errors of rare and of common
        outcomes, of bold and of cautious predictions, are then comparable (Spiegelhalter 1986).
        """
        fitted = levelled(self.outcome, self.prediction, self.weights, classes=classes)
        came = (fitted - self.outcome) ** 2
        return np.asarray((came - fitted * (1 - fitted) if classes else came).sum(axis=1))


def outcomes(y: Any, prediction: Any, task: str) -> tuple[Array, Array]:
    """Outcomes and predictions (n, k) of a period; a class that is NaN is one that the model does not know."""
    y, p = np.asarray(y, dtype=float), np.asarray(prediction, dtype=float)
    if task != "multiclass":
        return y[:, None], p.reshape(len(y), -1)[:, :1]
    columns = np.column_stack([y[:, None] == np.arange(p.shape[1]), np.isnan(y)]).astype(float)
    return columns, np.column_stack([p, np.zeros(len(y))])


def drawn_means(values: Array, weights: Array, plan: Plan) -> tuple[Array, Array]:
    """Weighted means (k,) of `values` (n, k), and their resamples (R, k)."""
    size = plan.counts.shape[1]
    parts = [weights, *(weights * column for column in values.T)]
    sums = plan.counts @ np.column_stack([np.bincount(plan.groups, part, minlength=size) for part in parts])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.average(values, axis=0, weights=weights), sums[:, 1:] / sums[:, :1]


def levelled(outcome: Array, prediction: Array, weights: Array, *, classes: bool) -> Array:
    """Predictions whose weighted mean is that of the outcomes: numbers moved by one step, odds by one factor a class.

    Saerens, Latinne & Decaestecker (2002), Adjusting the outputs of a classifier to new a priori probabilities.
    """
    if not classes:
        return np.asarray(prediction + np.average(outcome - prediction, axis=0, weights=weights))
    single = outcome.shape[1] == 1
    y, p = (np.column_stack([part, 1 - part]) if single else part for part in (outcome, prediction))
    some = slice(None, None, max(1, len(y) // LEVEL_ROWS))
    wanted, part, weight = np.average(y, axis=0, weights=weights), p[some], weights[some]
    factor = np.ones(y.shape[1])
    for _ in range(ROUNDS):
        moved = part * factor
        moved /= np.maximum(moved.sum(axis=1, keepdims=True), 1e-300)
        mean = np.average(moved, axis=0, weights=weight)
        if np.abs(mean - wanted).max() < 1e-5:
            break
        factor *= np.where(mean > 0, wanted / np.maximum(mean, 1e-300), 1.0)
    moved = p * factor
    moved /= np.maximum(moved.sum(axis=1, keepdims=True), 1e-300)
    return moved[:, :1] if single else moved


def support(sides: tuple[Side, Side]) -> tuple[list[int], float]:
    """Effective rows of both sides, and the share of their mass that lies on common inputs."""
    shared = min(1.0, float(np.mean([side.weights.mean() for side in sides]) * 2))
    return [round(side.effective) for side in sides], shared


def both_resampled(sides: tuple[Side, Side]) -> bool:
    return all(side.plan.method != "none" for side in sides)


def together(sides: tuple[Side, Side]) -> Plan:
    """The plan of a difference: the blocks of both, as many as the side with fewer; one that has none comes first."""
    plans = [side.plan for side in sides]
    fewer = min(plans, key=lambda p: (p.method != "none", p.blocks))
    if not both_resampled(sides):
        return fewer
    return replace(fewer, counts=np.hstack([p.counts for p in plans]), in_time=all(p.in_time for p in plans))
