"""The findings that conditions have opened: which are open, settled or withdrawn, and which are overdue. By the log.

The rules:
* a condition is named by the log entry of its sign-off and its place in it: `37.1`;
* it is open while its approval stands: withdrawn with it (taken back, or its attempt rejected or returned by anybody),
  settled by a settlement that counts (see `settlements`);
* it is overdue when its day is over by the wall clock, which governs people, also in a simulation;
* an overdue one closes every gate of its model and SOP that has not been passed yet, in its own run and in others.
  A gate counts as passed once anything behind it was begun: what is under way, and above all the way back, goes on.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from sopkit.archive.conditions import Condition
from sopkit.archive.entries import Entries, Entry, Places, instant
from sopkit.archive.people import wall_time
from sopkit.archive.records import case_of, read_sign_offs
from sopkit.archive.runs import run_state
from sopkit.archive.settlements import Settlement, not_counted, read_settlements
from sopkit.archive.statements import SignOff
from sopkit.archive.states import RunState
from sopkit.archive.workspace import Workspace
from sopkit.errors import SopkitError

__all__ = ["Opened", "find", "opened", "overdue_reasons"]


@dataclass(frozen=True)
class Opened:
    """A condition of a verified approval, and what became of it: `state` is open, settled or withdrawn."""

    id: str
    run: str
    model: str
    sop: str
    said: SignOff
    condition: Condition
    state: str
    settlement: Settlement | None = None

    def overdue(self, at: datetime) -> bool:
        """Whether it is open although its day is over."""
        return self.state == "open" and self.condition.overdue(at)

    def to_dict(self, at: datetime) -> dict[str, Any]:
        """Plain JSON, for --json and views."""
        said, settled = self.said, self.settlement
        told = {name: getattr(self, name) for name in ("id", "run", "model", "sop", "state")}
        place = {name: getattr(said, name) for name in ("stage", "attempt", "gate", "demo")}
        by = {"sign_off": said.seq, "by": said.person, "name": said.name, "role": said.role, "at": instant(said.at)}
        how = None
        if settled is not None:
            how = {name: getattr(settled, name) for name in ("seq", "person", "name", "role", "comment")}
            how["at"] = instant(settled.at)
        return {**told, **self.condition.to_json(), "overdue": self.overdue(at), **place, **by, "settled": how}


def opened(
    workspace: Workspace,
    entries: Sequence[Entry],
    *,
    model: str | None = None,
    sop: str | None = None,
    run: str | None = None,
) -> list[Opened]:
    """Every condition, in log order; only of that model, SOP or run, if one is named."""
    return [
        each
        for each in _every(workspace, Entries.of(entries))
        if model in (None, each.model) and sop in (None, each.sop) and run in (None, each.run)
    ]


_known: WeakKeyDictionary[Places, tuple[int, list[Opened]]] = WeakKeyDictionary()


def _every(workspace: Workspace, entries: Entries) -> list[Opened]:
    """Found once for as many entries of a log: whoever looks at every run of a model asks for them again and again."""
    size, found = _known.get(entries.places, (0, []))
    if size != len(entries):
        found = _found(workspace, entries)
        _known[entries.places] = (len(entries), found)
    return found


def _found(workspace: Workspace, entries: Entries) -> list[Opened]:
    runs = dict.fromkeys(str(entry.run) for entry in entries.of_kind("sign_off") if _sets_conditions(entry))
    started = {entry.run for entry in entries.of_kind("run.started")}
    states = [run_state(entries, id) for id in runs if id in started]
    if not states:
        return []
    heard = read_settlements(workspace, entries)[0]
    settled = {each.condition: each for each in reversed(heard) if not not_counted(workspace, entries, each)}
    found = [each for state in states for each in _of_run(workspace, entries, state, settled)]
    return sorted(found, key=lambda each: [int(part) for part in each.id.split(".")])


def find(workspace: Workspace, entries: Sequence[Entry], id: str) -> Opened | None:
    """The condition of that id."""
    return next((each for each in opened(workspace, entries) if each.id == id), None)


def overdue_reasons(workspace: Workspace, entries: Sequence[Entry], state: RunState, at: datetime) -> list[str]:
    """Why the next gate of a run stays closed: one sentence for each overdue condition of its model and SOP."""
    now = wall_time(entries, at)
    found = opened(workspace, entries, model=state.model, sop=state.sop)
    return [_reason(each) for each in found if each.overdue(now)]


def _reason(each: Opened) -> str:
    """On one line, and nothing in it moves the cursor of a terminal."""
    text = "".join(sign if sign.isprintable() else " " for sign in each.condition.text)
    due = f"condition {each.id} of run {each.run} was due {each.condition.due}"
    return f"{due}: {text} (sop settle {each.id} --comment T)"


def _of_run(
    workspace: Workspace, entries: Sequence[Entry], state: RunState, settled: dict[str, Settlement]
) -> Iterator[Opened]:
    spoken = read_sign_offs(workspace, entries, state.id)[0]
    for said in spoken:
        if said.decision != "approve" or not said.conditions:
            continue
        stands = _stands(workspace, entries, spoken, said)
        for number, condition in enumerate(said.conditions, 1):
            id = f"{said.seq}.{number}"
            word = "withdrawn" if not stands else "settled" if id in settled else "open"
            yield Opened(id, state.id, state.model, state.sop, said, condition, word, settled.get(id))


def _stands(workspace: Workspace, entries: Sequence[Entry], spoken: Sequence[SignOff], said: SignOff) -> bool:
    """Whether an approval counts and nobody has rejected or returned what it approves."""
    try:
        case = case_of(workspace, entries, said.run, said.stage, said.attempt)
    except SopkitError:
        return False
    result = case.judge([each for each in spoken if each.gate == said.gate], wall_time(entries))
    return any(each.seq == said.seq for each in result.standing) and not (result.rejected_by or result.returned_by)


def _sets_conditions(entry: Entry) -> bool:
    """Whether a statement, verified or not, has conditions. What the entry says beside it is not asked."""
    envelope = entry.body.get("envelope")
    return isinstance(envelope, Mapping) and _names_conditions(str(envelope.get("payload")))


@lru_cache(maxsize=1 << 16)
def _names_conditions(payload: str) -> bool:
    try:
        return bool(json.loads(base64.b64decode(payload))["predicate"]["conditions"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return False
