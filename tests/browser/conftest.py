"""A browser, workspaces with a small model, and JupyterLab on them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from lab_pages import Lab, start_lab

CHROMIUM = shutil.which("chromium")
MODEL = "diabetes-progression"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def browser() -> Iterator:
    """Debian's chromium, headless; the tests are skipped where it is not there."""
    if CHROMIUM is None:
        pytest.skip("chromium is not there: `make browser` installs it (Debian, as root)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield browser
        browser.close()


@dataclass(frozen=True)
class Place:
    """A workspace with the small model, and `sop` in it as a person types it."""

    root: Path

    def __call__(self, *arguments: str, code: int | None = 0) -> str:
        """What it prints; it must end with `code`, or with any for None."""
        command = [sys.executable, "-c", "from sopkit.cli import main; main()", *arguments]
        done = subprocess.run(command, cwd=self.root, capture_output=True, text=True, timeout=240, check=False)
        assert code in (None, done.returncode), f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="session")
def make_place(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Place]:
    """A fresh workspace, as `sop new` makes it."""

    def make() -> Place:
        folder = tmp_path_factory.mktemp("place")
        Place(folder)("new", "workspace")
        return Place(folder / "workspace")

    return make


@pytest.fixture(scope="session")
def executed(make_place: Callable[[], Place]) -> Place:
    place = make_place()
    start = ("run", "retraining", "--model", MODEL, "--as-of", "2021-01-01", "--demo-reviewers")
    place(*start, "--until", "prepare", "--wait-ok")
    return place


@pytest.fixture
def sealed(executed: Place, tmp_path: Path) -> Place:
    """A workspace with a run of the small model whose first stages are executed, sealed and approved."""
    shutil.copytree(executed.root, tmp_path / "workspace")
    return Place(tmp_path / "workspace")


@pytest.fixture
def make_lab(tmp_path: Path) -> Iterator[Callable]:
    """JupyterLab on a workspace; stopped after the test, kernels included."""
    labs: list[Lab] = []

    def make(place: Place, **options: object) -> Lab:
        labs.append(start_lab(place.root, tmp_path / f"home-{len(labs)}", **options))
        return labs[-1]

    yield make
    for lab in labs:
        lab.stop()


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A workspace with a champion in service, and a run on rows that drifted, which waits for its data steward."""
    from shop import made_shop

    return made_shop(Place, tmp_path_factory.mktemp("shop"))
