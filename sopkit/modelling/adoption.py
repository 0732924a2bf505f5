"""A model that exists already, taken as it is: brought into the form of our pipelines, never fitted again.

The rules:
* it gets the features of the model file, in the types that the model file gives them, and has to answer the same as
  it does on the rows as they were read; where it does not, the columns that make the difference are named;
* it has to be of the target's task, and to give probabilities where there are classes;
* rows that it may have been trained on are no evidence: only rows from its end of training (and a label delay) on
  are, and where that end is not known, none are sure;
* it is wrapped by classes of this module, which hold data only, so that skops can keep it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier, is_regressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError, DefinitionError, WrongUse
from sopkit.modelling.challengers import Recipe
from sopkit.modelling.columns import Columns
from sopkit.modelling.forecasts import with_forecast
from sopkit.modelling.origins import naive_forecast
from sopkit.modelling.tables import plain_text
from sopkit.modelling.times import utc
from sopkit.modelling.training import Fitted, classes, predict

__all__ = ["ADOPTED", "Adopted", "AdoptedClassifier", "AdoptedRegressor", "adapt", "adopt"]

ADOPTED = "adopted"
COMPARED = 500  # rows on which the model is asked twice: as they were read, and as the model file types them
Form = Literal["table", "array", "text"]
Array = np.ndarray[Any, Any]


class _Adopted(BaseEstimator):  # type: ignore[misc]  # scikit-learn 1.9 ships no types
    """`model` as it was found; `form` is what it takes: a table, an array without names, or one column of texts."""

    def __init__(self, model: Any, form: Form = "table") -> None:
        self.model, self.form = model, form

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def fit(self, X: Any, y: Any = None) -> Any:
        raise WrongUse("an adopted model is not trained here", remedy="leave `adopt` away to train the recipe")

    def _taken(self, X: pd.DataFrame) -> Any:
        if self.form == "text":
            return X.iloc[:, 0]
        return X.to_numpy(dtype=float) if self.form == "array" else X


class AdoptedRegressor(RegressorMixin, _Adopted):  # type: ignore[misc]
    """A regression model as it was found."""

    def predict(self, X: pd.DataFrame) -> Array:
        return np.asarray(self.model.predict(self._taken(X)), dtype=float).ravel()


class AdoptedClassifier(ClassifierMixin, _Adopted):  # type: ignore[misc]
    """A classifier as it was found, whose classes are called as ours are: 0 and 1, or texts."""

    def __init__(self, model: Any, form: Form = "table", names: list[Any] | None = None) -> None:
        super().__init__(model, form)
        self.names = names

    @property
    def classes_(self) -> Array:
        return np.asarray(self.names)

    def predict_proba(self, X: pd.DataFrame) -> Array:
        return np.asarray(self.model.predict_proba(self._taken(X)), dtype=float)

    def predict(self, X: pd.DataFrame) -> Array:
        return np.asarray(self.classes_[self.predict_proba(X).argmax(axis=1)])


@dataclass(frozen=True)
class Adopted:
    """`fitted` is the model in our form; `uri` where it came from; `trained_until` (exclusive) None where not known."""

    fitted: Fitted
    uri: str
    kind: str
    trained_until: pd.Timestamp | None
    notes: tuple[str, ...] = ()
    chosen: str = ADOPTED

    @property
    def why(self) -> str:
        """In place of the reason of a choice."""
        end = (
            "it is not said until when" if self.trained_until is None else f"until {self.trained_until:%Y-%m-%d %H:%M}"
        )
        return f"nothing was chosen or trained: {self.kind} of {self.uri} is adopted, trained elsewhere {end}"

    @property
    def means(self) -> dict[str, dict[str, float]]:
        return {self.chosen: {}}

    @property
    def table(self) -> pd.DataFrame:
        """One row a fact, for people."""
        known = "not known: rows may have been seen" if self.trained_until is None else f"{self.trained_until}"
        facts = {"adopted from": self.uri, "model": self.kind, "trained until (exclusive)": known}
        facts |= {"features": ", ".join(self.fitted.recipe.features), "notes": "; ".join(self.notes) or "none"}
        return pd.DataFrame({"": facts.values()}, index=pd.Index(facts.keys(), name="fact"))

    def judged(self, train: pd.DataFrame, holdout: pd.DataFrame, model: ModelFile) -> pd.DataFrame:
        """The held-out rows with its `prediction` and a `naive` forecast: what a first champion is judged on."""
        pipeline = self.fitted.pipeline
        known = classes(pipeline) if model.target.task == "multiclass" else ()
        rows = holdout.reset_index(drop=True).assign(fold=1)
        rows = with_forecast(rows, "naive", naive_forecast(train, rows, model, known))
        return with_forecast(rows, "prediction", predict(pipeline, holdout, model))

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, without the model."""
        until = None if self.trained_until is None else self.trained_until.isoformat()
        facts = {"uri": self.uri, "kind": self.kind, "trained_until": until, "notes": list(self.notes)}
        return {**facts, "chosen": self.chosen, "why": self.why, "features": dict(self.fitted.recipe.features)}


def adopt(
    found: Any, model: ModelFile, train: pd.DataFrame, *, uri: str, as_of: datetime, trained_until: str = ""
) -> Adopted:
    """The model `found` at `uri` as a challenger. `train` are the rows before the held-out ones.

    `trained_until` is the first moment whose rows it has not seen, as text. Where nobody knows (empty) it may have seen
    all rows up to the clock `as_of`, and for what is compared with it later it has.
    Raises DataError or DefinitionError where it does not fit the model file.
    """
    pipeline = adapt(found, model)
    notes = (
        _compared(found, pipeline, train.iloc[-COMPARED:]) if len(train) else ["there are no earlier rows to ask it on"]
    )
    features = dict(pipeline.named_steps["columns"].features)
    kind, end = _kind(found), utc(trained_until) if trained_until else None
    recipe = Recipe(ADOPTED, kind, {"adopted_from": uri}, features, title=f"Adopted, not trained here: {kind}")
    times = train[model.data.time]
    resources = {"wall_seconds": 0.0, "cpu_seconds": 0.0, "peak_memory_mb": 0.0, "most_threads": 0, "samples": []}
    fitted = Fitted(pipeline, recipe, times.min(), end if end is not None else utc(as_of), len(train), resources)
    return Adopted(fitted, uri, kind, end, tuple(notes))


def adapt(found: Any, model: ModelFile) -> Pipeline:
    """A fitted estimator in the form of our pipelines, for the model file's features. Raises DefinitionError."""
    _require_fitted(found)
    _require_task(found, model)
    if isinstance(found, Pipeline) and isinstance(found.named_steps.get("columns"), Columns):
        _require_features(list(found.named_steps["columns"].features), model)
        return found
    names, form = _wanted(found, model)
    kinds: dict[str, str] = {name: model.features[name].type for name in names}
    if model.target.task == "regression":
        return Pipeline([("columns", Columns(kinds)), ("estimator", AdoptedRegressor(found, form))])
    return Pipeline([("columns", Columns(kinds)), ("estimator", AdoptedClassifier(found, form, _names(found, model)))])


def _require_fitted(found: Any) -> None:
    if not hasattr(found, "predict"):
        raise DefinitionError("what was found is no model", expected="a fitted estimator", got=type(found).__name__)
    try:
        check_is_fitted(found)
    except NotFittedError:
        raise DefinitionError(
            f"the {type(found).__name__} is not fitted", remedy="adopt a model that was trained"
        ) from None
    except TypeError:  # not of scikit-learn: whether it answers is seen when it is asked
        pass


def _require_task(found: Any, model: ModelFile) -> None:
    task, kind = model.target.task, _kind(found)
    if task == "regression":
        if not is_regressor(found):
            raise DefinitionError(f"{kind} is no regression model, and the target is a number", where="target.task")
        return
    if is_regressor(found):
        raise DefinitionError(f"{kind} is a regression model, and the target is {task}", where="target.task")
    if not is_classifier(found) or not hasattr(found, "predict_proba"):
        raise DefinitionError(
            f"{kind} gives no probabilities (predict_proba)",
            expected="a classifier that gives a probability for each class",
            remedy="adopt it inside a CalibratedClassifierCV, fitted where it was trained",
        )


def _wanted(found: Any, model: ModelFile) -> tuple[list[str], Form]:
    """The features that it takes, in its order, and in which form."""
    names = getattr(found, "feature_names_in_", None)
    if names is not None:
        wanted = list(map(str, names))
        _require_features(wanted, model)
        return wanted, "table"
    texts = [name for name, feature in model.features.items() if feature.type == "text"]
    number = getattr(found, "n_features_in_", None)
    if number is None and len(texts) == 1:
        return texts, "text"
    others = [name for name, feature in model.features.items() if feature.type != "numeric"]
    if number != len(model.features) or others:
        raise DefinitionError(
            "the model does not say which columns it takes, and they cannot be told by their order",
            where="features",
            expected=f"{number} numeric features, in the order in which it was trained",
            got=f"{len(model.features)} features" + (f", {', '.join(others[:5])} not numeric" if others else ""),
            remedy="train it on a table with column names, or list exactly its features in the model file",
        )
    return list(model.features), "array"


def _require_features(wanted: list[str], model: ModelFile) -> None:
    lacking = [name for name in wanted if name not in model.features]
    if lacking:
        why = model.excluded.get(lacking[0])
        raise DefinitionError(
            f"the model takes {lacking[0]!r}, which is no feature of the model file" + (f" ({why})" if why else ""),
            where="features",
            expected=", ".join(wanted),
            got=", ".join(model.features),
            remedy="add it to `features` if it is known when a prediction is made; otherwise this model cannot be used",
        )


def _names(found: Any, model: ModelFile) -> list[Any]:
    """Its classes in its own order: 1 for the positive one and 0 for the other, or texts."""
    own = [value.item() if hasattr(value, "item") else value for value in found.classes_]
    if model.target.task == "multiclass":
        return [plain_text(value) for value in own]
    positive = model.target.positive
    hits = [str(value) == str(positive) or value == positive for value in own]
    if positive is None or sum(hits) != 1:  # trained on 0 and 1, as target() gives them
        hits = [str(value).casefold() in ("1", "1.0", "true") for value in own]
    if len(own) != 2 or sum(hits) != 1:
        raise DefinitionError(
            "the model's classes are not those of the target",
            where="target.positive",
            expected=f"two, one of them {positive if positive is not None else 1!r}",
            got=", ".join(map(repr, own)),
        )
    return [int(hit) for hit in hits]


def _compared(found: Any, pipeline: Pipeline, rows: pd.DataFrame) -> list[str]:
    """Whether it answers the same on rows as they were read. Raises DataError with the columns that differ."""
    if pipeline is found:
        return []
    columns = pipeline.named_steps["columns"]
    typed = columns.transform(rows)
    ask = "predict_proba" if hasattr(pipeline, "predict_proba") else "predict"
    own = pipeline.named_steps["estimator"]
    try:
        ours = getattr(own, ask)(typed)
    except Exception as error:  # whatever a foreign model raises
        raise DataError(
            "the model cannot answer rows with the types that the model file gives its features",
            where=_kind(found),
            expected=", ".join(f"{name}: {kind}" for name, kind in columns.features.items()),
            got=f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error).strip() else ''}",
            remedy="correct the types of the features in the model file, or adopt the model with its preparation",
        ) from None
    raw = rows[list(columns.features)]
    try:
        theirs = getattr(own, ask)(raw)
    except Exception as error:  # rows as they were read need not suit it
        return [f"rows as they were read could not be asked for comparison ({type(error).__name__})"]
    if np.allclose(ours, theirs, rtol=0, atol=1e-9, equal_nan=True):
        return [f"{len(rows)} rows are answered as before"]
    differing = []
    for name in columns.features:
        mixed = typed.assign(**{name: raw[name]})
        try:
            same = np.allclose(getattr(own, ask)(mixed), ours, rtol=0, atol=1e-9, equal_nan=True)
        except Exception:
            same = False
        if not same:
            differing.append(name)
    raise DataError(
        "the model answers otherwise when its features have the types of the model file",
        where=", ".join(differing) or "features",
        expected="the types with which it was trained",
        got=", ".join(f"{name}: {columns.features[name]}" for name in differing) or f"{len(rows)} rows",
        remedy="correct the types of these features in the model file",
    )


def _kind(found: Any) -> str:
    last = found.steps[-1][1] if isinstance(found, Pipeline) else found
    last = last.model if isinstance(last, _Adopted) else last
    inside = " (a pipeline)" if isinstance(found, Pipeline) else ""
    return f"{type(last).__name__}{inside}"
