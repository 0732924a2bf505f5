from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from sopkit.definitions.results import Verdict
from sopkit.evidence.maturity import label_maturity

CLOCK = datetime(2024, 3, 1, tzinfo=UTC)


def judged(labels: pd.Series, at: pd.Series, **options):
    options = {"label_delay": timedelta(0), "window": timedelta(days=30)} | options
    return label_maturity(at, labels, as_of=CLOCK, **options)


def hours(number: int = 24 * 365) -> tuple[pd.Series, pd.Series]:
    """Hourly rows of the year before the clock, all labelled."""
    at = pd.Series(pd.date_range(end=CLOCK, periods=number, freq="h", inclusive="left"))
    return at, pd.Series(np.tile([0.0, 1.0], len(at))[: len(at)])


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


def test_labels_that_have_stopped_fail_however_many_there_were_before():
    """The newest ten days have no label: 97 % of all rows have one, and nothing can be judged on the rest."""
    at, labels = hours()
    last = CLOCK - timedelta(days=11)
    found = judged(labels.where(at <= last), at)
    assert found.verdict is Verdict.FAIL
    assert found.share > 0.95
    assert found.stopped == 11 * 24 - 1
    assert found.measure.reason.startswith("labels have stopped: none of the 263 rows after 2024-02-19 00:00 has one")


def test_labels_that_are_due_count_though_their_rows_were_taken_out():
    """Rows without a label were taken out by cleaning: the stretch without any is seen from their times."""
    at, labels = hours()
    known = at <= CLOCK - timedelta(days=11)
    found = judged(labels[known], at[known], unlabelled=at[~known])
    assert found.stopped == 11 * 24 - 1
    assert found.mature == len(at)


def test_the_label_delay_is_no_stretch_without_labels():
    """Rows younger than the label delay have no label, and that is as it should be."""
    at, labels = hours()
    found = judged(labels.where(at < CLOCK - timedelta(days=20)), at, label_delay=timedelta(days=20))
    assert found.verdict is Verdict.PASS
    assert found.stopped == 0


def test_the_newest_window_is_judged_by_itself():
    """Half of the labels of the rows that models are judged on are lost, 96 % of all are there: that fails."""
    at, labels = hours()
    odd = pd.Series(np.arange(len(at)) % 2 == 0)
    found = judged(labels.where(odd | (at < CLOCK - timedelta(days=31))), at)
    assert found.verdict is Verdict.FAIL
    assert found.share > 0.95
    assert "on which models are judged" in found.measure.reason


def test_rows_of_the_last_hours_without_a_label_are_no_stop():
    """A stretch that is no part worth speaking of of the rows that models are judged on is told as a share only."""
    at, labels = hours()
    assert judged(labels.where(at <= CLOCK - timedelta(days=1)), at).verdict is Verdict.PASS


def test_where_labels_are_seldom_a_clock_rarely_finds_them_stopped():
    """Labels come for campaigns of a week or so, with pauses as long: about one clock of twenty finds them stopped,
    though half of all clocks lie in a pause."""
    random = np.random.default_rng(0)
    alarms = 0
    for _ in range(60):
        at, labels = hours()
        lengths = random.exponential(24 * 7, 140).astype(int)
        on = np.repeat(np.arange(140) % 2 == 0, lengths)
        start = random.integers(0, 24 * 30)
        alarms += judged(labels.where(pd.Series(np.resize(on[start:], len(at)))), at).stopped > 0
    assert alarms <= 5


def test_maturity_is_told_in_plain_json_and_drawn():
    """It has JSON and a figure."""
    found = judged(*reversed(hours()))
    assert json.loads(json.dumps(found.to_dict()))["verdict"] == "pass"
    assert found.figure().png()
