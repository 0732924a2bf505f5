from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.results import Verdict
from sopkit.evidence.by_period import period_of
from sopkit.evidence.labels import label_maturity, label_rate

CLOCK = datetime(2024, 3, 1, tzinfo=UTC)


def days(rows_a_day: int, rates: np.ndarray, seed: int = 0) -> tuple[pd.Series, pd.Series]:
    random = np.random.default_rng(seed)
    at = pd.Series(np.repeat(pd.date_range("2024-01-01", periods=len(rates), freq="D", tz="UTC"), rows_a_day))
    return at, pd.Series((random.random(len(at)) < np.repeat(rates, rows_a_day)).astype(float))


def test_only_closed_cohorts_count():
    """Rows younger than the label delay are neither missing a label nor used with one."""
    at = pd.Series(pd.to_datetime(["2024-02-01", "2024-02-10", "2024-02-28", "2024-02-28"], utc=True))
    labels = pd.Series([1.0, None, None, 0.0])
    found = label_maturity(at, labels, label_delay=timedelta(days=7), as_of=CLOCK)
    assert (found.mature, found.labelled, found.early) == (2, 1, 1)
    assert found.share == 0.5
    assert found.verdict is Verdict.FAIL
    assert found.table["rows"].sum() == 4


def test_a_row_exactly_as_old_as_the_delay_is_not_mature_yet():
    """The cohort is closed when more than the delay has passed."""
    at = pd.Series(pd.to_datetime(["2024-02-23"], utc=True))
    found = label_maturity(at, pd.Series([None]), label_delay=timedelta(days=7), as_of=CLOCK)
    assert found.mature == 0
    assert found.verdict is Verdict.INSUFFICIENT
    assert "no row is older" in found.measure.reason


def test_a_clock_without_a_time_zone_is_utc():
    """A naive clock counts as UTC."""
    at = pd.Series(pd.to_datetime(["2024-02-01"], utc=True))
    naive = CLOCK.replace(tzinfo=None)
    assert label_maturity(at, pd.Series([1.0]), label_delay=timedelta(0), as_of=naive).verdict is Verdict.PASS


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
    assert found.reason.startswith("only")
    assert found.measures[0].value is None
    assert found.figure().png()


def test_the_period_is_the_finest_with_enough_rows():
    """Hourly rows of a year are read by week, and months written as dates by month."""
    assert period_of(pd.Series(pd.date_range("2024-01-01", periods=8760, freq="h"))) == "week"
    assert period_of(pd.Series(pd.date_range("2024-01-01", periods=26, freq="MS").repeat(100))) == "month"
    assert period_of(pd.Series([], dtype="datetime64[ns]")) == "day"


def test_labels_are_told_in_plain_json_and_drawn():
    """Both values have JSON and a figure."""
    at, labels = days(100, np.full(30, 0.3))
    rate = label_rate(at, labels)
    maturity = label_maturity(at, labels, label_delay=timedelta(days=1), as_of=CLOCK)
    assert json.loads(json.dumps(rate.to_dict()))["period"] == "day"
    assert json.loads(json.dumps(maturity.to_dict()))["verdict"] == "pass"
    assert rate.figure().png() == rate.figure().png()
    assert maturity.figure().png()


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


def test_real_flights_have_no_jump_by_day_week_or_month(flights):
    """The late rate of real flights swings from .04 to .79 by day, and nothing about its labels is broken."""
    for period in ("day", "week", "month"):
        assert label_rate(flights["time_hour"], flights["late"], period=period).jumps == []


def test_real_flights_with_labels_lost_are_a_jump(flights):
    """From September on every label reads 'on time': the jump is in the first week."""
    broken = flights["late"].mask(flights["time_hour"] >= "2013-09-01", 0.0)
    found = label_rate(flights["time_hour"], broken)
    assert found.jumps == ["2013-09-02"]
