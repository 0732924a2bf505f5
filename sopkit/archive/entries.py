"""One entry of the log: an event, and the line that keeps it.

The rules:
* a line is canonical JSON with the fields `v, seq, at, as_of, kind, run, stage, attempt, by, body`;
* times are UTC: `at` is the wall clock, which governs people, `as_of` the clock that a run sees, which governs data;
* readers keep fields that they do not know, and refuse a line of a version that they do not know;
* entries that were read together know where each run and each kind is, so that who asks about one run of many does not
  look at all of them.
"""

from __future__ import annotations

import json
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, SupportsIndex, overload

from sopkit.archive.canonical import canonical_json
from sopkit.errors import BrokenLog, WrongUse

__all__ = ["Entries", "Entry", "Places", "instant", "is_json"]

VERSION = 1
FIELDS = ("v", "seq", "at", "as_of", "kind", "run", "stage", "attempt", "by", "body")


@dataclass(frozen=True)
class Entry:
    """One event. `at` is wall time, `as_of` the clock that the run sees, both UTC; `raw` is the line as it stands."""

    seq: int
    at: datetime
    kind: str
    as_of: datetime | None = None
    run: str | None = None
    stage: str | None = None
    attempt: int | None = None
    by: str | None = None
    body: Mapping[str, Any] = field(default_factory=dict)
    v: int = VERSION
    unknown: Mapping[str, Any] = field(default_factory=dict)
    raw: bytes = field(default=b"", repr=False, compare=False)

    def to_line(self) -> bytes:
        """The entry in canonical JSON, without newline. Raises WrongUse."""
        fields = {name: getattr(self, name) for name in FIELDS}
        fields |= {"at": instant(self.at), "as_of": self.as_of and instant(self.as_of), "body": dict(self.body)}
        return canonical_json({**self.unknown, **fields})

    @classmethod
    def from_line(cls, raw: bytes, where: object = None) -> Entry:
        """The entry that a line holds. Raises BrokenLog."""
        try:
            data = json.loads(raw)
            if not isinstance(data, dict):
                raise ValueError("not a JSON object")
            entry = cls(
                seq=_typed(data, "seq", int),
                at=_time(_typed(data, "at", str)),
                kind=_typed(data, "kind", str),
                as_of=_time(data["as_of"]) if data.get("as_of") else None,
                run=_typed(data, "run", str, None),
                stage=_typed(data, "stage", str, None),
                attempt=_typed(data, "attempt", int, None),
                by=_typed(data, "by", str, None),
                body=_typed(data, "body", dict),
                v=_typed(data, "v", int),
                unknown={name: value for name, value in data.items() if name not in FIELDS},
                raw=raw,
            )
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise BrokenLog(
                "a log line that cannot be read",
                where=where,
                expected="one JSON object with v, seq, at, kind and body",
                got=f"{raw[:60]!r} ({error})",
                remedy="restore runs/log from a backup, or compare with a checkpoint or an audit pack kept elsewhere",
            ) from error
        if entry.v > VERSION:
            raise BrokenLog(
                "a log line of a newer release",
                where=where,
                expected=f"v {VERSION}",
                got=f"v {entry.v}",
                remedy="update sopkit",
            )
        return entry


class Places:
    """Where each run and each kind is among entries that only grow, and what was folded from a run's entries.

    `folded` is for `runs`: run -> how many of its entries, and what they amount to.
    """

    def __init__(self) -> None:
        self.runs: dict[str, list[int]] = {}
        self.kinds: dict[str, list[int]] = {}
        self.latest: list[datetime] = []  # of the entries up to each, since wall time may run backwards
        self.folded: dict[str, tuple[int, Any]] = {}

    def add(self, entry: Entry) -> None:
        """Take up the next entry."""
        place = len(self.latest)
        if entry.run is not None:
            self.runs.setdefault(entry.run, []).append(place)
        self.kinds.setdefault(entry.kind, []).append(place)
        self.latest.append(max(entry.at, self.latest[-1]) if self.latest else entry.at)


class Entries(tuple[Entry, ...]):
    """The entries of a log up to some position; the first ones of them share its index."""

    places: Places

    @classmethod
    def of(cls, entries: Iterable[Entry], places: Places | None = None) -> Entries:
        """`entries` with an index, `places`: their own, the one that is given, or a new one."""
        if places is None and isinstance(entries, Entries):
            return entries
        made = cls(entries)
        made.places = places or Places()
        if places is None:
            for entry in made:
                made.places.add(entry)
        return made

    @property
    def latest(self) -> datetime | None:
        """The latest wall time of all; None where there is no entry."""
        return self.places.latest[len(self) - 1] if self else None

    def of_run(self, run: str) -> list[Entry]:
        """The entries of one run."""
        return self._at(self.places.runs.get(run, ()))

    def of_kind(self, kind: str) -> list[Entry]:
        """The entries of one kind."""
        return self._at(self.places.kinds.get(kind, ()))

    def _at(self, places: list[int] | tuple[()]) -> list[Entry]:
        return [super(Entries, self).__getitem__(place) for place in places[: bisect_left(places, len(self))]]

    @overload
    def __getitem__(self, key: SupportsIndex) -> Entry: ...
    @overload
    def __getitem__(self, key: slice) -> tuple[Entry, ...]: ...
    def __getitem__(self, key: Any) -> Any:
        found = super().__getitem__(key)
        if isinstance(key, slice) and not key.start and key.step in (None, 1):
            return Entries.of(found, self.places)
        return found


def instant(time: datetime) -> str:
    """A time as the log writes it: `2026-11-20T08:54:01.000000Z`. Raises WrongUse for a time without zone."""
    return _utc(time).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _utc(time: datetime) -> datetime:
    if time.tzinfo is None:
        raise WrongUse("a time without a time zone", expected="for example datetime.now(UTC)", got=time)
    return time.astimezone(UTC)


def _time(text: str) -> datetime:
    time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return time.astimezone(UTC)


def _typed(data: dict[str, Any], name: str, kind: type, *default: Any) -> Any:
    value = data.get(name, *default) if default else data[name]
    if default and value is None:
        return None
    if not isinstance(value, kind) or isinstance(value, bool):
        raise ValueError(f"{name} is {value!r}")
    return value


def is_json(line: bytes) -> bool:
    """Whether a line holds any JSON at all; one that was torn does not."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True
