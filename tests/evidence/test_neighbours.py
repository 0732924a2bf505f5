"""Where days agree with the days beside them an interval would have to be wider, and the signer is told."""

from __future__ import annotations

import numpy as np
import pytest

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence import bootstrap, metrics
from sopkit.evidence.comparing import compare
from sopkit.evidence.decision import decide
from sopkit.evidence.neighbours import widened

TEN = 10.0  # an absolute error of the first model that the second one does not have


def lasting(random, days, correlation):
    """A stationary first-order autoregression with standard deviation one."""
    series = random.normal(size=days)
    for day in range(1, days):
        series[day] = correlation * series[day - 1] + np.sqrt(1 - correlation**2) * series[day]
    return series


def gain(error, blocks, seed=0):
    """The gain in absolute error of a model without errors over one that errs by `TEN + error`."""
    zero = np.zeros(len(error))
    return bootstrap.paired_difference(metrics.mae, zero, TEN + error, zero, blocks, seed=seed)


def factor_of(series, resamples=500, seed=0):
    """The factor for the mean of a series, one number a day."""
    size = len(series)
    counts = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=resamples).astype(float)
    return widened(counts @ series / size, counts)


@pytest.mark.parametrize("days", [30, 60, 120])
def test_the_factor_is_that_of_newey_and_west(days):
    """With many resamples it is the root of the long-run variance (Bartlett weights, written out) over the variance,
    corrected for small samples."""
    series = lasting(np.random.default_rng(days), days, 0.6)
    away = series - series.mean()
    reach = int(np.ceil(1.3 * np.sqrt(days)))
    pairs = [(i, j) for i in range(days) for j in range(days) if abs(i - j) < reach]
    long_run = sum((1 - abs(i - j) / reach) * away[i] * away[j] for i, j in pairs)
    small = (days + 1 - 2 * reach + reach * (reach - 1) / days) / days
    assert factor_of(series, resamples=20_000) == pytest.approx(np.sqrt(long_run / (away @ away) / small), rel=0.05)


def test_days_that_take_turns_never_narrow_an_interval():
    """Neighbours that disagree leave the interval as it was."""
    assert [factor_of(lasting(np.random.default_rng(seed), 60, -0.6)) for seed in range(5)] == [1.0] * 5


def test_independent_days_cost_little():
    """Where days are strangers the intervals of 60 of them are widened by a fifth at most, on average."""
    found = [factor_of(lasting(np.random.default_rng(seed), 60, 0.0), seed=seed) for seed in range(300)]
    assert 1.0 <= np.mean(found) <= 1.2


def test_intervals_cover_where_day_effects_last():
    """With a correlation of 0.6 from day to day the interval that counts neighbours holds the truth nine times in ten;
    days drawn as strangers hardly three times in four."""
    random = np.random.default_rng(4)
    held = np.zeros(2)
    for seed in range(300):
        day = np.repeat(np.arange(60), 5)
        error = lasting(random, 60, 0.6)[day] + 0.3 * random.normal(size=300)
        for place, blocks in enumerate((day, day.astype(str))):
            interval = gain(error, blocks, seed).with_neighbours
            held[place] += interval.low <= TEN <= interval.high
    assert held[0] / 300 >= 0.87
    assert held[1] / 300 <= 0.80


def test_only_blocks_of_time_have_neighbours():
    """Entities come in no order, and rows that are declared independent have none: their intervals are as they were,
    and each interval says how much wider it is."""
    day = np.repeat(np.arange(40), 10)
    error = lasting(np.random.default_rng(3), 40, 0.8)[day]
    by_day, by_entity, rows = (gain(error, blocks) for blocks in (day, day.astype(str), np.arange(400)))
    assert by_day.neighbours > 1.3
    assert (by_entity.neighbours, rows.neighbours) == (1.0, 1.0)
    wide = by_day.with_neighbours
    assert wide.high - wide.low == pytest.approx(by_day.neighbours * (by_day.high - by_day.low))


def test_many_days_are_joined_with_their_neighbours():
    """A thousand days that last give a factor near that of the whole series, not of days dealt at random."""
    day = np.repeat(np.arange(1000), 2)
    error = lasting(np.random.default_rng(1), 1000, 0.9)[day]
    interval = gain(error, day).with_neighbours
    truth = 1.96 * np.sqrt((1 + 0.9) / (1 - 0.9) / 1000)  # of the mean of such a series
    assert interval.blocks == 1000
    assert (interval.high - interval.low) / 2 == pytest.approx(truth, rel=0.3)


def test_a_score_alone_has_its_factor_too():
    """An alarm about one model waits for as much as a gain of one over another is told with."""
    day = np.repeat(np.arange(40), 10)
    error = lasting(np.random.default_rng(3), 40, 0.8)[day]
    alone = bootstrap.metric_interval(metrics.bias, np.zeros(400), error, day)
    assert alone.neighbours > 1.3


@pytest.mark.parametrize(("correlation", "told"), [(0.85, True), (0.0, False)])
def test_the_signer_is_told_where_a_gain_rests_on_a_few_good_weeks(correlation, told):
    """A gain that the rule sees, and that would not be seen if neighbouring days were counted, is put to the signer."""
    random, day = np.random.default_rng(5), np.repeat(np.arange(40), 60)
    x = random.normal(size=len(day))
    y = (random.random(len(day)) < 1 / (1 + np.exp(-2 * x))).astype(float)
    helps = 0.35 + 0.6 * lasting(random, 40, correlation)[day]
    noise = random.normal(size=len(day))
    new, old = (1 / (1 + np.exp(-(2 * x + weight * noise))) for weight in (1.0, 1.0 + np.clip(helps, -0.9, None)))
    comparison = compare(y, old, new, task="binary", blocks=day, evaluation=Evaluation(guardrails={}))
    assert comparison.verdict is Verdict.PASS
    open_ones = [measure for measure in comparison.doubts if measure.verdict is Verdict.INSUFFICIENT]
    assert bool(open_ones) is told
    decision = decide(comparison)
    assert decision.outcome == "promoted"
    assert ("a few good weeks" in " ".join(decision.table.finding)) is told
