"""The one expression language of targets, triggers, rules and recorded cleaning.

    arr_delay >= 15
    0 < temp <= 110 and carrier in ["UA", "AA"]
    not (`wind speed` > 100) or precip is missing

It has numbers, "text", true and false, column names (backticks around odd ones), + - * / %, comparisons
(chained too), `in [...]`, `is missing`, `is not missing`, and, or, not, parentheses, and the functions
abs, min, max, lower, length, month, hour, weekday (1 is Monday).

The rules:
* the text is parsed here and never evaluated by Python: no attributes, no calls but those above, no powers;
* length and nesting are bounded, so no text can exhaust the interpreter;
* what is computed from a missing value is missing; `and` and `or` know that false and true decide alone;
* kinds do not mix: comparing a number with text is an error, not false.

`expression_values` says what each operation does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal, NoReturn

from sopkit.definitions.results import LARGEST_EXACT_INTEGER
from sopkit.errors import DefinitionError

__all__ = ["Expression", "Node", "mark", "parse"]

LONGEST = 4000  # characters
DEEPEST = 60  # of nested operations

KEYWORDS = frozenset({"and", "or", "not", "in", "is", "missing", "true", "false"})
FUNCTIONS: dict[str, tuple[int, int | None]] = {  # how many arguments, from and to
    "abs": (1, 1),
    "min": (2, None),
    "max": (2, None),
    "lower": (1, 1),
    "length": (1, 1),
    "month": (1, 1),
    "hour": (1, 1),
    "weekday": (1, 1),
}
_HINTS = {"=": "`==` to compare", "&": "and", "&&": "and", "|": "or", "||": "or", "!": "not", "<>": "!="}
_TOKEN = re.compile(
    r"""\s*(?:
      (?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<word>[^\W\d][\w.]*)
    | (?P<column>`[^`\n]*`)
    | (?P<text>"[^"\n]*"|'[^'\n]*')
    | (?P<sign>==|!=|<=|>=|&&|\|\||<>|[-+*/%<>()\[\],=&|!])
    | (?P<end>\Z)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True)
class Node:
    """One operation: `op` is an operator, a function, `column` or `value`; `at` is its place in the text."""

    op: str
    at: int
    parts: tuple[Node, ...] = ()
    value: Any = None

    @cached_property
    def depth(self) -> int:
        return 1 + max((part.depth for part in self.parts), default=0)

    def walk(self) -> Iterator[Node]:
        yield self
        for part in self.parts:
            yield from part.walk()


@dataclass(frozen=True)
class Expression:
    """A parsed expression; equal texts are equal expressions."""

    text: str
    tree: Node

    @property
    def names(self) -> tuple[str, ...]:
        """The columns it reads, each once, in order of appearance."""
        return tuple(dict.fromkeys(node.value for node in self.tree.walk() if node.op == "column"))

    @property
    def gives(self) -> Literal["condition", "number", "text", "unknown"]:
        """What it computes, as far as the text tells; a bare column is `unknown`."""
        return _gives(self.tree)

    def evaluate(self, row: Mapping[str, Any]) -> Any:
        """The value for a row of scalars, or the column of values for a frame or mapping of columns.

        A column comes back as a pandas Series of a nullable dtype (`boolean`, `Float64`, `string`) or of
        times, with the index of the columns it was computed from; a scalar as bool, float, str, datetime,
        or None for missing. Raises DataError for a column that is not there or of the wrong kind.
        """
        from sopkit.definitions.expression_values import evaluate

        return evaluate(self, row)


def mark(text: str, at: int) -> str:
    """The text with a caret below position `at`, laid out for an error's `got`."""
    start = max(0, at - 70)
    line = re.sub(r"\s", " ", text)[start : start + 100]
    return f"{line}\n{' ' * (12 + at - start)}^"


@lru_cache(maxsize=512)
def parse(text: str) -> Expression:
    """The expression that `text` stands for. Raises DefinitionError with the position marked."""
    return Expression(text, _Parser(text).whole())


def _gives(node: Node) -> Literal["condition", "number", "text", "unknown"]:
    if node.op == "value":
        return "condition" if isinstance(node.value, bool) else "text" if isinstance(node.value, str) else "number"
    if node.op == "column":
        return "unknown"
    if node.op == "lower":
        return "text"
    return "number" if node.op in {"+", "-", "*", "/", "%", "negate", *FUNCTIONS} else "condition"


class _Parser:
    """Recursive descent, loosest first: or, and, not, comparison, sum, product, sign, atom."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.depth = 0
        if len(text) > LONGEST:
            self.refuse(LONGEST, "it is too long", f"at most {LONGEST} characters")
        self.position = 0
        self.advance()

    def refuse(self, at: int, why: str, expected: str | None = None) -> NoReturn:
        raise DefinitionError(f"the expression cannot be read: {why}", expected=expected, got=mark(self.text, at))

    def advance(self) -> None:
        found = _TOKEN.match(self.text, self.position)
        if not found:
            rest = self.text[self.position :]
            at = self.position + len(rest) - len(rest.lstrip())
            if self.text[at] in "\"'`":
                self.refuse(at, "a quote is not closed")
            self.refuse(at, "a number or sign that is not understood")
        self.kind = str(found.lastgroup)
        self.token = found[self.kind]
        self.at = found.start(self.kind)
        self.position = found.end()
        if self.token in _HINTS:
            self.refuse(self.at, f"`{self.token}` means nothing here", _HINTS[self.token])

    def accept(self, *tokens: str) -> tuple[str, int] | None:
        if self.kind in ("word", "sign") and self.token in tokens:
            taken = self.token, self.at
            self.advance()
            return taken
        return None

    def need(self, token: str) -> None:
        if not self.accept(token):
            why = "it ends too early" if self.kind == "end" else f"`{self.token}` is not expected"
            self.refuse(self.at, why, f"`{token}`")

    def make(self, op: str, at: int, parts: tuple[Node, ...], value: Any = None) -> Node:
        node = Node(op, at, parts, value)
        if node.depth > DEEPEST:
            self.refuse(at, "it is nested too deeply", f"at most {DEEPEST} operations in one another")
        return node

    def whole(self) -> Node:
        tree = self.alternatives()
        if self.kind != "end":
            odd = "; a column's name with spaces stands in backticks" if self.kind == "word" else ""
            self.refuse(self.at, f"`{self.token}` is not expected", f"an operator, or the end{odd}")
        return tree

    def alternatives(self) -> Node:
        self.depth += 1  # every recursion of the grammar passes here: only parentheses and calls nest
        if self.depth > DEEPEST:
            self.refuse(self.at, "it is nested too deeply", f"at most {DEEPEST} operations in one another")
        tree = self.joined("or", lambda: self.joined("and", self.negation))
        self.depth -= 1
        return tree

    def joined(self, word: str, operand: Any) -> Node:
        at, parts = self.at, [operand()]
        while self.accept(word):
            parts.append(operand())
        return parts[0] if len(parts) == 1 else self.make(word, at, tuple(parts))

    def negation(self) -> Node:
        places: list[int] = []
        while taken := self.accept("not"):
            places.append(taken[1])
        tree = self.comparison()
        for at in reversed(places):
            tree = self.make("not", at, (tree,))
        return tree

    def comparison(self) -> Node:
        first, at = self.sum(), self.at
        operands, operators = [first], []
        while taken := self.accept("==", "!=", "<", "<=", ">", ">="):
            operators.append(taken[0])
            operands.append(self.sum())
        if operators:  # one node for the whole chain: a middle operand belongs to two comparisons, and is read once
            return self.make("compare", at, tuple(operands), tuple(operators))
        if self.accept("is"):
            op = "is not missing" if self.accept("not") else "is missing"
            self.need("missing")
            return self.make(op, at, (first,))
        if self.accept("in"):
            return self.make("in", at, (first,), self.members())
        if self.accept("not"):
            self.need("in")
            return self.make("not", at, (self.make("in", at, (first,), self.members()),))
        return first

    def members(self) -> tuple[Any, ...]:
        self.need("[")
        values: list[Any] = []
        while not self.accept("]"):
            if values:
                self.need(",")
            node = self.signed()
            if node.op != "value":
                self.refuse(node.at, "a list holds values only", 'such as ["UA", "AA"] or [1, 2]')
            if values and _gives(node) != _gives(Node("value", 0, (), values[0])):
                self.refuse(node.at, "a list holds values of one kind")
            values.append(node.value)
        return tuple(values)

    def sum(self) -> Node:
        tree = self.product()
        while taken := self.accept("+", "-"):
            tree = self.make(taken[0], taken[1], (tree, self.product()))
        return tree

    def product(self) -> Node:
        tree = self.signed()
        while taken := self.accept("*", "/", "%"):
            tree = self.make(taken[0], taken[1], (tree, self.signed()))
        return tree

    def signed(self) -> Node:
        negative, at = False, self.at
        while taken := self.accept("-", "+"):
            negative ^= taken[0] == "-"
        tree = self.atom()
        if not negative:
            return tree
        if tree.op == "value" and _gives(tree) == "number":
            return Node("value", at, (), -tree.value)
        return self.make("negate", at, (tree,))

    def atom(self) -> Node:
        kind, token, at = self.kind, self.token, self.at
        if self.accept("("):
            tree = self.alternatives()
            self.need(")")
            return tree
        if kind == "word" and token in KEYWORDS - {"true", "false"}:
            self.refuse(at, f"`{token}` is not expected", "a value or a column; `is missing` asks for missing values")
        if kind in ("sign", "end"):
            why = "it ends too early" if kind == "end" else f"`{token}` is not expected"
            self.refuse(at, why, "a value or a column")
        self.advance()
        if kind == "number":
            return Node("value", at, (), self.number(token, at))
        if kind == "text":
            return Node("value", at, (), token[1:-1])
        if kind == "column":
            return Node("column", at, (), token[1:-1])
        if token in ("true", "false"):
            return Node("value", at, (), token == "true")
        return self.call(token, at) if self.kind == "sign" and self.token == "(" else Node("column", at, (), token)

    def number(self, token: str, at: int) -> float:
        value = float(token)
        if abs(value) > LARGEST_EXACT_INTEGER:
            self.refuse(at, "a number that is not exact", "below 2^53; longer ones are compared as text")
        return value

    def call(self, name: str, at: int) -> Node:
        if name not in FUNCTIONS:
            self.refuse(at, f"there is no function `{name}`", f"one of {', '.join(FUNCTIONS)}")
        self.need("(")
        arguments: list[Node] = []
        while not self.accept(")"):
            if arguments:
                self.need(",")
            arguments.append(self.alternatives())
        least, most = FUNCTIONS[name]
        if len(arguments) < least or (most is not None and len(arguments) > most):
            wanted = f"{least} argument{'s' * (least > 1)}" + ("" if most else " or more")
            self.refuse(at, f"{name}() with {len(arguments)} arguments", wanted)
        return self.make(name, at, tuple(arguments))
