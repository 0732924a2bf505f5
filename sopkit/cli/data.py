"""`sop data`: examine a new data set for a model, accept it, take it back, list what was accepted."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sopkit.cli.options import AsOf, Folder, Json, here, moment, print_json
from sopkit.errors import NotFound, SopkitError, WrongUse

if TYPE_CHECKING:
    from sopkit.archive.workspace import Workspace

__all__ = ["data"]

BLOCKED = 4


def data(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The model file, such as 'flights'.")],
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="CSV (also .gz) or Parquet, or the URL of a database; 200 MB at most."),
    ] = None,
    accept: Annotated[bool, typer.Option("--accept", help="If nothing blocks it: keep it, new runs read it.")] = False,
    withdraw: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="Take an accepted data set back: new runs do not read it.")
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="With --withdraw: why; kept in the log.")] = None,
    by: Annotated[
        str | None, typer.Option(metavar="PERSON", envvar="SOP_PERSON", help="Who accepts it or takes it back.")
    ] = None,
    as_of: AsOf = None,
    digest: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="With --accept: these very bytes, or nothing.")
    ] = None,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write all that was found to a file, as JSON.")
    ] = None,
    name: Annotated[str | None, typer.Option(metavar="TEXT", help="What it is called, if not as the file.")] = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Examine a new data set: schema, quality, drift. Nothing is kept unless it is accepted; without FILE, a list.

    A file is never executed. What blocks cannot be accepted (exit code 4); drift is an alert and blocks nothing.

    Example:  sop data flights july.parquet

    Example:  sop data flights july.parquet --accept --by grace
    """
    found, clock = here(), moment(as_of)
    if withdraw is not None:
        _withdraw(found, model, withdraw, by, reason, json=json)
        return
    if file is None:
        if accept:
            raise WrongUse("accept what?", expected="sop data MODEL FILE --accept")
        _list(found, model, json=json)
        return
    from sopkit.cli.looking import print_view
    from sopkit.running import examination, intake
    from sopkit.views.data import terminal as data_terminal
    from sopkit.views.data.facts import intake_facts

    seen = intake.clock_of(found, model, clock)
    with _waiting(f"examining {name or file}"):
        examined = examination.examine(found, model, _source(file), as_of=seen, name=name, credentials=os.environ)
    entry = None
    if accept and examined.acceptable:
        if digest is not None and examined.digest != digest:
            raise WrongUse("this is not the data set that was examined", expected=digest, got=examined.digest)
        entry = intake.accept(found, examined, by=by, at=datetime.now(UTC))
    accepted = {"by": entry.by, "seq": entry.seq} if entry else None
    told = {**examined.to_dict(), "accepted": accepted}
    if report is not None:
        _write(report, told)
    if json:
        print_json(told)
    else:
        print_view(data_terminal.intake_view(intake_facts(told, accepted)))
        if entry is not None:
            typer.echo(f"\nnew runs read it:  sop run retraining --model {model}")
        elif examined.acceptable:
            typer.echo(f"\naccept it with:  sop data {model} {file} --accept --by YOU")
    raise typer.Exit(0 if examined.acceptable else BLOCKED)


def _source(file: str) -> Path | str:
    if "://" in file:
        return file
    path = Path(file).expanduser()
    if not path.is_file():
        raise NotFound("there is no such file", where=file, expected="CSV or Parquet, or the URL of a database")
    return path


def _write(path: Path, report: dict[str, Any]) -> None:
    import json

    part = path.with_name(f"{path.name}.part")
    try:
        part.write_text(json.dumps(report, ensure_ascii=False), encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise SopkitError("the report cannot be written", where=path, got=error.strerror) from None


def _list(workspace: Workspace, model: str, *, json: bool) -> None:
    from sopkit.archive.data_sets import data_sets
    from sopkit.cli.looking import print_view
    from sopkit.views.data import terminal as data_terminal

    if not workspace.model_file(model).is_file():
        raise NotFound(f"no model file named '{model}'", where=workspace.templates / "models")
    sets = [each.to_dict() for each in data_sets(workspace.log.entries(), model)]
    print_json(sets) if json else print_view(data_terminal.data_sets_table(sets, model))


def _withdraw(workspace: Workspace, model: str, digest: str, by: str | None, reason: str | None, *, json: bool) -> None:
    from sopkit.archive.data_sets import withdraw

    entry = withdraw(workspace, model, digest, by=by, at=datetime.now(UTC), reason=reason or "")
    body: dict[str, Any] = dict(entry.body)
    if json:
        print_json({**body, "by": entry.by, "seq": entry.seq})
        return
    typer.echo(f"withdrawn: {body['name']}, by {entry.by}, log entry {entry.seq}")
    typer.echo("  runs that start from now on do not read it; what runs have used stays in the store")


def _waiting(words: str) -> Any:
    """A sign of life on the terminal while it takes seconds; nothing where nobody looks."""
    from rich.console import Console

    return Console(stderr=True).status(words)
