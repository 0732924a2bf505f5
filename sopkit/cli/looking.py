"""`sop status`, `sop show`, `sop verify`: where things stand, by the log; nothing is recorded."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sopkit.cli.options import Folder, Json, here, print_json
from sopkit.errors import NotFound, SopkitError, WrongUse

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from sopkit.archive.runs import RunState
    from sopkit.archive.workspace import Workspace

__all__ = ["meanwhile", "print_view", "show", "status", "verify", "write_page"]


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
    from sopkit.views.training.terminal import under_way

    found = here()
    if run is not None:
        told = facts_of(found, state := find_run(found, run))
        told |= meanwhile(found, state)
        if json:
            print_json(told)
            return
        print_view(terminal.run_view(told))
        if lines := under_way(told["live"], told["alerts"]):
            print_view(lines)
        typer.echo(f"\nas a page:  sop show {told['run']} --html")
        return
    listed = facts.list_facts(as_signed(found, state) for state in run_states(found.log.entries()))
    if json:
        print_json(listed)
        return
    print_view(terminal.runs_table(listed))
    if accepted := in_force(found):
        print_view(waivers.waivers_table(accepted))


def meanwhile(workspace: Workspace, state: RunState) -> dict[str, Any]:
    """`live`: the stage under way, None where nothing is; `alerts`: what took far more than in earlier runs."""
    from sopkit.archive.runs import run_states
    from sopkit.running.live import live_state
    from sopkit.views.standing import pinned_sop
    from sopkit.views.training.facts import alerts, live_facts

    states, sop, live = (
        run_states(workspace.log.entries()),
        pinned_sop(workspace, state),
        live_state(workspace, state.id),
    )
    titles = {stage.id: stage.title for stage in sop.stages}
    facts = live_facts(state, sop, states, live)
    shown = {name: value for name, value in facts.items() if name != "samples"} if facts else None
    return {"live": shown, "alerts": alerts(states, state, titles, live)}


def show(
    run: Annotated[
        str | None,
        typer.Argument(metavar="[RUN]", help="A run's id, the start of it, or 'last'; with --html: none is all."),
    ] = None,
    stage: Annotated[str | None, typer.Argument(metavar="[STAGE]", help="Only this stage, such as 'evaluate'.")] = None,
    attempt: Annotated[
        int | None, typer.Option(metavar="N", help="An earlier attempt of the stage (default: the current one).")
    ] = None,
    html: Annotated[
        bool, typer.Option("--html", help="Write everything that the desk shows as a page, beside the run.")
    ] = False,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """What the stages of a run found: results, verdicts and what they attached; on the terminal or as a page.

    Example:  sop show last evaluate

    Example:  sop show last --html
    """
    from sopkit.views import facts, terminal
    from sopkit.views.standing import facts_of, find_run, find_stage, pinned_sop

    found = here()
    if html:
        _show_pages(found, run, json=json)
        return
    if run is None:
        raise WrongUse("which run?", expected="sop show RUN [STAGE]", remedy="sop status  lists the runs")
    state = find_run(found, run)
    sop = pinned_sop(found, state)
    if stage is None:
        told = facts_of(found, state)
        if json:
            print_json(told)
            return
        print_view(terminal.run_view(told))
        for each in told["stages"]:
            if each["attempt"]:
                typer.echo()
                print_view(terminal.stage_view(told, each))
        return
    wanted = find_stage(sop, stage)
    try:
        one = facts.stage_facts(state, wanted, attempt, sop=sop)
    except KeyError:
        made = [str(each.number) for each in state.stage(wanted.id).attempts]
        expected = f"one of {', '.join(made)}" if made else "none: the stage has not started"
        raise NotFound(f"stage '{stage}' has no attempt {attempt}", where=state.id, expected=expected) from None
    print_json(one) if json else print_view(terminal.stage_view(facts_of(found, state), one))


def _show_pages(found: Workspace, run: str | None, *, json: bool) -> None:
    """Write the page of a run; without one the list of all runs, and the pages of those that have none."""
    from rich.progress import track

    from sopkit.archive.runs import run_states
    from sopkit.views.standing import find_run
    from sopkit.views.written import page_of, write_index, write_run

    if run is not None:
        written = [write_run(found, find_run(found, run))]
    else:
        missing = [state for state in run_states(found.log.entries()) if not page_of(found, state).exists()]
        shown = track(missing, "Pages", console=_standard_error(), transient=True, disable=len(missing) < 5)
        written = [write_index(found), *(write_run(found, state) for state in shown)]
    paths = [os.path.relpath(path) for path in written]
    print_json(paths) if json else typer.echo("\n".join(paths))


def verify(
    run: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN or PACK]...", help="Only these runs; or a pack, by itself.")
    ] = None,
    all: Annotated[bool, typer.Option("--all", help="Every run, which is also the default.")] = False,
    checkpoint: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A checkpoint kept elsewhere: the log must continue it.")
    ] = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Check everything against the log, the digests and the signatures.

    Example:  sop verify --checkpoint /mnt/auditor/checkpoint

    Example:  sop verify audit.zip
    """
    from sopkit.archive.verification import verify as verify_archive
    from sopkit.cli.packing import verify_pack
    from sopkit.views import facts, terminal
    from sopkit.views.standing import find_run

    note = _read(checkpoint) if checkpoint is not None else None
    packs = [Path(each) for each in run or () if each.lower().endswith(".zip") or Path(each).is_file()]
    if packs:
        if all or len(run or ()) > 1:
            raise WrongUse("a pack is verified by itself", expected="sop verify PACK", got=", ".join(run or ()))
        told = verify_pack(packs[0], note)
        if not json:
            about = told["pack"]
            typer.echo(f"pack of run {about['run']}, workspace {about['workspace']}, {about['entries']:,} log entries")
    else:
        found = here()
        runs = None if all or not run else [find_run(found, each).id for each in run]
        told = facts.verification_facts(verify_archive(found, runs, note))
    print_json(told) if json else print_view(terminal.verification_view(told))
    raise typer.Exit(0 if told["ok"] else 1)


def write_page(workspace: Workspace, state: RunState) -> str:
    """Write the static page of a run beside it; where it lies as seen from the current folder, or why it does not."""
    from sopkit.views.written import write_run

    try:
        return os.path.relpath(write_run(workspace, state))
    except SopkitError as error:  # a report that cannot be written does not undo what was recorded
        return f"not written: {error.what}"


def _standard_error() -> Console:
    from rich.console import Console

    return Console(stderr=True)


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
