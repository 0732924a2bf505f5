"""Run: the stages with their verdicts, the gate and who is missing, results against thresholds, and what changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from sopkit.panels import fields
from sopkit.views.fragments import fragment
from sopkit.views.links import lab_link
from sopkit.views.written import changes_of

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["RunPanel"]


class RunPanel:
    """One run from above."""

    title = "Run"

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.shown = fields.html()
        self.widget = ipywidgets.VBox([self.shown])

    def refresh(self) -> None:
        """Show the run that is looked at."""
        if self.desk.run is None:
            fields.show(self.shown, fields.no_run())
            return
        run = self.desk.facts
        changed = fragment("heading", text="Changes", quiet="against the last run that put a model into service")
        changed += changes_of(self.desk.workspace, self.desk.run)
        stages = fragment("run", run=run, link=lab_link)
        fields.show(self.shown, fragment("run_head", run=run) + stages + changed)
