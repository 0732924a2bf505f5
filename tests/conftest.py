"""What all tests stand on: nothing of this machine, nobody's keys, one thread."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Two cores are shared by tests, runners and kernels; libraries read these when they are first imported.
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")
os.environ.setdefault("MPLBACKEND", "agg")


@pytest.fixture(autouse=True)
def _nobody_in_particular(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No test sees the person's own keys, name or passphrase file."""
    monkeypatch.setenv("SOP_KEYS", str(tmp_path_factory.getbasetemp() / "no-keys"))
    for name in ("SOP_PERSON", "SOP_PASSPHRASE_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder of the project."""
    return Path(__file__).parent.parent
