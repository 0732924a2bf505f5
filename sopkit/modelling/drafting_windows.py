"""Which windows, blocks and clock fit the times of rows that nobody has described.

The rules:
* windows are long enough for the rows that a verdict needs, short enough for several of them in the past;
* blocks are counted as a run will count them, only where rows are: nights, weekends and the hours before the clock are
  empty. Where fewer than `WELL` are filled the window becomes longer, and then the blocks shorter;
* the clock is the first clear moment after the newest row.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from sopkit.definitions.durations import parse_duration
from sopkit.definitions.model import Evaluation
from sopkit.errors import DataError
from sopkit.modelling.times import Period, back, natural_period

__all__ = ["BLOCKS", "Windows", "windows"]

_SHORT = ["1s", "5s", "10s", "30s", "1m", "5m", "10m", "15m", "30m", "1h", "2h", "3h", "6h", "12h", "1d", "2d", "3d"]
_LONG = ["5d", "7d", "10d", "14d", "21d", "30d", "60d", "90d", "120d", "180d", "240d", "365d", "730d", "1825d", "3650d"]
_NICE = tuple(map(parse_duration, _SHORT + _LONG))
_DAY, _OLDEST = timedelta(days=1), timedelta(days=180)
BLOCKS = Evaluation.model_fields["minimum_blocks"].default
WELL, ROWS, MOST_ROWS, COARSE = 30, 200, 2000, 60


@dataclass(frozen=True)
class Windows:
    """Lengths of time that fit the rows, and what can be said of the times. `as_of` is after the newest row.

    `filled`: blocks of the held-out window that have rows.
    """

    first: pd.Timestamp
    last: pd.Timestamp
    as_of: pd.Timestamp
    distinct: int
    period: Period | None
    evaluation: timedelta
    blocks: timedelta
    filled: int
    recent: timedelta | None
    rows: int

    @property
    def coarse(self) -> bool:
        """Whether there are too few different times for blocks of them to be resampled."""
        return self.distinct < COARSE or self.filled < BLOCKS

    @property
    def stale(self) -> timedelta:
        """How old a model's data may become: beyond the held-out window, which it has not seen at its start."""
        return max(min(_OLDEST, _nice_down(self.as_of - self.first)), 2 * self.evaluation)


def windows(times: pd.Series) -> Windows:
    """Windows for rows at `times` (UTC). Raises DataError where all rows have the same time."""
    order = times.sort_values(ignore_index=True)
    first, last = order.iloc[0], order.iloc[-1]
    distinct, period = int(order.nunique()), natural_period(order)
    if distinct < 2:
        raise DataError(
            "all rows have the same time: nothing is earlier or later",
            expected="rows that came one after the other",
            got=f"{len(order)} rows at {first:%Y-%m-%d %H:%M}",
            remedy="name another column with --time",
        )
    whole_days = bool((order == order.dt.floor("D")).all())
    as_of = _after(last, timedelta(days=4) if whole_days else last - first, period)
    span = as_of - max(first, order.iloc[len(order) // 20])  # a few very old rows do not make it long
    longest = span / 4
    need = max(min(MOST_ROWS, len(order) // 5), ROWS)
    start = min(timedelta(days=30), _nice_up(span / 8))
    fitting = [each for each in _NICE if start <= each <= longest] or [_nice_down(longest)]
    place = next((at for at, each in enumerate(fitting) if len(_held(order, as_of, each)) >= need), len(fitting) - 1)
    least = _DAY * {"month": 30, "quarter": 90, "year": 365}[period] if period is not None else timedelta(0)
    window, blocks, filled = _well_filled(order, as_of, [max(each, least) for each in fitting[place:]], period)
    recent: timedelta | None = _nice_up(max(window * 1.3, span / 5))
    too_long = recent is not None and not window < recent <= (as_of - first) / 1.5
    if recent is None or too_long or len(_held(order, as_of - window, recent)) < ROWS:
        recent = None
    rows = len(_held(order, as_of, window))
    return Windows(first, last, as_of, distinct, period, window, blocks, filled, recent, rows)


def _nice_down(length: timedelta) -> timedelta:
    """The longest length that people say and that is not longer."""
    seconds = timedelta(seconds=max(1, math.floor(length.total_seconds())))
    return next((each for each in reversed(_NICE) if each <= length), seconds)


def _well_filled(
    order: pd.Series, as_of: pd.Timestamp, lengths: list[timedelta], period: Period | None
) -> tuple[timedelta, timedelta, int]:
    """The first window of `lengths` with its blocks and how many of them have rows.

    Long blocks keep together what belongs together, so the window becomes longer before the blocks become shorter.
    """
    found = []
    for window in lengths:
        held = order[order >= back(as_of, window, period)]
        blocks = min(_nice_down(window / BLOCKS), _DAY)
        found.append((window, blocks, _filled(held, blocks)))
        if found[-1][2] >= WELL:
            return found[-1]
    window, blocks, filled = max(found, key=lambda each: each[2] >= BLOCKS)  # the shortest that is enough, if one is
    held = order[order >= back(as_of, window, period)]
    shorter = [(each, _filled(held, each)) for each in reversed(_NICE) if each < blocks]
    enough = [(each, count) for each, count in shorter if count >= (WELL if shorter[-1][1] >= WELL else BLOCKS)]
    if enough and filled < enough[0][1]:
        return window, *enough[0]
    return window, blocks, filled


def _filled(held: pd.Series, blocks: timedelta) -> int:
    """How many blocks have rows, counted as `evidence.bootstrap.time_blocks` numbers them."""
    return int(((held - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(blocks)).nunique())


def _after(last: pd.Timestamp, span: timedelta, period: Period | None) -> pd.Timestamp:
    """The first clear moment after the newest row: a new month where rows stand for months, otherwise a new day."""
    if period is not None and last.is_month_start:
        months = {"month": 1, "quarter": 3, "year": 12}[period]
        return last + pd.DateOffset(months=months)
    step = "D" if span >= timedelta(days=4) else "h" if span >= timedelta(hours=4) else "min"
    return (last + pd.Timedelta(microseconds=1)).ceil(step)


def _held(order: pd.Series, end: pd.Timestamp, window: timedelta) -> pd.Series:
    return order[(order >= end - window) & (order < end)]


def _nice_up(length: timedelta) -> timedelta:
    return next((each for each in _NICE if each >= length), _NICE[-1])
