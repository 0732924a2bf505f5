"""Labels that are due: are they there, everywhere, and up to the end?

The rules:
* only closed cohorts count: a row is mature when the label delay has passed since it came to be;
* a label that is there before its row is mature is a sample of the quick ones, and biased: it must be withheld;
* the share of mature rows with a label is judged over all of them, and over the newest window by itself: models are
  judged there, and years of good labels must not hide a month without any;
* labels have *stopped* where the newest mature rows have none, they are more than a twentieth of that window, and a
  stretch as long stood behind hardly any earlier row: at a clock of the past it would have been seen that seldom
  (the rank of the newest stretch among all earlier ones, as in a permutation test).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts, rules
from sopkit.evidence.by_period import moments
from sopkit.evidence.measure import Measure, failed, insufficient, measured

__all__ = ["LabelMaturity", "label_maturity"]


@dataclass(frozen=True)
class LabelMaturity:
    """Counts of rows: `mature` ones, those of them with a label, and labels that came early.

    `newest`: mature rows of the newest window, and those of them with a label. `stopped`: how many mature rows came
    after the last one that has a label, at `last`, where that is no chance; else 0.
    """

    rows: int
    mature: int
    labelled: int
    early: int
    closed_until: pd.Timestamp
    measure: Measure
    newest: tuple[int, int] = (0, 0)
    stopped: int = 0
    last: pd.Timestamp | None = None

    @property
    def share(self) -> float:
        return self.labelled / self.mature if self.mature else float("nan")

    @property
    def verdict(self) -> Verdict | None:
        return self.measure.verdict

    @property
    def measures(self) -> list[Measure]:
        return [self.measure]

    @property
    def table(self) -> pd.DataFrame:
        counts = {
            "mature, with label": self.labelled,
            "mature, without label": self.mature - self.labelled,
            "not mature, no label yet": self.rows - self.mature - self.early,
            "not mature, label came early": self.early,
        }
        return pd.DataFrame({"rows": counts, "share": {k: v / max(self.rows, 1) for k, v in counts.items()}})

    def figure(self) -> charts.Chart:
        rows = [charts.Row(str(name), float(line["rows"])) for name, line in self.table.iterrows()]
        return charts.bars(f"{self.share:.1%} of mature rows have a label", rows, x_label="rows")

    def to_dict(self) -> dict[str, Any]:
        return {**self.measure.to_dict(), "closed_until": self.closed_until.isoformat()}


def label_maturity(
    time: pd.Series,
    labels: pd.Series,
    *,
    label_delay: timedelta,
    as_of: datetime,
    unlabelled: pd.Series | None = None,
    window: timedelta | None = None,
    at_least: float = rules.LABELS.labelled,
    limits: rules.Labels = rules.LABELS,
) -> LabelMaturity:
    """How many of the rows old enough to have a label have one. `time` is aware; `labels` is missing where unknown.

    `unlabelled` are the times of rows that were taken out before for want of a label; `window` is how much of the
    newest mature rows models are judged on (default: all). Labels of rows that are not mature yet `fail`: whoever
    learns from them learns from the quick ones.
    """
    closed = _utc(as_of) - label_delay
    at, known = moments(time), labels.notna().to_numpy()
    if unlabelled is not None and len(unlabelled):
        at = pd.concat([at, moments(unlabelled)], ignore_index=True)
        known = np.append(known, np.zeros(len(unlabelled), bool))
    mature = (at < closed).to_numpy()
    counts = int(mature.sum()), int((mature & known).sum()), int((~mature & known).sum())
    judged = mature if window is None else mature & (at >= closed - window).to_numpy()
    newest = int(judged.sum()), int((judged & known).sum())
    stopped, last = _stopped(at[mature], known[mature], newest[0], limits)
    detail = {
        "rows": len(at),
        "mature": counts[0],
        "labelled": counts[1],
        "early": counts[2],
        "closed_until": closed,
        "newest_mature": newest[0],
        "newest_labelled": newest[1],
        "stopped": stopped,
    }
    parts: dict[str, Any] = {"title": "Mature rows that have a label", "unit": "share", "detail": plain(detail)}
    share = counts[1] / counts[0] if counts[0] else None
    if counts[2]:
        told = f"{counts[2]:,} labels are there before their rows are older than the label delay"
        measure = failed("label_maturity", told, value=share, **parts)
    elif not counts[0]:
        told = f"no row is older than the label delay (closed until {closed:%Y-%m-%d %H:%M})"
        measure = insufficient("label_maturity", told, **parts)
    elif stopped and last is not None:
        told = f"labels have stopped: none of the {stopped:,} rows after {last:%Y-%m-%d %H:%M} has one, "
        told += "though they are older than the label delay"
        measure = failed("label_maturity", told, value=share, **parts)
    else:
        told = f"{counts[0] - counts[1]:,} of {counts[0]:,} rows older than the label delay have no label"
        if newest[0] >= limits.minimum_rows and newest[1] / newest[0] < min(at_least, counts[1] / counts[0]):
            share = newest[1] / newest[0]
            told += f"; {newest[0] - newest[1]:,} of the {newest[0]:,} newest ones, on which models are judged"
        threshold = Threshold(op="at_least", value=at_least)
        measure = measured("label_maturity", share, threshold=threshold, reason=told, **parts)
    return LabelMaturity(len(at), *counts, closed, measure, newest, stopped, last)


def _stopped(at: pd.Series, known: np.ndarray, judged: int, limits: rules.Labels) -> tuple[int, pd.Timestamp | None]:
    """How many rows came after the last one with a label, and its time; (0, None) where that may be chance."""
    if not known.any():
        return 0, None
    order = np.lexsort((known, at.to_numpy()))  # of rows of one moment, that with a label is the last
    known = known[order]
    places = np.arange(len(known))
    behind = places - np.maximum.accumulate(np.where(known, places, -1))  # rows since the last label, at each row
    newest, end = int(behind[-1]), len(known) - int(behind[-1])
    if newest < max(limits.minimum_rows, limits.unlabelled * judged):
        return 0, None
    seldom = float(np.mean(behind[:end] >= newest)) <= limits.chance
    return (newest, pd.Timestamp(at.iloc[order[end - 1]])) if seldom else (0, None)


def _utc(moment: datetime) -> pd.Timestamp:
    stamp = pd.Timestamp(moment)
    return stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp.tz_convert("UTC")
