"""Values as people read them: four significant digits, thousands separated, text that cannot act.

Whatever comes from data is escaped here before it stands in markdown: it shows as text and nothing else.
"""

from __future__ import annotations

import html
import math
import re
from datetime import datetime
from typing import Any

from sopkit.definitions.results import Result, Verdict

__all__ = ["SHAPES", "escape_markdown", "render_result", "render_value"]

SHAPES = {Verdict.PASS: "✓ pass", Verdict.FAIL: "✗ fail", Verdict.INSUFFICIENT: "◌ insufficient"}
_MARKDOWN = re.compile(r"[\\`*_{}\[\]()#+!|~$]")
# MathJax reads the finished page, where an escaped $ is a plain one again; it never joins text across elements
_MATH = {"$": "<span>&#36;</span>", "\\": "<span>&#92;</span>"}


def render_value(value: Any, unit: str = "") -> str:
    """`0.043717` as `0.04372`, `336776` as `336,776`; a unit of `%` or `share of …` turns a share into percent."""
    share, _, of = unit.partition(" ")
    if share == "of" and isinstance(value, float):  # a share: `of no-skill`, `of the former rate`
        return f"{_render(value, '%')} {unit}"
    if unit == "%" or share == "share":
        return " ".join(part for part in (_render(value, "%"), of) if part)
    return " ".join(part for part in (_render(value, ""), unit) if part)


def _render(value: Any, unit: str) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M").removesuffix(" 00:00")
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        if not math.isfinite(value):
            return "not a number" if math.isnan(value) else ("∞" if value > 0 else "-∞")
        if unit == "%":
            return f"{100 * value:.3g} %"
        if value == int(value) and abs(value) < 1e15:
            return f"{int(value):,}"
        return f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(_render(item, unit) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_render(item, unit)}" for key, item in value.items()) or "none"
    return str(value)


def escape_markdown(text: Any) -> str:
    """Text from data as markdown that shows exactly that text, in one line."""
    one_line = html.escape(" ".join(str(text).split()), quote=False)
    return _MARKDOWN.sub(lambda sign: _MATH.get(sign[0], f"\\{sign[0]}"), one_line)


def render_result(result: Result) -> str:
    """One result as a line of markdown: verdict by word and shape, value, threshold, reason."""
    verdict = f"**{SHAPES[result.verdict]}** · " if result.verdict else ""
    limit = ""
    if result.threshold is not None:
        required = escape_markdown(f"{str(result.threshold)[0]} {render_value(result.threshold.value, result.unit)}")
        limit = f" (required {required})"
    value = escape_markdown(render_value(result.value, result.unit))
    reason = f" — {escape_markdown(result.reason)}" if result.reason else ""
    return f"{verdict}{escape_markdown(result.title or result.name)}: **{value}**{limit}{reason}"
