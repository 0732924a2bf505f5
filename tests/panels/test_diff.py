"""The panel Diff: what is compared when it opens, what people may choose, and all of it on demand."""

from __future__ import annotations

import pytest


@pytest.fixture
def three(world):
    """A promoted run, one that kept the champion, and the one that waits."""
    first, second = world.run, world.start()
    world.append("run.outcome", run=first, body={"outcome": "promoted"})
    world.seal(second, "evaluate", auc=0.7)
    world.append("run.outcome", run=second, body={"outcome": "champion_kept"})
    third = world.whole_run()
    return first, second, third


def test_it_opens_on_the_last_promoted_run_and_the_one_that_is_looked_at(desk_of, three):
    """Before is the last run that put a model into service, after is the run of the desk, whichever that is."""
    desk = desk_of("olga", panel="Diff")
    panel = desk._made["Diff"]
    assert (panel.before.value, panel.after.value) == (three[0], three[2])
    assert panel.before.description
    assert panel.after.description
    assert "0.8" in panel.shown.value
    desk.look_at(three[1])
    assert (panel.before.value, panel.after.value) == (three[0], three[1])


def test_a_choice_is_kept_while_the_log_grows(desk_of, three, world):
    """What a person chose stays chosen when somebody else logs something."""
    desk = desk_of("olga", panel="Diff")
    panel = desk._made["Diff"]
    panel.before.value = three[1]
    panel.stage.value = "evaluate"
    world.append("run.abandoned", run=three[1], body={"reason": "wrong year"})
    desk.follow()
    assert (panel.before.value, panel.stage.value) == (three[1], "evaluate")


def test_two_attempts_of_one_stage(desk_of, three):
    """Of one run, the attempt before the newest stands on the left; the fields show where there are two."""
    panel = desk_of("olga", panel="Diff")._made["Diff"]
    panel.before.value = three[2]
    assert panel.before_attempt.layout.display == "none"
    assert "No difference that matters" in panel.shown.value
    panel.stage.value = "evaluate"
    assert panel.before_attempt.layout.display == ""
    assert (panel.before_attempt.value, panel.after_attempt.value) == (1, 2)
    assert "the wrong month" in panel.shown.value
    panel.before_attempt.value = 2
    assert "No difference that matters" in panel.shown.value


def test_all_of_it_on_demand_as_text(desk_of, three):
    """The button shows what nbdime says; another choice takes it away, for it is about other notebooks."""
    panel = desk_of("olga", panel="Diff")._made["Diff"]
    assert panel.full.value == ""
    panel.whole.click()
    assert "## " in panel.full.value
    assert "AUC" in panel.full.value
    panel.stage.value = "collect"
    assert panel.full.value == ""
    panel.whole.click()
    assert "No difference in any cell or output" in panel.full.value


def test_hostile_comments_show_as_text(desk_of, three, world):
    """A comment that holds markup is text in the panel."""
    world.sign(
        three[2],
        "evaluate",
        "bob",
        "return",
        role="reviewer",
        comment="</script><script>alert(1)</script><img onerror=x>",
    )
    panel = desk_of("olga", panel="Diff")._made["Diff"]
    assert "alert(1)" in panel.shown.value
    assert "<script" not in panel.shown.value
    assert "<img" not in panel.shown.value
