"""A workspace on disk, and a small fitted pipeline."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit import modelling
from sopkit.archive.workspace import Workspace
from sopkit.definitions.model import ModelFile
from sopkit.registry import models, tracking
from sopkit.registry.effects import Context

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
RUN = "20260301T000000Z-sensors-4f2a"


def make_model(**estimator: Any) -> ModelFile:
    definition: dict[str, Any] = {
        "model": "sensors",
        "data": {"source": "rows.csv", "time": "at"},
        "target": {"column": "alarm", "task": "binary"},
        "features": {"temperature": "numeric", "site": "categorical"},
        "estimator": estimator
        or {
            "class": "sklearn.ensemble.HistGradientBoostingClassifier",
            "parameters": {"max_iter": 5, "early_stopping": False},
        },
    }
    return ModelFile.model_validate(definition)


@pytest.fixture(scope="session")
def rows() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    temperature = rng.normal(20, 5, 400)
    return pd.DataFrame(
        {
            "at": pd.date_range("2026-01-01", periods=400, freq="h", tz="UTC"),
            "temperature": np.where(rng.random(400) < 0.05, np.nan, temperature),
            "site": rng.choice(["north", "south", "west"], 400),
            "alarm": (temperature + rng.normal(0, 3, 400) > 22).astype(int),
        }
    )


@pytest.fixture(scope="session")
def model() -> ModelFile:
    return make_model()


@pytest.fixture(scope="session")
def pipeline(rows: pd.DataFrame, model: ModelFile) -> Any:
    return modelling.fit(modelling.recipe(model), rows, model).pipeline


@pytest.fixture(scope="session")
def empty_registry(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A registry that MLflow has made its tables in; tests take copies, which saves seconds each."""
    path = tmp_path_factory.mktemp("registry") / "mlflow.db"
    tracking.aliases(tracking.sqlite_uri(path), "nothing")
    return path


@pytest.fixture
def uri(tmp_path: Path, empty_registry: Path) -> str:
    (tmp_path / "registry").mkdir()
    return tracking.sqlite_uri(Path(shutil.copy(empty_registry, tmp_path / "registry")))


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    for name in ("notebooks", "templates", "runs"):
        (root / name).mkdir(parents=True)
    workspace = Workspace(root)
    workspace.open_log("live", NOW)
    return workspace


@pytest.fixture
def context(workspace: Workspace, empty_registry: Path) -> Context:
    (workspace.sop / "registry").mkdir()
    shutil.copy(empty_registry, workspace.sop / "registry")
    return Context(workspace, RUN, "retrain", 1)


@pytest.fixture
def digest(workspace: Workspace, pipeline: Any) -> str:
    """A real model in the store."""
    return models.save(workspace.store, pipeline)
