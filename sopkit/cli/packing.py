"""`sop pack`, `sop accept`, packs for `sop verify` and `sop sign --detached`: what leaves the workspace and comes back.

The rules:
* outside of a workspace these work with the pack alone; what is in it is shown as text and never obeyed;
* a pack is verified before a key is asked for, and a file that exists is never overwritten.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sopkit.cli.options import Folder, Json, RunId, here, on_one_line, print_json, tell
from sopkit.errors import NotFound, WrongUse

if TYPE_CHECKING:
    from sopkit.archive.packs import Pack
    from sopkit.archive.runs import RunState
    from sopkit.definitions.sop import Sop

__all__ = ["accept", "pack", "sign_pack", "verify_pack"]


def pack(
    run: RunId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.zip", help="Where to (default: the run's id, here).")
    ] = None,
    without_data: Annotated[
        bool,
        typer.Option("--without-data", help="Leave out data and models (.parquet, .skops); people can still sign."),
    ] = False,
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """One file for the auditor, or for a reviewer on another machine: the record of a run, with a verifier inside.

    Example:  sop pack last -o audit.zip
    """
    from sopkit.archive import packs
    from sopkit.views.standing import find_run
    from sopkit.views.written import whole_page

    found = here()
    state = find_run(found, run)
    path = output or Path(f"{state.id}.zip")
    packs.require_place(found, path)
    with _bar() as told:
        page = whole_page(found, state, root=".").encode()
        written = packs.write(found, state.id, path, page=page, with_data=not without_data, told=told)
    if json:
        names = ("run", "files", "bytes", "size", "sha256", "entries", "left_out")
        print_json({"path": str(path), **{name: getattr(written, name) for name in names}})
        return
    signed = written.verification.sign_offs
    typer.echo(f"packed {state.id} into {path}, {_megabytes(written.size)}")
    given = "1 sign-off" if signed == 1 else f"{signed} sign-offs"
    typer.echo(f"  holds       {written.files} files, {_megabytes(written.bytes)} when unpacked: the log with")
    typer.echo(f"              {written.entries:,} entries, {given}, notebooks, reports, page and verifier")
    if written.left_out:
        typer.echo("  left out    data and models; their digests are in the log")
    typer.echo(f"  sha256      {written.sha256}")
    typer.echo(f"  check with  sop verify {path}")
    typer.echo("              or, where there is no sopkit: unpack it, and  python verify.py")
    if any(need["kind"] == "sign_off" for need in state.waiting_for):
        typer.echo(f"  sign with   sop sign --detached {path} --approve -o sign-off.json")


def accept(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `sop sign --detached` wrote.")],
    json: Json = False,
    workspace: Folder = None,
) -> None:
    """Take in a sign-off that was made on another machine; it is judged here, by the people in force now.

    Example:  sop accept sign-off.json
    """
    from sopkit.archive import detached
    from sopkit.cli.signing import show_recorded

    found = here()
    told = detached.read(_read(file, detached.LONGEST), file)
    if not json:
        for line in _in_short(told["summary"]):
            tell(line)
    entry = detached.accept(found, told, at=datetime.now(UTC))
    show_recorded(found, entry, json=json, how="accepted: signed")


def verify_pack(path: Path, checkpoint: bytes | None) -> dict[str, Any]:
    """The facts of a verification of a pack, and what it is a pack of."""
    from sopkit.archive import packs
    from sopkit.views.facts import verification_facts

    with packs.opened(path) as opened:
        told = verification_facts(packs.verify(opened, checkpoint))
        manifest = opened.manifest
    about = {"run": manifest.run, "workspace": manifest.workspace, "entries": manifest.size}
    return {**told, "pack": {**about, "with_data": manifest.with_data}}


def sign_pack(
    path: Path,
    output: Path | None,
    run: str | None,
    stage: str | None,
    *,
    decision: str,
    key: str | None,
    json: bool,
    **options: Any,
) -> None:
    """Sign from a pack into a file. RUN may be left out, as a pack has one; STAGE too, if one waits."""
    from sopkit.archive import detached, packs
    from sopkit.archive.publish import publish
    from sopkit.cli.asking import private_key
    from sopkit.cli.signing import show_what_is_open, show_what_is_signed

    if output is None:
        raise WrongUse("where to?", expected="--detached PACK -o FILE", got="no -o")
    if output.exists() or output.is_symlink():
        raise WrongUse("there is a file of that name; it is never overwritten", where=output, remedy="another -o")
    with packs.opened(path) as opened:
        detached.require_verified(opened)
        state, sop, wanted = _which(opened, run, stage)
        if not json:
            tell(f"Pack verified: {path}, workspace {opened.manifest.workspace}")
            about = (state, sop, sop.stage(wanted), decision)
            show_what_is_signed(*about)
            show_what_is_open(opened.workspace, *about, way_back=opened.manifest.with_data)
        options["comment"] = options.get("comment") or ""
        signer = private_key(key)
        told = detached.sign(opened, wanted, decision=decision, private_key=signer, at=datetime.now(UTC), **options)
    import json as text

    publish(output, text.dumps(told, indent=1, ensure_ascii=False).encode() + b"\n")
    if json:
        print_json({"path": str(output), **told["summary"]})
        return
    said = told["summary"]
    typer.echo(f"signed by {on_one_line(said['name'])} as {said['role']}, into {output}")
    typer.echo(f"  hand it in where the run is:  sop accept {output.name}")


def _which(opened: Pack, run: str | None, stage: str | None) -> tuple[RunState, Sop, str]:
    """The run, its SOP and the stage that are meant. Raises NotFound, WrongUse."""
    from sopkit.archive.runs import run_state
    from sopkit.views.standing import as_signed, find_stage, pinned_sop

    state = run_state(opened.workspace.log.entries(), opened.run)
    sop = pinned_sop(opened.workspace, state)
    if stage is None and run in [each.id for each in sop.stages]:
        run, stage = None, run
    own = run in (None, "last", opened.run) or opened.run.startswith(str(run)) or opened.run.endswith(f"-{run}")
    if not own:
        raise NotFound(f"this pack has no run '{run}'", where=opened.path, expected=opened.run)
    if stage is not None:
        return state, sop, find_stage(sop, stage).id
    waits = {need["stage"] for need in as_signed(opened.workspace, state).waiting_for if need["kind"] == "sign_off"}
    if len(waits) != 1:
        gated = ", ".join(each.id for each in sop.stages if each.gate)
        got = "none waits for a sign-off" if not waits else f"waiting: {', '.join(sorted(waits))}"
        raise WrongUse("which stage is signed?", where=opened.run, expected=f"one of {gated}", got=got)
    return state, sop, waits.pop()


def _in_short(said: Mapping[str, Any]) -> list[str]:
    """What was signed elsewhere, line by line."""
    return [
        f"{said['decision'].capitalize()}: attempt {said['attempt']} of {said['stage']} in {said['run']}",
        f"signed elsewhere by {said['name']} as {said['role']}, {said['at']}",
        f"stating: {said['meaning']}",
        *([f"comment: {said['comment']}"] if said["comment"] else []),
        *(f"condition: {each['text']}" for each in said["conditions"]),
        *(
            f"{each['answer']}: {each['question']}"
            for each in said["checklist"].values()
            if "answered_by" not in each and each["answer"] != "open"
        ),
    ]


def _megabytes(number: int) -> str:
    return f"{number / 1e6:.1f} MB" if number >= 100_000 else f"{number / 1e3:.0f} kB"


def _read(path: Path, longest: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(longest + 1)
    except OSError as error:
        raise NotFound("a file that cannot be read", where=path, got=error.strerror) from None


@contextmanager
def _bar() -> Iterator[Callable[[int, int], None]]:
    """A bar on the standard error, which moves once bytes are packed: before and after that they are verified."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        line = progress.add_task("Verifying and packing", total=None)
        yield lambda done, total: progress.update(line, completed=done, total=total)
