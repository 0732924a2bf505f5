"""Times that are spread over columns: year here, month there, and how to join them.

The rules:
* parts are whole numbers in the range of their name (year, month, day, hour, minute), at least year and month, with
  the same words before it: `arrival_year`, `arrival_month`;
* a single part is no time of its own where the others stand beside it: a year puts all its rows at one moment;
* a model file names one column as the time, so the way out is a file with such a column, made in one line.
"""

from __future__ import annotations

import pandas as pd

from sopkit.modelling.drafting_names import tokens

__all__ = ["joining", "parts_of_time"]

PARTS = {  # part of a time -> words for it, lowest and highest value
    "year": ({"year", "yr"}, 1900, 2100),
    "month": ({"month", "mnth", "mon"}, 1, 12),
    "day": ({"day"}, 1, 31),
    "hour": ({"hour", "hr"}, 0, 24),
    "minute": ({"minute"}, 0, 59),
}
READERS = {".parquet": "read_parquet", ".pq": "read_parquet"}


def parts_of_time(table: pd.DataFrame) -> dict[str, str]:
    """Part -> column, coarsest first, where the table's time is spread over columns; otherwise nothing."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    for name in table.columns:
        *before, last = tokens(name) or [""]
        part = next((part for part, (words, _, _) in PARTS.items() if last in words), None)
        if part and _within(table[name], *PARTS[part][1:]):
            found.setdefault(tuple(before), {}).setdefault(part, name)
    for columns in found.values():
        if {"year", "month"} <= set(columns):
            return {part: columns[part] for part in PARTS if part in columns}
    return {}


def joining(parts: dict[str, str], source: str) -> str:
    """How to join them, in one line that makes a new file; in words where the source is no file."""
    given = [f"{part}=t[{column!r}]" for part, column in parts.items()]
    given += [] if "day" in parts else ["day=1"]
    line = f't["at"] = pd.to_datetime(dict({", ".join(given)}))'
    if "://" in source or any(sign in source for sign in "*?["):
        return f"make one column of them where the data is made, as in {line}, and name it with --time"
    name = source.rpartition("/")[2]
    new = f"{name.partition('.')[0]}-at.csv"
    read = next((reader for ending, reader in READERS.items() if name.endswith(ending)), "read_csv")
    return (
        f"join them in a new file, in Python: import pandas as pd; t = pd.{read}({source!r}); {line}; "
        f"t.to_csv({new!r}, index=False); then --data {new} --time at"
    )


def _within(column: pd.Series, low: int, high: int) -> bool:
    known = column.dropna()
    if not len(known) or not pd.api.types.is_numeric_dtype(column.dtype) or pd.api.types.is_bool_dtype(column.dtype):
        return False
    return bool(((known == known.round()) & (known >= low) & (known <= high)).all())
