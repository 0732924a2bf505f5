"""Units: a conversion is found whatever the season does, and season, trend, counter and other people are none."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import ModelFile
from sopkit.evidence import faults, units
from sopkit.evidence.by_period import categories, periods_of, standstill
from sopkit.evidence.conversions import converted_from
from sopkit.evidence.findings import Finding
from sopkit.evidence.measure import number
from sopkit.evidence.rules import VALIDATION

DAYS = 720
AT = pd.date_range("2022-01-01", periods=DAYS * 24, freq="h", tz="UTC")
DAY = np.arange(len(AT)) / 24
SPECIAL = ("unit_by_period", "elsewhere_by_period")
CUTS = [100.0, 195.0, 430.0, 555.0]  # two of them in the middle of a week


def weather(seed: int) -> np.ndarray:
    """Degrees Celsius of two years: a season, weather that lasts for days, and a daily course."""
    random = np.random.default_rng(seed)
    lasting = np.zeros(DAYS)
    for day in range(1, DAYS):
        lasting[day] = 0.8 * lasting[day - 1] + random.normal(0, 1.5)
    season = 12 - 9 * np.cos(2 * np.pi * DAY / 365)
    return season + np.repeat(lasting, 24) + 3 * np.sin(2 * np.pi * DAY) + random.normal(0, 0.5, len(AT))


def skewed(seed: int) -> np.ndarray:
    """Sizes of messages: most of them short, few very long."""
    return np.random.default_rng(seed).lognormal(1.5, 1.2, len(AT))


def look(values: Any, *, target: bool = False, **more: Any) -> list[Finding]:
    """What the checks of values, periods and groups say of a column x."""
    table = pd.DataFrame({"at": AT, "x": values} | more)
    spec = ModelFile.model_validate(
        {
            "model": "small",
            "data": {"source": "x.csv", "time": "at"},
            "target": {"column": "x" if target else "y", "task": "regression"},
            "features": ({"z": "numeric"} if target else {"x": "numeric"}) | dict.fromkeys(more, "categorical"),
        }
    )
    periods = periods_of(table["at"])
    found = faults.values(table, spec, VALIDATION) + units.by_period(table, spec, periods)
    found += standstill(table, spec, periods) + categories(table, spec, periods, VALIDATION)
    return found + units.by_group(table, spec, list(more), VALIDATION)


def told(found: list[Finding], *names: str) -> list[Finding]:
    return [item for item in found if item.name in (names or SPECIAL)]


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize(
    ("base", "factor", "offset", "words"),
    [(0.0, 1.8, 32.0, "(as from °C to °F)"), (273.15, 1.8, -459.67, "(as from K to °F)"),
     (0.0, 1.0, 273.15, "(as from °C to K)"), (273.15, 1.0, -273.15, "(as from K to °C)")],
)  # fmt: skip
def test_degrees_that_become_others_are_named(cut, base, factor, offset, words):
    """°C, °F and K turn into each other at any season, on a period's border or within: the finding says which."""
    values = weather(1) + base
    (item,) = told(look(np.where(cut <= DAY, values * factor + offset, values)))
    assert item.name == "unit_by_period"
    assert words in item.sentence


@pytest.mark.parametrize("cut", CUTS)
@pytest.mark.parametrize("factor", [1000.0, 1 / 1000, 100.0, 10.0, 60.0])
def test_a_factor_is_found_in_a_skewed_column(cut, factor):
    """Tens, hundreds, thousands and minutes are found where the values before and after still have common ground."""
    (item,) = told(look(np.where(cut <= DAY, skewed(2) * factor, skewed(2))))
    assert item.name == "unit_by_period"
    assert f"factor of {number(factor)} " in item.sentence


@pytest.mark.parametrize("factor", [1 / 2.2046, 1.6093, 1 / 3.2808, 3.2808])
def test_pounds_miles_and_feet_are_found_where_values_are_steady(factor):
    """A small factor needs neighbours that are alike: then it is named, and no other."""
    values = np.random.default_rng(3).normal(50, 8, len(DAY))
    (item,) = told(look(np.where(DAY >= 390, values * factor, values)))
    assert f"factor of {number(factor)} " in item.sentence


@pytest.mark.parametrize("target", [False, True])
def test_what_no_conversion_explains_is_told_without_a_guess(target):
    """From a day on all values lie elsewhere, in a feature or in the target: told, with no unit named."""
    values = weather(3)
    (item,) = told(look(np.where(DAY >= 390, 1500 - 0.37 * values, values), target=target))
    assert item.name == "elsewhere_by_period"
    assert item.severity == "warn"
    assert "hardly a value in common" in item.sentence
    assert "factor" not in item.sentence


@pytest.mark.parametrize("seed", range(6))
def test_a_series_that_moves_as_it_always_does_is_no_news(seed):
    """A season, its first summer, a trend, a random walk, a counter, a calendar and bursts give neither finding."""
    random = np.random.default_rng(seed)
    celsius = weather(seed)
    series = {
        "season": celsius,
        "first summer": np.where(DAY < 230, celsius, np.nan),
        "trend": 100 + 3 * DAY + random.normal(0, 2, len(DAY)),
        "walk": np.repeat(np.cumsum(random.normal(0, 3, DAYS)), 24) + random.normal(0, 1, len(DAY)),
        "counter": np.arange(len(DAY)) % 5000,
        "month": pd.Series(AT).dt.month.to_numpy(float),
        "day of the year": pd.Series(AT).dt.dayofyear.to_numpy(float),
        "year": pd.Series(AT).dt.year.to_numpy(float),
        "bursts": random.poisson(2, len(DAY)) * (random.random(len(DAY)) < 0.1),
        "growth": np.exp(DAY / 90) * random.lognormal(0, 1, len(DAY)),
    }
    assert [name for name, values in series.items() if told(look(values))] == []


def test_small_counts_are_no_other_unit():
    """Quantiles that are whole numbers stay where they are under no factor: a median of one is no median of 1.6."""
    usual, better = [0, 0, 0, 1, 2], [0, 0, 1, 1, 2]
    weeks = [usual] * 3 + [better, [0, 0, 1, 2, 3]] + [better] * 3 + [usual] * 2 + [better]
    assert converted_from(np.array(weeks, dtype=float)) is None


def test_a_target_that_changes_its_unit_is_told_as_a_feature_is():
    """A target in thousands from a day on is named with its factor, and a stuck one with the first week of it."""
    values = skewed(4) + 5
    (item,) = told(look(np.where(DAY >= 500, values / 1000, values), target=True))
    assert "factor of 0.001" in item.sentence
    (stuck,) = told(look(np.where(DAY >= 695, 4000.0, values), target=True), "constant_period")
    assert "does not move in" in stuck.sentence
    (low,) = told(look(np.where(np.arange(len(DAY)) % 1800 == 7, -999.0, values), target=True), "sentinel")
    assert low.count == 10


def test_a_group_in_another_unit_is_found_and_other_people_are_not():
    """Inches in one of three countries are converted; children and short messages are of another size."""
    random = np.random.default_rng(5)
    group = random.choice(["a", "b", "c"], len(DAY))
    height = random.normal(170, 9, len(DAY))
    (item,) = told(look(np.where(group == "a", height / 2.54, height), group=group), "unit_by_group")
    assert "Where group is a" in item.sentence
    assert "factor of 0.394" in item.sentence
    age = np.select(
        [group == "a", group == "b"], [random.uniform(0, 27, len(DAY)), random.normal(45, 9, len(DAY))],
        random.normal(50, 15, len(DAY)),
    )  # fmt: skip
    assert not told(look(age, group=group), "unit_by_group")
    middle = np.select([group == "a", group == "b"], [-0.4, 2.0], 3.4)  # short, longer, longest: none is the odd one
    assert not told(look(np.exp(random.normal(middle, 0.5)), group=group), "unit_by_group")


def test_groups_that_differ_are_seldom_called_converted():
    """Groups of a few hundred rows, of the same kind but of any size and shape: fewer than one in twenty."""
    random = np.random.default_rng(6)
    part = np.where(np.arange(len(DAY)) % 24 == 0, "few", "many")
    wrong = 0
    for _ in range(20):
        shape, shift = random.uniform(0.3, 0.9, 2), random.uniform(1, 3)
        few, many = (random.lognormal(at, wide, len(DAY)) for at, wide in ((shift, shape[0]), (0, shape[1])))
        wrong += bool(told(look(np.where(part == "few", few, many), group=part), "unit_by_group"))
    assert wrong <= 1


def test_zero_kelvin_is_a_placeholder():
    """A repeated value that is farther from all others than they are from each other stands for something else."""
    values = weather(7) + 273.15
    (item,) = told(look(np.where(np.arange(len(DAY)) % 1800 == 7, 0.0, values)), "sentinel")
    assert item.count == 10
    assert "0 (10 rows)" in item.sentence


@pytest.mark.parametrize("seed", range(3))
def test_zeros_counts_and_rare_large_values_are_no_placeholders(seed):
    """Many zeros beside amounts, a handful of counts and single or tied large values are values."""
    random = np.random.default_rng(seed)
    series = {
        "doses": np.where(random.random(len(DAY)) < 0.7, 0.0, random.normal(55, 3, len(DAY))),
        "children": np.where(np.arange(len(DAY)) % 2000 == 5, 10, random.poisson(0.1, len(DAY))),
        "rain": np.where(np.arange(len(DAY)) == 77, 9831.3, random.gamma(0.2, 3, len(DAY))),
        "rare sums": np.round(random.pareto(1.2, len(DAY)) * 10),
        "counter": random.poisson(3, len(DAY)) * (random.random(len(DAY)) < 0.05),
    }
    assert [name for name, values in series.items() if told(look(values), "sentinel")] == []


def category(where: Any) -> list[Finding]:
    return look(weather(8), colour=np.where(where, "crimson", "red"))


def test_a_visit_is_no_new_category():
    """A value that fills one week neither appears nor vanishes; one that stays from a week on appears."""
    some = np.random.default_rng(9).random(len(DAY)) < 0.5
    week = category(some & (DAY >= 300) & (DAY < 307))
    assert not told(week, "category_appears", "category_vanishes")
    stays = category(some & (DAY >= 300))
    assert told(stays, "category_appears")
    assert not told(stays, "category_vanishes")
    goes = category(some & (DAY < 300))
    assert told(goes, "category_vanishes")
    assert not told(goes, "category_appears")


def test_what_is_away_each_summer_has_not_vanished():
    """A category of the winter that has been away for as long before is away as it always is."""
    winter = np.cos(2 * np.pi * (DAY + 250) / 365) > -0.3
    found = category(winter & (np.arange(len(DAY)) % 3 == 0))
    assert not told(found, "category_appears", "category_vanishes")


def test_one_is_told_as_one():
    """One day is a day, and one row repeats."""
    values = np.where((DAY >= 302.9) & (DAY < 310.1), 4.0, weather(9))
    (item,) = told(look(values), "constant_period")
    assert "in 1 week, that of" in item.sentence
