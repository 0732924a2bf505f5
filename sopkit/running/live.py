"""What is told of a run while a runner has it: display only, never the truth, which is the log.

    .sop/work/<run>/live.json     who runs it (process, its start, host) and the attempt under way

The rules:
* the file is replaced whole, so nobody reads half of one; it is smaller than 50 kB; it goes when the runner lets go;
* a file that a dead runner left is told from a living one by process and start time, on another host by its age;
* what the notebook tells passes through as short texts and finite numbers, and nothing else of it;
* whoever reads takes nothing for granted: a file that is no such file is no live state.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

from sopkit.archive.workspace import Workspace, check_run_id
from sopkit.running.usage import KEPT_LIVE, Usage, thinned

__all__ = ["Told", "begin", "end", "headings", "live_state"]

_EVERY = 1.0
_SILENT = 30.0  # seconds after which a runner on another host counts as gone
_LARGEST = 50_000
_TOLD_KEYS = 24
_TOLD_LENGTH = 200


def live_state(workspace: Workspace, run: str) -> dict[str, Any] | None:
    """What a runner tells of `run` now, None where none tells anything.

    `alive`: whether that runner still runs; `pid`; `stage`, `attempt`, `title`, `seconds` (None between stages);
    `cell` of `cells` and `heading`; `told` by the notebook (`done`, `total`, `note`, `fold`, `iteration` …);
    `memory_mb`, `peak_memory_mb`, `cpu_percent`, `cpu_seconds` and `samples` of the kernel. Raises WrongUse.
    """
    path = _path(workspace, check_run_id(run))
    try:
        kept, written = json.loads(path.read_bytes()[:_LARGEST]), path.stat().st_mtime
    except (OSError, ValueError, RecursionError):
        return None
    runner = kept.get("runner") if isinstance(kept, dict) else None
    if not isinstance(runner, dict):
        return None
    alive = _alive(runner, time.time() - written)
    began, stage = _number(kept.get("began")), kept.get("stage")
    until = time.time() if alive else written  # of a runner that is gone: what it wrote last
    return {
        "run": run,
        "alive": alive,
        "pid": int(_number(runner.get("pid")) or 0),
        "stage": stage if isinstance(stage, str) else None,
        "title": str(kept.get("title") or "")[:_TOLD_LENGTH],
        "attempt": int(_number(kept.get("attempt")) or 0),
        "began": None if began is None else datetime.fromtimestamp(began, UTC).isoformat(),
        "seconds": None if began is None else round(max(0.0, until - began), 1),
        "cell": int(_number(kept.get("cell")) or 0),
        "cells": int(_number(kept.get("cells")) or 0),
        "heading": str(kept.get("heading") or "")[:_TOLD_LENGTH],
        "told": _told(kept.get("told")),
        "samples": _series(kept.get("samples")),
        **{name: _number(kept.get(name)) for name in ("memory_mb", "peak_memory_mb", "cpu_percent", "cpu_seconds")},
    }


def begin(workspace: Workspace, run: str) -> None:
    """Say that this process has the run."""
    _write(_path(workspace, run), {"runner": _this_process()})


def end(workspace: Workspace, run: str) -> None:
    """This process has let go of the run: nothing is told any more."""
    with contextlib.suppress(OSError):
        _path(workspace, run).unlink()


def headings(notebook: Mapping[str, Any]) -> list[str]:
    """What each cell of the executed notebook stands below: the last heading, or the cell's id where there is none.

    With the cell that papermill (2.7) puts in after the one with the `parameters` tag.
    """
    found: list[str] = []
    heading = ""
    for cell in notebook.get("cells", ()):
        source = cell.get("source") or ""
        lines = "".join(source).splitlines()
        if cell.get("cell_type") == "markdown":
            heading = next((line.lstrip("#").strip() for line in lines if line.startswith("#")), heading)
        found.append(heading or str(cell.get("id", "")))
        if "parameters" in cell.get("metadata", {}).get("tags", ()):
            found.append(found[-1])
    return found


class Told:
    """A context manager that tells of one attempt while it is executed, and measures what its kernel takes."""

    def __init__(
        self, workspace: Workspace, run: str, *, stage: str, title: str, attempt: int, cells: list[str], folder: Path
    ) -> None:
        self._path, self._progress = _path(workspace, run), folder / "files" / ".progress.json"
        self._headings, self._cell = cells, 0
        self._began = time.time()
        self._known = {"stage": stage, "title": title, "attempt": attempt, "began": self._began}
        self._usage = Usage(folder / "kernel.json")
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._until_done, name="live", daemon=True)

    def __enter__(self) -> Told:
        self._runner = _this_process()
        self._write()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        _write(self._path, {"runner": self._runner})

    def cell(self, index: int) -> None:
        """The cell at `index` starts."""
        self._cell = index + 1

    @property
    def usage(self) -> dict[str, Any] | None:
        """What the attempt took, for the log; None where nothing could be measured."""
        return self._usage.to_dict()

    def _until_done(self) -> None:
        # A stage of two seconds shall leave more than two points.
        while not self._done.wait(_EVERY / 2 if time.time() - self._began < 20 else _EVERY):
            with contextlib.suppress(Exception):  # whatever fails here, the stage goes on
                self._usage.sample()
                self._write()

    def _write(self) -> None:
        usage = self._usage
        newest = {name: values[-1] for name, values in usage.series.items() if values and name != "seconds"}
        facts = {
            "runner": self._runner,
            **self._known,
            "cell": self._cell,
            "cells": len(self._headings),
            "heading": self._headings[self._cell - 1] if 0 < self._cell <= len(self._headings) else "",
            "told": _told(_read(self._progress)),
            **newest,
            "peak_memory_mb": round(usage.peak_memory_mb, 1),
            "cpu_seconds": round(usage.cpu_seconds, 2),
            "samples": thinned(usage.series, KEPT_LIVE),
        }
        _write(self._path, facts)


def _path(workspace: Workspace, run: str) -> Path:
    return workspace.sop / "work" / run / "live.json"


def _this_process() -> dict[str, Any]:
    import psutil

    return {"pid": os.getpid(), "started": psutil.Process().create_time(), "host": platform.node()}


def _alive(runner: Mapping[str, Any], age: float) -> bool:
    import psutil

    host = runner.get("host")
    if isinstance(host, str) and host != platform.node():
        return age < _SILENT
    try:
        process = psutil.Process(int(runner["pid"]))
        started, status = process.create_time(), process.status()
    except (psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        return False
    return bool(abs(started - (_number(runner.get("started")) or 0.0)) < 1 and status != psutil.STATUS_ZOMBIE)


def _write(path: Path, facts: Mapping[str, Any]) -> None:
    """Replace the file whole. A disk that is full is no reason to stop a stage: then nothing new is told."""
    part = path.with_suffix(".part")
    with contextlib.suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(facts), encoding="utf-8")
        part.replace(path)


def _read(path: Path) -> Any:
    try:
        if not path.is_file():  # a pipe of that name would be waited for
            return None
        with path.open("rb") as file:
            return json.loads(file.read(_LARGEST))
    except (OSError, ValueError, RecursionError):
        return None


def _told(found: Any) -> dict[str, str | float]:
    """What the notebook tells, as far as it is short texts and finite numbers."""
    kept: dict[str, str | float] = {}
    for name, value in list(found.items())[:_TOLD_KEYS] if isinstance(found, dict) else ():
        if isinstance(value, str):
            kept[str(name)[:_TOLD_LENGTH]] = value[:_TOLD_LENGTH]
        elif (number := _number(value)) is not None:
            kept[str(name)[:_TOLD_LENGTH]] = number
    return kept


def _series(found: Any) -> dict[str, list[float]]:
    names = ("seconds", "cpu_percent", "memory_mb")
    lists = [found.get(name) if isinstance(found, dict) else None for name in names]
    if not all(isinstance(each, list) for each in lists):
        return {name: [] for name in names}
    rows = [row for row in zip(*lists, strict=False) if all(_number(value) is not None for value in row)]
    return {name: [float(row[place]) for row in rows] for place, name in enumerate(names)}


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -1e18 < value < 1e18:
        return None
    return float(value)
