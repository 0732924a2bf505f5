"""Triggers: is it time to act, and why?

The rules, each from what was measured (`Facts`), none reads a clock or data by itself:

    schedule     a moment of `every` lies after the champion was last decided about, and not after now
    staleness    the champion's training data ended longer ago than `value`
    drift        the drift verdict at the limit `value`; the rows reach the evidence minimum; where it is the season
                 of a year ago and the champion has learned from that, it does not fire (`season`)
    performance  a promise is broken (`promise`): worse by more than `value` of no-skill, interval beyond zero
    volume       at least `value` new labelled rows
    indicator    a series or a column is beyond `value`, or has changed by more (`indicators`)
    manual       a person gave a reason

* a trigger that lacks its evidence is `insufficient`, which is told and does not fire;
* within the cool-down after a decision about the champion (it was put into service, or examined and kept), what
  would have fired is told as cooling down: the same evidence would be examined again. Only a manual one fires;
* a trigger of mode `manual` that is not the manual one advises, a person has to start;
* without a champion there is nothing to be stale: the first one is due, and that is not a trigger.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import pandas as pd

from sopkit.definitions.durations import render_duration
from sopkit.definitions.model import Trigger
from sopkit.definitions.model import Triggers as Conditions
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts
from sopkit.evidence.harm import harm_of
from sopkit.evidence.measure import Measure, measure_name, number
from sopkit.evidence.trigger_rules import Facts, Fired, judge, last_scheduled

__all__ = ["Facts", "Fired", "Triggers", "evaluate_triggers", "last_scheduled"]


@dataclass(frozen=True)
class Triggers:
    items: tuple[Fired, ...]
    as_of: datetime
    first: bool = False
    harm: Measure | None = None

    @property
    def fired(self) -> list[str]:
        return [item.name for item in self.items if item.fired]

    @property
    def any(self) -> bool:
        return bool(self.fired)

    def __bool__(self) -> bool:
        return self.any

    @property
    def sentence(self) -> str:
        if self.first:
            return "There is no champion yet: the first one is due"
        if not self.fired:
            waiting = [item.name for item in self.items if item.state == "cooling down"]
            unknown = [f"{item.name} ({item.sentence})" for item in self.items if item.state == "insufficient"]
            told = [("cooling down", waiting), ("could not be measured", unknown)]
            return "; ".join(
                ["No trigger has fired", *(f"{what}: {', '.join(names)}" for what, names in told if names)]
            )
        return "; ".join(item.sentence for item in self.items if item.fired)

    @property
    def table(self) -> pd.DataFrame:
        columns = ["name", "kind", "state", "value", "comparator", "limit", "window", "mode", "sentence"]
        return pd.DataFrame([{c: getattr(item, c) for c in columns} for item in self.items], columns=columns)

    @property
    def measures(self) -> list[Measure]:
        """`fail` is a trigger that fired: something has to be done."""
        verdicts = {
            "fired": Verdict.FAIL,
            "insufficient": Verdict.INSUFFICIENT,
            "cooling down": Verdict.PASS,
            "advised": Verdict.PASS,
        }
        return [
            Measure(
                f"trigger_{measure_name(item.name)}"[:64],
                item.value,
                verdicts.get(item.state, Verdict.PASS),
                item.sentence,
                item.to_dict(),
                _threshold(item),
                f"Trigger {item.name} ({item.kind})",
            )
            for item in self.items
        ]

    def figure(self) -> charts.Chart:
        verdicts = {"fired": Verdict.FAIL, "insufficient": Verdict.INSUFFICIENT, "cooling down": Verdict.INSUFFICIENT}
        rows = [
            charts.Row(
                item.name, None if item.ratio is None else min(item.ratio, 3.0), verdict=verdicts.get(item.state),
                note=_told(item),
            )
            for item in self.items
        ]  # fmt: skip
        harm = f". {self.harm.reason}" if self.harm else ""
        title = (
            f"{len(self.fired)} of {len(self.items)} triggers fired: {', '.join(self.fired)}"
            if self.fired
            else self.sentence
        )
        return charts.bars(
            title, rows, x_label="multiples of each trigger's own limit (at most 3 are drawn)", limit=1.0,
            subtitle=f"as of {pd.Timestamp(self.as_of):%Y-%m-%d %H:%M} UTC{harm}", words=False,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return {
            "as_of": plain(self.as_of),
            "fired": self.fired,
            "first": self.first,
            "harm": self.harm.to_dict() if self.harm else None,
            "sentence": self.sentence,
            "triggers": [item.to_dict() for item in self.items],
        }

    def _repr_html_(self) -> str:
        return str(self.table[["name", "state", "value", "limit", "window", "sentence"]].to_html(index=False))


def evaluate_triggers(conditions: Conditions, facts: Facts, *, as_of: datetime) -> Triggers:
    """Judge each condition of the model file against the facts as of a moment. `as_of` and facts' times are aware."""
    judged = [_judge(name, trigger, facts, conditions, as_of) for name, trigger in conditions.conditions.items()]
    owners = [name for name, trigger in conditions.conditions.items() if trigger.metric is not None]
    beyond = [item.sentence for item in judged if item.name in owners and item.state in ("fired", "advised")]
    until = facts.decided_at + conditions.cool_down if facts.decided_at else None
    if until is not None and as_of < until:
        judged = [_cooled(item, until) for item in judged]
    harm = harm_of(facts.drift, facts.performance, beyond) if facts.champion is not None else None
    return Triggers(tuple(judged), as_of, first=facts.champion is None, harm=harm)


def _judge(name: str, trigger: Trigger, facts: Facts, conditions: Conditions, as_of: datetime) -> Fired:
    window = render_duration(trigger.window) if trigger.window else ""
    limit = trigger.every if trigger.kind == "schedule" else trigger.value
    empty = Fired(name, trigger.kind, "not fired", None, "above", limit, window, trigger.mode, "")
    if facts.champion is None and trigger.kind != "manual":
        return replace(empty, state="insufficient", sentence="there is no champion to judge")
    item = judge(empty, trigger, facts, conditions.minimum_rows, as_of)
    if item.fired and trigger.mode == "manual" and trigger.kind != "manual":
        return replace(item, state="advised", sentence=f"{item.sentence}; it advises, a person has to start")
    return item


def _cooled(item: Fired, until: datetime) -> Fired:
    if not item.fired or item.kind == "manual":
        return item
    return replace(item, state="cooling down", sentence=f"{item.sentence}; cooling down until {until:%Y-%m-%d %H:%M}")


def _threshold(item: Fired) -> Threshold | None:
    if not isinstance(item.value, int | float) or not isinstance(item.limit, int | float):
        return None
    return Threshold(op="below" if item.kind == "volume" else "at_most", value=item.limit)


def _told(item: Fired) -> str:
    """The state, what was measured and the limit, in the units of the kind."""
    value, limit = item.value, item.limit
    if item.state == "insufficient":
        return f"insufficient: {item.sentence}"
    if item.kind == "manual":
        return f"{item.state}: {'a reason is given' if value else 'no reason is given'}"
    if item.kind == "schedule":
        return f"{item.state}: last due {value}" if value else item.state
    if not isinstance(value, int | float) or not isinstance(limit, int | float):
        return item.state
    shown = f"{number(value)}, limit {number(limit)}"
    if item.kind == "drift" or item.comparator.startswith("worse"):
        shown = f"{value:.1%}, limit {limit:.0%}"
    if item.kind in ("staleness", "volume"):
        shown = f"{value:,.0f} of {limit:,.0f} {'days' if item.kind == 'staleness' else 'rows'}"
    return f"{item.state}: {shown}{' · the season' if item.explained else ''}"
