"""Parameters of a stage notebook, checked before a kernel starts.

The rules:
* the `parameters` cell declares every parameter as `name: type = value`, one a line;
* a value that is given must have a declared name and the declared type; papermill (2.7.0) only
  warns about an unknown name and never looks at the type;
* types are str, int, float, bool, None, and lists and dicts of these: anything else would be
  written into the notebook as code.
"""

from __future__ import annotations

import ast
import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ConfigDict, TypeAdapter, ValidationError

from sopkit.errors import DefinitionError, ParameterError

__all__ = ["OWN", "Parameter", "check_parameters", "declared_parameters"]

OWN = ("run", "model", "as_of", "reason")  # what the runner itself gives to a notebook that declares it

_NAMES: dict[str, Any] = {
    "str": str,
    "int": int,
    "float": float,
    "bool": bool,
    "list": list,
    "dict": dict,
    "None": None,
}


@dataclass(frozen=True)
class Parameter:
    """One line of the `parameters` cell; `comment` is what stands behind it."""

    name: str
    annotation: str
    type: Any
    default: Any
    comment: str = ""


def declared_parameters(notebook: Mapping[str, Any], where: str) -> list[Parameter]:
    """What the notebook's `parameters` cell declares. Raises DefinitionError with the line."""
    cells = [
        cell
        for cell in notebook["cells"]
        if cell["cell_type"] == "code" and "parameters" in cell.get("metadata", {}).get("tags", ())
    ]
    if len(cells) != 1:
        raise DefinitionError(
            "a stage notebook has exactly one code cell with the tag `parameters`", where=where, got=f"{len(cells)}"
        )
    source = "".join(cells[0]["source"])
    try:
        body = ast.parse(source).body
    except SyntaxError as error:
        raise DefinitionError(
            "the parameters cell is not valid Python", where=f"{where}, line {error.lineno}", got=error.msg
        ) from None
    return [_declared(line, source.splitlines(), where) for line in body]


def _declared(line: ast.stmt, lines: list[str], where: str) -> Parameter:
    place = f"{where}, parameters cell, line {line.lineno}"
    if not (isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.value is not None):
        raise DefinitionError(
            "not a parameter", where=place, expected="name: type = value", got=lines[line.lineno - 1].strip()
        )
    try:
        default = ast.literal_eval(line.value)
    except ValueError:
        raise DefinitionError(
            f"the default of `{line.target.id}` is not a plain value", where=place, got=ast.unparse(line.value)
        ) from None
    _, _, comment = lines[line.lineno - 1].partition("#")
    return Parameter(
        line.target.id, ast.unparse(line.annotation), _type(line.annotation, place), default, comment.strip()
    )


def _type(node: ast.expr, place: str) -> Any:
    match node:
        case ast.Name(id=name) if name in _NAMES:
            return _NAMES[name]
        case ast.Constant(value=None):
            return None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return _type(left, place) | _type(right, place)
        case ast.Subscript(value=ast.Name(id="list"), slice=item):
            return list[_type(item, place)]  # type: ignore[misc]
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[key, item])):
            return dict[_type(key, place), _type(item, place)]  # type: ignore[misc]
    raise DefinitionError(
        "a parameter cannot be of this type",
        where=place,
        expected="str, int, float, bool, None, list[…], dict[…] or a union of these",
        got=ast.unparse(node),
    )


def check_parameters(given: Mapping[str, Any], declared: Mapping[str, list[Parameter]]) -> dict[str, dict[str, Any]]:
    """What each notebook is given: `{stage: {name: value}}`, for `declared` as `{stage: parameters}`.

    A name goes to every stage that declares it. Raises ParameterError for a name that no stage
    declares and for a value of another type.
    """
    known = {parameter.name for parameters in declared.values() for parameter in parameters}
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            raise ParameterError(
                f"no stage notebook declares a parameter `{name}`",
                expected=f"one of {', '.join(sorted(known))}",
                remedy=f"did you mean `{close[0]}`?" if close else None,
            )
    return {
        stage: {p.name: _checked(p, given[p.name], stage) for p in parameters if p.name in given}
        for stage, parameters in declared.items()
    }


def _checked(parameter: Parameter, value: Any, stage: str) -> Any:
    try:
        return TypeAdapter(parameter.type, config=ConfigDict(strict=True)).validate_python(value)
    except ValidationError:
        raise ParameterError(
            f"parameter `{parameter.name}` of stage '{stage}' has the wrong type",
            expected=parameter.annotation,
            got=f"{value!r} ({type(value).__name__})",
        ) from None
