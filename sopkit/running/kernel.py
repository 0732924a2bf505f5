"""The kernel of one stage: a process that cannot outlive the runner and sees only what it is given.

The rules:
* its environment is a list of allowed names and the credentials that the SOP names, nothing else:
  no keys, agents or passphrases;
* its process group is killed when the stage ends, in whatever way it ends;
* it dies with the runner: on Linux by the parent-death signal, elsewhere by ipykernel's own poll
  (7.4.0: up to 6 s later), and at the latest at resume, from the pid that is kept on disk.

`python -m sopkit.running.kernel -f FILE` is what the runner starts in place of ipykernel's own launcher.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["ALLOWED", "kernel_environment", "kill_leftover", "remember", "stage_kernel_manager"]

ALLOWED = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "TZ",
    "TMPDIR",
    "TERM",
    "SYSTEMROOT",
    "LD_LIBRARY_PATH",
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "SSL_CERT_FILE",
    "COVERAGE_PROCESS_START",
)
_PR_SET_PDEATHSIG = 1


def kernel_environment(
    outer: Mapping[str, str], home: Path, given: Mapping[str, str], credentials: Mapping[str, str]
) -> dict[str, str]:
    """The whole environment of a stage kernel. `home` takes the place of the person's own home folder."""
    kept = {name: outer[name] for name in ALLOWED if name in outer}
    # One core stays free: OpenMP threads (libgomp of scikit-learn 1.9) wait for each other by spinning, and a
    # single one that has to share its core made histogram boosting five times slower.
    threads = str(max(1, (os.cpu_count() or 2) - 1))
    return {
        "OMP_NUM_THREADS": threads,
        "OPENBLAS_NUM_THREADS": threads,
        **kept,
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "MPLCONFIGDIR": str(home / "matplotlib"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter"),
        "PYTHONHASHSEED": "0",
        "DO_NOT_TRACK": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        **given,
        **credentials,
    }


def stage_kernel_manager(environment: Mapping[str, str], folder: Path, pid_file: Path) -> Any:
    """A jupyter_client kernel manager whose kernel has that environment and folder, and whose pid is kept."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class StageKernelManager(AsyncKernelManager):
        async def start_kernel(self, **how: Any) -> None:  # type: ignore[override]
            how["env"] = {**environment, "SOPKIT_PARENT": str(os.getpid())}
            how["cwd"] = str(folder)
            await super().start_kernel(**how)
            remember(pid_file, self.provisioner.pid)  # type: ignore[union-attr]

        def client(self, **how: Any) -> Any:
            self.opened = super().client(**how)  # nbclient (0.11.0) leaves it open where the manager is not its own
            return self.opened

    # ipc sockets: no port to race for, and nothing another account of the machine could connect to. Without a
    # connection file jupyter_client (8) puts them below the current folder, where the kernel does not look;
    # the folder is a short one, because the path of a socket may have 107 characters at most.
    sockets = tempfile.mkdtemp(prefix="sop-")
    manager = StageKernelManager(
        kernel_name="python3",
        transport="ipc" if os.name == "posix" else "tcp",
        connection_file=os.path.join(sockets, "k.json"),
    )
    manager._kernel_spec = KernelSpec(
        # IPython (9) takes a cell of one line that begins with `run:` or `time:` for the magic of that name
        argv=[
            sys.executable,
            "-m",
            "sopkit.running.kernel",
            "-f",
            "{connection_file}",
            "--InteractiveShell.automagic=False",
        ],
        display_name="sopkit stage",
        language="python",
    )
    return manager


def remember(pid_file: Path, pid: int) -> None:
    """Keep pid and start time, so that a leftover can be told from a new process with its number."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        pid_file.write_text(json.dumps({"pid": pid, "started": psutil.Process(pid).create_time()}))


def kill_leftover(pid_file: Path) -> bool:
    """Kill the kernel that `pid_file` names, if it still runs. True if there was one."""
    import psutil

    try:
        kept = json.loads(pid_file.read_text())
        process = psutil.Process(kept["pid"])
        if abs(process.create_time() - kept["started"]) > 1:
            return False
    except (OSError, ValueError, KeyError, psutil.NoSuchProcess):
        return False
    family = [process, *process.children(recursive=True)]
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    for member in family:
        with contextlib.suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(family, timeout=5)
    return True


def main() -> None:
    parent = os.environ.pop("SOPKIT_PARENT", None)
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if parent is not None and os.getppid() != int(parent):
            return  # the runner died before the signal was asked for
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()


if __name__ == "__main__":
    main()
