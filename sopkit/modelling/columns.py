"""The first step of every pipeline: the declared features, in the declared types, whatever the table looks like.

The rules:
* a feature is what the model file says it is, not what a parser made of it: the same value in a CSV, a
  database and a request becomes the same number or text, so training and inference cannot differ;
* missing is NaN for numbers and categories, the empty text for texts; infinities are missing;
* other columns are ignored, a feature that is not there is an error.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from sopkit.errors import DataError
from sopkit.modelling.tables import plain_text

__all__ = ["Columns", "category_texts", "numbers"]


class Columns(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn 1.9 ships no types
    """Selects `features` (name -> numeric, categorical or text) of a DataFrame and brings them to their types.

    Gives a DataFrame: float64 for numbers, object with NaN for categories, object without missing for texts.
    """

    def __init__(self, features: dict[str, str]) -> None:
        self.features = features

    def fit(self, X: pd.DataFrame, y: Any = None) -> Columns:
        self.fitted_ = True
        return self

    def transform(self, X: pd.DataFrame) -> pd.DataFrame:
        missing = [name for name in self.features if name not in X.columns]
        if missing:
            raise DataError(
                f"the rows lack the feature {missing[0]!r}",
                expected=", ".join(self.features),
                got=", ".join(map(str, X.columns)),
            )
        read = {"numeric": numbers, "categorical": category_texts, "text": _texts}
        return pd.DataFrame({name: read[kind](X[name]) for name, kind in self.features.items()}, index=X.index)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray[Any, Any]:
        return np.asarray(list(self.features), dtype=object)


def numbers(column: pd.Series) -> pd.Series:
    """float64: times as days since 1970, truth values as 0 and 1, texts that are no number as missing."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        values = column.dt.tz_convert(None) if getattr(column.dtype, "tz", None) else column
        found = (values - pd.Timestamp("1970-01-01")) / pd.Timedelta(days=1)
    elif pd.api.types.is_timedelta64_dtype(column.dtype):
        found = column / pd.Timedelta(days=1)
    elif pd.api.types.is_numeric_dtype(column.dtype):
        found = column
    else:
        found = pd.to_numeric(column.map(_truth, na_action="ignore"), errors="coerce")
    values = found.to_numpy(dtype=float, na_value=np.nan)
    return pd.Series(np.where(np.isfinite(values), values, np.nan), index=column.index)


def category_texts(column: pd.Series) -> pd.Series:
    """object: each value as text, whole numbers without a point, NaN for missing."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(object)
    codes, uniques = pd.factorize(column)
    texts = np.array([*(plain_text(value) for value in uniques), np.nan], dtype=object)
    return pd.Series(texts[codes], index=column.index, dtype=object)


def _texts(column: pd.Series) -> pd.Series:
    return category_texts(column).fillna("").astype(object)


def _truth(value: Any) -> Any:
    return {"True": 1, "true": 1, "False": 0, "false": 0}.get(str(value), value)
