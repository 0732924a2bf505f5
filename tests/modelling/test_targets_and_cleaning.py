"""Targets of every task, and cleaning that says what it did."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit import modelling
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError

Make = Callable[..., ModelFile]


@pytest.mark.parametrize(
    ("values", "target", "expected"),
    [
        ([1, 0, 1], {"column": "alarm", "task": "binary"}, [1, 0, 1]),
        ([1.0, np.nan, 0.0], {"column": "alarm", "task": "binary"}, [1, np.nan, 0]),
        ([True, False, True], {"column": "alarm", "task": "binary"}, [1, 0, 1]),
        ([True, None, False], {"column": "alarm", "task": "binary"}, [1, np.nan, 0]),
        (["yes", "no", None], {"column": "alarm", "task": "binary", "positive": "yes"}, [1, 0, np.nan]),
        ([2, 1, 2], {"column": "alarm", "task": "binary", "positive": 2}, [1, 0, 1]),
        ([2.0, np.nan, 1.0], {"column": "alarm", "task": "binary", "positive": 2}, [1, np.nan, 0]),
        ([14.0, 15.0, np.nan], {"expression": "alarm >= 15", "task": "binary"}, [0, 1, np.nan]),
        ([2.5, np.inf, np.nan], {"column": "alarm", "task": "regression"}, [2.5, np.nan, np.nan]),
        ([2, 3, 4], {"expression": "alarm * 2", "task": "regression"}, [4, 6, 8]),
    ],
)
def test_targets_are_numbers_or_missing(
    rows: pd.DataFrame, model_with: Make, values: list[Any], target: dict[str, Any], expected: list[float]
) -> None:
    """Whatever a label was stored as, it is 1, 0, a number or missing, and a missing label is never 0."""
    found = modelling.target(rows[:3].assign(alarm=values), model_with(target=target))
    np.testing.assert_array_equal(found.to_numpy(dtype=float), expected)


def test_classes_are_texts(rows: pd.DataFrame, model_with: Make) -> None:
    """A column with a gap is float in pandas; class 1 is still the text 1."""
    model = model_with(target={"column": "alarm", "task": "multiclass"})
    assert modelling.target(rows[:3].assign(alarm=[1.0, 2.0, np.nan]), model).tolist() == ["1", "2", None]
    assert modelling.target(rows[:3].assign(alarm=["b", None, "a"]), model).tolist() == ["b", None, "a"]


@pytest.mark.parametrize(
    ("values", "task", "text"),
    [
        (["yes", "no", "yes"], "binary", r"other values(?s:.*)'yes', 'no'(?s:.*)target\.positive"),
        ([0, 1, 2], "binary", "other values(?s:.*)got:      2"),
        (["1.5", "tall", "2"], "regression", "1 values of the target are not numbers(?s:.*)'tall'"),
    ],
)
def test_a_target_of_the_wrong_kind_is_refused(
    rows: pd.DataFrame, model_with: Make, values: list[Any], task: str, text: str
) -> None:
    """The error shows the values, and what to write in the model file."""
    with pytest.raises(DataError, match=text):
        modelling.target(rows[:3].assign(alarm=values), model_with(target={"column": "alarm", "task": task}))


def test_with_a_clock_immature_labels_are_missing(rows: pd.DataFrame, model: ModelFile) -> None:
    """A label that arrives at the clock is not known yet."""
    found = modelling.target(rows, model, as_of=datetime(2026, 1, 3, tzinfo=UTC))
    assert found.notna().sum() == 24


def test_texts_that_mean_missing_and_infinities_become_missing(rows: pd.DataFrame, model_with: Make) -> None:
    """Each change is counted under the column and the reason."""
    dirty = rows.assign(
        site=rows["site"].mask(rows.index < 3, "?"), temperature=rows["temperature"].mask(rows.index == 7, np.inf)
    )
    cleaned = modelling.clean(dirty, model_with(data__missing_values=["?"]))
    assert cleaned.changed == {"site: text that means missing": 3, "temperature: infinite, now missing": 1}
    assert cleaned.table["site"].isna().sum() == 3
    assert len(cleaned.table) == len(rows)


def test_numbers_stored_as_text_become_numbers_or_an_error(rows: pd.DataFrame, model_with: Make) -> None:
    """Clean numbers are converted and counted; a text among them stops, with the text, unless it means missing."""
    texts = rows["temperature"].map(str, na_action="ignore")
    cleaned = modelling.clean(rows.assign(temperature=texts), model_with())
    assert cleaned.table["temperature"].dtype == float
    assert cleaned.changed["temperature: number that was stored as text"] == rows["temperature"].notna().sum()
    dirty = rows.assign(temperature=texts.mask(rows.index == 3, "n/k"))
    with pytest.raises(DataError, match=r"'temperature' holds text in 1 of 960 rows(?s:.*)'n/k'"):
        modelling.clean(dirty, model_with())
    assert modelling.clean(dirty, model_with(data__missing_values=["n/k"])).table["temperature"].isna()[3]


def test_rules_remove_rows_under_their_reason(rows: pd.DataFrame, model_with: Make) -> None:
    """Where a rule cannot be told for want of a value the row goes too, counted apart."""
    cleaned = modelling.clean(rows, model_with(data__keep_rows_where={"too hot": "temperature <= 25"}))
    hot, unknown = int((rows["temperature"] > 25).sum()), int(rows["temperature"].isna().sum())
    assert cleaned.removed == {"too hot": hot, "too hot (a value is missing)": unknown}
    assert len(cleaned.table) == len(rows) - hot - unknown
    assert cleaned.rows_before == len(rows)


def test_a_rule_over_the_label_is_not_asked_of_rows_without_one_yet(rows: pd.DataFrame, model_with: Make) -> None:
    """Rows of the last day have no label because it is early, not because something went wrong."""
    clock = datetime(2026, 2, 10, tzinfo=UTC)
    young = rows["at"] >= pd.Timestamp("2026-02-09", tz="UTC")
    early = rows.assign(alarm=rows["alarm"].mask(young | (rows.index == 5)))
    cleaned = modelling.clean(
        early, model_with(data__keep_rows_where={"never recorded": "alarm is not missing"}), as_of=clock
    )
    assert cleaned.removed == {"never recorded": 1}
    assert cleaned.table["alarm"].isna().sum() == 24


def test_duplicates_and_rows_that_never_got_a_label_go(rows: pd.DataFrame, model: ModelFile) -> None:
    """Exact duplicates but the first, and mature rows without a label; both are counted."""
    table = pd.concat([rows, rows.iloc[10:15]]).assign(alarm=lambda t: t["alarm"].mask(t["at"] == rows["at"][3]))
    cleaned = modelling.clean(table, model)
    assert cleaned.removed == {
        "exact duplicate of an earlier row": 5,
        "no label, though it should be known by now": 1,
    }


def test_cleaning_twice_changes_nothing_more(rows: pd.DataFrame, model_with: Make) -> None:
    """The same model file on its own result removes nothing."""
    model = model_with(data__keep_rows_where={"too hot": "temperature <= 25"}, data__missing_values=["west"])
    once = modelling.clean(rows, model)
    again = modelling.clean(once.table, model)
    assert (again.removed, again.changed) == ({}, {})
    pd.testing.assert_frame_equal(once.table, again.table)


def test_cleaning_that_leaves_nothing_is_an_error(rows: pd.DataFrame, model_with: Make) -> None:
    """The error lists what removed how many rows."""
    with pytest.raises(DataError, match=r"left no rows(?s:.*)impossible: \d+ rows"):
        modelling.clean(rows, model_with(data__keep_rows_where={"impossible": "temperature > 1000"}))
