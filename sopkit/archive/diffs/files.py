"""What two runs read and left, side by side: data sets, inputs and attached files.

The rules:
* data sets are told apart by digest, and described by what was recorded about them (`origin.json`, `splits.json`):
  source, rows, time range, columns; where all of that is the same and the digest is not, that is said;
* attached JSON is compared by what it says, numbers within the tolerance and without durations and memory;
* of other files the bytes are compared. Data sets and text that differ are differences; of what is fitted or rendered
  (`RENDERED`) it is only remarked upon, for every machine writes it otherwise;
* what cannot be read is kept in `Reading.unreadable`, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sopkit.archive.contents import Contents
from sopkit.archive.diffs.values import Change, alike, changes
from sopkit.archive.workspace import Workspace
from sopkit.errors import SopkitError

__all__ = ["Reading", "data_changes", "file_changes", "input_changes"]

RENDERED = (".html", ".md", ".skops", ".parquet", ".png", ".svg", ".pdf")
DATA_SETS = {"snapshot.parquet": "snapshot", "train.parquet": "training rows", "holdout.parquet": "held-out rows"}
DESCRIBED = {"origin.json": "snapshot", "splits.json": "training rows"}
# Told in their own place, or not content: see `diff_results` and the runs' environment
ELSEWHERE = {*DATA_SETS, *DESCRIBED, *("findings.json", "decision.json", "importance.json", "recipes.json")}
ELSEWHERE |= {"environment.json"}
DURATIONS = {"resources", "seconds", "wall_seconds", "cpu_seconds", "peak_memory_mb"}


class Reading:
    """Reads artifacts and pinned files of a workspace, and remembers what it could not read."""

    def __init__(self, workspace: Workspace) -> None:
        self._store = workspace.store
        self._read: dict[str, bytes | None] = {}
        self.unreadable: list[dict[str, str]] = []

    def bytes(self, digest: str, what: str = "a pinned file") -> bytes | None:
        """The bytes of a digest; None where they are missing or not what was kept."""
        if digest not in self._read:
            try:
                self._read[digest] = self._store.get(digest)
            except (SopkitError, OSError) as error:
                self._read[digest] = None
                why = error.what if isinstance(error, SopkitError) else str(error)
                self.unreadable.append({"what": what, "digest": digest, "why": why})
        return self._read[digest]

    def json(self, contents: Contents, stage: str, name: str) -> Any:
        """An artifact that is JSON; None where it was not attached or cannot be read."""
        digest = contents.digest(stage, name)
        what = f"{name} of stage {stage} in {contents.state.id}"
        data = self.bytes(digest, what) if digest else None
        if data is None:
            return None
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as error:
            self.unreadable.append({"what": what, "digest": str(digest), "why": f"not JSON: {error}"})
            return None


def data_changes(
    reading: Reading, left: Contents, right: Contents, stages: Sequence[str], tolerance: float
) -> list[dict[str, Any]]:
    """The data sets that differ, and the champion that they were compared with: see `diffs` for the form."""
    found: list[dict[str, Any]] = []
    for stage in stages:
        described = _described(reading, left, right, stage, tolerance)
        for name, what in DATA_SETS.items():
            digests = left.digest(stage, name), right.digest(stage, name)
            told = described.pop(what, [])
            if digests[0] == digests[1] and not told:
                continue
            note = "" if told or None in digests else "the same by every count, and other values"
            found.append(_data(stage, what, digests, told, note))
        found += [_data(stage, what, (None, None), told, "") for what, told in described.items() if told]
    champion = [_used(side, stages, "champion") for side in (left, right)]
    if champion[0] != champion[1]:
        found.append(_data("", "champion", (champion[0], champion[1]), [], ""))
    return found


def input_changes(left: Contents, right: Contents, stage: str) -> list[dict[str, Any]]:
    """The inputs that a stage used with another digest, or on one side only."""
    before, after = (_inputs(side, stage) for side in (left, right))
    return [
        _data(stage, f"input {name}", (before.get(name), after.get(name)), [], "")
        for name in (*before, *(name for name in after if name not in before))
        if before.get(name) != after.get(name)
    ]


def file_changes(
    reading: Reading, left: Contents, right: Contents, stage: str, tolerance: float
) -> tuple[list[dict[str, Any]], list[str]]:
    """Attached files of a stage with another content, and the names of those whose bytes alone differ."""
    before, after = (_attached(side, stage) for side in (left, right))
    found, bytes_only = [], []
    for name in (*before, *(name for name in after if name not in before)):
        if name in ELSEWHERE or before.get(name) == after.get(name):
            continue
        if name not in before or name not in after:
            found.append({"stage": stage, "name": name, "kind": "added" if name in after else "removed"})
        elif name.endswith(".json"):
            old, new = (_lasting(reading.json(side, stage, name)) for side in (left, right))
            if not alike(old, new, tolerance):
                found.append({"stage": stage, "name": name, "kind": "changed"})
        elif name.endswith(RENDERED):
            bytes_only.append(name)
        else:
            found.append({"stage": stage, "name": name, "kind": "changed"})
    return found, bytes_only


def _described(
    reading: Reading, left: Contents, right: Contents, stage: str, tolerance: float
) -> dict[str, list[Change]]:
    """What was recorded about data sets and differs, by data set."""
    found: dict[str, list[Change]] = {}
    for name, what in DESCRIBED.items():
        if left.digest(stage, name) == right.digest(stage, name):
            continue
        before, after = (reading.json(side, stage, name) for side in (left, right))
        if not isinstance(before, Mapping) or not isinstance(after, Mapping):
            continue
        for each in changes(_described_as(before), _described_as(after), tolerance):
            whose = "held-out rows" if each["field"].startswith("holdout") else what
            found.setdefault(whose, []).append(
                {**each, "field": each["field"].removeprefix("train.").removeprefix("holdout.")}
            )
    return found


def _described_as(told: Mapping[str, Any]) -> dict[str, Any]:
    """Without the clock, which is the run's; columns with their types, which tell more than their names."""
    found = {name: value for name, value in told.items() if name not in ("as_of", "columns", "dtypes")}
    types = told.get("dtypes")
    columns = told.get("columns")
    if isinstance(types, Mapping):
        found["columns"] = dict(types)
    elif isinstance(columns, list):
        found["columns"] = {str(name): "" for name in columns}
    return found


def _lasting(value: Any) -> Any:
    """A JSON value without durations and memory."""
    if isinstance(value, Mapping):
        return {name: _lasting(item) for name, item in value.items() if name not in DURATIONS}
    return [_lasting(item) for item in value] if isinstance(value, list) else value


def _data(
    stage: str, what: str, digests: tuple[str | None, str | None], told: list[Change], note: str
) -> dict[str, Any]:
    return {"stage": stage, "what": what, "left": digests[0], "right": digests[1], "changes": told, "note": note}


def _used(contents: Contents, stages: Sequence[str], name: str) -> str | None:
    """The digest of an input in the first stage that used it; None where none did, or there was none."""
    for stage in stages:
        if name in (inputs := _inputs(contents, stage)):
            return inputs[name]
    return None


def _inputs(contents: Contents, stage: str) -> dict[str, str | None]:
    attempt = contents.attempt(stage)
    return {str(each["input"]): str(each.get("digest") or "") or None for each in (attempt.uses if attempt else ())}


def _attached(contents: Contents, stage: str) -> dict[str, str]:
    attempt = contents.attempt(stage)
    return {str(item["name"]): str(item["sha256"]) for item in (attempt.artifacts if attempt else ())}
