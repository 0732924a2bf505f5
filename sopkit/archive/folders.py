"""Run folders: what must lie in one, by the log and the store, and putting it there.

    05_evaluate.ipynb 05_evaluate.2.ipynb    every attempt's notebook: sealed bytes plus its record cells
    artifacts/<stage>/<name>                 what the newest sealed attempt attached, but for the formats that
                                             nobody reads by eye (`IN_STORE_ONLY`), which are in the store only
    definitions/sop.yaml model.yaml model.py people.yaml requirements.lock notebooks/<path>      as pinned

The rules:
* a run folder holds copies: everything in it follows from log and store, and is written again if it differs;
* names that come from the log are checked before a path is built from them;
* only what an earlier attempt attached is ever removed; anything else that does not belong is for `verify` to report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sopkit.archive.canonical import sha256_file
from sopkit.archive.entries import Entry
from sopkit.archive.notebooks import LoggedEnvelope, concealed, content_digest, parse_notebook, view
from sopkit.archive.publish import publish
from sopkit.archive.record_cells import is_rendering
from sopkit.archive.records import read_sign_offs
from sopkit.archive.runs import RunState, StageState, run_state
from sopkit.archive.store import Store
from sopkit.archive.workspace import Workspace
from sopkit.errors import BrokenLog, RecordError

__all__ = ["IN_STORE_ONLY", "Kept", "expected_files", "rebuild"]

IN_STORE_ONLY = (".parquet", ".skops", ".joblib")
_DEFINITIONS = {
    "sop": "sop.yaml",
    "model": "model.yaml",
    "module": "model.py",
    "people": "people.yaml",
    "lock": "requirements.lock",
}


@dataclass(frozen=True)
class Kept:
    """A file of a run folder: its bytes' digest in the store, and the records shown at the end of a notebook.

    `content` is the content digest of a sealed notebook, None for any other file; `executed` says that it is the
    notebook of an attempt, sealed or not.
    """

    digest: str
    content: str | None = None
    records: tuple[LoggedEnvelope, ...] = ()
    executed: bool = False

    def read(self, store: Store) -> bytes:
        """The bytes that must be there. Raises NotFound, DigestMismatch."""
        return view(store.get(self.digest), self.records)

    def matches(self, path: Path, store: Store) -> bool:
        """Whether `path` is a file with exactly these bytes. Raises NotFound, DigestMismatch."""
        if path.is_symlink() or not path.is_file():
            return False
        return path.read_bytes() == self.read(store) if self.records else sha256_file(path) == self.digest

    def why_altered(self, path: Path, store: Store) -> str | None:
        """Why a notebook at `path` that differs from these bytes is more than saved again; None if it is not.

        A copy from before the newest sign-offs, saved over the file that shows them (an editor that was open all the
        while does that), is no more than that: `unshown` tells them. One that lacks an older record cell and shows a
        newer one was never a view. Raises NotFound, DigestMismatch where the store lacks the sealed bytes.
        """
        sealed = parse_notebook(store.get(self.digest), path.name)
        content = self.content or content_digest(sealed)
        try:
            shown = parse_notebook(path.read_bytes(), path.name)
        except RecordError as error:
            return f"{error.what}: {error.got}"
        cells = shown["cells"]
        if content_digest({**shown, "cells": cells[: len(cells) - self._count_shown(cells)]}) != content:
            return "the content is not what was sealed, or a record cell is not what was signed"
        if hidden := concealed(shown) - concealed(sealed):
            return f"cell {min(hidden)[0]} is hidden now ({min(hidden)[1]})"
        return None

    def unshown(self, path: Path) -> tuple[LoggedEnvelope, ...]:
        """The newest records that a notebook at `path` does not show. Raises RecordError for what is no notebook."""
        return self.records[self._count_shown(parse_notebook(path.read_bytes(), path.name)["cells"]) :]

    def _count_shown(self, cells: Sequence[Mapping[str, Any]]) -> int:
        """How many of the records, from the first one on, the last cells show."""
        for count in range(min(len(self.records), len(cells)), 0, -1):
            last = zip(cells[-count:], self.records, strict=False)
            if all(is_rendering(cell, record) for cell, record in last):
                return count
        return 0


def expected_files(workspace: Workspace, entries: Sequence[Entry], run: str) -> dict[str, Kept]:
    """What must lie in the folder of a run: path below the workspace, with `/` -> what it holds.

    Raises NotFound (no such run, a people file that is not in the store) and BrokenLog (a name that is no name).
    """
    state = run_state(entries, run)
    records: dict[tuple[str, int], list[LoggedEnvelope]] = {}
    for sign_off in read_sign_offs(workspace, entries, run)[0]:
        records.setdefault((sign_off.stage, sign_off.attempt), []).append(sign_off.record)
    files: dict[str, Kept] = {}
    for stage in state.stages.values():
        for attempt in stage.attempts:
            if attempt.file and attempt.notebook:
                content = attempt.content if attempt.status in ("sealed", "returned") else None
                shown = tuple(records.get((stage.id, attempt.number), ())) if content else ()
                files[_plain_name(attempt.file)] = Kept(attempt.notebook, content, shown, executed=True)
        files |= {name: Kept(digest) for name, digest in _artifacts(stage).items()}
    files |= {f"definitions/{name}": Kept(digest) for name, digest in _definitions(state).items()}
    folder = f"{workspace.runs.name}/{state.sop}/{run}"
    return {f"{folder}/{name}": kept for name, kept in files.items()}


def rebuild(workspace: Workspace, run: str) -> list[str]:
    """Make the folder of a run what log and store say, idempotently; the paths that were written or removed.

    Raises NotFound, DigestMismatch where the store lacks something, SopkitError if the disk is full.
    """
    changed: list[str] = []
    while True:
        entries = workspace.log.entries()
        expected = expected_files(workspace, entries, run)
        for name, kept in expected.items():
            path = workspace.root / name
            if not kept.matches(path, workspace.store):
                publish(path, kept.read(workspace.store), replace=True)
                changed.append(name)
        for name in _superseded(workspace, entries, run) - expected.keys():
            path = workspace.root / name
            if path.is_file():
                path.unlink()
                changed.append(name)
        # Someone signed or sealed meanwhile: their view may have been replaced by this older one.
        if len(workspace.log.entries()) == len(entries):
            return changed


def _artifacts(stage: StageState, *, every: bool = False) -> Mapping[str, str]:
    """`artifacts/<stage>/<name>` -> digest, of the newest attempt that was sealed (or returned), or of every one."""
    sealed = [attempt for attempt in stage.attempts if attempt.status in ("sealed", "returned")]
    return {
        f"artifacts/{_plain_name(stage.id)}/{_plain_name(item['name'])}": item["sha256"]
        for attempt in (sealed if every else sealed[-1:])
        for item in attempt.artifacts
        if not item["name"].endswith(IN_STORE_ONLY)
    }


def _superseded(workspace: Workspace, entries: Sequence[Entry], run: str) -> set[str]:
    state = run_state(entries, run)
    folder = f"{workspace.runs.name}/{state.sop}/{run}"
    return {f"{folder}/{name}" for stage in state.stages.values() for name in _artifacts(stage, every=True)}


def _definitions(state: RunState) -> Mapping[str, str]:
    pins = state.pins
    single = {name: pins[kind] for kind, name in _DEFINITIONS.items() if pins.get(kind)}
    notebooks = {f"notebooks/{_below(name)}": digest for name, digest in pins.get("notebooks", {}).items()}
    return {**single, **notebooks}


def _plain_name(name: str) -> str:
    return _below(name) if "/" not in name else _below("..")


def _below(name: str) -> str:
    parts = PurePosixPath(name).parts
    if not parts or name.startswith("/") or ".." in parts or "\\" in name or "\0" in name:
        raise BrokenLog("a log entry names a file outside its folder", got=repr(name))
    return "/".join(parts)
