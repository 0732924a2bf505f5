"""The estimator of a model file that names none. Without scikit-learn: a recipe is read where nothing is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sopkit.definitions.model import Estimator, Task

__all__ = ["DEFAULT_PARAMETERS", "TEXT_PARAMETERS", "default_estimator"]

DEFAULT_PARAMETERS: dict[str, Any] = {"max_iter": 120, "learning_rate": 0.08, "early_stopping": False}
# scikit-learn 1.9 divides a leaf's step by p (1 - p) alone, which is next to nothing for a class of few rows: its steps
# grow without bound, and in the end every row is foretold with certainty. This much holds a full leaf (20 rows, none
# of them decided) to half of its step.
CLASSES_PARAMETERS: dict[str, Any] = {"l2_regularization": 5.0}
# Rows of TF-IDF have the length one, so that scikit-learn's C of 1 holds the weights of words back hard. Classes are
# not reweighted: probabilities must mean what they say.
TEXT_PARAMETERS: dict[Task, dict[str, Any]] = {
    "binary": {"C": 10.0, "max_iter": 1000},
    "multiclass": {"C": 10.0, "max_iter": 1000},
    "regression": {"alpha": 1.0},
}


def default_estimator(task: Task, features: Mapping[str, str] | None = None) -> Estimator:
    """The estimator where a model file names none, for `features` (name -> kind).

    Histogram gradient boosting of the task, with the parameters that the rules of evidence were measured with, held
    back a little where there are several classes, of which some are mostly rare; with a text among the features
    logistic regression, or ridge regression.
    """
    if "text" in (features or {}).values():
        name = "Ridge" if task == "regression" else "LogisticRegression"
        chosen = {"class": f"sklearn.linear_model.{name}", "parameters": dict(TEXT_PARAMETERS[task])}
    else:
        kind = "Regressor" if task == "regression" else "Classifier"
        parameters = DEFAULT_PARAMETERS | (CLASSES_PARAMETERS if task == "multiclass" else {})
        chosen = {"class": f"sklearn.ensemble.HistGradientBoosting{kind}", "parameters": parameters}
    return Estimator.model_validate(chosen)
