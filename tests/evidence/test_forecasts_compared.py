"""The second opinion equals a loop by hand, covers what it promises, and says where it sees something else."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import stats

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.bootstrap import plan
from sopkit.evidence.comparing import compare
from sopkit.evidence.forecasts_compared import diebold_mariano, of_series

QUICK = Evaluation(resamples=200)


def autoregressive(n: int, rho: float, random: np.random.Generator, series: int = 1) -> np.ndarray:
    """(series, n) of first-order autoregressions in their stationary state."""
    noise = random.normal(size=(series, n))
    out = np.empty_like(noise)
    out[:, 0] = noise[:, 0] / math.sqrt(1 - rho**2)
    for at in range(1, n):
        out[:, at] = rho * out[:, at - 1] + noise[:, at]
    return out


def by_hand(losses: list[float], confidence: float) -> tuple[float, float, float, float]:
    """Diebold & Mariano's statistic with Bartlett's weights below h and the correction of Harvey et al., in loops."""
    n = len(losses)
    mean = sum(losses) / n
    h = math.ceil(1.3 * math.sqrt(n))

    def covariance(k: int) -> float:
        return sum((losses[t] - mean) * (losses[t - k] - mean) for t in range(k, n)) / n

    variance = covariance(0) + 2 * sum((1 - k / h) * covariance(k) for k in range(1, h))
    statistic = mean / math.sqrt(variance / n) * math.sqrt((n + 1 - 2 * h + h * (h - 1) / n) / n)
    p = 2 * stats.t.sf(abs(statistic), n - 1)
    reach = stats.t.ppf((1 + confidence) / 2, n - 1) * mean / statistic
    return statistic, p, mean - reach, mean + reach


@pytest.mark.parametrize("n", [20, 47, 200])
@pytest.mark.parametrize("rho", [-0.4, 0.0, 0.7])
def test_the_statistic_equals_a_loop_by_hand(n, rho):
    """Statistic, p value and interval equal the formulas of the two papers, written out."""
    losses = autoregressive(n, rho, np.random.default_rng(n))[0] + 0.3
    found = of_series(losses, confidence=0.9)
    statistic, p, low, high = by_hand(losses.tolist(), 0.9)
    assert found.statistic == pytest.approx(statistic)
    assert found.p_value == pytest.approx(p)
    assert (found.interval.low, found.interval.high) == pytest.approx((min(low, high), max(low, high)))
    assert (found.periods, found.lags) == (n, math.ceil(1.3 * math.sqrt(n)) - 1)


@pytest.mark.parametrize(
    ("rho", "n", "at_most"), [(0.0, 30, 0.075), (0.0, 92, 0.075), (0.3, 92, 0.09), (0.5, 92, 0.095), (0.7, 92, 0.125)]
)
def test_false_alarms_on_losses_that_follow_one_another(rho, n, at_most):
    """Of 2,000 series without a difference about 5 % are called different, little more where losses are autocorrelated;
    a test that takes them for independent would call 15 % (autocorrelation .3) to 41 % (.7)."""
    series = autoregressive(n, rho, np.random.default_rng(7), 2000)
    alarms = np.mean([of_series(one).p_value < 0.05 for one in series])
    naive = np.mean(stats.ttest_1samp(series, 0, axis=1).pvalue < 0.05)
    assert 0.03 <= alarms <= at_most
    assert naive <= 0.075 if rho == 0 else naive >= 0.13


def test_a_difference_that_is_there_is_seen():
    """A gain of half a standard deviation a period over 92 periods is found in nearly all of 200 series."""
    series = autoregressive(92, 0.3, np.random.default_rng(3), 200) + 0.5 / math.sqrt(1 - 0.09)
    assert np.mean([of_series(one).interval.low > 0 for one in series]) >= 0.85


@pytest.mark.parametrize(("metric", "power"), [("mae", 1), ("r2", 2)])
def test_the_mean_is_the_gain_over_all_rows_whatever_their_number_in_a_period(metric, power):
    """With 1 to 40 rows a day the difference is the mean over rows; with equal days the test is that of day means."""
    random = np.random.default_rng(5)
    day = np.repeat(np.arange(60), random.integers(1, 41, 60))
    y, one, other = (random.normal(size=len(day)) for _ in range(3))
    each = np.abs(one - y) ** power - np.abs(other - y) ** power
    found = diebold_mariano(y, one, other, day, metric=metric, scale=2.0)
    assert found.interval.value == pytest.approx(each.mean() / 2)
    equal = np.repeat(np.arange(60), 4)
    y, one, other = y[:240], one[:240], other[:240]
    means = (np.abs(one - y) ** power - np.abs(other - y) ** power).reshape(60, 4).mean(axis=1)
    assert diebold_mariano(y, one, other, equal, metric=metric).statistic == pytest.approx(of_series(means).statistic)


def test_rows_in_any_order_and_days_with_gaps_are_one_series():
    """The order of the rows changes nothing, nor does a number that stands for no day."""
    random = np.random.default_rng(6)
    day = np.repeat(np.arange(50), 10)
    y, one, other = (random.normal(size=500) for _ in range(3))
    order = random.permutation(500)
    expected = diebold_mariano(y, one, other, day)
    shuffled = diebold_mariano(y[order], one[order], other[order], 7 * day[order] + 3)
    assert shuffled.statistic == pytest.approx(expected.statistic)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"blocks": np.repeat(np.arange(19), 20)[:380]}, "only 19 periods"),
        ({"blocks": np.array(["a", "b"] * 190)}, "not periods of time"),
        ({"one": np.full(380, np.nan)}, "missing or infinite"),
        ({"other": np.zeros(380), "one": np.zeros(380)}, "do not vary"),
        ({"scale": float("nan")}, "missing or infinite"),
    ],
)
def test_where_there_is_no_second_opinion_it_says_why(change, reason):
    """Few periods, blocks that are entities, missing predictions, equal models: no interval, and the reason."""
    random = np.random.default_rng(8)
    given = {"blocks": np.repeat(np.arange(38), 10), "one": random.normal(size=380), "other": random.normal(size=380)}
    given |= change
    found = diebold_mariano(
        random.normal(size=380), given["one"], given["other"], given["blocks"], scale=given.get("scale", 1.0)
    )
    assert not found.interval.known
    assert reason in found.interval.reason
    json.dumps(found.to_dict(), allow_nan=False)


def two_models(rho: float, gain: float, seed: int, days: int = 60, size: int = 24):
    """Targets, an old and a new forecast whose daily advantage is autocorrelated, and days."""
    random = np.random.default_rng(seed)
    day = np.repeat(np.arange(days), size)
    y = random.normal(size=days * size) * 3
    advantage = np.clip(gain + 0.35 * autoregressive(days, rho, random)[0][day], -0.95, 0.95)
    error = random.normal(size=len(y))
    return y, y + error, y + error * (1 - advantage), day


def test_the_comparison_of_numbers_shows_both_intervals_and_where_they_differ():
    """Where good weeks follow one another the blocks see a gain that the series does not: it is put to the signer."""
    found = []
    for seed in range(40):
        y, old, new, day = two_models(0.85, 0.12, seed)
        comparison = compare(y, old, new, task="regression", blocks=day, evaluation=QUICK)
        found.append((comparison.second[0].agrees, comparison))
    differing = [comparison for agrees, comparison in found if agrees is False]
    assert differing
    measure = differing[0].second[0].measure
    assert measure.verdict is Verdict.FAIL
    assert "only where periods are taken for independent" in measure.reason
    assert {"series_low", "series_high"} <= set(differing[0].table.columns)
    assert differing[0].figure().png().startswith(b"\x89PNG")
    json.dumps(differing[0].to_dict(), allow_nan=False)


def test_a_clear_gain_is_seen_by_both_and_in_the_unit_of_the_rule():
    """R² in points and the absolute error as a share of no-skill; both opinions have the same value as the gain."""
    y, old, new, day = two_models(0.2, 0.4, 1)
    comparison = compare(y, old, new, task="regression", blocks=day, evaluation=QUICK)
    assert [opinion.agrees for opinion in comparison.second] == [True, True]
    for opinion in comparison.second:
        gain = comparison.gains[opinion.name].judged
        assert opinion.series.interval.value == pytest.approx(gain.value)
    assert [m.verdict for m in (*comparison.seconds, *comparison.doubts)] == [Verdict.PASS] * 3


def test_classes_have_no_second_opinion():
    """A binary comparison carries neither second opinions nor a largest row."""
    y, day = np.tile([0.0, 1.0], 300), np.repeat(np.arange(30), 20)
    comparison = compare(y, np.full(600, 0.5), np.full(600, 0.5), task="binary", blocks=day, evaluation=QUICK)
    assert [] == [*comparison.seconds, *comparison.doubts]


def test_intervals_by_blocks_and_by_series_agree_where_days_are_independent():
    """Over 60 comparisons of independent days the two intervals are about equally wide."""
    ratios = []
    for seed in range(60):
        y, old, new, day = two_models(0.0, 0.1, seed)
        comparison = compare(y, old, new, task="regression", blocks=day, evaluation=QUICK)
        blocks, series = comparison.second[1].blocks, comparison.second[1].series.interval
        ratios.append((series.high - series.low) / (blocks.high - blocks.low))
    assert 0.8 <= np.median(ratios) <= 1.2
    assert plan(day, len(day)).method == "blocks"
