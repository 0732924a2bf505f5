"""Parameters that a resume gives: for stages that are still to be executed, and nothing that was given is changed."""

import json
from datetime import UTC, datetime

import pytest

from sopkit.archive.runs import run_state
from sopkit.archive.verification import verify
from sopkit.errors import ParameterError
from sopkit.running.planning import Execute, Wait
from sopkit.running.runner import Runner

AS_OF = datetime(2020, 2, 1, tzinfo=UTC)


@pytest.fixture
def place(workspace):
    """The sample procedure; its second stage takes `share`, and fails where that is above one."""
    path = workspace.notebooks / "sample" / "02_judge.ipynb"
    notebook = json.loads(path.read_text())
    cells = {cell["id"]: cell for cell in notebook["cells"]}
    cells["parameters"]["source"] = 'run: str = ""\nmodel: str = "tiny"\nas_of: str = ""\nshare: float = 0.5\n'
    cells["cell-2"]["source"] = "assert share <= 1, 'no share'\nthis.record('share', share)"
    path.write_text(json.dumps(notebook))
    return workspace


def begun(place, **how):
    return Runner(place, by="eng").start("sample", model="tiny", as_of=AS_OF, until="look", **how).id


def test_a_parameter_given_at_a_resume_reaches_its_stage_and_is_logged(place):
    """The next stage gets it, `run.resumed` says so, and it is one of the run's parameters from then on."""
    run = begun(place, parameters={"least": 7})
    state = Runner(place, by="eng").resume(run, until="judge", parameters={"share": 0.25})
    assert 0.25 == state.stage("judge").sealed.results["share"]["value"]
    assert {"least": 7, "share": 0.25} == dict(state.parameters)
    assert {"least": 7} == state.started["parameters"]
    (resumed,) = [entry for entry in place.log.entries() if entry.kind == "run.resumed"]
    assert {"share": 0.25} == resumed.body["parameters"]
    assert verify(place).ok


REFUSED = {
    "declared by a sealed stage": ({"least": 3}, {}, "too late(?s:.*)look(?s:.*)sop run sample --model tiny"),
    "given before with another value": ({"share": 0.75}, {"share": 0.25}, "was given before(?s:.*)expected: 0.25"),
    "unknown": ({"shore": 0.25}, {}, "did you mean `share`"),
    "of the wrong type": ({"share": "much"}, {}, "wrong type"),
    "the runner's own run": ({"run": "x"}, {}, "by the runner itself"),
    "the runner's own model": ({"model": "other"}, {}, "by the runner itself"),
    "the runner's own clock": ({"as_of": "2020-03-01"}, {}, "by the runner itself(?s:.*)--as-of"),
    "the runner's own reason": ({"reason": "x"}, {}, "by the runner itself(?s:.*)--reason"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_change_what_was_decided_is_refused_before_anything_is_logged(place, case):
    """Too late, other than before, unknown, of another type, or the runner's own: an error, no entry."""
    given, before, told = REFUSED[case]
    run = begun(place, parameters=before)
    entries = len(place.log.entries())
    with pytest.raises(ParameterError, match=told):
        Runner(place, by="eng").resume(run, parameters=given)
    assert entries == len(place.log.entries())


def test_the_same_value_may_be_said_again(place):
    """A form that is filled with what was given before may be sent as it is."""
    run = begun(place, parameters={"share": 1.0, "least": 7})
    state = Runner(place, by="eng").resume(run, until="judge", parameters={"share": 1.0, "least": 7})
    assert {"share": 1, "least": 7} == dict(state.parameters)
    assert "sealed" == state.stage("judge").current.status


def test_a_failed_stage_may_still_be_given_what_it_lacked(place):
    """The attempt that failed decided nothing: what was not given yet may be given to the next one."""
    path = place.notebooks / "sample" / "02_judge.ipynb"
    path.write_text(path.read_text().replace("share: float = 0.5", "share: float = 2.0"))
    run = begun(place)
    assert "failed" == Runner(place, by="eng").resume(run).state
    state = Runner(place, by="eng").resume(run, until="judge", parameters={"share": 0.5})
    assert ["failed", "sealed"] == [attempt.status for attempt in state.stage("judge").attempts]


def test_a_run_that_is_over_takes_no_parameters(place):
    """They would be dropped without a word, so they are refused; without any, the run is returned as it is."""
    run = begun(place)
    Runner(place, by="eng").abandon(run, "wrong year")
    with pytest.raises(ParameterError, match="is over"):
        Runner(place, by="eng").resume(run, parameters={"share": 0.5})
    assert "abandoned" == Runner(place, by="eng").resume(run).state


def test_a_start_cannot_be_given_what_the_runner_gives(place):
    """A parameter `run` would make a draft of every stage: it is refused before anything is written."""
    for name in ("run", "model", "as_of"):
        with pytest.raises(ParameterError, match="by the runner itself"):
            begun(place, parameters={name: "x"})
    assert not place.log.entries()


def test_a_log_that_says_otherwise_changes_nothing_that_was_given(place):
    """A reader keeps the first value even if a later entry names another one."""
    run = begun(place, parameters={"share": 0.25})
    now = datetime.now(UTC)
    place.log.append("run.resumed", at=now, run=run, by="eng", body={"parameters": {"share": 0.9, "least": 2}})
    assert {"share": 0.25, "least": 2} == dict(run_state(place.log.entries(), run).parameters)


def test_what_is_next_can_be_asked_without_doing_it(place):
    """Which stage a resume would execute, or what it would wait for; the log stays as it is."""
    run = begun(place)
    entries = len(place.log.entries())
    assert Execute("judge", 1, ["first attempt"]) == Runner(place, by="eng").ahead(run)
    assert entries == len(place.log.entries())
    Runner(place, by="eng").resume(run)
    action = Runner(place, by="eng").ahead(run)
    assert isinstance(action, Wait)
    assert ["sign_off"] == [need["kind"] for need in action.needs]
