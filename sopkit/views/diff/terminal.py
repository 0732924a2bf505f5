"""What changed between two runs, as rich tables for the terminal: the sections of `diff_facts`.

The rules: verdicts are words with a shape, colour only repeats them; text from notebooks, data and people cannot act on
the terminal: control characters are shown as `�`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

__all__ = ["diff_view", "harmless"]

_STYLES = {
    **{"pass": "green", "fail": "red", "insufficient": "yellow", "quiet": "dim", "code": "dim"},
    **{"new": "green", "gone": "red", "place": "dim"},
}
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_WHOLE = ("", "Stage", "Change", "Verdict", "Role")


def diff_view(facts: Mapping[str, Any]) -> RenderableType:
    """The diff; one line for two runs that are the same."""
    if facts["same"]:
        return Group(Text(f"✓ {facts['headline']}", style="green"), *_remarks(facts))
    parts: list[RenderableType] = []
    for side in (facts["left"], facts["right"]):
        parts.append(_line(f"{side['label']:<8}", "dim").append_text(_line(side["run"], "bold")))
        parts.append(_line(f"        {side['facts']}", "dim"))
    parts += [Text(), _line(facts["headline"], "bold")]
    parts += [_line(f"  ⚑ {flip}", "yellow") for flip in facts["flips"]]
    for section in facts["sections"]:
        parts += [Text(), _line(section["title"], "bold"), *_section(section)]
    parts += [*_remarks(facts), Text(), _line("everything, by nbdime:  ", "dim").append(facts["full"])]
    return Group(*parts)


def harmless(text: str, *, colour: bool = False) -> str:
    """`text` without what would act on a terminal; with `colour`, colours may stay."""
    if not colour:
        return _CONTROL.sub("�", text)
    kept = _COLOUR.findall(text)
    pieces = [_CONTROL.sub("�", piece) for piece in _COLOUR.split(text)]
    return "".join(piece + escape for piece, escape in zip(pieces, [*kept, ""], strict=True))


def _section(section: Mapping[str, Any]) -> list[RenderableType]:
    parts: list[RenderableType] = []
    if section["rows"]:
        parts.append(Padding(_table(section["columns"], section["rows"]), (0, 0, 0, 2), expand=False))
    if section["more"]:
        parts.append(_line(f"  and {section['more_title']}", "dim"))
    for block in section["code"]:
        parts.append(_line(f"  {block['title']}"))
        parts += [_line(f"    {line['text']}", _STYLES.get(line["kind"], "")) for line in block["lines"]]
    return parts


def _table(columns: Sequence[str], rows: Sequence[Sequence[Mapping[str, str]]]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=any(columns))
    for place in range(len(columns)):
        number = bool(rows) and all(row[place]["kind"] == "num" for row in rows)
        whole = columns[place] in _WHOLE
        table.add_column(columns[place].lower(), overflow="fold", no_wrap=whole, justify="right" if number else "left")
    for row in rows:
        table.add_row(*(_line(cell["text"], _STYLES.get(cell["kind"], "")) for cell in row))
    return table


def _remarks(facts: Mapping[str, Any]) -> list[RenderableType]:
    return [_line(f"  not counted: {remark}", "dim") for remark in facts["remarks"]]


def _line(text: str, style: str = "") -> Text:
    return Text(harmless(text), style=style)
