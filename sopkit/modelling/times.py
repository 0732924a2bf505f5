"""Times of rows: how they are read, and the natural periods that windows are cut at.

The rules:
* a time without a zone is UTC; a time that cannot be read is an error, never a missing row;
* several formats may be given, the first that fits a value reads it; a year that is not written is 1900;
* rows that have an order and no date are numbered by day (`day-number`), so that the same rules hold;
* where times stand for whole months, quarters or years (each is the first or the last day of one), a window goes
  back by whole ones, at least one: thirty days before 1 January would miss a December that is written 1 December.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pandas as pd

from sopkit.errors import DataError
from sopkit.modelling.tables import plain_text

__all__ = ["Period", "back", "end_of", "natural_period", "period_starts", "periods_in", "read_times", "utc"]

Period = Literal["month", "quarter", "year"]
_NUMBERED = {"unix": "s", "unix-ms": "ms", "day-number": "D"}
_MONTHS: dict[Period, int] = {"month": 1, "quarter": 3, "year": 12}
_DAYS_OF_A_MONTH = 30.436875


def utc(moment: datetime | str | pd.Timestamp) -> pd.Timestamp:
    """`moment` as a timestamp in UTC; without a zone it is taken as UTC."""
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize(UTC) if stamp.tzinfo is None else stamp.tz_convert(UTC)


def read_times(values: pd.Series, formats: str | list[str] | None, *, name: str, source: str) -> pd.Series:
    """`values` as UTC timestamps. Raises DataError with the number of unreadable values and examples."""
    if isinstance(values.dtype, pd.DatetimeTZDtype):
        times = values.dt.tz_convert(UTC)
    elif pd.api.types.is_datetime64_dtype(values.dtype):
        times = values.dt.tz_localize(UTC)
    elif pd.api.types.is_numeric_dtype(values.dtype) and not formats:
        raise DataError(
            f"the time column {name!r} holds numbers",
            where=source,
            expected="times, or a time_format that says how to read them",
            got=f"{values.dtype}, such as {values.iloc[0] if len(values) else 'nothing'}",
            remedy="set data.time_format: a form such as '%Y%m%d', unix, unix-ms, "
            "or day-number for rows that are numbered in their order",
        )
    else:
        times = _parsed(values, [formats] if isinstance(formats, str) else formats or ["ISO8601"])
    unread = times.isna()
    if unread.any():
        examples = list(dict.fromkeys(str(value) for value in values[unread].head(200)))[:3]
        raise DataError(
            f"{int(unread.sum())} of {len(values)} values of the time column {name!r} cannot be read as times",
            where=source,
            expected=str(formats or "ISO 8601, such as 2013-07-01T05:15:00Z (without a zone: UTC)"),
            got=f"{', '.join(map(repr, examples))}; first in row {int(unread.to_numpy().argmax()) + 1}",
            remedy="set data.time_format in the model file (a list where several are in use), "
            "or drop those rows where the data is made",
        )
    return times.astype("datetime64[us, UTC]")


def _parsed(values: pd.Series, formats: list[str]) -> pd.Series:
    times = pd.Series(pd.NaT, index=values.index, dtype="datetime64[us, UTC]")
    for given in formats:
        left = times.isna()
        if not left.any():
            break
        rest: Any = values[left]
        if given in _NUMBERED:
            numbers = pd.to_numeric(rest, errors="coerce")
            read = pd.to_datetime(numbers, unit=_NUMBERED[given], utc=True, errors="coerce")
        else:
            text = rest.map(plain_text, na_action="ignore")
            read = pd.to_datetime(text, format=given, utc=True, errors="coerce")
        times = times.where(~left, read.reindex(times.index).astype("datetime64[us, UTC]"))
    return times


def natural_period(times: pd.Series) -> Period | None:
    """The coarsest whole period that each of `times` (UTC) is the first or the last day of; None for finer ones.

    Two different times are needed to tell.
    """
    days = pd.Series(times.dropna().unique())
    if len(days) < 2 or not (days == days.dt.floor("D")).all():
        return None
    first = days if days.dt.is_month_start.all() else days + pd.Timedelta(days=1)
    if not first.dt.is_month_start.all():
        return None
    months = first.dt.month
    if (months == 1).all():
        return "year"
    return "quarter" if months.isin((1, 4, 7, 10)).all() else "month"


def period_starts(times: pd.Series, period: Period | None) -> list[pd.Timestamp]:
    """The starts, in order, of the periods that have rows; for finer times each of them."""
    known = pd.Series(times.dropna().sort_values().unique())
    return list(known) if period is None else list(dict.fromkeys(_start(moment, period) for moment in known))


def periods_in(window: timedelta, period: Period) -> int:
    """How many whole periods a window is, at least one: 30 days are a month, or a year."""
    return max(1, round(window / timedelta(days=_DAYS_OF_A_MONTH * _MONTHS[period])))


def end_of(times: pd.Series) -> pd.Timestamp:
    """The exclusive end of rows with these times (at least one): after the newest one, or after its whole period."""
    newest, period = times.max(), natural_period(times)
    after = newest + pd.Timedelta(microseconds=1)
    return after if period is None else _next(_start(newest, period), period)


def back(end: pd.Timestamp, window: timedelta, period: Period | None) -> pd.Timestamp:
    """The moment `window` before `end`, moved to the nearest start of a `period`, and at least one period back."""
    start = end - window
    if period is None:
        return start
    before = _start(start, period)
    after = _next(before, period)
    nearest = before if start - before <= after - start else after
    last = _start(end - timedelta(microseconds=1), period)
    return min(nearest, last)


def _start(moment: pd.Timestamp, period: Period) -> pd.Timestamp:
    month = (moment.month - 1) // _MONTHS[period] * _MONTHS[period] + 1
    return pd.Timestamp(year=moment.year, month=month, day=1, tz=UTC)


def _next(start: pd.Timestamp, period: Period) -> pd.Timestamp:
    return start + pd.DateOffset(months=_MONTHS[period])
