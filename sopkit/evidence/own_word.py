"""A model's own word: the error that its predictions announce, against the error that came.

A probability is a promise by itself: the mean squared error of calibrated probabilities is the mean of p (1 - p)
(Spiegelhalter 1986). A number announces that its error has no direction. Needs no reference period.

A model that was as far off when it was approved (`calibration` told the signer so) breaks no promise by staying so:
what counts is how much farther off it is than then, in the same direction, or at all where it was not. The
evaluation's own uncertainty counts with it (MOVER, Zou & Donner 2008). Where nothing was measured then, zero was
promised.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence.bootstrap import Interval, Plan, interval_of
from sopkit.evidence.measure import Measure, number, percent
from sopkit.evidence.metrics import Task, bias, brier, multiclass_log_loss, no_skill, room, why_not
from sopkit.evidence.skill import beyond

__all__ = ["NAMES", "own_word", "stated_gap"]

NAMES = ("promise_bias", "promise_stated_error")
_METRICS = {"binary": brier, "multiclass": multiclass_log_loss, "regression": bias}


def stated_gap(task: Task, y: np.ndarray, p: Any, drawn: Plan, confidence: float = 0.95) -> Interval:
    """The error that came less what the predictions announce, as a share of no-skill: above zero, worse than they say.

    Without a value, and with the reason, where it cannot be measured.
    """
    p = np.asarray(p, dtype=float)
    problem = why_not(_METRICS[task], y, p)
    if not problem and task == "multiclass" and p.ndim != 2:
        problem = "there is no probability for each class"
    if problem:
        reason = f"the model's own word cannot be checked: {problem}"
        return Interval(np.nan, np.nan, np.nan, 0, drawn.blocks, "none", reason, confidence)
    came, said, unit = _errors(task, y, p)
    if not unit > 0:
        reason = "the target does not vary on these rows"
        return Interval(np.nan, np.nan, np.nan, 0, drawn.blocks, "none", reason, confidence)
    draws = _draws(task, y, came - said, unit, drawn)
    return interval_of(float((came - said).mean()) / unit, draws, drawn, confidence)


def own_word(
    task: Task, y: np.ndarray, p: Any, drawn: Plan, limit: float, confidence: float, promised: Interval | None = None
) -> Measure | None:
    """How much farther the model is from its own word than `promised` (without: than zero), as a share of no-skill."""
    p = np.asarray(p, dtype=float)
    if task == "multiclass" and p.ndim != 2:
        return None
    numbers = task == "regression"
    name, title = NAMES[0 if numbers else 1], "Bias" if numbers else "Error against the model's own word"
    parts: dict[str, Any] = {"threshold": Threshold(op="at_most", value=limit), "title": title, "unit": "of no-skill"}
    now = stated_gap(task, y, p, drawn, confidence).with_neighbours
    if not np.isfinite(now.value):
        return Measure(name, None, Verdict.INSUFFICIENT, now.reason, **parts)
    came, said, _ = _errors(task, y, p)
    way = -1 if numbers and now.value < 0 else 1  # an error smaller than was said harms nobody
    gap, before = now.scaled(way), _towards(promised, way)
    value = gap.value - before.value
    detail: dict[str, Any] = {
        "promised": way * before.value, "now": now.value, "said": float(said.mean()), "came": float(came.mean()),
        "rows": len(y), "blocks": drawn.blocks, "confidence": confidence,
        "direction": "worse than it says" if now.value > 0 else "better than it says",
    }  # fmt: skip
    if not now.known:
        told = f"no interval for the model's own word: {now.reason}"
        return Measure(name, value, Verdict.INSUFFICIENT, told, plain(detail), **parts)
    low = value - float(np.hypot(before.high - before.value, gap.value - gap.low))
    high = value + float(np.hypot(before.value - before.low, gap.high - gap.value))
    told = f"By its own probabilities the model's squared error is {number(float(said.mean()))}; "
    told += f"{number(float(came.mean()))} came"
    told += f" (it says {percent(p.mean())} on average, {percent(y.mean())} came)" if task == "binary" else ""
    told += f": {percent(abs(gap.value))} of no-skill {detail['direction'].replace('it says', 'it said')}"
    if numbers:
        told = f"Predictions are too {'high' if way > 0 else 'low'} by {percent(gap.value)} of the no-skill error"
    if before.value:
        told += f", {percent(before.value)} at the evaluation: farther off by {percent(value)}" if value > 0 else ""
        told += f", {percent(before.value)} at the evaluation" if value <= 0 else ""
    told += f" [{percent(low)}, {percent(high)}]" if value > 0 else ""
    return Measure(name, value, beyond(value, low, limit), told, plain(detail | {"low": low, "high": high}), **parts)


def _towards(promised: Interval | None, way: int) -> Interval:
    """How far off a model may be in one direction: what was measured then, and not less than nothing."""
    if promised is None or not np.isfinite(promised.value):
        return Interval(0.0, 0.0, 0.0, 0, 0, "none")
    gap = promised.with_neighbours.scaled(way)
    value = max(gap.value, 0.0)
    low, high = (max(gap.low, 0.0), max(gap.high, 0.0)) if gap.known else (value, value)
    return replace(gap, value=value, low=low, high=high)


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
