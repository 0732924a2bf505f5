"""`sop conditions`, `sop settle`: what approvals have asked for, and a person's signed word that it is met."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from sopkit.cli.options import Folder, Json, here, print_json
from sopkit.errors import WrongUse

__all__ = ["conditions", "settle"]


def conditions(
    run: Annotated[
        str | None, typer.Argument(metavar="[RUN]", help="Only those set in this run: its id, or 'last'.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="NAME", help="Only those of this model.")] = None,
    all: Annotated[bool, typer.Option("--all", help="Also what is settled or was withdrawn.")] = False,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """The conditions of approvals that are open, with owner and due date; an overdue one keeps the next gate closed.

    Example:  sop conditions --model flights
    """
    from sopkit.archive.condition_states import opened
    from sopkit.cli.looking import print_view
    from sopkit.views.conditions import conditions_table
    from sopkit.views.standing import find_run

    found = here()
    state = None if run is None else find_run(found, run)
    listed = opened(found, found.log.entries(), model=model, run=state.id if state else None)
    told = [each.to_dict(datetime.now(UTC)) for each in listed if all or each.state == "open"]
    print_json(told) if json else print_view(conditions_table(told))


def settle(
    condition: Annotated[str, typer.Argument(metavar="ID", help="The condition's id, such as '37.1'.")],
    comment: Annotated[str | None, typer.Option(metavar="TEXT", help="How it was met; kept with it.")] = None,
    role: Annotated[str | None, typer.Option(metavar="ROLE", help="The role you sign in.")] = None,
    key: Annotated[str | None, typer.Option(metavar="FILE", help="Your key: a file, or a name in your keys.")] = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Sign that a condition of an approval is met, or no longer matters; `sop conditions` lists them.

    Its owner may, and who may sign at the gate where it was set; not who executed the run or wrote SOP or model file.

    Example:  sop settle 37.1 --comment "watched for four weeks, recall at night holds"
    """
    from sopkit.archive import people
    from sopkit.archive.condition_states import find
    from sopkit.archive.settling import settle as sign_settlement
    from sopkit.cli.asking import private_key
    from sopkit.views.conditions import sentence

    found = here()
    if not (comment or "").strip():
        raise WrongUse("how was it met?", expected="a comment, kept with your signature", remedy="--comment TEXT")
    # A run that is over is not resumed, so nothing else would take up a people file that was changed since
    for notice in people.adopt(found, datetime.now(UTC)):
        typer.echo(notice, err=True)
    known = find(found, found.log.entries(), condition)
    if known is not None and not json:
        typer.echo(f"You settle: {sentence(known.to_dict(datetime.now(UTC)))}", err=True)
    entry = sign_settlement(
        found,
        condition,
        private_key=private_key(key),
        at=datetime.now(UTC),
        comment=str(comment),
        role=role,
    )
    if json:
        fields = ("condition", "text", "comment", "role", "model", "sop")
        print_json({"seq": entry.seq, "by": entry.by, "run": entry.run, **{name: entry.body[name] for name in fields}})
        return
    typer.echo(f"settled by {entry.by} as {entry.body['role']}, log entry {entry.seq}")
