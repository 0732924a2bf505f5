"""Bad input to the retraining SOP: a clear error, and a workspace that is as it was, or goes on once it is mended."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pandas as pd
import pytest

from sopkit.errors import DataError, NotEnoughEvidence

RUN = ("run", "retraining", "--model", "tiny", "--demo-reviewers", "--as-of", "2025-03-02")


@pytest.fixture(scope="module")
def desk(make_desk):
    return make_desk()


@pytest.fixture(scope="module")
def rows(rows_of):
    """60 days, all before the clock of the runs."""
    return rows_of(days=60)


def test_what_can_be_seen_beforehand(make_desk, rows, definition):
    """What is wrong with parameters, definitions or the head of the data is said, and no file is made or changed."""
    desk = make_desk()
    good, text = definition(), rows.to_csv(index=False)
    packed, whole = gzip.compress(text.encode()), desk.folder / "whole.parquet"
    rows.to_parquet(whole)
    parquet = whole.read_bytes()
    whole.unlink()
    for name, content, model, more, code, says in [
        ("gone.csv", None, good, (), 1, "the data file is missing"),
        ("tiny.csv", b"", good, (), 1, "the data file is empty"),
        ("tiny.csv", text.splitlines()[0].encode(), good, (), 1, "has columns and no rows"),
        ("tiny.csv", text.replace("colour", "color", 1).encode(), good, (), 1, "lacks 'colour' (features)"),
        ("tiny.csv", text.replace("colour", "x", 1).encode(), good, (), 1, "more than once: x"),
        ("tiny.csv.gz", packed[:20], good, (), 1, "it is truncated, or not gzip"),
        ("tiny.parquet", parquet[:-20], good, (), 1, "truncated, or not Parquet"),
        ("tiny.parquet", b"", good, (), 1, "the data file is empty"),
        ("tiny:load", None, good, (), 2, "the model file has none beside it"),
        ("tiny.csv", text.encode(), good, ("-p", "raeson=x"), 2, "raeson"),
        ("tiny.csv", text.encode(), good, ("-p", "reason=3"), 2, "reason"),
        ("tiny.csv", text.encode(), good + "slices: [site\n", (), 2, "templates/models/tiny.yaml:"),
        ("tiny.csv", text.encode(), good.replace("binary", "binry"), (), 2, "binry"),
    ]:
        desk.define(model.replace("tiny.csv", name))
        if content is not None:
            (desk.folder / name).write_bytes(content)
        before = desk.files()
        done = desk(*RUN, *more, code=code)
        assert says in done.said, name
        assert "error:" in done.err
        assert "" == done.out
        assert before == desk.files()
    assert not (desk.folder / "runs/log").exists()


def test_a_file_that_breaks_off_fails_a_stage_and_is_mended(desk, rows, definition):
    """A truncated CSV, then a truncated gzip, fail the stage in words; with whole data the same run goes on."""
    text = rows.to_csv(index=False)
    desk.define(definition().replace("tiny.csv", "tiny.csv*"))
    (desk.folder / "tiny.csv").write_text(text[:-40])
    failed = desk(*RUN, code=1)
    assert "DataError: tiny.csv:721: a line of the CSV has too few fields" in failed.said
    assert "remedy: write or fetch the file again" in failed.said
    facts = desk("status", "last", "--json").json
    assert ("failed", "failed") == (facts["state"], facts["stages"][0]["state"])
    assert desk("verify", "--json").json["ok"]

    (desk.folder / "tiny.csv").unlink()
    (desk.folder / "tiny.csv.gz").write_bytes(gzip.compress(text.encode())[:-2000])
    again = desk("resume", "last", code=1)
    assert "the gzip file cannot be unpacked: it is truncated" in again.said

    (desk.folder / "tiny.csv.gz").write_bytes(gzip.compress(text.encode()))
    mended = desk("resume", "last", "--until", "collect", "--json", code=None).json
    assert [("done", 3), ("done", 1)] == [(stage["state"], stage["attempt"]) for stage in mended["stages"][:2]]
    assert 720 == mended["stages"][1]["results"]["rows"]["value"]
    assert desk("verify", "--json").json["ok"]
    desk("abandon", "last", "--reason", "the next test")
    (desk.folder / "tiny.csv.gz").unlink()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda rows: rows.head(10), "There are 10 rows, 200 are needed"),
        (lambda rows: rows.assign(y=1, z=np.nan), "Every label is 1: there is nothing to learn"),
    ],
    ids=["ten rows", "one class, a feature without values"],
)
def test_data_that_nothing_can_be_learnt_from_block(desk, rows, definition, make, says):
    """Ten rows, one class or a feature without values stop the run with exit code 4 and the reason in words."""
    desk.give(make(rows), definition())
    stopped = desk(*RUN, code=4)
    assert says in stopped.said
    assert "outcome blocked" in stopped.said
    if "class" in says:
        assert "The feature z has no value at all" in stopped.said
    assert desk("verify", "--json").json["ok"]


def cell(desk, source):
    """Put `source` where the trigger notebook reads its data; gives the path and what was there."""
    path = desk.folder / "notebooks/retraining/01_trigger.ipynb"
    kept = path.read_text()
    notebook = json.loads(kept)
    next(cell for cell in notebook["cells"] if cell["id"] == "read")["source"] = source
    path.write_text(json.dumps(notebook))
    return path, kept


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("raise ValueError('the moon is full')", "ValueError: the moon is full"),
        ("import os\nos.kill(os.getpid(), 9)", "the kernel died"),
        ("import time\ntime.sleep(600)", "took longer than 0:00:08 and was stopped"),
    ],
    ids=["raises", "killed", "hung"],
)
def test_a_cell_that_does_not_end_well(desk, rows, definition, source, says):
    """A cell that raises, kills its kernel or hangs fails the stage with that reason; what is kept verifies."""
    desk.give(rows, definition())
    sop = desk.folder / "templates/sops/retraining.yaml"
    before = sop.read_text()
    if "sleep" in source:
        notebook = "notebook: retraining/01_trigger.ipynb"
        sop.write_text(before.replace(notebook, f"{notebook}\n    timeout: 8s"))
    path, kept = cell(desk, source)
    try:
        failed = desk(*RUN, code=1)
    finally:
        path.write_text(kept)
        sop.write_text(before)
    assert says in failed.said
    assert "sop resume" in failed.said
    assert desk("verify", "--json").json["ok"]
    desk("abandon", "last", "--reason", "the next test")


def changed(model="", **columns):
    """A case: how the columns differ, and what is replaced in the model file, as 'old -> new'."""
    return columns, model


SAME = "2025-01-09T08:00:00Z"
REFUSED = {
    "times that are no times": (
        changed(at=lambda rows: rows["at"].where(rows.index != 5, "soon")),
        "1 of 720 values of the time column 'at' cannot be read as times",
    ),
    "rows of the future only": (
        changed(at=lambda rows: rows["at"].str.replace("2025", "2026")),
        "there is no row before 2025-03-02",
    ),
    "one moment only": (changed(at=lambda rows: SAME), "two different times are needed"),
    "no label at all": (changed(y=lambda rows: np.nan), "no label, though it should be known by now"),
    "a target in words": (changed(y=lambda rows: rows["y"].map({0: "no", 1: "yes"})), "set target.positive"),
    "three classes where two are declared": (changed(y=lambda rows: rows.index % 3), "other values than 0, 1"),
    "one class but for the end": (changed(y=lambda rows: (rows.index > 600) * 1), "sees one class only"),
    "texts for numbers": (
        changed(z=lambda rows: [f"about {value}" for value in rows["z"]]),
        "the numeric feature 'z' holds text in 720 of 720 rows",
    ),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_nasty_data_are_refused_in_words(desk, rows, definition, step, case):
    """Where nothing can be made of the data, a stage ends with an error of ours that says what is wrong."""
    (columns, _), says = REFUSED[case]
    desk.give(rows.assign(**columns), definition())
    error = step(desk, "2025-03-02", 1, 2, 3, 4)[-1].error
    assert isinstance(error, DataError | NotEnoughEvidence)
    assert says in str(error)


BLOCKED = {
    "a feature that is the target": ("x: numeric -> x: numeric, y: numeric", {}, "y is what the target is made of"),
    "a feature that gives it away": (
        "x: numeric -> x: numeric, late: numeric",
        {"late": lambda rows: rows["y"] * 10 + rows["z"] / 100},
        "late alone predicts the target suspiciously well",
    ),
}


@pytest.mark.parametrize("case", BLOCKED, ids=str)
def test_leaks_block_by_name(desk, rows, definition, step, case):
    """A feature that knows the answer blocks at stage collect, by name; saying when it is known lets it pass."""
    replaced, columns, says = BLOCKED[case]
    old, new = replaced.split(" -> ")
    desk.give(rows.assign(**columns), definition().replace(old, new))
    blocking = step(desk, "2025-03-02", 1, 2)[1].results["blocking_findings"]
    assert (1, "fail") == (blocking.value, str(blocking.verdict))
    assert says in blocking.reason
    if "late" in new:
        desk.define(definition().replace(old, new.replace("late: numeric", "late: {known_at: a day before}")))
        assert 0 == step(desk, "2025-03-02", 2)[0].results["blocking_findings"].value


def two_zones(rows):
    """Every other time with an offset, the others without one."""
    stamps = pd.to_datetime(rows["at"])
    return [t.tz_convert("Asia/Tokyo").isoformat() if i % 2 else f"{t:%Y-%m-%d %H:%M}" for i, t in enumerate(stamps)]


COPED = {
    "two time zones": changed(at=two_zones),
    "infinities": changed(x=lambda rows: rows["x"].mask(rows.index % 7 == 0, np.inf)),
    "hundreds of categories": changed(colour=lambda rows: [f"c{i % 700}" for i in range(len(rows))]),
    "a text": changed("colour: categorical -> colour: text", colour=lambda rows: "a " + rows["colour"] + " one"),
    "truth values": changed(z=lambda rows: rows["z"] > 5, colour=lambda rows: rows["colour"] == "red"),
    "constant features": changed(z=lambda rows: 1.0, colour=lambda rows: "red"),
    "signs that mean something elsewhere": changed(
        colour=lambda rows: rows["colour"].map({"red": "$x_1$ <b>|", "blue": "青", "green": "_a_ *b* `c`"})
    ),
}


@pytest.mark.parametrize("case", COPED, ids=str)
def test_odd_data_are_coped_with(desk, rows, definition, step, case):
    """Odd but usable data take all stages to a first champion, and every cell shows something."""
    columns, model = COPED[case]
    old, _, new = model.partition(" -> ")
    desk.give(rows.assign(**columns), definition().replace(old, new) if old else definition())
    stages = step(desk, "2025-03-02", 1, 2, 3, 4, 5, 6)
    assert [None] * 6 == [stage.error for stage in stages], stages[-1].error
    assert "first_champion" == stages[-1].outcome


@pytest.mark.timeout(300)
def test_the_leak_of_flights_is_named(make_desk):
    """With dep_delay among the features of flights, stage collect blocks the run and names it."""
    desk = make_desk()
    path = desk.folder / "templates/models/flights.yaml"
    lines = path.read_text().replace("features:\n", "features:\n  dep_delay: {unit: minutes}\n").splitlines()
    path.write_text("\n".join(line for line in lines if not line.startswith("  dep_delay: Known")))
    run = ("run", "retraining", "--model", "flights", "--demo-reviewers", "--until", "collect")
    stopped = desk(*run, "--as-of", "2013-04-01", code=4)
    assert "dep_delay" in stopped.said
    assert "alone predicts the target suspiciously well" in stopped.said
    assert desk("verify", "--json").json["ok"]
