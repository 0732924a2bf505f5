"""What is asked at a gate and what was accepted in writing: in every view, and nothing of it can act."""

from __future__ import annotations

from typing import Any

from rich.console import Console, RenderableType

from sopkit.definitions import ModelFile, Sop
from sopkit.definitions.sop import ChecklistItem
from sopkit.views import facts, model_card, pages, terminal

ASKED = [
    ChecklistItem(id="fair", question="Was fairness <b>examined</b>?", gate="promotion", answered_by="evaluate.brier"),
    ChecklistItem(
        id="limits", question="Are the limits stated?", gate="promotion", source="Policy 7", role="validator"
    ),
]
FOUND = {"id": "leak:<x>", "sentence": "x knows it. Waived: Dora accepts this", "severity": "waived", "waivable": True}
WAIVER = {
    **dict.fromkeys(("person", "name"), "Dora"),
    **{"finding": "leak:y", "model": "flights", "stage": "collect", "until": "2026-12-20T00:00:00Z", "role": "steward"},
    **{"reason": "known <i>before</i>", "run": "r", "sentence": "y knows it"},
}


def text_of(view: RenderableType) -> str:
    console = Console(width=300, color_system=None)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


def accepted(told: Any, sop: Sop) -> dict[str, Any]:
    """Facts of a run with a checklist at its gate, something accepted in it, and a waiver in force."""
    brier = {"name": "brier", "value": "NaN", "verdict": "insufficient", "reason": "no labels <yet>"}
    results = {"brier": brier, "bad": {"name": "bad", "value": 0, "verdict": "pass", "detail": {"findings": [FOUND]}}}
    told.sealed("evaluate", results=results)
    answers = {"limits": {"question": "Are the limits stated?", "answer": "not-applicable"}}
    said = {"decision": "approve", "gate": "promotion", "role": "validator", "comment": "a toy", "key": "k"}
    told.add("sign_off", stage="evaluate", attempt=1, by="grace", checklist=answers, **said)
    return facts.run_facts(told.state, sop.model_copy(update={"checklist": ASKED}), waivers=[WAIVER])


def test_every_view_shows_what_is_asked_at_the_gate_and_how_it_was_answered(
    told: Any, sop: Sop, model: ModelFile
) -> None:
    """Question, answer and who gave it: in facts, on the terminal, on the page and in the model card, escaped."""
    run = accepted(told, sop)
    asked = run["stages"][0]["gate"]["checklist"]
    assert [(item["id"], item["answer"], item["by"], item["why"]) for item in asked] == [
        ("fair", "open", ["evaluate.brier"], "no labels <yet>"),
        ("limits", "not-applicable", ["grace"], "a toy"),
    ]
    page, card = pages.run_page(run), model_card.model_card(run, model)
    shown = text_of(terminal.stage_view(run, run["stages"][0]))
    for view in (page, card, shown):
        assert "Are the limits stated?" in view
        assert "– not applicable" in view
        assert "◌ open" in view
        assert "Policy 7" in view
    assert "<b>examined</b>" not in page + card


def test_every_view_names_what_was_accepted_in_writing(told: Any, sop: Sop, model: ModelFile) -> None:
    """What was waived stands in every view, what is in force on the terminal and the page, and none of it can act."""
    run = accepted(told, sop)
    page, card, short = pages.run_page(run), model_card.model_card(run, model), model_card.summary(run, model)
    shown = text_of(terminal.run_view(run))
    for view in (page, card, short, shown):
        assert "accepted in writing" in view
        assert "Dora accepts this" in view
    assert "leak:y" in shown
    assert "known &lt;i&gt;before&lt;/i&gt;" in page
    assert "<i>before" not in page


def test_a_blocked_run_says_what_may_be_waived_and_how(told: Any, sop: Sop) -> None:
    """The command for each finding that a person may accept, none for one that nobody may or that is accepted."""
    block = {"severity": "block", "sentence": "s"}
    found = [{"id": "leak:x", "waivable": True, **block}, {"id": "empty:z", "waivable": False, **block}, FOUND]
    told.sealed("evaluate", results={"bad": {"name": "bad", "verdict": "fail", "detail": {"findings": found}}})
    told.add("run.outcome", stage="evaluate", outcome="blocked", why="bad")
    told.add("run.finished", state="stopped", why="bad")
    shown = text_of(terminal.run_view(facts.run_facts(told.state, sop)))
    assert "sop waive 20130701T000000Z-flights-4f2a leak:x --reason TEXT" in shown
    assert "empty:z" not in shown
    assert "sop waive 20130701T000000Z-flights-4f2a leak:<x>" not in shown


def test_what_is_to_be_weighed_stands_before_the_call_for_a_sign_off(told: Any, sop: Sop) -> None:
    """Warnings that stop nothing are read where somebody is asked to sign, and on the page, as text."""
    odd = "From 2011-01-01 on <temp> looks converted"
    warned = {"name": "odd", "value": 1, "verdict": None, "reason": odd, "detail": {"weigh": [odd]}}
    told.sealed("evaluate", results={"odd": warned})
    run = facts.run_facts(told.state, sop)
    run["waiting_for"] = [{"stage": "evaluate", "kind": "sign_off", "roles": ["validator"], "until": None}]
    shown = text_of(terminal.run_view(run))
    assert shown.index(odd) < shown.index("waiting for a sign-off of 'evaluate'")
    assert "From 2011-01-01 on &lt;temp&gt; looks converted" in pages.run_page(run)
