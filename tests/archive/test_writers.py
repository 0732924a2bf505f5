"""Writers of one log who compete, are interrupted, are killed at any moment, or run out of disk: real processes."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sopkit.archive.checkpoint import CheckpointState
from sopkit.archive.workspace import Workspace
from sopkit.errors import SopkitError

# Appends until told to stop, or `count` times; says which entries it was told are recorded.
WRITER = """
import itertools, signal, sys
from datetime import UTC, datetime
from sopkit.archive.workspace import Workspace

name, folder, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
log, appending = Workspace(folder).log, False

def interrupt(*_):
    if appending:
        raise KeyboardInterrupt

signal.signal(signal.SIGINT, interrupt)
print("ready", flush=True)
for number in itertools.count() if count < 0 else range(count):
    try:
        appending = True
        entry = log.append("note", at=datetime.now(UTC), by=name, body={"number": number, "text": "x" * 300})
        appending = False
        print(entry.seq, number, flush=True)
    except KeyboardInterrupt:
        appending = False
        print("interrupted", flush=True)
"""


def writer(workspace: Workspace, name: str, count: int = -1) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WRITER, name, str(workspace.root), str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def acknowledged(output: str) -> dict[int, int]:
    """Sequence number -> the writer's own number, of each entry that it was told of; a line cut by a kill is none."""
    lines = [line.split() for line in output.split("\n")[:-1]]
    return {int(line[0]): int(line[1]) for line in lines if len(line) == 2}  # not "interrupted"


def check(workspace: Workspace, told: dict[int, int]) -> None:
    """Every entry that was acknowledged is there, and the log goes on from where it is."""
    log = Workspace(workspace.root).log
    entries = log.entries()
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    assert {seq: entries[seq - 1].body["number"] for seq in told} == told
    assert log.checkpoint_status().state in (CheckpointState.CURRENT, CheckpointState.BEHIND)


def tidy(workspace: Workspace) -> None:
    """The next append leaves the log as if nothing had happened."""
    log = Workspace(workspace.root).log
    log.append("note", at=log.entries()[0].at)
    assert log.checkpoint_status().state == CheckpointState.CURRENT
    assert sorted(path.name for path in log.folder.iterdir()) == ["checkpoint", "entries.jsonl"]


def test_writers_in_several_processes_share_one_order(live):
    """Two processes append at once: no entry is lost or doubled, each has its place, the checkpoint covers all."""
    processes = {name: writer(live, name, 60) for name in ("ana", "bob")}
    told = {name: acknowledged(process.communicate()[0]) for name, process in processes.items()}
    log = live.log
    assert log.size == 121
    for name, seqs in told.items():
        assert [entry.body["number"] for entry in log.entries() if entry.by == name] == list(range(60))
        check(live, seqs)
    assert sorted([*told["ana"], *told["bob"]]) == list(range(2, 122))
    assert log.checkpoint_status().state == CheckpointState.CURRENT


def test_processes_that_open_a_new_workspace_at_once_agree(workspace):
    """Several first runs at once make one first entry and one key."""
    code = (
        "import sys; from datetime import UTC, datetime; from sopkit.archive.workspace import Workspace\n"
        "log = Workspace(sys.argv[1]).open_log('live', datetime.now(UTC)); log.append('note', at=datetime.now(UTC))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", code, str(workspace.root)]) for _ in range(4)]
    assert [process.wait() for process in processes] == [0] * 4
    assert [entry.kind for entry in workspace.log.entries()] == ["workspace.created"] + ["note"] * 4
    assert workspace.log.checkpoint_status().state == CheckpointState.CURRENT


def test_a_writer_killed_at_any_moment_loses_nothing_that_was_acknowledged(live):
    """After each kill -9 the log reads, holds every acknowledged entry, and the next writer goes on."""
    told: dict[int, int] = {}
    chance = random.Random(20130701)
    for _ in range(8):
        process = writer(live, "ana")
        first = process.stdout.readline()  # it is at it
        time.sleep(chance.uniform(0.0, 0.02))  # how long does not matter, only that it differs
        process.kill()
        told |= acknowledged(first + process.communicate()[0])
        check(live, told)
    assert len(told) >= 8
    tidy(live)


def test_a_writer_that_is_interrupted_again_and_again_keeps_the_log_whole(live):
    """Ctrl-C at any moment either records the entry or does not, and the same process goes on."""
    process = writer(live, "ana")
    chance = random.Random(1)
    output: list[str] = []
    for _ in range(60):
        output.append(process.stdout.readline())
        time.sleep(chance.uniform(0.0, 0.004))  # how long does not matter, only that it differs
        process.send_signal(signal.SIGINT)
    while (last := process.stdout.readline()) and not acknowledged(last):  # it goes on after the last interrupt
        output.append(last)
    process.kill()
    output += [last, process.communicate()[0]]
    assert acknowledged(last), "".join(output)
    assert "interrupted\n" in output
    check(live, acknowledged("".join(output)))
    tidy(live)


EVENTS = {"open", "os.rename", "os.remove", "os.truncate", "os.link"}


def dying_append(workspace: Workspace, moment: int) -> bool:
    """Append in a process of its own that ends at its `moment`-th touch of the disk; whether it came to the end."""
    child = os.fork()
    if child == 0:
        seen = 0

        def die(event: str, _: object) -> None:
            nonlocal seen
            seen += event in EVENTS
            if seen > moment:
                os._exit(9)

        log = Workspace(workspace.root).log
        at = log.entries()[0].at
        sys.addaudithook(die)
        log.append("note", at=at)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_append_that_dies_at_any_touch_of_the_disk_has_happened_or_not(live):
    """Whichever file operation is the last one, the entry is there or not, and the log can be verified and goes on."""
    live.log.append("note", at=live.log.entries()[0].at)  # what is imported only now would count as touches
    moment, done = 0, False
    while not done:
        before = live.log.size
        done = dying_append(live, moment)
        log = Workspace(live.root).log
        assert log.size in (before, before + 1)
        behind = {CheckpointState.BEHIND} if log.size > before else set()
        assert log.checkpoint_status().state in {CheckpointState.CURRENT} | behind
        moment += 1
    assert log.size == before + 1
    assert moment > 4
    tidy(live)


def test_a_line_that_does_not_fit_is_not_recorded(live):
    """Where the disk takes only part of the line, the file is as before, and the error says so."""
    at = live.log.entries()[0].at
    before = live.log.path.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 40, hard))
    try:
        with pytest.raises(SopkitError, match="disk is full, nothing was recorded") as raised:
            live.log.append("note", at=at)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.remedy
    assert live.log.path.read_bytes() == before
    assert sorted(path.name for path in live.log.folder.iterdir()) == ["checkpoint", "entries.jsonl"]
    assert live.log.append("note", at=at).seq == 2
    assert live.log.checkpoint_status().state == CheckpointState.CURRENT


def test_on_a_full_disk_nothing_is_recorded_until_there_is_room(small_disk, now):
    """Filled to the last byte, the log stays as it is and can be verified; with room again it goes on."""
    workspace = Workspace(small_disk)
    log = workspace.open_log("live", now)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 4096)
        except OSError:
            pass
    recorded = log.size
    for _ in range(40):  # the last page of the log may still take some
        try:
            recorded = log.append("note", at=now, body={"text": "x" * 500}).seq
        except SopkitError as error:
            assert "disk is full" in error.what  # noqa: PT017 - only some of them fail
            break
    else:
        pytest.fail("the disk was not full")
    again = Workspace(small_disk).log
    assert (again.size, again.torn_tail) == (recorded, b"")
    assert again.checkpoint_status().state == CheckpointState.CURRENT
    ballast.unlink()
    assert log.append("note", at=now).seq == recorded + 1
    assert again.checkpoint_status().state == CheckpointState.CURRENT


def test_a_copied_archive_reads_the_same_anywhere(live, tmp_path):
    """The `runs` folder alone, moved to another place without `.sop`, has the same entries, root and checkpoint."""
    live.log.append("note", at=live.log.entries()[0].at)
    copy = tmp_path / "elsewhere" / "runs"
    shutil.copytree(live.runs, copy)
    log = Workspace(copy.parent).log
    assert log.entries() == live.log.entries()
    assert log.position() == live.log.position()
    assert log.checkpoint_status().state == CheckpointState.CURRENT
    assert json.loads(log.entries()[1].raw)["seq"] == 2
    assert not Path(copy.parent / ".sop").exists()
