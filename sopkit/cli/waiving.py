"""`sop waive`: accept in writing, for a while, what stopped a run; take that back; list what is in force."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sopkit.cli.options import Folder, Json, here, moment, print_json
from sopkit.errors import WrongUse

if TYPE_CHECKING:
    from sopkit.archive.workspace import Workspace

__all__ = ["in_force", "waive"]


def waive(
    run: Annotated[str | None, typer.Argument(metavar="[RUN]", help="The run that was stopped, or 'last'.")] = None,
    finding: Annotated[
        str | None, typer.Argument(metavar="[FINDING]", help="The finding's id, such as 'suspected_leak:duration'.")
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why it is acceptable; kept with it.")] = None,
    until: Annotated[
        str | None, typer.Option(metavar="DATE", help="It holds before this date (30 days; 90 at most).")
    ] = None,
    role: Annotated[str | None, typer.Option(metavar="ROLE", help="The role you sign in.")] = None,
    key: Annotated[str | None, typer.Option(metavar="FILE", help="Your key: a file, or a name in your keys.")] = None,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="Take back what is in force for the finding.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="Only show what is in force.")] = False,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Accept a finding that stopped a run, in writing and for a while; the next run takes that up.

    Example:  sop waive last suspected_leak:light --reason "measured before the room is entered"
    """
    from sopkit.archive import people
    from sopkit.archive.waiving import waive as sign_waiver
    from sopkit.cli.asking import private_key
    from sopkit.cli.looking import print_view
    from sopkit.views import waivers
    from sopkit.views.standing import find_run

    found = here()
    if list_ or run is None:
        told = in_force(found)
        print_json(told) if json else print_view(waivers.waivers_table(told))
        return
    if finding is None:
        raise WrongUse("which finding?", expected="sop waive RUN FINDING", remedy=f"sop status {run}  names them")
    if not (reason or "").strip():
        raise WrongUse("why?", expected="a reason, which is kept with your signature", remedy="--reason TEXT")
    state = find_run(found, run)
    # A run that is over is not resumed, so nothing else would take up a people file that was mended since
    for notice in people.adopt(found, datetime.now(UTC)):
        typer.echo(notice, err=True)
    entry = sign_waiver(
        found,
        state.id,
        finding,
        private_key=private_key(key),
        at=datetime.now(UTC),
        reason=str(reason),
        until=moment(until),
        role=role,
        withdraw=withdraw,
    )
    told = in_force(found)
    if json:
        fields = ("finding", "decision", "reason", "until", "role", "model", "sop", "withdraws")
        print_json({"seq": entry.seq, "by": entry.by, **{name: entry.body[name] for name in fields}})
        return
    typer.echo(f"{'withdrawn' if withdraw else 'waived'} by {entry.by} as {entry.body['role']}, log entry {entry.seq}")
    if not withdraw:
        typer.echo(f"  the next run takes it up:  sop run {state.sop} --model {state.model}")
    print_view(waivers.waivers_table(told))


def in_force(workspace: Workspace, **only: Any) -> list[dict[str, Any]]:
    """The waivers in force now, as facts; `only` as for `archive.waivers.standing`."""
    from sopkit.archive.waivers import standing

    found = standing(workspace, workspace.log.entries(), at=datetime.now(UTC), **only)
    return [waiver.to_dict() for waiver in found]
