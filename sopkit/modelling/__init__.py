"""Modelling: rows as of a clock, splits by time, pipelines, fitting.

The way of a table through a retraining:

    modelling.require_source(model, root=folder, module=pinned)                   # what can be seen beforehand
    snapshot = modelling.read(model, as_of=clock, root=folder, module=pinned)     # Snapshot(table, origin)
    clean = modelling.clean(snapshot.table, model)                                # Cleaned(table, removed, changed)
    splits = modelling.split(clean.table, model, as_of=clock)                     # Splits(train, holdout, boundaries)
    trial = modelling.rolling_origin(modelling.recipes(model), splits.train, model, score=score)
    fitted = modelling.fit(modelling.recipe(model, trial.chosen), splits.train, model)
    predictions = modelling.predict(fitted.pipeline, splits.holdout, model)

Time intervals are half open, times are UTC, missing is never guessed. Nothing here reads the clock or
the environment. Exports are loaded on first use, so importing this package costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sopkit.modelling.accepted import Accepted
    from sopkit.modelling.adoption import Adopted, adopt
    from sopkit.modelling.challengers import Recipe, recipe, recipes
    from sopkit.modelling.cleaning import Cleaned, clean
    from sopkit.modelling.columns import Columns
    from sopkit.modelling.declared import label_columns
    from sopkit.modelling.environment import describe
    from sopkit.modelling.forecasts import fold_rows, forecast, judged_rows, labels, together, truth, with_forecast
    from sopkit.modelling.indicators import Series, read_indicators, watched
    from sopkit.modelling.modules import load_module
    from sopkit.modelling.origins import NAIVE, RollingOrigin, naive_forecast, rolling_origin
    from sopkit.modelling.own import own_functions
    from sopkit.modelling.preflight import require_source
    from sopkit.modelling.seasons import Season, season_of, seasonal_naive
    from sopkit.modelling.sources import Snapshot, read
    from sopkit.modelling.splits import Fold, Splits, folds, newest, split, too_early, unseen_from
    from sopkit.modelling.summaries import cleaning_table, origin_table, recipes_table, training_table
    from sopkit.modelling.tables import csv_bytes, parquet_bytes, read_csv_bytes, read_parquet_bytes, rows_digest
    from sopkit.modelling.targets import target
    from sopkit.modelling.training import Fitted, Golden, classes, fit, golden, predict, reproduce

__all__ = [
    "NAIVE",
    "Accepted",
    "Adopted",
    "Cleaned",
    "Columns",
    "Fitted",
    "Fold",
    "Golden",
    "Recipe",
    "RollingOrigin",
    "Season",
    "Series",
    "Snapshot",
    "Splits",
    "adopt",
    "classes",
    "clean",
    "cleaning_table",
    "csv_bytes",
    "describe",
    "fit",
    "fold_rows",
    "folds",
    "forecast",
    "golden",
    "judged_rows",
    "label_columns",
    "labels",
    "load_module",
    "naive_forecast",
    "newest",
    "origin_table",
    "own_functions",
    "parquet_bytes",
    "predict",
    "read",
    "read_csv_bytes",
    "read_indicators",
    "read_parquet_bytes",
    "recipe",
    "recipes",
    "recipes_table",
    "reproduce",
    "require_source",
    "rolling_origin",
    "rows_digest",
    "season_of",
    "seasonal_naive",
    "split",
    "target",
    "together",
    "too_early",
    "training_table",
    "truth",
    "unseen_from",
    "watched",
    "with_forecast",
]

_HOME = {
    "accepted": ("Accepted",),
    "adoption": ("Adopted", "adopt"),
    "cleaning": ("Cleaned", "clean"),
    "columns": ("Columns",),
    "declared": ("label_columns",),
    "environment": ("describe",),
    "forecasts": ("fold_rows", "forecast", "judged_rows", "labels", "together", "truth", "with_forecast"),
    "indicators": ("Series", "read_indicators", "watched"),
    "modules": ("load_module",),
    "origins": ("NAIVE", "RollingOrigin", "naive_forecast", "rolling_origin"),
    "challengers": ("Recipe", "recipe", "recipes"),
    "own": ("own_functions",),
    "preflight": ("require_source",),
    "seasons": ("Season", "season_of", "seasonal_naive"),
    "sources": ("Snapshot", "read"),
    "splits": ("Fold", "Splits", "folds", "newest", "split", "too_early", "unseen_from"),
    "summaries": ("cleaning_table", "origin_table", "recipes_table", "training_table"),
    "tables": ("csv_bytes", "parquet_bytes", "read_csv_bytes", "read_parquet_bytes", "rows_digest"),
    "targets": ("target",),
    "training": ("Fitted", "Golden", "classes", "fit", "golden", "predict", "reproduce"),
}
_MODULES = {name: module for module, names in _HOME.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    # No export may have the name of a submodule: importing the submodule would take its place here.
    value = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    globals()[name] = value
    return value
