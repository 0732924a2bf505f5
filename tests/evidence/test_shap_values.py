"""SHAP values where shap is installed; a sentence where it is not."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pandas as pd
import pytest

from sopkit.evidence.shap_values import ShapValues, shap_values_of

RANDOM = np.random.default_rng(2)
N = 60
TABLE = pd.DataFrame(
    {
        "strong": RANDOM.normal(size=N),
        "weak": RANDOM.integers(0, 9, N),
        "place": RANDOM.choice(["north", "south"], N),
        "idle": RANDOM.normal(size=N),
    }
)
Y = RANDOM.normal(size=N)
INSTALLED = importlib.util.find_spec("shap") is not None
installed = pytest.mark.skipif(not INSTALLED, reason="shap is not installed: pip install 'sopkit[explain]'")


def line(table):
    assert table.dtypes.to_dict() == TABLE.dtypes.to_dict()
    return (3 * table.strong + 0.1 * table.weak + (table.place == "north")).to_numpy()


@installed
def test_values_of_a_line_are_its_slopes_times_the_distance_from_the_background():
    """For a sum of features, numbers and categories, the values are those that Shapley's formula gives exactly."""
    found = shap_values_of(line, TABLE, Y, task="regression", rows=30, background=30)
    order = np.random.default_rng(20130701).permutation(N)
    behind, explained = TABLE.iloc[order[:30]], TABLE.iloc[order[30:]]
    parts = [lambda t: 3 * t.strong, lambda t: 0.1 * t.weak, lambda t: (t.place == "north") * 1.0, lambda t: 0 * t.idle]
    exact = np.column_stack([part(explained) - part(behind).mean() for part in parts])
    assert found.values == pytest.approx(exact, abs=1e-6)
    assert found.table.feature.tolist()[0] == "strong"
    assert found.figure().png().startswith(b"\x89PNG")


@installed
def test_the_same_seed_gives_the_same_values():
    """What is kept is plain and repeatable."""
    one, other = (shap_values_of(line, TABLE, Y, task="regression", rows=9, background=5).to_dict() for _ in range(2))
    assert json.dumps(one, allow_nan=False) == json.dumps(other, allow_nan=False)


@installed
def test_a_model_that_does_not_answer_has_no_values():
    """The reason stands in place of a figure."""
    found = shap_values_of(lambda table: 1 / 0, TABLE, Y, task="regression")
    assert "ZeroDivisionError" in found.finding
    assert found.measures == []


@pytest.mark.skipif(INSTALLED, reason="shap is installed")
def test_without_shap_there_is_a_sentence():
    """Nothing is raised and nothing judged: the finding says how to install it."""
    found = shap_values_of(line, TABLE, Y, task="regression")
    assert "pip install 'sopkit[explain]'" in found.figure()
    assert found.measures == []


@pytest.mark.parametrize(("unit", "told"), [("probability", "by 2.4 percentage points"), ("", "by 0.024")])
def test_the_finding_tells_how_much_the_first_feature_moves(unit, told):
    """The mean size of its contribution, in points of probability where that is what the model gives."""
    table = pd.DataFrame({"feature": ["month", "age", "job"], "size": [0.024, 0.01, 0.002]})
    found = ShapValues(table, np.zeros((50, 3)), 50, 20, unit)
    assert f"month moves a single answer most: {told} on average" == found.finding
