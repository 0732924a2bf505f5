"""JupyterLab as a person meets it: a real server on a workspace, and pages that are driven by keys."""

from __future__ import annotations

import json
import os
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Locator, Page, expect

from sopkit.cli.workspaces import UPLOADS

__all__ = ["Lab", "Sheet", "start_lab"]

PATIENCE = 90_000  # milliseconds: a kernel that starts on a busy machine, not a speed that is promised
EXECUTED = re.compile(r"\[\d+\]")
SETTINGS: Mapping[str, Mapping[str, Any]] = {
    "@jupyterlab/apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    # jupyterlab 4.6 takes cells that are out of sight from the page; a test wants to see them all
    "@jupyterlab/notebook-extension/tracker": {"windowingMode": "none"},
}


class Lab:
    """A JupyterLab server on a workspace, with settings and folders of its own."""

    def __init__(self, root: Path, home: Path, *, hidden: bool = False, theme: str = "JupyterLab Light") -> None:
        self.root, self.token, self.port = root, secrets.token_hex(8), _free_port()
        settings = {**SETTINGS, "@jupyterlab/apputils-extension/themes": {"theme": theme}}
        for plugin, values in settings.items():
            path = home / "settings" / f"{plugin}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(values))
        folders = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
        command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ip=127.0.0.1"]
        command += [f"--port={self.port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={self.token}"]
        command += [f"--ServerApp.root_dir={root}", f"--ContentsManager.allow_hidden={hidden}", UPLOADS]
        environment = {**os.environ, **folders, "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"), "HOME": str(home)}
        self.told = home / "server.txt"
        with self.told.open("wb") as told:
            self.process = subprocess.Popen(command, cwd=root, env=environment, stdout=told, stderr=told)

    def ask(self, path: str, method: str = "GET") -> Any:
        """The server's answer, as JSON."""
        headers = {"Authorization": f"token {self.token}"}
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{path}", method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def wait(self) -> None:
        """Return when the server answers; fail with what it said when it ends instead."""
        for _ in range(600):
            assert self.process.poll() is None, self.told.read_text()
            try:
                self.ask("api/status")
            except OSError:
                time.sleep(0.1)
            else:
                return
        raise AssertionError(f"JupyterLab does not answer\n{self.told.read_text()}")

    def open(self, browser: Browser, notebook: str | Path) -> Sheet:
        """A notebook in a page of its own, its kernel ready."""
        path = (self.root / notebook).relative_to(self.root)
        page = browser.new_page(viewport={"width": 1280, "height": 1600})
        page.set_default_timeout(PATIENCE)
        page.goto(f"http://127.0.0.1:{self.port}/lab/tree/{path.as_posix()}?reset&token={self.token}")
        sheet = Sheet(self, page, self.root / path)
        # The indicator says idle before there is a kernel; whoever runs a cell then is asked to select one.
        expect(page.locator("#jp-main-statusbar")).to_contain_text("| Idle", timeout=PATIENCE)
        sheet._settle()
        return sheet

    def stop(self) -> None:
        """End the kernels, then the server."""
        if self.process.poll() is None:
            for kernel in self.ask("api/kernels"):
                self.ask(f"api/kernels/{kernel['id']}", "DELETE")
            self.process.terminate()
            self.process.wait(30)


class Sheet:
    """An open notebook."""

    def __init__(self, lab: Lab, page: Page, path: Path) -> None:
        self.lab, self.page, self.path = lab, page, path
        self.status = page.locator(".jp-Notebook-ExecutionIndicator")
        self.cells = page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell")
        self.figures = self.cells.locator(".jp-RenderedImage img")
        self.errors = self.cells.locator('[data-mime-type="application/vnd.jupyter.error"]')

    def cell(self, text: str) -> Locator:
        """The cells that show `text`."""
        return self.cells.filter(has_text=text)

    def step_through(self) -> None:
        """From the first cell to the last with Shift-Enter, each cell left when it is done."""
        self.cells.first.click()
        self.page.keyboard.press("Escape")
        for number in range(self.cells.count()):
            cell = self.cells.nth(number)
            expect(cell).to_have_class(re.compile(r"\bjp-mod-active\b"))
            code = "jp-CodeCell" in (cell.get_attribute("class") or "")
            self.page.keyboard.press("Shift+Enter")
            if code:
                expect(cell.locator(".jp-InputPrompt")).to_have_text(EXECUTED, timeout=PATIENCE)
        self._settle()

    def run_all(self) -> None:
        """Run > Run All Cells."""
        self.page.get_by_role("menuitem", name="Run", exact=True).click()
        self.page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
        last = self.cells.and_(self.page.locator(".jp-CodeCell")).last.locator(".jp-InputPrompt")
        done = last.filter(has_text=EXECUTED).or_(self.errors)
        expect(done.first).to_be_attached(timeout=PATIENCE)
        self._settle()

    def save(self) -> dict[str, Any]:
        """Ctrl-S, and what lies on the disk then."""
        before = self.path.stat().st_mtime_ns
        self.cells.last.click()
        self.page.keyboard.press("Escape")
        self.page.keyboard.press("Control+s")
        for _ in range(300):
            if self.path.stat().st_mtime_ns != before:
                break
            self.page.wait_for_timeout(100)
        expect(self.page.locator(".lm-TabBar-tab.jp-mod-dirty")).to_have_count(0)
        return json.loads(self.path.read_bytes())

    def close(self) -> None:
        """Close the page and end the kernel."""
        self.page.close()
        for session in self.lab.ask("api/sessions"):
            self.lab.ask(f"api/sessions/{session['id']}", "DELETE")

    def _settle(self) -> None:
        expect(self.status).to_have_attribute("data-status", "idle", timeout=PATIENCE)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def start_lab(root: Path, home: Path, **options: Any) -> Lab:
    """A server that answers."""
    home.mkdir(parents=True, exist_ok=True)
    lab = Lab(root, home, **options)
    lab.wait()
    return lab
