"""Recorded, repeatable cleaning: the same table and model file give the same rows, with a reason for each change.

In this order:
1. texts that mean 'missing' (`data.missing_values`) and infinities become missing values;
2. numeric features that arrived as text become numbers, or the reading stops with examples;
3. rows that fail an expression of `data.keep_rows_where` go, under the reason given there; where it cannot be
   told for want of a value they go too, counted apart. An expression over columns of the label is not asked
   of rows whose label is not due yet;
4. exact duplicates (every column equal) go, but the first;
5. rows go whose label should be known by now and is not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.expressions import parse
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError
from sopkit.modelling.declared import label_columns
from sopkit.modelling.targets import target
from sopkit.modelling.times import utc

__all__ = ["Cleaned", "clean"]

NO_LABEL = "no label, though it should be known by now"


@dataclass(frozen=True)
class Cleaned:
    """`table`; `removed`: reason -> rows; `changed`: reason -> values; `rows_before` and `rows`.

    `unlabelled` are the rows that went because their label should be known by now and is not: they were delivered,
    so what is asked about times is asked of them, too.
    """

    table: pd.DataFrame
    removed: dict[str, int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    rows_before: int = 0
    unlabelled: pd.DataFrame = field(default_factory=pd.DataFrame)

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows_before": self.rows_before,
            "rows": len(self.table),
            "removed": dict(self.removed),
            "changed": dict(self.changed),
        }


def clean(table: pd.DataFrame, model: ModelFile, *, as_of: datetime | None = None) -> Cleaned:
    """The rows of `table` that the model file keeps, and what was done to the others.

    `as_of` decides which labels should be known; without it the newest row of the table does.
    Raises DataError when nothing is left, or a numeric feature holds texts.
    """
    before, removed, changed = len(table), dict[str, int](), dict[str, int]()
    table = _missing_texts(table, model, changed)
    table = _infinities(table, changed)
    table = _numbers(table, model, changed)
    clock = utc(as_of if as_of is not None else table[model.data.time].max())
    for reason, text in model.data.keep_rows_where.items():
        table = _keep(table, model, clock, reason, text, removed)
    table = _drop(table, _duplicated(table), "exact duplicate of an earlier row", removed)
    unlabelled = table.iloc[:0]
    if len(table):
        lacking = _due(table, model, clock) & target(table, model).isna()
        unlabelled, table = table.loc[lacking], _drop(table, lacking, NO_LABEL, removed)
    if not len(table):
        raise DataError(
            "cleaning left no rows",
            where=model.data.source,
            expected="at least one row",
            got="; ".join(f"{reason}: {rows} rows removed" for reason, rows in removed.items()),
            remedy="look at data.keep_rows_where and the target in the model file",
        )
    return Cleaned(table.reset_index(drop=True), removed, changed, before, unlabelled.reset_index(drop=True))


def _is_text(column: pd.Series) -> bool:
    return bool(pd.api.types.is_string_dtype(column.dtype) or column.dtype == object)


def _missing_texts(table: pd.DataFrame, model: ModelFile, changed: dict[str, int]) -> pd.DataFrame:
    if not model.data.missing_values:
        return table
    replaced = {}
    for name in table.columns:
        if not _is_text(table[name]) or name == model.data.time:
            continue
        means_missing = table[name].isin(model.data.missing_values)
        if means_missing.any():
            replaced[name] = table[name].mask(means_missing)
            changed[f"{name}: text that means missing"] = int(means_missing.sum())
    return table.assign(**replaced)


def _infinities(table: pd.DataFrame, changed: dict[str, int]) -> pd.DataFrame:
    replaced = {}
    for name in table.columns:
        if pd.api.types.is_float_dtype(table[name].dtype):
            infinite = np.isinf(table[name].to_numpy(dtype=float, na_value=np.nan))
            if infinite.any():
                replaced[name] = table[name].mask(infinite)
                changed[f"{name}: infinite, now missing"] = int(infinite.sum())
    return table.assign(**replaced)


def _numbers(table: pd.DataFrame, model: ModelFile, changed: dict[str, int]) -> pd.DataFrame:
    replaced = {}
    for name, feature in model.features.items():
        if feature.type != "numeric" or name not in table or not _is_text(table[name]):
            continue
        column = table[name]
        numbers = pd.to_numeric(column.map(_truth, na_action="ignore"), errors="coerce").astype(float)
        wrong = column.notna() & numbers.isna()
        if wrong.any():
            raise DataError(
                f"the numeric feature {name!r} holds text in {int(wrong.sum())} of {len(column)} rows",
                where=f"column {name}",
                expected="numbers",
                got=", ".join(repr(value) for value in list(dict.fromkeys(column[wrong]))[:5]),
                remedy="list texts that mean 'missing' under data.missing_values, or declare the feature categorical",
            )
        replaced[name] = numbers
        if column.notna().any():
            changed[f"{name}: number that was stored as text"] = int(column.notna().sum())
    return table.assign(**replaced)


def _truth(value: Any) -> Any:
    return {"True": 1, "true": 1, "False": 0, "false": 0}.get(str(value), value)


def _keep(
    table: pd.DataFrame, model: ModelFile, clock: pd.Timestamp, reason: str, text: str, removed: dict[str, int]
) -> pd.DataFrame:
    expression = parse(text)
    lacking = [name for name in expression.names if name not in table.columns]
    if lacking:
        raise DataError(
            f"keep_rows_where {reason!r} needs the column {lacking[0]!r}",
            where="data.keep_rows_where",
            got=", ".join(map(str, table.columns)),
        )
    if not expression.names or not len(table):
        return table
    fulfilled = expression.evaluate(table)
    if set(expression.names) & set(label_columns(model)):
        fulfilled = fulfilled.where(_due(table, model, clock), True)
    table = _drop(table, fulfilled.eq(False).fillna(False).astype(bool), reason, removed)
    return _drop(table, fulfilled.reindex(table.index).isna(), f"{reason} (a value is missing)", removed)


def _due(table: pd.DataFrame, model: ModelFile, clock: pd.Timestamp) -> pd.Series:
    """Whether a row's label should be known by now."""
    return table[model.data.time] + model.data.label_delay < clock


def _duplicated(table: pd.DataFrame) -> pd.Series:
    try:
        return table.duplicated()
    except TypeError:  # lists or dicts in a column cannot be compared by hash
        return table.astype(str).duplicated()


def _drop(table: pd.DataFrame, gone: pd.Series, reason: str, removed: dict[str, int]) -> pd.DataFrame:
    rows = int(gone.sum())
    if rows:
        removed[reason] = removed.get(reason, 0) + rows
    return table.loc[~gone] if rows else table
