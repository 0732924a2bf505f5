"""A small simulator: log entries are written down, folded, and the next action is asked for."""

from datetime import UTC, datetime, timedelta

import pytest

from sopkit.archive.entries import Entry
from sopkit.archive.gates import GateResult
from sopkit.archive.runs import run_state
from sopkit.definitions.sop import Sop
from sopkit.running.planning import Conclude, Execute, Finish, Perform, Wait, next_action

RUN = "20130701T000000Z-flights-0001"
START = datetime(2013, 7, 1, tzinfo=UTC)
OPEN = GateResult("g", {"validator": 1}, {"validator": ("ada",)}, {})
CLOSED = GateResult("g", {"validator": 1}, {"validator": ()}, {"validator": 1})
REJECTED = GateResult("g", {"validator": 1}, {"validator": ()}, {"validator": 1}, rejected_by=("ada",))


def stage(id: str, **more) -> dict:
    return {
        "id": id,
        "title": id,
        "purpose": id,
        "owner": "eng",
        "notebook": f"x/{id}.ipynb",
        "on_failure": "-",
        **more,
    }


SOP = Sop.model_validate(
    {
        "sop": "sample",
        "version": "1.0.0",
        "title": "A sample",
        "owner": "eng",
        "purpose": "for tests",
        "roles": {"eng": {"title": "Engineer"}, "validator": {"title": "Validator"}},
        "outcomes": {
            "kept": {"meaning": "k", "ends": True},
            "moved": {"meaning": "m", "moves": True},
            "blocked": {"meaning": "b", "ends": True},
            "rejected": {"meaning": "r", "ends": True},
        },
        "stages": [
            stage("first", results={"fine": {"title": "Fine", "must_pass": True}}),
            stage("second", gate={"id": "g", "title": "G", "meaning": "m", "roles": {"validator": 1}}),
            stage("third"),
            stage("fourth", wait="promotion.soak"),
        ],
    }
)


class Simulator:
    """A run's log in memory, and what the planner says next."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.gate = OPEN
        self.as_of = START
        self.champion = "c1"
        self.log("run.started", body={"sop": "sample", "model": "flights"})

    def log(self, kind, stage=None, attempt=None, body=None, by="eng"):
        self.entries.append(Entry(len(self.entries) + 1, START, kind, self.as_of, RUN, stage, attempt, by, body or {}))
        return self

    def sealed(self, stage, attempt=1, **body):
        results = {"fine": {"verdict": "pass"}} if stage == "first" else {}
        self.log("stage.started", stage, attempt)
        return self.log("stage.sealed", stage, attempt, {"results": results, **body})

    def next(self, until=None):
        return next_action(
            SOP,
            run_state(self.entries, RUN),
            as_of=self.as_of,
            gate=lambda stage: self.gate,
            wait_of=lambda stage: timedelta(days=7),
            inputs_now=lambda: {"champion": self.champion},
            moving=frozenset({"move_alias"}),
            until=until,
        )


@pytest.fixture
def run():
    return Simulator()


MOVE = {"requests": [{"effect": "move_alias", "arguments": {}}]}


def test_a_new_run_begins_with_the_first_attempt_of_the_first_stage(run):
    """Nothing was executed yet: the first stage is, and says that it is its first attempt."""
    assert Execute("first", 1, ["first attempt"]) == run.next()


@pytest.mark.parametrize(
    ("kind", "because"),
    [("stage.failed", "attempt 1 failed: no data"), ("stage.interrupted", "attempt 1 was interrupted")],
)
def test_a_failed_or_interrupted_attempt_is_followed_by_the_next_one(run, kind, because):
    """The stage gets a new attempt that says what became of the one before."""
    run.log("stage.started", "first", 1).log(kind, "first", 1, {"reason": "no data"})
    assert Execute("first", 2, [because]) == run.next()


def test_a_returned_attempt_is_executed_again(run):
    """A return voids the attempt, and the next one names who returned it."""
    run.sealed("first").sealed("second").log("sign_off", "second", 1, {"decision": "return", "gate": "g"}, by="ada")
    assert Execute("second", 2, ["attempt 1 was returned by ada"]) == run.next()


def test_a_stage_is_executed_again_only_if_an_input_that_it_used_changed(run):
    """After a new attempt upstream, a stage whose used inputs have the same digests stands; another one is named."""
    old, new = [{"name": "rows.csv", "sha256": "a" * 64}], [{"name": "rows.csv", "sha256": "b" * 64}]
    used = [{"input": "stage:first/rows.csv", "digest": "a" * 64}]
    run.sealed("first", artifacts=old).sealed("second", uses=used).sealed("first", 2, artifacts=old)
    assert Execute("third", 1, ["first attempt"]) == run.next()
    run.sealed("first", 3, artifacts=new)
    action = run.next()
    assert ("second", 2) == (action.stage, action.attempt)
    assert ["stage:first/rows.csv changed: aaaaaaaaaaaa → bbbbbbbbbbbb"] == action.because


def test_a_champion_that_changed_meanwhile_has_the_stage_executed_again(run):
    """A comparison with a champion that is not in service any more is made again."""
    run.sealed("first").sealed("second", uses=[{"input": "champion", "digest": "c1"}])
    run.champion = "c2"
    assert "champion changed" in run.next().because[0]


def test_what_the_run_moved_itself_does_not_stale_it(run):
    """Once an effect of the run has moved something, the stages up to it stand whatever is in service."""
    run.sealed("first").sealed("second", uses=[{"input": "champion", "digest": "c1"}]).sealed("third", **MOVE)
    run.log("effect.done", "third", 1, {"index": 0, "effect": "move_alias"})
    run.champion = "c2"
    assert isinstance(run.next(), Wait)


def test_a_result_that_must_pass_and_does_not_stops_the_run(run):
    """`fail`, `insufficient` and a missing result all block."""
    for verdict in ("fail", "insufficient", None):
        fresh = Simulator()
        fresh.sealed("first", results={"fine": {"verdict": verdict}})
        action = fresh.next()
        assert ("stopped", "blocked") == (action.state, action.outcome)


def test_an_outcome_that_ends_the_run_needs_no_signature(run):
    """A concluded outcome that moves nothing ends the run before its gate is asked."""
    run.gate = CLOSED
    run.sealed("first").sealed("second", concluded={"outcome": "kept", "why": "no gain"})
    assert Finish("done", "kept", "no gain", "second") == run.next()


def test_a_closed_gate_makes_the_run_wait_for_the_missing_roles(run):
    """The run waits at the gate and says whose sign-off is missing."""
    run.gate = CLOSED
    run.sealed("first").sealed("second")
    action = run.next()
    assert [{"stage": "second", "kind": "sign_off", "roles": ["validator"], "until": None}] == action.needs


def test_a_standing_reject_stops_the_run(run):
    """A reject at a gate ends the run as rejected and names who rejected."""
    run.gate = REJECTED
    action = run.sealed("first").sealed("second").next()
    assert ("stopped", "rejected") == (action.state, action.outcome)
    assert "ada" in action.why


def test_effects_are_performed_in_order_and_once(run):
    """An effect that was intended and not done is performed again, one that was done never."""
    run.sealed("first").sealed("second").sealed("third", requests=[MOVE["requests"][0], MOVE["requests"][0]])
    assert 0 == run.next().index
    run.log("effect.intended", "third", 1, {"index": 0, "effect": "move_alias"})
    assert isinstance(run.next(), Perform)
    assert 0 == run.next().index
    run.log("effect.done", "third", 1, {"index": 0, "effect": "move_alias"})
    assert 1 == run.next().index


def test_an_outcome_stands_after_the_gate_and_the_effects(run):
    """An outcome that moves something becomes the run's once its effects are done, and only once."""
    concluded = {"outcome": "moved", "why": "better"}
    run.sealed("first").sealed("second").sealed("third", concluded=concluded, **MOVE)
    assert isinstance(run.next(), Perform)
    run.log("effect.done", "third", 1, {"index": 0, "effect": "move_alias"})
    assert Conclude("third", "moved", "better") == run.next()
    run.log("run.outcome", "third", None, {"outcome": "moved", "why": "better"})
    assert isinstance(run.next(), Wait)


def test_a_stage_with_a_wait_starts_when_the_clock_of_the_run_allows(run):
    """The stage waits that long after the clock of the stage before it, by `as_of` and not by the wall."""
    run.sealed("first").sealed("second").sealed("third")
    action = run.next()
    assert [{"stage": "fourth", "kind": "clock", "roles": [], "until": "2013-07-08T00:00:00Z"}] == action.needs
    run.as_of = START + timedelta(days=7)
    assert Execute("fourth", 1, ["first attempt"]) == run.next()


def test_until_stops_after_the_stage(run):
    """With `until` nothing behind that stage is executed, and nobody is waited for."""
    run.sealed("first")
    assert [] == run.next(until="first").needs


def test_a_run_whose_stages_are_all_done_is_done(run):
    """After the last stage the run is done."""
    run.sealed("first").sealed("second").sealed("third").sealed("fourth")
    assert "done" == run.next().state


@pytest.mark.parametrize("gap", range(3))  # the fourth would wait for the clock
@pytest.mark.parametrize("how", ["never executed", "failed", "interrupted"])
def test_no_stage_is_passed_over(gap, how):
    """Whichever stage is missing, it is the next one, although every stage after it is sealed and every gate open."""
    play = Simulator()
    stages = [each.id for each in SOP.stages]
    for position, stage in enumerate(stages):
        if position != gap:
            play.sealed(stage)
        elif how != "never executed":
            play.log("stage.started", stage, 1).log(f"stage.{how}", stage, 1, {"reason": "a test"})
    action = play.next()
    assert (type(action), action.stage) == (Execute, stages[gap])


@pytest.mark.parametrize("verdict", ["fail", "insufficient", None])
def test_what_must_pass_stops_the_run_whatever_was_signed_or_done_after_it(verdict):
    """A missing or failed result that must pass stops the run, with every gate open and every later stage sealed."""
    play = Simulator()
    play.log("stage.started", "first", 1)
    play.log("stage.sealed", "first", 1, {"results": {"fine": {"verdict": verdict}} if verdict else {}})
    for stage in ("second", "third", "fourth"):
        play.sealed(stage)
    assert play.next() == Finish("stopped", "blocked", f"first: `fine` is {verdict or 'missing'}: Fine", "first")


@pytest.mark.parametrize(("now", "executes"), [("d1", False), ("", True), (None, False)])
def test_a_stage_is_executed_again_when_a_waiver_that_it_used_is_gone(now, executes):
    """In force with the same digest: nothing to do; withdrawn or over: the stage that used it is made again."""
    play = Simulator()
    play.sealed("first", uses=[{"input": "waiver:7", "digest": "d1"}])
    state = run_state(play.entries, RUN)
    action = next_action(
        SOP,
        state,
        as_of=START,
        gate=lambda stage: OPEN,
        wait_of=lambda stage: timedelta(0),
        inputs_now=lambda: {} if now is None else {"waiver:7": now},
        moving=frozenset(),
    )
    assert action.stage == ("first" if executes else "second")
