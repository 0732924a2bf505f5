"""`sop diff` on real runs: the real runner, kernels and archive."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

MODEL = "diabetes-progression"
CLI = "from sopkit.cli import main; main()"


def call(folder: Path, *arguments: str, code: int | None = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-c", CLI, *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
        check=False,
    )
    assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three real runs up to the evaluation: two of the same, and one of other definitions on more data."""
    folder = tmp_path_factory.mktemp("real") / "workspace"
    call(folder.parent, "new", str(folder))
    run = ("run", "retraining", "--model", MODEL, "--demo-reviewers", "--until", "evaluate", "--as-of")
    for _ in range(2):
        call(folder, *run, "2021-01-01", code=None)
        call(folder, "abandon", "last", "--reason", "only looked at")
    path = folder / f"templates/models/{MODEL}.yaml"
    text = path.read_text().replace("  age: {unit: years}\n", "").replace("minimum_rows: 100", "minimum_rows: 350")
    path.write_text(text.replace("window: 120d", "window: 90d"))
    notebook = folder / "notebooks/retraining/03_prepare.ipynb"
    source = json.loads(notebook.read_text())
    cell = next(cell for cell in source["cells"] if cell["cell_type"] == "markdown" and cell["id"] != "title")
    cell["source"] = "A sentence of our own."
    notebook.write_text(json.dumps(source))
    call(folder, *run, "2021-02-01", "--reason", "more patients", code=4)
    return folder


def runs(workspace: Path) -> list[str]:
    """The ids, oldest first."""
    return [each["run"] for each in json.loads(call(workspace, "status", "--json"))][::-1]


def diff(workspace: Path, *arguments: str) -> Any:
    return json.loads(call(workspace, "diff", *arguments, "--json"))


@pytest.mark.timeout(900)
def test_two_real_runs_of_the_same_report_nothing(workspace):
    """Executed twice in kernels of their own, with other ids, times, durations and keys: no difference that matters."""
    first, second, _ = runs(workspace)
    told = diff(workspace, first, second)
    assert {name: told[name] for name in ("same", "count", "flips", "unreadable")} == {
        "same": True,
        "count": 0,
        "flips": 0,
        "unreadable": [],
    }
    assert set(told["left"]["attempts"]) == {"trigger", "collect", "prepare", "retrain", "evaluate"}
    assert call(workspace, "diff", first, second).startswith("✓ no difference that matters")
    assert diff(workspace, first, second, "evaluate")["same"]


@pytest.mark.timeout(900)
def test_a_real_run_that_differs_says_in_what(workspace):
    """Clock, reason, definitions, features, data, stages, a verdict that flipped, sign-offs and code."""
    first, _, third = runs(workspace)
    told = diff(workspace, first, third)
    run = {each["field"]: (each["left"], each["right"]) for each in told["run"]}
    assert run["reason"] == (None, "more patients")
    assert run["outcome"] == (None, "blocked")
    assert "as of, at the start" in run
    (model,) = told["definitions"]
    assert [each["field"] for each in model["changes"]] == ["evaluation.window", "evaluation.minimum_rows"]
    assert [(each["field"], each["kind"]) for each in told["features"]["declared"]] == [("age", "removed")]
    rows = {(each["what"], change["field"]): change for each in told["data"] for change in each["changes"]}
    assert (rows["snapshot", "rows"]["left"], rows["snapshot", "rows"]["right"]) == (366, 397)
    assert [each["stage"] for each in told["stages"]] == ["retrain", "evaluate"]
    flipped = {
        each["name"]: (each["left"]["verdict"], each["right"]["verdict"]) for each in told["results"][: told["flips"]]
    }
    assert flipped["holdout_rows"] == ("pass", "fail")
    assert {each["stage"] for each in told["sign_offs"]} >= {"evaluate"}
    (code,) = told["code"]
    assert code["file"] == "retraining/03_prepare.ipynb"
    assert "+A sentence of our own." in code["cells"][0]["lines"]
    assert {each["stage"] for each in diff(workspace, first, third, "prepare")["results"]} == {"prepare"}


@pytest.mark.timeout(900)
def test_all_of_it_by_nbdime_and_the_page(workspace, tmp_path):
    """`--full` prints nbdime's diff of the executed notebooks; `--html` writes a page that needs no network."""
    first, _, third = runs(workspace)
    full = call(workspace, "diff", first, third, "prepare", "--full")
    assert "03_prepare.ipynb" in full
    assert "## modified /cells/" in full
    call(workspace, "diff", first, third, "--html", str(tmp_path / "diff.html"))
    page = (tmp_path / "diff.html").read_text()
    assert "more patients" in page
    assert "<script" not in page
    assert "http" not in page.replace("http-equiv", "")


@pytest.mark.timeout(900)
def test_what_cannot_be_meant_is_refused_in_words(workspace):
    """No run to compare with, attempts without a stage, no such attempt, no such run, two ways to print at once."""
    first, second, _ = runs(workspace)
    assert "no run of 'diabetes-progression' before this one" in call(workspace, "diff", first, code=2)
    assert "attempts of which stage?" in call(workspace, "diff", first, "--attempts", "1", "2", code=2)
    assert "no such attempt" in call(workspace, "diff", first, "prepare", "--attempts", "1", "2", code=2)
    assert "or a stage that" in call(workspace, "diff", first, "nowhere", code=2)
    assert "neither run has started" in call(workspace, "diff", first, second, "deploy", code=2)
    assert "leave one of them out" in call(workspace, "diff", first, second, "--full", "--json", code=2)
    assert diff(workspace, first, "prepare", "--attempts", "1", "1")["same"]
