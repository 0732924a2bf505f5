from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import Trigger, Triggers
from sopkit.definitions.results import Verdict
from sopkit.evidence.indicators import readings

NOW = pd.Timestamp("2024-07-01", tz="UTC")


@dataclass(frozen=True)
class Series:
    table: pd.DataFrame
    name: str = "rate"
    known_until: pd.Timestamp = NOW
    rows: bool = False


def daily(values: Any, end: pd.Timestamp = NOW) -> Series:
    """One value a day, the last one a day before `end`."""
    times = pd.date_range(end=end - pd.Timedelta(days=1), periods=len(values), freq="D")
    return Series(pd.DataFrame({"time": times, "value": np.asarray(values, dtype=float)}))


def read(series: Series, **trigger: Any) -> Any:
    condition = Trigger(kind="indicator", **{"window": "10d", **trigger})
    return readings({"it": series}, Triggers(conditions={"it": condition})).items[0]


STEP = daily([1.0] * 90 + [2.0] * 10)


@pytest.mark.parametrize(
    ("trigger", "value", "verdict"),
    [
        ({"comparison": "above", "value": 1.9}, 2.0, Verdict.FAIL),
        ({"comparison": "above", "value": 2.0}, 2.0, Verdict.PASS),
        ({"comparison": "below", "value": 2.1}, 2.0, Verdict.FAIL),
        ({"comparison": "below", "value": 2.0}, 2.0, Verdict.PASS),
        ({"comparison": "change", "value": 0.9}, 1.0, Verdict.FAIL),
        ({"comparison": "change", "value": 1.0}, 1.0, Verdict.PASS),
        ({"comparison": "above", "value": 1.4, "window": "20d"}, 1.5, Verdict.FAIL),
    ],
)
def test_the_mean_of_the_newest_window_is_held_against_the_limit(trigger, value, verdict):
    """Above, below, and the change against the window before: strictly beyond the limit, over the whole window."""
    found = read(STEP, **trigger)
    assert (found.value, found.verdict) == (pytest.approx(value), verdict)


def test_a_change_counts_in_either_direction():
    """A fall of one is a change of one, and the sentence has its sign."""
    found = read(daily([2.0] * 90 + [1.0] * 10), comparison="change", value=0.5)
    assert (found.value, found.verdict) == (1.0, Verdict.FAIL)
    assert "a change of -1, limit 0.5" in found.reason


@pytest.mark.parametrize(
    ("series", "trigger", "reason"),
    [
        (daily([]), {}, "there is no value before 2024-07-01"),
        (
            daily([1.0] * 50, NOW - pd.Timedelta(days=30)),
            {},
            "the series is stale: its newest value is of 2024-05-31 00:00",
        ),
        (daily([1.0] * 50, NOW - pd.Timedelta(days=6)), {}, "only 4 values in the newest 10d, 5 are needed"),
        (daily([1.0] * 12), {}, "only 2 values in the former 10d, 5 are needed (the newest is of 2024-06-30"),
        (Series(STEP.table, rows=True), {}, "only 10 values in the newest 10d, 500 are needed"),
    ],
)
def test_too_few_values_and_a_stale_series_are_insufficient_with_the_date_of_the_newest(series, trigger, reason):
    """A series that stopped says nothing about today; a column needs the evidence minimum."""
    found = read(series, comparison="change", value=0.5, **trigger)
    assert found.verdict is Verdict.INSUFFICIENT
    assert reason in found.reason


def test_a_month_of_a_monthly_series_is_one_value():
    """What is usual is taken from the series: one value a month is enough for a month, and half of three for three."""
    times = pd.date_range("2023-01-01", "2024-06-01", freq="MS", tz="UTC")
    series = Series(pd.DataFrame({"time": times, "value": np.arange(len(times), dtype=float)}))
    assert read(series, comparison="above", value=3, window="31d").means[0] == 17.0
    found = read(series, comparison="change", value=2, window="92d")
    assert (found.value, found.verdict) == (3.0, Verdict.FAIL)


def test_readings_are_plain_json_a_table_measures_and_a_figure():
    """Each reading shows itself in every view, one panel a trigger."""
    conditions = Triggers(
        conditions={
            "high": Trigger(kind="indicator", comparison="above", value=1.5, window="10d"),
            "moved": Trigger(kind="indicator", comparison="change", value=2.5, window="10d"),
            "gone": Trigger(kind="indicator", comparison="below", value=0, window="10d"),
        }
    )
    watched = {"high": STEP, "moved": STEP, "gone": daily([])}
    found = readings(watched, conditions)
    assert [item["verdict"] for item in json.loads(json.dumps(found.to_dict()))["readings"]] == [
        "fail",
        "pass",
        "insufficient",
    ]
    assert list(found.table["trigger"]) == ["high", "moved", "gone"]
    assert [str(measure.threshold) for measure in found.measures] == ["≤ 1.5", "≤ 2.5", "≥ 0.0"]
    assert found.figure().png()
    assert found.get("none") is None
    assert not readings({}, conditions)
