from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import ModelFile
from sopkit.definitions.results import Verdict
from sopkit.evidence.bootstrap import time_blocks
from sopkit.evidence.drift import drift
from sopkit.evidence.season import same_season, season_before

TEMP = {"temp": "numeric"}
MODEL = ModelFile.model_validate(
    {
        "model": "house",
        "data": {"source": "x.csv", "time": "at"},
        "target": {"column": "y", "task": "binary"},
        "features": TEMP,
    }
)


def years(rows: int, warmer: float = 0.0) -> pd.DataFrame:
    """Hours from 2022 on, with a summer and a winter; from 2023 on warmer."""
    at = pd.date_range("2022-01-01", periods=rows, freq="h", tz="UTC")
    level = 10 - 12 * np.cos(2 * np.pi * at.dayofyear / 365) + np.where(at.year > 2022, warmer, 0.0)
    return pd.DataFrame({"at": at, "temp": level + np.random.default_rng(0).normal(0, 3, rows)})


def days(table: pd.DataFrame) -> np.ndarray:
    return time_blocks(table["at"])


def of(table: pd.DataFrame, learned: pd.DataFrame):
    now = table[table["at"] >= "2023-06-01"]
    return same_season(table, now, MODEL, learned_from=learned)


def test_summer_is_drift_against_winter_and_none_against_last_summer():
    """What moved against last quarter but not against last year's same weeks is the season."""
    table = years(24 * 560)
    now, winter = table[table["at"] >= "2023-06-01"], table[table["at"] < "2022-04-01"]
    assert drift(winter, now, TEMP, blocks=(days(winter), days(now))).drifted == ["temp"]
    found = of(table, winter)
    assert found is not None
    assert found.drift.drifted == []


def test_the_season_excuses_only_a_champion_that_has_learned_from_it():
    """Trained over the summer before, a new summer is expected; trained on winter alone, it is new to the champion."""
    table = years(24 * 560)
    knows, new = of(table, table[table["at"] < "2022-12-01"]), of(table, table[table["at"] < "2022-04-01"])
    assert knows is not None
    assert new is not None
    assert knows.explains(0.3)
    assert "the champion has learned from that season" in knows.told(0.3)
    assert not new.explains(0.3)
    assert "new to the champion" in new.told(0.3)


def test_a_summer_unlike_the_last_one_is_more_than_the_season():
    """Nine degrees warmer than a year ago is drift against the same season too, and excuses nothing."""
    table = years(24 * 560, warmer=9.0)
    found = of(table, table[table["at"] < "2022-12-01"])
    assert found is not None
    assert found.drift.drifted == ["temp"]
    assert not found.explains(0.3)
    assert found.told(0.3).endswith("so it is more than the season")


def test_a_comparison_that_is_open_excuses_nothing():
    """Too few rows of a year ago leave it open whether it is the season."""
    table = years(24 * 560)
    thin = pd.concat([table[table["at"] < "2022-06-01"].iloc[::2], table[table["at"] >= "2022-06-01"].iloc[::300]])
    now = table[table["at"] >= "2023-06-01"]
    found = same_season(thin, now, MODEL, learned_from=thin)
    assert found is not None
    assert found.drift.verdict is Verdict.INSUFFICIENT
    assert not found.explains(0.3)


def test_without_a_year_of_history_there_is_no_season_to_compare():
    """A history that does not reach back gives None, not a comparison with something else."""
    table = years(24 * 300)
    now = table[table["at"] >= "2022-10-01"]
    assert same_season(table, now, MODEL) is None
    assert same_season(table, now.iloc[:0], MODEL) is None
    assert season_before(now["at"])[0] == pd.Timestamp("2021-10-01", tz="UTC")


def test_a_season_is_plain_json_a_measure_and_a_figure():
    """The comparison shows itself in every view."""
    table = years(24 * 560)
    found = of(table, table)
    assert found is not None
    assert json.loads(json.dumps(found.to_dict()))["learned"] is True
    assert found.measure.value == pytest.approx(0.0)
    assert found.figure().png()
    assert found.figure(found.drift).title.endswith("against the same season a year before it is 0%")
