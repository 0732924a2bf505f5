"""Series from outside: what was known at the clock, from every kind of source, with errors that name the indicator."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError, SopkitError
from sopkit.modelling import read_indicators, require_source, watched

CLOCK = datetime(2024, 3, 15, tzinfo=UTC)
MONTHS = pd.DataFrame({"month": ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"], "rate": [4.0, 4.5, 5.0, 9.0]})


def model(series: dict[str, Any], **conditions: Any) -> ModelFile:
    given = {"time": "month", "column": "rate", **series}
    return ModelFile.model_validate(
        {
            "model": "loans",
            "data": {"source": "rows.csv", "time": "at", "label_delay": "30d", "indicators": {"rates": given}},
            "target": {"column": "y", "task": "binary"},
            "features": {"a": "numeric"},
            "triggers": {"conditions": conditions},
        }
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    MONTHS.to_csv(tmp_path / "rates.csv", index=False)
    MONTHS.to_parquet(tmp_path / "rates.parquet")
    (tmp_path / "rows.csv").write_text("at,a,y\n2024-01-01,1,0\n")
    with sqlite3.connect(tmp_path / "rates.db") as database:
        MONTHS.to_sql("rates", database, index=False)
    database.close()
    (tmp_path / "loans.py").write_text(
        "import pandas as pd\n\n\ndef rates(as_of):\n    return pd.read_csv('rates.csv').assign(seen=as_of)\n"
        "\n\ndef broken():\n    raise OSError('the feed is down')\n"
    )
    return tmp_path


@pytest.mark.parametrize(
    "source",
    [
        {"source": "rates.csv"},
        {"source": "rates.parquet"},
        {"source": "sqlite:///rates.db", "query": "SELECT month, rate FROM rates"},
        {"source": "loans:rates"},
    ],
)
def test_a_series_is_read_from_every_kind_of_source(folder, monkeypatch, source):
    """CSV, Parquet, SQL and a function give the same values: those of moments before the clock."""
    monkeypatch.chdir(folder)
    found = read_indicators(model(source), as_of=CLOCK, root=folder, module=folder / "loans.py")["rates"]
    assert list(found.table["value"]) == [4.0, 4.5, 5.0]
    require_source(model(source), root=folder, module=folder / "loans.py")


def test_a_value_counts_from_its_publication_on(folder):
    """Published a month later, the value of March is not known in the middle of March."""
    found = read_indicators(model({"source": "rates.csv", "published_after": "30d"}), as_of=CLOCK, root=folder)["rates"]
    assert list(found.table["value"]) == [4.0, 4.5]
    assert found.known_until == pd.Timestamp("2024-02-14", tz="UTC")


def test_what_is_no_number_is_left_out_and_counted(folder):
    """A dot in place of a value is no value, and a series without any is empty."""
    (folder / "rates.csv").write_text("month,rate\n2024-01-01,.\n2024-02-01,4.5\n")
    found = read_indicators(model({"source": "rates.csv"}), as_of=CLOCK, root=folder)["rates"]
    assert (list(found.table["value"]), found.unread) == ([4.5], 1)
    early = read_indicators(model({"source": "rates.csv"}), as_of=datetime(2023, 1, 1, tzinfo=UTC), root=folder)
    assert len(early["rates"]) == 0


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"source": "none.csv"}, "indicator 'rates': the data file is missing"),
        ({"source": "rates.csv", "column": "price"}, "indicator 'rates': the source has no column 'price'"),
        ({"source": "rates.csv", "time": "day"}, "indicator 'rates': the source has no column 'day'"),
        ({"source": "rates.csv", "time": "rate"}, "indicator 'rates': the time column 'rate' holds numbers"),
        ({"source": "sqlite:///rates.db"}, "indicator 'rates': a database source needs a query"),
        ({"source": "loans:broken"}, "indicator 'rates': the function loans:broken failed"),
        ({"source": "http://x:${PASSWORD}@y", "query": "q"}, "indicator 'rates': the credential PASSWORD has no value"),
    ],
)
def test_a_series_that_cannot_be_read_says_which_and_why(folder, source, said):
    """The error names the indicator, and what can be seen beforehand is said before a run."""
    with pytest.raises(SopkitError) as caught:
        read_indicators(model(source), as_of=CLOCK, root=folder, module=folder / "loans.py")
    assert said in str(caught.value)
    if "broken" not in source["source"] and source.get("time") != "rate":
        with pytest.raises(SopkitError, match="indicator 'rates'"):
            require_source(model(source), root=folder, module=folder / "loans.py")


def test_a_trigger_watches_a_series_or_a_column_as_far_as_it_is_known(folder):
    """A column of the rows is known at once; what is made of the label, a label delay later."""
    watches = {
        "rates": {"kind": "indicator", "indicator": "rates", "comparison": "above", "value": 5, "window": "30d"},
        "sensor": {"kind": "indicator", "column": "a", "comparison": "above", "value": 5, "window": "1d"},
        "clicks": {"kind": "indicator", "column": "y", "comparison": "below", "value": 0.1, "window": "7d"},
    }
    given = model({"source": "rates.csv"}, **watches)
    at = pd.date_range("2024-03-01", "2024-03-14", freq="D", tz="UTC")
    rows = pd.DataFrame({"at": at, "a": range(len(at)), "y": 0.0})
    series = read_indicators(given, as_of=CLOCK, root=folder)
    found = watched(rows, series, given, as_of=CLOCK)
    assert {name: len(one) for name, one in found.items()} == {"rates": 3, "sensor": 14, "clicks": 0}
    assert [found[name].rows for name in watches] == [False, True, True]
    with pytest.raises(DataError, match="trigger 'sensor' watches a column that the rows do not have"):
        watched(rows.drop(columns="a"), series, given, as_of=CLOCK)
