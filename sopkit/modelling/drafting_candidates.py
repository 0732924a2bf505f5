"""Columns that may be meant as time or target, for errors that say what to write instead.

The rules:
* likely ones come first: by their names, by values that are times, by two answers, by standing last;
* a part of a time that is spread over columns is no time: how to join them is said instead.
"""

from __future__ import annotations

import pandas as pd

from sopkit.errors import DataError
from sopkit.modelling.drafting_names import shown, tokens
from sopkit.modelling.drafting_parts import joining, parts_of_time
from sopkit.modelling.drafting_times import find_format

__all__ = ["candidates", "meant", "no_time"]

OUTCOMES = {
    "target", "label", "y", "class", "outcome", "churn", "churned", "default", "defaulted", "fraud", "response",
    "result", "survived", "converted", "conversion", "revenue", "price", "sales", "demand", "score", "status",
}  # fmt: skip
TIMES = {"date", "time", "timestamp", "datetime", "day", "month", "year", "period", "week", "quarter", "created", "at"}
MOST_LISTED = 8
NO_TIME = (
    "no column looks like a time: add the date of each row where the data is made, or a column of whole numbers whose "
    "order is that of time (1 for the oldest rows); without an order nothing is earlier or later"
)
LOOKED_AT = 2000  # rows that are enough to name columns that may be meant


def candidates(table: pd.DataFrame) -> dict[str, list[str]]:
    """Columns that may be meant: `time` and `target`, likely ones first, at most a few of each."""
    some = table.head(LOOKED_AT)
    times, targets = [], []
    parts = set(parts_of_time(some).values())
    for place, name in enumerate(some.columns):
        column, words = some[name], set(tokens(name))
        numeric = pd.api.types.is_numeric_dtype(column.dtype)
        try:
            form = find_format(column, name)
            clear = not (form.written == "day-number" or (numeric and form.written in ("%Y", "%Y%m", "unix")))
            if (clear or words & TIMES) and name not in parts:
                times.append((not clear, not words & TIMES, place, name))
        except DataError:
            pass
        values = column.dropna()
        distinct = values.astype(str).nunique()
        if words & OUTCOMES or distinct == 2 or name == some.columns[-1]:
            targets.append((not words & OUTCOMES, name != some.columns[-1], place, name))
    return {
        "time": [row[-1] for row in sorted(times)[:MOST_LISTED]],
        "target": [row[-1] for row in sorted(targets)[:MOST_LISTED]],
    }


def meant(table: pd.DataFrame, option: str, source: str, wrong: str = "") -> str:
    """What to write instead of a `wrong` column: likely ones, or how to get one."""
    found = [name for name in candidates(table)[option.removeprefix("--")] if name != wrong]
    if found:
        return f"{option} may be: {', '.join(map(repr, found))}"
    if option == "--time":
        return no_time(table, source)
    return f"no other column looks like it; there are: {', '.join(map(shown, table.columns[:30]))}"


def no_time(table: pd.DataFrame, source: str) -> str:
    """What to do where no column is a time of its own."""
    parts = parts_of_time(table)
    return joining(parts, source) if parts else NO_TIME
