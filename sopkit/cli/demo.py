"""`make run`: the main job from end to end, in a workspace of its own, so that the clone stays yours.

    python -m sopkit.cli.demo DIR

The rules:
* each thing it does is printed as the command that a person would type;
* it goes by the log: interrupted, it goes on where it stopped; done, it shows what is there and does nothing again.
"""

from __future__ import annotations

import shlex
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.text import Text

from sopkit.cli.looking import write_page
from sopkit.cli.options import DEMO_ENGINEER, moment
from sopkit.cli.runs import EXIT_CODES, execute
from sopkit.cli.workspaces import make_workspace
from sopkit.errors import SopkitError
from sopkit.views.standing import facts_of

if TYPE_CHECKING:
    from sopkit.archive.runs import RunState
    from sopkit.archive.workspace import Workspace

__all__ = ["demonstrate", "main"]

SOP, MODEL = "retraining", "flights"
# Each run starts as of the first date, and has soaked by the second.
RUNS = (("2013-04-01", "2013-07-01"), ("2013-07-01", "2013-07-15"))
HEADLINES = (
    "The first champion: trained on January to March, approved, put into service.",
    "Three months later: the triggers have fired; a challenger is trained, compared, approved, promoted.",
)


def demonstrate(folder: Path, console: Console) -> int:
    """Do what is left to do in the demo workspace, show where it stands; returns the exit code."""
    from sopkit.archive.workspace import Workspace

    began = time.monotonic()
    if folder.exists():
        console.print(f"{folder}/ is there already; it is taken up where it stands (rm -r {folder} starts over)")
    else:
        _typed(console, "sop", "new", str(folder))
        make_workspace(folder)
    workspace = Workspace(folder)
    executed = False
    for number, (start, later) in enumerate(RUNS):
        runs = _runs(workspace)
        if number < len(runs) and runs[number].ended:
            continue
        executed = True
        console.print(Text(f"\n{HEADLINES[number]}", style="bold"))
        state = _one_run(workspace, console, runs[number] if number < len(runs) else None, start, later)
        if state.state != "done":
            _show(console, workspace, state)
            return EXIT_CODES[state.state]
    code = _close(workspace, console)
    if executed:
        console.print(f"\n{time.monotonic() - began:.0f} s", style="dim")
    return code


def _one_run(workspace: Workspace, console: Console, state: RunState | None, start: str, later: str) -> RunState:
    if state is None:
        _typed(console, "sop", "run", SOP, "--model", MODEL, "--as-of", start, "--demo-reviewers")
        state = execute(
            workspace,
            DEMO_ENGINEER,
            lambda runner: runner.start(SOP, model=MODEL, as_of=moment(start), demo=True),
            model=MODEL,
        )
    elif state.state in ("running", "failed"):
        state = _resume(workspace, console, state, None)
    if state.soaking:
        state = _resume(workspace, console, state, later)
    return state


def _resume(workspace: Workspace, console: Console, state: RunState, later: str | None) -> RunState:
    clock: datetime | None = moment(later)
    _typed(console, "sop", "resume", state.id, *(("--as-of", later) if later else ()))
    return execute(workspace, DEMO_ENGINEER, lambda runner: runner.resume(state.id, as_of=clock), model=MODEL)


def _close(workspace: Workspace, console: Console) -> int:
    """The table, where things lie, whether all of it verifies, and what to try next."""
    from sopkit.archive.verification import verify
    from sopkit.views import facts, terminal

    first, second = _runs(workspace)[: len(RUNS)]
    console.print()
    console.print(terminal.runs_table(facts.list_facts([second, first])))
    _show(console, workspace, second)
    told = facts.verification_facts(verify(workspace))
    _typed(console, "sop", "verify")
    console.print(terminal.verification_view(told))
    name = shlex.quote(workspace.root.name)
    console.print(Text("\nWhat to try next:", style="bold"))
    console.print(
        f"  source .venv/bin/activate && cd {name}\n"
        "  sop show last evaluate        what the decision rests on\n"
        "  sop open last evaluate        the same notebook, to step through in JupyterLab\n"
        "  sop run retraining --model flights --as-of 2013-12-01 --by me     not signed yet: see the README"
    )
    return 0 if told["ok"] else 1


def _show(console: Console, workspace: Workspace, state: RunState) -> None:
    from sopkit.views import terminal

    told = facts_of(workspace, state)
    console.print()
    console.print(terminal.run_view(told))
    console.print(f"\nrun notebooks: {workspace.root.name}/{told['folder']}/")
    console.print(f"as a page:     {write_page(workspace, state)}\n")


def _runs(workspace: Workspace) -> list[RunState]:
    """The runs of the demo's model, oldest first."""
    from sopkit.archive.runs import run_states

    return [state for state in reversed(run_states(workspace.log.entries())) if state.model == MODEL]


def _typed(console: Console, *words: str) -> None:
    console.print(Text(f"$ {shlex.join(words)}", style="cyan"), soft_wrap=True)


def main() -> None:
    """The command line of `python -m sopkit.cli.demo`."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=160)
    try:
        code = demonstrate(Path(sys.argv[1]), console)
    except SopkitError as error:
        console.print(f"error: {error}", markup=False)
        code = error.exit_code
    except typer.Exit as end:
        code = end.exit_code
    sys.exit(code)


if __name__ == "__main__":
    main()
