"""Where a stage's inputs come from: the attempts of a run, or the drafts made before it.

The rules:
* an official attempt and a draft of a run see the current sealed attempts of that run, and nothing else;
* a draft bound to an attempt (`run#stage.attempt`'s number) sees exactly the digests that it used;
* a draft without a run stands on the newest results of the stage before it: a run's or a draft's,
  whichever is newer, and then only on that one;
* bytes are checked against their digest before they are used;
* data sets accepted beside the source are those that stood when the run was started, so that every attempt of it sees
  the same; a draft without a run sees those that stand now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sopkit.archive.canonical import sha256_hex
from sopkit.archive.data_sets import standing
from sopkit.archive.runs import AttemptState, RunState, run_state
from sopkit.archive.store import Store
from sopkit.archive.workspace import Workspace
from sopkit.errors import DigestMismatch

if TYPE_CHECKING:
    from sopkit.modelling.accepted import Accepted

__all__ = ["Draft", "Found", "Inputs", "Nothing", "OfRun", "accepted_beside"]


@dataclass(frozen=True)
class Found:
    """An artifact of an earlier stage, its bytes checked."""

    stage: str
    name: str
    digest: str
    data: bytes
    origin: str


class Inputs(Protocol):
    """The results and artifacts of earlier stages, `stages` given in the order of the SOP."""

    @property
    def origin(self) -> str: ...
    @property
    def as_of(self) -> datetime | None: ...
    def find(self, stages: Sequence[str], name: str) -> Found | None: ...
    def results(self, stage: str) -> Mapping[str, Any]: ...
    def concluded(self, stages: Sequence[str]) -> Mapping[str, Any] | None: ...
    def as_of_stage(self, stage: str) -> datetime | None: ...


class Nothing:
    """A first stage in a workspace without runs."""

    origin = "nothing before it"
    as_of = None

    def find(self, stages: Sequence[str], name: str) -> Found | None:
        return None

    def results(self, stage: str) -> Mapping[str, Any]:
        return {}

    def concluded(self, stages: Sequence[str]) -> Mapping[str, Any] | None:
        return None

    def as_of_stage(self, stage: str) -> datetime | None:
        return None


@dataclass(frozen=True)
class OfRun:
    """The current sealed attempts of a run; `used` fixes digests for a draft bound to an attempt."""

    state: RunState
    store: Store
    as_of: datetime | None
    used: Mapping[str, str] = field(default_factory=dict)

    @property
    def origin(self) -> str:
        return f"run {self.state.id}"

    def _attempt(self, stage: str) -> AttemptState | None:
        return self.state.stage(stage).sealed

    def find(self, stages: Sequence[str], name: str) -> Found | None:
        for stage in reversed(stages):
            for full, digest in self._names(stage):
                if full == name or full.rpartition(".")[0] == name:
                    data = self.store.get(digest)
                    attempt = self._attempt(stage)
                    number = attempt.number if attempt else "?"
                    return Found(stage, full, digest, data, f"stage {stage}, attempt {number}")
        return None

    def _names(self, stage: str) -> list[tuple[str, str]]:
        prefix = f"stage:{stage}/"
        fixed = [(name.removeprefix(prefix), digest) for name, digest in self.used.items() if name.startswith(prefix)]
        attempt = self._attempt(stage)
        current = [(item["name"], item["sha256"]) for item in attempt.artifacts] if attempt else []
        return fixed + current

    def results(self, stage: str) -> Mapping[str, Any]:
        attempt = self._attempt(stage)
        return attempt.results if attempt else {}

    def concluded(self, stages: Sequence[str]) -> Mapping[str, Any] | None:
        attempts = [self._attempt(stage) for stage in reversed(stages)]
        return next((attempt.concluded for attempt in attempts if attempt and attempt.concluded), None)

    def as_of_stage(self, stage: str) -> datetime | None:
        attempt = self._attempt(stage)
        return attempt.as_of if attempt else None


@dataclass(frozen=True)
class Draft:
    """What drafts have left below `.sop/drafts`: a folder per stage with its files and `draft.json`."""

    folder: Path

    def manifest(self, stage: str) -> dict[str, Any]:
        """What the draft of `stage` has recorded so far; empty where there is none."""
        try:
            found: dict[str, Any] = json.loads((self.folder / stage / "draft.json").read_text())
        except (OSError, ValueError):
            return {}
        return found

    @property
    def origin(self) -> str:
        return "the drafts made before this one"

    @property
    def as_of(self) -> datetime | None:
        moments = [self.manifest(path.name).get("as_of") for path in self.folder.glob("*") if path.is_dir()]
        return max((datetime.fromisoformat(moment) for moment in moments if moment), default=None)

    def made_at(self, stage: str) -> datetime | None:
        moment = self.manifest(stage).get("made_at")
        return datetime.fromisoformat(moment) if moment else None

    def find(self, stages: Sequence[str], name: str) -> Found | None:
        for stage in reversed(stages):
            for item in self.manifest(stage).get("attached", ()):
                full = item["name"]
                if full == name or full.rpartition(".")[0] == name:
                    data = (self.folder / stage / full).read_bytes()
                    if sha256_hex(data) != item["sha256"]:
                        raise DigestMismatch(
                            f"the draft's {full} was changed",
                            where=self.folder / stage,
                            remedy=f"step through the draft of stage {stage} again",
                        )
                    return Found(stage, full, item["sha256"], data, f"the draft of stage {stage}")
        return None

    def results(self, stage: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.manifest(stage).get("results", {})
        return found

    def concluded(self, stages: Sequence[str]) -> Mapping[str, Any] | None:
        return next((found for stage in reversed(stages) if (found := self.manifest(stage).get("concluded"))), None)

    def as_of_stage(self, stage: str) -> datetime | None:
        moment = self.manifest(stage).get("as_of")
        return datetime.fromisoformat(moment) if moment else None


def accepted_beside(workspace: Workspace, model: str, run: str = "") -> list[Accepted]:
    """The data sets that a run of the model reads beside its source, or a draft without a run, their bytes checked."""
    entries = workspace.log.entries()
    found = standing(entries, model, before=run_state(entries, run).seq if run else None)
    if not found:  # what is not there imports no pandas
        return []
    from sopkit.modelling.accepted import Accepted

    return [Accepted(each.digest, each.name, workspace.store.get(each.digest), each.seq) for each in found]
