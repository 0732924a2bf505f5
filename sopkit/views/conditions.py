"""Conditions of approvals, for the terminal: what is open, of whom, by when; overdue by a word and a shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sopkit.views import wording
from sopkit.views.terminal_layout import VERY_WIDE, ByWidth, line

__all__ = ["conditions_table", "sentence", "to_settle"]

_STYLES = {"✗ overdue": "red", "○ open": "yellow", "● settled": "green", "– withdrawn": "dim"}


def sentence(condition: Mapping[str, Any]) -> str:
    """One line: what is asked for, how severe, of whom, by when, by whom it was set."""
    due = f"due {condition['due']}" if condition["due"] else "no date"
    owner = f", owner {condition['owner']}" if condition["owner"] else ""
    told = f"{condition['id']}: {condition['text']} ({condition['severity']} severity{owner}, {due}"
    set_by = f"set by {condition['by']} in {condition['run']}, stage {condition['stage']})"
    return _plain(f"{wording.condition(condition)}  {told}; {set_by}")


def conditions_table(conditions: Sequence[Mapping[str, Any]], *, title: str = "Conditions") -> RenderableType:
    """Conditions in log order, with how the settled ones were met."""
    if not conditions:
        return Text("No condition is open.")
    table = Table(box=None, pad_edge=False, header_style="dim", title=title, title_justify="left")
    narrow: list[RenderableType] = [line(title, "italic")]
    for column in ("condition", "state", "due", "severity", "owner", "what", "set by", "run"):
        table.add_column(column, overflow="fold", no_wrap=column in ("condition", "state", "due", "run"))
    for each in conditions:
        what = Text(_plain(each["text"]))
        if settled := each["settled"]:
            said = _plain(f"{settled['name']} ({settled['role']}): {settled['comment']}")
            what.append(f"\n{said}", style="dim")
        state = wording.condition(each)
        table.add_row(
            each["id"],
            Text(state, style=_STYLES[state]),
            each["due"] or wording.MISSING,
            Text(each["severity"]),
            Text(each["owner"] or wording.MISSING),
            what,
            Text(f"{each['by']} as {each['role']}"),
            Text(each["run"]),
        )
        narrow.append(Padding(line(sentence(each), _STYLES[state]), (0, 0, 0, 2), expand=False))
        if settled:
            narrow.append(Padding(line(said, "dim"), (0, 0, 0, 4), expand=False))
    return ByWidth(table, Group(*narrow), least=VERY_WIDE)


def to_settle(run: Mapping[str, Any]) -> list[str]:
    """The commands for what is overdue and keeps a waiting run's gate closed, from the facts of the run."""
    if run["state"] != "waiting":
        return []
    return [f"sop settle {each['id']} --comment TEXT" for each in run.get("conditions") or () if each["overdue"]]


def _plain(text: str) -> str:
    """On one line, and nothing in it moves the cursor of a terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
