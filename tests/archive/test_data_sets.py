"""Accepted data sets: what the log says of them, and what verification demands."""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from sopkit.archive import packs
from sopkit.archive.data_sets import accept, data_sets, find, standing, withdraw
from sopkit.archive.verification import verify
from sopkit.errors import NotFound, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from packing import contents
from simulator import Simulator

FACTS = {"name": "july.csv", "media_type": "text/csv", "rows": 3, "from": "2026-07-01", "to": "2026-07-03"}


@pytest.fixture
def taken(live, now):
    """A workspace in which ada has accepted one data set for flights."""
    accept(live, b"a,b\n1,2\n", {"verdict": "acceptable"}, model="flights", by="ada", at=now, as_of=now, **FACTS)
    return live


def test_what_was_accepted_is_told_by_the_log(taken):
    """Model, name, digest, person and times stand in one entry; another model has none."""
    (found,) = data_sets(taken.log.entries())
    assert (found.model, found.name, found.by, found.rows, found.size) == ("flights", "july.csv", "ada", 3, 8)
    assert taken.store.get(found.digest) == b"a,b\n1,2\n"
    assert b"acceptable" in taken.store.get(str(found.report))
    assert standing(taken.log.entries(), "flights") == [found]
    assert standing(taken.log.entries(), "bikes") == []


def test_the_same_bytes_are_accepted_once_for_a_model(taken, now):
    """A second time is refused by name, and nothing is logged; for another model they may be accepted."""
    before = taken.log.size
    with pytest.raises(WrongUse, match=r"accepted before, as july\.csv"):
        accept(taken, b"a,b\n1,2\n", {}, model="flights", by="bob", at=now, as_of=now, **FACTS)
    assert taken.log.size == before
    accept(taken, b"a,b\n1,2\n", {}, model="bikes", by="bob", at=now, as_of=now, **FACTS)


def test_withdrawn_it_stands_no_more_but_for_what_came_before(taken, now):
    """By the position in the log: a run that was started before sees it still; it may be accepted again."""
    (found,) = data_sets(taken.log.entries())
    entry = withdraw(taken, "flights", found.digest[:8], by="bob", at=now + timedelta(days=1), reason="doubled")
    entries = taken.log.entries()
    assert standing(entries, "flights") == []
    assert [each.digest for each in standing(entries, "flights", before=entry.seq)] == [found.digest]
    (gone,) = data_sets(entries, "flights")
    assert (gone.withdrawn["by"], gone.withdrawn["reason"]) == ("bob", "doubled")
    accept(taken, b"a,b\n1,2\n", {}, model="flights", by="ada", at=now, as_of=now, **FACTS)
    assert [each.withdrawn is None for each in data_sets(taken.log.entries(), "flights")] == [False, True]


@pytest.mark.parametrize("by", [None, "", "  "])
def test_nobody_accepts_and_nobody_withdraws(live, now, by):
    """Both need a person who is named in the log."""
    with pytest.raises(WrongUse, match="who accepts it"):
        accept(live, b"x", {}, model="flights", by=by, at=now, as_of=now, **FACTS)
    with pytest.raises(WrongUse, match="who takes it back"):
        withdraw(live, "flights", "ab", by=by, at=now, reason="so")


def test_a_withdrawal_needs_a_reason_and_one_data_set(taken, now):
    """An empty digest names none, not all."""
    with pytest.raises(WrongUse, match="why"):
        withdraw(taken, "flights", "a", by="ada", at=now, reason=" ")
    for text in ("", "zz", "../../etc"):
        with pytest.raises(NotFound):
            find(taken.log.entries(), "flights", text)


def test_accepting_does_not_decide_whether_a_workspace_is_live(workspace, now):
    """Before the first run there is no log, and none is made: the error names the way out."""
    with pytest.raises(WrongUse, match="before the first run") as refused:
        accept(workspace, b"x", {}, model="flights", by="ada", at=now, as_of=now, **FACTS)
    assert "sop run retraining" in str(refused.value.remedy)
    assert (workspace.mode, list(workspace.runs.rglob("*"))) == (None, [])


@pytest.mark.parametrize("which", ["digest", "report"])
def test_verification_demands_the_bytes_and_the_report(taken, which):
    """Missing, or with a bit flipped, either is a problem, though no run has used them."""
    assert verify(taken).ok
    path = taken.store.path(getattr(data_sets(taken.log.entries())[0], which))
    data = path.read_bytes()
    os.chmod(path, 0o644)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    assert [problem.kind for problem in verify(taken).problems] == ["altered"]
    path.unlink()
    assert [problem.kind for problem in verify(taken).problems] == ["missing"]


def test_a_pack_has_the_data_set_that_its_run_used_unless_data_are_left_out(tmp_path, now):
    """With the data it lies in the store of the pack; without, it is left out like every data, and both verify."""
    world = Simulator(tmp_path / "workspace")
    run = world.start()
    entry = accept(
        world.workspace, b"a,b\n1,2\n", {"verdict": "acceptable"}, model="flights", by="ada", at=now, as_of=now, **FACTS
    )
    world.seal(run, "collect", uses={f"data_set:{entry.seq}": entry.body["digest"]})
    for with_data in (True, False):
        path = tmp_path / f"{with_data}.zip"
        packs.write(world.workspace, run, path, page=b"<p>", with_data=with_data)
        with packs.opened(path) as pack:
            assert packs.verify(pack).ok, packs.verify(pack).problems
        digest = entry.body["digest"]
        assert (f"runs/store/sha256/{digest[:2]}/{digest[2:]}" in contents(path)) is with_data
