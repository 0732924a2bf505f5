"""What a target is by its values: two answers, several, or a number; and which columns are the target once more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import Task
from sopkit.errors import DataError
from sopkit.modelling.drafting_names import as_numbers, examples, is_text, shown

__all__ = ["TargetGuess", "guess_target", "same_as_target", "target_numbers"]

YES = {"yes", "ja", "oui", "si", "sí", "y", "true", "t", "1", "positive", "pos"}
NO = {"no", "nein", "non", "n", "false", "f", "0", "negative", "neg", "none", "-1"}
MOST_CLASSES, FEW_NUMBERS, LOOKED_AT = 50, 5, 1000


@dataclass(frozen=True)
class TargetGuess:
    """`positive` is None where a binary target is 0 and 1 already; `classes` value -> rows, commonest first."""

    task: Task
    note: str
    question: str
    positive: Any = None
    classes: tuple[tuple[Any, int], ...] = ()


def guess_target(values: pd.Series, name: str, task: Task | None = None) -> TargetGuess:
    """What `values` (missing where unknown) are. Raises DataError where there is nothing to predict."""
    known = values.dropna()
    counts = known.map(_plain).value_counts()
    if len(counts) < 2:
        raise DataError(
            f"the target {name!r} has "
            + ("no value" if not len(counts) else "one value only: there is nothing to learn"),
            expected="at least two different values",
            got=f"{len(known)} rows" + (f", all {shown(counts.index[0])}" if len(counts) else ", all missing"),
            remedy="name another column with --target",
        )
    classes = tuple((value, int(rows)) for value, rows in counts.head(MOST_CLASSES + 1).items())
    numbers, rest = as_numbers(known) if is_text(known) else (known.astype(float), [])
    if task in (None, "binary") and len(counts) == 2:
        return _binary(classes, numbers, bool(rest))
    if task in (None, "regression") and not rest and _measured(numbers):
        ask = "is a number predicted, or are these classes (then task: multiclass)?"
        return TargetGuess("regression", f"{numbers.min():g} to {numbers.max():g}, mean {numbers.mean():.4g}", ask)
    if len(counts) > MOST_CLASSES or task == "regression":
        raise DataError(
            f"the target {name!r} is neither a number nor one of a few classes",
            expected=f"numbers, or at most {MOST_CLASSES} different values",
            got=f"{len(counts):,} different values, such as {examples([value for value, _ in classes], 3)}",
            remedy="name another column with --target, or make classes of it where the data is made",
        )
    told = f"{len(counts)} classes: {examples([value for value, _ in classes])}"
    return TargetGuess(
        "multiclass", told, "are all of these told apart, or is one of them the case to find?", None, classes
    )


def same_as_target(column: pd.Series, target: pd.Series, task: Task) -> bool:
    """Whether a column is the target in other words or units: each value stands for one of the target's."""
    both = column.notna() & target.notna()
    if both.sum() < 3:
        return False
    if task == "regression":
        some = both & (both.cumsum() <= LOOKED_AT)  # most columns are no copy, and a few rows tell
        return _linear(column[some], target[some]) is not False and bool(_linear(column[both], target[both]))
    pair = pd.DataFrame({"a": column[both].map(str), "b": target[both].map(str)}).drop_duplicates()
    return bool(pair["a"].is_unique and pair["b"].is_unique and 2 <= len(pair) < both.sum())


def _linear(column: pd.Series, target: pd.Series) -> bool | None:
    """Whether one is the other in another unit; None where one of them has a single value."""
    numbers, rest = as_numbers(column.map(str))
    values, other = as_numbers(target.map(str))
    if rest or other:
        return False
    if numbers.nunique() < 2 or values.nunique() < 2:
        return None
    return bool(np.isclose(abs(numbers.corr(values)), 1.0, rtol=0, atol=1e-9))


def target_numbers(values: pd.Series, guess: TargetGuess) -> pd.Series:
    """The target as numbers: as it is, or 1 for the case to find (of several classes the commonest), NaN if unknown."""
    known = values.dropna().map(_plain)
    if guess.positive is None and guess.task != "multiclass":
        return known.map(float).reindex(values.index)
    one = guess.classes[0][0] if guess.task == "multiclass" else guess.positive
    return (known == one).astype(float).reindex(values.index)


def _binary(classes: tuple[tuple[Any, int], ...], numbers: pd.Series, worded: bool) -> TargetGuess:
    total = sum(rows for _, rows in classes)
    if not worded and set(numbers.unique()) == {0.0, 1.0}:
        positive, why = None, "as usual"
        share = float((numbers == 1).mean())
    else:
        positive, why = _positive(classes)
        share = dict(classes)[positive] / total
    shown_value = "1" if positive is None else shown(positive)
    note = f"{shown_value} in {share:.1%} of {total:,} rows with a label"
    return TargetGuess(
        "binary", note, f"{shown_value} counts as the case to find ({why}): is that right?", positive, classes
    )


def _positive(classes: tuple[tuple[Any, int], ...]) -> tuple[Any, str]:
    values = [value for value, _ in classes]
    words = [str(value).strip().casefold().removesuffix(".0") for value in values]
    for group, place in ((YES, 0), (NO, 1)):
        hits = [at for at, word in enumerate(words) if word in group]
        if len(hits) == 1:
            return values[hits[0] if place == 0 else 1 - hits[0]], "by its word"
    return values[-1], "the rarer value"


def _measured(numbers: pd.Series) -> bool:
    """Whether numbers are measured or counted, and do not stand for classes."""
    return bool(numbers.nunique() > FEW_NUMBERS or (numbers != numbers.round()).any())


def _plain(value: Any) -> Any:
    """A Python value: numpy's own would be written with its type's name."""
    return value.item() if hasattr(value, "item") else value
