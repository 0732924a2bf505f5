"""A data set is uploaded at the desk: a good one is accepted, a bad one is blocked, a hostile one is text."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from lab_pages import PATIENCE
from playwright.sync_api import Browser, Page, expect

MODEL = "diabetes-progression"
BAD = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture
def patients(checkout: Path) -> pd.DataFrame:
    """As many as the study has up to the clock of the run, with other numbers."""
    spec = importlib.util.spec_from_file_location("study", checkout / f"templates/models/{MODEL}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    study = module.load()
    rows = study[study["day"] < "2021-01-01"]
    return rows.assign(patient=rows["patient"] + 1000)


@pytest.fixture
def at_the_desk(sealed, make_lab: Callable, browser: Browser, monkeypatch) -> Page:
    """The Data panel of the desk, in the name of grace; a dialog of the page fails the test."""
    monkeypatch.setenv("SOP_PERSON", "grace")
    sheet = make_lab(sealed).open(browser, "notebooks/workbench.ipynb")
    page = sheet.page
    page.dialogs = []
    page.on("dialog", lambda dialog: (page.dialogs.append(dialog.message), dialog.dismiss()))
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    expect(page.locator(".sop-tabs")).to_be_visible(timeout=PATIENCE)
    page.locator(".sop-tabs button", has_text=re.compile("^Data$")).click()
    expect(page.get_by_text("A new data set")).to_be_visible(timeout=PATIENCE)
    return page


def upload(page: Page, path: Path) -> None:
    """Choose a file, as a person does, and have it checked."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(path)
    expect(page.locator(".widget-html", has_text=f"{path.name} (")).to_be_visible(timeout=PATIENCE)
    page.get_by_role("button", name="Check", exact=True).click()


def test_good_bad_and_hostile_files(at_the_desk, sealed, patients, tmp_path) -> None:
    """The bad one says which column it lacks, and cannot be accepted; markup is text; the good one is in the log."""
    page, accept = at_the_desk, at_the_desk.get_by_role("button", name="Accept", exact=True)
    expect(accept).to_be_disabled()
    told = page.locator(".widget-html .sop-alert")

    patients.drop(columns="bmi").to_csv(tmp_path / "bad.csv", index=False)
    upload(page, tmp_path / "bad.csv")
    expect(told.filter(has_text="bad.csv is blocked for model")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".sop-card", has_text="the data lacks 'bmi'")).to_be_visible()
    expect(accept).to_be_disabled()

    (tmp_path / "page.csv").write_text("<!doctype html><script>alert(3)</script>")
    upload(page, tmp_path / "page.csv")
    expect(page.locator(".sop-card", has_text="an HTML or XML page")).to_be_visible(timeout=PATIENCE)

    patients.assign(**{BAD: BAD}).to_csv(tmp_path / "<img src=x onerror=alert(4)>.csv", index=False)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose a file").click()
    chooser.value.set_files(tmp_path / "<img src=x onerror=alert(4)>.csv")
    page.get_by_role("button", name="Check", exact=True).click()
    expect(told.filter(has_text="_img src=x onerror=alert(4)_.csv may be accepted")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".widget-html td, .widget-html th", has_text=BAD).first).to_be_attached()
    assert page.locator(".widget-html img[src=x]").count() == 0

    patients.to_csv(tmp_path / "good.csv", index=False)
    upload(page, tmp_path / "good.csv")
    expect(told.filter(has_text="good.csv may be accepted")).to_be_visible(timeout=PATIENCE)
    expect(accept).to_be_enabled()
    accept.click()
    expect(told.filter(has_text="Accepted by grace")).to_be_visible(timeout=PATIENCE)
    expect(accept).to_be_disabled()
    assert page.dialogs == []
    (listed,) = json.loads(sealed("data", MODEL, "--json"))
    assert (listed["name"], listed["by"], listed["rows"]) == ("good.csv", "grace", len(patients))
    sealed("verify")


def test_a_large_file_needs_the_setting_that_sop_lab_gives(at_the_desk, patients, tmp_path) -> None:
    """More than 10 MiB in one message: without the setting the connection would be closed, and nothing be said."""
    many = pd.concat([patients] * 800, ignore_index=True)
    many["patient"] = range(10_000, 10_000 + len(many))
    many.to_csv(tmp_path / "many.csv", index=False)
    assert (tmp_path / "many.csv").stat().st_size > 15 * 2**20
    upload(at_the_desk, tmp_path / "many.csv")
    told = at_the_desk.locator(".widget-html .sop-alert", has_text="many.csv may be accepted")
    expect(told).to_be_visible(timeout=PATIENCE)
