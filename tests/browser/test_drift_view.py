"""The drift view in a browser: rows open by keyboard, nothing is cut off, and the full report reaches nothing."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Page, expect

from sopkit import evidence
from sopkit.definitions.model import ModelFile
from sopkit.running.formats import to_bytes
from sopkit.views.drift.facts import drift_facts
from sopkit.views.fragments import fragment, style
from sopkit.views.pages import Section, page

# A report that tries what a hostile one would, and writes down how far it came
REPORT = """<html><body><p id="told">nothing ran</p><script>
let told = {origin: window.origin};
const attempt = (name, does) => { try { told[name] = String(does()) } catch (error) { told[name] = "refused" } };
attempt("title", () => parent.document.title);
attempt("cookie", () => document.cookie);
attempt("storage", () => localStorage.length);
attempt("top", () => { top.location.href = "about:blank#taken"; return "asked" });
fetch(PLACE).then(() => "read", () => "refused").then(found => {
  told.file = found; document.getElementById("told").textContent = JSON.stringify(told);
});
</script></body></html>"""


class Kept:
    """What stages left: the part of `Contents` that the view asks."""

    def __init__(self, artifacts: dict[tuple[str, str], Any]) -> None:
        self.artifacts = artifacts
        self.state = SimpleNamespace(id="20240601T000000Z-small-0000", sop="retraining")

    def json(self, stage: str, name: str) -> Any:
        return self.artifacts.get((stage, name))

    def digest(self, stage: str, name: str) -> str | None:
        return "0" * 64 if (stage, name) in self.artifacts else None

    def attempt(self, stage: str) -> None:
        return None


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    random = np.random.default_rng(0)
    sides = [
        pd.DataFrame(
            {
                "at": pd.date_range(start, periods=1500, freq="h", tz="UTC"),
                "temperature_of_the_second_bearing": random.normal(shift, 1, 1500),
                "place": random.choice(["north", "south", "a place with a very long name indeed, in the west"], 1500),
            }
        )
        for start, shift in (("2024-01-01", 0.0), ("2024-05-01", 2.0))
    ]
    features = {"temperature_of_the_second_bearing": "numeric", "place": "categorical"}
    parts = {"data": {"source": "x.csv", "time": "at"}, "target": {"column": "y", "task": "binary"}}
    model = ModelFile.model_validate({"model": "small", "features": features, "slices": ["place"], **parts})
    found = evidence.drift(*sides, model.features)
    kept = {"drift.json": found, "profiles.json": evidence.drift_profiles(found, *sides, model)}
    artifacts = {("trigger", name): json.loads(to_bytes(name, value)[0]) for name, value in kept.items()}
    return drift_facts(Kept(artifacts | {("evaluate", "drift_report.html"): ""}), report=".")


@pytest.fixture
def static(facts: dict[str, Any], tmp_path: Path) -> str:
    """The address of a static page with the report beside it."""
    report = tmp_path / facts["report"]["path"]
    report.parent.mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("a secret")
    report.write_text(REPORT.replace("PLACE", json.dumps((tmp_path / "secret.txt").as_uri())))
    (tmp_path / "page.html").write_text(page("Drift", [Section("drift", "Drift", fragment("drift", **facts))]))
    return (tmp_path / "page.html").as_uri()


def told(shown: Page) -> dict[str, str]:
    """What the report wrote down in its frame."""
    words = shown.frame_locator("iframe").locator("#told")
    expect(words).to_contain_text("origin", timeout=30_000)
    found: dict[str, str] = json.loads(words.text_content() or "{}")
    return found


def test_on_a_page_the_report_runs_and_reaches_nothing(browser: Browser, static: str) -> None:
    """From a file, the framed report runs when it is asked for, without an origin: it reaches no page and no file."""
    shown = browser.new_page()
    asked: list[str] = []
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(static)
    shown.get_by_text("Show it on this page").click()
    assert not [url for url in asked if url.endswith("drift_report.html")]
    shown.get_by_role("link", name="Load the report").click()
    found = told(shown)
    assert found["origin"] == "null"
    assert {found[name] for name in ("title", "cookie", "storage", "top", "file")} == {"refused"}
    assert shown.url == static
    shown.close()


def test_in_the_desk_the_report_runs_and_reaches_nothing(browser: Browser) -> None:
    """Framed as the desk does it, the report has no origin and no network either."""
    shown = browser.new_page()
    report = REPORT.replace("PLACE", '"https://example.org/"')
    shown.set_content(f"<title>desk</title><style>{style()}</style>{fragment('drift_report', text=report)}")
    found = told(shown)
    assert found["origin"] == "null"
    assert {found[name] for name in ("title", "cookie", "storage", "top", "file")} == {"refused"}
    assert shown.title() == "desk"
    shown.close()


def test_a_row_opens_by_keyboard(browser: Browser, static: str) -> None:
    """A row takes the focus and opens with Enter: pictures then stand there with their words."""
    shown = browser.new_page()
    shown.goto(static)
    row = shown.locator(".sop-drift-row").first
    row.locator("summary").focus()
    assert not row.locator("h4").first.is_visible()
    shown.keyboard.press("Enter")
    expect(row.get_by_role("img").last).to_be_visible()
    expect(row.get_by_text("Inside each slice")).to_be_visible()
    shown.close()


@pytest.mark.parametrize("width", [1280, 800, 480])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_page(browser: Browser, static: str, width: int, scheme: Any) -> None:
    """With all rows open the page never scrolls to the side, and no cell of a row lies on another."""
    shown = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown.goto(static)
    for row in shown.locator(".sop-drift-row > summary").all():
        row.click()
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    boxes = [each.bounding_box() for each in shown.locator(".sop-drift-row > summary").first.locator("> span").all()]
    known = [box for box in boxes if box]
    for place, one in enumerate(known):
        for other in known[place + 1 :]:
            beside = one["x"] + one["width"] <= other["x"] + 1 or other["x"] + other["width"] <= one["x"] + 1
            above = one["y"] + one["height"] <= other["y"] + 1 or other["y"] + other["height"] <= one["y"] + 1
            assert beside or above
    shown.close()
