"""The form of a new run: which SOP, which model, whose clock, why, with which parameters, and how far."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import ipywidgets

from sopkit.errors import SopkitError, WrongUse
from sopkit.panels import fields
from sopkit.panels.typed_form import TypedForm, arguments
from sopkit.running.parameters import check_parameters
from sopkit.running.pins import Pinned, pin

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["NewRun", "moment"]

_KINDS = ("sops", "models")
AS_FAR = "as far as the gates let it"
_CLOCK = {
    None: (
        "Nothing has run here yet, and the first run decides for good. Left empty, the workspace becomes live: its "
        "clock is the real one, and its reviewers are real people. With a date it becomes a simulation: a run sees no "
        "data after its date."
    ),
    "simulation": "This workspace is a simulation: the run sees no data after this date (empty: now).",
}


class NewRun:
    """`start` is called with the arguments of the command line once everything that was typed is in order."""

    def __init__(self, desk: Desk, start: Callable[[list[str], str, str], Any]) -> None:
        self.desk, self._start = desk, start
        self.pinned: Pinned | None = None
        self.form: TypedForm | None = None
        self.sop = fields.choice("SOP", [])
        self.model = fields.choice("Model", [])
        self.as_of = fields.labelled(ipywidgets.Text, "As of", "", placeholder="2013-07-01")
        self.clock = fields.html()
        self.reason = fields.labelled(ipywidgets.Text, "Reason", "", placeholder="why it is started by hand")
        self.until = fields.choice("Go", [(AS_FAR, "")])
        self.by = fields.html()
        self.parameters = ipywidgets.VBox()
        self.button = fields.button("Start the run", self.start, primary=True)
        first = [self.sop, self.model, self.as_of, self.clock, self.reason]
        self.widget = ipywidgets.VBox([*first, self.parameters, self.until, self.by, self.button])
        self.sop.observe(lambda _: self.choose(), "value")
        self.model.observe(lambda _: self.choose(), "value")

    def refresh(self) -> None:
        """Offer what lies in the templates now; what was typed stays."""
        templates, mode = self.desk.workspace.templates, self.desk.workspace.mode
        sops, models = (tuple(sorted(path.stem for path in (templates / each).glob("*.yaml"))) for each in _KINDS)
        if (self.sop.options, self.model.options) != (sops, models) or not self.parameters.children:
            for field, names in ((self.sop, sops), (self.model, models)):
                kept = field.value if field.value in names else next(iter(names), None)
                field.options, field.value = names, kept
            self.choose()
        shown = "none" if mode == "live" else ""
        self.as_of.layout.display = self.clock.layout.display = shown
        if mode == "live":
            self.as_of.value = ""
        fields.show(self.clock, fields.note(_CLOCK.get(mode, "")) if mode != "live" else "")
        by = self.desk.by
        fields.show(
            self.by,
            fields.note(f"It is executed by {by}, who may not sign at its gates.")
            if by
            else fields.note(
                "Nobody is named as executing it (choose your key, or set SOP_PERSON), so nobody can be excluded from "
                "signing, and gates with separation stay closed.",
                "insufficient",
            ),
        )

    def choose(self) -> None:
        """Make the form for this SOP and model; a definition that is not in order is told in its place."""
        self.pinned = self.form = None
        self.button.disabled = True
        if not (self.sop.value and self.model.value):
            words = "There is no SOP or no model file in templates/ yet. Make some:  sop new DIR"
            self.parameters.children = (fields.html(fields.note(words)),)
            return
        try:
            self.pinned = pin(self.desk.workspace, self.sop.value, self.model.value)
            declared = [each for stage in self.pinned.parameters.values() for each in stage]
        except SopkitError as error:
            self.parameters.children = (fields.html(fields.note(str(error), "fail")),)
            return
        self.form = TypedForm(declared)
        self.parameters.children = (self.form.widget,)
        stages = [
            (f"stop after {place}. {each.title}", each.id) for place, each in enumerate(self.pinned.sop.stages, 1)
        ]
        self.until.options = [(AS_FAR, ""), *stages]
        self.until.value = ""
        self.button.disabled = False

    def start(self) -> None:
        """Check what was typed, and start. An error says what is wrong, and nothing is started."""
        try:
            command = self.command()
        except SopkitError as error:
            self.desk.say(error, "fail")
            return
        self._start(command, self.sop.value, self.model.value)

    def command(self) -> list[str]:
        """`run SOP --model NAME …`. Raises ParameterError, WrongUse."""
        if self.form is None or self.pinned is None:
            raise WrongUse("nothing can be started before the definitions are in order")
        values = self.form.values()
        check_parameters(values, self.pinned.parameters)
        moment(self.as_of.value)
        named = {"as-of": self.as_of.value.strip(), "until": self.until.value, "by": self.desk.by or ""}
        named["reason"] = self.reason.value.strip()
        options = [f"--{name}={value}" for name, value in named.items() if value]
        return ["run", self.sop.value, f"--model={self.model.value}", *options, *arguments(values)]


def moment(text: str) -> datetime | None:
    """A date that was typed; None for nothing. Raises WrongUse."""
    if not text.strip():
        return None
    try:
        found = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WrongUse("not a date", expected="2013-07-01 or 2013-07-01T12:00Z", got=text) from None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
