"""The examples of docs/triggers.md are model files without fault, and their triggers do what the page says."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from sopkit.definitions.lint.models import check_model
from sopkit.definitions.model import ModelFile, Trigger
from sopkit.definitions.yaml_file import parse_yaml
from sopkit.evidence import Facts, Triggers, evaluate_triggers, readings
from sopkit.evidence.promise import PromiseKept
from sopkit.modelling import read_indicators, watched

NOW = datetime(2024, 7, 2, tzinfo=UTC)  # a Tuesday
NAMES = ("recommender", "credit-risk", "readmission", "pumps")


@pytest.fixture(scope="module")
def page() -> str:
    return (Path(__file__).parents[1] / "docs/triggers.md").read_text()


@pytest.fixture(scope="module")
def examples(page) -> dict[str, str]:
    found = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return {yaml.safe_load(text)["model"]: text for text in found}


def judge(text: str, folder: Path, rows: pd.DataFrame | None = None, **facts: Any) -> Triggers:
    model = ModelFile.model_validate(yaml.safe_load(text))
    series = read_indicators(model, as_of=NOW, root=folder)
    table = rows if rows is not None else pd.DataFrame({model.data.time: pd.to_datetime([], utc=True)})
    seen = readings(watched(table, series, model, as_of=NOW), model.triggers)
    known = {"champion": "one", "trained_until": NOW - timedelta(days=90), "promoted_at": NOW - timedelta(days=40)}
    return evaluate_triggers(model.triggers, Facts(**{**known, **facts}, readings=seen, task="binary"), as_of=NOW)


def readings_of(column: str, time: str, share: float) -> pd.DataFrame:
    at = pd.date_range(NOW - timedelta(days=8), NOW - timedelta(hours=2), freq="5min", tz=None)
    random = np.random.default_rng(0)
    return pd.DataFrame({time: at, column: (random.random(len(at)) < share).astype(float)})


def test_the_page_has_the_four_examples_and_every_kind(page, examples):
    """Nothing of the page is left untested, and its table names each kind of trigger."""
    assert sorted(examples) == sorted(NAMES)
    kinds = Trigger.model_fields["kind"].annotation.__args__
    assert [kind for kind in kinds if f"| `{kind}`" not in page] == []


@pytest.mark.parametrize("name", NAMES)
def test_an_example_is_a_model_file_without_an_error(examples, tmp_path, name):
    """Each example is parsed and linted; all that is missing is its data."""
    document = parse_yaml(examples[name].encode(), f"{name}.yaml")
    model = ModelFile.model_validate(yaml.safe_load(examples[name]))
    problems = check_model(model, document, folder=tmp_path, root=tmp_path)
    assert [str(problem) for problem in problems if "no file matches" not in str(problem)] == []


@pytest.mark.parametrize(("share", "fired"), [(0.02, ["click-through"]), (0.08, [])])
def test_fewer_clicks_start_an_examination(examples, tmp_path, share, fired):
    """Under four clicks in a hundred the recommender's trigger fires; the week's schedule was decided yesterday."""
    rows = readings_of("clicked", "shown_at", share)
    decided = NOW - timedelta(hours=17)
    found = judge(examples["recommender"], tmp_path, rows, kept_at=decided)
    assert [item.name for item in found.items if item.state in ("fired", "cooling down")] == fired
    later = judge(examples["recommender"], tmp_path, rows, promoted_at=NOW - timedelta(days=9))
    assert later.fired == [*fired, "weekly"]


@pytest.mark.parametrize(("step", "fired"), [(1.5, ["unemployment", "limit"]), (0.2, ["limit"])])
def test_the_economy_and_a_limit_start_an_examination(examples, tmp_path, step, fired):
    """A rate that rose by more than one point counts once published; the Brier score is beyond the owner's limit."""
    months = pd.date_range("2023-01-01", "2024-06-01", freq="MS")
    rate = np.where(months >= "2024-03-01", 4.0 + step, 4.0)
    pd.DataFrame({"month": months, "rate": rate}).to_csv(tmp_path / "unemployment.csv", index=False)
    kept = PromiseKept([], 1000, 30, 0.02)
    found = judge(examples["credit-risk"], tmp_path, performance=kept, scores={"brier": 0.13})
    assert found.fired == fired
    assert found.harm is not None
    assert found.harm.value == "measured"


@pytest.mark.parametrize(("stays", "fired"), [(5000, ["new-stays"]), (4999, [])])
def test_new_stays_start_an_examination(examples, tmp_path, stays, fired):
    """Five thousand new stays with an outcome are enough."""
    assert judge(examples["readmission"], tmp_path, new_labelled_rows=stays).fired == fired


@pytest.mark.parametrize(("share", "fired"), [(0.06, ["alerts"]), (0.0, [])])
def test_alerts_on_sensors_start_an_examination(examples, tmp_path, share, fired):
    """More than two alerts in a hundred readings of the last day fire; a silent day does not."""
    more = ["triggers:", "triggers:\n  minimum_rows: 200"]
    found = judge(examples["pumps"].replace(*more), tmp_path, readings_of("alert", "at", share))
    assert found.fired == fired
    few = judge(examples["pumps"], tmp_path, readings_of("alert", "at", share))
    assert few.items[0].state == "insufficient"
