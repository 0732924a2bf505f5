"""A procedure of two stages with parameters of every kind, quick enough to be executed for real."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from sopkit.archive.workspace import Workspace

T = TypeVar("T")

SOP = """
sop: sample
version: 1.0.0
title: A sample <b>procedure</b>
owner: engineer
purpose: Has parameters and a gate.
roles:
  engineer: {title: Engineer}
  validator: {title: Validator}
outcomes:
  moved: {meaning: Something was put into service., moves: true}
  kept: {meaning: Nothing was changed., ends: true}
  blocked: {meaning: A check did not pass., ends: true}
  rejected: {meaning: A reviewer rejected it., ends: true}
stages:
  - id: look
    title: Look at the rows
    purpose: Counts the rows <img src=x onerror=alert(1)>.
    owner: engineer
    inputs: [the rows]
    notebook: sample/01_look.ipynb
    on_failure: Mend it.
    results: {rows: {title: Rows, must_pass: true}}
  - id: judge
    title: Judge them
    purpose: Judges them.
    owner: validator
    notebook: sample/02_judge.ipynb
    on_failure: Mend it.
    gate: {id: judged, title: Judged, meaning: It is good., roles: {validator: 1}}
  - id: after
    title: Look back
    purpose: Looks back.
    owner: engineer
    notebook: sample/03_after.ipynb
    on_failure: Mend it.
"""
MODEL = """
model: tiny
data: {source: data.csv, time: at}
target: {column: y, task: binary}
features: {x: numeric}
"""
OWN = 'run: str = ""  # a run\'s id\nmodel: str = "tiny"\nas_of: str = ""\n'
PARAMETERS = {
    "look": OWN
    + "least: int = 5  # rows that are enough\nseconds: float = 0.0  # <b>how long</b>\nstrict: bool = False\n",
    "judge": OWN
    + "share: float = 0.5\nwords: str = 'all \"good\"'\nnames: list[str] = ['a']\nlimit: float | None = None\n",
    "after": OWN,
}
WORK = {
    "look": (
        "import time\ntime.sleep(seconds)",
        "assert not strict, 'too <strict>'\nthis.record('rows', 9, at_least=least)",
    ),
    "judge": ("this.record('told', f'{share} {words} {names} {limit}')",),
    "after": ("this.record('looked_back', True)",),
}


def make_workspace(root: Path) -> Workspace:
    """The procedure, its model and its notebooks in a new workspace; nothing has run."""
    for folder in ("notebooks/sample", "templates/sops", "templates/models", "runs"):
        (root / folder).mkdir(parents=True)
    (root / "templates/sops/sample.yaml").write_text(SOP)
    (root / "templates/models/tiny.yaml").write_text(MODEL)
    (root / "data.csv").write_text("at,x,y\n2020-01-01,1,0\n2020-01-02,2,1\n")
    for number, (stage, work) in enumerate(WORK.items(), start=1):
        begin = f'from sopkit import stage\nthis = stage.begin("sample", "{stage}", run, model=model, as_of=as_of)'
        cells = [_code("parameters", PARAMETERS[stage], ["parameters"]), _code("begin", begin, [])]
        cells += [_code(f"work-{place}", text, []) for place, text in enumerate(work)]
        kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
        notebook = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
        (root / f"notebooks/sample/{number:02d}_{stage}.ipynb").write_text(json.dumps(notebook))
    return Workspace(root)


def eventually(ask: Callable[[], T], seconds: float = 60) -> T:
    """What `ask` answers as soon as that is anything."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def _code(id: str, source: str, tags: list[str]) -> dict[str, Any]:
    metadata = {"tags": tags} if tags else {}
    code = {"cell_type": "code", "id": id, "metadata": metadata, "source": source.strip()}
    return {**code, "outputs": [], "execution_count": None}
