"""What a picture of drift is drawn from: the same measures, small, and no single person's value."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sopkit import evidence
from sopkit.definitions.results import plain
from sopkit.evidence.drift_over_time import timeline
from sopkit.evidence.profiles import binned, profile
from tests.evidence.conftest import make_model, make_table


def compared(before: pd.DataFrame, now: pd.DataFrame, **model):
    parts = model or {"features": {"a": "numeric", "b": "numeric", "c": "categorical"}, "slices": ["c"]}
    made = make_model(**parts)
    blocks = evidence.blocks_of(before, made), evidence.blocks_of(now, made)
    found = evidence.drift(before, now, made.features, blocks=blocks)
    return found, evidence.drift_profiles(found, before, now, made, blocks=blocks)


def sides(rows: int = 2000, later: str = "2024-06-01") -> tuple[pd.DataFrame, pd.DataFrame]:
    now = make_table(rows, seed=1)
    return make_table(rows), now.assign(at=pd.date_range(later, periods=rows, freq="h", tz="UTC"))


def column(found, name: str) -> dict:
    return next(one for one in found.to_dict()["columns"] if one["name"] == name)


def test_verdict_measure_and_threshold_are_those_of_the_drift():
    """Nothing is judged a second time: the facts of a column equal those of the comparison, in its order."""
    before, now = sides()
    found, profiles = compared(before, now.assign(a=now.a + 2))
    told = profiles.to_dict()["columns"]
    assert [one["name"] for one in told] == [one.name for one in found.by_effect]
    moved = told[0]
    assert (moved["name"], moved["verdict"], moved["measure"], moved["threshold"]) == ("a", "fail", "PSI", 0.1)
    assert moved["value"] == pytest.approx(found.column("a").psi, rel=1e-3)
    assert "quantile bins" in moved["method"]
    assert "blocks of rows" in moved["method"]


def test_the_distribution_is_the_share_of_rows_in_each_bin():
    """Shares of both sides add up to one, and a histogram has one edge more than it has bins."""
    before, now = sides()
    _, profiles = compared(before, now)
    numbers, names = column(profiles, "a")["distribution"], column(profiles, "c")["distribution"]
    assert len(numbers["edges"]) == len(numbers["reference"]) + 1 == 21
    for side in ("reference", "current"):
        assert sum(numbers[side]) == pytest.approx(1, abs=0.01)
        assert sum(names[side]) == pytest.approx(1, abs=0.01)
    assert names["labels"] == ["red", "green", "blue"]


def test_quartiles_over_time_are_those_of_the_period():
    """The line of a number is the median of each period with its quartiles, over rows of before and of now."""
    before, now = sides()
    _, profiles = compared(before, now.assign(a=now.a + 5))
    told = profiles.to_dict()
    over, periods = column(profiles, "a")["over_time"], told["periods"]
    assert len(periods["starts"]) == len(periods["rows"]) == len(over["middle"]) <= 24
    assert sum(periods["rows"]) == 4000
    first, last = over["middle"][0], over["middle"][-1]
    assert (first, last) == (pytest.approx(10, abs=0.6), pytest.approx(15, abs=0.6))
    assert over["low"][0] < first < over["high"][0]
    assert told["current"]["from"].startswith("2024-06-01")
    assert [side[1] for side in column(profiles, "a")["quartiles"]] == [
        pytest.approx(10, abs=0.3),
        pytest.approx(15, abs=0.3),
    ]


def test_a_time_without_rows_is_a_gap():
    """Between two periods that are far apart there is nothing, and nothing is drawn there."""
    before, now = sides(later="2025-01-01")
    _, profiles = compared(before, now)
    over, rows = column(profiles, "a")["over_time"], profiles.to_dict()["periods"]["rows"]
    assert 0 in rows
    assert all((middle is None) == (count == 0) for middle, count in zip(over["middle"], rows, strict=True))


def test_history_fills_the_time_between_both_sides():
    """Rows that are on neither side still tell how a column went from one to the other."""
    before, now = sides(later="2024-09-01")
    between = make_table(9000, seed=2)
    model = make_model(features={"a": "numeric"})
    found = evidence.drift(before, now, model.features)
    alone = evidence.drift_profiles(found, before, now, model)
    filled = evidence.drift_profiles(found, before, now, model, history=between)
    assert 0 in alone.to_dict()["periods"]["rows"]
    assert 0 not in filled.to_dict()["periods"]["rows"]


def test_one_wrong_moment_does_not_hide_all_others():
    """A row of 1970 among thousands would leave one period for all the others."""
    before, now = sides()
    before.loc[0, "at"] = pd.Timestamp("1970-01-01", tz="UTC")
    _, profiles = compared(before, now)
    assert len(profiles.to_dict()["periods"]["starts"]) > 5


@pytest.mark.parametrize(("freq", "rows", "span"), [("min", 2000, "2 hours"), ("h", 1500, "week"), ("D", 700, "month")])
def test_periods_are_at_most_two_dozen_and_full_enough(freq, rows, span):
    """The span is the shortest that gives at most 24 periods with enough rows in most of them."""
    table = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=rows, freq=freq, tz="UTC"), "x": 1.0})
    found = timeline(table, "at")
    assert found.span == span
    assert len(found.rows) <= 24
    assert sum(found.rows) == rows


def test_of_many_rows_some_are_drawn_the_same_each_time():
    """A period with many rows is told by so many that are drawn at random, with the same result every time."""
    table = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=9000, freq="s", tz="UTC"), "x": np.arange(9000.0)})
    found = [timeline(table, "at", drawn=500) for _ in range(2)]
    assert [len(one.table) for one in found] == [500 * len(found[0].rows)] * 2
    assert found[0].of_numbers("x") == found[1].of_numbers("x")


def test_drift_inside_one_slice_is_seen_though_the_whole_is_still():
    """Where one group moves and the others do not, the verdict of that group says so."""
    before, now = sides(6000)
    now.loc[now.c == "blue", "a"] += 2
    _, profiles = compared(before, now)
    slices, inside = profiles.to_dict()["slices"][0], column(profiles, "a")["slices"]["c"]
    assert slices["values"] == ["blue", "green", "red"]
    assert inside["verdict"] == ["fail", "pass", "pass"]
    assert inside["psi"][0] > 0.25 > 0.1 > inside["psi"][1]
    assert "c" not in column(profiles, "c")["slices"]


def test_the_index_of_the_only_slice_is_that_of_the_whole():
    """A slice that is all rows has the index and the verdict of the whole: there is one measure."""
    before, now = sides()
    before["g"] = now["g"] = "all"
    parts = {"features": {"a": "numeric", "c": "categorical"}, "slices": ["g"]}
    found, profiles = compared(before, now.assign(a=now.a + 1), **parts)
    for name in ("a", "c"):
        inside = column(profiles, name)["slices"]["g"]
        assert inside["psi"] == [pytest.approx(found.column(name).psi, rel=0.01)]
        assert inside["verdict"] == [str(found.column(name).verdict)]


def test_a_slice_with_few_rows_is_insufficient_and_has_no_index():
    """From a few rows nothing is concluded, and no number is told."""
    before, now = sides()
    before["g"] = now["g"] = np.where(np.arange(2000) < 30, "few", "many")
    parts = {"features": {"a": "numeric"}, "protected": ["g"]}
    _, profiles = compared(before, now, **parts)
    inside = column(profiles, "a")["slices"]["g"]
    assert inside == {"psi": [None, inside["psi"][1]], "verdict": ["insufficient", inside["verdict"][1]]}


def test_what_few_rows_have_is_never_named():
    """A value of fewer than ten rows can be a person's: as category, new value, slice or word it is only counted."""
    before, now = sides()
    before.loc[:3, "c"] = "Ada Lovelace"
    now.loc[:5, "c"] = "Alan Turing"
    now.loc[100:140, "c"] = "violet"
    before["g"], now["g"] = "all", "all"
    before.loc[:2, "g"] = "Grace Hopper"
    parts = {"features": {"a": "numeric", "c": "categorical"}, "slices": ["g", "c"]}
    found, profiles = compared(before, now, **parts)
    told = json.dumps([plain(found.to_dict()), plain(profiles.to_dict())])
    assert not [name for name in ("Ada", "Alan", "Grace") if name in told]
    assert column(profiles, "c")["new"]["values"] == [["violet", 41]]
    assert "(other values)" in column(profiles, "c")["distribution"]["labels"]


def test_many_rare_new_values_are_told_without_a_name():
    """Names that one row each has are a share of the rows, in the reason and in the profile."""
    before, now = sides()
    now.loc[:999, "c"] = [f"person {place}" for place in range(1000)]
    found, profiles = compared(before, now)
    assert found.column("c").new_values == ()
    assert found.column("c").reason.endswith("50.0% of rows have new values")
    assert "person" not in json.dumps([plain(found.to_dict()), plain(profiles.to_dict())])


def test_names_are_one_line_and_not_too_long():
    """A category of three hundred letters and a line break is cut; what it says is left as it is."""
    before, now = sides()
    long = "<script>\n" + "x" * 300
    before["c"] = np.where(before.c == "red", long, before.c)
    now["c"] = np.where(now.c == "red", long, now.c)
    _, profiles = compared(before, now)
    names = column(profiles, "c")["distribution"]["labels"]
    assert names[0].startswith("<script> xxx")
    assert max(len(name) for name in names) == 60
    assert column(profiles, "c")["over_time"]["shares"][0][0] is not None


def test_texts_are_told_by_words_and_by_their_auc():
    """Texts have the words that tell both sides apart, an AUC and the limit that the index is turned into."""
    random = np.random.default_rng(0)
    before, now = sides(600)
    before["t"] = [" ".join(random.choice(["good", "fine", "room"], 5)) for _ in range(600)]
    now["t"] = [" ".join(random.choice(["bad", "loud", "room"], 5)) for _ in range(600)]
    _, profiles = compared(before, now, features={"t": "text", "a": "numeric"})
    told = column(profiles, "t")
    assert (told["measure"], told["verdict"], told["threshold"]) == ("AUC", "fail", pytest.approx(0.588, abs=0.001))
    assert {"bad", "good"} <= set(told["distribution"]["labels"])
    assert told["slices"] == {}
    assert told["over_time"]["missing"][0] == 0


@pytest.mark.parametrize("side", ["before", "now", "both"])
def test_without_rows_there_is_no_picture_and_no_error(side):
    """A side without rows leaves verdicts of `insufficient` and nothing to draw."""
    before, now = sides(300)
    before = before.iloc[:0] if side in ("before", "both") else before
    now = now.iloc[:0] if side in ("now", "both") else now
    _, profiles = compared(before, now)
    told = profiles.to_dict()
    assert {one["verdict"] for one in told["columns"]} == {"insufficient"}
    assert {one["distribution"] is None for one in told["columns"]} == {True}
    assert profiles.figure() is not None


def test_odd_columns_are_told_without_an_error():
    """A column that is gone, one of lists, one of infinities, one without any value: each has its facts."""
    before, now = sides(300)
    before["gone"], before["lists"], now["lists"] = 1.0, [[1]] * 300, [[2]] * 300
    before["wild"], now["wild"] = np.where(before.a > 10, np.inf, before.a), now.a
    before["none"] = now["none"] = None
    features = {"gone": "numeric", "lists": "categorical", "wild": "numeric", "none": "numeric"}
    _, profiles = compared(before, now, features=features, slices=["gone", "c"])
    told = {one["name"]: one for one in profiles.to_dict()["columns"]}
    assert told["gone"]["verdict"] == "fail"
    assert told["gone"]["distribution"] is None
    assert next(iter(told)) == "gone"
    assert told["wild"]["missing"][0] == pytest.approx(0.5, abs=0.1)
    assert told["lists"]["new"]["values"] == [["[2]", 300]]


ODD = {
    "numbers and names": ([1, "x"] * 150, ["y", 2.5] * 150),
    "numbers, then names": (list(np.arange(300.0)), ["u"] * 300),
    "lists": ([[1, 2]] * 300, [[3]] * 300),
    "yes and no": ([True, False] * 150, [None] * 300),
    "moments": (list(pd.date_range("2020", periods=300)), list(pd.date_range("2021", periods=300))),
    "infinities": ([np.inf] * 300, [-np.inf] * 300),
    "nothing": ([None] * 300, [None] * 300),
    "ids": ([f"a{place}" for place in range(300)], [f"b{place}" for place in range(300)]),
}


@pytest.mark.parametrize("kind", ["numeric", "categorical", "text", "slice"])
@pytest.mark.parametrize("values", ODD.values(), ids=ODD)
def test_no_value_stops_the_stage(kind, values):
    """Whatever a column holds, as a feature of any kind or as a slice: facts, no error."""
    before, now = sides(300)
    before["g"], now["g"] = (pd.Series(side, dtype=object) for side in values)
    parts = {"features": {"a": "numeric"}, "slices": ["g"]} if kind == "slice" else {"features": {"g": kind}}
    _, profiles = compared(before, now, **parts)
    json.dumps(plain(profiles.to_dict()))
    assert len(profiles.columns) == 1


def test_times_that_say_nothing_leave_no_line():
    """Without times, with one moment only, over centuries: the other facts are there all the same."""
    before, now = sides(300)
    model = make_model(features={"a": "numeric"})
    for times in (pd.NaT, before.loc[0, "at"], before["at"] - pd.Timedelta(days=365 * 120)):
        then = before.assign(at=times)
        found = evidence.drift(then, now, model.features)
        told = evidence.drift_profiles(found, then, now, model).to_dict()
        assert told["columns"][0]["distribution"]
        assert told["periods"] is None or len(told["periods"]["starts"]) <= 24


def test_many_columns_stay_small():
    """Of five hundred columns the sixty with the largest effect are told, the others named; the file stays small."""
    random = np.random.default_rng(0)
    names = [f"x{place}" for place in range(500)]
    before, now = sides(400)
    before = pd.concat([before, pd.DataFrame(random.normal(size=(400, 500)), columns=names)], axis=1)
    now = pd.concat([now, pd.DataFrame(random.normal(size=(400, 500)), columns=names)], axis=1)
    now["x7"] += 3
    _, profiles = compared(before, now, features=dict.fromkeys(names, "numeric"), slices=["c"])
    told = profiles.to_dict()
    assert (len(told["columns"]), len(told["left_out"]), told["columns"][0]["name"]) == (60, 440, "x7")
    assert len(json.dumps(told)) < 200_000


def test_bins_place_every_row_where_the_profile_counted_it():
    """The bins that slices are counted over are those of the profile, for numbers, few numbers and names."""
    before, now = sides()
    now.loc[:50, "a"] = np.nan
    before["few"], now["few"] = before.a.round(-1), now.a.round(-1)
    for name, kind in (("a", "numeric"), ("few", "numeric"), ("c", "categorical")):
        counted, bins = profile(before[name], now[name], kind), binned(before[name], now[name], kind)
        assert bins.labels == counted.bins
        for places, counts in zip(bins.places, (counted.reference, counted.current), strict=True):
            assert np.bincount(places, minlength=len(counts)).tolist() == counts.tolist()


def test_the_largest_effect_leads_and_the_unknown_ends():
    """A column that is gone leads, then the indices in their order, then what could not be measured."""
    before, now = sides()
    before["gone"], before["none"], now["none"] = 1.0, None, None
    now["a"] += 3
    found = evidence.drift(before, now, {"none": "text", "b": "numeric", "a": "numeric", "gone": "numeric"})
    assert [one.name for one in found.by_effect] == ["gone", "a", "b", "none"]


def test_real_flights_are_told_in_a_small_file(flights, flights_model):
    """From winter to June temperature leads; fifteen columns with two slice columns are well below 100 kB."""
    flights = flights[flights.time_hour < "2013-07-01"]
    before, now = flights[flights.time_hour < "2013-03-01"], flights[flights.time_hour >= "2013-06-01"]
    blocks = evidence.blocks_of(before, flights_model), evidence.blocks_of(now, flights_model)
    found = evidence.drift(before, now, flights_model.features, blocks=blocks)
    profiles = evidence.drift_profiles(found, before, now, flights_model, history=flights, blocks=blocks)
    told = profiles.to_dict()
    assert told["columns"][0]["name"] == "temp"
    assert told["columns"][0]["unit"] == "°F"
    assert told["slices"][0]["values"] == ["EWR", "JFK", "LGA"]
    assert told["slices"][1]["left_out"] > 0
    assert len(json.dumps(told)) < 60_000
    assert "temp" in str(profiles.figure().title)
