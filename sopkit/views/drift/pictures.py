"""Pictures of drift: a column then and now, and how it went over time. The rules are those of `pictures`.

Both sides are told apart by form and not by colour alone: the reference is a dashed line or a hollow bar.
A period without enough rows is a gap.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from sopkit.views.numerals import percent
from sopkit.views.pictures import Line, Mark, lines, pair_of_bars

__all__ = ["distribution", "missing_over_time", "over_time", "small"]

LONGEST, KEY = 25, 15  # letters of a name beside a bar, and in the key of a picture
SIZE = (520, 250)
STYLES = ("current", "third", "reference")
SIDES = {"reference": "reference", "between": "third", "current": "current"}
DAY = 86_400.0


def small(found: Mapping[str, Any] | None, *, title: str) -> Markup:
    """Both distributions in the line of a table; nothing where there are none."""
    if not found or not found["labels" if "labels" in found else "edges"]:
        return Markup("")
    return pair_of_bars(found["reference"], found["current"], title=title, size=(150, 30))


def distribution(found: Mapping[str, Any], labels: Sequence[str], *, title: str, unit: str = "") -> Markup:
    """Shares of rows by bin for numbers, by value for categories, by word for texts; both sides in one picture."""
    if found["form"] == "histogram":
        return _histogram(found, labels, title, unit)
    return _bars(found, labels, title)


def over_time(over: Mapping[str, Any], time: Mapping[str, Any], *, title: str, unit: str = "") -> Markup:
    """The median with its quartiles, or the shares of the commonest values; `time` is `axis` of the facts."""
    parts: list[Line] = []
    if over.get("middle"):
        band = over["low"], over["high"]
        for side, style in SIDES.items():
            parts += _line(side, style, time, over["middle"], band, among=_among(time["sides"], side))
        return _timed(parts, time, title, unit or "value", None)
    for name, shares, style in zip(over["names"], over["shares"], STYLES, strict=False):
        parts += _line(name if len(name) <= KEY else name[: KEY - 1] + "…", style, time, shares)
    return _timed(parts, time, title, "share of rows", percent_of)


def missing_over_time(over: Mapping[str, Any], time: Mapping[str, Any], *, title: str) -> Markup:
    """The share of rows without a value, period by period."""
    return _timed(_line("missing", "current", time, over["missing"]), time, title, "missing", percent_of)


def percent_of(share: float) -> str:
    """A share on an axis: `2.5 %`."""
    return f"{100 * share:.3g} %"


def _timed(parts: list[Line], time: Mapping[str, Any], title: str, y_label: str, y_text: Any) -> Markup:
    if not parts:
        return Markup("")
    first, last = time["range"]
    each = f"each point: {time['span']}" if time["span"][0].isdigit() else f"each point: a {time['span']}"
    every = [y for part in parts for y in (*part.y, *(part.low or ()), *(part.high or ()))]
    low, high = (0.0 if y_text else min(every)), max(every)
    wide = (high - low) or abs(high) or 0.01
    return lines(
        parts,
        title=title,
        x_label=each.replace("a hour", "an hour"),
        y_label=y_label,
        size=SIZE,
        x_range=(first, last),
        y_range=(low if y_text else low - 0.06 * wide, high + 0.16 * wide),  # the mark's words stand above the lines
        x_ticks=_dates(first, last),
        x_text=lambda at: _date(at, last - first),
        y_text=y_text,
        marks=[Mark(at, words) for at, words in time["marks"] if first <= at <= last],
    )


def _line(
    label: str,
    style: str,
    time: Mapping[str, Any],
    values: Sequence[float | None],
    band: tuple[Sequence[float | None], Sequence[float | None]] | None = None,
    among: Collection[int] | None = None,
) -> list[Line]:
    """A line in its unbroken pieces, so that neither it nor its band is drawn across a gap; `among` these places."""
    found: list[Line] = []
    first: int | None = None
    for place, whole in enumerate([*values, None]):
        value = whole if among is None or place in among else None
        if value is not None and first is None:
            first = place
        if value is None and first is not None:
            low, high = ([float(each or 0) for each in side[first:place]] for side in band) if band else (None, None)
            y = [float(each or 0) for each in values[first:place]]
            x = time["middles"][first:place]
            found.append(Line("" if found else label, x, y, style, low, high, dots=band is not None or len(y) == 1))
            first = None
    return found


def _among(sides: Sequence[str], wanted: str) -> set[int]:
    """The places of one side, and the first after each of them, so that the line goes on to the next side."""
    own = {place for place, side in enumerate(sides) if side == wanted}
    return own | {place + 1 for place in own if place + 1 < len(sides)}


def _histogram(found: Mapping[str, Any], labels: Sequence[str], title: str, unit: str) -> Markup:
    edges = [float(edge) for edge in found["edges"]]
    x = [edge for pair in pairwise(edges) for edge in pair]
    drawn = []
    for label, side in zip(labels, ("reference", "current"), strict=True):
        y = [float(share) for share in found[side] for _ in (0, 1)]
        ground = [0.0] * len(y)
        drawn.append(Line(label, x, y, side, ground, y))
    highest = max(*found["reference"], *found["current"], 0.001)
    return lines(
        drawn, title=title, x_label=unit or "value", y_label="share of rows", size=SIZE,
        x_range=(edges[0], edges[-1]), y_range=(0.0, highest * 1.06), y_text=percent_of,
    )  # fmt: skip


def _bars(found: Mapping[str, Any], labels: Sequence[str], title: str) -> Markup:
    """Two bars a value, the reference hollow above, the current one filled below, with their shares."""
    names = found["labels"]
    if not names:
        return Markup("")
    each, left, right, top = 30, 168, 430, 26
    width, height = SIZE[0], top + each * len(names) + 4
    highest = max(*found["reference"], *found["current"], 0.001)
    parts = []
    for place, (label, style) in enumerate(zip(labels, ("reference", "current"), strict=True)):
        key = Markup('<rect class="{}" x="{}" y="5" width="18" height="9"/><text x="{}" y="14">{}</text>')
        x = 4 + place * 240
        parts.append(key.format(_style(style), x, x + 24, label if len(label) <= 34 else label[:33] + "…"))
    for row, name in enumerate(names):
        y = top + row * each
        words = name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
        form = Markup('<text class="label" x="{}" y="{}" text-anchor="end"><title>{}</title>{}</text>')
        parts.append(form.format(left - 8, y + 16, name, words))
        for side, at in (("reference", y + 2), ("current", y + 13)):
            long = (right - left) * found[side][row] / highest
            bar = Markup('<rect class="{}" x="{}" y="{}" width="{}" height="9"/><text x="{}" y="{}">{}</text>')
            told = percent(found[side][row])
            parts.append(bar.format(_style(side), left, at, f"{long:.1f}", f"{left + long + 6:.1f}", at + 9, told))
    form = Markup(
        '<svg class="sop-picture wide" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>"
    )
    return form.format(width, height, width, height, title, title, Markup("").join(parts))


def _style(side: str) -> str:
    return "stroke thin reference" if side == "reference" else "fill current"


def _dates(first: float, last: float) -> list[float]:
    """Where an axis of time is written at: whole hours, days, months or years, about five of them."""
    span = (last - first) / DAY
    if span <= 320 / 24 * 5:
        apart = next((step for step in (1 / 24, 0.125, 0.25, 0.5, 1, 2, 7, 14) if span / step <= 6), 14) * DAY
        start = -(-first // apart) * apart
        return [start + place * apart for place in range(int((last - start) / apart) + 1)]
    month = next((step for step in (1, 2, 3, 6, 12, 24, 60, 120, 240) if span / 30.4 / step <= 6), 480)
    begin, found = datetime.fromtimestamp(first, UTC), []
    place = begin.year * 12 + begin.month
    place += -place % month
    while place < 120_000:
        at = datetime(place // 12, place % 12 + 1, 1, tzinfo=UTC).timestamp()
        if at > last:
            break
        if at >= first:
            found.append(at)
        place += month
    return found


def _date(at: float, span: float) -> str:
    moment = datetime.fromtimestamp(at, UTC)
    if span <= 4 * DAY:
        return f"{moment:%d %b %H:%M}"
    return f"{moment:%Y-%m}" if span > 320 / 24 * 5 * DAY else f"{moment:%d %b}"
