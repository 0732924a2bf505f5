"""Faults are normal events: kill -9 at any instant, Ctrl-C, a full disk, two at once; in real processes."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from datetime import UTC, datetime, timedelta

import psutil
import pytest

from sopkit.archive.aliases import alias_history
from sopkit.archive.runs import run_states
from sopkit.archive.verification import verify
from sopkit.archive.workspace import Workspace
from sopkit.errors import Busy, NotFound, SopkitError
from sopkit.running.runner import Runner

AS_OF = datetime(2020, 2, 1, tzinfo=UTC)

# The child kills itself: before or after its n-th log entry, the instants between which everything happens.
START = """
import os, signal, sys
from datetime import UTC, datetime
from sopkit.archive.log import Log
from sopkit.archive.workspace import Workspace
from sopkit.running.runner import Runner

left, when = int(sys.argv[2]), sys.argv[3]
append = Log.append

def counted(self, *names, **how):
    global left
    left -= 1
    if left == 0 and when == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    entry = append(self, *names, **how)
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return entry

Log.append = counted
Runner(Workspace(sys.argv[1]), by="eng").start(
    "sample", model="tiny", as_of=datetime(2020, 2, 1, tzinfo=UTC), demo=True)
"""


def started(workspace, entries=0, when="after"):
    command = [sys.executable, "-c", START, str(workspace.root), str(entries), when]
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # whoever starts the tests in the background has them, and all their children, ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def finish(workspace):
    """What a person does after a crash: resume if there is a run, start it if there is none; then let it soak."""
    states = run_states(workspace.log.entries())
    runner = Runner(workspace, by="eng")
    state = runner.resume(states[0].id) if states else runner.start("sample", model="tiny", as_of=AS_OF, demo=True)
    return runner.resume(state.id, as_of=AS_OF + timedelta(days=7))


def told(workspace, state):
    """What a run found and did, without times and names of its own."""
    results = {
        (stage, name): (result["value"], result["verdict"])
        for stage, known in state.stages.items()
        for name, result in known.sealed.results.items()
    }
    moves = [move.digest for move in alias_history(workspace.log.entries(), "tiny")]
    signed = Counter((signed.gate, signed.role, signed.attempt) for signed in state.sign_offs)
    done = Counter(effect.effect for effect in state.effects if effect.status == "done")
    return state.state, state.outcome, results, moves, set(signed.values()), done


# An undisturbed start writes 16 entries: the workspace, the run, three stages, a gate, two effects, outcome and wait.
KILLED = [(entries, "after") for entries in (2, 4, 7, 11, 13, 15)]
KILLED += [(entries, "before") for entries in (3, 8, 12, 14)]


@pytest.mark.parametrize(("entries", "when"), KILLED)
def test_a_runner_killed_at_any_log_entry_is_resumed_to_the_same_end(workspace, entries, when):
    """Killed before or after a log entry, a resumed run ends as an undisturbed one, with nothing done twice."""
    with started(workspace, entries, when) as child:
        assert -signal.SIGKILL == child.wait(120)
    state = finish(workspace)
    found = told(workspace, state)
    assert ("done", "moved") == found[:2]
    assert {("look", "rows"): (20, "pass"), ("judge", "mean"): (0.5, None)}.items() <= found[2].items()
    assert 1 == len(found[3])
    assert {1} == found[4]
    assert {"register_model": 1, "move_alias": 1} == found[5]
    verified = verify(workspace)
    assert verified.ok, verified.problems


@pytest.mark.parametrize("seconds", [0.8, 2.1, 3.7])
def test_a_runner_killed_at_any_moment_is_resumed_to_the_same_end(workspace, seconds):
    """The same for kill -9 by the clock, which also hits kernels, stores and the registry."""
    with started(workspace) as child:
        time.sleep(seconds)
        child.kill()
    state = finish(workspace)
    assert ("done", "moved") == (state.state, state.outcome)
    assert 1 == len(alias_history(workspace.log.entries(), "tiny"))
    assert verify(workspace).ok


def test_ctrl_c_ends_the_attempt_and_its_kernel_and_says_so(workspace):
    """An interrupt is logged as such, its kernel is gone, and a resume goes on."""
    path = workspace.notebooks / "sample" / "01_look.ipynb"
    original = path.read_text()
    path.write_text(original.replace("table = this.load_data().table", "import time; time.sleep(300)"))
    with started(workspace) as child:
        deadline = time.monotonic() + 60
        while not list(workspace.sop.glob("work/*/*/kernel.json")) and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(1.0)
        kernels = psutil.Process(child.pid).children(recursive=True)
        child.send_signal(signal.SIGINT)
        child.wait(30)
    assert kernels
    assert not psutil.wait_procs(kernels, timeout=5)[1]
    (state,) = run_states(workspace.log.entries())
    assert "interrupted" == state.stage("look").current.status


def test_two_runners_cannot_execute_the_same_run(workspace):
    """While one process executes a run, another one that resumes it is told so, and nothing is executed twice."""
    path = workspace.notebooks / "sample" / "02_judge.ipynb"
    path.write_text(
        path.read_text().replace("rows = this.load('rows')", "import time; time.sleep(6); rows = this.load('rows')")
    )
    with started(workspace) as child:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            states = run_states(workspace.log.entries())
            if states and "judge" in states[0].stages:
                break
            time.sleep(0.1)
        with pytest.raises(Busy, match="another process"):
            Runner(workspace, by="eng").resume(states[0].id)
        child.wait(120)
    (state,) = run_states(workspace.log.entries())
    assert 1 == len(state.stage("judge").attempts)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk_fails_with_a_clear_error_and_loses_nothing(workspace, tmp_path):
    """On a disk that is full the run stops with an error, what was recorded verifies, and with room it goes on."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("tmpfs cannot be mounted here")
    try:
        shutil.copytree(workspace.root, small / "workspace")
        full = Workspace(small / "workspace")
        waiting = Runner(full, by="eng").start("sample", model="tiny", as_of=AS_OF, until="look")
        filler = small / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while file.write(b"0" * 4096):
                pass
        with pytest.raises(SopkitError, match="disk is full"):
            Runner(full, by="eng").resume(waiting.id)
        filler.unlink()
        state = Runner(full, by="eng").resume(waiting.id)
        assert "sealed" == state.stage("judge").current.status
        assert verify(full).ok
    finally:
        subprocess.run(["umount", "-l", str(small)], check=False)


def test_a_run_that_does_not_exist_is_not_resumed(workspace):
    """Resuming an unknown run names what there is to do."""
    with pytest.raises(NotFound):
        Runner(workspace, by="eng").resume("20200201T000000Z-tiny-0000")
