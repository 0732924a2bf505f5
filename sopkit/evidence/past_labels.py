"""Without ids: do the rows that the champion learned from still have the labels that they had?

Rows are told apart by what they hold. The rules:
* at each moment stand the same labels as before, as many of each: a label that is there no more, at a moment that has
  as many rows as before or more, was changed (or its row was moved in time);
* rows with the same time and the same features have the same labels as before, which tells more where many rows share
  a moment; where features were revised no row is recognised, and only the moments speak;
* the larger number of the two counts. Rows that came late, or are gone, are no changed labels.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

__all__ = ["changed_labels"]


def changed_labels(
    before: pd.DataFrame, now: pd.DataFrame, time: str, features: Sequence[str], labels: Sequence[str]
) -> tuple[int, int]:
    """How many labels of the rows of `before` stand there no more, and of how many rows that can be said."""
    found = [_changed(before, now, keys, labels) for keys in ([time], [time, *features])]
    return max(found)


def _changed(before: pd.DataFrame, now: pd.DataFrame, keys: Sequence[str], labels: Sequence[str]) -> tuple[int, int]:
    sides = []
    for side in (before, now):
        places, told = _hashed(side, keys), _hashed(side, labels)
        sides.append(pd.DataFrame({"place": places, "label": told}).value_counts())
    counts = pd.concat(sides, axis=1, keys=["was", "is"]).fillna(0.0)
    here = counts.groupby(level="place").sum()
    lost = (counts["was"] - counts["is"]).clip(lower=0).groupby(level="place").sum()
    changed = (lost - (here["was"] - here["is"]).clip(lower=0))[here["is"] > 0]
    return int(changed.sum()), int(here["was"][here["is"] > 0].sum())


def _hashed(table: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    """One number a row, equal for equal values: numbers as numbers, whatever type a file gave them."""
    read = {}
    for place, name in enumerate(names):
        column = table[name]
        if pd.api.types.is_datetime64_any_dtype(column.dtype):
            read[place] = column.dt.as_unit("ns").astype("int64")
        else:
            numeric = pd.api.types.is_numeric_dtype(column.dtype)
            read[place] = column.astype(float) if numeric else column.astype(str)
    return pd.util.hash_pandas_object(pd.DataFrame(read), index=False).to_numpy()
