"""Where rows come from: files, a database, or a function beside the model file; as of a clock.

The rules:
* rows from `as_of` on do not exist (intervals are half open: as of 1 July there is all of June and
  nothing of July), and neither do labels of rows younger than the label delay;
* times are read by the rules of `times`;
* accepted data sets add rows by the rules of `accepted`, before the clock is asked;
* what was read is described (`origin`): source as written, files with digests, rows, columns, times;
* credentials come as an argument and appear in no error and no origin, only their names do;
* whatever is wrong with the source is a DataError that says what, where, expected, got and the way out.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sopkit.definitions.durations import render_duration
from sopkit.definitions.model import Data, ModelFile
from sopkit.errors import DataError, SopkitError
from sopkit.modelling.accepted import Accepted, join
from sopkit.modelling.credentials import expand, scrub
from sopkit.modelling.databases import read_query
from sopkit.modelling.declared import label_columns, require_columns
from sopkit.modelling.files import read_files, refuse_duplicate_names
from sopkit.modelling.modules import MODULE_PREFIX, attribute, is_function
from sopkit.modelling.times import read_times, utc

__all__ = ["Snapshot", "fetch", "read", "without_early_labels"]


@dataclass(frozen=True)
class Snapshot:
    """`table`: the rows that exist as of the clock, index 0…n-1. `origin`: plain JSON on where they came from."""

    table: pd.DataFrame
    origin: dict[str, Any] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.table)


def read(
    model: ModelFile,
    *,
    as_of: datetime,
    root: Path,
    module: Path | None = None,
    credentials: Mapping[str, str] | None = None,
    accepted: Sequence[Accepted] = (),
) -> Snapshot:
    """The rows of the model file's data source, and of `accepted` data sets after them, as of `as_of`.

    `root` is the folder that relative paths start from, `module` the pinned copy of the Python file
    beside the model file. Raises DataError (the data), DefinitionError (the model file), NotFound.
    """
    data, clock, credentials = model.data, utc(as_of), dict(credentials or {})
    raw, files = fetch(data, clock, Path(root), module, credentials)
    refuse_duplicate_names(list(raw.columns), data.source)
    require_columns(list(map(str, raw.columns)), model)
    times = read_times(raw[data.time], data.time_format, name=data.time, source=data.source)
    table, joined = join(raw.assign(**{data.time: times}), accepted, model)
    before = table[data.time] < clock
    recent = before & (table[data.time] >= clock - data.history) if data.history else before
    if not recent.any():
        raise DataError(
            f"there is no row before {clock:%Y-%m-%d %H:%M} UTC" + (" within data.history" if data.history else ""),
            where=data.source,
            expected="rows up to the clock of the run",
            got=f"{len(table)} rows, from {table[data.time].min()} to {table[data.time].max()}"
            if len(table)
            else "0 rows",
            remedy="choose a later --as-of, or correct data.time in the model file",
        )
    table = table.loc[recent].reset_index(drop=True)
    table, withheld = without_early_labels(table, model, clock)
    origin = {
        "source": data.source,
        "query": data.query,
        "arguments": dict(data.arguments),
        "files": files,
        "data_sets": joined,
        "as_of": clock.isoformat(),
        "rows_raw": len(raw),
        "rows": len(table),
        "rows_from_as_of_on": int((~before).sum()),
        "rows_older_than_history": int((before & ~recent).sum()),
        "label_delay": render_duration(data.label_delay),
        "labels_withheld": withheld,
        "columns": [str(name) for name in raw.columns],
        "dtypes": {str(name): str(dtype) for name, dtype in raw.dtypes.items()},
        "time": {"from": table[data.time].min().isoformat(), "to": table[data.time].max().isoformat()},
    }
    return Snapshot(table, origin)


def fetch(
    data: Data, clock: pd.Timestamp, root: Path, module: Path | None, credentials: Mapping[str, str]
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """What a source gives, as it stands, and the files that it came from. Raises DataError, DefinitionError."""
    if is_function(data.source):
        return _call(data, clock.to_pydatetime(), module, credentials), []
    source = expand(data.source, credentials, where="data.source")
    if "://" in source:
        return read_query(
            data.source, data.query, data.arguments, root=root, as_of=clock.to_pydatetime(), credentials=credentials
        ), []
    try:
        return read_files(source, root, data.arguments)
    except SopkitError as error:
        if source == data.source:
            raise
        raise DataError(scrub(error, credentials)) from None


def _call(data: Data, as_of: datetime, module: Path | None, credentials: Mapping[str, str]) -> pd.DataFrame:
    function = attribute(data.source, module, where="data.source")
    arguments = expand(dict(data.arguments), credentials, where="data.arguments")
    try:
        accepted = inspect.signature(function).parameters
        offered = {"as_of": as_of, "credentials": dict(credentials)}
        arguments |= {name: value for name, value in offered.items() if name in accepted}
        table = function(**arguments)
    except Exception as error:  # whatever the function raises is a fault of the source
        raise DataError(
            f"the function {data.source} failed",
            where=module,
            got=scrub(f"{type(error).__name__}: {error}{_line_in(error)}", credentials),
            remedy="call it in a notebook with the arguments of the model file",
        ) from None
    if not isinstance(table, pd.DataFrame):
        raise DataError(
            f"the function {data.source} did not return a table",
            where=module,
            expected="a pandas DataFrame",
            got=type(table).__name__,
        )
    if table.index.names != [None]:
        table = table.reset_index()
    return table.reset_index(drop=True)


def _line_in(error: BaseException) -> str:
    """Where in the workspace's own file it was raised."""
    trace, line = error.__traceback__, None
    while trace is not None:
        own = str(trace.tb_frame.f_globals.get("__name__", "")).startswith(MODULE_PREFIX)
        line, trace = (trace.tb_lineno if own else line), trace.tb_next
    return "" if line is None else f" (line {line})"


def without_early_labels(table: pd.DataFrame, model: ModelFile, clock: pd.Timestamp) -> tuple[pd.DataFrame, int]:
    """`table` without the labels of rows younger than the label delay, and how many rows these are."""
    young = table[model.data.time] + model.data.label_delay >= clock
    if not young.any():
        return table, 0
    blanked = {}
    for name in label_columns(model):
        column = table[name]
        blanked[name] = (column.astype("boolean") if column.dtype == bool else column).mask(young)
    return table.assign(**blanked), int(young.sum())
