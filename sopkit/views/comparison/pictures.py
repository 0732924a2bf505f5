"""Pictures of a comparison: the challenger solid and dark, the champion dashed and grey, the third recipe dotted.

The rules: those of `pictures`. One legend (`key`) serves all of them, and words or a table beside each say the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from sopkit.views.comparison.marks import bar, categories, clip, confusion, few
from sopkit.views.comparison.wording import height
from sopkit.views.numerals import percent, three
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
    """The average answer where one feature is set to a value in every row: a line, or a row for each category."""
    room = 0.05 * (reach[1] - reach[0]) or 0.01
    span = (reach[0] - room, reach[1] + room)
    title = f"Answers over {panel['label']}. {panel['words']}"
    if not panel["numeric"]:
        return categories(panel, span, title, answered)
    places = panel["values"]
    drawn = []
    for arm in ("champion", "challenger"):
        if panel[arm] is not None:
            low, high = (_known(panel[side]) if arm == "challenger" else None for side in ("low", "high"))
            drawn.append(Line("", places, _known(panel[arm]), STYLES[arm], low, high))
    return lines(
        drawn,
        title=title,
        x_label=clip(panel["label"], 44),
        y_label=clip(answered, 30),
        size=FLAT,
        y_range=span,
        x_ticks=few(min(places), max(places)),
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


def _drawn(arms: Mapping[str, Any]) -> list[Line]:
    return [Line("", [x for x, _ in arms[arm]], [y for _, y in arms[arm]], STYLES[arm]) for arm in _order(arms)]


def _order(arms: Mapping[str, Any]) -> list[str]:
    """The challenger is drawn last, on top of the others."""
    return [arm for arm in reversed(STYLES) if arm in arms]


def _listed(names: Mapping[str, str], arms: Mapping[str, Any]) -> str:
    return " and ".join(names[arm] for arm in STYLES if arm in arms and arm in names)


def _known(values: Sequence[float | None]) -> list[float]:
    return [math.nan if value is None else value for value in values]
