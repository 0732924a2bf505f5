"""A workspace whose run waits at a gate, keys of its people on disk, and the desk on it; no browser."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sopkit.panels import Desk

sys.path.insert(0, str(Path(__file__).parent))
from at_the_desk import READ_FIRST, Simulator, give_key


@pytest.fixture
def keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of personal keys of whoever sits at the desk."""
    folder = tmp_path / "keys"
    folder.mkdir()
    monkeypatch.setenv("SOP_KEYS", str(folder))
    monkeypatch.delenv("SOP_PERSON", raising=False)
    return folder


@pytest.fixture
def world(tmp_path: Path, keys: Path) -> Simulator:
    """Stage evaluate is sealed, and its gate waits for a model owner and a reviewer; comparison is to be read first."""
    world = Simulator(tmp_path / "workspace", sop=READ_FIRST, now=datetime.now(UTC) - timedelta(hours=1))
    run = world.start()
    world.seal(run, "collect")
    world.seal(run, "evaluate")
    needs = [{"stage": "evaluate", "kind": "sign_off", "roles": ["model-owner", "reviewer"]}]
    world.append("run.waiting", run=run, body={"for": needs, "why": "gate 'promotion' of stage 'evaluate' is closed"})
    world.run = run
    return world


@pytest.fixture
def desk_of(world: Simulator, keys: Path) -> Callable[..., Desk]:
    """The desk, with the key of a person on disk, encrypted."""

    def sit_down(person: str = "olga", panel: str = "Inbox") -> Desk:
        give_key(world, keys, person)
        desk = Desk(world.workspace.root, panel=panel)
        desk.identity.key.value = str(keys / person)
        return desk

    return sit_down
