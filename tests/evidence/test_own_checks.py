from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import ModelFile
from sopkit.evidence.findings import Findings
from sopkit.evidence.own_checks import own_checks


def checked(table: pd.DataFrame, model: ModelFile, function: Any, **check: Any) -> Any:
    told = model.model_dump(by_alias=True, mode="json")
    told["data"]["checks"] = {"too_warm": {"function": "small:too_warm"} | check}
    return own_checks(table, ModelFile.model_validate(told), {"too_warm": function})


@pytest.mark.parametrize(
    "answer",
    [
        lambda rows: rows["a"] > 15,
        lambda rows: (rows["a"] > 15).to_numpy(),
        lambda rows: (rows["a"] > 15).tolist(),
        lambda rows: (rows["a"] > 15).astype("boolean"),
        lambda rows: (rows["a"] > 15).sample(frac=1, random_state=0),
        lambda rows: np.flatnonzero(rows["a"] > 15),
        lambda rows: np.flatnonzero(rows["a"] > 15).tolist(),
        lambda rows: rows.index[rows["a"] > 15],
    ],
    ids=["series", "array", "list", "nullable", "shuffled series", "positions", "list of positions", "index"],
)
def test_rows_at_fault_are_a_finding_with_number_and_examples(table, model, answer):
    """Truth values and positions of rows mean the same; the finding counts them and shows the first five."""
    (found,) = checked(table, model, answer, title="Warmer than the oven can be", severity="block")
    bad = table.index[table["a"] > 15]
    assert (found.id, found.severity, found.count) == ("own_check:too_warm", "block", len(bad))
    assert [row["id"] for row in found.examples] == [str(place) for place in bad[:5]]
    assert found.sentence == f"Warmer than the oven can be: {len(bad)} rows"


@pytest.mark.parametrize("answer", [None, [], (), np.array([], dtype=int), np.zeros(2000, dtype=bool)])
def test_nothing_at_fault_is_no_finding(table, model, answer):
    """None, nothing and false for every row all say that no row is at fault."""
    assert checked(table, model, lambda rows: answer) == ()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (True, "bool"),
        (3, "int"),
        ("yes", "str"),
        ({"a": 1}, "dict"),
        ([True, False], "2 truth values for 2,000 rows"),
        ([5000], "position 5000"),
        ([-1], "position -1"),
        ([0.5, 0.1], "'0.5'"),
        (["a", "b"], "'a'"),
        (pd.Series([True] * 2000, index=range(5, 2005)), "not about these rows"),
        (pd.Series([None] * 2000), "2,000 missing values"),
        (pd.Series([], dtype=bool), "empty Series"),
        (pd.Series([0, 1] * 1000), "zeros and ones"),
        (pd.DataFrame({"a": [True]}), "DataFrame"),
    ],
    ids=str,
)
def test_an_answer_of_another_shape_blocks(table, model, answer, words):
    """What cannot be read as rows at fault has not been passed, and the sentence names the file and its line."""
    (found,) = checked(table, model, lambda rows: answer)
    assert (found.id, found.severity) == ("own_check_failed:too_warm", "block")
    assert words in found.sentence
    assert "test_own_checks.py, line" in found.sentence


def test_a_check_that_raises_blocks_with_its_line(table, model):
    """No traceback: the line, the type and the words of the error."""

    def check(rows: pd.DataFrame) -> Any:
        return rows["no such column"] > 1

    (found,) = checked(table, model, check, severity="note")
    assert (found.severity, found.name) == ("block", "own_check_failed")
    assert f"line {check.__code__.co_firstlineno + 1} raised KeyError" in found.sentence


def test_a_check_cannot_change_the_rows(table, model):
    """It gets a copy; what it does to it reaches nobody."""
    before = table.copy()

    def check(rows: pd.DataFrame) -> None:
        rows.loc[:, "a"] = 0.0
        rows.drop(index=rows.index, inplace=True)

    assert checked(table, model, check) == ()
    pd.testing.assert_frame_equal(table, before)


def test_an_own_finding_joins_the_others_and_may_be_waived(table, model):
    """Its id names the check, so that a waiver names exactly it; a failed check cannot be waived."""
    found = Findings((), len(table)).plus(checked(table, model, lambda rows: [1], severity="block"), ["own checks"])
    assert not found.waive({"own_check:too_warm": "known, and mended next week"}).blocking
    failed = Findings((), len(table)).plus(checked(table, model, lambda rows: 1), ["own checks"])
    assert failed.waive({"own_check_failed:too_warm": "never mind"}).blocking
