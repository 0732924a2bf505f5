"""Classes of several models: what is compared speaks of the same ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from sopkit import modelling
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError

Make = Callable[..., ModelFile]


def test_models_of_different_classes_are_compared_on_all_of_them(rows: pd.DataFrame, model_with: Make) -> None:
    """Columns stand for the same classes, an unknown one is 0, and a class that no model knows has a place too."""
    model = model_with(target={"column": "kind", "task": "multiclass"})
    warm = np.where(rows["temperature"] > 20, "warm", "cold")
    old = modelling.fit(modelling.recipe(model), rows.assign(kind=warm), model).pipeline
    new = modelling.fit(modelling.recipe(model), rows.assign(kind=np.where(warm == "warm", "hot", "mild")), model)
    later = rows.head(4).assign(kind=["cold", "hot", "icy", None])

    labels = modelling.labels(model, later, old, new.pipeline, None)
    assert ["cold", "warm", "hot", "icy", "mild"] == labels  # a model's own codes stay what they are
    assert labels is not None
    for pipeline in (old, new.pipeline):
        known = modelling.classes(pipeline)
        told = modelling.predict(pipeline, later, model, labels=labels)
        assert (4, 5) == told.shape
        np.testing.assert_array_equal(
            modelling.predict(pipeline, later, model), told[:, [labels.index(name) for name in known]]
        )
        assert 0 == told[:, [place for place, name in enumerate(labels) if name not in known]].sum()
    np.testing.assert_array_equal([0, 2, 3, np.nan], modelling.truth(old, later, model, labels=labels))
    with pytest.raises(DataError, match="knows the class 'warm'"):
        modelling.predict(old, later, model, labels=["cold"])


def test_two_classes_and_numbers_have_no_labels(rows: pd.DataFrame, model: ModelFile) -> None:
    """Where a prediction is one number a row there are no labels, and giving None changes nothing."""
    pipeline = modelling.fit(modelling.recipe(model), rows, model).pipeline
    labels = modelling.labels(model, rows, pipeline)
    assert labels is None
    assert (len(rows),) == modelling.predict(pipeline, rows, model, labels=labels).shape
