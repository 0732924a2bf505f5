"""Reading data that nobody has described: which separator, encoding and decimal sign a file seems to have.

What is found out becomes `data.arguments` of the draft, so that a run reads the same file in the same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sopkit.errors import DataError
from sopkit.modelling.databases import read_query
from sopkit.modelling.drafting_names import is_text
from sopkit.modelling.files import heads, read_files

__all__ = ["read_undescribed"]

_SEPARATORS = (";", "\t", "|")
_COMMA = re.compile(r"[-+]?\d{1,3}(\.?\d{3})*,\d+")


def read_undescribed(
    source: str,
    root: Path,
    *,
    as_of: datetime,
    query: str | None = None,
    credentials: Mapping[str, str] | None = None,
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """All rows of a file, pattern or database, and the `data.arguments` that it took.

    Raises DataError or DefinitionError, as a run would.
    """
    if "://" in source:
        known = dict(credentials or {})
        return read_query(source, query, {}, root=root, as_of=as_of, credentials=known), {}
    arguments = _arguments(source, root)
    table, _ = read_files(source, root, arguments)
    if arguments.get("separator") == ";" and any(_decimal_commas(table[name]) for name in table.columns):
        arguments["decimal"] = ","
        table, _ = read_files(source, root, arguments)
    strange = [name for name in table.columns if not isinstance(name, str)]
    if strange:
        what = "names of columns are no texts"
        raise DataError(what, where=source, got=repr(strange[:3]), remedy="name them where the data is made")
    return table, arguments


def _arguments(source: str, root: Path) -> dict[str, Any]:
    """Encoding and separator by the head of the first file; nothing where the defaults read it."""
    arguments: dict[str, Any] = {}
    try:
        first = next(iter(heads(source, root, arguments)))
        read_files(source, root, arguments) if not first.has_rows else None
    except DataError as error:
        if "the text is not" not in error.what:
            raise
        arguments["encoding"] = "cp1252"
        first = next(iter(heads(source, root, arguments)))
    if len(first.columns) == 1:
        found = [sign for sign in _SEPARATORS if sign in first.columns[0]]
        arguments |= {"separator": found[0]} if found else {}
    return arguments


def _decimal_commas(column: pd.Series) -> bool:
    values = column.dropna().head(500)
    return is_text(column) and len(values) > 0 and all(_COMMA.fullmatch(str(value).strip()) for value in values)
