"""A new data set is examined, accepted, read by runs and withdrawn; the base is one real run of a small procedure."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from sopkit.archive.data_sets import data_sets, withdraw
from sopkit.archive.runs import run_state
from sopkit.archive.verification import verify
from sopkit.archive.workspace import Workspace
from sopkit.errors import DigestMismatch, NotFound, WrongUse
from sopkit.running.examination import examine
from sopkit.running.intake import accept, clock_of, inside
from sopkit.running.runner import Runner

AS_OF = datetime(2020, 12, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
MODEL = """
model: shop
data:
  source: data.csv
  time: at
  id: [order]
  minimum_rows: 100
  columns: {amount: {min: 0, max: 1000, severity: block}}
  checks: {never-thirteen: {function: "shop:thirteen", severity: block}}
target: {column: returned, task: binary}
features: {amount: numeric, country: categorical}
evaluation: {window: 60d}
"""
OWN = "def thirteen(rows):\n    return rows['amount'] == 13\n"


def orders(rows: int = 300, *, first: int = 0, seed: int = 0, until: datetime = AS_OF) -> pd.DataFrame:
    """Orders up to shortly before `until`; one in five is returned."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "order": range(first, first + rows),
            "at": pd.date_range(end=until - timedelta(hours=1), periods=rows, freq="12h"),
            "amount": rng.gamma(4, 20, rows).round(2),
            "country": rng.choice(["de", "fr", "it"], rows, p=[0.5, 0.3, 0.2]),
            "returned": (rng.random(rows) < 0.2).astype(int),
        }
    )


def csv(table: pd.DataFrame) -> bytes:
    return table.to_csv(index=False).encode()


@pytest.fixture(scope="module")
def base(tmp_path_factory, write_procedure):
    """A simulation in which one run has collected 300 orders."""
    root = tmp_path_factory.mktemp("shop") / "workspace"
    look = (
        "snapshot = this.load_data()",
        "this.attach('snapshot.parquet', snapshot.table, 'the rows')",
        "this.attach('origin.json', snapshot.origin)",
        "this.record('rows', len(snapshot.table), at_least=1)",
    )
    later = {name: (name[3:], "this.record('seen', 1)") for name in ("02_judge", "03_move", "04_after")}
    write_procedure(root, {"01_look": ("look", *look), **later})
    (root / "templates/models/shop.yaml").write_text(MODEL)
    (root / "templates/models/shop.py").write_text(OWN)
    (root / "data.csv").write_bytes(csv(orders()))
    workspace = Workspace(root)
    run = Runner(workspace, by="eng").start("sample", model="shop", as_of=AS_OF, until="look")
    Runner(workspace, by="eng").abandon(run.id, "it was only to look")
    return root


@pytest.fixture
def shop(base, tmp_path):
    shutil.copytree(base, tmp_path / "shop")
    return Workspace(tmp_path / "shop")


def sentences(found) -> str:
    return "; ".join(f"{reason['sentence']} [{reason.get('got', '')}]" for reason in found.why)


def test_a_good_data_set_is_acceptable_and_compared_with_what_is_known(shop):
    """Rows, period, example rows, findings, overlap and drift are told; nothing is written."""
    before = sorted(path for path in shop.runs.rglob("*"))
    found = examine(shop, "shop", csv(orders(200, first=1000, seed=1)), as_of=AS_OF, name="../new.csv")
    assert (found.acceptable, found.name, found.rows, found.labelled) == (True, "new.csv", 200, 200)
    assert found.overlap["rows_added"] == 200
    assert found.reference["words"] == "rows that the newest run collected"
    assert (found.drift.verdict, found.drift_alert) == ("pass", False)
    assert found.examples[0]["order"] == "1000"
    assert json.loads(json.dumps(found.to_dict()))["verdict"] == "acceptable"
    assert sorted(path for path in shop.runs.rglob("*")) == before


def test_drift_is_an_alert_and_blocks_nothing(shop):
    """An amount that has trebled is told at once, by column, and the data set may be accepted all the same."""
    moved = orders(200, first=1000, seed=1).assign(amount=lambda rows: rows["amount"] * 3)
    found = examine(shop, "shop", csv(moved), as_of=AS_OF)
    assert (found.acceptable, found.drift_alert, found.drift.drifted) == (True, True, ["amount"])
    entry = accept(shop, found, by="grace", at=NOW)
    assert (entry.body["drift"]["alert"], entry.body["drift"]["drifted"]) == (True, ["amount"])


def test_a_target_that_moved_is_an_alert(shop):
    """Twice as many returns: the features are the same, the alert names the target."""
    new = orders(300, first=1000, seed=1)
    new["returned"] = (np.random.default_rng(5).random(300) < 0.7).astype(int)
    found = examine(shop, "shop", csv(new), as_of=AS_OF)
    assert (found.drift.drifted, found.drift_alert, found.drift.target.verdict) == ([], True, "fail")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda rows: rows.drop(columns="amount"), "lacks 'amount'"),
        (lambda rows: rows.assign(amount="much"), "not a number"),
        (lambda rows: rows.assign(amount=[-5.0, *rows["amount"][1:]]), "not at least 0"),
        (lambda rows: rows.assign(amount=[13.0, *rows["amount"][1:]]), "never thirteen"),
        (lambda rows: rows.assign(amount=np.nan), "no value at all"),
        (lambda rows: rows.assign(returned="<script>"), "binary target"),
        (lambda rows: rows.assign(returned=np.nan), "cleaning left no rows"),
        (lambda rows: rows.assign(at="some day"), "cannot be read as times"),
        (lambda rows: rows.assign(at=rows["at"] + timedelta(days=3)), "dated after 2020-12-01"),
        (
            lambda rows: rows.assign(order=[f"A-{number}" for number in rows["order"]]),
            "other things than at the source",
        ),
        (lambda rows: rows.iloc[:0], "no rows"),
    ],
    ids=str,
)
def test_what_cannot_be_used_blocks(shop, change, told):
    """Columns, types, limits, own checks, labels, times: each is told, with no other reason; it cannot be accepted."""
    found = examine(shop, "shop", csv(change(orders(200, first=1000, seed=1))), as_of=AS_OF)
    assert not found.acceptable
    assert told in sentences(found)
    with pytest.raises(WrongUse, match="cannot be accepted"):
        accept(shop, found, by="grace", at=NOW)
    assert data_sets(shop.log.entries()) == []


def test_bytes_that_are_no_table_block(shop, tmp_path):
    """A page, nothing at all, a file that is not there: an answer in words, or an error, never a traceback."""
    assert "not a table" in sentences(examine(shop, "shop", b"<html>", as_of=AS_OF))
    (tmp_path / "empty.csv").touch()
    assert "empty" in sentences(examine(shop, "shop", tmp_path / "empty.csv", as_of=AS_OF))
    with pytest.raises(NotFound, match="no model file"):
        examine(shop, "shoe", b"", as_of=AS_OF)


def test_what_is_known_is_told_and_what_is_all_known_is_refused(shop):
    """Ten of its rows stand already and stay as they are; a file of known rows only would add nothing."""
    known, new = orders().tail(10), orders(50, first=1000, seed=1)
    found = examine(shop, "shop", csv(pd.concat([known, new])), as_of=AS_OF)
    assert (found.acceptable, found.overlap["rows_known_by_id"], found.overlap["rows_added"]) == (True, 10, 50)
    assert "would add nothing" in sentences(examine(shop, "shop", csv(known), as_of=AS_OF))


def test_hostile_names_and_values_are_told_as_they_are(shop):
    """Markup in a column, a category and a file name is text; a category that was never seen is told."""
    bad = "</script><script>alert(1)</script>"
    new = orders(200, first=1000, seed=1).assign(country=bad, **{"<img src=x onerror=alert(2)>": bad})
    found = examine(shop, "shop", csv(new), as_of=AS_OF, name="<b>.csv")
    assert found.name == "_b_.csv"
    assert found.overlap["columns_left_out"] == ["<img src=x onerror=alert(2)>"]
    assert any(item.name == "unseen_category" for item in found.findings.items)


def test_a_run_reads_what_stood_when_it_started_also_when_it_is_resumed(shop):
    """Accepted, read and recorded with its digest; withdrawn meanwhile, the run's later attempt reads it still."""
    runner = Runner(shop, by="eng")
    first = accept(shop, examine(shop, "shop", csv(orders(50, first=1000, seed=1)), as_of=AS_OF), by="ada", at=NOW)
    state = runner.start("sample", model="shop", as_of=AS_OF, until="look")
    (attempt,) = state.stage("look").attempts
    used = {item["input"]: item["digest"] for item in attempt.uses}
    assert used[f"data_set:{first.seq}"] == first.body["digest"]
    assert attempt.results["rows"]["value"] == 350

    withdraw(shop, "shop", first.body["digest"], by="ada", at=NOW, reason="not ours")
    accept(shop, examine(shop, "shop", csv(orders(30, first=2000, seed=2)), as_of=AS_OF), by="ada", at=NOW)
    # As if the runner had died in a second attempt
    shop.log.append("run.resumed", at=NOW, as_of=AS_OF, run=state.id, by="eng", body={})
    shop.log.append("stage.started", at=NOW, as_of=AS_OF, run=state.id, stage="look", attempt=2, body={})
    again = runner.resume(state.id, until="look").stage("look").sealed
    assert again.number == 3
    assert again.results["rows"]["value"] == 350
    assert [item["digest"] for item in again.uses] == [item["digest"] for item in attempt.uses]
    assert again.artifacts == attempt.artifacts
    runner.abandon(state.id, "seen")

    new = runner.start("sample", model="shop", as_of=AS_OF, until="look")
    origin = next(item for item in new.stage("look").sealed.artifacts if item["name"] == "origin.json")
    told = json.loads(shop.store.get(origin["sha256"]))["data_sets"]
    assert [each["rows_added"] for each in told] == [30]
    assert verify(shop).ok, verify(shop).problems


def test_accepting_examines_overlap_also_with_what_was_accepted_since(shop):
    """A second file with the ids of one that no run has read yet adds nothing."""
    new = orders(50, first=1000, seed=1)
    accept(shop, examine(shop, "shop", csv(new), as_of=AS_OF), by="ada", at=NOW)
    again = examine(shop, "shop", csv(new), as_of=AS_OF)
    assert "accepted before" in sentences(again)
    other = examine(shop, "shop", csv(new.assign(amount=1.0)), as_of=AS_OF)
    assert "would add nothing" in sentences(other)


def test_the_report_is_kept_with_the_bytes(shop):
    """What was found at the intake, drift included, is in the store under the entry's digest."""
    entry = accept(shop, examine(shop, "shop", csv(orders(200, first=1000, seed=1)), as_of=AS_OF), by="ada", at=NOW)
    report = json.loads(shop.store.get(entry.body["report"]))
    assert (report["verdict"], report["digest"], report["drift"]["verdict"]) == (
        "acceptable",
        entry.body["digest"],
        "pass",
    )
    assert shop.store.get(report["digest"]) == csv(orders(200, first=1000, seed=1))


def test_without_known_rows_there_is_nothing_to_compare_with(workspace):
    """Before any run has collected rows the intake says so, and judges the schema alone."""
    found = examine(workspace, "tiny", b"at,x,y\n2020-01-01,1,0\n2020-01-02,2,1\n", as_of=AS_OF)
    assert (found.acceptable, found.drift, found.overlap) == (True, None, None)
    with pytest.raises(WrongUse, match="before the first run"):
        accept(workspace, found, by="ada", at=NOW)


def test_the_clock_of_an_intake(shop, workspace):
    """A simulation has that of the model's newest run unless told otherwise; a live workspace the real one only."""
    assert clock_of(shop, "shop", None) == AS_OF
    assert clock_of(shop, "shop", AS_OF + timedelta(days=1)) == AS_OF + timedelta(days=1)
    with pytest.raises(WrongUse, match="future"):
        clock_of(shop, "shop", datetime(2999, 1, 1, tzinfo=UTC))
    workspace.open_log("live", NOW)
    assert clock_of(workspace, "tiny", None) > NOW - timedelta(days=365)
    with pytest.raises(WrongUse, match="live"):
        clock_of(workspace, "tiny", AS_OF)


@pytest.mark.parametrize("text", ["../outside.csv", "/etc/passwd", "link.csv", "nowhere.csv", "runs", "", "a\nb"])
def test_a_typed_path_stays_inside_the_workspace(shop, text):
    """Neither up, nor absolute, nor by a link: the error shows what was typed."""
    (shop.root.parent / "outside.csv").touch()
    (shop.root / "link.csv").symlink_to(shop.root.parent / "outside.csv")
    with pytest.raises(NotFound):
        inside(shop, text)
    assert inside(shop, "data.csv") == shop.root / "data.csv"


def test_a_data_set_that_was_altered_is_never_read(shop):
    """A flipped bit in the store: no run starts, one that has started fails with the reason, verification names it."""
    entry = accept(shop, examine(shop, "shop", csv(orders(50, first=1000, seed=1)), as_of=AS_OF), by="ada", at=NOW)
    runner = Runner(shop, by="eng")
    state = runner.start("sample", model="shop", as_of=AS_OF, until="look")
    shop.log.append("stage.started", at=NOW, as_of=AS_OF, run=state.id, stage="look", attempt=2, body={})
    path = shop.store.path(entry.body["digest"])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes().replace(b"de", b"fr", 1))
    assert runner.resume(state.id, until="look").state == "failed"
    assert "not what was stored" in run_state(shop.log.entries(), state.id).stage("look").current.reason
    runner.abandon(state.id, "seen")
    size = shop.log.size
    with pytest.raises(DigestMismatch):
        runner.start("sample", model="shop", as_of=AS_OF, until="look")
    assert shop.log.size == size
    assert [problem.kind for problem in verify(shop).problems] == ["altered"]
