"""The default limits of evidence that a model file does not carry, each with its source, in one readable place.

`definitions.model` holds the limits that a model file may override (margins, guardrails, minimum rows, fairness,
robustness, triggers). Here are the others. Every rule takes its limits as an argument, so that a caller who
departs from them says so in the open.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "CAUSES",
    "DRIFT",
    "LABELS",
    "LEAKS",
    "PROMISE",
    "VALIDATION",
    "Causes",
    "Drift",
    "Labels",
    "Leaks",
    "Promise",
    "Validation",
]


@dataclass(frozen=True)
class Drift:
    """`psi` 0.1 and `far` 0.25: Siddiqi (2006), Credit Risk Scorecards, reads below .1 as stable and from .25 as a
    major shift; .1 is evidently's limit too. `false_discovery`: Benjamini & Hochberg (1995).
    `chance`: the noise of the index with n and m rows is (1/n + 1/m) times chi-square (Yurdakul 2018);
    where its 95 % quantile reaches the limit, the rows are too few to tell.
    `trust`: how much of a feature's weight is its measured importance. The other half is shared equally, because
    importance is measured where the reference lies and says little about values that the model never saw.
    """

    psi: float = 0.1
    far: float = 0.25
    share: float = 0.3
    false_discovery: float = 0.05
    chance: float = 0.95
    minimum_rows: int = 50
    bins: int = 10
    categories: int = 50
    trust: float = 0.5


@dataclass(frozen=True)
class Leaks:
    """A number cannot tell a leak from a good feature (Kaufman 2012): legitimate `Light` reaches an AUC of .993, the
    leak `dep_delay` .907. So the limit asks for a declaration, it does not convict.
    `auc` for one feature alone, `rank` for a rank correlation, `missing` for the AUC of missingness alone.
    """

    auc: float = 0.85
    rank: float = 0.95
    missing: float = 0.75
    minimum_rows: int = 200
    minimum_class: int = 20


@dataclass(frozen=True)
class Labels:
    """`labelled`: share of mature rows that must have a label. A rate jumps when it leaves the band of the `past`
    periods by `jump` robust standard deviations (median absolute deviation, Rousseeuw & Croux 1993) and by an odds
    ratio of `odds` (regression: half a standard deviation), so that neither noise nor a large sample makes a jump.
    """

    labelled: float = 0.8
    jump: float = 3.5
    odds: float = 2.0
    deviations: float = 0.5
    minimum_rows: int = 30
    minimum_periods: int = 6
    past: int = 26


@dataclass(frozen=True)
class Validation:
    """Limits of findings about the table. None of these is a law of nature: they say when a person should look."""

    missing: float = 0.05
    mostly_missing: float = 0.5
    missing_jump: float = 0.05
    together: int = 3
    unseen: float = 0.01
    wild: float = 10.0
    gap: float = 5.0
    fresh: float = 10.0
    volume: float = 0.5
    examples: int = 5


@dataclass(frozen=True)
class Promise:
    """`stated_gap`: a calibrated model's mean squared error is what its own probabilities say, the mean of p(1 - p)
    (Spiegelhalter 1986). A gap of a twentieth of no-skill is two points of bias at a rate of one in four.
    """

    stated_gap: float = 0.05


@dataclass(frozen=True)
class Causes:
    """`shift`: change of the loss on the common support, as a share of no-skill. `target`: relative change of the
    target rate. `minimum_effective` rows must stand behind each reweighted side (Cai, Namkoong & Yadlowsky 2023).
    """

    shift: float = 0.02
    target: float = 0.1
    minimum_effective: int = 200


DRIFT = Drift()
LEAKS = Leaks()
LABELS = Labels()
VALIDATION = Validation()
PROMISE = Promise()
CAUSES = Causes()
