from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopkit.archive.entries import Entries, Entry
from sopkit.archive.runs import active_run, alias_history, alias_holder, new_run_id, run_state, run_states
from sopkit.archive.workspace import RUN_ID
from sopkit.errors import NotFound, WrongUse

RUN = "20130701T000000Z-flights-4f2a"
OTHER = "20130801T000000Z-flights-0001"
AS_OF = datetime(2013, 7, 1, tzinfo=UTC)
CREATED = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


class Story:
    """A log in memory: entries in order, a minute apart."""

    def __init__(self, mode: str = "live") -> None:
        self.entries: list[Entry] = []
        self.tell("workspace.created", mode=mode)

    def tell(self, kind, *, run=None, stage=None, attempt=None, by=None, as_of=None, **body) -> int:
        seq = len(self.entries) + 1
        at = CREATED + timedelta(minutes=seq)
        self.entries.append(Entry(seq, at, kind, as_of, run, stage, attempt, by, body))
        return seq

    def start(self, run=RUN, *, model="flights", by="ana", as_of=AS_OF, sop="retraining", **body):
        return self.tell("run.started", run=run, by=by, as_of=as_of, sop=sop, sop_version="1.0.0", model=model, **body)

    def attempt(self, stage, number=1, *, run=RUN, end="sealed", **body):
        self.tell("stage.started", run=run, stage=stage, attempt=number, as_of=AS_OF, because=["first attempt"])
        return self.tell(f"stage.{end}", run=run, stage=stage, attempt=number, **body) if end else None

    def wait(self, *kinds, why=None):
        needs = [{"stage": "monitor", "kind": kind} for kind in kinds]
        return self.tell("run.waiting", run=RUN, why=why, **{"for": needs})

    def sign(self, decision, *, stage="evaluate", attempt=1, by="bob", run=RUN, **body):
        return self.tell("sign_off", run=run, stage=stage, attempt=attempt, by=by, decision=decision, **body)

    def state(self, run=RUN):
        return run_state(self.entries, run)


@pytest.fixture
def story():
    story = Story()
    story.start(parameters={"reason": "drift"}, pins={"sop": "aa"}, until="evaluate", demo=True)
    return story


def test_a_run_is_what_its_first_entry_says(story):
    """Everything that was fixed at the start is in the state."""
    state = story.state()
    assert (state.id, state.sop, state.sop_version, state.model) == (RUN, "retraining", "1.0.0", "flights")
    assert (state.by, state.executors, state.unnamed) == ("ana", {"ana"}, False)
    assert (state.parameters, state.pins) == ({"reason": "drift"}, {"sop": "aa"})
    assert (state.until, state.demo) == ("evaluate", True)
    assert (state.state, state.stages, state.outcome, state.simulated) == ("running", {}, None, False)
    assert (state.as_of, state.started_at, state.seq) == (AS_OF, CREATED + timedelta(minutes=2), 2)
    assert str(state) == RUN
    assert state.stage("evaluate").current is None


def test_a_run_of_a_simulation_is_simulated():
    """The log's first entry decides it for every run."""
    story = Story("simulation")
    story.start()
    assert story.state().simulated


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([], "running"),
        (["waiting"], "waiting"),
        (["waiting", "sign"], "waiting"),
        (["waiting", "stage"], "running"),
        (["waiting", "resumed"], "running"),
        (["waiting", "resumed", "waiting"], "waiting"),
        (["failed"], "failed"),
        (["failed", "resumed"], "running"),
        (["failed", "stage"], "running"),
        (["failed", "abandoned"], "abandoned"),
        (["waiting", "resumed", "done"], "done"),
        (["stopped"], "stopped"),
        (["abandoned", "stage"], "abandoned"),
        (["done", "unheard_of"], "done"),
    ],
)
def test_the_last_word_about_the_run_stands(story, words, expected):
    """Waiting and failing last until the run goes on; an end lasts."""
    story.attempt("evaluate")
    for word in words:
        match word:
            case "waiting":
                story.wait("sign_off", why="gate")
            case "sign":
                story.sign("approve")
            case "stage":
                story.attempt("evaluate", 2)
            case "done" | "stopped":
                story.tell("run.finished", run=RUN, state=word, why="so")
            case "failed":
                story.tell("run.failed", run=RUN, stage="evaluate", reason="so")
            case _:
                story.tell(f"run.{word}", run=RUN, by="ana", reason="so")
    state = story.state()
    assert state.state == expected
    assert state.ended == (expected in ("done", "stopped", "abandoned"))
    assert (state.ended_at is not None) == state.ended
    assert bool(state.waiting_for) == (expected == "waiting")
    assert state.why == {"running": None, "waiting": "gate"}.get(expected, "so")


def test_whoever_resumes_executes_too(story):
    """All who started or resumed are executors; a resume by nobody is remembered; the clock goes on."""
    later = AS_OF + timedelta(days=7)
    story.tell("run.resumed", run=RUN, by="cleo", as_of=later)
    assert (story.state().executors, story.state().unnamed, story.state().by) == ({"ana", "cleo"}, False, "ana")
    story.tell("run.resumed", run=RUN, as_of=later)
    assert (story.state().unnamed, story.state().as_of) == (True, later)


def test_a_sealed_attempt_holds_what_its_seal_says(story):
    """Fields of start and seal are together; results are as they were logged."""
    seal = {
        "notebook": "ab",
        "content": "cd",
        "file": "05_evaluate.ipynb",
        "artifacts": [{"name": "a.json", "sha256": "ef"}],
        "uses": [{"input": "champion", "digest": "01"}],
        "requests": [{"effect": "move_alias"}],
        "concluded": {"outcome": "promoted", "why": "better"},
        "looks": [{"digest": "02"}],
        "results": {"gain": {"value": 0.1, "verdict": "pass"}},
        "seconds": 1.5,
    }
    seq = story.attempt("evaluate", **seal)
    attempt = story.state().stages["evaluate"].sealed
    assert attempt == story.state().stage("evaluate").attempt(1)
    assert (attempt.number, attempt.status, attempt.because, attempt.as_of) == (1, "sealed", ("first attempt",), AS_OF)
    assert (attempt.seq, attempt.ended) == (seq - 1, seq)
    assert attempt.ended_at - attempt.at == timedelta(minutes=1)
    kept = {name: getattr(attempt, name) for name in seal}
    assert {name: list(value) if isinstance(value, tuple) else value for name, value in kept.items()} == seal


@pytest.mark.parametrize("end", ["failed", "interrupted", None])
def test_an_attempt_that_is_not_sealed_is_nothing_to_rest_on(story, end):
    """The newest attempt is the current one, whatever became of it; an older seal does not stand in."""
    story.attempt("evaluate")
    story.attempt("evaluate", 2, end=end, reason="so")
    stage = story.state().stages["evaluate"]
    assert [attempt.status for attempt in stage.attempts] == ["sealed", end or "running"]
    assert stage.current.number == 2
    assert stage.current.reason == ("so" if end else None)
    assert stage.sealed is None


def test_a_runner_that_was_thought_dead_comes_too_late(story):
    """Once an attempt is interrupted, a seal of it counts for nothing, nor does one that never started."""
    story.attempt("evaluate", end="interrupted")
    story.tell("stage.sealed", run=RUN, stage="evaluate", attempt=1, notebook="ab")
    story.tell("stage.sealed", run=RUN, stage="deploy", attempt=1, notebook="ab")
    assert story.state().stages["evaluate"].current.status == "interrupted"
    assert list(story.state().stages) == ["evaluate"]


def test_a_return_voids_the_attempt(story):
    """A returned attempt says by whom and why, and cannot be rested on."""
    story.attempt("evaluate")
    story.sign("approve", by="cleo")
    story.sign("return", comment="the holdout is too short")
    attempt = story.state().stages["evaluate"].current
    assert (attempt.status, attempt.reason) == ("returned", "by bob: the holdout is too short")
    assert story.state().stages["evaluate"].sealed is None


def test_a_return_that_is_withdrawn_in_time_never_was(story):
    """The attempt stands again; withdrawn by another person, or for another attempt, it does not."""
    story.attempt("evaluate")
    returned = story.sign("return")
    story.sign("withdraw", by="cleo", withdraws=returned)
    story.sign("withdraw", stage="deploy", withdraws=returned)
    story.sign("withdraw", attempt=2, withdraws=returned)
    story.sign("withdraw", withdraws=returned + 1)
    assert story.state().stages["evaluate"].current.status == "returned"
    story.sign("withdraw", withdraws=returned)
    attempt = story.state().stages["evaluate"].current
    assert (attempt.status, attempt.reason) == ("sealed", None)
    assert [each.withdrawn for each in story.state().sign_offs] == [True] + [False] * 5


def test_one_of_two_returns_is_enough(story):
    """While any return stands, the attempt is void."""
    story.attempt("evaluate")
    story.sign("return")
    story.sign("return", by="cleo")
    story.sign("withdraw")
    assert story.state().stages["evaluate"].current.reason == "by cleo"


def test_after_the_next_attempt_has_started_a_return_cannot_be_undone(story):
    """The returned attempt stays void, and a late return of an old attempt changes nothing."""
    story.attempt("evaluate")
    story.sign("return")
    story.attempt("evaluate", 2)
    story.sign("withdraw")
    story.sign("return", by="cleo")
    assert [attempt.status for attempt in story.state().stages["evaluate"].attempts] == ["returned", "sealed"]


def test_a_withdrawal_without_number_takes_back_everything_of_that_person_and_attempt(story):
    """Approvals of others and of other attempts stay."""
    story.attempt("evaluate")
    for by, attempt in (("bob", 1), ("bob", 2), ("cleo", 1), ("bob", 1)):
        story.sign("approve", by=by, attempt=attempt, gate="promotion", role="owner", key="SHA256:x", envelope={"a": 1})
    story.sign("withdraw")
    signed = story.state().sign_offs
    assert [each.withdrawn for each in signed] == [True, False, False, True, False]
    assert (signed[0].gate, signed[0].role) == ("promotion", "owner")
    assert (signed[0].key, signed[0].envelope) == ("SHA256:x", {"a": 1})
    assert (signed[0].seq, signed[0].decision, signed[0].demo) == (5, "approve", False)


def test_effects_are_followed_by_their_request(story):
    """Intended, failed, tried again, done: one state a request, with what was asked and what was answered."""
    place = {"run": RUN, "stage": "deploy", "attempt": 1}
    assert not story.state().effect_intended("deploy", 1, 0)
    story.tell("effect.intended", **place, index=0, effect="move_alias", arguments={"model": "flights"})
    assert story.state().effect_intended("deploy", 1, 0)
    story.tell("effect.failed", **place, index=0, effect="move_alias", reason="refused")
    assert story.state().effect("deploy", 1, 0).reason == "refused"
    assert not story.state().effect_done("deploy", 1, 0)
    story.tell("effect.done", **place, index=0, answer={"version": 3})
    story.tell("effect.intended", **place, index=1, effect="notify")
    first, second = story.state().effects
    assert (first.status, first.effect, first.arguments, first.answer) == (
        "done",
        "move_alias",
        {"model": "flights"},
        {"version": 3},
    )
    assert (second.status, second.effect, second.index) == ("intended", "notify", 1)
    assert [story.state().effect_done("deploy", 1, index) for index in (0, 1, 2)] == [True, False, False]


def test_the_outcome_stands_as_soon_as_it_is_logged(story):
    """It names the attempt that concluded it, also while the run goes on."""
    story.attempt("evaluate")
    story.attempt("evaluate", 2)
    story.tell("run.outcome", run=RUN, stage="evaluate", outcome="promoted", why="better")
    state = story.state()
    assert (state.outcome, state.why, state.state) == ("promoted", "better", "running")
    assert state.outcome_of == ("evaluate", 2)
    story.tell("run.outcome", run=RUN, outcome="rolled_back", why="worse")
    assert (story.state().outcome, story.state().outcome_of) == ("rolled_back", None)


def test_unknown_kinds_and_runs_without_start_change_nothing(story):
    """What a later release logs, and entries of runs that never started, are passed over."""
    before = story.state()
    story.tell("run.blessed", run=RUN)
    story.tell("stage.blessed", run=RUN, stage="evaluate", attempt=1)
    story.tell("effect.blessed", run=RUN)
    story.tell("something.else.again", run=RUN)
    story.tell("stage.started", run=OTHER, stage="evaluate", attempt=1)
    assert story.state() == before
    assert run_states(story.entries) == [before]


def test_runs_are_listed_newest_first(story):
    """By the order of their starts, not of their clocks or latest entries."""
    story.start(OTHER, as_of=AS_OF - timedelta(days=99))
    story.attempt("evaluate")
    assert [state.id for state in run_states(story.entries)] == [OTHER, RUN]
    assert run_states(story.entries) == [story.state(OTHER), story.state()]


def test_a_run_that_does_not_exist_is_not_found(story):
    """An id that no run has, and a text that is no id, are different errors."""
    with pytest.raises(NotFound, match="no such run"):
        story.state(OTHER)
    with pytest.raises(WrongUse, match="not a run id"):
        story.state("../etc")


# Runs that block, and aliases


@pytest.mark.parametrize(
    ("kinds", "blocks"),
    [(None, True), ([], True), (["clock"], False), (["sign_off"], True), (["clock", "sign_off"], True)],
)
def test_only_a_run_that_waits_for_the_clock_alone_lets_the_next_one_start(story, kinds, blocks):
    """Running, or waiting for people or for being resumed, a run blocks others of its model, and only those."""
    if kinds is not None:
        story.wait(*kinds)
    assert (active_run(story.entries, "flights") == story.state()) == blocks
    assert active_run(story.entries, "adult") is None


def test_a_failed_run_blocks_until_it_is_ended(story):
    """It may be taken up again; abandoned, it is over."""
    story.tell("run.failed", run=RUN, reason="so")
    assert str(active_run(story.entries, "flights")) == RUN
    story.tell("run.abandoned", run=RUN, by="ana", reason="so")
    assert active_run(story.entries, "flights") is None


def moved(story, digest, *, run=RUN, kind="effect.done", alias="champion", model="flights", **more):
    arguments = {"model": model, "alias": alias, "digest": digest, **more}
    return story.tell(kind, run=run, stage="deploy", attempt=1, index=0, effect="move_alias", arguments=arguments)


def test_an_alias_is_where_the_newest_performed_move_put_it(story):
    """Intended and failed moves, other models, aliases and effects move nothing; the one before is kept."""
    assert alias_holder(story.entries, "flights") is None
    first = moved(story, "aa", version=1)
    moved(story, "xx", kind="effect.intended")
    moved(story, "xx", kind="effect.failed")
    moved(story, "xx", model="adult")
    moved(story, "xx", alias="challenger")
    story.tell("effect.done", run=RUN, effect="notify", arguments={"model": "flights", "alias": "champion"})
    assert alias_holder(story.entries, "flights").previous is None
    second = moved(story, "bb", version=2, run=OTHER, card={"promise": 1})
    third = moved(story, "aa", version=1)
    holder = alias_holder(story.entries, "flights")
    assert (holder.digest, holder.version, holder.seq, holder.run) == ("aa", 1, third, RUN)
    assert (holder.previous.digest, holder.previous.seq, holder.previous.run) == ("bb", second, OTHER)
    assert holder.previous.arguments["card"] == {"promise": 1}
    assert [move.seq for move in alias_history(story.entries, "flights")] == [first, second, third]
    assert alias_holder(story.entries, "flights", "challenger").digest == "xx"


def test_the_version_is_the_one_that_the_registry_answered(story):
    """A version that the request could not know comes from the answer."""
    arguments = {"model": "flights", "alias": "champion", "digest": "aa"}
    story.tell("effect.done", run=RUN, effect="move_alias", arguments=arguments, answer={"version": 4})
    assert alias_holder(story.entries, "flights").version == 4


# Run ids


def test_a_run_id_tells_clock_and_model_and_has_its_folder(workspace):
    """The id has the one form of run ids, and its folder exists."""
    there = datetime.fromisoformat("2013-07-01T02:00:00+02:00")
    run = new_run_id(there, "flights", workspace.sop_folder("retraining"))
    assert RUN_ID.fullmatch(run)
    assert run.startswith("20130701T000000Z-flights-")
    assert workspace.run_folder("retraining", run).is_dir()


def test_a_taken_run_id_gives_the_next(workspace):
    """Also where another SOP has it, and after the last suffix comes the first."""
    retraining, deployment = workspace.sop_folder("retraining"), workspace.sop_folder("deployment")
    ids = [new_run_id(AS_OF, "flights", folder, suffix=0xFFFF) for folder in (retraining, deployment, retraining)]
    assert [run[-4:] for run in ids] == ["ffff", "0000", "0001"]


def test_many_who_start_at_once_get_a_run_id_each(workspace):
    """Exclusive creation of the folder decides."""
    folder = workspace.sop_folder("retraining")
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda _: new_run_id(AS_OF, "flights", folder, suffix=7), range(16)))
    assert sorted(run[-4:] for run in ids) == [f"{7 + number:04x}" for number in range(16)]


def test_a_model_that_is_no_name_gives_no_run_id(workspace):
    """Nothing is made for it."""
    with pytest.raises(WrongUse, match="name of a model"):
        new_run_id(AS_OF, "../flights", workspace.sop_folder("retraining"))
    assert list(workspace.runs.iterdir()) == []


# Properties

KINDS = [
    "run.started",
    "run.resumed",
    "run.waiting",
    "run.failed",
    "run.finished",
    "run.abandoned",
    "run.outcome",
    "stage.started",
    "stage.sealed",
    "stage.failed",
    "stage.interrupted",
    "effect.intended",
    "effect.done",
    "effect.failed",
    "sign_off",
]
EVENT = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(KINDS),
        "run": st.sampled_from([RUN, OTHER]),
        "stage": st.sampled_from([None, "collect", "evaluate"]),
        "attempt": st.sampled_from([None, 1, 2]),
        "by": st.sampled_from([None, "ana", "bob"]),
        "decision": st.sampled_from(["approve", "reject", "return", "withdraw"]),
        "withdraws": st.none() | st.integers(1, 9),
        "state": st.sampled_from(["done", "stopped"]),
    }
)


@given(st.lists(EVENT, max_size=30))
def test_whatever_is_logged_folds_and_runs_do_not_touch_each_other(events):
    """Any sequence of entries has a state; a run's state is the same with and without the entries of others."""
    story = Story()
    for event in events:
        story.tell(**event)
    for state in run_states(story.entries):
        assert state == run_states([entry for entry in story.entries if entry.run in (None, state.id)])[0]
        assert state == run_state(story.entries, state.id)
        for stage in state.stages.values():
            assert [attempt.number for attempt in stage.attempts] == sorted({a.number for a in stage.attempts})
            assert all(attempt.status == "sealed" for attempt in stage.attempts if attempt is stage.sealed)


@given(st.lists(EVENT, min_size=1, max_size=30), st.data())
def test_what_is_kept_of_a_fold_is_what_it_would_be_now(events, data):
    """Asked at any positions of a growing log, in any order, runs are what a fold over those entries alone gives."""
    story = Story()
    for event in events:
        story.tell(**event)
    log = Entries.of(story.entries)
    for size in data.draw(st.lists(st.integers(0, len(log)), min_size=1, max_size=6)):
        before = story.entries[:size]
        assert run_states(log[:size]) == run_states(before)
        assert log[:size].latest == max((entry.at for entry in before), default=None)
        assert log[:size].of_run(RUN) == [entry for entry in before if entry.run == RUN]
        assert log[:size].of_kind("sign_off") == [entry for entry in before if entry.kind == "sign_off"]


def test_a_thousand_runs_fold_in_one_pass():
    """Each entry is looked at once, however many runs there are."""
    story = Story()
    for number in range(1000):
        run = f"20130701T000000Z-flights-{number:04x}"
        story.start(run)
        for stage in ("trigger", "collect", "prepare", "retrain", "evaluate", "deploy", "monitor"):
            story.attempt(stage, run=run, results={"gain": {"value": 1}})
        story.tell("run.finished", run=run, state="done")
    looked = 0

    def once():
        nonlocal looked
        for entry in story.entries:
            looked += 1
            yield entry

    assert len(run_states(once())) == 1000
    assert looked == len(story.entries)
