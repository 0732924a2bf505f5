"""Skill: a score as a share of the way from no-skill (0) to perfect (1) on the rows at hand.

A raw Brier score gets worse when the target becomes commoner, a mean absolute error when the target varies more, with
the same model. What no skill reaches varies from month to month too, so it is resampled together with the score:
an interval that takes it for known is too narrow wherever days differ.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sopkit.definitions.results import Verdict
from sopkit.evidence import formulas
from sopkit.evidence.bootstrap import Interval
from sopkit.evidence.metrics import METRICS, Metric, Task, brier_skill, find, r2

__all__ = ["as_skill", "beyond", "is_known", "skill_of"]

_Array = formulas.Array


def _around(y: _Array, p: _Array) -> _Array:
    return formulas.sums(np.abs(y - p), np.abs(y - np.median(y)))


def _one_less(totals: _Array) -> _Array:
    return np.asarray(1 - totals[:, 1] / totals[:, 2])


def _classes(y: _Array, p: _Array) -> _Array:
    losses = formulas.log_losses(y, p) if p.ndim == 1 else formulas.class_log_losses(y, p)
    return np.column_stack([losses, y[:, None] == np.unique(y)])


def _of_entropy(totals: _Array) -> _Array:
    shares = totals[:, 2:] / totals[:, :1]
    entropy = -np.where(shares > 0, shares * np.log(np.maximum(shares, 1e-300)), 0.0).sum(axis=1)
    return np.asarray(1 - totals[:, 1] / totals[:, 0] / entropy)


def _log_loss(task: Task) -> Metric:
    return Metric(
        "log_loss_skill", "log loss skill score", task, "up", 1.0, lambda y: 0.0, probabilities=True, both_classes=True,
        columns=_classes, finish=_of_entropy,
    )  # fmt: skip


_SKILLS: dict[tuple[str, str], Metric] = {
    ("binary", "brier"): brier_skill,
    ("binary", "log_loss"): _log_loss("binary"),
    ("multiclass", "log_loss"): _log_loss("multiclass"),
    ("regression", "rmse"): r2,
    ("regression", "mae"): Metric(
        "mae_skill", "mean absolute error, as skill", "regression", "up", 1.0, lambda y: 0.0, varying=True,
        columns=_around, finish=_one_less,
    ),
}  # fmt: skip


def is_known(task: Task, name: str) -> bool:
    """Whether a metric is one of sopkit's own: nothing is promised about a measure of the workspace."""
    return name in METRICS[task] or any(metric.name == name for (of, _), metric in _SKILLS.items() if of == task)


def skill_of(task: Task, name: str) -> Metric:
    """The metric, or where it is a loss its skill, by the name of either. Raises WrongUse."""
    made = {metric.name: metric for (of, _), metric in _SKILLS.items() if of == task}
    return _SKILLS.get((task, name)) or made.get(name) or find(task, name)


def as_skill(found: Interval, metric: Metric, chance: float) -> Interval:
    """An interval of a metric in shares of the way from `chance` to perfect."""
    way = metric.perfect - chance

    def share(value: float) -> float:
        return (value - chance) / way if way else float("nan")

    ends = sorted(share(end) for end in (found.low, found.high)) if found.known else [np.nan, np.nan]
    return replace(found, value=share(found.value), low=float(ends[0]), high=float(ends[1]))


def beyond(value: float, low: float, limit: float) -> Verdict:
    """Broken beyond doubt, beyond the limit but perhaps by chance, or within it."""
    if value <= limit:
        return Verdict.PASS
    return Verdict.FAIL if low > 0 else Verdict.INSUFFICIENT
