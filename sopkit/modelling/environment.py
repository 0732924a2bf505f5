"""What a result depends on beside data and code: kept by stage `prepare`, so that a run can be replayed."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["describe"]

_LIBRARIES = ("numpy", "scipy", "pandas", "pyarrow", "scikit-learn", "skops", "lightgbm", "xgboost", "sopkit")
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def describe(
    *, seed: int, root: Path, lock: Path | None = None, variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Interpreter, platform, lock, code, seed, libraries and threads, as plain JSON.

    `root` is a folder of the code whose commit is asked for, `lock` the requirements lock (default: the one in
    `root`), `variables` the environment (only the thread settings are looked at; nothing else is kept).
    """
    lock = lock or root / "requirements.lock"
    variables = variables or {}
    return {
        "interpreter": f"{platform.python_implementation()} {platform.python_version()}",
        "executable": sys.executable,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "lock_sha256": hashlib.sha256(lock.read_bytes()).hexdigest() if lock.is_file() else None,
        "code": _commit(root),
        "seed": seed,
        "libraries": {name: version for name in _LIBRARIES if (version := _version(name))},
        "thread_settings": {name: variables[name] for name in _THREADS if name in variables},
        "thread_pools": _pools(),
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _commit(root: Path) -> dict[str, Any] | None:
    try:
        commit = _git(root, "rev-parse", "HEAD")
        return {"commit": commit, "changed": bool(_git(root, "status", "--porcelain", "--untracked-files=no"))}
    except (OSError, subprocess.SubprocessError):  # no git, or not a repository
        return None


def _git(root: Path, *arguments: str) -> str:
    answer = subprocess.run(
        ["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True, timeout=10
    )
    return answer.stdout.strip()


def _pools() -> list[dict[str, Any]]:
    """BLAS and OpenMP runtimes that this process has loaded so far."""
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    kept = ("user_api", "internal_api", "version", "num_threads")
    return [{key: pool.get(key) for key in kept} for pool in threadpool_info()]
