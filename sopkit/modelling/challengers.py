"""A recipe: everything that decides a model but the rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from sopkit.definitions.durations import parse_duration, render_duration
from sopkit.definitions.model import Challenger, ModelFile
from sopkit.definitions.model import Estimator as EstimatorDefinition
from sopkit.errors import DefinitionError
from sopkit.modelling.default_estimators import default_estimator

__all__ = ["Recipe", "recipe", "recipes"]


@dataclass(frozen=True)
class Recipe:
    """`estimator` is a class path, `features` name -> type, `window` how far back training rows reach (None: all)."""

    name: str
    estimator: str
    parameters: dict[str, Any] = field(default_factory=dict)
    features: dict[str, str] = field(default_factory=dict)
    window: timedelta | None = None
    title: str = ""

    def same_as(self, other: Recipe) -> bool:
        """Whether both make the same model of the same rows, whatever they are called."""
        alike = replace(self, name="", title="") == replace(other, name="", title="")
        return alike and list(self.features) == list(other.features)  # their order decides between equal splits

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "estimator": self.estimator,
            "parameters": dict(self.parameters),
            "features": dict(self.features),
            "window": None if self.window is None else render_duration(self.window),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Recipe:
        """A recipe as `to_dict` wrote it; fields of later versions are ignored."""
        window = data.get("window")
        return cls(
            name=data["name"],
            estimator=data["estimator"],
            parameters=dict(data.get("parameters", {})),
            features=dict(data["features"]),
            window=None if window is None else parse_duration(window),
            title=data.get("title", ""),
        )


def recipe(model: ModelFile, challenger: str | None = None) -> Recipe:
    """The model file's own recipe, or that of a challenger. Raises DefinitionError for an unknown name or feature."""
    if challenger is not None and challenger not in model.challengers:
        raise DefinitionError(
            f"there is no challenger {challenger!r}", where="challengers", expected=", ".join(model.challengers)
        )
    override = model.challengers[challenger] if challenger else Challenger()
    chosen = override.features if override.features is not None else list(model.features)
    unknown = [name for name in chosen if name not in model.features]
    if unknown or not chosen:
        raise DefinitionError(
            f"{unknown[0]!r} is not a feature of the model" if unknown else "the challenger has no features",
            where=f"challengers.{challenger}.features",
            expected=", ".join(model.features),
        )
    features: dict[str, str] = {name: model.features[name].type for name in chosen}
    base: EstimatorDefinition = override.estimator or model.estimator or default_estimator(model.target.task, features)
    return Recipe(
        name=challenger or "own",
        estimator=base.class_,
        parameters={**base.parameters, **override.parameters},
        features=features,
        window=override.window,
        title=override.title,
    )


def recipes(model: ModelFile) -> list[Recipe]:
    """The recipes of all challengers, in the order of the model file (the simpler ones first)."""
    return [recipe(model, name) for name in model.challengers]
