"""Facts in words, on one line: values as `definitions.rendering` writes them, verdicts, thresholds, times.

The rules:
* a verdict is told by a word and a shape, never by a colour alone;
* what is missing is an en dash, never an empty place or a zero;
* what is too long for a cell of a table ends in an ellipsis; the record has all of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sopkit.definitions.rendering import SHAPES, render_value
from sopkit.definitions.results import Threshold, Verdict

__all__ = [
    "MISSING",
    "answer",
    "answered_by",
    "condition",
    "count",
    "moment",
    "seconds",
    "since",
    "state",
    "threshold",
    "value",
    "verdict",
]

MISSING = "–"
LONGEST = 80
_STATES = {
    **dict.fromkeys(("done", "open"), "●"),
    **dict.fromkeys(("failed", "stopped", "abandoned", "rejected"), "✗"),
    **dict.fromkeys(("waiting", "returned", "interrupted", "closed"), "◐"),
    "running": "▶",
    "pending": "○",
}


def value(value: Any, unit: str = "") -> str:
    """A recorded value, short enough for a cell of a table."""
    if value is None:
        return MISSING
    if isinstance(value, int) and not isinstance(value, bool) and unit.startswith(("%", "share", "of ")):
        value = float(value)  # canonical JSON keeps 1.0 as 1, and a whole share is still 100 %
    text = render_value(value, unit)
    return text if len(text) <= LONGEST else text[: LONGEST - 1].rstrip() + "…"


def threshold(threshold: Mapping[str, Any] | None, unit: str = "") -> str:
    """`{"op": "at_least", "value": 0.7}` is `≥ 0.7`; no threshold is nothing."""
    if not threshold:
        return ""
    sign = str(Threshold.model_validate(threshold)).split(" ", 1)[0]
    return f"{sign} {value(threshold['value'], unit)}"


def verdict(verdict: str | None) -> str:
    """`✓ pass`, `✗ fail`, `◌ insufficient`; what was not judged is nothing."""
    return SHAPES[Verdict(verdict)] if verdict else ""


def condition(condition: Mapping[str, Any]) -> str:
    """`✗ overdue`, `○ open`, `● settled`, `– withdrawn`: what became of a condition of an approval."""
    shapes = {"open": "○", "settled": "●", "withdrawn": MISSING}
    return "✗ overdue" if condition["overdue"] else f"{shapes[condition['state']]} {condition['state']}"


def state(state: str) -> str:
    """`● done`, `◐ waiting`, `✗ failed`, `▶ running`, `○ pending`: of a run, a stage or a gate."""
    return f"{_STATES.get(state, '')} {state}".strip()


def count(number: float | None, one: str, many: str = "") -> str:
    """`1 run`, `2,000 runs`; `many` where an s is not enough."""
    if number is None:
        return MISSING
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def answer(item: Mapping[str, Any]) -> str:
    """`✓ yes`, `✗ no`, `◌ open`, `– not applicable`: an answer of the checklist, by word and shape."""
    shapes = {"yes": "✓ yes", "no": "✗ no", "not-applicable": "– not applicable"}
    return shapes.get(item["answer"], "◌ open")


def answered_by(item: Mapping[str, Any]) -> str:
    """Who or what gave an answer of the checklist, or is asked for it."""
    if item["answered_by"]:
        return f"the result {item['answered_by']}"
    return ", ".join(item["by"]) or f"asked of {item['role'] or 'each signer'}"


def seconds(seconds: float | None) -> str:
    """`75.2` is `1 min 15 s`; under ten seconds with one digit."""
    if seconds is None:
        return MISSING
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def since(at: datetime | str, now: datetime) -> str:
    """How long ago that was, in one unit: `3 days`, `5 hours`, `2 minutes`, `just now`."""
    time = datetime.fromisoformat(at) if isinstance(at, str) else at
    passed = (now - time).total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if passed >= length:
            return count(int(passed // length), unit)
    return "just now"


def moment(at: datetime | str | None) -> str:
    """`2013-07-01 12:30 UTC`; midnight UTC is the date alone."""
    if at is None:
        return MISSING
    time = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC)
    midnight = time.hour == time.minute == time.second == 0
    return f"{time:%Y-%m-%d}" if midnight else f"{time:%Y-%m-%d %H:%M} UTC"
