"""Who is compared with whom: the challenger, what it is held against, and the recipes that were tried.

The rules: as for `comparison_facts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sopkit.archive.contents import Contents
from sopkit.views import wording
from sopkit.views.comparison.wording import capital
from sopkit.views.numerals import three

__all__ = ["models"]

STAGE = "evaluate"
OWN = {"own": "The recipe of the model file"}  # a model file without named recipes has this one


def models(
    contents: Contents, comparison: Mapping[str, Any] | None, names: Mapping[str, str], told: Mapping[str, str]
) -> dict[str, Any] | None:
    """Who is compared with whom, from which rows, and what the trial of the recipes said."""
    trial, training = contents.json("retrain", "trial.json"), contents.json("retrain", "training.json")
    if not comparison and not trial:
        return None
    adopted = contents.json("retrain", "adoption.json")
    facts: list[tuple[str, str]] = []
    if training:
        recipe = training["recipe"]
        facts.append(("Challenger", recipe.get("title") or OWN.get(recipe["name"], recipe["name"])))
        facts.append(("Estimator", str(recipe["estimator"]).rsplit(".", 1)[-1]))
        span = f"{wording.moment(training.get('trained_from'))} to {wording.moment(training.get('trained_until'))}"
        facts.append(("Trained on", f"{training['rows']:,} rows, {span}"))
        used = training.get("resources") or {}
        if used:
            facts.append(
                (
                    "Training took",
                    f"{wording.seconds(used.get('wall_seconds'))}, {three(used.get('peak_memory_mb'))} MB at its peak",
                )
            )
    if adopted:
        until = adopted.get("trained_until")
        when = f"trained until {wording.moment(until)}" if until else "when it was trained is not known"
        facts.append(("Adopted from", f"{adopted['uri']}, {when}"))
        facts += [("Noticed when it was adopted", str(note)) for note in adopted.get("notes") or ()]
    if comparison:
        facts.append(("Held against", names["champion"] + _champion(contents)))
        facts.append(("Judged on", _basis(comparison, names, bool(adopted))))
    return {"facts": facts, "trial": None if adopted or not trial else _trial(contents, trial, told)}


def _champion(contents: Contents) -> str:
    """The digest of the model in service, as the attempt used it."""
    attempt = contents.attempt(STAGE)
    used = [item for item in (attempt.uses if attempt else ()) if item["input"] == "champion" and item["digest"]]
    return f", model {str(used[0]['digest'])[:12]}…" if used else ""


def _basis(comparison: Mapping[str, Any], names: Mapping[str, str], adopted: bool) -> str:
    rows, blocks = int(comparison["rows"]), int(comparison["blocks"])
    later = "forecasts of a rolling origin" if names["champion"] != "the champion" and not adopted else "later rows"
    by = f", in {blocks:,} blocks of time" if comparison.get("method") == "blocks" and blocks != rows else ""
    return f"{rows:,} {later}{by}"


def _trial(contents: Contents, trial: Mapping[str, Any], told: Mapping[str, str]) -> dict[str, Any]:
    recipes = contents.json("prepare", "recipes.json")
    titles = (
        OWN
        | {"naive": "Naive forecast"}
        | {recipe["name"]: recipe.get("title") or OWN.get(recipe["name"], recipe["name"]) for recipe in recipes or ()}
    )
    means = trial["means"]
    order = sorted(means, key=lambda name: (name != trial["chosen"], name == "naive"))
    metrics = list(dict.fromkeys(metric for each in means.values() for metric in each))
    metrics.sort(key=lambda metric: metric != trial["primary"])
    by_number: dict[int, list[Mapping[str, Any]]] = {}
    for fold in trial["folds"]:
        if fold.get("judged", True):
            by_number.setdefault(fold["fold"], []).append(fold)
    return {
        "metrics": [capital(told.get(metric, metric.replace("_", " "))) for metric in metrics],
        "primary": capital(told.get(trial["primary"], trial["primary"].replace("_", " "))),
        "rows": [
            {
                "title": titles.get(name, name),
                "chosen": name == trial["chosen"],
                "values": [three(means[name].get(metric)) for metric in metrics],
            }
            for name in order
        ],
        "beats_naive": trial.get("beats_naive"),
        "count": len(by_number),
        "recipes": [titles.get(name, name) for name in order],
        "folds": [
            {
                "fold": number,
                "from": wording.moment(str(own[0]["test_from"])[:10]),
                "until": wording.moment(str(own[0]["test_until"])[:10]),
                "rows": f"{own[0]['rows']:,}",
                "values": [three(_value(own, name, trial["primary"])) for name in order],
                "note": "; ".join(str(fold["note"]) for fold in own if fold.get("note")),
            }
            for number, own in by_number.items()
        ],
    }


def _value(folds: Sequence[Mapping[str, Any]], recipe: str, metric: str) -> Any:
    return next((fold.get(metric) for fold in folds if fold["recipe"] == recipe), None)
