from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from sopkit.definitions.results import Verdict
from sopkit.evidence.promise import Promise, make_promise, promise_kept


def world(rows: int = 6000, seed: int = 0, slope: float = 1.0, level: float = -1.0, overstated: float = 1.0):
    """Labels, the scores of a model that is calibrated when `overstated` is one, and 30 blocks of rows."""
    random = np.random.default_rng(seed)
    x = random.normal(0, 1, rows)
    p = 1 / (1 + np.exp(-(level + slope * x)))
    score = 1 / (1 + np.exp(-overstated * (level + slope * x)))
    return (random.random(rows) < p).astype(float), score, np.arange(rows) * 30 // rows


def promised(**parts):
    y, p, blocks = world(seed=1, **parts)
    return make_promise("binary", y, p, blocks=blocks)


def kept(promise, y, p, blocks, **options):
    return promise_kept(promise, y, p, task="binary", blocks=blocks, **options)


def test_a_promise_holds_the_plain_metrics():
    """What is promised equals scikit-learn's numbers."""
    y, p, blocks = world()
    promise = make_promise("binary", y, p, blocks=blocks)
    assert promise.scores["roc_auc"].value == pytest.approx(roc_auc_score(y, p))
    assert promise.scores["brier"].value == pytest.approx(brier_score_loss(y, p))
    assert promise.scores["brier_skill"].value == pytest.approx(
        1 - brier_score_loss(y, p) / (y.mean() * (1 - y.mean()))
    )


def test_a_model_that_is_as_good_as_ever_keeps_its_promise():
    """The same world again breaks nothing, and says so."""
    found = kept(promised(), *world(seed=2))
    assert found.verdict is Verdict.PASS
    assert found.broken == []
    assert found.reason == "Every promise is kept on 6,000 labelled rows"


def test_lost_ranking_breaks_the_promise():
    """When inputs tell half of what they told, the primary metric is named as broken, with its interval."""
    y, _, blocks = world(seed=2, slope=0.3)
    found = kept(promised(), y, world(seed=2)[1], blocks)
    assert "promise_roc_auc" in [measure.name for measure in found.broken]
    measure = found.measures[0]
    assert measure.detail["low"] > 0
    assert measure.value == pytest.approx(measure.detail["promised"] - measure.detail["now"])


def test_a_commoner_target_alone_does_not_break_the_promise_of_skill():
    """In a harder period a calibrated model has a higher Brier score and as much skill: nothing is broken."""
    before = make_promise("binary", *world(seed=1, level=-2.0)[:2], blocks=world()[2])
    y, p, blocks = world(seed=2, level=0.0)
    assert brier_score_loss(y, p) > before.scores["brier"].value * 1.3
    assert kept(before, y, p, blocks).broken == []


def test_a_model_that_understates_its_error_breaks_its_word():
    """Scores that became too bold rank as well as ever and are caught by what they say of themselves."""
    y, p, blocks = world(seed=2, overstated=2.5)
    said = {**promised(overstated=2.5).to_dict(), "own_word": promised().to_dict()["own_word"]}
    found = kept(Promise.from_dict(said), y, p, blocks)
    assert [measure.name for measure in found.broken] == ["promise_stated_error"]
    assert found.broken[0].detail["direction"] == "worse than it says"


def test_a_model_that_was_as_bold_at_its_evaluation_keeps_its_promise():
    """What the signer saw of calibration is no harm later; one that is twice as far off then breaks its word."""
    before = promised(overstated=2.5)
    same = kept(before, *world(seed=2, overstated=2.5))
    assert same.broken == []
    assert "at the evaluation" in same.measures[-1].reason
    farther = kept(before, *world(seed=2, overstated=6.0))
    assert "promise_stated_error" in [measure.name for measure in farther.broken]
    assert "farther off by" in farther.measures[-1].reason
    assert kept(before, *world(seed=2)).measures[-1].verdict is Verdict.PASS


def test_errors_smaller_than_was_said_harm_nobody():
    """A model that has become too cautious breaks no promise, and the reason says how it differs from its word."""
    shy = kept(promised(), *world(seed=2, overstated=0.4)).measures[-1]
    assert (Verdict.PASS, "better than it says") == (shy.verdict, shy.detail["direction"])
    assert shy.value < -0.02
    assert "better than it said" in shy.reason


def test_an_older_promise_is_held_against_zero():
    """A promise that was made before the gap was kept has none, and the model's own word is held as it was."""
    y, p, blocks = world(seed=2, overstated=2.5)
    old = {key: value for key, value in promised(overstated=2.5).to_dict().items() if key != "own_word"}
    assert [measure.name for measure in kept(Promise.from_dict(old), y, p, blocks).broken] == ["promise_stated_error"]


def test_a_gap_that_turned_round_is_counted_from_zero():
    """Forecasts that were too low by a tenth and are too high by as much have lost their word."""
    random = np.random.default_rng(0)
    y, x = (values + random.normal(0, 1, 4000) for values in [random.normal(0, 1, 4000)] * 2)
    blocks = np.arange(4000) // 100
    low = make_promise("regression", y, x - y.std() * 0.1, blocks=blocks)
    same = promise_kept(low, y, x - y.std() * 0.1, task="regression", blocks=blocks)
    turned = promise_kept(low, y, x + y.std() * 0.1, task="regression", blocks=blocks)
    assert same.measures[-1].value == pytest.approx(0)
    assert turned.measures[-1].verdict is Verdict.FAIL


def test_without_change_a_bold_model_gives_no_more_false_alarms():
    """A hundred later months of the same overconfident model: at most 5 alarms."""
    promise = promised(overstated=2.5)
    months = (world(3000, seed=s, overstated=2.5) for s in range(100, 200))
    assert sum(bool(kept(promise, *month, resamples=200).broken) for month in months) <= 5


def test_the_models_word_is_the_mean_of_p_times_one_minus_p():
    """The stated error, the error that came and the gap are computed by hand."""
    y, p, blocks = world(seed=2, overstated=1.7)
    measure = kept(None, y, p, blocks).measures[-1]
    said, came = np.mean(p * (1 - p)), np.mean((p - y) ** 2)
    assert measure.detail["said"] == pytest.approx(said)
    assert measure.detail["came"] == pytest.approx(came)
    assert measure.detail["now"] == measure.value
    assert measure.value == pytest.approx((came - said) / (y.mean() * (1 - y.mean())))


def test_without_change_false_alarms_stay_below_the_nominal_level():
    """A hundred later months of the same world: at most 5 alarms."""
    promise = promised()
    alarms = sum(bool(kept(promise, *world(3000, seed=s), resamples=200).broken) for s in range(100, 200))
    assert alarms <= 5


def test_a_shortfall_that_may_be_chance_is_insufficient():
    """Worse by more than the limit with an interval that holds zero is open, and says so."""
    found = kept(promised(), *world(600, seed=11))
    chance = [measure for measure in found.measures if measure.verdict is Verdict.INSUFFICIENT]
    assert chance
    assert "may be chance" in chance[0].reason


@pytest.mark.parametrize(
    ("y", "p", "blocks", "reason"),
    [
        ([], [], [], "only 0 labelled rows"),
        ([1.0] * 99, [0.5] * 99, [0] * 99, "only 99 labelled rows"),
        ([1.0] * 1000, [0.5] * 1000, list(range(1000)), "cannot be measured"),
        ([0.0, 1.0] * 500, [float("nan")] * 1000, list(range(1000)), "cannot be measured"),
        ([0.0, 1.0] * 500, [0.4, 0.6] * 500, [0] * 1000, "no interval"),
        ([0.0, 1.0] * 500, [0.4, 0.6] * 500, None, "no interval"),
    ],
)  # fmt: skip
def test_what_cannot_be_measured_is_insufficient_with_a_reason(y, p, blocks, reason):
    """No rows, one class, NaN scores, too few blocks: never a kept promise."""
    found = kept(promised(), y, p, blocks)
    assert found.verdict is Verdict.INSUFFICIENT
    assert reason in found.reason


def test_scores_that_are_no_probabilities_are_not_judged_as_such():
    """Scores beyond one can still rank; their skill and their word are insufficient."""
    y, p, blocks = world(seed=2)
    found = kept(promised(), y, p * 10, blocks)
    assert [str(measure.verdict) for measure in found.measures] == ["pass", "insufficient", "insufficient"]


def test_nothing_promised_is_insufficient_and_the_models_word_still_counts():
    """Without a promise, skill cannot be compared, but probabilities still speak for themselves."""
    found = kept(None, *world(seed=2, overstated=2.5))
    assert "nothing was promised" in found.measures[0].reason
    assert [measure.name for measure in found.broken] == ["promise_stated_error"]


def test_regression_promises_skill_and_no_direction():
    """Forecasts that are all too low break the promise about bias, and the sentence gives the direction."""
    random = np.random.default_rng(0)
    x = random.normal(0, 1, 4000)
    y, blocks = x + random.normal(0, 1, 4000), np.arange(4000) // 100
    promise = make_promise("regression", y, x, blocks=blocks)
    assert promise_kept(promise, y, x, task="regression", blocks=blocks).verdict is Verdict.PASS
    found = promise_kept(promise, y + 0.5, x, task="regression", blocks=blocks)
    assert "promise_bias" in [measure.name for measure in found.broken]
    assert "Predictions are too low" in found.reason


def test_several_classes_are_held_to_their_word():
    """For several classes the stated error is one minus the sum of squared probabilities."""
    random = np.random.default_rng(0)
    p = random.dirichlet([2, 2, 2], 4000)
    y = np.array([random.choice(3, p=row) for row in p]).astype(float)
    blocks = np.arange(4000) // 100
    promise = make_promise("multiclass", y, p, blocks=blocks)
    assert promise_kept(promise, y, p, task="multiclass", blocks=blocks).verdict is Verdict.PASS
    bold = p**3 / (p**3).sum(axis=1, keepdims=True)
    broken = promise_kept(promise, y, bold, task="multiclass", blocks=blocks).broken
    assert "promise_stated_error" in [measure.name for measure in broken]


def test_a_promise_with_holes_survives_its_json():
    """NaN ends of an interval are text in JSON and numbers again afterwards."""
    y, p, _ = world()
    promise = make_promise("binary", y, p, blocks=np.zeros(len(y)))
    back = Promise.from_dict(json.loads(json.dumps(promise.to_dict())))
    assert np.isnan(back.scores["roc_auc"].low)
    assert back.scores["roc_auc"].value == promise.scores["roc_auc"].value


def test_a_promise_is_shown_as_table_figure_and_json():
    """Every measure is in every view."""
    found = kept(promised(), *world(seed=2))
    assert list(found.table["name"]) == ["promise_roc_auc", "promise_brier_skill", "promise_stated_error"]
    assert json.loads(json.dumps(found.to_dict()))["verdict"] == "pass"
    assert found.figure().png()
    assert found.sizes == "6,000 labelled rows, 30 blocks of time"


def test_blocks_that_are_entities_are_not_said_to_be_of_time():
    """Names of customers are blocks that do not follow one another."""
    y, p, day = world(seed=2)
    assert kept(promised(), y, p, [f"customer {d}" for d in day]).sizes == "6,000 labelled rows, 30 blocks"


def test_a_mean_over_other_classes_than_promised_is_insufficient():
    """Macro F1 promised over three classes says nothing where one of them has become rare; over the same it is held."""
    random = np.random.default_rng(8)
    y, blocks = random.integers(0, 3, 600).astype(float), np.arange(600) // 15
    p = random.dirichlet(np.ones(3), 600) * 0.6 + np.eye(3)[y.astype(int)] * 0.4
    names = ["a", "b", "c"]
    made = make_promise("multiclass", y, p, metrics=["macro_f1"], blocks=blocks, labels=names)
    promise = Promise.from_dict(made.to_dict())
    assert promise.classes == ("a", "b", "c")
    rare = (y != 2) | (np.cumsum(y == 2) < 10)

    def held(rows):
        common = {"task": "multiclass", "blocks": blocks[rows], "labels": names, "primary": "macro_f1"}
        kept = promise_kept(promise, y[rows], p[rows], **common)
        return next(measure for measure in kept.measures if measure.name == "promise_macro_f1")

    assert held(y >= 0).verdict is Verdict.PASS
    assert held(rare).verdict is Verdict.INSUFFICIENT
    assert "enough rows of c" in held(rare).reason
