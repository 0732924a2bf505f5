"""What the operations of the expression language do, on columns; a scalar is a column of one row.

The rules:
* a value is a number, text, a condition (true or false) or a time, or it is missing; kinds do not mix, but
  text beside a time is read as an ISO date;
* None, NaN, infinities and pandas' NA and NaT are missing, and so is what is not finite after arithmetic
  (division by zero): no evidence is not a number;
* numbers are 64-bit floats; whole numbers from 2^53 on are refused, for different ones would compare as equal;
* `and` and `or` are Kleene's: false and missing is false, true or missing is true;
* a time without a zone is UTC; month, hour and weekday are those of the column's own zone.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import reduce
from itertools import pairwise
from typing import Any, NoReturn

import numpy as np
import pandas as pd

from sopkit.definitions.expressions import Expression, Node, mark
from sopkit.definitions.results import LARGEST_EXACT_INTEGER
from sopkit.errors import DataError

__all__ = ["evaluate"]

NUMBER, TEXT, CONDITION, TIME, NOTHING = "a number", "text", "a condition", "a time", "nothing"
_FILL: dict[str, Any] = {NUMBER: 0.0, TEXT: "", CONDITION: False}

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.mod,
    "negate": np.negative,
    "abs": np.abs,
    "min": np.minimum,
    "max": np.maximum,
}
_CALENDAR = {"month": ("month", 0), "hour": ("hour", 0), "weekday": ("weekday", 1)}


@dataclass(frozen=True)
class Values:
    """Values of one kind, shape (n,), and where they are missing. Times are a DatetimeIndex with a zone."""

    kind: str
    values: Any
    missing: np.ndarray


def evaluate(expression: Expression, row: Mapping[str, Any]) -> Any:
    """See `Expression.evaluate`."""
    return _Evaluation(expression, row).result()


class _Evaluation:
    def __init__(self, expression: Expression, row: Mapping[str, Any]) -> None:
        self.expression = expression
        self.row = row
        self.index: pd.Index | None = row.index if isinstance(row, pd.DataFrame) else None
        self.read = {node.value: self.column(node) for node in expression.tree.walk() if node.op == "column"}

    def refuse(self, node: Node, what: str, expected: object = None, remedy: str | None = None) -> NoReturn:
        raise DataError(what, expected=expected, got=mark(self.expression.text, node.at), remedy=remedy)

    def column(self, node: Node) -> Values:
        name = node.value
        if name not in self.row:
            known = [str(other) for other in self.row]
            close = get_close_matches(name, known, n=1)
            hint = f", did you mean `{close[0]}`?" if close else ""
            listed = ", ".join(known[:20]) + (", …" if len(known) > 20 else "")
            self.refuse(node, f"there is no column `{name}`{hint}", expected=f"one of {listed}")
        given = self.row[name]
        if isinstance(given, pd.Series):
            if self.index is None:
                self.index = given.index
            elif not self.index.equals(given.index):
                self.refuse(node, f"column `{name}` has other rows than the columns before it")
        elif hasattr(given, "dtype") and getattr(given, "ndim", 0) == 1:
            if self.index is None:
                self.index = pd.RangeIndex(len(given))
            elif len(self.index) != len(given):
                self.refuse(node, f"column `{name}` has {len(given)} rows", expected=len(self.index))
            given = pd.Series(given)
        else:
            given = _one(given)
        try:
            return _values(given)
        except ValueError as error:
            self.refuse(node, f"column `{name}` {error}")

    def result(self) -> Any:
        found = self.value(self.expression.tree)
        if self.index is None:
            return _scalar(found)
        n = len(self.index)
        missing = np.broadcast_to(found.missing, n)
        if found.kind == TIME:
            times = found.values if len(found.values) == n else found.values.repeat(n)
            return pd.Series(times, index=self.index).mask(missing)
        values = np.broadcast_to(found.values, n)
        dtype = {CONDITION: "boolean", TEXT: "string"}.get(found.kind, "Float64")
        return pd.Series(pd.array(values.copy(), dtype=dtype), index=self.index).mask(missing)

    def value(self, node: Node) -> Values:
        op = node.op
        if op == "column":
            return self.read[node.value]
        if op == "value":
            return _literal(node.value)
        if op in ("is missing", "is not missing"):
            missing = self.value(node.parts[0]).missing
            return _condition(missing if op == "is missing" else ~missing)
        if op == "compare":
            operands = [self.value(part) for part in node.parts]
            pairs = zip(node.value, pairwise(operands), strict=True)
            return reduce(_and, [self.compare(node, sign, left, right) for sign, (left, right) in pairs])
        if op == "in":
            return self.member(node, self.value(node.parts[0]))
        if op in ("and", "or"):
            conditions = [self.need(CONDITION, part) for part in node.parts]
            return reduce(_and if op == "and" else _or, conditions)
        if op == "not":
            return _not(self.need(CONDITION, node.parts[0]))
        if op in ("lower", "length"):
            text = self.need(TEXT, node.parts[0])
            if op == "lower":
                return Values(TEXT, np.array([item.lower() for item in text.values], dtype=object), text.missing)
            return Values(NUMBER, np.array([float(len(item)) for item in text.values]), text.missing)
        if op in _CALENDAR:
            time, (field, first) = self.need(TIME, node.parts[0]), _CALENDAR[op]
            return _number(np.asarray(getattr(time.values, field), dtype=float) + first, time.missing)
        numbers = [self.need(NUMBER, part) for part in node.parts]
        missing = reduce(operator.or_, [number.missing for number in numbers])
        with np.errstate(all="ignore"):  # what is not finite becomes missing
            if len(numbers) == 1:
                return _number(_ARITHMETIC[op](numbers[0].values), missing)
            return _number(reduce(_ARITHMETIC[op], [number.values for number in numbers]), missing)

    def member(self, node: Node, left: Values) -> Values:
        none = Values(CONDITION, np.zeros(len(left.missing), bool), left.missing)
        if not node.value:
            return none
        first = self.compare(node, "==", left, _literal(node.value[0]))  # the list is of one kind: is it this one?
        if left.kind in (NUMBER, TEXT):
            return Values(CONDITION, pd.Series(left.values).isin(list(node.value)).to_numpy(dtype=bool), left.missing)
        return reduce(_or, [self.compare(node, "==", left, _literal(value)) for value in node.value[1:]], first)

    def need(self, kind: str, node: Node) -> Values:
        found = self.value(node)
        if found.kind == NOTHING:
            return _nothing_of(kind, len(found.missing))
        if found.kind != kind:
            remedy = "compare it: `… == 1`" if kind == CONDITION and found.kind == NUMBER else None
            self.refuse(node, f"{found.kind} where {kind} is needed", expected=kind, remedy=remedy)
        return found

    def compare(self, node: Node, sign: str, left: Values, right: Values) -> Values:
        missing = left.missing | right.missing
        if NOTHING in (left.kind, right.kind):
            return Values(CONDITION, np.zeros(len(missing), bool), missing)
        if {left.kind, right.kind} == {TIME, TEXT}:
            left, right = (self.as_time(node, side) for side in (left, right))
        if left.kind != right.kind:
            self.refuse(node, f"{left.kind} cannot be compared with {right.kind}", expected="two values of one kind")
        if left.kind == TIME:
            return Values(CONDITION, _COMPARE[sign](left.values.asi8, right.values.asi8), missing)
        return Values(CONDITION, np.asarray(_COMPARE[sign](left.values, right.values), dtype=bool), missing)

    def as_time(self, node: Node, side: Values) -> Values:
        if side.kind == TIME:
            return side
        try:
            parsed = pd.to_datetime(pd.Series(np.where(side.missing, None, side.values)), utc=True, format="ISO8601")
        except (ValueError, OverflowError):
            self.refuse(node, "text that is compared with a time is not a date", expected='text such as "2013-07-01"')
        return _values(parsed)


def _one(value: Any) -> pd.Series:
    return pd.Series(np.array([value], dtype=object), dtype=object)


def _literal(value: Any) -> Values:
    return _values(_one(value))


def _values(column: pd.Series) -> Values:
    """The column's values, of one kind. Raises ValueError with the rest of a sentence about the column."""
    dtype = column.dtype
    missing = column.isna().to_numpy(dtype=bool)
    if missing.all():  # an empty column of text is read from CSV as one of numbers
        return Values(NOTHING, np.zeros(len(column)), missing)
    if isinstance(dtype, pd.CategoricalDtype):
        return _values(column.astype(dtype.categories.dtype))
    if pd.api.types.is_object_dtype(dtype) or pd.api.types.is_string_dtype(dtype):
        return _from_objects(column, missing)
    if pd.api.types.is_bool_dtype(dtype):
        return Values(CONDITION, column.astype("boolean").fillna(False).to_numpy(dtype=bool), missing)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        times = pd.DatetimeIndex(column)
        times = times.tz_localize("UTC") if times.tz is None else times
        return Values(TIME, times.as_unit("us"), missing)
    if pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_complex_dtype(dtype):
        numbers = column.to_numpy(dtype=float, na_value=np.nan)
        if not pd.api.types.is_float_dtype(dtype) and (np.abs(numbers[~missing]) > LARGEST_EXACT_INTEGER).any():
            raise ValueError("has whole numbers from 2^53 on, which are not exact; read it as text")
        return _number(numbers, missing)
    raise ValueError(f"holds {dtype}, which the expression language does not know")


def _from_objects(column: pd.Series, missing: np.ndarray) -> Values:
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    if inferred == "string":
        return Values(TEXT, np.where(missing, "", column.to_numpy(dtype=object)), missing)
    if inferred == "boolean":
        return Values(CONDITION, np.where(missing, False, column.to_numpy(dtype=object)).astype(bool), missing)
    if inferred in ("integer", "mixed-integer-float", "floating", "decimal"):
        present = column[~pd.Series(missing, index=column.index)]
        if any(abs(value) > LARGEST_EXACT_INTEGER for value in present if not isinstance(value, float | np.floating)):
            raise ValueError("has whole numbers from 2^53 on, which are not exact; read it as text")
        return _number(np.where(missing, np.nan, column.to_numpy(dtype=object)).astype(float), missing)
    if inferred in ("datetime64", "datetime", "date"):
        return _values(pd.to_datetime(column, utc=True))
    raise ValueError(f"holds values of several kinds ({inferred})")


def _number(values: np.ndarray, missing: np.ndarray) -> Values:
    missing = missing | ~np.isfinite(values)
    return Values(NUMBER, np.where(missing, 0.0, values), missing)


def _condition(values: np.ndarray) -> Values:
    return Values(CONDITION, values, np.zeros(len(values), bool))


def _nothing_of(kind: str, n: int) -> Values:
    values = pd.DatetimeIndex([pd.NaT] * n).tz_localize("UTC") if kind == TIME else np.full(n, _FILL[kind], object)
    values = values.astype(type(_FILL[kind])) if kind in (NUMBER, CONDITION) else values
    return Values(kind, values, np.ones(n, bool))


def _not(one: Values) -> Values:
    return Values(CONDITION, ~one.values, one.missing)


def _and(one: Values, other: Values) -> Values:
    false = (~one.values & ~one.missing) | (~other.values & ~other.missing)
    return Values(CONDITION, ~false, (one.missing | other.missing) & ~false)


def _or(one: Values, other: Values) -> Values:
    return _not(_and(_not(one), _not(other)))


def _scalar(found: Values) -> Any:
    if found.missing[0]:
        return None
    if found.kind == TIME:
        return found.values[0].to_pydatetime()
    return found.values[0].item() if hasattr(found.values[0], "item") else found.values[0]
