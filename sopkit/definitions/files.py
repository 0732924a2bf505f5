"""SOP, model and people files: from bytes to values, or to everything that is wrong with them.

The rules:
* every problem of a file is reported at once, with its line, its field, what was expected and what was found;
* nothing is coerced: `true` is no number, `"3"` is no integer, `no` is no boolean;
* `read_*` gives problems as values, `load_*` (a path) and `parse_*` (pinned bytes) raise one DefinitionError.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sopkit.definitions.model import ModelFile
from sopkit.definitions.people import People
from sopkit.definitions.problems import Problem, did_you_mean, require_none
from sopkit.definitions.sop import Sop
from sopkit.definitions.yaml_file import Document, read_yaml

__all__ = [
    "load_model",
    "load_people",
    "load_sop",
    "parse_model",
    "parse_people",
    "parse_sop",
    "read_definition",
    "read_file",
]

Definition = TypeVar("Definition", bound=BaseModel)
SHAPES = {"data.keep_rows_where": "`{no test orders: amount > 0}`, a reason and what a kept row fulfils"}


def load_sop(path: str | Path, *, name: str | None = None) -> Sop:
    """The SOP in a file. Raises DefinitionError. `name` is how errors call the file (default: the path)."""
    return _load(path, name, Sop)


def load_model(path: str | Path, *, name: str | None = None) -> ModelFile:
    """The model file at a path. Raises DefinitionError. `name` is how errors call the file (default: the path)."""
    return _load(path, name, ModelFile)


def load_people(path: str | Path, *, name: str | None = None) -> People:
    """The people file at a path. Raises DefinitionError. `name` is how errors call the file (default: the path)."""
    return _load(path, name, People)


def parse_sop(data: bytes, name: str) -> Sop:
    """The SOP in `data`, such as a pinned copy that `name` describes. Raises DefinitionError."""
    return _required(read_definition(data, name, Sop))


def parse_model(data: bytes, name: str) -> ModelFile:
    """The model file in `data`, such as a pinned copy that `name` describes. Raises DefinitionError."""
    return _required(read_definition(data, name, ModelFile))


def parse_people(data: bytes, name: str) -> People:
    """The people file in `data`, such as a pinned copy that `name` describes. Raises DefinitionError."""
    return _required(read_definition(data, name, People))


def read_definition(
    data: bytes, name: str, kind: type[Definition]
) -> tuple[Definition | None, Document | None, list[Problem]]:
    """The definition, the document that knows its lines, and the problems: one of the first and last is empty."""
    document, problems = read_yaml(data, name)
    if document is None:
        return None, None, problems
    try:
        # JSON is the strict form in which a date is still text and a boolean is never a number
        return kind.model_validate_json(json.dumps(document.value), strict=True), document, []
    except ValidationError as error:
        return None, document, [_problem(document, kind, details) for details in _distinct(error)]


def read_file(path: str | Path, name: str | None = None) -> tuple[bytes, list[Problem]]:
    """The bytes at `path`, or the problem that they cannot be read."""
    path = Path(path)
    name = name or str(path)
    try:
        return path.read_bytes(), []
    except FileNotFoundError:
        beside = sorted(other.name for other in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        expected = f"one of {', '.join(beside)}" if beside else None
        return b"", [Problem(name, 1, "error", "there is no such file" + did_you_mean(path.name, beside), expected)]
    except OSError as error:
        return b"", [Problem(name, 1, "error", "the file cannot be read", got=error.strerror or str(error))]


def _load(path: str | Path, name: str | None, kind: type[Definition]) -> Definition:
    data, problems = read_file(path, name)
    require_none(problems)
    return _required(read_definition(data, name or str(path), kind))


def _required(read: tuple[Definition | None, Document | None, list[Problem]]) -> Definition:
    value, _, problems = read
    require_none(problems)
    assert value is not None
    return value


def _distinct(error: ValidationError) -> list[Any]:
    """One entry a place: a union reports each of its members, of which the first is as good as the others."""
    seen: dict[tuple[Any, ...], Any] = {}
    for details in error.errors(include_url=False):
        place = tuple(part for part in details["loc"] if not _names_a_union_member(part))
        seen.setdefault(place, {**details, "loc": place})
    return list(seen.values())


def _names_a_union_member(part: str | int) -> bool:
    return part in ("str", "int", "float", "bool", "none") or (isinstance(part, str) and part.startswith("function-"))


def _problem(document: Document, kind: type[BaseModel], details: Any) -> Problem:
    path = tuple(part for part in (*details["loc"], *details.get("ctx", {}).get("path", ())) if part != "[key]")
    field = ".".join(map(str, path))
    got: str | None = _short(details["input"])
    expected: str | None = None
    if details["type"] == "extra_forbidden":
        known = _keys(kind, path[:-1])
        message = "unknown key" + did_you_mean(str(path[-1]), known)
        expected, got = (f"one of {', '.join(known)}" if known else None), None
    elif details["type"] == "missing":
        message, got = "missing", None
    elif details["type"] == "inconsistent":
        message, got = details["msg"], None
    elif details["type"] == "value_error":
        message, got = details["msg"].removeprefix("Value error, "), got if field else None
        if message.startswith("expected "):
            message, expected = "not understood", message.removeprefix("expected ")
    else:
        message, expected = "not valid", _expected(details)
        expected += f", such as {SHAPES[field]}" if details["type"] == "dict_type" and field in SHAPES else ""
    return document.error(path, message, expected, got)


def _expected(details: Any) -> str:
    text: str = details["msg"]
    for said, plainly in (
        ("Input should be ", ""),
        ("String should match pattern", "text of the form"),
        ("String should have", "text of"),
        ("Dictionary should have at least 1 item after validation, not 0", "at least one entry"),
        ("a valid dictionary", "a mapping"),
        ("an object", "a mapping"),
        ("a valid array", "a list"),
        ("a valid list", "a list"),
        ("a valid string", "text (in quotes, if it looks like something else)"),
        ("a valid boolean", "true or false"),
        ("a valid integer", "a whole number"),
        ("a valid number", "a number"),
    ):
        if text.startswith(said):
            text = plainly + text.removeprefix(said)
    return text


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:57] + "…"


def _keys(kind: Any, path: Sequence[str | int]) -> list[str]:
    """The keys that may stand at `path` of a definition; empty where any may."""
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        return next((keys for part in get_args(kind) if (keys := _keys(part, path))), [])
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        fields = {field.alias or name: field.annotation for name, field in kind.model_fields.items()}
        if not path:
            return list(fields)
        return _keys(fields[str(path[0])], path[1:]) if path[0] in fields else []
    if get_origin(kind) in (dict, list) and path:
        return _keys(get_args(kind)[-1], path[1:])
    return []
