"""Is it drift, or is it the season?

What moved against the rows that a model learned from, but not against the same calendar window of the year before, is
the season. The rules:
* a season is compared where the history reaches back to (nearly) the whole window of a year ago;
* a cyclical change that the model has learned from before is expected and no reason to retrain: then the drift
  trigger does not fire, and says why (Webb et al. 2016, Characterizing concept drift: cyclical drift; Gama et al. 2014,
  A survey on concept drift adaptation: recurring contexts);
* a season that the champion has never seen is new to it, however regular it is for the calendar: the trigger fires;
* a comparison that is `insufficient` excuses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.definitions.results import Verdict, plain
from sopkit.evidence import charts
from sopkit.evidence.drift import Drift, drift
from sopkit.evidence.measure import Measure
from sopkit.evidence.separation import blocks_of

__all__ = ["Season", "same_season", "season_before"]

NEARLY = 0.1  # of the window may be missing at an end
SHOWN = 20


@dataclass(frozen=True)
class Season:
    """Drift against the same season a year before; `learned`: the champion's training rows include that season."""

    drift: Drift
    learned: bool
    start: pd.Timestamp
    end: pd.Timestamp

    def explains(self, limit: float) -> bool:
        """Whether what moved against the training rows is the season, and one that the model knows."""
        return self.learned and self.drift.verdict is not Verdict.INSUFFICIENT and self.drift.share_at_most <= limit

    def told(self, limit: float) -> str:
        share = f"against the same season a year before it is {self.drift.share:.0%}"
        if self.drift.share <= limit < self.drift.share_at_most:
            return f"{share}, with too much open to call it the season"
        if self.drift.share > limit:
            return f"{share}, so it is more than the season"
        known = "and the champion has learned from that season" if self.learned else "but it is new to the champion"
        return f"{share}: it is the season, {known}"

    @property
    def measure(self) -> Measure:
        found = self.drift.measures[0]
        title = "Drift against the same season a year before"
        return Measure("season_drift", found.value, found.verdict, found.reason, found.detail, found.threshold, title)

    def figure(self, against_training: Drift | None = None, limit: float | None = None) -> charts.Chart:
        """Each column's index against a year before, beside that against the training rows."""
        if against_training is None:
            return self.drift.figure()
        most = against_training.limit if limit is None else limit
        title = f"{against_training.share:.0%} of the features' weight has moved against the training rows; "
        title += (
            self.told(most)
            if against_training.share > most
            else f"against the same season a year before it is {self.drift.share:.0%}"
        )
        names = list(against_training.table.index[:SHOWN])
        sides = [[_shown(of.column(name).psi) for name in names] for of in (against_training, self.drift)]
        chart = charts.pairs(
            title,
            names,
            *sides,
            x_label="population stability index (logarithmic above 0.01)",
            names=("against the training rows", "against the same season a year before"),
            subtitle=f"{self.drift.sizes}; dashed: limit {self.drift.psi_limit:g}",
        )
        axes = chart.figure.axes[0]
        axes.set_xscale("symlog", linthresh=0.01)
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.axvline(self.drift.psi_limit, color=charts.INK, linewidth=1.1, linestyle=(0, (4, 3)))
        return chart

    def to_dict(self) -> dict[str, Any]:
        return {"learned": self.learned, "from": plain(self.start), "until": plain(self.end), **self.drift.to_dict()}


def _shown(psi: float) -> float:
    return psi if np.isfinite(psi) else 0.0


def season_before(current: Sequence[datetime] | pd.Series, years: int = 1) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The calendar window of `current`, `years` earlier, as [from, until]."""
    times = pd.to_datetime(pd.Series(current), utc=True)
    back = pd.DateOffset(years=years)
    return times.min() - back, times.max() - back


def same_season(
    history: pd.DataFrame,
    current: pd.DataFrame,
    model: ModelFile,
    *,
    learned_from: pd.DataFrame | None = None,
    **options: Any,
) -> Season | None:
    """Drift against the same calendar window of the year before; None where the history does not reach back.

    `learned_from` are the champion's training rows, `options` are those of `drift`.
    """
    time = model.data.time
    if not len(current):
        return None
    start, end = season_before(current[time])
    then = history[(history[time] >= start) & (history[time] <= end)]
    if not len(then) or not _reaches(history, time, start, end):
        return None
    blocks = blocks_of(then, model), blocks_of(current, model)
    labels = ("same season a year before", "newest rows")
    found = drift(then, current, model.features, **{"labels": labels, "blocks": blocks, **options})
    learned = learned_from is not None and len(learned_from) > 0 and _covers(learned_from, time, start, end)
    return Season(found, learned, start, end)


def _reaches(table: pd.DataFrame, time: str, start: pd.Timestamp, end: pd.Timestamp) -> bool:
    return bool(table[time].min() <= start + (end - start) * NEARLY)


def _covers(table: pd.DataFrame, time: str, start: pd.Timestamp, end: pd.Timestamp) -> bool:
    return _reaches(table, time, start, end) and bool(table[time].max() >= end - (end - start) * NEARLY)
