"""`sop sign`, `sop withdraw`: a person's signed decision about the current attempt of a stage.

With `--detached` it is signed from a pack on another machine, see `packs.making`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sopkit.cli.options import Folder, Json, RunId, StageId, here, print_json, tell
from sopkit.errors import WrongUse

if TYPE_CHECKING:
    from sopkit.archive.conditions import Condition
    from sopkit.archive.entries import Entry
    from sopkit.archive.runs import RunState
    from sopkit.archive.workspace import Workspace
    from sopkit.definitions.sop import Sop, Stage

__all__ = ["show_recorded", "show_what_is_open", "show_what_is_signed", "sign", "withdraw"]

Role = Annotated[str | None, typer.Option(metavar="ROLE", help="The role you sign in, where you hold several.")]
GateId = Annotated[str | None, typer.Option(metavar="GATE", help="The gate, where the stage has several.")]
Comment = Annotated[str | None, typer.Option(metavar="TEXT", help="Kept with the signature; an approval needs none.")]
KeyFile = Annotated[str | None, typer.Option("--key", metavar="FILE", help="Your key: a file, or a name in your keys.")]


def sign(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="The run's id, the start of it, or 'last'; not with --detached.")
    ] = None,
    stage: Annotated[
        str | None, typer.Argument(metavar="STAGE", help="The stage's id; with --detached: the one that waits.")
    ] = None,
    approve: Annotated[bool, typer.Option("--approve", help="You state what the gate means.")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Closes the gate; stops the run.")] = False,
    return_: Annotated[bool, typer.Option("--return", help="Asks for a new attempt of the stage.")] = False,
    role: Role = None,
    gate: GateId = None,
    comment: Comment = None,
    condition: Annotated[
        list[str] | None,
        typer.Option(
            metavar="TEXT", help="Of an approval: 'TEXT; severity=high; owner=ROLE; due=DATE'. May be repeated."
        ),
    ] = None,
    answer: Annotated[
        list[str] | None,
        typer.Option(metavar="ID=WORD", help="An answer to the checklist: yes, no or not-applicable. May be repeated."),
    ] = None,
    key: KeyFile = None,
    detached: Annotated[
        Path | None, typer.Option(metavar="PACK", help="Sign from a pack, on any machine, into the file that -o names.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="With --detached: what `sop accept` takes in.")
    ] = None,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Sign the current attempt of a stage; `sop resume` then takes the run further.

    An approval answers yes to every question of the checklist that is asked of you and that --answer does not name.
    A condition opens a finding: of medium severity, of the SOP's owner and due in 30 days, where it does not say.

    Example:  sop sign last evaluate --approve --role validator --comment "gain holds in every slice"

    Example:  sop sign --detached audit.zip --approve -o sign-off.json
    """
    chosen = [word for word, on in (("approve", approve), ("reject", reject), ("return", return_)) if on]
    if len(chosen) != 1:
        raise WrongUse(
            "a sign-off is one decision", expected="one of --approve, --reject, --return", got=chosen or "none"
        )
    from sopkit.archive.conditions import Condition

    conditions, answers = tuple(map(Condition.parse, condition or ())), _answers(answer or ())
    if detached is not None:
        from sopkit.cli.packing import sign_pack

        said = {"role": role, "gate": gate, "comment": comment, "conditions": conditions, "answers": answers}
        sign_pack(detached, output, run, stage, decision=chosen[0], key=key, json=json, **said)
        return
    if output is not None:
        raise WrongUse("-o is for what is signed from a pack", expected="--detached PACK -o FILE")
    if run is None or stage is None:
        raise WrongUse("which run, and which stage of it?", expected=f"sop sign RUN STAGE --{chosen[0]}")
    _sign(run, stage, chosen[0], role, gate, comment, conditions, key, json, answers)


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
    _sign(run, stage, "withdraw", role, gate, comment, (), key, json, {})


def _answers(given: Iterable[str]) -> dict[str, str]:
    """`id=answer` pairs. Raises WrongUse."""
    found: dict[str, str] = {}
    for pair in given:
        id, equals, word = (part.strip() for part in pair.partition("="))
        if not equals or not id or id in found:
            raise WrongUse("not an answer to the checklist", expected="ID=yes, ID=no or ID=not-applicable", got=pair)
        found[id] = word
    return found


def _sign(
    run: str,
    stage: str,
    decision: str,
    role: str | None,
    gate: str | None,
    comment: str | None,
    conditions: tuple[Condition, ...],
    key: str | None,
    json: bool,
    answers: Mapping[str, str],
) -> None:
    from sopkit.archive import sign_offs
    from sopkit.cli.asking import private_key
    from sopkit.views.standing import find_run, find_stage, pinned_sop

    found = here()
    state = find_run(found, run)
    sop = pinned_sop(found, state)
    wanted = find_stage(sop, stage)
    if not json:
        show_what_is_signed(state, sop, wanted, decision)
        show_what_is_open(found, state, sop, wanted, decision)
    entry = sign_offs.sign(
        found,
        state.id,
        wanted.id,
        decision=decision,
        gate=gate,
        role=role,
        comment=comment or "",
        conditions=conditions,
        answers=answers,
        private_key=private_key(key),
        at=datetime.now(UTC),
    )
    show_recorded(found, entry, json=json)


def show_what_is_signed(state: RunState, sop: Sop, stage: Stage, decision: str) -> None:
    """Which attempt, with which words, on the standard error, before anything is signed."""
    from sopkit.views.facts import stage_facts

    attempt = state.stage(stage.id).current
    if attempt is None:
        return
    number = f"attempt {attempt.number} of {stage.id} in {state.id}"
    tell(f"{decision.capitalize()}: {number}  (runs/{state.sop}/{state.id}/{attempt.file})")
    if stage.gate is not None and decision == "approve":
        tell(f"You state: {stage.gate.meaning}")
        if stage.gate.read_first:
            tell(f"To be read before: {', '.join(stage.gate.read_first)}  (sop show {state.id} --html)")
    _show_what_is_asked(stage_facts(state, stage, sop=sop))


def show_recorded(found: Workspace, entry: Entry, *, json: bool, how: str = "signed") -> None:
    """A sign-off that is in the log now, and where that leaves its run."""
    from sopkit.cli.looking import print_view, write_page
    from sopkit.views import terminal
    from sopkit.views.standing import facts_of, find_run

    state = find_run(found, str(entry.run))
    facts, page = facts_of(found, state), write_page(found, state)
    if json:
        print_json(next(each for each in facts["sign_offs"] if each["seq"] == entry.seq))
        return
    typer.echo(f"{how} by {entry.by} as {entry.body['role']}, log entry {entry.seq}")
    typer.echo(f"  go on with:  sop resume {entry.run}")
    print_view(terminal.run_view(facts))
    typer.echo(f"\nas a page:  {page}")


def _show_what_is_asked(stage: Mapping[str, Any]) -> None:
    """The checklist of the gate and what was accepted in writing, on the standard error, before anything is signed."""
    from sopkit.views import wording

    for item in stage["findings"]:
        if item["severity"] == "waived":
            tell(f"Accepted in writing: {item['id']}: {item['sentence']}")
    for item in (stage["gate"] or {}).get("checklist", ()):
        who = wording.answered_by(item)
        tell(f"  {wording.answer(item):<16} {item['id']}: {item['question']}  ({who})")


def show_what_is_open(
    found: Workspace, state: RunState, sop: Sop, stage: Stage, decision: str, *, way_back: bool = True
) -> None:
    """What approvals have asked for and nobody has settled, and the way back, on the standard error."""
    from sopkit.archive import rollback
    from sopkit.views.conditions import sentence
    from sopkit.views.standing import facts_of

    for condition in facts_of(found, state)["conditions"]:
        if condition["state"] == "open":
            tell(f"Condition: {sentence(condition)}")
    if way_back and decision == "approve" and rollback.guards_a_move(sop, stage.id):
        ready = rollback.readiness(found, found.log.entries(), state.id)
        tell(f"The way back: {ready['word']}. {ready['sentence']}")
