"""Indicators: series from outside, such as an interest rate, as they were known at the clock of the run.

The rules:
* sources are read as those of the rows are: files, a database, or a function beside the model file;
* a value counts from its moment plus `published_after` on: what was not published yet does not exist;
* a value that is no finite number is left out and counted; a series without any value is empty, and no error,
  for a trigger that watches it is `insufficient` and says so; a source that cannot be read is a DataError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sopkit.definitions.model import Indicator, ModelFile
from sopkit.errors import DataError
from sopkit.modelling.columns import numbers
from sopkit.modelling.declared import about_indicator, indicator_data, label_columns, require_indicator
from sopkit.modelling.files import refuse_duplicate_names
from sopkit.modelling.sources import fetch
from sopkit.modelling.times import read_times, utc

__all__ = ["Series", "read_indicators", "watched"]


@dataclass(frozen=True, eq=False)
class Series:
    """`table`: `time` (UTC) and `value` of what is known, in order of time. `known_until`: the exclusive end of the
    moments whose values can be known. `unread`: values that are no number. `rows`: one value a row of the data."""

    name: str
    table: pd.DataFrame
    known_until: pd.Timestamp
    unread: int = 0
    rows: bool = False
    origin: Mapping[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)


def read_indicators(
    model: ModelFile,
    *,
    as_of: datetime,
    root: Path,
    module: Path | None = None,
    credentials: Mapping[str, str] | None = None,
) -> dict[str, Series]:
    """Every series under `data.indicators` as of the clock, by name. Arguments as for `read`.

    Raises DataError or DefinitionError, which name the indicator.
    """
    found = {}
    for name, given in model.data.indicators.items():
        with about_indicator(name):
            found[name] = _read(name, given, utc(as_of), Path(root), module, dict(credentials or {}))
    return found


def watched(
    rows: pd.DataFrame, series: Mapping[str, Series], model: ModelFile, *, as_of: datetime
) -> dict[str, Series]:
    """What each trigger of kind indicator watches, by the trigger's name: an indicator, or a column of the rows.

    A column has one value a row; what is made of the label is known a label delay after its row.
    Raises DataError for a column that the (cleaned) rows do not have.
    """
    found = {}
    for name, trigger in model.triggers.conditions.items():
        if trigger.kind != "indicator":
            continue
        if trigger.indicator is not None:
            found[name] = series[trigger.indicator]
        elif trigger.column in rows.columns:
            late = trigger.column in label_columns(model)
            until = utc(as_of) - model.data.label_delay if late else utc(as_of)
            found[name] = _series(str(trigger.column), rows[model.data.time], rows[trigger.column], until, rows=True)
        else:
            raise DataError(
                f"trigger {name!r} watches a column that the rows do not have",
                where=f"triggers.conditions.{name}.column",
                expected=f"one of {', '.join(map(str, rows.columns))}",
                got=trigger.column,
            )
    return found


def _read(
    name: str, given: Indicator, clock: pd.Timestamp, root: Path, module: Path | None, credentials: Mapping[str, str]
) -> Series:
    raw, files = fetch(indicator_data(given), clock, root, module, credentials)
    names = list(map(str, raw.columns))
    refuse_duplicate_names(names, given.source)
    require_indicator(names, name, given)
    times = read_times(raw[given.time], given.time_format, name=given.time, source=given.source)
    origin = {"source": given.source, "query": given.query, "files": files, "rows_raw": len(raw)}
    return _series(name, times, raw[given.column], clock - given.published_after, origin=origin)


def _series(name: str, times: pd.Series, values: pd.Series, until: pd.Timestamp, **parts: Any) -> Series:
    table = pd.DataFrame({"time": times, "value": numbers(values)})
    table = table[table["time"] < until].sort_values("time", kind="stable")
    known = table["value"].notna()
    return Series(name, table[known].reset_index(drop=True), until, int((~known).sum()), **parts)
