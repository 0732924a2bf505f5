"""Blocks of time that agree with their neighbours: how much wider would an interval have to be?

A bootstrap that draws days one by one takes each for a stranger. A bad week is bad for seven days, and then the mean
of a month varies more than thirty strangers would make it. The rules:
* what one block does to a value is read from the resamples: its covariance with how often the block was drawn
  (the infinitesimal jackknife, Efron 2014), so that it works for any metric;
* neighbours count up to `1.3 sqrt(n)` blocks, less the farther away (Newey & West 1987; the reach of Lazarus, Lewis,
  Stock & Watson 2018), with the correction for small samples of Harvey, Leybourne & Newbold (1997);
* the factor is one where neighbours take turns: nothing is ever narrowed.

The rule of promotion does not use it, and says so to the signer: a month has few weeks, and counting them keeps every
champion that only a season of evidence could remove. What is lost by that is measured in docs/calibration.md.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["widened"]

Array: TypeAlias = NDArray[Any]
FEWEST = 20


def widened(draws: Array, counts: Array) -> float:
    """The factor, one or more, by which an interval must be wider.

    `counts` (R, n) says how often each resample drew each block, blocks in the order of time; `draws` (R,) are the
    values that it gave, NaN where there was none.
    """
    kept = np.isfinite(draws)
    size, known = counts.shape[1], int(kept.sum())
    if len(draws) != len(counts) or size < FEWEST or not known:
        return 1.0
    away = draws[kept] - draws[kept].mean()
    pull = (counts[kept] - 1).T @ away / known
    pull -= pull.mean()
    apart = float(pull @ pull)
    own = max(apart - size * float(away @ away) / known**2, 0.1 * apart)  # less what the number of resamples adds
    if not own > 0:
        return 1.0
    horizon = int(np.ceil(1.3 * np.sqrt(size)))
    together = sum((1 - step / horizon) * float(pull[step:] @ pull[:-step]) for step in range(1, horizon))
    ratio = 1 + 2 * together / own
    correction = (size + 1 - 2 * horizon + horizon * (horizon - 1) / size) / size
    return float(np.sqrt(ratio / correction)) if ratio > 1 else 1.0
