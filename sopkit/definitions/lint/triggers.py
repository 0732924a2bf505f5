"""Is each trigger measurable: a metric (its kind), a comparison, a value and, where rows or a series are measured, a
window; and does what it names exist?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta

from sopkit.definitions.durations import parse_duration, render_duration
from sopkit.definitions.model import ModelFile, Trigger, times_of
from sopkit.definitions.problems import Problem, did_you_mean
from sopkit.definitions.yaml_file import Document

__all__ = ["check_triggers"]

WANTED: Mapping[str, str] = {
    "staleness": "a length of time such as 180d",
    "drift": "a share of features between 0 and 1",
    "performance": "a share of no-skill above 0, such as 0.02",
    "volume": "a number of rows, at least 1, or times what the champion has learned from, such as 1x",
    "indicator": "a number; for a change, one above 0",
}
Path = tuple[str, ...]


def check_triggers(model: ModelFile, document: Document, columns: set[str]) -> Iterator[Problem]:
    """Every problem of the conditions; `columns` are those that the model file names."""
    windows: dict[str, tuple[str, timedelta]] = {}
    for name, trigger in model.triggers.conditions.items():
        path = ("triggers", "conditions", name)
        yield from _measurable(trigger, document, path)
        yield from _of_other_kinds(trigger, document, path)
        if trigger.kind == "indicator":
            yield from _indicator(trigger, model, document, path, columns)
        if trigger.kind in ("drift", "performance") and trigger.window is not None:
            first, window = windows.setdefault(trigger.kind, (name, trigger.window))
            if window != trigger.window:
                what = f"another window than '{first}': triggers of kind {trigger.kind} look at the same rows"
                yield document.error((*path, "window"), what, render_duration(window), render_duration(trigger.window))
    watched = {trigger.indicator for trigger in model.triggers.conditions.values()}
    for name in model.data.indicators:
        if name not in watched:
            yield document.warning(("data", "indicators", name), "no trigger watches it")


def _measurable(trigger: Trigger, document: Document, path: Path) -> Iterator[Problem]:
    kind, value = trigger.kind, trigger.value
    if kind == "schedule" and (trigger.every is None or not _is_cron(trigger.every)):
        place = (*path, "every") if trigger.every else path
        yield document.error(
            place, "not measurable: no schedule", "five cron fields such as `0 6 1 * *`", trigger.every
        )
    if kind in WANTED:
        if value is None:
            yield document.error(path, f"not measurable: no value for {kind}", WANTED[kind])
        elif not _fits(trigger, value):
            yield document.error((*path, "value"), f"not a value for {kind}", WANTED[kind], value)
    elif value is not None:
        yield document.error((*path, "value"), f"a trigger of kind {kind} has no value")
    if trigger.window is not None and trigger.window <= timedelta(0):
        yield document.error((*path, "window"), "no time at all", "a length of time such as 30d")
    written = document.lines.get(path)
    if kind in ("drift", "performance") and trigger.window is None and written:
        yield document.warning(path, "no `window`: the newest rows of the evaluation's window are measured")
    if kind == "manual" and trigger.mode == "automatic" and written:
        yield document.warning((*path, "mode"), "a person pulls it", "manual", trigger.mode)


def _of_other_kinds(trigger: Trigger, document: Document, path: Path) -> Iterator[Problem]:
    """What is written and would not be looked at."""
    kind = trigger.kind
    if trigger.every is not None and kind != "schedule":
        yield document.error((*path, "every"), f"a trigger of kind {kind} has no schedule")
    if trigger.metric is not None and kind != "performance":
        yield document.error((*path, "metric"), f"a trigger of kind {kind} has no metric of its own")
    for field in ("indicator", "column", "comparison"):
        if field in trigger.model_fields_set and kind != "indicator":
            yield document.error((*path, field), f"a trigger of kind {kind} has no {field}")


def _indicator(
    trigger: Trigger, model: ModelFile, document: Document, path: Path, columns: set[str]
) -> Iterator[Problem]:
    if (trigger.indicator is None) == (trigger.column is None):
        got = "both" if trigger.indicator else "neither"
        yield document.error(path, "what is watched must be said once", "`indicator` or `column`", got)
    known = model.data.indicators
    if trigger.indicator is not None and trigger.indicator not in known:
        what = f"'{trigger.indicator}' is not under data.indicators{did_you_mean(trigger.indicator, known)}"
        yield document.error((*path, "indicator"), what, ", ".join(known) or "one of them", trigger.indicator)
    if trigger.column is not None and trigger.column not in columns:
        hint = did_you_mean(trigger.column, columns)
        tell = document.error if hint else document.warning
        yield tell((*path, "column"), f"'{trigger.column}' is no column that the model file names{hint}")
    if trigger.window is None:
        yield document.error(path, "not measurable: no window for indicator", "a length of time such as 30d")
    if "comparison" not in trigger.model_fields_set and document.lines.get(path):
        yield document.warning(path, "no `comparison`: a change against the window before is measured")


def _fits(trigger: Trigger, value: float | str) -> bool:
    if trigger.kind == "staleness":
        try:
            return parse_duration(value) > timedelta(0)
        except ValueError:
            return False
    if trigger.kind == "volume" and times_of(value) is not None:
        return True
    if isinstance(value, str) or not math.isfinite(value):
        return False
    match trigger.kind:
        case "drift":
            return 0 < value <= 1
        case "volume":
            return value >= 1
        case "indicator":
            return trigger.comparison != "change" or value > 0
    # the owner's limit of a metric may be anything: an r2 below zero is one, too
    return trigger.metric is not None or value > 0


def _is_cron(text: str) -> bool:
    from cronsim import CronSim, CronSimError

    try:
        CronSim(text, datetime(2000, 1, 1, tzinfo=UTC))
    except CronSimError:
        return False
    return True
