"""The data of a run and of an intake as facts and fragments: ordered, rounded, and escaped."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sopkit.archive.contents import Contents
from sopkit.archive.runs import run_state
from sopkit.definitions import parse_model
from sopkit.views.data.facts import data_facts, intake_facts, percent
from sopkit.views.fragments import fragment

sys.path.insert(0, str(Path(__file__).parent.parent / "archive"))
from simulator import FILES, Simulator

BAD = "</script><script>alert(1)</script>"
WORSE = "<img src=x onerror=alert(1)>"
MODEL = f"""
model: flights
title: "{BAD}"
data:
  source: "{WORSE}.csv"
  time: at
  id: [number]
  columns: {{distance: {{min: 10, missing_at_most: 0.05, severity: block}}, carrier: {{allowed: [AA, "{WORSE}"]}}}}
target: {{column: late, task: binary, title: "{BAD}"}}
features: {{carrier: categorical, distance: {{unit: "{WORSE}"}}}}
excluded: {{tail: "{BAD}"}}
"""


def finding(name: str, severity: str, **parts: Any) -> dict[str, Any]:
    told = {"id": f"{name}:{BAD}", "name": name, "severity": severity, "waivable": True, "sentence": f"{name} {WORSE}"}
    return {**told, "column": BAD, "count": 3, "share": 0.0000521, "examples": [], "remedy": BAD, **parts}


ORIGIN: dict[str, Any] = {
    "source": WORSE, "query": BAD, "arguments": {}, "as_of": "2013-07-01T00:00:00+00:00",
    "rows_raw": 1053, "rows": 1000,
    "files": [{"path": BAD, "sha256": "ab" * 32, "size": 1234567, "rows": 1053}],
    "rows_from_as_of_on": 53, "rows_older_than_history": 0, "label_delay": "1d", "labels_withheld": 1,
    "columns": ["at", BAD], "dtypes": {"at": "datetime64[us, UTC]", "distance": "int64", BAD: "str"},
    "time": {"from": "2013-01-01T10:00:00+00:00", "to": "2013-06-30T23:00:00+00:00"},
    "data_sets": [{"digest": "cd" * 32, "name": WORSE, "entry": 9, "rows": 5, "rows_added": 4, "rows_known_by_id": 1,
                   "columns_left_out": [BAD], "columns_missing": []}],
}  # fmt: skip
FINDINGS = {
    "verdict": "fail",
    "rows": 990,
    "looked_at": ["columns", BAD],
    "findings": [
        finding("missing", "note"),
        finding("rows_lost", "waived"),
        finding("spelling", "warn"),
        finding("no_values", "block", examples=[{BAD: WORSE, "number": "nan"}], waivable=False),
        finding("new", "of a later release"),
    ],
}
GROUPS = (
    "column,group,rows,share,labelled,rate,low,high,verdict,reason\n"
    f"carrier,{WORSE},700,0.7071067811865476,690,0.2863602857,0.28,0.29,pass,\n"
    f"carrier,AA,3,0.003,2,,,,insufficient,{BAD}\n"
)
SPLITS = {
    "holdout": {"from": "2013-05-31T00:00:00+00:00", "rows": 100, "to": "2013-06-29T23:00:00+00:00"},
    "train": {"from": "2013-01-01T10:00:00+00:00", "rows": 800, "to": "2013-05-29T23:00:00+00:00"},
    "rows_in_embargo": 1, "rows_without_label": 20, "champion_trained_until": None,
}  # fmt: skip


@pytest.fixture
def contents_of(tmp_path, monkeypatch) -> Callable[..., Contents]:
    """What a run left whose stages collect and prepare attached these artifacts."""
    monkeypatch.setitem(FILES, "prepare", "02_prepare")

    def make(**changed: Any) -> Contents:
        world = Simulator(tmp_path / "workspace")
        run = world.start()
        kept = {
            "origin.json": ORIGIN,
            "findings.json": FINDINGS,
            "cleaning.json": {"rows_before": 1000, "rows": 990, "removed": {BAD: 10}, "changed": {WORSE: 2}},
            "splits.json": SPLITS,
            **changed,
        }
        artifacts = {name: json.dumps(value).encode() for name, value in kept.items() if value is not None}
        split = {name: artifacts.pop(name) for name in ("splits.json",) if name in artifacts}
        world.seal(run, "collect", artifacts={**artifacts, "groups.csv": GROUPS.encode()})
        world.seal(run, "prepare", artifacts=split, show=False)
        return Contents(world.workspace, run_state(world.workspace.log.entries(), run))

    return make


@pytest.fixture
def model():
    return parse_model(MODEL.encode(), "flights.yaml")


def test_findings_come_by_severity_and_open_to_rows(contents_of, model):
    """What stops first, then what is weighed, waived and noted; the column that it is about leads its rows."""
    facts = data_facts(contents_of(), model)
    assert [item["severity"] for item in facts["findings"]] == ["block", "warn", "waived", "note"]
    assert facts["findings"][0]["names"] == [BAD, "number"]
    assert facts["findings"][0]["rows"] == [[WORSE, "–"]]
    assert [each["count"] for each in facts["counts"]] == [1, 1, 1, 1]
    assert facts["rows"] == {"source": 1053, "later": 53, "older": 0, "read": 1000, "kept": 990, "unlabelled": 1}


def test_the_schema_says_what_is_allowed_and_was_missing(contents_of, model):
    """Part, type, limits and missing values of each column, those that nobody uses last."""
    rows = {row["name"]: row for row in data_facts(contents_of(), model)["schema"]}
    assert list(rows) == ["at", "number", "carrier", "distance", "late", "tail", BAD]
    assert rows["distance"]["limits"] == "at least 10; missing at most 5 %; else it stops"
    assert (rows[BAD]["part"], rows[BAD]["missing"], rows["carrier"]["missing"]) == ("not used", "< 0.1 %", "–")


def test_whatever_comes_from_data_is_text(contents_of, model):
    """Markup in a source, column, category, finding, remedy, file or title stays text in the section."""
    shown = fragment("data", data=data_facts(contents_of(), model))
    assert "<script" not in shown
    assert "<img src=x" not in shown
    assert shown.count("&lt;script&gt;") > 10


def test_the_section_tells_rows_groups_and_split_in_words(contents_of, model):
    """No long numbers; the accepted data set with what it added; the cut in a sentence."""
    shown = str(fragment("data", data=data_facts(contents_of(), model)))
    assert "0.7071" not in shown
    assert "70.7 %" in shown
    assert "28.6 %" in shown
    assert "learn from <strong>800 rows</strong>" in shown
    assert "1 row is left out" in shown
    assert "+4" in shown
    assert "1 finding stops" in shown
    assert "1 row is too young" in shown


def test_an_older_run_and_a_run_that_has_not_collected_are_no_error(contents_of, model, tmp_path):
    """Without data sets, cleaning, split or model file there is less to see; before the stage one sentence."""
    old = {name: value for name, value in ORIGIN.items() if name not in ("data_sets", "query", "files")}
    contents = contents_of(**{"origin.json": old, "cleaning.json": None, "splits.json": None})
    assert "Where the rows come from" in fragment("data", data=data_facts(contents))
    world = Simulator(tmp_path / "other")
    run = world.start()
    nothing = Contents(world.workspace, run_state(world.workspace.log.entries(), run))
    assert "have not been collected" in fragment("data", data=data_facts(nothing, model))


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.0, "0 %"), (0.0001, "< 0.1 %"), (0.0293, "2.9 %"), (1.0, "100 %"), (None, ""), (0.9999, "> 99.9 %")],
)
def test_shares_are_rounded_and_never_to_nothing_or_all(share, words):
    """What is little is not 0 %, and nearly all is not 100 %."""
    assert percent(share) == words


REPORT: dict[str, Any] = {
    "model": "flights", "name": WORSE, "media_type": "text/csv", "model_file": "ef" * 32, "rows": 3, "labelled": 2,
    "first": None, "last": None, "digest": "ab" * 32, "size": 12, "as_of": "2013-07-01T00:00:00Z", "verdict": "blocked",
    "why": [{"sentence": BAD, "got": WORSE}], "columns": [{"name": BAD, "type": "str", "missing": 0.5}],
    "examples": [{BAD: WORSE}], "cleaning": None, "findings": FINDINGS, "drift": None, "drift_alert": False,
    "reference": None, "overlap": None,
}  # fmt: skip


def test_a_hostile_data_set_is_text(model):
    """Its name, columns, values and reasons are shown as they are, and do nothing."""
    shown = fragment("intake", intake=intake_facts(REPORT))
    assert "<script" not in shown
    assert "<img src=x" not in shown
    assert "is blocked" in shown


def test_an_alert_names_what_moved(model):
    """The verdict of each column by word and shape; the target is named as such."""
    column = {"name": BAD, "psi": 4.801234567, "verdict": "fail", "reason": WORSE}
    quiet = {"name": "late", "psi": "nan", "verdict": "insufficient", "reason": "open"}
    drift = {"verdict": "pass", "reason": BAD, "columns": [column], "target": quiet}
    reference = {"words": "training rows of the champion", "rows": 100}
    overlap = {"by": ["number"], "rows_known_by_id": 1, "rows_identical": 0, "known": reference}
    overlap |= {"columns_left_out": [WORSE], "columns_missing": []}
    told = {**REPORT, "drift": drift, "drift_alert": True, "reference": reference, "overlap": overlap}
    shown = str(fragment("intake", intake=intake_facts({**told, "verdict": "acceptable", "why": []})))
    assert "▲ Drift alert" in shown
    assert "4.801<" in shown
    assert "(the target)" in shown
    assert "<script" not in shown
