"""Training as plain values: what each stage took beside its earlier runs, what was trained, on what, and how it went.

The rules:
* what was not recorded is None or empty, and the section says so; nothing is guessed from elsewhere;
* files are found by their name, in whichever stage attached them, and read as what may lack any field;
* what is far more than in earlier runs is told in words with the median and how many it is of (`archive.taken`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from sopkit.archive import taken
from sopkit.definitions.rendering import render_value
from sopkit.views import wording
from sopkit.views.training.words import alert_words, live_words, memory

if TYPE_CHECKING:
    from sopkit.archive.contents import Contents
    from sopkit.archive.runs import RunState
    from sopkit.definitions.sop import Sop

__all__ = ["alerts", "live_facts", "training_facts"]

_OWN = {"own": "the model file's own recipe"}  # as `modelling.recipe` names it
_KINDS = {"numeric": "number", "categorical": "category", "text": "text"}


def training_facts(
    run: RunState,
    sop: Sop,
    states: Sequence[RunState],
    contents: Contents,
    live: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What `sections/training.html` shows; `states` are all runs, `live` what the run's runner tells now.

    Without it (`None`: nobody asked, as for a page that is kept) nothing is said of a runner.
    """
    titles = {stage.id: stage.title for stage in sop.stages}
    training, trial, environment = (
        _file(contents, run, sop, name) for name in ("training.json", "trial.json", "environment.json")
    )
    return {
        "run": run.id,
        "state": run.state,
        "live": live_facts(run, sop, states, live) if live is not None else None,
        "alerts": alerts(states, run, titles, live),
        "stages": _stages(run, sop, states, live),
        "trained": _trained(training),
        "folds": _folds(trial),
        "iterations": _iterations(training),
        "usage": _usage(run, sop),
        "environment": _environment(environment),
    }


def alerts(
    states: Sequence[RunState],
    run: RunState,
    titles: Mapping[str, str] | None = None,
    live: Mapping[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """`{stage, kind, value, usual, earlier, under_way, sentence}` for what is far more than in earlier runs."""
    found = taken.alerts_of(states, run, live)
    return [
        {**alert.to_dict(), "sentence": alert_words(alert, (titles or {}).get(alert.stage, alert.stage))}
        for alert in found
    ]


def live_facts(
    run: RunState, sop: Sop, states: Sequence[RunState], live: Mapping[str, Any] | None
) -> dict[str, Any] | None:
    """The stage under way; None where nothing is under way.

    `runner` is `alive`, `gone` (it died, or was killed) or `unknown` (nothing tells of it).
    """
    if run.state != "running" and not (live and live["alive"]):
        return None
    under_way = [stage for stage in run.stages.values() if stage.current and stage.current.status == "running"]
    named = under_way[-1].id if under_way else (live or {}).get("stage")
    title = next((stage.title for stage in sop.stages if stage.id == named), named or "")
    usual = taken.earlier(states, run, named).usual["time"] if named else None
    told = dict(live or {})
    cells = told.get("cells") or 0
    return {
        "runner": "unknown" if live is None else "alive" if live["alive"] else "gone",
        "stage": named,
        "title": title,
        "words": live_words(told),
        "heading": told.get("heading") or "",
        "seconds": told.get("seconds"),
        "usual": usual,
        "share": min(1.0, told.get("cell", 0) / cells) if cells else None,
        "memory": memory(told.get("memory_mb")),
        "peak": memory(told.get("peak_memory_mb")),
        "cpu": told.get("cpu_percent"),
        "samples": told.get("samples") if named else None,
    }


def _stages(
    run: RunState, sop: Sop, states: Sequence[RunState], live: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    rows = []
    for stage in sop.stages:
        attempt, past = run.stage(stage.id).current, taken.earlier(states, run, stage.id)
        under_way = bool(live and live["alive"] and live["stage"] == stage.id and attempt and not attempt.ended)
        seconds = live["seconds"] if live and under_way else attempt.seconds if attempt else None
        peak = live["peak_memory_mb"] if live and under_way else _peak(attempt.usage if attempt else None)
        rows.append(
            {
                "id": stage.id,
                "title": stage.title,
                "state": attempt.status if attempt else "pending",
                "attempt": attempt.number if attempt else None,
                "seconds": seconds,
                "earlier": list(past.seconds),
                "usual": _median(past.seconds),
                "memory_mb": peak,
                "memory": memory(peak),
                "usual_memory_mb": _median(past.memory),
                "usual_memory": memory(_median(past.memory)),
            }
        )
    shown = [value for row in rows for value in (row["seconds"], row["usual"]) if value is not None]
    return [{**row, "most": max(shown, default=0.0)} for row in rows]


def _trained(training: Mapping[str, Any]) -> dict[str, Any] | None:
    recipe = _mapping(training.get("recipe"))
    if not recipe:
        return None
    kinds = list(_mapping(recipe.get("features")).values())
    counted = [
        wording.count(kinds.count(kind), word, {"category": "categories"}.get(word, ""))
        for kind, word in _KINDS.items()
        if kind in kinds
    ]
    resources, name, path = (
        _mapping(training.get("resources")),
        _text(recipe.get("name")),
        _text(recipe.get("estimator")),
    )
    return {
        "recipe": _text(recipe.get("title")) or _OWN.get(name, name),
        "name": "" if name in _OWN else name,
        "estimator": path.rpartition(".")[2] or wording.MISSING,
        "path": path,
        "parameters": {str(key): _text(value) for key, value in _mapping(recipe.get("parameters")).items()},
        "rows": _finite(training.get("rows")),
        "from": _moment(training.get("trained_from")),
        "until": _moment(training.get("trained_until")),
        "window": "all past rows" if recipe.get("window") is None else _text(recipe["window"]),
        "features": ", ".join(counted) or wording.MISSING,
        "seconds": _finite(resources.get("wall_seconds")),
        "memory": memory(_finite(resources.get("peak_memory_mb"))),
        "notes": [_text(note) for note in _list(training.get("notes"))],
    }


def _folds(trial: Mapping[str, Any]) -> dict[str, Any] | None:
    """One row a fold with the primary metric of each recipe; None where no recipes competed (an adopted model)."""
    rows = [row for row in _list(trial.get("folds")) if isinstance(row, Mapping)]
    primary = trial.get("primary")
    if not rows or not isinstance(primary, str):
        return None
    recipes = list(dict.fromkeys(_text(row.get("recipe")) for row in rows))
    by_fold: dict[str, dict[str, Any]] = {}
    for row in rows:
        number = _text(row.get("fold"))
        fold = by_fold.setdefault(
            number,
            {
                "fold": number,
                "from": _text(row.get("test_from"))[:10],
                "until": _text(row.get("test_until"))[:10],
                "train_rows": _finite(row.get("train_rows")),
                "rows": _finite(row.get("rows")),
                "judged": bool(row.get("judged", True)),
                "scores": {},
                "notes": [],
            },
        )
        fold["scores"][_text(row.get("recipe"))] = _finite(row.get(primary))
        if row.get("note"):
            fold["notes"].append(f"{_text(row.get('recipe'))}: {_text(row['note'])}")
    means = _mapping(trial.get("means"))
    return {
        "primary": primary.replace("_", " "),
        "chosen": _text(trial.get("chosen")),
        "why": _text(trial.get("why")),
        "recipes": recipes,
        "rows": list(by_fold.values()),
        "means": {recipe: _finite(_mapping(means.get(recipe)).get(primary)) for recipe in recipes},
    }


def _iterations(training: Mapping[str, Any]) -> dict[str, Any] | None:
    curve = _mapping(training.get("iterations"))
    at = [_finite(value) for value in _list(curve.get("iteration"))]
    if not at or None in at:
        return None
    measured = {
        name: [math.nan if value is None else value for value in map(_finite, values)]
        for name in ("train", "validation")
        if len(values := _list(curve.get(name))) == len(at)
    }
    texts = {name: _text(curve.get(name)) for name in ("title", "metric", "of", "validation_of", "validation_metric")}
    better = "higher" if curve.get("better") == "higher" else "lower"
    return {"train": None, "validation": None, **texts, **measured, "iteration": at, "better": better}


def _usage(run: RunState, sop: Sop) -> list[dict[str, Any]]:
    """One a stage whose kernel was measured, those that took longest first."""
    found = []
    for stage in sop.stages:
        attempt = run.stage(stage.id).current
        if attempt is None:
            continue
        usage: Any = attempt.usage or {}
        samples = usage.get("samples") if isinstance(usage, Mapping) else None
        if not isinstance(samples, Mapping) or not _list(samples.get("seconds")):
            continue
        found.append(
            {
                "id": stage.id,
                "title": stage.title,
                "samples": {name: _list(values) for name, values in samples.items()},
                "peak": memory(_finite(usage.get("peak_memory_mb"))),
                "cpu_seconds": _finite(usage.get("cpu_seconds")),
                "seconds": attempt.seconds,
            }
        )
    return sorted(found, key=lambda each: -(each["seconds"] or 0.0))


def _environment(environment: Mapping[str, Any]) -> dict[str, Any] | None:
    if not environment:
        return None
    code = _mapping(environment.get("code"))
    return {
        "interpreter": _text(environment.get("interpreter")) or wording.MISSING,
        "platform": _text(environment.get("platform")) or wording.MISSING,
        "processors": _finite(environment.get("processors")),
        "seed": wording.MISSING if environment.get("seed") is None else str(environment["seed"]),
        "libraries": {str(name): _text(version) for name, version in _mapping(environment.get("libraries")).items()},
        "commit": _text(code.get("commit"))[:12],
        "changed": bool(code.get("changed")),
        "lock": _text(environment.get("lock_sha256"))[:12],
    }


def _file(contents: Contents, run: RunState, sop: Sop, name: str) -> Mapping[str, Any]:
    """The newest attachment of that name; empty where no stage has one."""
    for stage in reversed(sop.stages):
        if run.stage(stage.id).sealed:
            found = contents.json(stage.id, name)
            if isinstance(found, Mapping):
                return found
    return {}


def _peak(usage: Any) -> float | None:
    return _finite(_mapping(usage).get("peak_memory_mb"))


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _finite(value: Any) -> float | None:
    """Records write what is not finite as a text."""
    known = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    return value if known else None


def _text(value: Any) -> str:
    """A text as it is, nothing as nothing, any other value as people read it."""
    return value if isinstance(value, str) else "" if value is None else render_value(value)


def _moment(value: Any) -> str:
    try:
        return wording.moment(_text(value) or None)
    except (ValueError, OverflowError):
        return _text(value)
