"""`sop run`, `sop resume`, `sop abandon`: take a run as far as its gates and its clock let it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from sopkit.cli.options import AsOf, By, Folder, Json, RunId, here, moment, parameters, person, print_json

if TYPE_CHECKING:
    from sopkit.archive.runs import RunState
    from sopkit.archive.workspace import Workspace
    from sopkit.running.runner import Runner

__all__ = ["EXIT_CODES", "abandon", "execute", "report", "resume", "run"]

EXIT_CODES = {"done": 0, "failed": 1, "running": 1, "waiting": 3, "stopped": 4, "abandoned": 4}
Until = Annotated[str | None, typer.Option(metavar="STAGE", help="Execute nothing after this stage.")]
Given = Annotated[
    list[str] | None,
    typer.Option("--parameter", "-p", metavar="NAME=VALUE", help="A parameter of the notebooks; JSON or text."),
]
WaitOk = Annotated[bool, typer.Option("--wait-ok", help="Waiting for a sign-off or the clock is exit code 0, for CI.")]


def run(
    sop: Annotated[str, typer.Argument(metavar="SOP", help="The SOP, such as 'retraining'.")],
    model: Annotated[str, typer.Option(metavar="NAME", help="The model file, such as 'flights'.")],
    parameter: Given = None,
    as_of: AsOf = None,
    until: Until = None,
    by: By = None,
    demo_reviewers: Annotated[
        bool, typer.Option("--demo-reviewers", help="Throw-away reviewers sign at every gate (simulations only).")
    ] = False,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why this run is started by hand.")] = None,
    wait_ok: WaitOk = False,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Start a run and take it as far as the gates let it.

    Example:  sop run retraining --model flights --as-of 2013-07-01 --demo-reviewers
    """
    clock, given = moment(as_of), parameters(parameter or [])
    found = here()
    state = execute(
        found,
        person(by, demo=demo_reviewers),
        lambda runner: runner.start(
            sop, model=model, parameters=given, as_of=clock, until=until, demo=demo_reviewers, reason=reason
        ),
        model=model,
    )
    raise typer.Exit(report(found, state, json=json, wait_ok=wait_ok))


def resume(
    run: RunId,
    parameter: Given = None,
    as_of: AsOf = None,
    until: Until = None,
    by: By = None,
    wait_ok: WaitOk = False,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Take a run up again, from the log: after a sign-off, a wait, a failure or a crash.

    A parameter is taken by stages that are still to be executed; a run keeps what it was given before.

    Example:  sop resume last --as-of 2013-07-15
    """
    from sopkit.views.standing import find_run

    clock, given, found = moment(as_of), parameters(parameter or []), here()
    known = find_run(found, run)
    state = execute(
        found,
        person(by, demo=known.demo),
        lambda runner: runner.resume(known.id, as_of=clock, until=until, parameters=given),
        model=known.model,
    )
    raise typer.Exit(report(found, state, json=json, wait_ok=wait_ok))


def abandon(
    run: RunId,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why; it is kept in the log.")],
    by: By = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """End a run for good, with the reason.

    Example:  sop abandon last --reason "started on the wrong data"
    """
    from sopkit.running.runner import Runner
    from sopkit.views.standing import find_run

    found = here()
    known = find_run(found, run)
    state = Runner(found, by=person(by, demo=known.demo)).abandon(known.id, reason)
    report(found, state, json=json)


def execute(workspace: Workspace, by: str | None, work: Callable[[Runner], RunState], *, model: str) -> RunState:
    """Have a runner do `work`, with its progress shown. After Ctrl-C says how to go on, and exits."""
    from sopkit.archive.runs import run_states
    from sopkit.cli.progress import Progress
    from sopkit.running.runner import Runner

    try:
        with Progress() as progress:
            return work(Runner(workspace, by=by, on_event=progress))
    except KeyboardInterrupt:
        typer.echo("interrupted; nothing that was recorded is lost", err=True)
        states = run_states(workspace.log.entries())
        newest = next((state for state in states if state.model == model and not state.ended), None)
        if newest is not None:
            typer.echo(f"  go on with:  sop resume {newest}", err=True)
        raise typer.Exit(1) from None


def report(workspace: Workspace, state: RunState, *, json: bool = False, wait_ok: bool = False) -> int:
    """Show where a run stands; returns the exit code of that."""
    from sopkit.cli.looking import meanwhile, print_view, write_page
    from sopkit.views import terminal
    from sopkit.views.standing import facts_of
    from sopkit.views.training.terminal import under_way

    facts = facts_of(workspace, state) | meanwhile(workspace, state)
    if json:
        print_json(facts)
    else:
        print_view(terminal.run_view(facts))
        if lines := under_way(facts["live"], facts["alerts"]):
            print_view(lines)
        typer.echo(f"\nrun notebooks: {facts['folder']}/")
        typer.echo(f"as a page:     {write_page(workspace, state)}")
    return 0 if wait_ok and state.state == "waiting" else EXIT_CODES[state.state]
