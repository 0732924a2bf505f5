"""How far a stage is and what it takes, in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sopkit.archive.taken import Alert
from sopkit.definitions.rendering import render_value
from sopkit.views import wording

__all__ = ["alert_words", "live_words", "memory"]

_PLACES = (("fold", "folds"), ("iteration", "iterations"))
_MEASURED = frozenset({"seconds", "cpu_seconds", "memory_mb", "threads", "done", "total", "note"})


def memory(megabytes: float | None) -> str:
    """`412 MB`, `1.9 GB`."""
    if megabytes is None:
        return wording.MISSING
    return f"{megabytes / 1024:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"


def live_words(live: Mapping[str, Any]) -> str:
    """`cell 7 of 22, fold 2 of 3, iteration 40 of 120`; empty before the first cell."""
    told = live.get("told") or {}
    words = [f"cell {live['cell']} of {live['cells']}"] if live.get("cell") else []
    if isinstance(told.get("recipe"), str):
        words.append(f"recipe {told['recipe']}")
    for one, many in _PLACES:
        if one in told:
            words.append(f"{one} {_whole(told[one])}" + (f" of {_whole(told[many])}" if many in told else ""))
    if not any(one in told for one, _ in _PLACES) and isinstance(told.get("total"), float) and told["total"] > 1:
        words.append(f"{_whole(told.get('done', 0))} of {_whole(told['total'])}")
    shown = _MEASURED | {"recipe"} | {name for pair in _PLACES for name in pair}
    words += [f"{name} {render_value(value)}" for name, value in told.items() if name not in shown]
    return ", ".join(words)


def alert_words(alert: Alert, title: str) -> str:
    """What took far more than usual, how much that is, and of how many earlier runs that is the median."""
    write = wording.seconds if alert.kind == "time" else memory
    what = "longer" if alert.kind == "time" else "more memory"
    times = f"{alert.value / alert.usual:.1f} times" if alert.usual > 0 else "far more than"
    verb = "has taken" if alert.under_way else "took"
    so_far = " so far" if alert.under_way else ""
    amount = write(alert.value) if alert.kind == "time" else f"{write(alert.value)} at its peak"
    usual = f"the median of {alert.earlier} earlier runs is {write(alert.usual)}"
    return f"«{title}» {verb} far {what} than in earlier runs: {amount}{so_far}, {times} the usual ({usual})"


def _whole(value: Any) -> str:
    return f"{value:,.0f}" if isinstance(value, float) else str(value)
