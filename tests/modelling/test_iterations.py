"""Curves over the iterations of a fit, read off real estimators."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit import modelling
from sopkit.definitions.model import ModelFile
from sopkit.modelling.iterations import MOST

Make = Callable[..., ModelFile]
BOOSTED = "sklearn.ensemble.HistGradientBoostingClassifier"
KEPT = {
    "histogram boosting that stops early": (BOOSTED, {"max_iter": 30, "early_stopping": True}, "loss", True),
    "histogram boosting without": (BOOSTED, {"max_iter": 12, "early_stopping": False}, "log loss", False),
    "histogram boosting by another score": (
        BOOSTED,
        {"max_iter": 9, "early_stopping": True, "scoring": "roc_auc"},
        "roc_auc",
        True,
    ),
    "gradient boosting": ("sklearn.ensemble.GradientBoostingClassifier", {"n_estimators": 8}, "log loss", False),
    "gradient boosting on part of the rows": (
        "sklearn.ensemble.GradientBoostingClassifier",
        {"n_estimators": 8, "subsample": 0.5},
        "log loss",
        True,
    ),
    "adaptive boosting": ("sklearn.ensemble.AdaBoostClassifier", {"n_estimators": 7}, "log loss", False),
    "a neural network": (
        "sklearn.neural_network.MLPClassifier",
        {"max_iter": 6, "early_stopping": True},
        "loss",
        True,
    ),
    "lightgbm": ("lightgbm.LGBMClassifier", {"n_estimators": 9}, "log loss", False),
}


def curve_of(model: ModelFile, rows: pd.DataFrame) -> dict[str, Any] | None:
    return modelling.fit(modelling.recipe(model), rows, model).to_dict()["iterations"]


@pytest.mark.parametrize("case", KEPT)
def test_what_an_estimator_tells_of_its_iterations_is_kept(rows: pd.DataFrame, model_with: Make, case: str) -> None:
    """Boosting and neural networks leave a finite curve and its metric; validation is of rows set aside."""
    name, parameters, metric, validated = KEPT[case]
    curve = curve_of(model_with(estimator={"class": name, "parameters": parameters}), rows)
    assert curve is not None
    assert (curve["metric"], curve["validation"] is not None) == (metric, validated)
    assert curve["title"] == name.rpartition(".")[2]
    assert len(curve["iteration"]) == len(curve["train"]) > 3
    assert np.isfinite(curve["train"]).all()
    assert curve["better"] == ("higher" if metric == "roc_auc" else "lower")
    if metric != "roc_auc" and case != "adaptive boosting":  # whose shares grow bolder, not better
        assert curve["train"][-1] < curve["train"][0]
    if validated:
        assert len(curve["validation"]) == len(curve["iteration"])
    json.dumps(curve, allow_nan=False)


@pytest.mark.parametrize(
    ("task", "metric"), [("regression", "root mean squared error"), ("multiclass", "log loss")], ids=str
)
def test_a_curve_is_of_the_task(rows: pd.DataFrame, model_with: Make, task: str, metric: str) -> None:
    """A number is measured by its squared error, several classes by log loss, each by class codes of its own."""
    column = "temperature" if task == "regression" else "site"
    model = model_with(
        target={"column": column, "task": task},
        features={"alarm": "numeric", "machine": "categorical"},
        data={"source": "rows.csv", "time": "at"},
        estimator=None,
    )
    curve = curve_of(model, rows.dropna())
    assert curve is not None
    assert metric == curve["metric"]
    assert curve["train"][-1] < curve["train"][0]


def test_an_estimator_without_iterations_has_no_curve(rows: pd.DataFrame, model_with: Make) -> None:
    """A linear model and a forest tell nothing of the kind, and nothing is made up for them."""
    for name in ("sklearn.linear_model.LogisticRegression", "sklearn.ensemble.RandomForestClassifier"):
        assert curve_of(model_with(estimator={"class": name}), rows) is None


def test_a_long_curve_is_thinned_and_keeps_both_ends(rows: pd.DataFrame, model_with: Make) -> None:
    """Four hundred iterations become two hundred points at the most, the first and the last among them."""
    parameters = {"max_iter": 400, "early_stopping": False, "max_leaf_nodes": 4}
    curve = curve_of(model_with(estimator={"class": BOOSTED, "parameters": parameters}), rows)
    assert curve is not None
    assert len(curve["iteration"]) <= MOST
    assert (curve["iteration"][0], curve["iteration"][-1]) == (1, 400)


def test_a_curve_that_cannot_be_drawn_loses_no_fit(rows: pd.DataFrame, model_with: Make, tmp_path: Any) -> None:
    """An estimator of the workspace whose attribute is no list of numbers is fitted, and a note says so."""
    (tmp_path / "own.py").write_text(
        "from sklearn.linear_model import LogisticRegression\n"
        "class Odd(LogisticRegression):\n"
        "    @property\n"
        "    def loss_curve_(self):\n"
        "        return ['<script>']\n"
    )
    model = model_with(estimator={"class": "own:Odd"})
    fitted = modelling.fit(modelling.recipe(model), rows, model, module=tmp_path / "own.py")
    assert fitted.iterations == {"title": "Odd", "note": "no curve: ValueError", "iteration": []}
    assert len(modelling.predict(fitted.pipeline, rows, model)) == len(rows)


def test_lightgbm_tells_each_iteration_while_it_fits(rows: pd.DataFrame, model_with: Make) -> None:
    """Who watches hears which of how many iterations it is at, beside seconds and memory."""
    seen: list[dict[str, float]] = []
    model = model_with(estimator={"class": "lightgbm.LGBMClassifier", "parameters": {"n_estimators": 9}})
    modelling.fit(modelling.recipe(model), rows, model, progress=seen.append)
    assert {"iteration": 9.0, "iterations": 9.0}.items() <= seen[-1].items()
    assert "memory_mb" in seen[-1]
