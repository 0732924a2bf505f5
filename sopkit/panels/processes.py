"""`sop` processes that the desk starts: of their own, detached, followed from outside.

    .sop/desk/<name>.log      what the process said
    .sop/desk/<name>.json     its command, process id and start
    .sop/desk/<name>.exit     its exit code, once it has one

The rules:
* a process has a session of its own: it outlives the panel, the desk and their kernel, and any desk finds it again;
* arguments are a list and no shell reads them; what a person typed stands behind an option's name, never alone;
* it is told from another process with its number by its start; one that ended without an exit code was killed;
* to stop it is to interrupt it, as Ctrl-C does: the run says so in its log, and can be resumed;
* it gets the desk's environment without what belongs to a notebook's kernel, and nothing is written to it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sopkit.archive.workspace import Workspace
from sopkit.errors import SopkitError

__all__ = ["Process", "newest", "start"]

# The kernel of a notebook ignores SIGINT between cells (ipykernel 7.4); children inherit that, and Python (3.11) then
# raises no KeyboardInterrupt. So the signal is given its meaning back before anything else.
_CODE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
place, code = sys.argv.pop(1), 1
try:
    from sopkit.cli import main
    main()
    code = 0
except SystemExit as ended:
    code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    raise
finally:
    with open(place, "w") as file:
        file.write(str(code))
"""
# ipykernel asks for colours and a pager, which a file does not show; the rest is the kernel's own, or for people
_NOT_PASSED = re.compile(
    r"FORCE_COLOR|CLICOLOR.*|PAGER|GIT_PAGER|MPLBACKEND|JPY_.*|JUPYTER_.*|SOP_PASSPHRASE.*|COLUMNS|LINES"
)
_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{0,120}", re.IGNORECASE)
_TAIL = 4000


@dataclass
class Process:
    """One `sop` process. `run` is the run it is about, once that is known; `command` is what it was asked for."""

    folder: Path
    name: str
    pid: int
    started: float
    command: tuple[str, ...]
    run: str = ""
    _child: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        import psutil

        if self._child is not None and self._child.poll() is not None:
            return False
        try:
            process = psutil.Process(self.pid)
            alive = abs(process.create_time() - self.started) < 1 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            alive = False
        if not alive and self._child is not None:
            self._child.wait()  # it has just ended: no zombie is left
        return bool(alive)

    @property
    def exit_code(self) -> int | None:
        """Its exit code; None while it runs, and for one that was killed."""
        if self.running:
            return None
        try:
            return int((self.folder / f"{self.name}.exit").read_text())
        except (OSError, ValueError):
            return None

    @property
    def killed(self) -> bool:
        """Whether it ended without a word: killed, or the machine went down."""
        return not self.running and self.exit_code is None

    @property
    def said(self) -> str:
        """The end of what it said."""
        try:
            with (self.folder / f"{self.name}.log").open("rb") as file:
                file.seek(0, os.SEEK_END)
                file.seek(max(0, file.tell() - _TAIL))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return ""
        return _plain(text)

    def stop(self) -> bool:
        """Interrupt it, as Ctrl-C does. False if it does not run any more."""
        if not self.running:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
        return True

    def belongs_to(self, run: str) -> None:
        """Remember which run it is about."""
        self.run = run
        _keep(self)


def start(
    workspace: Workspace, arguments: Sequence[str], *, run: str = "", environment: Mapping[str, str] | None = None
) -> Process:
    """Start `sop ARGUMENTS` in the workspace; returns at once. Raises SopkitError where it cannot be started."""
    folder = workspace.sop / "desk"
    outer = os.environ if environment is None else environment
    inner = {name: value for name, value in outer.items() if not _NOT_PASSED.fullmatch(name)}
    inner |= {"NO_COLOR": "1", "TERM": "dumb", "PYTHONUNBUFFERED": "1"}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        name = _new_name(folder)
        with (folder / f"{name}.log").open("wb") as said:
            child = subprocess.Popen(
                # -P: a file of the workspace must not stand in for a library's module
                [sys.executable, "-P", "-c", _CODE, str(folder / f"{name}.exit"), *arguments],
                cwd=workspace.root,
                env=inner,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )
    except (OSError, ValueError) as error:
        raise SopkitError("the process could not be started", where=folder, got=str(error)) from None
    process = Process(folder, name, child.pid, _start_of(child.pid), tuple(arguments), run, child)
    _started[folder, name] = process
    _keep(process)
    _forget_old(folder)
    return process


def newest(workspace: Workspace, run: str) -> Process | None:
    """The process that was started last for a run, by whichever desk. None where there is none."""
    folder = workspace.sop / "desk"
    for path in sorted(folder.glob("*.json"), reverse=True):
        try:
            kept: Any = json.loads(path.read_bytes())
            if kept["run"] == run and (folder, path.stem) in _started:
                return _started[folder, path.stem]
            if kept["run"] == run and _NAME.fullmatch(path.stem):
                return Process(
                    folder, path.stem, int(kept["pid"]), float(kept["started"]), tuple(map(str, kept["command"])), run
                )
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return None


# Of this process: whoever started one has to wait for its end, or it stays as a zombie.
_started: dict[tuple[Path, str], Process] = {}


def _keep(process: Process) -> None:
    kept = {name: getattr(process, name) for name in ("pid", "started", "command", "run")}
    path = process.folder / f"{process.name}.json"
    with contextlib.suppress(OSError):  # then another desk does not find it; this one has it
        part = path.with_suffix(".part")
        part.write_text(json.dumps(kept), encoding="utf-8")
        part.replace(path)


def _new_name(folder: Path) -> str:
    """A name that sorts after the earlier ones and that nobody else takes at the same moment."""
    for number in range(1000):
        name = f"{time.time_ns():020d}-{number:03d}"
        with contextlib.suppress(FileExistsError):
            (folder / f"{name}.log").touch(exist_ok=False)
            return name
    raise OSError("no free name")


def _forget_old(folder: Path, kept: int = 100) -> None:
    """What processes said that ended long ago is of no use any more."""
    for path in sorted(folder.glob("*.log"))[:-kept]:
        for suffix in (".log", ".json", ".exit"):
            path.with_suffix(suffix).unlink(missing_ok=True)


def _start_of(pid: int) -> float:
    import psutil

    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return time.time()


def _plain(text: str) -> str:
    """Without the control sequences of a terminal."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f]", "", text).strip()
