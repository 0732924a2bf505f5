"""A small synthetic world: sensors whose late alarms follow their temperature, one row an hour."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import ModelFile
from sopkit.evidence.metrics import score

START = pd.Timestamp("2026-01-01", tz="UTC")


def make_model(**changes: Any) -> ModelFile:
    """A binary model file; keys of `changes` with two underscores reach inside (`data__label_delay`)."""
    definition: dict[str, Any] = {
        "model": "sensors",
        "data": {"source": "rows.csv", "time": "at", "entity": "machine", "label_delay": "1d"},
        "target": {"column": "alarm", "task": "binary"},
        "features": {"temperature": "numeric", "site": "categorical"},
        "evaluation": {"window": "7d"},
        "estimator": {
            "class": "sklearn.ensemble.HistGradientBoostingClassifier",
            "parameters": {"max_iter": 15, "early_stopping": False},
        },
    }
    for key, value in changes.items():
        place, *rest = key.split("__")
        if rest:
            definition[place] = {**definition.get(place, {}), rest[0]: value}
        else:
            definition[place] = value
    return ModelFile.model_validate({key: value for key, value in definition.items() if value is not None})


def make_rows(days: int = 40, *, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    n = days * 24
    temperature = rng.normal(20, 5, n)
    return pd.DataFrame(
        {
            "at": [START + pd.Timedelta(hours=hour) for hour in range(n)],
            "machine": rng.choice(["m1", "m2", "m3"], n),
            "temperature": np.where(rng.random(n) < 0.05, np.nan, temperature),
            "site": rng.choice(["north", "south", "west"], n, p=[0.5, 0.3, 0.2]),
            "alarm": (rng.random(n) < 1 / (1 + np.exp(-(temperature - 22)))).astype(int),
        }
    )


@pytest.fixture
def model() -> ModelFile:
    return make_model()


@pytest.fixture
def model_with() -> Callable[..., ModelFile]:
    return make_model


@pytest.fixture
def rows() -> pd.DataFrame:
    return make_rows()


@pytest.fixture
def rows_of() -> Callable[..., pd.DataFrame]:
    return make_rows


@pytest.fixture
def as_of() -> datetime:
    return datetime(2026, 2, 10, tzinfo=UTC)


@pytest.fixture
def binary_score() -> Callable[..., dict[str, float]]:
    return partial(score, "binary")


@pytest.fixture
def written(tmp_path: Path, rows: pd.DataFrame) -> Path:
    """A folder with the rows as `rows.csv`."""
    rows.to_csv(tmp_path / "rows.csv", index=False)
    return tmp_path
