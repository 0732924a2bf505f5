"""Verification: whatever is changed, removed or added under `runs/` is found, and named."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sopkit.archive import verification
from sopkit.archive.notebooks import sealed_bytes
from sopkit.archive.verification import Finding, Verification, expected_files, rebuild, verify
from sopkit.archive.workspace import Workspace
from sopkit.errors import NotFound, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from simulator import Simulator


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str, str]:
    """A workspace with a whole run (an older attempt, sign-offs, a failed attempt) and a second one; both run ids."""
    world = Simulator(tmp_path_factory.mktemp("played") / "w")
    run = world.whole_run()
    kept = world.workspace.store.put(sealed_bytes({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
    place: dict[str, Any] = {"run": run, "stage": "deploy", "attempt": 1}
    world.append("stage.started", **place, body={"because": ["first attempt"]})
    world.append("stage.failed", **place, body={"notebook": kept, "file": "03_deploy.ipynb", "reason": "x"})
    world.append("run.failed", run=run, body={"stage": "deploy", "reason": "x"})
    rebuild(world.workspace, run)
    other = world.start()
    world.seal(other, "collect")
    world.wait(other)
    assert verify(world.workspace).problems == verify(world.workspace).notices == ()
    return world.workspace.root, run, other


@pytest.fixture
def world(played: tuple[Path, str, str], tmp_path: Path) -> Workspace:
    """A copy of it, to be spoilt."""
    shutil.copytree(played[0], tmp_path / "w")
    return Workspace(tmp_path / "w")


@pytest.fixture
def run(played: tuple[Path, str, str]) -> str:
    return played[1]


@pytest.fixture
def folder(world: Workspace, run: str) -> Path:
    return world.run_folder("repair", run)


def recorded(workspace: Workspace) -> Iterator[Path]:
    """Every file below `runs/` that is a record."""
    for path in sorted(workspace.runs.rglob("*")):
        if path.is_file() and path != workspace.runs / "README.md":
            yield path


def name(workspace: Workspace, path: Path) -> str:
    return path.relative_to(workspace.root).as_posix()


def kinds(report: Verification, path: str) -> set[str]:
    return {problem.kind for problem in report.problems if problem.path == path}


def expected_kind(path: str, usual: str) -> tuple[str, set[str]]:
    """Where and as what a spoilt file is reported; the log and its checkpoint have words of their own."""
    if path == "runs/log/entries.jsonl":
        return path, {"broken_log"}
    if path == "runs/log/checkpoint":
        return path, {"missing" if usual == "missing" else "forged"}
    return path, {usual}


def write(path: Path, data: bytes) -> None:
    path.chmod(0o644)
    path.write_bytes(data)


def test_an_untouched_archive_verifies(world: Workspace) -> None:
    """No problem, no notice, and everything was counted."""
    report = verify(world)
    assert (report.ok, report.runs, report.sign_offs, report.demo) == (True, 2, 4, 0)
    assert report.files == len(list(recorded(world)))
    assert report.to_dict() == {
        "ok": True,
        "runs": 2,
        "files": report.files,
        "sign_offs": 4,
        "demo": 0,
        "problems": [],
        "notices": [],
    }


def test_every_missing_file_is_found(world: Workspace) -> None:
    """Each recorded file, removed by itself, is reported as missing (the log: as broken) under its own path."""
    for path in list(recorded(world)):
        data, mode = path.read_bytes(), path.stat().st_mode
        path.unlink()
        where, expected = expected_kind(name(world, path), "missing")
        assert kinds(verify(world), where) == expected, where
        path.write_bytes(data)
        path.chmod(mode)
    assert verify(world).ok


def test_every_flipped_byte_is_found(world: Workspace) -> None:
    """A byte flipped in any recorded file, at its start, its end and some places between, is reported as altered."""
    chance = random.Random(20130701)
    for path in list(recorded(world)):
        data = path.read_bytes()
        for place in {0, len(data) - 1, *(chance.randrange(len(data)) for _ in range(4))}:
            changed = bytearray(data)
            changed[place] ^= 1 << chance.randrange(8)
            write(path, bytes(changed))
            where, expected = expected_kind(name(world, path), "altered")
            report = verify(world)
            found = kinds(report, where)
            if (where, "resaved") in {(notice.path, notice.kind) for notice in report.notices}:
                assert path.suffix == ".ipynb", where  # a byte that is no content, such as a kernel's name
            else:
                assert found >= expected, (where, place)
        write(path, data)
    assert verify(world).ok


def test_every_appended_byte_is_found(world: Workspace) -> None:
    """A line at the end of any recorded file is found; an unacknowledged piece of the log's last line is a notice."""
    for path in list(recorded(world)):
        data = path.read_bytes()
        write(path, data + b"x")
        report, where = verify(world), name(world, path)
        if where == "runs/log/entries.jsonl":
            assert (report.ok, [notice.kind for notice in report.notices]) == (True, ["torn_tail"])
        else:
            assert kinds(report, where) == expected_kind(where, "altered")[1], where
        write(path, data)
    assert verify(world).ok


def test_every_emptied_file_is_found(world: Workspace) -> None:
    """Each recorded file, truncated to nothing, is found."""
    for path in list(recorded(world)):
        data = path.read_bytes()
        write(path, b"")
        assert not verify(world).ok, path
        write(path, data)


def test_swapped_files_are_found(world: Workspace, folder: Path) -> None:
    """Two notebooks, artifacts or stored files with each other's content are both altered."""
    pairs = [
        (folder / "02_evaluate.ipynb", folder / "02_evaluate.2.ipynb"),
        (folder / "artifacts/collect/report.json", folder / "artifacts/evaluate/report.json"),
        (folder / "definitions/sop.yaml", folder / "definitions/model.yaml"),
        tuple(list(path for path in recorded(world) if "store" in path.parts)[:2]),
    ]
    for one, two in pairs:
        first, second = one.read_bytes(), two.read_bytes()
        write(one, second)
        write(two, first)
        report = verify(world)
        assert {kinds(report, name(world, path)) == {"altered"} for path in (one, two)} == {True}, (one, two)
        write(one, first)
        write(two, second)


EXTRA = [
    "runs/note.txt",
    "runs/log/entries.jsonl.bak",
    "runs/log/more/entries.jsonl",
    "runs/repair/note.txt",
    "runs/repair/README.md",
    "runs/repair/20130701T000000Z-flights-ffff/02_evaluate.ipynb",
    "runs/other/20130701T000000Z-flights-ffff/artifacts/x",
    "runs/repair/{run}/05_more.ipynb",
    "runs/repair/{run}/02_evaluate.3.ipynb",
    "runs/repair/{run}/.hidden",
    "runs/repair/{run}/README.md",
    "runs/repair/{run}/artifacts/evaluate/more.json",
    "runs/repair/{run}/artifacts/evaluate/model.skops",
    "runs/repair/{run}/definitions/more.yaml",
    "runs/store/note.txt",
    "runs/store/sha256/ab/short",
    "runs/store/md5/ab/" + "0" * 62,
]


@pytest.mark.parametrize("place", EXTRA)
def test_what_nothing_accounts_for_is_extra(world: Workspace, run: str, place: str) -> None:
    """A file anywhere under `runs/` that is no record is reported under its path."""
    path = world.root / place.format(run=run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    assert [(problem.kind, problem.path) for problem in verify(world).problems] == [("extra", name(world, path))]


@pytest.mark.parametrize("place", ["runs/repair/link", "runs/repair/{run}/link", "runs/store/sha256/link"])
def test_a_symbolic_link_is_extra_and_not_followed(world: Workspace, run: str, place: str, tmp_path: Path) -> None:
    """A link to a folder or file outside is reported, and nothing behind it is read."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("x")
    path = world.root / place.format(run=run)
    path.symlink_to(outside)
    assert [(problem.kind, problem.path) for problem in verify(world).problems] == [("extra", name(world, path))]


def test_a_link_in_place_of_a_record_is_altered(world: Workspace, folder: Path, tmp_path: Path) -> None:
    """A record replaced by a link to a file with the same bytes is altered: the bytes are not kept here."""
    for path in (folder / "02_evaluate.ipynb", folder / "definitions" / "sop.yaml"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
        path.unlink()
        path.symlink_to(tmp_path / path.name)
        assert "altered" in kinds(verify(world), name(world, path))


NOTICES = {
    "runs/repair/{run}/.ipynb_checkpoints/02_evaluate-checkpoint.ipynb": "resaved",
    "runs/repair/{run}/.tmp-0123456789abcdef": "torn_tail",
    "runs/log/.tmp-0123456789abcdef": "torn_tail",
    "runs/store/sha256/ab/.tmp-0123456789abcdef": "torn_tail",
}


@pytest.mark.parametrize(("place", "kind"), NOTICES.items())
def test_what_tools_and_interruptions_leave_is_a_notice(world: Workspace, run: str, place: str, kind: str) -> None:
    """JupyterLab's checkpoint copies and temporary files of a killed process are told, and no problem."""
    path = world.root / place.format(run=run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("x")
    report = verify(world)
    assert report.ok
    assert [(notice.kind, notice.path) for notice in report.notices] == [(kind, name(world, path))]


def test_an_unnamed_stored_file_is_a_notice(world: Workspace) -> None:
    """Bytes that were stored under their digest and never logged are left by an interruption."""
    world.store.put(b"never logged")
    report = verify(world)
    assert report.ok
    assert [notice.kind for notice in report.notices] == ["torn_tail"]


# Notebooks


def change(path: Path, how: Callable[[dict[str, Any]], Any]) -> None:
    notebook = json.loads(path.read_bytes())
    how(notebook)
    write(path, sealed_bytes(notebook))


ALTERED: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a result": lambda nb: nb["cells"][3]["outputs"].pop(),
    "a source": lambda nb: nb["cells"][3].update(source="pass"),
    "a parameter": lambda nb: nb["metadata"]["papermill"]["parameters"].update(run="x"),
    "a cell more": lambda nb: nb["cells"].insert(0, {**nb["cells"][0], "id": "x"}),
    "a record cell less, with a newer one after it": lambda nb: nb["cells"].pop(-2),
    "a record cell's word": lambda nb: nb["cells"][-1].update(source="### Rejected"),
    "a record cell's envelope": lambda nb: nb["cells"][-1]["metadata"]["sopkit"]["envelope"].update(payload="e30="),
    "a record cell more": lambda nb: nb["cells"].append({**nb["cells"][-1], "id": "sopkit-record-99"}),
    "record cells in another order": lambda nb: nb["cells"].append(nb["cells"].pop(-2)),
    "a hidden output": lambda nb: nb["cells"][3]["metadata"].update(jupyter={"outputs_hidden": True}),
    "a hidden record": lambda nb: nb["cells"][-1]["metadata"].update(jupyter={"source_hidden": True}),
    "a tagged-away cell": lambda nb: nb["cells"][3]["metadata"].update(tags=["remove-cell"]),
}


@pytest.mark.parametrize("how", ALTERED.values(), ids=ALTERED)
def test_a_notebook_that_shows_something_else_is_altered(
    world: Workspace, folder: Path, how: Callable[[dict[str, Any]], Any]
) -> None:
    """A change of content, of a record cell, or of what is hidden is a problem, and only of that file."""
    path = folder / "02_evaluate.2.ipynb"
    change(path, how)
    report = verify(world)
    assert [(problem.kind, problem.path) for problem in report.problems] == [("altered", name(world, path))]


@pytest.mark.parametrize(
    "how",
    [
        lambda nb: nb["metadata"].update(kernelspec={"name": "other", "display_name": "x", "language": "python"}),
        lambda nb: nb["cells"][3]["metadata"].update(execution={"iopub.execute_input": "now"}),
        lambda nb: nb["cells"][-1]["metadata"].update(editable=True),
        lambda nb: nb["metadata"]["papermill"].update(duration=0),
    ],
)
def test_a_notebook_that_was_saved_again_is_a_notice(
    world: Workspace, folder: Path, how: Callable[[dict[str, Any]], Any]
) -> None:
    """Other metadata with the same content is `resaved`, and rebuilding puts the view back."""
    path = folder / "02_evaluate.2.ipynb"
    change(path, how)
    report = verify(world)
    assert report.ok
    assert [(notice.kind, notice.path) for notice in report.notices] == [("resaved", name(world, path))]
    assert rebuild(world, folder.name) == [name(world, path)]
    assert verify(world).notices == ()


@pytest.mark.parametrize("missing", [1, 2])
def test_an_older_copy_that_was_saved_over_a_newer_one_is_a_notice(tmp_path: Path, missing: int) -> None:
    """Who has a notebook open while others sign, and saves it then, damages nothing: verify names what is not shown,
    the log has it, and rebuilding shows it again."""
    world = Simulator(tmp_path / "w")
    run = world.start()
    world.seal(run, "evaluate")
    signed = [world.sign(run, "evaluate", *who) for who in (("olga", "approve"), ("rita", "approve"))]
    path = world.workspace.run_folder("repair", run) / "02_evaluate.ipynb"
    published = path.read_bytes()
    change(path, lambda nb: (nb.update(cells=nb["cells"][:-missing]), nb["metadata"].update(saved="again")))
    report = world.verify()
    assert (report.ok, report.sign_offs) == (True, 2)
    assert [(notice.kind, notice.path) for notice in report.notices] == [("resaved", name(world.workspace, path))]
    assert ", ".join(str(entry.seq) for entry in signed[-missing:]) in report.notices[0].detail
    assert rebuild(world.workspace, run) == [name(world.workspace, path)]
    assert path.read_bytes() == published


def test_a_record_cell_that_is_missing_after_the_run_has_gone_on_is_altered(world: Workspace, folder: Path) -> None:
    """The runner has put every view right since, so nobody's older copy excuses that a decision is not shown."""
    path = folder / "02_evaluate.2.ipynb"
    change(path, lambda nb: nb["cells"].pop())
    (problem,) = verify(world).problems
    assert (problem.kind, problem.path) == ("altered", name(world, path))
    assert "does not show the sign-off in log entry" in problem.detail


def test_an_older_copy_with_other_content_is_altered(world: Workspace, folder: Path) -> None:
    """That a record cell is missing too excuses nothing."""
    path = folder / "02_evaluate.2.ipynb"
    change(path, lambda nb: (nb["cells"].pop(), nb["cells"][0].update(source="# Evaluated")))
    assert kinds(verify(world), name(world, path)) == {"altered"}


def test_a_key_that_stands_twice_is_altered(world: Workspace, folder: Path) -> None:
    """A notebook whose JSON says two things is altered, whichever of them was sealed."""
    path = folder / "01_collect.ipynb"
    write(path, path.read_bytes().replace(b'"nbformat": 4,', b'"nbformat": 4, "metadata": {},', 1))
    assert kinds(verify(world), name(world, path)) == {"altered"}


def test_a_failed_attempts_notebook_is_kept_too(world: Workspace, folder: Path) -> None:
    """The notebook of a failed attempt is a record like any other: people open it to see what went wrong."""
    path = folder / "03_deploy.ipynb"
    change(path, lambda nb: nb["metadata"].update(x=1))
    report = verify(world)
    assert (report.ok, [(notice.kind, notice.path) for notice in report.notices]) == (
        True,
        [("resaved", name(world, path))],
    )
    change(path, lambda nb: nb["cells"].append({"cell_type": "raw", "id": "x", "metadata": {}, "source": "fine"}))
    assert kinds(verify(world), name(world, path)) == {"altered"}
    write(path, b"{}")
    assert kinds(verify(world), name(world, path)) == {"altered"}


# Log and checkpoint


def log_lines(world: Workspace) -> list[bytes]:
    return world.log.path.read_bytes().splitlines(keepends=True)


def test_a_log_that_was_cut_is_broken(world: Workspace) -> None:
    """Lines missing at the end, in the middle or at the beginning are found."""
    lines = log_lines(world)
    assert verify(world).ok
    for kept in (lines[:-1], lines[:5] + lines[6:], lines[1:], lines[:1], []):
        world.log.path.write_bytes(b"".join(kept))
        assert "broken_log" in {problem.kind for problem in verify(world).problems}


def test_a_log_with_an_entry_more_is_found(world: Workspace) -> None:
    """An entry that no signed checkpoint covers is a stale checkpoint; put somewhere else it breaks the log."""
    lines = log_lines(world)
    more = json.loads(lines[-1])
    more["seq"] += 1
    world.log.path.write_bytes(b"".join(lines) + json.dumps(more).encode() + b"\n")
    assert [problem.kind for problem in verify(world).problems] == ["stale_checkpoint"]


def test_an_old_checkpoint_put_back_is_stale(world: Workspace, run: str) -> None:
    """A true checkpoint of an earlier time beside a longer log is a stale checkpoint."""
    old = world.log.checkpoint_path.read_bytes()
    for _ in range(2):
        world.log.append("run.waiting", at=world.log.entries()[-1].at, run=run, body={})
    world.log.checkpoint_path.write_bytes(old)
    found = [(problem.kind, problem.path) for problem in verify(world).problems]
    assert found == [("stale_checkpoint", "runs/log/checkpoint")]


def test_a_checkpoint_kept_elsewhere_shows_what_was_rewritten(world: Workspace, run: str, tmp_path: Path) -> None:
    """An older checkpoint verifies against the log that grew from it, and not against one that was rewritten whole."""
    old = tmp_path / "checkpoint"
    old.write_bytes(world.log.checkpoint_path.read_bytes())
    world.log.append("run.waiting", at=world.log.entries()[-1].at, run=run, body={})
    assert verify(world, checkpoint=old).ok
    # Whoever has the log key can write another log and sign it. By itself it is whole; the checkpoint elsewhere tells.
    entries = world.log.entries()
    shutil.rmtree(world.runs / "log")
    again = Workspace(world.root)
    for entry in entries[:-1]:
        where = {"run": entry.run, "stage": entry.stage, "attempt": entry.attempt, "by": entry.by}
        again.log.append(entry.kind, at=entry.at, as_of=entry.as_of, body={**entry.body, "x": 1}, **where)
    assert "broken_log" not in {problem.kind for problem in verify(again).problems}
    assert "broken_log" in {problem.kind for problem in verify(again, checkpoint=old).problems}


def test_a_checkpoint_of_another_workspace_is_forged(world: Workspace, tmp_path: Path) -> None:
    """A given checkpoint that another log key signed proves nothing, and is a problem."""
    other = Simulator(tmp_path / "other")
    report = verify(world, checkpoint=other.workspace.log.checkpoint_path.read_bytes())
    assert [problem.kind for problem in report.problems] == ["forged"]


def test_an_empty_archive_verifies(tmp_path: Path) -> None:
    """A fresh workspace has nothing to complain about."""
    for each in ("notebooks", "templates", "runs"):
        (tmp_path / each).mkdir()
    report = verify(Workspace(tmp_path))
    assert (report.ok, report.runs, report.files) == (True, 0, 0)


# Sign-offs


def test_a_forged_sign_off_is_found(tmp_path: Path) -> None:
    """A sign-off whose signature does not hold, whose key has ended, or that was copied is forged."""
    world = Simulator(tmp_path / "w")
    world.person("rex", "reviewer", until=world.now)
    world.change_people()
    run = world.start()
    world.seal(run, "evaluate")
    like = world.sign(run, "evaluate", "olga", "approve")
    forged = [
        world.forge(like),
        world.forge(like, edit=lambda told: told["predicate"].update(comment="x")),
        world.forge(like, key=world.keys["rex"], by="rex", edit=lambda told: told["predicate"].update(name="Rex")),
    ]
    report = world.verify()
    assert {(problem.kind, problem.run) for problem in report.problems} == {("forged", run)}
    assert len(report.problems) == 3
    assert all(any(f"entry {entry.seq}:" in problem.detail for problem in report.problems) for entry in forged)
    assert report.sign_offs == 4


# What is under way


def test_a_view_that_was_not_yet_published_is_a_notice(tmp_path: Path) -> None:
    """Between the log entry and its view nothing is wrong; once anything follows in the run, it is."""
    world = Simulator(tmp_path / "w")
    run = world.start()
    world.seal(run, "collect", show=False)
    report = world.verify()
    assert report.ok
    assert {notice.kind for notice in report.notices} == {"torn_tail"}
    world.wait(run)
    assert {problem.kind for problem in world.verify().problems} == {"missing"}
    assert [Path(path).name for path in rebuild(world.workspace, run)] == ["01_collect.ipynb", "report.json"]
    assert rebuild(world.workspace, run) == []
    assert world.verify().notices == ()


def test_a_sign_off_that_is_not_yet_shown_is_a_notice(tmp_path: Path) -> None:
    """A crash between a sign-off's entry and its record cell is a notice; once the run has gone on, a missing record
    cell is altered."""
    world = Simulator(tmp_path / "w")
    run = world.start()
    world.seal(run, "evaluate")
    path = world.workspace.run_folder("repair", run) / "02_evaluate.ipynb"
    before = path.read_bytes()
    world.sign(run, "evaluate", "olga", "approve")
    path.write_bytes(before)
    assert [notice.kind for notice in world.verify().notices] == ["torn_tail"]
    assert world.verify().ok
    world.wait(run)
    (problem,) = world.verify().problems
    assert problem.kind == "altered"
    assert "does not show the sign-off in log entry" in problem.detail


def test_artifacts_of_an_earlier_attempt_give_way(tmp_path: Path) -> None:
    """The artifacts folder shows the newest sealed attempt; the older bytes stay in the store."""
    world = Simulator(tmp_path / "w")
    run = world.start()
    world.seal(run, "collect", artifacts={"a.json": b"1", "b.json": b"1"})
    world.seal(run, "collect", 2, artifacts={"a.json": b"2"})
    names = [Path(path).name for path in expected_files(world.workspace, world.entries, run) if "artifacts" in path]
    shown = sorted((world.workspace.run_folder("repair", run) / "artifacts" / "collect").iterdir())
    assert names == ["a.json"] == [path.name for path in shown]
    assert world.verify().ok


def test_one_run_can_be_verified_by_itself(world: Workspace, run: str, played: tuple[Path, str, str]) -> None:
    """Only the named run's files are judged, with the log; an unknown run and a non-id are errors."""
    (world.run_folder("repair", run) / "note.txt").write_text("x")
    assert [problem.run for problem in verify(world, [run]).problems] == [run]
    report = verify(world, [played[2]])
    assert (report.ok, report.runs) == (True, 1)
    with pytest.raises(NotFound, match="no such run"):
        verify(world, ["20130701T000000Z-flights-ffff"])
    with pytest.raises(WrongUse, match="not a run id"):
        verify(world, ["../../etc"])


def test_a_folder_of_a_run_that_was_never_started_is_extra(world: Workspace) -> None:
    """Whole copied run folders are extra, file by file, also when they are asked for by name."""
    (source,) = {
        path.parent
        for path in recorded(world)
        if path.name == "03_deploy.ipynb" and "store" not in path.parts and "definitions" not in path.parts
    }
    copy = source.with_name(source.name[:-4] + "ffff")
    shutil.copytree(source, copy)
    for report in (verify(world), verify(world, [copy.name])):
        assert {problem.kind for problem in report.problems} == {"extra"}
        assert {problem.run for problem in report.problems} == {copy.name}


def test_verification_changes_nothing_and_needs_nothing_private(world: Workspace) -> None:
    """Without `.sop` and in a folder that cannot be written, verification gives the same."""
    shutil.rmtree(world.sop)
    before = {path: path.read_bytes() for path in recorded(world)}
    for path in world.runs.rglob("*"):
        path.chmod(path.stat().st_mode & ~0o222)
    assert verify(Workspace(world.root)).ok
    assert {path: path.read_bytes() for path in recorded(world)} == before
    assert not world.sop.exists()
    subprocess.run(["chmod", "-R", "u+w", str(world.root)], check=True)


def test_findings_say_what_where_and_why(world: Workspace, folder: Path) -> None:
    """A finding has run, path, kind and a detail, and is plain JSON."""
    (folder / "artifacts/evaluate/chart.svg").write_bytes(b"<svg>other</svg>")
    (found,) = verify(world).problems
    assert isinstance(found, Finding)
    assert json.loads(json.dumps(verify(world).to_dict()))["problems"] == [
        {
            "run": folder.name,
            "path": name(world, folder / "artifacts/evaluate/chart.svg"),
            "kind": "altered",
            "detail": found.detail,
        }
    ]
    assert "sha256" in found.detail
    assert verification.verify is verify
