"""Comparison: champion and challenger as a validator reads them; of several attempts, the one that is chosen.

The newest attempt is shown first, for only that one counts; a new attempt takes the place of the one that was chosen.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

from sopkit.errors import SopkitError
from sopkit.panels import fields
from sopkit.views import wording
from sopkit.views.comparison.facts import STAGE, as_of_attempt, comparison_facts
from sopkit.views.fragments import fragment

if TYPE_CHECKING:
    from sopkit.archive.states import AttemptState
    from sopkit.panels.desk import Desk

__all__ = ["ComparisonPanel"]

STATES = {"sealed": "done"}


class ComparisonPanel:
    """The comparison of one run."""

    title = "Comparison"

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self._run: str | None = None
        self._filling = False
        self.attempt = fields.choice("Attempt of evaluate", short=True)
        self.shown = fields.html()
        self.widget = ipywidgets.VBox([self.attempt, self.shown], layout=ipywidgets.Layout(width="100%"))
        self.attempt.observe(lambda _: self.choose(), "value")

    def refresh(self) -> None:
        """Offer the attempts of the run that is looked at, and show the one that is chosen."""
        run = self.desk.run
        made = run.stage(STAGE).attempts if run else ()
        options = [(_label(each), each.number) for each in reversed(made)]
        same = self._run == (run.id if run else None) and len(self.attempt.options) == len(options)
        chosen = self.attempt.value if same else None
        self._run = run.id if run else None
        if tuple(self.attempt.options) != tuple(options):
            self.attempt.options = options  # ipywidgets 8.1.9 refuses a value that is set in the same breath
        self.attempt.value = chosen if chosen is not None else options[0][1] if options else None
        self.attempt.layout.display = None if len(options) > 1 else "none"
        self.show()

    def choose(self) -> None:
        """Show the attempt that was chosen; an error is told in words."""
        if self._filling:
            return
        try:
            self.show()
        except SopkitError as error:
            self.desk.say(error, "fail")

    def show(self) -> None:
        """Show the chosen attempt, with what the stages before it had left by then. Raises SopkitError."""
        run = self.desk.run
        if run is None:
            fields.show(self.shown, fields.no_run())
            return
        number = self.attempt.value
        contents = self.desk.contents if number is None else as_of_attempt(self.desk.workspace, run, number)
        try:
            facts = comparison_facts(contents)
        except SopkitError:
            fields.show(self.shown, "")  # what was shown before is not left standing under an error
            raise
        fields.show(self.shown, fragment("comparison", **facts))


def _label(attempt: AttemptState) -> str:
    return (
        f"{attempt.number}  {wording.state(STATES.get(attempt.status, attempt.status))}  {wording.moment(attempt.at)}"
    )
