"""Can every gate be opened by the people who are listed, and does each key name one person?"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time

from sopkit.definitions.people import PEOPLE_ADMIN, People, Person
from sopkit.definitions.problems import Problem, did_you_mean
from sopkit.definitions.sop import Gate, Sop
from sopkit.definitions.yaml_file import Document

__all__ = ["check_gates_can_open", "check_people"]

ED25519 = b"\x00\x00\x00\x0bssh-ed25519\x00\x00\x00\x20"  # how the 51 bytes of an OpenSSH Ed25519 key begin


def check_people(people: People, document: Document, sops: Sequence[Sop]) -> Iterator[Problem]:
    """Every problem of the people file; roles are known from `sops` (none given: not judged)."""
    known = {PEOPLE_ADMIN}.union(*(sop.roles for sop in sops))
    ids: set[str] = set()
    keys: dict[bytes, str] = {}
    for index, person in enumerate(people.people):
        path = ("people", index)
        if person.id in ids:
            yield document.error((*path, "id"), "two persons have this id", got=person.id)
        ids.add(person.id)
        for number, key in enumerate(person.keys):
            place = (*path, "keys", number)
            public = _ed25519(key.public)
            if public is None:
                yield document.error(
                    (*place, "public"), "not an OpenSSH key", "ssh-ed25519 AAAA… name", key.public[:40]
                )
            elif public in keys:
                yield document.error((*place, "public"), f"the key is already that of '{keys[public]}'")
            else:
                keys[public] = person.id
        for number, held in enumerate(person.roles):
            if sops and held.role not in known:
                hint = did_you_mean(held.role, known)
                yield document.warning((*path, "roles", number), f"no SOP knows the role '{held.role}'{hint}")
        for field in ("keys", "roles"):
            for number, valid in enumerate(getattr(person, field)):
                if valid.from_ is not None and valid.until is not None and valid.until <= valid.from_:
                    yield document.error((*path, field, number), "never valid", "`from` before `until`")
        if person.roles and not person.keys:
            yield document.warning(path, f"'{person.id}' has roles and no key, so cannot sign")
    if people.people and not people.names_an_admin:
        yield document.warning(("people",), f"no `{PEOPLE_ADMIN}`: the file is not adopted, and no sign-off counts")


def check_gates_can_open(sops: Sequence[Sop], people: People, document: Document, *, today: date) -> Iterator[Problem]:
    """A warning for each gate that the listed people cannot open, a person counting once a gate."""
    at = datetime.combine(today, time(12), UTC)
    if not people.people:
        if any(stage.gate for sop in sops for stage in sop.stages):
            yield document.warning(
                ("people",), "nobody is listed: gates open in demonstrations only (--demo-reviewers)"
            )
        return
    for sop in sops:
        for stage in sop.stages:
            if stage.gate and (lacking := _lacking(stage.gate, people, at)):
                role, needed = lacking
                holders = ", ".join(person.id for person in people.holders(role, at)) or "nobody"
                what = f"gate '{stage.gate.id}' of {sop.sop} cannot open: too few people hold '{role}'"
                yield document.warning(("people",), what, f"{needed}, each counting once at the gate", holders)


def _lacking(gate: Gate, people: People, at: datetime) -> tuple[str, int] | None:
    """The first role that is left without enough distinct people (augmenting paths), and how many it needs."""
    places: dict[str, Person] = {}
    for role, needed in gate.roles.items():
        for seat in range(needed):
            if not _seated(f"{role}/{seat}", role, gate, people, at, places, set()):
                return role, needed
    return None


def _seated(
    place: str, role: str, gate: Gate, people: People, at: datetime, places: dict[str, Person], tried: set[str]
) -> bool:
    for person in people.holders(role, at):
        if person.id in tried:
            continue
        tried.add(person.id)
        taken = next((other for other, sitting in places.items() if sitting.id == person.id), None)
        if taken is None or _seated(taken, taken.split("/")[0], gate, people, at, places, tried):
            places[place] = person
            return True
    return False


def _ed25519(line: str) -> bytes | None:
    parts = line.split()
    if len(parts) < 2 or parts[0] != "ssh-ed25519":
        return None
    try:
        raw = base64.b64decode(parts[1], validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if raw.startswith(ED25519) and len(raw) == 51 else None
