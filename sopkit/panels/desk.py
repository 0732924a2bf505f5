"""The desk: which run is looked at, who is looking, which panel is open, and what has been opened so far."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

import ipywidgets

from sopkit.archive import people
from sopkit.archive.contents import Contents
from sopkit.archive.runs import RunState, run_states
from sopkit.archive.workspace import Workspace
from sopkit.definitions.sop import Sop
from sopkit.errors import SopkitError
from sopkit.panels import fields, watching
from sopkit.panels.identity import Identity
from sopkit.views import wording
from sopkit.views.fragments import fragment, style
from sopkit.views.standing import as_signed, facts_of, pinned_sop

__all__ = ["PANELS", "Desk"]

# What stands on the desk, in the order of the work: title -> its class, made when it is first opened
PANELS: Mapping[str, str] = {
    "Inbox": "sopkit.panels.inbox:InboxPanel",
    "Run": "sopkit.panels.run:RunPanel",
    "Data": "sopkit.panels.data:DataPanel",
    "Training": "sopkit.panels.training:TrainingPanel",
    "Drift": "sopkit.panels.drift:DriftPanel",
    "Comparison": "sopkit.panels.comparison:ComparisonPanel",
    "Sign-off": "sopkit.panels.sign_off:SignOffPanel",
    "Stepping": "sopkit.panels.stepping:SteppingPanel",
    "Diff": "sopkit.panels.diff:DiffPanel",
}
# The account in whose name the desk goes on with a run that others execute
SERVICE = "desk"
T = TypeVar("T")


class Desk:
    """The review desk on a workspace (default: the one that the notebook lies in), shown as the value of a cell.

    `run` is the run that is looked at (its id; empty: none); `panel` the title of the panel that is open first.
    """

    def __init__(self, workspace: Path | str | None = None, *, run: str = "", panel: str = "Inbox") -> None:
        self.workspace = Workspace.find(workspace)
        self.identity = Identity(self)
        self._made: dict[str, Any] = {}
        self._known: dict[str, Any] = {}
        self._opened: dict[tuple[str, int], set[str]] = {}
        self._log_size = -1
        self.panel = ""
        self.runs = fields.choice("Run", short=True, width="min(100%, 40em)")
        self.said = fields.html()
        self.tabs = ipywidgets.ToggleButtons(options=list(PANELS), value=panel, style={"button_width": "auto"})
        self.tabs.add_class("sop-tabs")
        self.place = ipywidgets.VBox(layout=ipywidgets.Layout(width="100%"))
        self.head = fields.html()
        look_again = fields.button("Look again", self.refresh, tooltip="Read the log again")
        self.widget = ipywidgets.VBox(
            [
                ipywidgets.HTML(f"<style>{style()}</style>", layout=ipywidgets.Layout(height="0", margin="0")),
                self.head,
                ipywidgets.HBox(
                    [self.runs, self.identity.key, look_again], layout=ipywidgets.Layout(flex_flow="row wrap")
                ),
                self.tabs,
                self.said,
                self.place,
            ]
        )
        self.widget.add_class("sop-desk")
        self._choose_from_log(run)
        self.open(panel)
        self.tabs.observe(lambda change: self.open(change["new"]), "value")
        self.runs.observe(lambda change: self.look_at(change["new"]), "value")
        self.identity.key.observe(lambda _: self.refresh(), "value")
        self._watch = watching.every(2.0, self.follow, self.say)

    def _repr_mimebundle_(self, **how: Any) -> Any:
        return self.widget._repr_mimebundle_(**how)

    # ------------------------------------------------------------ what is looked at

    @property
    def run(self) -> RunState | None:
        """The run that is looked at, as the log tells it and with the sign-offs since; None where there is none."""
        chosen = next((state for state in self.states if state.id == self.runs.value), None)
        return None if chosen is None else self._once("run", lambda: as_signed(self.workspace, chosen))

    @property
    def states(self) -> list[RunState]:
        """All runs, newest first."""
        return self._once("states", lambda: run_states(self.workspace.log.entries()))

    @property
    def facts(self) -> dict[str, Any]:
        """`facts.run_facts` of the run that is looked at. Raises LookupError where there is none."""
        run = self._needed()
        return self._once("facts", lambda: facts_of(self.workspace, run))

    @property
    def sop(self) -> Sop:
        """The SOP that the run is pinned to. Raises LookupError where there is no run."""
        run = self._needed()
        return self._once("sop", lambda: pinned_sop(self.workspace, run))

    @property
    def contents(self) -> Contents:
        """What the stages of the run left. Raises LookupError where there is no run."""
        return Contents(self.workspace, self._needed())

    @property
    def by(self) -> str | None:
        """Who executes what is started here: `SOP_PERSON`, or the owner of the key that is chosen."""
        return os.environ.get("SOP_PERSON") or self.identity.person

    def goes_on_as(self, run: RunState, *, decides: bool = False) -> str | None:
        """In whose name a run goes on: of the person at the desk who executes it anyway, or who decides something by it
        (gives parameters); otherwise of the desk itself, for who executes a run cannot sign in it, and a reviewer who
        only has it go on would void their own signature."""
        if decides or self.by in run.executors or self.by != self.identity.person:
            return self.by
        return SERVICE

    @cached_property
    def name(self) -> str:
        return self.workspace.root.name

    # ------------------------------------------------------------ what people do

    def open(self, panel: str) -> None:
        """Open a panel; one that cannot be shown says why in its place."""
        self.panel = panel
        if self.tabs.value != panel:
            self.tabs.value = panel  # comes back here
            return
        self.say("")
        if panel not in self._made:
            module, _, name = PANELS[panel].partition(":")
            self._made[panel] = getattr(import_module(module), name)(self)
        self._fill()
        self.place.children = (self._made[panel].widget,)

    def look_at(self, run: str | None) -> None:
        """Look at another run, in the same panel."""
        if run is not None and self.runs.value != run:
            self.runs.value = run  # comes back here
            return
        self._forget()
        self._fill()

    def refresh(self) -> None:
        """Read the log again, look for keys again, and show what is there now."""
        self.identity.refresh()
        self._choose_from_log(self.runs.value or "")
        self._fill()

    def follow(self) -> None:
        """Refresh if the log has grown since; the panel that is open may follow more than the log."""
        if self.workspace.log.size != self._log_size:
            self.refresh()
        elif hasattr(self._made.get(self.panel), "follow"):
            self._made[self.panel].follow()

    def say(self, text: str | SopkitError, kind: str = "") -> None:
        """Tell something beside the panel: `kind` is empty, `pass`, `insufficient` or `fail`. Nothing clears it."""
        text = str(text)
        fields.show(self.said, fields.note(text, {"note": ""}.get(kind, kind)) if text else "")

    def opened(self, stage: str) -> frozenset[str]:
        """Which panels were open while the newest attempt of a stage of this run was the newest."""
        run = self.run
        attempt = run.stage(stage).current if run else None
        return frozenset(self._opened.get((run.id, attempt.seq), ())) if run and attempt else frozenset()

    # ------------------------------------------------------------ inside

    def _fill(self) -> None:
        """Have the open panel show what there is; an error is told in words, and the desk stays usable."""
        self._note_opened()
        panel = self._made.get(self.panel)
        if panel is None:
            return
        try:
            self._show_head()
            panel.refresh()
        except SopkitError as error:
            self.say(error, "fail")
        except Exception as error:  # a panel that fails must not take the desk with it
            self.say(f"{self.panel} cannot be shown: {type(error).__name__}: {error}", "fail")

    def _note_opened(self) -> None:
        run = self.run
        for stage in run.stages.values() if run else ():
            if run and stage.sealed:
                self._opened.setdefault((run.id, stage.sealed.seq), set()).add(self.panel.lower())

    def _show_head(self) -> None:
        mode = self.workspace.mode or "empty"
        name = self.name
        fields.show(self.head, fragment("desk_head", name=name, mode=mode, identity=self.identity.facts, by=self.by))

    def _choose_from_log(self, run: str) -> None:
        self._forget()
        self._log_size = self.workspace.log.size
        options = [(_label(state), state.id) for state in self.states]
        known = [id for _, id in options]
        wanted = run if run in known else known[0] if known else None
        if tuple(self.runs.options) != tuple(options):
            self.runs.options = options
        if self.runs.value != wanted:
            self.runs.value = wanted

    def _once(self, name: str, make: Callable[[], T]) -> T:
        if name not in self._known:
            self._known[name] = make()
        found: T = self._known[name]
        return found

    def _forget(self) -> None:
        self._known.clear()

    def _needed(self) -> RunState:
        run = self.run
        if run is None:
            raise LookupError("no run is looked at")
        return run

    def people(self) -> people.InForce:
        """Who counts now, with the demo people of the run that is looked at."""
        entries = self.workspace.log.entries()
        return people.in_force(self.workspace, entries, run=self.runs.value or None)


def _label(state: RunState) -> str:
    what = state.outcome or state.state
    return f"{state.as_of:%Y-%m-%d}  {state.model}  {wording.state(what).replace('_', ' ')}  ({state.id[-4:]})"
