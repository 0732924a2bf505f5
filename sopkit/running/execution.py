"""One execution of one notebook by papermill, in a private folder (papermill's only door).

What papermill and nbclient leave behind is never taken as the truth: it is judged by `sealing`.
papermill (2.7.0) writes its output in place and without fsync, so the path is private, and it
formats paths with `str.format`, so braces in them are doubled.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from sopkit.running.kernel import kill_leftover, stage_kernel_manager

__all__ = ["Executed", "execute_notebook"]


@dataclass(frozen=True)
class Executed:
    """How the execution ended: `failure` is None when papermill came to the end of the notebook."""

    output: Path
    failure: str | None = None
    error: dict[str, str] | None = None


def execute_notebook(
    source: Path,
    folder: Path,
    *,
    parameters: Mapping[str, Any],
    environment: Mapping[str, str],
    timeout: timedelta,
    on_cell: Callable[[int], None],
) -> Executed:
    """Execute `source` in a fresh kernel in `folder`; the output is `folder/run.ipynb`.

    Never raises for what a notebook or its kernel does; KeyboardInterrupt passes through, with the
    kernel killed.
    """
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    for name in ("papermill", "traitlets", "nbclient"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    output, pid_file = folder / "run.ipynb", folder / "kernel.json"
    manager = stage_kernel_manager(environment, folder, pid_file)
    timed_out = threading.Event()

    def stop() -> None:
        timed_out.set()
        kill_leftover(pid_file)

    watch = threading.Timer(timeout.total_seconds(), stop)
    watch.daemon = True
    watch.start()
    failure, error = None, None
    try:
        papermill.execute_notebook(
            str(source).replace("{", "{{").replace("}", "}}"),
            str(output).replace("{", "{{").replace("}", "}}"),
            parameters=dict(parameters),
            kernel_name="python3",
            progress_bar=False,
            km=manager,
            on_cell_start=lambda cell, cell_index: on_cell(cell_index),
        )
    except PapermillExecutionError as raised:
        failure = f"cell {raised.exec_count} raised {raised.ename}: {_short(raised.evalue)}"
        error = {"name": raised.ename, "message": _short(raised.evalue)}
    except (DeadKernelError, RuntimeError):
        failure = "the kernel died"
    except CellTimeoutError:
        failure = "a cell took too long"
    except OSError as raised:
        failure = f"the notebook could not be written: {raised.strerror or raised}"
        error = {"name": type(raised).__name__, "message": str(raised)}
    finally:
        watch.cancel()
        kill_leftover(pid_file)
        _forget(manager)
    if timed_out.is_set():
        failure, error = f"the stage took longer than {timeout} and was stopped", None
    return Executed(output, failure, error)


def _short(text: str, limit: int = 2000) -> str:
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _forget(manager: Any) -> None:
    """Close sockets and remove their folder; the kernel itself is already dead."""
    with contextlib.suppress(Exception):  # nothing here can change what was executed
        manager.provisioner.process.wait(5)
        manager.opened.stop_channels()
        manager.context.destroy(linger=0)
    shutil.rmtree(Path(manager.connection_file).parent, ignore_errors=True)
