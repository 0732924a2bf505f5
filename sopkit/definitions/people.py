"""The people file: who there is, which keys are theirs, which roles they hold, and from when to when.

Authority comes from this file and from nothing else. The first people file that names a
`people-admin` is trusted on first use; each later one counts only when a `people-admin` of the
one before has signed it.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["PEOPLE_ADMIN", "Key", "People", "Person", "RoleHeld"]

PEOPLE_ADMIN = "people-admin"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _moment(value: Any) -> Any:
    """A plain date is its first instant in UTC; a time of day must say its zone."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is not None and len(value) == len("2026-01-01"):
        return moment.replace(tzinfo=UTC)
    if moment is None or moment.tzinfo is None:
        raise ValueError("expected a date such as 2026-01-01, or a time with its zone such as 2026-01-01T09:00:00Z")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_moment, json_schema_input_type=date | AwareDatetime)]


class _Valid(_Strict):
    """Valid from `from` (inclusive) until `until` (exclusive); open where not given."""

    from_: Moment | None = Field(default=None, alias="from")
    until: Moment | None = None

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def valid_at(self, at: datetime) -> bool:
        return (self.from_ is None or at >= self.from_) and (self.until is None or at < self.until)


class Key(_Valid):
    """A public key as one OpenSSH line, `ssh-ed25519 AAAA… comment`."""

    public: str


class RoleHeld(_Valid):
    role: str = Field(pattern=r"^[a-z][a-z0-9-]*$")


class Person(_Strict):
    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    name: str
    email: str = ""
    keys: list[Key] = Field(default_factory=list)
    roles: list[RoleHeld] = Field(default_factory=list)

    def holds(self, role: str, at: datetime) -> bool:
        return any(held.role == role and held.valid_at(at) for held in self.roles)


class People(_Strict):
    version: Literal[1] = 1
    people: list[Person] = Field(default_factory=list)

    def person(self, id: str) -> Person | None:
        return next((person for person in self.people if person.id == id), None)

    def holders(self, role: str, at: datetime) -> list[Person]:
        return [person for person in self.people if person.holds(role, at)]

    @property
    def names_an_admin(self) -> bool:
        return any(held.role == PEOPLE_ADMIN for person in self.people for held in person.roles)
