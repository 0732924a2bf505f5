"""`sop new`, `sop lab`: make a workspace, draft a model file in it, and open it in JupyterLab."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sopkit.cli.options import Folder, here
from sopkit.errors import NotFound, SopkitError, WrongUse

__all__ = ["UPLOADS", "lab", "make_workspace", "new", "open_lab", "refuse_full"]

# The lock is there in a checkout only: a package that pip installed says nothing about the versions beside it.
# A file that is uploaded at the desk comes in one message; tornado (6.6) closes the connection at more than 10 MiB
UPLOADS = "--ServerApp.tornado_settings={'websocket_max_message_size': 220000000}"
COPIED = ("notebooks", "templates", "runs/README.md", "requirements.lock")


def new(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder that is empty or not there yet; with --data, any workspace.")
    ],
    model: Annotated[str | None, typer.Option(metavar="NAME", help="With --data: the model's name.")] = None,
    data: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Draft a model file for these rows: CSV, Parquet, a pattern, or a URL."),
    ] = None,
    time: Annotated[str | None, typer.Option(metavar="COL", help="The column that says when a row came to be.")] = None,
    target: Annotated[str | None, typer.Option(metavar="COL", help="The column that is predicted.")] = None,
    query: Annotated[str | None, typer.Option(metavar="SQL", help="With a URL: the query that gives the rows.")] = None,
) -> None:
    """A new workspace from the templates; with data, a model file for them that runs at once, to be corrected.

    Example:  sop new try

    Example:  sop new churn --data customers.csv --time month_end --target left
    """
    if data is None:
        for option, given in {"--model": model, "--time": time, "--target": target, "--query": query}.items():
            if given is not None:
                raise WrongUse(f"{option} needs --data, the rows to draft a model file for")
        made = make_workspace(folder)
        typer.echo(f"{made} is a workspace: notebooks/, templates/, runs/")
        typer.echo("try it with a clock and reviewers of its own:")
        typer.echo(f"  cd {folder} && sop run retraining --model flights --as-of 2013-04-01 --demo-reviewers")
        return
    from sopkit.cli.drafting import make_draft, name_of, refuse_existing, report_draft, write_draft

    root, name = folder.expanduser().resolve(), name_of(model, data)
    there = (root / "notebooks").is_dir() and (root / "templates").is_dir()
    refuse_existing(root, name) if there else refuse_full(root)
    drafted = make_draft(data, root, name=name, time=time, target=target, query=query)
    if not there:
        make_workspace(root)
    report_draft(drafted, write_draft(drafted, root), None if root == Path.cwd() else str(folder))


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
    refuse_full(folder)
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


def refuse_full(folder: Path) -> None:
    """Raises WrongUse where a workspace cannot be made because something is there."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WrongUse("not an empty folder", where=folder, remedy="name another one")


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
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}", UPLOADS]
    command += [] if browser else ["--no-browser"]
    command += ["--ContentsManager.allow_hidden=True"] if hidden else []
    command += [str(notebook)] if notebook else []
    os.chdir(root)
    sys.stdout.flush()
    os.execv(command[0], command)
