"""How times are written in a column that nobody has described, and which windows fit the time that rows span.

The rules:
* a format counts only if it reads every value; several are combined where each reads a part, but never day first
  with month first;
* where day first and month first both read everything, the one is taken in which rows stand more nearly in order,
  and that is asked;
* numbers are years, months, dates, epochs, or else days in their order;
* windows: long enough for the rows that a verdict needs, short enough for several of them in the past.
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.durations import parse_duration
from sopkit.errors import DataError
from sopkit.modelling.times import Period, natural_period, read_times

__all__ = ["TimeFormat", "Windows", "find_format", "looks_like_dates", "windows"]

_DAYS = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%Y/%m/%d",
    "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
)  # fmt: skip
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_MONTHS = ("%m/%Y", "%m.%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y %b", "%b", "%B")
_TEXTS = (*(day + clock for day, clock in itertools.product(_DAYS, _CLOCKS)), *_MONTHS)
_SHORT = ["1s", "5s", "10s", "30s", "1m", "5m", "10m", "15m", "30m", "1h", "2h", "3h", "6h", "12h", "1d", "2d", "3d"]
_LONG = ["5d", "7d", "10d", "14d", "21d", "30d", "60d", "90d", "120d", "180d", "240d", "365d", "730d", "1825d", "3650d"]
_NICE = tuple(map(parse_duration, _SHORT + _LONG))
_DAY = timedelta(days=1)
BLOCKS, ROWS, MOST_ROWS, COARSE = 20, 200, 2000, 60


@dataclass(frozen=True)
class TimeFormat:
    """`written` is `data.time_format` (None: none is needed), `note` in words; `question` where it may be otherwise."""

    written: str | list[str] | None
    note: str
    question: str = ""


@dataclass(frozen=True)
class Windows:
    """Lengths of time that fit the rows, and what can be said of the times. `as_of` is after the newest row."""

    first: pd.Timestamp
    last: pd.Timestamp
    as_of: pd.Timestamp
    distinct: int
    period: Period | None
    evaluation: timedelta
    blocks: timedelta
    recent: timedelta | None
    rows: int

    @property
    def coarse(self) -> bool:
        """Whether there are too few different times for blocks of them to be resampled."""
        return self.distinct < COARSE


def find_format(column: pd.Series, name: str) -> TimeFormat:
    """How the times in `column` are written. Raises DataError where no format reads all of them."""
    known = column.dropna()
    if not len(known):
        raise DataError(f"the time column {name!r} has no value in any row")
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        return TimeFormat(None, "times")
    if pd.api.types.is_numeric_dtype(column.dtype) and not pd.api.types.is_bool_dtype(column.dtype):
        found = _of_numbers(known)
    else:
        found = _of_texts(known)
    if found is None:
        values = list(dict.fromkeys(map(str, known)))
        raise DataError(
            f"the column {name!r} cannot be read as times",
            expected="dates, times, months, years, an epoch, or whole numbers in the order of time",
            got=", ".join(map(repr, values[:4])) + (" …" if len(values) > 4 else ""),
        )
    return found


def looks_like_dates(values: Sequence[Any]) -> bool:
    """Whether texts are dates with day, month and year (never just numbers or names)."""
    texts = [str(value).strip() for value in values[:200]]
    if not texts or not all(re.search(r"\d", text) and re.search(r"[-/. :]", text) for text in texts):
        return False
    if all(re.fullmatch(r"[-+]?\d*[.,]?\d*", text) for text in texts):
        return False
    found = _of_texts(pd.Series(texts))
    return found is not None and all(len(text) >= 8 for text in texts)


def _of_numbers(known: pd.Series) -> TimeFormat | None:
    low, high, whole = float(known.min()), float(known.max()), bool((known == known.round()).all())
    if whole and low >= 1900 and high <= 2100:
        return TimeFormat("%Y", "years")
    if whole and low >= 190001 and high <= 210012 and _reads(known, "%Y%m").all():
        return TimeFormat("%Y%m", "year and month")
    if whole and low >= 19000101 and high <= 21001231 and _reads(known, "%Y%m%d").all():
        return TimeFormat("%Y%m%d", "dates written as numbers")
    if low >= 3e8 and high <= 4.2e9:
        return TimeFormat("unix", "seconds since 1970")
    if low >= 3e11 and high <= 4.2e12:
        return TimeFormat("unix-ms", "milliseconds since 1970")
    if whole and low >= 0 and high <= 200_000:
        ask = "these are numbers: do they stand in the order of time? Each is taken for a day since 1970-01-01"
        return TimeFormat("day-number", "numbers in their order", ask)
    return None


def _of_texts(known: pd.Series) -> TimeFormat | None:
    texts = pd.Series(pd.unique(known.map(lambda value: str(value).strip())))
    if _reads(texts.head(50), None).all() and _reads(texts, None).all():
        return TimeFormat(None, "ISO dates or times")
    numbers = pd.to_numeric(texts, errors="coerce")
    if numbers.notna().all():
        return _of_numbers(numbers)
    sample = pd.concat([texts.head(300), texts.tail(300)]).drop_duplicates()
    read = {form: mask for form in _TEXTS if (mask := _reads(sample, form)).any()}
    if (iso := _reads(sample, "ISO8601")).any():
        read = {"ISO8601": iso, **read}
    whole = [form for form in read if read[form].all() and _reads(texts, form).all()]
    if whole:
        return _chosen(known, whole)
    several: list[str] = []
    left = np.ones(len(sample), dtype=bool)
    while left.any() and len(several) < 3 and read:
        best = max(read, key=lambda form: int((read[form] & left).sum()))
        if not (read[best] & left).any():
            break
        several.append(best)
        left &= ~read[best]
        read = {form: mask for form, mask in read.items() if form not in (best, _swapped(best))}
    if left.any() or not _reads(texts, several).all():
        return None
    yearless = all("Y" not in form and "y" not in form for form in several)
    ask = "the year is not written: are these months of one year, in order?" if yearless else ""
    return TimeFormat(several, f"written in {len(several)} ways", ask)


def _chosen(known: pd.Series, forms: list[str]) -> TimeFormat:
    form = forms[0]
    other = _swapped(form)
    ask = ""
    if other in forms:
        form = max((form, other), key=lambda each: _order(known, each))
        ask = "day first or month first? Both read every value; the one is taken that keeps rows more nearly in order"
    elif "Y" not in form and "y" not in form:
        ask = "the year is not written: are these months of one year, in order?"
    return TimeFormat(form, f"such as {known.iloc[0]}", ask)


def _swapped(form: str) -> str:
    return form.replace("%d", "\0").replace("%m", "%d").replace("\0", "%m") if form[:2] in ("%d", "%m") else ""


def _order(known: pd.Series, form: str) -> float:
    """The share of neighbours that stand in order, whichever way."""
    at = pd.to_datetime(known.map(str).str.strip(), format=form, errors="coerce")
    forward = float((at.diff().dropna() >= pd.Timedelta(0)).mean()) if len(at) > 1 else 1.0
    return max(forward, 1 - forward)


def _reads(values: pd.Series, form: str | list[str] | None) -> np.ndarray[Any, Any]:
    try:
        read_times(values, form, name="time", source="")
        return np.ones(len(values), dtype=bool)
    except (DataError, ValueError, OverflowError):
        pass
    if form is None or isinstance(form, list) or pd.api.types.is_numeric_dtype(values.dtype):
        return np.zeros(len(values), dtype=bool)
    at = pd.to_datetime(values, format=form, utc=True, errors="coerce")
    return np.asarray(at.notna(), dtype=bool)


def windows(times: pd.Series) -> Windows:
    """Windows for rows at `times` (UTC). Raises DataError where all rows have the same time."""
    order = times.sort_values(ignore_index=True)
    first, last = order.iloc[0], order.iloc[-1]
    distinct, period = int(order.nunique()), natural_period(order)
    if distinct < 2:
        raise DataError(
            "all rows have the same time: nothing is earlier or later",
            expected="rows that came one after the other",
            got=f"{len(order)} rows at {first:%Y-%m-%d %H:%M}",
            remedy="name another column with --time",
        )
    whole_days = bool((order == order.dt.floor("D")).all())
    as_of = _after(last, timedelta(days=4) if whole_days else last - first, period)
    span = as_of - max(first, order.iloc[len(order) // 20])  # a few very old rows do not make it long
    longest = span / 4
    need = max(min(MOST_ROWS, len(order) // 5), ROWS)
    start = min(timedelta(days=30), _nice_up(span / 8))
    fitting = [each for each in _NICE if start <= each <= longest] or [_nice_down(longest)]
    window = next((each for each in fitting if _rows(order, as_of, each) >= need), fitting[-1])
    if period is not None:
        window = max(window, {"month": 30, "quarter": 90, "year": 365}[period] * _DAY)
    blocks = min(_nice_down(window / BLOCKS), _DAY)
    recent: timedelta | None = _nice_up(max(window * 1.3, span / 5))
    too_long = recent is not None and not window < recent <= (as_of - first) / 1.5
    if recent is None or too_long or _rows(order, as_of - window, recent) < ROWS:
        recent = None
    rows = _rows(order, as_of, window)
    return Windows(first, last, as_of, distinct, period, window, blocks, recent, rows)


def _after(last: pd.Timestamp, span: timedelta, period: Period | None) -> pd.Timestamp:
    """The first clear moment after the newest row: a new month where rows stand for months, otherwise a new day."""
    if period is not None and last.is_month_start:
        months = {"month": 1, "quarter": 3, "year": 12}[period]
        return last + pd.DateOffset(months=months)
    step = "D" if span >= timedelta(days=4) else "h" if span >= timedelta(hours=4) else "min"
    return (last + pd.Timedelta(microseconds=1)).ceil(step)


def _rows(order: pd.Series, end: pd.Timestamp, window: timedelta) -> int:
    return int(((order >= end - window) & (order < end)).sum())


def _nice_up(length: timedelta) -> timedelta:
    return next((each for each in _NICE if each >= length), _NICE[-1])


def _nice_down(length: timedelta) -> timedelta:
    seconds = timedelta(seconds=max(1, math.floor(length.total_seconds())))
    return next((each for each in reversed(_NICE) if each <= length), seconds)
