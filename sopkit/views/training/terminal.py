"""A stage under way, and what took far more than usual, on the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from sopkit.views import wording

__all__ = ["under_way"]


def under_way(live: Mapping[str, Any] | None, alerts: list[Mapping[str, Any]]) -> RenderableType | None:
    """Lines about `training_facts.live_facts` and `training_facts.alerts`; None where there is nothing to tell."""
    lines = []
    if live is not None and live["runner"] == "alive":
        place = f"▶ under way: {live['title'] or 'between stages'}"
        told = [live["words"], f"at «{live['heading']}»" if live["heading"] else ""]
        if live["seconds"] is not None:
            usual = f" (usually {wording.seconds(live['usual'])})" if live["usual"] is not None else ""
            told.append(f"{wording.seconds(live['seconds'])}{usual}")
        if live["cpu"] is not None:
            told.append(f"processor {live['cpu']:.0f} %, memory {live['memory']}, at most {live['peak']}")
        lines.append(Text(place, style="bold").append("  " + ", ".join(filter(None, told)), style="not bold"))
    elif live is not None and live["runner"] == "gone":
        lines.append(Text("✗ the process that executed this run is gone: resume it", style="red"))
    elif live is not None:
        lines.append(
            Text("◌ nothing tells of a process that executes this run; if none does, resume it", style="yellow")
        )
    lines += [Text(f"◐ {alert['sentence']}", style="yellow") for alert in alerts]
    return Group(Text(), *lines) if lines else None
