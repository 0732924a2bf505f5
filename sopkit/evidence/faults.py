"""The single checks of a table's values and rows. `validation` decides which are made and in what order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence import rules
from sopkit.evidence.by_period import numeric_columns
from sopkit.evidence.findings import Finding, finding, of_rows
from sopkit.evidence.measure import counted, number, percent
from sopkit.evidence.profiles import numbers

__all__ = ["cleaning", "duplicates", "missing_columns", "values"]

FEW_VALUES = 10  # as in `by_period`: so few numbers may be counts or codes
MANY = 1000  # rows from which on a share such as "nearly every row" says something


def missing_columns(table: pd.DataFrame, needed: Sequence[str]) -> list[Finding]:
    there = f"the columns are: {', '.join(map(str, list(table.columns)[:30]))}"
    return [
        finding("missing_column", f"The column {name} is not there", name, remedy=there)
        for name in dict.fromkeys(needed)
        if name not in table.columns
    ]


def cleaning(
    rows: int, removed: Mapping[str, int], changed: Mapping[str, int], limits: rules.Validation
) -> list[Finding]:
    """What recorded cleaning took out or changed, and whether that was much. `rows` are those that stayed."""
    before = max(rows + sum(removed.values()), 1)
    found = []
    for reason, count in removed.items():
        told = f"{counted(count, 'row', 'was', 'were')} taken out: {reason}"
        found.append(finding("removed", told, reason, count=count, share=count / before))
        if count / before > limits.removed:
            told = f"{count / before:.0%} of all rows were taken out: {reason}"
            remedy = "was a source joined twice, or read in part? Look at the rows, and at data.keep_rows_where"
            found.append(finding("much_removed", told, reason, count=count, share=count / before, remedy=remedy))
    if changed:
        told = "; ".join(f"{reason} ({count:,})" for reason, count in sorted(changed.items(), key=lambda i: -i[1])[:6])
        more = f" and {len(changed) - 6} more" if len(changed) > 6 else ""
        found.append(finding("changed", f"Cleaning changed values: {told}{more}", count=sum(changed.values())))
    return found


def values(table: pd.DataFrame, model: ModelFile, limits: rules.Validation) -> list[Finding]:
    """Missing, constant, infinite and wild values and numbers that stand for something else, column by column."""
    found: list[Finding] = []
    gone, numeric_ones = table.isna(), numeric_columns(table, model)
    for name in [name for name in table.columns if isinstance(name, str)]:  # others cannot be named in a model file
        found += _missing(gone[name], name, model, table, limits)
        column = table[name]
        if pd.api.types.is_float_dtype(column.dtype):
            endless = np.isinf(column.to_numpy(dtype=float, na_value=np.nan))
            if endless.any():
                told = f"{name} is infinite in {counted(int(endless.sum()), 'row')}"
                found.append(of_rows("infinite", told, name, endless, table, model, remedy="they are read as missing"))
        if name in model.features and column.notna().any():
            found += _alike(column, name, model)
        if name in numeric_ones and column.notna().any():
            numeric = numbers(column)
            sentinels, found_here = _sentinels(numeric, name, model, table)
            found += found_here + _wild(np.where(sentinels, np.nan, numeric), name, model, table, limits)
    features = [name for name in model.features if name in table.columns]
    return found + _together(gone[features], table, model, limits)


def _missing(
    gone: pd.Series, name: str, model: ModelFile, table: pd.DataFrame, limits: rules.Validation
) -> list[Finding]:
    count, share = int(gone.sum()), float(gone.mean())
    if not count:
        return []
    rule = model.data.columns.get(name)
    told = f"{name} is missing in {count:,} of {len(gone):,} rows ({percent(share)})"
    if name in model.excluded:
        return [finding("missing", f"{told}; excluded: {model.excluded[name]}", name, count=count, share=share)]
    if share == 1.0 and name in model.features:
        told, remedy = f"The feature {name} has no value at all", "repair the source, or exclude it"
        return [finding("no_values", told, name, count=count, share=share, remedy=remedy)]
    if rule is not None and rule.missing_at_most is not None and share > rule.missing_at_most:
        told += f", at most {percent(rule.missing_at_most)} is allowed"
        remedy, severity = "repair the source", rule.severity
        return [of_rows("missing_beyond_limit", told, name, gone, table, model, remedy=remedy, severity=severity)]
    if name == model.data.time:
        code = "no_times" if share > limits.mostly_missing else "missing_times"
        return [of_rows(code, told, name, gone, table, model, remedy="a row without a time cannot be used")]
    used = name in model.features or name in model.data.id or name == model.data.entity
    declared = rule is not None and rule.missing_at_most is not None
    often = used and share > limits.missing and not declared
    remedy = "exclude it, or say with `missing_at_most` how much is normal" if often else ""
    return [of_rows("often_missing" if often else "missing", told, name, gone, table, model, remedy=remedy)]


def _alike(column: pd.Series, name: str, model: ModelFile) -> list[Finding]:
    """One value only, one value nearly always, or in a category a value of its own for every row."""
    try:
        counts = column.value_counts(dropna=False)
    except TypeError:  # lists or dicts in a column cannot be compared by hash
        counts = column.astype(str).value_counts(dropna=False)
    most = int(counts.iloc[0])
    if most == len(column):
        told = f"{name} has one value only ({counts.index[0]})"
        return [finding("constant", told, name, count=most, share=1.0, remedy="it can teach nothing; exclude it")]
    if most > 0.999 * len(column):
        told = f"{name} is {counts.index[0]} in all but {len(column) - most:,} of {len(column):,} rows"
        return [finding("almost_constant", told, name, count=most, share=most / len(column), remedy="exclude it?")]
    if model.features[name].type == "categorical" and len(column) >= MANY and len(counts) > 0.9 * len(column):
        told = f"The category {name} has {len(counts):,} values in {len(column):,} rows: it names the row"
        remedy = "a model can only learn it by heart; exclude it, or make it a text"
        return [finding("names_rows", told, name, remedy=remedy)]
    return []


def _sentinels(
    numeric: np.ndarray, name: str, model: ModelFile, table: pd.DataFrame
) -> tuple[np.ndarray, list[Finding]]:
    """A repeated outermost value that lies apart from all others and stands for something else.

    Half the span of all others is apart enough for nines and a machine's limits. Any other number, such as 0 K, must
    be farther from them than they are from each other; where most rows have it, or where the others are a handful of
    counts, it is one of them.
    """
    known, times = np.unique(numeric[~np.isnan(numeric)], return_counts=True)
    marked = np.zeros(len(numeric), bool)
    told = []
    for place, beside in ((-1, -2), (0, 1)):
        if len(known) < 3:
            break
        value, rest = known[place], np.delete(known, place)
        gap, span = abs(value - known[beside]), rest[-1] - rest[0]
        alone = gap > span and times[place] < times.sum() / 2 and len(rest) > FEW_VALUES
        if times[place] > 1 and (alone or (gap > 0.5 * span and _stands_for_something(float(value)))):
            marked |= numeric == value
            told.append(f"{number(value)} ({counted(int(times[place]), 'row')})")
    if not told:
        return marked, []
    sentence = f"{name} has values that look as if they stood for something else: {' and '.join(told)}"
    remedy = "ask what it means; a value for 'missing' or 'never' is better missing, or a feature of its own"
    return marked, [of_rows("sentinel", sentence, name, marked, table, model, remedy=remedy)]


def _stands_for_something(value: float) -> bool:
    digits = str(int(abs(value))) if value == int(value) and abs(value) < 1e15 else ""
    nines = len(digits) >= 2 and set(digits) == {"9"}
    return nines or abs(value) in (32767.0, 32768.0, 2147483647.0, 2147483648.0, 888.0, 8888.0)


def _wild(
    numeric: np.ndarray, name: str, model: ModelFile, table: pd.DataFrame, limits: rules.Validation
) -> list[Finding]:
    """Values many times farther out than the outermost thousandth: a wrong unit, a stuck sensor, a typo."""
    known = numeric[~np.isnan(numeric)]
    if len(known) < MANY:
        return []
    low, middle, high = np.quantile(known, [0.001, 0.5, 0.999])
    reach = limits.wild * max(high - middle, middle - low)
    if not reach:
        return []
    wild = np.abs(numeric - middle) > reach
    if not wild.any():
        return []
    farthest = known[np.argmax(np.abs(known - middle))]
    told = f"{name} is far outside the rest in {counted(int(wild.sum()), 'row')} "
    told += f"({number(farthest)}, where 99.9 % lie below {number(high)})"
    return [of_rows("wild_value", told, name, wild, table, model, remedy=f"give `data.columns.{name}` a min and max")]


def _together(gone: pd.DataFrame, table: pd.DataFrame, model: ModelFile, limits: rules.Validation) -> list[Finding]:
    """Columns that go missing in the same rows point to one source that failed, such as a join."""
    hit = gone.to_numpy().sum(axis=1) >= limits.together
    if not hit.any():
        return []
    pattern = gone[hit].value_counts().index[0]
    names = [name for name, is_gone in zip(gone.columns, pattern, strict=True) if is_gone]
    rows = gone[names].all(axis=1).to_numpy()
    count = int(rows.sum())
    if count < 2:
        return []
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    told = f"{count:,} rows have none of {', '.join(names[:4])}{more}"
    remedy = "a join or a source has no match for these rows"
    return [of_rows("missing_together", told, names[0], rows, table, model, remedy=remedy)]


def duplicates(table: pd.DataFrame, model: ModelFile) -> list[Finding]:
    """Exact duplicates, ids that occur twice, contents that occur twice, entities that repeat."""
    found = []
    same = _duplicated(table)
    if same.any():
        told = f"{counted(int(same.sum()), 'row', 'repeats', 'repeat')} an earlier row exactly"
        found.append(of_rows("duplicate_rows", told, "", same, table, model, remedy="keep the first of each"))
    ids = model.data.id
    if ids and all(name in table.columns for name in ids):
        twice = _duplicated(table[ids]) & ~same
        if twice.any():
            told = f"{counted(int(twice.sum()), 'row', 'repeats', 'repeat')} an id ({', '.join(ids)}) with other values"
            remedy = "decide which one is true, or name the columns that tell rows apart under data.id"
            found.append(of_rows("duplicate_id", told, ids[0], twice, table, model, remedy=remedy))
    content = [name for name in table.columns if name not in (*ids, model.data.time)]
    copied = _duplicated(table[content]) & ~same if len(content) > 1 else np.zeros(len(table), bool)
    if copied.any():
        told = f"{counted(int(copied.sum()), 'row', 'differs', 'differ')} from an earlier row in time and id only"
        remedy = "copies under another date make a test on later rows too easy"
        found.append(of_rows("same_content", told, "", copied, table, model, remedy=remedy))
    return found + _entities(table, model)


def _entities(table: pd.DataFrame, model: ModelFile) -> list[Finding]:
    entity, time = model.data.entity, model.data.time
    if not entity or entity not in table.columns:
        return []
    owner = table[entity]
    repeated = owner.duplicated(keep=False) & owner.notna()
    if not repeated.any():
        return []
    told = f"{int(repeated.sum()):,} rows share their {entity} with other rows ({owner.nunique():,} in all)"
    if owner.nunique() == 1:
        told = f"All rows belong to one {entity}"
    elif time in table and pd.api.types.is_datetime64_any_dtype(table[time].dtype):
        newest = table[time] > table[time].max() - model.evaluation.window
        known = owner[newest].isin(owner[~newest].dropna().unique())
        if len(known) < len(owner):
            told += f"; in the newest window {known.mean():.0%} of rows are of one that occurs before"
    remedy = "a test on entities that training has seen flatters; see evaluation.by_entity"
    count, share = int(repeated.sum()), float(repeated.mean())
    return [finding("repeated_entity", told, entity, count=count, share=share, remedy=remedy)]


def _duplicated(table: pd.DataFrame) -> np.ndarray:
    try:
        return table.duplicated().to_numpy()
    except TypeError:  # lists or dicts in a column cannot be compared by hash
        return table.astype(str).duplicated().to_numpy()
