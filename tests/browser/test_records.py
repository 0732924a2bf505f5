"""A run notebook in JupyterLab: as a draft on its attempt's inputs, and as the record that it is."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from conftest import MODEL, Place
from lab_pages import Sheet
from playwright.sync_api import expect

from sopkit.archive.keys import new_key

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


@pytest.fixture(scope="module")
def waiting(make_place) -> tuple[Place, dict[str, Path]]:
    """A run that waits for the data steward, and the keys of two people who may sign: a workspace and id -> key."""
    place, people, keys = make_place(), [], {}
    (place.root.parent / "passphrase").write_text("four words are enough")
    for id, role in (("ada", "people-admin"), ("dora", "data-steward"), ("dirk", "data-steward")):
        keys[id] = new_key(id, "four words are enough", place.root.parent / "keys")
        line = keys[id].with_name(f"{id}.pub").read_text().strip()
        people.append({"id": id, "name": id.title(), "keys": [{"public": line}], "roles": [{"role": role}]})
    (place.root / "templates" / "people.yaml").write_text(json.dumps({"version": 1, "people": people}))
    place("run", "retraining", "--model", MODEL, "--as-of", "2021-01-01", "--by", "mia", "--wait-ok")
    return place, keys


class Signing:
    """A copy of that workspace: its notebook of stage collect, its log, and `sop sign` beside JupyterLab."""

    def __init__(self, waiting: tuple[Place, dict[str, Path]], root: Path) -> None:
        place, self.keys = waiting
        shutil.copytree(place.root, root)
        self.place = Place(root)
        self.state = json.loads(self.place("status", "last", "--json"))
        self.name = next(stage["notebook"] for stage in self.state["stages"] if stage["id"] == "collect")
        self.path = root / self.name

    def sign(self, person: str, *how: str, code: int = 0) -> None:
        self.place("sign", "last", "collect", *how, "--key", str(self.keys[person]), code=code)

    def withdraw(self, person: str) -> None:
        self.place("withdraw", "last", "collect", "--comment", "not yet", "--key", str(self.keys[person]))

    def shown(self) -> list[int]:
        """The log entries of the sign-offs that the file shows."""
        cells = json.loads(self.path.read_bytes())["cells"]
        return [cell["metadata"]["sopkit"]["seq"] for cell in cells if cell["id"].startswith("sopkit-record")]

    def logged(self) -> list[int]:
        """The log entries of the sign-offs that there are, as `sop status` tells them."""
        return [each["seq"] for each in json.loads(self.place("status", "last", "--json"))["sign_offs"]]

    def found(self) -> tuple[list[str], list[str]]:
        """What `sop verify` says about the notebook: kinds of problems, details of notices."""
        told = json.loads(self.place("verify", "--json", code=None))
        problems = [each["kind"] for each in told["problems"]]
        return problems, [each["detail"] for each in told["notices"] if each["path"] == self.name]


@pytest.fixture
def signing(waiting, tmp_path, monkeypatch) -> Signing:
    monkeypatch.setenv("SOP_PASSPHRASE_FILE", str(waiting[0].root.parent / "passphrase"))
    return Signing(waiting, tmp_path / "workspace")


def test_a_notebook_that_is_open_while_others_sign_loses_nothing(browser, signing, make_lab) -> None:
    """Open and clean: whatever JupyterLab is told to do about the file that changed under it, the sign-off is in the
    log, what was saved over it is `resaved`, named, and put right by the next sign-off."""
    sheet = make_lab(signing.place).open(browser, signing.path)
    assert signing.found() == ([], [])  # opening changes nothing

    signing.sign("dora", "--approve")
    first = signing.logged()
    published = signing.path.read_bytes()
    assert signing.shown() == first
    assert _answer(sheet, "Cancel") == published == signing.path.read_bytes()

    overwritten = _answer(sheet, "Overwrite")
    assert (overwritten != published, signing.shown(), signing.logged()) == (True, [], first)
    problems, (notice,) = signing.found()
    assert problems == []
    assert f"does not show the sign-off in log entry {first[0]}" in notice

    signing.withdraw("dora")  # which writes the view again
    assert signing.shown() == signing.logged() == [*first, first[0] + 1]
    assert signing.found() == ([], [])
    before = signing.path.read_bytes()
    assert _answer(sheet, "Revert") == before
    expect(sheet.cells.filter(has_text="Sign-off withdrawn")).to_be_visible()
    sheet.page.close()
    assert (signing.path.read_bytes(), signing.found()) == (before, ([], []))


def test_unsaved_words_in_an_open_notebook_never_become_the_record(browser, signing, make_lab) -> None:
    """Open with an unsaved edit while others sign: reverted, it is gone; written over the record, that is `altered`,
    cannot be signed, and `sop resume` puts the sealed notebook back with every sign-off."""
    sheet = make_lab(signing.place).open(browser, signing.path)
    _edit(sheet)
    signing.sign("dora", "--approve")
    signed = signing.path.read_bytes()
    assert _answer(sheet, "Revert") == signed
    expect(sheet.cell("hardly worth")).to_have_count(0)
    expect(sheet.cells.filter(has_text="sign-off")).not_to_have_count(0)

    _edit(sheet)
    signing.withdraw("dora")
    _answer(sheet, "Overwrite")
    logged = signing.logged()
    assert (len(logged), signing.shown()) == (2, logged[:1])
    assert signing.found() == (["altered"], [])
    with pytest.raises(AssertionError, match=r"not what was sealed[\s\S]*sop resume"):
        signing.sign("dirk", "--approve")
    assert signing.logged() == logged

    signing.place("resume", "last", "--wait-ok", "--by", "mia")
    assert signing.shown() == logged
    assert signing.found() == ([], [])
    signing.sign("dirk", "--approve")
    assert signing.found() == ([], [])


def test_a_cell_of_a_record_that_is_run_again_is_an_alteration(browser, signing, make_lab) -> None:
    """Saved without a change, a notebook can still be signed, which puts its view right; a cell that was run again and
    saved cannot."""
    sheet = make_lab(signing.place).open(browser, signing.path)
    published = signing.path.read_bytes()
    sheet.save()
    assert signing.path.read_bytes() != published
    assert signing.found() == ([], ["saved again, with the same content"])
    signing.sign("dora", "--approve")
    assert signing.found() == ([], [])

    _answer(sheet, "Revert")
    cell = sheet.cells.and_(sheet.page.locator(".jp-CodeCell")).last
    cell.locator(".cm-content").click()
    sheet.page.keyboard.press("Control+Enter")
    sheet._settle()
    sheet.save()
    assert signing.found() == (["altered"], [])
    assert signing.shown() == signing.logged()


def _edit(sheet: Sheet) -> None:
    sheet.cell("maturity = ").locator(".cm-content").click()
    sheet.page.keyboard.type("# hardly worth mentioning")
    expect(sheet.page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(1)


def _answer(sheet: Sheet, button: str) -> bytes:
    """Ctrl-S where the file on the disk has changed since, answered in JupyterLab's dialog; what lies there then."""
    before = sheet.path.stat().st_mtime_ns
    sheet.cells.last.click()
    sheet.page.keyboard.press("Escape")
    sheet.page.keyboard.press("Control+s")
    dialog = sheet.page.get_by_role("dialog").filter(has_text="has changed on disk")
    dialog.get_by_role("button", name=button).click()
    expect(dialog).to_have_count(0)
    if button == "Overwrite":
        for _ in range(300):
            if sheet.path.stat().st_mtime_ns != before:
                break
            sheet.page.wait_for_timeout(100)
    if button != "Cancel":
        expect(sheet.page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
    sheet.page.wait_for_timeout(300)
    return sheet.path.read_bytes()


def _artifacts(place, stage: str) -> dict[str, str]:
    """Name -> sha256 of what the last attempt of `stage` left."""
    entries = [json.loads(line) for line in (place.root / "runs/log/entries.jsonl").read_text().splitlines()]
    found = [entry for entry in entries if entry["kind"] == "stage.sealed" and entry["stage"] == stage]
    return {item["name"]: item["sha256"] for item in found[-1]["body"]["artifacts"]}
