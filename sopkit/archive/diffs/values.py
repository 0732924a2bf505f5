"""Two JSON values side by side: what differs, field by field, and what is the same but for rounding.

The rules:
* numbers are the same within a relative tolerance (next to zero, within a thousandth of it as they stand): the same
  thing computed on another machine is no difference. `true` is no number, and text is compared as text;
* a field that stands on one side only is told once, whole, not once for each thing in it;
* a list whose items have ids is compared by id, so an item put in front of the others is one difference; any other
  list is one value.

A change is plain JSON: `{"field": "evaluation.window", "kind": "changed", "left": "30d", "right": "60d"}`; its `kind`
is `changed`, `added` (on the right only, `left` is None) or `removed`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["TOLERANCE", "Change", "alike", "change", "changes", "same_words"]

TOLERANCE = 1e-6
EMPTY: tuple[Any, ...] = (None, {}, [])
KEYS = ("id", "name", "column", "feature", "recipe", "role")

Change = dict[str, Any]
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_MISSING = object()


def alike(left: Any, right: Any, tolerance: float = TOLERANCE) -> bool:
    """Whether two values are the same, numbers within the tolerance."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(alike(left[name], right[name], tolerance) for name in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(alike(*pair, tolerance) for pair in zip(left, right, strict=True))
    if _is_number(left) and _is_number(right):
        return math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance / 1000)
    return type(left) is type(right) and bool(left == right)


def changes(left: Any, right: Any, tolerance: float = TOLERANCE) -> list[Change]:
    """What differs between two values, in the order of the left one, then what only the right one has."""
    return list(_changes(left, right, tolerance, ""))


def change(field: str, left: Any, right: Any) -> Change:
    """A change of a field that both sides have, whatever they say there."""
    return {"field": field, "kind": "changed", "left": left, "right": right}


def same_words(left: str, right: str) -> bool:
    """Whether two sentences say the same but for the numbers in them."""
    return _NUMBER.sub("#", left) == _NUMBER.sub("#", right)


def _changes(left: Any, right: Any, tolerance: float, field: str) -> Iterator[Change]:
    fields, others = _fields(left), _fields(right)
    if left is _MISSING:
        yield {"field": field, "kind": "added", "left": None, "right": right}
    elif right is _MISSING:
        yield {"field": field, "kind": "removed", "left": left, "right": None}
    elif (fields or others) and (fields or left in EMPTY) and (others or right in EMPTY):
        for name in (*fields, *(name for name in others if name not in fields)):
            below = f"{field}.{name}" if field else name
            yield from _changes(fields.get(name, _MISSING), others.get(name, _MISSING), tolerance, below)
    elif not alike(left, right, tolerance):
        yield change(field, left, right)


def _fields(value: Any) -> dict[str, Any]:
    """The named parts of a value; none where it is to be compared as a whole."""
    if isinstance(value, Mapping):
        return {str(name): item for name, item in value.items()}
    if isinstance(value, list | tuple) and value and all(isinstance(item, Mapping) for item in value):
        for key in KEYS:
            names = [item.get(key) for item in value]
            if all(isinstance(name, str) for name in names) and len(set(names)) == len(names):
                return dict(zip(map(str, names), value, strict=True))
    return {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
