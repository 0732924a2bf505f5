"""`sop keys`: a person's own signing keys. They lie in the person's home, encrypted, never in a workspace."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from sopkit.cli.options import Folder, Json, here, print_json
from sopkit.errors import SopkitError

__all__ = ["app"]

app = typer.Typer(no_args_is_help=True, help="Signing keys of your own: make one, list them.")


@app.command()
def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="How you call it, such as your id.")], json: Json = False
) -> None:
    """Make a signing key, and print what goes into the people file.

    Example:  sop keys new ada
    """
    from sopkit.archive.keys import fingerprint, new_key
    from sopkit.cli.asking import ask_new_passphrase, key_folder

    path = new_key(name, ask_new_passphrase(), key_folder())
    line = path.with_name(f"{path.name}.pub").read_text(encoding="utf-8").strip()
    if json:
        print_json({"name": name, "path": str(path), "fingerprint": fingerprint(line), "public": line})
        return
    typer.echo(f"key {fingerprint(line)}\n  private  {path}\n  public   {path}.pub\n")
    typer.echo("In templates/people.yaml, below your `keys:` (roles stand beside it; see the comments there):\n")
    typer.echo(f"      - public: {line}")


@app.command("list")
def list_(json: Json = False, workspace: Folder = None) -> None:
    """The keys in your home, and whose they are by this workspace's people file.

    Example:  sop keys list
    """
    from rich.table import Table

    from sopkit.archive.keys import fingerprint
    from sopkit.cli.asking import MAKE_ONE, public_keys
    from sopkit.cli.looking import print_view

    persons = _persons()
    rows: list[dict[str, Any]] = []
    for path in public_keys():
        print_ = fingerprint(path.read_text(encoding="utf-8"))
        rows.append({"name": path.stem, "fingerprint": print_, "person": persons.get(print_), "path": str(path)})
    if json:
        print_json(rows)
    elif not rows:
        typer.echo(f"no keys yet; {MAKE_ONE}")
    else:
        table = Table("name", "fingerprint", "person here", box=None, pad_edge=False, header_style="dim")
        for row in rows:
            table.add_row(row["name"], row["fingerprint"], row["person"] or "nobody")
        print_view(table)


def _persons() -> dict[str, str]:
    """Fingerprint -> person of the people file here; empty outside of a workspace."""
    from sopkit.archive.keys import fingerprint
    from sopkit.definitions import load_people

    try:
        people = load_people(here().templates / "people.yaml")
    except SopkitError:
        return {}
    return {fingerprint(key.public): person.id for person in people.people for key in person.keys}
