"""Accepted data sets beside the source: how their rows join those of the source.

The rules:
* the source comes first, then the data sets in the order in which they were accepted;
* a row is only ever added: one whose `data.id` is known from the source or from an earlier data set is left out, and
  counted. What is wrong at the source is corrected there. (Without ids, cleaning takes out rows that are equal in every
  column, as always.)
* the columns are those of the source: others of a data set are left out, and a column that it lacks is missing in its
  rows, unless the model file asks for it, which is an error;
* times are read by the model file's rules; what comes after (the clock, the label delay, cleaning) knows no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.modelling.declared import require_columns
from sopkit.modelling.deliveries import parse
from sopkit.modelling.tables import plain_text
from sopkit.modelling.times import read_times

__all__ = ["Accepted", "join", "keys"]


@dataclass(frozen=True)
class Accepted:
    """An accepted data set: its bytes, already held against `digest`; `seq` is the log entry that accepted it."""

    digest: str
    name: str
    data: bytes
    seq: int | None = None


def join(
    table: pd.DataFrame, accepted: Sequence[Accepted], model: ModelFile
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """`table` (of the source, times read) with the rows of `accepted` after it, and what became of each data set.

    Raises DataError for a data set that does not fit the model file any more.
    """
    told: list[dict[str, Any]] = []
    known = keys(table, model) if accepted and model.data.id else None
    tables = [table]
    for each in accepted:
        where = f"accepted data set {each.name} ({each.digest[:12]}…)"
        raw = parse(each.data, model, where=where)[0]
        require_columns(list(raw.columns), model, where=where)
        times = read_times(raw[model.data.time], model.data.time_format, name=model.data.time, source=where)
        rows = raw.assign(**{model.data.time: times})
        left_out = 0
        if known is not None:
            own = keys(rows, model)
            old = own.isin(known) | own.duplicated()
            rows, left_out = rows.loc[~old], int(old.sum())
            known = pd.concat([known, own[~old]], ignore_index=True)
        told.append(
            {
                "digest": each.digest,
                "name": each.name,
                "entry": each.seq,
                "rows": len(raw),
                "rows_added": len(rows),
                "rows_known_by_id": left_out,
                "columns_left_out": [str(name) for name in rows.columns if name not in table.columns],
                "columns_missing": [str(name) for name in table.columns if name not in rows.columns],
            }
        )
        tables.append(rows.reindex(columns=table.columns))
    filled = [each for each in tables if len(each)] or tables[:1]
    return (filled[0] if len(filled) == 1 else pd.concat(filled, ignore_index=True)), told


def keys(table: pd.DataFrame, model: ModelFile) -> pd.Series:
    """What names each row of `table` (times read): the values under `data.id` as one text."""
    parts = [_texts(table[name]) for name in model.data.id]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "\x1f" + part
    return joined.reset_index(drop=True).set_axis(table.index)


def _texts(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.astype("datetime64[us, UTC]").astype("int64").astype(str).astype(object)
    return values.map(plain_text, na_action="ignore").astype(object).where(values.notna(), "")
