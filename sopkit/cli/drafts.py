"""`sop open`: a draft in JupyterLab that stands on exactly the inputs of one attempt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from sopkit.cli.options import Folder, RunId, StageId, here
from sopkit.errors import NotFound

__all__ = ["bound_draft", "open_draft"]


def open_draft(
    run: RunId,
    stage: StageId,
    attempt: Annotated[int | None, typer.Argument(metavar="[ATTEMPT]", help="Default: the current attempt.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window.")] = True,
    print_: Annotated[bool, typer.Option("--print", help="Only print where the draft lies.")] = False,
    workspace: Folder = None,
) -> None:
    """A draft bound to an attempt's inputs: shows everything, keeps nothing.

    Example:  sop open last evaluate
    """
    from sopkit.cli.workspaces import open_lab
    from sopkit.views.standing import find_run, find_stage, pinned_sop

    found = here()
    state = find_run(found, run)
    wanted = find_stage(pinned_sop(found, state), stage)
    made = state.stage(wanted.id)
    chosen = made.current if attempt is None else made.attempt(attempt)
    if chosen is None and attempt is not None:
        numbers = ", ".join(str(each.number) for each in made.attempts) or "none yet"
        raise NotFound(f"stage '{stage}' has no attempt {attempt}", where=state.id, expected=numbers)
    source = json.loads(found.store.get(state.pins["notebooks"][wanted.notebook]))
    bound = state.id if chosen is None else f"{state.id}#{chosen.number}"
    folder = found.sop / "drafts" / "opened" / state.id
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{wanted.id}.{chosen.number if chosen else 1}.ipynb"
    draft = bound_draft(source, {"model": state.model, **state.parameters, "run": bound})
    path.write_text(json.dumps(draft, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    typer.echo(path)
    if not print_:
        open_lab(found.root, path, browser=browser, hidden=True)


def bound_draft(notebook: Mapping[str, Any], parameters: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of a source notebook with one cell after its parameters that sets those which it declares."""
    from sopkit.running.parameters import declared_parameters

    declared = {each.name for each in declared_parameters(dict(notebook), "the pinned notebook")}
    lines = [f"{name} = {value!r}" for name, value in parameters.items() if name in declared]
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "bound-to-attempt",
        "metadata": {"tags": ["injected-parameters"]},
        "execution_count": None,
        "outputs": [],
        "source": "\n".join(["# This draft stands on the inputs of one attempt.", *lines]),
    }
    cells = list(notebook["cells"])
    tagged = (i for i, each in enumerate(cells) if "parameters" in each.get("metadata", {}).get("tags", ()))
    position = next(tagged, -1) + 1
    return {**notebook, "cells": [*cells[:position], cell, *cells[position:]]}
