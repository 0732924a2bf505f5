"""Splits by time, never at random.

The rules:
* the held-out rows are the newest whose label is known: a half-open window `[from, until)` that ends where
  labels end, `evaluation.window` long;
* training rows are those whose label was known before the window began: time + label delay < from;
  rows between the two (an embargo as long as the label delay) are in neither;
* a champion whose training data reaches into the window has seen the answers: overlap is an error;
* folds of the rolling origin lie inside the training rows and keep the same distance (Tashman 2000); one that has
  no rows to test on, because the data has a gap there, is passed over, and two must remain;
* windows are cut at whole months, quarters or years where the times of the rows are such (see `times`), and no window
  is shorter than one of them: where one would be, or would have no rows, folds stand on the periods that have some.
  Two periods make one fold, the second forecast from the first; fewer folds than asked for are told (`fewer_folds`);
* a cut in time puts exact duplicates on one side; entities and texts on both sides are counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pandas as pd

from sopkit.definitions.durations import render_duration
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError, NotEnoughEvidence, WrongUse
from sopkit.modelling.targets import target
from sopkit.modelling.times import back, end_of, natural_period, period_starts, periods_in, utc

__all__ = ["Fold", "Splits", "fewer_folds", "folds", "newest", "split", "too_early", "unseen_from"]


_SHORTER, _SHORTENED = 0.8, 12


@dataclass(frozen=True)
class Splits:
    """`train` and `holdout` (empty for the first champion), ordered by time; `boundaries`: plain JSON."""

    train: pd.DataFrame
    holdout: pd.DataFrame
    boundaries: dict[str, Any] = field(default_factory=dict)

    @property
    def train_until(self) -> datetime:
        """The exclusive end of the training rows: `until` of `fit` and `rolling_origin`."""
        return datetime.fromisoformat(self.boundaries["train_until"])

    def to_dict(self) -> dict[str, Any]:
        return dict(self.boundaries)


@dataclass(frozen=True)
class Fold:
    """Train on rows with `time < train_until`, test on `[test_from, test_until)`."""

    number: int
    train_until: pd.Timestamp
    test_from: pd.Timestamp
    test_until: pd.Timestamp

    def parts(self, table: pd.DataFrame, time: str) -> tuple[pd.DataFrame, pd.DataFrame]:
        at = table[time]
        return table.loc[at < self.train_until], table.loc[(at >= self.test_from) & (at < self.test_until)]


def split(
    table: pd.DataFrame,
    model: ModelFile,
    *,
    as_of: datetime,
    champion_trained_until: datetime | str | None = None,
    hold_out: bool = True,
    holdout_from: datetime | None = None,
) -> Splits:
    """Training and held-out rows as of the clock.

    `champion_trained_until` is the end of the champion's training rows, exclusive. For a first champion,
    `hold_out=False`: every matured row is training data, and rolling origin gives the evidence. `holdout_from`
    takes the place of the evaluation's window, for a model that was trained elsewhere.
    Raises NotEnoughEvidence where a part would be empty, DataError where the champion has seen held-out rows.
    """
    time, delay = model.data.time, model.data.label_delay
    labels_end = utc(as_of) - delay  # exclusive: rows before it have their labels
    start = back(labels_end, model.evaluation.window, natural_period(table[time])) if hold_out else labels_end
    start = utc(holdout_from) if hold_out and holdout_from is not None else start
    known = target(table, model, as_of=as_of).notna()
    order = table.loc[known].sort_values(time, kind="stable")
    train_until = start - delay if hold_out else labels_end
    at = order[time]
    train = order.loc[at < train_until].reset_index(drop=True)
    holdout = order.loc[at >= start].reset_index(drop=True) if hold_out else train.iloc[:0]
    for rows, part in ((train, "training"), (holdout, "held-out")):
        if not len(rows) and (hold_out or part == "training"):
            raise NotEnoughEvidence(
                f"there are no {part} rows",
                where=model.data.source,
                expected=f"labelled rows {f'before {train_until}' if part == 'training' else f'from {start} on'}",
                got=f"{len(order)} labelled rows" + (f" from {at.min()} to {at.max()}" if len(order) else ""),
                remedy="see how many rows a period has: shorten or lengthen evaluation.window, or wait for more labels",
            )
    if hold_out and champion_trained_until is not None:
        _refuse_overlap(utc(champion_trained_until), start, delay)
    boundaries = {
        "as_of": utc(as_of).isoformat(),
        "label_delay": render_duration(delay),
        "train": _span(train, time),
        "train_until": train_until.isoformat(),
        "holdout": _span(holdout, time) if hold_out else None,
        "holdout_from": start.isoformat() if hold_out else None,
        "holdout_until": labels_end.isoformat(),
        "champion_trained_until": None if champion_trained_until is None else utc(champion_trained_until).isoformat(),
        "rows_without_label": int((~known).sum()),
        "rows_in_embargo": int(((at >= train_until) & (at < start)).sum()) if hold_out else 0,
        "entities": _shared(train, holdout, model.data.entity),
        "texts": {
            name: _shared(train, holdout, name) for name, feature in model.features.items() if feature.type == "text"
        },
    }
    return Splits(train, holdout, boundaries)


def too_early(
    table: pd.DataFrame, model: ModelFile, *, as_of: datetime, champion_trained_until: datetime | None
) -> str:
    """Why no challenger could be judged yet: the champion has learned from the newest window. "" where one could."""
    if champion_trained_until is None:
        return ""
    data, window, end = model.data, model.evaluation.window, utc(champion_trained_until)
    start = back(utc(as_of) - data.label_delay, window, natural_period(table[data.time]))
    if end + data.label_delay <= start:  # the same question that `split` asks
        return ""
    return (
        f"no challenger could be judged yet: it would be on rows from {start:%Y-%m-%d} on, and the champion has "
        f"learned from rows up to {end:%Y-%m-%d}; wait for {render_duration(window)} of newer labels, or shorten "
        "evaluation.window"
    )


def unseen_from(
    table: pd.DataFrame,
    model: ModelFile,
    *,
    as_of: datetime,
    trained_until: str,
    champion: datetime | None = None,
) -> pd.Timestamp | None:
    """From when on rows are held out for a model that is adopted: the end of its training and a label delay.

    `trained_until` as text; empty, where that end is not known: None (the evaluation's own window). `champion` is the
    end of the champion's training. Where no row is older than the adopted model, only the newest window is held out,
    so that older rows are left to compare with. Raises WrongUse for what is no date.
    """
    if not trained_until:
        return None
    try:
        end = utc(trained_until)
    except ValueError:
        raise WrongUse("not a date", where="trained_until", expected="2013-07-01", got=trained_until) from None
    times, delay = table[model.data.time], model.data.label_delay
    start = max(end, utc(champion) if champion is not None else end) + delay
    if (times < end).any():
        return start
    return max(start, back(utc(as_of) - delay, model.evaluation.window, natural_period(times)))


def newest(
    table: pd.DataFrame, model: ModelFile, window: timedelta | None, until: datetime | None = None
) -> pd.DataFrame:
    """The rows of the last `window` before `until` (default: just after the newest row); all without a window."""
    if window is None or (until is None and table.empty):
        return table
    end = utc(until) if until is not None else end_of(table[model.data.time])
    return table.loc[table[model.data.time] >= back(end, window, natural_period(table[model.data.time]))]


def folds(table: pd.DataFrame, model: ModelFile, *, until: datetime | None = None) -> list[Fold]:
    """`evaluation.folds` test windows, one behind the other, that end with the training rows.

    Each is `evaluation.window` long, or shorter where the rows do not reach back far enough: the first
    fold has at least as long a past as its window. Where rows became many only lately they are shorter still, so
    that each fold has its share of rows. Rows of few periods, or few different times, have a fold for each one that
    has a past, and so perhaps fewer than asked for. `until` is the exclusive end of the training rows.
    Raises NotEnoughEvidence where no time has a past, or fewer than two folds have rows on both sides.
    """
    time, delay, number = model.data.time, model.data.label_delay, model.evaluation.folds
    if not len(table):
        raise NotEnoughEvidence("rolling origin needs training rows", got="0 rows")
    period = natural_period(table[time])
    starts = period_starts(table[time], period)
    end = utc(until) if until is not None else end_of(table[time])
    span = end - starts[0]
    window = min(pd.Timedelta(model.evaluation.window), (span - delay) / (number + 1))
    shorter = [window * _SHORTER**power for power in range(_SHORTENED)] if period is None else []
    for length in [*shorter, window]:  # the first that gives every fold its share of rows, or as it was
        found = _numbered([back(end, length * (number - place), period) for place in range(number)], end, delay)
        parts = [fold.parts(table, time) for fold in found]
        if _shared_out([(len(train), len(test)) for train, test in parts]):
            break
    usable = [fold for fold, (train, test) in zip(found, parts, strict=True) if len(train) and len(test)]
    if len(usable) < number and (period is not None or len(starts) <= number + 1):
        each = 1 if period is None else periods_in(model.evaluation.window, period)
        return _numbered(_on_periods(table, time, starts, each, delay, number), end, delay)
    if len(usable) < min(2, number):
        lacking = next(fold for fold in found if fold not in usable)
        what = "test" if len(parts[lacking.number - 1][0]) else "training"
        raise NotEnoughEvidence(
            f"fold {lacking.number} of the rolling origin has no {what} rows",
            where=f"{lacking.test_from} to {lacking.test_until}",
            expected=f"{number} windows of {_plain(window)} with rows before each",
            got=f"{len(table)} rows over {_plain(span)}",
            remedy="collect more rows, or shorten evaluation.window and lower evaluation.folds",
        )
    return usable


def fewer_folds(found: Sequence[Fold], model: ModelFile) -> str:
    """That the rows allow fewer folds than the model file asks for, in words; nothing where they do not."""
    number = model.evaluation.folds
    if len(found) >= number:
        return ""
    return f"only {len(found)} of {number} folds: no more periods have rows, and rows before them to learn from"


def _on_periods(
    table: pd.DataFrame, time: str, starts: list[pd.Timestamp], length: int, delay: timedelta, number: int
) -> list[pd.Timestamp]:
    """Where the folds' tests begin: each has `length` of the periods that have rows, or fewer, and a past as long."""
    tested = [start for start in starts if start - delay > starts[0]]
    if not tested:
        several = len(starts) > 1
        times = f"{len(starts)} times, {starts[0]:%Y-%m-%d} to {starts[-1]:%Y-%m-%d}"
        times = times if several else f"one time only, {starts[0]:%Y-%m-%d}"
        raise NotEnoughEvidence(
            "no row came after the label of an earlier one was known"
            if several
            else "two different times are needed: rows to learn from, and later ones to forecast",
            where=f"column {time}",
            expected="rows of a time at which the labels of earlier ones were known"
            + (f" (label delay {render_duration(delay)})" if delay else ""),
            got=f"{len(table):,} rows of {times}",
            remedy="wait for the rows of the next period, or name a column with finer times as data.time",
        )
    each = max(1, min(length, len(tested) // number, len(starts) // (number + 1)))
    count = min(number, len(tested))
    return tested[-each * count :: each]


def _numbered(starts: list[pd.Timestamp], end: pd.Timestamp, delay: timedelta) -> list[Fold]:
    ends = [*starts[1:], end]
    return [
        Fold(at, start - delay, start, until) for at, (start, until) in enumerate(zip(starts, ends, strict=True), 1)
    ]


def _plain(length: pd.Timedelta) -> str:
    """A length of time as people say it, rounded."""
    days = length / pd.Timedelta(days=1)
    for unit, of in (("years", 365.25), ("days", 1.0), ("hours", 1 / 24), ("minutes", 1 / 1440)):
        if days >= 2 * of:
            return f"{days / of:.3g} {unit}"
    return render_duration(length.to_pytimedelta())


def _shared_out(folds: list[tuple[int, int]]) -> bool:
    """Whether each fold (training rows, test rows) learns from half of what it judges, and none judges a sliver."""
    tests = [test for _, test in folds]
    return all(2 * train >= test for train, test in folds) and 4 * min(tests) >= max(tests)


def _refuse_overlap(trained_until: pd.Timestamp, start: pd.Timestamp, delay: timedelta) -> None:
    if trained_until + delay > start:
        raise DataError(
            "the champion was trained on rows of the held-out window, or on labels from within it",
            where=f"held-out from {start}",
            expected=f"training that ended by {start - delay} (held-out start minus label delay)",
            got=f"training that ended at {trained_until}",
            remedy="wait until a whole window of newer labels is there, or shorten evaluation.window",
        )


def _span(rows: pd.DataFrame, time: str) -> dict[str, Any]:
    if not len(rows):
        return {"rows": 0, "from": None, "to": None}
    return {"rows": len(rows), "from": rows[time].iloc[0].isoformat(), "to": rows[time].iloc[-1].isoformat()}


def _shared(train: pd.DataFrame, holdout: pd.DataFrame, name: str | None) -> dict[str, Any] | None:
    """How many values of `name` stand on both sides, and in how many held-out rows."""
    if name is None or not len(holdout):
        return None
    seen = holdout[name].notna() & holdout[name].isin(train[name].dropna().unique())
    return {
        "column": name,
        "train": int(train[name].nunique()),
        "holdout": int(holdout[name].nunique()),
        "shared": int(holdout.loc[seen, name].nunique()),
        "holdout_rows_shared": int(seen.sum()),
    }
