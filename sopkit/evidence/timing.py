"""Checks of a table's times: enough rows, fresh, without gaps, and none from the future."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd

from sopkit.definitions.durations import render_duration
from sopkit.definitions.model import ModelFile
from sopkit.evidence import rules
from sopkit.evidence.findings import Finding, Severity
from sopkit.evidence.labels import moments, period_of

__all__ = ["times", "volume"]


def volume(table: pd.DataFrame, minimum_rows: int) -> list[Finding]:
    if len(table) >= minimum_rows:
        return []
    told = f"There are {len(table):,} rows, {minimum_rows:,} are needed"
    return [
        Finding(
            "too_few_rows",
            "block",
            told,
            "",
            len(table),
            None,
            remedy="wait, widen the source, or lower data.minimum_rows",
        )
    ]


def times(column: pd.Series, model: ModelFile, as_of: datetime, limits: rules.Validation) -> list[Finding]:
    """Times that cannot be read or lie in the future; gaps, freshness, and a drop of volume at the end."""
    name = model.data.time
    read = moments(column)
    clock = pd.Timestamp(as_of)
    clock = clock.tz_localize("UTC") if clock.tzinfo is None else clock.tz_convert("UTC")
    found = []
    unread = int((read.isna() & column.notna()).sum())
    if unread:
        severity: Severity = "block" if unread > len(column) / 2 else "warn"
        found.append(
            Finding(
                "unreadable_time",
                severity,
                f"{unread:,} values of {name} are not times",
                name,
                unread,
                unread / len(column),
            )
        )
    future = int((read > clock).sum())
    if future:
        told = f"{future:,} rows are dated after {clock:%Y-%m-%d %H:%M}, the moment of this run"
        found.append(
            Finding(
                "future_time", "warn", told, name, future, future / len(column), remedy="check time zones and clocks"
            )
        )
    known = read[read.notna() & (read <= clock)]
    if known.nunique() < 3:
        return found
    ordered = np.sort(known.unique())
    steps = pd.Series(ordered).diff().dropna()
    usual = steps.quantile(0.99)
    found += _freshness(known.max(), clock, usual, model, limits)
    longest = int(steps.to_numpy().argmax())
    if steps.iloc[longest] > limits.gap * usual:
        told = (
            f"There are no rows from {pd.Timestamp(ordered[longest]):%Y-%m-%d %H:%M} for {_length(steps.iloc[longest])}"
        )
        found.append(
            Finding(
                "time_gap",
                "warn",
                told,
                name,
                int((steps > limits.gap * usual).sum()),
                None,
                remedy="was the source down?",
            )
        )
    return found + _last_volume(known, name, limits)


def _freshness(
    newest: pd.Timestamp, clock: pd.Timestamp, usual: pd.Timedelta, model: ModelFile, limits: rules.Validation
) -> list[Finding]:
    declared = model.data.fresh_within
    allowed = pd.Timedelta(declared) if declared is not None else usual * limits.fresh
    age = clock - newest
    if age <= allowed:
        return []
    told = f"The newest row is {_length(age)} old, {_length(allowed)} is {'allowed' if declared else 'usual'}"
    severity: Severity = "block" if declared is not None else "warn"
    return [
        Finding("stale_data", severity, told, model.data.time, None, None, remedy="is the source still delivering?")
    ]


def _last_volume(known: pd.Series, name: str, limits: rules.Validation) -> list[Finding]:
    period = period_of(known)
    code = {"hour": "h", "day": "D", "week": "W", "month": "M", "quarter": "Q"}[period]
    counts = known.dt.tz_localize(None).dt.to_period(code).value_counts().sort_index()
    if len(counts) < 8:
        return []
    last, usual = int(counts.iloc[-2]), float(counts.iloc[:-2].median())  # the very last one may not be over
    lowest = float(counts.iloc[:-2].quantile(0.05))
    if last >= limits.volume * usual or last >= lowest:
        return []
    told = f"The last whole {period} has {last:,} rows, {usual:,.0f} are usual"
    return [Finding("volume_drop", "warn", told, name, last, None, remedy="is the source complete?")]


def _length(value: pd.Timedelta) -> str:
    return (
        render_duration(value.round("s").to_pytimedelta())
        if value < pd.Timedelta("48h")
        else f"{value / pd.Timedelta('1D'):.1f}d"
    )
