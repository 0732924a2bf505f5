"""Rolling origin: which recipe forecasts best from several past dates, and does any beat a naive forecast?

The rules:
* everything happens inside the training rows; held-out rows are never looked at here;
* each fold trains on its past (minus the label delay) and is tested on the window after it;
* a fold whose test rows cannot bear the primary metric (one class only) is judged for no recipe;
* the best mean of the primary metric wins, unless an earlier recipe of the model file ties with it: what differs by no
  more than `evaluation.margin` (of a loss: that share of the naive forecast's) is no difference that a promotion would
  count, and what is within one standard error over the folds that tell the two apart is noise (the rule of one standard
  error, Breiman et al. 1984, Classification and Regression Trees, section 3.4.3);
* the naive forecast knows no features: class shares of the training rows, or what came in the same slot of
  the last season (`seasons`).

Tashman (2000), Out-of-sample tests of forecasting accuracy, Int. J. Forecasting 16.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.errors import NotEnoughEvidence
from sopkit.modelling.challengers import Recipe
from sopkit.modelling.seasons import seasonal_naive
from sopkit.modelling.side_by_side import side_by_side
from sopkit.modelling.splits import Fold, fewer_folds, folds
from sopkit.modelling.targets import classes_of, target
from sopkit.modelling.training import classes, fit, predict

__all__ = ["NAIVE", "RollingOrigin", "naive_forecast", "rolling_origin"]

NAIVE = "naive"
_PRIMARY = {"binary": "roc_auc", "multiclass": "ovr_roc_auc", "regression": "r2"}
_LOSSES = frozenset({"brier", "log_loss", "mae", "rmse", "scaled_error"})

Score = Callable[[np.ndarray[Any, Any], np.ndarray[Any, Any]], dict[str, float]]


@dataclass(frozen=True)
class RollingOrigin:
    """`table`: one row per fold and recipe (columns fold, recipe, test_from, test_until, train_rows, rows, metrics,
    note, and `judged`: whether the fold counts).

    `chosen`: the recipe's name, `why` in words; `means`: recipe -> metric -> mean over folds;
    `beats_naive`: whether the chosen recipe's mean is better than the naive forecast's;
    `predictions`: one row per test row and recipe (recipe, fold, row, time, actual, predicted…), where `row` is the
    label of the training row that was forecast.
    """

    table: pd.DataFrame
    chosen: str
    why: str
    primary: str
    means: dict[str, dict[str, float]]
    beats_naive: bool
    predictions: pd.DataFrame
    seconds: dict[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without the predictions."""
        rows = self.table.assign(
            test_from=self.table["test_from"].map(lambda at: at.isoformat()),
            test_until=self.table["test_until"].map(lambda at: at.isoformat()),
        )
        return {
            "primary": self.primary,
            "chosen": self.chosen,
            "why": self.why,
            "beats_naive": self.beats_naive,
            "means": self.means,
            "folds": rows.to_dict(orient="records"),
            "seconds": self.seconds,
        }


def rolling_origin(
    recipes: Sequence[Recipe],
    train: pd.DataFrame,
    model: ModelFile,
    *,
    score: Score,
    primary: str | None = None,
    direction: str | None = None,
    until: datetime | None = None,
    module: Path | None = None,
    progress: Callable[[dict[str, Any]], None] | None = None,
) -> RollingOrigin:
    """Every recipe, and the naive forecast, on every fold of the training rows.

    `score(y_true, prediction)` gives metrics by name. For multiclass targets `y_true` are class codes and the
    prediction has one column for each class of `train`, sorted. `direction` (`up` or `down`) says whether more
    of the primary metric is better. A recipe that cannot be fitted on a fold has NaN there and is not chosen.
    Fits run side by side where there is room; `progress`, called by one of them at a time, gets
    `{recipe, fold, folds, seconds, cpu_seconds, memory_mb, threads}`, the last three of the whole process.
    Raises NotEnoughEvidence where there are too few rows for the folds, or no recipe could be judged.
    """
    primary = primary or model.evaluation.metric or _PRIMARY[model.target.task]
    direction = direction or ("down" if primary in _LOSSES else "up")
    cuts = folds(train, model, until=until)
    known = classes_of(target(train, model)) if model.target.task == "multiclass" else []
    parts = {fold.number: _labelled(fold, train, model) for fold in cuts}
    one_at_a_time = threading.Lock()

    def tried(question: tuple[Fold, Recipe | None]) -> tuple[np.ndarray[Any, Any] | None, float, str]:
        """The forecast, the seconds that it took to learn, and why there is none."""
        fold, recipe = question
        past, test = parts[fold.number]
        try:
            if recipe is None:
                return naive_forecast(past, test, model, known), 0.0, ""
            told = _named(progress, one_at_a_time, recipe.name, fold, len(cuts))
            fitted = fit(recipe, past, model, until=fold.train_until, module=module, progress=told, curve=False)
            forecast = _in_order(predict(fitted.pipeline, test, model), fitted.pipeline, known)
            return forecast, fitted.resources["wall_seconds"], ""
        except NotEnoughEvidence as error:
            return None, 0.0, error.what

    questions = [(fold, recipe) for fold in cuts for recipe in (None, *recipes)]
    answers = iter(side_by_side(tried, questions))
    rows, seconds, forecasts = [], dict[str, float](), []
    for fold in cuts:
        past, test = parts[fold.number]
        y = target(test, model)
        actual = np.array([known.index(label) for label in y]) if known else y.to_numpy(dtype=float)
        for recipe in (None, *recipes):
            name = recipe.name if recipe else NAIVE
            forecast, took, note = next(answers)
            if recipe is not None and forecast is not None:
                seconds[name] = seconds.get(name, 0.0) + took
            values = score(actual, forecast) if forecast is not None else {}
            rows.append(
                {
                    "fold": fold.number,
                    "recipe": name,
                    "test_from": fold.test_from,
                    "test_until": fold.test_until,
                    "train_rows": len(past),
                    "rows": len(test),
                    **values,
                    "note": note,
                }
            )
            if forecast is not None:
                forecasts.append(_forecast_rows(name, fold, test, actual, forecast, model))
    table = pd.DataFrame(rows)
    if primary not in table:
        what = f"the primary metric {primary!r} could not be computed on any fold"
        raise NotEnoughEvidence(what, where="evaluation.primary", got="; ".join(dict.fromkeys(table["note"])))
    table["judged"] = table["fold"].isin(table.loc[(table["recipe"] == NAIVE) & table[primary].notna(), "fold"])
    means = _means(table)
    chosen, why = _choose(table, means, primary, direction, model.evaluation.margin)
    fewer = fewer_folds(cuts, model)
    why += f"; {fewer}" if fewer else ""
    naive = means[NAIVE][primary]
    beats = math.isfinite(naive) and _good(means[chosen][primary], direction) > _good(naive, direction)
    return RollingOrigin(table, chosen, why, primary, means, beats, pd.concat(forecasts, ignore_index=True), seconds)


def naive_forecast(
    past: pd.DataFrame, test: pd.DataFrame, model: ModelFile, known: Sequence[str] = ()
) -> np.ndarray[Any, Any]:
    """What knows no features: class shares of `past` (n,) or (n, classes), or the same slot of the last season."""
    if model.target.task == "regression":
        return seasonal_naive(past, test, model)
    y = target(past, model).dropna()
    if model.target.task == "binary":
        return np.full(len(test), float(y.mean()))
    shares = y[y.isin(known)].value_counts(normalize=True)  # a model that is adopted may know fewer classes
    return np.tile([float(shares.get(label, 0.0)) for label in known], (len(test), 1))


def _labelled(fold: Fold, train: pd.DataFrame, model: ModelFile) -> tuple[pd.DataFrame, pd.DataFrame]:
    past, test = fold.parts(train, model.data.time)
    return past, test.loc[target(test, model).notna()]


def _named(
    progress: Callable[[dict[str, Any]], None] | None, alone: threading.Lock, name: str, fold: Fold, number: int
) -> Callable[[dict[str, float]], None] | None:
    if progress is None:
        return None

    def tell(sample: dict[str, float]) -> None:
        with alone:
            progress({"recipe": name, "fold": fold.number, "folds": number, **sample})

    return tell


def _in_order(forecast: np.ndarray[Any, Any], pipeline: Any, known: Sequence[str]) -> np.ndarray[Any, Any]:
    """Columns for all `known` classes: one that the fold's past lacks has probability zero."""
    if not known:
        return forecast
    wide = np.zeros((len(forecast), len(known)))
    wide[:, [known.index(name) for name in classes(pipeline)]] = forecast
    return wide


def _forecast_rows(
    name: str,
    fold: Fold,
    test: pd.DataFrame,
    actual: np.ndarray[Any, Any],
    forecast: np.ndarray[Any, Any],
    model: ModelFile,
) -> pd.DataFrame:
    times = test[model.data.time].to_numpy()
    rows = {"recipe": name, "fold": fold.number, "row": test.index, "time": times, "actual": actual}
    columns = forecast.reshape(len(test), -1).T
    names = ["predicted"] if len(columns) == 1 else [f"predicted_{position}" for position in range(len(columns))]
    return pd.DataFrame({**rows, **dict(zip(names, columns, strict=True))})


def _means(table: pd.DataFrame) -> dict[str, dict[str, float]]:
    facts = {"fold", "recipe", "test_from", "test_until", "train_rows", "rows", "note", "judged"}
    metrics = [name for name in table.columns if name not in facts]
    judged = table[table["judged"]].groupby("recipe", sort=False)
    # Without skipna a recipe could win by failing on the hard folds.
    means = {name: group[metrics].mean(skipna=False) for name, group in judged}
    return {str(name): {metric: float(value) for metric, value in values.items()} for name, values in means.items()}


def _good(value: float, direction: str) -> float:
    return -math.inf if math.isnan(value) else (value if direction == "up" else -value)


def _choose(
    table: pd.DataFrame, means: dict[str, dict[str, float]], primary: str, direction: str, margin: float
) -> tuple[str, str]:
    names = [name for name in table["recipe"].unique() if name != NAIVE]
    number, judged = table["fold"].nunique(), table.loc[table["judged"], "fold"].nunique()
    goodness = {name: _good(means.get(name, {}).get(primary, math.nan), direction) for name in names}
    best = max(goodness.values(), default=-math.inf)
    if best == -math.inf:
        notes = [note for note in dict.fromkeys(table["note"]) if note]
        raise NotEnoughEvidence(
            "no recipe could be judged by rolling origin",
            where="challengers",
            expected=f"{primary} on {number} folds, where the test rows allow it",
            got="; ".join([f"{judged} of {number} folds can be judged", *notes]),
            remedy="collect more rows, or widen the challengers' windows",
        )
    leader = next(name for name in names if goodness[name] == best)
    earlier = [name for name in names[: names.index(leader)] if goodness[name] > -math.inf]
    ties = {name: _tie(table, means, leader, name, primary, margin) for name in earlier}
    chosen = next((name for name, within in ties.items() if within), leader)
    others = [f"{name} {means[name][primary]:.4f}" for name in names if name != chosen]
    folds_judged = f"{number} fold{'s' if number != 1 else ''}"
    over = folds_judged if judged == number else f"{judged} of {folds_judged} (the others cannot be judged)"
    scored = f"mean {primary} over {over}: {means[chosen][primary]:.4f}"
    scored += f" against {', '.join(others)}" if others else " (the only recipe)"
    why = f"{chosen} has the best {scored}"
    if chosen != leader:
        why = f"{chosen} comes first in the model file, and {leader} is better by no more than {ties[chosen]}; {scored}"
    return chosen, f"{why}; naive {means[NAIVE][primary]:.4f}"


def _tie(
    table: pd.DataFrame, means: dict[str, dict[str, float]], leader: str, other: str, primary: str, margin: float
) -> str:
    """What the leader's advantage over an `other` recipe does not exceed; nothing where it is a real one."""
    is_loss = primary in _LOSSES
    line = margin * (abs(means[NAIVE][primary]) if is_loss else 1.0)
    if abs(means[leader][primary] - means[other][primary]) <= line:
        return f"the margin of {margin:g}" + (" of the naive forecast's" if is_loss else "")
    folds_of = table[table["judged"]].pivot(index="fold", columns="recipe", values=primary)
    apart = folds_of[leader] - folds_of[other]
    apart = apart[apart != 0]  # a fold on which both made the same model tells nothing
    error = float(apart.std(ddof=1)) / math.sqrt(len(apart)) if len(apart) > 1 else 0.0
    return "one standard error over the folds" if abs(float(apart.mean())) <= error else ""
