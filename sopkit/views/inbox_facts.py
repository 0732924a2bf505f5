"""The inbox as plain values: which runs wait, for whom, since when and how urgent; which are under way; which are over.

The rules:
* a run waits for people (a sign-off, or somebody who mends what failed) or for the clock; both are told, people first;
* urgent is what has little time left, or has waited long: evidence that a gate takes for a limited time only
  (`valid_for`) and that has run out or runs out within three days, and what has waited for a week;
* mine is what a person may do something about: they hold a role that is missing, and did not execute the run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sopkit.archive.runs import RunState
from sopkit.definitions.sop import Sop
from sopkit.views import wording

__all__ = ["inbox_facts"]

SOON = timedelta(days=3)
LONG = timedelta(days=7)
_LEVELS = ("overdue", "soon", "")


def inbox_facts(
    states: Iterable[RunState],
    sop_of: Callable[[RunState], Sop],
    *,
    now: datetime,
    person: str | None = None,
    roles: Iterable[str] = (),
) -> dict[str, list[dict[str, Any]]]:
    """`{"waiting", "running", "finished"}`: rows, the most urgent first, otherwise the newest first.

    `states` as signed (`standing.as_signed`); `person` holds `roles` now.
    """
    held = frozenset(roles)
    found: dict[str, list[dict[str, Any]]] = {"waiting": [], "running": [], "finished": []}
    for state in states:
        kind = "finished" if state.ended else "running" if state.state == "running" else "waiting"
        row = _row(state)
        if kind == "waiting":
            row |= _waiting(state, sop_of(state), now, person, held)
        elif kind == "running":
            row |= _running(state, now)
        found[kind].append(row)
    found["waiting"].sort(key=lambda row: (_LEVELS.index(row["level"]), not row["mine"]))
    return found


def _row(state: RunState) -> dict[str, Any]:
    return {
        "run": state.id,
        "sop": state.sop,
        "model": state.model,
        "state": state.state,
        "outcome": state.outcome,
        "why": state.why or "",
        "as_of": state.as_of.isoformat(),
        "ended_at": state.ended_at.isoformat() if state.ended_at else None,
        "by": state.by,
        "simulated": state.simulated,
        "demo": state.demo,
        "level": "",
        "mine": False,
    }


def _waiting(state: RunState, sop: Sop, now: datetime, person: str | None, held: frozenset[str]) -> dict[str, Any]:
    needs = [_need(state, sop, need, now) for need in state.waiting_for]
    if state.state == "failed":
        needs = [_mending(state, sop, now)]
    levels = [need["level"] for need in needs] or [""]
    asked = {role for need in needs for role in need["roles"]}
    since = min((need["since"] for need in needs if need["since"]), default=None)
    return {
        "needs": needs,
        "roles": sorted(asked),
        "since": since,
        "waited": wording.since(since, now) if since else "",
        "level": min(levels, key=_LEVELS.index),
        "urgency": "; ".join(need["urgency"] for need in needs if need["urgency"]),
        "mine": bool(asked & held) and person not in state.executors,
        "ready": not needs,
    }


def _need(state: RunState, sop: Sop, need: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    stage = sop.stage(need["stage"])
    sealed = state.stage(stage.id).sealed
    since = (sealed.ended_at or sealed.at) if sealed else None
    told = {"stage": stage.id, "title": stage.title, "kind": need["kind"], "roles": list(need.get("roles") or ())}
    told["since"] = since.isoformat() if since else None
    if need["kind"] == "clock":
        words = f"waits until {wording.moment(need['until'])} before «{stage.title}»"
        return {**told, "sentence": words, "level": "", "urgency": ""}
    level, urgency = _urgency(since, stage.gate.valid_for if stage.gate else None, now)
    gate = stage.gate.title if stage.gate else stage.title
    if need["kind"] == "gate":
        return {**told, "sentence": f"«{gate}» is closed: {need['why']}", "level": "overdue", "urgency": ""}
    return {**told, "sentence": f"«{gate}» is to be signed", "level": level, "urgency": urgency}


def _urgency(since: datetime | None, valid_for: timedelta | None, now: datetime) -> tuple[str, str]:
    if since is None:
        return "", ""
    if valid_for is not None:
        left = since + valid_for - now
        if left <= timedelta(0):
            return "overdue", f"the evidence ran out {wording.since(since + valid_for, now)} ago"
        if left <= SOON:
            return "soon", f"the evidence runs out in {wording.since(now - left, now)}"
    if now - since >= LONG:
        return "soon", f"waits for {wording.since(since, now)}"
    return "", ""


def _mending(state: RunState, sop: Sop, now: datetime) -> dict[str, Any]:
    broken = [stage for stage in sop.stages if (made := state.stage(stage.id).current) and made.status == "failed"]
    stage = broken[-1] if broken else sop.stages[0]
    made = state.stage(stage.id).current
    since = (made.ended_at or made.at) if made else state.started_at
    return {
        "stage": stage.id,
        "title": stage.title,
        "kind": "mend",
        "roles": [stage.owner],
        "since": since.isoformat(),
        "sentence": f"«{stage.title}» failed: it is to be mended, then resumed",
        "level": "soon",
        "urgency": f"failed {wording.since(since, now)} ago",
    }


def _running(state: RunState, now: datetime) -> dict[str, Any]:
    under_way = [each for each in state.stages.values() if each.current and each.current.status == "running"]
    stage = under_way[-1] if under_way else None
    started = stage.current.at if stage and stage.current else state.started_at
    return {"stage": stage.id if stage else None, "since": started.isoformat(), "waited": wording.since(started, now)}
