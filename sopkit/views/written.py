"""Static pages beside the runs: everything that the desk shows, for whoever has no kernel and no network.

    runs/index.html                 the inbox: what waits, what is under way, what is over
    runs/<sop>/<run-id>.html        one run: stages, data, training, drift, comparison, sign-offs, what changed

The rules:
* a page is rendered from the log and the store, as of the entry that its foot names, and replaced as a whole; it is a
  report, so `verify` does not vouch for it, and says nothing of it;
* a part that cannot be shown says why in its place: the rest of the page is there all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from markupsafe import Markup

from sopkit.archive.contents import Contents
from sopkit.archive.diffs import last_promoted, run_diff
from sopkit.archive.publish import publish
from sopkit.archive.runs import RunState, run_states
from sopkit.archive.workspace import Workspace
from sopkit.definitions.files import parse_model
from sopkit.definitions.model import ModelFile
from sopkit.errors import SopkitError
from sopkit.views.comparison.facts import comparison_facts
from sopkit.views.data.facts import data_facts
from sopkit.views.diff.facts import diff_facts
from sopkit.views.drift.facts import drift_facts
from sopkit.views.fragments import fragment
from sopkit.views.inbox_facts import inbox_facts
from sopkit.views.pages import Section, page, run_page
from sopkit.views.standing import as_signed, facts_of, pinned_sop
from sopkit.views.training.facts import training_facts

__all__ = ["changes_of", "page_of", "sections_of", "whole_page", "write_index", "write_run"]

ROOT = "../.."  # from a run's page to the workspace


def page_of(workspace: Workspace, state: RunState) -> Path:
    """Where the page of a run lies."""
    return workspace.sop_folder(state.sop) / f"{state.id}.html"


def write_run(workspace: Workspace, state: RunState) -> Path:
    """Write the page of a run, replacing an older one; returns its path. Raises SopkitError."""
    path = page_of(workspace, state)
    publish(path, whole_page(workspace, state).encode(), replace=True)
    return path


def whole_page(workspace: Workspace, state: RunState, *, root: str = ROOT) -> str:
    """The page of a run with all of its parts; `root` is the way from the page to the workspace. Raises SopkitError."""
    facts, sections = facts_of(workspace, state), list(sections_of(workspace, state, root=root))
    return run_page(facts, root=root, sections=sections, entries=workspace.log.size)


def write_index(workspace: Workspace, *, at: datetime | None = None) -> Path:
    """Write the list of all runs, each linked to its page; returns its path. Raises SopkitError."""
    states = [as_signed(workspace, state) for state in run_states(workspace.log.entries())]
    rows = inbox_facts(states, lambda state: pinned_sop(workspace, state), now=at or datetime.now(UTC))
    body = fragment("inbox", inbox=rows, links=True)
    head = fragment("heading", text=workspace.root.name, quiet=f"{workspace.mode or 'no runs yet'}, as of now")
    path = workspace.runs / "index.html"
    publish(path, page("Runs", [Section("runs", "Runs", body)], head=head).encode(), replace=True)
    return path


def sections_of(workspace: Workspace, state: RunState, *, root: str = ROOT) -> Iterator[Section]:
    """What was found about a run, part by part, as the panels of the desk show it."""
    contents, states = Contents(workspace, state), run_states(workspace.log.entries())
    makers: dict[str, Callable[[], Markup]] = {
        "Data": lambda: fragment("data", data=data_facts(contents, _model(workspace, state))),
        "Training": lambda: fragment(
            "training", **training_facts(state, pinned_sop(workspace, state), states, contents)
        ),
        "Drift": lambda: fragment("drift", **drift_facts(contents, report=root)),
        "Comparison": lambda: fragment("comparison", **comparison_facts(contents)),
        "Changes": lambda: changes_of(workspace, state),
    }
    for title, make in makers.items():
        try:
            body = make()
        except SopkitError as error:
            body = fragment("note", text=str(error), kind="fail")
        yield Section(title.lower(), title, body)


def changes_of(workspace: Workspace, state: RunState) -> Markup:
    """What changed against the last run of the model that put a model into service."""
    before = last_promoted(run_states(workspace.log.entries()), state)
    if before is None:
        return fragment("note", text="No run before this one has put a model into service.", kind="")
    diff = run_diff(Contents(workspace, before), Contents(workspace, state))
    return fragment("diff", diff=diff_facts(diff))


def _model(workspace: Workspace, state: RunState) -> ModelFile | None:
    digest = state.pins.get("model")
    return parse_model(workspace.store.get(digest), "pinned model file") if digest else None
