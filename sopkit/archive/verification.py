"""Verification: everything under `runs/` against the log, the digests and the signatures.

Problems (the archive is not what it was):

    altered            a file, or what a notebook shows, is not what was recorded
    missing            a recorded file is not there
    extra              a file or run that nothing in the log accounts for
    forged             a signature (sign-off, waiver, settlement, checkpoint) that does not hold or says something else
    stale_checkpoint   entries that the signed checkpoint does not cover
    broken_log         the log does not continue what was signed, or cannot be read

Notices:

    resaved            saved again in JupyterLab with the same content, or from a copy that was opened before the newest
                       sign-offs: the log has them, and the next `sop resume` shows them again
    demo               signed by demo reviewers
    torn_tail          left behind by something that was interrupted; the next `sop resume` puts it right

The rules:
* a view must be the rebuilt one, byte for byte, or at least show the sealed content, hide nothing, and show the record
  cells as they were at the end of some log position: only the newest may be missing, none in between;
* nothing is believed for being there: every file below `runs/` is accounted for or reported;
* no symbolic link is followed;
* what is still being written is looked at again.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sopkit.archive import settlements, waivers
from sopkit.archive.canonical import sha256_file
from sopkit.archive.data_sets import ACCEPTED
from sopkit.archive.entries import Entry
from sopkit.archive.findings import Finding, Verification
from sopkit.archive.folders import Kept, expected_files, rebuild
from sopkit.archive.log import CheckpointState
from sopkit.archive.people import in_force
from sopkit.archive.publish import TEMPORARY
from sopkit.archive.record_cells import LoggedEnvelope
from sopkit.archive.records import read_sign_offs
from sopkit.archive.runs import run_state, run_states
from sopkit.archive.workspace import Workspace, check_run_id
from sopkit.errors import NotFound, RecordError, SopkitError

__all__ = ["Finding", "Verification", "expected_files", "rebuild", "verify"]

_FURNITURE = ("README.md", ".gitkeep")
_CHECKPOINTS = ".ipynb_checkpoints"
_DIGEST = re.compile(r"[0-9a-f]{64}")
_OF_THE_LOG = {
    CheckpointState.MISSING: "missing",
    CheckpointState.STALE: "stale_checkpoint",
    CheckpointState.AHEAD: "broken_log",
    CheckpointState.DIFFERENT: "broken_log",
    CheckpointState.FORGED: "forged",
}


def verify(
    workspace: Workspace, runs: Iterable[str] | None = None, checkpoint: Path | bytes | None = None
) -> Verification:
    """Verify all runs, or those that are named, and always the log and the store.

    `checkpoint` is an older checkpoint that was kept elsewhere: the log must continue it. Raises NotFound
    for a file or a run that is not there, WrongUse for what is no run id.
    """
    named = None if runs is None else list(runs)
    if isinstance(checkpoint, Path) and not checkpoint.is_file():
        raise NotFound("there is no such checkpoint", where=checkpoint)
    note = checkpoint.read_bytes() if isinstance(checkpoint, Path) else checkpoint
    for _ in range(5):
        fresh = Workspace(workspace.root)  # nothing that was read and cached before is believed
        size = _log_bytes(fresh)
        found = _Search(fresh, named).everything(note)
        if found.ok or size == _log_bytes(fresh):
            break
    return found


def _log_bytes(workspace: Workspace) -> int:
    path = workspace.log.path
    return path.stat().st_size if path.exists() else 0


@dataclass
class _Search:
    """One pass over the archive; findings gather in `problems` and `notices`."""

    workspace: Workspace
    named: list[str] | None
    problems: list[Finding] = field(default_factory=list)
    notices: list[Finding] = field(default_factory=list)
    files: int = 0
    sign_offs: int = 0
    demo: int = 0

    def everything(self, note: bytes | None) -> Verification:
        entries = self._log(note)
        runs = self._runs(entries)
        if entries is not None:
            self._store(entries)
            for run in runs:
                self._run(entries, run)
            self._statements(entries, runs)
            self._strays(entries)
        problems, notices = (tuple(sorted(set(each), key=_place)) for each in (self.problems, self.notices))
        return Verification(len(runs), self.files, self.sign_offs, self.demo, problems, notices)

    # Log

    def _log(self, note: bytes | None) -> Sequence[Entry] | None:
        path = "runs/log/entries.jsonl"
        try:
            entries = self.workspace.log.entries()
            self.files += len(list(self.workspace.runs.glob("log/*")))
            if self.workspace.log.torn_tail:
                size = len(self.workspace.log.torn_tail)
                self._notice("torn_tail", path, f"{size} bytes of a last line that was never acknowledged")
            if entries or self.workspace.log.checkpoint_path.exists():
                self._checkpoint(None, "runs/log/checkpoint")
            if note is not None:
                self._checkpoint(note, "the checkpoint that was given")
        except SopkitError as error:
            self._problem("broken_log", path, str(error).replace("\n", "; "))
            return None
        return entries

    def _checkpoint(self, note: bytes | None, path: str) -> None:
        status = self.workspace.log.checkpoint_status(note)
        older_is_fine = note is not None and status.is_prefix
        if status.state == CheckpointState.BEHIND:
            self._notice("torn_tail", path, f"{status.detail}: the next entry puts it in place")
        elif status.state != CheckpointState.CURRENT and not older_is_fine:
            kind = _OF_THE_LOG[status.state]
            self._problem(kind, "runs/log/entries.jsonl" if kind == "broken_log" else path, status.detail)

    def _runs(self, entries: Sequence[Entry] | None) -> list[str]:
        known = [state.id for state in run_states(entries or ())]
        if self.named is None:
            return known
        for run in map(check_run_id, self.named):
            if entries is not None and run not in known and not list(self.workspace.runs.glob(f"*/{run}")):
                raise NotFound("there is no such run", where=run, remedy="sop status  lists the runs")
        return [run for run in known if run in self.named]

    # Store

    def _store(self, entries: Sequence[Entry]) -> None:
        store, wanted = self.workspace.store, dict(_required(entries))
        if self.named is not None:
            wanted = {digest: run for digest, run in wanted.items() if run is None or run in self.named}
        there = set()
        for path in self._files(store.folder):
            digest = path.parent.name + path.name
            if not _DIGEST.fullmatch(digest) or path != store.path(digest):
                self._stray(path)
                continue
            there.add(digest)
            if self.named is not None and digest not in wanted:
                continue
            self.files += 1
            if path.is_symlink() or sha256_file(path) != digest:
                self._problem("altered", path, "the bytes do not have the digest that names them", wanted.get(digest))
        for digest, run in wanted.items():
            if digest not in there:
                self._problem("missing", store.path(digest), "the log names these bytes", run)
        mentioned = set(_DIGEST.findall("\n".join(json.dumps(dict(entry.body)) for entry in entries)))
        if unnamed := there - mentioned:
            self._notice("torn_tail", store.folder, f"{len(unnamed)} stored files that no log entry names")

    # Runs

    def _run(self, entries: Sequence[Entry], run: str) -> None:
        state = run_state(entries, run)
        self._sign_offs(entries, run)
        try:
            expected = expected_files(self.workspace, entries, run)
            before = self._expected_before(entries, run)
        except SopkitError as error:
            self._problem("broken_log", "runs/log/entries.jsonl", f"{error.what}: {error.got}", run)
            return
        folder = self.workspace.runs / state.sop / run
        there = {self._name(path): path for path in self._files(folder)}
        for name, kept in expected.items():
            self.files += 1
            self._file(name, kept, there.get(name), before, run)
        for name, path in there.items():
            if before is not None and name in before and name not in expected:
                self._notice("torn_tail", name, "of an earlier attempt: the next resume removes it", run)
            elif name not in expected:
                self._stray(path, run)

    def _expected_before(self, entries: Sequence[Entry], run: str) -> Mapping[str, Kept] | None:
        """What lay there before the run's last entry, if that is one whose views come after it."""
        last = [entry for entry in entries if entry.run == run][-1]
        if last.kind not in ("run.started", "sign_off", "stage.sealed", "stage.failed"):
            return None
        if last.kind == "run.started":
            return {}
        return expected_files(self.workspace, entries[: last.seq - 1], run)

    def _file(self, name: str, kept: Kept, path: Path | None, before: Mapping[str, Kept] | None, run: str) -> None:
        try:
            if path is not None and kept.matches(path, self.workspace.store):
                return
            if before is not None and self._as_before(before.get(name), path):
                self._notice("torn_tail", name, "the last log entry is not shown yet: the next resume does that", run)
                return
            if path is None:
                self._problem("missing", name, "the log says that it was kept", run)
            elif path.is_symlink():
                self._problem("altered", name, "a symbolic link stands in its place", run)
            elif not kept.executed:
                self._problem("altered", name, f"sha256 is {sha256_file(path)[:12]}…, not {kept.digest[:12]}…", run)
            elif why := kept.why_altered(path, self.workspace.store):
                self._problem("altered", name, why, run)
            elif gone := [record for record in kept.unshown(path) if self._has_gone_on(run, record.seq)]:
                self._problem("altered", name, _unshown(gone, run), run)
            else:
                self._notice("resaved", name, _resaved(kept.unshown(path), run), run)
        except (NotFound, RecordError):
            # The stored bytes are missing or spoilt, which is reported there; the copy can still be judged by itself.
            if path is None:
                self._problem("missing", name, "the log says that it was kept", run)
            elif not kept.records and sha256_file(path) != kept.digest:
                self._problem("altered", name, f"sha256 is not {kept.digest[:12]}…", run)

    def _has_gone_on(self, run: str, seq: int) -> bool:
        """Whether the run has gone on since that sign-off: its runner has put every view right then."""
        entries = self.workspace.log.entries()
        return any(entry.run == run and entry.kind != "sign_off" for entry in entries[seq:])

    def _as_before(self, earlier: Kept | None, path: Path | None) -> bool:
        if earlier is None or path is None:
            return earlier is None and path is None
        return earlier.matches(path, self.workspace.store)

    def _sign_offs(self, entries: Sequence[Entry], run: str) -> None:
        verified, refused = read_sign_offs(self.workspace, entries, run)
        self.sign_offs += len(verified) + len(refused)
        for each in refused:
            self._problem("forged", "runs/log/entries.jsonl", f"sign-off in log entry {each.seq}: {each.reason}", run)
        for sign_off in verified:
            owner = in_force(self.workspace, entries, sign_off.seq, run=run).owner(sign_off.key)
            if owner is None or not owner.key.valid_at(sign_off.at):
                why = f"sign-off in log entry {sign_off.seq}: the key was not valid then"
                self._problem("forged", "runs/log/entries.jsonl", why, run)
        demo = sum(sign_off.demo for sign_off in verified)
        self.demo += demo
        if demo:
            state = run_state(entries, run)
            self._notice("demo", f"runs/{state.sop}/{run}", f"{demo} sign-offs by demo reviewers", run)

    def _statements(self, entries: Sequence[Entry], runs: Sequence[str]) -> None:
        """Waivers and settlements that do not verify, or that nobody was allowed to sign."""
        workspace, whys = self.workspace, list[tuple[str, int, str | None]]()
        waived, refused = waivers.read_waivers(workspace, entries)
        whys += [("waiver", each.seq, each.reason) for each in refused]
        whys += [("waiver", each.seq, waivers.not_counted(workspace, entries, each)) for each in waived]
        settled, refused = settlements.read_settlements(workspace, entries)
        whys += [("settlement", each.seq, each.reason) for each in refused]
        whys += [("settlement", each.seq, settlements.not_counted(workspace, entries, each)) for each in settled]
        for what, seq, why in whys:
            run = entries[seq - 1].run
            if why and (self.named is None or run in runs):
                self._problem("forged", "runs/log/entries.jsonl", f"{what} in log entry {seq}: {why}", run)

    # What nothing accounts for

    def _strays(self, entries: Sequence[Entry]) -> None:
        known = {(state.sop, state.id) for state in run_states(entries)}
        runs = self.workspace.runs
        for path in self._files(runs):
            parts = path.relative_to(runs).parts
            if parts[0] in ("store", "predictions") or parts in (("log", "entries.jsonl"), ("log", "checkpoint")):
                continue
            if len(parts) > 2 and parts[:2] in known:
                continue
            if parts == ("index.html",) or (len(parts) == 2 and (parts[0], parts[1].removesuffix(".html")) in known):
                continue  # a report, which is rendered from the records whenever somebody wants it
            if self.named is None or (len(parts) > 2 and parts[1] in self.named):
                self._stray(path, parts[1] if len(parts) > 2 else None)

    def _stray(self, path: Path, run: str | None = None) -> None:
        if path.parent == self.workspace.runs and path.name in _FURNITURE:
            return
        if _CHECKPOINTS in path.parts:
            self._notice("resaved", path, "a copy that JupyterLab keeps", run)
        elif path == self.workspace.log.next_path:
            self._notice("torn_tail", path, "a checkpoint that was prepared when something was interrupted", run)
        elif path.name.startswith(TEMPORARY):
            self._notice("torn_tail", path, "left by a process that was interrupted; it may be deleted", run)
        else:
            self._problem("extra", path, "nothing in the log accounts for it", run)

    # Findings

    def _files(self, folder: Path) -> Iterator[Path]:
        """Every file, and every link whatever it points to, below a folder; sorted."""
        for root, folders, names in os.walk(folder, followlinks=False):
            folders.sort()
            links = [name for name in folders if os.path.islink(os.path.join(root, name))]
            for name in sorted([*names, *links]):
                yield Path(root, name)

    def _name(self, path: Path | str) -> str:
        return path if isinstance(path, str) else path.relative_to(self.workspace.root).as_posix()

    def _problem(self, kind: str, path: Path | str, detail: str, run: str | None = None) -> None:
        self.problems.append(Finding(kind, self._name(path), detail, run))

    def _notice(self, kind: str, path: Path | str, detail: str, run: str | None = None) -> None:
        self.notices.append(Finding(kind, self._name(path), detail, run))


def _resaved(unshown: Sequence[LoggedEnvelope], run: str) -> str:
    if not unshown:
        return "saved again, with the same content"
    return f"an older copy was saved over it: {_unshown(unshown, run)}"


def _unshown(records: Sequence[LoggedEnvelope], run: str) -> str:
    entries = ", ".join(str(record.seq) for record in records)
    what = f"log entry {entries}" if len(records) == 1 else f"log entries {entries}"
    return f"it does not show the sign-off in {what}, which the log has; sop resume {run} shows it again"


def _place(finding: Finding) -> tuple[str, str, str]:
    return finding.path, finding.kind, finding.detail


def _required(entries: Iterable[Entry]) -> Iterator[tuple[str, str | None]]:
    """Digests of bytes that must be in the store, with the run that keeps them."""
    for entry in entries:
        body = entry.body
        found: list[Any] = []
        if entry.kind == "run.started":
            pins = dict(body.get("pins") or {})
            found = [*dict(pins.pop("notebooks", None) or {}).values(), *pins.values()]
        elif entry.kind in ("stage.sealed", "stage.failed"):
            found = [body.get("notebook"), *(item.get("sha256") for item in body.get("artifacts") or ())]
        elif entry.kind == "people.adopted":
            found = [body.get("digest")]
        elif entry.kind == ACCEPTED:
            found = [body.get("digest"), body.get("report")]
        for digest in found:
            if isinstance(digest, str) and _DIGEST.fullmatch(digest):
                yield digest, entry.run
