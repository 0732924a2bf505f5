"""Does the review desk stay quick when there is much to see? Five hundred runs against the two of `demo/`.

Times depend on the machine and on who else uses it, so what is kept are ratios, measured side by side: each panel, and
each command, on many runs over the same on two. Seconds are told on the terminal only, beside what was promised.

    python -m tests.benchmarks.desk WORKSPACE        the seconds of one process, as JSON
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sopkit.evidence.charts import Row, bars
from tests.benchmarks.many_runs import make
from tests.benchmarks.report import Report

CHECKOUT = Path(__file__).parents[2]
PATTERN = CHECKOUT / "demo"
PROMISED = 2.0  # seconds for any panel to open
COMMANDS = {
    "sop status": ("status",),
    "sop status RUN": ("status", "last"),
    "sop show RUN": ("show", "last", "collect"),
}
TIMES = 5
TOO_SHORT = 0.01  # seconds on two runs, of which a ratio says nothing


def measure(quick: bool, tell: Callable[[str], None]) -> Report:
    """Five hundred runs (`quick`: sixty); needs the demo workspace, which `make run` makes."""
    assert PATTERN.is_dir(), "there is no demo/: `make run` makes it, and the runs are made after its pattern"
    runs, times = (60, 2) if quick else (500, TIMES)
    with tempfile.TemporaryDirectory() as temporary:
        began = time.monotonic()
        many = make(Path(temporary) / "work", runs, PATTERN).root
        tell(f"{runs} runs made in {time.monotonic() - began:.0f} s")
        # in turns, so that whatever else the machine does falls on both
        found: dict[Path, list[dict[str, float]]] = {many: [], PATTERN: []}
        for _ in range(times):
            for place, seconds in found.items():
                seconds.append({**_desk(place), **_commands(place)})
        entries = sum(1 for _ in (many / "runs/log/entries.jsonl").open("rb"))
    middle = {place: _medians(seconds) for place, seconds in found.items()}
    for name, seconds in middle[many].items():
        late = f"  later than the {PROMISED:.0f} s that were promised" if seconds > PROMISED else ""
        tell(f"  {name:28} {seconds:6.2f} s on {runs} runs, {middle[PATTERN].get(name, 0):6.2f} s on two{late}")
    return _report(runs, entries, middle[many], middle[PATTERN])


def _report(runs: int, entries: int, many: Mapping[str, float], few: Mapping[str, float]) -> Report:
    ratios = {name: many[name] / few[name] for name in many if few.get(name, 0) > TOO_SHORT}
    rows = [Row(name, ratio, note=f"{ratio:.1f}") for name, ratio in ratios.items()]
    worst = max(ratios, key=lambda name: ratios[name])
    title = f"With {runs} runs the desk takes {ratios['the desk, shown']:.1f} times as long to open as with two"
    chart = bars(title, rows, x_label=f"time with {runs} runs over time with two")
    text = f"""\
# The review desk, measured

Made by `make bench ONLY=desk`: a workspace with {runs} runs ({entries:,} log entries), made after the pattern of the
two in `demo/`, and `demo/` itself, in turns; medians over fresh processes. Ratios only: seconds depend on the machine
and are not kept.

* {title}; the whole log is read once for that.
* What grows most is "{worst}": {ratios[worst]:.1f} times.
* What takes less than {1000 * TOO_SHORT:.0f} ms on two runs is left out, for its ratio would say nothing.

![{title}](desk_ratios.png)

| what | with {runs} runs over with two |
|---|---:|
""" + "".join(f"| {name} | {ratio:.1f} |\n" for name, ratio in ratios.items())
    facts = {"runs": runs, "entries": entries, "ratios": {name: round(ratio, 2) for name, ratio in ratios.items()}}
    return Report(text, facts, {"ratios": chart})


def _desk(place: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.desk", str(place)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return told


def _commands(place: Path) -> dict[str, float]:
    found = {}
    for name, arguments in COMMANDS.items():
        began = time.perf_counter()
        command = [sys.executable, "-c", "from sopkit.cli import main; main()", *arguments]
        subprocess.run(command, cwd=place, capture_output=True, check=True)
        found[name] = time.perf_counter() - began
    return found


def _medians(seconds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(each[name] for each in seconds) for name in seconds[0]}


def one_process(place: Path) -> dict[str, float]:
    """What a kernel does for the desk: import it, show it, open each panel, look at another run, follow the log."""
    found: dict[str, float] = {}

    def timed(name: str, do: Callable[[], Any]) -> Any:
        began = time.perf_counter()
        value = do()
        found[name] = time.perf_counter() - began
        return value

    def imported() -> Any:
        from sopkit.panels.desk import PANELS, Desk

        return Desk, PANELS

    began = time.perf_counter()
    make_desk, panels = timed("the desk, imported", imported)
    desk = make_desk(place)
    found["the desk, shown"] = time.perf_counter() - began
    for panel in panels:
        timed(panel, lambda panel=panel: desk.open(panel))  # type: ignore[misc]
        assert "cannot be shown" not in desk.said.value, desk.said.value
    desk.open("Run")
    timed("another run", lambda: desk.look_at(desk.states[1].id))
    timed("following, nothing new", desk.follow)
    timed("the log, read again", desk.refresh)
    return found


if __name__ == "__main__":
    print(json.dumps(one_process(Path(sys.argv[1]))))
