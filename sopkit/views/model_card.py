"""A model card and a plain-language summary of a run, in markdown, from the run's own records.

The rules:
* every sentence stands on a definition in force or on a recorded result; nothing is added from elsewhere;
* what the run has not recorded is said to be missing, not passed over;
* text from data and definitions is escaped: it shows, and cannot act.

The sections of the card follow Mitchell et al. (2019), Model Cards for Model Reporting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sopkit.definitions.durations import render_duration
from sopkit.definitions.model import ModelFile
from sopkit.definitions.rendering import escape_markdown as text
from sopkit.views import wording

__all__ = ["model_card", "summary"]


def model_card(run: Mapping[str, Any], model: ModelFile) -> str:
    """The card of the model that `run` (of `facts.run_facts`) was about, as its model file and its records have it."""
    return "\n".join(
        [
            f"# Model card: {text(model.title or model.model)}",
            "",
            f"*From run `{run['run']}` of SOP {text(run['sop'])} {run['sop_version']}, "
            f"as of {wording.moment(run['as_of'])}.*{_marks(run)}",
            "",
            *_section("What it is for", [text(model.purpose) or "The model file does not say."]),
            *_section("What it predicts", _target(model)),
            *_section("From what", _features(model)),
            *_section("Data", _data(model)),
            *_section("How it is judged", _evaluation(model)),
            *_section("What was found", _findings(run)),
            *_section("Questions of compliance", _checklist(run)),
            *_section("Who approved", _approvals(run)),
            *_section("Limits", _limits(run, model)),
        ]
    )


def summary(run: Mapping[str, Any], model: ModelFile) -> str:
    """What happened and what it means, for a reader who does not work with models. One short page."""
    lines = [f"# {text(model.title or model.model)}: what happened", ""]
    outcome = run["outcome"]
    lines.append(f"**{text(run['meaning'])}**" if outcome and run["meaning"] else "**The run is not decided yet.**")
    if run["why"]:
        lines += ["", text(run["why"])]
    lines += ["", "What was done:", ""]
    for stage in run["stages"]:
        if stage["attempt"] and stage["state"] != "running":  # the stage that writes this is still under way
            lines.append(f"* {text(stage['title'])}: {_in_words(stage)}")
    lines += _accepted(run)
    lines += ["", *_approvals(run)]
    for need in run["waiting_for"]:
        if need["kind"] == "clock":
            lines += ["", f"It goes on from {wording.moment(need['until'])} on."]
        elif need["kind"] == "gate":
            lines += ["", f"It waits, although nobody's decision is missing: {text(need['why'])}."]
        else:
            lines += ["", f"It waits for a decision by: {text(', '.join(need['roles']))}."]
    return "\n".join(lines) + "\n"


def _in_words(stage: Mapping[str, Any]) -> str:
    state = {"done": "done", "waiting": "done, and waiting for a decision"}.get(stage["state"], stage["state"])
    named: dict[str, list[str]] = {"pass": [], "fail": [], "insufficient": []}
    for name, result in stage["results"].items():
        if result["verdict"]:
            named[result["verdict"]].append(text(result["title"] or name))
    told = []
    if named["fail"]:
        told.append(f"beyond its limit: {', '.join(named['fail'])}")
    if named["insufficient"]:
        told.append(f"not enough evidence to tell: {', '.join(named['insufficient'])}")
    if named["pass"]:
        told.append(f"{len(named['pass'])} {'checks' if len(named['pass']) > 1 else 'check'} held")
    return f"{'; '.join([state, *told])}."


def _section(title: str, lines: Iterable[str]) -> list[str]:
    return [f"## {title}", "", *lines, ""]


def _target(model: ModelFile) -> list[str]:
    target = model.target
    what = target.title or target.expression or target.column or ""
    unit = f", in {text(target.unit)}" if target.unit else ""
    lines = [f"{text(what)}{unit} ({target.task})."]
    if target.expression:
        lines.append(f"In terms of the data: `{target.expression}`.")
    return lines


def _features(model: ModelFile) -> list[str]:
    lines = [f"* {text(name)} ({feature.type}){_known(feature.known_at)}" for name, feature in model.features.items()]
    if model.excluded:
        lines += ["", "Left out on purpose:", ""]
        lines += [f"* {text(name)}: {text(reason)}" for name, reason in model.excluded.items()]
    return lines


def _known(known_at: str | None) -> str:
    return f", known {text(known_at)}" if known_at else ""


def _data(model: ModelFile) -> list[str]:
    lines = [
        f"Source: `{model.data.source}`. Time: `{model.data.time}`. "
        f"A label is known {render_duration(model.data.label_delay)} after its row."
    ]
    lines += [f"* kept rows where {text(reason)}: `{rule}`" for reason, rule in model.data.keep_rows_where.items()]
    return lines


def _evaluation(model: ModelFile) -> list[str]:
    rule = model.evaluation
    return [
        f"On the newest {render_duration(rule.window)} of matured rows, which training never sees; "
        f"{wording.value(rule.confidence, '%')} intervals from {rule.resamples} resamples of blocks of "
        f"{_blocks(model)}. "
        f"Primary metric: {text(rule.primary or 'the default of the task')}, margin {wording.value(rule.margin)}."
    ]


def _blocks(model: ModelFile) -> str:
    rule = model.evaluation
    if model.data.entity and rule.by_entity is not False:
        return f"entities (`{model.data.entity}`)" + ("" if rule.by_entity else " where they repeat")
    alone = ", or of single rows where these are too few" if model.data.rows_independent else ""
    return f"{render_duration(rule.blocks)}{alone}"


def _findings(run: Mapping[str, Any]) -> list[str]:
    rows = []
    for stage in run["stages"]:
        for name, result in stage["results"].items():
            cells = (
                stage["id"],
                result["title"] or name,
                wording.value(result["value"], result["unit"]),
                wording.threshold(result["threshold"], result["unit"]),
                wording.verdict(result["verdict"]),
                result["reason"],
            )
            rows.append("| " + " | ".join(text(cell) for cell in cells) + " |")
    if not rows:
        return ["Nothing was recorded yet."]
    return ["| stage | result | value | threshold | verdict | reason |", "|---|---|---|---|---|---|", *rows]


def _checklist(run: Mapping[str, Any]) -> list[str]:
    asked = [item for stage in run["stages"] if stage["gate"] for item in stage["gate"]["checklist"]]
    if not asked:
        return ["The SOP asks none."]
    lines = ["| question | answer | by | why | source |", "|---|---|---|---|---|"]
    for item in asked:
        cells = (item["question"], wording.answer(item), wording.answered_by(item), item["why"], item["source"])
        lines.append("| " + " | ".join(text(cell) for cell in cells) + " |")
    return lines


def _accepted(run: Mapping[str, Any]) -> list[str]:
    waived = [item for stage in run["stages"] for item in stage["findings"] if item["severity"] == "waived"]
    return [f"* accepted in writing, `{text(item['id'])}`: {text(item['sentence'])}" for item in waived]


def _approvals(run: Mapping[str, Any]) -> list[str]:
    if not run["sign_offs"]:
        return ["Nobody has signed anything in this run."]
    lines = []
    for sign_off in run["sign_offs"]:
        if sign_off["withdrawn"]:
            continue
        demo = " (a demo reviewer, no real person)" if sign_off["demo"] else ""
        comment = f": {text(sign_off['comment'])}" if sign_off["comment"] else ""
        decision = {"approve": "approved", "reject": "rejected", "return": "returned", "withdraw": "withdrew from"}
        lines.append(
            f"* {text(sign_off['by'])}{demo}, as {text(sign_off['role'])}, "
            f"{decision.get(sign_off['decision'], sign_off['decision'])} {sign_off['stage']}{comment}"
        )
    return lines


def _limits(run: Mapping[str, Any], model: ModelFile) -> list[str]:
    lines = _accepted(run)
    for stage in run["stages"]:
        for name, result in stage["results"].items():
            if result["verdict"] in ("fail", "insufficient"):
                reason = f": {text(result['reason'])}" if result["reason"] else ""
                lines.append(f"* {wording.verdict(result['verdict'])}, {text(result['title'] or name)}{reason}")
    if model.decision_policy:
        lines.append(f"* Only some rows ever get a label: {text(model.decision_policy)}")
    if not model.protected:
        lines.append(
            "* The model file names no protected attributes: nothing is known about fairness to groups of people."
        )
    return lines


def _marks(run: Mapping[str, Any]) -> str:
    marks = []
    if run["simulated"]:
        marks.append("simulated")
    if run["demo"]:
        marks.append("signed by demo reviewers")
    return f" **({', '.join(marks)})**" if marks else ""
