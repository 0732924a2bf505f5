"""A run, a list of runs, a stage, a verification as plain JSON values: what `--json` prints, and all views show.

The fields of `run_facts` and `verification_facts` are a contract: fields may be added, none changes its meaning.
A stage's `state` is `pending`, `running`, `done`, `waiting` (for what `waiting_for` says), `failed`,
`interrupted` or `returned`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sopkit.archive.checklist import answered
from sopkit.archive.folders import IN_STORE_ONLY
from sopkit.definitions.results import Verdict, plain, worst

if TYPE_CHECKING:
    from sopkit.archive.runs import AttemptState, RunState
    from sopkit.archive.verification import Verification
    from sopkit.definitions.sop import Gate, Sop, Stage

__all__ = ["list_facts", "run_facts", "stage_facts", "verification_facts"]


def list_facts(states: Iterable[RunState]) -> list[dict[str, Any]]:
    """Runs in the order given, without their stages' results."""
    return [{**_head(state), "stages": [_brief(state, id) for id in state.stages]} for state in states]


def run_facts(
    state: RunState,
    sop: Sop,
    *,
    waivers: Sequence[Mapping[str, Any]] = (),
    conditions: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Everything about a run that a person asks for first; every stage of the SOP is listed, also those to come.

    `waivers` are those in force now for its model and SOP (`archive.waivers.Waiver.to_dict`); `conditions` those that
    are open for them, and those that its own approvals set (`archive.condition_states.Opened.to_dict`).
    """
    return {
        **_head(state),
        "title": sop.title,
        "parameters": plain(state.parameters),
        "reason": state.started.get("reason") or None,
        "meaning": sop.outcomes[state.outcome].meaning if state.outcome in sop.outcomes else None,
        "stages": [stage_facts(state, stage, sop=sop) for stage in sop.stages],
        "waivers": [dict(waiver) for waiver in waivers],
        "conditions": [dict(condition) for condition in conditions],
        "sign_offs": [_sign_off(sign_off) for sign_off in state.sign_offs],
        "effects": [_effect(effect) for effect in state.effects],
        "pins": plain(state.pins),
    }


def stage_facts(state: RunState, stage: Stage, attempt: int | None = None, *, sop: Sop | None = None) -> dict[str, Any]:
    """One stage with the results of its current attempt, or of the attempt of that number. Raises KeyError.

    With the SOP, its gate tells the checklist as well.
    """
    shown = _attempt(state, stage.id, attempt)
    facts = {
        **_brief(state, stage.id, shown),
        "title": stage.title,
        "owner": stage.owner,
        "gate": None if stage.gate is None else _gate(state, stage, stage.gate, sop),
        "results": {},
        "findings": [],
        "artifacts": [],
        "concluded": None,
    }
    if shown is None:
        return facts
    facts["results"] = {name: _result(result) for name, result in shown.results.items()}
    facts["findings"] = _findings(facts["results"])
    facts["verdict"] = worst([_verdict(result) for result in facts["results"].values()])
    facts["concluded"] = plain(shown.concluded)
    facts["artifacts"] = [{**plain(item), "path": _path(state, stage.id, shown, item)} for item in shown.artifacts]
    facts["attempts"] = [
        {"attempt": each.number, "state": each.status, "because": list(each.because), "reason": each.reason or None}
        for each in state.stages[stage.id].attempts
    ]
    return facts


def verification_facts(verification: Verification) -> dict[str, Any]:
    """`ok, runs, files, sign_offs, demo, problems, notices` as `sop verify --json` prints them."""
    return {
        "ok": verification.ok,
        "runs": plain(verification.runs),
        "files": verification.files,
        "sign_offs": verification.sign_offs,
        "demo": verification.demo,
        "problems": [_finding(problem) for problem in verification.problems],
        "notices": [_finding(notice) for notice in verification.notices],
    }


def _head(state: RunState) -> dict[str, Any]:
    return {
        "run": state.id,
        "sop": state.sop,
        "sop_version": state.sop_version,
        "model": state.model,
        "state": state.state,
        "outcome": state.outcome,
        "why": state.why or None,
        "simulated": state.simulated,
        "demo": state.demo,
        "as_of": _time(state.as_of),
        "started_at": _time(state.started_at),
        "by": state.by,
        "folder": _folder(state),
        "waiting_for": [plain(need) for need in state.waiting_for],
    }


def _folder(state: RunState) -> str:
    return f"runs/{state.sop}/{state.id}"


def _findings(results: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What a result found and a waiver can name or has named: id, sentence, severity, waivable."""
    named = [item for result in results.values() for item in result["detail"].get("findings") or ()]
    kept = [item for item in named if isinstance(item, Mapping) and "waivable" in item]
    return [{name: item.get(name) for name in ("id", "sentence", "severity", "waivable")} for item in kept]


def _gate(state: RunState, stage: Stage, gate: Gate, sop: Sop | None) -> dict[str, Any]:
    """`state` is `open`, `closed` or `rejected` by what the run did there, None where it did not come to it."""
    made = state.stage(stage.id)
    said = [each for each in state.sign_offs if each.stage == stage.id and not each.withdrawn]
    word: str | None
    if any(each.decision == "reject" for each in said):
        word = "rejected"
    elif any(need["stage"] == stage.id and need["kind"] in ("sign_off", "gate") for need in state.waiting_for):
        word = "closed"
    else:
        approved = made.sealed and any(each.attempt == made.sealed.number for each in said)
        word = "open" if approved else None
    asked = [] if sop is None else [each.to_dict() for each in answered(sop, state, gate.id)]
    return {
        "id": gate.id,
        "title": gate.title,
        "meaning": gate.meaning,
        "roles": dict(gate.roles),
        "read_first": list(gate.read_first),
        "state": word,
        "checklist": asked,
    }


def _path(state: RunState, stage: str, attempt: AttemptState, artifact: Mapping[str, Any]) -> str:
    """Where its bytes lie below the workspace: in the run folder if people read it there, else in the store only."""
    name, digest = str(artifact["name"]), str(artifact["sha256"])
    if attempt is state.stages[stage].current and not name.endswith(IN_STORE_ONLY):
        return f"{_folder(state)}/artifacts/{stage}/{name}"
    return f"runs/store/sha256/{digest[:2]}/{digest[2:]}"


def _attempt(state: RunState, stage: str, number: int | None = None) -> AttemptState | None:
    known = state.stages.get(stage)
    if number is None:
        return None if known is None else known.current or (known.attempts[-1] if known.attempts else None)
    for each in known.attempts if known else ():
        if each.number == number:
            return each
    raise KeyError(number)


def _brief(state: RunState, stage: str, attempt: AttemptState | None = None) -> dict[str, Any]:
    attempt = attempt or _attempt(state, stage)
    return {
        "id": stage,
        "state": _stage_state(state, stage, attempt),
        "attempt": attempt.number if attempt else None,
        "notebook": f"{_folder(state)}/{attempt.file}" if attempt and attempt.file else None,
        "seconds": attempt.seconds if attempt else None,
        "as_of": _time(attempt.as_of) if attempt else None,
        "reason": (attempt.reason or None) if attempt else None,
        "verdict": worst([_verdict(result) for result in attempt.results.values()]) if attempt else None,
    }


def _stage_state(state: RunState, stage: str, attempt: AttemptState | None) -> str:
    current = attempt is None or attempt is state.stage(stage).current
    if current and any(need["stage"] == stage for need in state.waiting_for):
        return "waiting"
    if attempt is None:
        return "pending"
    return "done" if attempt.status == "sealed" else str(attempt.status)


def _result(result: Mapping[str, Any]) -> dict[str, Any]:
    kept = plain(result)
    threshold = kept.get("threshold")
    return {
        "title": kept.get("title", ""),
        "value": kept.get("value"),
        "unit": kept.get("unit", ""),
        "threshold": threshold,
        "verdict": kept.get("verdict"),
        "reason": kept.get("reason", ""),
        "source": kept.get("source", "notebook"),
        "detail": kept.get("detail", {}),
    }


def _verdict(result: Mapping[str, Any]) -> Verdict | None:
    return Verdict(result["verdict"]) if result.get("verdict") else None


def _sign_off(sign_off: Any) -> dict[str, Any]:
    names = ("seq", "stage", "attempt", "by", "role", "gate", "decision", "comment", "demo", "key", "withdrawn")
    told = {name: plain(getattr(sign_off, name)) for name in names}
    shown = {"conditions": [plain(each) for each in sign_off.conditions], "opened": list(sign_off.opened)}
    return {**told, "at": _time(sign_off.at), "checklist": plain(dict(sign_off.checklist)), **shown}


def _effect(effect: Any) -> dict[str, Any]:
    return {name: plain(getattr(effect, name)) for name in ("stage", "attempt", "effect", "status", "arguments")}


def _finding(finding: Any) -> dict[str, Any]:
    return {name: getattr(finding, name) for name in ("run", "path", "kind", "detail")}


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
