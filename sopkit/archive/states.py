"""What the log says about a run, as values: attempts, stages, sign-offs, effects, the run itself.

They are made by the fold in `runs` and hold what was logged as it was logged: results, artifacts, uses and
requests are plain JSON in the form of `definitions.results`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

__all__ = ["AttemptState", "Body", "EffectState", "RunState", "SignOffEntry", "StageState", "State"]

Body = Mapping[str, Any]
State = Literal["running", "waiting", "done", "stopped", "failed", "abandoned"]


@dataclass(frozen=True)
class AttemptState:
    """One attempt. From `notebook` on as its last entry tells (plain JSON, see `definitions.results`).

    `notebook` is the digest of the sealed bytes in the store, `content` the content digest, `file` the name in
    the run folder; `seconds` its duration; `seq` the entry that started it, `ended` the one that ended it; `usage` is
    `{peak_memory_mb, cpu_seconds, samples}` of its kernel, None where it was not measured.
    """

    number: int
    status: Literal["running", "sealed", "failed", "interrupted", "returned"]
    seq: int
    at: datetime
    as_of: datetime | None = None
    because: tuple[str, ...] = ()
    source: str | None = None
    ended: int | None = None
    ended_at: datetime | None = None
    notebook: str | None = None
    content: str | None = None
    file: str | None = None
    artifacts: tuple[Body, ...] = ()
    uses: tuple[Body, ...] = ()
    requests: tuple[Body, ...] = ()
    concluded: Body | None = None
    looks: tuple[Body, ...] = ()
    results: Mapping[str, Body] = field(default_factory=dict)
    seconds: float | None = None
    usage: Body | None = None
    reason: str | None = None
    error: Body | None = None


@dataclass(frozen=True)
class StageState:
    """A stage that was started at least once; attempts in order."""

    id: str
    attempts: tuple[AttemptState, ...]

    @property
    def current(self) -> AttemptState | None:
        """The newest attempt, whatever became of it."""
        return self.attempts[-1] if self.attempts else None

    @property
    def sealed(self) -> AttemptState | None:
        """The newest attempt if it is sealed and was not returned: what a gate and later stages rest on."""
        return self.current if self.current and self.current.status == "sealed" else None

    def attempt(self, number: int) -> AttemptState | None:
        return next((attempt for attempt in self.attempts if attempt.number == number), None)


@dataclass(frozen=True)
class SignOffEntry:
    """A sign-off as logged. `withdrawn`: cancelled later by the same person."""

    seq: int
    at: datetime
    stage: str | None
    attempt: int | None
    by: str | None
    decision: str
    gate: str | None
    role: str | None
    key: str | None
    comment: str | None
    demo: bool
    envelope: Any
    withdraws: int | None = None
    withdrawn: bool = False
    checklist: Mapping[str, Body] = field(default_factory=dict)
    conditions: tuple[Body, ...] = ()
    opened: tuple[str, ...] = ()


@dataclass(frozen=True)
class EffectState:
    """An effect that attempt `attempt` of `stage` requested as number `index`; `reason` says why it failed."""

    index: int | None
    stage: str | None
    attempt: int | None
    effect: str
    status: Literal["intended", "done", "failed"]
    arguments: Body
    fence: Body
    answer: Any
    reason: str | None
    seq: int
    at: datetime


@dataclass(frozen=True)
class RunState:
    """One run as of the end of the entries. `as_of` is its latest, `executors` all who started or resumed it.

    `parameters` are those of its start and of each resume; of `started`, those of the start alone.
    """

    id: str
    sop: str
    sop_version: str | None
    model: str
    seq: int
    started_at: datetime
    as_of: datetime
    by: str | None
    executors: frozenset[str]
    unnamed: bool  # it was started or resumed by nobody in particular, so nobody can be excluded from signing
    demo: bool
    simulated: bool
    pins: Body
    parameters: Body
    until: str | None
    outcome: str | None
    why: str | None
    outcome_of: tuple[str, int] | None  # the stage and attempt that concluded it
    state: State
    waiting_for: tuple[Body, ...]
    stages: Mapping[str, StageState]
    effects: tuple[EffectState, ...]
    sign_offs: tuple[SignOffEntry, ...]
    started: Body  # the body of `run.started`, whole
    ended_at: datetime | None

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen in it."""
        return self.state in ("done", "stopped", "abandoned")

    @property
    def soaking(self) -> bool:
        """Whether it waits for the clock and for nobody."""
        return (
            self.state == "waiting"
            and bool(self.waiting_for)
            and all(item.get("kind") == "clock" for item in self.waiting_for)
        )

    def stage(self, id: str) -> StageState:
        """The stage's state, without attempts if it has not started."""
        return self.stages.get(id) or StageState(id, ())

    def effect(self, stage: str, attempt: int, index: int) -> EffectState | None:
        """What became of request number `index` of that attempt; None if nothing was tried yet."""
        place = (stage, attempt, index)
        return next((each for each in self.effects if (each.stage, each.attempt, each.index) == place), None)

    def effect_intended(self, stage: str, attempt: int, index: int) -> bool:
        """Whether it was begun, whatever became of it."""
        return self.effect(stage, attempt, index) is not None

    def effect_done(self, stage: str, attempt: int, index: int) -> bool:
        found = self.effect(stage, attempt, index)
        return found is not None and found.status == "done"

    def __str__(self) -> str:
        return self.id
