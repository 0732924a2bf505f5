"""Stepping: one stage after the other, or as far as the gates let it; a new run; stop, and abandon.

The rules:
* what comes next is asked of the runner's own planning, from the log;
* each button checks what was typed, starts one `sop` process of its own and returns; nothing waits for it;
* while a runner has the run nothing else is started on it; one that died is told, and resuming is offered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets

from sopkit.archive.runs import RunState
from sopkit.errors import SopkitError, WrongUse
from sopkit.panels import fields, processes
from sopkit.panels.starting import NewRun, moment
from sopkit.panels.typed_form import TypedForm, arguments
from sopkit.running.asked import require_parameters
from sopkit.running.live import live_state
from sopkit.running.pins import pinned
from sopkit.running.planning import Action, Execute, Finish, Wait
from sopkit.running.runner import Runner
from sopkit.views.fragments import fragment
from sopkit.views.stepping_facts import next_facts, stepping_facts, wait_facts
from sopkit.views.training.facts import alerts, live_facts

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["SteppingPanel"]

_WELL = (0, 3, 4)  # done, waiting, stopped: the run itself tells it
_ENDED = {
    0: "The last process has done its work",
    3: "The last process went as far as it may, or as it was asked to",
    4: "The last process has stopped the run",
    2: "The last process refused: wrong use",
    None: "✗ The last process ended without a word: it was killed",
}


class SteppingPanel:
    """What comes next in the run that is looked at, its form, and what is done about it; below, a new run."""

    title = "Stepping"

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.next: Action | None = None
        self.form = TypedForm([])
        self.process: processes.Process | None = None
        self._form_of: tuple[Any, ...] = ()
        self._was_running = False
        self._awaited: tuple[processes.Process, str, str, int] | None = None
        self.live, self.shown = fields.html(), fields.html()
        self.parameters = ipywidgets.VBox()
        self.as_of = fields.labelled(ipywidgets.Text, "As of", "", placeholder="")
        self.run_stage = fields.button("Run this stage", self.do_stage, primary=True)
        self.go_on = fields.button("Go on as far as the gates let it", self.do_go_on)
        self.stop = fields.button("Stop", self.do_stop, tooltip="Interrupt it; the run can be resumed")
        self.reason = fields.labelled(ipywidgets.Text, "Abandon, because", "", placeholder="a reason, for the log")
        self.abandon = fields.button("Abandon the run", self.do_abandon, tooltip="Ends the run for good")
        wrap = ipywidgets.Layout(flex_flow="row wrap", width="100%")
        self.buttons = ipywidgets.HBox([self.run_stage, self.go_on, self.stop], layout=wrap)
        self.ending = ipywidgets.HBox([self.reason, self.abandon], layout=wrap)
        self.new = NewRun(desk, self.begin)
        self.another = ipywidgets.Accordion([self.new.widget], titles=("Start a new run",))
        self.another.selected_index = None if desk.run else 0
        whole = [self.live, self.shown, self.parameters, self.as_of, self.buttons, self.ending, self.another]
        self.widget = ipywidgets.VBox(whole)

    # ------------------------------------------------------------ what is shown

    def refresh(self) -> None:
        """Show where the run stands, and what may be done now."""
        self._find_begun()
        self.new.refresh()
        run = self.desk.run
        if run is None:
            self._nothing()
            return
        self._watch(run)
        facts = stepping_facts(run, self.desk.sop)
        busy = self.busy
        self.next = None if busy or run.ended else self._ahead(run, facts)
        if isinstance(self.next, Execute):
            what = (self.next.stage, self.next.attempt, self.next.because)
            facts["next"] = next_facts(run, self.desk.sop, self.desk.states, *what)
        elif isinstance(self.next, Wait):
            facts["wait"] = wait_facts(self.desk.sop, self.next.why, self.next.needs)
        elif isinstance(self.next, Finish):
            facts["then"] = f"Next: the run is ended ({self.next.why})."
        elif self.next is not None:
            facts["then"] = "Next: what the stage requested is performed."
        facts["process"] = self._told()
        fields.show(self.shown, fragment("stepping", **facts))
        self._make_form(run)
        self._allow(run, busy)

    def follow(self) -> None:
        """What changes without the log: how far the stage is, and whether the process still runs."""
        run = self.desk.run
        if self._awaited or (self._was_running and not self.busy):
            self.desk.refresh()
        elif run is not None:
            self._watch(run)

    @property
    def busy(self) -> bool:
        """Whether anybody executes the run now."""
        run = self.desk.run
        live = live_state(self.desk.workspace, run.id) if run else None
        return bool(live and live["alive"]) or bool(self.process and self.process.running)

    def _watch(self, run: RunState) -> None:
        if self.process is None or self.process.run != run.id:
            self.process = processes.newest(self.desk.workspace, run.id)
        live = live_state(self.desk.workspace, run.id)
        self._was_running = self.busy
        if live is None and self.process is not None and self.process.running:
            fields.show(self.live, fields.note("▶ The process has started."))
            return
        states, titles = self.desk.states, {stage.id: stage.title for stage in self.desk.sop.stages}
        facts = live_facts(run, self.desk.sop, states, live)
        told = [alert for alert in alerts(states, run, titles, live) if alert["under_way"]]
        fields.show(self.live, fragment("training_live", live=facts, alerts=told) if facts else "")

    def _told(self) -> dict[str, Any] | None:
        """What the last process said, once it has ended."""
        if self.process is None or self.process.running:
            return None
        code = self.process.exit_code
        words = _ENDED.get(code, f"✗ The last process failed (exit code {code})")
        return {"words": words, "failed": code not in _WELL, "said": self.process.said}

    def _ahead(self, run: RunState, facts: dict[str, Any]) -> Action | None:
        try:
            return Runner(self.desk.workspace, by=self.desk.by).ahead(run.id)
        except SopkitError as error:
            facts["then"] = str(error)
            return None

    def _make_form(self, run: RunState) -> None:
        """The form of the next stage; it is made again only for another stage, so that what is typed stays."""
        if not isinstance(self.next, Execute):
            self._form_of, self.form, self.parameters.children = (), TypedForm([]), ()
            return
        form_of = (run.id, self.next.stage, self.next.attempt)
        if form_of == self._form_of:
            return
        declared = pinned(self.desk.workspace, run).parameters[self.next.stage]
        self._form_of, self.form = form_of, TypedForm(declared, run.parameters)
        self.parameters.children = (self.form.widget,) if self.form.parameters else ()

    def _allow(self, run: RunState, busy: bool) -> None:
        over = run.ended
        clocks = [need["until"] for need in (self.next.needs if isinstance(self.next, Wait) else ()) if need["until"]]
        self.as_of.placeholder = (
            f"from {clocks[0][:16]} on it may go on" if clocks else "empty: the clock stays as it is"
        )
        self.run_stage.disabled = not isinstance(self.next, Execute)
        self.go_on.disabled = over or busy or self._waits_for_people(run)
        self.stop.disabled = not busy
        self.abandon.disabled = over or busy
        for field, is_shown in (
            (self.run_stage, not busy and isinstance(self.next, Execute)),
            (self.go_on, not busy),
            (self.stop, busy),
            (self.buttons, not over),
            (self.ending, not over and not busy),
            (self.as_of, run.simulated and not over and not busy),
        ):
            field.layout.display = "" if is_shown else "none"

    def _waits_for_people(self, run: RunState) -> bool:
        """Whether going on would change nothing: somebody has to sign first, and no demo reviewer will."""
        needs = self.next.needs if isinstance(self.next, Wait) else ()
        return any(need["kind"] == "sign_off" and need["roles"] for need in needs) and not run.demo

    def _nothing(self) -> None:
        self.next, self.process, self._form_of = None, None, ()
        fields.show(self.live, "")
        fields.show(self.shown, fields.note("There is no run yet: start one here."))
        self.parameters.children = ()
        for each in (self.buttons, self.ending, self.as_of):
            each.layout.display = "none"

    # ------------------------------------------------------------ what people do

    def do_stage(self) -> None:
        """Run the next stage, and no other."""
        if isinstance(self.next, Execute):
            self._resume(f"--until={self.next.stage}")

    def do_go_on(self) -> None:
        """Go on until a gate, the clock or the end."""
        self._resume()

    def do_stop(self) -> None:
        """Interrupt whoever executes the run here."""
        run = self.desk.run
        live = live_state(self.desk.workspace, run.id) if run else None
        if self.process is not None and self.process.stop():
            self.desk.say("It is interrupted; the run can be resumed.")
        elif live and live["alive"]:
            self.desk.say(f"Process {live['pid']} was not started here: stop it where it was started.", "insufficient")
        else:
            self.desk.say("Nothing runs any more.")

    def do_abandon(self) -> None:
        """End the run for good; a reason is needed."""
        reason = self.reason.value.strip()
        if not reason:
            self.desk.say("A run that is abandoned needs a reason; it is kept in the log.", "fail")
            return
        run = self.desk.run
        if run is not None and self._start(["abandon", run.id, f"--reason={reason}", *_by(self.desk.by)], run.id):
            self.reason.value = ""

    def begin(self, command: list[str], sop: str, model: str) -> None:
        """Start a new run; the desk looks at it as soon as the log knows it."""
        newest = self.desk.states[0].seq if self.desk.states else 0
        if process := self._start(command, ""):
            self._awaited = (process, sop, model, newest)
            self.another.selected_index = None
            self.desk.say("▶ The run is being started.")

    # ------------------------------------------------------------ inside

    def _resume(self, *options: str) -> None:
        run = self.desk.run
        if run is None:
            return
        try:
            given = self.form.values()
            require_parameters(given, pinned(self.desk.workspace, run), run)
            if moment(self.as_of.value) is not None and not run.simulated:
                raise WrongUse("a live run has no clock of its own")
        except SopkitError as error:
            self.desk.say(error, "fail")
            return
        clock = [f"--as-of={self.as_of.value.strip()}"] if self.as_of.value.strip() else []
        who = self.desk.goes_on_as(run, decides=bool(given))
        if self._start(["resume", run.id, *options, *clock, *_by(who), *arguments(given)], run.id):
            self.as_of.value = ""
            self.desk.say("")

    def _start(self, command: list[str], run: str) -> processes.Process | None:
        if run and self.busy:
            self.desk.say("The run is being executed: wait for it, or stop it.", "insufficient")
            return None
        try:
            process = processes.start(self.desk.workspace, command, run=run)
        except SopkitError as error:
            self.desk.say(error, "fail")
            return None
        if run:
            self.process = process
            self.refresh()
        return process

    def _find_begun(self) -> None:
        """The run that a process has started, once the log knows it; or why it did not start."""
        if self._awaited is None:
            return
        process, sop, model, newest = self._awaited
        found = [state for state in self.desk.states if state.seq > newest and (state.sop, state.model) == (sop, model)]
        if found:
            self._awaited = None
            process.belongs_to(found[-1].id)
            self.process = process
            self.desk.say("")
            self.desk.look_at(found[-1].id)
        elif not process.running:
            self._awaited = None
            self.desk.say(process.said or "The process ended without a word: it was killed.", "fail")


def _by(person: str | None) -> list[str]:
    return [f"--by={person}"] if person else []
