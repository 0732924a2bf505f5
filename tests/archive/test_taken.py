"""When a stage took far more than in its earlier runs, by the log alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sopkit.archive.entries import Entry
from sopkit.archive.runs import RunState, run_states
from sopkit.archive.taken import Alert, alerts_of, earlier, far_more

AT = datetime(2026, 11, 20, 8, tzinfo=UTC)


class Log:
    """Runs of one stage, one after the other."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def tell(self, kind: str, run: str, **body: Any) -> None:
        seq = len(self.entries) + 1
        place = {"stage": "retrain", "attempt": body.pop("attempt", 1)} if kind.startswith("stage") else {}
        self.entries.append(Entry(seq, AT + timedelta(minutes=seq), kind, run=run, body=body, **place))

    def run(
        self,
        seconds: float | None,
        memory: Any = None,
        *,
        model: str = "flights",
        sop: str = "retraining",
        end: str | None = "sealed",
    ) -> str:
        number = sum(entry.kind == "run.started" for entry in self.entries)
        run = f"20130701T000000Z-{model}-{number:04x}"
        self.tell("run.started", run, sop=sop, model=model)
        self.tell("stage.started", run)
        if end:
            usage = {} if memory is None else {"usage": {"peak_memory_mb": memory}}
            self.tell(f"stage.{end}", run, seconds=seconds, **usage)
        return run

    def alerts(self, live: dict[str, Any] | None = None) -> list[Alert]:
        states = run_states(self.entries)
        return alerts_of(states, states[0], live)

    @property
    def newest(self) -> RunState:
        return run_states(self.entries)[0]


@pytest.fixture
def log() -> Log:
    """A stage that takes about a minute and 400 MB; four runs of it."""
    log = Log()
    for seconds, memory in ((60, 400), (62, 390), (58, 410), (61, 400)):
        log.run(seconds, memory)
    return log


def test_three_times_as_long_and_as_much_is_told_with_what_is_usual(log: Log) -> None:
    """Time and memory beyond three times the median: two alerts, with the median and how many it is of."""
    log.run(200, 2000)
    assert log.alerts() == [
        Alert("retrain", "time", 200, 60.5, 4),
        Alert("retrain", "memory", 2000, 400, 4),
    ]


@pytest.mark.parametrize(("seconds", "memory"), [(170, 1100), (60, 400), (1, 1), (None, None)])
def test_what_is_less_than_that_is_no_alert(log: Log, seconds: float | None, memory: float | None) -> None:
    """Somewhat longer, the usual, much less, or not known: nothing is said."""
    log.run(seconds, memory)
    assert log.alerts() == []


def test_one_slow_run_does_not_make_the_next_one_usual(log: Log) -> None:
    """After a run of an hour, four minutes are still far more than a minute."""
    log.run(3600, 400)
    log.run(240, 400)
    assert [alert.usual for alert in log.alerts()] == [61]


def test_two_earlier_runs_are_no_habit() -> None:
    """With fewer than three there is no alert, however long it took."""
    log = Log()
    log.run(60)
    log.run(60)
    log.run(6000)
    assert log.alerts() == []


def test_little_may_vary() -> None:
    """Two seconds that become nine are more than three times as much, and less than thirty seconds more."""
    log = Log()
    for seconds in (2, 2, 2, 9):
        log.run(seconds, 50 * seconds)
    assert log.alerts() == []


def test_only_the_same_stage_sop_and_model_and_what_came_before_count(log: Log) -> None:
    """Other models, other SOPs, failed attempts and later runs are no earlier runs."""
    log.run(1, model="other")
    log.run(1, sop="inference")
    log.run(5000, end="failed")
    slow = log.run(200)
    log.run(1)
    states = run_states(log.entries)
    state = next(each for each in states if each.id == slow)
    assert earlier(states, state, "retrain").seconds == (60, 62, 58, 61)
    assert [alert.value for alert in alerts_of(states, state)] == [200]


def test_a_stage_under_way_is_told_as_soon_as_it_is_far_beyond(log: Log) -> None:
    """While it runs, what its runner tells so far counts; of a dead runner, or of another stage, it does not."""
    log.run(None, end=None)
    live = {"alive": True, "stage": "retrain", "seconds": 190.0, "peak_memory_mb": 300.0}
    assert log.alerts(live) == [Alert("retrain", "time", 190.0, 60.5, 4, under_way=True)]
    assert log.alerts({**live, "seconds": 90.0}) == []
    assert log.alerts({**live, "alive": False}) == []
    assert log.alerts({**live, "stage": "evaluate"}) == []
    assert log.alerts() == []


@pytest.mark.parametrize("usage", ["much", ["x"], {"peak_memory_mb": "<script>"}, {"peak_memory_mb": None}, {}])
def test_what_a_newer_release_wrote_otherwise_is_not_known(log: Log, usage: Any) -> None:
    """A usage in another form is no usage, and no error."""
    run = log.run(60, end=None)
    log.tell("stage.sealed", run, seconds=60, usage=usage)
    assert log.alerts() == []
    assert earlier(run_states(log.entries), log.newest, "retrain").memory == (400, 390, 410, 400)


def test_the_rule_needs_both_the_factor_and_the_amount() -> None:
    """More than three times the median, and by more than the amount."""
    assert far_more(91, [30, 30, 30], 30)
    assert not far_more(90, [30, 30, 30], 30)
    assert not far_more(39, [10, 10, 10], 30)
    assert not far_more(None, [1, 1, 1], 0)
