"""`sop` processes that the desk starts, for real: they outlive it, tell how they ended, and can be interrupted."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest
from a_procedure import eventually, make_workspace

from sopkit.archive.runs import RunState, run_states
from sopkit.archive.workspace import Workspace
from sopkit.errors import SopkitError
from sopkit.panels import processes
from sopkit.running.live import live_state

START = ("run", "sample", "--model", "tiny", "--by=eng")


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return make_workspace(tmp_path / "a workspace")


def run_of(workspace: Workspace) -> RunState | None:
    return next(iter(run_states(workspace.log.entries())), None)


def status(workspace: Workspace) -> Any:
    """What `sop status last --json` tells."""
    command = [sys.executable, "-c", "from sopkit.cli import main; main()", "status", "last", "--json"]
    done = subprocess.run(command, cwd=workspace.root, capture_output=True, check=True)
    return json.loads(done.stdout)


def at_work(workspace: Workspace) -> str | None:
    """The run whose first stage sleeps."""
    run = run_of(workspace)
    live = live_state(workspace, run.id) if run else None
    return run.id if run and live and live["cell"] >= 4 else None


def test_a_process_does_its_work_and_tells_how_it_ended(workspace: Workspace) -> None:
    """The run goes as far as its gate: exit code 3, the words of the command line without colours, the log grown."""
    process = processes.start(workspace, START, environment={**os.environ, "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"})
    eventually(lambda: not process.running)
    assert process.exit_code == 3, process.said
    assert not process.killed
    assert "Look at the rows" in process.said
    assert "\x1b" not in process.said
    assert run_of(workspace).state == "waiting"


def test_an_error_is_told_as_the_command_line_tells_it(workspace: Workspace) -> None:
    """Wrong use: exit code 2, what is wrong and the way out, no traceback."""
    process = processes.start(workspace, ("run", "sample", "--model", "tini"))
    eventually(lambda: not process.running)
    assert process.exit_code == 2
    assert "no model file named 'tini'" in process.said
    assert "Traceback" not in process.said


def test_what_a_person_types_is_no_option_and_no_command(workspace: Workspace) -> None:
    """A reason that looks like an option, or like a shell's work, is the reason."""
    reason = "--demo-reviewers; touch ../owned $(touch ../owned) `touch ../owned`"
    process = processes.start(workspace, (*START, f"--reason={reason}", "--until", "look"))
    eventually(lambda: not process.running)
    assert run_of(workspace).started["reason"] == reason
    assert not run_of(workspace).demo
    assert not (workspace.root.parent / "owned").exists()


def test_a_process_outlives_who_started_it_and_is_found_again(workspace: Workspace) -> None:
    """The desk's kernel is killed with its whole group; the run goes on, and another desk finds the process."""
    code = f"""
import signal, sys, time
sys.path.insert(0, {str(Path(__file__).parent)!r})
from sopkit.archive.workspace import Workspace
from sopkit.panels import processes
signal.signal(signal.SIGINT, signal.SIG_IGN)  # as the kernel of a notebook does
process = processes.start(Workspace({str(workspace.root)!r}), {(*START, "-p", "seconds=3.0")!r})
print(process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True) as desk:
        pid = int(desk.stdout.readline())
        run = eventually(lambda: at_work(workspace))
        os.killpg(desk.pid, signal.SIGKILL)
    assert psutil.pid_exists(pid)
    (path,) = workspace.sop.glob("desk/*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "run": run}))
    found = processes.newest(workspace, run)
    assert found is not None
    assert (found.pid, found.running) == (pid, True)
    eventually(lambda: not found.running)
    assert found.exit_code == 3
    assert run_of(workspace).state == "waiting"


def test_to_stop_is_to_interrupt_and_the_run_can_be_resumed(workspace: Workspace) -> None:
    """Also where whoever started it ignores Ctrl-C, as a kernel does: the log says so, and a resume goes on."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = processes.start(workspace, (*START, "-p", "seconds=60.0"))
    finally:
        signal.signal(signal.SIGINT, before)
    run = eventually(lambda: at_work(workspace))
    told = status(workspace)
    assert (told["live"]["runner"], told["live"]["stage"], told["alerts"]) == ("alive", "look", [])
    assert told["live"]["words"].startswith("cell ")
    assert process.stop()
    eventually(lambda: not process.running)
    assert process.exit_code == 1
    assert f"sop resume {run}" in process.said
    assert run_of(workspace).stage("look").current.status == "interrupted"
    assert not process.stop()


def test_a_process_that_was_killed_says_nothing_and_is_known_as_killed(workspace: Workspace) -> None:
    """After kill -9 there is no exit code, nothing runs, and the runner's word is known to be stale."""
    process = processes.start(workspace, (*START, "-p", "seconds=60.0"), run="")
    run = eventually(lambda: at_work(workspace))
    process.belongs_to(run)
    os.kill(process.pid, signal.SIGKILL)
    eventually(lambda: not process.running)
    assert process.killed
    assert process.exit_code is None
    assert not live_state(workspace, run)["alive"]
    assert status(workspace)["live"]["runner"] == "gone"
    found = processes.newest(workspace, run)
    assert found is not None
    assert found.killed


def test_another_process_with_its_number_is_not_taken_for_it(workspace: Workspace) -> None:
    """A process id that belongs to somebody else now is neither running nor interrupted."""
    process = processes.Process(workspace.sop / "desk", "x", os.getpid(), 5.0, ("status",))
    assert not process.running
    assert not process.stop()
    assert process.killed
    assert process.said == ""


@pytest.mark.parametrize(
    "kept", [b"", b"[]", b'{"run": "r"}', b'{"run": "r", "pid": "x", "started": 1, "command": []}']
)
def test_what_is_no_note_of_a_process_is_passed_over(workspace: Workspace, kept: bytes) -> None:
    """A torn or foreign file in the desk's folder is no process."""
    (workspace.sop / "desk").mkdir(parents=True)
    (workspace.sop / "desk" / "1.json").write_bytes(kept)
    assert processes.newest(workspace, "r") is None


def test_a_folder_that_cannot_be_written_is_told(workspace: Workspace) -> None:
    """Where nothing can be started the error says where."""
    workspace.sop.mkdir(exist_ok=True)
    (workspace.sop / "desk").write_text("a file")
    with pytest.raises(SopkitError, match="could not be started"):
        processes.start(workspace, ("status",))
