"""Features that say the same are named, and nothing else is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import ModelFile
from sopkit.evidence.twins import twins

MODEL = ModelFile.model_validate(
    {
        "model": "small",
        "data": {"source": "x.csv", "time": "at"},
        "target": {"column": "y", "task": "binary"},
        "features": {"a": "numeric", "b": "numeric", "c": "categorical", "d": "categorical"},
    }
)


def look(table: pd.DataFrame, **columns: object) -> list[tuple[str, str]]:
    return [(found.name, found.sentence) for found in twins(table.assign(**{"d": "one"} | columns), MODEL)]


def test_features_of_their_own_are_not_named(table):
    """Ordinary features, a constant and names of rows raise nothing."""
    assert look(table) == []
    assert look(table, c=[f"x{i}" for i in range(len(table))], d=[f"y{i}" for i in range(len(table))]) == []


@pytest.mark.parametrize("copied", [lambda a: a, lambda a: a * 1.8 + 32, lambda a: 100 - a])
def test_a_number_in_another_unit_is_a_copy(table, copied):
    """A copy, the same in other degrees and the rest of a hundred say the same, missing values included."""
    a = table["a"].where(table["a"] > 9)
    assert look(table, a=a, b=copied(a)) == [("same_feature", "a and b say the same in every row")]


def test_one_row_that_differs_makes_two_features(table):
    """What agrees in all rows but one is not called the same."""
    b = table["a"].copy()
    b.iloc[777] = -1.0
    assert look(table, b=b) == []


def test_a_category_under_other_names_is_a_copy(table):
    """Categories that part the rows in the same way say the same."""
    named = table["c"].map({name: f"number {i}" for i, name in enumerate(table["c"].unique())})
    assert look(table, d=named) == [("same_feature", "c and d say the same in every row")]


def test_a_number_in_the_order_of_time_is_the_time(table):
    """A count of days that rises with the row's time is named, the hour of the day is not."""
    days = (table["at"] - table["at"].min()) / pd.Timedelta("1D")
    assert look(table, b=days) == [("same_as_time", "b says the time of the row (at) in other words")]
    assert look(table, b=np.asarray(table["at"].dt.hour)) == []
