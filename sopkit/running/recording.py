"""Recording: the result that a notebook's `this.record` makes.

The rules:
* a measure of `evidence` keeps its own verdict, threshold and reason, and the result says that `evidence` computed it;
* a plain value is judged against the threshold that stands beside it, and the result says that the notebook stated it;
* a result has one threshold at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sopkit.definitions.results import Result, Threshold, Verdict, judge, plain
from sopkit.errors import WrongUse

__all__ = ["Told", "result_of"]

_OPERATORS = ("at_least", "at_most", "above", "below", "equals")


@dataclass(frozen=True)
class Told:
    """What the notebook says of a value beside its threshold; of a measure, what it says in the measure's place."""

    title: str = ""
    unit: str = ""
    reason: str = ""
    verdict: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


def result_of(name: str, value: Any, told: Told, threshold: Mapping[str, Any]) -> Result:
    """The result of a plain value or of a measure. Raises WrongUse for a keyword that is no threshold, or for two."""
    limit = _threshold(threshold)
    if hasattr(value, "verdict") and hasattr(value, "detail"):
        limit = limit or value.threshold
        return Result(
            name=name,
            title=told.title or value.title,
            value=plain(value.value),
            unit=told.unit or value.unit,
            threshold=limit,
            verdict=value.verdict if value.verdict is not None else judge(value.value, limit),
            reason=told.reason or value.reason,
            source="evidence",
            detail=plain({**value.detail, **told.detail}),
        )
    return Result(
        name=name,
        title=told.title,
        value=plain(value),
        unit=told.unit,
        threshold=limit,
        verdict=Verdict(told.verdict) if told.verdict else judge(value, limit),
        reason=told.reason,
        source="notebook",
        detail=plain(dict(told.detail)),
    )


def _threshold(given: Mapping[str, Any]) -> Threshold | None:
    if unknown := [name for name in given if name not in _OPERATORS]:
        raise WrongUse(f"`record` has no keyword `{unknown[0]}`", expected=", ".join(_OPERATORS))
    if len(given) > 1:
        raise WrongUse("a result has one threshold", got=", ".join(given))
    return next((Threshold(op=op, value=plain(value)) for op, value in given.items()), None)
