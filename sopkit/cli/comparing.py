"""`sop diff`: what changed from one run to another, or from one attempt to the next; nothing is written but a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sopkit.cli.options import Folder, Json, RunId, here, print_json
from sopkit.errors import NotFound, WrongUse

if TYPE_CHECKING:
    from sopkit.archive.contents import Contents
    from sopkit.archive.runs import RunState
    from sopkit.archive.workspace import Workspace

__all__ = ["diff"]


def diff(
    run: RunId,
    other: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]",
            help="The later run. Left out: what changed up to RUN since the last promoted run before it.",
        ),
    ] = None,
    stage: Annotated[str | None, typer.Argument(metavar="[STAGE]", help="Only this stage.")] = None,
    attempts: Annotated[
        tuple[int, int] | None,
        typer.Option(metavar="A B", help="These attempts of the stage; of one run, if only one is named."),
    ] = None,
    tolerance: Annotated[
        float | None, typer.Option(metavar="X", min=0, help="Relative tolerance of numbers (default: 1e-6).")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Every cell and output of the run notebooks instead, by nbdime.")
    ] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write it as a page.")] = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """What changed that matters: parameters, data, results, verdicts, features, sign-offs, code.

    Two runs of the same on the same data report nothing. Two attempts:  sop diff RUN STAGE --attempts 1 2

    Example:  sop diff last
    """
    from sopkit.archive.diffs import TOLERANCE, run_diff

    if full and (json or html):
        raise WrongUse(
            "--full prints what nbdime says, which is neither JSON nor a page", remedy="leave one of them out"
        )
    found = here()
    left, right, stage = _sides(found, run, other, stage, attempts)
    if full:
        _print_full(left, right, stage)
        return
    told = run_diff(left, right, stage=stage, tolerance=TOLERANCE if tolerance is None else tolerance)
    if html is not None:
        _write_page(html, told)
    if json:
        print_json(told)
        return
    from sopkit.cli.looking import print_view
    from sopkit.views.diff.facts import diff_facts
    from sopkit.views.diff.terminal import diff_view

    print_view(diff_view(diff_facts(told)))
    if html is not None:
        typer.echo(f"\nas a page:  {html}")


def _sides(
    workspace: Workspace, run: str, other: str | None, stage: str | None, attempts: tuple[int, int] | None
) -> tuple[Contents, Contents, str | None]:
    """Before and after, and the stage. Raises NotFound, WrongUse."""
    from sopkit.archive.contents import Contents
    from sopkit.views.standing import find_run

    first = find_run(workspace, run)
    if stage is None and other in first.stages:
        other, stage = None, other
    if attempts and stage is None:
        raise WrongUse("attempts of which stage?", expected="a stage", remedy=f"sop diff {run} STAGE --attempts 1 2")
    before, after = first, first
    if other is not None:
        after = _second(workspace, first, other)
    elif not attempts:
        before = _reference(workspace, first)
    numbers = [{stage: number} if stage is not None else {} for number in attempts or ()] or [{}, {}]
    return Contents(workspace, before, numbers[0]), Contents(workspace, after, numbers[1]), stage


def _second(workspace: Workspace, first: RunState, text: str) -> RunState:
    from sopkit.views.standing import find_run

    try:
        return find_run(workspace, text)
    except NotFound as error:
        stages = ", ".join(first.stages) or "none yet"
        expected = error.expected or f"a run, or a stage that {first.id} has started ({stages})"
        raise NotFound(error.what, where=error.where, expected=expected, got=error.got, remedy=error.remedy) from None


def _reference(workspace: Workspace, run: RunState) -> RunState:
    from sopkit.archive.diffs import last_promoted
    from sopkit.archive.runs import run_states

    found = last_promoted(run_states(workspace.log.entries()), run)
    if found is None:
        raise NotFound(
            f"no run of '{run.model}' before this one put a model into service",
            where=run.id,
            remedy=f"name both runs:  sop diff RUN {run.id}",
        )
    return found


def _print_full(left: Contents, right: Contents, stage: str | None) -> None:
    """Stage by stage as nbdime finds it, which may take seconds."""
    from rich.console import Console

    from sopkit.archive.diffs import full_run_diff
    from sopkit.views.diff.terminal import harmless

    console, colour, said = Console(stderr=True), Console().is_terminal, False
    with console.status("nbdime compares the run notebooks …"):
        for part in full_run_diff(left, right, stage=stage, colour=colour):
            typer.echo(harmless(part, colour=colour))
            said = True
    if not said:
        typer.echo("no difference in any cell or output")


def _write_page(path: Path, told: dict[str, object]) -> None:
    from sopkit.archive.publish import publish
    from sopkit.views.diff.facts import diff_facts
    from sopkit.views.fragments import fragment
    from sopkit.views.pages import Section, page

    shown = diff_facts(told)
    title = "What changed between two runs" if told["stage"] is None else f"What changed in stage {told['stage']}"
    body = fragment("diff", diff=shown)
    publish(path, page(title, [Section("diff", title, body)]).encode(), replace=True)
