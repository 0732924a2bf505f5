"""The target: what is predicted, taken from a column or computed by an expression.

The rules:
* binary targets are 1.0, 0.0 or missing; multiclass targets are texts or missing; regression targets are
  floats or missing (infinities are missing);
* a label that is not known yet is missing, never 0;
* columns that only the target uses belong to the label: they are withheld together with it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.expressions import parse
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError
from sopkit.modelling.tables import plain_text

__all__ = ["classes_of", "target"]


def target(table: pd.DataFrame, model: ModelFile, *, as_of: datetime | None = None) -> pd.Series:
    """The target of each row, named `target`, on the index of `table`; with `as_of` immature rows are missing.

    Raises DataError where the values do not fit the task.
    """
    raw = _raw(table, model)
    if as_of is not None:
        clock = pd.Timestamp(as_of)
        clock = clock.tz_localize("UTC") if clock.tzinfo is None else clock
        raw = raw.mask(table[model.data.time] + model.data.label_delay >= clock)
    values = {"binary": _binary, "multiclass": _multiclass, "regression": _regression}[model.target.task](raw, model)
    return values.rename("target")


def classes_of(values: pd.Series) -> list[Any]:
    """The classes among the known values, sorted."""
    return sorted(values.dropna().unique().tolist())


def _raw(table: pd.DataFrame, model: ModelFile) -> pd.Series:
    if model.target.column:
        column = table[model.target.column]
        return column.replace(dict.fromkeys(model.data.missing_values)) if model.data.missing_values else column
    return parse(model.target.expression or "").evaluate(table)


def _floats(raw: pd.Series) -> pd.Series:
    values = pd.to_numeric(raw, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return pd.Series(values, index=raw.index)


def _binary(raw: pd.Series, model: ModelFile) -> pd.Series:
    known = raw.notna()
    if model.target.positive is not None:
        same = raw.eq(model.target.positive).fillna(False).astype(bool)
        positive = raw.map(str).eq(str(model.target.positive)) | same
        return positive.astype(float).where(known)
    values = raw.map({True: 1, False: 0}, na_action="ignore").fillna(raw) if raw.dtype == object else raw
    numbers = _floats(values)
    wrong = known & ~numbers.isin([0.0, 1.0]).to_numpy(dtype=bool)
    if wrong.any():
        raise DataError(
            "the binary target has other values than 0, 1, true and false",
            where="target",
            expected="0 or 1, or target.positive, the value that counts as 1",
            got=", ".join(repr(value) for value in list(dict.fromkeys(raw[wrong]))[:5]),
            remedy="set target.positive in the model file",
        )
    return numbers


def _multiclass(raw: pd.Series, model: ModelFile) -> pd.Series:
    return raw.map(plain_text, na_action="ignore").astype(object).where(raw.notna(), None)


def _regression(raw: pd.Series, model: ModelFile) -> pd.Series:
    numbers = _floats(raw)
    wrong = raw.notna() & numbers.isna()
    if wrong.any():
        raise DataError(
            f"{int(wrong.sum())} values of the target are not numbers",
            where="target",
            got=", ".join(repr(value) for value in list(dict.fromkeys(raw[wrong]))[:5]),
            remedy="add texts that mean 'missing' to data.missing_values",
        )
    return numbers.replace([np.inf, -np.inf], np.nan)
