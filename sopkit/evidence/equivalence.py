"""Is the refitted model the one that was approved, but for newer rows?

With `refit: all` the recipe is approved, not the artifact: it is fitted once more with the held-out rows. Nobody has
judged that model on rows it has not seen, so it must be close to the approved one where both can be asked:
* its score on the held-out rows, which it has seen, may not fall below the approved model's by more than the margin;
* its predictions may differ on average by a twentieth of the range in question (probability, or the target's spread).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Threshold, Verdict
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.metrics import Task, defaults, find

__all__ = ["LARGEST_CHANGE", "equivalence", "not_refitted"]

LARGEST_CHANGE = 0.05
_NAME, _TITLE = "refit_equivalent", "What goes into service is what was approved"


def not_refitted() -> Measure:
    """Nothing was refitted: the evaluated artifact itself goes into service."""
    return Measure(_NAME, 0.0, Verdict.PASS, "the evaluated model itself, by its digest", {}, _limit(), _TITLE)


def equivalence(y: Any, approved: Any, refitted: Any, *, task: Task, evaluation: Evaluation | None = None) -> Measure:
    """The mean change of predictions; `fail` beyond the limit or where the score falls, `insufficient` on few rows.

    `y` (n,), predictions (n,) or (n, k) of both models on the same held-out rows.
    """
    evaluation = evaluation or Evaluation()
    y, approved, refitted = (np.asarray(part, dtype=float) for part in (y, approved, refitted))
    if not len(y) or approved.shape != refitted.shape:
        reason = "there are no rows to compare the two models on"
        return Measure(_NAME, None, Verdict.INSUFFICIENT, reason, {}, _limit(), _TITLE)
    if len(y) < evaluation.minimum_rows:
        reason = f"only {len(y)} rows to compare the two models on, {evaluation.minimum_rows} are needed"
        return Measure(_NAME, None, Verdict.INSUFFICIENT, reason, {}, _limit(), _TITLE)
    if not all(np.isfinite(part).all() for part in (y, approved, refitted)):
        reason = "a target or a prediction is missing or infinite"
        return Measure(_NAME, None, Verdict.INSUFFICIENT, reason, {}, _limit(), _TITLE)
    spread = float(np.std(y)) if task == "regression" else 1.0
    change = float(np.mean(np.abs(refitted - approved))) / spread if spread > 0 else float("nan")
    metric = find(task, evaluation.metric or defaults(task).primary)
    before, after = metric(y, approved), metric(y, refitted)
    loss = float(metric.goodness(before) - metric.goodness(after))
    detail = {"metric": metric.name, "approved": before, "refitted": after, "rows": len(y)}
    told = f"predictions change by {number(change)} on average; {metric.title} {number(before)} → {number(after)}"
    if not np.isfinite(change) or not np.isfinite(loss):
        return Measure(_NAME, None, Verdict.INSUFFICIENT, "it cannot be measured", detail, _limit(), _TITLE)
    verdict = Verdict.PASS if change <= LARGEST_CHANGE and loss <= evaluation.margin else Verdict.FAIL
    return Measure(_NAME, change, verdict, told, detail, _limit(), _TITLE)


def _limit() -> Threshold:
    return Threshold(op="at_most", value=LARGEST_CHANGE)
