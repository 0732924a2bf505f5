"""The leak rule and the findings on real tables: what blocks, what is asked, and that nothing else stops a run."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sopkit import evidence, modelling
from sopkit.definitions.model import ModelFile
from sopkit.evidence.findings import Findings

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the shared data sets are not here")

TEXT = "Consumer complaint narrative"
NUMBERS = {
    "bank_marketing.csv.gz": "age campaign pdays previous emp.var.rate cons.price.idx euribor3m nr.employed",
    "bike_sharing_hourly.csv.gz": "hr mnth temp atemp hum windspeed",
    "diabetes_130_hospitals.parquet": "time_in_hospital num_lab_procedures num_procedures num_medications "
    "number_outpatient number_emergency number_inpatient number_diagnoses",
    "online_shoppers.csv.gz": "Administrative Informational ProductRelated BounceRates ExitRates SpecialDay",
    "occupancy_sensors.csv.gz": "Temperature Humidity CO2 HumidityRatio",
    "cfpb_complaints.csv.gz": "",
}
OTHERS = {
    "bank_marketing.csv.gz": "job marital education default housing loan contact month day_of_week poutcome",
    "bike_sharing_hourly.csv.gz": "season holiday weekday workingday weathersit",
    "diabetes_130_hospitals.parquet": "race gender age payer_code medical_specialty diag_1 insulin change diabetesMed",
    "online_shoppers.csv.gz": "OperatingSystems Browser Region TrafficType VisitorType Weekend",
    "occupancy_sensors.csv.gz": "",
    "cfpb_complaints.csv.gz": "",
}
PARTS: dict[str, dict[str, Any]] = {
    "bank_marketing.csv.gz": {
        "data": {"time": "period", "time_format": "%Y-%m", "id": ["row_id"]},
        "target": {"column": "y", "positive": "yes"},
        "protected": ["age", "marital"],
    },
    "bike_sharing_hourly.csv.gz": {
        "data": {"time": "timestamp", "id": ["instant"]},
        "target": {"column": "cnt", "task": "regression"},
    },
    "diabetes_130_hospitals.parquet": {
        "data": {
            "time": "block", "time_format": "day-number", "id": ["encounter_id"], "entity": "patient_nbr",
            "missing_values": ["?"],
        },
        "target": {"column": "readmitted", "positive": "<30"},
        "protected": ["race", "gender"],
    },
    "online_shoppers.csv.gz": {"data": {"time": "Month", "time_format": ["%b", "%B"]}, "target": {"column": "Revenue"}},
    "occupancy_sensors.csv.gz": {"data": {"time": "date"}, "target": {"column": "Occupancy"}},
    "cfpb_complaints.csv.gz": {
        "data": {"time": "Date received", "keep_rows_where": {"no text": f"`{TEXT}` is not missing"}},
        "target": {"column": "Product", "task": "multiclass"},
        "features": {TEXT: "text"},
    },
}  # fmt: skip


def look(file: str, as_of: str, **features: Any) -> Findings:
    parts = PARTS[file]
    told = dict.fromkeys(NUMBERS[file].split(), "numeric") | dict.fromkeys(OTHERS[file].split(), "categorical")
    spec = ModelFile.model_validate(
        {"model": "real"}
        | parts
        | {"data": {"source": str(DATA / file)} | parts["data"], "target": {"task": "binary"} | parts["target"]}
        | {"features": told | parts.get("features", {}) | features}
    )
    clock = datetime.fromisoformat(as_of).replace(tzinfo=UTC)
    clean = modelling.clean(modelling.read(spec, as_of=clock, root=DATA).table, spec, as_of=clock)
    return evidence.validate(
        clean.table,
        spec,
        as_of=clock,
        target=modelling.target(clean.table, spec, as_of=clock),
        target_columns=modelling.label_columns(spec, every=True),
        cleaned=clean,
    )


def blocking(found: Findings) -> list[str]:
    return [item.id for item in found.blocking]


@pytest.mark.parametrize("as_of", ["2008-09-01", "2009-05-01", "2010-12-01"])
def test_how_long_a_call_took_is_asked_about_at_any_time(as_of):
    """The duration of a call, known after it, blocks as the only one, also years later."""
    assert blocking(look("bank_marketing.csv.gz", as_of, duration="numeric")) == ["suspected_leak:duration"]


def test_without_it_nothing_stops_the_bank():
    """999 days that stand for 'never' and categories that appear are put before the steward."""
    found = look("bank_marketing.csv.gz", "2010-12-01")
    assert not found.blocking
    assert {"sentinel:pdays", "category_appears:contact"} <= {item.id for item in found.warnings}


@pytest.mark.parametrize("as_of", ["2015-02-05", "2015-02-11", "2015-02-19"])
def test_the_light_of_a_room_is_a_question(as_of):
    """Light blocks until it says when it is known; slow temperature and carbon dioxide never do."""
    file = "occupancy_sensors.csv.gz"
    assert blocking(look(file, as_of, Light="numeric")) == ["suspected_leak:Light"]
    declared = look(file, as_of, Light={"type": "numeric", "known_at": "measured when the prediction is made"})
    assert not declared.blocking
    assert [item.column for item in declared.named("leak_question")] == ["Light"]
    assert not look(file, as_of).blocking


def test_missing_values_that_stop_are_found_inside_the_snapshot():
    """A payer's code that was never filled in at first, and later nearly always; patients who come again."""
    found = look("diabetes_130_hospitals.parquet", "1970-01-14")
    assert not found.blocking
    (payer,) = found.named("missing_moves", "payer_code")
    assert "100% of rows" in payer.sentence
    assert found.named("repeated_entity", "patient_nbr")[0].count == 47021


@pytest.mark.parametrize(
    ("file", "as_of"),
    [("bike_sharing_hourly.csv.gz", "2013-01-01"), ("cfpb_complaints.csv.gz", "2020-12-31")],
)
def test_nothing_else_stops_a_run(file, as_of):
    """Counts of bicycles and texts of complaints may be learned from."""
    assert not look(file, as_of).blocking


def test_what_a_page_was_worth_is_asked_about_like_a_leak():
    """PageValues tells a purchase as well as a call's duration tells its outcome: no number tells them apart."""
    file, as_of = "online_shoppers.csv.gz", "1901-01-01"
    assert blocking(look(file, as_of, PageValues="numeric")) == ["suspected_leak:PageValues"]
    known = {"type": "numeric", "known_at": "of the pages visited so far in the session"}
    assert not look(file, as_of, PageValues=known).blocking
    assert not look(file, as_of).blocking
