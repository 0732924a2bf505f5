"""Times that are no plain timestamps: months, several ways of writing, rows that have an order only."""

from datetime import timedelta

import pandas as pd
import pytest

from sopkit.errors import DataError
from sopkit.modelling.times import back, end_of, natural_period, read_times


def at(*texts: str) -> pd.Series:
    return pd.Series(pd.to_datetime(list(texts), utc=True, format="ISO8601"))


def read(values: list[object], formats: str | list[str] | None = None) -> pd.Series:
    return read_times(pd.Series(values), formats, name="when", source="rows.csv")


def test_months_need_no_day():
    """A month alone is read as its first day."""
    assert at("2008-05-01", "2008-06-01").tolist() == read(["2008-05", "2008-06"]).tolist()


def test_several_formats_read_what_each_fits():
    """Names of months, short and long, are read by two formats; a year that is not written is 1900."""
    assert at("1900-02-01", "1900-06-01").tolist() == read(["Feb", "June"], ["%b", "%B"]).tolist()


def test_rows_that_have_an_order_only_are_numbered_by_day():
    """A row numbered 12 comes eleven days after one numbered 1."""
    first, last = read([1, 12], "day-number")
    assert pd.Timedelta(days=11) == last - first


def test_what_no_format_reads_is_told_with_an_example():
    """A value that fits none of the formats is an error that shows it and says how many there are."""
    with pytest.raises(DataError, match="1 of 3 values") as found:
        read(["Feb", "June", "sometime"], ["%b", "%B"])
    assert "'sometime'; first in row 3" in str(found.value)


@pytest.mark.parametrize(
    ("times", "period"),
    [
        (("2008-05-01", "2008-06-01", "2008-09-01"), "month"),
        (("2008-05-31", "2008-06-30", "2008-09-30"), "month"),
        (("2008-01-01", "2008-04-01", "2009-10-01"), "quarter"),
        (("2008-12-31", "2010-12-31"), "year"),
        (("2008-05-01", "2008-05-02"), None),
        (("2008-05-01 00:00", "2008-06-01 01:00"), None),
        (("2008-05-01", "2008-05-01"), None),
    ],
)
def test_the_natural_period_is_found(times, period):
    """Times that are all the first, or all the last, day of a month, quarter or year stand for the whole of it."""
    assert period == natural_period(at(*times))


@pytest.mark.parametrize(
    ("end", "days", "period", "start"),
    [
        ("2010-01-01", 30, "month", "2009-12-01"),
        ("2010-03-01", 30, "month", "2010-02-01"),
        ("2010-01-01", 245, "month", "2009-05-01"),
        ("2010-01-01", 3, "month", "2009-12-01"),
        ("2009-12-31", 245, "month", "2009-05-01"),
        ("2010-01-01", 30, "quarter", "2009-10-01"),
        ("2010-01-01", 30, "year", "2009-01-01"),
        ("2010-01-01", 30, None, "2009-12-02"),
    ],
)
def test_a_window_goes_back_by_whole_periods(end, days, period, start):
    """The start is the nearest start of a period, at least one period back; without a period it is exact."""
    assert pd.Timestamp(start, tz="UTC") == back(pd.Timestamp(end, tz="UTC"), timedelta(days=days), period)


def test_rows_end_with_the_period_of_the_newest():
    """A row written 1 August stands for all of August; a row with a time of day ends just after itself."""
    assert pd.Timestamp("2008-09-01", tz="UTC") == end_of(at("2008-05-01", "2008-08-01"))
    assert pd.Timestamp("2008-08-02 10:00:00.000001", tz="UTC") == end_of(at("2008-08-01", "2008-08-02 10:00"))
