"""Rows without ids: is the past what it was?"""

import numpy as np
import pandas as pd
import pytest

from sopkit.evidence.past_labels import changed_labels
from sopkit.evidence.validation import validate
from tests.evidence.conftest import make_model, make_table

FEATURES, LABELS = ["a", "b", "c"], ["y"]


def shuffled(values: pd.Series) -> np.ndarray:
    return np.asarray(values.sample(frac=1, random_state=0))


def changed(before: pd.DataFrame, now: pd.DataFrame) -> float:
    count, rows = changed_labels(before, now, "at", FEATURES, LABELS)
    return count / max(rows, 1)


@pytest.mark.parametrize("period", ["h", "D", "MS"])
def test_a_past_that_stayed_is_no_rewritten_one(period):
    """Newer rows, late rows, lost rows, another order and other types are no changed labels."""
    table = make_table()
    table["at"] = table["at"].dt.tz_localize(None).dt.to_period(period[0]).dt.start_time.dt.tz_localize("UTC")
    past = table.iloc[:1500]
    for now in (
        table,
        table.sample(frac=1, random_state=1),
        table.drop(index=range(100, 400)),
        table.astype({"y": int}),
    ):
        assert changed(past, now) == 0
    assert changed(past.drop(index=range(50, 300)), table) == 0


@pytest.mark.parametrize("period", ["h", "D", "MS"])
def test_labels_that_were_permuted_are_found(period):
    """Whether a moment has one row or hundreds: same features, other labels."""
    table = make_table()
    table["at"] = table["at"].dt.tz_localize(None).dt.to_period(period[0]).dt.start_time.dt.tz_localize("UTC")
    assert changed(table.iloc[:1500], table.assign(y=shuffled(table["y"]))) > 0.3


def test_times_that_were_permuted_are_found():
    """The labels that stood at a moment stand at another one now."""
    table = make_table()
    assert changed(table.iloc[:1500], table.assign(at=shuffled(table["at"]))) > 0.3


def test_revised_features_are_no_changed_labels():
    """A unit that changed for all rows leaves the labels of each moment as they were."""
    table = make_table()
    assert changed(table.iloc[:1500], table.assign(a=table["a"] * 1000)) == 0


def test_without_ids_a_rewritten_past_blocks():
    """The finding names the label, how many rows it is, and stops the run."""
    table, model = make_table(), make_model(data={"id": []})
    clock = table["at"].max() + pd.Timedelta("1h")
    now = table.assign(y=shuffled(table["y"]))
    (found,) = validate(now, model, as_of=clock, reference=table.iloc[:1500]).named("history_rewritten", "y")
    assert found.severity == "block"
    assert "of 1,500 rows that the champion learned from" in found.sentence
    assert not validate(table, model, as_of=clock, reference=table.iloc[:1500]).named("history_rewritten")
