"""Training as plain values: what each stage took beside its earlier runs, what was trained, on what, and how it went.

The rules:
* what was not recorded is None or empty, and the section says so; nothing is guessed from elsewhere;
* files are found by their name, in whichever stage attached them, and read as what may lack any field;
* what is far more than in earlier runs is told in words with the median and how many it is of (`archive.taken`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from sopkit.archive import taken
from sopkit.definitions.durations import render_duration
from sopkit.definitions.rendering import render_value
from sopkit.views import wording
from sopkit.views.training_words import alert_words, live_words, memory

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
        peak = live["peak_memory_mb"] if live and under_way else _number((attempt.usage or {}) if attempt else {})
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
    recipe = training.get("recipe") or {}
    if not recipe:
        return None
    kinds = list((recipe.get("features") or {}).values())
    counted = [
        wording.count(kinds.count(kind), word, {"category": "categories"}.get(word, ""))
        for kind, word in _KINDS.items()
        if kind in kinds
    ]
    resources = training.get("resources") or {}
    window = recipe.get("window")
    return {
        "recipe": recipe.get("title") or _OWN.get(str(recipe.get("name")), recipe.get("name")) or "",
        "name": "" if recipe.get("name") in _OWN else recipe.get("name") or "",
        "estimator": str(recipe.get("estimator") or "").rpartition(".")[2] or wording.MISSING,
        "path": recipe.get("estimator") or "",
        "parameters": {str(name): _text(value) for name, value in (recipe.get("parameters") or {}).items()},
        "rows": training.get("rows"),
        "from": training.get("trained_from"),
        "until": training.get("trained_until"),
        "window": _window(window),
        "features": ", ".join(counted) or wording.MISSING,
        "seconds": resources.get("wall_seconds"),
        "memory": memory(resources.get("peak_memory_mb")),
        "notes": [str(note) for note in training.get("notes") or ()],
    }


def _window(window: Any) -> str:
    if window is None:
        return "all past rows"
    return render_duration(window) if hasattr(window, "total_seconds") else str(window)


def _folds(trial: Mapping[str, Any]) -> dict[str, Any] | None:
    """One row a fold with the primary metric of each recipe; None where no recipes competed (an adopted model)."""
    rows = [row for row in trial.get("folds") or () if isinstance(row, Mapping)]
    primary = trial.get("primary")
    if not rows or not primary:
        return None
    recipes = list(dict.fromkeys(str(row.get("recipe")) for row in rows))
    by_fold: dict[Any, dict[str, Any]] = {}
    for row in rows:
        fold = by_fold.setdefault(
            row.get("fold"),
            {
                "fold": row.get("fold"),
                "from": row.get("test_from"),
                "until": row.get("test_until"),
                "train_rows": row.get("train_rows"),
                "rows": row.get("rows"),
                "judged": row.get("judged", True),
                "values": {},
                "notes": [],
            },
        )
        fold["values"][str(row.get("recipe"))] = _finite(row.get(primary))
        if row.get("note"):
            fold["notes"].append(f"{row.get('recipe')}: {row['note']}")
    means = trial.get("means") or {}
    return {
        "primary": str(primary).replace("_", " "),
        "chosen": trial.get("chosen"),
        "why": trial.get("why") or "",
        "beats_naive": trial.get("beats_naive"),
        "recipes": recipes,
        "rows": list(by_fold.values()),
        "means": {recipe: _finite((means.get(recipe) or {}).get(primary)) for recipe in recipes},
    }


def _iterations(training: Mapping[str, Any]) -> dict[str, Any] | None:
    curve = training.get("iterations")
    if not isinstance(curve, Mapping) or not curve.get("iteration"):
        return None
    number = len(curve["iteration"])
    kept = {
        name: values if isinstance(values := curve.get(name), list) and len(values) == number else None
        for name in ("train", "validation")
    }
    empty = {"title": "", "metric": "", "better": "lower", "of": "", "validation_of": "", "validation_metric": None}
    return {**empty, **{name: value for name, value in curve.items() if value is not None}, **kept}


def _usage(run: RunState, sop: Sop) -> list[dict[str, Any]]:
    """One a stage whose kernel was measured, those that took longest first."""
    found = []
    for stage in sop.stages:
        attempt = run.stage(stage.id).current
        if attempt is None:
            continue
        usage: Any = attempt.usage or {}
        samples = usage.get("samples") if isinstance(usage, Mapping) else None
        if not isinstance(samples, Mapping) or not samples.get("seconds"):
            continue
        found.append(
            {
                "id": stage.id,
                "title": stage.title,
                "samples": samples,
                "peak": memory(usage.get("peak_memory_mb")),
                "cpu_seconds": usage.get("cpu_seconds"),
                "seconds": attempt.seconds,
            }
        )
    return sorted(found, key=lambda each: -(each["seconds"] or 0.0))


def _environment(environment: Mapping[str, Any]) -> dict[str, Any] | None:
    if not environment:
        return None
    code = environment.get("code") or {}
    return {
        "interpreter": environment.get("interpreter") or wording.MISSING,
        "platform": environment.get("platform") or wording.MISSING,
        "processors": environment.get("processors"),
        "seed": environment.get("seed"),
        "libraries": {str(name): str(version) for name, version in (environment.get("libraries") or {}).items()},
        "commit": str(code.get("commit") or "")[:12],
        "changed": bool(code.get("changed")),
        "lock": str(environment.get("lock_sha256") or "")[:12],
    }


def _file(contents: Contents, run: RunState, sop: Sop, name: str) -> Mapping[str, Any]:
    """The newest attachment of that name; empty where no stage has one."""
    for stage in reversed(sop.stages):
        if run.stage(stage.id).sealed:
            found = contents.json(stage.id, name)
            if isinstance(found, Mapping):
                return found
    return {}


def _number(usage: Any) -> float | None:
    value = usage.get("peak_memory_mb") if isinstance(usage, Mapping) else None
    return value if isinstance(value, int | float) else None


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _finite(value: Any) -> float | None:
    """Records write what is not finite as a text."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else render_value(value)
