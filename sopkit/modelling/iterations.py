"""What a fit got better by, iteration by iteration, read off the fitted estimator.

The rules:
* nothing is fitted again: the curve is what the estimator kept, or what its partial ensembles say of training rows;
* an estimator that keeps nothing of the kind has no curve, which is `None` and no error;
* a curve is told with what was measured and on which rows: the loss on training rows falls whatever is learned, so
  where the estimator set rows apart for validation, theirs stands beside it;
* at most 200 points are kept, spread evenly, the first and the last among them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from sopkit.modelling.side_by_side import warned

__all__ = ["MOST", "ROWS", "iterations_of", "listener"]

MOST = 200
ROWS = 500
_POINTS = 60  # of an ensemble that has to be asked once for each
_TRAIN, _ASIDE = "training rows", "rows set aside"


def iterations_of(pipeline: Any, rows: pd.DataFrame, labels: Any) -> dict[str, Any] | None:
    """`{title, metric, better, iteration, train, validation, of, validation_of, note}`, None where there is no curve.

    `train` and `validation` are as long as `iteration`, either of them None where it is not known; `better` is `lower`
    or `higher`; `validation_metric` is there where it is another one. `rows` and `labels` are what it was fitted on.
    """
    estimator = pipeline[-1]
    try:
        with warned():
            curve = _kept(estimator) or _staged(estimator, pipeline, rows, np.asarray(labels))
    except Exception as error:  # a curve is an extra: an estimator of another kind is no reason to lose its fit
        return {"title": _title(estimator), "note": f"no curve: {type(error).__name__}", "iteration": []}
    return None if curve is None else _thinned({"title": _title(estimator), **curve})


def listener(pipeline: Any, tell: Callable[[dict[str, float]], None]) -> dict[str, Any]:
    """Parameters of `pipeline.fit` by which `tell` hears of each iteration; none where the estimator offers no way."""
    estimator = pipeline[-1]
    if not type(estimator).__module__.startswith("lightgbm"):
        return {}

    def heard(environment: Any) -> None:
        told = {f"{data} {name}": float(value) for data, name, value, *_ in environment.evaluation_result_list or ()}
        total = environment.end_iteration - environment.begin_iteration
        tell({"iteration": float(environment.iteration + 1), "iterations": float(total), **told})

    return {f"{pipeline.steps[-1][0]}__callbacks": [heard]}


def _kept(estimator: Any) -> dict[str, Any] | None:
    """What the estimator wrote down while it was fitted."""
    name = type(estimator).__name__
    train, validation = (_values(estimator, each) for each in ("train_score_", "validation_score_"))
    if name.startswith("HistGradientBoosting") and train:
        scoring = estimator.scoring if isinstance(estimator.scoring, str) else "score"
        loss = scoring == "loss"  # scikit-learn (1.9) keeps the negative loss, so that more is better
        sign = -1.0 if loss else 1.0
        return {
            "metric": "loss" if loss else scoring,
            "better": "lower" if loss else "higher",
            "iteration": list(range(len(train))),
            "train": [sign * value for value in train],
            "validation": [sign * value for value in validation] or None,
            "of": _TRAIN,
            "validation_of": _ASIDE if validation else None,
        }
    if name.startswith("GradientBoosting") and train:
        aside = _values(estimator, "oob_scores_")
        return {
            "metric": str(estimator.loss).replace("_", " "),
            "better": "lower",
            "iteration": list(range(1, len(train) + 1)),
            "train": train,
            "validation": aside or None,
            "of": "rows of each tree" if aside else _TRAIN,
            "validation_of": "rows it did not see" if aside else None,
        }
    if losses := _values(estimator, "loss_curve_"):
        scores = _values(estimator, "validation_scores_")
        apart = {"validation_metric": "r2" if name.endswith("Regressor") else "accuracy"} if scores else {}
        return {
            "metric": "loss",
            "better": "lower",
            "iteration": list(range(1, len(losses) + 1)),
            "train": losses,
            "validation": scores or None,
            "of": _TRAIN,
            "validation_of": _ASIDE if scores else None,
            **apart,
        }
    return None


def _staged(estimator: Any, pipeline: Any, rows: pd.DataFrame, labels: np.ndarray[Any, Any]) -> dict[str, Any] | None:
    """What the ensemble says of some training rows with its first tree, its first two, and so on."""
    name = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    boosted = type(estimator).__module__.startswith("lightgbm")
    if not boosted and not hasattr(estimator, f"staged_{name}"):
        return None
    if name == "predict_proba" and estimator.classes_ is None:
        return None
    picked = np.unique(np.linspace(0, len(rows) - 1, min(ROWS, len(rows))).astype(int))
    table, known = pipeline[:-1].transform(rows.iloc[picked]), labels[picked]
    measured = _log_loss(estimator.classes_, known) if name == "predict_proba" else _rmse(known.astype(float))
    if boosted:
        asked = _spread(estimator.n_estimators_, _POINTS)
        found = [measured(getattr(estimator, name)(table, num_iteration=number)) for number in asked]
    else:
        found = [measured(forecast) for forecast in getattr(estimator, f"staged_{name}")(table)]
        asked = list(range(1, len(found) + 1))
    return {
        "metric": "log loss" if name == "predict_proba" else "root mean squared error",
        "better": "lower",
        "iteration": asked,
        "train": found,
        "validation": None,
        "of": f"{len(picked):,} training rows" if len(picked) < len(rows) else _TRAIN,
        "validation_of": None,
    }


def _log_loss(classes: Iterable[Any], known: np.ndarray[Any, Any]) -> Callable[[Any], float]:
    places = {label: place for place, label in enumerate(classes)}
    own = np.array([places[label] for label in known])
    return lambda shares: float(-np.mean(np.log(np.clip(np.asarray(shares)[np.arange(len(own)), own], 1e-15, 1.0))))


def _rmse(known: np.ndarray[Any, Any]) -> Callable[[Any], float]:
    return lambda forecast: float(np.sqrt(np.mean((np.asarray(forecast, dtype=float) - known) ** 2)))


def _values(estimator: Any, name: str) -> list[float]:
    found = getattr(estimator, name, None)
    return [] if found is None else [float(value) for value in found]


def _spread(number: int, most: int) -> list[int]:
    """Numbers from 1 to `number`, `most` at the most, evenly, with both ends."""
    return sorted({round(value) for value in np.linspace(1, number, min(most, number))})


def _thinned(curve: dict[str, Any]) -> dict[str, Any]:
    number = len(curve["iteration"])
    kept = [place - 1 for place in _spread(number, MOST)]
    return {key: list(_rounded(value, kept)) if isinstance(value, list) else value for key, value in curve.items()}


def _rounded(values: Sequence[Any], kept: Sequence[int]) -> Iterator[Any]:
    """Six significant digits tell a curve, and keep the file small."""
    chosen = (values[place] for place in kept if place < len(values))
    return (float(f"{value:.6g}") if isinstance(value, float) else value for value in chosen)


def _title(estimator: Any) -> str:
    return type(estimator).__name__
