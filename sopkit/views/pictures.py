"""Pictures in the text: small SVG drawings in the colours of the theme, readable without kernel and network.

The rules:
* every picture has a title in words, which a screen reader speaks; nothing is told by a picture alone;
* colours are CSS classes (`reference`, `current`, `accent`, `third`, `fail` …), so a picture follows the theme,
  and lines are told apart by their dashes, too;
* whatever comes from data is escaped.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

__all__ = ["Line", "Mark", "interval", "lines", "pair_of_bars", "share"]

DASHES = {"reference": "6 4", "third": "2 3"}


@dataclass(frozen=True)
class Line:
    """Points of one line in the units of the axes; `low` and `high` are a band around it."""

    label: str
    x: Sequence[float]
    y: Sequence[float]
    style: str = "current"
    low: Sequence[float] | None = None
    high: Sequence[float] | None = None
    dots: bool = False


@dataclass(frozen=True)
class Mark:
    """An upright line at `x`, with its words."""

    x: float
    label: str


def lines(
    drawn: Sequence[Line],
    *,
    title: str,
    x_label: str = "",
    y_label: str = "",
    size: tuple[int, int] = (520, 260),
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    x_text: Callable[[float], str] | None = None,
    y_text: Callable[[float], str] | None = None,
    x_ticks: Sequence[float] | None = None,
    marks: Sequence[Mark] = (),
    diagonal: bool = False,
) -> Markup:
    """Lines over labelled axes with a legend. Points that are not finite interrupt a line; empty where none is."""
    points = [(x, y) for line in drawn for x, y in zip(line.x, line.y, strict=True) if _finite(x, y)]
    if not points:
        return Markup("")
    bands = [value for line in drawn for side in (line.low, line.high) for value in side or () if _finite(value)]
    x_low, x_high = x_range or _around([x for x, _ in points] + [mark.x for mark in marks], margin=0.0)
    y_low, y_high = y_range or _around([y for _, y in points] + bands)
    width, height = size
    left, right, top, bottom = 62.0, width - 14.0, 14.0 + 18.0 * _legend_rows(drawn), height - 44.0

    def across(x: float) -> float:
        return left + (x - x_low) / (x_high - x_low) * (right - left)

    def up(y: float) -> float:
        return bottom - (y - y_low) / (y_high - y_low) * (bottom - top)

    parts = [_axes(width, (left, right, top, bottom), x_label, y_label)]
    for tick in x_ticks if x_ticks is not None else _ticks(x_low, x_high, 6):
        anchor = "middle" if across(tick) < right - 20 else "end"
        words = (x_text or _number(x_low, x_high))(tick)
        at = _at(across(tick))
        parts.append(Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(at, bottom + 16, anchor, words))
    for tick in _ticks(y_low, y_high, 5):
        at, below, words = _at(up(tick)), _at(up(tick) + 4), (y_text or _number(y_low, y_high))(tick)
        parts.append(Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(left, right, at, at))
        parts.append(Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(left - 6, below, words))
    if diagonal:
        low, high = max(x_low, y_low), min(x_high, y_high)
        ends = [_at(each) for each in (across(low), across(high), up(low), up(high))]
        parts.append(Markup('<line class="grid strong" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(*ends))
    for mark in marks:
        at = _at(across(mark.x))
        parts.append(Markup('<line class="mark" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(at, at, top, bottom))
        side, anchor = (4, "start") if across(mark.x) < (left + right) / 2 else (-4, "end")
        here = _at(across(mark.x) + side)
        parts.append(
            Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(here, top + 10, anchor, mark.label)
        )
    for line in drawn:
        parts.append(_drawn(line, across, up))
    parts.append(_legend(drawn, left))
    return _picture(width, height, title, Markup("").join(parts), wide=True)


def interval(
    low: float | None,
    value: float | None,
    high: float | None,
    *,
    span: tuple[float, float],
    title: str,
    limit: float | None = None,
    style: str = "current",
    size: tuple[int, int] = (180, 20),
) -> Markup:
    """A point with its interval on a scale that all rows of a table share (`span`); the limit is an upright line."""
    width, height = size
    first, last = span
    if last <= first or value is None or not _finite(value):
        return Markup("")

    def across(x: float) -> str:
        return _at(4 + (min(max(x, first), last) - first) / (last - first) * (width - 8))

    middle, parts = height / 2, []
    if first <= 0 <= last:
        zero = across(0)
        parts.append(Markup('<line class="grid" x1="{}" x2="{}" y1="1" y2="{}"/>').format(zero, zero, height - 1))
    if limit is not None and _finite(limit):
        at = across(limit)
        parts.append(Markup('<line class="mark" x1="{}" x2="{}" y1="1" y2="{}"/>').format(at, at, height - 1))
    if low is not None and high is not None and _finite(low, high):
        drawn = Markup('<line class="stroke {}" x1="{}" x2="{}" y1="{}" y2="{}"/>')
        parts.append(drawn.format(style, across(low), across(high), middle, middle))
    parts.append(Markup('<circle class="fill {}" cx="{}" cy="{}" r="4"/>').format(style, across(value), middle))
    return _picture(width, height, title, Markup("").join(parts))


def pair_of_bars(
    reference: Sequence[float], current: Sequence[float], *, title: str, size: tuple[int, int] = (140, 30)
) -> Markup:
    """Two distributions over the same bins: the reference as an outline, the current one as filled bars."""
    width, height = size
    count = min(len(reference), len(current))
    highest = max([*reference, *current, 0.0])
    if not count or highest <= 0:
        return Markup("")
    each = width / count
    parts = []
    for place in range(count):
        tall = (height - 2) * current[place] / highest
        bar = Markup('<rect class="fill current" x="{}" y="{}" width="{}" height="{}"/>')
        parts.append(bar.format(_at(place * each + 0.5), _at(height - tall), _at(max(each - 1, 0.6)), _at(tall)))
    outline = []
    for place in range(count):
        y = _at(height - (height - 2) * reference[place] / highest)
        outline += [f"{_at(place * each)},{y}", f"{_at((place + 1) * each)},{y}"]
    line = Markup('<polyline class="stroke reference thin" points="0,{} {} {},{}"/>')
    parts.append(line.format(height, " ".join(outline), width, height))
    return _picture(width, height, title, Markup("").join(parts))


def share(value: float | None, *, title: str, style: str = "current", size: tuple[int, int] = (120, 12)) -> Markup:
    """A share between 0 and 1 as a bar."""
    if value is None or not _finite(value):
        return Markup("")
    width, height = size
    long = _at(min(max(value, 0.0), 1.0) * width)
    ground = Markup('<rect class="ground" x="0" y="0" width="{}" height="{}" rx="2"/>').format(width, height)
    bar = Markup('<rect class="fill {}" x="0" y="0" width="{}" height="{}" rx="2"/>').format(style, long, height)
    return _picture(width, height, title, ground + bar)


def _picture(width: int, height: int, title: str, inside: Markup, *, wide: bool = False) -> Markup:
    form = Markup(
        '<svg class="sop-picture{}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>"
    )
    return form.format(" wide" if wide else "", width, height, width, height, title, title, inside)


def _axes(width: int, frame: tuple[float, float, float, float], x_label: str, y_label: str) -> Markup:
    left, right, top, bottom = frame
    form = Markup(
        '<line class="axis" x1="{l}" x2="{r}" y1="{b}" y2="{b}"/>'
        '<line class="axis" x1="{l}" x2="{l}" y1="{t}" y2="{b}"/>'
        '<text class="label" x="{c}" y="{d}" text-anchor="middle">{x}</text>'
        '<text class="label" transform="translate(13 {m}) rotate(-90)" text-anchor="middle">{y}</text>'
    )
    middle = _at((top + bottom) / 2)
    words = {"x": x_label, "y": y_label}
    return form.format(l=left, r=right, t=top, b=bottom, c=_at((left + right) / 2), d=bottom + 36, m=middle, **words)


def _drawn(line: Line, across: Callable[[float], float], up: Callable[[float], float]) -> Markup:
    parts = []
    if line.low is not None and line.high is not None:
        sides = zip(line.x, line.low, line.high, strict=True)
        kept = [(x, low, high) for x, low, high in sides if _finite(x, low, high)]
        around = [f"{_at(across(x))},{_at(up(high))}" for x, _, high in kept]
        around += [f"{_at(across(x))},{_at(up(low))}" for x, low, _ in reversed(kept)]
        parts.append(Markup('<polygon class="band {}" points="{}"/>').format(line.style, " ".join(around)))
    piece: list[str] = []
    dash = DASHES.get(line.style, "none")
    form = Markup('<polyline class="stroke {}" stroke-dasharray="{}" points="{}"/>')
    for x, y in [*zip(line.x, line.y, strict=True), (math.nan, math.nan)]:
        if _finite(x, y):
            piece.append(f"{_at(across(x))},{_at(up(y))}")
            if line.dots:
                dot = Markup('<circle class="fill {}" cx="{}" cy="{}" r="3"/>')
                parts.append(dot.format(line.style, _at(across(x)), _at(up(y))))
        elif piece:
            parts.append(form.format(line.style, dash, " ".join(piece)))
            piece = []
    return Markup("").join(parts)


def _legend_rows(drawn: Sequence[Line]) -> int:
    return math.ceil(sum(bool(line.label) for line in drawn) / 3)


def _legend(drawn: Sequence[Line], left: float) -> Markup:
    parts = []
    for place, line in enumerate(line for line in drawn if line.label):
        x, y = left + 150 * (place % 3), 12 + 18 * (place // 3)
        dash = DASHES.get(line.style, "none")
        key = Markup('<line class="stroke {}" stroke-dasharray="{}" x1="{}" x2="{}" y1="{}" y2="{}"/>')
        parts.append(key.format(line.style, dash, x, x + 22, y - 4, y - 4))
        label = line.label if len(line.label) <= 20 else line.label[:19] + "…"
        parts.append(Markup('<text x="{}" y="{}">{}</text>').format(x + 28, y, label))
    return Markup("").join(parts)


def _around(values: Sequence[float], margin: float = 0.06) -> tuple[float, float]:
    low, high = min(values), max(values)
    wide = (high - low) or abs(high) or 1.0
    if low == high:
        return low - wide / 2, high + wide / 2
    start = low if low >= 0 > low - margin * wide else low - margin * wide  # what cannot be negative starts at zero
    return (0.0 if low >= 0 and start < 0.15 * wide else start), high + margin * wide


def _ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers between `low` and `high`: 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    apart = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / apart - 1e-9)
    return [place * apart for place in range(first, math.floor(high / apart + 1e-9) + 1)]


def _number(low: float, high: float) -> Callable[[float], str]:
    """How the numbers of an axis are written: as many digits as tell its ticks apart."""
    digits = max(0, 1 - math.floor(math.log10(high - low)))
    large = max(abs(low), abs(high))
    if large >= 1e6 or large < 1e-4:
        return lambda value: f"{value:.3g}"
    return lambda value: f"{value:,.{min(digits, 6)}f}"


def _finite(*values: float) -> bool:
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)


def _at(value: float) -> str:
    return f"{value:.1f}"
