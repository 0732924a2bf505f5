"""The review desk in JupyterLab: from the inbox to a gate that opens and a record that verifies."""

from __future__ import annotations

import json
import shutil

import pytest
from desk_pages import open_desk
from playwright.sync_api import expect
from shop import PASSPHRASE

pytestmark = pytest.mark.browser


@pytest.fixture
def review(shop, tmp_path, monkeypatch):
    """A copy of a workspace whose second run waits for the data steward; the keys of its people."""
    shutil.copytree(shop.root.parent, tmp_path / "shop")
    monkeypatch.setenv("SOP_KEYS", str(tmp_path / "shop" / "keys"))
    return type(shop)(tmp_path / "shop" / shop.root.name)


def state_of(place) -> dict:
    return json.loads(place("status", "last", "--json"))


def decisions(place) -> list[tuple[str, str, str]]:
    return [(each["by"], each["stage"], each["decision"]) for each in state_of(place)["sign_offs"]]


def wait_for(desk, place, state: str, stage: str) -> dict:
    """Until the run waits, fails or is done at that stage, or the test's patience ends."""
    for _ in range(240):
        told = state_of(place)
        if told["state"] == state and any(need["stage"] == stage for need in told["waiting_for"]):
            return told
        desk.page.wait_for_timeout(500)
    raise AssertionError(f"still {told['state']}: {told['why']}")


def test_from_the_inbox_to_the_gate_that_opens(browser, review, make_lab) -> None:
    """Inspect, sign with a key, the gate opens, the run goes on to the next gate; verify finds nothing."""
    desk = open_desk(make_lab(review), browser)
    desk.sit_down("dana")
    desk.sees("waits for you")
    desk.press("Review and sign")
    expect(desk.button("Sign: approve")).to_be_disabled()
    desk.press("○ not opened yet: Data")
    desk.sees("Where the rows come from")
    desk.open("Sign-off")
    desk.sees("SHA256:")
    desk.sign("Approve", PASSPHRASE)
    desk.sees("Signature block")
    assert decisions(review) == [("dana", "collect", "approve")]
    expect(desk.root.get_by_label("Passphrase")).to_have_value("")

    desk.press("Go on with the run")
    wait_for(desk, review, "waiting", "evaluate")

    desk.open("Run")
    desk.sees("Waits for a sign-off of stage evaluate")  # what is opened before counts for what was there before
    desk.open("Drift")
    desk.sees("region")
    desk.root.locator("summary", has_text="spend").first.focus()
    desk.page.keyboard.press("Enter")
    desk.sees("Over time")
    desk.open("Comparison")
    desk.sees("ROC AUC")
    for who in ("vera", "owen"):
        desk.sit_down(who)
        desk.open("Sign-off")
        desk.sign("Approve", PASSPHRASE, f"read by {who}")
        desk.sees(f"Signed: approve by {who}")
    assert decisions(review)[1:] == [("vera", "evaluate", "approve"), ("owen", "evaluate", "approve")]
    verified = json.loads(review("verify", "--json"))
    assert (verified["ok"], verified["problems"]) == (True, [])
    assert desk.dialogs == []


def test_what_may_not_be_signed_is_refused_and_a_rejection_stops_the_run(browser, review, make_lab) -> None:
    """Wrong role, wrong passphrase, a rejection without a reason: nothing is signed. A rejection blocks; two see it."""
    lab = make_lab(review)
    desk = open_desk(lab, browser)
    desk.sit_down("owen")
    desk.open("Sign-off")
    desk.sees("none that this gate asks for (data-steward)")
    expect(desk.button("Sign: approve")).to_be_disabled()

    desk.sit_down("dana")
    desk.sign("Reject", "wrong", "wrong year")
    desk.sees("wrong passphrase")
    expect(desk.root.get_by_label("Passphrase")).to_have_value("")
    assert decisions(review) == []

    shutil.copy(review.root / "notebooks/workbench.ipynb", review.root / "notebooks/second.ipynb")
    other = open_desk(lab, browser, "notebooks/second.ipynb")
    other.sit_down("dana")
    other.open("Sign-off")
    desk.root.get_by_label("Comment").fill("")
    desk.sign("Reject", PASSPHRASE)
    desk.sees("needs a comment")
    desk.sign("Reject", PASSPHRASE, "the year is wrong")
    desk.sees("Signed: reject by dana")
    other.sees("the year is wrong")
    other.sees("rejected")
    assert decisions(review) == [("dana", "collect", "reject")]
    review("resume", "last", "--by", "mia", code=4)
    assert state_of(review)["outcome"] == "rejected"
    assert json.loads(review("verify", "--json"))["problems"] == []
