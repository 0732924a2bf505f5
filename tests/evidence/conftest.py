"""Real flights for the rules that have to be right on real data, and a table whose faults are known."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from sopkit.definitions.model import ModelFile

TEMPLATES = Path(__file__).parents[2] / "templates" / "models"


@pytest.fixture(scope="session")
def flights() -> pd.DataFrame:
    """All scheduled flights of 2013, one row each, with the target as `late` (missing where there is no arrival)."""
    spec = importlib.util.spec_from_file_location("flights_of_the_template", TEMPLATES / "flights.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    table: pd.DataFrame = module.load()
    return table.assign(late=(table["arr_delay"] >= 15).astype(float).where(table["arr_delay"].notna()))


@pytest.fixture(scope="session")
def flights_model() -> ModelFile:
    return ModelFile.model_validate(yaml.safe_load((TEMPLATES / "flights.yaml").read_text(encoding="utf-8")))


@pytest.fixture
def model() -> ModelFile:
    """A small model file: two numbers and a category."""
    return make_model()


def make_model(**changes: Any) -> ModelFile:
    parts: dict[str, Any] = {
        "model": "small",
        "data": {"source": "x.csv", "time": "at", "id": ["id"], "minimum_rows": 100},
        "target": {"column": "y", "task": "binary"},
        "features": {"a": "numeric", "b": "numeric", "c": "categorical"},
    }
    parts["data"] |= changes.pop("data", {})
    return ModelFile.model_validate(parts | changes)


@pytest.fixture
def table() -> pd.DataFrame:
    return make_table()


def make_table(rows: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Rows without any fault: `y` depends a little on `a`, an hour lies between two rows."""
    random = np.random.default_rng(seed)
    a = random.normal(10, 2, rows)
    return pd.DataFrame(
        {
            "id": np.arange(rows),
            "at": pd.date_range("2024-01-01", periods=rows, freq="h", tz="UTC"),
            "a": a,
            "b": random.gamma(2, 3, rows),
            "c": random.choice(["red", "green", "blue"], rows, p=[0.5, 0.3, 0.2]),
            "y": (random.random(rows) < 1 / (1 + np.exp(-(a - 11) / 2))).astype(float),
        }
    )
