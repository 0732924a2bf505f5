"""Who may sign, at a position of the log: the people file in force, and the demo people of a run.

The rules:
* the first people file that names a `people-admin` with a key is trusted on first use, its digest is shown;
* each later one counts only with an envelope that a `people-admin` of the one in force signed, with a
  key and a role valid at that time, over its digest and the digest and log entry of the one before: an
  old file cannot be played in again;
* a people file that names no admin never counts: nobody could ever change it;
* demo people count for the run that names them, if that run was started as a demo, in a simulation;
  none of them can take the id or the key of a person of the people file.

What counts is decided again at every reading, from the log and the store; `adopt` only writes it down.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sopkit.archive import envelopes
from sopkit.archive.canonical import canonical_json, sha256_hex
from sopkit.archive.entries import Entries, Entry, instant
from sopkit.archive.keys import fingerprint, load_public
from sopkit.archive.publish import publish
from sopkit.archive.workspace import Workspace
from sopkit.definitions.files import parse_people
from sopkit.definitions.people import PEOPLE_ADMIN, Key, People, Person
from sopkit.errors import DefinitionError, NotFound, SopkitError, Untrusted, WrongUse

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

__all__ = ["InForce", "Signer", "adopt", "in_force", "people_at", "sign_people", "wall_time"]

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:sopkit:people:v1"
_PEOPLE_FILE = "people.yaml"


@dataclass(frozen=True)
class Signer:
    """Whose key it is. `demo`: a person who exists in one run only."""

    person: Person
    key: Key
    demo: bool = False


@dataclass(frozen=True)
class InForce:
    """The people who count at one position of the log, for one run; `digest` and `seq` are of the people file."""

    people: People = field(default_factory=People)
    demo: tuple[Person, ...] = ()
    digest: str | None = None
    seq: int | None = None

    @property
    def as_previous(self) -> dict[str, Any]:
        """How a people file that follows names this one."""
        return {"sha256": self.digest, "entry": self.seq}

    def owner(self, key: str) -> Signer | None:
        """Whose key has this fingerprint; None if nobody's, or more than one person's."""
        found = [signer for signer in self._signers() if _fingerprint(signer.key.public) == key]
        return found[0] if len({signer.person.id for signer in found}) == 1 else None

    def public_keys(self) -> list[Ed25519PublicKey]:
        """Every key, also those no longer valid: whether a key counts is judged by its time, not its absence."""
        return [load_public(signer.key.public) for signer in self._signers() if _fingerprint(signer.key.public)]

    def _signers(self) -> Iterable[Signer]:
        taken = {person.id for person in self.people.people}
        for person in self.people.people:
            yield from (Signer(person, key) for key in person.keys)
        for person in self.demo:
            yield from (Signer(person, key, demo=True) for key in person.keys if person.id not in taken)


def people_at(workspace: Workspace, entries: Sequence[Entry], seq: int | None = None) -> People:
    """The people file in force just before entry `seq` (default: now); nobody, if none is.

    Raises NotFound, DigestMismatch.
    """
    return in_force(workspace, entries, seq).people


def in_force(
    workspace: Workspace, entries: Sequence[Entry], seq: int | None = None, *, run: str | None = None
) -> InForce:
    """Who counts just before entry `seq` (default: now), with the demo people of `run`.

    Raises NotFound, DigestMismatch.
    """
    before = Entries.of(entries if seq is None else entries[: seq - 1])
    current = InForce()
    for entry in before.of_kind("people.adopted"):
        digest = str(entry.body["digest"])
        people = _parsed(workspace.store.get(digest))
        at = wall_time(before[: entry.seq])
        if not _why_not(people, digest, entry.body.get("envelope"), current, at):
            current = InForce(people, digest=digest, seq=entry.seq)
    return replace(current, demo=_demo_people(before, run))


def wall_time(entries: Sequence[Entry], at: datetime | None = None) -> datetime:
    """The wall time at which the last of `entries` (or something new, `at`) is judged: never before an earlier entry's.

    Whoever sets a clock back does not bring back a key or a role that had ended.
    """
    latest = Entries.of(entries).latest
    return max(time for time in (latest, at) if time is not None)


def adopt(workspace: Workspace, at: datetime) -> list[str]:
    """Take up `templates/people.yaml` if it counts; notices for people, none if nothing changed.

    A file that does not count is left alone: the one in force stays, and a notice says why. Raises DefinitionError.
    """
    path = workspace.templates / _PEOPLE_FILE
    entries = workspace.log.entries()
    current = in_force(workspace, entries)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        stays = "the one in force stays" if current.digest else "nobody can sign"
        return [f"there is no templates/{_PEOPLE_FILE}: {stays}"]
    digest = sha256_hex(data)
    if digest == current.digest:
        return []
    people = parse_people(data, f"templates/{_PEOPLE_FILE}")
    if not people.people and current.digest is None:
        return [f"templates/{_PEOPLE_FILE} lists nobody yet: nobody can sign"]
    _check(people)
    envelope = _sidecar(path)
    if reason := _why_not(people, digest, envelope, current, wall_time(entries, at)):
        stays = f"the people file in force ({current.digest[:12]}) stays" if current.digest else "nobody can sign"
        return [f"templates/{_PEOPLE_FILE} ({digest[:12]}) does not count: {reason}; {stays}"]

    def expect(now: Sequence[Entry]) -> None:
        if in_force(workspace, now).seq != current.seq:
            raise SopkitError("another people file was adopted meanwhile", where=path, remedy="do it again")

    first = current.digest is None
    workspace.store.put(data)
    body = {"digest": digest, "envelope": None if first else envelope, "first": first}
    workspace.log.append("people.adopted", at=at, body=body, expect=expect)
    admins = ", ".join(person.id for person in _admins(people))
    how = "trusted on first use" if first else "signed by a people-admin"
    return [f"people file adopted, {how}: sha256 {digest}, people-admin {admins}"]


def sign_people(workspace: Workspace, private_key: Ed25519PrivateKey, *, at: datetime) -> Path:
    """Sign `templates/people.yaml` as the successor of the people file in force; the path of the sidecar.

    Raises NotFound, DefinitionError, WrongUse (nothing to sign), Untrusted (the signer is no people-admin in force).
    """
    path = workspace.templates / _PEOPLE_FILE
    entries = workspace.log.entries()
    current = in_force(workspace, entries)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise NotFound("there is no people file", where=path) from None
    people = parse_people(data, f"templates/{_PEOPLE_FILE}")
    _check(people)
    digest = sha256_hex(data)
    if current.digest is None:
        raise WrongUse(
            "no people file is in force yet: the first needs no signature",
            where=path,
            remedy="start a run: it is trusted on first use and its digest shown",
        )
    if digest == current.digest:
        raise WrongUse("this people file is in force already", where=path, got=f"sha256 {digest}")
    owner = current.owner(fingerprint(private_key.public_key()))
    statement = {
        "_type": STATEMENT,
        "subject": [{"name": _PEOPLE_FILE, "digest": {"sha256": digest}}],
        "predicateType": PREDICATE,
        "predicate": {"previous": current.as_previous, "name": owner.person.name if owner else "", "at": instant(at)},
    }
    envelope = envelopes.sign(envelopes.PAYLOAD_TYPE, canonical_json(statement), private_key)
    if reason := _why_not(people, digest, envelope, current, wall_time(entries, at)):
        raise Untrusted(f"the signature would not count: {reason}", where=path)
    sidecar = path.with_name(f"{_PEOPLE_FILE}.dsse")
    publish(sidecar, json.dumps(envelope, indent=1, sort_keys=True).encode() + b"\n", replace=True)
    return sidecar


def _why_not(
    people: People, digest: str, envelope: Mapping[str, Any] | None, current: InForce, at: datetime
) -> str | None:
    """Why a people file does not count after the one in force; None if it does."""
    if not _admins(people):
        return f"it names no {PEOPLE_ADMIN} with a key"
    if current.digest is None:
        return None
    if envelope is None:
        return f"no {PEOPLE_ADMIN} in force has signed it (sop people sign)"
    try:
        key = envelopes.verify(envelope, current.public_keys())
        statement = json.loads(envelopes.payload(envelope))
        told = (statement["predicateType"], statement["predicate"]["previous"], statement["subject"][0]["digest"])
    except (Untrusted, ValueError, KeyError, TypeError, IndexError) as error:
        return getattr(error, "what", "its envelope cannot be read")
    if told != (PREDICATE, current.as_previous, {"sha256": digest}):
        return "its signature is for another people file, or for another one before it"
    owner = current.owner(key)
    if owner is None or not owner.key.valid_at(at):
        return "the key that signed it is not valid now"
    if not owner.person.holds(PEOPLE_ADMIN, at):
        return f"{owner.person.id}, who signed it, is no {PEOPLE_ADMIN} now"
    return None


def _demo_people(entries: Entries, run: str | None) -> tuple[Person, ...]:
    if run is None or not entries or entries[0].body.get("mode") != "simulation":
        return ()
    mine = entries.of_run(run)
    if not any(entry.kind == "run.started" and entry.body.get("demo") is True for entry in mine):
        return ()
    named = [person for entry in mine if entry.kind == "demo.people" for person in entry.body["people"]]
    return tuple(Person.model_validate(person) for person in named)


def _admins(people: People) -> list[Person]:
    named = [person for person in people.people if any(held.role == PEOPLE_ADMIN for held in person.roles)]
    return [person for person in named if person.keys]


def _check(people: People) -> None:
    """Each id and each key is one person's. Raises DefinitionError."""
    where = f"templates/{_PEOPLE_FILE}"
    owners: dict[str, str] = {}
    for person in people.people:
        if [other.id for other in people.people].count(person.id) > 1:
            raise DefinitionError(f"two people have the id '{person.id}'", where=where)
        for key in person.keys:
            try:
                print_of_key = fingerprint(key.public)
            except WrongUse as error:
                raise DefinitionError(
                    f"a key of '{person.id}': {error.what}", where=where, expected=error.expected, got=error.got
                ) from None
            if owners.setdefault(print_of_key, person.id) != person.id:
                raise DefinitionError(
                    f"'{owners[print_of_key]}' and '{person.id}' have the same key", where=where, got=print_of_key
                )


def _sidecar(path: Path) -> dict[str, Any] | None:
    try:
        envelope = json.loads(path.with_name(f"{_PEOPLE_FILE}.dsse").read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return envelope if isinstance(envelope, dict) else None


@lru_cache(maxsize=64)
def _parsed(data: bytes) -> People:
    return parse_people(data, "people file in the store")


@lru_cache(maxsize=1024)
def _fingerprint(line: str) -> str | None:
    try:
        return fingerprint(line)
    except WrongUse:
        return None
