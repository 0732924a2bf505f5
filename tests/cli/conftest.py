"""A small workspace with a SOP of two stages, and the real `sop` command in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SOP = """
sop: sample
version: 1.0.0
title: A sample procedure
owner: engineer
purpose: Has a gate between two stages.
roles:
  engineer: {title: Engineer}
  validator: {title: Validator}
outcomes:
  moved: {meaning: Something was put into service., moves: true}
  kept: {meaning: Nothing was changed., ends: true}
  blocked: {meaning: A check did not pass., ends: true}
  rejected: {meaning: A reviewer rejected it., ends: true}
stages:
  - id: judge
    title: Judge it
    purpose: Judges it.
    owner: engineer
    notebook: sample/01_judge.ipynb
    on_failure: Mend it.
    results: {rows: {title: Rows, must_pass: true}}
    gate: {id: judged, title: Judged, meaning: I have looked at it and it is good., roles: {validator: 1}}
  - id: after
    title: See how it went
    purpose: Looks back.
    owner: engineer
    notebook: sample/02_after.ipynb
    on_failure: Mend it.
"""

MODEL = """
model: tiny
data: {source: data.csv, time: at}
target: {column: y, task: binary}
features: {x: numeric}
"""

JUDGE = """
this.record("rows", rows, at_least=5)
this.attach("note.md", "All rows were looked at.", "What was looked at")
this.conclude("moved", "there are enough rows")
"""

AFTER = """
this.record("looked_back", True)
"""


def notebook(stage: str, source: str) -> dict[str, Any]:
    """A stripped source notebook: title, parameters, begin, one cell."""
    parameters = 'run: str = ""\nmodel: str = "tiny"\nas_of: str = ""\nrows: int = 9  # how many there are'
    begin = f'from sopkit import stage\nthis = stage.begin("sample", "{stage}", run, model=model, as_of=as_of)'
    cells = [{"cell_type": "markdown", "id": "title", "metadata": {}, "source": f"# {stage}"}]
    for id, text, tags in (("parameters", parameters, ["parameters"]), ("begin", begin, []), ("work", source, [])):
        metadata = {"tags": tags} if tags else {}
        code = {"cell_type": "code", "id": id, "metadata": metadata, "source": text.strip()}
        cells.append({**code, "outputs": [], "execution_count": None})
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


@dataclass(frozen=True)
class Done:
    """What a command left: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass
class Shell:
    """Runs `sop` in a folder, as a person would, with keys and passphrase of the test."""

    folder: Path
    environment: Mapping[str, str]

    def __call__(self, *arguments: str, code: int | None = 0, **environment: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-c", "from sopkit.cli import main; main()", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=120,
            check=False,
        )
        assert code is None or done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def make_shell(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Shell]:
    def make() -> Shell:
        root = tmp_path_factory.mktemp("workspace")
        for name in ("notebooks/sample", "templates/sops", "templates/models", "runs", "home"):
            (root / name).mkdir(parents=True)
        (root / "templates/sops/sample.yaml").write_text(SOP)
        (root / "templates/models/tiny.yaml").write_text(MODEL)
        (root / "templates/people.yaml").write_text("version: 1\npeople: []\n")
        (root / "data.csv").write_text("at,x,y\n2013-01-01,1,0\n2013-01-02,2,1\n")
        (root / "notebooks/sample/01_judge.ipynb").write_text(json.dumps(notebook("judge", JUDGE)))
        (root / "notebooks/sample/02_after.ipynb").write_text(json.dumps(notebook("after", AFTER)))
        (root / "home/passphrase").write_text("correct horse\n")
        environment = {
            **os.environ,
            "HOME": str(root / "home"),
            "SOP_KEYS": str(root / "home/keys"),
            "SOP_PASSPHRASE_FILE": str(root / "home/passphrase"),
            "SOP_PERSON": "ada",
            "COLUMNS": "200",
        }
        return Shell(root, environment)

    return make


@pytest.fixture(scope="module")
def sop(make_shell: Callable[[], Shell]) -> Shell:
    """One workspace for all tests of a module that only look, or start runs of their own."""
    return make_shell()
