"""Splits by time: nothing that is tested on was known when it was trained on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

import pandas as pd
import pytest

from sopkit import modelling
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError, NotEnoughEvidence

Make = Callable[..., ModelFile]
DAY = pd.Timedelta(days=1)


def test_the_newest_matured_window_is_held_out(rows: pd.DataFrame, model: ModelFile, as_of: datetime) -> None:
    """As of 10 February, labels a day late and a window of a week: 2 to 8 February, and training ends a day before."""
    splits = modelling.split(rows, model, as_of=as_of)
    assert splits.holdout["at"].min() == pd.Timestamp("2026-02-02T00:00Z")
    assert splits.holdout["at"].max() == pd.Timestamp("2026-02-08T23:00Z")
    assert splits.train["at"].max() == pd.Timestamp("2026-01-31T23:00Z")
    assert splits.boundaries["rows_in_embargo"] == 24
    assert splits.boundaries["rows_without_label"] == 24


def test_every_training_label_was_known_when_the_window_began(
    rows: pd.DataFrame, model_with: Make, as_of: datetime
) -> None:
    """For any label delay, the newest training row plus the delay precedes the first held-out row."""
    for delay in ("0h", "6h", "24h", "120h"):
        splits = modelling.split(rows, model_with(data__label_delay=delay), as_of=as_of)
        assert splits.train["at"].max() + pd.Timedelta(delay) < splits.holdout["at"].min()


def test_the_order_of_the_table_does_not_matter(rows: pd.DataFrame, model: ModelFile, as_of: datetime) -> None:
    """A shuffled table gives the same parts, in order of time."""
    shuffled = modelling.split(rows.sample(frac=1, random_state=1), model, as_of=as_of)
    pd.testing.assert_frame_equal(modelling.split(rows, model, as_of=as_of).train, shuffled.train)


def test_a_champion_that_saw_the_window_is_refused(rows: pd.DataFrame, model: ModelFile, as_of: datetime) -> None:
    """Training that ended a day before the window is fine, an hour later its last label came from within it."""
    modelling.split(rows, model, as_of=as_of, champion_trained_until="2026-02-01")
    with pytest.raises(DataError, match="champion was trained on rows of the held-out window"):
        modelling.split(rows, model, as_of=as_of, champion_trained_until="2026-02-01T01:00")


def test_a_first_champion_has_no_held_out_rows(rows: pd.DataFrame, model: ModelFile, as_of: datetime) -> None:
    """All matured rows are training rows."""
    splits = modelling.split(rows, model, as_of=as_of, hold_out=False)
    assert len(splits.train) == 39 * 24
    assert len(splits.holdout) == 0
    assert splits.train_until == datetime(2026, 2, 9, tzinfo=UTC)


def test_empty_parts_are_not_enough_evidence(rows: pd.DataFrame, model_with: Make, as_of: datetime) -> None:
    """No training rows and no held-out rows are errors that say what was there."""
    with pytest.raises(NotEnoughEvidence, match="no training rows"):
        modelling.split(rows, model_with(evaluation__window="60d"), as_of=as_of)
    with pytest.raises(NotEnoughEvidence, match="no held-out rows"):
        modelling.split(rows, model_with(), as_of=datetime(2027, 1, 1, tzinfo=UTC))


def test_entities_and_texts_on_both_sides_are_counted(rows: pd.DataFrame, model_with: Make, as_of: datetime) -> None:
    """Three machines stand on both sides; of the notes only one does."""
    noted = rows.assign(note=[f"note {at}" for at in rows.index])
    noted.loc[[0, len(noted) - 40], "note"] = "the same"
    model = model_with(features={"temperature": "numeric", "note": "text"})
    boundaries = modelling.split(noted, model, as_of=as_of).boundaries
    assert boundaries["entities"]["shared"] == 3
    assert boundaries["entities"]["holdout_rows_shared"] == 7 * 24
    assert boundaries["texts"]["note"]["holdout_rows_shared"] == 1


def test_exact_duplicates_do_not_straddle_the_cut(rows: pd.DataFrame, model: ModelFile, as_of: datetime) -> None:
    """Equal rows have equal times, so both copies lie on one side."""
    splits = modelling.split(pd.concat([rows, rows]), model, as_of=as_of)
    assert splits.train.merge(splits.holdout, on=list(rows.columns)).empty


def test_folds_lie_inside_the_training_rows(rows: pd.DataFrame, model: ModelFile, as_of: datetime) -> None:
    """Windows follow each other up to the end of training; each trains on labels known when it began."""
    splits = modelling.split(rows, model, as_of=as_of)
    found = modelling.folds(splits.train, model, until=splits.train_until)
    assert [fold.number for fold in found] == [1, 2, 3]
    assert found[-1].test_until == pd.Timestamp(splits.train_until)
    assert all(later.test_from == earlier.test_until for earlier, later in pairwise(found))
    for fold in found:
        past, test = fold.parts(splits.train, "at")
        assert past["at"].max() + DAY < test["at"].min()
        assert test["at"].max() < splits.holdout["at"].min()


def test_folds_shrink_to_what_there_is(rows: pd.DataFrame, model_with: Make) -> None:
    """With windows of 30 days in 40 days of rows, each fold gets less, and the first still has a past."""
    found = modelling.folds(rows, model_with(evaluation__window="30d"))
    past, test = found[0].parts(rows, "at")
    assert len(past) >= len(test) > 200
    with pytest.raises(NotEnoughEvidence, match="no row came after the label of an earlier one was known"):
        modelling.folds(rows[:3], model_with(evaluation__window="30d"))


def test_a_window_restricts_training_rows(rows: pd.DataFrame, model: ModelFile) -> None:
    """Ten days before the cut are ten days of rows; without a cut the newest row is the end."""
    cut = datetime(2026, 2, 1, tzinfo=UTC)
    before = rows[rows["at"] < cut]
    assert len(modelling.newest(before, model, DAY * 10, cut)) == 240
    assert len(modelling.newest(rows, model, DAY * 10)) == 240
    assert len(modelling.newest(rows, model, None)) == len(rows)


def monthly(*months: str, each: int = 40) -> pd.DataFrame:
    """`each` rows for every month, written as its first day, both classes in each."""
    times = [pd.Timestamp(month, tz="UTC") for month in months for _ in range(each)]
    n = len(times)
    return pd.DataFrame({"at": times, "machine": "m", "temperature": range(n), "site": "a", "alarm": [0, 1] * (n // 2)})


def test_months_that_have_no_days_are_held_out_whole(model_with: Make) -> None:
    """As of 1 January, thirty days of rows that are written by month are the whole of December."""
    rows = monthly("2025-09-01", "2025-10-01", "2025-11-01", "2025-12-01")
    model = model_with(evaluation__window="30d", data__label_delay="0d")
    splits = modelling.split(rows, model, as_of=datetime(2026, 1, 1, tzinfo=UTC))
    assert [pd.Timestamp("2025-12-01", tz="UTC")] == splits.holdout["at"].unique().tolist()
    assert len(splits.train) == 120


def test_a_fold_without_rows_is_passed_over(model_with: Make) -> None:
    """Of three months' folds the one that lies in a gap of the data is left out, and the others keep their months."""
    rows = monthly("2025-02-01", "2025-03-01", "2025-05-01")
    model = model_with(evaluation__window="30d", data__label_delay="0d")
    found = modelling.folds(rows, model)
    assert ["2025-03-01", "2025-05-01"] == [f"{fold.test_from:%Y-%m-%d}" for fold in found]


@pytest.mark.parametrize(("years", "tested"), [(2, [2016]), (3, [2016, 2017]), (4, [2016, 2017, 2018])])
def test_two_years_make_one_fold(model_with: Make, years: int, tested: list[int]) -> None:
    """A window is never shorter than the period that times stand for: each later year is forecast from those before."""
    rows = monthly(*[f"{year}-01-01" for year in range(2015, 2015 + years)])
    model = model_with(evaluation__window="30d", data__label_delay="0d")
    found = modelling.folds(rows, model, until=datetime(2015 + years, 1, 1, tzinfo=UTC))
    assert [fold.test_from.year for fold in found] == tested
    assert all(len(past) and len(test) for past, test in (fold.parts(rows, "at") for fold in found))
    judged, why = modelling.fold_rows(rows, model)
    assert len(judged) == 40 * len(tested)
    assert (f"only {len(tested)} of 3 folds" in why) == (len(tested) < 3)


def test_one_time_only_is_told_and_leaves_no_rows_to_judge(model_with: Make) -> None:
    """Rows of a single year allow no forecast: nothing is judged, and the reason is in plain words."""
    rows, model = monthly("2016-01-01"), model_with(data__label_delay="0d")
    judged, why = modelling.fold_rows(rows, model)
    assert judged.empty
    assert why.startswith("two different times are needed")
    with pytest.raises(NotEnoughEvidence, match="40 rows of one time only, 2016-01-01"):
        modelling.folds(rows, model)


def test_folds_of_several_months_have_a_past_as_long(model_with: Make) -> None:
    """A year of months with folds of 91 days: three windows of three months, three months before them."""
    rows = monthly(*[f"2025-{month:02d}-01" for month in range(1, 13)])
    model = model_with(evaluation__window="91d", data__label_delay="0d")
    found = modelling.folds(rows, model)
    assert ["2025-04-01", "2025-07-01", "2025-10-01"] == [f"{fold.test_from:%Y-%m-%d}" for fold in found]


def test_lengths_of_time_are_told_as_people_say_them(model_with: Make) -> None:
    """Where windows have no rows, the error speaks of days, not of thousands of hours."""
    hours = pd.date_range("2026-01-01", periods=30, freq="h", tz="UTC")
    table = pd.DataFrame({"at": [*hours, pd.Timestamp("2026-12-31", tz="UTC")], "alarm": [0, 1] * 15 + [0]})
    with pytest.raises(NotEnoughEvidence, match="windows of 91 days"):
        modelling.folds(table, model_with(evaluation__window="300d", data__label_delay="0d"))


def test_folds_are_short_where_rows_became_many_only_lately(model_with: Make) -> None:
    """Three years of a few rows and four months of many: the first fold learns from half as many rows as it judges."""
    few = pd.date_range("2023-01-01", "2025-12-31", periods=60, tz="UTC")
    many = pd.date_range("2026-01-01", "2026-04-30", periods=400, tz="UTC")
    table = pd.DataFrame({"at": few.append(many), "alarm": [0, 1] * 230})
    found = modelling.folds(table, model_with(evaluation__window="300d", data__label_delay="0d"))
    train, test = found[0].parts(table, "at")
    assert 2 * len(train) >= len(test)
    assert all(len(test) > 20 for _, test in (fold.parts(table, "at") for fold in found))


def test_that_no_challenger_can_be_judged_yet_is_known_without_a_split(
    rows: pd.DataFrame, model: ModelFile, as_of: datetime
) -> None:
    """What `split` would refuse is told beforehand in a sentence; where it would not, there is none."""
    ask = {"as_of": as_of}
    assert modelling.too_early(rows, model, champion_trained_until=datetime(2026, 2, 1, tzinfo=UTC), **ask) == ""
    assert modelling.too_early(rows, model, champion_trained_until=None, **ask) == ""
    told = modelling.too_early(rows, model, champion_trained_until=datetime(2026, 2, 1, 1, tzinfo=UTC), **ask)
    assert told.startswith("no challenger could be judged yet")
    assert "2026-02-01" in told
