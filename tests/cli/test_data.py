"""`sop data` on the small model of the templates: examined, accepted, read by a real run and its resume, withdrawn."""

from __future__ import annotations

import json
import sqlite3

import pandas as pd
import pytest

MODEL = "diabetes-progression"
CLOCK = ("--as-of", "2021-01-01")


@pytest.fixture(scope="module")
def rows(checkout) -> pd.DataFrame:
    """120 patients that the study does not have, of the last days before the clock."""
    import importlib.util

    path = checkout / f"templates/models/{MODEL}.py"
    spec = importlib.util.spec_from_file_location("study", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    study = module.load()
    new = study[study["day"] < "2021-01-01"].tail(120).copy()
    return new.assign(patient=range(1001, 1121), bmi=(new["bmi"] * 1.01).round(2))


@pytest.fixture(scope="module")
def place(make_shell):
    """A workspace as `sop new` makes it, in which a first run was started and abandoned."""
    sop = make_shell()
    sop("new", "real")
    sop.folder = sop.folder / "real"
    start = sop("run", "retraining", "--model", MODEL, *CLOCK, "--until", "trigger", "--json", code=3).json
    sop("abandon", start["run"], "--reason", "only to begin")
    return sop


def written(place, name: str, table: pd.DataFrame) -> str:
    table.to_csv(place.folder / name, index=False)
    return name


def test_a_data_set_from_a_file_to_the_run_that_reads_it(place, rows):
    """Examined, accepted, read; the run that reads it does so again after it was withdrawn, a new one does not."""
    name = written(place, "new.csv", rows)
    looked = place("data", MODEL, name, "--json").json
    assert (looked["verdict"], looked["rows"], looked["accepted"]) == ("acceptable", 120, None)
    assert place("data", MODEL, "--json").json == []
    accepted = place("data", MODEL, name, "--accept", "--by", "grace", "--json").json["accepted"]
    (listed,) = place("data", MODEL, "--json").json
    assert (listed["by"], listed["name"], listed["seq"]) == ("grace", "new.csv", accepted["seq"])
    assert "accepted before" in place("data", MODEL, name, code=4).out

    run = place("run", "retraining", "--model", MODEL, *CLOCK, "--until", "trigger", "--json", code=3).json["run"]
    place("data", MODEL, "--withdraw", listed["digest"][:8], "--reason", "counted twice")
    place("resume", run, "--until", "collect", code=3)
    log = [json.loads(line) for line in (place.folder / "runs/log/entries.jsonl").read_text().splitlines()]
    sealed = {each["stage"]: each["body"] for each in log if each["kind"] == "stage.sealed" and each["run"] == run}
    for stage in ("trigger", "collect"):
        used = {item["input"]: item["digest"] for item in sealed[stage]["uses"]}
        assert used[f"data_set:{accepted['seq']}"] == listed["digest"]
    folder = place.folder / "runs/retraining" / run / "artifacts/collect"
    (told,) = json.loads((folder / "origin.json").read_text())["data_sets"]
    assert (told["rows_added"], told["rows_known_by_id"]) == (120, 0)
    assert sealed["collect"]["results"]["rows"]["value"] == 486
    assert place("verify", "--json").json["ok"]
    place("abandon", run, "--reason", "seen")

    again = place("run", "retraining", "--model", MODEL, *CLOCK, "--until", "trigger", "--json", code=3).json["run"]
    uses = [item["input"] for item in _last_sealed(place, again)["uses"]]
    assert not any(name.startswith("data_set:") for name in uses)
    place("abandon", again, "--reason", "seen")


def _last_sealed(place, run):
    lines = (place.folder / "runs/log/entries.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    return [each["body"] for each in entries if each["kind"] == "stage.sealed" and each["run"] == run][-1]


def test_what_is_wrong_is_blocked_with_exit_code_4(place, rows):
    """A missing column, texts for numbers, rows after the clock, a page: told, and not accepted when asked."""
    cases = {
        "lacks 'bmi'": rows.drop(columns="bmi"),
        "not a number": rows.assign(bmi="heavy"),
        "dated after": rows.assign(day=rows["day"] + pd.Timedelta(days=90)),
    }
    for told, table in cases.items():
        done = place("data", MODEL, written(place, "bad.csv", table), "--accept", "--by", "grace", code=4)
        assert told in done.out
        assert "Traceback" not in done.err
    (place.folder / "page.csv").write_text("<html><script>alert(1)</script>")
    report = place("data", MODEL, "page.csv", "--json", code=4).json
    assert (report["verdict"], report["why"][0]["got"]) == ("blocked", "an HTML or XML page")
    assert [each for each in place("data", MODEL, "--json").json if each["name"] in ("bad.csv", "page.csv")] == []


def test_wrong_use_is_exit_code_2(place, rows):
    """No file, no model, no person, no reason, another digest: each says what was expected."""
    name = written(place, "more.csv", rows.assign(patient=range(3001, 3121)))
    assert "no such file" in place("data", MODEL, "nowhere.csv", code=2).err
    assert "no model file" in place("data", "diabetes", name, code=2).err
    assert "who accepts it" in place("data", MODEL, name, "--accept", code=2, SOP_PERSON="").err
    assert "why?" in place("data", MODEL, "--withdraw", "ab", code=2).err
    assert "not the data set" in place("data", MODEL, name, "--accept", "--digest", "ab" * 32, code=2).err
    assert "accept what" in place("data", MODEL, "--accept", code=2).err
    assert "future" in place("data", MODEL, name, "--as-of", "2999-01-01", code=2).err


def test_rows_at_a_database(place, rows, make_shell):
    """The model file's query is asked of another database; what it finds is kept as Parquet."""
    path = place.folder / f"templates/models/{MODEL}.yaml"
    text = path.read_text()
    path.write_text(text.replace("source:", "query: SELECT * FROM patients\n  source:", 1))
    with sqlite3.connect(place.folder / "other.db") as database:
        table = rows.assign(patient=range(4001, 4121), day=rows["day"].astype(str))
        table.to_sql("patients", database, index=False)
    try:
        report = place("data", MODEL, "sqlite:///other.db", "--json").json
        assert (report["verdict"], report["media_type"]) == ("acceptable", "application/vnd.apache.parquet")
        refused = place("data", MODEL, "postgresql://ada:s3cret@host/db", "--json", code=4)
        assert "s3cret" not in refused.out + refused.err
    finally:
        path.write_text(text)


def test_drift_is_told_and_does_not_block(place, rows):
    """Where no run has collected rows there is nothing to compare with; here one has."""
    moved = rows.assign(patient=range(5001, 5121), bmi=rows["bmi"] * 2)
    done = place("data", MODEL, written(place, "moved.csv", moved))
    assert "▲ alert" in done.out
    assert "bmi" in done.out
