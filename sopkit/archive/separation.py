"""Who may speak at a gate: the key valid, the role held, and no part in making what is judged.

Sign-offs, waivers and settlements are judged by the same rules, at the wall time and log position of the word.
"""

from __future__ import annotations

from datetime import datetime

from sopkit.archive.people import InForce
from sopkit.definitions.sop import Gate

__all__ = ["nobody_excluded", "why_not_apart", "why_not_signer", "why_not_speaker"]


def why_not_signer(key: str, people: InForce, at: datetime) -> str | None:
    """Why a verified key speaks for nobody; None if its person may at least take back an own word."""
    owner = people.owner(key)
    if owner is None:
        return f"the key {key} is nobody's in the people file in force"
    if not owner.key.valid_at(at):
        return f"the key {key} of {owner.person.id} was not valid at {at.isoformat()}"
    return None


def why_not_speaker(
    key: str,
    role: str,
    gate: Gate,
    people: InForce,
    at: datetime,
    *,
    executors: frozenset[str | None],
    authors: frozenset[str],
) -> str | None:
    """Why the owner of a key may not speak at `gate` in `role`; None if they may."""
    if why := why_not_signer(key, people, at):
        return why
    owner = people.owner(key)
    assert owner is not None
    person = owner.person
    if role not in gate.roles:
        return f"the role '{role}' is not asked for at gate '{gate.id}'"
    if not person.holds(role, at):
        return f"{person.id} did not hold the role '{role}' at {at.isoformat()}"
    return why_not_apart(person.id, gate, executors=executors, authors=authors)


def why_not_apart(person: str, gate: Gate, *, executors: frozenset[str | None], authors: frozenset[str]) -> str | None:
    """Why a person had a part in what is judged at `gate`; None if they had none, or it does not matter there."""
    if gate.separation and person in executors:
        return f"{person} executed this run, and may not sign its gates"
    if gate.separation and person in authors:
        return f"{person} is an author of the SOP or the model file, and may not sign"
    return None


def nobody_excluded(gate: Gate, executors: frozenset[str | None]) -> str | None:
    """Why no word can count where it is not known who executed the run; None if it is, or does not matter."""
    if gate.separation and (not executors or None in executors):
        return "it is not known who executed this run, so nobody can be excluded (start with --by or SOP_PERSON)"
    return None
