"""The figure of partial dependence: a panel a feature, and below it where the rows are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sopkit.evidence.house_style import COLOURS, MUTED, Chart, clip, figure, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sopkit.evidence.partial_dependence import Effect, PartialDependence

__all__ = ["dependence_figure"]


def dependence_figure(found: PartialDependence) -> Chart:
    """Averages with the band of rows; champion dashed; beneath, how many rows stand where."""
    count = len(found.effects)
    columns = min(count, 2)
    deep = -(-count // columns)
    both = any("champion" in effect.table for effect in found.effects)
    subtitle = f"{found.rows:,} rows asked; solid: challenger{', dashed: champion' if both else ''}; band: the middle "
    subtitle += "80 % of the challenger's answers; below: rows near each value, hollow where there are fewer than 20"
    chart, axes = figure(
        found.finding,
        subtitle=subtitle,
        height=3.0 * deep,
        rows=2 * deep,
        columns=columns,
        squeeze=False,
        height_ratios=[5, 1] * deep,
    )
    for place, effect in enumerate(found.effects):
        across, down = place % columns, 2 * (place // columns)
        _draw(effect, axes[down, across], axes[down + 1, across])
        axes[down, across].set_ylabel(literal(found.answered) if across == 0 else "")
    low = min(effect.table[["low", *_models(effect)]].min().min() for effect in found.effects)
    high = max(effect.table[["high", *_models(effect)]].max().max() for effect in found.effects)
    room = 0.04 * (high - low) or 0.01
    for axis in axes[::2].flat:  # one scale, so that a flat line looks flat beside a steep one
        axis.set_ylim(low - room, high + room)
    for place in range(count, deep * columns):
        axes[2 * (place // columns), place % columns].set_visible(False)
        axes[2 * (place // columns) + 1, place % columns].set_visible(False)
    return chart


def _draw(effect: Effect, axes: Axes, below: Axes) -> None:
    from sopkit.evidence.partial_dependence import FEW

    table = effect.table
    x = table.value.to_numpy(dtype=float) if effect.numeric else np.arange(len(table), dtype=float)
    if effect.numeric:
        axes.fill_between(x, table.low, table.high, color=COLOURS[4], alpha=0.35, linewidth=0)
    else:
        axes.vlines(x, table.low, table.high, color=COLOURS[4], alpha=0.6, linewidth=5)
    looks = [("challenger", COLOURS[0], "-", "o", 0.0)]
    looks += [("champion", COLOURS[1], "--", "s", 0.18)] if "champion" in table else []
    for name, colour, line, marker, aside in looks:
        values = table[name].to_numpy()
        shift = 0.0 if effect.numeric else aside
        if effect.numeric:
            axes.plot(x, values, color=colour, linestyle=line, linewidth=1.6)
        for few, face in ((False, colour), (True, "white")):
            kept = (table.rows < FEW).to_numpy() == few
            axes.plot(x[kept] + shift, values[kept], marker, color=colour, markerfacecolor=face, markersize=4)
    axes.tick_params(labelbottom=False)
    if effect.numeric:
        inside = effect.places[(effect.places >= x[0]) & (effect.places <= x[-1])]
        values, counts = np.unique(inside, return_counts=True)
        if len(values) <= 30:
            below.bar(values, counts, width=0.6 * np.diff(values).min(initial=np.inf), color=MUTED)
        else:
            below.hist(inside, bins=30, color=MUTED)
        axes.sharex(below)
        if (x == x.round()).all():
            below.xaxis.set_major_locator(_ticks(9))
    else:
        below.bar(x, table.rows, width=0.6, color=MUTED)
        below.set_xticks(x, [clip(value, 12) for value in table.value], rotation=40, ha="right", fontsize=8)
        axes.set_xticks(x, [])
        axes.set_xlim(-0.6, len(x) - 0.4)
        below.set_xlim(-0.6, len(x) - 0.4)
    below.set_ylabel("rows", fontsize=8)
    below.yaxis.set_major_locator(_ticks(2))
    below.tick_params(axis="y", labelsize=7.5)
    below.grid(visible=False)
    below.set_xlabel(clip(effect.label, 40))


def _models(effect: Effect) -> list[str]:
    return [name for name in ("challenger", "champion") if name in effect.table]


def _ticks(most: int) -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(nbins=most, integer=True)
