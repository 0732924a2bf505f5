"""Unpacking: a zip that anybody may have made, put into a folder without believing anything it says.

The rules, each checked before a byte is written:
* only the names that the manifest's run can have: nothing absolute, no `..`, no link, no folder, no other file;
* no name twice, also not for a file system that does not tell upper from lower case;
* stored or deflated, not encrypted, no more files and bytes than `Limits`, and no bytes that come from next to nothing;
* what is read never exceeds what was declared; what goes wrong leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sopkit.archive.canonical import PIECE
from sopkit.archive.pack_contents import ENTRIES, MANIFEST, Manifest, is_name_of_a_pack
from sopkit.errors import NotFound, RecordError, SopkitError, WrongUse

__all__ = ["LIMITS", "Limits", "unpacked"]

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_REMEDY = "ask for the pack again, as `sop pack` writes it"


@dataclass(frozen=True)
class Limits:
    """What is unpacked at most. A real pack holds some hundred files, and shrinks to a third or a tenth."""

    files: int = 20_000
    total: int = 16 << 30
    one_text: int = 512 << 20  # the log and the page, which are read whole
    manifest: int = 1 << 20
    ratio: int = 200  # of all bytes to the zip's own, looked at beyond `small`
    small: int = 64 << 20


LIMITS = Limits()


@contextlib.contextmanager
def unpacked(path: Path, limits: Limits = LIMITS) -> Iterator[tuple[Path, Manifest, bytes]]:
    """The folder that a pack was unpacked into, its manifest (signature not verified), and the manifest's note.

    The folder is gone afterwards. Raises NotFound, WrongUse (no zip), RecordError (a zip that is no pack).
    """
    if not path.is_file():
        raise NotFound("there is no such pack", where=path)
    folder = None
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            _require_few(path, infos, limits)
            manifest, note = _manifest(path, archive, limits)
            for info in infos:
                if why := _why_not(info, manifest, limits):
                    raise _refused(path, f"{why}: {info.orig_filename[:120]!r}")
            folder = Path(tempfile.mkdtemp(prefix="sopkit-pack-"))
            if shutil.disk_usage(folder).free < sum(info.file_size for info in infos):
                raise SopkitError("there is no room to unpack this", where=folder, remedy="free some space")
            for info in infos:
                with archive.open(info) as source:
                    _write(folder / info.filename, source, info.file_size)
        yield folder, manifest, note
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        # NotImplementedError: zipfile's word for a version or a form of zip that it does not read
        if not zipfile.is_zipfile(path):
            raise WrongUse("not a zip file", where=path, expected="a pack, made by  sop pack RUN -o FILE.zip") from None
        raise _refused(path, f"the zip is damaged ({error})") from None
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _require_few(path: Path, infos: list[zipfile.ZipInfo], limits: Limits) -> None:
    total = sum(info.file_size for info in infos)
    if len(infos) > limits.files:
        raise _refused(path, f"{len(infos)} files, more than {limits.files}")
    if total > limits.total:
        raise _refused(path, f"{total} bytes when unpacked, more than {limits.total}")
    if total > limits.small and total > limits.ratio * path.stat().st_size:
        raise _refused(path, f"{total} bytes out of {path.stat().st_size}: a pack does not shrink like that")
    names = [info.filename.casefold() for info in infos]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise _refused(path, f"a name that stands twice: {twice[:120]!r}")


def _manifest(path: Path, archive: zipfile.ZipFile, limits: Limits) -> tuple[Manifest, bytes]:
    try:
        info = archive.getinfo(MANIFEST)
    except KeyError:
        raise _refused(path, f"there is no {MANIFEST} in it") from None
    if info.file_size > limits.manifest or info.compress_type not in _METHODS or info.flag_bits & _ENCRYPTED:
        raise _refused(path, f"{MANIFEST} is not written as one")
    with archive.open(info) as source:
        note = source.read(limits.manifest)
    return Manifest.read(note), note


def _why_not(info: zipfile.ZipInfo, manifest: Manifest, limits: Limits) -> str | None:
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.orig_filename != info.filename or info.is_dir() or not is_name_of_a_pack(info.filename, manifest):
        return "a name that no file of this pack has"
    if kind not in (0, stat.S_IFREG):
        return "a link, or something else that is no file"
    if info.flag_bits & _ENCRYPTED:
        return "an encrypted file"
    if info.compress_type not in _METHODS:
        return "a compression that no pack uses"
    if info.file_size > limits.one_text and (info.filename == ENTRIES or "/" not in info.filename):
        return f"more than {limits.one_text} bytes"
    return None


def _write(path: Path, source: IO[bytes], size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        left = size
        while piece := source.read(min(PIECE, left + 1)):
            left -= len(piece)
            if left < 0:
                raise zipfile.BadZipFile(f"{path.name} is longer than declared")
            file.write(piece)
    if left:
        raise zipfile.BadZipFile(f"{path.name} is shorter than declared")


def _refused(path: Path, why: str) -> RecordError:
    return RecordError("this is not a pack that can be opened", where=path, got=why, remedy=_REMEDY)
