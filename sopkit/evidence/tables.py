"""Tables as people read them: the house style of what a notebook shows in rows and columns.

A data frame in a notebook cuts sentences off, sets words to the right and gives 17 digits of a number.
`readable` shows the same rows as a markdown table, like the one at the head of each stage notebook.

The rules:
* nothing is cut off, and nothing is left out but columns without a single value;
* numbers by `definitions.rendering`: four significant digits, and a column named `share` in percent;
* verdicts by word and shape; text from data shows as text and can do nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from sopkit.definitions.rendering import SHAPES, escape_markdown, render_value
from sopkit.definitions.results import Verdict

__all__ = ["Readable", "readable"]

_VERDICTS = {str(verdict): shape for verdict, shape in SHAPES.items()}


@dataclass(frozen=True, eq=False)
class Readable:
    """A table that a notebook shows; `table` has the values as they are."""

    table: pd.DataFrame

    def _repr_markdown_(self) -> str:
        shown = _named(self.table)
        shown = shown[[name for name in shown if not shown[name].map(_nothing).all()]]
        if not len(shown):
            return "*There is nothing to list.*"
        right = [bool(pd.api.types.is_numeric_dtype(shown[name])) for name in shown]
        rows = [[_cell(value, str(name)) for name, value in zip(shown, row, strict=True)] for row in _rows(shown)]
        head = [escape_markdown(str(name).replace("_", " ")) for name in shown]
        lines = [head, ["---:" if number else ":---" for number in right], *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def __repr__(self) -> str:
        with pd.option_context("display.max_colwidth", None, "display.width", 200, "display.max_columns", None):
            return self.table.to_string(float_format=lambda value: render_value(float(value)))


def readable(table: pd.DataFrame | pd.Series) -> Readable:
    """`table` in the house style. A named index is its first column, any other is left out."""
    return Readable(table.to_frame() if isinstance(table, pd.Series) else table)


def _named(table: pd.DataFrame) -> pd.DataFrame:
    names = [name for name in table.index.names if name is not None]
    return table.reset_index() if names else table


def _rows(table: pd.DataFrame) -> list[tuple[Any, ...]]:
    return list(table.astype(object).itertuples(index=False, name=None))


def _nothing(value: Any) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or value == "" or value != value


def _cell(value: Any, name: str) -> str:
    if _nothing(value):
        return ""
    if isinstance(value, Verdict | str) and str(value) in _VERDICTS:
        return _VERDICTS[str(value)]
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime()
    elif isinstance(value, date):
        value = str(value)
    value = value.item() if hasattr(value, "item") else value
    return escape_markdown(render_value(value, "%" if name == "share" else ""))
