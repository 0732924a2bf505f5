"""The forecast for free finds its season in the times of the rows and knows nothing of what it forecasts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from sopkit import modelling
from sopkit.definitions.model import ModelFile
from sopkit.errors import NotEnoughEvidence

Make = Callable[..., ModelFile]
TARGET = {"column": "load", "task": "regression"}


def series(times: pd.DatetimeIndex, seed: int = 0, **columns: object) -> pd.DataFrame:
    load = np.random.default_rng(seed).normal(100, 20, len(times))
    return pd.DataFrame({"at": times.as_unit("us"), "load": load, **columns})


def every(freq: str, periods: int, start: str = "2024-01-01") -> pd.DatetimeIndex:
    return pd.date_range(start, periods=periods, freq=freq, tz="UTC")


def by_hand(past: pd.DataFrame, test: pd.DataFrame, slot: Callable, phase: Callable, of: int) -> list[float]:
    """Row by row: the median of the means of the newest past slots of the same phase."""
    forecast = []
    phases, slots = past["at"].map(phase), past["at"].map(slot)
    for at in test["at"]:
        same = phases == phase(at)
        newest = sorted(set(slots[same]))[-of:]
        forecast.append(float(np.median([past.loc[same & (slots == each), "load"].mean() for each in newest])))
    return forecast


@pytest.mark.parametrize(
    ("times", "name", "slot", "phase"),
    [
        (
            every("h", 24 * 40),
            "hour of the week",
            lambda at: at.floor("h"),
            lambda at: (at.dayofweek, at.hour),
        ),
        (
            every("20min", 3 * 24 * 30),
            "hour of the week",
            lambda at: at.floor("h"),
            lambda at: (at.dayofweek, at.hour),
        ),
        (every("D", 200), "day of the week", lambda at: at.floor("D"), lambda at: at.dayofweek),
        (every("MS", 60), "month of the year", lambda at: (at.year, at.month), lambda at: at.month),
        (every("ME", 60), "month of the year", lambda at: (at.year, at.month), lambda at: at.month),
        (every("W-MON", 120), "last value", lambda at: at.floor("D"), lambda at: 0),
        (every("YS", 30), "last value", lambda at: at.floor("D"), lambda at: 0),
        (every("MS", 11), "last value", lambda at: at.floor("D"), lambda at: 0),
    ],
    ids=["hours", "third of hours", "days", "months", "ends of months", "weeks", "years", "less than a year"],
)
def test_the_season_is_found_in_the_times_and_its_forecast_is_the_newest_slot_of_the_same_phase(
    model_with: Make, times: pd.DatetimeIndex, name: str, slot: Callable, phase: Callable
) -> None:
    """Hours, days and months have the season that people expect, others the last value; equal to a loop by hand."""
    model, table = model_with(target=TARGET), series(times)
    cut = int(len(table) * 0.75)
    past, test = table[:cut], table[cut:]
    season = modelling.season_of(past, model)
    assert season.name == name
    of = 4 if "week" in name else 1
    assert modelling.seasonal_naive(past, test, model) == pytest.approx(by_hand(past, test, slot, phase, of))
    assert (season.words == "the last known value") == (name == "last value")


def test_business_hours_are_hours_of_the_week_and_events_now_and_then_are_days(model_with: Make) -> None:
    """Closed hours and holidays do not hide the season of hours; three events a day at random hours have none."""
    model = model_with(target=TARGET)
    hours = every("h", 24 * 90)
    opened = hours[(hours.dayofweek < 5) & (hours.hour >= 8) & (hours.hour < 18) & (hours.normalize() != "2024-02-12")]
    assert modelling.season_of(series(opened), model).name == "hour of the week"
    random = np.random.default_rng(1)
    events = pd.DatetimeIndex(sorted(every("D", 1)[0] + pd.to_timedelta(random.uniform(0, 90, 270), unit="D")))
    assert modelling.season_of(series(events), model).name == "day of the week"


def test_nothing_after_the_past_enters_the_forecast(model_with: Make) -> None:
    """Other targets of the rows that are forecast, or of rows between, change nothing."""
    model, table = model_with(target=TARGET), series(every("h", 24 * 60))
    past, test = table[: 24 * 40], table[24 * 47 :]
    changed = test.assign(load=1e9)
    assert (
        modelling.seasonal_naive(past, test, model).tolist() == modelling.seasonal_naive(past, changed, model).tolist()
    )
    week = modelling.seasonal_naive(past, test, model)[: 7 * 24]
    weeks = past["load"].to_numpy()[-4 * 7 * 24 :].reshape(4, 7 * 24)
    np.testing.assert_allclose(week, np.median(weeks, axis=0))  # 40 and 47 days: the same day of the week


def test_an_unusual_week_is_outvoted(model_with: Make) -> None:
    """A week of holidays at the end of the past leaves the forecast of the weeks after it as it would be without."""
    model, table = model_with(target=TARGET), series(every("D", 140))
    usual = table.assign(load=100.0 + table["at"].dt.dayofweek)
    unusual = usual.assign(load=usual["load"].where((usual.index < 93) | (usual.index >= 100), 5.0))
    for rows in (usual, unusual):
        assert modelling.seasonal_naive(rows[:100], rows[100:], model).tolist() == usual["load"][100:].tolist()


def test_the_rolling_origin_forecasts_each_fold_from_before_it_less_the_label_delay(model_with: Make) -> None:
    """The naive forecast of every fold equals the one from rows whose labels were known when the fold began."""
    model = model_with(
        target=TARGET,
        features={"site": "numeric"},
        data__label_delay="3d",
        estimator={"class": "sklearn.linear_model.Ridge"},
    )
    table = series(every("h", 24 * 70), site=1.0)
    trial = modelling.rolling_origin(
        [modelling.recipe(model)], table, model, score=lambda y, p: {"r2": -float(np.square(y - p).mean())}
    )
    naive = trial.predictions[trial.predictions["recipe"] == modelling.NAIVE]
    for _, fold in naive.groupby("fold"):
        known = table[table["at"] < fold["time"].min() - pd.Timedelta(days=3)]
        expected = by_hand(known, table.loc[fold["row"]], lambda at: at, lambda at: (at.dayofweek, at.hour), 4)
        assert fold["predicted"].tolist() == pytest.approx(expected)


def test_each_entity_has_a_season_of_its_own_where_its_rows_recur(model_with: Make) -> None:
    """Two shops of different size are forecast by themselves; patients who come once share one forecast."""
    model = model_with(target=TARGET)
    days = every("D", 60).repeat(2)
    shops = series(days, machine=["small", "large"] * 60).assign(
        load=lambda t: np.where(t["machine"] == "small", 10.0, 1000.0) + t["at"].dt.dayofweek
    )
    past, test = shops[:100], shops[100:]
    assert modelling.seasonal_naive(past, test, model).tolist() == test["load"].tolist()
    assert (
        modelling.season_of(past, model).words
        == "the same day of the week of the same machine, the median of the newest 4"
    )
    once = series(every("D", 60), machine=[f"patient {n}" for n in range(60)])
    assert modelling.season_of(once, model).entity is None
    countries = series(every("YS", 20).repeat(2), machine=["A", "B"] * 20)
    assert modelling.season_of(countries, model).words == "the last known value of the same machine"
    assert modelling.seasonal_naive(countries[:38], countries[38:], model).tolist() == countries["load"][36:38].tolist()


def test_an_entity_or_an_hour_without_a_past_gets_what_is_known_of_the_others(model_with: Make) -> None:
    """A new shop gets the same day of all shops; an hour that never occurred gets the mean of all rows."""
    model = model_with(target=TARGET)
    days = every("D", 28).repeat(2)
    shops = series(days, machine=["a", "b"] * 28).assign(load=lambda t: t["at"].dt.dayofweek.astype(float))
    new = series(every("D", 7, "2024-01-29"), machine="new").assign(load=0.0)
    assert modelling.seasonal_naive(shops, new, model).tolist() == [0, 1, 2, 3, 4, 5, 6]
    day = series(every("h", 24)).assign(load=np.arange(24.0))
    opened = day[day["at"].dt.hour < 12]
    weeks = pd.concat([opened.assign(at=opened["at"] + pd.Timedelta(days=n)) for n in range(30)])
    night = weeks[:1].assign(at=pd.Timestamp("2024-02-05 23:00", tz="UTC"))
    assert modelling.seasonal_naive(weeks, night, model).tolist() == [5.5]


def test_the_scale_is_the_error_of_the_season_within_the_training_rows(model_with: Make) -> None:
    """Equal to the mean absolute difference of values one week apart, the scale of Hyndman & Koehler."""
    model, table = model_with(target=TARGET), series(every("h", 24 * 60))
    load = table["load"].to_numpy()
    scale = modelling.season_of(table, model).scale
    assert scale == pytest.approx(np.abs(load[168:] - load[:-168]).mean())
    short = modelling.season_of(table[:100], model)
    assert (short.name, short.scale) == ("last value", pytest.approx(short.scale))


def test_classes_have_no_season_and_rows_without_labels_no_forecast(model_with: Make) -> None:
    """A binary target has a season without a name; a past without a single label is an error that says so."""
    assert modelling.season_of(series(every("h", 100)).assign(alarm=1), model_with()).words == ""
    blank = series(every("h", 100)).assign(load=np.nan)
    with pytest.raises(NotEnoughEvidence, match="labels before"):
        modelling.seasonal_naive(blank, blank, model_with(target=TARGET))


def test_missing_targets_leave_the_season_as_it_is(model_with: Make) -> None:
    """A slot whose targets are all missing is passed over: the ones before it stand in."""
    model, table = model_with(target=TARGET), series(every("D", 70))
    gap = table.assign(load=table["load"].mask(table.index >= 63))
    ahead = series(every("D", 7, "2024-03-11"))
    weeks = table["load"].to_numpy()[35:63].reshape(4, 7)
    assert modelling.seasonal_naive(gap, ahead, model).tolist() == np.median(weeks, axis=0).tolist()
