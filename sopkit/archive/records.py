"""The sign-offs of a run, read from the log and verified, and what a gate is judged about.

The rules:
* every envelope is verified again at every reading, against who counted just before its entry;
* an envelope that was logged before is a copy, not a word: a withdrawn approval cannot be played again;
* what a gate is about (SOP, authors, attempt, executors) is read from the pins and the log, not from files
  that people edit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sopkit.archive.entries import Entries, Entry
from sopkit.archive.gates import GateResult, Refused, evaluate
from sopkit.archive.people import InForce, in_force, wall_time
from sopkit.archive.runs import AttemptState, RunState, run_state
from sopkit.archive.statements import SignOff, Subject, read_sign_off
from sopkit.archive.workspace import Workspace
from sopkit.definitions.files import parse_model, parse_sop
from sopkit.definitions.model import ModelFile
from sopkit.definitions.sop import Gate, Sop
from sopkit.errors import NotFound, SignOffRefused, SopkitError, Untrusted, WrongUse

__all__ = ["Case", "case_of", "gate_of", "makers_of", "model_of", "read_sign_offs", "sop_of", "subject_of"]


@dataclass(frozen=True)
class Case:
    """Everything that a gate of a run is judged from, as of some entries, but the sign-offs and the time."""

    state: RunState
    sop: Sop
    gate: Gate
    subject: Subject
    people: Callable[[int], InForce]
    executors: frozenset[str | None]
    authors: frozenset[str]

    def judge(self, sign_offs: Sequence[SignOff], at: datetime) -> GateResult:
        """`gates.evaluate` with this case's arguments."""
        return evaluate(
            self.gate,
            self.subject,
            sign_offs,
            self.people,
            executors=self.executors,
            authors=self.authors,
            at=at,
            checklist=self.sop.checklist,
        )


def subject_of(workspace: Workspace, entries: Sequence[Entry], run: str, stage: str) -> Subject:
    """What is signed at the gate of a stage now: its newest attempt.

    Raises NotFound (no such run or stage), WrongUse (no gate), SignOffRefused (not executed, or not sealed).
    """
    return case_of(workspace, entries, run, stage).subject


def case_of(
    workspace: Workspace, entries: Sequence[Entry], run: str, stage: str, attempt_number: int | None = None
) -> Case:
    """What the gate of a stage is judged from, for its newest attempt or the one named. Raises as `subject_of`."""
    state = run_state(entries, run)
    sop, gate = gate_of(workspace, state, stage)
    known = state.stage(stage)
    attempt = known.current if attempt_number is None else known.attempt(attempt_number)
    if attempt is None or attempt.status not in ("sealed", "returned"):
        got = "it was not executed yet" if attempt is None else f"attempt {attempt.number} is {attempt.status}"
        raise SignOffRefused(f"stage '{stage}' has no sealed attempt to sign: {got}", where=run)
    subject = Subject(
        run=run,
        stage=stage,
        attempt=attempt.number,
        file=str(attempt.file),
        content=str(attempt.content),
        artifacts={item["name"]: item["sha256"] for item in attempt.artifacts},
        sop=state.pins["sop"],
        sealed_at=attempt.ended_at or attempt.at,
        stale=_stale(state, attempt),
    )
    executors, authors = makers_of(workspace, state)
    return Case(
        state,
        sop,
        gate,
        subject,
        people=lambda seq: in_force(workspace, entries, seq, run=run),
        executors=executors,
        authors=authors,
    )


def sop_of(workspace: Workspace, state: RunState) -> Sop:
    """The SOP that a run is pinned to. Raises NotFound, DigestMismatch."""
    return _parsed_sop(workspace.store.get(state.pins["sop"]))


def makers_of(workspace: Workspace, state: RunState) -> tuple[frozenset[str | None], frozenset[str]]:
    """Who executed a run (None among them: that is not known), and who wrote its SOP and its model file."""
    named = {sop_of(workspace, state).author, *([model_of(workspace, state).author] if state.pins.get("model") else [])}
    executors = state.executors | ({None} if state.unnamed else frozenset())
    return executors, frozenset(author for author in named if author)


def read_sign_offs(workspace: Workspace, entries: Sequence[Entry], run: str) -> tuple[list[SignOff], list[Refused]]:
    """The sign-offs of a run that verify, in log order, and those that do not, with the reason."""
    verified: list[SignOff] = []
    refused: list[Refused] = []
    said: dict[str, int] = {}
    for entry in Entries.of(entries).of_run(run):
        if entry.kind != "sign_off":
            continue
        try:
            people = in_force(workspace, entries, entry.seq, run=run)
            sign_off = read_sign_off(entry, people, wall_time(entries[: entry.seq]), workspace.log.root_at)
            if (first := said.setdefault(sign_off.envelope["payload"], entry.seq)) != entry.seq:
                raise Untrusted(f"a copy of the sign-off in log entry {first}")
            verified.append(sign_off)
        except SopkitError as error:
            refused.append(Refused(entry.seq, error.what if error.got is None else f"{error.what} ({error.got})"))
    return verified, refused


def _stale(state: RunState, attempt: AttemptState, seen: frozenset[int] = frozenset()) -> str:
    """Why what the attempt used is no longer what it was; empty if it is. Also asked of the stages before it."""
    for used in attempt.uses:
        if not used["input"].startswith("stage:"):
            continue
        stage, _, name = used["input"].removeprefix("stage:").partition("/")
        source = state.stage(stage).sealed
        now = next((item["sha256"] for item in source.artifacts if item["name"] == name), None) if source else None
        if now != used["digest"]:
            return f"{used['input']} is not what it used"
        if source and source.seq not in seen and (why := _stale(state, source, seen | {source.seq})):
            return why
    return ""


def gate_of(workspace: Workspace, state: RunState, stage: str) -> tuple[Sop, Gate]:
    """The pinned SOP, and the gate of one of its stages. Raises NotFound (no such stage), WrongUse (it has no gate)."""
    sop = sop_of(workspace, state)
    try:
        gate = sop.stage(stage).gate
    except KeyError:
        stages = ", ".join(each.id for each in sop.stages)
        raise NotFound(f"SOP '{sop.sop}' has no stage '{stage}'", where=state.id, expected=f"one of {stages}") from None
    if gate is None:
        gated = ", ".join(each.id for each in sop.stages if each.gate) or "no stage of this SOP has one"
        raise WrongUse(f"stage '{stage}' has no gate, so there is nothing to sign", where=state.id, expected=gated)
    return sop, gate


def model_of(workspace: Workspace, state: RunState) -> ModelFile:
    """The model file that a run is pinned to. Raises NotFound, DigestMismatch."""
    return _parsed_model(workspace.store.get(state.pins["model"]))


@lru_cache(maxsize=1024)
def _parsed_sop(data: bytes) -> Sop:
    return parse_sop(data, "pinned SOP")


@lru_cache(maxsize=1024)
def _parsed_model(data: bytes) -> ModelFile:
    return parse_model(data, "pinned model file")
