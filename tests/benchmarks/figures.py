"""Shares of trials beside what was promised, in the house style: one figure a question."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sopkit.definitions.results import Verdict
from sopkit.evidence.charts import Row, intervals
from sopkit.evidence.house_style import COLOURS, INK, MARKERS, MUTED, VERDICTS, Chart, figure, legend
from tests.benchmarks.trials import Counted
from tests.benchmarks.worlds import WORLDS

__all__ = ["beside_nominal", "by_world", "power_curves", "world_of"]

NAMES = [world.name for world in WORLDS]


def world_of(one: Counted) -> str:
    return str(one.settings["world"].name)


def beside_nominal(
    title: str, found: Sequence[Counted], *, x_label: str, nominal: float | None, name: Callable[[Counted], str]
) -> Chart:
    """One row a share, with its interval; red where the whole interval misses what was promised."""
    rows = [
        Row(name(one), 100 * one.share, 100 * one.interval[0], 100 * one.interval[1], one.verdict, f"{one.trials:,}")
        for one in found
    ]
    return intervals(
        title, rows, x_label=x_label, zero=None, limit=None if nominal is None else 100 * nominal,
        limit_label=f"promised: {100 * nominal:.3g} %" if nominal is not None else "",
        subtitle="Lines are 95 % intervals of the share; numbers at the right are trials.",
    )  # fmt: skip


def by_world(
    title: str,
    found: Sequence[Counted],
    *,
    nominal: float,
    x_label: str,
    row_of: Callable[[Counted], str] = lambda one: one.what,
    series_of: Callable[[Counted], str] = lambda one: "",
) -> Chart:
    """Small figures side by side, one a world: rows, and in each a point for each of a series."""
    rows = list(dict.fromkeys(row_of(one) for one in found))
    series = list(dict.fromkeys(series_of(one) for one in found))
    step = 0.72 / max(len(series), 2)
    trials = sorted({one.trials for one in found})
    each = f"{trials[0]:,}" if len(trials) == 1 else f"{trials[0]:,} to {trials[-1]:,}"
    chart, axes = figure(
        title, height=0.95 + (0.2 + 0.17 * max(len(series), 1)) * len(rows), columns=len(NAMES), sharey=True,
        sharex=True, width=9.2,
        subtitle=f"{each} trials each; lines are 95 % intervals of the share. Dashed: what is promised "
        f"({100 * nominal:.3g} %). A cross: the whole interval lies more than two points beyond it.",
    )  # fmt: skip
    for axis, world in zip(axes, NAMES, strict=True):
        for place, label in enumerate(series):
            for one in (c for c in found if world_of(c) == world and series_of(c) == label):
                at = rows.index(row_of(one)) + (place - (len(series) - 1) / 2) * step
                low, high = one.interval
                missed = one.verdict is Verdict.FAIL
                colour = VERDICTS[Verdict.FAIL][0] if missed else COLOURS[place]
                axis.plot([100 * low, 100 * high], [at, at], color=COLOURS[place], linewidth=1.8)
                marker = "X" if missed else MARKERS[place]
                axis.plot([100 * one.share], [at], marker=marker, color=colour, markersize=6, linestyle="")
        axis.axvline(100 * nominal, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
        axis.set_title(world, fontsize=9.5, loc="left", color=MUTED)
        axis.set_xlabel(x_label)
        axis.grid(axis="y", visible=False)
    axes[0].set_yticks(range(len(rows)), rows)
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    if len(series) > 1:
        for place, label in enumerate(series):
            axes[0].plot([], [], marker=MARKERS[place], color=COLOURS[place], linestyle="", label=label)
        handles, labels = axes[0].get_legend_handles_labels()
        chart.figure.legend(handles, labels, loc="outside lower center", ncols=len(series), frameon=False, fontsize=9)
    return chart


def power_curves(title: str, lines: dict[str, list[tuple[float, Counted]]], *, margin: float) -> Chart:
    """Share of promotions against the true gain, one line a world."""
    chart, axes = figure(title, height=3.4, subtitle="Bars are 95 % intervals. The dashed line is the margin.")
    for place, (label, points) in enumerate(lines.items()):
        gains = [gain for gain, _ in points]
        shares = [100 * one.share for _, one in points]
        reach = [
            [100 * max(one.share - one.interval[0], 0.0) for _, one in points],
            [100 * max(one.interval[1] - one.share, 0.0) for _, one in points],
        ]
        axes.errorbar(
            gains, shares, yerr=reach, color=COLOURS[place % len(COLOURS)], marker=MARKERS[place % len(MARKERS)],
            linestyle=("-", "--", ":")[place % 3], markersize=5, linewidth=1.5, elinewidth=1.0, label=label,
        )  # fmt: skip
    axes.axvline(margin, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.set_xlabel("true gain of the challenger in ROC AUC")
    axes.set_ylabel("promoted, % of trials")
    axes.set_ylim(-3, 103)
    legend(axes, columns=3)
    return chart
