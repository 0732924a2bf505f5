"""Pictures of a comparison that are no lines over axes: bars, what was answered for what, averages by category.

The rules: those of `pictures`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from sopkit.views.numerals import percent, three

__all__ = ["bar", "categories", "clip", "confusion", "few"]


def bar(row: Mapping[str, Any], span: tuple[float, float], *, title: str, style: str = "current") -> Markup:
    """A bar from zero with its interval, and the champion's as an outline beneath it."""
    first, last = span
    point, champion = row.get("point"), row.get("champion")
    if point is None or not last > first:
        return Markup("")
    width, tall = 220, 20 if champion is None else 26

    def across(x: float) -> float:
        return 2 + (min(max(x, first), last) - first) / (last - first) * (width - 4)

    zero = across(0.0)
    block = Markup('<rect class="fill {}" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>')
    parts = [block.format(style, min(zero, across(point)), 4, abs(across(point) - zero), 10)]
    if champion is not None:
        parts.append(block.format("reference", min(zero, across(champion)), 17, abs(across(champion) - zero), 5))
    if row.get("low") is not None and row.get("high") is not None:
        whisker = Markup('<line class="axis" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>')
        low, high = across(row["low"]), across(row["high"])
        parts += [whisker.format(low, high, 9, 9), whisker.format(low, low, 6, 12), whisker.format(high, high, 6, 12)]
    line = Markup('<line class="grid" x1="{:.1f}" x2="{:.1f}" y1="1" y2="{}"/>').format(zero, zero, tall - 1)
    return _svg(width, tall, title, line + Markup("").join(parts))


def confusion(classes: Sequence[str], table: Sequence[Sequence[int]], name: str) -> Markup:
    """Rows of the true class (down) by the answer (across); darker where more rows of that class went."""
    size, side, left, top = len(classes), 40, 96, 74
    width, height = left + side * size + 6, top + side * size + 6
    parts = [Markup('<text class="label" x="{}" y="11">answer →</text>').format(left)]
    parts.append(Markup('<text class="label" x="0" y="{}">true class ↓</text>').format(top - 8))
    for place, label in enumerate(classes):
        middle = left + side * place + side / 2
        turned = Markup('<text transform="translate({} {}) rotate(-45)"><title>{}</title>{}</text>')
        parts.append(turned.format(middle - 2, top - 6, label, clip(label, 9)))
        down = top + side * place + side / 2 + 4
        named = Markup('<text x="{}" y="{}" text-anchor="end"><title>{}</title>{}</text>')
        parts.append(named.format(left - 6, down, label, clip(label, 13)))
        whole = sum(table[place]) or 1
        for across, rows in enumerate(table[place]):
            parts.append(_cell(left + side * across, top + side * place, side, rows, rows / whole, across == place))
    right = sum(table[place][place] for place in range(size))
    every = sum(sum(row) for row in table) or 1
    title = f"Confusion of {name}: {percent(right / every)} answered rightly"
    return _svg(width, height, title, Markup("").join(parts), kind=" wide")


def categories(panel: Mapping[str, Any], span: tuple[float, float], title: str, answered: str) -> Markup:
    """The challenger as a point in its band, the champion as an upright stroke; one row a category."""
    first, last = span
    width, left, step, top = 330, 104, 19, 20
    bottom = top + step * len(panel["values"])

    def across(x: float) -> str:
        return f"{left + (x - first) / (last - first) * (width - left - 10):.1f}"

    parts = [Markup('<text class="label" x="0" y="11">{}</text>').format(clip(panel["label"], 48))]
    for tick in few(first, last):
        parts.append(_upright("grid", across(tick), top, bottom))
        form = Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>')
        parts.append(form.format(across(tick), bottom + 13, three(tick)))
    for place, value in enumerate(panel["values"]):
        low, point, high = (panel[name][place] for name in ("low", "challenger", "high"))
        middle = top + step * place + step / 2
        named = Markup('<text x="{}" y="{}" text-anchor="end"><title>{}</title>{}</text>')
        parts.append(named.format(left - 6, middle + 4, value, clip(str(value), 15)))
        if low is not None and high is not None:
            band = Markup('<line class="stroke current" stroke-opacity="0.3" x1="{}" x2="{}" y1="{}" y2="{}"/>')
            parts.append(band.format(across(low), across(high), middle, middle))
        if panel["champion"] and panel["champion"][place] is not None:
            parts.append(_upright("stroke reference", across(panel["champion"][place]), middle - 6, middle + 6))
        if point is not None:
            dot = Markup('<circle class="fill current" cx="{}" cy="{}" r="3.5"/>')
            parts.append(dot.format(across(point), middle))
    words = Markup('<text class="label" x="{}" y="{}" text-anchor="middle">{}</text>')
    parts.append(words.format((left + width) / 2, bottom + 28, clip(answered, 40)))
    return _svg(width, bottom + 34, title, Markup("").join(parts), kind=" wide")


def _cell(x: float, y: float, side: int, rows: int, share: float, right: bool) -> Markup:
    form = Markup('<rect class="fill {}" fill-opacity="{:.2f}" x="{}" y="{}" width="{}" height="{}"/>')
    ground = form.format(
        "current" if right else "fail", 0.06 + 0.54 * share if rows else 0.03, x, y, side - 2, side - 2
    )
    words = Markup('<text class="label" x="{}" y="{}" text-anchor="middle">{}</text>')
    return ground + (words.format(x + side / 2 - 1, y + side / 2 + 3, f"{rows:,}") if rows else Markup(""))


def _upright(kind: str, x: str, top: float, bottom: float) -> Markup:
    return Markup('<line class="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(kind, x, x, top, bottom)


def _svg(width: int, height: int, title: str, inside: Markup, *, kind: str = "") -> Markup:
    form = Markup(
        '<svg class="sop-picture{}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>"
    )
    return form.format(kind, width, height, width, height, title, title, inside)


def few(low: float, high: float) -> list[float]:
    """About four round numbers, so that long ones stand apart in a small picture."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / 4))
    apart = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= (high - low) / 4 * 0.999)
    return [place * apart for place in range(math.ceil(low / apart), math.floor(high / apart) + 1)]


def clip(text: str, length: int) -> str:
    """On one line, short enough for an axis."""
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
