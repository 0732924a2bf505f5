"""Stages on the terminal: those of a run with what was judged in them, and one of them with everything it found."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from sopkit.views import wording
from sopkit.views.terminal_layout import VERY_WIDE, ByWidth, answered, labelled, limit, line, shape, table, verdict

__all__ = ["checklist_view", "stage_view", "stages_view"]

MOST = 8  # results of a stage that are shown with the run
VERDICT, LIMIT = 14, 12  # columns, on a narrow terminal


def stages_view(run: Mapping[str, Any]) -> RenderableType:
    """Every stage of a run, each with its state and what was judged, the worst first."""
    return ByWidth(_stages_table(run), Group(*_stage_lines(run)))


def stage_view(run: Mapping[str, Any], stage: Mapping[str, Any]) -> RenderableType:
    """One stage with every result, its threshold, verdict and reason."""
    head = line(stage["title"], "bold")
    head.append(f"  ({run['run']} {stage['id']}", style="dim")
    head.append(f", attempt {stage['attempt']})" if stage["attempt"] else ")", style="dim")
    concluded = stage["concluded"]
    rows: list[tuple[str, RenderableType | None]] = [
        ("state", shape(stage["state"])),
        ("reason", stage["reason"]),
        ("notebook", stage["notebook"]),
        ("outcome", f"{concluded['outcome']}: {concluded['why']}" if concluded else None),
    ]
    parts: list[RenderableType] = [head, labelled(rows)]
    if stage["results"]:
        parts += [Text(), ByWidth(_results_table(stage["results"]), _told_lines(stage["results"]), least=VERY_WIDE)]
    parts += checklist_view(stage["gate"])
    if stage["artifacts"]:
        parts += [Text(), _artifacts(stage), line(f"run folder  {run['folder']}/artifacts/{stage['id']}/", "dim")]
    return Group(*parts)


def checklist_view(gate: Mapping[str, Any] | None) -> list[RenderableType]:
    """The checklist of a gate with its answers so far; nothing where nothing is asked."""
    if gate is None or not gate["checklist"]:
        return []
    wide = table("asked at this gate", "answer", "by", "why", "source")
    narrow = Table.grid(padding=(0, 2))
    narrow.add_column(no_wrap=True)
    narrow.add_column(overflow="fold")
    for item in gate["checklist"]:
        answer = line(wording.answer(item), answered(item["answer"]))
        by, why, source = wording.answered_by(item), item["why"], item["source"]
        wide.add_row(line(item["question"]), answer, line(by), line(why), line(source))
        asked = line(item["question"])
        for text in (" · ".join(each for each in (by, source) if each), why):
            if text:
                asked.append_text(line(f"\n{text}", "dim"))
        narrow.add_row(answer, asked)
    return [Text(), ByWidth(wide, Group(line("asked at this gate", "dim"), narrow), least=VERY_WIDE)]


def _stages_table(run: Mapping[str, Any]) -> Table:
    made = table("stage", "state", "attempt", "time", "result", "value", "threshold", "verdict")
    made.columns[2].justify = made.columns[3].justify = "right"
    for stage in run["stages"]:
        rows = _telling(stage["results"]) or [("", {})]
        for index, (name, result) in enumerate(rows):
            first = index == 0
            made.add_row(
                line(stage["id"] if first else ""),
                shape(stage["state"]) if first else "",
                str(stage["attempt"] or "") if first else "",
                wording.seconds(stage["seconds"]) if first and stage["attempt"] else "",
                line(result.get("title") or name),
                line(wording.value(result["value"], result.get("unit", "")) if result else ""),
                limit(result) if result else "",
                verdict(result.get("verdict")),
            )
    return made


def _stage_lines(run: Mapping[str, Any]) -> list[RenderableType]:
    lines: list[RenderableType] = []
    for stage in run["stages"]:
        head = line(f"{stage['id']:<9}", "bold").append("  ").append_text(shape(stage["state"]))
        if stage["attempt"]:
            head.append(f"  attempt {stage['attempt']}, {wording.seconds(stage['seconds'])}", style="dim")
        lines.append(head)
        if stage["results"]:
            lines.append(Padding(_result_lines(dict(_telling(stage["results"]))), (0, 0, 0, 2)))
    return lines


def _telling(results: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """What was judged, worst first; a stage in which nothing was judged shows its first results."""
    order = {"fail": 0, "insufficient": 1, "pass": 2, None: 3}
    return sorted(results.items(), key=lambda item: order[item[1]["verdict"]])[:MOST]


def _told_lines(results: Mapping[str, Mapping[str, Any]]) -> RenderableType:
    """Each result as in `_result_lines`, and below it its name, where it comes from, and why."""
    lines: list[RenderableType] = []
    for name, result in results.items():
        told = f"{name}, {result['source']}"
        told += f": {result['reason']}" if result["reason"] else ""
        lines += [_result_lines({name: result}), Padding(line(told, "dim"), (0, 0, 0, VERDICT + 2), expand=False)]
    return Group(*lines)


def _result_lines(results: Mapping[str, Mapping[str, Any]]) -> Table:
    """Verdict, title, value, limit, in columns that are the same for every stage."""
    made = Table.grid(padding=(0, 2), expand=True)
    made.add_column(width=VERDICT, no_wrap=True)
    made.add_column(ratio=4, overflow="fold")
    made.add_column(ratio=3, overflow="fold")
    made.add_column(width=LIMIT, overflow="fold")
    for name, result in results.items():
        title = line(result.get("title") or name)
        value = line(wording.value(result["value"], result.get("unit", "")))
        made.add_row(verdict(result["verdict"]), title, value, limit(result))
    return made


def _results_table(results: Mapping[str, Mapping[str, Any]]) -> Table:
    made = table("result", "value", "threshold", "verdict", "reason", "source")
    for name, result in results.items():
        title = line(f"{result['title']}\n").append_text(line(name, "dim")) if result["title"] else line(name)
        value = line(wording.value(result["value"], result["unit"]))
        told = (line(result["reason"]), line(result["source"], "dim"))
        made.add_row(title, value, limit(result), verdict(result["verdict"]), *told)
    return made


def _artifacts(stage: Mapping[str, Any]) -> Table:
    made = table("artifact", "what it is", "sha256", "where")
    for item in stage["artifacts"]:
        where = "store" if item["path"].startswith("runs/store/") else "run folder"
        made.add_row(line(item["name"]), line(item.get("title") or ""), item["sha256"][:12], where)
    return made
