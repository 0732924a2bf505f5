from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.results import Verdict
from sopkit.evidence.by_period import period_of
from sopkit.evidence.labels import label_rate
from sopkit.evidence.one_class import beyond_chance


def days(rows_a_day: int, rates: np.ndarray, seed: int = 0) -> tuple[pd.Series, pd.Series]:
    random = np.random.default_rng(seed)
    at = pd.Series(np.repeat(pd.date_range("2024-01-01", periods=len(rates), freq="D", tz="UTC"), rows_a_day))
    return at, pd.Series((random.random(len(at)) < np.repeat(rates, rows_a_day)).astype(float))


def test_a_broken_label_pipeline_is_a_jump():
    """A rate that triples from one day on and stays there is named once, with the day."""
    at, labels = days(300, np.r_[np.full(30, 0.1), np.full(20, 0.4)])
    found = label_rate(at, labels)
    assert found.verdict is Verdict.FAIL
    assert found.jumps == ["2024-01-31"]
    assert "jumps to 36.7 % in the day of 2024-01-31" in found.reason


def test_one_odd_day_is_not_a_jump():
    """A storm that lasts one day is ordinary life."""
    rates = np.full(50, 0.2)
    rates[25] = 0.6
    assert label_rate(*days(300, rates)).jumps == []


def test_ordinary_weekly_noise_rarely_fires():
    """Rates that wander from week to week, with many rows each, give a jump in at most 3 of 100 years."""
    random = np.random.default_rng(1)
    alarms = 0
    for _ in range(100):
        noise = np.zeros(52)
        for week in range(1, 52):
            noise[week] = 0.4 * noise[week - 1] + random.normal(0, 0.3)
        rows = random.integers(200, 600, 52)
        hits = random.binomial(rows, 1 / (1 + np.exp(1.2 - noise)))
        at = pd.Series(np.repeat(pd.date_range("2020-01-06", periods=52, freq="W-MON", tz="UTC"), rows))
        labels = np.concatenate([np.r_[np.ones(h), np.zeros(n - h)] for n, h in zip(rows, hits, strict=True)])
        alarms += bool(label_rate(at, pd.Series(labels), period="week").jumps)
    assert alarms <= 3


def test_a_day_of_one_class_is_named():
    """A period in which every label is the same is a finding."""
    rates = np.full(40, 0.3)
    rates[20] = 0.0
    found = label_rate(*days(200, rates))
    assert found.one_class == ["2024-01-21"]
    assert found.verdict is Verdict.FAIL


def test_the_mean_of_a_number_jumps_too():
    """For regression the mean by period is watched, in units of its own spread."""
    random = np.random.default_rng(0)
    at = pd.Series(np.repeat(pd.date_range("2024-01-01", periods=40, freq="D", tz="UTC"), 100))
    values = pd.Series(random.normal(50, 10, 4000) + np.repeat(np.r_[np.zeros(25), np.full(15, 25.0)], 100))
    assert label_rate(at, values, task="regression").jumps == ["2024-01-26"]
    assert label_rate(at, pd.Series(random.normal(50, 10, 4000)), task="regression").verdict is Verdict.PASS


def test_classes_are_watched_by_the_commonest():
    """For several classes the share of the commonest one is watched."""
    random = np.random.default_rng(0)
    at = pd.Series(np.repeat(pd.date_range("2024-01-01", periods=40, freq="D", tz="UTC"), 100))
    labels = pd.Series(random.choice(["x", "y", "z"], 4000, p=[0.5, 0.3, 0.2]))
    assert label_rate(at, labels, task="multiclass").verdict is Verdict.PASS
    labels[2500:] = random.choice(["x", "y", "z"], 1500, p=[0.05, 0.75, 0.2])
    assert label_rate(at, labels, task="multiclass").jumps == ["2024-01-26"]


@pytest.mark.parametrize(
    "labels",
    [pd.Series([None] * 500), pd.Series([1.0] * 3 + [None] * 497), pd.Series([], dtype=float)],
)
def test_too_few_labels_are_insufficient(labels):
    """Without labels in enough periods nothing is said about jumps, and the reason counts them."""
    at = pd.Series(pd.date_range("2024-01-01", periods=500, freq="h", tz="UTC"))[: len(labels)]
    found = label_rate(at, labels)
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.reason.startswith("Only")
    assert found.measures[0].value is None
    assert found.figure().png()


def test_the_period_is_the_finest_with_enough_rows():
    """Hourly rows of a year are read by week, and months written as dates by month."""
    assert period_of(pd.Series(pd.date_range("2024-01-01", periods=8760, freq="h"))) == "week"
    assert period_of(pd.Series(pd.date_range("2024-01-01", periods=26, freq="MS").repeat(100))) == "month"
    assert period_of(pd.Series([], dtype="datetime64[ns]")) == "day"


def test_the_label_rate_is_told_in_plain_json_and_drawn():
    """The rate has JSON and a figure."""
    at, labels = days(100, np.full(30, 0.3))
    rate = label_rate(at, labels)
    assert json.loads(json.dumps(rate.to_dict()))["period"] == "day"
    assert rate.figure().png() == rate.figure().png()


def test_numbers_have_a_mean_in_their_unit_and_may_lie_below_zero():
    """A target of numbers has no label rate: its mean jumps, in its unit, and the band may lie below zero."""
    at = pd.Series(pd.date_range("2024-01-01", periods=60 * 40, freq="36min", tz="UTC"))
    values = pd.Series(np.random.default_rng(1).normal(-100, 5, len(at)))
    calm = label_rate(at, values, task="regression", period="day", measured_in="kW")
    assert "mean of the target moves between -1" in calm.reason
    assert "kW" in calm.reason
    broken = label_rate(at, values.mask(at >= "2024-02-10", 40.0), task="regression", period="day")
    assert broken.jumps == ["2024-02-10"]
    assert "where -1" in broken.reason


@pytest.mark.parametrize("rate", [0.25, 0.35, 0.5])
def test_a_rate_that_rises_for_good_is_a_jump_though_no_day_stands_out(rate):
    """Forty rows a day tell little by themselves; thirty days together tell that a rate of .1 is another one now."""
    found = [label_rate(*days(40, np.r_[np.full(60, 0.1), np.full(30, rate)], seed)) for seed in range(10)]
    assert sum(told.verdict is Verdict.FAIL for told in found) >= 9
    first = pd.to_datetime([told.jumps[0] for told in found if told.jumps])
    assert abs((first - pd.Timestamp("2024-03-01")).days).max() <= 7
    assert any("before" in told.reason and "on, it was" in told.reason for told in found)


def test_the_mean_of_a_number_may_change_for_good_too():
    """Hourly numbers with days of their own: one level before and another after is told in the unit of the target."""
    random = np.random.default_rng(3)
    at = pd.Series(np.repeat(pd.date_range("2024-01-01", periods=90, freq="D", tz="UTC"), 40))
    level = np.repeat(random.normal(0, 8, 90) + np.r_[np.zeros(60), np.full(30, 16.0)], 40)
    found = label_rate(at, pd.Series(50 + level + random.normal(0, 10, 3600)), task="regression", measured_in="kW")
    assert len(found.jumps) == 1
    assert "kW before" in found.reason


def test_a_trend_is_no_jump():
    """A rate that rises little by little all the time has no moment at which it changed."""
    assert label_rate(*days(200, np.linspace(0.1, 0.5, 90))).jumps == []


def test_days_of_one_class_that_chance_makes_are_not_named():
    """At a rate of a tenth and forty rows a day a few days without a single one are ordinary; a week of them is not."""
    calm = [label_rate(*days(40, np.full(90, 0.1), seed)) for seed in range(40)]
    assert sum(bool(told.one_class) for told in calm) <= 3
    assert any((told.table["rate"] == 0).any() for told in calm)
    lost = np.full(90, 0.1)
    lost[50:57] = 0.0
    named = [label_rate(*days(40, lost, seed)).one_class for seed in range(10)]
    assert all(set(pd.date_range("2024-02-20", periods=7).strftime("%Y-%m-%d")) <= set(days_of) for days_of in named)


def test_scattered_days_of_one_class_are_named_where_chance_makes_none():
    """Every tenth day of forty rows has lost its labels, at a rate of three in ten."""
    rates = np.full(90, 0.3)
    rates[5::10] = 0.0
    assert sum(bool(label_rate(*days(40, rates, seed)).one_class) for seed in range(10)) >= 9


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.05, 0.1])
def test_rare_outcomes_make_days_of_one_class_that_are_seldom_named(rate):
    """Days with levels of their own that last: at most one series of twenty has a day that is named without a fault."""
    random, named = np.random.default_rng(0), 0
    for _ in range(200):
        level = np.zeros(90)
        for day in range(1, 90):
            level[day] = 0.6 * level[day - 1] + random.normal(0, 0.4)
        rows = np.full(90, 40.0)
        rates = random.binomial(40, 1 / (1 + (1 / rate - 1) * np.exp(-level))) / 40
        named += beyond_chance(rows, rates, rates == 0).any()
    assert named <= 14


def test_years_are_periods_too():
    """Rows that are dated by the year alone are read by the year, and the reason says so."""
    at = pd.Series(pd.to_datetime([f"{year}-01-01" for year in range(2015, 2019)], utc=True).repeat(100))
    found = label_rate(at, pd.Series(np.tile([0.0, 1.0], 200)))
    assert found.period == "year"
    assert found.reason == "Only 4 years have 30 labels or more, 7 are needed"


def test_no_line_is_drawn_through_a_long_gap():
    """Where there are no rows for many periods, the line and the band are broken."""
    at, labels = days(100, np.full(60, 0.3))
    later = at.where(at < "2024-01-31", at + pd.Timedelta("300D"))
    axes = label_rate(later, labels, period="day").figure().figure.axes[0]
    assert np.isnan(axes.lines[0].get_ydata()).sum() == 1
    assert not np.isnan(label_rate(at, labels, period="day").figure().figure.axes[0].lines[0].get_ydata()).any()


def test_real_flights_have_no_jump_by_day_week_or_month(flights):
    """The late rate of real flights swings from .04 to .79 by day, and nothing about its labels is broken."""
    for period in ("day", "week", "month"):
        assert label_rate(flights["time_hour"], flights["late"], period=period).jumps == []


def test_real_flights_with_labels_lost_are_a_jump(flights):
    """From September on every label reads 'on time': the jump is in the first week."""
    broken = flights["late"].mask(flights["time_hour"] >= "2013-09-01", 0.0)
    found = label_rate(flights["time_hour"], broken)
    assert found.jumps == ["2013-09-02"]
