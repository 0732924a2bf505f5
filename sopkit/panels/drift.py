"""Drift: which columns moved, how far and when, and evidently's full report in a frame of its own.

The report is foreign HTML: its frame may run the report's scripts, and has no origin, so that it reaches neither the
desk nor the server. It is 4.5 MB and shown only when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from sopkit.panels import fields
from sopkit.views.drift.context import REPORT
from sopkit.views.drift.facts import drift_facts, narrowed
from sopkit.views.fragments import fragment

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["DriftPanel"]

OPEN, CLOSE = "Open the full evidently report", "Close the report"


class DriftPanel:
    """The drift of one run."""

    title = "Drift"

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._facts: dict[str, Any] | None = None
        self._framed: str | None = None
        self.words = fields.labelled(ipywidgets.Text, "Columns named", placeholder="all", continuous_update=False)
        self.only_drifted = fields.labelled(ipywidgets.Checkbox, "Only those that drifted", value=False, indent=False)
        self.shown = fields.html()
        self.report = fields.button(OPEN, self.toggle_report, tooltip="About 4.5 MB, in a frame that reaches nothing")
        self.frame = fields.html()
        row = ipywidgets.Layout(flex_flow="row wrap", align_items="center")
        self.choice = ipywidgets.HBox([self.words, self.only_drifted], layout=row)
        self.widget = ipywidgets.VBox([self.choice, self.shown, self.report, self.frame])
        for field in (self.words, self.only_drifted):
            field.observe(lambda _: self.narrow(), "value")

    def refresh(self) -> None:
        """Show the drift of the run that is looked at."""
        run = self.desk.run
        self._facts = None if run is None else drift_facts(self.desk.contents)
        if self._framed is not None and self._framed != self._report_digest():
            self.close_report()
        self.narrow()

    def narrow(self) -> None:
        """Show the columns that are asked for."""
        facts = self._facts
        columns = bool(facts and facts["comparisons"])
        self.choice.layout.display = None if columns else "none"
        self.report.layout.display = None if facts and facts["report"] else "none"
        if facts is None:
            fields.show(self.shown, fields.no_run())
            return
        asked = narrowed(facts, words=self.words.value, only_drifted=self.only_drifted.value)
        fields.show(self.shown, fragment("drift", **asked))

    def toggle_report(self) -> None:
        """Open the full report, or close it."""
        self.close_report() if self._framed else self.open_report()

    def open_report(self) -> None:
        """Show the report of stage evaluate, read from the store by its digest."""
        text = self.desk.contents.text(*REPORT) if self.desk.run else None
        if text is None:
            self.desk.say("This run has no evidently report: stage evaluate attaches it.")
            return
        self._framed = self._report_digest()
        self.report.description = CLOSE
        fields.show(self.frame, fragment("drift_report", text=text))

    def close_report(self) -> None:
        """Take the report away."""
        self._framed = None
        self.report.description = OPEN
        fields.show(self.frame, "")

    def _report_digest(self) -> str | None:
        return self.desk.contents.digest(*REPORT) if self.desk.run else None
