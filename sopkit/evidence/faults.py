"""The single checks of a table. Each gives findings; `validation` decides which are made and in what order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence import rules
from sopkit.evidence.findings import Finding, Severity
from sopkit.evidence.measure import number
from sopkit.evidence.profiles import numbers

__all__ = ["against_reference", "duplicates", "missing_columns", "values"]

# Scale factors between units that are mixed up in practice: °C and °F, thousands, percent, minutes, inches, pounds …
FACTORS = (1.8, 1000.0, 100.0, 60.0, 24.0, 3600.0, 2.54, 3.2808, 1.6093, 2.2046, 4.4482, 1e6)


def missing_columns(table: pd.DataFrame, needed: Sequence[str]) -> list[Finding]:
    return [
        Finding(
            "missing_column",
            "block",
            f"The column {name} is not there",
            name,
            remedy=f"the columns are: {', '.join(map(str, list(table.columns)[:30]))}",
        )
        for name in dict.fromkeys(needed)
        if name not in table.columns
    ]


def values(table: pd.DataFrame, model: ModelFile, limits: rules.Validation) -> list[Finding]:
    """Missing, constant, infinite and wild values, column by column and together."""
    found: list[Finding] = []
    gone = table.isna()
    for name in map(str, table.columns):
        if name not in table.columns:
            continue  # a column whose name is not a text cannot be named in a model file
        found += _missing(gone[name], name, model, table, limits)
        column = table[name]
        if name in model.features and column.notna().any() and column.nunique(dropna=False) == 1:
            told = f"{name} has one value only ({column.iloc[0]})"
            found.append(
                Finding("constant", "warn", told, name, len(column), 1.0, remedy="it can teach nothing; exclude it")
            )
        if pd.api.types.is_float_dtype(column.dtype):
            endless = np.isinf(column.to_numpy(dtype=float, na_value=np.nan))
            if endless.any():
                told = f"{int(endless.sum()):,} values of {name} are infinite"
                found.append(
                    _finding("infinite", "warn", told, name, endless, table, model, "they are read as missing", limits)
                )
        if name in model.features and model.features[name].type == "numeric":
            found += _wild(column, name, model, table, limits)
    features = [name for name in model.features if name in table.columns]
    return found + _together(gone[features], table, model, limits)


def _missing(
    gone: pd.Series, name: str, model: ModelFile, table: pd.DataFrame, limits: rules.Validation
) -> list[Finding]:
    count, share = int(gone.sum()), float(gone.mean())
    if not count:
        return []
    rule = model.data.columns.get(name)
    told = f"{name} is missing in {count:,} of {len(gone):,} rows ({share:.1%})"
    if name in model.excluded:
        return [Finding("missing", "note", f"{told}; excluded: {model.excluded[name]}", name, count, share)]
    if share == 1.0 and name in model.features:
        return [
            Finding(
                "no_values",
                "block",
                f"The feature {name} has no value at all",
                name,
                count,
                share,
                remedy="repair the source, or exclude it",
            )
        ]
    if rule is not None and rule.missing_at_most is not None and share > rule.missing_at_most:
        told += f", at most {rule.missing_at_most:.1%} is allowed"
        return [
            _finding("missing", rule.severity, told, name, gone.to_numpy(), table, model, "repair the source", limits)
        ]
    if name == model.data.time:
        severity: Severity = "block" if share > limits.mostly_missing else "warn"
        return [
            _finding(
                "missing",
                severity,
                told,
                name,
                gone.to_numpy(),
                table,
                model,
                "a row without a time cannot be used",
                limits,
            )
        ]
    used = name in model.features or name in model.data.id or name == model.data.entity
    worth = used and share > (limits.missing if rule is None or rule.missing_at_most is None else 1.0)
    remedy = "exclude it, or say with `missing_at_most` how much is normal" if worth else ""
    return [_finding("missing", "warn" if worth else "note", told, name, gone.to_numpy(), table, model, remedy, limits)]


def _together(gone: pd.DataFrame, table: pd.DataFrame, model: ModelFile, limits: rules.Validation) -> list[Finding]:
    """Columns that go missing in the same rows point to one source that failed, such as a join."""
    hit = gone.to_numpy().sum(axis=1) >= limits.together
    if not hit.any():
        return []
    patterns = gone[hit].value_counts()
    pattern, count = patterns.index[0], int(patterns.iloc[0])
    names = [name for name, is_gone in zip(gone.columns, pattern, strict=True) if is_gone]
    rows = (gone[names].all(axis=1)).to_numpy()
    count = int(rows.sum())
    if count < 2:
        return []
    told = (
        f"{count:,} rows have none of {', '.join(names[:4])}{f' and {len(names) - 4} more' if len(names) > 4 else ''}"
    )
    remedy = "a join or a source has no match for these rows"
    return [_finding("missing_together", "warn", told, names[0], rows, table, model, remedy, limits)]


def _wild(
    column: pd.Series, name: str, model: ModelFile, table: pd.DataFrame, limits: rules.Validation
) -> list[Finding]:
    """Values many times farther out than the outermost thousandth: a wrong unit, a stuck sensor, a typo."""
    numeric = numbers(column)
    known = numeric[~np.isnan(numeric)]
    if len(known) < 1000:
        return []
    low, middle, high = np.quantile(known, [0.001, 0.5, 0.999])
    reach = limits.wild * max(high - middle, middle - low)
    if not reach:
        return []
    wild = np.abs(numeric - middle) > reach
    if not wild.any():
        return []
    farthest = known[np.argmax(np.abs(known - middle))]
    told = f"{int(wild.sum()):,} values of {name} are far outside the rest "
    told += f"({number(farthest)}, where 99.9 % lie below {number(high)})"
    return [
        _finding(
            "wild_value", "warn", told, name, wild, table, model, f"give `data.columns.{name}` a min and max", limits
        )
    ]


def duplicates(table: pd.DataFrame, model: ModelFile, limits: rules.Validation) -> list[Finding]:
    """Exact duplicates, ids that occur twice, entities that repeat."""
    found = []
    same = _duplicated(table)
    if same.any():
        told = f"{int(same.sum()):,} rows are exact duplicates of an earlier row"
        found.append(_finding("duplicate_rows", "warn", told, "", same, table, model, "keep the first of each", limits))
    ids = model.data.id
    if ids and all(name in table.columns for name in ids):
        twice = _duplicated(table[ids]) & ~same
        if twice.any():
            told = f"{int(twice.sum()):,} rows repeat an id ({', '.join(ids)}) with other values"
            remedy = "decide which one is true, or name the columns that tell rows apart under data.id"
            found.append(_finding("duplicate_id", "warn", told, ids[0], twice, table, model, remedy, limits))
    entity = model.data.entity
    if entity and entity in table.columns:
        repeated = table[entity].duplicated(keep=False) & table[entity].notna()
        if repeated.any():
            told = (
                f"{int(repeated.sum()):,} rows belong to a {entity} with more rows ({table[entity].nunique():,} in all)"
            )
            remedy = "a test on entities that training has seen flatters; see evaluation.by_entity"
            found.append(
                Finding(
                    "repeated_entity", "note", told, entity, int(repeated.sum()), float(repeated.mean()), remedy=remedy
                )
            )
    return found


def against_reference(
    table: pd.DataFrame, reference: pd.DataFrame, model: ModelFile, limits: rules.Validation
) -> list[Finding]:
    """Jumps since the last training: missing values, categories never seen, units."""
    found = []
    for name, feature in model.features.items():
        if name not in table.columns or name not in reference.columns:
            continue
        before, now = reference[name], table[name]
        was, is_now = float(before.isna().mean()), float(now.isna().mean())
        if abs(is_now - was) > limits.missing_jump:
            told = f"{name} was missing in {was:.1%} of the reference rows, now in {is_now:.1%}"
            found.append(
                Finding(
                    "missing_jump",
                    "warn",
                    told,
                    name,
                    int(now.isna().sum()),
                    is_now,
                    remedy="ask what changed at the source",
                )
            )
        if feature.type == "categorical":
            unseen = now.notna() & ~now.astype(str).isin(set(before.dropna().astype(str)))
            if unseen.mean() > 0:
                which = ", ".join(map(str, now[unseen].value_counts().index[:5]))
                told = f"{int(unseen.sum()):,} rows have values of {name} that training never saw ({which})"
                severity: Severity = "warn" if unseen.mean() > limits.unseen else "note"
                found.append(Finding("unseen_category", severity, told, name, int(unseen.sum()), float(unseen.mean())))
        elif feature.type == "numeric":
            found += _unit(numbers(before), numbers(now), name)
    return found


def _unit(before: np.ndarray, now: np.ndarray, name: str) -> list[Finding]:
    """A change that a known conversion explains and that leaves hardly any common ground."""
    before, now = before[~np.isnan(before)], now[~np.isnan(now)]
    if min(len(before), len(now)) < 100:
        return []
    was, is_now = (np.quantile(side, [0.05, 0.25, 0.5, 0.75, 0.95]) for side in (before, now))
    spread, spread_now = was[3] - was[1], is_now[3] - is_now[1]
    apart = is_now[1] > was[3] or is_now[3] < was[1]
    if not (spread > 0 and spread_now > 0 and apart):
        return []
    ratio = spread_now / spread
    for factor in (*FACTORS, *(1 / f for f in FACTORS)):
        offsets = {1.8: 32.0, 1 / 1.8: -32.0 / 1.8}
        expected = was[2] * factor + offsets.get(factor, 0.0)
        near = abs(is_now[2] - expected) <= 0.25 * spread_now
        if abs(ratio / factor - 1) < 0.15 and near:
            told = f"{name} looks as if its unit had changed by a factor of {number(factor)} "
            told += f"(median {number(was[2])}, now {number(is_now[2])})"
            return [
                Finding(
                    "unit_jump",
                    "warn",
                    told,
                    name,
                    remedy="ask the source for the unit; give `data.columns` a min and max",
                )
            ]
    return []


def _duplicated(table: pd.DataFrame) -> np.ndarray:
    try:
        return table.duplicated().to_numpy()
    except TypeError:  # lists or dicts in a column cannot be compared by hash
        return table.astype(str).duplicated().to_numpy()


def _finding(
    name: str, severity: Severity, told: str, column: str, rows: np.ndarray, table: pd.DataFrame, model: ModelFile,
    remedy: str, limits: rules.Validation,
) -> Finding:  # fmt: skip
    places = np.flatnonzero(rows)
    shown = [c for c in dict.fromkeys([*model.data.id, model.data.time, column]) if c in table.columns]
    examples = table.iloc[places[: limits.examples]][shown].to_dict("records") if shown else []
    return Finding(
        name, severity, told, column, len(places), len(places) / len(table),
        tuple({str(k): str(v) for k, v in row.items()} for row in examples), remedy,
    )  # fmt: skip
