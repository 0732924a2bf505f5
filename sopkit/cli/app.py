"""All commands in one application, and what happens when one of them fails."""

from __future__ import annotations

import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from sopkit.cli import (
    adopting,
    checking,
    comparing,
    conditions,
    data,
    drafts,
    keys,
    looking,
    packing,
    people,
    runs,
    signing,
    waiving,
    workspaces,
)
from sopkit.cli.options import Folder
from sopkit.errors import SopkitError

__all__ = ["app", "run_command"]

app = typer.Typer(
    name="sop",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="The procedures that keep a machine-learning model healthy: run them, sign them, verify what they left.",
    epilog="Start here:  sop new try; cd try; sop run retraining --model flights --as-of 2013-04-01 --demo-reviewers",
)

RUNS, PEOPLE, FILES = "Runs", "People and records", "Definitions and notebooks"
for command, panel in (
    (runs.run, RUNS),
    (adopting.adopt, RUNS),
    (data.data, RUNS),
    (runs.resume, RUNS),
    (runs.abandon, RUNS),
    (looking.status, RUNS),
    (looking.show, RUNS),
    (signing.sign, PEOPLE),
    (signing.withdraw, PEOPLE),
    (waiving.waive, PEOPLE),
    (conditions.conditions, PEOPLE),
    (conditions.settle, PEOPLE),
    (packing.pack, PEOPLE),
    (packing.accept, PEOPLE),
    (looking.verify, PEOPLE),
    (comparing.diff, PEOPLE),
    (workspaces.new, FILES),
    (checking.check, FILES),
    (checking.diagram, FILES),
    (workspaces.lab, FILES),
    (drafts.open_draft, FILES),
):
    app.command("open" if command is drafts.open_draft else None, rich_help_panel=panel)(command)
app.add_typer(keys.app, name="keys", rich_help_panel=PEOPLE)
app.add_typer(people.app, name="people", rich_help_panel=PEOPLE)


def _version(wanted: bool) -> None:
    if wanted:
        from sopkit import __version__

        typer.echo(f"sop {__version__}")
        raise typer.Exit


@app.callback()
def _everywhere(
    workspace: Folder = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version, and end.")
    ] = False,
) -> None:
    pass


def run_command() -> NoReturn:
    """Run the command of `sys.argv`; exits with its code."""
    for stream in (sys.stdout, sys.stderr):  # a terminal that cannot show ✓ shows a question mark instead of failing
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app(prog_name="sop")
    except SopkitError as error:
        _print_error(error)
        sys.exit(error.exit_code)
    except Exception as error:
        sys.exit(_report_crash(error))
    raise AssertionError("typer always exits")


def _print_error(error: SopkitError) -> None:
    from rich.console import Console
    from rich.text import Text

    first, _, rest = str(error).partition("\n")
    text = Text("error: ", style="bold red").append(first, style="not bold default")
    Console(stderr=True, soft_wrap=True, highlight=False).print(
        text.append(f"\n{rest}" if rest else "", style="default")
    )


def _report_crash(error: Exception) -> int:
    """One line for the person, the traceback into a file for whoever mends it."""
    name = f"crash-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.log"
    text = "".join(traceback.format_exception(error))
    line = f"internal error: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
    try:
        folder = _crash_folder()
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"{' '.join(sys.argv)}\n\n{text}", encoding="utf-8")
        line += f"; please report it, with {folder / name}"
    except OSError:
        line += f"; please report it, with this:\n{text}"
    print(line, file=sys.stderr)
    return 1


def _crash_folder() -> Path:
    from sopkit.archive.workspace import Workspace

    try:
        return Workspace.find().sop
    except SopkitError:
        import tempfile

        return Path(tempfile.gettempdir())
