from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sopkit.definitions.expressions import DEEPEST, LONGEST, parse
from sopkit.errors import DataError, DefinitionError

FLIGHTS = pd.DataFrame(
    {
        "arr_delay": [20.0, 15.0, 14.9, np.nan],
        "carrier": ["UA", "AA", None, "B6"],
        "wind speed": [3, 12, 7, 100],
        "nr.employed": [1, 0, 1, 0],
        "late": pd.array([True, False, None, True], dtype="boolean"),
        "time_hour": pd.to_datetime(["2013-01-01T10:00Z", "2013-06-30T23:00Z", None, "2013-07-01T00:00Z"]),
    },
    index=[10, 20, 30, 40],
)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("arr_delay >= 15", [True, True, False, None]),
        ("arr_delay is missing", [False, False, False, True]),
        ("arr_delay is not missing", [True, True, True, False]),
        ('carrier in ["UA", "B6"]', [True, False, None, True]),
        ("carrier not in ['UA']", [False, True, None, True]),
        ("10 < `wind speed` <= 100", [False, True, False, True]),
        ("nr.employed == 1", [True, False, True, False]),
        ("arr_delay > 100 and late", [False, False, False, None]),
        ("arr_delay > 100 or late", [True, False, None, True]),
        ("not late", [False, True, None, False]),
        ("not nr.employed == 1 and late", [False, False, False, True]),
        ("-arr_delay % 7", [1.0, 6.0, -14.9 % 7, None]),
        ("2 + 3 * 4 - 10 / 4", [11.5] * 4),
        ("arr_delay / 0", [None] * 4),
        ("max(`wind speed`, arr_delay, 10)", [20.0, 15.0, 14.9, None]),
        ("abs(arr_delay - 20)", [0.0, 5.0, abs(14.9 - 20), None]),
        ("lower(carrier)", ["ua", "aa", None, "b6"]),
        ("length(carrier) + 1", [3.0, 3.0, None, 3.0]),
        ("month(time_hour)", [1.0, 6.0, None, 7.0]),
        ("hour(time_hour)", [10.0, 23.0, None, 0.0]),
        ("weekday(time_hour)", [2.0, 7.0, None, 1.0]),
        ('time_hour >= "2013-07-01"', [False, False, None, True]),
        ("arr_delay in []", [False, False, False, None]),
        ("true", [True] * 4),
    ],
)
def test_a_column_is_computed_row_by_row(text, values):
    """Each operation gives the value that the row's own values give, and missing where one of them is missing."""
    column = parse(text).evaluate(FLIGHTS)
    assert list(column.index) == [10, 20, 30, 40]
    assert [None if pd.isna(value) else value for value in column] == values
    rows = [parse(text).evaluate(row) for row in FLIGHTS.to_dict("records")]
    assert rows == values


def test_results_are_columns_of_nullable_kinds():
    """Conditions are `boolean`, numbers `Float64`, text `string`: a missing value stays one."""
    dtypes = [str(parse(text).evaluate(FLIGHTS).dtype) for text in ("late", "arr_delay", "carrier", "arr_delay > 1")]
    assert dtypes == ["boolean", "Float64", "string", "boolean"]


def test_a_scalar_result_is_a_plain_python_value():
    """A trigger or rule is computed from scalars and gives bool, float, str, a time with its zone, or None."""
    moment = datetime(2013, 7, 1, tzinfo=UTC)
    row = {"n": np.int64(3), "x": float("nan"), "t": moment, "s": "a"}
    values = [parse(text).evaluate(row) for text in ("n >= 3", "n", "x", "t", "s", "x > 1 or n > 1")]
    assert values == [True, 3.0, None, moment, "a", True]
    assert [type(value) for value in values] == [bool, float, type(None), datetime, str, bool]


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf"), pd.NA, pd.NaT, np.nan])
def test_what_is_no_value_is_missing(value):
    """None, NaN, infinities, NA and NaT are the same: missing, and never evidence for anything."""
    assert parse("x is missing").evaluate({"x": value}) is True
    assert parse("x >= 15").evaluate({"x": value}) is None
    assert parse("not (x >= 15)").evaluate({"x": value}) is None


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, 2, 3], dtype="int8"),
        pd.Series([1, 2, 3], dtype="Int64"),
        pd.Series([1, 2, 3], dtype="float32"),
        pd.Series([1, 2, 3], dtype="category"),
        pd.Series([1, 2, 3], dtype="int64[pyarrow]"),
        pd.Series([1, 2.0, 3], dtype=object),
        np.array([1, 2, 3]),
    ],
)
def test_numbers_are_numbers_in_whatever_dtype(column):
    """The kind of a column is what its values are, not how pandas keeps them."""
    assert list(parse("x >= 2").evaluate({"x": column})) == [False, True, True]


def test_an_empty_frame_gives_an_empty_column():
    """No rows are no error."""
    assert list(parse("arr_delay >= 15 and carrier == 'UA'").evaluate(FLIGHTS.iloc[:0])) == []


def test_names_are_told_once_and_in_order():
    """A linter and the modelling room know from the text alone which columns are read."""
    assert parse("b > 1 and (`a b` in [1] or b < c) and max(b, c) > 0").names == ("b", "a b", "c")


@pytest.mark.parametrize(
    ("text", "gives"),
    [
        ("a > 1", "condition"),
        ("not a", "condition"),
        ("a + 1", "number"),
        ("-a", "number"),
        ("lower(a)", "text"),
        ("a", "unknown"),
    ],
)
def test_what_an_expression_gives_is_known_from_its_text(text, gives):
    """A rule that gives a number can be refused before there are data."""
    assert parse(text).gives == gives


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "arr_delay = 15",
            "the expression cannot be read: `=` means nothing here\n"
            "  expected: `==` to compare\n"
            "  got:      arr_delay = 15\n"
            "                      ^",
        ),
        (
            "(a > 1",
            "the expression cannot be read: it ends too early\n"
            "  expected: `)`\n  got:      (a > 1\n                  ^",
        ),
        (
            "a > 1 b",
            "the expression cannot be read: `b` is not expected\n"
            "  expected: an operator, or the end; a column's name with spaces stands in backticks\n"
            "  got:      a > 1 b\n                  ^",
        ),
        (
            '__import__("os")',
            "the expression cannot be read: there is no function `__import__`\n"
            "  expected: one of abs, min, max, lower, length, month, hour, weekday\n"
            '  got:      __import__("os")\n            ^',
        ),
    ],
)
def test_a_text_that_cannot_be_read_is_marked_at_its_place(text, said):
    """The error shows the text with a caret below the place where reading stopped."""
    with pytest.raises(DefinitionError) as caught:
        parse(text)
    assert str(caught.value) == said


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "a >",
            "> a",
            "a and",
            "a b",
            "a..b > ;",
            "a[0]",
            "a.b()",
            "lambda: 1",
            "1 if a else 2",
            "a ** 9",
            "a := 1",
        ),
        *(
            "f'{a}'",
            "`a",
            "'a",
            "a == missing",
            "a in [b]",
            "a in [1, 'x']",
            "a in 1",
            "abs()",
            "abs(1, 2)",
            "min(1)",
            "a is 1",
        ),
        *("a && b", "a <> b", "!a", "9" * 400, "1e400", "1e16", "a;b", "a\x00", "not", "a not b", "is missing"),
        *("(" * 5000, "-" * 3000 + "(" * 900, "not " * 900 + "a", "1+" * 1900 + "1", "a" * (LONGEST + 1), "abs(" * 900),
        *("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1), "x < " * 900 + "(x < y"),
    ],
)
def test_hostile_text_is_refused(text):
    """Python that is none of ours, unclosed, huge and deep text: all a definition error."""
    with pytest.raises(DefinitionError, match="the expression cannot be read"):
        parse(text)


def test_long_flat_text_is_read():
    """Length alone is no depth: hundreds of alternatives or comparisons stand beside each other."""
    many = " or ".join(f"x == {number}" for number in range(200))
    assert parse(many).evaluate({"x": 199}) is True
    assert parse("0 < " + " < ".join(str(number) for number in range(1, 300))).evaluate({}) is True


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("arr_dealy > 1", r"there is no column `arr_dealy`, did you mean `arr_delay`\?"),
        ("arr_delay > 'x'", "a number cannot be compared with text"),
        ("carrier + 1 > 2", "text where a number is needed"),
        ("nr.employed and late", "a number where a condition is needed"),
        ("lower(arr_delay) == 'x'", "a number where text is needed"),
        ("month(carrier) == 1", "text where a time is needed"),
        ("carrier in [1, 2]", "text cannot be compared with a number"),
        ("time_hour > 'summer'", "text that is compared with a time is not a date"),
    ],
)
def test_kinds_do_not_mix(text, said):
    """A comparison that can never hold is an error, not false for every row."""
    with pytest.raises(DataError, match=said):
        parse(text).evaluate(FLIGHTS)


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ([1, "a"], "holds values of several kinds"),
        ([2**53 + 1, 1], "whole numbers from 2\\^53 on"),
        (pd.Series([1j, 2j]), "holds complex128"),
        (pd.Series([pd.Timedelta(1)]), "holds timedelta64"),
        ([b"a", b"b"], "several kinds"),
    ],
)
def test_a_column_that_is_of_no_one_kind_is_refused(column, said):
    """Mixed, inexact and foreign values are named, not guessed at."""
    column = column if isinstance(column, pd.Series) else pd.Series(column)
    with pytest.raises(DataError, match=said):
        parse("x == 1").evaluate({"x": column})


def test_columns_of_different_rows_are_refused():
    """Two columns belong together only if they have the same rows."""
    with pytest.raises(DataError, match="other rows"):
        parse("a > b").evaluate({"a": pd.Series([1, 2]), "b": pd.Series([1, 2], index=[1, 2])})


# The oracle: expressions are generated as text together with a Python function that computes a row by the book,
# in floats and None, and knows nothing of columns.

Row = dict[str, Any]
Made = tuple[str, Callable[[Row], Any]]


def lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of numbers, missing where an argument is missing or the answer is not finite."""

    def answer(*values: float | None) -> float | None:
        if any(value is None for value in values):
            return None
        try:
            result = function(*values)
        except ZeroDivisionError:
            return None
        return result if math.isfinite(result) else None

    return answer


ARITHMETIC = {
    "+": lifted(lambda a, b: a + b),
    "-": lifted(lambda a, b: a - b),
    "*": lifted(lambda a, b: a * b),
    "/": lifted(lambda a, b: a / b),
    "%": lifted(lambda a, b: a % b),
}
COMPARE = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
}


def both(a: bool | None, b: bool | None) -> bool | None:
    return False if a is False or b is False else None if a is None or b is None else True


def either(a: bool | None, b: bool | None) -> bool | None:
    return True if a is True or b is True else None if a is None or b is None else False


def binary(op: str, a: Made, b: Made) -> Made:
    return f"({a[0]} {op} {b[0]})", lambda row: ARITHMETIC[op](a[1](row), b[1](row))


def chain(a: Made, op: str, b: Made, more: tuple[str, Made] | None) -> Made:
    def one(op: str, x: Any, y: Any) -> bool | None:
        return None if x is None or y is None else COMPARE[op](x, y)

    if more is None:
        return f"{a[0]} {op} {b[0]}", lambda row: one(op, a[1](row), b[1](row))
    then, c = more
    return (
        f"{a[0]} {op} {b[0]} {then} {c[0]}",
        lambda row: both(one(op, a[1](row), b[1](row)), one(then, b[1](row), c[1](row))),
    )


def member(a: Made, values: list[float], negated: bool) -> Made:
    listed = ", ".join(map(repr, values))

    def answer(row: Row) -> bool | None:
        value = a[1](row)
        return None if value is None else (value in values) != negated

    return f"{a[0]} {'not ' if negated else ''}in [{listed}]", answer


def negation(a: Made) -> Made:
    return f"not ({a[0]})", lambda row: None if (value := a[1](row)) is None else not value


def joined(word: str, a: Made, b: Made) -> Made:
    rule = both if word == "and" else either
    return f"(({a[0]}) {word} ({b[0]}))", lambda row: rule(a[1](row), b[1](row))


finite = st.floats(-1e6, 1e6).map(lambda value: value + 0.0)
columns = st.sampled_from(["a", "b", "c d"]).map(
    lambda name: (f"`{name}`" if " " in name else name, lambda row: row[name])
)
literals = finite.map(lambda value: (repr(value), lambda row: value))
numbers = st.recursive(
    columns | literals,
    lambda inner: (
        st.builds(binary, st.sampled_from(sorted(ARITHMETIC)), inner, inner)
        | st.builds(lambda a: (f"-{a[0]}", lambda row: lifted(lambda x: -x)(a[1](row))), inner)
        | st.builds(lambda a: (f"abs({a[0]})", lambda row: lifted(abs)(a[1](row))), inner)
        | st.builds(lambda a, b: (f"max({a[0]}, {b[0]})", lambda row: lifted(max)(a[1](row), b[1](row))), inner, inner)
    ),
    max_leaves=5,
)
signs = st.sampled_from(sorted(COMPARE))
atoms = (
    st.builds(chain, numbers, signs, numbers, st.none() | st.tuples(signs, numbers))
    | st.builds(member, columns, st.lists(finite, max_size=3), st.booleans())
    | st.builds(lambda a: (f"{a[0]} is missing", lambda row: a[1](row) is None), numbers)
    | st.builds(lambda a: (f"{a[0]} is not missing", lambda row: a[1](row) is not None), numbers)
)
conditions = st.recursive(
    atoms,
    lambda inner: st.builds(negation, inner) | st.builds(joined, st.sampled_from(["and", "or"]), inner, inner),
    max_leaves=6,
)
rows = st.lists(
    st.fixed_dictionaries({name: st.none() | st.sampled_from([0.0, 1.0, -1.0]) | finite for name in ("a", "b", "c d")}),
    min_size=1,
    max_size=5,
)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(made=conditions | numbers, rows=rows)
def test_columns_agree_with_the_rows_by_the_book(made, rows):
    """Any expression on any column equals the row-by-row answer of plain Python, missing values included."""
    text, by_the_book = made
    expected = [by_the_book(row) for row in rows]
    column = parse(text).evaluate(pd.DataFrame(rows, dtype=float))
    assert [None if pd.isna(value) else value for value in column] == expected
    assert parse(text).evaluate(rows[0]) == expected[0]


TOKENS = [
    "a",
    "b",
    "1",
    "2.5",
    '"x"',
    "`c d`",
    "(",
    ")",
    "[",
    "]",
    ",",
    "+",
    "-",
    "*",
    "/",
    "%",
    "<",
    "<=",
    "==",
    "!=",
    "=",
    ".",
]
TOKENS += ["and", "or", "not", "in", "is", "missing", "true", "abs", "max", "lower", "hour", "**", "&&", "\n", "é", "'"]


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=40) | st.lists(st.sampled_from(TOKENS), max_size=25).map(" ".join))
def test_any_text_is_an_expression_or_a_definition_error(text):
    """Whatever the text, it is read or refused; and what is read gives a value or a data error."""
    try:
        expression = parse(text)
    except DefinitionError:
        return
    try:
        expression.evaluate({"a": 1.0, "b": None, "c d": "x"})
    except DataError:
        return
