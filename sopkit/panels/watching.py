"""Looking again from time to time, in the kernel's own event loop, so that nothing ever blocks.

A cell that shows the desk ends at once: in a run by papermill, too. Where there is no event loop (a test, a script)
nothing is watched.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

__all__ = ["every"]


def every(seconds: float, look: Callable[[], None], say: Callable[[str, str], None]) -> asyncio.Task[None] | None:
    """Call `look` again and again; what it raises is told, and it is called again all the same."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                look()
            except Exception as error:
                with contextlib.suppress(Exception):
                    say(f"{type(error).__name__}: {error}", "fail")

    try:
        return asyncio.get_running_loop().create_task(watch())
    except RuntimeError:
        return None
