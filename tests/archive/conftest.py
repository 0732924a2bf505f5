"""A workspace on disk, and a wall clock that stands still."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sopkit.archive.workspace import Workspace

VECTORS = Path(__file__).parents[3] / "shared" / "vectors"


@pytest.fixture
def now() -> datetime:
    return datetime(2026, 11, 20, 8, 54, 1, 250, tzinfo=UTC)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """An empty workspace: no log yet, so neither live nor a simulation."""
    root = tmp_path / "workspace"
    for name in ("notebooks", "templates", "runs"):
        (root / name).mkdir(parents=True)
    return Workspace(root)


@pytest.fixture
def live(workspace: Workspace, now: datetime) -> Workspace:
    """A live workspace whose log has its first entry."""
    workspace.open_log("live", now)
    return workspace


@pytest.fixture
def vectors() -> Path:
    """The folder of published test vectors."""
    if not VECTORS.is_dir():
        pytest.skip(f"no test vectors in {VECTORS}")
    return VECTORS


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
