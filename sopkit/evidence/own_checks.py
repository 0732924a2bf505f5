"""Checks of the data that the workspace's own functions make: `f(rows) -> the rows at fault`.

The rules:
* a function gets a copy of the cleaned rows; it answers with a truth value for each row (true: at fault), with the
  positions of the rows at fault, or with None where nothing is;
* rows at fault are a finding with their number and examples, of the severity that the model file gives the check;
* a function that raises, changes the number of rows, or answers with anything else has not been passed: that blocks,
  with the line of its file and no traceback.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence.calling import place_of
from sopkit.evidence.findings import Finding, finding, of_rows

__all__ = ["own_checks"]

Check = Callable[[pd.DataFrame], Any]
EXPECTED = "a truth value for each row, the positions of the rows at fault, or None"


def own_checks(table: pd.DataFrame, model: ModelFile, functions: Mapping[str, Check]) -> tuple[Finding, ...]:
    """The findings of `data.checks`; `functions` holds the function of each by its name. Raises nothing."""
    return tuple(
        found
        for name, check in model.data.checks.items()
        for found in _made(name, check.title, check.severity, functions[name], table, model)
    )


def _made(
    name: str, title: str, severity: Any, function: Check, table: pd.DataFrame, model: ModelFile
) -> list[Finding]:
    told = title or name.replace("_", " ").replace("-", " ")
    try:
        answer = function(table.copy())
    except (Exception, SystemExit) as error:  # it may be anyone's: whatever it raises
        said = str(error).strip().splitlines()[0] if str(error).strip() else ""
        reason = f"{place_of(function, error)} raised {type(error).__name__}: {said}".rstrip(": ")[:240]
        return [_failed(name, told, reason)]
    rows, reason = _rows(answer, table)
    if reason:
        return [_failed(name, told, f"{place_of(function)} gave {reason}, expected {EXPECTED}")]
    if not rows.any():
        return []
    sentence = f"{told}: {int(rows.sum()):,} rows"
    features = list(model.features)[:6]
    remedy = f"correct the rows, or the check {model.data.checks[name].function}"
    item = of_rows("own_check", sentence, name, rows, table, model, remedy=remedy, severity=severity, show=features)
    return [item]


def _rows(answer: Any, table: pd.DataFrame) -> tuple[np.ndarray, str]:
    """(n,) whether a row is at fault, or what is wrong with the answer in words."""
    marked = np.zeros(len(table), dtype=bool)
    if answer is None:
        return marked, ""
    if isinstance(answer, pd.Series) and len(answer) == len(table) and not answer.index.equals(table.index):
        if set(answer.index) != set(table.index):
            return marked, "a Series that is not about these rows"
        answer = answer.reindex(table.index)
    if not isinstance(
        answer, list | tuple | set | np.ndarray | pd.Series | pd.Index | pd.api.extensions.ExtensionArray
    ):
        return marked, f"{type(answer).__name__}"
    values = pd.Series(list(answer), dtype=object)
    if not len(values):
        return marked, "" if not len(table) or not isinstance(answer, pd.Series) else "an empty Series"
    if values.isna().any():
        return marked, f"{int(values.isna().sum()):,} missing values"
    if values.map(lambda value: isinstance(value, bool | np.bool_)).all():
        if len(values) != len(table):
            return marked, f"{len(values):,} truth values for {len(table):,} rows"
        return values.to_numpy(dtype=bool), ""
    if not values.map(lambda value: isinstance(value, int | np.integer) and not isinstance(value, bool)).all():
        return marked, f"values such as {str(values.iloc[0])[:40]!r}"
    places = values.to_numpy(dtype=int)
    if places.min() < 0 or places.max() >= len(table):
        return marked, f"the position {places.max() if places.max() >= len(table) else places.min()}"
    if isinstance(answer, pd.Series | np.ndarray) and len(places) == len(table) and set(places.tolist()) <= {0, 1}:
        return marked, "zeros and ones, which may be truth values or positions"
    marked[places] = True
    return marked, ""


def _failed(name: str, told: str, reason: str) -> Finding:
    remedy = "call the function in a notebook with the cleaned rows, and mend it"
    return finding("own_check_failed", f"The check '{told}' gave no answer: {reason}", name, remedy=remedy)
