"""Periods whose labels are all alike: lost labels, or what chance makes?

Forty rows at a rate of a tenth are of one class every fiftieth time. The rules:
* a period of one class, or a run of them, is held against the periods around it: were the rate the same, how often
  would none of the other class's rows fall into the run? That share, over all periods, is the chance (Bonferroni);
* rows of one period belong together and count for fewer: neighbouring rates differ by more than rows drawn one by
  one would (the design effect, Kish 1965, Survey Sampling);
* what chance makes in at most one series of twenty is told, the rest is not.
"""

from __future__ import annotations

import numpy as np

__all__ = ["beyond_chance"]

CHANCE = 0.05
AROUND = 6


def beyond_chance(rows: np.ndarray, rates: np.ndarray, one_class: np.ndarray) -> np.ndarray:
    """Which of the periods of one class chance does not explain (n,). `rates` are those of one of the classes."""
    told = np.asarray(one_class, dtype=bool).copy()
    if not told.any() or told.all():
        return told
    effect = _design_effect(rows, rates)
    edges = np.flatnonzero(np.diff(np.r_[False, told, False]))
    for start, end in edges.reshape(-1, 2):
        around = np.r_[max(start - AROUND, 0) : start, end : min(end + AROUND, len(rows))]
        outside, inside = rows[around].sum(), rows[start:end].sum()
        of_class = float(rates[around] @ rows[around])
        other = of_class if rates[start] < 0.5 else outside - of_class
        chance = (outside / (outside + inside)) ** (other / effect)
        told[start:end] = chance * len(rows) <= CHANCE
    return told


def _design_effect(rows: np.ndarray, rates: np.ndarray) -> float:
    """By how much neighbouring rates differ beyond what rows drawn one by one would make; at least one.

    Steps to and from a period of one class are left out, for it is they that are judged.
    """
    rate, inner = float(rates @ rows / rows.sum()), (rates > 0) & (rates < 1)
    steps = inner[1:] & inner[:-1]
    if not steps.any():
        return 1.0
    alone = rate * (1 - rate) * (1 / rows[1:] + 1 / rows[:-1])
    return max(1.0, float(np.mean((np.diff(rates) ** 2 / alone)[steps])))
