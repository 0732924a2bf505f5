"""Rows with what a model said of them, and what came: the form in which evidence takes them.

A forecast stands in a table as one column (`prediction`), or one a class (`prediction_0`, `prediction_1` …,
in the order of the model's classes); so rows and forecast are kept, cut and joined together.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.errors import NotEnoughEvidence
from sopkit.modelling.origins import NAIVE, RollingOrigin
from sopkit.modelling.splits import fewer_folds, folds
from sopkit.modelling.targets import target
from sopkit.modelling.training import classes

__all__ = ["fold_rows", "forecast", "judged_rows", "labels", "together", "truth", "with_forecast"]

Array = np.ndarray[Any, Any]


def labels(model: ModelFile, rows: pd.DataFrame, *pipelines: Any) -> list[str] | None:
    """Multiclass: the classes of the first model, then, sorted, all that another knows or a row has; otherwise None.

    Models that are compared may have seen different classes, and rows may have a class that none has seen:
    truth and predictions have to speak of the same ones. None among `pipelines` is passed over.
    """
    if model.target.task != "multiclass":
        return None
    known = [classes(pipeline) for pipeline in pipelines if pipeline is not None]
    more = {name for names in known[1:] for name in names} | set(target(rows, model).dropna())
    first = known[0] if known else []
    return [*first, *sorted(more - set(first))]


def truth(pipeline: Any, table: pd.DataFrame, model: ModelFile, *, labels: Sequence[str] | None = None) -> Array:
    """(n,) what came, as numbers: 0/1, values, or the place of the class among `labels`; NaN where unknown.

    Without `labels` these are the model's classes, and a class that it has never seen is NaN too.
    """
    values = target(table, model)
    if model.target.task != "multiclass":
        return values.to_numpy(dtype=float)
    places = {name: float(place) for place, name in enumerate(labels or classes(pipeline))}
    return values.map(places).to_numpy(dtype=float)


def with_forecast(table: pd.DataFrame, prefix: str, values: Array) -> pd.DataFrame:
    """The rows with a forecast beside them: (n,) as column `prefix`, (n, k) as `prefix_0` to `prefix_k-1`."""
    columns = np.asarray(values, dtype=float).reshape(len(table), -1).T
    names = [prefix] if np.ndim(values) == 1 else [f"{prefix}_{place}" for place in range(len(columns))]
    return table.assign(**dict(zip(names, columns, strict=True)))


def forecast(table: pd.DataFrame, prefix: str) -> Array:
    """The forecast that `with_forecast` put beside the rows, in its shape. Raises KeyError."""
    if prefix in table:
        return table[prefix].to_numpy(dtype=float)
    names = [name for name in table.columns if str(name).rpartition("_")[0] == prefix]
    return table[names].to_numpy(dtype=float) if names else table[prefix].to_numpy(dtype=float)


def judged_rows(trial: RollingOrigin, train: pd.DataFrame) -> pd.DataFrame:
    """The rows that the rolling origin forecast, each with `fold`, the `naive` forecast and the chosen `prediction`.

    Rows of later folds come later; no forecast comes from a model that had seen its row. Folds that cannot be judged
    are left out, as they are where a recipe is chosen.
    """
    judged = trial.predictions[trial.predictions["fold"].isin(trial.table.loc[trial.table["judged"], "fold"])]
    parts = {name: part.set_index(["fold", "row"]) for name, part in judged.groupby("recipe")}
    chosen, naive = parts[trial.chosen], parts[NAIVE].reindex(parts[trial.chosen].index)
    rows = train.loc[chosen.index.get_level_values("row")].reset_index(drop=True)
    rows = rows.assign(fold=chosen.index.get_level_values("fold").to_numpy())
    for prefix, part in (("naive", naive), ("prediction", chosen)):
        columns = [name for name in part.columns if str(name).startswith("predicted") and part[name].notna().any()]
        values = part[columns].to_numpy(dtype=float)
        rows = with_forecast(rows, prefix, values[:, 0] if columns == ["predicted"] else values)
    return rows


def fold_rows(train: pd.DataFrame, model: ModelFile) -> tuple[pd.DataFrame, str]:
    """The training rows that lie in a test window of the rolling origin, and where these are fewer than asked for, why.

    Rows that allow no fold at all give no rows.
    """
    try:
        cuts = folds(train, model)
    except NotEnoughEvidence as error:
        return train.iloc[:0], error.what
    return pd.concat([cut.parts(train, model.data.time)[1] for cut in cuts]), fewer_folds(cuts, model)


def together(*tables: pd.DataFrame) -> pd.DataFrame:
    """The rows of all tables, one table after the other, with the columns that all of them have."""
    return pd.concat(tables, join="inner", ignore_index=True)
