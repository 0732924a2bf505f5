"""Groups of rows by one column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sopkit.evidence.groups import grouped


@pytest.mark.parametrize(
    ("values", "groups"),
    [
        ([3, 1, 10, None, 2], ["1", "2", "3", "10", "(missing)"]),
        (["b", "a", None, "(missing)"], ["a", "b", "(missing)"]),
        ([True, False, None], ["False", "True", "(missing)"]),
        ([2013, 2014], ["2013", "2014"]),
        ([None, None], ["(missing)"]),
        ([], []),
    ],
)
def test_values_stand_in_their_order_and_what_is_missing_is_last(values, groups):
    """Numbers by size, names by the alphabet, and no group twice."""
    assert groups == list(grouped(pd.Series(values, dtype=object).infer_objects()).categories)


def test_many_numbers_are_cut_at_their_quartiles():
    """Ages are four groups of like size, named by their ends, with infinite ones in the last."""
    ages = pd.Series([*range(17, 97), np.inf, np.nan])
    found = grouped(ages)
    assert list(found.categories) == ["17 to 36.75", "36.75 to 56.5", "56.5 to 76.25", "76.25 to 96", "(missing)"]
    assert found.value_counts().tolist() == [20, 20, 20, 21, 1]


def test_rows_of_one_index_are_told_apart():
    """Tables that were put together keep their rows, whatever their index says, in no more time than others."""
    found = grouped(pd.Series(np.tile([2.0, 1.0, np.nan], 20_000), index=np.zeros(60_000, dtype=int)))
    assert list(found[:3]) == ["2", "1", "(missing)"]
    assert len(found) == 60_000
