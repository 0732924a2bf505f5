"""Runs: what the log says about each of them, and nothing else says.

The rules:
* a run's state is a fold over its entries; kinds that are not known here change nothing;
* the last word about the whole run stands: `run.finished` and `run.abandoned` end it, `run.failed` and
  `run.waiting` hold until it is resumed or a stage starts; a sign-off changes what is waited for, not that
  the run waits, for nothing goes on before it is resumed;
* the first word that ends an attempt stands: what a runner says that was thought dead comes too late;
* a standing `return` voids the attempt. Withdrawn before the next attempt starts, the attempt stands again;

Folds take the log's word for a sign-off; whether its signature holds is for gates and verification to judge.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sopkit.archive.aliases import AliasHolder, alias_history, alias_holder
from sopkit.archive.entries import Entries, Entry
from sopkit.archive.publish import disk_error, make_folder, sync_folder
from sopkit.archive.states import AttemptState, Body, EffectState, RunState, SignOffEntry, StageState, State
from sopkit.archive.workspace import check_name, check_run_id
from sopkit.errors import NotFound, SopkitError

__all__ = [
    "AliasHolder",
    "AttemptState",
    "EffectState",
    "RunState",
    "SignOffEntry",
    "StageState",
    "active_run",
    "alias_history",
    "alias_holder",
    "new_run_id",
    "run_ids",
    "run_state",
    "run_states",
]


def run_states(entries: Iterable[Entry]) -> list[RunState]:
    """All runs, newest first."""
    known = Entries.of(entries)
    return [_folded(known, run) for run in run_ids(known)]


def run_ids(entries: Iterable[Entry]) -> list[str]:
    """The ids of all runs, newest first."""
    started = Entries.of(entries).of_kind("run.started")
    return list(dict.fromkeys(entry.run for entry in started if entry.run is not None))[::-1]


def run_state(entries: Iterable[Entry], run: str) -> RunState:
    """The state of one run. Raises WrongUse if that is no run id, NotFound if the log has no such run."""
    check_run_id(run)
    known = Entries.of(entries)
    if not any(entry.kind == "run.started" for entry in known.of_run(run)):
        raise NotFound("the log has no such run", where=run, remedy="sop status  lists the runs")
    return _folded(known, run)


def _folded(entries: Entries, run: str) -> RunState:
    """The fold over the entries of a run that was started; kept, so that it is made once for as many entries."""
    mine = entries.of_run(run)
    kept: tuple[int, RunState] = entries.places.folded.get(run, (0, None))
    if kept[0] == len(mine):
        return kept[1]
    simulated = any(entry.body.get("mode") == "simulation" for entry in entries.of_kind("workspace.created"))
    start = next(place for place, entry in enumerate(mine) if entry.kind == "run.started")
    fold = _Fold(mine[start], simulated)
    for entry in mine[start + 1 :]:
        fold.add(entry)
    state = fold.state()
    if len(mine) > kept[0]:
        entries.places.folded[run] = (len(mine), state)
    return state


def active_run(entries: Iterable[Entry], model: str) -> RunState | None:
    """The run of `model` that blocks another one: neither ended nor only soaking. None if there is none."""
    blocking = (run for run in run_states(entries) if run.model == model and not run.ended and not run.soaking)
    return next(blocking, None)


def new_run_id(as_of: datetime, model: str, folder: Path, *, suffix: int | None = None) -> str:
    """A run id that no run has, and its folder made below `folder` (`runs/<sop>`).

    `20130701T000000Z-flights-4f2a`: the clock that the run sees, the model, and four hex digits (`suffix`,
    random by default), the next free ones if those are taken in any SOP's folder. Raises WrongUse, SopkitError.
    """
    clock = as_of.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    check_name(model, "name of a model")
    make_folder(folder)
    first = secrets.randbelow(1 << 16) if suffix is None else suffix
    for offset in range(1 << 16):
        run = f"{clock}-{model}-{(first + offset) % (1 << 16):04x}"
        # Only the exclusive mkdir decides between two who start the same SOP; the look at the other SOPs
        # keeps apart what one log tells apart by run id alone.
        if any((other / run).exists() for other in folder.parent.iterdir() if other != folder):
            continue
        try:
            (folder / run).mkdir()
        except FileExistsError:
            continue
        except OSError as error:
            raise disk_error(error, folder / run, "the run was not started") from error
        sync_folder(folder)
        return run
    raise SopkitError("every run id of this moment is taken", where=folder, remedy="start the run with another --as-of")


class _Fold:
    """What is gathered while a run's entries go by; `state` freezes it."""

    def __init__(self, entry: Entry, simulated: bool) -> None:
        self.first = entry
        self.simulated = simulated
        self.as_of = entry.as_of or entry.at
        self.executors: set[str] = set()
        self.unnamed = False
        self.word: State = "running"
        self.waiting_for: tuple[Body, ...] = ()
        self.outcome: Body = {}
        self.outcome_of: tuple[str, int] | None = None
        self.why: str | None = None
        self.ended_at: datetime | None = None
        self.parameters: Body = entry.body.get("parameters") or {}
        self.stages: dict[str, dict[int, AttemptState]] = {}
        self.effects: dict[tuple[str | None, int | None, object], EffectState] = {}
        self.sign_offs: list[SignOffEntry] = []
        self._executed_by(entry)

    def add(self, entry: Entry) -> None:
        match entry.kind.split("."):
            case ["run", word]:
                self._run(word, entry)
            case ["stage", word] if entry.stage is not None and entry.attempt is not None:
                self._stage(word, entry, entry.stage, entry.attempt)
            case ["effect", ("intended" | "done" | "failed") as word]:
                self._effect(word, entry)
            case ["sign_off"]:
                self._sign_off(entry)

    def _executed_by(self, entry: Entry) -> None:
        if entry.by:
            self.executors.add(entry.by)
        else:
            self.unnamed = True

    def _run(self, word: str, entry: Entry) -> None:
        body = entry.body
        if word == "resumed":
            self._executed_by(entry)
            self.as_of = entry.as_of or self.as_of
            # What was given before is never replaced: the runner refuses it, and a reader holds to it.
            self.parameters = {**(body.get("parameters") or {}), **self.parameters}
            self._goes_on("running")
        elif word == "waiting":
            self._goes_on("waiting", body.get("why"))
            self.waiting_for = tuple(body.get("for") or ())
        elif word == "failed":
            self._goes_on("failed", body.get("reason"))
        elif word == "finished":
            self._goes_on(body.get("state", "done"), body.get("why"))
            self.ended_at = entry.at
        elif word == "abandoned":
            self._goes_on("abandoned", body.get("reason"))
            self.ended_at = entry.at
        elif word == "outcome":
            self.outcome = body
            attempt = entry.attempt or max(self.stages.get(entry.stage or "", ()), default=0)
            self.outcome_of = (entry.stage, attempt) if entry.stage and attempt else None

    def _goes_on(self, word: State, why: str | None = None) -> None:
        self.word, self.why, self.waiting_for, self.ended_at = word, why, (), None

    def _stage(self, word: str, entry: Entry, stage: str, number: int) -> None:
        attempts = self.stages.setdefault(stage, {})
        if word == "started":
            self.as_of = entry.as_of or self.as_of
            if self.word in ("waiting", "failed"):
                self._goes_on("running")
            attempts[number] = AttemptState(
                number,
                "running",
                entry.seq,
                entry.at,
                entry.as_of,
                because=tuple(entry.body.get("because") or ()),
                source=entry.body.get("notebook"),
            )
        elif word in ("sealed", "failed", "interrupted"):
            started = attempts.get(number)
            if started is not None and started.status == "running":
                attempts[number] = _ended(started, word, entry)  # type: ignore[arg-type]

    def _effect(self, word: Literal["intended", "done", "failed"], entry: Entry) -> None:
        body = entry.body
        key = (entry.stage, entry.attempt, body.get("index"))
        before = self.effects.get(key)
        self.effects[key] = EffectState(
            index=body.get("index"),
            stage=entry.stage,
            attempt=entry.attempt,
            effect=body.get("effect") or (before.effect if before else ""),
            status=word,
            arguments=body.get("arguments") or (before.arguments if before else {}),
            fence=body.get("fence") or (before.fence if before else {}),
            answer=body.get("answer"),
            reason=body.get("reason"),
            seq=entry.seq,
            at=entry.at,
        )

    def _sign_off(self, entry: Entry) -> None:
        body = entry.body
        new = SignOffEntry(
            seq=entry.seq,
            at=entry.at,
            stage=entry.stage,
            attempt=entry.attempt,
            by=entry.by,
            decision=str(body.get("decision")),
            gate=body.get("gate"),
            role=body.get("role"),
            key=body.get("key"),
            comment=body.get("comment"),
            demo=bool(body.get("demo")),
            envelope=body.get("envelope"),
            withdraws=body.get("withdraws"),
            checklist=body.get("checklist") or {},
            conditions=tuple(body.get("conditions") or ()),
            opened=tuple(body.get("opened") or ()),
        )
        if new.decision == "withdraw":
            self.sign_offs = [replace(old, withdrawn=True) if _cancels(new, old) else old for old in self.sign_offs]
        self.sign_offs.append(new)
        attempts = self.stages.get(entry.stage or "", {})
        attempt = attempts.get(entry.attempt or 0)
        # After the next attempt has started, this one stays void whatever is withdrawn.
        if attempt is None or attempt.status not in ("sealed", "returned") or max(attempts) > attempt.number:
            return
        returned = [
            f"by {old.by}: {old.comment}" if old.comment else f"by {old.by}"
            for old in self.sign_offs
            if old.decision == "return" and not old.withdrawn and (old.stage, old.attempt) == (new.stage, new.attempt)
        ]
        status: Literal["returned", "sealed"] = "returned" if returned else "sealed"
        attempts[attempt.number] = replace(attempt, status=status, reason="; ".join(returned) or None)

    def state(self) -> RunState:
        body, outcome = self.first.body, self.outcome
        return RunState(
            id=str(self.first.run),
            sop=str(body.get("sop")),
            sop_version=body.get("sop_version"),
            model=str(body.get("model")),
            seq=self.first.seq,
            started_at=self.first.at,
            as_of=self.as_of,
            by=self.first.by,
            executors=frozenset(self.executors),
            unnamed=self.unnamed,
            demo=bool(body.get("demo")),
            simulated=self.simulated,
            pins=body.get("pins") or {},
            parameters=self.parameters,
            until=body.get("until"),
            outcome=outcome.get("outcome"),
            why=self.why or outcome.get("why"),
            outcome_of=self.outcome_of,
            state=self.word,
            waiting_for=self.waiting_for,
            stages={
                stage: StageState(stage, tuple(attempts[number] for number in sorted(attempts)))
                for stage, attempts in self.stages.items()
                if attempts
            },
            effects=tuple(self.effects.values()),
            sign_offs=tuple(self.sign_offs),
            started=body,
            ended_at=self.ended_at,
        )


def _ended(started: AttemptState, status: Literal["sealed", "failed", "interrupted"], entry: Entry) -> AttemptState:
    body = entry.body
    return replace(
        started,
        status=status,
        ended=entry.seq,
        ended_at=entry.at,
        notebook=body.get("notebook"),
        content=body.get("content"),
        file=body.get("file"),
        artifacts=tuple(body.get("artifacts") or ()),
        uses=tuple(body.get("uses") or ()),
        requests=tuple(body.get("requests") or ()),
        concluded=body.get("concluded"),
        looks=tuple(body.get("looks") or ()),
        results=body.get("results") or {},
        seconds=body.get("seconds"),
        usage=body.get("usage"),
        reason=body.get("reason"),
        error=body.get("error"),
    )


def _cancels(withdrawal: SignOffEntry, old: SignOffEntry) -> bool:
    """A person cancels what they signed themselves for that attempt: the one that is named, or all of it."""
    return (
        (old.by, old.stage, old.attempt) == (withdrawal.by, withdrawal.stage, withdrawal.attempt)
        and old.decision != "withdraw"
        and withdrawal.withdraws in (None, old.seq)
    )
