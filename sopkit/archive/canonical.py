"""Canonical bytes of a JSON value, and digests: what is signed or compared is the same everywhere.

The rules:
* canonical JSON is RFC 8785, after `plain`: equal values have equal bytes, whoever wrote them;
* reading canonical JSON and writing it again gives the same bytes;
* a digest is sha256 in lower-case hex; files are read in pieces, never whole.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from sopkit.definitions.results import plain
from sopkit.errors import WrongUse

__all__ = ["canonical_json", "sha256_file", "sha256_hex"]

PIECE = 1 << 20


def canonical_json(value: Any) -> bytes:
    """`value` as RFC 8785 JSON in UTF-8. Raises WrongUse for what has no JSON form."""
    import rfc8785

    try:
        return rfc8785.dumps(plain(value))
    except (ValueError, TypeError, RecursionError) as error:
        raise WrongUse(
            "a value that has no canonical JSON form", expected="plain JSON values in valid Unicode", got=error
        ) from error


def sha256_hex(data: bytes) -> str:
    """The sha256 of `data`, 64 lower-case hex digits."""
    return hashlib.sha256(data).hexdigest()


def sha256_file(path: Path | str) -> str:
    """The sha256 of a file's bytes, 64 lower-case hex digits. Raises OSError."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(PIECE):
            digest.update(piece)
    return digest.hexdigest()
