"""The content-addressed store: bytes by their sha256, written once, checked at every reading.

The rules:
* `runs/store/sha256/ab/cdef…`: the first two hex digits name the folder, the other 62 the file;
* what is stored never changes (files are read-only); storing the same bytes again does nothing;
* whoever reads gets the bytes of that digest or an error, never other bytes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from sopkit.archive.canonical import PIECE, sha256_file, sha256_hex
from sopkit.archive.publish import make_folder, publish, settle, write_beside
from sopkit.errors import DigestMismatch, NotFound, WrongUse

__all__ = ["Store", "sha256_file", "sha256_hex"]

READ_ONLY = 0o444
DIGEST = re.compile(r"[0-9a-f]{64}")


class Store:
    """The store below `folder` (`runs/store`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, digest: str) -> Path:
        """Where the bytes of `digest` are, or would be, unchecked (see `get`, `check`). Raises WrongUse."""
        if not DIGEST.fullmatch(digest):
            raise WrongUse("not a digest", expected="64 lower-case hex digits (sha256)", got=repr(digest))
        return self.folder / "sha256" / digest[:2] / digest[2:]

    def has(self, digest: str) -> bool:
        return self.path(digest).is_file()

    def put(self, data: bytes) -> str:
        """Keep `data`; its digest. Raises SopkitError if the disk is full."""
        digest = sha256_hex(data)
        if not self._intact(digest):
            publish(self.path(digest), data, replace=True, mode=READ_ONLY)
        return digest

    def put_file(self, path: Path) -> str:
        """Keep the bytes of a file, read in pieces; their digest. Raises NotFound, SopkitError."""
        if not path.is_file():
            raise NotFound("a file that should be kept does not exist", where=path)
        if self._intact(digest := sha256_file(path)):
            return digest
        make_folder(self.folder)
        # Digested again while copied: the file may have changed since, and the name must tell what is kept.
        copied = hashlib.sha256()
        temporary = write_beside(self.folder / "copy", _pieces(path, copied), mode=READ_ONLY)
        try:
            digest = copied.hexdigest()
            target = self.path(digest)
            make_folder(target.parent)
            settle(temporary, target, replace=True)
        finally:
            temporary.unlink(missing_ok=True)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes of `digest`. Raises NotFound, DigestMismatch."""
        try:
            data = self.path(digest).read_bytes()
        except FileNotFoundError:
            raise self._missing(digest) from None
        if (got := sha256_hex(data)) != digest:
            raise self._mismatch(digest, got)
        return data

    def check(self, digest: str) -> Path:
        """The path of `digest`, its bytes checked; for files too large to hold. Raises NotFound, DigestMismatch."""
        path = self.path(digest)
        if not path.is_file():
            raise self._missing(digest)
        if (got := sha256_file(path)) != digest:
            raise self._mismatch(digest, got)
        return path

    def __iter__(self) -> Iterator[str]:
        """The digests that are kept, sorted; their bytes unchecked."""
        for path in sorted((self.folder / "sha256").glob("??/*")):
            if DIGEST.fullmatch(digest := path.parent.name + path.name):
                yield digest

    def _intact(self, digest: str) -> bool:
        """Whether the bytes are there and right: spoilt ones are replaced when the right ones are at hand."""
        return self.has(digest) and sha256_file(self.path(digest)) == digest

    def _missing(self, digest: str) -> NotFound:
        return NotFound(
            "a stored file is missing", where=self.path(digest), remedy="restore it from a backup or an audit pack"
        )

    def _mismatch(self, digest: str, got: str) -> DigestMismatch:
        return DigestMismatch(
            "a stored file is not what was stored",
            where=self.path(digest),
            expected=digest,
            got=got,
            remedy="restore it from a backup or an audit pack",
        )


def _pieces(path: Path, digest: hashlib._Hash) -> Iterator[bytes]:
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
            yield piece
