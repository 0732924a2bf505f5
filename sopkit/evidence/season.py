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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from sopkit.definitions.results import Verdict, plain
from sopkit.evidence import charts
from sopkit.evidence.drift import Drift, drift
from sopkit.evidence.measure import Measure

__all__ = ["Season", "same_season", "season_before"]

NEARLY = 0.1  # of the window may be missing at its start


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

    def figure(self) -> charts.Chart:
        return self.drift.figure()

    def to_dict(self) -> dict[str, Any]:
        return {"learned": self.learned, "from": plain(self.start), "until": plain(self.end), **self.drift.to_dict()}


def season_before(current: Sequence[datetime] | pd.Series, years: int = 1) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The calendar window of `current`, `years` earlier, as [from, until]."""
    times = pd.to_datetime(pd.Series(current), utc=True)
    back = pd.DateOffset(years=years)
    return times.min() - back, times.max() - back


def same_season(
    history: pd.DataFrame,
    current: pd.DataFrame,
    features: Mapping[str, Any],
    *,
    time: str,
    learned_from: pd.DataFrame | None = None,
    blocks_of: Any = None,
    **options: Any,
) -> Season | None:
    """Drift against the same calendar window of the year before; None where the history does not reach back.

    `learned_from` are the champion's training rows, `blocks_of(table)` gives the labels of blocks, `options` are those
    of `drift`.
    """
    if not len(current):
        return None
    start, end = season_before(current[time])
    then = _within(history, time, start, end)
    if not len(then) or not _reaches(history, time, start, end):
        return None
    blocks = (blocks_of(then), blocks_of(current)) if blocks_of else None
    labels = ("same season a year before", "newest rows")
    found = drift(then, current, features, **{"labels": labels, "blocks": blocks, **options})
    known = learned_from is not None and len(learned_from) > 0 and _reaches(learned_from, time, start, end)
    return Season(found, known and learned_from is not None and learned_from[time].max() >= end, start, end)


def _within(table: pd.DataFrame, time: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    return table[(table[time] >= start) & (table[time] <= end)]


def _reaches(table: pd.DataFrame, time: str, start: pd.Timestamp, end: pd.Timestamp) -> bool:
    return bool(table[time].min() <= start + (end - start) * NEARLY)
