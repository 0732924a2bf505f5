"""What a stage notebook sees, called as a notebook calls it, in a draft."""

from datetime import UTC, datetime

import pandas as pd
import pytest

from sopkit.errors import DigestMismatch, NotFound, WrongUse
from sopkit.running import stage
from sopkit.running.runner import Runner

AS_OF = datetime(2020, 2, 1, tzinfo=UTC)


@pytest.fixture
def here(workspace, monkeypatch):
    """The folder from which JupyterLab starts the kernel of a stage notebook."""
    monkeypatch.chdir(workspace.notebooks / "sample")
    monkeypatch.setattr("IPython.display.display", lambda data, raw: None)
    return workspace


def draft(name, **how):
    return stage.begin("sample", name, how.pop("run", ""), model="tiny", **how)


def files_below(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_drafts_stand_on_each_other_and_keep_nothing(here):
    """Stepping through stage after stage with no run hands artifacts on and writes nothing below runs/."""
    first = draft("look", as_of="2020-02-01")
    first.attach("rows.parquet", first.load_data().table)
    first.record("rows", 20, at_least=5)
    second = draft("judge")
    assert 20 == len(second.load("rows"))
    assert 20 == second.result("look", "rows")
    assert AS_OF == second.as_of
    assert "drafts" in second.inputs.origin
    assert [] == files_below(here.runs)


def test_a_draft_without_a_clock_stands_at_the_end_of_its_data(here):
    """With no run and no clock the first stage is as of the day after the newest row, not of today."""
    assert datetime(2020, 1, 21, tzinfo=UTC) == draft("look").as_of


def test_a_draft_stands_on_the_newest_run(here):
    """Where a run is newer than the drafts, its sealed attempts are what a draft sees, and it says so."""
    draft("look", as_of="2020-01-10")
    state = Runner(here, by="eng").start("sample", model="tiny", as_of=AS_OF, until="look")
    this = draft("judge")
    assert f"run {state.id}" == this.inputs.origin
    assert 20 == len(this.load("rows"))


def test_a_draft_of_an_attempt_sees_exactly_its_inputs(here):
    """`run#number` gives the digests that the attempt used and the champion that it saw, whatever there is now."""
    state = Runner(here, by="eng").start("sample", model="tiny", as_of=AS_OF, demo=True)
    this = draft("judge", run=f"{state.id}#1")
    assert this.champion is None
    assert 20 == len(this.load("rows"))
    assert draft("judge").champion is not None


def test_a_draft_that_was_changed_on_disk_is_not_used(here):
    """Bytes of an earlier draft are checked against their digest before they are used."""
    first = draft("look", as_of="2020-02-01")
    first.attach("note.json", {"rows": 20})
    (first.folder / "note.json").write_text('{"rows": 21}')
    with pytest.raises(DigestMismatch):
        draft("judge").load("note")


def test_a_look_at_held_out_rows_is_logged_and_counted_in_a_draft_too(here):
    """Once the workspace has a log, a draft's look stands in it, and the next look knows how many there were."""
    Runner(here, by="eng").start("sample", model="tiny", as_of=AS_OF, until="look")
    this = draft("judge")
    rows = this.load("rows")
    assert 0 == this.look(rows, "to see")
    assert 1 == this.look(rows.sample(frac=1.0, random_state=1), "the same rows in another order")
    assert ["look", "look"] == [entry.kind for entry in here.log.entries() if entry.kind == "look"]


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda this: this.load("nothing"), NotFound),
        (lambda this: this.result("look", "nothing"), NotFound),
        (lambda this: (this.record("a", 1), this.record("a", 2)), WrongUse),
        (lambda this: this.record("a", 1, at_lest=3), WrongUse),
        (lambda this: this.record("a", 1, at_least=3, at_most=4), WrongUse),
        (lambda this: this.conclude("won", "because"), WrongUse),
        (lambda this: this.attach("table.xlsx", pd.DataFrame()), WrongUse),
        (lambda this: stage.begin("sample", "nothing"), NotFound),
        (lambda this: stage.begin("sample", "look", "20200201T000000Z-tiny-0000"), NotFound),
        (lambda this: stage.begin("sample", "look", model="tiny", as_of="tomorrow"), WrongUse),
    ],
)
def test_a_call_that_cannot_be_meant_is_refused(here, call, error):
    """An unknown artifact, result, outcome, keyword, format, stage or run, and a name used twice, is an error."""
    draft("look", as_of="2020-02-01")
    with pytest.raises(error):
        call(draft("judge"))


def test_a_value_that_is_missing_is_insufficient(here):
    """NaN against a threshold is `insufficient`, never `pass`, and is kept as text."""
    this = draft("look", as_of="2020-02-01")
    this.record("gain", float("nan"), at_least=0.0)
    assert ("insufficient", "NaN") == (this._results["gain"].verdict, this._results["gain"].value)
