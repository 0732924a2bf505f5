"""Demo reviewers: people who exist in one run only, with keys that nobody keeps.

They let a procedure be tried from end to end. Their sign-offs are real signatures, are marked
*demo* wherever they are shown, and `verify` counts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sopkit.archive.keys import public_line
from sopkit.archive.sign_offs import sign
from sopkit.archive.workspace import Workspace
from sopkit.definitions.sop import Gate

__all__ = ["COMMENT", "sign_as_demo_reviewers"]

COMMENT = "Signed by a demo reviewer: no person has looked at this."


def sign_as_demo_reviewers(
    workspace: Workspace, run: str, stage: str, gate: Gate, missing: Mapping[str, int], *, at: datetime
) -> None:
    """Give every missing role of an open gate a demo person of its own, and sign with its key."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    keys, people = [], []
    for role, count in sorted(missing.items()):
        for number in range(1, count + 1):
            key = Ed25519PrivateKey.generate()
            id = f"demo-{gate.id}-{role}-{number}"
            keys.append((role, key))
            people.append(
                {
                    "id": id,
                    "name": f"Demo reviewer ({role.replace('-', ' ')})",
                    "keys": [{"public": public_line(key.public_key(), id)}],
                    "roles": [{"role": role}],
                }
            )
    workspace.log.append("demo.people", at=at, run=run, stage=stage, body={"people": people})
    for role, key in keys:
        sign(
            workspace, run, stage, decision="approve", gate=gate.id, role=role, comment=COMMENT, private_key=key, at=at
        )
