"""The words of a diff: values, changes and verdicts as cells of a table, for `diff_facts`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sopkit.views import wording
from sopkit.views.numerals import finite, signed

__all__ = ["Cell", "cell", "change", "grouped", "rows_of", "section", "shown", "verdicts"]

Cell = dict[str, str]
LONGEST = 300  # a reason in words may be a few sentences
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)")


def rows_of(told: Iterable[Mapping[str, Any]], *, dotted: bool = False) -> list[list[Cell]]:
    """Field, before, after of each change (`archive.diffs.values`)."""
    found = []
    for each in told:
        field = each["field"] if dotted else each["field"].replace("_", " ").replace(".", ": ")
        before = shown(each["left"]) if each["kind"] != "added" else wording.MISSING
        after = shown(each["right"]) if each["kind"] != "removed" else wording.MISSING
        found.append([cell(field), cell(before), cell(after)])
    return found


def grouped(name: str, rows: Sequence[list[Cell]]) -> list[list[Cell]]:
    """Rows with a name in front of the first one."""
    return [[cell(name if number == 0 else ""), *row] for number, row in enumerate(rows)]


def shown(value: Any, unit: str = "") -> str:
    """A value; a moment as one reads it."""
    if isinstance(value, str) and value:
        moment = _MOMENT.fullmatch(value) is not None
        return wording.moment(value) if moment else value[:LONGEST] + "…" * (len(value) > LONGEST)
    return "none" if value in ([], {}, "") else wording.value(value, unit)


def change(left: Mapping[str, Any] | None, right: Mapping[str, Any] | None, unit: str = "") -> str:
    """How far a number moved, with its sign; nothing where it is none, or stands on one side only."""
    before, after = (finite(side["value"]) if side else None for side in (left, right))
    if before is None or after is None or before == after:
        return ""
    percent = unit.startswith(("%", "share", "of "))
    return signed(after - before, "%" if percent else "")


def verdicts(each: Mapping[str, Any]) -> str:
    """`✓ pass → ✗ fail` where it flipped, else the verdict that stands."""
    words = [wording.verdict(side["verdict"]) if side else "" for side in (each["left"], each["right"])]
    if each["flipped"]:
        return " → ".join(word or "not judged" for word in words)
    return words[1] or words[0]


def cell(text: str, kind: str = "", note: str = "") -> Cell:
    """What stands in a table, how it is meant, and why."""
    return {"text": text, "kind": kind, "note": note}


def section(
    id: str,
    title: str,
    columns: Sequence[str],
    rows: Sequence[list[Cell]],
    *,
    more: Sequence[list[Cell]] = (),
    more_title: str = "",
    code: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """A section of a diff, see `diff_facts`."""
    table = {"columns": list(columns), "rows": list(rows), "more": list(more), "more_title": more_title}
    return {"id": id, "title": title, **table, "code": list(code)}
