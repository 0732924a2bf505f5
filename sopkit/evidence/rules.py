"""The default limits of evidence that a model file does not carry, each with its source, in one readable place.

`definitions.model` holds the limits that a model file may override (margins, guardrails, minimum rows, fairness,
robustness, triggers). Here are the others. Every rule takes its limits as an argument, so that a caller who
departs from them says so in the open.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

__all__ = [
    "ASKED",
    "CAUSES",
    "CLASSES",
    "DRIFT",
    "FINDINGS",
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
    "FindingRule",
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
    `auc` for one feature alone, `rank` for a rank correlation, `missing` for the AUC of missingness alone; `certain`
    for all rows where labels come in long runs, and every slow feature agrees with them by itself.
    """

    auc: float = 0.85
    certain: float = 0.98
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


class FindingRule(NamedTuple):
    """`declared`: the model file says it (`severity:` of a column's limit or of an own check).

    `waivable`: a person may accept it in writing for a while, because it takes judgement. Rows that cannot be used,
    values that the model file itself calls impossible, and the answer among the features are nothing to be accepted.
    """

    severity: Literal["block", "declared", "warn", "note"]
    reason: str
    waivable: bool = True


FINDINGS: dict[str, FindingRule] = {
    # what stops the run: nothing learned from such rows, or judged on them, means anything
    "missing_column": FindingRule("block", "the model file asks for a column that is not there", waivable=False),
    "too_few_rows": FindingRule("block", "fewer rows than `data.minimum_rows`", waivable=False),
    "no_values": FindingRule("block", "a feature without a single value", waivable=False),
    "not_numbers": FindingRule(
        "block", "a numeric feature of which most values are texts is another column", waivable=False
    ),
    "no_times": FindingRule("block", "without times there is no earlier and later", waivable=False),
    "one_time": FindingRule("block", "all rows have the same time: nothing is earlier or later", waivable=False),
    "overdue_data": FindingRule("block", "older than `data.fresh_within` allows"),
    "no_labels": FindingRule("block", "nothing to learn", waivable=False),
    "one_class": FindingRule("block", "nothing to tell apart", waivable=False),
    "label_spelling": FindingRule("block", "one label in two spellings is counted as two, or as a wrong one"),
    "target_as_feature": FindingRule("block", "the feature is the answer", waivable=False),
    "target_from_features": FindingRule("block", "features that together are the answer", waivable=False),
    "suspected_leak": FindingRule("block", "tells the target too well, and nobody says that it is known in time"),
    "known_later": FindingRule("block", "a moment after the row's own, and nobody says how that is known in time"),
    "rows_lost": FindingRule("block", "rows that the champion learned from are gone: the table is truncated"),
    "history_rewritten": FindingRule("block", "times or labels of rows that the champion learned from have changed"),
    "own_check_failed": FindingRule("block", "a check that gives no answer has not been passed", waivable=False),
    # as the model file says
    "below_minimum": FindingRule("declared", "`data.columns`: below `min`", waivable=False),
    "above_maximum": FindingRule("declared", "`data.columns`: above `max`", waivable=False),
    "not_allowed": FindingRule("declared", "`data.columns`: none of `allowed`", waivable=False),
    "not_of_pattern": FindingRule("declared", "`data.columns`: not of the `pattern`", waivable=False),
    "missing_beyond_limit": FindingRule("declared", "`data.columns`: more missing than `missing_at_most`"),
    "some_not_numbers": FindingRule("declared", "texts among the numbers are read as missing"),
    "own_check": FindingRule("declared", "`data.checks`: rows that the workspace's own check is against"),
    # what a person weighs before signing for the data
    "often_missing": FindingRule("warn", "a feature that is missing more often than now and then"),
    "missing_together": FindingRule("warn", "several features missing in the same rows: a join without a match"),
    "missing_moves": FindingRule("warn", "how often a feature is missing changes with time: so does what it means"),
    "missing_jump": FindingRule("warn", "how often a feature is missing differs from the champion's training rows"),
    "missing_times": FindingRule("warn", "rows without a readable time cannot be placed"),
    "constant": FindingRule("warn", "a feature that can teach nothing"),
    "constant_period": FindingRule("warn", "a number that stands still for a while: a stuck sensor, a default"),
    "infinite": FindingRule("warn", "infinite values are read as missing"),
    "wild_value": FindingRule("warn", "far outside the rest"),
    "sentinel": FindingRule("warn", "a number such as -999 that stands for something else"),
    "placeholder": FindingRule("warn", "a text such as '?' that stands for a missing value"),
    "spelling": FindingRule("warn", "one category in several spellings"),
    "broken_characters": FindingRule("warn", "texts read in the wrong encoding"),
    "two_scales": FindingRule("warn", "part of the values are many times larger: two units in one column"),
    "unit_by_period": FindingRule("warn", "from a moment on the values look converted to another unit"),
    "unit_by_group": FindingRule("warn", "in one group the values look converted to another unit"),
    "unit_jump": FindingRule("warn", "against the champion's training rows the values look converted"),
    "category_appears": FindingRule("warn", "a frequent category that was not there before"),
    "category_vanishes": FindingRule("warn", "a frequent category that is not there any more"),
    "unseen_category": FindingRule("warn", "categories that the champion never learned"),
    "duplicate_rows": FindingRule("warn", "exact copies count twice"),
    "duplicate_id": FindingRule("warn", "one id with two contents: which one is true?"),
    "much_removed": FindingRule("warn", "cleaning took out a large share of the rows"),
    "names_rows": FindingRule("warn", "a category of nearly its own for every row can only be learned by heart"),
    "future_time": FindingRule("warn", "dated after the moment of the run"),
    "sentinel_time": FindingRule("warn", "a date such as 1900-01-01 that stands for something else"),
    "time_gap": FindingRule("warn", "a long time without rows"),
    "stale_data": FindingRule("warn", "the newest row is older than usual"),
    "volume_drop": FindingRule("warn", "the last whole period is incomplete"),
    "thin_period": FindingRule("warn", "a period with far fewer rows than its neighbours"),
    "values_revised": FindingRule("warn", "values of rows that the champion learned from have changed"),
    "calendar_disagrees": FindingRule("warn", "times and calendar columns agreed when the champion was trained"),
    "label_missing": FindingRule("warn", "rows old enough to have a label have none"),
    "unlabelled_group": FindingRule("warn", "a group that hardly ever gets a label"),
    "few_labels": FindingRule("warn", "too few labels, or too few of one class, to look for leaks"),
    "label_jump": FindingRule("warn", "more often a change of how labels are made than of the world"),
    "one_class_period": FindingRule("warn", "a period with one class only: labels may be lost"),
    "early_labels_differ": FindingRule("warn", "labels that came early are of another kind than the rest"),
    "young_labels": FindingRule("warn", "the youngest labelled rows have another rate: the delay may be too short"),
    "leak_question": FindingRule("warn", "tells the target very well, and is declared as known in time"),
    "label_in_text": FindingRule("warn", "most texts contain the name of their own class: written there afterwards?"),
    "id_tells_label": FindingRule("warn", "ids that tell the label: the table may be put together by label"),
    "order_tells_label": FindingRule("warn", "the order of rows tells the label"),
    "protected_label_gap": FindingRule("warn", "groups of a protected attribute have very different label rates"),
    "group_shrinks": FindingRule("warn", "a group is far rarer than in the champion's training rows"),
    "class_appears": FindingRule("warn", "a class that no training row has: no model can recognise it"),
    # for the record
    "class_vanishes": FindingRule("note", "a class that was learned and is not met again"),
    "repeated_text": FindingRule("note", "one text in several rows: a template, or one case entered twice"),
    "removed": FindingRule("note", "taken out by recorded cleaning"),
    "changed": FindingRule("note", "changed by recorded cleaning"),
    "missing": FindingRule("note", "now and then missing, or not used"),
    "almost_constant": FindingRule("note", "hardly anything to learn from"),
    "numbers_as_text": FindingRule("note", "a category of many numbers may be a number"),
    "unseen_rarely": FindingRule("note", "a few rows with categories that the champion never learned"),
    "repeated_entity": FindingRule("note", "entities that training has seen flatter a test"),
    "same_content": FindingRule("note", "rows that differ in time and id only"),
    "early_labels": FindingRule("note", "labels of rows younger than the label delay are not used"),
    "selective_labels": FindingRule("note", "labels exist inside the decision policy's region only"),
    "label_gap": FindingRule("note", "groups of a slice have very different label rates"),
}
