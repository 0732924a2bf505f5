"""Aliases: which model version holds one, by the log.

The rules:
* an alias is where the newest performed `move_alias` put it; what was intended or failed moved nothing;
* the registry's aliases are a projection of this, repaired from it;
* nothing here knows why an alias moved: promotion, adoption and rollback are the same word in the log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sopkit.archive.entries import Entries, Entry

__all__ = ["AliasHolder", "alias_history", "alias_holder"]


@dataclass(frozen=True)
class AliasHolder:
    """The log's word that `alias` of `model` went to this model version. `digest` is its model file's."""

    model: str
    alias: str
    digest: str
    version: str | int | None
    arguments: Mapping[str, Any]
    seq: int
    at: datetime
    as_of: datetime | None
    run: str | None
    by: str | None
    previous: AliasHolder | None = None


def alias_history(entries: Iterable[Entry], model: str, alias: str = "champion") -> list[AliasHolder]:
    """Every performed move of the alias, oldest first."""
    moves: list[AliasHolder] = []
    for entry in Entries.of(entries).of_kind("effect.done"):
        if entry.body.get("effect") != "move_alias":
            continue
        arguments = entry.body.get("arguments") or {}
        if (arguments.get("model"), arguments.get("alias")) != (model, alias):
            continue
        answer = entry.body.get("answer") or {}
        moves.append(
            AliasHolder(
                model,
                alias,
                digest=str(arguments.get("digest", "")),
                version=arguments.get("version") or answer.get("version"),  # a new one is known once it is registered
                arguments=arguments,
                seq=entry.seq,
                at=entry.at,
                as_of=entry.as_of,
                run=entry.run,
                by=entry.by,
                previous=replace(moves[-1], previous=None) if moves else None,  # one back is enough, no chain
            )
        )
    return moves


def alias_holder(entries: Iterable[Entry], model: str, alias: str = "champion") -> AliasHolder | None:
    """The move that put the alias where it is, with the one before it (for a rollback). None if it never moved."""
    moves = alias_history(entries, model, alias)
    return moves[-1] if moves else None
