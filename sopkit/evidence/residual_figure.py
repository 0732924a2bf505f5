"""The figure of the errors of a model of numbers: over time on the left, by slice on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sopkit.definitions.results import Verdict
from sopkit.evidence.charts import COLOURS, INK, MUTED, VERDICTS, Chart, dates, figure, folded, legend, literal

if TYPE_CHECKING:
    from sopkit.evidence.residuals import Residuals

__all__ = ["residual_figure"]

MOST_SLICES = 14


def residual_figure(found: Residuals) -> Chart:
    """Mean errors with intervals, the limit to both sides, and the number of rows of each slice."""
    slices = found.slices.head(MOST_SLICES)
    subtitle = f"{found.rows:,} later rows; an error is predicted less actual; intervals of parts, and of slices, hold "
    subtitle += f"together; dashed: {100 * found.limit:.0f} % of the mean absolute deviation to both sides"
    columns = 2 if len(slices) else 1
    options: dict[str, Any] = {"width_ratios": [3, 2]} if columns == 2 else {}
    height = max(2.9, 0.8 + 0.27 * len(slices))
    chart, axes = figure(found.finding, subtitle=subtitle, width=9.2, height=height, columns=columns, **options)
    left = axes[0] if columns == 2 else axes
    unit = literal(f" ({found.unit})" if found.unit else "")
    _over_time(left, found, unit)
    if columns == 2:
        _slices(axes[1], found, slices, unit)
    return chart


def _over_time(axes: Any, found: Residuals, unit: str) -> None:
    table = found.over_time
    axes.axhline(0, color=MUTED, linewidth=1.0)
    for side in (-found.reach, found.reach):
        axes.axhline(side, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
    axes.vlines(table.start, table.low, table.high, color=COLOURS[0], linewidth=2.2)
    for verdict, part in table.groupby("verdict"):
        colour, marker, _ = VERDICTS[Verdict(str(verdict))]
        label = {"pass": "within", "fail": "beyond the limit", "insufficient": "may be either"}[str(verdict)]
        axes.plot(part.start, part.bias, color=colour, marker=marker, markersize=6, linestyle="none", label=label)
    if found.champion is not None:
        axes.plot(table.start, table.champion, color=COLOURS[1], marker="_", markersize=11, markeredgewidth=2,
                  linestyle=":", linewidth=1, label="champion")  # fmt: skip
    dates(axes)
    axes.set_xlabel(found.parts)
    axes.set_ylabel(f"mean error{unit}")
    legend(axes)


def _slices(axes: Any, found: Residuals, slices: Any, unit: str) -> None:
    axes.axvline(0, color=MUTED, linewidth=1.0)
    for side in (-found.reach, found.reach):
        axes.axvline(side, color=INK, linewidth=1.0, linestyle=(0, (4, 3)))
    for place, row in enumerate(slices.itertuples()):
        colour, marker, _ = VERDICTS[Verdict(row.verdict)]
        axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2.2)
        axes.plot([row.bias], [place], color=colour, marker=marker, markersize=6)
    names = [folded(f"{row.slice} = {row.value}, {row.rows:,} rows") for row in slices.itertuples()]
    axes.set_yticks(range(len(slices)), names)
    axes.set_ylim(len(slices) - 0.4, -0.6)
    axes.grid(axis="y", visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(f"mean error{unit}")
