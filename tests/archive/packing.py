"""What the tests of packs share: a world with a signed and a waiting run, and zips that are taken apart and changed."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from simulator import Simulator

__all__ = ["contents", "two_runs", "zipped"]


def two_runs(root: Path) -> tuple[Simulator, str, str]:
    """A world, a run with everything signed, and one that waits for its evaluation to be signed."""
    world = Simulator(root)
    done = world.whole_run()
    waits = world.start()
    world.seal(waits, "collect")
    world.sign(waits, "collect", "dora", "approve")
    world.seal(waits, "evaluate", auc=0.9)
    return world, done, waits


def contents(path: Path) -> dict[str, bytes]:
    """The files of a zip, in its order."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(path: Path, files: Mapping[str, bytes]) -> Path:
    """A zip of these files, as somebody with an ordinary tool would make it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path
