"""SHAP values, where the extra is installed (`pip install 'sopkit[explain]'`): the only door of shap.

The rules:
* asked of the model as it is called in service, features as they are, text of categories and all: no explainer that
  knows one kind of model (Lundberg & Lee 2017, the permutation explainer);
* on a stated sample of held-out rows, against a stated background; of several classes the one with most rows;
* it explains the model, it judges nothing: without shap there is a sentence, and no verdict depends on it.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import plain
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.metrics import Task
from sopkit.evidence.robustness import Predict, answer, sampled

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["ShapValues", "shap_values_of"]

Array: TypeAlias = NDArray[Any]
PROBABILITY = "probability"
INSTALL = "SHAP values are shown where shap is installed: pip install 'sopkit[explain]'"


@dataclass(frozen=True, eq=False)
class ShapValues:
    """`table`: feature and the mean size of its contribution; `values` (rows, features) as shap gives them."""

    table: pd.DataFrame
    values: Array
    rows: int
    background: int
    unit: str = ""
    reason: str = ""

    @property
    def measures(self) -> list[Measure]:
        if self.reason:
            return []
        return [Measure("shap_most", str(self.table.iloc[0].feature), reason=self.finding, title="Largest SHAP values")]

    @property
    def finding(self) -> str:
        if self.reason:
            return self.reason
        feature, size = self.table.iloc[0][["feature", "size"]]
        points = self.unit == PROBABILITY
        told = f"{number(100 * size)} percentage points" if points else f"{number(size)} {self.unit}".strip()
        return f"{feature} moves a single answer most: by {told} on average"

    def figure(self) -> Chart | Note:
        """Mean size of each feature's contribution to single answers, largest first."""
        from sopkit.evidence.charts import Row, bars
        from sopkit.evidence.overview import nothing

        if self.reason:
            return nothing(self.finding)
        rows = [Row(str(row.feature), float(row.size)) for row in self.table.head(15).itertuples()]
        basis = f"{self.rows:,} later rows against {self.background:,} others"
        return bars(
            self.finding,
            rows,
            x_label=f"mean size of a feature's SHAP value{f' ({self.unit})' if self.unit else ''}",
            subtitle=basis,
        )

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "rows": self.rows,
                    "background": self.background,
                    "finding": self.finding,
                    "table": self.table.to_dict("records"),
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}.")


def shap_values_of(
    predict: Predict,
    features: pd.DataFrame,
    y: Any,
    *,
    task: Task,
    evaluation: Evaluation | None = None,
    rows: int = 50,
    background: int = 20,
) -> ShapValues:
    """Contributions of the features to the answers for `rows` rows, against `background` other ones, drawn by seed.

    Binary: of the probability; multiclass: of the probability of the class with most rows; regression: of the value.
    Without shap, without rows, or where the model does not answer, the result says so and has no values.
    """
    evaluation = evaluation or Evaluation()
    empty = ShapValues(pd.DataFrame(columns=["feature", "size"]), np.empty((0, 0)), 0, 0)
    if importlib.util.find_spec("shap") is None:
        return _because(empty, INSTALL)
    sample, truth = sampled(features, y, rows + background, np.random.default_rng(evaluation.seed))
    _, error = answer(predict, sample) if len(sample) > background else (None, f"only {len(sample)} rows")
    if error:
        return _because(empty, f"SHAP values cannot be told: {error}")
    codes = [pd.factorize(sample[name]) if _coded(sample[name]) else None for name in sample]
    matrix = np.column_stack(
        [
            sample[name].to_numpy(dtype=float, na_value=np.nan) if code is None else code[0].astype(float)
            for name, code in zip(sample, codes, strict=True)
        ]
    )
    known = truth[np.isfinite(truth)].astype(int)
    shown = int(np.bincount(known).argmax()) if task == "multiclass" and len(known) else 0

    def asked(values: Array) -> Array:
        prediction = np.asarray(predict(_decoded(values, sample, codes)), dtype=float)
        return prediction[:, shown] if prediction.ndim == 2 else prediction

    order = np.random.default_rng(evaluation.seed).permutation(len(sample))
    behind, explained = matrix[order[:background]], matrix[order[background:]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # numba and shap tell of their own deprecations
        import shap

        explainer = shap.PermutationExplainer(asked, shap.maskers.Independent(behind), seed=evaluation.seed)
        values = np.asarray(explainer(explained, silent=True).values)
    table = pd.DataFrame({"feature": sample.columns, "size": np.abs(values).mean(axis=0)})
    table = table.sort_values("size", ascending=False, ignore_index=True)
    return ShapValues(table, values, len(explained), len(behind), "" if task == "regression" else PROBABILITY)


def _because(found: ShapValues, reason: str) -> ShapValues:
    from dataclasses import replace

    return replace(found, reason=reason)


def _coded(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)


def _decoded(values: Array, sample: pd.DataFrame, codes: Sequence[Any]) -> pd.DataFrame:
    """The rows that shap made of codes and numbers, as the model knows them: -1 is a missing category."""
    columns: dict[str, Any] = {}
    for place, name in enumerate(sample.columns):
        if codes[place] is None:
            column = pd.Series(values[:, place])
            whole = pd.api.types.is_integer_dtype(sample[name]) and column.notna().all()
            columns[name] = column.astype(sample[name].dtype) if whole else column
        else:
            first = np.array([int(np.argmax(codes[place][0] == code)) for code in range(len(codes[place][1]))] + [0])
            chosen = values[:, place].astype(int)
            taken = pd.Series(sample[name].array.take(first[chosen]))
            columns[name] = taken.mask(chosen < 0) if (chosen < 0).any() else taken
    return pd.DataFrame(columns)
