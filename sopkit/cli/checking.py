"""`sop check`, `sop diagram`: what is wrong with the definitions, and what a SOP looks like."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from sopkit.cli.options import Folder, Json, here, print_json
from sopkit.errors import NotFound, WrongUse

__all__ = ["check", "diagram"]


def check(
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Default: all of the workspace.")
    ] = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Find what is malformed or inconsistent in SOPs, model files, the people file and source notebooks.

    Example:  sop check templates/models/flights.yaml
    """
    from sopkit.definitions.lint import check as check_workspace

    problems = check_workspace(
        here().root, today=datetime.now(UTC).date(), files=[each.resolve() for each in files or []] or None
    )
    errors = [problem for problem in problems if problem.severity == "error"]
    if json:
        print_json({"ok": not errors, "problems": [vars(problem) for problem in problems]})
    else:
        for problem in problems:
            typer.echo(f"{problem.severity}: {problem}")
        warnings = len(problems) - len(errors)
        counted = f"errors: {len(errors)}, warnings: {warnings}"
        typer.echo(counted if problems else "✓ nothing to object to")
    raise typer.Exit(2 if errors else 0)


def diagram(
    what: Annotated[str, typer.Argument(metavar="SOP-or-RUN", help="A SOP's name, a run's id, or 'last'.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="A .mmd file (default: printed).")
    ] = None,
    workspace: Folder = None,
) -> None:
    """A SOP as swimlanes by role, in Mermaid; with a run's states where a run is named.

    Example:  sop diagram retraining -o retraining.mmd
    """
    from sopkit.definitions import load_sop
    from sopkit.definitions.diagram import mermaid
    from sopkit.views import facts
    from sopkit.views.diagrams import live
    from sopkit.views.standing import find_run, pinned_sop

    if output is not None and output.suffix != ".mmd":
        raise WrongUse("a diagram is written as Mermaid", expected="a file that ends in .mmd", got=output)
    found = here()
    try:
        path = found.sop_file(what)
    except WrongUse:
        path = None
    if path is not None and path.exists():
        text = mermaid(load_sop(path))
    else:
        try:
            state = find_run(found, what)
        except NotFound:
            known = ", ".join(sorted(each.stem for each in (found.templates / "sops").glob("*.yaml")))
            raise NotFound(f"neither a SOP nor a run: '{what}'", expected=f"one of {known}, or a run's id") from None
        sop = pinned_sop(found, state)
        text = mermaid(sop, live(facts.run_facts(state, sop)))
    if output is None:
        typer.echo(text)
    else:
        output.write_text(text, encoding="utf-8")
        typer.echo(output)
