"""Preflight: what is wrong with a source and can be seen cheaply is said before anything is written."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from sopkit import modelling
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError, DefinitionError, NotFound, SopkitError

Make = Callable[..., ModelFile]


def test_a_good_source_passes(written: Path, model: ModelFile, model_with: Make, rows: pd.DataFrame) -> None:
    """A CSV, the same packed, and Parquet with the time as its index are let through."""
    modelling.require_source(model, root=written)
    (written / "rows.csv.gz").write_bytes(gzip.compress((written / "rows.csv").read_bytes()))
    rows.set_index("at").to_parquet(written / "rows.parquet")
    for name in ("rows.csv.gz", "rows.parquet"):
        other = model_with(data__source=name)
        modelling.require_source(other, root=written)
        assert list(modelling.read(other, as_of=pd.Timestamp("2026-02-01"), root=written).table.columns)


HEADER = b"at,site,temperature,alarm,machine\n"


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("gone.csv", None, "the data file is missing"),
        ("gone-*.csv", None, "no file matches data.source"),
        ("rows.xlsx", b"x", "neither CSV nor Parquet"),
        ("bad.csv", b"", "the data file is empty"),
        ("bad.csv", b"\n\r\n", "the data file is empty"),
        ("bad.csv", HEADER, "has columns and no rows"),
        ("bad.csv", b"at,at,x\n1,2,3\n", "occur more than once: at"),
        ("bad.csv", b"at,x\n1,3\n", "the data lacks"),
        ("bad.csv", b"at;x\n1;3\n", "separator"),
        ("bad.csv", b"\xff\xfe\x00", "the text is not utf-8"),
        ("bad.csv.gz", gzip.compress(b"at,x\n" * 9, mtime=0)[:14], "cannot be unpacked"),
        ("bad.csv.gz", b"at,x\n1,2\n", "cannot be unpacked"),
        ("bad.parquet", b"PAR1 and nothing else", "cannot be read: it is truncated, or not Parquet"),
    ],
)
def test_a_bad_file_is_named(name: str, content: bytes | None, says: str, tmp_path: Path, model_with: Make) -> None:
    """The message says what is wrong with which file."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    bad = model_with(data__source=name)
    with pytest.raises(DataError) as raised:
        modelling.require_source(bad, root=tmp_path)
    assert says in str(raised.value)
    assert name in str(raised.value)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (None, DefinitionError, "the model file has none beside it"),
        ("def lod(): pass", DefinitionError, "has no 'load'"),
        ("def load(:", DefinitionError, "the file is not Python"),
        ("gone", NotFound, "cannot be read"),
    ],
)
def test_a_function_is_looked_for(
    content: str | None, error: type[SopkitError], says: str, tmp_path: Path, model_with: Make
) -> None:
    """A module that is missing, is not Python or lacks the function is named."""
    path = None if content is None else tmp_path / "mine.py"
    if path is not None and content != "gone":
        path.write_text(str(content))
    own = model_with(data__source="mine:load")
    with pytest.raises(error) as raised:
        modelling.require_source(own, root=tmp_path, module=path)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    "content",
    [
        "def load(): 1 / 0\nraise SystemExit('executed')",
        "from sources import load",
        "load = lambda: None",
        "try:\n    from fast import load\nexcept ImportError:\n    load = None",
        "if True:\n    def load(): pass",
    ],
)
def test_a_function_is_never_executed(content: str, tmp_path: Path, model_with: Make) -> None:
    """However the module binds the name, it is found without running the file."""
    (tmp_path / "mine.py").write_text(content)
    own = model_with(data__source="mine:load")
    modelling.require_source(own, root=tmp_path, module=tmp_path / "mine.py")


@pytest.mark.parametrize(
    ("source", "query", "error", "says"),
    [
        ("sqlite:///rows.db", None, DefinitionError, "needs a query"),
        ("sqlite:///rows.db", "select 1", DataError, "the SQLite database is missing"),
        ("postgresql://me:${PASSWORD}@host:port/db", "select 1", DefinitionError, "cannot be read"),
        ("postgresql://me:${OTHER}@host/db", "select 1", DataError, "OTHER has no value"),
    ],
)
def test_a_database_is_judged_by_its_url(
    source: str,
    query: str | None,
    error: type[SopkitError],
    says: str,
    tmp_path: Path,
    model_with: Make,
) -> None:
    """A URL that cannot be read and a credential without a value are named, and no password is shown."""
    asked = model_with(data__source=source, data__query=query)
    with pytest.raises(error) as raised:
        modelling.require_source(asked, root=tmp_path, credentials={"PASSWORD": "s3cret"})
    assert says in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_it_costs_no_pandas() -> None:
    """Looking at a source does not load pandas: it happens in the process of the command."""
    code = "import sys; from sopkit import modelling; modelling.require_source; assert 'pandas' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
