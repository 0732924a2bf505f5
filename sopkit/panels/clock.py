"""The wall time, which governs people."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["now"]


def now() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)
