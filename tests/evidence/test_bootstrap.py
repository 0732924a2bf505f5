"""Intervals cover what they promise, by blocks where rows of a block hang together."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from sopkit.errors import DataError, WrongUse
from sopkit.evidence import bootstrap, metrics


def simulated(random, blocks, size, shared):
    """Errors of two models on `blocks` days of `size` rows; `shared` is how much of the difference a day shares."""
    y = random.normal(size=blocks * size)
    day = np.repeat(np.arange(blocks), size)
    a = y + random.normal(size=len(y))
    b = y + random.normal(size=len(y)) + shared * random.normal(size=blocks)[day]
    return y, a, b, day


def coverage(shared, blocks_of, rounds=300, **options):
    """How often the interval of the mean squared error difference holds the truth."""
    random = np.random.default_rng(11)
    held = 0
    for round_ in range(rounds):
        y, a, b, day = simulated(random, 30, 20, shared)
        interval = bootstrap.paired_difference(MSE, y, a, b, blocks_of(day), seed=round_, resamples=400, **options)
        held += interval.low <= -(shared**2) <= interval.high
    return held / rounds


MSE = metrics.Metric(
    "mse",
    "mean squared error",
    "regression",
    "down",
    0.0,
    lambda y: float(np.var(y)),
    columns=lambda y, p: np.column_stack([np.ones(len(y)), (y - p) ** 2]),
    finish=lambda totals: totals[:, 1] / totals[:, 0],
)


def test_the_interval_covers_on_independent_rows():
    """The 95 % interval holds the truth in about 95 % of independent samples, by rows and by blocks."""
    assert 0.92 <= coverage(0.0, lambda day: np.arange(len(day))) <= 0.98
    assert 0.91 <= coverage(0.0, lambda day: day) <= 0.99


def test_blocks_cover_where_rows_of_a_day_hang_together_and_rows_do_not():
    """With a difference shared within days the block interval covers nine times in ten or better, rows hardly half."""
    assert coverage(1.0, lambda day: day) >= 0.90
    assert coverage(1.0, lambda day: np.arange(len(day))) <= 0.65


@pytest.mark.parametrize("metric", [metrics.roc_auc, metrics.average_precision, metrics.brier, metrics.log_loss])
def test_resamples_equal_rows_written_out(metric):
    """Each resample's value is the metric of the rows of its blocks, written out as often as the block was drawn."""
    random = np.random.default_rng(3)
    y, day = random.integers(0, 2, 300).astype(float), np.repeat(np.arange(25), 12)
    p = np.round(random.random(300), 2)
    drawn = bootstrap.plan(day, 300, resamples=20, seed=5)
    values = metric.over(y, p, drawn.groups, drawn.counts)
    for counts, value in zip(drawn.counts, values, strict=True):
        rows = np.repeat(np.arange(300), counts[drawn.groups].astype(int))
        assert value == pytest.approx(metric(y[rows], p[rows]))


def test_the_interval_is_close_to_a_brute_force_bootstrap():
    """On plain data the interval is the one of resampling days by hand with scikit-learn's AUC."""
    random = np.random.default_rng(4)
    y = random.integers(0, 2, 3000)
    day = np.repeat(np.arange(100), 30)
    a, b = y * 0.2 + random.random(3000), y * 0.35 + random.random(3000)
    interval = bootstrap.paired_difference(metrics.roc_auc, y, a, b, day, resamples=1500, seed=1)
    by_day = [np.flatnonzero(day == d) for d in range(100)]
    draws = []
    for _ in range(600):
        rows = np.concatenate([by_day[d] for d in random.integers(0, 100, 100)])
        draws.append(sk.roc_auc_score(y[rows], b[rows]) - sk.roc_auc_score(y[rows], a[rows]))
    low, high = np.quantile(draws, [0.025, 0.975])
    assert interval.value == pytest.approx(sk.roc_auc_score(y, b) - sk.roc_auc_score(y, a))
    assert interval.low == pytest.approx(low, abs=0.15 * (high - low))
    assert interval.high == pytest.approx(high, abs=0.15 * (high - low))


def test_many_rows_dealt_into_groups_give_the_interval_of_the_rows():
    """Twenty thousand independent rows resampled in a thousand groups have the width that theory gives."""
    random = np.random.default_rng(8)
    y, p = random.normal(size=20_000), np.zeros(20_000)
    interval = bootstrap.metric_interval(metrics.bias, y, p, np.arange(20_000), resamples=2000)
    assert interval.blocks == 20_000
    assert interval.high - interval.low == pytest.approx(2 * 1.96 / math.sqrt(20_000), rel=0.1)


def test_few_blocks_are_insufficient_and_say_so():
    """Ten days give no interval, and the reason names ten and twenty."""
    y, a, b, day = simulated(np.random.default_rng(1), 10, 50, 0.5)
    interval = bootstrap.paired_difference(metrics.mae, y, a, b, day)
    assert not interval.known
    assert interval.method == "none"
    assert interval.reason == "only 10 blocks, 20 are needed"
    assert math.isfinite(interval.value)


def test_rows_of_which_nobody_says_what_belongs_together_have_no_interval():
    """Without blocks no row is taken for a block of its own, and the reason says so."""
    y, a, b, _ = simulated(np.random.default_rng(1), 10, 50, 0.0)
    interval = bootstrap.paired_difference(metrics.mae, y, a, b, None)
    assert not interval.known
    assert interval.reason == "rows are not known to be independent"


def test_a_gain_is_above_zero_when_the_second_model_is_better():
    """A loss and a bias are turned, so that a better second model always has a gain above zero."""
    random = np.random.default_rng(2)
    y = random.normal(size=600)
    day = np.repeat(np.arange(30), 20)
    near, far = y + 0.1, y - 1.0
    for metric in (metrics.mae, metrics.rmse, metrics.bias, metrics.r2):
        assert bootstrap.paired_difference(metric, y, far, near, day).low > 0, metric.name
        assert bootstrap.paired_difference(metric, y, near, far, day).high < 0, metric.name


def test_a_model_against_itself_gains_nothing():
    """The same predictions twice have a gain of zero with an interval of zero width."""
    y, a, _, day = simulated(np.random.default_rng(1), 30, 20, 0.0)
    interval = bootstrap.paired_difference(metrics.mae, y, a, a, day)
    assert (interval.value, interval.low, interval.high) == (0, 0, 0)


def test_the_same_seed_gives_the_same_interval():
    """Intervals are a function of data and seed."""
    y, a, b, day = simulated(np.random.default_rng(1), 30, 20, 0.5)
    one, other = (bootstrap.paired_difference(metrics.mae, y, a, b, day, seed=9) for _ in range(2))
    assert one == other
    assert one != bootstrap.paired_difference(metrics.mae, y, a, b, day, seed=10)


def test_a_rare_class_that_is_missing_from_resamples_is_no_interval():
    """One positive row in one of thirty days: a third of the resamples have no AUC, so there is no interval."""
    y = np.zeros(600)
    y[5] = 1
    p = np.random.default_rng(1).random(600)
    interval = bootstrap.metric_interval(metrics.roc_auc, y, p, np.repeat(np.arange(30), 20))
    assert not interval.known
    assert "does not exist in" in interval.reason


def test_simultaneous_intervals_are_wider_than_single_ones_and_hold_together():
    """Ten means together are covered in about 95 % of samples; single intervals of each would miss far more often."""
    random = np.random.default_rng(21)
    together = single = 0
    for round_ in range(200):
        x = random.normal(size=(1000, 10))
        drawn = bootstrap.plan(np.arange(1000) // 10, 1000, resamples=300, seed=round_)
        sums = np.column_stack([np.bincount(drawn.groups, column) for column in x.T])
        draws = drawn.counts @ sums / 1000
        ends = bootstrap.simultaneous(x.mean(axis=0), draws, drawn)
        together += bool(((ends[:, 0] <= 0) & (ends[:, 1] >= 0)).all())
        each = [bootstrap.interval_of(float(m), d, drawn) for m, d in zip(x.mean(axis=0), draws.T, strict=True)]
        single += all(i.low <= 0 <= i.high for i in each)
    assert together / 200 >= 0.90
    assert single / 200 <= 0.80


def test_an_interval_turns_round_with_a_negative_factor():
    """Scaled by minus two, low and high change places."""
    turned = bootstrap.Interval(1.0, 0.5, 2.0, 100, 30, "blocks").scaled(-2)
    assert (turned.value, turned.low, turned.high) == (-2, -4, -1)


def test_time_blocks_start_at_midnight_utc():
    """Rows of one UTC day share a block, whatever their own time zone; hours make shorter ones."""
    times = pd.to_datetime(["2013-06-01T00:00Z", "2013-06-01T23:59Z", "2013-06-02T00:00Z"])
    days = bootstrap.time_blocks(times)
    assert days[0] == days[1] != days[2]
    assert len(set(bootstrap.time_blocks(times, "12h").tolist())) == 3
    assert bootstrap.time_blocks(times.tz_convert("America/New_York")).tolist() == days.tolist()


def test_bad_blocks_are_refused():
    """Blocks of another length, missing labels, missing times and blocks without length raise with the reason."""
    with pytest.raises(DataError, match="do not fit"):
        bootstrap.plan(np.arange(3), 4)
    with pytest.raises(DataError, match="no block"):
        bootstrap.plan(np.array(["a", None], dtype=object), 2)
    with pytest.raises(DataError, match="no time"):
        bootstrap.time_blocks(["2013-06-01", None])
    with pytest.raises(WrongUse, match="length"):
        bootstrap.time_blocks(["2013-06-01"], "0d")
