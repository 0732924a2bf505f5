"""A person opens the stage notebooks in JupyterLab, with no run, and steps through them."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote

import pytest
from conftest import MODEL
from playwright.sync_api import expect

pytestmark = pytest.mark.browser

STEPPED = ("01_trigger", "02_collect")


def test_the_notebooks_can_be_stepped_through_with_no_run(browser, make_place, make_lab) -> None:
    """All seven, one after the other, show results and figures, no error, and leave nothing below runs/."""
    place = make_place()
    before = _files(place.root / "runs")
    notebooks = sorted((place.root / "notebooks" / "retraining").glob("*.ipynb"))
    assert len(notebooks) == 7
    lab = make_lab(place)
    for path in notebooks:
        _use_model(path)
        sheet = lab.open(browser, path)
        if path.stem == "01_trigger":
            diagram = sheet.page.locator(".jp-RenderedMermaid img")
            expect(diagram).to_be_visible()
            assert "Model validator" in unquote(diagram.get_attribute("src"))
            assert diagram.bounding_box()["width"] > 300
        sheet.step_through() if path.stem in STEPPED else sheet.run_all()
        saved = sheet.save()
        told = "\n".join(sheet.errors.all_inner_texts())
        assert not told, f"{path.stem}\n{told}"
        code = [cell for cell in saved["cells"] if cell["cell_type"] == "code" and cell["source"]]
        assert all(cell["execution_count"] for cell in code), path.stem
        expect(sheet.cell("It shows everything and keeps nothing.")).to_contain_text("Draft of stage")
        if path.stem != "06_deploy":  # which loads, compares and asks, and has nothing to draw
            assert sheet.figures.evaluate_all("all => all.length && all.every(image => image.naturalWidth > 300)")
        sheet.close()
    assert _files(place.root / "runs") == before


def _files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _use_model(path: Path) -> None:
    """Write the name of the small model into the parameters cell, as a person would."""
    notebook = json.loads(path.read_bytes())
    cell = next(cell for cell in notebook["cells"] if cell["id"] == "parameters")
    assert 'model: str = "flights"' in "".join(cell["source"])
    cell["source"] = "".join(cell["source"]).replace('"flights"', f'"{MODEL}"')
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n")
