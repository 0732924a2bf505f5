"""The log: every event of the workspace, one line each, in one order that cannot be changed unnoticed.

The rules:
* the log is the truth; a run's state is a fold over its entries (see `runs`);
* line n is entry n (`seq`, from 1), see `entries`; a line anywhere else, or of another number, breaks the log;
* an entry counts once its line, newline included, is on the disk. A last line that is torn (no newline, or no
  JSON) was never acknowledged: readers pass over it and report it, the next append cuts it off;
* the lines are the leaves of an RFC 6962 tree. A leaf is the raw bytes of the line without its newline;
* `checkpoint` holds the signed size and root after each append. It is signed first, as `checkpoint.next`, and
  takes its place once the line is on the disk. So what can fail (a full disk, a missing key) fails before the
  line is written, and after a crash in between the signature is there; the next append finishes the move.
  Entries that no signature covers are never built upon;
* one writer at a time, by `.sop/lock`; readers need no lock. (Deleting `.sop` under a writer breaks it.)
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sopkit.archive.checkpoint import (
    Checkpoint,
    CheckpointState,
    CheckpointStatus,
    VerifierKey,
    load_log_key,
    parse_and_verify,
    sign,
    verifier_key,
)
from sopkit.archive.entries import Entries, Entry, instant
from sopkit.archive.lines import Lines
from sopkit.archive.merkle import leaf_hash
from sopkit.archive.publish import TEMPORARY, disk_error, make_folder, publish, settle, sync_folder
from sopkit.errors import BrokenLog, Busy, SopkitError, Untrusted, WrongUse

__all__ = ["CheckpointState", "CheckpointStatus", "Entry", "Log", "instant"]


class Log:
    """The log in `folder` (`runs/log`). `private` is the workspace's `.sop` (lock and log key); without it, read-only.
    `patience` is how many seconds an append waits for another writer; one takes milliseconds.

    Reading is incremental: lines that were read once are not read again while the file only grows. Whoever must
    not rely on that (verification) opens a Log of its own.
    """

    def __init__(self, folder: Path, private: Path | None = None, *, patience: float = 30.0) -> None:
        self.folder = folder
        self.path = folder / "entries.jsonl"
        self.checkpoint_path = folder / "checkpoint"
        self.next_path = folder / "checkpoint.next"
        self.private = private
        self.patience = patience
        self._guard = threading.RLock()
        self._lines = Lines(self.path)
        self._signed: tuple[bytes, Entry] | None = None  # the checkpoint last found or made current, its last entry

    # Reading

    def entries(self) -> Entries:
        """All entries, oldest first; entry n at index n-1. Raises BrokenLog with the line."""
        with self._guard:
            return self._lines.refresh().entries()

    @property
    def size(self) -> int:
        """How many entries there are."""
        with self._guard:
            return self._lines.refresh().tree.size

    @property
    def root(self) -> str:
        """The root over all lines, hex."""
        return str(self.position()["root"])

    def root_at(self, size: int) -> str:
        """The root over the first `size` lines, hex. Raises WrongUse beyond the end."""
        with self._guard:
            try:
                return self._lines.refresh().tree.root(size).hex()
            except ValueError as error:
                raise WrongUse("a position that the log has not reached", where=self.path, got=error) from error

    def position(self) -> dict[str, Any]:
        """`{"size", "root"}`: what a sign-off says about where the log stood."""
        with self._guard:
            tree = self._lines.refresh().tree
            return {"size": tree.size, "root": tree.root().hex()}

    @property
    def torn_tail(self) -> bytes:
        """A last line that was never acknowledged; empty where there is none."""
        with self._guard:
            return self._lines.refresh().torn

    def checkpoint_status(self, note: bytes | None = None) -> CheckpointStatus:
        """What the checkpoint beside the log, or one kept elsewhere (`note`), says about these entries."""
        with self._guard:
            if note is not None:
                self._lines.refresh()
                return self._judge(note)
            while True:  # until no writer has moved the checkpoint while entries and checkpoints were read
                note = _content(self.checkpoint_path)
                self._lines.refresh()
                coming = _content(self.next_path)
                if note == _content(self.checkpoint_path):
                    break
            status = self._judge(note)
            size, covered = self._lines.tree.size, status.checkpoint.size if status.checkpoint else 0
            true = status.state in (CheckpointState.STALE, CheckpointState.MISSING)
            if true and covered == size - 1 and self._judge(coming).state == CheckpointState.CURRENT:
                detail = f"all {size} entries were signed, the last one as {self.next_path.name}"
                return CheckpointStatus(CheckpointState.BEHIND, detail, status.checkpoint)
            return status

    def _judge(self, note: bytes | None) -> CheckpointStatus:
        if note is None:
            return CheckpointStatus(CheckpointState.MISSING, "there is no checkpoint")
        entries, tree = self._lines.entries(), self._lines.tree  # not refreshed: they are judged as they were read
        if not entries:
            return CheckpointStatus(CheckpointState.AHEAD, "a checkpoint, and no entries")
        try:
            checkpoint = parse_and_verify(note, _named_key(entries[0]))
        except Untrusted as error:
            return CheckpointStatus(CheckpointState.FORGED, error.what)
        size, signed = tree.size, checkpoint.size
        if signed > size:
            state, detail = CheckpointState.AHEAD, f"{signed} entries were signed, {size} are there"
        elif tree.root(signed) != checkpoint.root:
            state, detail = CheckpointState.DIFFERENT, f"the first {signed} entries are not those that were signed"
        elif signed == size:
            state, detail = CheckpointState.CURRENT, f"all {size} entries were signed"
        else:
            state, detail = CheckpointState.STALE, f"only the first {signed} of {size} entries were signed"
        return CheckpointStatus(state, detail, checkpoint)

    def key(self) -> VerifierKey:
        """The public log key, which the first entry names. Raises WrongUse on an empty log, Untrusted."""
        with self._guard:
            entries = self.entries()
            if not entries:
                raise WrongUse("the log is empty", where=self.path)
            return _named_key(entries[0])

    # Writing

    def append(
        self,
        kind: str,
        *,
        at: datetime,
        as_of: datetime | None = None,
        run: str | None = None,
        stage: str | None = None,
        attempt: int | None = None,
        by: str | None = None,
        body: Mapping[str, Any] | None = None,
        expect: Callable[[Sequence[Entry]], None] | None = None,
    ) -> Entry:
        """Record one event; when this returns, it is on the disk.

        `expect` gets the entries before this one, under the lock, and raises to refuse. Raises BrokenLog if the log
        is not what its checkpoint says, Busy if another writer holds the lock, SopkitError if the disk is full or
        the log key is missing; then nothing was recorded.
        """
        with self._guard, self._locked():
            entries = self.entries()
            if expect is not None:
                expect(entries)
            entry = Entry(len(entries) + 1, at, kind, as_of, run, stage, attempt, by, body or {})
            line = entry.to_line()
            entry = Entry.from_line(line, "a new entry")
            note = self._prepare(line, _named_key(entries[0] if entries else entry))
            publish(self.next_path, note, replace=True)
            try:
                self._write(line)
            except SopkitError:
                self.next_path.unlink(missing_ok=True)  # not on Ctrl-C, which may come after the line is on the disk
                raise
            settle(self.next_path, self.checkpoint_path, replace=True)
            entry = self.entries()[-1]
            self._signed = note, entry
            return entry

    def _prepare(self, line: bytes, key: VerifierKey) -> bytes:
        """The checkpoint that covers `line`, after the one that is there was found true and complete."""
        private = load_log_key(self._private / "keys" / "log.key")
        if verifier_key(key.name, private) != key:
            raise SopkitError(
                "the log key is not the one that the log's first entry names",
                where=self._private / "keys" / "log.key",
                expected=key,
                got=verifier_key(key.name, private),
                remedy="restore the workspace's own log key from a backup",
            )
        make_folder(self.folder)
        self._require_signed()
        # The root with the line in it, without touching the tree before the line is on the disk.
        tree = self._lines.tree
        return sign(Checkpoint(key.name, tree.size + 1, tree.root_with(leaf_hash(line))), private)

    def _require_signed(self) -> None:
        """Refuse a log that is not what was signed; finish what a crash has left."""
        entries = self._lines.entries()
        note, last = self._signed or (None, None)
        if entries and entries[-1] is last and note == _content(self.checkpoint_path):
            return  # judged before, and nothing was read again since
        for left in self.folder.glob(f"{TEMPORARY}*"):  # by a writer that was killed; under the lock there is no other
            left.unlink(missing_ok=True)
        status = self.checkpoint_status()
        if status.state == CheckpointState.BEHIND:
            settle(self.next_path, self.checkpoint_path, replace=True)
        elif status.state != CheckpointState.CURRENT and not (status.state == CheckpointState.MISSING and not entries):
            raise BrokenLog(
                f"the log is not what its checkpoint says: {status.detail}",
                where=self.folder,
                remedy="sop verify --all shows what changed; restore runs/log from a backup",
            )

    def _write(self, line: bytes) -> None:
        """The line on the disk, after the last whole one; or the file as it was, and an error."""
        new = not self.path.exists()
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            try:
                os.ftruncate(descriptor, self._lines.end)
                os.lseek(descriptor, self._lines.end, os.SEEK_SET)
                rest = memoryview(line + b"\n")
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                os.fsync(descriptor)
                if new:
                    sync_folder(self.folder)
            except BaseException as error:
                # Also on Ctrl-C: a line that nobody was told of must not count. If even this fails, the line is torn.
                with contextlib.suppress(OSError):
                    os.ftruncate(descriptor, self._lines.end)
                    os.fsync(descriptor)
                self._lines.forget()
                if isinstance(error, OSError):
                    raise disk_error(error, self.path, "nothing was recorded") from error
                raise
        finally:
            os.close(descriptor)

    @property
    def _private(self) -> Path:
        if self.private is None:
            raise WrongUse("a log that was opened for reading", where=self.path)
        return self.private

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        # Not filelock (4.2.11): interrupted while it takes or gives back a lock, it keeps the lock until the process
        # ends. A file object closes wherever the interrupt lands, and the lock goes with it.
        import fcntl

        make_folder(self._private)
        with (self._private / "lock").open("ab") as file:
            until = time.monotonic() + self.patience
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() >= until:
                        raise Busy(
                            "another process is writing to the log, and does not finish",
                            where=self._private / "lock",
                            remedy="wait for it, or end it; then do it again",
                        ) from None
                    time.sleep(0.005)
            yield


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _named_key(first: Entry) -> VerifierKey:
    if "log_key" not in first.body:
        raise WrongUse(
            "a log whose first entry names no log key",
            expected="workspace.created",
            got=first.kind,
            remedy="open the log with Workspace.open_log",
        )
    return VerifierKey.parse(first.body["log_key"])
