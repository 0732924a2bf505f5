"""Worlds in which one thing has changed: the right cause is named and the right trigger fires, the others do not."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from worlds import TASKS, alarm_rates, between


def of(task, change, dependent=False, seeds=(1, 2)):
    return [between(task, change, seed=seed, dependent=dependent) for seed in seeds]


@pytest.mark.parametrize("dependent", [False, True])
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ("harder_inputs", "data_drift"),
        ("idle_inputs", "data_drift"),
        ("concept", "concept_drift"),
        ("conditions", "changed_conditions"),
    ],
)
def test_one_cause_at_work_is_named_and_no_other(task, change, cause, dependent):
    """Of two pairs of periods, the cause is named in both, and another one in one at most."""
    named = [found.causes.at_work for found in of(task, change, dependent)]
    assert all(cause in each for each in named)
    assert sum(len(each) > 1 for each in named) <= 1


@pytest.mark.parametrize("task", TASKS)
def test_inputs_that_moved_harm_only_where_the_model_is_worse_there(task):
    """Drift fires in both; performance only where inputs moved to where the model tells outcomes apart less well."""
    harder, idle = of(task, "harder_inputs")[0], of(task, "idle_inputs", seeds=(2,))[0]
    assert {"drift", "performance"} == set(harder.triggers.fired)
    assert ["drift"] == idle.triggers.fired


@pytest.mark.parametrize("task", TASKS)
def test_another_meaning_of_the_same_inputs_fires_performance_alone(task):
    """Concept drift leaves inputs alone: the drift trigger is quiet, the broken promise fires."""
    assert ["performance"] == of(task, "concept", seeds=(1,))[0].triggers.fired


@pytest.mark.parametrize(
    ("task", "dependent"),
    [
        ("binary", False),
        ("binary", True),
        ("multiclass", True),
        ("regression", False),
        ("regression", True),
        ("text", True),
    ],
)
def test_where_nothing_changed_alarms_are_as_rare_as_declared(task, dependent):
    """Sixty pairs of periods of one world (texts: twenty): each cause and each trigger in at most a tenth of them.

    Five per cent are declared; `alarm_rates` with more repetitions is what a study of calibration uses.
    """
    rates = alarm_rates(task, dependent=dependent, repetitions=60 if task != "text" else 20, rows=2500)
    limit = 6 / 60 if task != "text" else 3 / 20
    assert {name: rate for name, rate in rates.items() if not name.startswith("any") and rate > limit} == {}
