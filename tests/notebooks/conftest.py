"""Small synthetic data, short model files, and the real `sop` command in a process of its own.

A run of the retraining SOP on them takes seconds; what it executes are the real notebooks.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit.errors import SopkitError

START = pd.Timestamp("2025-01-01", tz="UTC")
CHANGED = 60  # the day from which the target depends on its features in another way

MODEL = """
model: {name}
data: {{source: {name}.csv, time: at, minimum_rows: 200}}
target: {{column: y, task: {task}}}
features: {{x: numeric, z: numeric, colour: categorical, site: categorical}}
excluded: {{sex: not needed}}
{more}
estimator: {{class: {estimator}, parameters: {parameters}}}
challengers: {{recent: {{window: 30d}}}}
evaluation: {{window: 20d, blocks: 12h, resamples: 100, minimum_rows: 100, folds: 2, fairness: {{minimum_group: 30}}}}
triggers: {{minimum_rows: 100}}
promotion: {{soak: 7d}}
"""
SLICES = "slices: [site]\nprotected: [sex]"
ESTIMATORS = {
    "binary": ("sklearn.linear_model.LogisticRegression", "{max_iter: 1000}"),
    "multiclass": ("sklearn.ensemble.HistGradientBoostingClassifier", "{max_iter: 20, max_leaf_nodes: 7}"),
    "regression": ("sklearn.ensemble.HistGradientBoostingRegressor", "{max_iter: 20, max_leaf_nodes: 7}"),
}


def make_rows(task: str = "binary", days: int = 150, *, seed: int = 0) -> pd.DataFrame:
    """One row every two hours; `y` follows `x` and `colour`, and from day CHANGED on the other way round."""
    rng = np.random.default_rng(seed)
    n = days * 12
    x, colour = rng.normal(0, 1, n), rng.choice(["blue", "green", "red"], n)
    sign = np.where(np.arange(n) < CHANGED * 12, 1.0, -1.0)
    z = rng.normal(5, 2, n)
    level = sign * (x + (z - 5) / 2) + (colour == "red") + rng.normal(0, 0.7, n)
    cuts = pd.cut(level, [-np.inf, -1, 1, np.inf], labels=["low", "middle", "high"])
    target = {"binary": (level > 0).astype(int), "regression": level.round(3), "multiclass": np.asarray(cuts)}
    return pd.DataFrame(
        {
            "at": [(START + pd.Timedelta(hours=2 * i)).isoformat() for i in range(n)],
            "x": x.round(4),
            "z": z.round(4),
            "colour": colour,
            "site": rng.choice(["north", "south"], n),
            "sex": rng.choice(["f", "m"], n),
            "y": target[task],
        }
    )


def model_file(name: str = "tiny", task: str = "binary", more: str = SLICES) -> str:
    """The text of a model file; `more` takes the place of slices and protected attributes."""
    estimator, parameters = ESTIMATORS[task]
    return MODEL.format(name=name, task=task, more=more, estimator=estimator, parameters=parameters)


@dataclass(frozen=True)
class Done:
    """What a command left: exit code, standard output and error with white space made single."""

    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return re.sub(r"\s+", " ", f"{self.out} {self.err}")

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Desk:
    """A workspace made by `sop new`, and `sop` in it."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, code: int | None = 0) -> Done:
        done = subprocess.run(
            [sys.executable, "-c", "from sopkit.cli import main; main()", *arguments],
            cwd=self.folder,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=200,
            check=False,
        )
        assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stdout + done.stderr
        assert "internal error" not in done.stderr
        return Done(done.returncode, done.stdout, done.stderr)

    def give(self, rows: pd.DataFrame, definition: str | None = None, name: str = "tiny") -> None:
        """Write data and, if given, the model file."""
        rows.to_csv(self.folder / f"{name}.csv", index=False)
        if definition is not None:
            self.define(definition, name)

    def define(self, definition: str, name: str = "tiny") -> None:
        (self.folder / f"templates/models/{name}.yaml").write_text(definition)

    def files(self) -> dict[str, bytes]:
        """Every file of the workspace and what is in it."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def step() -> Callable[..., list[Stepped]]:
    return step_through


@pytest.fixture(scope="session")
def rows_of() -> Callable[..., pd.DataFrame]:
    return make_rows


@pytest.fixture(scope="session")
def definition() -> Callable[..., str]:
    return model_file


@pytest.fixture(scope="session")
def make_desk(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Desk]:
    def make() -> Desk:
        folder = tmp_path_factory.mktemp("desk")
        environment = {**os.environ, "HOME": str(folder), "COLUMNS": "200", "SOP_PERSON": "ada"}
        desk = Desk(folder / "work", environment)
        Desk(folder, environment)("new", "work")
        return desk

    return make


@dataclass(frozen=True)
class Stepped:
    """What a notebook showed and recorded when somebody stepped through it; `error` is what stopped it."""

    stage: str
    results: Mapping[str, Any]
    outcome: str | None
    error: Exception | None


def step_through(desk: Desk, as_of: str, *stages: int, model: str = "tiny") -> list[Stepped]:
    """Execute the cells of the notebooks (by number) as drafts, here, and show what each cell ends in.

    The same code as in a run, without its kernels: for asking many questions in little time.
    """
    found = []
    for number in stages:
        (path,) = (desk.folder / "notebooks/retraining").glob(f"{number:02}_*.ipynb")
        cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
        names: dict[str, Any] = {}
        error = None
        with contextlib.chdir(desk.folder), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # as in a kernel, where a warning is shown beside the cell
            try:
                for cell in cells:
                    _execute("".join(cell["source"]), f"{path.name}[{cell['id']}]", names)
                    names |= {"model": model, "as_of": as_of} if cell["id"] == "parameters" else {}
            except SopkitError as raised:
                error = raised
        this = names["this"]
        concluded = this._concluded
        found.append(Stepped(this.spec.id, this._results, concluded and concluded.outcome, error))
        if error is not None:
            break
    return found


def _execute(source: str, name: str, names: dict[str, Any]) -> None:
    tree = ast.parse(source)
    shown = ast.Expression(tree.body.pop().value) if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, name, "exec"), names)
    value = eval(compile(shown, name, "eval"), names) if shown else None
    kinds = ("_repr_png_", "_repr_html_", "_repr_markdown_")
    drawn = [getattr(value, kind)() for kind in kinds if hasattr(value, kind)]
    assert value is None or drawn or isinstance(value, str | int), f"{name} ends in {value!r}, which shows nothing"
