"""What a stage's kernel and its children take, sampled from outside by the runner.

The rules:
* nothing that goes wrong here touches what is executed: a process that has just ended has no sample;
* processor time only grows: what a child took stays counted when the child is gone;
* a long series is thinned by joining neighbours; of memory the larger one stays, so no peak is lost;
* memory is what is resident, of all processes together; the peak is the largest that was *sampled*.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Usage", "thinned"]

KEPT_LIVE = 240
KEPT_IN_LOG = 60

Series = dict[str, list[float]]


@dataclass
class Usage:
    """The series of one attempt. `sample` is called again and again by one thread."""

    pid_file: Path
    began: float = field(default_factory=time.monotonic)
    series: Series = field(default_factory=lambda: {"seconds": [], "cpu_percent": [], "memory_mb": []})
    peak_memory_mb: float = 0.0
    cpu_seconds: float = 0.0
    _processes: dict[int, Any] = field(default_factory=dict)
    _taken: dict[int, float] = field(default_factory=dict)
    _at: float | None = None

    def sample(self) -> None:
        """Add what the processes take now; nothing before there is a kernel, or after it has ended."""
        found = self._family()
        if not found:
            return
        now, memory = time.monotonic(), 0.0
        for pid, process in found.items():
            taken, resident = _of(process)
            self._taken[pid] = max(taken, self._taken.get(pid, 0.0))
            memory += resident
        total = sum(self._taken.values())
        before = self.began if self._at is None else self._at
        percent = 100 * max(0.0, total - self.cpu_seconds) / max(now - before, 1e-3)
        self._at, self.cpu_seconds = now, max(total, self.cpu_seconds)
        self.peak_memory_mb = max(self.peak_memory_mb, memory)
        for name, value in (("seconds", now - self.began), ("cpu_percent", percent), ("memory_mb", memory)):
            self.series[name].append(round(value, 1))
        if len(self.series["seconds"]) >= 2 * KEPT_LIVE:
            self.series = thinned(self.series, KEPT_LIVE)

    def to_dict(self, most: int = KEPT_IN_LOG) -> dict[str, Any] | None:
        """`{peak_memory_mb, cpu_seconds, samples}`, plain JSON; None where nothing could be sampled."""
        if not self.series["seconds"]:
            return None
        return {
            "peak_memory_mb": round(self.peak_memory_mb, 1),
            "cpu_seconds": round(self.cpu_seconds, 2),
            "samples": thinned(self.series, most),
        }

    def _family(self) -> dict[int, Any]:
        """The kernel and its children, by pid; process objects are kept, for they know their start time."""
        import psutil

        try:
            kept = json.loads(self.pid_file.read_text())
            kernel = self._processes.get(kept["pid"]) or psutil.Process(kept["pid"])
            if abs(kernel.create_time() - kept["started"]) > 1:
                return {}
            members = [kernel, *kernel.children(recursive=True)]
        except (OSError, ValueError, KeyError, TypeError, psutil.Error):
            return {}
        self._processes = {member.pid: member for member in members}
        return self._processes


def thinned(series: Series, most: int) -> Series:
    """`most` points at the most: neighbours are joined, memory by their largest, the processor by their mean."""
    number = len(series["seconds"])
    size = -(-number // most)
    if size < 2:
        return {name: list(values) for name, values in series.items()}
    parts = range(0, number, size)
    return {
        "seconds": [series["seconds"][start : start + size][-1] for start in parts],
        "cpu_percent": [
            round(sum(part := series["cpu_percent"][start : start + size]) / len(part), 1) for start in parts
        ],
        "memory_mb": [max(series["memory_mb"][start : start + size]) for start in parts],
    }


def _of(process: Any) -> tuple[float, float]:
    """Processor seconds and resident megabytes of one process; zero of one that has just ended."""
    import psutil

    try:
        with process.oneshot():
            times, resident = process.cpu_times(), process.memory_info().rss
    except psutil.Error:
        return 0.0, 0.0
    return float(times.user + times.system), resident / 2**20
