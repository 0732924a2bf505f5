"""What a run leaves for the next one, and small figures that belong to no single rule.

A lesson is a sentence with the run it comes from; the next run's first stage shows the newest ones first.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandas as pd

from sopkit.definitions.rendering import escape_markdown
from sopkit.evidence import charts
from sopkit.evidence.measure import counted
from sopkit.evidence.metrics import find, score
from sopkit.evidence.tables import Readable, readable

__all__ = ["Note", "folds_figure", "lessons", "lessons_table", "nothing", "resources_figure", "scorer", "weights"]


class Note(str):
    """A sentence that a notebook shows as text."""

    def _repr_markdown_(self) -> str:
        return f"*{escape_markdown(self)}.*"


def nothing(why: str) -> Note:
    """In place of a figure: why there is none."""
    return Note(why)


def scorer(task: Any) -> Callable[[Any, Any], dict[str, float]]:
    """`score(y, prediction) -> {metric: value}` of a task, as a rolling origin wants it."""
    return lambda y, prediction: score(task, y, prediction)


def weights(importance: Mapping[str, Any]) -> dict[str, float]:
    """Feature -> non-negative weight, from what `Importance.to_dict` kept."""
    return {row["feature"]: max(float(row["importance"]), 0.0) for row in importance["table"]}


def folds_figure(table: pd.DataFrame, task: Any, primary: str, chosen: str) -> charts.Chart:
    """The primary metric of every recipe over the folds of a rolling origin; `table` has fold, test_from, recipe."""
    lines = {}
    for name, part in table.groupby("recipe", sort=False):
        known = part[part[primary].notna()]
        lines[str(name)] = (list(known["test_from"]), [float(value) for value in known[primary]])
    best = table[table["recipe"] == chosen][primary].mean()
    dates = counted(table["fold"].nunique(), "date")
    title = f"'{chosen}' is chosen: mean {find(task, primary).title} {best:.3f} over {dates}"
    return charts.over_time(
        title, lines, y_label=find(task, primary).title, x_label="start of the period that was forecast"
    )


def resources_figure(resources: Mapping[str, Any], name: str) -> charts.Chart:
    """Memory and processor time while a model was trained."""
    samples = resources["samples"]
    seconds = [sample["seconds"] for sample in samples]
    title = f"Training took {resources['wall_seconds']:.1f} s and {resources['peak_memory_mb']:,.0f} MB at its peak"
    chart, axes = charts.figure(title, subtitle=name, height=2.6, columns=2)
    for place, (field, label) in enumerate(
        (("memory_mb", "memory of the process (MB)"), ("cpu_seconds", "processor time (s)"))
    ):
        axes[place].plot(seconds, [sample[field] for sample in samples], color=charts.COLOURS[place], linewidth=1.8)
        axes[place].set_xlabel("seconds since the start")
        axes[place].set_ylabel(label)
        most = max((sample[field] for sample in samples), default=0.0)
        axes[place].set_ylim(0, 1.15 * most or 1.0)
    return chart


def lessons(sentences: Mapping[str, str]) -> dict[str, Any]:
    """What the next run should know: topic -> sentence; empty ones are left out."""
    return {"lessons": {topic: sentence for topic, sentence in sentences.items() if sentence}}


def lessons_table(earlier: Sequence[tuple[str, Mapping[str, Any]]], newest: int = 3) -> Readable | Note:
    """The lessons of the newest runs, one row each; a note where there are none."""
    rows = [
        {"run": run, "about": topic, "lesson": sentence}
        for run, kept in list(earlier)[:newest]
        for topic, sentence in kept["lessons"].items()
    ]
    return readable(pd.DataFrame(rows)) if rows else nothing("No run of this model has left a lesson yet")
