"""What a new data set is held against: the rows that are known of a model.

The rules:
* the reference of drift is what the champion learned from; without a champion, the rows that the newest run collected;
  without a run there is none, and that is said;
* overlap is looked for in the newest collected rows and in what was accepted since: there a row may stand already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sopkit.archive.aliases import alias_holder
from sopkit.archive.data_sets import standing
from sopkit.archive.runs import RunState, run_states
from sopkit.archive.workspace import Workspace
from sopkit.definitions.model import ModelFile
from sopkit.running.champions import Champion
from sopkit.running.inputs import OfRun

__all__ = ["Known", "collected_rows", "reference_rows"]

SNAPSHOT = "snapshot"


@dataclass(frozen=True)
class Known:
    """`table`, what it is in words, the run that made it, its digest; `importance` of features, of a champion."""

    table: Any
    words: str
    run: str | None
    digest: str
    importance: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return {"words": self.words, "run": self.run, "digest": self.digest, "rows": len(self.table)}


def reference_rows(workspace: Workspace, model: ModelFile, module: Path | None) -> Known | None:
    """The rows that drift is measured against. Raises DigestMismatch where they are not what was kept."""
    holder = alias_holder(workspace.log.entries(), model.model, model.promotion.alias)
    if holder is not None:
        champion = Champion(holder, workspace.store, model, module)
        if kept := champion.card.get("train"):
            weights = champion.card.get("importance") or {}
            words = "training rows of the champion"
            return Known(champion.load("train"), words, holder.run, str(kept["sha256"]), weights)
    return _collected(workspace, model)


def collected_rows(workspace: Workspace, model: ModelFile) -> Known | None:
    """The rows that the newest run collected, with those of data sets that were accepted since it was started."""
    found = _collected(workspace, model)
    if found is None or found.run is None:
        return found
    from sopkit.modelling.accepted import Accepted, join

    entries = workspace.log.entries()
    started = next(state.seq for state in run_states(entries) if state.id == found.run)
    since = [each for each in standing(entries, model.model) if each.seq > started]
    if not since:
        return found
    beside = [Accepted(each.digest, each.name, workspace.store.get(each.digest), each.seq) for each in since]
    table, _ = join(found.table, beside, model)
    return Known(table, f"{found.words}, and what was accepted since", found.run, found.digest)


def _collected(workspace: Workspace, model: ModelFile) -> Known | None:
    from sopkit.running.formats import from_bytes

    for state in run_states(workspace.log.entries()):
        if state.model != model.model:
            continue
        artifact = OfRun(state, workspace.store, state.as_of).find(_stages(state), SNAPSHOT)
        if artifact is not None:
            words = "rows that the newest run collected"
            return Known(from_bytes(artifact.name, artifact.data), words, state.id, artifact.digest)
    return None


def _stages(state: RunState) -> list[str]:
    return [stage.id for stage in state.stages.values() if stage.sealed is not None]
