from __future__ import annotations

import uuid
from datetime import datetime

import pytest

from sopkit.archive.workspace import Workspace
from sopkit.errors import NotFound, WrongUse

BAD_NAMES = ["", "..", ".", "a/b", "/etc", "a\\b", "A", "-a", "a\n", "a b", "ä", "a" * 65, "a.yaml", "a\0b", "${HOME}"]
BAD_RUNS = [
    *BAD_NAMES,
    "20130701T000000Z-flights-4f2",
    "20130701T000000Z-flights-4f2a/..",
    "20130701T000000Z-../..-4f2a",
    "20130701T000000Z-flights-4f2a\n",
    "٢٠١٣٠٧٠١T000000Z-flights-4f2a",
]


def test_a_workspace_is_found_from_any_folder_in_it(workspace):
    """From the root and from folders below it, the workspace is the same."""
    deep = workspace.notebooks / "retraining" / "drafts"
    deep.mkdir(parents=True)
    assert {Workspace.find(start).root for start in (workspace.root, workspace.runs, deep)} == {workspace.root}


def test_the_current_folder_is_where_the_search_starts(workspace, monkeypatch):
    """Without a start the current folder counts."""
    monkeypatch.chdir(workspace.templates)
    assert Workspace.find().root == workspace.root


def test_outside_of_a_workspace_the_error_says_how_to_make_one(tmp_path):
    """Two of three folders are no workspace."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "templates").mkdir()
    with pytest.raises(NotFound, match="not in a workspace") as raised:
        Workspace.find(tmp_path / "notebooks")
    assert "sop new" in raised.value.remedy


@pytest.mark.parametrize("name", BAD_NAMES)
def test_what_is_no_name_never_becomes_a_path(workspace, name):
    """Separators, parents, absolute paths and anything else that is no name are refused."""
    for call in (workspace.sop_file, workspace.model_file, workspace.sop_folder):
        with pytest.raises(WrongUse):
            call(name)
    with pytest.raises(WrongUse):
        workspace.run_folder(name, "20130701T000000Z-flights-4f2a")


@pytest.mark.parametrize("run", BAD_RUNS)
def test_what_is_no_run_id_never_becomes_a_path(workspace, run):
    """Only the one form of a run id is a folder of a run."""
    with pytest.raises(WrongUse):
        workspace.run_folder("retraining", run)


@pytest.mark.parametrize("name", ["log", "store", "predictions"])
def test_the_archives_own_folders_are_no_sops(workspace, name):
    """A SOP cannot be called like what else is in `runs/`."""
    with pytest.raises(WrongUse, match="archive"):
        workspace.sop_folder(name)


def test_where_things_are(workspace):
    """Names lead to the places of the house."""
    run = "20130701T000000Z-flights-4f2a"
    assert workspace.run_folder("retraining", run) == workspace.root / "runs" / "retraining" / run
    assert workspace.sop_file("retraining") == workspace.root / "templates" / "sops" / "retraining.yaml"
    assert workspace.model_file("flights") == workspace.root / "templates" / "models" / "flights.yaml"


def test_the_first_entry_names_the_workspace_its_key_and_its_mode(workspace, now):
    """A workspace has no mode before its first run; then its log says what it is and who signs checkpoints."""
    assert workspace.mode is None
    id = uuid.UUID("5c3f1c1e-8a39-4f0e-9d55-0d9f5d3b8a52")
    log = workspace.open_log("simulation", now, id=id)
    (first,) = log.entries()
    assert (first.seq, first.kind, first.at) == (1, "workspace.created", now)
    assert first.body["workspace"] == str(id)
    assert first.body["mode"] == workspace.mode == "simulation"
    assert first.body["product"].startswith("sopkit ")
    assert log.key().name == f"sopkit/{id}"


def test_opening_again_adds_nothing(workspace, now):
    """The log is made once."""
    workspace.open_log("live", now)
    again = Workspace(workspace.root)
    again.open_log("live", now)
    assert again.log.size == 1


def test_a_simulation_in_a_live_workspace_is_refused_with_the_way_out(live, now):
    """A live workspace stays live, and the error says to make another one."""
    with pytest.raises(WrongUse, match="live") as raised:
        live.open_log("simulation", now)
    assert "sop new" in raised.value.remedy
    assert live.mode == "live"


def test_a_live_run_in_a_simulation_is_part_of_it(workspace, now):
    """A simulation stays one."""
    workspace.open_log("simulation", now)
    workspace.open_log("live", now)
    assert workspace.mode == "simulation"


def test_a_mode_that_does_not_exist_and_a_time_without_zone_are_refused(workspace, now):
    """Nothing is written for either."""
    with pytest.raises(WrongUse, match="mode"):
        workspace.open_log("dead", now)
    with pytest.raises(WrongUse, match="time zone"):
        workspace.open_log("live", datetime(2026, 1, 1))
    assert not workspace.log.path.exists()
