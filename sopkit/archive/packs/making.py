"""Packing: the record of one run into one file, see `packs` for the rules and `packs.contents` for what is in it."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from sopkit.archive.canonical import PIECE, sha256_file, sha256_hex
from sopkit.archive.checkpoint import CheckpointState, load_log_key, sign_note, verifier_key
from sopkit.archive.entries import Entry
from sopkit.archive.findings import Verification
from sopkit.archive.folders import expected_files
from sopkit.archive.log import Log
from sopkit.archive.packs import contents
from sopkit.archive.packs.reading import opened, verify
from sopkit.archive.publish import TEMPORARY, disk_error, settle
from sopkit.archive.runs import run_state
from sopkit.archive.store import Store
from sopkit.archive.verification import verify as verify_archive
from sopkit.archive.workspace import Workspace
from sopkit.errors import BrokenLog, DigestMismatch, NotFound, RecordError, SopkitError, WrongUse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["Written", "require_place", "write"]

Told = Callable[[int, int], None]
MOMENT = (1980, 1, 1, 0, 0, 0)  # the first that a zip knows: the same pack has the same bytes whenever it is made
ORDINARY = 0o100644 << 16


@dataclass(frozen=True)
class Written:
    """A pack that was just written: `size` of its own, `bytes` when unpacked, `entries` of the log."""

    path: Path
    run: str
    files: int
    bytes: int
    size: int
    sha256: str
    entries: int
    left_out: int
    verification: Verification


def write(
    workspace: Workspace,
    run: str,
    path: Path,
    *,
    page: bytes | None = None,
    with_data: bool = True,
    told: Told | None = None,
) -> Written:
    """Write the pack of a run to `path`; `page` is its static page, `told(done, total)` hears how many bytes are in.

    Raises NotFound (no such run or folder), WrongUse (the file exists, or would lie in `runs/`), RecordError (the run
    does not verify), SopkitError (the log key is missing, the disk is full).
    """
    require_place(workspace, path)
    entries, note = _signed_log(workspace.log)
    run_state(entries, run)  # NotFound before anything takes long
    _require_verified(verify_archive(workspace, [run]), run)
    left_out = frozenset() if with_data else contents.data_of(entries)
    objects = [digest for digest in contents.objects_of(workspace, entries, run) if digest not in left_out]
    text = contents.readme(entries, run, with_data=with_data, page=page is not None)
    own = {contents.VERIFIER: contents.verifier(), contents.README: text}
    if page is not None:
        own[contents.PAGE] = page
    files = {contents.MANIFEST: _manifest(workspace, entries, run, objects, own, with_data), **own}
    files |= {contents.ENTRIES: b"".join(entry.raw + b"\n" for entry in entries), contents.CHECKPOINT: note}
    stored = _stored(workspace, entries, run, objects, files)
    temporary = path.with_name(f"{TEMPORARY}{token_hex(8)}.zip")
    try:
        unpacked = _zip(temporary, files, stored, workspace.store, told)
        with opened(temporary) as pack:
            found = verify(pack)
        _require_verified(found, run)
        settle(temporary, path)
        size, digest = path.stat().st_size, sha256_file(path)
    except OSError as error:
        raise disk_error(error, path, "the pack was not written") from error
    finally:
        temporary.unlink(missing_ok=True)
    count = len(files) + len(stored)
    return Written(path, run, count, unpacked, size, digest, len(entries), len(left_out), found)


def require_place(workspace: Workspace, path: Path) -> None:
    """Raises WrongUse (the file exists, or would lie in `runs/`), NotFound (no such folder)."""
    if path.exists() or path.is_symlink():
        remedy = "give another name with -o"
        raise WrongUse("there is a file of that name, and a pack never overwrites one", where=path, remedy=remedy)
    if not path.parent.is_dir():
        raise NotFound("there is no such folder", where=path.parent)
    if workspace.runs in path.resolve().parents:
        raise WrongUse("runs/ holds records and nothing else", where=path, remedy="write the pack somewhere else")


def _signed_log(log: Log) -> tuple[Sequence[Entry], bytes]:
    """The entries, and the checkpoint that covers exactly these. Raises BrokenLog."""
    for _ in range(50):  # somebody may be writing meanwhile
        notes = [path.read_bytes() for path in (log.checkpoint_path, log.next_path) if path.is_file()]
        entries = log.entries()
        for note in notes:
            if log.checkpoint_status(note).state == CheckpointState.CURRENT and log.size == len(entries):
                return entries, note
    raise BrokenLog("the log is not what its checkpoint says", where=log.folder, remedy="sop verify --all")


def _require_verified(found: Verification, run: str) -> None:
    if not found:
        first, more = found.problems[0], len(found.problems) - 1
        raise RecordError(
            f"run {run} does not verify, so there is no pack of it",
            where=first.path,
            got=f"{first.kind}: {first.detail}" + (f", and {more} more" if more else ""),
            remedy=f"sop verify {run}  shows everything; to hand it over as it is, copy the folder runs/",
        )


def _manifest(
    workspace: Workspace,
    entries: Sequence[Entry],
    run: str,
    objects: Sequence[str],
    own: Mapping[str, bytes],
    with_data: bool,
) -> bytes:
    state = run_state(entries, run)
    manifest = contents.Manifest(
        workspace=str(entries[0].body.get("workspace")),
        run=run,
        sop=state.sop,
        model=state.model,
        size=len(entries),
        root=workspace.log.root_at(len(entries)),
        with_data=with_data,
        objects=len(objects),
        store=contents.store_digest(objects),
        files={name: sha256_hex(data) for name, data in own.items()},
    )
    return sign_note(manifest.text, workspace.log.key().name, _log_key(workspace))


def _log_key(workspace: Workspace) -> Ed25519PrivateKey:
    path = workspace.log_key
    if not path.is_file():
        raise SopkitError(
            "a pack is signed with the log key, which is not here",
            where=path,
            remedy="make the pack where the workspace lives, or restore the key from a backup",
        )
    private, named = load_log_key(path), workspace.log.key()
    if verifier_key(named.name, private) != named:
        raise SopkitError("the log key is not the one that the log's first entry names", where=path, expected=named)
    return private


def _stored(
    workspace: Workspace, entries: Sequence[Entry], run: str, objects: Iterable[str], files: dict[str, bytes]
) -> dict[str, str]:
    """Name in the pack -> digest in the store, of the objects and of the views that equal one; others into `files`."""
    store, root = workspace.store, workspace.root
    stored = {store.path(digest).relative_to(root).as_posix(): digest for digest in objects}
    for name, kept in expected_files(workspace, entries, run).items():
        if kept.records:
            files[name] = kept.read(store)
        else:
            stored[name] = kept.digest
    return stored


def _zip(path: Path, files: Mapping[str, bytes], stored: Mapping[str, str], store: Store, told: Told | None) -> int:
    """Write everything, in the order given; how many bytes that is when unpacked."""
    sizes = {name: len(data) for name, data in files.items()}
    sizes |= {name: store.path(digest).stat().st_size for name, digest in stored.items()}
    done, total = 0, sum(sizes.values())
    with zipfile.ZipFile(path, "x") as archive:
        for name, size in sizes.items():
            info = zipfile.ZipInfo(name, MOMENT)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, ORDINARY
            info.file_size = size  # tells zipfile whether fields of 32 bits will do
            with archive.open(info, "w") as target:
                for piece in [files[name]] if name in files else _checked(store, stored[name]):
                    target.write(piece)
                    done += len(piece)
                    if told is not None:
                        told(done, total)
    return total


def _checked(store: Store, digest: str) -> Iterator[bytes]:
    """The pieces of a stored object. Raises DigestMismatch after the last if they were others."""
    got = hashlib.sha256()
    with store.path(digest).open("rb") as file:
        while piece := file.read(PIECE):
            got.update(piece)
            yield piece
    if got.hexdigest() != digest:
        what, where = "a stored file is not what was stored", store.path(digest)
        raise DigestMismatch(what, where=where, expected=digest, got=got.hexdigest())
