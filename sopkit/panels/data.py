"""Data: what a run collected and what was odd about it; and the way in for a new data set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from sopkit.definitions import parse_model
from sopkit.panels import fields
from sopkit.panels.intake import IntakeForm
from sopkit.views.data.facts import data_facts
from sopkit.views.fragments import fragment

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["DataPanel"]


class DataPanel:
    """The data of one run, and below it the form for a new data set."""

    title = "Data"

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.shown = fields.html()
        self.intake = IntakeForm(desk)
        self.widget = ipywidgets.VBox([self.shown, self.intake.widget])

    def refresh(self) -> None:
        """Show the data of the run that is looked at, and what was accepted."""
        self.intake.refresh()
        run = self.desk.run
        if run is None:
            fields.show(self.shown, fields.no_run())
            return
        model = parse_model(self.desk.workspace.store.get(run.pins["model"]), f"{run.model}.yaml, pinned by {run.id}")
        fields.show(self.shown, fragment("data", data=data_facts(self.desk.contents, model)))
