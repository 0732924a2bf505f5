"""A run while a runner has it: what is written and asked about it, and by whom. One process at a time."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sopkit.archive.gates import GateResult
from sopkit.archive.judging import gate_result
from sopkit.archive.log import Entry
from sopkit.archive.runs import RunState, run_state
from sopkit.archive.workspace import Workspace
from sopkit.errors import Busy
from sopkit.running import live
from sopkit.running.kernel import kill_leftover

__all__ = ["OpenRun", "now"]


def now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True)
class OpenRun:
    """`by` executes it; `tell` is told what happens, for display only; `environment` is the runner's own."""

    workspace: Workspace
    id: str
    by: str | None
    tell: Callable[[Mapping[str, Any]], None]
    environment: Mapping[str, str]

    @property
    def state(self) -> RunState:
        """What the log says of it now. Raises NotFound."""
        return run_state(self.workspace.log.entries(), self.id)

    def log(self, kind: str, *, body: Mapping[str, Any], **place: Any) -> Entry:
        return self.workspace.log.append(kind, at=now(), run=self.id, by=self.by, body=dict(body), **place)

    def gate(self, stage: str) -> GateResult:
        """The gate behind a stage, judged from verified sign-offs as of now."""
        return gate_result(self.workspace, self.workspace.log.entries(), self.id, stage, at=now())

    def folder(self, stage: str, attempt: int) -> Path:
        """The private folder of an attempt; nothing in it is a record."""
        return self.workspace.sop / "work" / self.id / f"{stage}.{attempt}"

    def notices(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.tell({"kind": "notice", "text": text})

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the run. Raises Busy while another process does."""
        from filelock import FileLock, Timeout

        path = self.workspace.sop / "locks" / f"{self.id}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(path)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise Busy(
                f"run {self.id} is being executed by another process", remedy="wait for it, or stop it"
            ) from None
        try:
            live.begin(self.workspace, self.id)
            yield
        finally:
            live.end(self.workspace, self.id)
            lock.release()

    def recover(self) -> None:
        """Tidy up after a runner that died: its kernel, the attempt that was under way, its private folder."""
        for stage in self.state.stages.values():
            for attempt in stage.attempts:
                if attempt.status == "running":
                    folder = self.folder(stage.id, attempt.number)
                    kill_leftover(folder / "kernel.json")
                    reason = "the runner stopped before the attempt was sealed"
                    self.log("stage.interrupted", stage=stage.id, attempt=attempt.number, body={"reason": reason})
                    shutil.rmtree(folder, ignore_errors=True)
