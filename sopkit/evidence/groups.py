"""Groups of rows by one column, as people name them: values as they are, many numbers cut at their quartiles.

Rows without a value are a group of their own, last. Numbers stand in their order, names in that of the alphabet.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from sopkit.evidence.measure import number

__all__ = ["MISSING", "grouped"]

MISSING = "(missing)"
MOST_NUMBERS = 10  # of more, each has few rows, and a table of them has no end


def grouped(column: pd.Series) -> pd.Categorical:
    """The group of each row (n,), its categories in their order."""
    known = column.dropna()
    numbers = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if numbers and known.nunique() > MOST_NUMBERS:
        values = column.to_numpy(dtype=float, na_value=np.nan)
        ends = np.unique(np.quantile(values[np.isfinite(values)], [0, 0.25, 0.5, 0.75, 1]))
        names = [f"{number(low, 4)} to {number(high, 4)}" for low, high in pairwise(ends)]
        place = np.clip(np.searchsorted(ends, values, side="left") - 1, 0, len(names) - 1)
        codes = np.where(np.isnan(values), len(names), place)
    else:
        text = column.map(lambda value: f"{value:.10g}", na_action="ignore") if numbers else column
        text = text.astype("string").replace(MISSING, None)
        order = text.iloc[column.argsort().to_numpy()].unique() if numbers else sorted(text.dropna().unique())
        names = [str(name) for name in order if not pd.isna(name)]
        places = {name: at for at, name in enumerate(names)}
        codes = text.map(places).fillna(len(names)).to_numpy(dtype=int)
    lacking = [MISSING] if (codes == len(names)).any() else []
    return pd.Categorical.from_codes(codes, categories=[*names, *lacking], ordered=True)
