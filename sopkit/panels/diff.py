"""Diff: what changed between two runs, or between two attempts of a stage; all of it, by nbdime, on demand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import ipywidgets

from sopkit.archive.contents import Contents
from sopkit.archive.diffs import full_run_diff, last_promoted, run_diff
from sopkit.archive.states import RunState
from sopkit.panels import fields
from sopkit.views import wording
from sopkit.views.diff.facts import diff_facts
from sopkit.views.diff.terminal import harmless
from sopkit.views.fragments import fragment

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["DiffPanel"]

EVERY = "all stages"
MOST = 400_000  # characters of nbdime's answer on one screen


class DiffPanel:
    """Two runs to choose (before: the last promoted one, after: the one that is looked at), a stage, its attempts."""

    title = "Diff"

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.before = fields.choice("Before", width="min(100%, 44em)")
        self.after = fields.choice("After", width="min(100%, 44em)")
        self.stage = fields.choice("Stage", [EVERY], width="24em")
        self.before_attempt = fields.choice("Attempt before", width="18em")
        self.after_attempt = fields.choice("Attempt after", width="18em")
        self.whole = fields.button("Full notebook diff", self.show_full, tooltip="Every cell and output, by nbdime")
        self.shown = fields.html()
        self.full = fields.html()
        self._run = ""
        self._filling = False
        attempts = ipywidgets.HBox([self.stage, self.before_attempt, self.after_attempt])
        attempts.layout.flex_flow = "row wrap"
        self.widget = ipywidgets.VBox([self.before, self.after, attempts, self.shown, self.whole, self.full])
        for field in (self.before, self.after):
            field.observe(lambda _: self.offer_stages(), "value")
        self.stage.observe(lambda _: self.offer_attempts(), "value")
        for field in (self.before_attempt, self.after_attempt):
            field.observe(lambda _: self.show(), "value")

    def refresh(self) -> None:
        """Offer the runs again; another run that is looked at is compared with the last promoted one before it."""
        run = self.desk.run
        if run is None:
            fields.show(self.shown, fields.no_run())
            return
        options = [(_label(state), state.id) for state in self.desk.states]
        anew = run.id != self._run
        self._run = run.id
        reference = last_promoted(self.desk.states, run) or _earlier(self.desk.states, run) or run
        self._fill(self.before, options, reference.id if anew else self.before.value)
        self._fill(self.after, options, run.id if anew else self.after.value)
        self.offer_stages()

    def offer_stages(self) -> None:
        """Offer the stages that both runs have started."""
        left, right = self._states()
        if self._filling or left is None or right is None:
            return
        both = [stage for stage in left.stages if stage in right.stages]
        self._fill(self.stage, [EVERY, *both], self.stage.value)
        self.offer_attempts()

    def offer_attempts(self) -> None:
        """Offer the attempts of the stage, the newest first; of one run, the one before it on the left."""
        left, right = self._states()
        if self._filling or left is None or right is None:
            return
        for field, state in ((self.before_attempt, left), (self.after_attempt, right)):
            made = [] if self.stage.value == EVERY else [each.number for each in state.stage(self.stage.value).attempts]
            newest = made[-1] if made else None
            first = made[-2] if field is self.before_attempt and left.id == right.id and len(made) > 1 else newest
            self._fill(field, [(str(number), number) for number in reversed(made)], first)
            field.layout.display = "" if len(made) > 1 else "none"
        self.show()

    def show(self) -> None:
        """Show what changed."""
        if self._filling:
            return
        fields.show(self.full, "")
        sides = self._sides()
        if sides is not None:
            told = diff_facts(run_diff(*sides, stage=self._stage()))
            fields.show(self.shown, fragment("diff", diff=told))

    def show_full(self) -> None:
        """Show what nbdime says about the run notebooks, as text."""
        sides = self._sides()
        if sides is None:
            return
        fields.show(self.full, fields.note("nbdime compares the run notebooks …"))
        text = harmless("\n".join(full_run_diff(*sides, stage=self._stage())))
        cut = len(text) > MOST
        fields.show(self.full, fragment("diff_full", text=text[:MOST], cut=cut))

    def _stage(self) -> str | None:
        return None if self.stage.value == EVERY else self.stage.value

    def _sides(self) -> tuple[Contents, Contents] | None:
        left, right = self._states()
        if left is None or right is None:
            return None
        stage = self._stage()
        numbers = [field.value for field in (self.before_attempt, self.after_attempt)]
        chosen = [{stage: number} if stage and number else {} for number in numbers]
        workspace = self.desk.workspace
        return Contents(workspace, left, chosen[0]), Contents(workspace, right, chosen[1])

    def _states(self) -> tuple[RunState | None, RunState | None]:
        known = {state.id: state for state in self.desk.states}
        return known.get(self.before.value), known.get(self.after.value)

    def _fill(self, field: ipywidgets.Dropdown, options: Sequence[object], value: object) -> None:
        """New options without a look at each of them."""
        self._filling = True
        try:
            field.options = options
            values = [option[1] if isinstance(option, tuple) else option for option in options]
            field.value = value if value in values else (values[0] if values else None)
        finally:
            self._filling = False


def _earlier(states: list[RunState], run: RunState) -> RunState | None:
    """The newest run before this one, of the same model."""
    return next((each for each in states if each.model == run.model and each.seq < run.seq), None)


def _label(state: RunState) -> str:
    what = (state.outcome or state.state).replace("_", " ")
    return f"{wording.moment(state.as_of)}  {state.model}  {what}  ({state.id[-4:]})"
