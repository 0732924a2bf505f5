"""The gain slice by slice: does anyone pay for what the whole gains?

The rules:
* slices share the resamples of the whole, and their intervals hold together, so forty slices are no forty chances
  of a false alarm;
* a slice fails when its interval lies wholly below minus the margin: it is shown to be worse;
* too few rows or blocks, or one class only, is `insufficient`; rows without a value are a slice of their own, and
  many numbers are cut at their quartiles.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.errors import DataError
from sopkit.evidence.bootstrap import Plan, simultaneous
from sopkit.evidence.groups import grouped
from sopkit.evidence.metrics import Metric, room

__all__ = ["by_slice"]

Array: TypeAlias = NDArray[Any]
SLICE_COLUMNS = ["slice", "value", "rows", "blocks"]
SLICE_COLUMNS += ["champion", "challenger", "gain", "low", "high", "verdict", "reason"]


def by_slice(
    metric: Metric,
    y: Array,
    champion: Array,
    challenger: Array,
    slices: pd.DataFrame | None,
    drawn: Plan,
    evaluation: Evaluation,
) -> pd.DataFrame:
    """One row a slice value; an interval lies wholly below minus the margin to be a `fail`."""
    if slices is None or not len(slices.columns):
        return pd.DataFrame(columns=SLICE_COLUMNS)
    if len(slices) != len(y):
        raise DataError("slices do not fit the rows", expected=f"{len(y)} rows", got=f"{len(slices)} rows")
    rows: list[dict[str, Any]] = []
    draws = []
    for column in slices.columns:
        values = grouped(slices[column])
        for value in values.categories:
            mask = np.asarray(values == value)
            part = drawn.of(mask, evaluation.minimum_blocks)
            old, new = metric(y[mask], champion[mask]), metric(y[mask], challenger[mask])
            gain = float(metric.goodness(new) - metric.goodness(old))
            reason = part.reason if part.method == "none" else ""
            if mask.sum() < evaluation.minimum_rows:
                reason = f"only {int(mask.sum())} rows, {evaluation.minimum_rows} are needed"
            elif not np.isfinite(gain):
                reason = "the metric does not exist here: one class, or missing predictions"
            drawn_here = np.full(len(drawn.counts), np.nan)
            if not reason:
                each = [metric.over(y[mask], p[mask], part.groups, part.counts) for p in (champion, challenger)]
                drawn_here = np.asarray(metric.goodness(each[1]) - metric.goodness(each[0]))
            draws.append(drawn_here)
            head = {"slice": str(column), "value": value, "rows": int(mask.sum()), "blocks": part.blocks}
            rows.append(head | {"champion": old, "challenger": new, "gain": gain, "reason": reason})
    if not rows:
        return pd.DataFrame(columns=SLICE_COLUMNS)
    table = pd.DataFrame(rows)
    judged = np.where(table.reason == "", table.gain, np.nan)
    ends = simultaneous(judged, np.column_stack(draws), drawn, evaluation.confidence)
    unit = np.array([room(metric, y)]) if metric.is_loss else np.ones(1)
    table["low"], table["high"] = ends[:, 0], ends[:, 1]
    fails = table.high < -evaluation.margin * unit[0]
    table["verdict"] = np.where(table.low.isna(), "insufficient", np.where(fails, "fail", "pass"))
    return table[SLICE_COLUMNS]
