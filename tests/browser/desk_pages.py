"""The review desk as a reviewer meets it: the workbench in JupyterLab, driven by its labels."""

from __future__ import annotations

import re
from pathlib import Path

from lab_pages import PATIENCE, Lab
from playwright.sync_api import Browser, Locator, Page, expect

__all__ = ["DeskPage", "open_desk"]


class DeskPage:
    """The desk in an open workbench."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".sop-desk")
        self.said = self.root.locator(".sop-alert[role=alert], .sop-alert[role=status]").first
        self.dialogs: list[str] = []
        page.on("dialog", self._dialog)

    def _dialog(self, dialog) -> None:
        self.dialogs.append(dialog.message)
        dialog.dismiss()

    def open(self, panel: str) -> None:
        """Choose a panel by its name, with the keyboard."""
        self.root.locator(".sop-tabs").get_by_role("button", name=panel, exact=True).focus()
        self.page.keyboard.press("Enter")
        active = self.root.locator(".sop-tabs button.mod-active")
        expect(active).to_have_text(panel, timeout=PATIENCE)

    def sit_down(self, key: str) -> None:
        """Choose one's key."""
        self.root.get_by_label("Your key").select_option(label=key)
        expect(self.root.locator(".sop-desk-head")).to_contain_text("at the desk", timeout=PATIENCE)

    def press(self, name: str | re.Pattern[str]) -> None:
        self.button(name).click()

    def button(self, name: str | re.Pattern[str]) -> Locator:
        return self.root.get_by_role("button", name=name, exact=isinstance(name, str))

    def sign(self, decision: str, passphrase: str, comment: str = "") -> None:
        """Fill in the form of the sign-off panel and press its button."""
        self.root.get_by_label("Decision").select_option(label=decision)
        if comment:
            self.root.get_by_label("Comment").fill(comment)
        self.root.get_by_label("Passphrase").fill(passphrase)
        self.root.get_by_label("Passphrase").blur()
        expect(self.button(f"Sign: {decision.lower()}")).to_be_enabled(timeout=PATIENCE)
        self.press(f"Sign: {decision.lower()}")

    def sees(self, text: str | re.Pattern[str]) -> None:
        expect(self.root).to_contain_text(text, timeout=PATIENCE)


def open_desk(lab: Lab, browser: Browser, notebook: str | Path = "notebooks/workbench.ipynb") -> DeskPage:
    """Open the workbench and run its cells, as the text above the desk says."""
    page = lab.open(browser, notebook).page
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    desk = DeskPage(page)
    expect(desk.root.locator(".sop-tabs")).to_be_visible(timeout=PATIENCE)
    return desk
