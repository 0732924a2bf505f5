"""From a table and a model that somebody else has trained to a champion in service, by two commands."""

from __future__ import annotations

import json

import pandas as pd
import pytest
import skops.io
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder


@pytest.mark.timeout(300)
def test_a_drafted_model_file_and_an_existing_model_become_a_first_champion(make_desk, rows_of):
    """The draft runs as it stands; the model is judged on all rows after its training, and serves by its digest."""
    desk, rows = make_desk(), rows_of("binary")
    desk.give(rows)
    desk("new", ".", "--model", "tiny", "--data", "tiny.csv", "--time", "at", "--target", "y")
    assert [] == desk("check", "templates/models/tiny.yaml", "--json").json["problems"]
    past = rows[(rows["at"] >= "2025-03-03") & (rows["at"] < "2025-04-15")]
    made = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["colour"]), (SimpleImputer(add_indicator=True), ["z", "x"])
        ),
        LogisticRegression(max_iter=1000),
    )
    (desk.folder / "old.skops").write_bytes(skops.io.dumps(made.fit(past[["x", "colour", "z"]], past["y"])))
    adopt = ("adopt", "tiny", "old.skops", "--trained-until", "2025-04-15", "--as-of", "2025-05-31", "--demo-reviewers")
    state = desk(*adopt, "--json", code=3).json
    assert ("first_champion", "clock") == (state["outcome"], state["waiting_for"][0]["kind"]), state["why"]
    results = {stage["id"]: stage["results"] for stage in state["stages"]}
    assert ("adopted", 0.0) == (
        results["retrain"]["challenger"]["value"],
        results["retrain"]["training_seconds"]["value"],
    )
    later = rows[(rows["at"] >= "2025-04-15") & (rows["at"] < "2025-05-31")]
    assert len(later) == results["prepare"]["holdout_rows"]["value"]
    kept = desk("show", "last", "evaluate", "--json").json["artifacts"]
    judged = pd.read_parquet(desk.folder / next(item["path"] for item in kept if item["name"] == "judged.parquet"))
    assert made.predict_proba(later)[:, 1] == pytest.approx(judged["prediction"].to_numpy(), abs=1e-12)
    done = desk("resume", "last", "--as-of", "2025-06-25", "--json").json
    assert "done" == done["state"], done["why"]
    assert desk("verify", "--json").json["ok"]


@pytest.mark.timeout(300)
def test_the_recipe_stands_in_for_a_model_whose_file_is_not_at_hand(make_desk, rows_of):
    """It is fitted on the rows before the date that is given, judged on those after it, and recorded as champion."""
    desk, rows = make_desk(), rows_of("binary")
    desk.give(rows)
    desk("new", ".", "--model", "tiny", "--data", "tiny.csv", "--time", "at", "--target", "y")
    assert "--trained-until" in desk("adopt", "tiny", "recipe", code=2).err
    adopt = ("adopt", "tiny", "recipe", "--trained-until", "2025-04-15", "--as-of", "2025-05-31", "--demo-reviewers")
    state = desk(*adopt, "--json", code=3).json
    assert "first_champion" == state["outcome"], state["why"]
    kept = {item["name"]: desk.folder / item["path"] for stage in state["stages"] for item in stage["artifacts"]}
    judged = pd.read_parquet(kept["judged.parquet"])
    later = rows[(rows["at"] >= "2025-04-15") & (rows["at"] < "2025-05-31")]
    assert len(later) == len(judged)
    assert "2025-04-15T00:00:00+00:00" == json.loads(kept["adoption.json"].read_text())["trained_until"]
