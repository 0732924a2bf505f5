"""Fits beside each other in threads: the libraries let go of the interpreter while they count.

The rules:
* answers come in the order of what was asked, and are those of one after the other;
* no more at once than leave each fit its threads: OpenMP threads of two fits that share a core wait for each other by
  spinning (libgomp of scikit-learn 1.9), which costs more than it saves; and never more than two, for their memory;
* what a library warns about is told of the fit that it concerns.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

__all__ = ["at_once", "side_by_side", "warned"]

Item = TypeVar("Item")
Answer = TypeVar("Answer")
MOST = 2


def side_by_side(function: Callable[[Item], Answer], items: Sequence[Item], workers: int | None = None) -> list[Answer]:
    """`function` of every item, in their order, `workers` at once (default: `at_once`). The first error is raised."""
    workers = at_once() if workers is None else workers
    if workers < 2 or len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(workers) as pool:
        asked = [pool.submit(function, item) for item in items]
        try:
            return [each.result() for each in asked]
        except BaseException:
            for each in asked:
                each.cancel()
            raise


def at_once() -> int:
    """How many fits have room beside each other on the cores of this process."""
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    taken = max((int(pool["num_threads"]) for pool in threadpool_info()), default=1)
    return max(1, min(MOST, cores // max(taken, 1)))


# `warnings.catch_warnings` (Python 3.11) sets aside what all threads share, so it is entered once for all of them.
_lock = threading.Lock()
_heard: dict[int, list[str]] = {}
_apart: list[Any] = []


@contextmanager
def warned() -> Iterator[list[str]]:
    """What libraries warn about in this thread meanwhile, as `Category: first line`; nothing of it is printed."""
    mine: list[str] = []
    with _lock:
        if not _heard:
            _apart.append(warnings.catch_warnings())
            _apart[0].__enter__()
            warnings.simplefilter("always")
            warnings.showwarning = _hear
        _heard[threading.get_ident()] = mine
    try:
        yield mine
    finally:
        with _lock:
            del _heard[threading.get_ident()]
            if not _heard:
                _apart.pop().__exit__(None, None, None)


def _hear(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    told = f"{category.__name__}: {(str(message).strip().splitlines() or [''])[0]}"
    ours = _heard.get(threading.get_ident())
    for listener in [ours] if ours is not None else list(_heard.values()):  # a thread of the library's own: whose?
        listener.append(told)
