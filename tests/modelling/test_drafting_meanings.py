"""What a draft makes of columns beside times and target: series, rhythms, codes, the time once more, parts of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.files import parse_model
from sopkit.errors import DataError
from sopkit.modelling.drafting import draft
from sopkit.modelling.drafting_candidates import candidates, no_time
from sopkit.modelling.drafting_codes import code_or_amount
from sopkit.modelling.drafting_columns import look
from sopkit.modelling.drafting_parts import parts_of_time
from sopkit.modelling.drafting_people import protected_by
from sopkit.modelling.drafting_series import rhythms, series_of, shared_by_rows, time_again
from sopkit.modelling.drafting_targets import same_as_target
from sopkit.modelling.drafting_times import find_format
from sopkit.modelling.drafting_windows import windows

RNG = np.random.default_rng(3)
HOURS = pd.Series(pd.date_range("2024-01-01", periods=24 * 200, freq="h", tz="UTC"))


def drafted(table: pd.DataFrame, **options: object):
    return draft(table, **{"name": "m", "source": "m.csv", "time": "at", "target": "y", **options})


def parsed(made):
    return parse_model(made.text.encode(), "m.yaml")


def cities(count: int, months: int = 60) -> pd.DataFrame:
    """A row a month and city."""
    at = np.repeat(pd.date_range("2019-01-01", periods=months, freq="MS").astype(str), count)
    city = np.tile([f"city {place}" for place in range(count)], months)
    y, x = RNG.normal(size=(2, months * count))
    return pd.DataFrame({"at": at, "city": city, "x": x, "y": y})


def test_blocks_are_counted_where_rows_are():
    """Two weeks of minutes that end in the morning, nights without rows: the held-out blocks with rows are enough."""
    minutes = pd.Series(pd.date_range("2015-02-02 14:19", "2015-02-18 09:19", freq="min", tz="UTC"))
    for times in (minutes, minutes[minutes.dt.hour.between(7, 17)]):
        found = windows(times)
        held = times[times >= found.as_of - found.evaluation]
        assert found.filled == held.dt.floor(found.blocks).nunique() >= 30
        assert not found.coarse


def test_working_days_make_the_window_longer():
    """Where weekends have no rows the window reaches over more days, and the blocks stay days."""
    days = pd.Series(pd.date_range("2020-01-01", periods=700, freq="B", tz="UTC")).repeat(20)
    found = windows(days)
    assert (pd.Timedelta("1D"), True) == (found.blocks, found.filled >= 30)


def test_a_model_is_not_stale_on_its_first_day():
    """A model starts as old as the rows held out from it are long: staleness lies beyond, and within short data."""
    years = windows(pd.Series(pd.date_range("2000-01-01", periods=200, freq="MS", tz="UTC")).repeat(20))
    weeks = windows(pd.Series(pd.date_range("2015-02-02", periods=30000, freq="min", tz="UTC")))
    assert years.stale > years.evaluation
    assert weeks.stale <= pd.Timedelta("21D")


def test_few_times_are_asked_about_however_they_lie():
    """Seventy days leave too few blocks, which no shorter block mends: that is coarse, and asked."""
    assert windows(pd.Series(pd.date_range("2020-01-01", periods=70, freq="D", tz="UTC")).repeat(50)).coarse


def test_the_clock_follows_the_rows_that_have_labels():
    """Where the newest rows have no target, window and clock are those of the others, and it is said."""
    table = pd.DataFrame({"at": HOURS.astype(str), "x": RNG.normal(size=len(HOURS)), "y": RNG.normal(size=len(HOURS))})
    table.loc[2400:, "y"] = np.nan
    made = drafted(table)
    assert made.windows.last == HOURS[2399]
    assert "the 2,400 newest rows have none" in made.text
    assert made.windows.stale <= pd.Timedelta("100D")


@pytest.mark.parametrize(("count", "by_entity"), [(40, None), (3, False)])
def test_a_row_a_month_and_city_names_the_city(count, by_entity):
    """Where every city has a row a month it is the entity; where they are too few, time is resampled."""
    model = parsed(drafted(cities(count)))
    assert ("city", by_entity, True) == (model.data.entity, model.evaluation.by_entity, "city" in model.features)


def test_categories_of_single_rows_are_no_series():
    """Two values that take turns, rows at random, and the hour of the day are nothing that rows are about."""
    table = pd.DataFrame({"turn": ["a", "b"] * 2400, "of": RNG.choice(list("abc"), 4800), "hour": HOURS.dt.hour})
    assert (None, False) == series_of(table, HOURS, list(table))
    assert (None, False) == series_of(table, HOURS.dt.floor("D"), ["turn", "of"])


def test_series_with_gaps_are_asked_about():
    """Values that are there at two of three times are proposed, not written."""
    table = cities(40).sample(frac=0.66, random_state=0).sort_values("at")
    made = drafted(table)
    assert (None, "# entity: city" in made.text) == (parsed(made).data.entity, True)


def test_a_rhythm_that_no_feature_says_is_asked_about():
    """Numbers that go by hour and weekday: both are asked about with the line to add, unless a feature says them."""
    y = pd.Series(10 * np.sin(HOURS.dt.hour / 24 * 6.28) + 8 * (HOURS.dt.dayofweek > 4) + RNG.normal(size=len(HOURS)))
    table = pd.DataFrame({"at": HOURS.astype(str), "x": RNG.normal(size=len(HOURS)), "y": y})
    made = drafted(table)
    assert ("hour", "weekday") == made.rhythms
    assert "t = t.assign(hour=at.dt.hour, weekday=at.dt.dayofweek)" in made.text
    assert ("weekday",) == drafted(table.assign(clock=HOURS.dt.strftime("%H h"))).rhythms


@pytest.mark.parametrize(("freq", "n"), [("h", 250), ("h", 4800), ("D", 150)])
def test_a_wandering_number_has_no_rhythm(freq, n):
    """White noise and random walks are said to go by the hour or the weekday in at most 6 of a hundred cases."""
    times = pd.Series(pd.date_range("2024-01-01", periods=n, freq=freq, tz="UTC"))
    alarms = 0
    for place in range(200):
        steps = np.random.default_rng(place).normal(size=n)
        y = pd.Series(np.cumsum(steps) if place % 2 else steps)
        alarms += bool(rhythms(pd.DataFrame(index=times.index), times, y, []))
    assert alarms <= 12


def test_two_weeks_tell_the_hour():
    """The hours of work are found in the minutes of two weeks."""
    times = pd.Series(pd.date_range("2015-02-02", periods=60 * 24 * 15, freq="min", tz="UTC"))
    busy = times.dt.hour.between(8, 17).astype(float)
    assert ["hour"] == rhythms(pd.DataFrame(index=times.index), times, busy, [])


def test_what_grows_with_the_time_is_the_time_once_more():
    """A decimal year, a counter and the name of the file are the time; a season, a rare flag and a reading are not."""
    n = len(HOURS)
    days = HOURS.dt.floor("D")
    again = {
        "decimal": (HOURS.dt.year + HOURS.dt.dayofyear / 366).round(2),
        "counter": -pd.Series(range(n)),
        "file": pd.Series(np.where(HOURS < HOURS[2400], "one", "two")),
    }
    own = {
        "season": HOURS.dt.month % 4,
        "flag": pd.Series(np.r_[np.zeros(n - 9), 1, np.zeros(8)]),
        "late": pd.Series(np.r_[np.zeros(n - 5), 1, np.zeros(4)]),
        "reading": pd.Series(RNG.normal(size=n)),
        "kind": pd.Series(RNG.choice(list("ab"), n)),
    }
    assert not [name for name, column in again.items() if time_again(column, days) is None]
    assert not [name for name, column in own.items() if time_again(column, days) is not None]


def test_a_flag_of_the_last_moment_is_not_the_time():
    """With four moments a rare flag falls into the last one by chance: that makes it no function of the time."""
    years = pd.Series(pd.to_datetime(np.repeat(["2015", "2016", "2017", "2018"], 500), utc=True))
    assert time_again(pd.Series(np.r_[np.zeros(1990), 1, np.zeros(9)]), years) is None


def test_features_of_one_value_a_time_are_named_where_independence_is_asked():
    """An interest rate of the month is something that the month's rows share, and the question says so."""
    table = cities(40, months=24).drop(columns="city")
    rate = table["at"].map({at: RNG.normal() for at in table["at"].unique()})
    assert ["rate"] == shared_by_rows(table.assign(rate=rate), pd.to_datetime(table["at"]), ["x", "rate"])
    text = " ".join(drafted(table.assign(rate=rate)).text.replace("#", " ").split())
    assert "(rate: one value a time" in text


def test_codes_have_unlike_neighbours_and_counts_do_not():
    """Numbers whose order says nothing are codes; counts, grades and what is named as counted are amounts."""
    n = 6000
    codes, grades = pd.Series(RNG.integers(1, 14, n)), pd.Series(RNG.integers(1, 14, n))
    counts = pd.Series(RNG.poisson(1.0, n))
    unlike = RNG.permutation(np.linspace(0, 3, 14))
    noise = RNG.normal(size=n)
    assert "code" == code_or_amount(codes, pd.Series(unlike[codes] + noise), "browser")
    assert code_or_amount(grades, pd.Series(grades / 4 + noise), "grade") is None
    assert code_or_amount(counts, pd.Series(unlike[counts] + noise), "images") is None
    assert code_or_amount(codes, pd.Series(unlike[codes] + noise), "nights_booked") is None
    assert "ask" == code_or_amount(codes % 3 + 1, pd.Series(noise), "part")


def test_a_word_in_few_rows_may_mean_none_in_the_others():
    """Holidays are named in few rows: a feature that is asked about; a few words, or yes and no, are none."""
    holidays = pd.Series([None] * 980 + ["New Year", "Easter"] * 10)
    found = look(holidays, "holiday")
    assert ("feature", "categorical", True) == (found.role, found.kind, found.none)
    assert "excluded" == look(pd.Series([None] * 980 + ["Yes", "No"] * 10), "disputed").role
    assert "excluded" == look(pd.Series([None] * 995 + ["New Year"] * 5), "holiday").role
    assert "excluded" == look(pd.Series([None] * 980 + [1.0, 2.0] * 10), "weight").role


def test_a_category_of_a_few_rows_a_value_teaches_nothing():
    """Post codes of three rows each are left out; with twenty rows each they are a category."""
    few, many = (pd.Series([f"{place % count}XX" for place in range(9000)]) for count in (3000, 450))
    assert ["excluded", "feature"] == [look(few, "zip").role, look(many, "zip").role]


def test_numbers_of_lines_name_nothing():
    """A serial number that starts again is no feature, and nothing that rows are about."""
    found = look(pd.Series([*range(300), *range(300)]), "sno")
    assert ("excluded", False) == (found.role, found.names_things)


def test_an_entity_that_most_rows_lack_is_only_proposed():
    """Rows without an entity would count as those of one: it stays a comment."""
    table = pd.DataFrame({"at": HOURS.astype(str), "x": RNG.normal(size=len(HOURS)), "y": RNG.normal(size=len(HOURS))})
    table["user_id"] = np.where(np.arange(len(table)) % 8, np.nan, np.arange(len(table)) % 500)
    made = drafted(table)
    assert (None, "# entity: user_id" in made.text) == (parsed(made).data.entity, True)


def test_abbreviations_and_words_that_begin_alike_are_asked_about():
    """Census names in capitals, beginnings of words and countries are questions; ordinary words are not."""
    names = {"RAC1P": "like", "DIS": "like", "hispanicOrigin": "like", "country": "place", "SEX": "name"}
    assert names == {name: protected_by(name, pd.Series([1, 2])) for name in names}
    assert [None] * 3 == [protected_by(name, pd.Series([1, 2])) for name in ("mar", "distance", "rate")]


def test_time_in_parts_is_refused_with_the_line_that_joins_them():
    """A year beside month, day and hour is no time; the error says how to make one, and no part is offered."""
    table = pd.DataFrame({"No": range(len(HOURS)), "x": RNG.normal(size=len(HOURS)), "y": RNG.normal(size=len(HOURS))})
    for part in ("year", "month", "day", "hour"):
        table[part] = getattr(HOURS.dt, part)
    assert {"year": "year", "month": "month", "day": "day", "hour": "hour"} == parts_of_time(table)
    assert [] == candidates(table)["time"]
    line = "pd.to_datetime(dict(year=t['year'], month=t['month'], day=t['day'], hour=t['hour']))"
    with pytest.raises(DataError, match="spread over columns") as refused:
        drafted(table, time="year")
    assert line in str(refused.value)
    assert line in no_time(table, "m.csv")
    with pytest.raises(DataError, match="cannot be read as times") as refused:
        drafted(table.assign(date=table["year"] + table["month"] / 12 + 0.01), time="date")
    assert line in str(refused.value)


def test_a_year_alone_is_a_time():
    """Without other parts beside it a year may be the time."""
    table = pd.DataFrame({"year": np.repeat(range(2010, 2020), 50), "hour": 5, "x": RNG.normal(size=500)})
    assert {} == parts_of_time(table)
    assert "year" == drafted(table.assign(y=RNG.normal(size=500)), time="year").time


def test_the_number_of_a_line_is_asked_about():
    """Numbers from 1 to n, one a row, may be no order of time: the question says what follows."""
    assert "as lines of a file have" in find_format(pd.Series(range(1, 500)), "rownames").question
    assert "as lines" not in find_format(pd.Series(np.repeat(range(1, 50), 10)), "block").question


def test_names_of_later_answers_have_a_question_of_their_own():
    """Columns named response or outcome are asked about one by one; the previous outcome is not."""
    words = RNG.choice(["a", "b"], len(HOURS))
    table = pd.DataFrame({"at": HOURS.astype(str), "Company response": words, "previous_outcome": words[::-1]})
    made = drafted(table.assign(y=RNG.normal(size=len(HOURS))))
    assert 1 == made.text.count("its name says that it comes later")


def test_of_several_classes_the_commonest_are_proposed():
    """The hint how to tell one class from all others names the commonest first."""
    y = RNG.choice(["gun", "hands", "spray"], len(HOURS), p=[0.02, 0.7, 0.28])
    text = drafted(pd.DataFrame({"at": HOURS.astype(str), "x": RNG.normal(size=len(HOURS)), "y": y})).text
    assert "# positive: hands  # or spray or gun" in text


def test_the_example_of_an_excluded_column_has_its_type():
    """A text that shares the target's name is shown as a category in the line that would take it back."""
    y = RNG.choice(["loan", "card", "mortgage"], len(HOURS))
    of = RNG.choice(["red", "blue"], len(HOURS))
    text = drafted(pd.DataFrame({"at": HOURS.astype(str), "x": 1.0 * HOURS.dt.hour, "sub_product": of, "product": y}),
                   target="product").text  # fmt: skip
    assert "sub_product: {type: categorical" in " ".join(text.replace("#", " ").split())


def test_a_copy_that_begins_with_one_value_is_still_a_copy():
    """A target that stands still for its first thousand rows is compared as a whole."""
    y = pd.Series(np.r_[np.zeros(1500), RNG.normal(size=500)])
    assert same_as_target(3 * y + 1, y, "regression")
    assert not same_as_target(pd.Series(RNG.normal(size=2000)), y, "regression")
    assert not same_as_target(pd.Series(np.ones(2000)), y, "regression")
