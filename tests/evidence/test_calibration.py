"""Recalibration finds what was done to the predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.linear_model import LinearRegression, LogisticRegression

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.calibration import calibration_of

QUICK = Evaluation(resamples=300)
RANDOM = np.random.default_rng(5)
LINE = RANDOM.normal(-1, 1.2, 6000)
Y = (RANDOM.random(6000) < 1 / (1 + np.exp(-LINE))).astype(float)
DAY = np.repeat(np.arange(30), 200)


def probabilities(line):
    return 1 / (1 + np.exp(-line))


def test_true_probabilities_are_calibrated():
    """The truth itself has an intercept around zero, a slope around one, and passes in every band."""
    found = calibration_of(Y, probabilities(LINE), task="binary", blocks=DAY, evaluation=QUICK)
    assert found.intercept.low < 0 < found.intercept.high
    assert found.slope.low < 1 < found.slope.high
    assert found.measures[-1].verdict is Verdict.PASS
    assert "keeps its word" in found.finding


def test_slope_equals_scikit_learns_logistic_regression():
    """The slope is the coefficient of an unpenalised logistic regression on the logit of the prediction."""
    found = calibration_of(Y, probabilities(2 * LINE + 1), task="binary", blocks=DAY, evaluation=QUICK)
    oracle = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit((2 * LINE + 1)[:, None], Y)
    assert found.slope.value == pytest.approx(oracle.coef_[0, 0], rel=1e-4)


def test_the_one_step_interval_is_that_of_refitting_each_resample():
    """The interval of the slope is close to refitting the regression on days drawn by hand."""
    found = calibration_of(Y, probabilities(1.4 * LINE), task="binary", blocks=DAY, evaluation=QUICK)
    by_day = [np.flatnonzero(DAY == d) for d in range(30)]
    slopes = []
    for _ in range(200):
        rows = np.concatenate([by_day[d] for d in RANDOM.integers(0, 30, 30)])
        slopes.append(LogisticRegression(C=np.inf).fit(1.4 * LINE[rows, None], Y[rows]).coef_[0, 0])
    low, high = np.quantile(slopes, [0.025, 0.975])
    assert found.slope.high - found.slope.low == pytest.approx(high - low, rel=0.35)


def test_overconfidence_and_a_shift_are_told_apart():
    """Stretched logits have a slope below one, shifted ones an intercept below zero with a slope of one."""
    stretched = calibration_of(Y, probabilities(2 * LINE), task="binary", blocks=DAY, evaluation=QUICK)
    assert stretched.slope.high < 1
    shifted = calibration_of(Y, probabilities(LINE + 1), task="binary", blocks=DAY, evaluation=QUICK)
    assert shifted.intercept.high < 0
    assert shifted.slope.low < 1 < shifted.slope.high
    assert shifted.measures[-1].verdict is Verdict.FAIL
    assert "is off in" in shifted.finding


def test_a_regression_is_recalibrated_linearly():
    """Forecasts twice too wide have a slope of one half, as a linear regression finds."""
    truth = RANDOM.normal(10, 3, 6000)
    forecast = 2 * (truth + RANDOM.normal(0, 1, 6000)) - 5
    found = calibration_of(truth, forecast, task="regression", blocks=DAY, evaluation=QUICK, unit="bikes")
    assert [measure.unit for measure in found.measures] == ["bikes", "", "of no-skill"]
    assert "bikes where it is" in found.finding
    assert found.figure().png().startswith(b"\x89PNG")
    assert found.slope.value == pytest.approx(LinearRegression().fit(forecast[:, None], truth).coef_[0])
    assert found.intercept.value == pytest.approx(np.mean(truth - forecast))


def test_confidence_in_the_chosen_class_is_what_is_judged_of_several():
    """Probabilities sharpened after the fact are overconfident."""
    p = RANDOM.dirichlet(np.ones(3), 6000)
    y = (p.cumsum(axis=1) > RANDOM.random((6000, 1))).argmax(axis=1)
    sharp = p**3 / (p**3).sum(axis=1, keepdims=True)
    assert calibration_of(y, p, task="multiclass", blocks=DAY, evaluation=QUICK).slope.low > 0.6
    assert calibration_of(y, sharp, task="multiclass", blocks=DAY, evaluation=QUICK).intercept.high < 0


@pytest.mark.parametrize(
    ("y", "p", "reason"),
    [
        (Y * 0, probabilities(LINE), "does not vary"),
        (Y, np.full(6000, 0.3), "all predictions are equal"),
        (Y, np.full(6000, np.nan), "missing"),
        (Y, LINE, "not probabilities"),
    ],
)
def test_what_cannot_be_told_is_insufficient_with_the_reason(y, p, reason):
    """One class, one prediction, none, or no probabilities: insufficient, and every view still works."""
    found = calibration_of(y, p, task="binary", blocks=DAY, evaluation=QUICK)
    assert {measure.verdict for measure in found.measures} == {Verdict.INSUFFICIENT}
    assert reason in found.finding
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.figure().png().startswith(b"\x89PNG")


def test_few_blocks_have_no_interval_and_no_verdict():
    """Ten days give the bands but no verdict on them."""
    found = calibration_of(Y, probabilities(LINE), task="binary", blocks=DAY // 3, evaluation=QUICK)
    assert found.measures[-1].verdict is Verdict.INSUFFICIENT
    assert "only 10 blocks" in found.finding


def test_perfectly_separated_predictions_do_not_break_it():
    """Predictions of zero and one that are always right have finite numbers or no interval, and no exception."""
    found = calibration_of(Y, Y, task="binary", blocks=DAY, evaluation=QUICK)
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.figure().png().startswith(b"\x89PNG")


def test_a_band_in_which_everything_happened_has_an_interval():
    """Of 60 sure answers all are right: the lower end is that of Clopper and Pearson, and 99 % sure is no fault."""
    random = np.random.default_rng(11)
    n = 600
    sure = np.where(np.arange(n) < 60, 0.99, random.uniform(0.5, 0.9, n))
    right = np.where(np.arange(n) < 60, True, random.random(n) < sure)
    y = random.integers(0, 3, n)
    answered = np.where(right, y, (y + 1) % 3)
    p = np.full((n, 3), 0.0) + ((1 - sure) / 2)[:, None]
    p[np.arange(n), answered] = sure
    found = calibration_of(y, p, task="multiclass", blocks=np.arange(n), evaluation=QUICK)
    top = found.bands.iloc[-1]
    assert (top.rows, top.observed, top.high) == (60, 1.0, 1.0)
    assert top.low == pytest.approx(binomtest(60, 60).proportion_ci(1 - 2 * 0.05 / len(found.bands), "exact").low)
    assert "keeps its word in all" in found.finding


def test_a_gap_that_chance_could_make_is_insufficient():
    """With 20 rows a band a gap of .15 is within its interval: not a fault, no pass, and no kept word."""
    random = np.random.default_rng(12)
    p = random.uniform(0.2, 0.8, 200)
    y = (random.random(200) < p).astype(float)
    found = calibration_of(y, p, task="binary", blocks=np.arange(200), evaluation=QUICK)
    assert found.gap > 0.1
    assert len(found.off) == 0
    assert found.measures[-1].verdict is Verdict.INSUFFICIENT
    assert found.finding.startswith("Whether the model keeps its word cannot be told in ")
