"""Preprocessing and estimator as one scikit-learn pipeline, so that inference cannot prepare rows differently.

The rules:
* every pipeline copes with missing values, unseen categories, truth values and times;
* histogram boosting gets features of few categories as such and codes of the others as numbers: a split into
  arbitrary sets of a hundred categories fits noise (LightGBM's manual, "Advanced Topics", advises the same);
  LightGBM and XGBoost get codes; missing and unseen values are missing;
* everything else gets imputed, scaled and one-hot columns;
* a text becomes its weighted words (TF-IDF); a missing one has none, and words that training never saw do not count;
* where no estimator is named, histogram boosting is the default, and a linear model where a feature is a text:
  thousands of rare words are sparse columns, which it takes whole and trees do not (Joachims 1998);
* estimators come from scikit-learn, LightGBM, XGBoost or the pinned Python file beside the model file;
* the seed of the model file is set wherever the estimator takes one.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import is_classifier, is_regressor
from sklearn.compose import ColumnTransformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from sopkit.definitions.model import Estimator, Task
from sopkit.errors import DefinitionError
from sopkit.modelling.columns import Columns
from sopkit.modelling.modules import attribute

__all__ = ["FEW_CATEGORIES", "make_estimator", "make_pipeline_for"]

_PREFIXES = ("sklearn.", "lightgbm.", "xgboost.")
FEW_CATEGORIES = 32
_MOST_COLUMNS_PER_CATEGORICAL = 100
_TERMS_FOR_TREES, _TERMS = 300, 20_000


def make_estimator(definition: Estimator, task: Task, *, seed: int, module: Path | None = None) -> Any:
    """The unfitted estimator that `definition` names. Raises DefinitionError for what is not one of the task."""
    cls = _class(definition.class_, module)
    if not (inspect.isclass(cls) and hasattr(cls, "fit") and hasattr(cls, "predict") and hasattr(cls, "get_params")):
        raise DefinitionError(
            f"{definition.class_} is not an estimator", where="estimator.class", expected="a class with fit and predict"
        )
    accepted = _accepted(cls)
    unknown = [name for name in definition.parameters if name not in accepted]
    if unknown:
        raise DefinitionError(
            f"{definition.class_} has no parameter {unknown[0]!r}",
            where="estimator.parameters",
            expected=", ".join(sorted(accepted)) or "no parameters",
            got=", ".join(definition.parameters),
        )
    parameters = dict(definition.parameters)
    if "random_state" in accepted:
        parameters.setdefault("random_state", seed)
    try:
        estimator = cls(**parameters)
    except (TypeError, ValueError) as error:
        raise DefinitionError(f"{definition.class_} cannot be made", where="estimator", got=str(error)) from None
    fits = is_regressor(estimator) if task == "regression" else is_classifier(estimator)
    if not fits or (task != "regression" and not hasattr(estimator, "predict_proba")):
        raise DefinitionError(
            f"{definition.class_} does not fit a {task} target",
            where="estimator.class",
            expected="a regressor" if task == "regression" else "a classifier that gives probabilities (predict_proba)",
        )
    return estimator


def make_pipeline_for(features: Mapping[str, str], estimator: Any, *, few: Collection[str] = ()) -> Pipeline:
    """`Columns`, preprocessing and `estimator` for `features` (name -> numeric, categorical or text), unfitted.

    `few` are the categorical features with at most `FEW_CATEGORIES` values among the training rows.
    """
    of = {kind: [name for name, its in features.items() if its == kind] for kind in ("numeric", "categorical", "text")}
    family = _family(estimator)
    native = [name for name in of["categorical"] if family == "histogram" and name in few]
    coded = [name for name in of["categorical"] if name not in native]
    steps: list[tuple[str, Any, Any]] = []
    if native:
        # They come first, so their positions do not depend on how many columns the others make.
        steps.append(("categories", _ordinal(), native))
        estimator.set_params(categorical_features=list(range(len(native))))
    if coded:
        steps.append(("categorical", _one_hot() if family == "general" else _ordinal(), coded))
    if of["numeric"]:
        steps.append(("numeric", _scaled() if family == "general" else "passthrough", of["numeric"]))
    terms = _TERMS if family == "general" else _TERMS_FOR_TREES
    steps += [
        (f"text_{position}", TfidfVectorizer(max_features=terms, sublinear_tf=True, strip_accents="unicode"), name)
        for position, name in enumerate(of["text"])
    ]
    sparse = 0.3 if family == "general" else 0.0  # histogram boosting takes dense rows only
    return Pipeline(
        [
            ("columns", Columns(dict(features))),
            ("prepare", ColumnTransformer(steps, sparse_threshold=sparse, verbose_feature_names_out=True)),
            ("estimator", estimator),
        ]
    )


def _class(path: str, module: Path | None) -> Any:
    if path.startswith(_PREFIXES):
        package, _, name = path.rpartition(".")
        try:
            found = getattr(importlib.import_module(package), name, None)
        except ImportError:
            root = path.partition(".")[0]
            raise DefinitionError(
                f"{package} cannot be imported",
                where="estimator.class",
                got=path,
                remedy="check the path" if root == "sklearn" else f"pip install {root}, or choose another estimator",
            ) from None
        if found is None or not str(getattr(found, "__module__", "")).startswith(_PREFIXES):
            raise DefinitionError(f"{package} has no estimator {name!r}", where="estimator.class", got=path)
        return found
    if ":" in path:
        return attribute(path, module, where="estimator.class")
    raise DefinitionError(
        f"the estimator {path} is not allowed",
        where="estimator.class",
        expected="a path below sklearn, lightgbm or xgboost, or module:Name of the file beside the model file",
    )


def _accepted(cls: type) -> set[str]:
    names = getattr(cls, "_get_param_names", None)
    accepted = set(names()) if names else set()
    accepted |= {
        name
        for name, parameter in inspect.signature(cls).parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
    }
    return accepted - {"self"}


def _family(estimator: Any) -> str:
    if type(estimator).__name__.startswith("HistGradientBoosting"):
        return "histogram"
    return "boosting" if type(estimator).__module__.startswith(("lightgbm", "xgboost")) else "general"


def _ordinal() -> OrdinalEncoder:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, encoded_missing_value=np.nan)


def _one_hot() -> OneHotEncoder:
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=_MOST_COLUMNS_PER_CATEGORICAL, min_frequency=2
    )


def _scaled() -> Pipeline:
    return make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
