"""Validation: is this table what its model file says, and is it fit to learn from?

The rules:
* what stops a run: missing columns, too few rows, a feature without any value, no labels or one class only,
  a declared constraint with `severity: block`, a suspected leak that nobody declared;
* everything else that looks odd is a finding for the person who signs for the data, with examples;
* a check that cannot be made (no reference, no labels yet) is not passed over: `looked_at` names what was checked.

Constraints of the model file are checked through pandera, all of them and all rows, not the first failure only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence import faults, rules, timing
from sopkit.evidence.findings import Finding, Findings, Severity
from sopkit.evidence.labels import label_maturity, label_rate
from sopkit.evidence.leaks import suspected_leaks
from sopkit.evidence.schema import schema_findings

__all__ = ["validate"]


def validate(
    table: pd.DataFrame,
    model: ModelFile,
    *,
    as_of: datetime,
    target: pd.Series | None = None,
    target_columns: Iterable[str] = (),
    reference: pd.DataFrame | None = None,
    removed: Mapping[str, int] | None = None,
    limits: rules.Validation = rules.VALIDATION,
) -> Findings:
    """Every finding about `table` as of a moment.

    `target` is aligned with the table (missing where a label is not known); by default the target's column.
    `target_columns` are those an expression target is made of, `reference` the rows of the last training,
    `removed` what recorded cleaning took out (reason -> rows), to be shown beside the rest.
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
    looked_at = ["columns", "volume"]
    for reason, count in (removed or {}).items():
        share = count / max(len(table) + sum((removed or {}).values()), 1)
        found.append(Finding("removed", "note", f"{count:,} rows were taken out: {reason}", "", count, share))
    if len(table):
        found += faults.values(table, model, limits)
        found += schema_findings(table, model, limits.examples)
        found += faults.duplicates(table, model, limits)
        looked_at += ["values", "constraints", "missing values", "duplicates"]
        if time in table:
            found += timing.times(table[time], model, as_of, limits)
            looked_at += ["times", "freshness"]
        if reference is not None and len(reference):
            found += faults.against_reference(table, reference, model, limits)
            looked_at.append("reference")
        if target is not None and time in table:
            found += _labels(table, target, model, as_of)
            leaks = suspected_leaks(
                table, target, model.features, task=model.target.task, time=time, target_columns=target_columns
            )
            found += leaks.findings
            looked_at += ["labels", "leaks"]
    return Findings((), len(table)).plus(found, looked_at)


def _labels(table: pd.DataFrame, target: pd.Series, model: ModelFile, as_of: datetime) -> list[Finding]:
    time, task = table[model.data.time], model.target.task
    found = []
    maturity = label_maturity(time, target, label_delay=model.data.label_delay, as_of=as_of)
    known = target.notna()
    if not known.any():
        return [Finding("no_labels", "block", "No row has a label", model.target.column or "", len(table), 1.0)]
    if target[known].nunique() == 1:
        only = target[known].iloc[0]
        told = f"Every label is {only!s}: there is nothing to learn"
        return [Finding("one_class", "block", told, model.target.column or "", int(known.sum()), 1.0)]
    lacking = maturity.mature - maturity.labelled
    if lacking:
        severity: Severity = "warn" if maturity.verdict == "fail" else "note"
        told = f"{lacking:,} rows older than the label delay have no label"
        found.append(Finding("label_missing", severity, told, "", lacking, lacking / len(table)))
    if maturity.early:
        told = (
            f"{maturity.early:,} labels came before their rows were mature; they are a biased sample and are not used"
        )
        found.append(Finding("early_labels", "note", told, "", maturity.early, maturity.early / len(table)))
    rate = label_rate(time, target, task=task)
    if rate.jumps:
        found.append(
            Finding("label_jump", "warn", rate.reason, "", len(rate.jumps), None, remedy="ask whether labels changed")
        )
    if rate.one_class:
        told = (
            f"There is one class only in {len(rate.one_class)} {rate.period}(s), first in that of {rate.one_class[0]}"
        )
        found.append(Finding("one_class_period", "warn", told, "", len(rate.one_class), None))
    return found
