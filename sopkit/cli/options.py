"""Arguments and options that several commands share, and how their texts become values."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sopkit.errors import NotFound, WrongUse

if TYPE_CHECKING:
    from sopkit.archive.workspace import Workspace

__all__ = [
    "AsOf",
    "By",
    "Folder",
    "Json",
    "RunId",
    "StageId",
    "here",
    "moment",
    "on_one_line",
    "parameters",
    "person",
    "print_json",
    "tell",
]

DEMO_ENGINEER = "demo-engineer"


def _enter(folder: Path | None) -> Path | None:
    """As `git -C`: the command works as if it had been started there."""
    if folder is not None:
        try:
            os.chdir(folder)
        except OSError as error:
            raise NotFound("not a folder that can be entered", where=folder, got=error.strerror) from None
    return folder


Folder = Annotated[
    Path | None,
    typer.Option(
        "--workspace", "-C", callback=_enter, is_eager=True, metavar="DIR", help="Work as if started in this folder."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help="The run's id, the start of it, or 'last'.")]
StageId = Annotated[str, typer.Argument(metavar="STAGE", help="The stage's id, such as 'evaluate'.")]
AsOf = Annotated[
    str | None,
    typer.Option(metavar="DATE", help="The clock that the run sees, in a simulation: 2013-07-01 or 2013-07-01T12:00Z."),
]
By = Annotated[
    str | None,
    typer.Option(metavar="PERSON", envvar="SOP_PERSON", help="Who executes the run; may not sign at its gates."),
]


def here() -> Workspace:
    """The workspace of the current folder. Raises NotFound."""
    from sopkit.archive.workspace import Workspace

    return Workspace.find()


def person(by: str | None, *, demo: bool = False) -> str | None:
    """Who executes. Nobody named is None, and said so; a demo run is executed by a demo engineer, who signs nothing."""
    named = (by or "").strip()
    if named or demo:
        return named or DEMO_ENGINEER
    typer.echo("note: nobody is named as executing this run (--by or SOP_PERSON)", err=True)
    typer.echo("      so nobody can be excluded from signing, and gates with separation stay closed", err=True)
    return None


def moment(text: str | None) -> datetime | None:
    """A date or time in ISO form, UTC unless it says otherwise. Raises WrongUse."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse("not a date", expected="2013-07-01 or 2013-07-01T12:00Z", got=text) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def parameters(given: Sequence[str]) -> dict[str, Any]:
    """`name=value` pairs; a value that is JSON is that value, anything else is text. Raises WrongUse."""
    found: dict[str, Any] = {}
    for pair in given:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals or not name:
            raise WrongUse("not a parameter", expected="name=value", got=pair)
        if name in found:
            raise WrongUse(f"parameter '{name}' is given twice")
        try:
            found[name] = json.loads(text, parse_constant=_no_constant)
        except ValueError:
            found[name] = text
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def on_one_line(text: str) -> str:
    """A text of a file or a record, that cannot move the cursor of a terminal."""
    return "".join(sign if sign.isprintable() else " " if sign in "\n\t" else f"\\x{ord(sign):02x}" for sign in text)


def tell(text: str) -> None:
    """A line on the standard error, with texts of files and records in it."""
    typer.echo(on_one_line(text), err=True)


def print_json(value: Any) -> None:
    """`value` on the standard output, readable and with its order kept."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
