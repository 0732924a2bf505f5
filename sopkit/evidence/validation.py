"""Validation: is this table what its model file says, and is it fit to learn from?

The rules:
* which finding stops a run and which is put before the person who signs for the data stands in `finding_rules`;
* a check that cannot be made (no reference, no labels yet) is not passed over: `looked_at` names what was checked;
* times (freshness, gaps, volume) are asked of every row that was delivered, with a label or without;
* the table is held against its model file, against itself (period by period, group by group) and against the rows
  that the champion learned from.

Constraints of the model file are checked through pandera, all of them and all rows, not the first failure only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence import faults, history, rules, spelling, timing, units
from sopkit.evidence.by_period import categories, missing_by_period, moments, periods_of, standstill
from sopkit.evidence.findings import Finding, Findings
from sopkit.evidence.label_faults import label_findings
from sopkit.evidence.leaks import Leaks, suspected_leaks
from sopkit.evidence.near_duplicates import repeated_texts
from sopkit.evidence.representation import representation
from sopkit.evidence.schema import schema_findings
from sopkit.evidence.twins import twins

__all__ = ["validate"]


class Cleaning(Protocol):
    """What recorded cleaning did: reason -> rows, reason -> values, and the rows that lacked a label that was due."""

    @property
    def removed(self) -> Mapping[str, int]: ...
    @property
    def changed(self) -> Mapping[str, int]: ...
    @property
    def unlabelled(self) -> pd.DataFrame: ...


def validate(
    table: pd.DataFrame,
    model: ModelFile,
    *,
    as_of: datetime,
    target: pd.Series | None = None,
    target_columns: Iterable[str] = (),
    reference: pd.DataFrame | None = None,
    cleaned: Cleaning | None = None,
    leaks: Leaks | None = None,
    limits: rules.Validation = rules.VALIDATION,
) -> Findings:
    """Every finding about `table` as of a moment.

    `target` is aligned with the table (missing where a label is not known); by default the target's column.
    `target_columns` are those an expression target is made of, `reference` the rows of the last training,
    `cleaned` what recorded cleaning took out and changed, to be shown beside the rest; `leaks` where they were looked
    for already.
    Raises nothing for bad data; a table that lacks its columns gets the findings that can be made without them.
    """
    time = model.data.time
    if target is None and model.target.column in table.columns:
        target = table[model.target.column]
    target_columns = [*target_columns, *([model.target.column] if model.target.column else [])]
    needed = [time, *model.features, *model.data.id, *([model.data.entity] if model.data.entity else [])]
    needed += [*target_columns, *model.slices, *model.protected]
    found = faults.missing_columns(table, needed)
    found += timing.volume(table, model.data.minimum_rows)
    found += faults.cleaning(len(table), cleaned.removed, cleaned.changed, limits) if cleaned is not None else []
    looked_at = ["columns", "volume"]
    unlabelled = cleaned.unlabelled if cleaned is not None else table.iloc[:0]
    if len(table):
        found += faults.values(table, model, limits)
        found += schema_findings(table, model, limits.examples)
        found += faults.duplicates(table, model)
        found += twins(table, model)
        found += repeated_texts(table, model)
        found += spelling.texts(table, model, target_columns)
        found += units.two_scales(table, model, limits)
        found += units.by_group(table, model, _groups(table, model), limits)
        looked_at += ["values", "constraints", "missing values", "duplicates", "spelling", "units"]
        if time in table:
            delivered = pd.concat([table, unlabelled]) if len(unlabelled) else table
            found += timing.times(delivered, model, as_of, limits, _end(reference, time))
            found += _by_period(table, model, limits)
            looked_at += ["times", "freshness", "periods"]
        if reference is not None and len(reference):
            found += history.against_reference(table, reference, model, limits, tuple(target_columns))
            looked_at.append("reference")
        if target is not None and time in table:
            found += label_findings(table, target, model, as_of, unlabelled)
            options: dict[str, Any] = {"task": model.target.task, "time": time, "ids": model.data.id}
            leaks = leaks or suspected_leaks(table, target, model.features, target_columns=target_columns, **options)
            found += leaks.findings
            columns = [name for name in dict.fromkeys([*model.slices, *model.protected]) if name in table]
            found += representation(table, target, columns, task=model.target.task).findings(model.protected)
            looked_at += ["labels", "leaks", "groups"]
    return Findings((), len(table)).plus(found, looked_at)


def _end(reference: pd.DataFrame | None, time: str) -> pd.Timestamp | None:
    """Up to when the champion's training rows go."""
    newest = moments(reference[time]).max() if reference is not None and time in reference else pd.NaT
    return None if pd.isna(newest) else newest


def _by_period(table: pd.DataFrame, model: ModelFile, limits: rules.Validation) -> list[Finding]:
    found = list(missing_by_period(table, model, limits).findings)
    periods = periods_of(table[model.data.time], limits.period_rows)
    found += standstill(table, model, periods)
    found += categories(table, model, periods, limits)
    return found + units.by_period(table, model, periods)


def _groups(table: pd.DataFrame, model: ModelFile) -> list[str]:
    """The columns that tell groups of rows apart: slices, protected attributes and categories."""
    kinds = [name for name, feature in model.features.items() if feature.type == "categorical"]
    return [name for name in dict.fromkeys([*model.slices, *model.protected, *kinds]) if name in table.columns]
