import json
from pathlib import Path

import pytest


def code(id: str, source: str, tags: list[str] | None = None) -> dict:
    """A code cell as it stands in a stripped source notebook."""
    metadata = {"tags": tags} if tags else {}
    return {
        "cell_type": "code",
        "id": id,
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }


def markdown(id: str, source: str) -> dict:
    return {"cell_type": "markdown", "id": id, "metadata": {}, "source": source}


def notebook(*cells: dict) -> dict:
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    return {"cells": list(cells), "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}


@pytest.fixture
def write_notebook(tmp_path):
    """Write a notebook of code cells, the first with the `parameters` tag, and give its path."""

    def write(*sources: str, parameters: str = 'run: str = ""', name: str = "source.ipynb") -> Path:
        cells = [code("parameters", parameters, ["parameters"])]
        cells += [code(f"cell-{number}", source) for number, source in enumerate(sources, start=1)]
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(notebook(*cells)))
        return path

    return write


SOP = """
sop: sample
version: 1.0.0
title: A sample procedure
owner: engineer
purpose: It has what every procedure has - data, a gate, an effect and a wait.
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
    title: Look
    purpose: Look at the data.
    owner: engineer
    notebook: sample/01_look.ipynb
    on_failure: Mend it.
    results: {rows: {title: Rows, must_pass: true}}
  - id: judge
    title: Judge
    purpose: Judge it.
    owner: engineer
    notebook: sample/02_judge.ipynb
    on_failure: Mend it.
    gate: {id: judged, title: Judged, meaning: It is good., roles: {validator: 1}}
  - id: move
    title: Move
    purpose: Move it.
    owner: engineer
    notebook: sample/03_move.ipynb
    on_failure: Mend it.
  - id: after
    title: After
    purpose: See how it went.
    owner: engineer
    notebook: sample/04_after.ipynb
    on_failure: Mend it.
    wait: promotion.soak
"""

MODEL = """
model: tiny
data: {source: data.csv, time: at}
target: {column: y, task: binary}
features: {x: numeric}
promotion: {soak: 7d}
"""

PARAMETERS = 'run: str = ""\nmodel: str = "tiny"\nas_of: str = ""\nleast: int = 5  # rows that are enough\n'

BEGIN = 'from sopkit import stage\nthis = stage.begin("sample", "{stage}", run, model=model, as_of=as_of)'

REQUESTS = """digest = this.reference("service")["sha256"]
this.request("register_model", model="tiny", digest=digest)
this.request("move_alias", model="tiny", alias="champion", digest=digest, card={})"""

STAGES = {
    "01_look": (
        "look",
        "table = this.load_data().table",
        "this.attach('rows.parquet', table, 'the rows')",
        "this.record('rows', len(table), at_least=least)",
    ),
    "02_judge": (
        "judge",
        "rows = this.load('rows')",
        "this.champion",
        "this.attach('model.json', {'mean': float(rows['y'].mean())})",
        "this.record('mean', float(rows['y'].mean()))",
    ),
    "03_move": (
        "move",
        "this.attach('service.json', this.load('model'))",
        REQUESTS,
        "this.conclude('moved', 'the mean is known')",
    ),
    "04_after": ("after", "this.record('in_service', this.champion.digest)"),
}


def source_notebook(stage: str, *sources: str) -> dict:
    """A stage notebook of the sample procedure."""
    cells = [code("parameters", PARAMETERS, ["parameters"]), code("begin", BEGIN.format(stage=stage))]
    return notebook(*cells, *(code(f"cell-{number}", source) for number, source in enumerate(sources, start=1)))


@pytest.fixture
def workspace(tmp_path):
    """A workspace with the sample procedure on 20 rows of 2020, for models that need no fitting."""
    from sopkit.archive.workspace import Workspace

    root = tmp_path / "workspace"
    for folder in ("notebooks/sample", "templates/sops", "templates/models", "runs"):
        (root / folder).mkdir(parents=True)
    (root / "templates/sops/sample.yaml").write_text(SOP)
    (root / "templates/models/tiny.yaml").write_text(MODEL)
    rows = [f"2020-01-{day:02d},{day % 7},{day % 2}" for day in range(1, 21)]
    (root / "data.csv").write_text("\n".join(["at,x,y", *rows]) + "\n")
    for name, (stage, *sources) in STAGES.items():
        (root / f"notebooks/sample/{name}.ipynb").write_text(json.dumps(source_notebook(stage, *sources)))
    return Workspace(root)


@pytest.fixture(scope="session")
def write_procedure():
    """Write the sample procedure into a folder with stages of one's own: notebook -> (stage, sources)."""

    def write(root: Path, stages: dict[str, tuple[str, ...]]) -> None:
        for folder in ("notebooks/sample", "templates/sops", "templates/models", "runs"):
            (root / folder).mkdir(parents=True)
        (root / "templates/sops/sample.yaml").write_text(SOP.replace("wait: promotion.soak", ""))
        for name, (stage, *sources) in stages.items():
            (root / f"notebooks/sample/{name}.ipynb").write_text(json.dumps(source_notebook(stage, *sources)))

    return write
