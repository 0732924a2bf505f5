"""`sop adopt`: record a model that exists already as champion, by evidence on rows that it has not seen."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sopkit.cli.options import AsOf, By, Folder, Json, here, moment, person
from sopkit.cli.runs import WaitOk, execute, report
from sopkit.errors import WrongUse

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from sopkit.archive.workspace import Workspace
    from sopkit.definitions.model import ModelFile

__all__ = ["adopt"]

SOP = "retraining"


def adopt(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model file, such as 'churn'.")],
    uri: Annotated[
        str,
        typer.Argument(metavar="URI", help="A .skops file, models:/name/version, runs:/id/path, module:name, recipe."),
    ],
    trained_until: Annotated[
        str | None,
        typer.Option(metavar="DATE", help="The first moment whose rows it has not seen; without it nothing is shown."),
    ] = None,
    as_of: AsOf = None,
    by: By = None,
    demo_reviewers: Annotated[
        bool, typer.Option("--demo-reviewers", help="Throw-away reviewers sign at every gate (simulations only).")
    ] = False,
    wait_ok: WaitOk = False,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Record a model that exists already as champion: its digest, golden predictions, evidence on later rows.

    It is a run of the retraining SOP with the same gates, in which nothing is trained. Where the workspace knows no
    champion yet, the model is taken to serve already and is recorded with the evidence as it is, good or bad; else it
    has to be better than the champion.

    Where its file is not at hand, `recipe` stands in for it: the model file's own recipe, fitted on the rows before
    --trained-until.

    Example:  sop adopt churn churn.skops --trained-until 2026-01-01
    """
    from sopkit.definitions.files import load_model

    clock, end = moment(as_of), moment(trained_until)
    found = here()
    path = found.model_file(model)
    file = load_model(path, name=str(path.relative_to(found.root)))
    if not any(trigger.kind == "manual" for trigger in file.triggers.conditions.values()):
        remedy = "add under triggers.conditions:  manual: {kind: manual, mode: manual}"
        raise WrongUse("the model file has no manual trigger, so no person can start a run", where=path, remedy=remedy)
    _refuse_no_later_rows(file, end, clock)
    given: dict[str, Any] = {"adopt": _kept(found, file, uri, end)}
    if end is not None:
        given["trained_until"] = end.isoformat()
    else:
        typer.echo("note: without --trained-until nobody can tell which rows the model has seen:", err=True)
        typer.echo("      its scores are shown, and the evidence is insufficient", err=True)
    state = execute(
        found,
        person(by, demo=demo_reviewers),
        lambda runner: runner.start(
            SOP, model=model, parameters=given, as_of=clock, demo=demo_reviewers, reason=f"a person adopts {uri}"
        ),
        model=model,
    )
    raise typer.Exit(report(found, state, json=json, wait_ok=wait_ok))


def _refuse_no_later_rows(file: ModelFile, end: datetime | None, clock: datetime | None) -> None:
    """Raises WrongUse where no row can be held out: each comes a label delay after the end, its label another later."""
    from datetime import UTC, datetime

    from sopkit.definitions.durations import render_duration

    now, delay = clock or datetime.now(UTC), file.data.label_delay
    if end is None or end + 2 * delay < now:
        return
    waits = f" (label_delay {render_duration(delay)}, before the first row and after the last)" if delay else ""
    raise WrongUse(
        "no row can lie between --trained-until and the clock, so nothing could be held out",
        where="--trained-until",
        expected=f"a moment before {now - 2 * delay:%Y-%m-%d %H:%M}{waits}",
        got=f"{end:%Y-%m-%d %H:%M}",
        remedy="give an earlier --trained-until, or a later --as-of (without it the clock is now)",
    )


def _kept(workspace: Workspace, file: ModelFile, uri: str, end: datetime | None) -> str:
    """The address that the run is given. What can be seen to be wrong is said before anything is started."""
    from sopkit.modelling.adoption import adapt
    from sopkit.modelling.preflight import require_name
    from sopkit.registry import foreign, models

    where = foreign.address(uri)
    path = workspace.model_file(file.model).with_suffix(".py")
    module = path if path.is_file() else None
    if where.kind == "module":
        require_name(where.text, module, where="URI")
        return str(where)
    if where.kind == "recipe":
        data = _fitted(workspace, file, end, module)
    else:
        data = foreign.fetch(where, workspace.root, os.environ)
    adapt(models.from_bytes(data, module=module), file)
    return str(foreign.Address(where.kind, where.text, workspace.store.put(data)))


def _fitted(workspace: Workspace, file: ModelFile, end: datetime | None, module: Path | None) -> bytes:
    """The model file's recipe as it would have been trained at `end`, with the labels that were final then."""
    from sopkit import modelling
    from sopkit.registry import models

    if end is None:
        remedy = "add --trained-until DATE"
        raise WrongUse("until when is the recipe to be fitted?", expected="--trained-until", remedy=remedy)
    table = modelling.read(file, as_of=end, root=workspace.root, module=module).table
    rows = modelling.clean(table, file, as_of=end).table
    fitted = modelling.fit(modelling.recipe(file), rows, file, until=end, module=module)
    typer.echo(f"fitted on {len(rows):,} rows before {end:%Y-%m-%d %H:%M}, in place of the model that serves", err=True)
    return models.to_bytes(fitted.pipeline)
