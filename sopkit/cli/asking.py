"""Keys and passphrases: where a person's keys lie, and how a passphrase is asked for.

The rules: a passphrase is never an argument, is never printed, and is asked for on the terminal;
scripts name a file in `SOP_PASSPHRASE_FILE`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from sopkit.errors import NotFound, WrongUse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["ask_new_passphrase", "ask_passphrase", "key_folder", "private_key", "public_keys"]

MAKE_ONE = "make one with:  sop keys new NAME"


def key_folder() -> Path:
    """The folder of personal keys: `SOP_KEYS`, or the one in the person's home."""
    from sopkit.archive import keys

    return keys.key_folder(os.environ)


def public_keys() -> list[Path]:
    """The public halves of the personal keys, by name."""
    return sorted(key_folder().glob("*.pub"))


def private_key(named: str | None) -> Ed25519PrivateKey:
    """The signing key in a file or of a name; without either, the only one there is. Asks for its passphrase."""
    from sopkit.archive.keys import load_private

    path = _key_path(named)
    return load_private(path, ask_passphrase(f"Passphrase of {path}: "))


def ask_passphrase(prompt: str) -> str:
    """Raises WrongUse where there is neither a terminal nor a file to take it from."""
    from getpass import getpass

    if file := os.environ.get("SOP_PASSPHRASE_FILE"):
        try:
            return Path(file).expanduser().read_text(encoding="utf-8").rstrip("\r\n")
        except OSError as error:
            raise NotFound("the passphrase file cannot be read", where=file, got=error.strerror) from None
    if not sys.stdin.isatty():
        raise WrongUse("there is no terminal to ask for the passphrase", remedy="name a file in SOP_PASSPHRASE_FILE")
    return getpass(prompt)


def ask_new_passphrase() -> str:
    """Asked for twice on a terminal. Raises WrongUse if the two differ."""
    first = ask_passphrase("New passphrase: ")
    if "SOP_PASSPHRASE_FILE" not in os.environ and ask_passphrase("The same again: ") != first:
        raise WrongUse("the two passphrases differ", remedy="try again")
    return first


def _key_path(named: str | None) -> Path:
    if named is not None:
        given = Path(named).expanduser()
        return given if given.exists() or os.sep in named else key_folder() / named
    found = [path.with_suffix("") for path in public_keys() if path.with_suffix("").exists()]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotFound("you have no signing key", where=key_folder(), remedy=MAKE_ONE)
    names = ", ".join(path.name for path in found)
    raise WrongUse("you have more than one signing key", where=key_folder(), got=names, remedy="name one with --key")
