"""The house style of figures: the only door of matplotlib.

The rules:
* the title is a sentence that says the finding, left-aligned; axes carry units;
* nothing rests on colour alone: colours differ in brightness too, and fills have hatches, points have
  shapes, verdicts are written out as words;
* the same values give the same PNG bytes (no time, no software version inside);
* pyplot is never imported: a figure belongs to whoever holds it, and none is left open.

A `Chart` shows itself when it is the last line of a cell.
"""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sopkit.definitions.results import Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "HATCHES",
    "INK",
    "MARKERS",
    "MUTED",
    "VERDICTS",
    "Chart",
    "clip",
    "dates",
    "figure",
    "folded",
    "legend",
    "literal",
]

# Okabe & Ito (2008), ordered so that neighbours also differ in brightness when printed in grey.
COLOURS = ("#0b3c5d", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00")
HATCHES = ("", "////", "....", "xxxx", "\\\\\\\\", "++++")
MARKERS = ("o", "s", "^", "D", "v", "P")
INK, MUTED, GRID = "#1a1a1a", "#595959", "#d9d9d9"
VERDICTS = {
    Verdict.PASS: ("#0072b2", "o", ""),
    Verdict.FAIL: ("#d55e00", "X", "////"),
    Verdict.INSUFFICIENT: ("#8c8c8c", "D", "...."),
    None: (COLOURS[0], "o", ""),
}
STYLE: Any = {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so the bytes do not depend on the machine's fonts
    "font.size": 9.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "hatch.linewidth": 0.6,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "savefig.dpi": 110,
}


@dataclass(frozen=True, eq=False)
class Chart:
    """A finished figure. Shows itself in a notebook; `png()` and `save()` give the same bytes each time."""

    figure: Figure
    title: str

    def png(self) -> bytes:
        import matplotlib

        buffer = io.BytesIO()
        with matplotlib.rc_context(STYLE):
            self.figure.savefig(buffer, format="png", metadata={"Software": None})
        return buffer.getvalue()

    def save(self, path: str | Path) -> Path:
        path = Path(path)
        path.write_bytes(self.png())
        return path

    def _repr_png_(self) -> bytes:
        return self.png()

    def __repr__(self) -> str:
        return f"Chart({self.title!r})"


def figure(
    title: str,
    *,
    subtitle: str = "",
    width: float = 8.0,
    height: float = 4.0,
    rows: int = 1,
    columns: int = 1,
    **options: Any,
) -> tuple[Chart, Any]:
    """An empty figure in the house style and its axes (one `Axes`, or an array for several); sizes in inches."""
    import matplotlib
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    with matplotlib.rc_context(STYLE):
        lines = textwrap.wrap(literal(title), int(width * 9.7)) or [""]
        small = textwrap.wrap(literal(subtitle), int(width * 12.5))
        head = 0.22 + 0.21 * len(lines) + 0.17 * len(small)
        top = height + head
        layout = ConstrainedLayoutEngine(rect=(0.008, 0.01, 0.984, 1 - head / top - 0.01))
        canvas = Figure(figsize=(width, top), layout=layout)
        FigureCanvasAgg(canvas)
        canvas.text(
            0.012,
            1 - 0.1 / top,
            "\n".join(lines),
            ha="left",
            va="top",
            fontsize=11.5,
            fontweight="bold",
            linespacing=1.15,
        )
        if small:
            place = 1 - (0.16 + 0.21 * len(lines)) / top
            canvas.text(0.012, place, "\n".join(small), ha="left", va="top", fontsize=8.8, color=MUTED)
        axes = canvas.subplots(rows, columns, **options)
    return Chart(canvas, title), axes


def clip(text: object, length: int = 34) -> str:
    """`text` on one line, short enough for an axis."""
    line = " ".join(str(text).split())
    return literal(line if len(line) <= length else line[: length - 1] + "…")


def folded(text: object, length: int = 34) -> str:
    """`text` on one line or two, short enough for an axis."""
    lines = textwrap.wrap(literal(str(text)), length, max_lines=2, placeholder=" …")
    return "\n".join(lines)


def literal(text: str) -> str:
    """A dollar sign in a column name is a dollar sign, not the start of a formula; a number keeps its per cent sign."""
    return text.replace("$", r"\$").replace(" %", "\u00a0%")


def legend(axes: Axes, columns: int = 4) -> None:
    """The legend above the axes, where it covers no data."""
    axes.legend(
        loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=columns, frameon=False, fontsize=8.8, borderaxespad=0.1
    )


def dates(axes: Axes) -> None:
    """Short dates on the x axis, where it holds times."""
    import matplotlib.dates

    if isinstance(axes.xaxis.get_major_locator(), matplotlib.dates.AutoDateLocator):
        locator = matplotlib.dates.AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(matplotlib.dates.ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
