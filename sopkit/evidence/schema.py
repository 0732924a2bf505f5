"""The constraints of a model file, checked on every row: the only door of pandera."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import Column, ModelFile
from sopkit.evidence.findings import Finding, of_rows
from sopkit.evidence.measure import counted

__all__ = ["schema_findings"]

# How a check begins to be told -> the finding's name
CODES = {
    "a number": "some_not_numbers",
    "at least": "below_minimum",
    "at most": "above_maximum",
    "one of": "not_allowed",
    "of the": "not_of_pattern",
}


def schema_findings(table: pd.DataFrame, model: ModelFile, examples: int = 5) -> list[Finding]:
    """One finding for each constraint that rows violate, with their number and some of them."""
    constrained = [
        name
        for name in [*model.data.columns, *(n for n in model.features if n not in model.data.columns)]
        if name in table.columns and (name in model.data.columns or _numeric(model, name, table[name]))
    ]
    if not constrained:  # pandera takes half a second to import
        return []
    import pandera.errors
    import pandera.pandas as pa

    columns = {
        name: pa.Column(
            checks=_checks(pa, model.data.columns.get(name), _numeric(model, name, table[name])),
            nullable=True,
            name=name,
        )
        for name in constrained
    }
    try:
        pa.DataFrameSchema(columns).validate(table.reset_index(drop=True), lazy=True)
    except pandera.errors.SchemaErrors as failed:
        cases = failed.failure_cases
    else:
        return []
    found = []
    for (name, told), rows in cases.groupby(["column", "check"], sort=False):
        rule = model.data.columns.get(str(name)) or Column()
        places = [int(place) for place in rows["index"].dropna()]
        count = len(places) or len(rows)
        values = ", ".join(dict.fromkeys(str(value)[:40] for value in rows["failure_case"].head(examples)))
        verb = "is" if count == 1 else "are"
        sentence = f"{counted(count, 'value')} of {name} {verb} not {told} (such as {values})"
        code = CODES[" ".join(str(told).split()[:2])]
        remedy = f"correct them, or change `data.columns.{name}` in the model file"
        if code == "some_not_numbers":
            # a column of numbers of which half are texts is another column
            code = "not_numbers" if count > len(table) / 2 else code
            remedy = "list texts that mean 'missing' under data.missing_values, or declare the feature categorical"
        marked = np.isin(np.arange(len(table)), places)
        item = of_rows(code, sentence, str(name), marked, table, model, remedy=remedy, severity=rule.severity)
        found.append(replace(item, count=count, share=count / len(table)))
    return found


def _checks(pa: Any, rule: Column | None, numeric: bool) -> list[Any]:
    checks = []
    rule = rule or Column()
    if numeric or rule.min is not None or rule.max is not None:
        checks.append(
            _check(pa, lambda values: pd.to_numeric(values, errors="coerce").notna() | values.isna(), "a number")
        )
    if rule.min is not None:
        checks.append(
            _check(pa, lambda values: ~(pd.to_numeric(values, errors="coerce") < rule.min), f"at least {rule.min:g}")
        )
    if rule.max is not None:
        checks.append(
            _check(pa, lambda values: ~(pd.to_numeric(values, errors="coerce") > rule.max), f"at most {rule.max:g}")
        )
    if rule.allowed is not None:
        allowed = {str(value) for value in rule.allowed} | set(rule.allowed)
        told = "one of " + ", ".join(str(value) for value in rule.allowed[:8])
        checks.append(_check(pa, lambda values: values.isin(allowed) | values.astype(str).isin(allowed), told))
    if rule.pattern is not None:
        told = f"of the pattern {rule.pattern}"
        checks.append(_check(pa, lambda values: values.astype(str).str.fullmatch(rule.pattern), told))
    return checks


def _check(pa: Any, rule: Any, told: str) -> Any:
    # pandera 0.35 hands the values without the missing ones; comparisons give plain booleans then
    return pa.Check(lambda values: rule(values).astype(bool), name=told, error=told, ignore_na=True)


def _numeric(model: ModelFile, name: str, values: pd.Series) -> bool:
    """Whether it has to be checked that the values are numbers; those of a numeric type are."""
    declared = name in model.features and model.features[name].type == "numeric"
    return declared and not pd.api.types.is_numeric_dtype(values.dtype)
