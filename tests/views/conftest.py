"""A small SOP and a run of it, told by log entries: the fold over them is the real one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sopkit.archive.entries import Entry
from sopkit.archive.runs import RunState, run_state
from sopkit.definitions import ModelFile, Sop, parse_model, parse_sop

SOP = b"""
sop: retraining
version: 1.2.0
title: Model retraining
owner: ml-engineer
purpose: Replaces a model.
roles:
  ml-engineer: {title: ML engineer}
  validator: {title: Validator}
outcomes:
  promoted: {meaning: The challenger replaced the champion., moves: true}
  champion_kept: {meaning: The champion stays., ends: true}
stages:
  - id: evaluate
    title: Compare champion and challenger
    purpose: Compares them.
    owner: validator
    notebook: retraining/05_evaluate.ipynb
    on_failure: The champion stays.
    gate:
      id: promotion
      title: Promotion approved
      meaning: I have read the comparison.
      roles: {validator: 1}
  - id: monitor
    title: Watch the new champion
    purpose: Watches it.
    owner: ml-engineer
    notebook: retraining/07_monitor.ipynb
    on_failure: It is watched daily.
"""

MODEL = b"""
model: flights
title: Late arrivals <b>NYC</b>
purpose: Says which flights will be late.
data: {source: "flights.csv", time: time_hour}
target: {expression: "arr_delay >= 15", task: binary, title: Arrives late}
features: {carrier: categorical, distance: numeric}
excluded: {dep_delay: known only after departure}
"""

RUN = "20130701T000000Z-flights-4f2a"
AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
RESULTS = {
    "auc_gain": {
        "name": "auc_gain",
        "title": "Gain in AUC",
        "value": 0.043717,
        "threshold": {"op": "at_least", "value": 0.003},
        "verdict": "pass",
        "source": "evidence",
        "detail": {"interval": [0.039, 0.049]},
    },
    "brier": {"name": "brier", "value": "NaN", "verdict": "insufficient", "reason": "no labels <yet>"},
    "rows": {"name": "rows", "title": "Rows", "value": 28243},
}
ARTIFACT = {"name": "comparison.json", "sha256": "ab" * 32, "size": 10, "title": "Comparison"}


class Told:
    """Entries of one run, one after the other."""

    def __init__(self, *, simulated: bool = True, demo: bool = False) -> None:
        self.entries: list[Entry] = []
        self.add("workspace.created", run=None, mode="simulation" if simulated else "live")
        self.add(
            "run.started", sop="retraining", sop_version="1.2.0", model="flights", demo=demo, pins={"sop": "cd" * 32}
        )

    def add(
        self,
        kind: str,
        *,
        run: str | None = RUN,
        stage: str | None = None,
        attempt: int | None = None,
        by: str | None = "ada",
        **body: Any,
    ) -> Told:
        seq = len(self.entries) + 1
        as_of = datetime(2013, 7, 1, tzinfo=UTC)
        at = AT + timedelta(seconds=seq)
        self.entries.append(Entry(seq, at, kind, as_of, run, stage, attempt, by, body))
        return self

    def sealed(self, stage: str, attempt: int = 1, file: str = "05_evaluate.ipynb", **body: Any) -> Told:
        self.add("stage.started", stage=stage, attempt=attempt, because=["first attempt"])
        facts: dict[str, Any] = {"file": file, "seconds": 75.2, "results": {}, "artifacts": []}
        return self.add("stage.sealed", stage=stage, attempt=attempt, **{**facts, **body})

    def evaluated(self) -> Told:
        return self.sealed("evaluate", results=RESULTS, artifacts=[ARTIFACT])

    def waiting_for_the_validator(self) -> Told:
        need = {"stage": "evaluate", "kind": "sign_off", "roles": ["validator"], "until": None}
        return self.evaluated().add("run.waiting", **{"for": [need], "why": "gate 'promotion' is closed"})

    def signed(self, comment: str = "holds in every slice", demo: bool = False) -> Told:
        return self.add(
            "sign_off",
            stage="evaluate",
            attempt=1,
            by="grace",
            decision="approve",
            gate="promotion",
            role="validator",
            comment=comment,
            key="SHA256:abc",
            demo=demo,
            envelope={},
        )

    @property
    def state(self) -> RunState:
        return run_state(self.entries, RUN)


@pytest.fixture
def sop() -> Sop:
    return parse_sop(SOP, "retraining.yaml")


@pytest.fixture
def model() -> ModelFile:
    return parse_model(MODEL, "flights.yaml")


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def soaking(told: Told) -> Told:
    """Signed and promoted; the last stage waits for the clock."""
    need = {"stage": "monitor", "kind": "clock", "roles": [], "until": "2013-07-08T00:00:00Z"}
    told.waiting_for_the_validator().signed()
    told.add("run.outcome", stage="evaluate", outcome="promoted", why="the gain is large enough")
    return told.add("run.waiting", **{"for": [need], "why": "stage 'monitor' may start as of 2013-07-08"})
