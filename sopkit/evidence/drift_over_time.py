"""How a column went over time: from the first row of the reference to the last of the current rows.

The rules:
* a period is the shortest of an hour to a year of which at most `MOST` are there, with enough rows in most of them;
* numbers are told by their quartiles, categories by the shares of the commonest of them, both by the missing share;
* a period with fewer than `FEWEST` rows is a gap, never a line drawn through it;
* it is a picture and decides nothing: of a period with many rows, `DRAWN` are drawn at random.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.results import plain
from sopkit.evidence.by_period import moments
from sopkit.evidence.profiles import numbers

__all__ = ["Timeline", "timeline"]

MOST, ENOUGH, FEWEST, DRAWN = 24, 20, 10, 2000
MONDAY = np.datetime64("1970-01-05T00", "h")
# name, hours; from months on calendar months are counted
SPANS = (
    ("hour", 1), ("2 hours", 2), ("3 hours", 3), ("6 hours", 6), ("12 hours", 12), ("day", 24), ("2 days", 48),
    ("week", 168), ("2 weeks", 336), ("month", -1), ("2 months", -2), ("quarter", -3), ("half-year", -6),
    ("year", -12), ("2 years", -24), ("5 years", -60), ("10 years", -120),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Timeline:
    """`table` holds the rows that are looked at, `codes` (n,) the period of each; `rows` are those of the periods."""

    span: str
    starts: tuple[pd.Timestamp, ...]
    end: pd.Timestamp
    rows: tuple[int, ...]
    table: pd.DataFrame
    codes: np.ndarray
    drawn: int = DRAWN

    def of_numbers(self, name: str) -> dict[str, Any]:
        """The quartiles and the missing share by period; None where there are too few values."""
        values = numbers(self.table[name])
        found: list[list[float | None]] = []
        for place in range(len(self.starts)):
            known = values[self.codes == place]
            known = known[~np.isnan(known)]
            enough = len(known) >= FEWEST
            found.append([_short(x) for x in np.quantile(known, [0.25, 0.5, 0.75])] if enough else [None] * 3)
        low, middle, high = (list(side) for side in zip(*found, strict=True))
        return {"low": low, "middle": middle, "high": high, "missing": self._shares(np.isnan(values))}

    def of_categories(self, name: str, names: list[str], texts: np.ndarray) -> dict[str, Any]:
        """The share of each of the named categories and the missing share by period; `texts` are the rows' values."""
        shares = [self._shares(texts == each) for each in names]
        return {"names": names, "shares": shares, "missing": self.missing(name)}

    def missing(self, name: str) -> list[float | None]:
        return self._shares(self.table[name].isna().to_numpy(dtype=bool))

    def to_dict(self) -> dict[str, Any]:
        starts = [_moment(start) for start in self.starts]
        return {
            "span": self.span, "starts": starts, "end": _moment(self.end), "rows": list(self.rows),
            "drawn": self.drawn, "fewest": FEWEST,
        }  # fmt: skip

    def _shares(self, mask: np.ndarray) -> list[float | None]:
        count = np.bincount(self.codes, minlength=len(self.starts))
        hits = np.bincount(self.codes, weights=mask.astype(float), minlength=len(self.starts))
        return [_short(hit / of) if of >= FEWEST else None for hit, of in zip(hits, count, strict=True)]


def timeline(table: pd.DataFrame, time: str, *, seed: int = 0, most: int = MOST, drawn: int = DRAWN) -> Timeline | None:
    """The periods of the rows; None where there is no time at all."""
    times = moments(table[time])
    known = np.flatnonzero(times.notna().to_numpy())
    if not len(known):
        return None
    naive = times.iloc[known].dt.tz_localize(None).to_numpy().astype("datetime64[s]")
    usual = _without_strays(naive)
    known, naive = known[usual], naive[usual]
    span, codes, first = _periods(naive, most)
    rows = np.bincount(codes)
    kept = _drawn(codes, len(rows), drawn, seed)
    starts = tuple(_start(span, first + place) for place in range(len(rows)))
    end = _start(span, first + len(rows))
    part = table.iloc[known[kept]]
    return Timeline(span, starts, end, tuple(int(n) for n in rows), part, codes[kept], drawn)


def _periods(times: np.ndarray, most: int) -> tuple[str, np.ndarray, int]:
    """The span, each row's period counted from the first, and the number of that first one since the epoch."""
    for span, hours in SPANS:
        ticks = _ticks(times, hours)
        first, last = int(ticks.min()), int(ticks.max())
        if last - first >= most:
            continue
        counts = np.bincount(ticks - first)
        if np.median(counts[counts > 0]) >= ENOUGH:
            return span, ticks - first, first
    coarse = [(span, _ticks(times, hours)) for span, hours in SPANS]
    span, ticks = next((pair for pair in coarse if np.ptp(pair[1]) < most), coarse[-1])
    return span, np.minimum(ticks - ticks.min(), most - 1), int(ticks.min())


def _without_strays(times: np.ndarray) -> np.ndarray:
    """Which moments to show: a few wrong ones, such as 1970, would leave no room for the others."""
    low, high = np.quantile(times.astype(np.int64), [0.001, 0.999], method="nearest")
    seconds = times.astype(np.int64)
    return np.asarray(((seconds >= low) & (seconds <= high)) | (2 * (high - low) >= np.ptp(seconds)))


def _ticks(times: np.ndarray, hours: int) -> np.ndarray:
    if hours > 0:
        return np.asarray((times.astype("datetime64[h]") - MONDAY).astype(np.int64) // hours)
    return np.asarray(times.astype("datetime64[M]").astype(np.int64) // -hours)


def _start(span: str, tick: int) -> pd.Timestamp:
    hours = dict(SPANS)[span]
    if hours > 0:
        return pd.Timestamp(MONDAY + np.timedelta64(tick * hours, "h"), tz="UTC")
    return pd.Timestamp(np.datetime64(tick * -hours, "M"), tz="UTC")


def _drawn(codes: np.ndarray, periods: int, most: int, seed: int) -> np.ndarray:
    """Places of at most `most` rows of each period, in the order of the rows."""
    shuffled = np.random.default_rng(seed).permutation(len(codes))
    order = shuffled[np.argsort(codes[shuffled], kind="stable")]
    counts = np.bincount(codes, minlength=periods)
    place = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(order[place < most])


def _moment(moment: pd.Timestamp) -> str:
    return str(plain(moment.to_pydatetime().replace(tzinfo=None)))


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None
