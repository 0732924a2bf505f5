"""How facts are set on a terminal: tables where there is room, indented lines where there is not.

The rules:
* verdicts and states are words with a shape; colour only repeats them, so a terminal without colour tells as much;
* nothing is broken within a word, and nothing is cut off;
* text from notebooks, data and people is text: no markup, and no control character that acts on the terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from sopkit.views import wording
from sopkit.views.diff.terminal import harmless

__all__ = ["VERY_WIDE", "ByWidth", "answered", "labelled", "limit", "line", "shape", "table", "verdict"]

WIDE = 116  # columns of a terminal from which tables are shown
VERY_WIDE = 150  # where sentences stand in one
_STYLES = {
    **dict.fromkeys(("pass", "done", "approve"), "green"),
    **dict.fromkeys(("fail", "failed", "stopped", "reject", "abandoned"), "red"),
    **dict.fromkeys(("insufficient", "waiting", "returned", "interrupted", "running", "return", "withdraw"), "yellow"),
    "pending": "dim",
}
# Columns that are not broken over lines
_WHOLE = ("run", "state", "outcome", "time", "verdict", "signed by", "sha256", "at", "artifact", "as of", "where")


class ByWidth:
    """The same thing, set for a terminal of at least so many columns, or for a narrower one, as it is shown."""

    def __init__(self, wide: RenderableType, narrow: RenderableType, *, least: int = WIDE) -> None:
        self.wide, self.narrow, self.least = wide, narrow, least

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.wide if options.max_width >= self.least else self.narrow


def line(text: object, style: str = "") -> Text:
    """Text as it was written, and nothing else; no style is that of what lies around it."""
    return Text(harmless(str(text)), style=style)


def table(*columns: str) -> Table:
    """A table without lines; some columns (`_WHOLE`) are as wide as what stands in them."""
    made = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        made.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    return made


def labelled(rows: Iterable[tuple[str, RenderableType | None]]) -> Table:
    """`label  text`, the text in a column of its own; rows without a text are left out."""
    made = Table.grid(padding=(0, 2))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for label, text in rows:
        if text:
            made.add_row(Text(label), line(text) if isinstance(text, str) else text)
    return made


def shape(state: str) -> Text:
    """The state of a run or stage."""
    return Text(wording.state(state), style=_STYLES.get(state, ""))


def verdict(verdict: str | None) -> Text:
    """A verdict; nothing for what was not judged."""
    return Text(wording.verdict(verdict), style=_STYLES.get(verdict or "", ""))


def answered(word: str) -> str:
    """The style of a decision or an answer."""
    return {"yes": "green", "no": "red"}.get(word, _STYLES.get(word, "yellow"))


def limit(result: Mapping[str, Any]) -> Text:
    """The threshold of a result, without the words of its unit that stand beside its value already."""
    unit = result.get("unit", "")
    words = wording.threshold(result.get("threshold"), unit).split(" ")
    beside = wording.value(result.get("value"), unit).split(" ")
    while len(words) > 2 and words[-1] == beside[-1] and words[-1] != "%":
        del words[-1], beside[-1:]
        beside = beside or [""]
    return line(" ".join(words))
