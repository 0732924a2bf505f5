"""YAML, read strictly: the only door to the yaml library.

The rules:
* plain scalars mean what YAML 1.2 says: `no`, `on` and `2026-01-01` are text, `1e3` is a number;
* a key written twice is an error: the library would silently keep the last one;
* no tags, anchors or aliases, and one document: data is never code, and ten lines never become ten million;
* every value remembers its line, so that any later error can name it.

Keys are always text, whatever they look like (a column may be called `2013`).
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from sopkit.definitions.problems import Problem, Severity, require_none

__all__ = ["Document", "parse_yaml", "read_yaml"]

LARGEST_FILE = 1_000_000  # bytes; the pure-Python scanner takes about a second for this much

_INTEGER = re.compile(r"[-+]?[0-9]{1,300}|0o[0-7]{1,300}|0x[0-9a-fA-F]{1,300}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf"), float("inf")),
    "-.inf": float("-inf"),
    ".nan": float("nan"),
}

Path = tuple[str | int, ...]
_Nothing = tuple[None, list[Problem]]


@dataclass(frozen=True)
class Document:
    """A mapping read from YAML. `lines` gives the line (from 1) of each path of keys and indices."""

    name: str
    value: dict[str, Any]
    lines: dict[Path, int] = field(default_factory=dict)

    def line(self, path: Sequence[str | int]) -> int:
        """The line of `path`, or of the nearest thing around it that is in the file."""
        for length in range(len(path), -1, -1):
            if found := self.lines.get(tuple(path[:length])):
                return found
        return 1

    def error(self, path: Sequence[str | int], message: str, expected: object = None, got: object = None) -> Problem:
        """A problem at `path` that makes the definition unusable."""
        return self._problem("error", path, message, expected, got)

    def warning(self, path: Sequence[str | int], message: str, expected: object = None, got: object = None) -> Problem:
        """A problem at `path` that the author should judge."""
        return self._problem("warning", path, message, expected, got)

    def _problem(
        self, severity: Severity, path: Sequence[str | int], message: str, expected: object, got: object
    ) -> Problem:
        field = ".".join(map(str, path))
        return Problem(
            self.name,
            self.line(path),
            severity,
            f"{field}: {message}" if field else message,
            None if expected is None else str(expected),
            None if got is None else str(got),
        )


class _Refused(Exception):
    def __init__(self, line: int, message: str, expected: str | None = None, got: str | None = None) -> None:
        self.line, self.message, self.expected, self.got = line, message, expected, got


class _Strict:
    """Composes nodes only; values are built by `_build`, so no constructor of the library ever runs."""

    def compose_node(self: Any, parent: Any, index: Any) -> Any:
        event = self.peek_event()
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None):
            sign = "*" if isinstance(event, yaml.AliasEvent) else "&"
            raise _Refused(line, "an anchor or alias", "the value written out", f"{sign}{event.anchor}")
        if getattr(event, "tag", None):
            raise _Refused(line, "a tag", "plain text, numbers, lists and mappings", event.tag)
        return super().compose_node(parent, index)  # type: ignore[misc]


class _Loader(_Strict, yaml.SafeLoader):
    """The library's own scanner, whose errors say what is wrong."""


def _node(text: str) -> Any:
    """The node that `text` holds. Raises _Refused, yaml.YAMLError, RecursionError.

    libyaml reads seven times as fast. What it refuses is read again, for the words of the error; what it takes and
    the library's own scanner does not (PyYAML 6.0.3) is tabs, `>#`, and a `?` within a word of a flow list.
    """
    if yaml.__with_libyaml__ and "\t" not in text:
        with contextlib.suppress(_Refused, yaml.YAMLError, RecursionError):
            return _fast_node(text)
    loader = _Loader(text)
    try:
        return loader.get_single_node()
    finally:
        loader.dispose()


def _fast_node(text: str) -> Any:
    from yaml.composer import Composer
    from yaml.cyaml import CParser  # type: ignore[attr-defined]
    from yaml.resolver import Resolver

    class Loader(_Strict, Composer, CParser, Resolver):
        """The library's composer over the events of libyaml."""

        def __init__(self) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            Resolver.__init__(self)

    return Loader().get_single_node()


def read_yaml(data: bytes, name: str) -> tuple[Document | None, list[Problem]]:
    """The one mapping that `data` holds, or what is wrong with it. `name` is the file as a person knows it."""

    def refused(line: int, message: str, expected: str | None = None, got: str | None = None) -> _Nothing:
        return None, [Problem(name, line, "error", message, expected, got)]

    if len(data) > LARGEST_FILE:
        return refused(1, "the file is too large for a definition", f"at most {LARGEST_FILE:,} bytes", f"{len(data):,}")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return refused(line, "the file is not UTF-8 text", got=f"byte 0x{data[error.start]:02x}")
    try:
        node = _node(text)
        if node is None:
            return refused(1, "the file is empty", "a mapping of keys to values")
        if not isinstance(node, yaml.MappingNode):
            return refused(node.start_mark.line + 1, "the file is not a mapping", "`key: value` lines", _kind(node))
        lines: dict[Path, int] = {(): node.start_mark.line + 1}
        return Document(name, _build(node, (), lines), lines), []
    except _Refused as error:
        return refused(error.line, error.message, error.expected, error.got)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return refused(line, "a character that YAML does not allow", got=f"U+{ord(text[error.position]):04X}")
    except yaml.MarkedYAMLError as error:
        return refused(*_malformed(error, text))
    except RecursionError:
        return refused(1, "the file is nested too deeply")


def parse_yaml(data: bytes, name: str) -> Document:
    """As `read_yaml`. Raises DefinitionError."""
    document, problems = read_yaml(data, name)
    require_none(problems)
    assert document is not None
    return document


def _malformed(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str, str | None, str | None]:
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    written = text.split("\n")[line - 1].rstrip("\r") if line <= text.count("\n") + 1 else ""
    got = f"`{written.strip()}`" if written.strip() else None
    if "\t" in written[: len(written) - len(written.lstrip())] or "'\\t'" in str(error.problem):
        return line, "a tab in the indentation", "spaces", got
    if "document" in str(error.problem) or "single document" in str(error.context):
        return line, "a second document", "one document a file", got
    reason = str(error.problem or error.context or "not readable").removeprefix("found ")
    return line, f"malformed YAML: {reason}", None, got


def _build(node: yaml.Node, path: Path, lines: dict[Path, int]) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
        return [_build(item, (*path, index), lines) for index, item in enumerate(node.value)]
    value: dict[str, Any] = {}
    for key_node, item in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise _Refused(line, "a key that is not text", "a word before the colon", _kind(key_node))
        key = key_node.value
        if key in value:
            field = ".".join(map(str, (*path, key)))
            raise _Refused(line, f"{field}: the key is written twice; first in line {lines[(*path, key)]}")
        lines[(*path, key)] = line
        value[key] = _build(item, (*path, key), lines)
    return value


def _scalar(node: yaml.ScalarNode) -> Any:
    text = node.value
    if node.style:  # quoted, or a block: text as written
        return text
    if text in _SPECIAL:
        return _SPECIAL[text]
    if _INTEGER.fullmatch(text):
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text


def _kind(node: yaml.Node) -> str:
    if isinstance(node, yaml.ScalarNode):
        return "a single value"
    return "a list" if isinstance(node, yaml.SequenceNode) else "a mapping"
