"""How far would the drift index move by chance, where the rows of one block belong together?

Rows of one day share their weather: thirty days are thirty draws of it, however many rows they have. So a difference
is held against what days alone would make. The counts of a column are summed by block; how the blocks of one period
differ among themselves gives the variance of each bin's share, and from it the distribution of the difference when
nothing has changed: a multiple of F (Rao & Scott 1984, On chi-squared tests for multiway contingency tables; Thomas &
Rao 1987, Small-sample comparisons; the default of `svychisq` in the R package survey).
Where every row is a block of its own this is the chi-square of Yurdakul (2018).

What is held against chance is Pearson's form of the drift index: both are equal where little has moved, but a bin that
is empty on one side, as many are with few blocks, makes the logarithm of the index large and says little.

A period with few blocks borrows the differences among the other's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sopkit.evidence.measure import counted

__all__ = ["Chance", "by_blocks", "by_rows", "deal"]

OWN_BLOCKS = 10  # from here on a period's own blocks tell how they differ
FEWEST_BLOCKS = 4  # of both periods together
MOST_BLOCKS = 1000  # more are dealt at random into so many groups, which keeps the variance

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Chance:
    """`difference` is Pearson's index. Without a change its mean is `expected`, and it is distributed as `expected`
    times F with `bins` and `freedom` degrees of freedom (chi-square over `bins` where `freedom` is infinite).
    `reason`: why that is not known.
    """

    difference: float = float("nan")

    expected: float = float("nan")
    bins: float = float("nan")
    freedom: float = float("inf")
    reason: str = ""

    @property
    def p_value(self) -> float:
        """How often chance alone makes a difference of this size; NaN where it cannot be said."""
        from scipy.special import chdtrc, fdtrc

        if self.reason:
            return float("nan")
        if self.expected <= 0:
            return 1.0 if self.difference <= 0 else 0.0
        if np.isinf(self.freedom):
            return float(chdtrc(self.bins, self.difference / self.expected * self.bins))
        return float(fdtrc(self.bins, self.freedom, self.difference / self.expected))

    def so_small_after(self, shift: float) -> float:
        """How often a difference this small is seen where the distribution has moved by an index of `shift`."""
        from scipy.stats import ncf, ncx2

        if self.reason:
            return float("nan")
        if self.expected <= 0:
            return 0.0 if self.difference < shift else 1.0
        scaled, far = self.difference / self.expected, shift / self.expected * self.bins
        if np.isinf(self.freedom) or self.freedom > 1e4:
            found = float(ncx2.cdf(scaled * self.bins, self.bins, far))
        else:
            found = float(ncf.cdf(scaled, self.bins, self.freedom, far))
        # scipy 1.17 gives NaN far out in the tails, where there is no doubt
        return found if np.isfinite(found) else float(self.difference > shift / 2)


def by_rows(reference: Array, current: Array) -> Chance:
    """Counts (k,) of both periods, every row for itself. Yurdakul (2018), Properties of the PSI."""
    used = int(np.count_nonzero(reference + current))
    n, m = float(reference.sum()), float(current.sum())
    if not n or not m:
        return Chance(reason="there are no rows")
    return Chance(_difference(reference, current), (1 / n + 1 / m) * max(used - 1, 0), max(used - 1, 1))


def by_blocks(reference: Array, current: Array) -> Chance:
    """Counts (blocks, k) of both periods: one row a block, one column a bin."""
    counts = [side[side.sum(axis=1) > 0] for side in (reference, current)]
    blocks = [len(side) for side in counts]
    if not all(blocks):
        return Chance(reason="there are no rows")
    if sum(blocks) < FEWEST_BLOCKS:
        return Chance(reason=f"only {counted(sum(blocks), 'block')}, {FEWEST_BLOCKS} are needed")
    totals = [side.sum(axis=0) for side in counts]
    used = (totals[0] + totals[1]) > 0
    rate = np.mean([total[used] / total.sum() for total in totals], axis=0)
    spread = [_spread(side[:, used]) for side in counts]  # sums of squares over blocks, (k, k)
    each, freedom = _of_one_block(spread, blocks)
    variance = sum(part / number for part, number in zip(each, blocks, strict=True))
    scaled = variance / np.sqrt(rate[:, None] * rate[None, :])
    expected, squares = float(np.trace(scaled)), float((scaled**2).sum())
    difference = _difference(*totals)
    if expected <= 0:
        return Chance(difference, 0.0, 1.0)
    bins = expected**2 / squares
    return Chance(difference, expected, bins, bins * freedom)


def deal(labels: NDArray[np.intp], units: int, *, seed: int = 0) -> tuple[NDArray[np.intp], int]:
    """Labels 0..units-1 as at most `MOST_BLOCKS` groups of whole blocks, and how many there are."""
    if units <= MOST_BLOCKS:
        return labels, units
    groups = np.random.default_rng(seed).permutation(np.arange(units) % MOST_BLOCKS)
    return groups[labels], MOST_BLOCKS


def _difference(reference: Array, current: Array) -> float:
    r, c = reference / reference.sum(), current / current.sum()
    used = r + c > 0
    return float(((c - r)[used] ** 2 / ((c + r)[used] / 2)).sum())


def _spread(counts: Array) -> Array:
    """Sum over blocks of the outer product of what each adds to the shares beyond its part, in units of one block."""
    sizes = counts.sum(axis=1, keepdims=True)
    beyond = (counts - sizes * (counts.sum(axis=0) / sizes.sum())) / sizes.mean()
    return np.asarray(beyond.T @ beyond)


def _of_one_block(spread: list[Array], blocks: list[int]) -> tuple[list[Array], float]:
    """The covariance of one block's share in each period, and the degrees of freedom behind it."""
    enough = [number >= OWN_BLOCKS for number in blocks]
    if not any(enough):
        pooled = (spread[0] + spread[1]) / (sum(blocks) - 2)
        return [pooled, pooled], sum(blocks) - 2
    own = [part / (number - 1) if able else None for part, number, able in zip(spread, blocks, enough, strict=True)]
    known = [part for part in own if part is not None]
    freedom = sum(number - 1 for number, able in zip(blocks, enough, strict=True) if able)
    return [known[0] if part is None else part for part in own], freedom
