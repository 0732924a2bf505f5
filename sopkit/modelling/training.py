"""Fitting a recipe, and predicting with what was fitted.

The rules:
* the same rows, recipe and seed give the same predictions on the same machine and number of threads;
* rows come in order of time, whatever order the table has;
* one class only, too few rows or nothing but missing values is an error that says so; a single feature
  without any value is left out, with a note;
* what libraries warn about becomes a note, not a print;
* what the fitted estimator tells of its iterations is kept (`iterations`); nothing is fitted again for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from sopkit.definitions.model import Estimator, ModelFile
from sopkit.errors import DataError, NotEnoughEvidence
from sopkit.modelling.challengers import Recipe
from sopkit.modelling.iterations import iterations_of, listener
from sopkit.modelling.pipelines import FEW_CATEGORIES, make_estimator, make_pipeline_for
from sopkit.modelling.resources import Meter, Sample
from sopkit.modelling.side_by_side import warned
from sopkit.modelling.splits import newest
from sopkit.modelling.targets import classes_of, target
from sopkit.modelling.times import utc

__all__ = ["FEWEST_ROWS", "Fitted", "Golden", "classes", "fit", "golden", "predict", "reproduce"]

FEWEST_ROWS = 30


@dataclass(frozen=True)
class Fitted:
    """A fitted pipeline. `trained_from`: oldest training row; `trained_until`: `until` of `fit`, or the newest row."""

    pipeline: Pipeline
    recipe: Recipe
    trained_from: pd.Timestamp
    trained_until: pd.Timestamp
    rows: int
    resources: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    iterations: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """All but the pipeline, plain JSON."""
        return {
            "recipe": self.recipe.to_dict(),
            "trained_from": self.trained_from.isoformat(),
            "trained_until": self.trained_until.isoformat(),
            "rows": self.rows,
            "resources": self.resources,
            "notes": list(self.notes),
            "iterations": self.iterations,
        }


@dataclass(frozen=True)
class Golden:
    """Rows and what the model said of them: whoever loads the model must get the same.

    `table` holds the features of `rows` rows and the predictions as columns `prediction_0`, `prediction_1` …;
    kept as Parquet it comes back exactly.
    """

    table: pd.DataFrame

    @property
    def rows(self) -> pd.DataFrame:
        return self.table[[name for name in self.table.columns if not str(name).startswith("prediction_")]]

    @property
    def predictions(self) -> np.ndarray[Any, Any]:
        names = [name for name in self.table.columns if str(name).startswith("prediction_")]
        return np.asarray(self.table[names], dtype=float)


def fit(
    recipe: Recipe,
    table: pd.DataFrame,
    model: ModelFile,
    *,
    until: datetime | None = None,
    module: Path | None = None,
    progress: Callable[[Sample], None] | None = None,
    curve: bool = True,
) -> Fitted:
    """`recipe` fitted on the labelled rows of `table`; its window counts back from `until`, the
    exclusive end of the training rows (default: the newest row).

    `progress` is called about twice a second with `{seconds, cpu_seconds, memory_mb, threads}`, and with `iteration`
    and `iterations` where the estimator tells them meanwhile; `curve` says whether `iterations` is kept.
    Raises NotEnoughEvidence (rows, classes), DataError (values), DefinitionError (estimator).
    """
    rows = newest(table, model, recipe.window, until).sort_values(model.data.time, kind="stable")
    y = target(rows, model)
    rows, y = rows.loc[y.notna()], y.loc[y.notna()]
    _require_enough(rows, y, recipe, model)
    features, notes = _with_values(recipe, rows)
    definition = Estimator.model_validate({"class": recipe.estimator, "parameters": recipe.parameters})
    estimator = make_estimator(definition, model.target.task, seed=model.evaluation.seed, module=module)
    few = [name for name, kind in features.items() if kind == "categorical" and rows[name].nunique() <= FEW_CATEGORIES]
    pipeline = make_pipeline_for(features, estimator, few=few)
    labels = (y.astype(int) if model.target.task == "binary" else y).to_numpy()
    newest_told: Sample = {}
    told = None if progress is None else _with(newest_told, progress)
    listens = {} if progress is None else listener(pipeline, newest_told.update)
    with warned() as caught, Meter(told) as meter:
        try:
            pipeline.fit(rows, labels, **listens)
        except (ValueError, TypeError) as error:
            raise DataError(
                f"the estimator cannot be fitted with recipe {recipe.name!r}",
                where=recipe.estimator,
                got=str(error).strip().splitlines()[0],
                remedy="look at the estimator's parameters and the types of the features",
            ) from error
    notes += list(dict.fromkeys(caught))
    times = rows[model.data.time]
    end = times.iloc[-1] if until is None else utc(until)
    iterations = iterations_of(pipeline, rows, labels) if curve else None
    return Fitted(pipeline, recipe, times.iloc[0], end, len(rows), meter.to_dict(), tuple(notes), iterations)


def _with(told: Sample, progress: Callable[[Sample], None]) -> Callable[[Sample], None]:
    """`progress`, told of what was `told` last as well: by one thread only, however many tell."""
    return lambda sample: progress({**sample, **told})


def classes(pipeline: Any) -> list[Any]:
    """The classes in the order of the columns of `predict` (multiclass)."""
    return [str(name) for name in pipeline.classes_]


def predict(
    pipeline: Any, table: pd.DataFrame, model: ModelFile, *, labels: Sequence[str] | None = None
) -> np.ndarray[Any, Any]:
    """Binary: P(1), shape (n,). Multiclass: shape (n, classes), in the order of `classes`. Regression: values (n,).

    With `labels` (multiclass) the columns stand for these; one that the model has never seen is 0.
    Raises DataError where a feature is not there, a class of the model has no label, or nothing to predict for.
    """
    values = _predict(pipeline, table, model.target.task)
    if labels is None or model.target.task != "multiclass":
        return values
    own, places = classes(pipeline), {name: place for place, name in enumerate(labels)}
    if lacking := [name for name in own if name not in places]:
        raise DataError(f"the model knows the class {lacking[0]!r}, which is no label", expected=", ".join(labels))
    matrix = np.zeros((len(table), len(places)))
    matrix[:, [places[name] for name in own]] = values
    return matrix


def golden(pipeline: Any, table: pd.DataFrame, model: ModelFile, *, n: int = 50) -> Golden:
    """`n` rows of `table`, spread evenly by the model file's seed, and the model's predictions for them."""
    picked = np.sort(np.random.default_rng(model.evaluation.seed).permutation(len(table))[:n])
    rows = table.iloc[picked][list(pipeline.named_steps["columns"].features)].reset_index(drop=True)
    predictions = _predict(pipeline, rows, model.target.task)
    columns = predictions.reshape(len(rows), -1).T
    return Golden(rows.assign(**{f"prediction_{position}": values for position, values in enumerate(columns)}))


def reproduce(pipeline: Any, kept: Golden | pd.DataFrame, model: ModelFile) -> float:
    """The largest absolute difference of predictions from the golden ones; infinite where their shapes differ."""
    kept = kept if isinstance(kept, Golden) else Golden(kept)
    now = _predict(pipeline, kept.rows, model.target.task).reshape(len(kept.table), -1)
    if now.shape != kept.predictions.shape or not len(now):
        return float("inf")
    return float(np.max(np.abs(now - kept.predictions)))


def _predict(pipeline: Any, table: pd.DataFrame, task: str) -> np.ndarray[Any, Any]:
    if not len(table):
        raise DataError("there are no rows to predict for", expected="at least one row", got="0 rows")
    if task == "regression":
        return np.asarray(pipeline.predict(table), dtype=float)
    matrix = np.asarray(pipeline.predict_proba(table), dtype=float)
    return matrix[:, list(pipeline.classes_).index(1)] if task == "binary" else matrix


def _require_enough(rows: pd.DataFrame, y: pd.Series, recipe: Recipe, model: ModelFile) -> None:
    if len(rows) < FEWEST_ROWS:
        raise NotEnoughEvidence(
            f"recipe {recipe.name!r} has too few labelled rows to train on",
            where=model.data.source,
            expected=f"at least {FEWEST_ROWS} rows",
            got=f"{len(rows)} rows",
            remedy="collect more rows, or widen the challenger's window",
        )
    if model.target.task != "regression" and len(classes_of(y)) < 2:
        raise NotEnoughEvidence(
            f"recipe {recipe.name!r} sees one class only: there is nothing to tell apart",
            where="target",
            expected="at least two classes among the training rows",
            got=f"{len(rows)} rows, all of class {classes_of(y)[0]!r}",
            remedy="check the target in the model file, or take in a longer past",
        )


def _with_values(recipe: Recipe, rows: pd.DataFrame) -> tuple[dict[str, str], list[str]]:
    lacking = [name for name in recipe.features if name not in rows.columns]
    if lacking:
        raise DataError(f"the rows lack the feature {lacking[0]!r}", got=", ".join(map(str, rows.columns)))
    empty = [name for name, kind in recipe.features.items() if not _has_values(rows[name], kind)]
    if len(empty) == len(recipe.features):
        raise DataError(
            "no feature has a single value",
            where="features",
            expected="at least one feature with values among the training rows",
            got=f"{', '.join(empty)} all missing in {len(rows)} rows",
        )
    kept = {name: kind for name, kind in recipe.features.items() if name not in empty}
    return kept, [f"feature {name!r} has no value in any training row and is left out" for name in empty]


def _has_values(column: pd.Series, kind: str) -> bool:
    """Whether there is anything to learn from; in texts that is a word of two letters, as scikit-learn counts words."""
    known = column.dropna()
    return bool(known.astype(str).str.contains(r"\w\w").any()) if kind == "text" else bool(len(known))
