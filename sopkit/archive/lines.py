"""The lines of the log file, as far as they were read, and the tree over them.

The rules:
* reading is incremental while the file only grows: the last line is read again, and if it is another one now,
  or the file is another one, shorter, or changed in place, everything is;
* a line that cannot be read breaks the log, unless it is the last and no JSON: then it is torn, and passed over;
* line n is entry n.
"""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator
from pathlib import Path

from sopkit.archive.entries import Entries, Entry, Places, is_json
from sopkit.archive.merkle import Tree, leaf_hash
from sopkit.errors import BrokenLog

__all__ = ["Lines"]


class Lines:
    """What stood in the file at the last `refresh`.

    `tree` is over the whole lines, `end` their length in bytes, `torn` what follows them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.forget()

    def forget(self) -> None:
        """Read everything again next time."""
        self._stat: tuple[int, int, int] | None = None  # first: an interrupt in between must not leave half a cache
        self._entries: list[Entry] = []
        self._places = Places()
        self._view: Entries | None = None
        self.tree = Tree()
        self.end = 0
        self.torn = b""

    def entries(self) -> Entries:
        """The entries, oldest first; the same object until there are others."""
        if self._view is None:
            self._view = Entries.of(self._entries, self._places)
        return self._view

    def refresh(self) -> Lines:
        """Read what was added since; everything again if the file did anything but grow. Raises BrokenLog."""
        try:
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                stat = (found.st_ino, found.st_size, found.st_mtime_ns)
                if stat == self._stat:
                    return self
                # The last line is read again: if it is another one now, lines were cut off and others added.
                last = self._entries[-1].raw + b"\n" if self._entries else b""
                file.seek(self.end - len(last))
                grown = self._stat is not None and stat[0] == self._stat[0] and stat[1] > self._stat[1]
                if not grown or file.read(len(last)) != last:
                    self.forget()
                    file.seek(0)
                data = file.read()
        except FileNotFoundError:
            self.forget()
            return self
        self._stat = None
        try:
            with _uncollected():
                self._read(data)
        except BaseException:
            self.forget()
            raise
        # A writer may have been at it meanwhile: then the size differs from `stat`, and the next call reads on.
        self._stat = stat
        return self

    def _read(self, data: bytes) -> None:
        *lines, rest = data.split(b"\n")
        for number, line in enumerate(lines):
            where = f"{self.path}:{len(self._entries) + 1}"
            try:
                entry = Entry.from_line(line, where)
            except BrokenLog:
                if number == len(lines) - 1 and not rest and not is_json(line):
                    rest = line + b"\n"
                    break
                raise
            self._take(entry)
        self.torn = rest

    def _take(self, entry: Entry) -> None:
        expected = len(self._entries) + 1
        if entry.seq != expected:
            raise BrokenLog(
                "a log line out of sequence",
                where=f"{self.path}:{expected}",
                expected=f"seq {expected}",
                got=f"seq {entry.seq}",
                remedy="restore runs/log from a backup or an audit pack",
            )
        self._entries.append(entry)
        self._places.add(entry)
        self._view = None
        self.tree.append(leaf_hash(entry.raw))
        self.end += len(entry.raw) + 1


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Nothing that is read is garbage, and to look for some takes half as long as to read (CPython 3.11)."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
