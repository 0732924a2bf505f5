"""`sop status`, `sop show`, `sop verify`: where things stand, by the log; nothing is written."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sopkit.cli.options import Folder, Json, RunId, StageId, here, print_json
from sopkit.errors import NotFound

if TYPE_CHECKING:
    from rich.console import RenderableType

    from sopkit.archive.workspace import Workspace

__all__ = ["print_view", "show", "status", "verify", "write_page"]


def status(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="A run's id, the start of it, or 'last'.")] = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Where things stand: all runs, or one with its stages, results and what it waits for.

    Example:  sop status last
    """
    from sopkit.archive.runs import run_states
    from sopkit.cli.waiving import in_force
    from sopkit.views import facts, terminal, waivers
    from sopkit.views.standing import as_signed, facts_of, find_run

    found = here()
    if run is not None:
        told = facts_of(found, find_run(found, run))
        if json:
            print_json(told)
            return
        print_view(terminal.run_view(told))
        typer.echo(f"\nas a page:  {write_page(found, told)}")
        return
    listed = facts.list_facts(as_signed(found, state) for state in run_states(found.log.entries()))
    if json:
        print_json(listed)
        return
    print_view(terminal.runs_table(listed))
    if accepted := in_force(found):
        print_view(waivers.waivers_table(accepted))


def show(
    run: RunId,
    stage: StageId,
    attempt: Annotated[
        int | None, typer.Option(metavar="N", help="An earlier attempt (default: the current one).")
    ] = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """A stage's results, verdicts and what it attached.

    Example:  sop show last evaluate
    """
    from sopkit.views import facts, terminal
    from sopkit.views.standing import facts_of, find_run, find_stage, pinned_sop

    found = here()
    state = find_run(found, run)
    sop = pinned_sop(found, state)
    wanted = find_stage(sop, stage)
    try:
        told = facts.stage_facts(state, wanted, attempt, sop=sop)
    except KeyError:
        made = [str(each.number) for each in state.stage(wanted.id).attempts]
        expected = f"one of {', '.join(made)}" if made else "none: the stage has not started"
        raise NotFound(f"stage '{stage}' has no attempt {attempt}", where=state.id, expected=expected) from None
    print_json(told) if json else print_view(terminal.stage_view(facts_of(found, state), told))


def verify(
    run: Annotated[list[str] | None, typer.Argument(metavar="[RUN]...", help="Only these runs.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Every run, which is also the default.")] = False,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A checkpoint kept elsewhere: the log must continue it.")
    ] = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Check everything against the log, the digests and the signatures.

    Example:  sop verify --checkpoint /mnt/auditor/checkpoint
    """
    from sopkit.archive.verification import verify as verify_archive
    from sopkit.views import facts, terminal
    from sopkit.views.standing import find_run

    found = here()
    note = _read(checkpoint) if checkpoint is not None else None
    runs = None if all or not run else [find_run(found, each).id for each in run]
    told = facts.verification_facts(verify_archive(found, runs, note))
    print_json(told) if json else print_view(terminal.verification_view(told))
    raise typer.Exit(0 if told["ok"] else 1)


def write_page(workspace: Workspace, facts: Mapping[str, Any]) -> Path:
    """Write the static page of a run, replacing an older one; returns it, as seen from the current folder.

    It lies in `.sop/pages`: a report that may be rendered anew at any time, so `runs/` holds records only.
    """
    from sopkit.archive.publish import publish
    from sopkit.views.pages import run_page

    path = workspace.sop / "pages" / f"{facts['run']}.html"
    publish(path, run_page(facts, root="../..").encode(), replace=True)
    return Path(os.path.relpath(path))


def print_view(view: RenderableType) -> None:
    """A view on the standard output; where that is no terminal, wide enough that nothing is broken over lines."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=200)
    console.print(view)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NotFound("a file that cannot be read", where=path, got=error.strerror) from None
