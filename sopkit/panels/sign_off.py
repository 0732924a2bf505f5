"""Sign-off: what is signed, by whom, in which role, and what was opened before; the decision, and the passphrase.

The rules:
* the bytes that are signed are read from disk by the archive; the panel hands over only which evidence it showed
  (`seen`), and if that has changed since, nothing is signed and the panel shows what is there now;
* the passphrase field is cleared before anything else happens with what was in it;
* Approve is enabled once everything has been opened that the gate asks to be read first.
"""

from __future__ import annotations

import contextlib
import datetime as dates
from typing import TYPE_CHECKING, Any

import ipywidgets
from markupsafe import Markup

from sopkit.archive import checklist, sign_offs
from sopkit.archive.conditions import DEFAULT, SEVERITIES, Condition
from sopkit.archive.keys import load_private
from sopkit.archive.rollback import guards_a_move, readiness
from sopkit.archive.runs import RunState
from sopkit.definitions.sop import Stage
from sopkit.errors import SignOffRefused, SopkitError, WrongUse
from sopkit.panels import fields
from sopkit.panels.clock import now
from sopkit.panels.processes import start
from sopkit.views.fragments import fragment
from sopkit.views.links import lab_link
from sopkit.views.written import write_run

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["ConditionRow", "SignOffPanel"]

DECISIONS = {"Approve": "approve", "Reject": "reject", "Return for rework": "return", "Withdraw": "withdraw"}
PANEL_OF = {"run": "Run", "data": "Data", "training": "Training", "drift": "Drift", "comparison": "Comparison"}
ANSWERS = {"yes": "yes", "no": "no", "does not apply": "not-applicable"}


class SignOffPanel:
    """The gate of one stage: what it asks, who has signed, and a form to sign with."""

    title = "Sign-off"

    def __init__(self, desk: Desk) -> None:
        self.desk, self.seen = desk, ""
        self.asked: list[Answer] = []
        self.stated: list[ConditionRow] = []
        self.stage = fields.choice("Gate")
        self.shown = fields.html()
        self.to_open = ipywidgets.HBox(layout=ipywidgets.Layout(flex_flow="row wrap"))
        self.signer = fields.html()
        self.decision = fields.labelled(ipywidgets.Dropdown, "Decision", options=DECISIONS)
        self.role = fields.choice("In the role")
        self.answers = ipywidgets.VBox()
        self.comment = fields.area("Comment", placeholder="needed for all but approve; kept with your signature")
        self.conditions = ipywidgets.VBox()
        self.add_condition = fields.button("Add a condition", self.ask_condition)
        self.passphrase = fields.labelled(ipywidgets.Password, "Passphrase", "")
        self.button = fields.button("Sign", self.sign, primary=True)
        self.go_on = fields.button("Go on with the run", self.resume)
        self.block = fields.html()
        self.form = ipywidgets.VBox(
            [
                fields.html(fragment("heading", text="Sign")),
                self.to_open,
                self.signer,
                self.decision,
                self.role,
                self.answers,
                self.comment,
                self.conditions,
                self.add_condition,
                self.passphrase,
                self.button,
            ]
        )
        self.widget = ipywidgets.VBox([self.stage, self.shown, self.form, self.block, self.go_on])
        self.stage.observe(lambda _: self.show(), "value")
        self.decision.observe(lambda _: self.allow(), "value")
        self.role.observe(lambda _: self.ask_answers(), "value")

    # ------------------------------------------------------------ showing

    def refresh(self) -> None:
        """Show the gates of the run that is looked at; the one that waits first."""
        run = self.desk.run
        gated = [stage for stage in self.desk.sop.stages if stage.gate and _can_be_signed(run, stage)] if run else []
        self.form.layout.display = None if gated else "none"
        if run is None or not gated:
            self.stage.options = []
            text = "No gate of this run has been reached yet, so there is nothing to sign." if run else ""
            fields.show(self.shown, fields.note(text) if run else fields.no_run())
            fields.show(self.block, "")
            self.go_on.layout.display = "none"
            return
        options = [(stage.gate.title, stage.id) for stage in gated if stage.gate]
        waits = [need["stage"] for need in run.waiting_for if need["kind"] == "sign_off"]
        if tuple(self.stage.options) != tuple(options):
            self.stage.options = options
            self.stage.value = next((stage for _, stage in options if stage in waits), options[-1][1])
        self.show()

    def show(self) -> None:
        """Show the gate that is chosen, as the log has it now."""
        if not self.stage.value:
            return
        run, facts, stage = self._run, self.desk.facts, self._stage
        self.seen = sign_offs.subject_of(self.desk.workspace, self._entries, run.id, stage.id).seen
        only = {**facts, "stages": [each for each in facts["stages"] if each["id"] == stage.id]}
        last = guards_a_move(self.desk.sop, stage.id)
        ready = readiness(self.desk.workspace, self._entries, run.id) if last else None
        fields.show(self.shown, fragment("gate", run=only, rollback=ready))
        waits = any(need["stage"] == stage.id for need in run.waiting_for)
        self.go_on.layout.display = "" if run.state == "waiting" and not waits else "none"
        roles = [role for role in self._gate.roles if role in self.desk.identity.facts["roles"]]
        if tuple(self.role.options) != tuple(roles):
            self.role.options, self.role.value = roles, roles[0] if roles else None
        asked = list(self._gate.roles)
        fields.show(self.signer, fragment("signer", identity=self.desk.identity.facts, may=bool(roles), asked=asked))
        self.ask_answers()
        self.allow()

    def allow(self) -> None:
        """Enable what may be done: approving needs what is to be read first; what is missing is offered."""
        unread = self._unread
        self.to_open.children = tuple(self._opener(panel) for panel in unread)
        approving = self.decision.value == "approve"
        self.add_condition.layout.display = self.conditions.layout.display = "" if approving else "none"
        self.button.disabled = bool(approving and unread) or not self.role.value
        self.button.description = f"Sign: {self.decision.label.lower()}"
        self.button.tooltip = f"Open first: {', '.join(unread)}" if unread and approving else "Sign with your key"

    def ask_answers(self) -> None:
        """A field for each question of the checklist that is asked of this role."""
        asked = checklist.asked_of(self.desk.sop.checklist, self._gate.id, self.role.value or "")
        if [answer.name for answer in self.asked] != [item.id for item in asked]:
            self.asked = [Answer(item.id, item.question) for item in asked]
            self.answers.children = tuple(answer.widget for answer in self.asked)

    def ask_condition(self) -> None:
        """One more condition of the approval."""
        row = ConditionRow(self, list(self.desk.sop.roles), self.desk.sop.owner)
        self._state_conditions([*self.stated, row])

    def drop_condition(self, row: ConditionRow) -> None:
        """Take a condition back before it is signed."""
        self._state_conditions([each for each in self.stated if each is not row])

    # ------------------------------------------------------------ signing

    def sign(self) -> None:
        """Sign with the chosen key what the archive reads from disk; say what came of it, and show the block."""
        passphrase, self.passphrase.value = self.passphrase.value, ""
        try:
            if self.desk.identity.path is None:
                raise WrongUse("you have no signing key", remedy="make one with:  sop keys new NAME")
            if self.decision.value == "approve" and self._unread:
                raise SignOffRefused("not everything has been opened", expected=", ".join(self._unread))
            entry = sign_offs.sign(
                self.desk.workspace,
                self._run.id,
                self._stage.id,
                decision=self.decision.value,
                private_key=load_private(self.desk.identity.path, passphrase),
                at=now(),
                role=self.role.value,
                comment=self.comment.value,
                conditions=[row.condition for row in self.stated if self.decision.value == "approve"],
                answers={each.name: ANSWERS[each.value] for each in self._answered},
                opened=sorted(self.desk.opened(self._stage.id)),
                seen=self.seen,
            )
        except SopkitError as error:
            self.desk.refresh()
            self.desk.say(error, "fail")
            return
        self.comment.value = ""
        self._state_conditions([])
        self.desk.refresh()
        with contextlib.suppress(SopkitError):  # a report that cannot be written does not undo what was signed
            write_run(self.desk.workspace, self._run)
        signed = next(each for each in self.desk.facts["sign_offs"] if each["seq"] == entry.seq)
        fields.show(self.block, fragment("signature", sign_off=signed, notebook=self._notebook, link=lab_link))
        self.desk.say(f"Signed: {entry.body['decision']} by {entry.by} as {entry.body['role']}.", "pass")

    def resume(self) -> None:
        """Have the run go on, in a process of its own, and watch it."""
        start(
            self.desk.workspace, ["resume", self._run.id, f"--by={self.desk.goes_on_as(self._run)}"], run=self._run.id
        )
        self.desk.open("Training")

    # ------------------------------------------------------------ inside

    def _state_conditions(self, rows: list[ConditionRow]) -> None:
        self.stated, self.conditions.children = rows, tuple(row.widget for row in rows)

    @property
    def _run(self) -> RunState:
        run = self.desk.run
        assert run is not None
        return run

    @property
    def _entries(self) -> Any:
        return self.desk.workspace.log.entries()

    @property
    def _stage(self) -> Stage:
        return self.desk.sop.stage(self.stage.value)

    @property
    def _gate(self) -> Any:
        return self._stage.gate

    @property
    def _unread(self) -> list[str]:
        return sign_offs.not_opened(self._gate, self.desk.opened(self._stage.id)) if self.stage.value else []

    @property
    def _answered(self) -> list[Answer]:
        """The answers that are stated: of a rejection only those that say no."""
        given = self.asked
        if self.decision.value == "withdraw":
            return []
        return given if self.decision.value == "approve" else [each for each in given if each.value == "no"]

    @property
    def _notebook(self) -> str:
        stages = {each["id"]: each for each in self.desk.facts["stages"]}
        return str(stages[self._stage.id]["notebook"])

    def _opener(self, panel: str) -> ipywidgets.Button:
        title = PANEL_OF.get(panel, panel.capitalize())
        label = f"○ not opened yet: {title}"
        return fields.button(label, lambda: self.desk.open(title), tooltip=f"Approving needs {title} to be opened")


def _can_be_signed(run: RunState, stage: Stage) -> bool:
    """A returned attempt is still shown: who returned it may take that back."""
    attempt = run.stage(stage.id).current
    return attempt is not None and attempt.status in ("sealed", "returned")


class Answer:
    """A question of the checklist with its answer. `name` is the question's id."""

    def __init__(self, name: str, question: str) -> None:
        self.name = name
        self.field = fields.choice("Answer", list(ANSWERS), short=True, width="auto")
        self.widget = ipywidgets.HBox([self.field, fields.html(Markup("<p>{}</p>").format(question))])

    @property
    def value(self) -> str:
        return str(self.field.value)


class ConditionRow:
    """A condition of an approval: what, how severe, whose, until when."""

    def __init__(self, panel: SignOffPanel, owners: list[str], owner: str) -> None:
        self.text = fields.labelled(ipywidgets.Text, "Condition", "", short=True, width="min(100%, 26em)")
        self.severity = fields.choice("Severity", SEVERITIES, value="medium", short=True, width="auto")
        self.owner = fields.choice("Owner", owners, value=owner, short=True, width="auto")
        self.due = fields.labelled(ipywidgets.DatePicker, "Due", (now() + DEFAULT).date(), short=True, width="auto")
        drop = fields.button("Remove", lambda: panel.drop_condition(self))
        self.widget = ipywidgets.HBox([self.text, self.severity, self.owner, self.due, drop])
        self.widget.layout.flex_flow = "row wrap"

    @property
    def condition(self) -> Condition:
        due: dates.date | None = self.due.value
        return Condition(self.text.value, self.severity.value, self.owner.value, due)
