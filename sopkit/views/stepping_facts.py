"""Going through a run stage by stage, as plain values: what comes next, what it needs, what was done, what failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sopkit.archive import taken
from sopkit.views import wording
from sopkit.views.links import lab_link

if TYPE_CHECKING:
    from sopkit.archive.runs import RunState
    from sopkit.definitions.sop import Sop

__all__ = ["next_facts", "stepping_facts", "wait_facts"]


def stepping_facts(run: RunState, sop: Sop) -> dict[str, Any]:
    """What has happened: `over`, `failed` and `executed`; the rest of the section is None until it is known."""
    titles = {stage.id: stage.title for stage in sop.stages}
    folder = f"runs/{run.sop}/{run.id}"
    executed = [
        {
            "title": titles.get(stage.id, stage.id),
            "path": f"{folder}/{attempt.file}",
            "attempt": attempt.number,
            "state": attempt.status,
            "seconds": attempt.seconds,
        }
        for stage in run.stages.values()
        for attempt in stage.attempts
        if attempt.file
    ]
    return {
        "over": {"state": run.state, "outcome": run.outcome, "why": run.why or ""} if run.ended else None,
        "failed": _failed(run, titles, folder),
        "executed": executed,
        "next": None,
        "wait": None,
        "then": "",
        "process": None,
        "link": lab_link,
    }


def next_facts(
    run: RunState, sop: Sop, states: Sequence[RunState], stage: str, attempt: int, because: Sequence[str]
) -> dict[str, Any]:
    """The stage that comes next."""
    spec = sop.stage(stage)
    return {
        "id": stage,
        "number": [each.id for each in sop.stages].index(stage) + 1,
        "title": spec.title,
        "purpose": spec.purpose,
        "owner": spec.owner,
        "inputs": list(spec.inputs),
        "gate": None if spec.gate is None else {"title": spec.gate.title, "meaning": spec.gate.meaning},
        "on_failure": spec.on_failure,
        "attempt": attempt,
        "because": list(because),
        "seconds": taken.earlier(states, run, stage).usual["time"],
    }


def wait_facts(sop: Sop, why: str, needs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What a run waits for, in words."""
    told = []
    for need in needs:
        title = sop.stage(need["stage"]).title
        if need["kind"] == "clock":
            told.append(f"«{title}» may start as of {wording.moment(need['until'])}.")
        else:
            told.append(f"Sign-off of «{title}» by: {', '.join(need['roles']) or 'nobody any more'}.")
    return {"words": why[:1].upper() + why[1:], "needs": told}


def _failed(run: RunState, titles: Mapping[str, str], folder: str) -> dict[str, Any] | None:
    """The stage that failed, where nothing has happened since."""
    for stage in run.stages.values():
        attempt = stage.current
        if run.state == "failed" and attempt and attempt.status == "failed":
            notebook = f"{folder}/{attempt.file}" if attempt.file else None
            title = titles.get(stage.id, stage.id)
            return {"stage": stage.id, "title": title, "reason": attempt.reason or "", "notebook": notebook}
    return None
