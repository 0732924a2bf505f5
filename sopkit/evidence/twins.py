"""Features that say the same as another one, or as the time of the row.

The rules:
* two numbers say the same where their values come in the same order in every row, or in the opposite one: a copy, the
  same in another unit, the rest of a hundred; two categories do where they part the rows in the same way;
* a number that comes in the order of the times of the rows is the time under another name: every new row lies beyond
  what was learned;
* nothing is said about a feature of one value, a category with a value of its own in every row, nor about moments,
  which are held against the time of the row as such (`leak_forms`).

Rows spread over the table tell most features apart; only what agrees on them is compared on all.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence.findings import Finding, finding

__all__ = ["twins"]

ROWS = 1000


def twins(table: pd.DataFrame, model: ModelFile) -> list[Finding]:
    """A note for each group of features that say the same, and for each that says the time."""
    time = model.data.time
    kinds = {name: each.type for name, each in model.features.items() if name in table and not _moments(table[name])}
    kinds |= {time: "numeric"} if time in table else {}
    found = []
    for kind in ("numeric", "categorical"):
        names = [name for name, its in kinds.items() if its == kind]
        spread = table.iloc[np.unique(np.linspace(0, len(table) - 1, min(ROWS, len(table))).astype(int))]
        for alike in _alike(spread, names, kind):
            for same in _alike(table, alike, kind):
                found.append(_of_time(same, time) if time in same else _of_each_other(same))
    return found


def _alike(table: pd.DataFrame, names: Iterable[str], kind: str) -> list[list[str]]:
    groups: dict[bytes, list[str]] = {}
    numeric = kind == "numeric"
    for name in names:
        codes, values = pd.factorize(_ordered(table[name]) if numeric else table[name], sort=numeric)
        if len(values) < 2 or (not numeric and len(values) == len(table)):
            continue
        turned = np.where(codes < 0, -1, len(values) - 1 - codes) if numeric else codes
        groups.setdefault(min(codes.tobytes(), turned.tobytes()), []).append(name)
    return [group for group in groups.values() if len(group) > 1]


def _moments(values: pd.Series) -> bool:
    return bool(pd.api.types.is_datetime64_any_dtype(values.dtype))


def _ordered(values: pd.Series) -> pd.Series:
    return values if _moments(values) else pd.to_numeric(values, errors="coerce")


def _of_each_other(names: list[str]) -> Finding:
    told = f"{', '.join(names[:-1])} and {names[-1]} say the same in every row"
    return finding("same_feature", told, names[-1], remedy="one of them is enough: what is said of each is shared out")


def _of_time(names: list[str], time: str) -> Finding:
    names = [name for name in names if name != time]
    told = f"{' and '.join(names)} {'says' if len(names) == 1 else 'say'} the time of the row ({time}) in other words"
    return finding("same_as_time", told, names[0], remedy="every new row lies beyond what was learned; exclude it?")
