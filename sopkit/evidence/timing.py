"""Checks of a table's times: enough rows, fresh, without gaps or thin periods, and none from the future."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence import rules
from sopkit.evidence.by_period import PERIODS, Periods, moments, periods_of
from sopkit.evidence.findings import Finding, finding, of_rows
from sopkit.evidence.measure import counted

__all__ = ["times", "volume"]

# What programs write for "no date" or "for ever"; only suspicious where it lies far from all other times.
SENTINELS = pd.to_datetime(
    ["1900-01-01", "1899-12-30", "1899-12-31", "1904-01-01", "1970-01-01", "2000-01-01", "2099-12-31", "2199-12-31"],
    utc=True,
)
YEAR = pd.Timedelta("365D")


def volume(table: pd.DataFrame, minimum_rows: int) -> list[Finding]:
    if len(table) >= max(minimum_rows, 1):
        return []
    told = f"There are {len(table):,} rows, {minimum_rows:,} are needed"
    remedy = "wait, widen the source, or lower data.minimum_rows"
    return [finding("too_few_rows", told, count=len(table), remedy=remedy)]


def times(
    table: pd.DataFrame,
    model: ModelFile,
    as_of: datetime,
    limits: rules.Validation,
    since: pd.Timestamp | None = None,
) -> list[Finding]:
    """Times that cannot be read, stand for something else or lie in the future; gaps, freshness, thin periods.

    `table` is every row that was delivered, with a label or without; `since` is the end of the champion's training
    rows: a gap after it is news, and named before older ones.
    """
    name = model.data.time
    column = table[name]
    read = moments(column)
    clock = pd.Timestamp(as_of)
    clock = clock.tz_localize("UTC") if clock.tzinfo is None else clock.tz_convert("UTC")
    found = []
    unread = (read.isna() & column.notna()).to_numpy()
    if unread.any():
        code = "no_times" if unread.mean() > limits.mostly_missing else "missing_times"
        told = f"{int(unread.sum()):,} values of {name} are not times"
        found.append(of_rows(code, told, name, unread, table, model, remedy="set data.time_format in the model file"))
    stands = _stand_for_something(read)
    if stands.any():
        told = counted(int(stands.sum()), "row", "is", "are")
        told += f" dated {read[stands].iloc[0]:%Y-%m-%d}, far from all others"
        remedy = "a date that stands for 'unknown' puts rows in the wrong place; leave it empty at the source"
        found.append(of_rows("sentinel_time", told, name, stands, table, model, remedy=remedy))
    future = ((read > clock) & ~stands).to_numpy()
    if future.any():
        told = counted(int(future.sum()), "row", "is", "are")
        told += f" dated after {clock:%Y-%m-%d %H:%M}, the moment of this run"
        found.append(of_rows("future_time", told, name, future, table, model, remedy="check time zones and clocks"))
    known = read[read.notna() & (read <= clock) & ~stands]
    if len(known) > 1 and known.nunique() == 1:
        told, remedy = f"All rows are dated {known.iloc[0]:%Y-%m-%d %H:%M}", "name another column as data.time"
        found.append(finding("one_time", told, name, count=len(known), share=len(known) / len(table), remedy=remedy))
    if known.nunique() < 3:
        return found
    ordered = np.sort(known.unique())
    steps = pd.Series(ordered).diff().dropna()
    usual = steps.quantile(0.99)
    found += _freshness(known.max(), clock, usual, model, limits)
    found += _gaps(pd.DatetimeIndex(ordered[:-1]), steps, limits.gap * usual, since, name)
    periods = periods_of(known)
    return found + _last_volume(periods, name, limits) + _thin(periods, name, limits)


def _stand_for_something(read: pd.Series) -> np.ndarray:
    """Rows at a date of `SENTINELS` that lies a year and more, and farther than the others' whole span, from them."""
    marked = read.isin(SENTINELS).to_numpy()
    others = read[~marked].dropna()
    if not marked.any() or not len(others):
        return np.zeros(len(read), bool)
    away = np.maximum(others.min() - read, read - others.max())
    far = (away > max(YEAR, others.max() - others.min())).to_numpy()
    return np.asarray(marked & far)


def _gaps(
    starts: pd.DatetimeIndex, steps: pd.Series, limit: pd.Timedelta, since: pd.Timestamp | None, name: str
) -> list[Finding]:
    """The longest gap of those since the champion's end, else of all, and how many others there are."""
    gaps = pd.Series(steps.to_numpy(), index=starts)
    gaps = gaps[gaps > limit]
    if not len(gaps):
        return []
    new = gaps[gaps.index >= since] if since is not None else gaps.iloc[:0]
    start = (new if len(new) else gaps).idxmax()
    told = f"There are no rows from {start:%Y-%m-%d %H:%M} for {_length(gaps[start])}"
    told += f"; {len(gaps) - 1} more such gaps" if len(gaps) > 1 else ""
    told += f", {len(new) - 1} of them since the last training" if len(new) > 1 else ""
    return [finding("time_gap", told, name, remedy="was the source down?")]


def _freshness(
    newest: pd.Timestamp, clock: pd.Timestamp, usual: pd.Timedelta, model: ModelFile, limits: rules.Validation
) -> list[Finding]:
    declared = model.data.fresh_within
    allowed = pd.Timedelta(declared) if declared is not None else usual * limits.fresh
    age = clock - newest
    if age <= allowed:
        return []
    told = f"The newest row is {_length(age)} old, {_length(allowed)} is {'allowed' if declared else 'usual'}"
    code = "overdue_data" if declared is not None else "stale_data"
    return [finding(code, told, model.data.time, remedy="is the source still delivering?")]


def _last_volume(periods: Periods, name: str, limits: rules.Validation) -> list[Finding]:
    counts = pd.Series(periods.rows)
    if len(counts) < 8:
        return []
    last, usual = int(counts.iloc[-2]), float(counts.iloc[:-2].median())  # the very last one may not be over
    lowest = float(counts.iloc[:-2].quantile(0.05))
    if last >= limits.volume * usual or last >= lowest:
        return []
    told = f"The last whole {periods.period} has {last:,} rows, {usual:,.0f} are usual"
    return [finding("volume_drop", told, name, count=last, remedy="is the source complete?")]


def _thin(periods: Periods, name: str, limits: rules.Validation) -> list[Finding]:
    """Inner periods with less than half the rows of their neighbours, beyond what is usual from one to the next."""
    every = pd.period_range(periods.starts[0], periods.starts[-1], freq=dict(PERIODS)[periods.period]).start_time
    counts = pd.Series(periods.rows, index=periods.starts).reindex(every)
    inner = counts.iloc[1:-1]
    if len(inner) < 6:
        return []
    around = counts.rolling(7, center=True, min_periods=4).median()
    ratio = np.log(counts / around).iloc[1:-1].dropna()
    spread = 1.4826 * float(ratio.abs().median())
    thin = ratio.index[(ratio < np.log(limits.volume)) & (ratio < -5 * spread)]
    if not len(thin):
        return []
    first = thin[0]
    told = f"{counted(len(thin), periods.period, 'has', 'have')} far fewer rows than those around, "
    told += f"first that of {first:%Y-%m-%d}: {inner[first]:,.0f}, around it {around[first]:,.0f}"
    examples = tuple({periods.period: f"{at:%Y-%m-%d}", "rows": f"{inner[at]:,.0f}"} for at in thin[: limits.examples])
    remedy = "is the source complete there?"
    return [finding("thin_period", told, name, examples=examples, remedy=remedy)]


def _length(value: pd.Timedelta) -> str:
    for unit, length in (("days", "1D"), ("hours", "1h"), ("minutes", "1min")):
        if value >= 2 * pd.Timedelta(length):
            return f"{value / pd.Timedelta(length):.3g} {unit}"
    return f"{value.total_seconds():.3g} seconds"
