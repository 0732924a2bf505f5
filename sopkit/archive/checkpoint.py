"""Checkpoints: the signed size and root of the log, as a C2SP signed note that other tools can read.

    sopkit/5c3f1c1e-8a39-4f0e-9d55-0d9f5d3b8a52        origin: the workspace
    17                                                 how many lines
    S0nM3GZ…=                                          the root over them, base64
    (an empty line)
    — sopkit/5c3f1c1e-… B9tF4z…=                       the signature of the log key: key id and Ed25519

The rules:
* the origin is the name of the key, and the key is the one that the log's first entry names;
* signature lines of other keys (witnesses) are left alone; one by the log key must be there and hold;
* the log key proves order and completeness, never a person.

Formats: https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint. The log key stands in the first
entry as a verifier key of the same format: `<name>+<key id in hex>+<base64 of 0x01 and the public key>`.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from sopkit.archive.publish import publish
from sopkit.errors import RecordError, SopkitError, Untrusted

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = [
    "Checkpoint",
    "CheckpointState",
    "CheckpointStatus",
    "VerifierKey",
    "load_log_key",
    "new_log_key",
    "open_note",
    "parse_and_verify",
    "sign",
    "sign_note",
    "verifier_key",
]

ED25519 = b"\x01"
DECIMAL = re.compile(r"0|[1-9][0-9]*")


@dataclass(frozen=True)
class Checkpoint:
    """`size` lines with this `root` (32 bytes) in the log called `origin`."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> bytes:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{_base64(self.root)}\n".encode()


@dataclass(frozen=True)
class VerifierKey:
    """A named Ed25519 public key (32 bytes)."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell keys apart; no proof of anything."""
        return hashlib.sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{_base64(ED25519 + self.public)}"

    @classmethod
    def parse(cls, text: object) -> VerifierKey:
        """From its one line. Raises Untrusted."""
        try:
            name, key_id, encoded = str(text).split("+", 2)  # base64 has + in it, names have none
            raw = base64.b64decode(encoded, validate=True)
        except (ValueError, binascii.Error):
            name, key_id, raw = "", "", b""
        key = cls(name, raw[1:])
        if not name or raw[:1] != ED25519 or len(key.public) != 32 or key.id.hex() != key_id:
            raise Untrusted("not a log key", expected="<name>+<key id>+<base64 Ed25519 key>", got=repr(text))
        return key


class CheckpointState(StrEnum):
    """What a checkpoint says about the log beside it."""

    MISSING = "missing"  # no checkpoint; in order only while there are no entries
    CURRENT = "current"  # covers every entry
    BEHIND = "behind"  # covers all but the last entry, which `checkpoint.next` covers: a crash, nothing is wrong
    STALE = "stale"  # covers a true prefix: an old checkpoint was put back, or entries were added without the key
    AHEAD = "ahead"  # covers more entries than there are: the end of the log is gone
    DIFFERENT = "different"  # signed, but over other lines: the log was changed
    FORGED = "forged"  # not a checkpoint that the log key signed


@dataclass(frozen=True)
class CheckpointStatus:
    """`checkpoint` is None where there is none or it is not to be trusted; `detail` is a sentence."""

    state: CheckpointState
    detail: str
    checkpoint: Checkpoint | None = None

    @property
    def is_prefix(self) -> bool:
        """Whether the log, as it is, continues what was signed."""
        return self.state in (CheckpointState.CURRENT, CheckpointState.BEHIND, CheckpointState.STALE)


def verifier_key(origin: str, private: Ed25519PrivateKey) -> VerifierKey:
    """The public half of a log key, under the name of its log."""
    return VerifierKey(origin, private.public_key().public_bytes_raw())


def sign(checkpoint: Checkpoint, private: Ed25519PrivateKey) -> bytes:
    """The signed note: what stands in `runs/log/checkpoint`."""
    return sign_note(checkpoint.text, checkpoint.origin, private)


def sign_note(text: bytes, name: str, private: Ed25519PrivateKey) -> bytes:
    """Any text, ending in a newline, as a signed note by the key called `name`: what `open_note` opens."""
    key = verifier_key(name, private)
    signature = _base64(key.id + private.sign(text))
    return text + f"\n\N{EM DASH} {key.name} {signature}\n".encode()


def parse_and_verify(note: bytes, key: VerifierKey) -> Checkpoint:
    """The checkpoint in a signed note, if `key` signed it and it is of the key's log. Raises Untrusted."""
    checkpoint = _parse(open_note(note, key))
    if checkpoint.origin != key.name:
        raise Untrusted("a checkpoint of another log", expected=key.name, got=checkpoint.origin)
    return checkpoint


def open_note(note: bytes, key: VerifierKey) -> bytes:
    """The text of a signed note, if `key` is among its signers; their order does not matter. Raises Untrusted."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    text, separator, lines = note.rpartition(b"\n\n")
    if not separator or not lines.endswith(b"\n"):
        raise Untrusted("a checkpoint that is not a signed note")
    text += b"\n"
    for line in lines.decode(errors="replace").split("\n"):
        signature = _signature(line, key)
        if signature is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text)
        except InvalidSignature:
            raise Untrusted("a checkpoint whose signature does not hold", expected=f"signed by {key}") from None
        return text
    raise Untrusted("a checkpoint that the log key did not sign", expected=f"signed by {key}")


def _signature(line: str, key: VerifierKey) -> bytes | None:
    """The signature on a line `— <name> <base64 of key id and signature>`, if it claims to be by `key`."""
    start = f"\N{EM DASH} {key.name} "
    try:
        raw = base64.b64decode(line.removeprefix(start), validate=True)
    except (ValueError, binascii.Error):
        return None
    return raw[4:] if line.startswith(start) and raw[:4] == key.id else None


def _parse(text: bytes) -> Checkpoint:
    try:
        origin, size, root, *_ = text.decode().split("\n")  # later lines are extensions, signed and not read
        if not DECIMAL.fullmatch(size) or len(decoded := base64.b64decode(root, validate=True)) != 32:
            raise ValueError
    except (ValueError, binascii.Error):
        raise Untrusted(
            "a checkpoint that cannot be read", expected="origin, size and base64 root, a line each"
        ) from None
    return Checkpoint(origin, int(size), decoded)


def new_log_key(path: Path) -> Ed25519PrivateKey:
    """The log key at `path` (PEM, unencrypted, 0600), made unless it is there. Raises SopkitError."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not path.exists():
        pem = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        with contextlib.suppress(RecordError):  # another process made it meanwhile: that one counts
            publish(path, pem, mode=0o600)
    return load_log_key(path)


def load_log_key(path: Path) -> Ed25519PrivateKey:
    """The private log key. Raises SopkitError, with the way out, if it is missing or not an Ed25519 key."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    remedy = f"restore {path} from a backup; reading and verifying work without it"
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except FileNotFoundError:
        raise SopkitError("the log key is missing, so nothing can be recorded", where=path, remedy=remedy) from None
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SopkitError("the log key cannot be read", where=path, got=error, remedy=remedy) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SopkitError("the log key is no Ed25519 key", where=path, remedy=remedy)
    return key


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
