"""Lengths of time as people write them: `30d`, `12h`, `90m`, `2w`."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

__all__ = ["Duration", "parse_duration", "render_duration"]

_UNITS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*([wdhms])")


def parse_duration(text: Any) -> timedelta:
    """`"7d"` as a timedelta. Raises ValueError for anything that is not one number and one unit."""
    if isinstance(text, timedelta):
        return text
    found = _PATTERN.fullmatch(str(text).strip())
    if not found:
        raise ValueError("expected a length of time such as 30d, 12h, 90m or 2w")
    return timedelta(seconds=float(found[1]) * _UNITS[found[2]])


def render_duration(value: timedelta) -> str:
    """The shortest exact form: `timedelta(days=7)` is `7d`."""
    seconds = value.total_seconds()
    for unit in ("d", "h", "m"):
        if seconds and seconds % _UNITS[unit] == 0:
            return f"{seconds / _UNITS[unit]:.0f}{unit}"
    return f"{seconds:g}s"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration),
    PlainSerializer(render_duration),
    WithJsonSchema({"type": "string", "pattern": r"^\d+(\.\d+)?\s*[wdhms]$", "examples": ["30d", "12h"]}),
]
