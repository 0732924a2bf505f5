"""Names and values of undescribed columns as words, texts and numbers: what every guess about them starts from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

__all__ = ["as_numbers", "distinct_values", "examples", "is_text", "shown", "tokens"]


def tokens(name: str) -> list[str]:
    """The words of a column's name in lower case: `patientNbr_2` is patient, nbr, 2."""
    return re.findall(r"[^\W\d_]+|\d+", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower())


def shown(value: Any, most: int = 30) -> str:
    """A value in a line of text: no line breaks, not too long."""
    text = str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return text if len(text) <= most else f"{text[: most - 1]}…"


def is_text(column: pd.Series) -> bool:
    return bool(pd.api.types.is_string_dtype(column.dtype) or column.dtype == object)


def examples(values: Iterable[Any], most: int = 4) -> str:
    """Some of the values, for a comment."""
    listed = list(values)
    text = ", ".join(shown(value, 24) for value in listed[:most])
    return f"{text}, …" if len(listed) > most else text


def as_numbers(known: pd.Series) -> tuple[pd.Series, list[str]]:
    """The numbers among texts, and the texts that are none, each once."""
    numbers = pd.to_numeric(known.map(lambda value: str(value).strip()), errors="coerce")
    return numbers.astype(float), list(dict.fromkeys(map(str, known[numbers.isna()])))


def distinct_values(column: pd.Series) -> list[Any]:
    try:
        return list(column.dropna().unique())
    except TypeError:  # lists or dicts
        return list(dict.fromkeys(column.dropna().map(str)))
