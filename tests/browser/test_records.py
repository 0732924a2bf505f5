"""A run notebook in JupyterLab: as a draft on its attempt's inputs, and as the record that it is."""

from __future__ import annotations

import json

import pytest
from conftest import MODEL
from playwright.sync_api import expect

pytestmark = pytest.mark.browser


def test_a_draft_of_an_attempt_stands_on_its_inputs(browser, sealed, make_lab) -> None:
    """`sop open` gives a notebook that runs, on the very bytes that the attempt used, whatever has changed since."""
    state = json.loads(sealed("status", "last", "--json"))
    model = sealed.root / "templates" / "models" / f"{MODEL}.yaml"
    text = model.read_text()
    model.write_text(text.replace("minimum_rows: 100", "minimum_rows: 101"))
    path = sealed("open", "last", "prepare", "--print").strip()
    model.write_text(text)

    sheet = make_lab(sealed, hidden=True).open(browser, path)
    sheet.run_all()

    assert sheet.errors.all_inner_texts() == []
    expect(sheet.cell("Draft of stage prepare")).to_contain_text(f"stands on run {state['run']}")
    used = _artifacts(sealed, "collect")["snapshot.parquet"]
    expect(sheet.cell("Loaded snapshot.parquet")).to_contain_text(f"stage collect, attempt 1, sha256 {used[:12]}")
    expect(sheet.cell("Rows to train on: ")).to_contain_text("(required ≥ 100 rows)")
    assert json.loads(sealed("verify", "--json"))["problems"] == []


def test_a_record_saved_again_is_told_from_one_that_was_altered(browser, sealed, make_lab) -> None:
    """JupyterLab shows results, figures and sign-offs; saving them is a notice, changing a word is a problem."""
    state = json.loads(sealed("status", "last", "--json"))
    name = next(stage["notebook"] for stage in state["stages"] if stage["id"] == "collect")
    path = sealed.root / name
    published = path.read_bytes()

    sheet = make_lab(sealed).open(browser, path)
    expect(sheet.cell("✓ pass").first).to_be_visible()
    expect(sheet.cell("DEMO: Approved")).to_have_count(1)
    assert sheet.figures.evaluate_all("all => all.length && all.every(image => image.naturalWidth > 300)")

    sheet.save()
    assert path.read_bytes() != published
    told = json.loads(sealed("verify", "--json"))
    assert (told["ok"], told["problems"]) == (True, [])
    assert "resaved" in {notice["kind"] for notice in told["notices"]}

    sheet.cell("maturity = ").locator(".cm-content").click()
    sheet.page.keyboard.type("# hardly worth mentioning")
    sheet.save()
    told = json.loads(sealed("verify", "--json", code=1))
    assert [(problem["kind"], problem["path"]) for problem in told["problems"]] == [("altered", name)]


def _artifacts(place, stage: str) -> dict[str, str]:
    """Name -> sha256 of what the last attempt of `stage` left."""
    entries = [json.loads(line) for line in (place.root / "runs/log/entries.jsonl").read_text().splitlines()]
    found = [entry for entry in entries if entry["kind"] == "stage.sealed" and entry["stage"] == stage]
    return {item["name"]: item["sha256"] for item in found[-1]["body"]["artifacts"]}
