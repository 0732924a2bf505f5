"""`sop new`, `sop lab`: make a workspace, and open it in JupyterLab."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sopkit.cli.options import Folder, here
from sopkit.errors import NotFound, SopkitError, WrongUse

__all__ = ["lab", "make_workspace", "new", "open_lab"]

# The lock is there in a checkout only: a package that pip installed says nothing about the versions beside it.
COPIED = ("notebooks", "templates", "runs/README.md", "requirements.lock")


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A folder that is empty or not there yet.")],
) -> None:
    """A new workspace from the templates: the stage notebooks, a SOP, model files, a people file.

    Example:  sop new try
    """
    made = make_workspace(folder)
    typer.echo(f"{made} is a workspace: notebooks/, templates/, runs/")
    typer.echo("try it with a clock and reviewers of its own:")
    typer.echo(f"  cd {folder} && sop run retraining --model flights --as-of 2013-04-01 --demo-reviewers")


def lab(
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window.")] = True,
    workspace: Folder = None,
) -> None:
    """JupyterLab on this workspace.

    Example:  sop lab
    """
    root = here().root
    workbench = root / "notebooks" / "workbench.ipynb"
    open_lab(root, workbench if workbench.exists() else None, browser=browser)


def make_workspace(folder: Path) -> Path:
    """Copy notebooks and templates into `folder`; returns it, resolved. Raises WrongUse if it holds anything."""
    folder = folder.expanduser().resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongUse("not an empty folder", where=folder, remedy="name another one")
    source = _source()
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        for name in COPIED:
            _copy(source / name, part / name)
        (part / "runs").mkdir(exist_ok=True)
        (part / ".gitignore").write_text(".sop/\n.ipynb_checkpoints/\n", encoding="utf-8")
        part.replace(folder)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise SopkitError("the workspace was not made", where=folder, got=error.strerror or error) from None
    return folder


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        left_out = shutil.ignore_patterns(".ipynb_checkpoints", "__pycache__", "*.pyc")
        shutil.copytree(source, target, ignore=left_out)
    elif source.exists():
        shutil.copy(source, target)


def _source() -> Path:
    """Where notebooks and templates lie: in the installed package, or in the checkout that is installed editable."""
    import sopkit

    package = Path(sopkit.__file__).parent
    for folder in (package / "_workspace", package.parent):
        if (folder / "notebooks").is_dir() and (folder / "templates").is_dir():
            return folder
    raise NotFound("the templates are not where sopkit is installed", where=package, remedy="install sopkit again")


def open_lab(root: Path, notebook: Path | None, *, browser: bool, hidden: bool = False) -> NoReturn:
    """Become JupyterLab on `root`. `hidden` lets it open a notebook below `.sop`."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}"]
    command += [] if browser else ["--no-browser"]
    command += ["--ContentsManager.allow_hidden=True"] if hidden else []
    command += [str(notebook)] if notebook else []
    os.chdir(root)
    sys.stdout.flush()
    os.execv(command[0], command)
