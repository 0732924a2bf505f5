"""Pictures of a training: what a stage took beside what is usual, processor and memory over time, curves, folds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from sopkit.views import wording
from sopkit.views.pictures import Line, lines

__all__ = [
    "curve",
    "folds",
    "memory_over_time",
    "processor_over_time",
    "progress",
    "stage_words",
    "taken",
]

_STYLES = ("current", "third", "accent", "pass", "fail")


def taken(value: float | None, usual: float | None, most: float, *, title: str, alert: bool = False) -> Markup:
    """A bar for what it took, and an upright line at what is usual, on the scale of the table (`most`)."""
    if (value is None and usual is None) or most <= 0:
        return Markup("")
    width, height = 150, 14
    parts = [Markup('<rect class="ground" x="0" y="3" width="{}" height="8" rx="2"/>').format(width)]
    if value is not None:
        long = max(1.5, min(value / most, 1.0) * width)
        form = Markup('<rect class="fill {}" x="0" y="3" width="{}" height="8" rx="2"/>')
        parts.append(form.format("insufficient" if alert else "current", f"{long:.1f}"))
    if usual is not None:
        at = min(usual / most, 1.0) * (width - 2) + 1
        parts.append(Markup('<line class="stroke reference" x1="{0}" x2="{0}" y1="0" y2="14"/>').format(f"{at:.1f}"))
    return _picture(width, height, title, parts)


def progress(share: float | None, *, title: str) -> Markup:
    """How far a stage is."""
    width, height = 360, 14
    parts = [Markup('<rect class="ground" x="0" y="1" width="{}" height="12" rx="4"/>').format(width)]
    long = f"{max(0.0, min(share or 0.0, 1.0)) * width:.1f}"
    parts.append(Markup('<rect class="fill accent" x="0" y="1" width="{}" height="12" rx="4"/>').format(long))
    return _picture(width, height, title, parts)


def processor_over_time(samples: Mapping[str, Any], *, title: str) -> Markup:
    """Processor use in percent of one core, over the time of a stage."""
    x, y = _pairs(samples, "cpu_percent")
    drawn = Line("", x, y, "current", dots=len(x) < 2)
    return _over_time(drawn, title, "processor, % of a core", max([100.0, *y]) * 1.05)


def memory_over_time(samples: Mapping[str, Any], *, title: str) -> Markup:
    """Resident memory over the time of a stage, in MB or GB."""
    x, y = _pairs(samples, "memory_mb")
    unit, size = ("GB", 1024.0) if max(y, default=0.0) >= 1000 else ("MB", 1.0)
    scaled = [value / size for value in y]
    top = max(scaled, default=0.0) * 1.1 or 1.0
    return _over_time(Line("", x, scaled, "accent", dots=len(x) < 2), title, f"memory, {unit}", top)


def _over_time(drawn: Line, title: str, y_label: str, top: float) -> Markup:
    last = max(drawn.x, default=0.0) or 1.0
    label = "time since the stage began"
    return lines(
        [drawn], title=title, x_label=label, y_label=y_label, x_range=(0.0, last), y_range=(0.0, top), x_text=_clock
    )


def curve(iterations: Mapping[str, Any]) -> Markup:
    """The metric over the iterations, on training rows and on those that were set aside."""
    x, train, aside = (iterations.get(name) for name in ("iteration", "train", "validation"))
    other = iterations.get("validation_metric")
    drawn = []
    if train:
        drawn.append(Line(f"{iterations['of'] or 'training rows'}", x or (), train, "current"))
    if aside and not other:
        drawn.append(Line(f"{iterations['validation_of'] or 'validation'}", x or (), aside, "third"))
    metric = str(iterations["metric"]).replace("_", " ")
    title = f"{metric} over the iterations of {iterations['title']}"
    return lines(drawn, title=title, x_label="iteration", y_label=metric)


def folds(trial: Mapping[str, Any]) -> Markup:
    """The primary metric of each recipe, fold by fold; the naive forecast is the reference."""
    numbers = [float(place) for place in range(1, len(trial["rows"]) + 1)]
    styles = iter(_STYLES)
    drawn = []
    for recipe in trial["recipes"]:
        style = "reference" if recipe == "naive" else next(styles, "current")
        values = [row["scores"].get(recipe) for row in trial["rows"]]
        named = f"{recipe} (chosen)" if recipe == trial["chosen"] else recipe
        y = [float("nan") if value is None else value for value in values]
        drawn.append(Line(named, numbers, y, style, dots=True))
    title = f"{trial['primary']} of each recipe, fold by fold"
    return lines(
        drawn,
        title=title,
        x_label="fold (the newest is the last)",
        y_label=trial["primary"],
        x_range=(0.7, len(numbers) + 0.3),
        x_ticks=numbers,
        x_text=lambda number: f"{number:.0f}",
    )


def stage_words(stage: Mapping[str, Any]) -> str:
    """What the bar of a stage says to who cannot see it."""
    usual = f", usually {wording.seconds(stage['usual'])}" if stage["usual"] is not None else ""
    return f"{stage['title']}: {wording.seconds(stage['seconds'])}{usual}"


def _clock(seconds: float) -> str:
    """`0 s`, `7.5 s`, `2 min`."""
    return f"{seconds:g} s" if seconds < 60 else wording.seconds(seconds).removesuffix(" 0 s")


def _pairs(samples: Mapping[str, Any], name: str) -> tuple[list[float], list[float]]:
    both = zip(samples.get("seconds") or (), samples.get(name) or (), strict=False)
    kept = [(float(x), float(y)) for x, y in both if _number(x) and _number(y)]
    return [x for x, _ in kept], [y for _, y in kept]


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300


def _picture(width: int, height: int, title: str, parts: list[Markup]) -> Markup:
    form = Markup(
        '<svg class="sop-picture" viewBox="0 0 {} {}" width="{}" height="{}" role="img" aria-label="{}">'
        "<title>{}</title>{}</svg>"
    )
    return form.format(width, height, width, height, title, title, Markup("").join(parts))
