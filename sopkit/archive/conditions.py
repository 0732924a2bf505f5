"""Conditions: what an approval asks for, by when, and of whom. As a person states one, before anything is signed.

    {"text": "watch recall at night", "severity": "high", "owner": "model-owner", "due": "2026-12-01"}

The rules:
* only an approval has conditions; who wants something before approving returns the attempt;
* the owner is a role of the SOP or a person of the people file; where nothing is said, the role that owns the SOP;
* it is due by the end of a day (UTC), where nothing is said thirty days after signing, and never before signing;
* a condition of an older release is its text alone: it is open until it is settled, and never overdue.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sopkit.definitions.people import People
from sopkit.definitions.sop import Sop
from sopkit.errors import SignOffRefused, WrongUse

__all__ = ["DEFAULT", "SEVERITIES", "Condition", "completed", "require_conditions"]

SEVERITIES = ("low", "medium", "high")
DEFAULT = timedelta(days=30)
_FIELD = re.compile(r"\s*(\w+)\s*=\s*(\S+)\s*")


@dataclass(frozen=True)
class Condition:
    """`owner` and `due` of None: as nothing was said (see `completed`)."""

    text: str
    severity: str = "medium"
    owner: str | None = None
    due: date | None = None

    @classmethod
    def parse(cls, words: str) -> Condition:
        """`text; severity=high; owner=model-owner; due=2026-12-01`, all but the text optional. Raises WrongUse."""
        text, *rest = words.split(";")
        fields: dict[str, str] = {}
        while rest and (found := _FIELD.fullmatch(rest[-1])):
            rest.pop()
            name, value = found.groups()
            if name not in ("severity", "owner", "due") or name in fields:
                what = f"a condition has no '{name}'" if name not in fields else f"a condition has one '{name}'"
                raise WrongUse(what, expected="TEXT; severity=WORD; owner=ROLE; due=DATE", got=words)
            fields[name] = value
        try:
            due = date.fromisoformat(fields["due"]) if "due" in fields else None
        except ValueError:
            raise WrongUse("not a date", expected="due=2026-12-01", got=fields["due"]) from None
        text = ";".join([text, *rest]).strip()
        return cls(text, fields.get("severity", "medium"), fields.get("owner"), due)

    @classmethod
    def from_json(cls, told: Any) -> Condition:
        """As it was stated, by this release or an older one. Raises KeyError, TypeError, ValueError."""
        if isinstance(told, str):
            return cls(told)
        values = [told[name] for name in ("text", "severity", "owner", "due")]
        if not all(isinstance(value, str) for value in values):
            raise TypeError(f"a condition of {told!r}")
        return cls(values[0], values[1], values[2], date.fromisoformat(values[3]))

    def to_json(self) -> dict[str, Any]:
        """As it is stated."""
        return {
            "text": self.text,
            "severity": self.severity,
            "owner": self.owner,
            "due": None if self.due is None else self.due.isoformat(),
        }

    def overdue(self, at: datetime) -> bool:
        """Whether the day on which it was due is over at that wall time."""
        return self.due is not None and at.astimezone(UTC).date() > self.due


def completed(conditions: Iterable[Condition | str], sop: Sop, at: datetime) -> tuple[Condition, ...]:
    """The conditions with what was not said: a text alone is of medium severity, the SOP's owner's, due in 30 days."""
    due = (at.astimezone(UTC) + DEFAULT).date()
    found = (Condition(each) if isinstance(each, str) else each for each in conditions)
    return tuple(
        replace(each, text=each.text.strip(), owner=each.owner or sop.owner, due=each.due or due) for each in found
    )


def require_conditions(
    conditions: Sequence[Condition], decision: str, sop: Sop, people: People, at: datetime, where: str
) -> None:
    """Raises SignOffRefused unless an approval may have these conditions when it is signed at that wall time."""
    if conditions and decision != "approve":
        raise SignOffRefused(f"a {decision} has no conditions", where=where, remedy="say it in the comment")
    known = {*sop.roles, *(person.id for person in people.people)}
    for each in conditions:
        wrong: Mapping[str, tuple[bool, object, object]] = {
            "what is the condition?": (not each.text.strip(), "a text", None),
            "not a severity": (each.severity not in SEVERITIES, ", ".join(SEVERITIES), each.severity),
            "nobody owns the condition": (each.owner not in known, "a role of the SOP, or a person", each.owner),
            "a condition is due later": (
                each.due is None or each.due < at.astimezone(UTC).date(),
                f"{at.astimezone(UTC):%Y-%m-%d} or later",
                each.due,
            ),
        }
        for what, (is_so, expected, got) in wrong.items():
            if is_so:
                raise SignOffRefused(what, where=where, expected=expected, got=got)
