"""The snapshot against the champion's training rows: what is new, what is gone, and what was rewritten.

The rules:
* rows that the champion learned from must still be there, with the same times and labels: otherwise the table is
  truncated, or the past was changed, and no comparison with the champion means what it says;
* rows are recognised by `data.id`; without ids by their time and what they hold (`past_labels`), and their number over
  the same span of time is compared;
* categories, missing values, units and the share of groups are compared because a model that meets what it never
  learned guesses.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence import rules, units
from sopkit.evidence.by_period import moments
from sopkit.evidence.findings import Finding, finding, of_rows
from sopkit.evidence.past_labels import changed_labels

__all__ = ["against_reference"]

CALENDAR = ("hour", "day", "dayofweek", "month", "year", "quarter")


def against_reference(
    table: pd.DataFrame,
    reference: pd.DataFrame,
    model: ModelFile,
    limits: rules.Validation,
    target_columns: tuple[str, ...] = (),
) -> list[Finding]:
    """Everything that changed since the last training. `reference` has the rows that the champion learned from."""
    found = []
    for name, feature in model.features.items():
        if name not in table.columns or name not in reference.columns:
            continue
        before, now = reference[name], table[name]
        found += _missing(before, now, name, limits)
        if feature.type == "categorical":
            found += _categories(before, now, name, table, model, limits)
        elif feature.type == "numeric":
            found += units.since(before, now, name)
    found += _rewritten(table, reference, model, limits, target_columns)
    time = model.data.time
    if time in table.columns and time in reference.columns:
        found += _groups(table, reference, model, limits)
        found += _calendar(table, reference, model)
    return found


def _missing(before: pd.Series, now: pd.Series, name: str, limits: rules.Validation) -> list[Finding]:
    was, is_now = float(before.isna().mean()), float(now.isna().mean())
    if abs(is_now - was) <= limits.missing_jump:
        return []
    told = f"{name} was missing in {was:.1%} of the champion's training rows, now in {is_now:.1%}"
    remedy, count = "ask what changed at the source", int(now.isna().sum())
    return [finding("missing_jump", told, name, count=count, share=is_now, remedy=remedy)]


def _categories(
    before: pd.Series, now: pd.Series, name: str, table: pd.DataFrame, model: ModelFile, limits: rules.Validation
) -> list[Finding]:
    found = []
    was, is_now = before.dropna().astype(str), now.dropna().astype(str)
    unseen = now.notna() & ~now.astype(str).isin(was.unique())
    if unseen.any():
        which = ", ".join(map(str, now[unseen].value_counts().index[:5]))
        told = f"{int(unseen.sum()):,} rows have values of {name} that training never saw ({which})"
        code = "unseen_category" if unseen.mean() > limits.unseen else "unseen_rarely"
        remedy = "ask whether codes were renamed; a model guesses where it has learned nothing"
        found.append(of_rows(code, told, name, unseen, table, model, remedy=remedy))
    shares = was.value_counts(normalize=True)
    there = set(is_now.unique())
    gone = [value for value in shares.index[shares >= limits.category] if value not in there]
    if gone and len(is_now) * limits.category >= 30:
        told = f"Values of {name} that training saw often are not there any more: {', '.join(gone[:5])}"
        remedy = "ask whether codes were renamed, or a source is missing"
        found.append(finding("category_vanishes", told, name, remedy=remedy))
    return found


def _rewritten(
    table: pd.DataFrame,
    reference: pd.DataFrame,
    model: ModelFile,
    limits: rules.Validation,
    target_columns: tuple[str, ...],
) -> list[Finding]:
    ids, time = model.data.id, model.data.time
    if not ids or not all(name in side.columns for name in ids for side in (table, reference)):
        return _fewer(table, reference, model, limits) + _relabelled(table, reference, model, limits, target_columns)
    kept = [name for name in table.columns if name in reference.columns]
    old = reference[kept].drop_duplicates(ids)
    both = old.merge(table[kept].drop_duplicates(ids), on=ids, how="left", suffixes=("", " now"), indicator="where")
    lost = (both["where"] == "left_only").to_numpy(copy=True)
    if model.data.history is not None and time in kept:
        lost &= (moments(both[time]) >= moments(table[time]).min()).to_numpy()
    found = []
    if lost.mean() > limits.lost:
        told = f"{int(lost.sum()):,} of {len(both):,} rows that the champion learned from are not there any more"
        remedy = "restore the source; if rows were dropped on purpose, say why in a waiver"
        found.append(of_rows("rows_lost", told, "", lost, both, model, remedy=remedy))
    there = both[both["where"] == "both"].reset_index(drop=True)
    for name in (name for name in kept if name not in ids and len(there)):
        was, is_now = there[name], there[f"{name} now"]
        same = (was.astype(object) == is_now.astype(object)) | (was.isna() & is_now.isna())
        changed = ~same.fillna(False).astype(bool).to_numpy()
        about = name == time or name in target_columns
        if changed.mean() <= (limits.rewritten if about else limits.lost) or not (about or name in model.features):
            continue
        told = f"{name} has changed in {int(changed.sum()):,} of {len(there):,} rows that the champion learned from"
        remedy = "ask why the past was rewritten; a comparison with the champion rests on the same rows"
        code, show = "history_rewritten" if about else "values_revised", [f"{name} now"]
        found.append(of_rows(code, told, name, changed, there, model, remedy=remedy, show=show))
    return found


def _fewer(table: pd.DataFrame, reference: pd.DataFrame, model: ModelFile, limits: rules.Validation) -> list[Finding]:
    time = model.data.time
    if time not in table.columns or time not in reference.columns:
        return []
    was, now = moments(reference[time]), moments(table[time])
    start = now.min() if model.data.history is not None else was.min()
    old, kept = int((was >= start).sum()), int(((now >= start) & (now <= was.max())).sum())
    if old < 30 or kept >= (1 - limits.lost) * old:
        return []
    told = f"Up to {was.max():%Y-%m-%d} there are {kept:,} rows, the champion learned from {old:,}"
    remedy = "restore the source; if rows were dropped on purpose, say why in a waiver"
    return [finding("rows_lost", told, count=old - kept, share=(old - kept) / old, remedy=remedy)]


def _relabelled(
    table: pd.DataFrame,
    reference: pd.DataFrame,
    model: ModelFile,
    limits: rules.Validation,
    target_columns: tuple[str, ...],
) -> list[Finding]:
    shared = [name for name in reference.columns if name in table.columns]
    labels = [name for name in dict.fromkeys(target_columns) if name in shared]
    if model.data.time not in shared or not labels:
        return []
    known, features = reference[reference[labels].notna().all(axis=1)], [n for n in model.features if n in shared]
    changed, rows = changed_labels(known, table, model.data.time, features, labels)
    if rows < 30 or changed <= limits.rewritten * rows:
        return []
    told = f"{', '.join(labels)} is not what it was in {changed:,} of {rows:,} rows that the champion learned from: "
    told += "other labels stand at the same times"
    remedy = "ask why the past was rewritten; a comparison with the champion rests on the same rows"
    return [finding("history_rewritten", told, labels[0], count=changed, share=changed / rows, remedy=remedy)]


def _groups(table: pd.DataFrame, reference: pd.DataFrame, model: ModelFile, limits: rules.Validation) -> list[Finding]:
    """Groups of slices and protected attributes whose share has fallen, in the rows since the last training."""
    newer = (moments(table[model.data.time]) > moments(reference[model.data.time]).max()).to_numpy()
    rows = table[newer] if newer.sum() >= limits.period_rows else table
    found = []
    for name in dict.fromkeys([*model.slices, *model.protected]):
        if name not in table.columns or name not in reference.columns or reference[name].nunique() > 100:
            continue
        was = reference[name].astype(str).value_counts(normalize=True)
        is_now = rows[name].astype(str).value_counts(normalize=True).reindex(was.index, fill_value=0.0)
        shrunk = was.index[(is_now < limits.shrunk * was) & (was * len(rows) >= 30)]
        if len(shrunk):
            told = "; ".join(f"{group} from {was[group]:.1%} to {is_now[group]:.1%} of rows" for group in shrunk[:4])
            remedy = "ask why they are missing; a model judged without them may fail them"
            sentence = f"Groups of {name} have shrunk since the last training: {told}"
            found.append(finding("group_shrinks", sentence, name, remedy=remedy))
    return found


def _calendar(table: pd.DataFrame, reference: pd.DataFrame, model: ModelFile) -> list[Finding]:
    """Columns that repeated the calendar of the time column and do not any more: shuffled or shifted times."""
    was, now = moments(reference[model.data.time]), moments(table[model.data.time])
    found = []
    for name in model.features:
        if name not in table.columns or name not in reference.columns:
            continue
        before = _numbers(reference[name])
        if np.isnan(before).all():
            continue
        values = _numbers(table[name])
        for part in CALENDAR:
            gap = before - getattr(was.dt, part).to_numpy(dtype=float)
            usual = gap[~np.isnan(gap)]
            if (
                not len(usual)
                or not np.ptp(before[~np.isnan(before)])
                or np.mean(usual == (offset := np.median(usual))) < 0.99
            ):
                continue
            differs = (values - getattr(now.dt, part).to_numpy(dtype=float) != offset) & ~np.isnan(values)
            if differs.mean() > 0.01:
                told = f"{name} was the {part} of {model.data.time} when the champion was trained, and is not any more "
                told += f"in {int(differs.sum()):,} rows"
                remedy = "were times shuffled, or shifted to another time zone?"
                found.append(of_rows("calendar_disagrees", told, name, differs, table, model, remedy=remedy))
            break
    return found


def _numbers(values: pd.Series) -> np.ndarray:
    """Floats, NaN for what is no number; texts are read once for each different one."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        return values.to_numpy(dtype=float, na_value=np.nan)
    try:
        codes, different = pd.factorize(values)
    except TypeError:  # lists or dicts in a column cannot be compared by hash, and are no numbers
        return np.full(len(values), np.nan)
    read = pd.to_numeric(pd.Series(different), errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.append(read, np.nan)[codes]
