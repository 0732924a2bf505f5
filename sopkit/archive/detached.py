"""Detached sign-offs: signed from a pack on another machine, handed into the workspace as one small file.

    {"format": "urn:sopkit:detached-sign-off:v1",
     "how": "hand this in where the run is:  sop accept FILE",
     "workspace": "5c3f1c1e-…",
     "summary": {"run", "stage", "attempt", "gate", "decision", "meaning", "comment", "conditions", "checklist",
                 "name", "role", "at", "key"},
     "envelope": the DSSE envelope, as it will stand in the log}

The rules:
* nothing is signed from a pack that does not verify;
* the summary is for people; it must say what the envelope says, and only the envelope is taken in;
* whether it counts is judged where it is accepted, by that log and the people in force then (see `accepting`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sopkit.archive import envelopes, sign_offs
from sopkit.archive.entries import Entry
from sopkit.archive.packs.reading import Pack, verify
from sopkit.archive.workspace import Workspace
from sopkit.errors import RecordError, SignOffRefused, Untrusted

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

__all__ = ["FORMAT", "LONGEST", "accept", "read", "require_verified", "sign"]

FORMAT = "urn:sopkit:detached-sign-off:v1"
LONGEST = 1 << 20  # bytes of a file that is looked at
_HOW = "hand this in where the run is:  sop accept FILE"
_TOLD = ("run", "stage", "attempt", "gate", "decision", "meaning", "comment", "conditions", "checklist", "name", "role")


def require_verified(pack: Pack) -> None:
    """Raises RecordError if the pack does not verify."""
    found = verify(pack)
    if not found:
        first, more = found.problems[0], len(found.problems) - 1
        raise RecordError(
            "this pack does not verify, so nothing in it can be signed",
            where=first.path,
            got=f"{first.kind}: {first.detail}" + (f", and {more} more" if more else ""),
            remedy=f"sop verify {pack.path}  shows everything; then ask for another pack",
        )


def sign(
    pack: Pack,
    stage: str,
    *,
    decision: str,
    private_key: Ed25519PrivateKey,
    at: datetime,
    **options: Any,
) -> dict[str, Any]:
    """The content of the file that is handed in; `options` as of `sign_offs.sign`. Nothing is written.

    Raises RecordError (the pack does not verify), and as `sign_offs.sign`.
    """
    require_verified(pack)
    envelope = sign_offs.prepare(
        pack.workspace,
        pack.run,
        stage,
        decision=decision,
        private_key=private_key,
        at=at,
        left_out=pack.left_out,
        **options,
    )
    return {
        "format": FORMAT,
        "how": _HOW,
        "workspace": pack.manifest.workspace,
        "summary": _summary(envelope),
        "envelope": envelope,
    }


def read(data: bytes, where: object) -> dict[str, Any]:
    """The content of such a file, of the right form; its signature *not verified*. Raises Untrusted."""
    try:
        if len(data) > LONGEST:
            raise ValueError(f"{len(data)} bytes")
        told = json.loads(data, object_pairs_hook=_once)
        if not isinstance(told, dict) or told.get("format") != FORMAT:
            raise ValueError("no file of that format")
        summary = _summary(told["envelope"])
    except Untrusted as error:
        raise Untrusted(error.what, where=where, expected=error.expected, got=error.got) from None
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        got = f"{type(error).__name__}: {error}"
        raise Untrusted("not a detached sign-off", where=where, expected=FORMAT, got=got) from None
    if told.get("summary") != summary:
        raise Untrusted("its summary does not say what was signed", where=where, remedy="ask for it to be signed again")
    return told


def accept(workspace: Workspace, told: Mapping[str, Any], *, at: datetime) -> Entry:
    """Log a sign-off that `read` has read; the log entry.

    Raises SignOffRefused (of another workspace, or it would not count), and as `sign_offs.accept`.
    """
    entries = workspace.log.entries()
    here = entries[0].body.get("workspace") if entries else None
    if told.get("workspace") != here:
        raise SignOffRefused(
            "this sign-off is for another workspace",
            where=workspace.root,
            expected=here or "nothing: no run was started here yet",
            got=told.get("workspace"),
            remedy="hand it in where the run is",
        )
    return sign_offs.accept(workspace, told["envelope"], at=at)


def _summary(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """What an envelope says, for people. Raises Untrusted, KeyError, ValueError."""
    told = json.loads(envelopes.payload(envelope))["predicate"]
    return {**{name: told[name] for name in _TOLD}, "at": told["at"], "key": envelope["signatures"][0]["keyid"]}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands twice")
    return dict(pairs)
