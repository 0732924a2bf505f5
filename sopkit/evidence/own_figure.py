"""The figure of own measures: each gain with its interval in its own unit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sopkit.evidence.house_style import INK, MUTED, VERDICTS, Chart, clip, figure, literal
from sopkit.evidence.measure import number, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sopkit.evidence.own_measures import OwnGain, OwnMeasures

__all__ = ["own_figure"]


def own_figure(found: OwnMeasures) -> Chart:
    """One line a measure, right is better, the declared limit dashed; a function that failed has its reason instead."""
    count = len(found.gains)
    subtitle = f"{found.rows:,} later rows in {found.blocks:,} blocks, {found.resamples:,} resamples"
    chart, axes = figure(found.finding, subtitle=subtitle, height=0.95 * count, rows=count, squeeze=False)
    for gain, place in zip(found.gains, axes[:, 0], strict=True):
        _draw(gain, place)
    return chart


def _draw(gain: OwnGain, axes: Axes) -> None:
    found, verdict, unit = gain.interval, gain.measure.verdict, gain.definition.unit
    colour, marker, _ = VERDICTS[verdict]
    limit = gain.margin if gain.margin is not None else gain.definition.worse_by_at_most
    axes.set_yticks([0], [clip(gain.title)])
    axes.set_ylim(-1, 1)
    axes.grid(axis="y", visible=False)
    told = [str(verdict or ""), gain.fault]
    if gain.fault:
        axes.set_xticks([])
    else:
        axes.axvline(0, color=MUTED, linewidth=1.0)
        if limit is not None:
            axes.axvline(limit if gain.margin is not None else -limit, color=INK, linewidth=1.1, linestyle="--")
        if found.known:
            axes.plot([found.low, found.high], [0, 0], color=colour, linewidth=2.2, solid_capstyle="butt")
        if np.isfinite(found.value):
            axes.plot([found.value], [0], marker=marker, markersize=6.5, color=colour)
        axes.set_xlabel(literal(f"gain in {unit or 'its own unit'} (right is better)"), fontsize=8.5)
        told = [
            f"{number(gain.champion)} → {with_unit(gain.challenger, unit)}",
            told[0],
            "" if limit is None else "limit dashed",
        ]
    axes.set_title(clip(" · ".join(filter(None, told)), 110), loc="right", fontsize=8.5, color=MUTED)
