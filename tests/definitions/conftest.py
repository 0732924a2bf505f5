from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def project() -> Path:
    """The project's own folder: its templates are definitions that must be sound."""
    return Path(__file__).parents[2]
