"""The compliance checklist: what a result answers, what a signer answers, and what cannot be approved."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sopkit.archive.checklist import answered
from sopkit.archive.notebooks import parse_notebook
from sopkit.archive.records import sop_of
from sopkit.archive.runs import run_state
from sopkit.errors import SignOffRefused, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from simulator import SOP, Simulator

CHECKLIST = """
checklist:
  - {id: split, question: "Is the split free of leaks?", gate: promotion, answered_by: collect.split}
  - {id: limits, question: "Are the limits stated?", gate: promotion, role: model-owner, source: Policy 7}
  - {id: read, question: "Have you read it all?", gate: promotion}
  - {id: origin, question: "Is the origin known?", gate: data}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    return Simulator(tmp_path_factory.mktemp("made") / "w", sop=SOP + CHECKLIST)


@pytest.fixture
def world(made: Simulator, tmp_path: Path) -> Simulator:
    return made.copy(tmp_path / "w")


def sealed(world: Simulator, verdict: str | None = "pass") -> str:
    """A run whose stages are sealed; the result that the checklist asks for has that verdict."""
    run = world.start()
    split = {"split": {"name": "split", "value": 1, "verdict": verdict, "reason": "why"}} if verdict else {}
    world.seal(run, "collect", results=split)
    world.seal(run, "evaluate")
    return run


def answers(world: Simulator, run: str) -> dict[str, tuple[str, tuple[str, ...]]]:
    state = run_state(world.entries, run)
    found = answered(sop_of(world.workspace, state), state, "promotion")
    return {each.item.id: (each.answer, each.by) for each in found}


def signed(entry: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(base64.b64decode(entry.body["envelope"]["payload"]))
    return told["predicate"]["checklist"]


@pytest.mark.parametrize(
    ("verdict", "answer"), [("pass", "yes"), ("fail", "no"), ("insufficient", "open"), (None, "open")]
)
def test_a_result_answers_by_its_verdict(world: Simulator, verdict: str | None, answer: str) -> None:
    """Pass is yes, fail no; too little evidence and a result that was not recorded are open."""
    assert answers(world, sealed(world, verdict))["split"] == (answer, ("collect.split",))


def test_an_approval_states_the_answers_of_its_role(world: Simulator) -> None:
    """The statement has what the result said and a yes to each question that is asked of the role, and nothing else."""
    run = sealed(world)
    assert answers(world, run) == {"split": ("yes", ("collect.split",)), "limits": ("open", ()), "read": ("open", ())}
    owner = world.sign(run, "evaluate", "olga", "approve")
    assert signed(owner) == owner.body["checklist"]
    assert {id: said["answer"] for id, said in signed(owner).items()} == {
        "split": "yes",
        "limits": "yes",
        "read": "yes",
    }
    assert signed(owner)["limits"]["question"] == "Are the limits stated?"
    assert signed(owner)["split"]["answered_by"] == "collect.split"
    reviewer = world.sign(run, "evaluate", "rita", "approve")
    assert set(signed(reviewer)) == {"split", "read"}
    assert answers(world, run)["read"] == ("yes", ("olga", "rita"))
    assert world.gate(run, "evaluate")
    assert world.verify().ok


def test_the_record_cell_shows_the_answers(world: Simulator) -> None:
    """The run notebook's record cell lists each question with its answer."""
    run = sealed(world)
    world.sign(run, "evaluate", "olga", "approve")
    path = world.workspace.run_folder("repair", run) / "02_evaluate.ipynb"
    shown = parse_notebook(path.read_bytes(), "x")["cells"][-1]["source"]
    assert "yes&#58; Are the limits stated?" in "".join(shown)


def test_no_is_no_approval(world: Simulator) -> None:
    """A no with an approval is refused with the way out; with a return it is recorded and shown."""
    run = sealed(world)
    with pytest.raises(SignOffRefused, match="cannot answer no to 'limits'") as refused:
        world.sign(run, "evaluate", "olga", "approve", answers={"limits": "no"})
    assert "--return" in str(refused.value.remedy)
    world.sign(run, "evaluate", "olga", "return", comment="state them", answers={"limits": "no"})
    state = run_state(world.entries, run)
    assert state.sign_offs[0].checklist["limits"]["answer"] == "no"


def test_what_does_not_apply_needs_a_comment(world: Simulator) -> None:
    """`not-applicable` is an answer of an approval that says why."""
    run = sealed(world)
    with pytest.raises(SignOffRefused, match="why does 'limits' not apply"):
        world.sign(run, "evaluate", "olga", "approve", answers={"limits": "not-applicable"})
    world.sign(run, "evaluate", "olga", "approve", comment="no one uses it yet", answers={"limits": "not-applicable"})
    assert answers(world, run)["limits"] == ("not-applicable", ("olga",))


def test_over_the_no_of_a_result_an_approval_says_why(world: Simulator) -> None:
    """Nobody answers in place of a result; approving nevertheless needs a comment, and the no stays in the record."""
    run = sealed(world, "fail")
    with pytest.raises(SignOffRefused, match=r"answered by the result collect\.split"):
        world.sign(run, "evaluate", "olga", "approve", answers={"split": "yes"})
    with pytest.raises(SignOffRefused, match=r"the result collect\.split answers no"):
        world.sign(run, "evaluate", "olga", "approve")
    entry = world.sign(run, "evaluate", "olga", "approve", comment="known, and harmless")
    assert signed(entry)["split"]["answer"] == "no"


def test_only_what_is_asked_is_answered(world: Simulator) -> None:
    """A question of another role, an unknown one and an unknown answer are refused."""
    run = sealed(world)
    for given, match, error in (
        ({"limits": "yes"}, "nothing asks reviewer about 'limits'", SignOffRefused),
        ({"dance": "yes"}, "nothing asks reviewer about 'dance'", SignOffRefused),
        ({"read": "perhaps"}, "not an answer to 'read'", WrongUse),
    ):
        with pytest.raises(error, match=match):
            world.sign(run, "evaluate", "rita", "approve", answers=given)


def test_an_approval_that_leaves_a_question_out_does_not_count(world: Simulator) -> None:
    """Signed by another tool with a person's own key: without its answers, or with a no, it opens no gate."""
    run = sealed(world)
    like = world.sign(run, "evaluate", "olga", "approve")
    world.sign(run, "evaluate", "olga", "withdraw", comment="a mistake")
    for change in (lambda told: told["predicate"].pop("checklist"), say_no):
        world.forge(like, key=world.keys["olga"], edit=change, body=body_of(like, change))
        assert "model-owner" in world.gate(run, "evaluate").missing
    assert "it approves, and answers no to 'limits'" in world.gate(run, "evaluate").refused[-1].reason


def say_no(told: dict[str, Any]) -> None:
    told["predicate"]["checklist"]["limits"]["answer"] = "no"


def body_of(like: Any, change: Any) -> dict[str, Any]:
    told = {"predicate": {"checklist": json.loads(json.dumps(like.body["checklist"]))}}
    change(told)
    return {"checklist": told["predicate"].get("checklist") or {}}


def test_what_the_entry_says_of_the_answers_is_what_was_signed(world: Simulator) -> None:
    """An entry whose plain answers differ from the signed ones is forged."""
    run = sealed(world)
    like = world.sign(run, "evaluate", "olga", "approve")
    world.forge(like, body={"checklist": {}})
    assert [problem.kind for problem in world.verify().problems] == ["forged"]
