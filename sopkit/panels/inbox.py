"""Inbox: which runs wait for whom, which are under way, which are over; the way to each of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ipywidgets

from sopkit.archive import condition_states
from sopkit.panels import fields
from sopkit.panels.clock import now
from sopkit.running.live import live_state
from sopkit.views import wording
from sopkit.views.fragments import fragment
from sopkit.views.inbox_facts import inbox_facts
from sopkit.views.standing import as_signed, pinned_sop
from sopkit.views.training.facts import alerts
from sopkit.views.training.words import live_words

if TYPE_CHECKING:
    from sopkit.panels.desk import Desk

__all__ = ["InboxPanel"]

ANY = "all"
MOST = 25  # cards on one screen; the filters reach the rest


class InboxPanel:
    """Filters, then a card for each run that waits or is under way, then the finished runs, searchable."""

    title = "Inbox"

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.sop = fields.choice("SOP", [ANY], short=True, width="auto")
        self.model = fields.choice("Model", [ANY], short=True, width="auto")
        self.role = fields.choice("Role", [ANY], short=True, width="auto")
        self.mine = fields.labelled(ipywidgets.Checkbox, "Only what waits for me", False, indent=False, width="auto")
        self.search = fields.labelled(ipywidgets.Text, "Search", "", placeholder="model, outcome, run, words")
        self.waiting = ipywidgets.VBox()
        self.counted, self.conditions = fields.html(), fields.html()
        self.finished = fields.labelled(ipywidgets.Select, "Finished runs", options=[], rows=8, width="99%")
        self.look = fields.button("Look at this run", self.open_finished)
        filters = ipywidgets.HBox([self.sop, self.model, self.role, self.mine])
        filters.layout.flex_flow, filters.layout.align_items = "row wrap", "center"
        past = [fields.html(fragment("heading", text="Finished")), self.search, self.finished, self.look]
        self.widget = ipywidgets.VBox([filters, self.counted, self.waiting, self.conditions, *past])
        for field in (self.sop, self.model, self.role, self.mine, self.search):
            field.observe(lambda _: self.show(), "value")

    def refresh(self) -> None:
        """Read the runs again."""
        desk, me = self.desk, self.desk.identity.facts
        states = [as_signed(desk.workspace, state) for state in desk.states]
        self.rows = inbox_facts(
            states, lambda state: pinned_sop(desk.workspace, state), now=now(), person=me["person"], roles=me["roles"]
        )
        every = [row for rows in self.rows.values() for row in rows]
        _offer(self.sop, {row["sop"] for row in every})
        _offer(self.model, {row["model"] for row in every})
        _offer(self.role, {role for row in self.rows["waiting"] for role in row["roles"]})
        entries = desk.workspace.log.entries()
        asked = [each.to_dict(now()) for each in condition_states.opened(desk.workspace, entries)]
        still = sorted((each for each in asked if each["state"] == "open"), key=lambda each: not each["overdue"])
        fields.show(self.conditions, fragment("conditions", run={"run": "", "conditions": still}))
        self.show()

    def follow(self) -> None:
        """Show how far what is under way is, without reading the log again."""
        if self.rows["running"]:
            self.show()

    def show(self) -> None:
        """Show what the filters let through."""
        waiting = [row for row in self.rows["waiting"] if self._wanted(row)]
        running = [row for row in self.rows["running"] if self._wanted(row)]
        finished = [row for row in self.rows["finished"] if self._wanted(row) and _found(row, self.search.value)]
        words = f"{wording.count(len(waiting), 'run')} waiting, {len(running)} under way, {len(finished)} finished"
        if len(waiting) + len(running) > MOST:
            words += f"; the {MOST} most urgent are shown"
        fields.show(self.counted, fragment("heading", text="Waiting and under way", quiet=words))
        self.waiting.children = tuple(self._card(row) for row in [*running, *waiting][:MOST])
        self.finished.options = [(_line(row), row["run"]) for row in finished]

    def open_finished(self) -> None:
        """Look at the finished run that is chosen."""
        if self.finished.value:
            self.open_run(self.finished.value, "Run")

    def open_run(self, run: str, panel: str) -> None:
        """Look at a run in a panel."""
        self.desk.look_at(run)
        self.desk.open(panel)

    def _card(self, row: Mapping[str, Any]) -> ipywidgets.Widget:
        run, panel, label = row["run"], "Run", "Look at it"
        if row["state"] == "running":
            panel, label = "Training", "Watch it"
        elif row["mine"]:
            panel, label = "Sign-off", "Review and sign"
        open_it = fields.button(label, lambda: self.open_run(run, panel), tooltip=f"{label}: {run}")
        text = fields.html(fragment("inbox_row", row={"live": self._live(row), **row}, alerts=self._alerts(row)))
        card = ipywidgets.HBox([text, open_it])
        card.add_class("sop-inbox-card")
        return card

    def _live(self, row: Mapping[str, Any]) -> str:
        """How far a run is that is under way, or that nobody executes it any more."""
        told = live_state(self.desk.workspace, row["run"]) if row["state"] == "running" else None
        if row["state"] != "running":
            return ""
        if told is None or not told["alive"]:
            return "nobody executes it now: resume it"
        return ", ".join(filter(None, [live_words(told), wording.seconds(told["seconds"])]))

    def _alerts(self, row: Mapping[str, Any]) -> list[str]:
        state = next(state for state in self.desk.states if state.id == row["run"])
        live = live_state(self.desk.workspace, state.id) if state.state == "running" else None
        return [alert["sentence"] for alert in alerts(self.desk.states, state, live=live)]

    def _wanted(self, row: Mapping[str, Any]) -> bool:
        if self.mine.value and not row.get("mine"):
            return False
        fits = self.sop.value in (ANY, row["sop"]) and self.model.value in (ANY, row["model"])
        return fits and (self.role.value == ANY or self.role.value in row.get("roles", ()))


def _found(row: Mapping[str, Any], words: str) -> bool:
    text = " ".join(str(row[name] or "") for name in ("run", "sop", "model", "state", "outcome", "why", "by")).lower()
    return all(word in text.replace("_", " ") for word in words.lower().split())


def _line(row: Mapping[str, Any]) -> str:
    outcome = (row["outcome"] or row["state"]).replace("_", " ")
    return f"{row['as_of'][:10]}  {row['model']}  {row['sop']}  {outcome}  {row['run'][-4:]}"


def _offer(field: ipywidgets.Dropdown, values: set[str]) -> None:
    options = (ANY, *sorted(values))
    if tuple(field.options) != options:
        kept = field.value if field.value in options else ANY
        field.options, field.value = options, kept
