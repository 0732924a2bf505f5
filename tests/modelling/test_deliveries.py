"""Data sets that strangers send: what is read, what is refused, and that nothing is executed."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import pickle
import sqlite3
import zipfile

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sopkit.errors import DataError, SopkitError
from sopkit.modelling.deliveries import CSV, CSV_GZ, PARQUET, Limits, label, parse, rows_at
from sopkit.modelling.tables import read_parquet_bytes


def parquet(table: pa.Table, **how: object) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, **how)
    return sink.getvalue()


@pytest.fixture
def text(rows) -> bytes:
    return rows.to_csv(index=False).encode()


def test_the_bytes_decide_what_it_is(model, rows, text):
    """CSV, packed CSV and Parquet give the same rows, whatever they are called."""
    sink = io.BytesIO()
    rows.to_parquet(sink)
    for data, kind in ((text, CSV), (gzip.compress(text), CSV_GZ), (sink.getvalue(), PARQUET)):
        table, found = parse(data, model)
        assert (found, len(table), list(table.columns)) == (kind, len(rows), list(rows.columns))


class Bomb:
    """Its pickle removes a file when it is loaded."""

    def __init__(self, path: object) -> None:
        self.path = str(path)

    def __reduce__(self):
        return os.unlink, (self.path,)


def test_a_pickle_is_refused_and_not_loaded(model, tmp_path):
    """Called CSV, it is told by its first bytes; what it would have done has not happened."""
    (tmp_path / "still").touch()
    for protocol in range(2, 6):
        with pytest.raises(DataError, match="not a table"):
            parse(pickle.dumps(Bomb(tmp_path / "still"), protocol=protocol), model)
    for protocol in (0, 1):  # text, of no column that a model file knows
        with contextlib.suppress(DataError):
            assert "at" not in parse(pickle.dumps(Bomb(tmp_path / "still"), protocol=protocol), model)[0].columns
    assert (tmp_path / "still").exists()


def test_a_pickle_inside_parquet_is_not_loaded(model, tmp_path):
    """A file may name a Python type to be restored from a pickle; the values come without it."""
    (tmp_path / "still").touch()
    metadata = {b"ARROW:extension:name": b"arrow.py_extension_type"}
    metadata[b"ARROW:extension:metadata"] = pickle.dumps(Bomb(tmp_path / "still"))
    field = pa.field("temperature", pa.float64(), metadata=metadata)
    data = parquet(pa.table([pa.array([1.0, 2.0])], schema=pa.schema([field])))
    with contextlib.suppress(SopkitError, RuntimeWarning):  # refused is as good
        parse(data, model)
    assert (tmp_path / "still").exists()


def archive() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as packed:
        packed.writestr("a.csv", "a\n1\n")
    return sink.getvalue()


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (archive(), "zip"),
        (b"<!DOCTYPE html><html><script>alert(1)</script></html>", "HTML"),
        (b"  \n<html>", "HTML"),
        (json.dumps({"cells": [], "nbformat": 4}).encode(), "notebook"),
        (b"[]", "JSON"),
        (b"#!/bin/sh\nrm -rf /\n", "script"),
        (b"\x7fELF\x02\x01", "program"),
        (b"%PDF-1.7", "PDF"),
        (b"at,x\n1,\0\n", "no text"),
        (gzip.compress(archive()), "zip"),
        (gzip.compress(b"<html>"), "HTML"),
    ],
)
def test_what_is_no_table_is_told_by_what_it_is(model, data, told):
    """An archive, a page, a notebook, a program: refused by their bytes, also when packed."""
    with pytest.raises(DataError, match="not a table") as refused:
        parse(data, model)
    assert told in str(refused.value.got)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"   \n",
        b"PAR1",
        b"PAR1 and then nothing PAR1",
        gzip.compress(b"at,x\n1,2\n")[:-6],
        b"\x1f\x8bnonsense",
        b"at,x\n1,2\n3\n",
        b"at,x\n1,2,3,4\n",
        b"at,at\n1,2\n",
        "at,x\n1,ä\n".encode("latin-1"),
        b'at,x\n1,"never closed\n',
        b"a" * 200_000 + b",b\n1,2\n",
    ],
)
def test_what_is_damaged_is_an_error_in_words(model, data):
    """Empty, truncated, ragged, twice named, wrongly encoded or with an endless header: never half a table."""
    with pytest.raises(DataError):
        parse(data, model, where="new.csv")


def test_a_small_damaged_file_does_not_harm_the_next_one(model):
    """Looking for the short line of one leaves no limit behind that another one's header is longer than."""
    with pytest.raises(DataError, match="too few fields"):
        parse(b"at,x\n1,2\n3\n", model)
    assert list(parse(b"at,a_much_longer_header\n1,2\n", model)[0].columns) == ["at", "a_much_longer_header"]


def test_a_huge_line_is_one_value(model):
    """Ten megabytes in one line are read as what they are."""
    table, _ = parse(b"at,x\n1," + b"y" * 10**7 + b"\n", model)
    assert len(table["x"].iloc[0]) == 10**7


def test_what_is_too_large_is_refused_before_it_is_read(model):
    """Bytes, unpacked bytes, columns and values have limits of their own."""
    small = Limits(size=1000, unpacked=5000, columns=5, values=100)
    cases = {
        b"a,b\n" + b"1,2\n" * 400: "larger than what may be delivered",
        gzip.compress(b"a,b\n" + b"1,2\n" * 4000): "larger than may be unpacked",
        b"a,b,c,d,e,f\n": "more than may be read",
        b"a,b\n" + b"1,2\n" * 60: "more than may be read",
        parquet(pa.table({"a": pa.array([1] * 200)})): "more than may be read",
    }
    for data, told in cases.items():
        with pytest.raises(DataError, match=told):
            parse(data, model, limits=small)


@pytest.mark.parametrize("store_schema", [True, False])
def test_a_small_parquet_file_that_holds_a_machine_is_refused(model, store_schema):
    """A text of a megabyte that recurs two million times packs to 98 kB; this process survives it, and may go on."""
    repeated = pa.DictionaryArray.from_arrays(pa.array([0] * 2_000_000, type=pa.int32()), pa.array(["x" * 1_000_000]))
    data = parquet(pa.table({"a": repeated}), store_schema=store_schema)
    assert len(data) < 200_000
    with pytest.raises(DataError, match="more than may be read"):
        parse(data, model, limits=Limits(memory=10**9))
    assert len(bytearray(50_000_000)) == 50_000_000


def test_columns_that_hold_no_single_values_are_refused(model):
    """Lists, records and bytes have no place in a table of values."""
    for column in ([[1, 2]], [{"a": 1}], [b"\x80\x04"]):
        with pytest.raises(DataError, match="no single values"):
            parse(parquet(pa.table({"at": column})), model)


def test_csv_is_read_with_the_arguments_of_the_model_file(model_with):
    """A source with semicolons and decimal commas gets data sets of that kind."""
    model = model_with(data__arguments={"separator": ";", "decimal": ",", "encoding": "latin-1"})
    table, _ = parse("at;temperature;ort\n2026-01-01;3,5;Köln\n".encode("latin-1"), model)
    assert table.to_dict("records") == [{"at": "2026-01-01", "temperature": 3.5, "ort": "Köln"}]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("july 2026.csv", "july 2026.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\data\\july.csv", "july.csv"),
        ("<img src=x onerror=alert(1)>.csv", "_img src=x onerror=alert(1)_.csv"),
        ("a\x00b\u202efdp.csv", "a_b_fdp.csv"),
        ("--accept", "--accept"),
        ("", "unnamed"),
        ("..", "unnamed"),
    ],
)
def test_a_name_is_a_label(name, shown):
    """No folder, no markup, nothing that cannot be seen is left of it."""
    assert label(name) == shown


def test_a_long_name_keeps_its_end():
    """Eighty characters at most, the ending among them."""
    assert len(label("x" * 300 + ".parquet")) <= 80
    assert label("x" * 300 + ".parquet").endswith(".parquet")


def test_rows_at_a_database_come_as_parquet(model_with, rows, tmp_path, as_of):
    """The model file's query is asked of the address that was given; without a query there is none to ask."""
    with sqlite3.connect(tmp_path / "new.db") as database:
        rows.head(7).assign(at=rows["at"].astype(str)).to_sql("readings", database, index=False)
    where = {"as_of": as_of, "root": tmp_path, "credentials": {}}
    model = model_with(data__source="sqlite:///old.db", data__query="SELECT * FROM readings")
    table = read_parquet_bytes(rows_at("sqlite:///new.db", model, **where))
    assert isinstance(table, pd.DataFrame)
    assert len(table) == 7
    with pytest.raises(SopkitError, match="query"):
        rows_at("sqlite:///new.db", model_with(), **where)
    with pytest.raises(DataError, match="missing"):
        rows_at("sqlite:///nowhere.db", model, **where)


def test_a_password_in_an_address_and_a_function_are_refused(model_with, tmp_path, as_of):
    """What is typed would stand in the log; and what is delivered is never executed."""
    where = {"as_of": as_of, "root": tmp_path, "credentials": {}}
    model = model_with(data__query="SELECT 1")
    with pytest.raises(DataError, match="a password stands") as refused:
        rows_at("postgresql://ada:s3cret@host/db", model, **where)
    assert "s3cret" not in str(refused.value)
    with pytest.raises(DataError, match="not an address"):
        rows_at("os:system", model, **where)
