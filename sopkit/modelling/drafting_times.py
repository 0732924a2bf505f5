"""How times are written in a column that nobody has described.

The rules:
* a format counts only if it reads every value; several are combined where each reads a part, but never day first
  with month first;
* where day first and month first both read everything, the one is taken in which rows stand more nearly in order,
  and that is asked;
* numbers are years, months, dates, epochs, or else days in their order; a mere line number is asked about.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sopkit.errors import DataError
from sopkit.modelling.times import read_times

__all__ = ["TimeFormat", "find_format", "looks_like_dates"]

_DAYS = (
    "%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%y", "%d/%m/%y", "%m/%d/%y", "%Y/%m/%d",
    "%Y.%m.%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%b %d %Y",
)  # fmt: skip
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
_MONTHS = ("%m/%Y", "%m.%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y %b", "%b", "%B")
_TEXTS = (*(day + clock for day, clock in itertools.product(_DAYS, _CLOCKS)), *_MONTHS)


@dataclass(frozen=True)
class TimeFormat:
    """`written` is `data.time_format` (None: none is needed), `note` in words; `question` where it may be otherwise."""

    written: str | list[str] | None
    note: str
    question: str = ""


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
        if known.is_unique and high - low == len(known) - 1:
            ask = (
                "each row has its own number, as lines of a file have: do the rows stand in the order of time? If they "
                "do not, none is later than another and no verdict means anything: add the date where the data is made"
            )
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
