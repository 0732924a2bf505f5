"""A bound on the memory of what is read from strangers: a small file can hold more than a machine has.

Parquet keeps a text that recurs once, and a table repeats it: the footer does not tell how much that will be. So the
operating system is asked to refuse (`RLIMIT_AS`), which holds for the whole process while it lasts: read files of
strangers in a process of their own. Where there is no such limit (Windows; macOS does not keep it) nothing is bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sopkit.errors import DataError

__all__ = ["memory_bound"]


@contextmanager
def memory_bound(more: int, *, where: object) -> Iterator[None]:
    """Inside, this process may take `more` bytes beyond what it has. Raises DataError where that is not enough."""
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    except (ImportError, OSError):
        yield
        return
    import pyarrow as pa

    before, most = resource.getrlimit(resource.RLIMIT_AS)
    bound = taken + more if before == resource.RLIM_INFINITY else min(taken + more, before)
    resource.setrlimit(resource.RLIMIT_AS, (bound, most))
    try:
        yield
    except (MemoryError, pa.ArrowMemoryError):
        raise DataError(
            "the file holds more than may be read at once",
            where=where,
            expected=f"at most {more // 10**6:,} MB of memory",
            remedy="deliver it in parts, or name it as data.source in the model file",
        ) from None
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (before, most))
