"""Lines of a draft: values as YAML reads them back, comments, and questions that are found again.

The rules:
* a name or value stands plain only where YAML reads it back as the same text, otherwise in quotes;
* a comment is one line, whatever stands in the data;
* what has to be asked is marked QUESTION, above the line where the answer goes, and is never cut short.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Any

__all__ = ["ask", "line", "listed", "questions_in", "quoted"]

WIDTH, CONTINUED = 118, " " * 10
_PLAIN = re.compile(r"[^\W\d]\w*([ .\-/]\w+)*")
_SPECIAL = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"}
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def quoted(value: Any) -> str:
    """A value as YAML reads it back: numbers and truth values as they are, texts plain or in double quotes."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "null"}[value]
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if _PLAIN.fullmatch(text) and text.isascii() and text.casefold() not in _SPECIAL:
        return text
    return '"' + "".join(_ESCAPES.get(sign, sign if _safe(sign) else _escaped(sign)) for sign in text) + '"'


def listed(values: Iterable[Any]) -> str:
    return f"[{', '.join(map(quoted, values))}]"


def _safe(sign: str) -> bool:
    return sign.isprintable()


def _escaped(sign: str) -> str:
    code = ord(sign)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def line(text: str, comment: str = "") -> str:
    """A line with its comment behind it, cut where it would be too long."""
    if not comment:
        return text
    room = max(40, WIDTH - len(text) - 4)
    return f"{text}  # {comment if len(comment) <= room else comment[: room - 1] + '…'}"


def ask(question: str, indent: str = "  ") -> list[str]:
    """A question as comment lines."""
    before = f"{indent}# QUESTION "
    return textwrap.wrap(question, WIDTH, initial_indent=before, subsequent_indent=f"{indent}#{CONTINUED}")


def questions_in(text: str) -> list[tuple[int, str]]:
    """Line number -> question, for each one in a model file that `render` made."""
    found: list[tuple[int, str]] = []
    asked = False
    for number, written in enumerate(text.splitlines(), 1):
        said = written.strip()
        if said.startswith("# QUESTION "):
            found.append((number, said.removeprefix("# QUESTION ")))
        elif said.startswith(f"#{CONTINUED}") and found and asked:
            found[-1] = (found[-1][0], f"{found[-1][1]} {said[1:].strip()}")
        asked = said.startswith(("# QUESTION ", f"#{CONTINUED}"))
    return found
