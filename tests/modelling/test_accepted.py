"""Accepted data sets join the rows of the source: they add, and never replace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from sopkit import modelling
from sopkit.errors import DataError


def accepted(table: pd.DataFrame, name: str = "new.csv") -> modelling.Accepted:
    return modelling.Accepted(digest=name.ljust(64, "0"), name=name, data=table.to_csv(index=False).encode(), seq=7)


@pytest.fixture
def with_ids(model_with, written, rows):
    """A model whose rows have an id, its rows on disk, and ten new rows."""
    rows.insert(0, "reading", range(len(rows)))
    rows.to_csv(written / "rows.csv", index=False)
    new = rows.tail(10).copy()
    new["reading"] = range(5000, 5010)
    return model_with(data__id=["reading"]), written, new


def test_rows_come_after_those_of_the_source(with_ids, as_of):
    """Same columns and types; the origin says how many came from where."""
    model, root, new = with_ids
    alone = modelling.read(model, as_of=as_of, root=root)
    both = modelling.read(model, as_of=as_of, root=root, accepted=[accepted(new)])
    assert (len(both), alone.origin["data_sets"]) == (len(alone) + 10, [])
    (told,) = both.origin["data_sets"]
    assert (told["name"], told["entry"], told["rows"], told["rows_added"], told["rows_known_by_id"]) == (
        *("new.csv", 7),
        *(10, 10, 0),
    )
    assert both.table.dtypes.to_dict() == alone.table.dtypes.to_dict()
    assert "accepted data set new.csv" in str(modelling.origin_table(both))


def test_a_known_id_keeps_its_row(with_ids, as_of):
    """What contradicts the source, an earlier data set or itself is left out and counted, whatever it says."""
    model, root, new = with_ids
    false = new.assign(temperature=99.0)
    false["reading"] = [0, 1, 5000, 6000, 6000, *range(6001, 6006)]
    table = modelling.read(model, as_of=as_of, root=root, accepted=[accepted(new), accepted(false, "b.csv")]).table
    told = modelling.read(model, as_of=as_of, root=root, accepted=[accepted(new), accepted(false, "b.csv")]).origin
    assert [each["rows_added"] for each in told["data_sets"]] == [10, 6]
    assert told["data_sets"][1]["rows_known_by_id"] == 4
    assert table["reading"].is_unique
    assert (table.loc[table["reading"].isin([0, 1, 5000]), "temperature"] != 99.0).all()


def test_ids_are_the_same_however_they_are_written(with_ids, as_of):
    """A gap in a column makes 1 a 1.0, and a time has many forms: an id is what it means."""
    model, root, _ = with_ids
    model = model.model_copy(update={"data": model.data.model_copy(update={"id": ["reading", "at"]})})
    known = pd.read_csv(root / "rows.csv").head(5)
    known["reading"] = known["reading"].astype(float)
    known["at"] = pd.to_datetime(known["at"], utc=True).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    (told,) = modelling.read(model, as_of=as_of, root=root, accepted=[accepted(known)]).origin["data_sets"]
    assert (told["rows_added"], told["rows_known_by_id"]) == (0, 5)


def test_without_ids_equal_rows_go_by_cleaning(model, written, rows, as_of):
    """Rows that are equal in every column are counted as duplicates, as always."""
    both = modelling.read(model, as_of=as_of, root=written, accepted=[accepted(rows.head(20))])
    cleaned = modelling.clean(both.table, model, as_of=as_of)
    assert cleaned.removed["exact duplicate of an earlier row"] == 20


def test_rows_after_the_clock_do_not_exist(with_ids, as_of):
    """Accepted rows obey the clock and the label delay like those of the source."""
    model, root, new = with_ids
    late = new.assign(at=pd.date_range(as_of + timedelta(hours=1), periods=10, freq="h"))
    young = new.assign(at=as_of - timedelta(hours=1), reading=range(7000, 7010))
    read = modelling.read(model, as_of=as_of, root=root, accepted=[accepted(late), accepted(young, "y.csv")])
    assert read.origin["rows_from_as_of_on"] == 10
    assert read.table.loc[read.table["reading"] >= 7000, "alarm"].isna().all()
    early = datetime(2026, 1, 5, tzinfo=UTC)
    assert modelling.read(model, as_of=early, root=root, accepted=[accepted(new)]).table["at"].max() < early


def test_other_columns_are_left_out_and_told(with_ids, as_of):
    """The columns are those of the source; one that nobody asks for may be missing."""
    model, root, new = with_ids
    known = pd.read_csv(root / "rows.csv").assign(note="old")
    known.to_csv(root / "rows.csv", index=False)
    read = modelling.read(model, as_of=as_of, root=root, accepted=[accepted(new.assign(more=1))])
    (told,) = read.origin["data_sets"]
    assert (told["columns_left_out"], told["columns_missing"]) == (["more"], ["note"])
    assert "more" not in read.table.columns


def test_a_column_of_another_type_is_an_error_that_names_the_data_set(with_ids, as_of):
    """Numbers written as texts become numbers; texts among numbers do not become anything."""
    model, root, new = with_ids
    texts = new.assign(reading=[f"{each}.0" for each in range(8000, 8010)])
    assert pd.api.types.is_numeric_dtype(
        modelling.read(model, as_of=as_of, root=root, accepted=[accepted(texts)]).table["reading"].dtype
    )
    with pytest.raises(DataError, match="holds other things than at the source") as refused:
        modelling.read(model, as_of=as_of, root=root, accepted=[accepted(new.assign(reading="R-1"))])
    assert "new.csv" in str(refused.value.where)


def test_one_that_fits_no_more_is_an_error(with_ids, model_with, as_of):
    """The model file asks for a column that the data set has not got: it says which, and of what."""
    _, root, new = with_ids
    with pytest.raises(DataError, match="lacks 'temperature'") as refused:
        modelling.read(
            model_with(data__id=["reading"]),
            as_of=as_of,
            root=root,
            accepted=[accepted(new.drop(columns="temperature"))],
        )
    assert "accepted data set new.csv" in str(refused.value.where)
