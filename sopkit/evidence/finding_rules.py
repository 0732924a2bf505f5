"""What each finding about data means: how severe it is, why, and whether a person may accept it in writing.

The one table: `findings` gives a finding its severity from here, and docs/evidence.md prints it.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["FINDINGS", "FindingRule"]


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
    "labels_stop": FindingRule("block", "the newest rows old enough to have a label have none: nothing to judge on"),
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
    "sentinel": FindingRule("warn", "a number such as -999 or 0 K that stands for something else"),
    "placeholder": FindingRule("warn", "a text such as '?' that stands for a missing value"),
    "spelling": FindingRule("warn", "one category in several spellings"),
    "broken_characters": FindingRule("warn", "texts read in the wrong encoding"),
    "two_scales": FindingRule("warn", "part of the values are many times larger: two units in one column"),
    "unit_by_period": FindingRule("warn", "from a moment on the values look converted to another unit"),
    "elsewhere_by_period": FindingRule(
        "warn", "from a moment on hardly a value in common with before, by a step unlike all others"
    ),
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
    "unlabelled_period": FindingRule("warn", "a period in which hardly any row has a label"),
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
    "same_feature": FindingRule("note", "features that say the same in every row: one of them is enough"),
    "same_as_time": FindingRule("note", "a feature that is the row's time: each new row lies beyond what was learned"),
    "numbers_as_text": FindingRule("note", "a category of many numbers may be a number"),
    "unseen_rarely": FindingRule("note", "a few rows with categories that the champion never learned"),
    "repeated_entity": FindingRule("note", "entities that training has seen flatter a test"),
    "same_content": FindingRule("note", "rows that differ in time and id only"),
    "early_labels": FindingRule("note", "labels of rows younger than the label delay are not used"),
    "selective_labels": FindingRule("note", "labels exist inside the decision policy's region only"),
    "label_gap": FindingRule("note", "groups of a slice have very different label rates"),
}
