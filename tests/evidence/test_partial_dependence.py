"""Partial dependence equals scikit-learn's, and says where it has seen few rows."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.inspection import partial_dependence

from sopkit.definitions.model import Feature
from sopkit.definitions.results import Verdict
from sopkit.errors import WrongUse
from sopkit.evidence.partial_dependence import partial_dependence_of

RANDOM = np.random.default_rng(11)
N = 900
TABLE = pd.DataFrame(
    {
        "a": RANDOM.normal(size=N),
        "count": RANDOM.integers(0, 6, N),
        "place": pd.Categorical(RANDOM.choice(["north", "south", "west"], N, p=[0.6, 0.39, 0.01])),
        "flag": RANDOM.random(N) < 0.3,
    }
)
TABLE.loc[:20, "a"] = np.nan
Y = RANDOM.normal(size=N)


def line(table):
    return 2 * table["a"].fillna(0).to_numpy() + (table["place"] == "north") + 0.5 * table["count"]


def test_the_average_is_scikit_learns():
    """On the same rows and values the averages are those of sklearn.inspection by brute force."""
    numbers = TABLE[["a", "count"]].astype(float)
    fitted = HistGradientBoostingRegressor(max_iter=20).fit(numbers, Y)
    found = partial_dependence_of(fitted.predict, numbers, Y, task="regression", rows=N)
    for place, name in enumerate(numbers):
        values = found.effects[place].table.value.to_numpy()
        oracle = partial_dependence(
            fitted, numbers, [place], kind="average", method="brute", custom_values={place: values}
        )
        assert found.effects[place].table.challenger.to_numpy() == pytest.approx(oracle["average"][0]), name


def test_a_straight_line_comes_back_with_the_band_of_the_rows():
    """A slope of two is a slope of two; the band is the middle of what rows answer, the rows near each value add up."""
    effect = partial_dependence_of(line, TABLE, Y, task="regression", rows=N).effects[0]
    slope = np.diff(effect.table.challenger) / np.diff(effect.table.value)
    assert slope == pytest.approx(np.full(len(slope), 2.0))
    rest = (TABLE["place"] == "north") + 0.5 * TABLE["count"]
    width = np.subtract(*np.quantile(rest, [0.9, 0.1]))
    assert (effect.table.high - effect.table.low).to_numpy() == pytest.approx(np.full(len(slope) + 1, width))
    assert effect.table.rows.sum() == TABLE["a"].notna().sum()


def test_values_reach_the_model_as_they_are():
    """Categories, truth values and whole numbers keep their dtype, and the rows handed in are not changed."""
    before, seen = TABLE.copy(), []

    def look(table):
        seen.append(table.dtypes.to_dict())
        return line(table)

    found = partial_dependence_of(look, TABLE, Y, task="regression")
    assert all(dtypes == TABLE.dtypes.to_dict() for dtypes in seen)
    pd.testing.assert_frame_equal(TABLE, before)
    assert [effect.numeric for effect in found.effects] == [True, True, False, False]


def test_few_rows_and_values_beyond_the_training_rows_are_named():
    """A category of a dozen rows is few; the share of judged rows that training never reached stands beside it."""
    past = pd.DataFrame({"a": [-1.0, 1.0], "place": ["north", "west"]})
    found = partial_dependence_of(line, TABLE, Y, task="regression", chosen=["place", "a"], trained_on=past)
    place, a = found.effects
    assert place.table.rows.tolist() == TABLE["place"].value_counts().tolist()
    assert "1 of 3 values have fewer than 20 rows" in place.words
    assert place.outside == pytest.approx((TABLE["place"] == "south").mean())
    assert a.outside == pytest.approx((TABLE["a"].abs() > 1).sum() / TABLE["a"].notna().sum())
    assert f"{a.outside:.1%} of the judged rows lie beyond" in a.words


def test_the_champion_stands_beside_and_the_place_where_they_part_is_named():
    """Both models answer the same questions; the words name where they are furthest apart."""
    found = partial_dependence_of(
        line, TABLE, Y, task="regression", chosen=["count"], champion=lambda t: line(t) - 3.0 * (t["count"] == 4)
    )
    table = found.effects[0].table.set_index("value")
    assert (table.challenger - table.champion).to_dict() == pytest.approx({0: 0, 1: 0, 2: 0, 3: 0, 4: 3, 5: 0})
    assert "furthest from the champion at 4" in found.effects[0].words
    assert found.figure().png() == found.figure().png()


def test_the_class_with_most_rows_is_shown():
    """Of several classes the most frequent one's probability is followed, and its name stands at the axis."""
    codes = np.where(np.arange(N) < 600, 2.0, 0.0)

    def predict(table):
        up = 1 / (1 + np.exp(-table["a"].fillna(0).to_numpy()))
        return np.column_stack([1 - up, np.zeros(len(up)), up])

    found = partial_dependence_of(predict, TABLE, codes, task="multiclass", chosen=["a"], labels=["x", "y", "z"])
    table = found.effects[0].table
    assert found.answered == "predicted probability of z"
    assert table.challenger.to_numpy() == pytest.approx(1 / (1 + np.exp(-table.value.to_numpy(dtype=float))))


def test_the_first_four_chosen_that_are_no_text_are_shown_with_their_titles():
    """Text is left out, a number that the model file calls a category is one, titles and units stand at the axes."""
    kinds = {"a": Feature(type="text"), "count": Feature(type="categorical", title="Errors", unit="a day")}
    found = partial_dependence_of(line, TABLE, Y, task="regression", chosen=["a", "count", "flag"], kinds=kinds)
    assert [(effect.feature, effect.label, effect.numeric) for effect in found.effects] == [
        ("count", "Errors (a day)", False),
        ("flag", "flag", False),
    ]
    assert found.figure().png().startswith(b"\x89PNG")
    wide = pd.DataFrame(RANDOM.normal(size=(50, 9))).rename(columns=str)
    assert len(partial_dependence_of(lambda t: t["0"], wide, Y[:50], task="regression").effects) == 4


def raises(table):
    raise ValueError("no answer today")


@pytest.mark.parametrize(
    ("predict", "table", "said"),
    [
        (raises, TABLE, "no answer today"),
        (lambda table: np.full(len(table), np.nan), TABLE, "missing or infinite"),
        (line, TABLE[:0], "there are no rows"),
        (line, TABLE[[]], "no feature is a number or a category"),
        (lambda table: np.ones(len(table)), TABLE.assign(a=1.0)[["a"]], "no feature has two values"),
        (lambda table: np.ones(len(table)), TABLE.assign(a=np.nan)[["a"]], "no feature has two values"),
    ],
    ids=["raises", "NaN", "no rows", "no features", "constant", "all missing"],
)
def test_what_cannot_be_told_says_why(predict, table, said):
    """A model that does not answer, no rows, or nothing to move: a reason, `insufficient`, and a note for a figure."""
    found = partial_dependence_of(predict, table, Y[: len(table)], task="regression")
    assert said in found.finding
    assert [measure.verdict for measure in found.measures] == [Verdict.INSUFFICIENT]
    json.dumps(found.to_dict(), allow_nan=False)
    assert said in found.figure()


def test_unknown_features_are_refused_and_the_record_is_plain():
    """A name that is no column is wrong use; what is kept is JSON, the same for the same seed."""
    with pytest.raises(WrongUse, match="no feature 'b'"):
        partial_dependence_of(line, TABLE, Y, task="regression", chosen=["b"])
    one, other = (partial_dependence_of(line, TABLE, Y, task="regression").to_dict() for _ in range(2))
    assert json.dumps(one, allow_nan=False) == json.dumps(other, allow_nan=False)
