"""Gaps between groups equal fairlearn's, and small groups are not judged."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from fairlearn.metrics import MetricFrame, false_positive_rate, true_positive_rate

from sopkit.definitions.model import Evaluation, Fairness
from sopkit.definitions.results import Result, Verdict
from sopkit.errors import DataError
from sopkit.evidence.fairness import fairness_of

QUICK = Evaluation(resamples=300, fairness=Fairness(largest_gap=0.15))
RANDOM = np.random.default_rng(5)
N = 6000
Y = (RANDOM.random(N) < 0.4).astype(float)
P = np.clip(0.35 * Y + RANDOM.random(N) * 0.6, 0, 1)
DAY = np.repeat(np.arange(30), 200)
GROUP = RANDOM.choice(["a", "b", "c"], N)
UNFAIR = np.where((GROUP == "b") & (Y == 0), np.clip(P + 0.25, 0, 1), P)


def fair(p, frame=None, **options):
    frame = pd.DataFrame({"sex": GROUP}) if frame is None else frame
    return fairness_of(Y, p, frame, **{"task": "binary", "blocks": DAY, "evaluation": QUICK, **options})


def test_gaps_equal_fairlearns():
    """The largest difference between groups in true and false positive rate is fairlearn's."""
    found = {gap.rate: gap.gap.value for gap in fair(UNFAIR).gaps}
    frame = MetricFrame(
        metrics={"true_positive_rate": true_positive_rate, "false_positive_rate": false_positive_rate},
        y_true=Y,
        y_pred=UNFAIR >= 0.5,
        sensitive_features=GROUP,
    )
    assert found == pytest.approx(frame.difference(method="between_groups").to_dict())
    rates = fair(UNFAIR).table.set_index("group").false_positive_rate
    assert rates.to_dict() == pytest.approx(frame.by_group.false_positive_rate.to_dict())


def test_a_limit_that_the_challenger_breaks_and_the_champion_keeps_is_a_hard_failure():
    """A gap of one half in false alarms fails, is worse than the champion's, and names the groups."""
    found = fair(UNFAIR, champion=P)
    gap = found.hard_failures[0]
    assert (gap.attribute, gap.rate, gap.high_group) == ("sex", "false_positive_rate", "b")
    assert "more than the champion" in gap.words
    assert "1 of 2 gaps between groups breaks its limit" in found.finding


def test_a_gap_of_both_models_or_of_a_slice_is_no_hard_failure():
    """What the champion has too, and what concerns no people, fails its limit and is not hard."""
    for found in (fair(UNFAIR, champion=UNFAIR), fair(UNFAIR, champion=P, protected=[])):
        assert found.hard_failures == []
        assert Verdict.FAIL in {measure.verdict for measure in found.measures}


def test_without_a_champion_a_limit_that_the_model_file_states_is_hard():
    """There is nothing to be worse than: a stated limit broken beyond chance is hard, the default one is a finding."""
    assert fair(UNFAIR).hard_failures  # QUICK states one
    found = fair(UNFAIR, evaluation=Evaluation(resamples=300))
    assert [] == found.hard_failures
    assert Verdict.FAIL in {measure.verdict for measure in found.measures}


def test_equal_treatment_passes():
    """Groups drawn at random keep the limit."""
    found = fair(P, champion=P)
    assert {measure.verdict for measure in found.measures} == {Verdict.PASS}
    assert "keep their limit" in found.finding


def test_groups_below_the_minimum_are_not_compared():
    """A tiny group with an enormous gap is counted as too small, not judged."""
    group = GROUP.astype(object)
    group[:50] = "tiny"
    p = P.copy()
    p[:50] = 0.99
    found = fair(p, pd.DataFrame({"sex": group}))
    assert {gap.too_small for gap in found.gaps} == {1}
    assert Verdict.FAIL not in {measure.verdict for measure in found.measures}
    assert found.table.set_index("group").loc["tiny", "verdict"] == "insufficient"


def test_one_group_alone_is_insufficient():
    """With nobody to compare with there is no gap, and no pass."""
    found = fair(P, pd.DataFrame({"sex": ["a"] * N}))
    assert {measure.verdict for measure in found.measures} == {Verdict.INSUFFICIENT}
    assert found.finding == "There is one group only"
    assert found.gaps[0].words == "sex has one group only"
    assert found.gaps[0].unlike == "one group only"


def test_gaps_without_an_interval_keep_no_limit():
    """Where it is not known which rows belong together there is no interval, no verdict, and no kept limit."""
    found = fair(P, blocks=None)
    assert {measure.verdict for measure in found.measures} == {Verdict.INSUFFICIENT}
    assert found.finding.startswith("Without an interval, 2 gaps between groups cannot be judged; largest: ")


def test_a_group_without_enough_positives_has_no_true_positive_rate_to_compare():
    """Many rows and hardly any positive: the false positive rate is judged, the true positive rate is not."""
    group = np.where((GROUP == "c") & (Y == 1), "b", GROUP)
    judged = {gap.rate: gap.groups for gap in fair(P, pd.DataFrame({"sex": group})).gaps}
    assert judged == {"true_positive_rate": 2, "false_positive_rate": 3}


def test_intersections_of_protected_attributes_are_groups():
    """A gap that only shows where two attributes meet is found at their intersection."""
    age = RANDOM.choice(["young", "old"], N)
    hit = (GROUP == "b") & (age == "old") & (Y == 0)
    found = fair(np.where(hit, 0.95, P), pd.DataFrame({"sex": GROUP, "age": age}))
    worst = max(found.gaps, key=lambda gap: gap.gap.value)
    assert worst.attribute == "sex × age"
    assert worst.high_group == "b × old"


def test_numbers_are_cut_and_missing_values_are_a_group():
    """Ages become quartiles, people without an age a group of their own."""
    age = pd.Series(RANDOM.integers(18, 90, N).astype(float))
    age[:500] = np.nan
    groups = fair(P, pd.DataFrame({"age": age})).table.group.tolist()
    assert len(groups) == 5
    assert "(missing)" in groups


def test_regressions_and_classes_are_judged_by_mean_error_and_accuracy():
    """A forecast too high or too wide for one group, and a class guessed worse for one, are found."""
    value = RANDOM.normal(100, 10, N)
    high = value + np.where(GROUP == "b", 5, 0)
    found = fairness_of(value, high, pd.DataFrame({"g": GROUP}), task="regression", blocks=DAY, evaluation=QUICK)
    assert found.gaps[0].high_group == "b"
    assert found.measures[0].verdict is Verdict.FAIL
    wide = value + RANDOM.normal(0, np.where(GROUP == "b", 8, 1))
    found = fairness_of(value, wide, pd.DataFrame({"g": GROUP}), task="regression", blocks=DAY, evaluation=QUICK)
    assert [str(gap.rate) for gap in found.gaps if gap.broken] == ["absolute_error"]
    k = RANDOM.integers(0, 3, N)
    p = np.eye(3)[np.where((GROUP == "b") & (RANDOM.random(N) < 0.5), (k + 1) % 3, k)]
    found = fairness_of(k, p, pd.DataFrame({"g": GROUP}), task="multiclass", blocks=DAY, evaluation=QUICK)
    assert found.gaps[0].low_group == "b"


def test_intervals_hold_for_all_pairs_together():
    """With eight groups that are treated alike, an interval that leaves out zero is rare."""
    missed = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        y = (random.random(4000) < 0.5).astype(float)
        p = random.random(4000)
        frame = pd.DataFrame({"g": random.integers(0, 8, 4000).astype(str)})
        found = fairness_of(y, p, frame, task="binary", blocks=np.repeat(np.arange(40), 100), evaluation=QUICK)
        missed += sum(gap.gap.low > 0 for gap in found.gaps)
    assert missed <= 10  # of 80 intervals, 4 expected


@pytest.mark.parametrize("p", [np.full(N, np.nan), np.append(P[:-1], np.inf)])
def test_missing_predictions_are_insufficient(p):
    """No predictions, no fairness, and every view still works."""
    found = fair(p)
    assert [m.verdict for m in found.measures] == [Verdict.INSUFFICIENT]
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.figure().png().startswith(b"\x89PNG")


def test_no_attributes_is_no_finding_and_other_rows_are_refused():
    """Nothing to compare is said so; attributes of other rows raise."""
    assert "No attributes" in fair(P, pd.DataFrame(index=range(N))).finding
    with pytest.raises(DataError, match="do not fit"):
        fair(P, pd.DataFrame({"a": [1]}))


def test_names_of_measures_are_distinct_names_of_results():
    """Attributes with long or odd names still give measures that can be recorded."""
    frame = pd.DataFrame(
        {"a very long name of a protected attribute that goes on and on and on": GROUP, "Ünïcode %": GROUP}
    )
    measures = fair(P, frame, champion=P).measures
    names = [Result(**measure.to_dict()).name for measure in measures]
    assert len(names) == len(set(names))
