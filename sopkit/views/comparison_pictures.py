"""Pictures of a comparison: the challenger solid and dark, the champion dashed and grey, the third recipe dotted.

The rules: those of `pictures`. One legend (`key`) serves all of them, and words or a table beside each say the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from sopkit.views.comparison_wording import height, percent, three
from sopkit.views.pictures import DASHES, Line, lines

__all__ = ["bands", "bar", "calibration", "confusion", "dependence", "errors", "key", "over_time", "recall", "roc"]

STYLES = {"challenger": "current", "champion": "reference", "recipe on new data": "third"}
SQUARE, SMALL, FLAT = (330, 310), (250, 240), (330, 210)
UNIT = (0.0, 1.0)


def key(names: Mapping[str, str]) -> Markup:
    """What the lines of all pictures stand for."""
    form = Markup(
        '<span class="whole"><svg class="sop-picture" width="30" height="10" viewBox="0 0 30 10" aria-hidden="true">'
        '<line class="stroke {}" stroke-dasharray="{}" x1="1" x2="29" y1="5" y2="5"/></svg> {}</span>'
    )
    drawn = [form.format(STYLES[arm], DASHES.get(STYLES[arm], "none"), names[arm]) for arm in STYLES if arm in names]
    return Markup(" &nbsp; ").join(drawn)


def roc(outcome: Mapping[str, Any], names: Mapping[str, str], *, small: bool = False) -> Markup:
    """Positives found over others flagged, at every threshold."""
    what = f"Receiver operating characteristic{' of ' + outcome['class'] if outcome['class'] else ''}"
    told = "; ".join(
        f"{names[arm]}: {percent(height(line, 0.1))} of the positives found where 10 % of the others are flagged"
        for arm, line in outcome["roc"].items()
    )
    return lines(
        _drawn(outcome["roc"]),
        title=f"{what}. {told}",
        x_label="share of the others flagged",
        y_label="share of positives found",
        size=SMALL if small else SQUARE,
        x_range=UNIT,
        y_range=UNIT,
        diagonal=True,
    )


def recall(outcome: Mapping[str, Any], names: Mapping[str, str]) -> Markup:
    """Flags that are right over positives found."""
    rate = outcome["rate"]
    told = f"Precision over recall of {_listed(names, outcome['precision_recall'])}; no skill reaches {percent(rate)}"
    level = Line("", UNIT, (rate, rate), "third")
    return lines(
        [*_drawn(outcome["precision_recall"]), level],
        title=told,
        x_label="share of positives found",
        y_label="share of flags that are right",
        size=SQUARE,
        x_range=UNIT,
        y_range=UNIT,
    )


def bands(found: Mapping[str, Any]) -> Markup:
    """What came where each model said so much; the band holds the middle 80 % of what came, of the challenger."""
    drawn = []
    for arm in _order(found["bands"]):
        each = found["bands"][arm]
        around = {side: [band[side] for band in each] for side in ("low", "high")} if arm == "challenger" else {}
        said, came = ([band[name] for band in each] for name in ("predicted", "observed"))
        drawn.append(Line("", said, came, STYLES[arm], dots=True, **around))
    unit = f" ({found['unit']})" if found["unit"] else ""
    return lines(
        drawn,
        title=f"What came over what was predicted, in bands, of {_listed(found['names'], found['bands'])}",
        x_label=f"mean prediction{unit}",
        y_label=f"mean of what came{unit}",
        size=SQUARE,
        diagonal=True,
    )


def errors(found: Mapping[str, Any]) -> Markup:
    """How the errors of both models lie, as steps over shared edges."""
    kept, edges = found["errors"], found["errors"]["edges"]
    drawn = []
    for arm in _order(kept):
        x = [edge for edge in edges for _ in range(2)]
        y = [0.0, *(share for share in kept[arm] for _ in range(2)), 0.0]
        drawn.append(Line("", x, y, STYLES[arm]))
    unit = f" ({found['unit']})" if found["unit"] else ""
    return lines(
        drawn,
        title=f"How the errors of {_listed(found['names'], kept)} lie",
        x_label=f"predicted less what came{unit}",
        y_label="share of rows",
        size=SQUARE,
        x_range=(edges[0], edges[-1]),
        y_range=(0.0, 1.06 * max(max(kept[arm]) for arm in _order(kept))),
    )


def calibration(found: Mapping[str, Any]) -> Markup:
    """What came over what was said, with its interval; the dotted line is a model that keeps its word."""
    kept = [band for band in found["bands"] if band["predicted"] is not None and band["observed"] is not None]
    said, came = ([band[name] for band in kept] for name in ("predicted", "observed"))
    low, high = ([math.nan if band[end] is None else band[end] for band in kept] for end in ("low", "high"))
    every = [value for value in (*said, *came, *low, *high) if math.isfinite(value)]
    reach = (min(every), max(every)) if found["numbers"] and every else (0.0, max([*every, 0.1]))
    room = 0.04 * (reach[1] - reach[0])
    both = (reach[0] - room if found["numbers"] else 0.0, reach[1] + room)
    unit = f" ({found['unit']})" if found["unit"] else ""
    return lines(
        [Line("", said, came, "current", low, high, dots=True)],
        title=f"Calibration in {len(kept)} bands. {found['finding']}",
        x_label=f"mean prediction{unit}" if found["numbers"] else "predicted probability",
        y_label=f"mean of what came{unit}" if found["numbers"] else "share that came",
        size=SQUARE,
        x_range=both,
        y_range=both,
        diagonal=True,
    )


def dependence(panel: Mapping[str, Any], reach: tuple[float, float], answered: str) -> Markup:
    """The average answer where one feature is set to a value in every row."""
    values = panel["values"]
    places = values if panel["numeric"] else list(range(len(values)))
    none = [math.nan] * len(values)
    drawn = []
    for arm in ("champion", "challenger"):
        if panel[arm] is not None:
            around = {side: _known(panel[side]) for side in ("low", "high")} if arm == "challenger" else {}
            drawn.append(Line("", places, _known(panel[arm]), STYLES[arm], dots=not panel["numeric"], **around))
    room = 0.05 * (reach[1] - reach[0]) or 0.01
    words: dict[str, Any] = {"x_ticks": _few(min(places), max(places))} if panel["numeric"] else {}
    if not panel["numeric"]:
        words = {
            "x_ticks": places,
            "x_text": lambda x: _clip(str(values[round(x)]), 9),
            "x_range": (-0.4, len(values) - 0.6),
        }
    return lines(
        drawn or [Line("", places, none)],
        title=f"Answers over {panel['label']}. {panel['words']}",
        x_label=_clip(panel["label"], 44),
        y_label=_clip(answered, 30),
        size=FLAT if panel["numeric"] or len(values) < 6 else (560, 210),
        y_range=(reach[0] - room, reach[1] + room),
        **words,
    )


def over_time(parts: Sequence[Mapping[str, Any]], reach: float | None, unit: str) -> Markup:
    """The mean error part by part with its interval, the champion's beside it, and how far it may be from zero."""
    places = [float(place) for place in range(len(parts))]
    low, point, high = (_known([part[name] for part in parts]) for name in ("low", "point", "high"))
    drawn = [Line("", places, _known([part["champion"] for part in parts]), "reference")]
    drawn.append(Line("", places, point, "current", low, high, dots=True))
    if reach is not None:
        drawn += [Line("", (places[0], places[-1]), (side, side), "third") for side in (-reach, reach)]
    apart = max(1, math.ceil(len(parts) / 6))
    return lines(
        drawn,
        title="Mean error over time" + (f", limit {three(reach)} to either side" if reach is not None else ""),
        y_label=f"mean error{f' ({unit})' if unit else ''}",
        x_label="start of the part",
        size=(620, 230),
        x_ticks=places[::apart],
        x_text=lambda x: str(parts[round(x)]["start"]),
    )


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
        parts.append(turned.format(middle - 2, top - 6, label, _clip(label, 9)))
        down = top + side * place + side / 2 + 4
        named = Markup('<text x="{}" y="{}" text-anchor="end"><title>{}</title>{}</text>')
        parts.append(named.format(left - 6, down, label, _clip(label, 13)))
        whole = sum(table[place]) or 1
        for across, rows in enumerate(table[place]):
            parts.append(_cell(left + side * across, top + side * place, side, rows, rows / whole, across == place))
    right = sum(table[place][place] for place in range(size))
    every = sum(sum(row) for row in table) or 1
    title = f"Confusion of {name}: {percent(right / every)} answered rightly"
    return _svg(width, height, title, Markup("").join(parts), kind=" wide")


def _cell(x: float, y: float, side: int, rows: int, share: float, right: bool) -> Markup:
    form = Markup('<rect class="fill {}" fill-opacity="{:.2f}" x="{}" y="{}" width="{}" height="{}"/>')
    ground = form.format(
        "current" if right else "fail", 0.06 + 0.54 * share if rows else 0.03, x, y, side - 2, side - 2
    )
    words = Markup('<text class="label" x="{}" y="{}" text-anchor="middle">{}</text>')
    return ground + (words.format(x + side / 2 - 1, y + side / 2 + 3, f"{rows:,}") if rows else Markup(""))


def _svg(width: int, height: int, title: str, inside: Markup, *, kind: str = "") -> Markup:
    form = Markup(
        '<svg class="sop-picture{}" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>"
    )
    return form.format(kind, width, height, width, height, title, title, inside)


def _drawn(arms: Mapping[str, Any]) -> list[Line]:
    return [Line("", [x for x, _ in arms[arm]], [y for _, y in arms[arm]], STYLES[arm]) for arm in _order(arms)]


def _order(arms: Mapping[str, Any]) -> list[str]:
    """The challenger is drawn last, on top of the others."""
    return [arm for arm in reversed(STYLES) if arm in arms]


def _listed(names: Mapping[str, str], arms: Mapping[str, Any]) -> str:
    return " and ".join(names[arm] for arm in STYLES if arm in arms and arm in names)


def _few(low: float, high: float) -> list[float]:
    """About four round numbers, so that long ones stand apart in a small picture."""
    if not high > low:
        return [low]
    power = 10.0 ** math.floor(math.log10((high - low) / 4))
    apart = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= (high - low) / 4 * 0.999)
    return [place * apart for place in range(math.ceil(low / apart), math.floor(high / apart) + 1)]


def _known(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]


def _clip(text: str, length: int) -> str:
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
