"""`sop people`: who there is, and a changed people file signed by a people-admin."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from sopkit.cli.options import Folder, Json, here, print_json

__all__ = ["app"]

app = typer.Typer(
    no_args_is_help=True, help="Who there is and what they may sign: show the people file, sign a new one."
)


@app.command()
def show(json: Json = False, workspace: Folder = None) -> None:
    """The people file of this workspace: persons, roles that they hold now, number of keys.

    Example:  sop people show
    """
    from rich.table import Table
    from rich.text import Text

    from sopkit.cli.looking import print_view
    from sopkit.definitions import load_people

    people = load_people(here().templates / "people.yaml")
    if json:
        print_json(people.model_dump(mode="json", by_alias=True))
        return
    now = datetime.now(UTC)
    table = Table("id", "name", "roles", "keys", box=None, pad_edge=False, header_style="dim")
    for person in people.people:
        roles = sorted({held.role for held in person.roles if held.valid_at(now)})
        keys = sum(key.valid_at(now) for key in person.keys)
        table.add_row(person.id, Text(person.name), ", ".join(roles) or "none", str(keys))
    print_view(table)


@app.command()
def sign(
    key: Annotated[
        str | None, typer.Option("--key", metavar="FILE", help="Your key: a file, or a name in your keys.")
    ] = None,
    workspace: Folder = None,
) -> None:
    """Sign templates/people.yaml as it is now, as a people-admin of the one in force.

    Example:  sop people sign --key ada
    """
    from sopkit.archive.people import sign_people
    from sopkit.cli.asking import private_key

    found = here()
    path = sign_people(found, private_key(key), at=datetime.now(UTC))
    typer.echo(f"signed: {path.relative_to(found.root)}; the next run or resume puts templates/people.yaml into force")
