"""What people have accepted in writing, for the terminal: waivers in force, and what a run could have waived."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sopkit.views import wording
from sopkit.views.terminal_layout import VERY_WIDE, ByWidth, line

__all__ = ["waivable", "waivers_table"]


def waivers_table(waivers: Sequence[Mapping[str, Any]]) -> RenderableType:
    """Waivers in force, oldest first, each with who, why and until when."""
    if not waivers:
        return Text("No waiver is in force.")
    table = Table(box=None, pad_edge=False, header_style="dim", title="Waivers in force", title_justify="left")
    narrow: list[RenderableType] = [line("Waivers in force", "italic")]
    for column in ("finding", "model", "stage", "until", "by", "role", "reason", "run"):
        table.add_column(column, overflow="fold", no_wrap=column in ("until", "run"))
    for waiver in waivers:
        told = [waiver["finding"], waiver["model"], waiver["stage"], wording.moment(waiver["until"])]
        told += [waiver["person"], waiver["role"], waiver["reason"], waiver["run"]]
        table.add_row(*(line(each) for each in told))
        narrow.append(line(f"  {waiver['finding']} of {waiver['model']}, stage {waiver['stage']}, until {told[3]}"))
        by = f"{waiver['person']} as {waiver['role']}: {waiver['reason']} (in {waiver['run']})"
        narrow.append(Padding(line(by, "dim"), (0, 0, 0, 4), expand=False))
    return ByWidth(table, Group(*narrow), least=VERY_WIDE)


def waivable(run: Mapping[str, Any]) -> list[str]:
    """The ids of what stopped a run and could be waived, from its facts."""
    found = [item for stage in run["stages"] for item in stage["findings"]] if run["outcome"] == "blocked" else []
    return [item["id"] for item in found if item["waivable"] and item["severity"] != "waived"]
