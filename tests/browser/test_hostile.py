"""What data and people write is shown as text, everywhere: notebooks, pages, every panel of the desk."""

from __future__ import annotations

import json
import shutil

import pytest
from conftest import Place
from desk_pages import open_desk
from hostile import ATTACKS, IMAGE, LINK, SCRIPT, made_hostile
from playwright.sync_api import Page

from sopkit.panels.desk import PANELS

pytestmark = pytest.mark.browser

# Whatever became more than text: an element of the attack, a link that would run it, or what it would have done.
# Inside a frame that is sandboxed away from the page, a foreign report may do what it likes.
FOUND = r"""() => {
    const found = [];
    if (window.hacked !== undefined) found.push("it ran");
    for (const each of document.querySelectorAll("*")) {
        const words = [...each.attributes].map(one => `${one.name}=${one.value}`);
        if (each.matches('img[src="x"], [onerror]')) found.push(each.outerHTML.slice(0, 200));
        if (each.localName === "script" && /hacked/.test(each.textContent)) found.push(each.outerHTML.slice(0, 200));
        if (words.some(word => /^(href|src|xlink:href|action|formaction)=\s*javascript:/i.test(word)))
            found.push(each.outerHTML.slice(0, 200));
        if (each.localName === "mjx-container") found.push("typeset: " + each.textContent.slice(0, 80));
        if (each.localName === "iframe" && !(each.sandbox.length || each.hasAttribute("sandbox")))
            found.push("a frame without sandbox");
        if (each.localName === "iframe" && each.sandbox.contains("allow-same-origin"))
            found.push("a frame of the same origin");
    }
    return found;
}"""


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> Place:
    return made_hostile(Place, tmp_path_factory.mktemp("hostile"))


@pytest.fixture
def hostile(played, tmp_path, monkeypatch) -> Place:
    """A copy of a workspace whose columns, categories, file, titles, people and comments are attacks."""
    shutil.copytree(played.root.parent, tmp_path / "hostile")
    monkeypatch.setenv("SOP_KEYS", str(tmp_path / "hostile" / "keys"))
    return Place(tmp_path / "hostile" / played.root.name)


def watched(page: Page) -> list[str]:
    """The dialogs that open from now on."""
    dialogs: list[str] = []
    page.on("dialog", lambda dialog: (dialogs.append(dialog.message), dialog.dismiss()))
    return dialogs


def test_the_record_and_its_pages_show_attacks_as_text(browser, hostile, make_lab) -> None:
    """Executed notebooks in JupyterLab and the static pages: nothing runs, and what was written is there to read."""
    before = json.loads(hostile("status", "last", "--json"))
    lab = make_lab(hostile)
    for stage in before["stages"]:
        if not stage["notebook"]:
            continue
        sheet = lab.open(browser, hostile.root / stage["notebook"])
        dialogs = watched(sheet.page)
        sheet.page.wait_for_timeout(1500)  # whatever is typeset is typeset by then
        assert sheet.page.evaluate(FOUND) == [], stage["id"]
        text = sheet.page.locator(".jp-Notebook").inner_text()
        if stage["id"] in ("collect", "evaluate"):
            assert all(attack in text for attack in ATTACKS), stage["id"]
        assert dialogs == []
        sheet.close()
    hostile("show", "--html")
    pages = [path for path in (hostile.root / "runs").rglob("*.html") if "artifacts" not in path.parts]
    assert pages
    for path in pages:
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        dialogs = watched(page)
        page.goto(path.as_uri())
        page.evaluate("() => document.querySelectorAll('details').forEach(each => each.open = true)")
        page.wait_for_timeout(500)
        assert page.evaluate(FOUND) == [], path
        assert dialogs == []
        if before["run"] in path.name:
            text = page.locator("body").inner_text()
            assert all(attack in text for attack in (SCRIPT, IMAGE, LINK))
        page.close()
    assert json.loads(hostile("status", "last", "--json"))["sign_offs"] == before["sign_offs"]


def test_every_panel_shows_attacks_as_text(browser, hostile, make_lab) -> None:
    """Every panel of the desk, with everything in it opened: nothing runs, no dialog, no sign-off."""
    before = json.loads(hostile("status", "last", "--json"))["sign_offs"]
    desk = open_desk(make_lab(hostile), browser)
    desk.sit_down("olga")
    desk.sees("retraining")
    for panel in PANELS:
        desk.open(panel)
        desk.page.wait_for_timeout(1000)
        assert desk.page.evaluate(FOUND) == [], panel
        desk.page.evaluate("() => document.querySelectorAll('.sop-desk details').forEach(each => each.open = true)")
        desk.page.wait_for_timeout(300)
        assert desk.page.evaluate(FOUND) == [], panel
        assert "cannot be shown" not in desk.root.inner_text(), panel
        text = desk.root.inner_text()
        if panel in SHOWN:
            assert SHOWN[panel] in text, panel
    assert desk.dialogs == []
    assert json.loads(hostile("status", "last", "--json"))["sign_offs"] == before
    assert json.loads(hostile("verify", "--json"))["problems"] == []


# Where an attack must be seen, as it was written
SHOWN = {"Run": SCRIPT, "Data": IMAGE, "Drift": SCRIPT, "Comparison": LINK, "Sign-off": IMAGE}
