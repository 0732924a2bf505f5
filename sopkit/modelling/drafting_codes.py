"""Whole numbers of few values: amounts, or codes for something else?

The rules:
* what counts (from 0 or 1, ever rarer upwards, or by its name) and what names a part of a time is an amount;
* a code is a number whose neighbours are unlike: the target's means from one value to the next differ as much as in
  any order. The measure is von Neumann's ratio of the mean square successive difference to the variance (Ann. Math.
  Stat. 1941, 12), less what chance adds in each mean; a half and less of what disorder gives (2) is an amount;
* codes are numbered one after the other: most numbers between the lowest and the highest are there;
* where too few values have enough rows to tell, it is asked.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sopkit.modelling.drafting_names import tokens

__all__ = ["code_or_amount"]

MOST, FEW, ROWS_A_VALUE, VALUES = 50, 12, 30, 4
DISORDER, FALLING = 2.0, 0.98
COUNTED = {
    "count", "counts", "number", "num", "n", "nr", "total", "nights", "days", "hours", "months", "years", "times",
    "qty", "quantity", "size", "age",
}  # fmt: skip
OF_TIME = {"year", "yr", "month", "mnth", "mon", "day", "hour", "hr", "minute", "week", "weekday", "quarter"}


def code_or_amount(column: pd.Series, target: pd.Series, name: str) -> str | None:
    """`code`, `ask` or None for an amount. `target` is numeric (0 and 1 where it has two values), NaN where unknown."""
    known = column.dropna()
    if not 2 < known.nunique() <= MOST or (known != known.round()).any() or set(tokens(name)) & (COUNTED | OF_TIME):
        return None
    if _counts(known):
        return None
    ratio = _ratio(known, target)
    if ratio is None:
        return "ask" if known.nunique() <= FEW else None
    dense = 2 * known.nunique() > known.max() - known.min()
    return "code" if dense and ratio > DISORDER / 2 else None


def _counts(known: pd.Series) -> bool:
    """Whether values are counted: from 0 on, or from 1 if that is the commonest, and ever rarer after the commonest."""
    rows = known.value_counts().sort_index()
    low, commonest = float(rows.index[0]), int(rows.to_numpy().argmax())
    if not (low == 0 or (low == 1 and commonest == 0)):
        return False
    steps = np.diff(rows.to_numpy()[commonest:])
    return bool(len(steps) and -steps[steps < 0].sum() >= FALLING * np.abs(steps).sum())


def _ratio(known: pd.Series, target: pd.Series) -> float | None:
    """Von Neumann's ratio of the target's means by value, without the noise of the means; None where it cannot tell."""
    y = target.reindex(known.index)
    groups = y.groupby(known).agg(["mean", "var", "count"])
    groups = groups[groups["count"] >= ROWS_A_VALUE]
    if len(groups) < VALUES:
        return None
    means, noise = groups["mean"].to_numpy(), (groups["var"] / groups["count"]).to_numpy()
    spread = float(np.var(means, ddof=1) - noise.mean())
    if spread <= 0:
        return None
    return float(np.mean(np.square(np.diff(means)) - noise[1:] - noise[:-1])) / spread
