"""How a comparison is worded: titles, intervals, sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from sopkit.views import wording
from sopkit.views.numerals import ends, finite, three

__all__ = [
    "TITLES", "capital", "height", "interval", "judged", "plain", "sentence", "span", "unexamined", "with_interval",
]  # fmt: skip

TITLES = {  # of metrics, where no comparison says them (`evidence.metrics`, too heavy to be imported for words)
    "roc_auc": "ROC AUC",
    "average_precision": "average precision",
    "brier": "Brier score",
    "log_loss": "log loss",
    "brier_skill": "Brier skill score",
    "macro_f1": "macro F1",
    "accuracy": "accuracy",
    "ovr_roc_auc": "one-vs-rest ROC AUC",
    "r2": "R²",
    "mae": "mean absolute error",
    "rmse": "root mean squared error",
    "bias": "bias",
}


def with_interval(found: Any, unit: str = "") -> str:
    """`0.733 (0.707 to 0.758)` of `{value, low, high}`."""
    if not isinstance(found, dict) or finite(found.get("value")) is None:
        return wording.MISSING
    around = ends(found.get("low"), found.get("high"))
    return f"{three(float(found['value']))}{f' ({around})' if around else ''} {unit}".strip()


def judged(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Judged measures of a part: what it was held to, and how it came out; its finding is not said twice."""
    finding = sentence(found["finding"])
    return [
        {
            "title": str(measure["title"] or measure["name"]),
            "value": three(measure["value"], measure.get("unit") or ""),
            "threshold": measure["threshold"],
            "unit": measure.get("unit") or "",
            "verdict": measure["verdict"],
            "reason": "" if sentence(measure["reason"]) == finding else sentence(measure["reason"]),
        }
        for measure in found.get("measures") or ()
        if measure.get("verdict")
    ]


def interval(row: Mapping[str, Any], low: str, value: str, high: str) -> dict[str, float | None]:
    """The numbers of a picture, from fields of those names."""
    return {"low": finite(row.get(low)), "point": finite(row.get(value)), "high": finite(row.get(high))}


def span(rows: Iterable[Mapping[str, Any]], *more: str) -> tuple[float, float]:
    """One scale for all pictures of a table, with zero on it."""
    names = ("low", "point", "high", "limit", *more)
    known = [value for row in rows for name in names if (value := row.get(name)) is not None]
    low, high = min([*known, 0.0]), max([*known, 0.0])
    return (low, high) if high > low else (low - 1.0, high + 1.0)


def sentence(text: str) -> str:
    """With a capital letter and a full stop; nothing stays nothing."""
    text = capital(str(text).rstrip("."))
    return f"{text}." if text else ""


def capital(text: str) -> str:
    """With a capital letter, as the start of a cell."""
    return text[:1].upper() + text[1:]


def plain(name: str) -> str:
    """`the champion` is `champion`."""
    return name.removeprefix("the ")


def unexamined(examined: Mapping[str, Any] | None) -> str:
    """Why something that was asked for was not examined; empty where it was."""
    if not examined or examined.get("verdict") == "pass":
        return ""
    return str(examined.get("reason") or "nobody has said why")


def height(line: Sequence[Sequence[float]], x: float) -> float:
    """The height of a line at x."""
    for (x0, y0), (x1, y1) in pairwise(line):
        if x0 <= x <= x1:
            return y1 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return math.nan
