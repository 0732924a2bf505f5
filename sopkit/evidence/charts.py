"""The kinds of figures that evidence draws, in the house style (`house_style` has its rules)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sopkit.definitions.results import Verdict
from sopkit.evidence.house_style import (
    COLOURS,
    HATCHES,
    INK,
    MARKERS,
    MUTED,
    VERDICTS,
    Chart,
    clip,
    dates,
    figure,
    folded,
    legend,
    literal,
)

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes

__all__ = [
    "COLOURS",
    "HATCHES",
    "INK",
    "MARKERS",
    "MUTED",
    "VERDICTS",
    "Chart",
    "Row",
    "bars",
    "clip",
    "dates",
    "dense",
    "figure",
    "folded",
    "histograms",
    "intervals",
    "legend",
    "literal",
    "over_time",
    "pairs",
    "shared_histograms",
    "two_histograms",
]


@dataclass(frozen=True)
class Row:
    """One line of a chart: a label with a value, and where known its interval, verdict and a note in words."""

    label: str
    value: float | None
    low: float | None = None
    high: float | None = None
    verdict: Verdict | None = None
    note: str = ""


def _horizontal(title: str, rows: Sequence[Row], x_label: str, subtitle: str, words: bool = True) -> tuple[Chart, Axes]:
    chart, axes = figure(title, subtitle=subtitle, height=0.62 + 0.29 * len(rows) if rows else 0.3)
    axes.set_yticks(range(len(rows)), [folded(row.label) for row in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlabel(literal(x_label))
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    if not rows:  # the title says why; empty axes say nothing
        axes.set_axis_off()
    notes = [
        " · ".join(part for part in (words and row.verdict and str(row.verdict), row.note) if part) for row in rows
    ]
    if any(notes):
        beside = axes.secondary_yaxis("right")
        beside.set_yticks(range(len(rows)), [folded(note, 44) for note in notes])
        beside.tick_params(length=0)
        beside.spines["right"].set_visible(False)
    return chart, axes


def _limit(axes: Axes, limit: float | None, label: str) -> None:
    if limit is not None:
        axes.axvline(limit, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), zorder=3)
        axes.annotate(
            literal(label),
            (limit, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(3, 2),
            textcoords="offset points",
            fontsize=8,
            color=MUTED,
        )


def intervals(
    title: str,
    rows: Sequence[Row],
    *,
    x_label: str,
    zero: float | None = 0.0,
    limit: float | None = None,
    limit_label: str = "limit",
    subtitle: str = "",
) -> Chart:
    """Points with their intervals, one a row; `zero` is the line of no difference, `limit` a dashed one."""
    chart, axes = _horizontal(title, rows, x_label, subtitle)
    if zero is not None:
        axes.axvline(zero, color=MUTED, linewidth=1.0, zorder=1)
    for place, row in enumerate(rows):
        colour, marker, _ = VERDICTS[row.verdict]
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.2, solid_capstyle="butt")
        if row.value is not None:
            axes.plot(
                [row.value],
                [place],
                marker=marker,
                markersize=6.5,
                color=colour,
                markeredgecolor="white",
                markeredgewidth=0.6,
            )
    _limit(axes, limit, limit_label)
    return chart


def bars(
    title: str,
    rows: Sequence[Row],
    *,
    x_label: str,
    limit: float | None = None,
    limit_label: str = "limit",
    subtitle: str = "",
    logarithmic: bool = False,
    words: bool = True,
) -> Chart:
    """Horizontal bars, one a row, hatched where the verdict is `fail` or `insufficient`; `words` writes it out."""
    chart, axes = _horizontal(title, rows, x_label, subtitle, words)
    for place, row in enumerate(rows):
        colour, _, hatch = VERDICTS[row.verdict]
        if row.value is not None:
            axes.barh(place, row.value, height=0.66, color=colour, hatch=hatch, edgecolor="white", linewidth=0)
        if row.low is not None and row.high is not None:
            axes.plot([row.low, row.high], [place, place], color=INK, linewidth=1.3)
    if logarithmic:
        axes.set_xscale("symlog", linthresh=0.01)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.set_xlim(left=0)
    _limit(axes, limit, limit_label)
    return chart


def shared_histograms(reference: Any, current: Any, bins: int = 40) -> tuple[np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Edges over the middle 99.8 % of both samples, and the share of each sample's values between them.

    One wild value would flatten the rest, so what lies beyond is counted in the outermost bins.
    """
    import numpy as np

    parts = [np.asarray(part, dtype=float) for part in (reference, current)]
    parts = [part[np.isfinite(part)] for part in parts]
    both = np.concatenate(parts)
    low, high = np.quantile(both, [0.001, 0.999]) if len(both) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, bins + 1)
    r, c = (np.histogram(np.clip(part, edges[0], edges[-1]), edges)[0] / max(len(part), 1) for part in parts)
    return edges, (r, c)


def two_histograms(title: str, reference: Any, current: Any, *, x_label: str, bins: int = 40, **options: Any) -> Chart:
    """The two distributions of one numeric column on shared bins; `options` as for `histograms`."""
    edges, shares = shared_histograms(reference, current, bins)
    return histograms(title, edges, *shares, x_label=x_label, **options)


def histograms(
    title: str,
    edges: np.ndarray,
    reference: np.ndarray,
    current: np.ndarray,
    *,
    x_label: str,
    labels: tuple[str, str] = ("reference", "current"),
    subtitle: str = "",
) -> Chart:
    """Two histograms (shares of rows) over the same edges: the first filled, the second a line."""
    chart, axes = figure(title, subtitle=subtitle, height=2.9)
    axes.stairs(reference, edges, fill=True, color=COLOURS[4], alpha=0.55, label=literal(f"{labels[0]} (filled)"))
    axes.stairs(current, edges, color=INK, linewidth=1.6, label=literal(f"{labels[1]} (line)"))
    axes.set_xlabel(literal(x_label))
    axes.set_ylabel("share of rows")
    legend(axes)
    return chart


def pairs(
    title: str,
    labels: Sequence[str],
    reference: Sequence[float],
    current: Sequence[float],
    *,
    x_label: str = "share of rows",
    names: tuple[str, str] = ("reference", "current"),
    spans: tuple[Sequence[tuple[float, float]], Sequence[tuple[float, float]]] | None = None,
    subtitle: str = "",
) -> Chart:
    """Two values a label side by side, such as a category's share before and now; `spans` are their intervals."""
    chart, axes = figure(title, subtitle=subtitle, height=0.75 + 0.36 * max(len(labels), 1))
    looks = ((-0.19, reference, COLOURS[4], "", names[0]), (0.19, current, INK, "////", names[1]))
    for offset, values, colour, hatch, name in looks:
        places = [place + offset for place in range(len(labels))]
        axes.barh(
            places, values, height=0.36, color=colour, hatch=hatch, edgecolor="white", linewidth=0, label=literal(name)
        )
    for offset, ends in zip((-0.19, 0.19), spans or (), strict=False):
        for place, (low, high) in enumerate(ends):
            for width, colour in ((3.4, "white"), (1.3, INK)):  # seen on light and on dark bars
                axes.plot([low, high], [place + offset] * 2, color=colour, linewidth=width)
    axes.set_yticks(range(len(labels)), [folded(label) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y", visible=False)
    axes.set_xlabel(literal(x_label))
    legend(axes)
    return chart


def dense(axes: Axes, x: Any, y: Any) -> tuple[float, float]:
    """All points (n,) behind a line, as cells that are darker where more rows lie; returns the ends that both share.

    The axes show the middle 99.6 % of both: one wild value would leave the rest in a corner.
    """
    import numpy as np

    both = np.concatenate([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])
    low, high = (float(end) for end in np.quantile(both, [0.002, 0.998]))
    high = high if high > low else low + 1.0
    room = (high - low) / 25
    cells = axes.hexbin(x, y, gridsize=34, extent=(low, high, low, high), bins="log", mincnt=1, cmap="Greys", vmin=0.5)
    cells.set_alpha(0.75)
    cells.set_linewidth(0.1)
    axes.set_xlim(low - room, high + room)
    axes.set_ylim(low - room, high + room)
    axes.set_aspect("equal")
    return low, high


def over_time(
    title: str,
    lines: Mapping[str, tuple[Sequence[Any], Sequence[float]]],
    *,
    y_label: str,
    x_label: str = "",
    limit: float | None = None,
    limit_label: str = "limit",
    marks: Mapping[str, Any] | None = None,
    bands: Mapping[str, tuple[Sequence[float], Sequence[float]]] | None = None,
    subtitle: str = "",
) -> Chart:
    """Lines over time: `lines` is label -> (times, values), `bands` label -> (low, high), `marks` label -> a moment."""
    chart, axes = figure(title, subtitle=subtitle, height=2.9)
    for place, (label, (times, values)) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        marker = MARKERS[place % len(MARKERS)] if len(times) <= 60 else None
        axes.plot(
            list(times), list(values), color=colour, marker=marker, markersize=4.5, linewidth=1.6, label=literal(label)
        )
        if bands and label in bands:
            axes.fill_between(
                list(times), *[list(edge) for edge in bands[label]], color=colour, alpha=0.18, linewidth=0
            )
    if limit is not None:
        axes.axhline(limit, color=INK, linewidth=1.1, linestyle=(0, (4, 3)), label=literal(limit_label))
    for label, moment in (marks or {}).items():
        axes.axvline(moment, color=MUTED, linewidth=1.1, linestyle=":")
        axes.annotate(
            literal(label),
            (moment, 1),
            xycoords=("data", "axes fraction"),
            xytext=(3, -9),
            textcoords="offset points",
            fontsize=8,
            color=MUTED,
        )
    dates(axes)
    axes.set_xlabel(literal(x_label))
    axes.set_ylabel(literal(y_label))
    if len(lines) > 1 or limit is not None:
        legend(axes)
    return chart
