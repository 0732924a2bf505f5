"""`sop sign`, `sop withdraw`: a person's signed decision about the current attempt of a stage."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from sopkit.cli.options import Folder, Json, RunId, StageId, here, print_json
from sopkit.errors import WrongUse

__all__ = ["sign", "withdraw"]

Role = Annotated[str | None, typer.Option(metavar="ROLE", help="The role you sign in, where you hold several.")]
GateId = Annotated[str | None, typer.Option(metavar="GATE", help="The gate, where the stage has several.")]
Comment = Annotated[str | None, typer.Option(metavar="TEXT", help="Kept with the signature; asked for on a rejection.")]
KeyFile = Annotated[str | None, typer.Option("--key", metavar="FILE", help="Your key: a file, or a name in your keys.")]


def sign(
    run: RunId,
    stage: StageId,
    approve: Annotated[bool, typer.Option("--approve", help="You state what the gate means.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Closes the gate; stops the run.")] = False,
    return_: Annotated[bool, typer.Option("--return", help="Asks for a new attempt of the stage.")] = False,
    role: Role = None,
    gate: GateId = None,
    comment: Comment = None,
    condition: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="A condition of an approval; may be given several times.")
    ] = None,
    key: KeyFile = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Sign the current attempt of a stage; `sop resume` then takes the run further.

    Example:  sop sign last evaluate --approve --role validator --comment "gain holds in every slice"
    """
    chosen = [word for word, on in (("approve", approve), ("reject", reject), ("return", return_)) if on]
    if len(chosen) != 1:
        raise WrongUse(
            "a sign-off is one decision", expected="one of --approve, --reject, --return", got=chosen or "none"
        )
    _sign(run, stage, chosen[0], role, gate, comment, tuple(condition or ()), key, json)


def withdraw(
    run: RunId,
    stage: StageId,
    role: Role = None,
    gate: GateId = None,
    comment: Comment = None,
    key: KeyFile = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Withdraw what you signed for the current attempt of a stage.

    Example:  sop withdraw last evaluate --comment "signed the wrong run"
    """
    _sign(run, stage, "withdraw", role, gate, comment, (), key, json)


def _sign(
    run: str,
    stage: str,
    decision: str,
    role: str | None,
    gate: str | None,
    comment: str | None,
    conditions: tuple[str, ...],
    key: str | None,
    json: bool,
) -> None:
    from sopkit.archive import sign_offs
    from sopkit.cli.asking import private_key
    from sopkit.cli.looking import facts_of, find_run, find_stage, pinned_sop, print_view
    from sopkit.views import terminal

    found = here()
    state = find_run(found, run)
    wanted = find_stage(pinned_sop(found, state), stage)
    attempt = state.stage(wanted.id).current
    if not json and attempt is not None:
        number = f"attempt {attempt.number} of {wanted.id} in {state.id}"
        typer.echo(f"{decision.capitalize()}: {number}  (runs/{state.sop}/{state.id}/{attempt.file})", err=True)
        if wanted.gate is not None and decision == "approve":
            typer.echo(f"You state: {wanted.gate.meaning}", err=True)
    entry = sign_offs.sign(
        found,
        state.id,
        wanted.id,
        decision=decision,
        gate=gate,
        role=role,
        comment=comment or "",
        conditions=conditions,
        private_key=private_key(key),
        at=datetime.now(UTC),
    )
    facts = facts_of(found, find_run(found, state.id))
    if json:
        print_json(next(each for each in facts["sign_offs"] if each["seq"] == entry.seq))
        return
    typer.echo(f"signed by {entry.by} as {entry.body['role']}, log entry {entry.seq}")
    typer.echo(f"  go on with:  sop resume {state.id}")
    print_view(terminal.run_view(facts))
