"""Unpacking: a zip that anybody may have made, put into a folder without believing anything it says.

The rules, each checked before a byte is written:
* only the names that the manifest's run can have: nothing absolute, no `..`, no link, no folder, no other file;
* no name twice, also not for a file system that does not tell upper from lower case;
* stored or deflated, not encrypted, no more files and bytes than `Limits`, and no bytes that come from next to nothing;
* every byte belongs to one file: another tool that reads the zip from its beginning sees the same files;
* what is read never exceeds what was declared; what goes wrong leaves nothing behind.
"""

from __future__ import annotations

import contextlib
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from sopkit.archive.canonical import PIECE
from sopkit.archive.packs.contents import ENTRIES, MANIFEST, Manifest, is_name_of_a_pack
from sopkit.errors import NotFound, RecordError, SopkitError, WrongUse

__all__ = ["LIMITS", "Limits", "unpacked"]

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1
_LENGTHS = 26  # where the header of a file has the lengths of its name and its extra field
_DESCRIPTORS = (12, 16, 20, 24)  # how long what may follow a file is: its sizes, if they were not known before
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
            _require_nothing_between(path, archive, infos)
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
    except (zipfile.BadZipFile, zlib.error, struct.error, EOFError, NotImplementedError) as error:
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


def _require_nothing_between(path: Path, archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> None:
    """The files follow each other from the first byte to the directory at the end, and nothing follows that."""
    end, described = 0, False
    with path.open("rb") as file:
        for info in [*sorted(infos, key=lambda each: each.header_offset), None]:
            start = archive.start_dir if info is None else info.header_offset
            if start - end not in (_DESCRIPTORS if described else (0,)):
                raise _refused(path, "bytes that belong to none of its files")
            if info is not None:
                file.seek(start + _LENGTHS)
                lengths = struct.unpack("<HH", file.read(4))
                end, described = start + _LENGTHS + 4 + sum(lengths) + info.compress_size, bool(info.flag_bits & 0x8)
    if archive.comment:
        raise _refused(path, "a comment at its end")


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
    with path.open("xb") as file:
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
