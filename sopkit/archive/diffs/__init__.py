"""Two runs, or two attempts of a stage, side by side: what changed that matters.

The rules:
* the same definitions on the same data at the same `as_of` give no difference: run ids, wall times, durations, keys of
  demo reviewers and versions in the registry are none, and numbers count beyond a tolerance only;
* what cannot be read (missing, or not what was kept) is a difference, and is named: nothing is the same unseen;
* files whose bytes alone differ (a fitted model, a rendered report) are remarked upon; what matters, a result tells;
* an attempt is the newest of its stage, or the one that is asked for.

What `run_diff` gives is plain JSON:

    same         whether nothing was found; `count` how much was, `flips` how many verdicts flipped
    left, right  {run, sop, sop_version, model, as_of, started_at, by, state, outcome, attempts {stage: number}}
    stage        the one stage that was asked for, or None
    tolerance    of numbers, relative
    run          changes of as_of, parameters, reason, who executed, state, outcome, environment …
    definitions  [{file, changes}]      what SOP, model file, people file and lock say otherwise
    data         [{stage, what, left, right, changes, note}]      sides are digests
    stages       [{stage, left, right}]      states, and why, where they are not the same
    results      [{stage, name, title, unit, left, right, flipped, differs, details}]      flips first
                 sides are {value, threshold, verdict, reason} or None, `differs` some of verdict, threshold, value,
                 detail, reason; `details` are the changes of what a reader needs to judge the value
    reasons      [{stage, topic, flipped, left, right}]      what spoke for and against in the decision
    findings     [{stage, id, sentence, left, right}]      severities of findings in the data
    features     {declared, recipe, importance}
    sign_offs    [{stage, role, left, right}]
    code         [{file, kind, cells [{cell, type, kind, lines}]}]
    files        [{stage, name, kind}]      other attached files with another content
    unreadable   [{what, digest, why}]
    bytes_only   names of attached files of which the bytes alone differ, and `times` of results: not counted, and so
    remarks      in sentences on whatever else is not counted
    hand_over    [{stage, left, right}]      run notebooks, for nbdime

`changes` are those of `diffs.values`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sopkit.archive.contents import Contents
from sopkit.archive.diffs.definitions import code_changes, definition_changes, feature_changes, notebook_of
from sopkit.archive.diffs.files import Reading, data_changes, file_changes, input_changes
from sopkit.archive.diffs.notebooks import full_diff
from sopkit.archive.diffs.people import sign_off_changes
from sopkit.archive.diffs.results import finding_changes, importance_changes, reason_changes, result_changes, times
from sopkit.archive.diffs.values import TOLERANCE, Change, change, changes, same_words
from sopkit.archive.states import AttemptState, RunState, SignOffEntry
from sopkit.definitions.results import plain
from sopkit.errors import NotFound

__all__ = ["TOLERANCE", "full_run_diff", "last_promoted", "run_diff"]

PROMOTED = ("promoted", "first_champion")
COUNTED = ("run", "data", "stages", "results", "reasons", "findings", "sign_offs", "code", "files", "unreadable")


def last_promoted(states: Sequence[RunState], run: RunState) -> RunState | None:
    """The newest run before this one, of the same SOP and model, that put a model into service; None without one."""
    earlier = (each for each in states if (each.sop, each.model) == (run.sop, run.model) and each.seq < run.seq)
    return next((each for each in earlier if each.outcome in PROMOTED), None)


def run_diff(
    left: Contents, right: Contents, *, stage: str | None = None, tolerance: float = TOLERANCE
) -> dict[str, Any]:
    """What differs from `left` to `right`; with `stage`, in that stage. See the module for its form.

    Raises NotFound where neither has started that stage, or an attempt of it that was asked for does not exist.
    """
    stages = _stages(left, right, stage)
    reading = Reading(left.workspace)
    both = [each for each in stages if left.attempt(each) and right.attempt(each)]
    definitions, remarks = definition_changes(left.state, right.state, reading.bytes)
    data = data_changes(reading, left, right, both, tolerance)
    if stage is not None:
        data += [each for each in input_changes(left, right, stage) if each["what"] != "input champion"]
    found: dict[str, Any] = {
        "same": False,
        "count": 0,
        "flips": 0,
        "left": _head(left, stages),
        "right": _head(right, stages),
        "stage": stage,
        "tolerance": tolerance,
        "run": _run(left.state, right.state),
        "definitions": definitions,
        "data": data,
        "stages": _states(left, right, stages),
        "results": [],
        "reasons": [],
        "findings": [],
        "features": {
            "declared": feature_changes(left.state, right.state, reading.bytes),
            "recipe": [],
            "importance": [],
        },
        "sign_offs": sign_off_changes(_sign_offs(left, stage), _sign_offs(right, stage), stages),
        "code": _code(left, right, stage, reading),
        "files": [],
        "bytes_only": [],
        "times": [],
        "unreadable": [],
        "remarks": remarks,
        "hand_over": [_hand_over(left, right, each) for each in both],
    }
    for each in both:
        _compare(found, reading, left, right, each)
    found["results"].sort(key=lambda result: not result["flipped"])
    found["reasons"].sort(key=lambda reason: not reason["flipped"])
    found["unreadable"] = reading.unreadable
    return _counted(found)


def full_run_diff(left: Contents, right: Contents, *, stage: str | None = None, colour: bool = False) -> Iterator[str]:
    """What nbdime says about the run notebooks of one stage, or of every stage that both runs executed, one by one.

    Raises NotFound as `run_diff`, and where a sealed notebook is not in the store; DigestMismatch, RecordError.
    """
    for each in _stages(left, right, stage):
        attempts = left.attempt(each), right.attempt(each)
        if not all(attempt and attempt.notebook for attempt in attempts):
            continue
        before, after = (left.workspace.store.get(str(attempt.notebook)) for attempt in attempts if attempt)
        if told := full_diff(before, after, colour=colour):
            yield f"{_notebook(left, each)} → {_notebook(right, each)}\n{told}"


def _compare(found: dict[str, Any], reading: Reading, left: Contents, right: Contents, stage: str) -> None:
    """Adds what differs in what two attempts of a stage found."""
    before, after = left.attempt(stage), right.attempt(stage)
    if before is None or after is None:
        return
    tolerance: float = found["tolerance"]

    def read(name: str) -> tuple[Any, Any]:
        if left.digest(stage, name) == right.digest(stage, name):
            return None, None
        return reading.json(left, stage, name), reading.json(right, stage, name)

    found["results"] += result_changes(stage, before, after, tolerance)
    found["reasons"] += reason_changes(stage, *read("decision.json"))
    found["findings"] += finding_changes(stage, *read("findings.json"))
    found["features"]["importance"] += importance_changes(*read("importance.json"), tolerance)
    old, new = (_recipe(told) for told in read("training.json"))
    found["features"]["recipe"] += changes(old, new, tolerance)
    files, bytes_only = file_changes(reading, left, right, stage, tolerance)
    found["files"] += files
    found["bytes_only"] += bytes_only
    found["times"] += times(before, after)


def _counted(found: dict[str, Any]) -> dict[str, Any]:
    """With how much was found. A definition counts once for each field, a file of code once."""
    count = sum(len(found[name]) for name in COUNTED) + sum(len(each["changes"]) for each in found["definitions"])
    count += sum(len(each) for each in found["features"].values())
    flips = sum(each["flipped"] for name in ("results", "reasons") for each in found[name])
    return {**found, "same": count == 0, "count": count, "flips": flips}


def _stages(left: Contents, right: Contents, stage: str | None) -> list[str]:
    """The stages that either run has started, in order; or the one that is asked for. Raises NotFound."""
    started = list(dict.fromkeys((*left.state.stages, *right.state.stages)))
    if stage is None:
        return started
    if stage not in started:
        known = ", ".join(started) or "none: neither has started"
        raise NotFound(f"neither run has started stage '{stage}'", expected=f"one of {known}")
    for side in (left, right):
        if side.attempt(stage) is None:
            made = ", ".join(str(each.number) for each in side.state.stage(stage).attempts)
            expected = f"one of {made}" if made else "none: it has not started"
            raise NotFound(f"no such attempt of stage '{stage}'", where=side.state.id, expected=expected)
    return [stage]


def _head(contents: Contents, stages: Sequence[str]) -> dict[str, Any]:
    state = contents.state
    told = {name: plain(getattr(state, name)) for name in ("sop", "sop_version", "model", "by", "state", "outcome")}
    moments = {"as_of": plain(state.as_of), "started_at": plain(state.started_at)}
    attempts = {each: attempt.number for each in stages if (attempt := contents.attempt(each))}
    return {"run": state.id, **told, **moments, "demo": state.demo, "simulated": state.simulated, "attempts": attempts}


def _run(left: RunState, right: RunState) -> list[Change]:
    """What was asked of the runs, and what became of them."""
    before, after = (_asked(state) for state in (left, right))
    found = changes(before, after)
    same = before["state"] == after["state"] and before["outcome"] == after["outcome"]
    if not same or not same_words(left.why or "", right.why or ""):
        found += [change("why", left.why, right.why)] if left.why != right.why else []
    return found


def _asked(state: RunState) -> dict[str, Any]:
    environment = state.started.get("environment") or {}
    started = [each.as_of for stage in state.stages.values() for each in stage.attempts if each.as_of]
    return {
        "SOP": state.sop,
        "SOP version": state.sop_version,
        "model": state.model,
        "as of, at the start": plain(min(started)) if started else None,
        "as of, at last": plain(state.as_of),
        "parameters": plain(dict(state.parameters)),
        "reason": state.started.get("reason") or None,
        "executed by": sorted(state.executors) or None,
        "until": state.until,
        "demo reviewers": state.demo,
        "state": state.state,
        "outcome": state.outcome,
        "effects": sorted(f"{each.effect} {each.status}" for each in state.effects),
        "interpreter": environment.get("interpreter"),
        "libraries": environment.get("libraries") or {},
        "seed": environment.get("seed"),
    }


def _states(left: Contents, right: Contents, stages: Sequence[str]) -> list[dict[str, Any]]:
    """Stages that ended otherwise, or that one side has not come to; of one run, also attempts at another `as_of`."""
    found = []
    one = left.state.id == right.state.id
    for stage in stages:
        before, after = left.attempt(stage), right.attempt(stage)
        sides = [None if each is None else _side(each) for each in (before, after)]
        words = [side and side["state"] for side in sides]
        reasons = [side["reason"] if side else "" for side in sides]
        moved = one and before is not None and after is not None and before.as_of != after.as_of
        if words[0] != words[1] or not same_words(reasons[0], reasons[1]) or moved:
            found.append({"stage": stage, "left": sides[0], "right": sides[1]})
    return found


def _side(attempt: AttemptState) -> dict[str, Any]:
    state = "done" if attempt.status == "sealed" else attempt.status
    moment = plain(attempt.as_of)
    return {"state": state, "reason": attempt.reason or "", "as_of": moment, "because": list(attempt.because)}


def _recipe(training: Any) -> Any:
    """What was fitted, from `training.json`: estimator, parameters, features, window."""
    recipe = training.get("recipe") if isinstance(training, Mapping) else None
    return recipe if isinstance(recipe, Mapping) else {}


def _sign_offs(contents: Contents, stage: str | None) -> list[SignOffEntry]:
    """All of a run; of one stage, those of the attempt that is looked at."""
    said = [each for each in contents.state.sign_offs if each.decision != "withdraw"]
    if stage is None:
        return said
    attempt = contents.attempt(stage)
    return [each for each in said if attempt and (each.stage, each.attempt) == (stage, attempt.number)]


def _code(left: Contents, right: Contents, stage: str | None, reading: Reading) -> list[dict[str, Any]]:
    if stage is None:
        return code_changes(left.state, right.state, reading.bytes)
    named = {notebook_of(side.state, stage, reading.bytes) for side in (left, right)}
    return code_changes(left.state, right.state, reading.bytes, [name for name in named if name])


def _hand_over(left: Contents, right: Contents, stage: str) -> dict[str, Any]:
    return {"stage": stage, "left": _notebook(left, stage), "right": _notebook(right, stage)}


def _notebook(contents: Contents, stage: str) -> str | None:
    """Where the run notebook lies below the workspace."""
    attempt, state = contents.attempt(stage), contents.state
    return f"runs/{state.sop}/{state.id}/{attempt.file}" if attempt and attempt.file else None
