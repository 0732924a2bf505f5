"""Who is at the desk: the owner of the key that is chosen, by the people file in force, and by nothing else.

The rules:
* only public halves are read here; a private key is read when something is signed, and not kept;
* a key that is nobody's, or a person without roles, may look at everything.
"""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sopkit.archive.keys import fingerprint, key_folder
from sopkit.archive.people import Signer
from sopkit.errors import SopkitError
from sopkit.panels import fields
from sopkit.panels.clock import now

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["Identity"]


class Identity:
    """The key that is chosen, and whose it is. `key` is the widget; no key is chosen where there is none."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.folder = key_folder(os.environ)
        self.key = fields.choice(
            "Your key", [(path.name, str(path)) for path in self._keys()], short=True, width="auto"
        )

    def refresh(self) -> None:
        """Look for keys again; the one that is chosen stays."""
        options, chosen = tuple((path.name, str(path)) for path in self._keys()), self.key.value
        if tuple(self.key.options) != options:
            self.key.options = options
            self.key.value = chosen if chosen in [path for _, path in options] else next((p for _, p in options), None)

    @property
    def path(self) -> Path | None:
        """The file of the private key."""
        return Path(self.key.value) if self.key.value else None

    @property
    def fingerprint(self) -> str | None:
        """Of the public half, which lies beside the private one."""
        if self.path is None:
            return None
        try:
            return _fingerprint(self.path.with_name(f"{self.path.name}.pub").read_text(encoding="utf-8"))
        except (OSError, SopkitError):
            return None

    @property
    def signer(self) -> Signer | None:
        """Whose key it is, by the people file in force."""
        key = self.fingerprint
        return self.desk.people().owner(key) if key else None

    @property
    def person(self) -> str | None:
        signer = self.signer
        return signer.person.id if signer else None

    @property
    def facts(self) -> dict[str, Any]:
        """`{"key", "fingerprint", "person", "name", "roles"}`, None where it is not known."""
        signer = self.signer
        roles = sorted(held.role for held in signer.person.roles if held.valid_at(now())) if signer else []
        return {
            "key": self.path.name if self.path else None,
            "fingerprint": self.fingerprint,
            "person": signer.person.id if signer else None,
            "name": signer.person.name if signer else None,
            "roles": roles,
        }

    def _keys(self) -> list[Path]:
        found = (path.with_suffix("") for path in sorted(self.folder.glob("*.pub")))
        return [path for path in found if path.exists()]


@lru_cache(maxsize=64)
def _fingerprint(public: str) -> str:
    return fingerprint(public)
