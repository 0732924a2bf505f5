"""Flights of 2013: one champion of January to March, five later decisions, by the real SOP and its real notebooks."""

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sopkit.archive.runs import run_states
from sopkit.archive.verification import verify
from sopkit.archive.workspace import Workspace
from sopkit.running.runner import Runner


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture(scope="module")
def first_champion(tmp_path_factory, checkout) -> Path:
    """A workspace in which the champion of January to March is in service."""
    root = tmp_path_factory.mktemp("flights") / "workspace"
    for folder in ("notebooks", "templates"):
        shutil.copytree(
            checkout / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        )
    (root / "runs").mkdir()
    state = Runner(Workspace(root), by="engineer").start(
        "retraining", model="flights", as_of=at("2013-04-01"), demo=True
    )
    assert ("waiting", "first_champion") == (state.state, state.outcome), state.why
    return root


MONTHS = {
    "2013-07-01": "promoted",
    "2013-08-01": "promoted",
    "2013-10-01": "promoted",
    "2013-12-01": "champion_kept",
    "2014-01-01": "champion_kept",
}


@pytest.fixture(scope="module")
def decided(first_champion, tmp_path_factory) -> dict[str, Workspace]:
    """A copy of that workspace for each month, with the run of that month in it; two at a time, in processes."""
    folder = tmp_path_factory.mktemp("months")

    def decide(as_of: str) -> Workspace:
        root = folder / as_of
        shutil.copytree(first_champion, root)
        command = "from sopkit.cli import main; main()"
        words = ["run", "retraining", "--model", "flights", "--as-of", as_of, "--until", "deploy", "--demo-reviewers"]
        subprocess.run([sys.executable, "-c", command, *words], cwd=root, capture_output=True, check=False)
        return Workspace(root)

    with ThreadPoolExecutor(2) as two:
        return dict(zip(MONTHS, two.map(decide, MONTHS), strict=True))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("as_of", MONTHS)
def test_the_decision_of_each_month_is_right(decided, as_of):
    """June, July and September promote the challenger on all past flights; November and December keep the champion."""
    state = run_states(decided[as_of].log.entries())[0]
    assert MONTHS[as_of] == state.outcome, state.why
    if state.outcome == "promoted":
        assert "all-past" == state.stage("retrain").sealed.results["challenger"]["value"]


def test_in_july_drift_and_performance_have_fired_and_the_record_verifies(decided):
    """The trigger stage names the drift and the Brier score, and everything that both runs left behind verifies."""
    workspace = decided["2013-07-01"]
    state = run_states(workspace.log.entries())[0]
    fired = state.stage("trigger").sealed.results["triggers_fired"]
    assert fired["value"] >= 2
    assert all(word in fired["reason"] for word in ("Brier score", "drifted"))
    found = verify(workspace)
    assert found.ok, found.problems
    assert 2 == len(run_states(workspace.log.entries()))
