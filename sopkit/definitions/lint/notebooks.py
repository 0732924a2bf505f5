"""Is a source notebook one that people can read and the runner can trust? Read as plain JSON.

The rules: it opens with the stage's title; one cell tagged `parameters`, annotated; at most ten lines a code
cell; no functions, classes, magics or widgets; cell ids that a person can name; no outputs in the source;
every result that the stage must record is named in some cell.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sopkit.definitions.problems import Problem, Severity

__all__ = ["check_notebook"]

MOST_LINES = 10
READABLE_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
RANDOM_ID = re.compile(r"[0-9a-f]{8}(-?[0-9a-f]{4,12})*")  # what JupyterLab and nbformat make up
WIDGETS = ("ipywidgets", "anywidget", "ipympl")


def check_notebook(
    data: bytes, name: str, *, title: str | None = None, results: Iterable[str] = ()
) -> Iterator[Problem]:
    """Every problem of a source notebook.

    `title` is that of its stage in the SOP (None: any will do), `results` what the stage has to record.
    """
    try:
        notebook = json.loads(data)
        cells = notebook["cells"]
        if notebook["nbformat"] != 4 or not all(isinstance(cell, dict) for cell in cells):
            raise ValueError("not nbformat 4")
    except (ValueError, KeyError, TypeError, RecursionError):
        yield Problem(name, 1, "error", "not a notebook", "nbformat 4 JSON with cells")
        return
    found = _title(cells)
    if title is not None and found != title:
        yield Problem(name, 1, "error", "the title differs from the stage's in the SOP", f"# {title}", f"# {found}")
    parameters = [cell for cell in cells if "parameters" in cell.get("metadata", {}).get("tags", [])]
    if len(parameters) != 1:
        yield Problem(name, 1, "error", "cells tagged `parameters`", "exactly one", str(len(parameters)))
    sources = "\n".join(_source(cell) for cell in cells if cell.get("cell_type") == "code")
    for result in results:
        if not re.search(rf"""["']{re.escape(result)}["']""", sources):
            yield Problem(name, 1, "warning", f"no cell records the result '{result}'", f'this.record("{result}", …)')
    text = data.decode("utf-8", "replace")
    seen: set[str] = set()
    for number, content in enumerate(cells, start=1):
        cell = _Cell(name, text, number, content)
        if not READABLE_ID.fullmatch(cell.id) or RANDOM_ID.fullmatch(cell.id):
            yield cell.problem(
                "warning", "an id that nobody can say", "words such as compare-models", cell.id or "none"
            )
        if cell.id and cell.id in seen:
            yield cell.problem("error", "two cells have this id")
        seen.add(cell.id)
        if content.get("cell_type") == "code":
            yield from _code(cell, declares=content in parameters)


@dataclass(frozen=True)
class _Cell:
    file: str
    text: str  # of the whole notebook, to find the cell's line in it
    number: int
    content: dict[str, Any]

    @property
    def id(self) -> str:
        return str(self.content.get("id", ""))

    def problem(self, severity: Severity, message: str, expected: str | None = None, got: str | None = None) -> Problem:
        line = self.text.count("\n", 0, max(self.text.find(f'"id": {json.dumps(self.id)}'), 0)) + 1
        return Problem(self.file, line, severity, f"cell {self.id or self.number}: {message}", expected, got)


def _title(cells: list[dict[str, Any]]) -> str:
    for cell in cells:
        if cell.get("cell_type") == "markdown":
            for line in _source(cell).splitlines():
                if line.startswith("# "):
                    return line[2:].strip()
            return ""
    return ""


def _source(cell: dict[str, Any]) -> str:
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(map(str, source))


def _code(cell: _Cell, *, declares: bool) -> Iterator[Problem]:
    if cell.content.get("outputs") or cell.content.get("execution_count") is not None:
        yield cell.problem("error", "outputs or an execution count in the source", "none (nbstripout --keep-id)")
    source = _source(cell.content).strip("\n")
    lines = len(source.splitlines())
    if lines > MOST_LINES and not declares:  # a parameters cell is as long as it has parameters
        yield cell.problem("warning", "too long to read at a glance", f"at most {MOST_LINES} lines", str(lines))
    if magics := [line for line in source.splitlines() if re.match(r"\s*[%!]|\s*\w+\?+\s*$", line)]:
        yield cell.problem("error", "a magic or shell command", "plain Python", f"`{magics[0].strip()}`")
        return
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError) as error:
        yield cell.problem("error", f"not Python: {error}")
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield cell.problem("warning", f"defines `{node.name}`", "prose and short code; definitions live in modules")
        modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        modules += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        if any(module.split(".")[0] in WIDGETS for module in modules):
            yield cell.problem("error", "a widget", "widgets in notebooks/workbench.ipynb only")
    if declares:
        for statement in tree.body:
            if isinstance(statement, ast.Assign | ast.AugAssign):
                yield cell.problem(
                    "error", "a parameter without a type", "name: type = default", ast.unparse(statement)
                )
