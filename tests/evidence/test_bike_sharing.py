"""Two years of rented bikes, hour by hour: the right decisions on a real target of numbers, with the usual rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from sopkit import evidence, modelling
from sopkit.definitions.model import ModelFile

FILE = Path(__file__).parents[3] / "shared" / "data" / "bike_sharing_hourly.csv.gz"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the shared data sets are not here")
NUMBERS = ["mnth", "hr", "holiday", "weekday", "workingday", "temp", "atemp", "hum", "windspeed"]
FEATURES = dict.fromkeys(NUMBERS, "numeric") | {"season": "categorical", "weathersit": "categorical"}
THIRD_QUARTER = pd.Timestamp("2012-07-01", tz="UTC"), pd.Timestamp("2012-10-01", tz="UTC")


def model_file(features: dict[str, Any], **challengers: Any) -> ModelFile:
    return ModelFile.model_validate(
        {
            "model": "bikes",
            "data": {"source": "bikes.csv", "time": "timestamp"},
            "target": {"column": "cnt", "task": "regression", "unit": "bikes"},
            "features": features,
            "challengers": challengers or {"all-past": {}},
            "evaluation": {"window": "92d"},
        }
    )


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    table = pd.read_csv(FILE)
    return table.assign(timestamp=pd.to_datetime(table["timestamp"], utc=True), season=table["season"].astype(str))


@pytest.fixture(scope="module")
def champion(rows: pd.DataFrame) -> Any:
    """Trained on 2011."""
    model = model_file(FEATURES)
    return modelling.fit(modelling.recipe(model), rows[rows["timestamp"] < "2012-01-01"], model).pipeline


@pytest.mark.parametrize(
    ("features", "challenger", "outcome", "free"),
    [
        (FEATURES, {}, "champion_kept", "fail"),
        (FEATURES, {"window": "182d"}, "promoted", "insufficient"),
        (FEATURES | {"yr": "numeric"}, {}, "promoted", "insufficient"),
    ],
    ids=["all past", "the recent window", "all past with the year"],
)
def test_the_third_quarter_of_2012_is_decided_rightly(rows, champion, features, challenger, outcome, free):
    """All past, blind to growth, is worse than a forecast for free: kept. Recent rows, or the year: promoted, and the
    signer is told that four weeks are as good a forecast for free."""
    model = model_file(features, it=challenger)
    start, end = THIRD_QUARTER
    train = rows[rows["timestamp"] < start]
    held_out = rows[(rows["timestamp"] >= start) & (rows["timestamp"] < end)]
    fitted = modelling.fit(modelling.recipe(model, "it"), train, model, until=start)
    truth = held_out["cnt"].to_numpy(dtype=float)
    ours = modelling.predict(fitted.pipeline, held_out, model)
    theirs = modelling.predict(champion, held_out, model_file(FEATURES))
    common = {"task": "regression", "blocks": evidence.blocks_of(held_out, model), "evaluation": model.evaluation}
    season = modelling.season_of(train, model)
    naive = modelling.seasonal_naive(train, held_out, model)
    scaled = evidence.scaled_error_of(
        truth, ours, naive, times=held_out["timestamp"], season=season.words, champion=theirs, **common
    )
    assert season.name == "hour of the week"
    assert str(scaled.measure.verdict) == free
    assert evidence.decide(evidence.compare(truth, theirs, ours, **common), naive=scaled).outcome == outcome


def test_the_parts_of_the_target_are_named_as_leaks(rows):
    """Casual and registered riders add up to all riders: both are named, and not the weather."""
    features = model_file(FEATURES | {"casual": "numeric", "registered": "numeric"}).features
    target = rows["cnt"].astype(float)
    found = evidence.suspected_leaks(rows, target, features, task="regression", time="timestamp").findings
    blocking = " ".join(finding.sentence for finding in found if finding.severity == "block")
    assert "casual and registered together give the target exactly" in blocking
    assert "temp" not in blocking
