"""A person starts a run at the desk, watches it, takes it stage by stage, and opens what was executed."""

from __future__ import annotations

import pytest
from conftest import MODEL
from desk_pages import open_desk
from lab_pages import PATIENCE
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_run_is_started_watched_and_stepped(browser, make_place, make_lab, monkeypatch) -> None:
    """The form starts a run; the stage under way is seen; the next one is run; its notebook opens in a tab."""
    monkeypatch.setenv("SOP_PERSON", "ada")
    place = make_place()
    desk = open_desk(make_lab(place), browser)
    desk.open("Stepping")
    desk.sees("the first run decides for good")
    desk.root.get_by_label("Model", exact=True).select_option(MODEL)
    clock = desk.root.get_by_label("As of").last
    clock.fill("2021-01-01")
    clock.blur()
    desk.root.get_by_label("Go", exact=True).select_option(label="stop after 1. Decide whether to retrain")
    desk.press("Start the run")
    desk.sees("Under way: Decide whether to retrain")
    desk.sees("Next: 2. Collect and check the data")
    expect(desk.button("Run this stage")).to_be_enabled(timeout=PATIENCE)
    desk.press("Run this stage")
    desk.open("Training")
    desk.sees("Under way: Collect and check the data")
    expect(desk.root.locator('svg[aria-label^="memory over time in Collect"]')).to_be_visible(timeout=PATIENCE)
    desk.open("Stepping")
    desk.sees("by: data-steward")
    assert '"state": "waiting"' in place("status", "last", "--json")
    desk.root.locator("summary", has_text="executed notebooks").click()
    desk.root.get_by_role("link", name="Decide whether to retrain").click()
    tabs = desk.page.locator(".lm-DockPanel-tabBar .lm-TabBar-tab")
    expect(tabs.filter(has_text="01_trigger.ipynb")).to_have_count(1, timeout=PATIENCE)
    assert len(desk.page.context.pages) == 1
    assert desk.dialogs == []
    assert "✓ verified" in place("verify")
