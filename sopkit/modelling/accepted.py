"""Accepted data sets beside the source: how their rows join those of the source.

The rules:
* the source comes first, then the data sets in the order in which they were accepted;
* a row is only ever added: one whose `data.id` is known from the source or from an earlier data set is left out, and
  counted. What is wrong at the source is corrected there. (Without ids, cleaning takes out rows that are equal in every
  column, as always.)
* the columns are those of the source: others of a data set are left out, and a column that it lacks is missing in its
  rows, unless the model file asks for it, which is an error;
* values take the type that the column has at the source; what cannot is an error, for a column of numbers and texts is
  neither;
* times are read by the model file's rules; what comes after (the clock, the label delay, cleaning) knows no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError
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
    ids = model.data.id
    known = keys(table, ids) if accepted and ids else None
    tables = [table]
    for each in accepted:
        where = f"accepted data set {each.name} ({each.digest[:12]}…)"
        raw = parse(each.data, model, where=where)[0]
        require_columns(list(raw.columns), model, where=where)
        times = read_times(raw[model.data.time], model.data.time_format, name=model.data.time, source=where)
        rows = raw.assign(**{model.data.time: times})
        left_out = 0
        if known is not None:
            own = keys(rows, ids)
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
        same = {name: _like(rows[name], table[name], where) for name in table.columns if name in rows.columns}
        tables.append(rows.assign(**same).reindex(columns=table.columns))
    filled = [each for each in tables if len(each)] or tables[:1]
    return (filled[0] if len(filled) == 1 else pd.concat(filled, ignore_index=True)), told


def keys(table: pd.DataFrame, names: Sequence[str]) -> pd.Series:
    """What tells each row of `table` (times read) from the others: its values under `names` as one text."""
    parts = [_texts(table[name]) for name in names]
    joined = parts[0]
    for part in parts[1:]:
        joined = joined + "\x1f" + part
    return joined


def _texts(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        return values.astype("datetime64[us, UTC]").astype("int64").astype(str).astype(object)
    return values.map(plain_text, na_action="ignore").astype(object).where(values.notna(), "")


def _like(values: pd.Series, source: pd.Series, where: str) -> pd.Series:
    """`values` in the type of the source's column. Raises DataError where they have none."""
    wanted, there = source.dtype, values.dtype
    numeric = pd.api.types.is_numeric_dtype
    if wanted == there or not values.notna().any() or (numeric(wanted) and numeric(there)):
        return values
    if numeric(wanted):
        read = pd.to_numeric(values.map(_truth, na_action="ignore"), errors="coerce")
    elif pd.api.types.is_datetime64_any_dtype(wanted):
        read = pd.to_datetime(values, utc=True, errors="coerce", format="ISO8601")
    elif numeric(there):
        return values.map(plain_text, na_action="ignore").astype(object).where(values.notna(), None)
    else:
        return values
    wrong = values.notna() & read.isna()
    if wrong.any():
        raise DataError(
            f"the column {values.name!r} holds other things than at the source in {int(wrong.sum())} rows",
            where=where,
            expected=f"{wanted}, such as {plain_text(source.dropna().iloc[0])}" if source.notna().any() else wanted,
            got=", ".join(repr(value) for value in list(dict.fromkeys(values[wrong]))[:5]),
            remedy="correct the file; if it was accepted already, withdraw it:  sop data MODEL --withdraw DIGEST",
        )
    return read


def _truth(value: Any) -> Any:
    return {"True": 1, "true": 1, "False": 0, "false": 0}.get(str(value), value)
