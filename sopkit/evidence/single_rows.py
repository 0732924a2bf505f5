"""Does one row decide? A squared error can rest on a single wild value.

The rules:
* looked at is the row with the largest share of what a gain in the primary metric is made of: of the target's variance
  (R² is a share of it), or of the loss differences of the two models;
* from a fifth on (`rules.SINGLE_ROW`) it is a finding for the signer, with the gain as it is without that row.
  The interval by blocks cannot be carried by one row in any case: more than a third of the resamples do not have it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sopkit.definitions.results import Threshold, judge
from sopkit.evidence import rules
from sopkit.evidence.bootstrap import Plan, resampled
from sopkit.evidence.measure import Measure, insufficient, number
from sopkit.evidence.metrics import Metric, why_not

__all__ = ["largest_row"]

Array: TypeAlias = NDArray[Any]
SQUARED = frozenset({"r2", "rmse"})


def largest_row(
    metric: Metric, y: Any, champion: Any, challenger: Any, drawn: Plan, limits: rules.SingleRow = rules.SINGLE_ROW
) -> Measure:
    """The largest share of one row in what the gain of the challenger is made of, judged against `limits`."""
    title, threshold = "Largest share of one row in the result", Threshold(op="at_most", value=limits.share)
    y, old, new = (np.asarray(values, dtype=float) for values in (y, champion, challenger))
    reason = why_not(metric, y, old) or why_not(metric, y, new)
    if reason:
        return insufficient("largest_row_share", reason, title=title, threshold=threshold)
    power = 2 if metric.name in SQUARED else 1
    parts = {"of the differences of the errors": np.abs(np.abs(old - y) ** power - np.abs(new - y) ** power)}
    if metric.name == "r2":
        parts["of the variance of the target"] = (y - y.mean()) ** 2
    shares = {what: part / part.sum() if part.sum() > 0 else part for what, part in parts.items()}
    what = max(shares, key=lambda name: float(shares[name].max()))
    row = int(shares[what].argmax())
    share = float(shares[what][row])
    kept = np.arange(len(y)) != row
    rest = replace(drawn, groups=drawn.groups[kept])
    each = [resampled(metric, y[kept], p[kept], rest) for p in (old, new)]
    without = each[1].better_than(each[0])
    told = f"one row of {len(y):,} (target {number(y[row])}) holds {100 * share:.0f} % {what}"
    if share > limits.share:
        told += f"; without it the gain in {metric.title} is {without}"
        told += "" if metric.name == "mae" else "; the mean absolute error is the steadier number (evaluation.primary)"
    detail = {"row": row, "target": float(y[row]), "gain_without": without.to_dict()}
    return Measure("largest_row_share", share, judge(share, threshold), told, detail, threshold, title)
