"""Conversions between units, and where a series of periods turns from one unit into another.

The rules, over five quantiles of each period:
* a turn is a step between neighbouring periods that is, in most quantiles, far greater than those between all others,
  and that one known conversion explains: undone, *every* quantile steps no farther than neighbours ordinarily do;
* a factor moves logarithms, so its steps are compared there, with those of the widths of the distribution; degrees
  have a zero of their own, so their steps are compared as they are;
* a change may come in the middle of a period: then the periods on both sides of it are compared;
* where no conversion fits, values that lie wholly elsewhere from a period on are told without a guess. A season, a
  trend steps as it always steps; where neighbours ordinarily have no common ground (a counter, a calendar) none is
  judged.

What an ordinary step is, the series tells itself: the larger of two robust standard deviations, by the median and by
the outer tenth of all other steps (median absolute deviation: Rousseeuw & Croux 1993).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sopkit.evidence.measure import number

__all__ = ["CONVERSIONS", "SHARES", "Conversion", "Turn", "converted_from", "elsewhere_from"]

SHARES = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
UNUSUAL = 6.0  # standard deviations of ordinary steps: none of them goes so far
ORDINARY = 3.0  # seven comparisons together: an ordinary step goes farther in one of fifty
FAR = 0.5  # of the quantiles: of skewed values the outer ones step widely by themselves
LEAST = 4  # other steps, or nothing is known of ordinary ones
ROUNDED = 0.01  # a series that hardly moves: steps below a hundredth of its width are none
NAMES = {(1.8, 32.0): ("°C", "°F"), (1.8, -459.67): ("K", "°F"), (1.0, 273.15): ("°C", "K")}


class Conversion(NamedTuple):
    factor: float
    offset: float = 0.0

    @property
    def inverse(self) -> Conversion:
        return Conversion(1 / self.factor, -self.offset / self.factor)

    @property
    def words(self) -> str:
        told = "" if self.factor == 1 else f"by a factor of {number(self.factor)}"
        for known, (one, other) in NAMES.items():
            if self in (known, Conversion(*known).inverse):
                told += f" (as from {one} to {other})" if self == known else f" (as from {other} to {one})"
        return told.strip()

    def undo(self, values: np.ndarray) -> np.ndarray:
        return np.asarray((values - self.offset) / self.factor)


# What is mixed up in practice: °C, °F and K, thousands, percent, time, inches, feet, miles, pounds, gallons …
_FACTORS = (10.0, 100.0, 1000.0, 1e6, 60.0, 24.0, 3600.0, 2.54, 3.2808, 1.6093, 2.2046, 4.4482, 3.7854)
_BOTH_WAYS = (*(Conversion(*pair) for pair in NAMES), *(Conversion(factor) for factor in _FACTORS))
CONVERSIONS = tuple(one for known in _BOTH_WAYS for one in (known, known.inverse))


class Turn(NamedTuple):
    """From place `at` on the values are other ones; medians before and after; no `conversion` where none fits."""

    at: int
    was: float
    now: float
    conversion: Conversion | None = None


def converted_from(quantiles: np.ndarray) -> Turn | None:
    """The turn of `quantiles` (periods, 5; NaN for a period with too few rows) that a conversion explains best."""
    places = np.flatnonzero(~np.isnan(quantiles).any(axis=1))
    known = quantiles[places]
    if len(known) < LEAST + 2 or not _varies(known):
        return None
    logs = _logs(known)
    fits = []
    for gap in (1, 2):
        for before, after in _candidates(known, logs, gap):
            for one in CONVERSIONS:
                off = _off(known, logs, before, after, one)
                if off is not None:
                    fits.append((off, gap, before, after, one))
    if not fits:
        return None
    best = min(fits)[-1]
    _, _, before, after = min((gap, off, before, after) for off, gap, before, after, one in fits if one == best)
    return Turn(int(places[before + 1]), float(known[before, 2]), float(known[after, 2]), best)


def elsewhere_from(quantiles: np.ndarray) -> Turn | None:
    """Where all periods before and all periods after have hardly any common ground, by a step unlike all others."""
    places = np.flatnonzero(~np.isnan(quantiles).any(axis=1))
    known = quantiles[places]
    if len(known) < LEAST + 2 or not _varies(known):
        return None
    for gap in (1, 2):
        for after in range(gap + 1, len(known) - 1):
            before = after - gap
            early, late = known[: before + 1], known[after:]
            apart = early[:, 4].max() < late[:, 0].min() or late[:, 4].max() < early[:, 0].min()
            steps = np.vstack([_steps(early, gap), _steps(late, gap)])
            if not apart or len(steps) < LEAST:
                continue
            ordinary = np.max([_ordinary(_steps(side, gap)) for side in (early, late) if len(side) > gap], axis=0)
            ordinary = np.maximum(ordinary, _ordinary(steps))
            far = np.abs(known[after] - known[before]) > UNUSUAL * ordinary
            if far.all():
                return Turn(int(places[before + 1]), float(known[before, 2]), float(known[after, 2]))
    return None


def _candidates(known: np.ndarray, logs: np.ndarray, gap: int) -> list[tuple[int, int]]:
    """Pairs of places whose medians (or logarithms) are farther apart than neighbours usually are."""
    far = np.zeros(len(known) - gap, bool)
    for values in (known[:, [2]], logs):
        steps, over = np.abs(_steps(values, 1)), np.abs(_steps(values, gap))
        if values.shape[1]:
            far |= (over > UNUSUAL * np.median(steps, axis=0)).all(axis=1)
    return [(int(place), int(place) + gap) for place in np.flatnonzero(far[:-1])]  # one last period may be an odd one


def _off(known: np.ndarray, logs: np.ndarray, before: int, after: int, one: Conversion) -> float | None:
    """How far the undone step is from none, in standard deviations; None where it is no turn, or not this one.

    Which conversion fits best is told by the widths of several periods as well: 21 °C in feet are nearly 71 °F.
    """
    if not one.offset and ((known[before] == known[after]) != (known[before] * known[after] == 0)).any():
        return None  # a factor leaves nothing where it is but zero
    if one.offset:
        widths = np.log(np.maximum(_widths(known), np.finfo(float).tiny))
        early = np.hstack([known, widths])[: before + 1]
        late = np.hstack([one.undo(known), widths - np.log(one.factor)])[after:]
        moved, undone = known[after] - known[before], late[0] - early[-1]
        least = np.array([ROUNDED * np.median(_widths(known[: before + 1])[:, 0])] * len(SHARES) + [ROUNDED] * 2)
        scale = max(one.factor, 1.0)
    else:
        early, late, least, scale = logs[: before + 1], logs[after:], np.full(logs.shape[1], ROUNDED), 1.0
        moved = logs[after] - logs[before]
        undone = moved - np.log(one.factor)
    others = np.vstack([_steps(early, after - before), _steps(late, after - before)])
    if others.shape[1] < 4 or len(others) < LEAST or not least.all():
        return None
    ordinary = np.maximum(_ordinary(others), least)
    if not np.quantile(np.abs(moved) / (scale * ordinary[: len(moved)]), FAR) > UNUSUAL:
        return None
    off = float((np.abs(undone) / ordinary).max())
    level = np.median(late[:LEAST], axis=0) - np.median(early[-LEAST:], axis=0)
    if one.offset == 0:
        level -= np.log(one.factor)
    return max(off, float((2 * np.abs(level) / ordinary)[-2:].max())) if off <= ORDINARY else None


def _steps(values: np.ndarray, gap: int) -> np.ndarray:
    return np.asarray(values[gap:] - values[:-gap])


def _ordinary(steps: np.ndarray) -> np.ndarray:
    """A robust standard deviation of ordinary steps, column by column."""
    sizes = np.abs(steps)
    return np.asarray(np.maximum(1.4826 * np.median(sizes, axis=0), np.quantile(sizes, 0.9, axis=0) / 1.645))


def _varies(quantiles: np.ndarray) -> bool:
    """Whether values differ within periods and recur from one to the next: those of a counter or calendar do not."""
    low, high = quantiles[:, 0], quantiles[:, 4]
    apart = (low[1:] > high[:-1]) | (high[1:] < low[:-1])
    return bool(np.median(_widths(quantiles)[:, 0]) > 0 and apart.mean() < 0.5)


def _widths(quantiles: np.ndarray) -> np.ndarray:
    """How wide the middle half and the middle nine tenths are."""
    return np.asarray(quantiles[:, [3, 4]] - quantiles[:, [1, 0]])


def _logs(quantiles: np.ndarray) -> np.ndarray:
    """Logarithms of what a factor multiplies: quantiles that never touch zero, and the widths between them."""
    parts = [*quantiles.T, *_widths(quantiles).T]
    steady = [np.log(np.abs(part)) for part in parts if (part > 0).all() or (part < 0).all()]
    return np.array(steady).T if steady else np.zeros((len(quantiles), 0))
