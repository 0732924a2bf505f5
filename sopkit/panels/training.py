"""Training: how far the stage under way is, what each stage took, what was trained and how it went."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from sopkit.panels import fields
from sopkit.running.live import live_state
from sopkit.views.fragments import fragment
from sopkit.views.training.facts import alerts, live_facts, training_facts

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["TrainingPanel"]


class TrainingPanel:
    """The training of the run that is looked at; while a stage is under way the desk has it look again."""

    title = "Training"

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.live, self.shown = fields.html(), fields.html()
        self.widget = ipywidgets.VBox([self.live, self.shown])

    def refresh(self) -> None:
        """Show the run that is looked at."""
        desk, run = self.desk, self.desk.run
        self.follow()
        if run is None:
            fields.show(self.shown, fields.no_run())
            return
        facts = training_facts(run, desk.sop, desk.states, desk.contents)
        # What moves has a place of its own: what a person has unfolded below stays unfolded.
        fields.show(self.shown, fragment("training", **{**facts, "alerts": []}))

    def follow(self) -> None:
        """Show how far the stage under way is, without reading the log again."""
        desk, run = self.desk, self.desk.run
        if run is None:
            fields.show(self.live, "")
            return
        live, titles = live_state(desk.workspace, run.id), {stage.id: stage.title for stage in desk.sop.stages}
        facts, found = live_facts(run, desk.sop, desk.states, live), alerts(desk.states, run, titles, live)
        fields.show(self.live, fragment("training_live", live=facts, alerts=found) if facts or found else "")
