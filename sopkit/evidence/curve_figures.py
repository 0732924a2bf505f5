"""Figures of `curves`: receiver operating characteristics, and of numbers what came over what was predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sopkit.evidence.charts import COLOURS, MUTED, Chart, clip, figure, legend, literal
from sopkit.evidence.gains import CHALLENGER, CHAMPION, RECIPE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sopkit.evidence.curves import Curves, Outcome

__all__ = ["bands_figure", "roc_figure"]

LOOKS = {CHALLENGER: (COLOURS[0], "-", "o"), CHAMPION: (COLOURS[1], "--", "s"), RECIPE: (COLOURS[2], ":", "^")}


def roc_figure(found: Curves) -> Chart:
    """Each outcome against the rest; of two classes with precision over recall beside it."""
    two = found.task == "binary"
    count = 2 if two else len(found.outcomes)
    columns = 2 if two else min(count, 3)
    chart, axes = figure(
        found.finding,
        subtitle=f"{found.rows:,} later rows; dashed grey: no skill",
        height=3.3 * -(-count // columns),
        rows=-(-count // columns),
        columns=columns,
        squeeze=False,
    )
    places = list(axes.flat)
    for outcome, place in zip(found.outcomes, places, strict=False):
        _roc(found, outcome, place)
    if two:
        _recall(found, found.outcomes[0], places[1])
    for place in places[count:]:
        place.set_visible(False)
    legend(places[0])
    return chart


def bands_figure(found: Curves) -> Chart:
    """What came in bands of what was predicted, the middle 80 % as a line; and the errors, as shares of rows."""
    chart, (left, right) = figure(
        found.finding, subtitle=f"{found.rows:,} later rows; bands of equal size", height=3.4, columns=2
    )
    for arm, bands in found.bands.items():
        colour, _, marker = LOOKS[arm]
        x = [band["predicted"] for band in bands]
        name = literal(found.names[arm].removeprefix("the "))
        left.vlines(x, *([band[end] for band in bands] for end in ("low", "high")), color=colour, alpha=0.35)
        left.plot(x, [band["observed"] for band in bands], marker, color=colour, markersize=5, label=name)
        right.stairs(found.errors[arm], np.asarray(found.edges), color=colour, linestyle=LOOKS[arm][1], label=name)
    every = [band["predicted"] for bands in found.bands.values() for band in bands]
    left.plot([min(every), max(every)], [min(every), max(every)], color=MUTED, linestyle=(0, (4, 3)), linewidth=1)
    left.set_xlabel(literal(f"predicted {found.unit}".strip()))
    left.set_ylabel(literal(f"came {found.unit}".strip()))
    right.axvline(0, color=MUTED, linewidth=1)
    right.set_xlabel(literal(f"predicted less what came {found.unit}".strip()))
    right.set_ylabel("share of rows")
    legend(left)
    return chart


def _roc(found: Curves, outcome: Outcome, axes: Axes) -> None:
    axes.plot([0, 1], [0, 1], color=MUTED, linestyle=(0, (4, 3)), linewidth=1)
    for arm, line in outcome.roc.items():
        colour, style, _ = LOOKS[arm]
        name = literal(found.names[arm].removeprefix("the "))
        axes.plot(*zip(*line, strict=True), color=colour, linestyle=style, linewidth=1.7, label=name)
    axes.set_xlabel("share of the others flagged")
    axes.set_ylabel("share of positives found" if not outcome.name else f"{clip(outcome.name, 22)} found")
    axes.set_aspect("equal")


def _recall(found: Curves, outcome: Outcome, axes: Axes) -> None:
    axes.axhline(outcome.rate, color=MUTED, linestyle=(0, (4, 3)), linewidth=1)
    for arm, line in outcome.recall.items():
        colour, style, _ = LOOKS[arm]
        axes.plot(*zip(*line, strict=True), color=colour, linestyle=style, linewidth=1.7)
    axes.set_xlabel("share of positives found")
    axes.set_ylabel("share of flags that are right")
    axes.set_ylim(0, 1.02)
    axes.set_aspect("equal")
