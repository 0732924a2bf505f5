"""Statistics that no library offers whole, against libraries and brute force where these offer the same in another way.

Each metric, distance, test and interval has its oracle in the test of its own module; here are those that belong to
none of them alone.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, special, stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import TargetEncoder

from sopkit.definitions.model import Evaluation
from sopkit.evidence import bootstrap, density_ratio, metrics
from sopkit.evidence.calibration import calibration_of
from sopkit.evidence.leaks import suspected_leaks
from sopkit.evidence.promise import make_promise, promise_kept
from sopkit.evidence.robustness import robustness_of

RANDOM = np.random.default_rng(17)


@pytest.mark.parametrize("blocks", [20, 30, 100])
def test_the_interval_of_a_mean_is_students(blocks):
    """For a mean over blocks of one size the widened percentile interval is scipy's t interval of the block means."""
    day = np.repeat(np.arange(blocks), 5)
    errors = RANDOM.normal(size=blocks)[day] + RANDOM.normal(size=len(day))
    interval = bootstrap.metric_interval(metrics.bias, np.zeros(len(day)), errors, day, resamples=20_000)
    means = errors.reshape(blocks, 5).mean(axis=1)
    oracle = stats.t.interval(0.95, blocks - 1, loc=means.mean(), scale=stats.sem(means))
    assert (interval.low, interval.high) == pytest.approx(oracle, abs=0.03 * (oracle[1] - oracle[0]))


@pytest.mark.parametrize(("values", "blocks"), [(1, 400), (5, 400), (20, 400), (15, 40)])
def test_intervals_that_hold_together_are_sidaks_where_values_are_independent(values, blocks):
    """The largest of k independent deviations has the quantile of Šidák, in Student's distribution; the same value k
    times needs no more than one."""
    x = RANDOM.normal(size=(blocks, values))
    drawn = bootstrap.plan(np.arange(blocks).astype(str), blocks, resamples=20_000)
    draws = drawn.counts @ x[np.argsort(drawn.groups)] / blocks
    error = draws.std(axis=0, ddof=1)

    def reach(draws, middle):
        ends = bootstrap.simultaneous(middle, draws, drawn)
        return (ends[:, 1] - middle) / error[: len(middle)]

    sidak = stats.t.ppf((1 + 0.95 ** (1 / values)) / 2, blocks - 1)
    assert reach(draws, x.mean(axis=0)) == pytest.approx(sidak, rel=0.04)
    same = np.repeat(draws[:, :1], values, axis=1)
    alone = reach(draws[:, :1], x.mean(axis=0)[:1])[0]
    assert reach(same, np.repeat(x.mean(axis=0)[:1], values))[0] == pytest.approx(alone, rel=1e-9)


def test_the_density_ratio_is_scikit_learns_ridge_logistic_regression():
    """Newton's method finds the coefficients of scikit-learn's logistic regression with the same penalty."""
    x = np.column_stack([np.ones(600), RANDOM.normal(size=(600, 4))])
    y = (RANDOM.random(600) < special.expit(x @ [0.3, 1.0, -0.5, 0.0, 0.2])).astype(float)
    weight = RANDOM.random(600)
    weight /= weight.sum()
    ridge = 1e-3
    beta = density_ratio._fit(x, y, weight, ridge)
    oracle = LogisticRegression(C=1 / ridge, tol=1e-10, max_iter=1000).fit(x[:, 1:], y, sample_weight=weight)
    assert beta == pytest.approx(np.append(oracle.intercept_, oracle.coef_), abs=1e-4)


def test_the_calibration_intercept_solves_its_equation():
    """The intercept is the step in logits with which predictions have the mean of what came, found by bisection."""
    line = RANDOM.normal(size=4000)
    y = (RANDOM.random(4000) < special.expit(line + 0.4)).astype(float)
    found = calibration_of(y, special.expit(line), task="binary", blocks=np.repeat(np.arange(40), 100))
    oracle = optimize.brentq(lambda step: special.expit(line + step).mean() - y.mean(), -3, 3)
    assert found.intercept.value == pytest.approx(oracle, abs=1e-5)


def test_a_promises_own_uncertainty_is_combined_by_mover():
    """The interval of the loss of skill is that of Zou & Donner: roots of the sums of squared arms, by hand."""
    y, p, day = (RANDOM.random(3000) < 0.4).astype(float), RANDOM.random(3000), np.repeat(np.arange(30), 100)
    p = np.clip(0.4 + 0.3 * (y - 0.4) + 0.2 * (p - 0.5), 0.01, 0.99)
    later_y = (RANDOM.random(3000) < 0.4).astype(float)
    later_p = np.clip(0.4 + 0.1 * (later_y - 0.4) + 0.2 * (RANDOM.random(3000) - 0.5), 0.01, 0.99)
    promise = make_promise("binary", y, p, blocks=day)
    kept = promise_kept(promise, later_y, later_p, task="binary", blocks=day, confidence=0.95)
    measure = next(measure for measure in kept.measures if measure.name == "promise_roc_auc")
    then, now = promise.scores["roc_auc"], bootstrap.metric_interval(metrics.roc_auc, later_y, later_p, day)
    then, now = ([2 * end - 1 for end in (one.value, one.low, one.high)] for one in (then, now))
    low = then[0] - now[0] - np.hypot(then[0] - then[1], now[2] - now[0])
    high = then[0] - now[0] + np.hypot(then[2] - then[0], now[0] - now[1])
    assert (measure.value, measure.detail["low"], measure.detail["high"]) == pytest.approx(
        (then[0] - now[0], low, high)
    )


def test_the_strength_of_a_category_is_that_of_scikit_learns_target_encoding():
    """Encoded by its smoothed mean on the earlier rows, a category has the AUC of scikit-learn's encoder on later
    ones."""
    n = 3000
    place = RANDOM.choice(list("abcdef"), n)
    y = (RANDOM.random(n) < np.where(np.isin(place, ["a", "b"]), 0.7, 0.3)).astype(float)
    table = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=n, freq="h", tz="UTC"), "place": place})
    found = suspected_leaks(table, pd.Series(y), {"place": "categorical"}, task="binary", time="at")
    areas = []
    for cut in range(n // 2, n, n // 20):  # wherever the earlier rows end, the later ones give nearly the same
        encoder = TargetEncoder(smooth=10.0, target_type="binary").fit(table[["place"]][:cut], y[:cut])
        areas.append(roc_auc_score(y[cut:], encoder.transform(table[["place"]][cut:])[:, 0]))
    assert found.strengths[0].value == pytest.approx(np.median(areas), abs=0.03)


def test_the_loss_of_a_missing_feature_is_the_difference_of_two_scores():
    """Scored by scikit-learn with the column and with nothing in it, on the same rows."""
    x = pd.DataFrame(RANDOM.normal(size=(800, 2)), columns=["one", "other"])
    y = (RANDOM.random(800) < special.expit(x.one + x.other)).astype(float)

    def predict(table):
        return special.expit(table.one.fillna(0.0) + table.other.fillna(0.0))

    table = robustness_of(predict, x, y, task="binary", evaluation=Evaluation()).table
    row = table[(table.disturbance == "missing") & (table.feature == "other")].iloc[0]
    assert row.loss == pytest.approx(roc_auc_score(y, predict(x)) - roc_auc_score(y, special.expit(x.one)))
