"""What `--json` prints is a contract."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sopkit.definitions import Sop
from sopkit.views import facts


def test_a_run_gives_the_promised_fields(soaking: Any, sop: Sop) -> None:
    """`sop status RUN --json` holds the fields of the contract, with the values that were logged."""
    run = facts.run_facts(soaking.state, sop)
    told = {name: run[name] for name in ("run", "sop", "model", "state", "outcome", "simulated", "demo", "waiting_for")}
    assert told == {
        "run": "20130701T000000Z-flights-4f2a",
        "sop": "retraining",
        "model": "flights",
        "state": "waiting",
        "outcome": "promoted",
        "simulated": True,
        "demo": False,
        "waiting_for": [{"stage": "monitor", "kind": "clock", "roles": [], "until": "2013-07-08T00:00:00Z"}],
    }
    stage = run["stages"][0]
    assert stage["id"] == "evaluate"
    assert stage["state"] == "done"
    assert stage["attempt"] == 1
    assert stage["notebook"] == "runs/retraining/20130701T000000Z-flights-4f2a/05_evaluate.ipynb"
    assert stage["seconds"] == 75.2
    gain = stage["results"]["auc_gain"]
    assert (gain["value"], gain["threshold"], gain["verdict"]) == (0.043717, {"op": "at_least", "value": 0.003}, "pass")


def test_facts_are_plain_json(soaking: Any, sop: Sop) -> None:
    """Facts survive JSON unchanged, so what is printed is what the views show."""
    run = facts.run_facts(soaking.state, sop)
    assert json.loads(json.dumps(run, allow_nan=False)) == run


def test_stages_to_come_are_listed(told: Any, sop: Sop) -> None:
    """A stage that has not started is `pending`, without attempt, notebook or results."""
    stages = facts.run_facts(told.evaluated().state, sop)["stages"]
    assert [stage["id"] for stage in stages] == ["evaluate", "monitor"]
    monitor = stages[1]
    assert (monitor["state"], monitor["attempt"], monitor["notebook"], monitor["results"]) == (
        "pending",
        None,
        None,
        {},
    )


def test_a_stage_whose_gate_is_closed_waits(told: Any, sop: Sop) -> None:
    """A sealed stage that waits for a sign-off is `waiting`, and the run names the roles that are missing."""
    run = facts.run_facts(told.waiting_for_the_validator().state, sop)
    assert run["stages"][0]["state"] == "waiting"
    assert run["waiting_for"][0]["roles"] == ["validator"]


def test_the_worst_verdict_is_the_stages(told: Any, sop: Sop) -> None:
    """A stage with a pass and an insufficient result is insufficient."""
    assert facts.run_facts(told.evaluated().state, sop)["stages"][0]["verdict"] == "insufficient"


def test_a_failed_attempt_tells_its_reason(told: Any, sop: Sop) -> None:
    """A failed stage is `failed` with the reason of the seal; the attempt before it can still be asked for."""
    told.evaluated()
    told.add("stage.started", stage="evaluate", attempt=2, because=["returned by grace"])
    told.add("stage.failed", stage="evaluate", attempt=2, reason="cell 'gain' raised", file="05_evaluate.2.ipynb")
    now = facts.stage_facts(told.state, sop.stage("evaluate"))
    assert (now["state"], now["attempt"], now["reason"]) == ("failed", 2, "cell 'gain' raised")
    before = facts.stage_facts(told.state, sop.stage("evaluate"), 1)
    assert (before["state"], before["notebook"].rsplit("/", 1)[1]) == ("done", "05_evaluate.ipynb")
    with pytest.raises(KeyError):
        facts.stage_facts(told.state, sop.stage("evaluate"), 3)


def test_the_list_is_in_the_order_given(told: Any) -> None:
    """The list of runs keeps the order of the states, newest first as the fold gives them."""
    listed = facts.list_facts([told.state])
    assert [run["run"] for run in listed] == ["20130701T000000Z-flights-4f2a"]
    assert listed[0]["state"] == "running"
