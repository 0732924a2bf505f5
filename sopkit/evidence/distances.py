"""Distances between two samples of one column. The values are those of the libraries; no verdict is passed here.

`population_stability_index` works on counts over shared bins; the others on the values themselves. Missing values
must have been taken out (`profile` in `drift` gives them a bin of their own).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "adjusted",
    "chi_square",
    "jensen_shannon",
    "kolmogorov_smirnov",
    "population_stability_index",
    "wasserstein",
]

SMALLEST_SPREAD = 0.001  # evidently 0.7.23: a constant reference is measured in thousandths


def population_stability_index(reference: Any, current: Any) -> float:
    """Population stability index over shared bins, in nats: sum of (c - r) ln(c / r).

    `reference` and `current` are counts (k,) of the same bins; shares are floored at 1/(2n), half a row.
    NaN where either side is empty. Siddiqi (2006), Credit Risk Scorecards, ch. 10.
    """
    counts = [np.asarray(side, dtype=float) for side in (reference, current)]
    if not all(side.sum() for side in counts):
        return float("nan")
    r, c = (np.maximum(side / side.sum(), 0.5 / side.sum()) for side in counts)
    return float(np.sum((c - r) * np.log(c / r)))


def jensen_shannon(reference: Any, current: Any) -> float:
    """Jensen-Shannon distance (natural logarithm, at most 0.83) between two counts over the same bins."""
    from scipy.spatial.distance import jensenshannon

    r, c = (np.asarray(side, dtype=float) for side in (reference, current))
    return float(jensenshannon(r / r.sum(), c / c.sum())) if r.sum() and c.sum() else float("nan")


def wasserstein(reference: Any, current: Any) -> float:
    """Wasserstein distance of two samples of numbers, in standard deviations of the reference."""
    from scipy.stats import wasserstein_distance

    if not len(reference) or not len(current):
        return float("nan")
    return float(wasserstein_distance(reference, current) / max(float(np.std(reference)), SMALLEST_SPREAD))


def kolmogorov_smirnov(reference: Any, current: Any) -> tuple[float, float]:
    """The largest distance between two empirical distribution functions, and its asymptotic p-value."""
    from scipy.stats import ks_2samp

    if not len(reference) or not len(current):
        return float("nan"), float("nan")
    found = ks_2samp(reference, current, method="asymp")
    return float(found.statistic), float(found.pvalue)


def chi_square(reference: Any, current: Any) -> tuple[float, float]:
    """Pearson's chi-square of two counts over the same bins and its p-value; bins that both lack are left out."""
    from scipy.stats import chi2_contingency

    counts = np.array([reference, current], dtype=float)
    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2 or not counts.sum(axis=1).all():
        return 0.0, 1.0 if counts.sum(axis=1).all() else float("nan")
    found = chi2_contingency(counts, correction=False)
    return float(found.statistic), float(found.pvalue)


def adjusted(p_values: Any) -> np.ndarray:
    """P-values adjusted for the false discovery rate over all columns (Benjamini & Hochberg 1995); NaN stays NaN."""
    from scipy.stats import false_discovery_control

    p = np.asarray(p_values, dtype=float)
    known = np.isfinite(p)
    result = np.full(p.shape, np.nan)
    if known.any():
        result[known] = false_discovery_control(np.clip(p[known], 0.0, 1.0), method="bh")
    return result
