"""A measured value: what `evidence` hands to a stage, with its verdict and the reason for it.

The rules:
* a value that could not be measured is `insufficient`, with the reason, never a silent `pass`;
* an engine that fails gives `fail`;
* `detail` holds what a reader needs to judge the value (interval, n, method) and is plain JSON.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, judge, plain, worst

if TYPE_CHECKING:
    pass

__all__ = [
    "Measure",
    "counted",
    "failed",
    "finite",
    "insufficient",
    "measure_name",
    "measured",
    "number",
    "percent",
    "with_unit",
    "worst_of",
]


@dataclass(frozen=True)
class Measure:
    """`value` as `evidence` computed it. Without a rule the verdict is None: it informs, it decides nothing."""

    name: str
    value: float | int | str | bool | None
    verdict: Verdict | None = None
    reason: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)
    threshold: Threshold | None = None
    title: str = ""
    unit: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, with the fields of `definitions.results.Result`."""
        return {
            "name": self.name,
            "title": self.title,
            "value": plain(self.value),
            "unit": self.unit,
            "threshold": plain(self.threshold),
            "verdict": plain(self.verdict),
            "reason": self.reason,
            "detail": plain(dict(self.detail)),
        }

    def __str__(self) -> str:
        told = f"{self.title or self.name}: {number(self.value)}{' ' + self.unit if self.unit else ''}"
        told += f" (limit {self.threshold})" if self.threshold else ""
        told += f", {self.verdict}" if self.verdict else ""
        return told + (f". {self.reason}" if self.reason else "")

    def _repr_markdown_(self) -> str:
        return escape_markdown(self)


def measured(
    name: str,
    value: Any,
    *,
    threshold: Threshold | None = None,
    reason: str = "",
    detail: Mapping[str, Any] | None = None,
    title: str = "",
    unit: str = "",
) -> Measure:
    """A measure judged against its threshold by `definitions.results.judge`."""
    verdict = judge(value, threshold)
    if verdict is Verdict.INSUFFICIENT and not reason:
        reason = "there is no finite value to judge"
    return Measure(name, value, verdict, reason, detail or {}, threshold, title, unit)


def insufficient(name: str, reason: str, **parts: Any) -> Measure:
    """A measure that may not be made on what there is, and why."""
    return Measure(name, parts.pop("value", None), Verdict.INSUFFICIENT, reason, **parts)


def failed(name: str, reason: str, **parts: Any) -> Measure:
    """A measure that fails whatever its number, such as an engine that raised."""
    return Measure(name, parts.pop("value", None), Verdict.FAIL, reason, **parts)


def worst_of(measures: Iterable[Measure]) -> Verdict | None:
    """`fail` before `insufficient` before `pass`; None where nothing was judged."""
    return worst([measure.verdict for measure in measures])


def measure_name(text: object) -> str:
    """A name that `Result` accepts, made from any text: `'wind speed (mph)'` is `wind_speed_mph`."""
    name = re.sub(r"[^a-z0-9]+", "_", str(text).lower()).strip("_")
    return (name if name[:1].isalpha() else f"n_{name}")[:64].rstrip("_")


def finite(value: float) -> float | None:
    """The number, or None where it is none: a measure keeps no NaN and no infinity."""
    return float(value) if math.isfinite(value) else None


def number(value: Any, digits: int = 3) -> str:
    """A value as a reader wants it: three significant digits, thousands in groups, `-` for nothing."""
    if value is None:
        return "-"
    if isinstance(value, bool | str):
        return str(value)
    try:
        value = float(value)
    except (TypeError, ValueError):
        return str(value)
    if value != value:
        return "NaN"
    if value == int(value) if abs(value) < 1e15 else False:
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"


def counted(count: int, noun: str, one: str = "", more: str = "") -> str:
    """`1 row`, `1,200 rows`; with a verb for one and for more, `1 row is`, `1,200 rows are`."""
    return f"{count:,} {noun} {one}".strip() if count == 1 else f"{count:,} {noun}s {more}".strip()


def percent(share: float, digits: int = 1, *, signed: bool = False) -> str:
    """A share as a reader wants it: `0.375` is `37.5 %`, with its sign where it is a change; little is not nothing."""
    least = 10.0**-digits
    if 0 < 100 * share < least / 2 and not signed:
        return f"< {least:.{digits}f} %"
    return f"{100 * share:{'+' if signed else ''}.{digits}f} %"


def with_unit(value: Any, unit: str) -> str:
    """A value as a reader wants it, with its unit if it has one: a share `of no-skill` is shown in percent."""
    if unit.startswith("of ") and isinstance(value, float):
        return f"{number(100 * value)} % {unit}"
    return f"{number(value)} {unit}".strip()
