"""The default limits of evidence that a model file does not carry, each with its source, in one readable place.

`definitions.model` holds the limits that a model file may override (margins, guardrails, minimum rows, fairness,
robustness, triggers). Here are the others. Every rule takes its limits as an argument, so that a caller who
departs from them says so in the open.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ASKED",
    "CAUSES",
    "CLASSES",
    "DRIFT",
    "LABELS",
    "LEAKS",
    "NUMBERS",
    "OWN_WORK",
    "PROMISE",
    "RARE",
    "SINGLE_ROW",
    "TEXTS",
    "VALIDATION",
    "Asked",
    "Causes",
    "Classes",
    "Drift",
    "Labels",
    "Leaks",
    "Numbers",
    "OwnWork",
    "Promise",
    "SingleRow",
    "Texts",
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
    `named_from`: a value that fewer rows have can be a person's, so it is counted and not named. A choice of ours, at
    the careful end of the smallest cells that statistical offices publish.
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
    named_from: int = 10


@dataclass(frozen=True)
class Leaks:
    """A number cannot tell a leak from a good feature (Kaufman 2012): legitimate `Light` reaches an AUC of .993, the
    leak `dep_delay` .907. So the limit asks for a declaration, it does not convict.
    `auc` for one feature alone, `rank` for a rank correlation or a share of variance, `missing` for the AUC of
    missingness alone; `certain` for all rows where labels come in long runs, and every slow feature agrees with them
    by itself, and for a whole text; `word` for one word of a text: of complaints, no word tells a product above .85.
    """

    auc: float = 0.85
    certain: float = 0.98
    rank: float = 0.95
    missing: float = 0.75
    word: float = 0.9
    minimum_rows: int = 200
    minimum_class: int = 20


@dataclass(frozen=True)
class Labels:
    """`labelled`: share of mature rows that must have a label. Labels have stopped where the newest stretch without any
    is more than `unlabelled` of the rows that models are judged on and stood behind at most `chance` of earlier rows.
    A rate jumps when it leaves the band of the `past`
    periods by `jump` robust standard deviations (median absolute deviation, Rousseeuw & Croux 1993) and by an odds
    ratio of `odds` (regression: half a standard deviation), so that neither noise nor a large sample makes a jump.
    """

    labelled: float = 0.8
    unlabelled: float = 0.05
    chance: float = 0.01
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
    missing_moves: float = 0.1
    together: int = 3
    unseen: float = 0.01
    wild: float = 10.0
    scales: float = 20.0
    gap: float = 5.0
    fresh: float = 10.0
    volume: float = 0.5
    removed: float = 0.2
    lost: float = 0.1
    rewritten: float = 0.01
    category: float = 0.05
    shrunk: float = 0.5
    period_rows: int = 100
    sample: int = 20_000
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


@dataclass(frozen=True)
class OwnWork:
    """How often a function of the workspace's own is called for its interval: on `resamples` resamples of the rows, or,
    where these have more than `rows` rows together, on as many as that makes, but never fewer than `fewest`.
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, ch. 6: more than 200 are seldom needed for an error.
    """

    resamples: int = 200
    fewest: int = 100
    rows: int = 10_000_000


@dataclass(frozen=True)
class Asked:
    """How often a model is asked where each question changes one feature of the held-out rows: at most `answers` rows
    in all, so that fifty features cost no more than ten; never on fewer rows than `fewest` nor more than `most`.
    A budget of work, not a limit of evidence: the rows that were asked stand beside each result.
    """

    answers: int = 300_000
    fewest: int = 1000
    most: int = 5000

    def rows(self, questions: int) -> int:
        """How many rows each of so many questions may have."""
        return min(max(self.answers // max(questions, 1), self.fewest), self.most)


@dataclass(frozen=True)
class Texts:
    """`similar`: two texts are near copies from this share of common shingles (Jaccard; Broder 1997) of `shingle`
    words; .8 as in Lee et al. (2022), Deduplicating training data makes language models better. Texts of fewer than
    `shortest` words recur without being copied: 13 words in a row are no accident (Brown et al. 2020, appendix C).
    `most_rows` a side are looked at.
    Drift: `fewest` texts a side, half of them to learn from; at most `sample` a side, drawn at random.
    """

    similar: float = 0.8
    shingle: int = 3
    shortest: int = 13
    most_rows: int = 20_000
    fewest: int = 100
    sample: int = 2_000


@dataclass(frozen=True)
class Classes:
    """`minimum_rows` of a class: with fewer, not even five hits and five misses can be expected (Cochran 1954, Some
    methods for strengthening the common chi-square tests), and one row moves the recall by more than a tenth.
    """

    minimum_rows: int = 10


@dataclass(frozen=True)
class Numbers:
    """Errors of a numeric target, as shares of the mean absolute deviation, which is the error of no skill. `bias`: the
    mean error may be a tenth of it, as much as a band of predictions may be off (`calibration`). The verdict is that of
    an equivalence test: `pass` where the whole interval is within, `fail` where none of it is (Schuirmann 1987).
    """

    bias: float = 0.1


@dataclass(frozen=True)
class SingleRow:
    """`share` of one row in the result: from a fifth on, R² rests on the effect of fewer than 25 rows (one over the sum
    of squared shares), about the 20 blocks below which no interval is given.
    """

    share: float = 0.2


ASKED = Asked()
RARE = 0.05  # share of the rarer outcome below which the log loss guards as well as the Brier score
DRIFT = Drift()
LEAKS = Leaks()
LABELS = Labels()
VALIDATION = Validation()
NUMBERS = Numbers()
PROMISE = Promise()
CAUSES = Causes()
OWN_WORK = OwnWork()
SINGLE_ROW = SingleRow()
TEXTS = Texts()
CLASSES = Classes()
