"""Publishing a file: it appears once and whole, or not at all.

The rules:
* bytes go into a temporary name (`.tmp-…`) in the same folder and are on the disk before the name is;
* a name that exists is never overwritten, unless the caller says `replace`, and then in one move;
* the folder is on the disk too before `publish` returns;
* whatever goes wrong, no partial file stands under the final name and the temporary one is removed.
  Only a process that is killed leaves a `.tmp-…` file behind; it is no record and may be deleted.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from sopkit.errors import RecordError, SopkitError

__all__ = ["TEMPORARY", "disk_error", "make_folder", "publish", "settle", "sync_folder", "write_beside"]

TEMPORARY = ".tmp-"
NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_LINKS = {errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.EXDEV}


def publish(path: Path, data: bytes, *, replace: bool = False, mode: int = 0o666) -> None:
    """Make `data` the content of `path`; `mode` is narrowed by the umask.

    Raises RecordError if the name exists (unless `replace`), SopkitError if the disk is full or not writable.
    """
    make_folder(path.parent)
    temporary = write_beside(path, data, mode=mode)
    try:
        settle(temporary, path, replace=replace)
    finally:
        temporary.unlink(missing_ok=True)


def write_beside(path: Path, data: bytes | Iterable[bytes], *, mode: int = 0o666) -> Path:
    """A temporary file beside `path` that holds `data` and is on the disk. The caller settles or removes it."""
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(8)}")
    try:
        # os.open and not tempfile: the kernel applies the umask, mkstemp would make every record private.
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            for piece in [data] if isinstance(data, bytes) else data:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise disk_error(error, path, "the file was not published") from error
        raise
    return temporary


def settle(temporary: Path, path: Path, *, replace: bool = False) -> None:
    """Give a temporary file its name, and put the folder on the disk. The temporary name may remain."""
    try:
        if replace:
            os.replace(temporary, path)
        else:
            _link(temporary, path)
        sync_folder(path.parent)
    except FileExistsError as error:
        raise RecordError("a record of this name exists already, and records are published once", where=path) from error
    except OSError as error:
        raise disk_error(error, path, "the file was not published") from error


def _link(temporary: Path, path: Path) -> None:
    try:
        os.link(temporary, path)
    except OSError as error:
        if isinstance(error, FileExistsError) or error.errno not in NO_LINKS:
            raise
        # File systems without hard links (exFAT, some network and FUSE mounts): the exclusive creation decides
        # who owns the name, the rename fills it. A kill in between leaves an empty file, which verify reports.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL))
        try:
            os.replace(temporary, path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise


def make_folder(path: Path) -> None:
    """Make a folder and its parents, each on the disk before the next."""
    if path.is_dir():
        return
    make_folder(path.parent)
    try:
        path.mkdir(exist_ok=True)
        sync_folder(path.parent)
    except OSError as error:
        raise disk_error(error, path, "the folder was not made") from error


def sync_folder(path: Path) -> None:
    """Put a folder's names on the disk. Does nothing on Windows, which cannot open a folder."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def disk_error(error: OSError, where: object, consequence: str) -> SopkitError:
    """An OSError in words, with what follows from it."""
    if error.errno in NO_ROOM:
        return SopkitError(f"the disk is full, {consequence}", where=where, remedy="free some space, then do it again")
    return SopkitError(f"{consequence}: {error.strerror or error}", where=where)
