"""A model's own word: the error that its predictions announce, against the error that came.

A probability is a promise by itself: the mean squared error of calibrated probabilities is the mean of p (1 - p)
(Spiegelhalter 1986). A number announces that its error has no direction. Needs no reference period.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence.bootstrap import Plan, interval_of
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.metrics import Task, bias, brier, multiclass_log_loss, no_skill, room, why_not
from sopkit.evidence.skill import beyond

__all__ = ["NAMES", "own_word"]

NAMES = ("promise_bias", "promise_stated_error")


def own_word(task: Task, y: np.ndarray, p: Any, drawn: Plan, limit: float, confidence: float) -> Measure | None:
    """The gap between what the model says of its own error and the error that came, as a share of no-skill."""
    p = np.asarray(p, dtype=float)
    if task == "multiclass" and p.ndim != 2:
        return None
    metric = {"binary": brier, "multiclass": multiclass_log_loss, "regression": bias}[task]
    name, title = (
        ("promise_bias", "Bias")
        if task == "regression"
        else ("promise_stated_error", "Error against the model's own word")
    )
    parts: dict[str, Any] = {"threshold": Threshold(op="at_most", value=limit), "title": title, "unit": "of no-skill"}
    problem = why_not(metric, y, p)
    if problem:
        return Measure(name, None, Verdict.INSUFFICIENT, f"the model's own word cannot be checked: {problem}", **parts)
    came, said, unit = _errors(task, y, p)
    if not unit > 0:
        return Measure(name, None, Verdict.INSUFFICIENT, "the target does not vary on these rows", **parts)
    draws = _draws(task, y, came - said, unit, drawn)
    found = interval_of(float((came - said).mean()) / unit, draws, drawn, confidence).with_neighbours
    size = abs(found.value)
    detail: dict[str, Any] = {
        "promised": float(said.mean()),
        "now": float(came.mean()),
        "rows": len(y),
        "blocks": drawn.blocks,
        "confidence": confidence,
    }
    if not found.known:
        return Measure(
            name, size, Verdict.INSUFFICIENT, f"no interval for the model's own word: {found.reason}", detail, **parts
        )
    low, high = sorted((found.low, found.high)) if found.value >= 0 else sorted((-found.low, -found.high))
    told = f"By its own probabilities the model's squared error is {number(float(said.mean()))}; "
    told += f"{number(float(came.mean()))} came"
    told += f" (it says {p.mean():.1%} on average, {y.mean():.1%} came)" if task == "binary" else ""
    told += f": off by {size:.1%} of no-skill [{low:.1%}, {high:.1%}]"
    if task == "regression":
        told = f"Predictions are too {'high' if found.value > 0 else 'low'} by {size:.1%} of the no-skill error "
        told += f"[{low:.1%}, {high:.1%}]"
    detail |= {
        "low": low,
        "high": high,
        "direction": "worse than it says" if found.value > 0 else "better than it says",
    }
    return Measure(name, size, beyond(size, low, limit), told, plain(detail), **parts)


def _errors(task: Task, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Per row the error that came and the error that was said; and the no-skill error as the unit."""
    if task == "regression":
        return p - y, np.zeros(len(y)), room(bias, y)
    if task == "binary":
        return (p - y) ** 2, p * (1 - p), no_skill("binary", brier, y)
    hit = np.eye(p.shape[1])[y.astype(np.intp)]
    rates = hit.mean(axis=0)
    return ((p - hit) ** 2).sum(axis=1), 1 - (p**2).sum(axis=1), float(1 - (rates**2).sum())


def _draws(task: Task, y: np.ndarray, gap: np.ndarray, unit: float, drawn: Plan) -> np.ndarray:
    """The gap in each resample, as a share of that resample's own no-skill error where it is a function of the rate."""
    size = drawn.counts.shape[1]
    columns = [np.ones(len(y)), gap, *([y] if task == "binary" else [])]
    totals = drawn.counts @ np.column_stack([np.bincount(drawn.groups, c, minlength=size) for c in columns])
    with np.errstate(divide="ignore", invalid="ignore"):
        means = totals[:, 1:] / totals[:, :1]
        return np.asarray(means[:, 0] / (means[:, 1] * (1 - means[:, 1]) if task == "binary" else unit))
