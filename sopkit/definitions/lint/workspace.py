"""All definitions of a workspace, each by itself and against the others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel

from sopkit.definitions.files import read_definition, read_file
from sopkit.definitions.lint.models import check_model
from sopkit.definitions.lint.notebooks import check_notebook
from sopkit.definitions.lint.people import check_gates_can_open, check_people
from sopkit.definitions.lint.sops import check_sop
from sopkit.definitions.model import ModelFile
from sopkit.definitions.people import People
from sopkit.definitions.problems import Problem, did_you_mean
from sopkit.definitions.sop import Sop
from sopkit.definitions.yaml_file import Document

__all__ = ["check"]

Kind = TypeVar("Kind", bound=BaseModel)


@dataclass(frozen=True)
class _Read(Generic[Kind]):
    path: Path
    value: Kind
    document: Document


def check(root: Path, *, today: date, files: Sequence[Path] | None = None) -> list[Problem]:
    """Every problem of the definitions of a workspace, by file and line; only of `files`, if given.

    `root` holds `templates/` and `notebooks/`. `today` judges reviews and the validity of roles. The other
    files of the workspace are read in any case, since a SOP, its notebooks and its people belong together.
    """
    problems = sorted(set(_all(root, today)), key=lambda one: (one.file, one.line, one.severity, one.message))
    if files is None:
        return problems
    asked = {_name(root, path if path.is_absolute() else root / path) for path in files}
    known = {*(problem.file for problem in problems), *(_name(root, path) for path in _definitions(root))}
    missing = [
        Problem(name, 1, "error", f"no definition of this workspace{did_you_mean(name, known)}")
        for name in sorted(asked - known)
    ]
    return [problem for problem in problems if problem.file in asked] + missing


def _definitions(root: Path) -> list[Path]:
    templates = root / "templates"
    found = [
        *sorted(templates.glob("sops/*.yaml")),
        *sorted(templates.glob("models/*.yaml")),
        templates / "people.yaml",
    ]
    return [*found, *sorted(root.glob("notebooks/*/*.ipynb"))]


def _name(root: Path, path: Path) -> str:
    try:
        return path.resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return str(path)


def _all(root: Path, today: date) -> Iterator[Problem]:
    sops: list[_Read[Sop]] = []
    for path in sorted(root.glob("templates/sops/*.yaml")):
        yield from _read(root, path, Sop, sops)
    models: list[_Read[ModelFile]] = []
    for path in sorted(root.glob("templates/models/*.yaml")):
        yield from _read(root, path, ModelFile, models)
    people: list[_Read[People]] = []
    yield from _read(root, root / "templates" / "people.yaml", People, people)

    for sop in sops:
        yield from check_sop(sop.value, sop.document, today=today)
        yield from _notebooks(root, sop)
    for model in models:
        yield from check_model(model.value, model.document, folder=model.path.parent, root=root)
    every = [sop.value for sop in sops]
    for listed in people:
        yield from check_people(listed.value, listed.document, every)
        yield from check_gates_can_open(every, listed.value, listed.document, today=today)


def _read(root: Path, path: Path, kind: type[Kind], into: list[_Read[Kind]]) -> Iterator[Problem]:
    name = _name(root, path)
    data, problems = read_file(path, name)
    if problems:
        yield from problems
        return
    value, document, problems = read_definition(data, name, kind)
    yield from problems
    if value is not None and document is not None:
        into.append(_Read(path, value, document))


def _notebooks(root: Path, sop: _Read[Sop]) -> Iterator[Problem]:
    for index, stage in enumerate(sop.value.stages):
        path = root / "notebooks" / stage.notebook
        if not path.is_file():
            beside = [other.relative_to(root / "notebooks").as_posix() for other in root.glob("notebooks/*/*.ipynb")]
            hint = did_you_mean(stage.notebook, beside)
            yield sop.document.error(
                ("stages", index, "notebook"), f"there is no such notebook{hint}", got=stage.notebook
            )
            continue
        yield from check_notebook(path.read_bytes(), _name(root, path), title=stage.title, results=stage.results)
