"""Figures of `classes`: F1 class by class, and what is taken for what, for both models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sopkit.definitions.results import Verdict
from sopkit.evidence.charts import COLOURS, MUTED, Chart, clip, figure, legend, literal

if TYPE_CHECKING:
    from sopkit.evidence.classes import ByClass

__all__ = ["confusion_figure", "f1_figure"]

SHOWN = 20
CONFUSIONS = 10
LOOKS = (("champion", -0.16, COLOURS[1], "s"), ("challenger", 0.16, COLOURS[0], "o"))


def f1_figure(found: ByClass) -> Chart:
    """F1 of each class, both models, with intervals that hold together; rare classes hollow and without."""
    table = found.table.head(SHOWN)
    chart, axes = _horizontal(found, f"{found.basis}; intervals hold together over the classes", len(table))
    for (arm, offset, colour, marker), name in zip(LOOKS, found.names, strict=True):
        known = (table.verdict != str(Verdict.INSUFFICIENT)).to_numpy()
        places, values = np.arange(len(table)) + offset, table[f"{arm}_f1"].to_numpy()
        low, high = (table[f"{arm}_f1_{end}"].to_numpy() for end in ("low", "high"))
        axes.hlines(places[known], low[known], high[known], color=colour, linewidth=2.2)
        for part, fill in ((known, colour), (~known, "white")):
            axes.plot(
                values[part], places[part], linestyle="", marker=marker, markersize=6, color=colour,
                markerfacecolor=fill, label=literal(name.removeprefix("the ")) if part is known else None,
            )  # fmt: skip
    _labels(axes, [clip(label, 38) for label in table["class"]])
    notes = [
        f"{row.rows:,} rows: insufficient" if row.verdict == str(Verdict.INSUFFICIENT)
        else f"{row.rows:,} rows, gain {_signed(row.gain)}"
        for row in table.itertuples()
    ]  # fmt: skip
    beside = axes.secondary_yaxis("right")
    beside.set_yticks(range(len(table)), [clip(note) for note in notes])
    beside.tick_params(length=0)
    beside.spines["right"].set_visible(False)
    axes.set_xlim(-0.02, 1.02)
    axes.set_xlabel("F1 of the class (hollow: too few rows to judge)")
    legend(axes)
    return chart


def confusion_figure(found: ByClass) -> Chart:
    """The most frequent wrong answers of either model, by rows."""
    table = found.confusions.head(CONFUSIONS)
    wrong = [int(found.confusions[arm].sum()) for arm in ("champion", "challenger")]
    title = (
        f"{found.names[0]} takes {wrong[0]:,} of {found.rows:,} rows for another class, {found.names[1]} {wrong[1]:,}"
    )
    chart, axes = figure(
        title[:1].upper() + title[1:],
        subtitle=f"{found.basis}; the {len(table)} most frequent wrong answers",
        height=0.75 + 0.44 * max(len(table), 1),
    )
    for (arm, offset, colour, _), name, hatch in zip(LOOKS, found.names, ("", "////"), strict=True):
        axes.barh(
            np.arange(len(table)) + offset * 1.2, table[arm], height=0.36, color=colour, hatch=hatch,
            edgecolor="white", linewidth=0, label=literal(name.removeprefix("the ")),
        )  # fmt: skip
    _labels(axes, [f"{clip(row.true, 44)}\ntaken for {clip(row.answered, 34)}" for row in table.itertuples()])
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xlabel("rows")
    axes.xaxis.get_major_locator().set_params(integer=True)
    legend(axes)
    return chart


def _horizontal(found: ByClass, subtitle: str, rows: int) -> tuple[Chart, Any]:
    return figure(found.finding, subtitle=subtitle, height=0.85 + 0.36 * max(rows, 1))


def _signed(value: float) -> str:
    return f"{value:+.2f}".replace("-", "−")


def _labels(axes: Any, labels: list[str]) -> None:
    axes.set_yticks(range(len(labels)), labels)
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0, labelcolor=MUTED)
    axes.grid(axis="y", visible=False)
