"""Waivers on their way into a stage: verified outside any kernel, handed over, and recorded as used.

The rules:
* what an official attempt sees is what the runner verified and handed over; a draft asks the log itself;
* each waiver is an input of its own, `waiver:<log entry>`: one that is withdrawn or over, or that does not count any
  more because its signer has executed the run since, makes the stage that used it be executed again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sopkit.archive.runs import RunState
from sopkit.archive.waivers import KINDS, Waiver, read_waivers, standing
from sopkit.archive.workspace import Workspace
from sopkit.definitions.results import Used

__all__ = ["PREFIX", "for_draft", "for_run", "hand_over", "inputs_now", "taken", "used", "used_by"]

PREFIX = "waiver:"
Handed = Sequence[Mapping[str, Any]]


def for_run(workspace: Workspace, state: RunState, stage: str) -> Handed:
    """The waivers that count for a stage of a run now."""
    found = standing(workspace, workspace.log.entries(), at=datetime.now(UTC), stage=stage, run=state)
    return [_plain(each) for each in found]


def for_draft(workspace: Workspace, sop: str, model: str, stage: str) -> Handed:
    """The waivers in force for a draft without a run."""
    entries = workspace.log.entries()
    found = standing(workspace, entries, at=datetime.now(UTC), sop=sop, model=model, stage=stage)
    return [_plain(each) for each in found]


def used_by(workspace: Workspace, uses: Mapping[str, str]) -> Handed:
    """Exactly the waivers that an attempt used, for a draft bound to it."""
    known = read_waivers(workspace, workspace.log.entries())[0]
    return [_plain(each) for each in known if uses.get(f"{PREFIX}{each.seq}") == each.digest]


def hand_over(workspace: Workspace, state: RunState, stage: str, path: Path) -> None:
    """Write what counts for a stage of a run to a file that its kernel reads."""
    path.write_text(json.dumps(for_run(workspace, state, stage)), encoding="utf-8")


def taken(path: Path) -> Handed:
    """What the runner has handed over."""
    found: Handed = json.loads(path.read_text(encoding="utf-8"))
    return found


def used(waiver: Mapping[str, Any]) -> Used:
    """How a stage records that it used a waiver."""
    return Used(input=f"{PREFIX}{waiver['seq']}", digest=waiver["digest"], note=waiver["finding"])


def inputs_now(workspace: Workspace, state: RunState) -> dict[str, str]:
    """Every waiver that was ever signed, by its input's name: its digest if it counts in the run now, else nothing."""
    entries = workspace.log.entries()
    signed = [entry.seq for entry in entries if entry.kind == KINDS["waive"]]
    counting = standing(workspace, entries, at=datetime.now(UTC), run=state) if signed else []
    digests = {each.seq: each.digest for each in counting}
    return {f"{PREFIX}{seq}": digests.get(seq, "") for seq in signed}


def _plain(waiver: Waiver) -> Mapping[str, Any]:
    return {**waiver.to_dict(), "words": waiver.words}
