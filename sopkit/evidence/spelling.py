"""Texts as they were typed: one category in several spellings, texts that mean 'missing', wrong encodings.

The rules:
* two texts are spellings of one category when they are equal without case, outer and repeated blanks, Unicode form,
  and the point of a whole number (`1.0`): nothing cleverer, so that two true categories are never called one;
* of the target it blocks: a label in two spellings is counted as two, or as the wrong one;
* a placeholder is a text that nobody would choose as a category's name (`?`, `N/A`); `unknown` may be an honest one.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.evidence.findings import Finding, of_rows
from sopkit.evidence.measure import counted

__all__ = ["one_spelling", "texts"]

PLACEHOLDER = re.compile(
    r"|\?|--?|\.|n/?a|nan|null|nil|\(null\)|#n/a|#[a-z]+[!?]|#div/0!|missing|not available|undefined"
    r"|1900-01-01( 00:00:00)?|9999-12-31"
)
BROKEN = re.compile("�|Ã[\x80-¿]|â€|Â[\xa0-¿]")
MOST_VALUES = 5000


def texts(table: pd.DataFrame, model: ModelFile, target_columns: Iterable[str] = ()) -> list[Finding]:
    """Findings about the columns of `table` that hold texts and are used: features, slices, protected, the target."""
    labels = [name for name in target_columns if name in table.columns]
    kinds = {name: feature.type for name, feature in model.features.items()}
    used = [name for name in dict.fromkeys([*labels, *kinds, *model.slices, *model.protected]) if name in table.columns]
    found: list[Finding] = []
    for name in used:
        column = table[name]
        if not (column.dtype == object or isinstance(column.dtype, pd.StringDtype | pd.CategoricalDtype)):
            continue
        raw = column.astype(object)
        values = [value for value in raw.dropna().unique() if isinstance(value, str)] if _hashable(raw) else []
        if values:
            found += _broken(raw, values, name, table, model)
            found += _placeholders(raw, values, name, table, model)
        if values and kinds.get(name) != "text" and len(values) <= MOST_VALUES:
            found += _spellings(raw, name, table, model, label=name in labels)
            if kinds.get(name) == "categorical":
                found += _numbers(raw, values, name, table, model)
    return found


def one_spelling(value: object) -> str:
    """What is left of a text when only its spelling is taken away."""
    text = unicodedata.normalize("NFKC", str(value)).casefold()
    return re.sub(r"^(-?\d+)\.0+$", r"\1", " ".join(text.split()))


def _spellings(raw: pd.Series, name: str, table: pd.DataFrame, model: ModelFile, *, label: bool) -> list[Finding]:
    same: dict[str, list[str]] = {}
    for value in map(str, raw.value_counts().index):  # the most frequent spelling first
        spellings = same.setdefault(one_spelling(value), [])
        if value not in spellings:
            spellings.append(value)
    several = [spellings for spellings in same.values() if len(spellings) > 1]
    if not several:
        return []
    rare = {spelling for spellings in several for spelling in spellings[1:]}
    shown = "; ".join(" and ".join(map(repr, spellings[:3])) for spellings in several[:3])
    rows = raw.map(str).isin(rare) & raw.notna()
    what = "The target" if label else "The column"
    told = f"{what} {name} has {counted(len(several), 'value')} in more than one spelling: {shown}"
    remedy = f"bring them to one spelling at the source{'' if label else ', or in the function that loads the rows'}"
    code = "label_spelling" if label else "spelling"
    return [of_rows(code, told, name, rows, table, model, remedy=remedy)]


def _placeholders(raw: pd.Series, values: list[str], name: str, table: pd.DataFrame, model: ModelFile) -> list[Finding]:
    meant = [value for value in values if PLACEHOLDER.fullmatch(" ".join(value.split()).casefold())]
    meant = [value for value in meant if value not in model.data.missing_values]
    if not meant:
        return []
    rows = raw.isin(meant)
    shown = ", ".join(repr(value) for value in meant[:5])
    told = f"{name} has {int(rows.sum()):,} texts that read like 'missing': {shown}"
    remedy = f"if they are, list them under data.missing_values: [{shown}]"
    return [of_rows("placeholder", told, name, rows, table, model, remedy=remedy)]


def _broken(raw: pd.Series, values: list[str], name: str, table: pd.DataFrame, model: ModelFile) -> list[Finding]:
    broken = [value for value in values if BROKEN.search(value)]
    if not broken:
        return []
    rows = raw.isin(broken)
    told = f"{int(rows.sum()):,} texts of {name} were read in the wrong encoding, such as {broken[0][:60]!r}"
    remedy = "read the source in its own encoding: data.arguments: {encoding: …}"
    return [of_rows("broken_characters", told, name, rows, table, model, remedy=remedy)]


def _numbers(raw: pd.Series, values: list[str], name: str, table: pd.DataFrame, model: ModelFile) -> list[Finding]:
    """A category whose texts are all numbers, and more of them than anyone gives as names."""
    if len(values) <= 20 or not np.isfinite(pd.to_numeric(pd.Series(values), errors="coerce")).all():
        return []
    told = f"The category {name} has {len(values):,} values, and all of them are numbers"
    return [of_rows("numbers_as_text", told, name, raw.notna(), table, model, remedy="is it a number or a code?")]


def _hashable(raw: pd.Series) -> bool:
    try:
        raw.dropna().head(100).nunique()
    except TypeError:
        return False
    return True
