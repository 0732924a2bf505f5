"""What changes for those who act on the scores."""

from __future__ import annotations

import json

import numpy as np
import pytest
import sklearn.metrics as sk

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.operating import net_benefit, operating_point

QUICK = Evaluation(resamples=200)
RANDOM = np.random.default_rng(5)
Y = (RANDOM.random(3000) < 0.3).astype(float)
OLD = np.clip(0.3 * Y + RANDOM.random(3000) * 0.6, 0, 1)
DAY = np.repeat(np.arange(30), 100)


def point(old, new, **change):
    return operating_point(Y, old, new, task="binary", blocks=DAY, evaluation=QUICK.model_copy(update=change))


def test_precision_and_recall_equal_scikit_learn():
    """At the threshold precision and recall are scikit-learn's, a score equal to the threshold is flagged."""
    new = np.round(OLD, 1)
    table = point(OLD, new).table.set_index("model")
    assert table.loc["challenger", "precision"] == pytest.approx(sk.precision_score(Y, new >= 0.5))
    assert table.loc["challenger", "recall"] == pytest.approx(sk.recall_score(Y, new >= 0.5))
    assert table.loc["champion", "flagged"] == (OLD >= 0.5).sum()


def test_a_flagged_volume_that_doubles_is_a_finding():
    """Twice as many flags fail, and so do half as many; a few more pass."""
    many = np.where((RANDOM.random(3000) < 0.6) & (OLD < 0.5), 0.9, OLD)
    doubled = point(OLD, many).measures[0]
    assert (doubled.name, doubled.verdict) == ("flagged_change", Verdict.FAIL)
    assert point(many, OLD).measures[0].verdict is Verdict.FAIL
    assert point(OLD, np.clip(OLD + 0.01, 0, 1)).measures[0].verdict is Verdict.PASS


def test_a_champion_that_flags_nothing_against_a_challenger_that_does_is_a_finding():
    """From nothing to something is beyond every factor, and stays plain JSON."""
    found = point(np.full(3000, 0.1), OLD)
    assert found.measures[0].verdict is Verdict.FAIL
    json.dumps(found.to_dict(), allow_nan=False)


def test_hardly_any_flags_are_insufficient():
    """Three flags against five are no volume to compare."""
    few = np.where(np.arange(3000) < 3, 0.9, 0.1)
    more = np.where(np.arange(3000) < 5, 0.9, 0.1)
    measure = point(few, more).measures[0]
    assert measure.verdict is Verdict.INSUFFICIENT
    assert "3 and 5 rows" in measure.reason


def test_swap_sets_count_who_changes_sides():
    """Rows flagged by one model only, with how often they were positive."""
    new = OLD.copy()
    new[:40] = 0.9
    new[40:60] = 0.1
    swaps = point(OLD, new).swaps.set_index("swap")
    joined = (OLD[:40] < 0.5).sum()
    assert swaps.loc["newly flagged", "rows"] == joined
    assert swaps.loc["no longer flagged", "rows"] == (OLD[40:60] >= 0.5).sum()
    assert swaps.loc["newly flagged", "positive_rate"] == pytest.approx(Y[:40][OLD[:40] < 0.5].mean())


@pytest.mark.parametrize("threshold", [0.1, 0.5, 0.8])
def test_net_benefit_is_that_of_its_definition(threshold):
    """True alarms less false alarms at the odds of the threshold, over all rows (Vickers & Elkin)."""
    _, fp, _, tp = sk.confusion_matrix(Y, OLD >= threshold).ravel()
    expected = tp / 3000 - fp / 3000 * threshold / (1 - threshold)
    assert net_benefit(Y, OLD, threshold) == pytest.approx(expected)


def test_the_gain_in_net_benefit_is_the_difference():
    """The gain with its interval is the challenger's net benefit less the champion's."""
    new = np.clip(OLD + 0.1 * Y, 0, 1)
    gain = point(OLD, new).benefit_gain
    assert gain.value == pytest.approx(net_benefit(Y, new, 0.5) - net_benefit(Y, OLD, 0.5))
    assert gain.low > 0


def test_several_classes_change_volume_class_by_class():
    """The class that the challenger stops choosing fails; the swap sets name from and to."""
    y = RANDOM.integers(0, 3, 3000)
    old = RANDOM.dirichlet(np.ones(3), 3000) * 0.5 + np.eye(3)[y] * 0.5
    new = old * np.array([1, 1, 0.2])
    new = new / new.sum(axis=1, keepdims=True)
    found = operating_point(y, old, new, task="multiclass", blocks=DAY, evaluation=QUICK)
    verdicts = {measure.name: measure.verdict for measure in found.measures}
    assert verdicts["flagged_change_2"] is Verdict.FAIL
    assert found.swaps.swap.str.contains("from 2 to").all()
    assert found.figure().png().startswith(b"\x89PNG")


def test_numbers_have_a_tolerance_instead_of_a_threshold():
    """The operating point of a regression counts misses beyond the tolerance; `test_misses` has its rules."""
    found = operating_point(Y, OLD, OLD, task="regression", blocks=DAY)
    assert [measure.name for measure in found.measures] == ["missed_change", "swapped"]
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize("spoiled", [np.full(3000, np.nan), np.append(OLD[:-1], np.inf)])
def test_missing_predictions_are_insufficient(spoiled):
    """A model without predictions has no operating point, and the model is named."""
    found = point(OLD, spoiled)
    assert [m.verdict for m in found.measures] == [Verdict.INSUFFICIENT]
    assert "challenger" in found.measures[0].reason


def test_figures_show_net_benefit_over_thresholds():
    """The binary figure is there, also when the threshold lies at an end."""
    for threshold in (0.0, 0.5, 1.0):
        assert point(OLD, OLD, threshold=threshold).figure().png().startswith(b"\x89PNG")
