"""Has the level of a series changed for good, and since when?

One period of forty rows says little about a rate of a tenth; thirty of them in a row say much. So everything after a
moment is compared with everything before it, at every moment that leaves enough on both sides. The rules:
* the largest difference is held against how the series moves *within* both sides (self-normalisation: Shao & Zhang
  2010, Testing for change points in time series, JASA 105): no bandwidth has to be chosen, neighbouring periods may
  agree, and all moments share one error rate, that of the whole scan;
* `CRITICAL` is the 99 % point of that paper's table. A straight line, however steep, reaches 30: a trend is no jump;
* since when: the split with the least squared error (Bai 1994, Least squares estimation of a shift).

A level that comes back is not found here: it did not last.
"""

from __future__ import annotations

import numpy as np

__all__ = ["FEWEST_PERIODS", "lasting_change"]

CRITICAL = 68.6
FEWEST_PERIODS = 20


def lasting_change(values: np.ndarray, each_side: int = 6) -> int | None:
    """The place from which on the level of `values` (n,), in the order of time, is another one; None where it is not.

    Fewer than `FEWEST_PERIODS` values, or a series that does not move, say nothing.
    """
    n = len(values)
    if n < max(FEWEST_PERIODS, 2 * each_side) or not np.ptp(values) > 0:
        return None
    sums = np.cumsum(values)
    cuts = np.arange(each_side, n - each_side + 1)
    away = sums[cuts - 1] - cuts / n * sums[-1]
    within = np.array([_wandering(values[:cut]) + _wandering(values[cut:]) for cut in cuts])
    # Two levels without any movement about them are a change beyond doubt
    beyond = n * away**2 > CRITICAL * within
    return int(cuts[np.argmax(away**2 / (cuts * (n - cuts)))]) if beyond.any() else None


def _wandering(values: np.ndarray) -> float:
    """Sum of squares of the partial sums of what lies beyond the mean."""
    path = np.cumsum(values - values.mean())
    return float(path @ path)
