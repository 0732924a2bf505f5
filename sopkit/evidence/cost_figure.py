"""The figure of costs: what each model costs, by threshold where there is one, and what the challenger saves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sopkit.evidence.bootstrap import Interval
from sopkit.evidence.house_style import COLOURS, INK, MUTED, Chart, clip, figure, legend, literal
from sopkit.evidence.measure import number

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sopkit.evidence.costs import CostComparison

__all__ = ["cost_figure"]


def cost_figure(found: CostComparison, saving: Interval) -> Chart:
    """Left: cost by threshold of both models, or the cost of each where there is no threshold. Right: the savings."""
    basis = f"{found.rows:,} rows; savings are paired, with {saving.confidence:.0%} intervals".replace("%", " %")
    binary = found.task == "binary"
    chart, (left, right) = figure(
        found.finding,
        subtitle=f"{basis}. {found.hint}" if binary else basis,
        height=3.2 if binary else 1.7,
        width=8.6,
        columns=2,
        width_ratios=(5, 4),
    )
    (_draw_curve if binary else _draw_costs)(found, left)
    _draw_savings(found, right)
    return chart


def _draw_curve(found: CostComparison, axes: Axes) -> None:
    looks = (("challenger", COLOURS[0], "-", "o"), ("champion", COLOURS[1], "--", "s"))
    for name, colour, line, marker in looks:
        x, y = found.curve.threshold, found.curve[name]
        axes.plot(x, y, color=colour, linestyle=line, linewidth=1.7, label=literal(found.names[name]))
        axes.plot([found.threshold], [np.interp(found.threshold, x, y)], marker, color=colour, markersize=6)
    cost = found.table.set_index("policy").cost_per_row
    for name, dots in (("flagging nobody", ":"), ("flagging everybody", "-.")):
        axes.axhline(cost[name], color=MUTED, linewidth=1.1, linestyle=dots, label=name)
    axes.axvline(found.threshold, color=INK, linewidth=1.0, linestyle=(0, (4, 3)), label="threshold in force")
    axes.set_xlabel("threshold from which on a row is flagged")
    axes.set_ylabel(literal(f"cost ({found.unit})"))
    legend(axes, columns=2)


def _draw_costs(found: CostComparison, axes: Axes) -> None:
    for place, (name, cost) in enumerate(zip(found.table.policy, found.table.cost_per_row, strict=True)):
        new = name == "challenger"
        axes.barh(place, cost, height=0.6, color=COLOURS[0] if new else COLOURS[4], hatch="" if new else "////",
                  edgecolor="white", linewidth=0)  # fmt: skip
    axes.set_yticks(range(len(found.table)), [clip(found.names.get(name, name), 20) for name in found.table.policy])
    axes.grid(axis="y", visible=False)
    axes.invert_yaxis()
    axes.set_xlabel(literal(f"cost ({found.unit})"))


def _draw_savings(found: CostComparison, axes: Axes) -> None:
    axes.axvline(0, color=MUTED, linewidth=1.0)
    for place, saving in enumerate(found.savings.values()):
        if saving.known:
            axes.plot([saving.low, saving.high], [place, place], color=COLOURS[0], linewidth=2.2)
        axes.plot([saving.value], [place], "o", color=COLOURS[0], markersize=6)
        axes.annotate(
            literal(number(saving.value)),
            (saving.value, place),
            xytext=(0, 6),
            textcoords="offset points",
            ha="center",
            fontsize=8.5,
        )
    limit = found.definition.worse_by_at_most if found.definition else None
    if limit is not None:
        axes.plot([-limit, -limit], [-0.35, 0.35], color=INK, linewidth=1.4, linestyle=(0, (3, 2)))
    shown = [f"against {found.names.get(name, name)}" for name in found.savings]
    axes.set_yticks(range(len(shown)), [clip(label, 26) for label in shown])
    axes.set_ylim(len(shown) - 0.4, -0.7)
    axes.grid(axis="y", visible=False)
    axes.margins(x=0.12)
    told = "" if limit is None else "; limit dashed"
    axes.set_xlabel(literal(f"saving ({found.unit}{told})"))
