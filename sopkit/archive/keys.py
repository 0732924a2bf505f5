"""Signing keys: Ed25519 in OpenSSH files, encrypted, in the person's home.

The rules:
* a personal key is encrypted with a passphrase; one that is not is refused, unless that is asked for
  by name (the log key and demo keys prove no person);
* only Ed25519, so that any Ed25519 tool can check what was signed;
* a key is named by its fingerprint, as `ssh-keygen -l` prints it.

`ssh-keygen -t ed25519` makes keys that work here, and keys made here work there.
"""

from __future__ import annotations

import base64
import os
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from sopkit.errors import NotFound, Untrusted, WrongUse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["DEFAULT_FOLDER", "fingerprint", "key_folder", "load_private", "load_public", "new_key", "public_line"]

DEFAULT_FOLDER = "~/.config/sopkit/keys"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_REMEDY = "make one with: sop keys new NAME   (or: ssh-keygen -t ed25519)"


def key_folder(environment: Mapping[str, str]) -> Path:
    """The folder of personal keys: `SOP_KEYS`, or the one in the person's home."""
    return Path(environment.get("SOP_KEYS") or DEFAULT_FOLDER).expanduser()


def new_key(name: str, passphrase: str, folder: str | Path) -> Path:
    """Make a key pair: `folder/name` (encrypted, mode 0600) and `folder/name.pub`; returns the first.

    Raises WrongUse for a bad name, an empty passphrase, or a key that exists.
    """
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    if not _NAME.fullmatch(name) or name.endswith(".pub"):
        raise WrongUse("not a name for a key", expected="letters, digits, dot, dash, underscore", got=name)
    if not passphrase:
        raise WrongUse("a signing key needs a passphrase", remedy="give one that is not empty")
    folder = Path(folder).expanduser()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    private = Ed25519PrivateKey.generate()
    encryption = form.BestAvailableEncryption(passphrase.encode())
    pem = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, encryption)
    path = folder / name
    _write_new(path, pem, 0o600)
    _write_new(path.with_name(f"{name}.pub"), public_line(private.public_key(), name).encode() + b"\n", 0o644)
    return path


def load_private(path: str | Path, passphrase: str | None, *, allow_unencrypted: bool = False) -> Ed25519PrivateKey:
    """The private key in an OpenSSH or PEM file.

    Raises NotFound, Untrusted (wrong passphrase, not encrypted) and WrongUse (no key, or not Ed25519).
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    path = Path(path).expanduser()
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound("there is no such key", where=path, remedy=_REMEDY) from None
    except OSError as error:
        raise WrongUse("the key cannot be read", where=path, got=error.strerror) from None
    load = form.load_ssh_private_key if b"BEGIN OPENSSH PRIVATE KEY" in data else form.load_pem_private_key
    try:
        key, encrypted = _load(load, data, passphrase)
    except _NeedsPassphrase:
        raise Untrusted("the key is encrypted and no passphrase was given", where=path) from None
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        text = str(error)
        if "checksum" in text or "Incorrect password" in text or "decrypt" in text:
            raise Untrusted("wrong passphrase", where=path) from None
        raise WrongUse(
            "not a private key", where=path, expected="an OpenSSH or PEM file", got=text.split(". ")[0], remedy=_REMEDY
        ) from None
    if not isinstance(key, Ed25519PrivateKey):
        got = type(key).__name__.strip("_").removesuffix("PrivateKey")
        raise WrongUse("not an Ed25519 key", where=path, expected="Ed25519", got=got, remedy=_REMEDY)
    if not encrypted and not allow_unencrypted:
        raise Untrusted(
            "the key is not encrypted: who reads the file can sign as you",
            where=path,
            expected="a key with a passphrase",
            remedy=f"ssh-keygen -p -f {path}",
        )
    return key


def load_public(text: str) -> Ed25519PublicKey:
    """The public key in an OpenSSH line or a PEM text. Raises WrongUse."""
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    load = form.load_pem_public_key if text.lstrip().startswith("-----BEGIN") else form.load_ssh_public_key
    try:
        key = load(text.strip().encode())
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        got = f"{text.strip()[:40]}… ({error})"
        raise WrongUse("not a public key", expected="ssh-ed25519 AAAA…", got=got, remedy=_REMEDY) from None
    if not isinstance(key, Ed25519PublicKey):
        raise WrongUse("not an Ed25519 key", expected="ssh-ed25519 AAAA…", got=text.strip()[:40], remedy=_REMEDY)
    return key


def public_line(key: Ed25519PublicKey, comment: str = "") -> str:
    """The key as one OpenSSH line, `ssh-ed25519 AAAA… comment`, without a newline."""
    from cryptography.hazmat.primitives import serialization as form

    line = key.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
    return f"{line} {comment}".strip()


def fingerprint(key: Ed25519PublicKey | str) -> str:
    """`SHA256:…` of a public key or its OpenSSH line or PEM, as `ssh-keygen -l` prints it. Raises WrongUse."""
    line = public_line(load_public(key) if isinstance(key, str) else key)
    digest = sha256(base64.b64decode(line.split()[1])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


class _NeedsPassphrase(Exception):
    pass


def _load(load, data: bytes, passphrase: str | None):  # type: ignore[no-untyped-def]
    """The key and whether it was encrypted; cryptography (50.0) tells the two apart by TypeError only."""
    try:
        return load(data, None), False
    except TypeError:
        if not passphrase:
            raise _NeedsPassphrase from None
        return load(data, passphrase.encode()), True


def _write_new(path: Path, data: bytes, mode: int) -> None:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    except FileExistsError:
        raise WrongUse("there is a key of that name; it is never overwritten", where=path) from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
