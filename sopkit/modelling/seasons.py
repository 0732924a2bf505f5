"""The forecast for free: what came in the same slot of the last seasons.

The rules:
* the season is found from the times of the rows: hour of the week, day of the week, month of the year, the first of
  them of which nearly every slot also has rows one season earlier (months only where rows come once a month);
  otherwise the last known value stands in;
* where rows name an entity (a shop, a country) whose slots recur like that, each entity has its own season;
* a forecast is the mean of the newest slot of the same phase among the *past* rows, however far back that is: it
  knows nothing of the rows that it forecasts, and repeats the same season over all of them;
* of weeks it is the median of the newest four: the last one may be that of Christmas, and a model that beats only
  Christmas has no skill. Years are too long for that, and a last value is the last;
* a phase without a past gets that of all entities, then the mean of all past rows.

Hyndman & Koehler (2006), Another look at measures of forecast accuracy, Int. J. Forecasting 22.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.errors import NotEnoughEvidence
from sopkit.modelling.targets import target

__all__ = ["Season", "season_of", "seasonal_naive"]

Array = np.ndarray[Any, Any]
Unit = Literal["hour", "day", "month"]
RECURRING = 0.8  # holidays and closed hours may be missing; events at random hours are no season of hours
MONTHLY = 1.2  # days with rows, a month: weeks and days are no months, a correction now and then does not matter
HOURS_OF_A_DAY = 24
WEEKS = 4  # whose median is the forecast: few enough to be recent, enough to outvote an unusual one


@dataclass(frozen=True)
class Season:
    """`length` slots of a `unit` make a season; `entity` is the column whose values have a season of their own.

    `scale`: the mean absolute error of the season's forecast within the rows that it was found on, each slot forecast
    by the one before it of the same phase (the scale of Hyndman & Koehler); NaN where no slot has one before it.
    """

    name: str
    unit: Unit
    length: int
    entity: str | None = None
    scale: float = float("nan")

    @property
    def words(self) -> str:
        """What the forecast is, for people; empty where there is none."""
        if not self.name:
            return ""
        each = f" of the same {self.entity}" if self.entity else ""
        if self.length == 1:
            return f"the last known value{each}"
        if self.of > 1:
            return f"the same {self.name}{each}, the median of the newest {self.of}"
        return f"the same {self.name}{each}, when it was last known"

    @property
    def of(self) -> int:
        """How many of the newest slots of a phase make the forecast."""
        return 1 if self.unit == "month" or self.length == 1 else WEEKS

    def slots(self, times: pd.Series) -> Array:
        """(n,) the number of the slot of each time; slots of one phase are `length` apart."""
        if self.unit == "month":
            return (times.dt.year * 12 + times.dt.month).to_numpy(dtype=np.int64)
        span = pd.Timedelta(hours=1) if self.unit == "hour" else pd.Timedelta(days=1)
        return ((times - pd.Timestamp(0, tz="UTC")) // span).to_numpy(dtype=np.int64)


NONE = Season("", "day", 1)
LAST = Season("last value", "day", 1)
SEASONS = (
    Season("hour of the week", "hour", 7 * HOURS_OF_A_DAY),
    Season("day of the week", "day", 7),
    Season("month of the year", "month", 12),
)


def season_of(past: pd.DataFrame, model: ModelFile) -> Season:
    """The season of a numeric target, from the labelled rows of `past`; one without a name for other tasks."""
    if model.target.task != "regression":
        return NONE
    rows, y = _labelled(past, model)
    found = _found(rows, model)
    table = _means(rows, y, found, model)
    before = table.groupby(["series", "phase"])["mean"].shift()
    keys = pd.MultiIndex.from_arrays([_series(rows, found), found.slots(rows[model.data.time])])
    errors = np.abs(y - before.set_axis(pd.MultiIndex.from_frame(table[["series", "slot"]])).reindex(keys))
    known = errors.dropna()
    scale = float(known.mean()) if len(known) else float("nan")
    return Season(found.name, found.unit, found.length, found.entity, scale)


def seasonal_naive(past: pd.DataFrame, test: pd.DataFrame, model: ModelFile) -> Array:
    """(n,) the forecast for free of the rows of `test`, from the labelled rows of `past`.

    Raises NotEnoughEvidence where no row of `past` has a label.
    """
    rows, y = _labelled(past, model)
    if not len(y):
        raise NotEnoughEvidence("a naive forecast needs rows with labels before those that it forecasts")
    found = _found(rows, model)
    asked_phase = found.slots(test[model.data.time]) % found.length
    forecast = np.full(len(test), np.nan)
    for season in (found, Season(found.name, found.unit, found.length)) if found.entity else (found,):
        slots = _means(rows, y, season, model).groupby(["series", "phase"])[["series", "phase", "mean"]].tail(season.of)
        newest = slots.groupby(["series", "phase"])["mean"].median()
        asked = pd.MultiIndex.from_arrays([_series(test, season), asked_phase])
        forecast = np.where(np.isnan(forecast), newest.reindex(asked).to_numpy(), forecast)
    return np.where(np.isnan(forecast), float(y.mean()), forecast)


def _labelled(past: pd.DataFrame, model: ModelFile) -> tuple[pd.DataFrame, Array]:
    y = target(past, model).to_numpy(dtype=float)
    return past.loc[~np.isnan(y)], y[~np.isnan(y)]


def _found(rows: pd.DataFrame, model: ModelFile) -> Season:
    entity = model.data.entity if model.data.entity in rows else None
    for by in dict.fromkeys((entity, None)):
        for candidate in SEASONS:
            season = Season(candidate.name, candidate.unit, candidate.length, by)
            if _recurs(rows, season, model):
                return season
        if by and rows[by].duplicated().mean() >= RECURRING:
            return Season(LAST.name, LAST.unit, LAST.length, by)
    return LAST


def _recurs(rows: pd.DataFrame, season: Season, model: ModelFile) -> bool:
    slots = season.slots(rows[model.data.time])
    turning = HOURS_OF_A_DAY if season.unit == "hour" else season.length  # a daily time is no hour of the week
    if not len(slots) or len(np.unique(slots % turning)) < 2:
        return False
    series_of = _series(rows, season)
    pairs = pd.MultiIndex.from_arrays([series_of, slots]).unique()
    if season.unit == "month":
        days = pd.MultiIndex.from_arrays([series_of, LAST.slots(rows[model.data.time])]).unique()
        if len(days) > MONTHLY * len(pairs):
            return False
    series, slot = pairs.get_level_values(0), pairs.get_level_values(1).to_numpy()
    late = slot >= slots.min() + season.length
    if not late.any():
        return False
    earlier = pd.MultiIndex.from_arrays([series[late], slot[late] - season.length])
    return bool(earlier.isin(pairs).mean() >= RECURRING)


def _series(rows: pd.DataFrame, season: Season) -> Array:
    """Which series a row belongs to: its entity as text, or the one of all rows."""
    if season.entity is None:
        return np.zeros(len(rows), dtype=np.int8)
    return rows[season.entity].astype("string").fillna("").to_numpy(dtype=object)


def _means(rows: pd.DataFrame, y: Array, season: Season, model: ModelFile) -> pd.DataFrame:
    """The mean target of every series and slot, in the order of time: series, slot, phase, mean."""
    slots = season.slots(rows[model.data.time])
    parts = pd.DataFrame({"series": _series(rows, season), "slot": slots, "mean": y})
    table = parts.groupby(["series", "slot"], as_index=False, sort=True)["mean"].mean()
    return table.assign(phase=table["slot"] % season.length).sort_values("slot", kind="stable")
