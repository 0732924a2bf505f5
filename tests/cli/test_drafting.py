"""`sop new --data`: what it writes, what it refuses, and that drafts of real data can be used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from sopkit import modelling
from sopkit.cli.drafting import make_draft, name_of
from sopkit.definitions.files import parse_model
from sopkit.definitions.lint.models import check_model
from sopkit.definitions.yaml_file import parse_yaml
from sopkit.errors import WrongUse

SHARED = Path(__file__).parents[3] / "shared" / "data"
SETS = {  # file -> time, target, columns that have to be named as suspects
    "bank_marketing.csv.gz": ("period", "y", set()),
    "bike_sharing_hourly.csv.gz": ("timestamp", "cnt", {"casual", "registered"}),
    "cfpb_complaints.csv.gz": ("Date received", "Product", {"Issue", "Sub-issue"}),
    "diabetes_130_hospitals.parquet": ("block", "readmitted", set()),
    "occupancy_sensors.csv.gz": ("date", "Occupancy", {"Light"}),
    "online_shoppers.csv.gz": ("Month", "Revenue", set()),
}


def table(n: int = 400) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    answer = np.where(x + rng.normal(size=n) > 0, "yes", "no")
    told = np.where(answer == "yes", 1, 0) + rng.normal(0, 0.1, n)  # known with the answer only
    at = pd.date_range("2025-01-01", periods=n, freq="D").strftime("%d.%m.%Y")
    return pd.DataFrame({"day: of": at, "x": x, "told": told, "sex": rng.choice(["f", "m"], n), "left": answer})


@pytest.mark.parametrize("file", SETS)
def test_real_sets_are_drafted_to_files_that_can_be_used(file, tmp_path):
    """The draft is without fault, names what knows the answer, and its rows can be read, cleaned and split."""
    if not SHARED.is_dir():
        pytest.skip(f"the shared data sets are not there: {SHARED}")
    time, target, suspects = SETS[file]
    made = make_draft(str(SHARED / file), tmp_path, name="m", time=time, target=target, query=None)
    assert suspects <= set(made.suspects)
    data = made.text.encode()
    model, document = parse_model(data, "m.yaml"), parse_yaml(data, "m.yaml")
    assert [] == list(check_model(model, document, folder=tmp_path, root=tmp_path))
    clock = made.windows.as_of.to_pydatetime()
    snapshot = modelling.read(model, as_of=clock, root=tmp_path)
    assert made.rows == len(snapshot.table)
    clean = modelling.clean(snapshot.table, model, as_of=clock).table
    splits = modelling.split(clean, model, as_of=clock)
    assert len(splits.holdout) >= 200 <= len(splits.train)
    assert 2 <= len(modelling.folds(splits.train, model))


def test_a_draft_is_written_into_a_new_and_an_existing_workspace(sop, tmp_path):
    """The file is checked clean, refers to the data, excludes the suspect; the commands that follow are printed."""
    table().to_csv(tmp_path / "Churn data.csv", index=False)
    first = sop(
        "new", str(tmp_path / "w"), "--data", str(tmp_path / "Churn data.csv"), "--time", "day: of", "--target", "left"
    )
    path = tmp_path / "w/templates/models/churn-data.yaml"
    written = yaml.safe_load(path.read_text())
    assert (str(tmp_path / "Churn data.csv"), "%d.%m.%Y") == (written["data"]["source"], written["data"]["time_format"])
    assert (["told"], ["sex"]) == (list(written["excluded"]), written["protected"])
    assert "sop run retraining --model churn-data --as-of 2026-02-05 --demo-reviewers" in first.out
    assert "how long after a row is its label known?" in first.out
    assert [] == sop("check", "-C", str(tmp_path / "w"), str(path), "--json").json["problems"]
    (tmp_path / "w/rows.csv").write_bytes((tmp_path / "Churn data.csv").read_bytes())
    more = ("--time", "day: of", "--target", "left", "--model", "second")
    sop("new", str(tmp_path / "w"), "--data", str(tmp_path / "w/rows.csv"), *more)
    assert "rows.csv" == yaml.safe_load((path.parent / "second.yaml").read_text())["data"]["source"]
    before = path.read_bytes()
    again = sop("new", str(tmp_path / "w"), "--data", str(tmp_path / "Churn data.csv"), *more[:4], code=2)
    assert "stays as it is" in again.err
    assert before == path.read_bytes()


def test_without_time_or_target_likely_columns_are_named_and_nothing_is_made(sop, tmp_path):
    """What is missing is said with the columns that may be meant; no half-made workspace is left."""
    table().to_csv(tmp_path / "rows.csv", index=False)
    for arguments, told in (
        ((), "likely for --time: 'day: of'; --target: 'left', 'sex'"),
        (("--time", "day: of"), "likely for --target: 'left'"),
        (("--time", "x", "--target", "nope"), "no column 'nope' (--target)"),
    ):
        done = sop("new", str(tmp_path / "w"), "--data", str(tmp_path / "rows.csv"), *arguments, code=2)
        assert told in done.err
    assert "needs --data" in sop("new", str(tmp_path / "w"), "--time", "x", code=2).err
    assert not (tmp_path / "w").exists()


def test_a_name_is_made_of_the_file_or_asked_for():
    """A file's name becomes a model's name; where it cannot, one is asked for."""
    assert "bank-marketing-2024" == name_of(None, "data/Bank_Marketing 2024.csv.gz")
    with pytest.raises(WrongUse, match="--model"):
        name_of(None, "2024.csv")


def test_numbers_that_stand_for_something_else_are_asked_about(tmp_path):
    """What the checks of a run would find, 999 far from all others, is a question of the draft."""
    rows = table().drop(columns="told").assign(days=lambda t: np.where(t.index % 3, 999, t.index % 27))
    rows.to_csv(tmp_path / "rows.csv", index=False)
    made = make_draft(str(tmp_path / "rows.csv"), tmp_path, name="m", time="day: of", target="left", query=None)
    assert ["days"] == list(made.odd)
    assert "999" in made.odd["days"]
    assert "days: numeric" in made.text


def test_without_a_time_it_is_said_what_to_do(sop, tmp_path):
    """Parts of a time are not offered: the error joins them; where nothing looks like a time it says what to add."""
    rows = table().drop(columns="day: of")
    for columns, told in (({"year": 2024, "month": 5}, "pd.to_datetime(dict(year=t['year']"), ({}, "add the date of")):
        rows.assign(**columns).to_csv(tmp_path / "rows.csv", index=False)
        done = sop("new", str(tmp_path / "w"), "--data", str(tmp_path / "rows.csv"), "--target", "left", code=2)
        assert told in " ".join(done.err.split())
