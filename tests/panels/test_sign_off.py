"""The sign-off panel: who may sign what, after having read what; and what it does with a passphrase."""

from __future__ import annotations

import pytest
from at_the_desk import PASSPHRASE, signed, statement

from sopkit.archive import verification


@pytest.fixture
def panel(desk_of):
    """Olga's sign-off panel, with everything opened that the gate asks for."""
    desk = desk_of("olga")
    desk.open("Comparison")
    desk.open("Sign-off")
    return desk._made["Sign-off"]


def test_approve_is_closed_until_what_the_gate_names_was_opened(desk_of, world) -> None:
    """Approve is disabled, names what is missing and leads there; once it was opened, the button is free."""
    desk = desk_of("olga", panel="Sign-off")
    panel = desk._made["Sign-off"]
    assert panel.button.disabled
    assert [button.description for button in panel.to_open.children] == ["○ not opened yet: Comparison"]

    panel.to_open.children[0].click()
    assert desk.panel == "Comparison"
    desk.open("Sign-off")
    assert not panel.button.disabled
    assert panel.to_open.children == ()


def test_a_rejection_needs_nothing_to_be_opened(desk_of, world) -> None:
    """Who has seen enough may reject at once, with a reason."""
    panel = desk_of("olga", panel="Sign-off")._made["Sign-off"]
    panel.decision.value = "reject"
    assert not panel.button.disabled
    panel.comment.value = "the data are of the wrong year"
    panel.passphrase.value = PASSPHRASE
    panel.button.click()
    assert signed(world) == [("olga", "reject")]


def test_a_sign_off_is_logged_shown_and_verifies(panel, world) -> None:
    """The sign-off is in the log, with what was opened; its block is shown; verify is clean."""
    panel.comment.value = "gain holds in every slice"
    panel.passphrase.value = PASSPHRASE
    panel.button.click()
    assert signed(world) == [("olga", "approve")]
    assert "Signature block" in panel.block.value
    assert "gain holds in every slice" in panel.block.value
    assert "comparison" in statement(world.entries[-1])["predicate"]["opened"]
    assert "missing: reviewer" in panel.shown.value
    assert verification.verify(world.workspace).problems == ()


@pytest.mark.parametrize(("decision", "word"), [("withdraw", "withdraw"), ("return", "return")])
def test_a_word_is_taken_back_and_an_attempt_returned_with_a_comment(panel, world, decision, word) -> None:
    """Both need a comment; with one they stand in the log, and the gate says what is missing now."""
    panel.passphrase.value = PASSPHRASE
    panel.button.click()
    panel.decision.value = decision
    panel.passphrase.value = PASSPHRASE
    panel.sign()
    assert signed(world) == [("olga", "approve")]
    assert "needs a comment" in panel.desk.said.value
    panel.comment.value = "one slice was not looked at"
    panel.passphrase.value = PASSPHRASE
    panel.sign()
    assert signed(world)[1:] == [("olga", word)]
    assert "one slice was not looked at" in panel.shown.value


@pytest.mark.parametrize(("passphrase", "told"), [("wrong", "wrong passphrase"), ("", "no passphrase was given")])
def test_a_wrong_passphrase_signs_nothing_and_is_cleared(panel, world, passphrase, told) -> None:
    """Nothing is logged, the field is empty again, and the reason is told without a traceback."""
    panel.passphrase.value = passphrase
    panel.button.click()
    assert signed(world) == []
    assert panel.passphrase.value == ""
    assert told in panel.desk.said.value


def test_the_passphrase_is_cleared_before_anything_can_fail(panel, world, monkeypatch) -> None:
    """Whatever goes wrong afterwards, what was typed is gone from the widget's state."""
    seen = []
    monkeypatch.setattr("sopkit.panels.sign_off.load_private", lambda *_: seen.append(panel.passphrase.value) or 1 / 0)
    panel.passphrase.value = PASSPHRASE
    with pytest.raises(ZeroDivisionError):
        panel.sign()
    assert seen == [""]


def test_who_holds_no_role_of_the_gate_cannot_sign(desk_of, world) -> None:
    """The button is closed and the roles that are asked for are named; pressed all the same, the archive refuses."""
    desk = desk_of("dora", panel="Comparison")
    desk.open("Sign-off")
    panel = desk._made["Sign-off"]
    assert panel.button.disabled
    assert "none that this gate asks for (model-owner, reviewer)" in panel.signer.value
    panel.passphrase.value = PASSPHRASE
    panel.sign()
    assert signed(world) == []
    assert "holds no role" in desk.said.value


def test_evidence_that_changed_since_it_was_shown_is_not_signed(panel, world) -> None:
    """A new attempt between showing and signing: nothing is signed, the panel shows the new one and says so."""
    before = panel.seen
    world.seal(world.run, "evaluate", 2, auc=0.9)
    panel.passphrase.value = PASSPHRASE
    panel.sign()
    assert signed(world) == []
    assert "changed" in panel.desk.said.value
    assert panel.seen != before
    assert panel.button.disabled, "the new attempt's comparison has not been opened"


def test_two_reviewers_at_once_are_both_recorded_and_the_later_sees_the_first(desk_of, world) -> None:
    """Both desks show the open gate; both sign; a reject blocks, and the one who signs later is told."""
    desks = {who: desk_of(who, panel="Comparison") for who in ("olga", "rita")}
    panels = {}
    for who, desk in desks.items():
        desk.open("Sign-off")
        panels[who] = desk._made["Sign-off"]
    panels["rita"].decision.value = "reject"
    panels["rita"].comment.value = "slices were not looked at"
    panels["rita"].passphrase.value = PASSPHRASE
    panels["rita"].sign()
    panels["olga"].passphrase.value = PASSPHRASE
    panels["olga"].sign()
    assert signed(world) == [("rita", "reject"), ("olga", "approve")]
    assert "slices were not looked at" in panels["olga"].shown.value
    assert "rejected" in panels["olga"].shown.value


def test_a_condition_is_signed_with_its_owner_and_due_date(panel, world) -> None:
    """What is asked for stands in the statement, with severity, owner and due date."""
    panel.add_condition.click()
    panel.stated[0].text.value = "watch recall at night"
    panel.stated[0].severity.value = "high"
    panel.passphrase.value = PASSPHRASE
    panel.button.click()
    [condition] = statement(world.entries[-1])["predicate"]["conditions"]
    assert (condition["text"], condition["severity"], condition["owner"]) == (
        "watch recall at night",
        "high",
        "model-owner",
    )
    assert panel.conditions.children == ()


def test_names_and_comments_are_text(panel, world) -> None:
    """Markup in a comment is shown as it was typed."""
    panel.comment.value = "<img src=x onerror=alert(1)></script><script>alert(2)</script>"
    panel.passphrase.value = PASSPHRASE
    panel.button.click()
    for place in (panel.block.value, panel.shown.value):
        assert "<script>" not in place
        assert "<img src=x" not in place
        assert "&lt;img src=x" in place
