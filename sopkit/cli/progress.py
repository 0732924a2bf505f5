"""How far a run is, on the standard error: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from sopkit.views import wording

__all__ = ["Progress"]


class Progress:
    """A context manager that is called with each event of the runner.

    Finished stages become lines that stay; the stage under way is one line that moves: cell, seconds, and
    what the notebook itself tells about a long calculation.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False)
        self._stage: Mapping[str, Any] | None = None
        self._cell: Mapping[str, Any] = {}
        self._since = 0.0
        self._live = Live(get_renderable=self.line, console=self.console, refresh_per_second=4, transient=True)

    def __enter__(self) -> Progress:
        if self.console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stage = None
        if self.console.is_terminal:
            self._live.stop()

    def __call__(self, event: Mapping[str, Any]) -> None:
        match event["kind"]:
            case "stage" if event["state"] == "running":
                self._stage, self._cell, self._since = event, {}, time.monotonic()
                again = "" if event["because"] == ["first attempt"] else f"  ({'; '.join(event['because'])})"
                if again or not self.console.is_terminal:
                    self._say(f"▶ {_name(event)}{again}")
            case "stage":
                self._stage = None
                done = event["state"] == "done"
                style = "green" if done else "red"
                self._say(f"{'●' if done else '✗'} {_name(event)}  {wording.seconds(event.get('seconds'))}", style)
            case "cell":
                self._cell = event
            case "effect":
                self._say(f"● {event['effect'].replace('_', ' ')} ({event['stage']})", "green")
            case "notice":
                self._say(f"  {event['text']}", "dim")

    def _say(self, text: str, style: str = "") -> None:
        self.console.print(Text(text, style=style), soft_wrap=True)

    def line(self) -> Text:
        """The line about the stage under way; empty between stages."""
        if self._stage is None:
            return Text("")
        line = Text(f"▶ {_name(self._stage)}", style="bold")
        cell, elapsed = self._cell, wording.seconds(time.monotonic() - self._since)
        place = f"cell {cell['cell']} of {cell['cells']}, " if cell else "starting, "
        return line.append(f"  {place}{elapsed}{self._told()}", style="not bold dim")

    def _told(self) -> str:
        """What the notebook wrote with `this.progress`; empty where it says nothing or is just being written."""
        if "files" not in self._cell:
            return ""
        try:
            told = json.loads((Path(self._cell["files"]) / ".progress.json").read_text(encoding="utf-8"))
            return f"  {told['note']} {told['done']}/{told['total']}"
        except (OSError, ValueError, KeyError):
            return ""


def _name(event: Mapping[str, Any]) -> str:
    attempt = f", attempt {event['attempt']}" if event["attempt"] > 1 else ""
    return f"{event['stage']}: {event['title']}{attempt}"
