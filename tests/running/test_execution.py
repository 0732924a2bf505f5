import json
import os
import time
from datetime import timedelta

import psutil
import pytest

from sopkit.running.execution import execute_notebook
from sopkit.running.kernel import kernel_environment, kill_leftover, remember
from sopkit.running.sealing import seal


@pytest.fixture
def execute(tmp_path, write_notebook):
    """Execute cells in a real kernel; gives how it ended and the seal of it."""

    def run(*sources, timeout=60.0, required=(), outer=None, credentials=None):
        path = write_notebook(*sources)
        folder = tmp_path / "work {x}"
        (folder / "files").mkdir(parents=True)
        (tmp_path / "home").mkdir()
        environment = kernel_environment(outer or os.environ, tmp_path / "home", {}, credentials or {})
        executed = execute_notebook(
            path,
            folder,
            parameters={"run": "r"},
            environment=environment,
            timeout=timedelta(seconds=timeout),
            on_cell=lambda index: None,
        )
        output = json.loads(executed.output.read_bytes()) if executed.output.exists() else json.loads(path.read_bytes())
        sealed = seal(
            json.loads(path.read_bytes()),
            output,
            failure=executed.failure,
            required=required,
            files=folder / "files",
            secrets=credentials or {},
        )
        return executed, sealed

    return run


def test_a_notebook_that_runs_to_its_end_is_sealed(execute):
    """Cells executed once and in order, without errors, make a seal that holds, also in a folder with braces."""
    executed, sealed = execute("a = 1", "print(a + 1)")
    assert executed.failure is None
    assert [] == sealed.faults


def test_a_cell_that_raises_fails_with_name_and_message(execute):
    """The failure names the exception and its message, and the notebook with the traceback is kept."""
    executed, sealed = execute("raise ValueError('too few rows')", "never = 1")
    assert {"name": "ValueError", "message": "too few rows"} == executed.error
    assert "ValueError: too few rows" in sealed.faults[0]
    assert b"too few rows" in sealed.notebook
    assert b"papermill-error" not in sealed.notebook


def test_a_kernel_that_dies_is_a_failure_though_papermill_marks_its_cells_completed(execute):
    """After a dead kernel the attempt fails, whatever papermill's metadata say."""
    executed, sealed = execute("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "never = 1")
    assert "the kernel died" in str(executed.failure)
    assert not sealed.holds


def test_a_stage_that_hangs_is_stopped_at_its_timeout_and_its_kernel_is_gone(execute, tmp_path):
    """A hung cell ends with the stage's timeout, and neither the kernel nor its children survive."""
    executed, sealed = execute(
        "import subprocess, time; p = subprocess.Popen(['sleep', '600']); print(p.pid, flush=True)",
        "time.sleep(600)",
        timeout=6,
    )
    assert "took longer than" in str(executed.failure)
    text = json.loads(sealed.notebook)["cells"][2]["outputs"][0]["text"]
    child = int("".join(text))
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_a_kernel_sees_no_keys_agents_or_passphrases(execute):
    """Of the runner's environment a kernel sees the allowed names and the stage's credentials, nothing else."""
    outer = {**os.environ, "SSH_AUTH_SOCK": "/tmp/agent", "SOP_PASSPHRASE_FILE": "/tmp/p", "AWS_SECRET_ACCESS_KEY": "k"}
    _, sealed = execute(
        "import os; print([name for name in (*names, 'WAREHOUSE') if name in os.environ])".replace(
            "names", "('SSH_AUTH_SOCK', 'SOP_PASSPHRASE_FILE', 'AWS_SECRET_ACCESS_KEY')"
        ),
        outer=outer,
        credentials={"WAREHOUSE": "postgresql://hidden"},
    )
    assert b"['WAREHOUSE']" in sealed.notebook


def test_the_value_of_a_credential_never_enters_the_sealed_notebook(execute):
    """A credential that a cell prints, or that stands in a traceback, is replaced before the notebook is kept."""
    secret = {"WAREHOUSE": "s3cr3t-value"}
    _, printed = execute("import os; print(os.environ['WAREHOUSE'])", credentials=secret)
    assert b"s3cr3t-value" not in printed.notebook
    assert "«credential»".encode() in printed.notebook


def test_a_required_result_that_was_not_recorded_is_a_fault(execute):
    """An attempt without a result that the SOP requires is not sealed, and the fault names it."""
    _, sealed = execute("a = 1", required=["rows"])
    assert ["the required result `rows` was not recorded"] == sealed.faults


def test_only_the_process_that_was_remembered_is_killed(tmp_path):
    """A pid that meanwhile belongs to another process is left alone."""
    pid_file = tmp_path / "kernel.json"
    with psutil.Popen(["sleep", "60"]) as process:
        remember(pid_file, process.pid)
        kept = json.loads(pid_file.read_text())
        pid_file.write_text(json.dumps({**kept, "started": kept["started"] - 100}))
        assert not kill_leftover(pid_file)
        assert process.is_running()
        pid_file.write_text(json.dumps(kept))
        assert kill_leftover(pid_file)
        assert process.wait(5) != 0
    assert not kill_leftover(tmp_path / "missing.json")


def test_a_kernel_dies_with_its_runner(tmp_path, write_notebook):
    """After kill -9 of the runner its kernel is gone at once, not seconds later."""
    import subprocess
    import sys

    path = write_notebook("import time; time.sleep(600)")
    folder = tmp_path / "work"
    folder.mkdir()
    script = f"""
import datetime, os, pathlib
from sopkit.running.execution import execute_notebook
from sopkit.running.kernel import kernel_environment
folder = pathlib.Path({str(folder)!r})
execute_notebook(pathlib.Path({str(path)!r}), folder, parameters={{}}, timeout=datetime.timedelta(minutes=5),
    environment=kernel_environment(os.environ, folder, {{}}, {{}}), on_cell=lambda index: (folder / "busy").touch())
"""
    with subprocess.Popen([sys.executable, "-c", script]) as runner:
        deadline = time.monotonic() + 60
        while not (folder / "busy").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        kernel = json.loads((folder / "kernel.json").read_text())["pid"]
        runner.kill()
    _, alive = psutil.wait_procs([psutil.Process(kernel)] if psutil.pid_exists(kernel) else [], timeout=5)
    assert not alive
