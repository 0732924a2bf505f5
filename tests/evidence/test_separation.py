"""Which rows are resampled together, and whether the past is kept apart from what is judged."""

from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit import evidence
from sopkit.definitions.model import ModelFile
from sopkit.definitions.results import Verdict

START = pd.Timestamp("2026-01-01", tz="UTC")


def model(data: dict[str, Any] | None = None, **evaluation: Any) -> ModelFile:
    return ModelFile.model_validate(
        {
            "model": "m",
            "data": {"source": "rows.csv", "time": "at", **(data or {})},
            "target": {"column": "y", "task": "binary"},
            "features": {"x": "numeric"},
            "slices": ["site"],
            "evaluation": evaluation,
        }
    )


def rows(days: int = 30, each: int = 4, persons: int = 200) -> pd.DataFrame:
    n = days * each
    return pd.DataFrame(
        {
            "at": [START + timedelta(days=i // each) for i in range(n)],
            "person": np.arange(n) % persons,
            "site": "a",
            "x": np.arange(n),
            "y": np.arange(n) % 2,
        }
    )


@pytest.mark.parametrize(
    ("data", "evaluation", "persons", "blocks"),
    [
        ({}, {}, 200, 30),  # days
        ({}, {"blocks": "15d"}, 200, 3),  # as the model file says, also if it is too few
        ({"entity": "person"}, {}, 50, 50),  # persons come again
        ({"entity": "person"}, {}, 200, 30),  # nobody does
        ({"entity": "person"}, {"by_entity": False}, 50, 30),
        ({"entity": "person"}, {"by_entity": True}, 200, 120),
        ({"rows_independent": "other persons"}, {}, 200, 30),  # there are days enough
        ({"rows_independent": "other persons"}, {"blocks": "15d"}, 200, 120),
    ],
)
def test_rows_that_belong_together_are_one_block(data, evaluation, persons, blocks):
    """Days by default, entities where they repeat, single rows only where days are too few and they are independent."""
    table = rows(persons=persons)
    assert blocks == len(set(evidence.blocks_of(table, model(data, **evaluation))))


def test_known_and_new_entities_are_slices():
    """Where rows have an entity, those that training knows are told apart from those it does not."""
    table = rows(persons=60)
    train, holdout = table[table["person"] < 20], table
    groups = evidence.groups_of(holdout, train, model({"entity": "person"}))
    assert ["site", "known to training"] == list(groups)
    assert holdout["person"].lt(20).tolist() == groups["known to training"].eq("yes").tolist()
    assert ["site"] == list(evidence.groups_of(holdout, None, model({"entity": "person"})))
    assert ["site"] == list(evidence.groups_of(holdout, train, model()))


@pytest.mark.parametrize(("late", "verdict"), [(0, Verdict.PASS), (1, Verdict.FAIL)])
def test_a_label_that_was_not_known_yet_is_given_away(late, verdict):
    """A training row whose label came after the held-out period began fails the split."""
    table = rows()
    holdout = table[table["at"] >= START + timedelta(days=20)]
    train = table[table["at"] < START + timedelta(days=19 + late)]
    found = evidence.kept_apart(train, holdout, model({"label_delay": "1d"}))
    assert verdict == found.verdict


def test_a_row_on_both_sides_is_given_away():
    """A held-out row that stands among the training rows as well, whatever its index, fails the split."""
    table = rows()
    holdout = table[table["at"] >= START + timedelta(days=20)]
    train = pd.concat([table[table["at"] < START + timedelta(days=10)], holdout.head(3)], ignore_index=True)
    found = evidence.kept_apart(train.assign(at=train["at"]), holdout, model())
    assert Verdict.FAIL == found.verdict
    assert 3 == found.detail["duplicates"]


def hourly(number: int) -> pd.DataFrame:
    return pd.DataFrame({"at": pd.date_range(START, periods=number, freq="h"), "x": np.arange(float(number)), "y": 0})


def test_a_part_of_the_split_is_told_with_its_days_and_what_it_lacks():
    """How many rows, of which days, and where they are too few, what to do."""
    rows = hourly(48)
    assert evidence.rows_told(rows, model(), 30) == "48 rows with a label, 2026-01-01 to 2026-01-02"
    assert "50 are needed: were labels lost?" in evidence.rows_told(rows, model(), 50)
    assert evidence.rows_told(rows.iloc[:0], model(), 50) == "there is no row with a label"
    assert evidence.rows_told(rows, model(), 30, "only 2 folds").endswith("; only 2 folds")


def test_what_was_kept_apart_is_said_in_words():
    """A pass has a reason, too."""
    rows = hourly(200)
    apart = evidence.kept_apart(rows.iloc[:100], rows.iloc[120:], model())
    assert apart.verdict is Verdict.PASS
    assert apart.reason.startswith("every training label was known before")
