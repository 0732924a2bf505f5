"""What a fit costs: wall and processor seconds, memory and threads, sampled while it runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any

import psutil

__all__ = ["Meter", "Sample"]

Sample = dict[str, float]
_EVERY = 0.5
_KEPT = 240


class Meter:
    """Measures this process while the `with` block runs; `progress` is called with each sample.

    A sample is `{seconds, cpu_seconds, memory_mb, threads}`, all since the start but memory (resident, of the
    whole process) and threads. Peak memory is the largest that was *sampled*, every half second.
    """

    def __init__(self, progress: Callable[[Sample], None] | None = None) -> None:
        self._progress = progress
        self._process = psutil.Process()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample_until_done, daemon=True)
        self._peak_threads = 0.0
        self._peak_memory = 0.0
        self.series: list[Sample] = []

    def __enter__(self) -> Meter:
        self._started = time.monotonic()
        self._cpu = self._cpu_seconds()
        self._sample()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()
        self._sample()

    def to_dict(self) -> dict[str, Any]:
        """Totals and the series, plain JSON. A long series is thinned evenly to at most 240 samples."""
        last = self.series[-1]
        step = max(1, -(-len(self.series) // _KEPT))
        return {
            "wall_seconds": last["seconds"],
            "cpu_seconds": last["cpu_seconds"],
            "peak_memory_mb": self._peak_memory,
            "most_threads": self._peak_threads,
            "samples": self.series[::step],
        }

    def _cpu_seconds(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _sample(self) -> None:
        sample = {
            "seconds": round(time.monotonic() - self._started, 3),
            "cpu_seconds": round(self._cpu_seconds() - self._cpu, 3),
            "memory_mb": round(self._process.memory_info().rss / 2**20, 1),
            "threads": float(self._process.num_threads()),
        }
        self._peak_memory = max(self._peak_memory, sample["memory_mb"])
        self._peak_threads = max(self._peak_threads, sample["threads"])
        self.series.append(sample)
        if self._progress is not None:
            self._progress(sample)

    def _sample_until_done(self) -> None:
        while not self._done.wait(_EVERY):
            self._sample()
