from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import optimize

from sopkit.definitions.results import Verdict
from sopkit.evidence.causes import Period, causes
from sopkit.evidence.density_ratio import probability_of_current
from sopkit.evidence.drift import drift
from sopkit.evidence.shared_inputs import levelled

KINDS = {"x": "numeric", "z": "numeric"}


def period(seed: int, rows: int = 6000, shift: float = 0.0, slope: float = 1.0, level: float = -1.0) -> Period:
    """Rows of a world whose model knows slope 1 and level -1; 40 blocks."""
    random = np.random.default_rng(seed)
    x, z = random.normal(shift, 1, rows), random.normal(0, 1, rows)
    y = (random.random(rows) < 1 / (1 + np.exp(-(level + slope * x)))).astype(float)
    score = 1 / (1 + np.exp(-(-1.0 + x)))
    return Period(pd.DataFrame({"x": x, "z": z}), y, score, np.arange(rows) * 40 // rows)


def found(before: Period, now: Period, **options):
    moved = drift(before.table, now.table, KINDS)
    return causes(moved, before, now, KINDS, task="binary", **options)


def test_nothing_changed_has_no_cause():
    """Two periods of one world: nothing is at work."""
    told = found(period(1), period(2))
    assert told.at_work == []
    assert told.sentence.startswith("No cause found")


def test_inputs_that_moved_are_data_drift_and_not_concept_drift():
    """The model is right everywhere; inputs moved, so the target's rate did: that is told and is no other cause."""
    told = found(period(1), period(2, shift=1.0))
    assert told.at_work == ["data_drift"]
    assert told.changed_conditions.detail["raw"] > 0.5
    assert "at the same inputs it moved by" in told.changed_conditions.reason


def test_a_commoner_outcome_is_a_changed_condition_and_not_another_meaning():
    """The same inputs and as good a ranking, with the outcome commoner everywhere: changed conditions alone."""
    told = found(period(1), period(2, level=-0.3))
    assert told.at_work == ["changed_conditions"]
    assert told.changed_conditions.value > 0.1


def test_it_does_not_matter_which_outcome_is_called_one():
    """With target and predictions turned round the same cause is found, of the same size and the other sign."""
    before, now = period(1), period(2, level=-0.3)
    turned = [Period(p.table, 1 - p.y, 1 - p.prediction, p.blocks) for p in (before, now)]
    one, other = found(before, now), found(*turned)
    assert one.at_work == other.at_work
    assert one.changed_conditions.value == pytest.approx(-other.changed_conditions.value)
    assert one.concept_drift.value == pytest.approx(other.concept_drift.value)


def test_where_no_inputs_are_shared_a_moved_rate_is_told_with_that():
    """The rate moved, and whether inputs explain it cannot be said."""
    told = found(period(1, 1500), period(2, 1500, shift=12.0))
    assert told.changed_conditions.verdict is Verdict.FAIL
    assert "too few inputs are shared" in told.changed_conditions.reason


def test_a_class_that_the_model_does_not_know_is_a_changed_condition():
    """A class that appears is named as one that the model does not know."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": random.normal(0, 1, 4000), "z": random.normal(0, 1, 4000)})
    p, blocks = np.full((4000, 3), 1 / 3), np.arange(4000) // 100
    y = random.choice(3, 4000).astype(float)
    new = np.where(random.random(4000) < 0.1, np.nan, random.choice(3, 4000))
    told = causes(None, Period(table, y, p, blocks), Period(table, new, p, blocks), KINDS, task="multiclass")
    assert "changed_conditions" in told.at_work
    assert "classes that the model does not know was 0 and is 0.1" in told.changed_conditions.reason


def test_predictions_are_brought_to_the_level_of_what_came():
    """All odds by one factor, found by brute force over the factor; a number by one step."""
    random = np.random.default_rng(0)
    p, weights = random.uniform(0.05, 0.6, 2000), random.uniform(0, 1, 2000)
    y = (random.random(2000) < p**0.5).astype(float)
    found_p = levelled(y[:, None], p[:, None], weights, classes=True)[:, 0]

    def moved(log_factor):
        return 1 / (1 + (1 - p) / p / np.exp(log_factor))

    factor = optimize.brentq(lambda f: np.average(moved(f) - y, weights=weights), -5, 5)
    assert found_p == pytest.approx(moved(factor), abs=1e-4)
    assert levelled(y[:, None], p[:, None], weights, classes=False)[:, 0] == pytest.approx(
        p + np.average(y - p, weights=weights)
    )


def test_texts_are_reweighted_by_their_words():
    """Where texts of one kind became commoner, rows of both periods weigh the same there."""
    random = np.random.default_rng(0)

    def texts(share):
        loud = random.random(3000) < share
        return pd.DataFrame({"words": np.where(loud, "late parcel again", "thanks for the parcel")}), loud

    (before, one), (now, two) = texts(0.3), texts(0.6)
    p, q = probability_of_current(before, now, {"words": "text"})
    assert np.average(one, weights=p) == pytest.approx(np.average(two, weights=1 - q), abs=0.03)
    assert p[one].mean() == pytest.approx(0.6 / 0.9, abs=0.03)


def test_with_many_columns_and_few_rows_alike_periods_stay_alike():
    """Forty columns of noise, six hundred rows: no classifier that has seen a row judges it, so most mass is shared."""
    random = np.random.default_rng(0)
    names = {f"n{at}": "numeric" for at in range(40)}
    before, now = (pd.DataFrame(random.normal(0, 1, (600, 40)), columns=list(names)) for _ in range(2))
    p, q = probability_of_current(before, now, names)
    assert p.mean() == pytest.approx(0.5, abs=0.05)
    assert min(w.sum() ** 2 / (w**2).sum() for w in (p, 1 - q)) > 300


def test_days_that_can_be_told_by_their_weather_are_shared_all_the_same():
    """Each day has its own weather: halves of days judge each other, and no day's rows are taken for its period's."""
    random = np.random.default_rng(0)

    def month():
        day = np.repeat(np.arange(40), 50)
        return pd.DataFrame({"weather": random.normal(0, 1, 40)[day]}), day

    (before, one), (now, two) = month(), month()
    p, q = probability_of_current(before, now, {"weather": "numeric"}, blocks=(one, two))
    assert min(w.sum() ** 2 / (w**2).sum() for w in (p, 1 - q)) > 1000


def test_another_meaning_of_the_same_inputs_is_concept_drift():
    """Inputs are as before and lead to the opposite outcome: concept drift alone."""
    told = found(period(1), period(2, slope=-1.0))
    assert told.at_work == ["concept_drift"]
    assert told.concept_drift.value > 0


def test_more_than_one_cause_can_be_at_work():
    """Inputs moved and their meaning changed: both are named."""
    told = found(period(1), period(2, shift=1.0, slope=-1.0))
    assert {"data_drift", "concept_drift"} <= set(told.at_work)


def test_the_comparison_is_made_where_both_periods_have_inputs():
    """After reweighting, both sides have the same mean input, far from either one's own."""
    before, now = period(1), period(2, shift=1.0)
    p_before, p_now = probability_of_current(before.table, now.table, KINDS)
    left = np.average(before.table["x"], weights=p_before)
    right = np.average(now.table["x"], weights=1 - p_now)
    assert left == pytest.approx(right, abs=0.08)
    assert left == pytest.approx(0.5, abs=0.08)


def test_the_density_ratio_is_that_of_the_true_densities():
    """For two normals the log odds are linear in x; the classifier follows within its bins."""
    before, now = period(1).table, period(2, shift=1.0).table
    p = probability_of_current(before, now, {"x": "numeric"})[0]
    truth = 1 / (1 + np.exp(-(before["x"] - 0.5)))
    middle = before["x"].between(-1, 2)
    assert np.abs(p - truth)[middle].mean() < 0.06


def test_a_pass_says_where_more_than_the_limit_is_not_ruled_out():
    """A small increase of the error passes, and the reason tells that the interval reaches beyond the limit."""
    straddling = [found(period(s, 1500), period(s + 50, 1500)).concept_drift for s in range(8)]
    passed = [m for m in straddling if m.verdict is Verdict.PASS]
    wide = [m for m in passed if m.detail["high"] > m.threshold.value]
    assert wide
    assert all(m.reason.endswith("more than the limit is not ruled out") for m in wide)
    assert not any("ruled out" in m.reason for m in passed if m not in wide)


def test_without_change_concept_drift_is_rarely_alarmed():
    """Forty pairs of periods of the same world: at most four alarms of any cause."""
    alarms = sum(bool(found(period(2 * s, 3000), period(2 * s + 1, 3000), resamples=200).at_work) for s in range(40))
    assert alarms <= 4


def test_periods_that_share_no_inputs_cannot_be_compared():
    """Without common support there is nothing to say about the meaning of inputs, and the reason counts rows."""
    told = found(period(1, 1000), period(2, 1000, shift=12.0))
    assert told.concept_drift.verdict is Verdict.INSUFFICIENT
    assert "share too few inputs" in told.concept_drift.reason


@pytest.mark.parametrize(
    ("before", "now", "reason"),
    [
        (None, period(2), "no labelled reference rows"),
        (period(1), None, "no labelled current rows"),
        (period(1), period(2, 0), "no labelled current rows"),
    ],
)
def test_without_labels_only_the_inputs_can_be_judged(before, now, reason):
    """What needs labels is insufficient, with the side that lacks them."""
    told = causes(None, before, now, KINDS, task="binary")
    assert {measure.verdict for measure in told.measures} == {Verdict.INSUFFICIENT}
    assert reason in told.concept_drift.reason


def test_too_few_blocks_give_no_interval_and_no_verdict():
    """Rows of one day only are no evidence about months."""
    one = period(2)
    told = found(period(1), Period(one.table, one.y, one.prediction, np.zeros(len(one.y))))
    assert told.concept_drift.verdict is Verdict.INSUFFICIENT
    assert "no interval" in told.changed_conditions.reason


def test_causes_of_numbers_and_classes_are_told_apart_too():
    """Regression and several classes go the same way: a moved mean or class share is a changed condition."""
    random = np.random.default_rng(0)
    table = pd.DataFrame({"x": random.normal(0, 1, 4000), "z": random.normal(0, 1, 4000)})
    blocks = np.arange(4000) // 100
    y = table["x"].to_numpy()
    before = Period(table, y + random.normal(0, 0.5, 4000), y, blocks)
    after = Period(table, y + 1 + random.normal(0, 0.5, 4000), y, blocks)
    told = causes(None, before, after, KINDS, task="regression")
    assert told.at_work == ["changed_conditions"]
    noisier = Period(table, y + random.normal(0, 0.7, 4000), y, blocks)
    assert causes(None, before, noisier, KINDS, task="regression").at_work == ["concept_drift"]
    p = np.full((4000, 3), 1 / 3)
    one = Period(table, random.choice(3, 4000).astype(float), p, blocks)
    two = Period(table, random.choice(3, 4000, p=[0.8, 0.1, 0.1]).astype(float), p, blocks)
    assert "changed_conditions" in causes(None, one, two, KINDS, task="multiclass").at_work


def test_causes_are_plain_json_a_table_and_a_figure():
    """Each cause has verdict, value, interval and sentence in every view."""
    told = found(period(1), period(2, slope=-1.0))
    assert json.loads(json.dumps(told.to_dict()))["at_work"] == ["concept_drift"]
    assert list(told.table["cause"]) == ["Data drift", "Concept drift", "Changed conditions"]
    assert told.figure().png()
