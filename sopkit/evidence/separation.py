"""Is the past kept apart from what the model is judged on, and which rows belong together?

The rules:
* rows of one length of time are resampled together; rows of one entity are, where entities repeat among them; and
  each row alone only where there are too few lengths of time *and* the model file says why rows are independent;
* every training label was known before the first held-out row came to be: time + label delay < held-out start;
* no row stands on both sides, whatever its index says: exact duplicates count as a leak (Kapoor & Narayanan 2023);
* entities on both sides are no fault, models meet known customers again; their share is told to the signer;
* a model that was trained elsewhere must be known to have seen none of the held-out rows: when its training ended has
  to be said, for nothing in a model tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.definitions.results import Threshold, Verdict
from sopkit.evidence import charts
from sopkit.evidence.bootstrap import time_blocks
from sopkit.evidence.measure import Measure

__all__ = ["blocks_of", "groups_of", "kept_apart", "rows_told", "split_figure", "unseen"]

KNOWN = "known to training"  # the slice of rows whose entity training has seen


def blocks_of(table: pd.DataFrame, model: ModelFile) -> Any:
    """(n,) block labels of the rows: what is resampled together, see the rules of `separation`."""
    data, rule = model.data, model.evaluation
    if data.entity and rule.by_entity is not False:
        entities = table[data.entity].astype(str).to_numpy()
        if rule.by_entity or pd.Series(entities).duplicated().any():
            return entities
    blocks = time_blocks(table[data.time], rule.blocks)
    if data.rows_independent and len(set(blocks)) < rule.minimum_blocks:
        return np.arange(len(table))
    return blocks


def groups_of(rows: pd.DataFrame, train: pd.DataFrame | None, model: ModelFile) -> pd.DataFrame:
    """The slices and protected attributes of the rows; where rows have an entity, also whether `train` knows it.

    Without `train` that is not asked. A result on entities that training has seen says little about new ones (Kapoor
    & Narayanan 2023).
    """
    groups = rows[list(dict.fromkeys([*model.slices, *model.protected]))]
    if not model.data.entity or train is None:
        return groups
    seen = rows[model.data.entity].isin(train[model.data.entity])
    return groups.assign(**{KNOWN: np.where(seen, "yes", "no")})


def kept_apart(train: pd.DataFrame, holdout: pd.DataFrame, model: ModelFile) -> Measure:
    """How many held-out rows the training rows give away; 0 passes.

    Without held-out rows (a first champion) there is nothing to give away: rolling origin keeps its own distance.
    """
    time, delay = model.data.time, model.data.label_delay
    limit = Threshold(op="equals", value=0)
    title = "Held-out rows that training rows give away"
    if holdout.empty:
        reason = "no rows are held out: a first champion is judged by rolling origin"
        return Measure("leak_free_split", 0, Verdict.PASS, reason, {}, limit, title, "rows")
    if train.empty or holdout[time].isna().all():
        reason = "there are no training rows" if train.empty else "no held-out row has a time"
        return Measure("leak_free_split", None, Verdict.INSUFFICIENT, reason, {}, limit, title, "rows")
    late = int((~(train[time] + delay < holdout[time].min())).sum())  # a row without a time may be a late one
    columns = [name for name in train.columns if name in holdout.columns]
    both = int(_keys(holdout[columns]).isin(_keys(train[columns])).sum())
    detail: dict[str, Any] = {"late_labels": late, "duplicates": both}
    if model.data.entity:
        known = holdout[model.data.entity].isin(train[model.data.entity])
        detail["share_of_known_entities"] = float(known.mean())
    found = late + both
    told = [f"{late} training labels were not known when the held-out period began"] if late else []
    told += [f"{both} held-out rows stand in the training rows too"] if both else []
    verdict = Verdict.FAIL if found else Verdict.PASS
    told = told or ["every training label was known before the held-out period, and no row stands on both sides"]
    return Measure("leak_free_split", found, verdict, "; ".join(told), detail, limit, title, "rows")


def rows_told(rows: pd.DataFrame, model: ModelFile, at_least: int, more: str = "") -> str:
    """How many rows a part of the split has, of which days, and whether these are enough; `more` is added."""
    if rows.empty:
        return more or "there is no row with a label"
    times = rows[model.data.time]
    told = f"{len(rows):,} rows with a label, {times.min():%Y-%m-%d} to {times.max():%Y-%m-%d}"
    if len(rows) < at_least:
        told += f", {at_least:,} are needed: were labels lost? Otherwise wait for more, or lengthen evaluation.window"
    return f"{told}; {more}" if more else told


def unseen(adoption: Mapping[str, Any] | None) -> list[Measure]:
    """Whether an adopted model (`Adopted.to_dict`) has seen the held-out rows; nothing where none is adopted."""
    if adoption is None:
        return []
    end, title = adoption.get("trained_until"), "Held-out rows that the adopted model cannot have seen"
    detail = {"uri": adoption.get("uri"), "trained_until": end}
    if not end:
        title = "it is not said until when the adopted model was trained (--trained-until)"
        reason = "it may have seen every one of the held-out rows"
        return [Measure("unseen_by_adopted", None, Verdict.INSUFFICIENT, reason, detail, title=title)]
    reason = f"as stated by who adopts it, its training ended before {str(end)[:16]}; held-out rows are later"
    return [Measure("unseen_by_adopted", "all", Verdict.PASS, reason, detail, title=title)]


def split_figure(train: pd.DataFrame, holdout: pd.DataFrame, model: ModelFile) -> charts.Chart:
    """Rows of each date that has some (a day, or the month or year that it stands for), training and held out."""
    parts = {"training": train, "held out": holdout}
    lines = {}
    for name, part in parts.items():
        if len(part):
            days = part[model.data.time].dt.floor("D").value_counts().sort_index()
            lines[f"{name} ({len(part):,} rows)"] = (list(days.index), [float(count) for count in days])
    if holdout.empty:
        title = f"All {len(train):,} rows are training rows: there is no champion to compare with"
    else:
        title = f"The newest {len(holdout):,} rows are held out, {len(train):,} earlier ones are learned from"
    told = "each dot or line point is a date that has rows, UTC"
    return charts.over_time(title, lines, y_label="rows of a date", subtitle=told)


def _keys(table: pd.DataFrame) -> pd.Series:
    return pd.util.hash_pandas_object(table, index=False)
