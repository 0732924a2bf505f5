"""Reading: every kind of source, as of a clock, and every way in which a source can be wrong."""

from __future__ import annotations

import gzip
import hashlib
import sqlite3
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sopkit import modelling
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError, DefinitionError, NotFound
from sopkit.modelling.files import read_files

Make = Callable[..., ModelFile]


def test_a_csv_is_read_and_described(written: Path, model: ModelFile, rows: pd.DataFrame, as_of: datetime) -> None:
    """The table has the rows, and the origin names file, digest, size, counts and times."""
    snapshot = modelling.read(model, as_of=as_of, root=written)
    assert len(snapshot.table) == len(rows)
    data = (written / "rows.csv").read_bytes()
    assert snapshot.origin["files"] == [
        {"path": "rows.csv", "sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "rows": len(rows)}
    ]
    assert snapshot.origin["time"] == {"from": "2026-01-01T00:00:00+00:00", "to": "2026-02-09T23:00:00+00:00"}
    assert snapshot.origin["rows_raw"] == snapshot.origin["rows"] == len(rows)


def test_data_from_the_clock_on_does_not_exist(written: Path, model: ModelFile) -> None:
    """As of midnight there is the hour before it and not the hour that begins."""
    snapshot = modelling.read(model, as_of=datetime(2026, 1, 11, tzinfo=UTC), root=written)
    assert snapshot.table["at"].max() == pd.Timestamp("2026-01-10T23:00Z")
    assert snapshot.origin["rows_from_as_of_on"] == 30 * 24


def test_labels_younger_than_their_delay_are_withheld(written: Path, model: ModelFile) -> None:
    """With a label delay of a day the rows of the last day have features and no label."""
    table = modelling.read(model, as_of=datetime(2026, 1, 11, tzinfo=UTC), root=written).table
    young = table["at"] >= pd.Timestamp("2026-01-10", tz="UTC")
    assert table.loc[young, "alarm"].isna().all()
    assert table.loc[~young, "alarm"].notna().all()
    assert table.loc[young, "site"].notna().all()


def test_columns_that_only_the_target_uses_are_withheld_with_it(written: Path, model_with: Make) -> None:
    """An expression's own columns go missing for young rows; a column that is a feature too stays."""
    model = model_with(target={"expression": "alarm == 1 and temperature > 0", "task": "binary"})
    as_of = datetime(2026, 1, 11, tzinfo=UTC)
    table = modelling.read(model, as_of=as_of, root=written).table
    young = table["at"] >= pd.Timestamp("2026-01-10", tz="UTC")
    assert table.loc[young, "alarm"].isna().all()
    assert table.loc[young, "temperature"].notna().any()
    assert modelling.target(table, model)[young].isna().all()


def test_history_cuts_off_old_rows(written: Path, model_with: Make, as_of: datetime) -> None:
    """`history: 10d` leaves the ten days before the clock."""
    table = modelling.read(model_with(data__history="10d"), as_of=as_of, root=written).table
    assert table["at"].min() == pd.Timestamp("2026-01-31", tz="UTC")


def test_a_glob_reads_all_files_in_order(tmp_path: Path, rows: pd.DataFrame, model_with: Make, as_of: datetime) -> None:
    """CSV, compressed CSV and Parquet parts of the same columns make one table."""
    rows[:300].to_csv(tmp_path / "part-1.csv", index=False)
    (tmp_path / "part-2.csv.gz").write_bytes(gzip.compress(rows[300:600].to_csv(index=False).encode()))
    rows[600:].to_parquet(tmp_path / "part-3.parquet", index=False)
    snapshot = modelling.read(model_with(data__source="part-*"), as_of=as_of, root=tmp_path)
    assert len(snapshot.table) == len(rows)
    assert [file["rows"] for file in snapshot.origin["files"]] == [300, 300, 360]
    assert snapshot.table["at"].is_monotonic_increasing


def test_parts_with_other_columns_are_refused(
    tmp_path: Path, rows: pd.DataFrame, model_with: Make, as_of: datetime
) -> None:
    """A part that lacks a column is named, with the column."""
    rows.to_csv(tmp_path / "part-1.csv", index=False)
    rows.drop(columns="site").to_csv(tmp_path / "part-2.csv", index=False)
    with pytest.raises(DataError, match=r"part-2\.csv.*other columns(?s:.*)site"):
        modelling.read(model_with(data__source="part-*.csv"), as_of=as_of, root=tmp_path)


def test_a_query_is_read_with_the_clock_bound(
    tmp_path: Path, rows: pd.DataFrame, model_with: Make, as_of: datetime
) -> None:
    """`:as_of` and the arguments are bound values; the origin keeps the query as it was written."""
    with sqlite3.connect(tmp_path / "plant.db") as connection:
        rows.assign(at=rows["at"].dt.strftime("%Y-%m-%d %H:%M:%S")).to_sql("readings", connection, index=False)
    connection.close()
    query = "SELECT * FROM readings WHERE site = :site AND at < :as_of"
    model = model_with(data__source="sqlite:///plant.db", data__query=query, data__arguments={"site": "north"})
    snapshot = modelling.read(model, as_of=as_of, root=tmp_path)
    assert set(snapshot.table["site"]) == {"north"}
    assert snapshot.origin["query"] == query


def test_a_database_error_names_the_credential_and_not_its_value(
    tmp_path: Path, model_with: Make, as_of: datetime
) -> None:
    """Whatever the driver says of the address, the password stands there by its name only."""
    (tmp_path / "s3cr:t@.db").touch()
    model = model_with(data__source="sqlite:///${PLANT_DB}.db", data__query="SELECT * FROM nowhere")
    with pytest.raises(DataError) as caught:
        modelling.read(model, as_of=as_of, root=tmp_path, credentials={"PLANT_DB": "s3cr:t@"})
    assert "s3cr" not in str(caught.value)
    assert "${PLANT_DB}" in str(caught.value)
    assert "no such table: nowhere" in str(caught.value)


def test_a_database_without_its_driver_names_what_to_install(
    tmp_path: Path, model_with: Make, as_of: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not the query and not the credentials are at fault, and the remedy says so."""
    monkeypatch.setitem(sys.modules, "psycopg2", None)
    model = model_with(data__source="postgresql+psycopg2://host/plant", data__query="SELECT 1")
    with pytest.raises(DataError, match="driver of this database is not installed") as caught:
        modelling.read(model, as_of=as_of, root=tmp_path)
    assert "pip install psycopg2" in str(caught.value)


def test_a_lone_carriage_return_is_part_of_a_value(
    tmp_path: Path, rows: pd.DataFrame, model: ModelFile, as_of: datetime
) -> None:
    """Where lines end otherwise it ends none, so no row is lost and none is made, whatever the lines end with."""
    table = rows.assign(note="quiet", last=1)
    table.loc[7, "note"] = "one\rtwo"
    for end in ("\n", "\r\n"):
        lines = table.to_csv(index=False).replace('"one\rtwo"', "one\rtwo").split("\n")
        (tmp_path / model.data.source).write_bytes(end.join(lines).encode())
        read = modelling.read(model, as_of=as_of, root=tmp_path).table
        assert ("one\rtwo", len(rows), {1}) == (read["note"][7], len(read), set(read["last"]))


def test_a_missing_database_is_not_made(tmp_path: Path, model_with: Make, as_of: datetime) -> None:
    """SQLite would make an empty file at that path; the source is missing, and stays so."""
    model = model_with(data__source="sqlite:///plant.db", data__query="SELECT 1")
    with pytest.raises(DataError, match="database is missing"):
        modelling.read(model, as_of=as_of, root=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_credential_without_a_value_is_named(tmp_path: Path, model_with: Make, as_of: datetime) -> None:
    """The error says which name has no value, and where to set it."""
    model = model_with(data__source="postgresql://${PLANT_USER}@host/plant", data__query="SELECT 1")
    with pytest.raises(DataError, match="PLANT_USER has no value"):
        modelling.read(model, as_of=as_of, root=tmp_path)


MODULE = """
import pandas as pd

def load(folder, as_of, credentials):
    assert credentials == {"TOKEN": "sesame"}
    return pd.read_csv(folder + "/rows.csv").assign(seen=as_of)

def unclocked(folder):
    return pd.read_csv(folder + "/rows.csv")

def broken():
    raise RuntimeError("cannot log in with sesame")

def listed():
    return [1, 2, 3]
"""


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "sensors.py"
    path.write_text(MODULE)
    return path


@pytest.mark.parametrize("function", ["load", "unclocked"])
def test_a_function_gets_what_its_signature_takes(
    written: Path, module: Path, model_with: Make, as_of: datetime, function: str
) -> None:
    """Arguments come from the model file; clock and credentials only where the function asks for them."""
    model = model_with(data__source=f"sensors:{function}", data__arguments={"folder": str(written)})
    snapshot = modelling.read(model, as_of=as_of, root=written, module=module, credentials={"TOKEN": "sesame"})
    assert len(snapshot.table) == 960
    assert "sesame" not in str(snapshot.origin)


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        ("sensors:nowhere", DefinitionError, "has no 'nowhere'"),
        ("sensors:broken", DataError, r"RuntimeError: cannot log in with \$\{TOKEN\} \(line 12\)"),
        ("sensors:listed", DataError, "did not return a table(?s:.*)got:      list"),
        ("sensors:load", DataError, "missing 1 required positional argument: 'folder'"),
    ],
)
def test_a_function_that_is_missing_fails_or_returns_no_table_is_told(
    written: Path, module: Path, model_with: Make, as_of: datetime, source: str, error: type[Exception], text: str
) -> None:
    """The error has the function, its line, and no credential."""
    with pytest.raises(error, match=text):
        modelling.read(
            model_with(data__source=source), as_of=as_of, root=written, module=module, credentials={"TOKEN": "sesame"}
        )


def test_a_module_that_is_not_there_or_does_not_load_is_told(tmp_path: Path, model_with: Make, as_of: datetime) -> None:
    """No file, no such file, and a file with a syntax error are three errors."""
    model = model_with(data__source="sensors:load")
    with pytest.raises(DefinitionError, match="has none beside it"):
        modelling.read(model, as_of=as_of, root=tmp_path)
    with pytest.raises(NotFound, match="cannot be read"):
        modelling.read(model, as_of=as_of, root=tmp_path, module=tmp_path / "sensors.py")
    (tmp_path / "sensors.py").write_text("def load(:\n")
    with pytest.raises(DataError, match=r"does not load(?s:.*)SyntaxError"):
        modelling.read(model, as_of=as_of, root=tmp_path, module=tmp_path / "sensors.py")


HEADER = "at,machine,temperature,site,alarm\n"
LINE = "2026-01-01T00:00:00Z,m1,20.5,north,0\n"


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("rows.csv", b"", "the data file is empty"),
        ("rows.csv", b" \n\n", "the data file is empty"),
        ("rows.csv", HEADER.encode(), "no row before"),
        ("rows.csv", (HEADER + LINE + "2026-01-01T01:00:00Z,m1,2").encode(), r"rows\.csv:3.*too few fields"),
        ("rows.csv", (HEADER + LINE + '2026-01-01T01:00:00Z,"m1').encode(), "cannot be parsed"),
        ("rows.csv", (HEADER + LINE + "a,b,c,d,e,f,g\n").encode(), "cannot be parsed"),
        ("rows.csv", ("at,site,site\n" + LINE).encode(), "more than once: site"),
        ("rows.csv", HEADER.replace(",", ";").encode() + LINE.replace(",", ";").encode(), "separator"),
        ("rows.csv", (HEADER + LINE.replace("north", "Zürich")).encode("latin-1"), "the text is not utf-8-sig"),
        ("rows.csv", (HEADER.replace("at,", "when,") + LINE).encode(), r"lacks 'at' \(data.time\)"),
        ("rows.csv", (HEADER.replace("alarm", "alert") + LINE).encode(), r"lacks 'alarm' \(target\)"),
        ("rows.csv", (HEADER.replace("site", "place") + LINE).encode(), r"lacks 'site' \(features\)"),
        ("rows.csv.gz", gzip.compress((HEADER + LINE * 500).encode(), mtime=0)[:-30], "cannot be unpacked"),
        ("rows.csv.gz", HEADER.encode(), "cannot be unpacked"),
        ("rows.parquet", b"PAR1 and nothing else", "cannot be read: it is truncated, or not Parquet"),
        ("rows.xlsx", b"PK", "neither CSV nor Parquet"),
    ],
)
def test_a_file_that_is_not_whole_is_refused(
    tmp_path: Path, model_with: Make, as_of: datetime, name: str, content: bytes, text: str
) -> None:
    """Empty, truncated, ragged, doubled, wrongly encoded and lacking files are told apart."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=text):
        modelling.read(model_with(data__source=name), as_of=as_of, root=tmp_path)


def test_a_truncated_parquet_file_is_refused(
    tmp_path: Path, rows: pd.DataFrame, model_with: Make, as_of: datetime
) -> None:
    """A Parquet file without its end has no footer, and no rows are made up."""
    rows.to_parquet(tmp_path / "whole.parquet", index=False)
    data = (tmp_path / "whole.parquet").read_bytes()
    (tmp_path / "rows.parquet").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="truncated"):
        modelling.read(model_with(data__source="rows.parquet"), as_of=as_of, root=tmp_path)


def test_a_missing_file_tells_what_lies_there(written: Path, model_with: Make, as_of: datetime) -> None:
    """The error lists the folder, where the right name often stands."""
    with pytest.raises(DataError, match=r"data file is missing(?s:.*)rows\.csv"):
        modelling.read(model_with(data__source="row.csv"), as_of=as_of, root=written)
    with pytest.raises(DataError, match=r"no file matches(?s:.*)no such folder"):
        modelling.read(model_with(data__source="parts/*.csv"), as_of=as_of, root=written)


@pytest.mark.parametrize(
    ("values", "time_format", "first"),
    [
        (["2026-01-01T00:00:00", "2026-01-02T00:00:00"], None, "2026-01-01T00:00Z"),
        (["2026-01-01", "2026-01-02T05:00"], None, "2026-01-01T00:00Z"),
        (["2026-01", "2026-02"], None, "2026-01-01T00:00Z"),
        (["2026-01-01T00:00:00+02:00", "2026-01-02T00:00:00+02:00"], None, "2025-12-31T22:00Z"),
        (["31.12.2025", "01.01.2026"], "%d.%m.%Y", "2025-12-31T00:00Z"),
        ([202601, 202602], "%Y%m", "2026-01-01T00:00Z"),
        ([1767225600, 1767229200], "unix", "2026-01-01T00:00Z"),
        ([1767225600000, 1767229200000], "unix-ms", "2026-01-01T00:00Z"),
    ],
)
def test_times_become_utc(
    tmp_path: Path, model_with: Make, values: list[Any], time_format: str | None, first: str
) -> None:
    """Without a zone a time is UTC; other forms are read as the model file says."""
    table = pd.DataFrame({"at": values, "machine": "m1", "temperature": 1.0, "site": "x", "alarm": 0})
    table.to_csv(tmp_path / "rows.csv", index=False)
    model = model_with(data__time_format=time_format)
    read = modelling.read(model, as_of=datetime(2027, 1, 1, tzinfo=UTC), root=tmp_path).table
    assert read["at"].iloc[0] == pd.Timestamp(first)
    assert str(read["at"].dtype) == "datetime64[us, UTC]"


def test_unreadable_times_are_counted_and_shown(
    written: Path, rows: pd.DataFrame, model: ModelFile, as_of: datetime
) -> None:
    """The error says how many, which, and where the first stands."""
    texts = rows["at"].astype(str)
    texts[5:7] = ["soon", None]
    rows.assign(at=texts).to_csv(written / "rows.csv", index=False)
    with pytest.raises(DataError, match=r"2 of 960 values(?s:.*)'soon', 'nan'; first in row 6"):
        modelling.read(model, as_of=as_of, root=written)


def test_numbers_without_a_form_are_no_times(
    written: Path, rows: pd.DataFrame, model: ModelFile, as_of: datetime
) -> None:
    """pandas would take them for nanoseconds since 1970."""
    rows.assign(at=range(len(rows))).to_csv(written / "rows.csv", index=False)
    with pytest.raises(DataError, match=r"holds numbers(?s:.*)time_format"):
        modelling.read(model, as_of=as_of, root=written)


def test_nothing_before_the_clock_is_an_error(written: Path, model: ModelFile) -> None:
    """A clock before the first row tells from when to when there are rows."""
    with pytest.raises(DataError, match=r"no row before 2020(?s:.*)from 2026-01-01"):
        modelling.read(model, as_of=datetime(2020, 1, 1, tzinfo=UTC), root=written)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
@pytest.mark.parametrize(
    ("values", "end", "cut"),
    [
        (["small", "big", "none"] * 20, "sma", True),
        (["2026-01-01", "2026-01-02", "2026-01-03"] * 20, "2026-01-", True),
        (["small", "big", "none"] * 20, "small", False),
        (["small", "big", "none"] * 20, "none", False),
        (["12.5", "7.25", "100"] * 20, "1", False),
        ([f"a text of its own, {n} words" for n in range(60)], "a text", False),
    ],
)
def test_a_last_value_that_is_cut_is_an_error_and_an_honest_file_without_a_last_line_end_is_not(
    tmp_path: Path, suffix: str, values: list[str], end: str, cut: bool
) -> None:
    """A file that was cut in its last value says so; a whole one may lack its last line end."""
    lines = ["at,x,kind", *(f'2026-01-01T00:{n:02}:00Z,1,"{value}"' for n, value in enumerate(values))]
    data = ("\n".join(lines) + f"\n2026-01-01T01:00:00Z,1,{end}").encode()
    (tmp_path / f"rows{suffix}").write_bytes(gzip.compress(data) if suffix.endswith("gz") else data)
    if cut:
        with pytest.raises(DataError, match="last line of the CSV is cut"):
            read_files(f"rows{suffix}", tmp_path, {})
    else:
        assert len(read_files(f"rows{suffix}", tmp_path, {})[0]) == 61
