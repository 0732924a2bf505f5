"""Who sits at the desk: keys of the simulator's people on disk, and what they signed."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization as form

from sopkit.archive.entries import Entry
from sopkit.archive.keys import public_line

sys.path.insert(0, str(Path(__file__).parent.parent / "archive"))
from simulator import SOP, Simulator

__all__ = ["PASSPHRASE", "READ_FIRST", "Simulator", "give_key", "signed", "statement"]

PASSPHRASE = "correct horse"
READ_FIRST = SOP.replace("valid_for: 30d,", "valid_for: 30d, read_first: [comparison],")


def give_key(world: Simulator, keys: Path, person: str) -> None:
    """Put a person's key pair on disk, encrypted, as `sop keys new` does."""
    key = world.keys[person]
    encryption = form.BestAvailableEncryption(PASSPHRASE.encode())
    (keys / person).write_bytes(key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, encryption))
    (keys / f"{person}.pub").write_text(public_line(key.public_key(), person) + "\n")


def signed(world: Simulator) -> list[tuple[str | None, str]]:
    """Who decided what, in log order."""
    return [(entry.by, entry.body["decision"]) for entry in world.entries if entry.kind == "sign_off"]


def statement(entry: Entry) -> dict[str, Any]:
    """What was signed."""
    told: dict[str, Any] = json.loads(base64.b64decode(entry.body["envelope"]["payload"]))
    return told
