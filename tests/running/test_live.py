"""What is told of a run while a runner has it, with real processes and kernels."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from sopkit.archive.runs import run_states
from sopkit.archive.verification import verify
from sopkit.errors import WrongUse
from sopkit.running.live import headings, live_state
from sopkit.running.runner import Runner
from sopkit.running.usage import Usage, thinned

AS_OF = datetime(2020, 2, 1, tzinfo=UTC)
HOST = platform.node()
RUN = "20200201T000000Z-tiny-0000"
START = """
import sys
from datetime import UTC, datetime
from sopkit.archive.workspace import Workspace
from sopkit.running.runner import Runner
Runner(Workspace(sys.argv[1]), by="eng").start(
    "sample", model="tiny", as_of=datetime(2020, 2, 1, tzinfo=UTC), demo=True, until="look")
"""
BUSY = """import time
this.progress(2, 3, "recipe <b>all-past</b>", fold=2, folds=3, iteration=7.0, loss=float("nan"), deep={"a": 1})
held = b"x" * 120_000_000
while time.sleep(0.01) is None: sum(range(20_000))"""


def slow(workspace, source=BUSY):
    """The sample procedure, whose first stage does not end by itself."""
    path = workspace.notebooks / "sample" / "01_look.ipynb"
    notebook = json.loads(path.read_text())
    notebook["cells"].insert(
        2, {"cell_type": "markdown", "id": "m", "metadata": {}, "source": "text\n## Who is <there>?"}
    )
    next(cell for cell in notebook["cells"] if cell["id"] == "cell-1")["source"] = source
    path.write_text(json.dumps(notebook))


def started(workspace):
    return subprocess.Popen(
        [sys.executable, "-c", START, str(workspace.root)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def eventually(ask, seconds=60):
    """What `ask` answers as soon as that is anything."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := ask():
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come to that")


def run_of(workspace):
    states = run_states(workspace.log.entries())
    return states[0] if states else None


def test_a_stage_under_way_tells_cell_heading_progress_and_what_it_takes(workspace):
    """Who looks sees where it is, what the notebook tells of it, processor and memory; after Ctrl-C nothing is left."""
    slow(workspace)
    with started(workspace) as child:

        def told():
            state = run_of(workspace)
            live = live_state(workspace, state.id) if state else None
            return live if live and (live["memory_mb"] or 0) > 150 and live["told"].get("fold") else None

        live = eventually(told)
        size = (workspace.sop / "work" / live["run"] / "live.json").stat().st_size
        child.send_signal(signal.SIGINT)
        child.wait(60)
    assert live["alive"]
    assert child.pid == live["pid"]
    assert ("look", "Look", 1) == (live["stage"], live["title"], live["attempt"])
    assert (5, 7) == (live["cell"], live["cells"])
    assert "Who is <there>?" == live["heading"]
    assert {"done": 2.0, "total": 3.0, "note": "recipe <b>all-past</b>"}.items() <= live["told"].items()
    assert {"fold": 2.0, "iteration": 7.0}.items() <= live["told"].items()
    assert "NaN" == live["told"]["loss"]
    assert "deep" not in live["told"]
    assert live["cpu_seconds"] >= 0
    assert live["peak_memory_mb"] >= live["memory_mb"] > 150
    assert len(live["samples"]["seconds"]) == len(live["samples"]["memory_mb"]) >= 1
    assert size < 50_000
    assert live_state(workspace, live["run"]) is None
    assert "interrupted" == run_of(workspace).stage("look").current.status


def test_what_a_dead_runner_left_is_told_from_a_living_one_and_the_run_goes_on(workspace):
    """After kill -9 the file is there and says so; a resume takes the run up, and its own file is gone at the end."""
    slow(workspace, "import time; time.sleep(300)")
    with started(workspace) as child:
        run = eventually(lambda: (state := run_of(workspace)) and live_state(workspace, state.id) and state.id)
        eventually(lambda: (live_state(workspace, run) or {}).get("cell", 0) >= 4)
        child.kill()
        eventually(lambda: not live_state(workspace, run)["alive"])  # dead, and not yet waited for
    live = live_state(workspace, run)
    assert not live["alive"]
    assert "look" == live["stage"]
    assert live["seconds"] == live_state(workspace, run)["seconds"]
    state = Runner(workspace, by="eng").abandon(run, "it hangs")
    assert "abandoned" == state.state
    assert live_state(workspace, run) is None
    assert verify(workspace).ok


def test_what_an_attempt_took_stands_in_the_log(workspace):
    """Sealed and failed attempts say peak memory, processor seconds and a short series; the log verifies with them."""
    path = workspace.notebooks / "sample" / "02_judge.ipynb"
    path.write_text(path.read_text().replace("this.champion", "raise ValueError('no')"))
    state = Runner(workspace, by="eng").start("sample", model="tiny", as_of=AS_OF, demo=True)
    assert "failed" == state.state
    for stage in ("look", "judge"):
        usage = state.stage(stage).current.usage
        assert usage["peak_memory_mb"] > 20
        assert usage["cpu_seconds"] > 0
        assert 1 <= len(usage["samples"]["seconds"]) == len(usage["samples"]["cpu_percent"]) <= 60
    assert verify(workspace).ok
    assert live_state(workspace, state.id) is None


def test_a_stage_that_starts_other_processes_is_measured_with_them(tmp_path):
    """Memory and time of children count, and their time stays counted when they are gone."""
    child = "held = b'x' * 150_000_000; sum(range(60_000_000)); import time; time.sleep(60)"
    parent = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    with psutil.Popen([sys.executable, "-c", parent]) as process:
        usage = Usage(tmp_path / "kernel.json")
        usage.sample()
        assert usage.to_dict() is None
        (tmp_path / "kernel.json").write_text(json.dumps({"pid": process.pid, "started": process.create_time()}))
        eventually(lambda: usage.sample() or usage.peak_memory_mb > 150)
        eventually(lambda: usage.sample() or usage.cpu_seconds > 0.2)
        taken = usage.cpu_seconds
        for each in process.children():
            each.kill()
        eventually(lambda: usage.sample() or usage.series["memory_mb"][-1] < 150)
        assert usage.cpu_seconds >= taken
        assert usage.to_dict()["peak_memory_mb"] > 150
        process.kill()
    points = len(usage.series["seconds"])
    usage.sample()
    assert points == len(usage.series["seconds"])


def test_a_long_series_is_thinned_and_loses_no_peak():
    """An hour of samples is sixty points; the one with most memory is among them, and the end stays the end."""
    memory = [100.0] * 3600
    memory[1234] = 900.0
    series = {"seconds": [float(at) for at in range(3600)], "cpu_percent": [50.0] * 3600, "memory_mb": memory}
    short = thinned(series, 60)
    assert 60 == len(short["seconds"]) == len(short["memory_mb"])
    assert (900.0, 3599.0, {50.0}) == (max(short["memory_mb"]), short["seconds"][-1], set(short["cpu_percent"]))
    assert thinned(short, 60) == short


SPOILED = {
    "nothing": b"",
    "torn": b'{"runner": {"pid": 1',
    "no object": b"[1]",
    "no runner": b"{}",
    "numbers that are none": b'{"runner": {"pid": 1e400, "started": NaN, "host": null}, "cell": "7", "began": 1e400}',
    "another's pid": json.dumps(
        {"runner": {"pid": 1, "started": 5.0, "host": HOST}, "samples": {"seconds": [1, "x"]}}
    ).encode(),
    "nested too deep": b"[" * 40_000,
    "texts and lists": b'{"runner": {"pid": "x"}, "stage": ["look"], "told": ["a"], "title": {"<script>": 1}}',
}


@pytest.mark.parametrize("case", SPOILED)
def test_a_file_that_is_no_such_file_is_no_living_runner(workspace, case):
    """Whatever lies there, nobody who looks is stopped by it, and nothing counts as alive."""
    path = workspace.sop / "work" / RUN / "live.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(SPOILED[case])
    live = live_state(workspace, RUN)
    assert live is None or (not live["alive"] and live["stage"] is None)


def test_a_runner_on_another_host_is_alive_while_it_writes(workspace):
    """Its process cannot be asked: the age of what it wrote tells."""
    path = workspace.sop / "work" / RUN / "live.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"runner": {"pid": os.getpid(), "started": 1.0, "host": "elsewhere"}}))
    assert live_state(workspace, RUN)["alive"]
    old = (datetime.now(UTC) - timedelta(minutes=5)).timestamp()
    os.utime(path, (old, old))
    assert not live_state(workspace, RUN)["alive"]


def test_only_a_run_id_leads_to_a_file(workspace):
    """A name that is no run id is refused before a path is made of it."""
    with pytest.raises(WrongUse):
        live_state(workspace, "../../etc")


def test_cells_stand_below_their_headings():
    """Each cell of the executed notebook has a heading, the injected one included; before any heading, its id."""
    cells = [
        {"cell_type": "code", "id": "first", "metadata": {}, "source": "1"},
        {"cell_type": "markdown", "id": "t", "metadata": {}, "source": ["# The ", "title\n", "more"]},
        {"cell_type": "code", "id": "parameters", "metadata": {"tags": ["parameters"]}, "source": "run: str = ''"},
        {"cell_type": "code", "id": "work", "metadata": {}, "source": "# a comment"},
    ]
    assert headings({"cells": cells}) == ["first", "The title", "The title", "The title", "The title"]
