"""What a validator reads of stage evaluate: the decision, the models, the numbers, and everything that was examined.

The rules:
* facts come from the artifacts of the attempt that is looked at, by digest, and are only put in order here: nothing
  is measured or judged again;
* what a task does not have is left out; what was asked for and could not be examined is told;
* a metric, a feature, a group has the title that the evidence gave it; what was recorded without one keeps its name;
* `None` stands for a part that there is nothing to say of.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sopkit.archive.contents import Contents
from sopkit.archive.states import AttemptState, RunState
from sopkit.archive.workspace import Workspace
from sopkit.views import wording
from sopkit.views.comparison import answers, groups, inputs
from sopkit.views.comparison.models import models
from sopkit.views.comparison.wording import TITLES, capital, plain
from sopkit.views.numerals import ends, finite, signed, three
from sopkit.views.standing import pinned_sop

__all__ = ["STAGE", "as_of_attempt", "comparison_facts"]

STAGE = "evaluate"
ARTIFACTS = (
    "comparison", "decision", "curves", "calibration", "fairness", "robustness", "importance", "operating_point",
    "promise", "by_class", "residuals", "scaled_error", "costs", "own_measures", "partial_dependence", "new_texts",
)  # fmt: skip
HEADLINES = {
    "promoted": "By the rule, the challenger replaces the champion",
    "champion_kept": "By the rule, the champion stays",
    "first_champion": "By the rule, the challenger becomes the first champion",
    "blocked": "By the rule, nothing goes into service",
}
LESS_IS_BETTER = ("brier", "log_loss", "mae", "rmse")
WEIGHED = 8  # of what is to weigh, the first are shown at once
WEIGHTS = {
    "must hold": "without it no score can be believed",
    "rule": "the rule itself",
    "hard": "can keep the champion whatever the gain is",
    "soft": "decides nothing, is for the signers to weigh",
}


def comparison_facts(contents: Contents) -> dict[str, Any]:
    """The facts of `templates/sections/comparison.html`, from what the stages of a run left.

    Raises NotFound, DigestMismatch where an artifact is not what was kept.
    """
    attempt = contents.attempt(STAGE)
    unread: list[str] = []

    def part(title: str, make: Callable[..., Any], *given: Any, **named: Any) -> Any:
        """A part, or None where what was kept has another form than this view knows: adapted notebooks may do so."""
        try:
            return make(*given, **named)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            unread.append(title)
            return None

    kept = {name: part(name.replace("_", " "), contents.json, STAGE, f"{name}.json") for name in ARTIFACTS}
    comparison = kept["comparison"] if _is_comparison(kept["comparison"]) else None
    if kept["comparison"] and comparison is None:
        unread.append("comparison")
    names, told, unit = _names(comparison), _title_of(comparison), _unit(kept["curves"])
    results = attempt.results if attempt else {}
    adoption = part("adoption", contents.json, "retrain", "adoption.json")
    examined = [results.get(f"{what}_examined") for what in ("fairness", "robustness")]
    return {
        "attempt": _attempt(contents, attempt),
        "nothing": _nothing(contents, attempt, kept),
        "heads": {arm: capital(plain(name)) for arm, name in names.items()},
        "first": names["champion"] != "the champion",
        "decision": part("decision", _decision, kept["decision"], comparison, adopted=bool(adoption)),
        "models": part("models", models, contents, comparison, names, told),
        "metrics": part("metrics", _metrics, comparison, kept["promise"], told),
        "curves": part("curves", answers.curves, kept["curves"]),
        "calibration": part("calibration", answers.calibration, kept["calibration"], unit),
        "operating": part("operating point", answers.operating, kept["operating_point"], names, unit),
        "slices": part("slices", groups.slices, comparison, told),
        "fairness": part("fairness", groups.fairness, kept["fairness"], examined[0]),
        "robustness": part("robustness", inputs.robustness, kept["robustness"], examined[1], told),
        "importance": part("importance", inputs.importance, kept["importance"], told),
        "dependence": part("partial dependence", inputs.dependence, kept["partial_dependence"]),
        "classes": part("classes", groups.classes, kept["by_class"], kept["curves"]),
        "scaled_error": part("forecast for free", answers.scaled_error, kept["scaled_error"], unit),
        "residuals": part("residuals", answers.residuals, kept["residuals"], unit),
        "own_measures": part("own measures", answers.own_measures, kept["own_measures"]),
        "costs": part("costs", answers.costs, kept["costs"], names),
        "new_texts": part("new texts", inputs.new_texts, kept["new_texts"]),
        "unread": unread,
    }


def as_of_attempt(workspace: Workspace, state: RunState, number: int) -> Contents:
    """What a run had left when that attempt of evaluate was made: of each stage the newest attempt before it."""
    chosen = state.stage(STAGE).attempt(number)
    if chosen is None:
        return Contents(workspace, state)
    before = {
        stage: [each.number for each in made.attempts if each.seq <= chosen.seq] for stage, made in state.stages.items()
    }
    return Contents(workspace, state, {stage: numbers[-1] for stage, numbers in before.items() if numbers})


def _attempt(contents: Contents, attempt: AttemptState | None) -> dict[str, Any] | None:
    if attempt is None:
        return None
    return {
        "number": attempt.number,
        "of": len(contents.state.stage(STAGE).attempts),
        "newest": attempt is contents.state.stage(STAGE).current,
    }


def _nothing(contents: Contents, attempt: AttemptState | None, kept: Mapping[str, Any]) -> dict[str, str] | None:
    """Why there is no comparison to show, or why the one that is shown does not count."""
    state = contents.state
    if attempt is None:
        if all(stage.id != STAGE for stage in pinned_sop(contents.workspace, state).stages):
            return {"verdict": "", "words": f"SOP {state.sop} compares no models."}
        if not state.ended and state.state != "failed":
            return {"verdict": "", "words": "Champion and challenger have not been compared yet."}
        outcome = f" ({state.outcome.replace('_', ' ')})" if state.outcome else ""
        words = f"The run ended before champion and challenger were compared{outcome}."
        return {"verdict": "insufficient", "words": f"{words} {state.why or ''}".strip()}
    if attempt.status == "running":
        return {"verdict": "", "words": "Champion and challenger are being compared now."}
    if attempt.status == "sealed":
        lacking = "This attempt kept no comparison."
        return None if kept["comparison"] else {"verdict": "insufficient", "words": lacking}
    why = f": {attempt.reason}" if attempt.reason else "."
    words = {
        "failed": f"The comparison failed{why}",
        "interrupted": f"The comparison was interrupted{why}",
        "returned": f"This comparison was returned for rework{why} It counts no more.",
    }[attempt.status]
    return {"verdict": "insufficient" if attempt.status == "returned" else "fail", "words": words}


def _decision(
    found: Mapping[str, Any] | None, comparison: Mapping[str, Any] | None, *, adopted: bool
) -> dict[str, Any] | None:
    if not found:
        return None
    headline = HEADLINES.get(found["outcome"], found["outcome"].replace("_", " "))
    if adopted and found["outcome"] == "first_champion":
        headline = "The model that serves already is recorded as the first champion"
    fit = found.get("fit_for_use") or {}
    reasons = [_reason(reason) for reason in found["reasons"]]
    against = [reason for reason in reasons if reason["mark"] == "speaks against"]
    decisive = [reason for reason in reasons if not reason["mark"] and reason["weight"] != "soft"]
    weigh = [reason for reason in reasons if reason["mark"] == "to weigh"]
    return {
        "headline": headline,
        "verdict": found["verdict"],
        "finding": (comparison or {}).get("finding", ""),
        "rule": found["rule"],
        "why": found["why"],
        "unfit": fit.get("reason", "") if fit.get("value") is False else "",
        "reasons": against + decisive + weigh[:WEIGHED],
        "weighed": weigh[WEIGHED:],
        "others": [reason for reason in reasons if not reason["mark"] and reason["weight"] == "soft"],
        "against": len(against),
        "weigh": len(weigh),
        "of": len(reasons),
        "weights": WEIGHTS,
    }


def _reason(reason: Mapping[str, Any]) -> dict[str, Any]:
    mark = "speaks against" if reason["against"] else ""
    if not mark and reason["weight"] == "soft" and reason["verdict"] != "pass":
        mark = "to weigh"
    return {**{name: reason[name] for name in ("weight", "topic", "verdict", "finding")}, "mark": mark}


def _metrics(
    comparison: Mapping[str, Any] | None, promise: Mapping[str, Any] | None, told: Mapping[str, str]
) -> dict[str, Any] | None:
    if not comparison:
        return None
    measures = {measure["name"]: measure for measure in comparison["measures"]}
    scores = (promise or {}).get("scores") or {}
    rows = [_metric(row, measures, scores, told) for row in comparison["metrics"]]
    shares = [row["share"] for row in rows if row["share"]]
    far = [end for share in shares for end in (*share["ends"], share["limit"]) if end is not None]
    third = any(row["third"] != row["challenger"] for row in rows if row["third"])
    return {
        "rows": rows,
        "third": third,
        "span": (min([*far, 0.0]), max([*far, 0.0])) if far else None,
        "attribution": comparison.get("attribution") or "",
        "opinions": [opinion["words"] for opinion in comparison.get("second_opinions") or ()],
        "confidence": _confidence(comparison["measures"]),
    }


def _metric(
    row: Mapping[str, Any], measures: Mapping[str, Any], scores: Mapping[str, Any], told: Mapping[str, str]
) -> dict[str, Any]:
    name = str(row["metric"])
    primary, guardrail = measures.get(f"{name}_gain_low"), measures.get(f"{name}_worse_high")
    judged = primary or guardrail or {}
    limit = finite((judged.get("threshold") or {}).get("value"))
    detail = (judged or measures.get(f"{name}_gain") or {}).get("detail") or {}
    share = detail.get("share_of_no_skill") or {}
    value, points = finite(share.get("value")), finite((detail.get("interval") or {}).get("value"))
    line = None
    if limit is not None:
        line = -limit if guardrail and not primary else limit
        if primary and not judged.get("unit"):  # a margin in points, drawn among shares of no-skill
            line = limit * value / points if value and points else None
    loss = name in LESS_IS_BETTER
    return {
        "title": capital(told.get(name, name.replace("_", " "))),
        "better": "nearer to zero is better" if name == "bias" else "less is better" if loss else "more is better",
        "role": "primary" if primary else "guardrail" if guardrail else "",
        "champion": three(row["champion"]),
        "challenger": three(row["challenger"]),
        "interval": _around(scores.get(name)),
        "third": three(row["recipe on new data"]) if "recipe on new data" in row else "",
        "no_skill": three(row["no_skill"]),
        "gain": signed(row["gain"]),
        "ends": ends(row["low"], row["high"]),
        "share": None if value is None else {**_drawn(share), "limit": line},
        "limit": _held(judged) if judged else "",
        "verdict": judged.get("verdict"),
        "reason": (judged.get("reason") or "") if judged.get("verdict") == "insufficient" else "",
    }


def _held(measure: Mapping[str, Any]) -> str:
    """`lower end 0.00563, limit > 0.003`; `worse by at most 0.0637 % of no-skill, limit < 2 %`."""
    unit, threshold = measure.get("unit") or "", measure["threshold"]
    what = "worse by at most" if str(measure["name"]).endswith("_worse_high") else "lower end"
    limit = wording.threshold(threshold, unit).removesuffix(f" {unit}")
    return f"{what} {three(measure['value'], unit)}, limit {limit}"


def _drawn(interval: Mapping[str, Any]) -> dict[str, Any]:
    low, value, high = (finite(interval.get(name)) for name in ("low", "value", "high"))
    return {"low": low, "value": value, "high": high, "ends": [low, value, high]}


def _around(score: Any) -> str:
    return ends(score.get("low"), score.get("high")) if isinstance(score, Mapping) else ""


def _confidence(measures: Sequence[Mapping[str, Any]]) -> str:
    for measure in measures:
        known = finite(((measure.get("detail") or {}).get("interval") or {}).get("confidence"))
        if known is not None:
            return f"{100 * known:.3g} %"
    return ""


def _is_comparison(found: Any) -> bool:
    lists = ("metrics", "measures", "slices")
    if not isinstance(found, Mapping) or not {"finding", "rows", "blocks", "names"} <= set(found):
        return False
    items = [item for name in lists for item in (found[name] if isinstance(found.get(name), list) else [None])]
    return isinstance(found["names"], Mapping) and all(isinstance(item, Mapping) for item in items)


def _title_of(comparison: Mapping[str, Any] | None) -> dict[str, str]:
    """Titles of metrics as the evidence has them: `roc_auc` is `ROC AUC`."""
    found = dict(TITLES)
    for measure in (comparison or {}).get("measures") or ():
        name, title = str(measure.get("name")), str(measure.get("title") or "")
        if name.endswith("_gain") and title.startswith("Gain in "):
            found[name.removesuffix("_gain")] = title.removeprefix("Gain in ")
    return found


def _names(comparison: Mapping[str, Any] | None) -> dict[str, str]:
    usual = {"champion": "the champion", "challenger": "the challenger"}
    return usual | dict((comparison or {}).get("names") or {})


def _unit(curves: Any) -> str:
    return str(curves.get("unit") or "") if isinstance(curves, Mapping) else ""
