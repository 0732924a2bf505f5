"""Reading a pack: open it, verify it; see `packs` for the rules, `packs.unpacking` for what a hostile one meets."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sopkit.archive.canonical import sha256_file, sha256_hex
from sopkit.archive.entries import Entry
from sopkit.archive.findings import Finding, Verification
from sopkit.archive.packs.contents import (
    ENTRIES,
    MANIFEST,
    VERIFIER,
    Manifest,
    data_of,
    named_by,
    store_digest,
    verifier,
)
from sopkit.archive.packs.unpacking import unpacked
from sopkit.archive.verification import verify as verify_archive
from sopkit.archive.workspace import Workspace
from sopkit.errors import NotFound, RecordError

__all__ = ["Pack", "opened", "verify"]

_STORE = "runs/store/sha256/"


@dataclass(frozen=True)
class Pack:
    """An opened pack: a workspace with one run in it, in a folder that is there for a while."""

    path: Path
    workspace: Workspace
    manifest: Manifest
    note: bytes

    @property
    def run(self) -> str:
        return self.manifest.run

    @property
    def left_out(self) -> frozenset[str]:
        """The digests of data and models, if the manifest says that these were not packed."""
        return frozenset() if self.manifest.with_data else data_of(self.workspace.log.entries())


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Pack]:
    """A pack, unpacked into a folder that is gone afterwards; nothing in it is verified yet.

    Raises NotFound, WrongUse (no zip), RecordError (a zip that is no pack).
    """
    with unpacked(path) as (folder, manifest, note):
        yield Pack(path, Workspace(folder), manifest, note)


def verify(pack: Pack, checkpoint: bytes | None = None) -> Verification:
    """What `verification.verify` finds about the run in a pack, and whether all of it is what was packed.

    `checkpoint` is one that was kept elsewhere: the log in the pack must continue it.
    """
    try:
        found = verify_archive(pack.workspace, [pack.run], checkpoint)
    except NotFound as error:
        return Verification(0, 0, 0, 0, (Finding("missing", ENTRIES, error.what, pack.run),))
    if any(problem.kind == "broken_log" for problem in found.problems):
        return found
    entries = pack.workspace.log.entries()
    # What other runs and the whole workspace keep is not in the pack of one run, nor is what the manifest leaves out
    expected = named_by(entries, pack.run) - pack.left_out
    problems = [problem for problem in found.problems if _missing(problem) in {None, *expected}]
    notices = list(found.notices)
    if pack.left_out:
        why = "data and models (.parquet, .skops) were not packed; their digests are in the log"
        notices.append(Finding("left_out", "runs/store", why, pack.run))
    if pack.manifest.files.get(VERIFIER) != sha256_hex(verifier()):
        why = "not the verifier of this release of sopkit: of another release, or of whoever made the pack"
        notices.append(Finding("verifier", VERIFIER, why, pack.run))
    problems += [*_not_as_said(pack, entries), *_not_as_packed(pack)]
    return replace(found, problems=tuple(problems), notices=tuple(notices))


def _missing(problem: Finding) -> str | None:
    """The digest that a problem says is missing from the store; None for any other problem."""
    if problem.kind != "missing" or not problem.path.startswith(_STORE):
        return None
    return problem.path.removeprefix(_STORE).replace("/", "")


def _not_as_said(pack: Pack, entries: Sequence[Entry]) -> Iterator[Finding]:
    """Whether the log key signed the manifest, and whether it speaks of this log and run."""
    manifest, log = pack.manifest, pack.workspace.log
    try:
        Manifest.require_signed(pack.note, log.key())
    except RecordError as error:
        yield Finding("forged", MANIFEST, error.what, pack.run)
    started = next((entry.body for entry in entries if (entry.run, entry.kind) == (pack.run, "run.started")), {})
    for what, said, there in (
        ("workspace", manifest.workspace, entries[0].body.get("workspace")),
        ("SOP", manifest.sop, started.get("sop")),
        ("model", manifest.model, started.get("model")),
        ("log", (manifest.size, manifest.root), (len(entries), log.root)),
    ):
        if said != there:
            yield Finding("altered", MANIFEST, f"{what}: the manifest says {said}, the log {there}", pack.run)


def _not_as_packed(pack: Pack) -> Iterator[Finding]:
    """Whether store and own files are those that the manifest names."""
    manifest, folder = pack.manifest, pack.workspace.root
    stored = list(pack.workspace.store)
    if (len(stored), store_digest(stored)) != (manifest.objects, manifest.store):
        kind = "missing" if len(stored) < manifest.objects else "extra"
        yield Finding(kind, "runs/store", f"not the {manifest.objects} objects that were packed", pack.run)
    there = {path.name for path in folder.iterdir() if path.is_file()} - {MANIFEST}
    for name in sorted(there | manifest.files.keys()):
        if name not in there:
            yield Finding("missing", name, "the manifest says that it was packed", pack.run)
        elif name not in manifest.files:
            yield Finding("extra", name, "the manifest does not name it", pack.run)
        elif sha256_file(folder / name) != manifest.files[name]:
            yield Finding("altered", name, "it is not what was packed", pack.run)
