"""Figures of `comparison`: the gains as shares of no-skill, and the primary gain slice by slice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sopkit.definitions.results import Verdict
from sopkit.evidence.bootstrap import Interval
from sopkit.evidence.charts import Chart, Row, intervals
from sopkit.evidence.gains import CHALLENGER, CHAMPION
from sopkit.evidence.measure import counted, finite, number

if TYPE_CHECKING:
    from sopkit.evidence.comparison import Comparison

__all__ = ["gains_figure", "slices_figure"]


def gains_figure(found: Comparison) -> Chart:
    """Gains with intervals: primary, guardrails and other metrics as shares of no-skill; right is better."""
    rows = []
    judged = {name: found.gains[name].worse_below(limit) for name, limit in found.guardrails.items()}
    if found.primary_name == found.primary.name:
        judged |= {found.primary.name: found.primary_measure}
    for name, gain in found.gains.items():
        measure = judged.get(name)
        interval, chosen = gain.share, measure.verdict if measure else None
        arms = [number(found.scores[arm][name].value) for arm in (CHAMPION, CHALLENGER)]
        arms[1] += f" {found.unit}" if found.unit and name in ("mae", "rmse", "bias") else ""
        role = "primary" if name == found.primary_name else "guardrail" if name in found.guardrails else ""
        note = " · ".join(part for part in (role, f"{arms[0]} → {arms[1]}") if part)
        rows.append(_row(gain.metric.title, interval, chosen, note))
        for opinion in found.second:
            if opinion.name == name and opinion.series.interval.known:
                note = f"second opinion, {opinion.series.periods} periods"
                note += "" if opinion.agrees is not False else ": differs"
                rows.append(_row(f"{gain.metric.title}, as one series", opinion.series.interval, None, note))
    return intervals(
        found.finding,
        rows,
        x_label="gain of the challenger, as a share of no-skill (right is better)",
        subtitle=found.basis,
    )


def slices_figure(found: Comparison) -> Chart:
    """The gain in the primary metric slice by slice, with intervals that hold together."""
    worse = int((found.slices.verdict == "fail").sum()) if len(found.slices) else 0
    small = int((found.slices.verdict == "insufficient").sum()) if len(found.slices) else 0
    judged = len(found.slices) - small
    title = f"{found.names[CHALLENGER]} is worse in {worse} of {counted(judged, 'slice')} that can be judged"
    if not worse:
        title = f"In none of {counted(judged, 'slice')} is {found.names[CHALLENGER]} shown to be worse"
    if not judged:
        title = "The only slice cannot be judged" if small == 1 else f"None of {small} slices can be judged"
    if not len(found.slices):
        title = "The model file names no slices"
    rows = [
        Row(
            f"{row.slice} = {row.value}",
            finite(row.gain),
            finite(row.low),
            finite(row.high),
            Verdict(row.verdict),
            f"{row.rows:,} rows",
        )
        for row in found.slices.itertuples()
    ]
    title = title[:1].upper() + title[1:]
    return intervals(title, rows, x_label=f"gain in {found.primary.title}", subtitle=found.basis)


def _row(label: str, interval: Interval, verdict: Verdict | None, note: str) -> Row:
    return Row(label, finite(interval.value), finite(interval.low), finite(interval.high), verdict, note)
