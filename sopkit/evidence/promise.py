"""The promise: what was measured when a model was approved, and whether it is kept.

Three things are promised, and each may be broken:
* *skill*: the primary metric and each guardrail, as a share of the way from no-skill to perfect on the rows at
  hand (`2 AUC - 1`, the Brier skill score, r2 ...). A share, because a raw Brier score gets worse when the target
  becomes commoner, and better when it becomes rarer, with the same model;
* *its own word*: a probability is a promise by itself. The mean squared error that the model's own probabilities
  announce, the mean of p(1 - p), is compared with the one that came (Spiegelhalter 1986), so that it tells a model
  that has lost touch even where ranking is as good as ever. What the two were apart at the evaluation was before the
  signer there and is promised too: only growth beyond it breaks the promise (of older promises: beyond zero);
* for regression, in its place, that the error has no direction: bias as a share of the no-skill error, likewise.

A promise is broken when it is worse by more than the limit and the interval of the difference excludes zero.
Intervals are by blocks of time with 5 % beyond each end, each for itself: a false alarm costs a look, not a decision.
They count how neighbouring blocks agree (`neighbours`): else a bad week would break a promise every fourth month.
The promise's own uncertainty is counted where it is known (intervals combined by MOVER, Zou & Donner 2008).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.results import Threshold, Verdict, plain, worst
from sopkit.evidence import charts, rules
from sopkit.evidence.bootstrap import Interval, Plan, metric_interval, plan
from sopkit.evidence.formulas import frequent
from sopkit.evidence.measure import Measure, counted, number, percent
from sopkit.evidence.metrics import Metric, Task, defaults, find, no_skill, why_not
from sopkit.evidence.own_word import NAMES, own_word, stated_gap
from sopkit.evidence.skill import as_skill, beyond, is_known, skill_of

__all__ = ["Promise", "PromiseKept", "make_promise", "promise_kept"]

CHANCE = ", which may be chance"
FLOATS = ("value", "low", "high", "confidence")  # NaN is kept as text in JSON


@dataclass(frozen=True)
class Promise:
    """What was measured at approval: metric -> `scores` with their intervals, and what no skill reached there."""

    task: str
    scores: Mapping[str, Interval]
    no_skill: Mapping[str, float]
    rows: int = 0
    period: str = ""
    classes: tuple[str, ...] = ()  # over which means over classes were taken
    own_word: Interval | None = None  # how far the model was from its own word; None in older promises

    def to_dict(self) -> dict[str, Any]:
        scores = {name: score.to_dict() for name, score in self.scores.items()}
        parts = {"scores": scores, "no_skill": plain(dict(self.no_skill))}
        told = {"rows": self.rows, "period": self.period, "classes": list(self.classes)}
        return {"task": self.task, **parts, **told, "own_word": self.own_word.to_dict() if self.own_word else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Promise:
        """The promise that `to_dict` wrote; fields that a later version added are left out."""
        scores = {name: _interval(told) for name, told in data["scores"].items()}
        chance = {name: float(value) for name, value in data["no_skill"].items()}
        classes = tuple(str(name) for name in data.get("classes", ()))
        word = _interval(data["own_word"]) if data.get("own_word") else None
        return cls(data["task"], scores, chance, int(data.get("rows", 0)), str(data.get("period", "")), classes, word)


def _interval(told: Mapping[str, Any]) -> Interval:
    parts: dict[str, Any] = {key: value for key, value in told.items() if key in Interval.__dataclass_fields__}
    return Interval(**parts | {key: float(parts[key]) for key in FLOATS if key in parts})


@dataclass(frozen=True)
class PromiseKept:
    """One measure for each thing promised, `broken` ones first in `.reason`."""

    measures: list[Measure]
    rows: int
    blocks: int
    limit: float
    period: str = ""
    in_time: bool = False  # the blocks follow one another

    def held_to(self, limit: float, limits: rules.Promise = rules.PROMISE) -> PromiseKept:
        """The same measurements against another limit, as each of several triggers has its own."""
        wider = max(limit, limits.stated_gap)
        held = [_rejudged(m, wider if m.name in NAMES else limit) for m in self.measures]
        return replace(self, measures=held, limit=limit)

    @property
    def verdict(self) -> Verdict | None:
        return worst([measure.verdict for measure in self.measures]) or Verdict.INSUFFICIENT

    @property
    def broken(self) -> list[Measure]:
        return [measure for measure in self.measures if measure.verdict is Verdict.FAIL]

    @property
    def reason(self) -> str:
        told = self.broken or [m for m in self.measures if m.verdict is Verdict.INSUFFICIENT]
        if told:
            return "; ".join(measure.reason for measure in told)
        return f"Every promise is kept on {self.rows:,} labelled rows"

    @property
    def table(self) -> pd.DataFrame:
        rows = [
            {
                "name": m.name,
                "promised": m.detail.get("promised"),
                "now": m.detail.get("now"),
                "worse_by": m.value,
                "low": m.detail.get("low"),
                "high": m.detail.get("high"),
                "verdict": str(m.verdict),
                "reason": m.reason,
            }
            for m in self.measures
        ]
        return pd.DataFrame(rows, columns=["name", "promised", "now", "worse_by", "low", "high", "verdict", "reason"])

    @property
    def sizes(self) -> str:
        """The period, its rows and its blocks."""
        blocks = counted(self.blocks, "block") + (" of time" if self.in_time else "")
        return (f"{self.period}: " if self.period else "") + f"{self.rows:,} labelled rows, {blocks}"

    def figure(self) -> charts.Chart:
        rows = [
            charts.Row(
                m.title,
                m.value if isinstance(m.value, float) else None,
                _end(m, "low"),
                _end(m, "high"),
                m.verdict,
                f"limit {percent(float(m.threshold.value), 0)}" if m.threshold else "",
            )
            for m in self.measures
        ]
        title = self.broken[0].reason if self.broken else self.reason
        title = title[:1].upper() + title[1:]
        return charts.intervals(
            title, rows, x_label="worse than promised (share of the way from no-skill to perfect)",
            subtitle=self.sizes,
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": str(self.verdict),
            "reason": self.reason,
            "rows": self.rows,
            "blocks": self.blocks,
            "limit": self.limit,
            "measures": [measure.to_dict() for measure in self.measures],
        }

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False, float_format=lambda value: number(value)))


def make_promise(
    task: Task,
    y: Any,
    prediction: Any,
    *,
    metrics: list[str] | None = None,
    blocks: Any = None,
    period: str = "",
    labels: Sequence[str] | None = None,
    **options: Any,
) -> Promise:
    """The promise that results on rows kept out of training make.

    `metrics` are by default the task's primary metric and guardrails, and each loss is promised as skill too;
    `blocks` and `options` as for `bootstrap.plan`; `labels` are the names of the classes.
    `Promise.scores` is what `deployment.after_deployment` takes.
    """
    y = np.asarray(y, dtype=float)
    usual = defaults(task)
    names = [name for name in metrics or [usual.primary, *usual.guardrails] if is_known(task, name)]
    promised = {name: find(task, name) for name in names}
    promised |= {metric.name: metric for metric in (skill_of(task, name) for name in names or [usual.primary])}
    drawn = plan(blocks, len(y), **options)
    scores = {name: metric_interval(metric, y, prediction, drawn) for name, metric in promised.items()}
    chances = {name: no_skill(task, metric, y) for name, metric in promised.items()}
    word = stated_gap(task, y, prediction, drawn)
    return Promise(task, scores, chances, len(y), period, _averaged(task, y, labels), word)


def promise_kept(
    promise: Promise | None,
    y: Any,
    prediction: Any,
    *,
    task: Task,
    blocks: Any = None,
    primary: str | None = None,
    guardrails: Mapping[str, float] | None = None,
    limit: float = 0.02,
    minimum_rows: int = 100,
    confidence: float = 0.9,
    period: str = "",
    limits: rules.Promise = rules.PROMISE,
    labels: Sequence[str] | None = None,
    **options: Any,
) -> PromiseKept:
    """Is the promise kept on these later, labelled rows?

    `y` (n,) and `prediction` (n,) or (n, K) as `metrics` wants them; `blocks` (n,) are labels of blocks.
    `minimum_rows` is what can be measured at all; how many a trigger needs, `Triggers` says.
    `limit` is a share of no-skill; the model's own word is held to `limits.stated_gap` where that is wider.
    """
    y = np.asarray(y, dtype=float)
    if len(y) < minimum_rows:
        reason = f"only {len(y)} labelled rows, {minimum_rows} are needed"
        nothing = Measure("performance_promise", None, Verdict.INSUFFICIENT, reason, title="Promise")
        return PromiseKept([nothing], len(y), 0, limit, period)
    drawn = plan(blocks, len(y), **options)
    metrics = _promised(task, primary, guardrails)
    classes = _averaged(task, y, labels)
    measures = [_skill(promise, metric, y, prediction, drawn, limit, confidence, classes) for metric in metrics]
    wider, said = max(limit, limits.stated_gap), promise.own_word if promise else None
    word = own_word(task, y, prediction, drawn, wider, confidence, said)
    return PromiseKept([*measures, *([word] if word else [])], len(y), drawn.blocks, limit, period, drawn.in_time)


def _averaged(task: Task, y: np.ndarray, labels: Sequence[str] | None) -> tuple[str, ...]:
    """The names of the classes that a mean over classes is about on these rows."""
    known = y[np.isfinite(y)]
    return tuple(str(labels[int(code)]) for code in frequent(known)) if labels and task == "multiclass" else ()


def _promised(task: Task, primary: str | None, guardrails: Mapping[str, float] | None) -> list[Metric]:
    """The metrics that are held, losses as skill. Measures of the workspace's own are not promised."""
    usual = defaults(task)
    names = [primary or usual.primary, *(usual.guardrails if guardrails is None else guardrails)]
    known = [name for name in names if is_known(task, name)] or [usual.primary]
    return list({metric.name: metric for metric in (skill_of(task, name) for name in known)}.values())


def _skill(
    promise: Promise | None, metric: Metric, y: np.ndarray, p: Any, drawn: Plan, limit: float, confidence: float,
    classes: tuple[str, ...] = (),
) -> Measure:  # fmt: skip
    title = (
        f"{metric.title}, as skill"
        if metric.is_loss or metric.perfect - no_skill(metric.task, metric, y) != 1
        else metric.title
    )
    parts: dict[str, Any] = {"threshold": Threshold(op="at_most", value=limit), "title": title, "unit": "of no-skill"}
    name = f"promise_{metric.name}"
    problem = why_not(metric, y, p)
    if problem:
        return Measure(name, None, Verdict.INSUFFICIENT, f"{metric.title} cannot be measured: {problem}", **parts)
    measured = metric_interval(metric, y, p, drawn, confidence=confidence).with_neighbours
    now = as_skill(measured, metric, no_skill(metric.task, metric, y))
    score = promise.scores.get(metric.name) if promise else None
    if promise is None or score is None or not np.isfinite(score.value):
        return Measure(name, None, Verdict.INSUFFICIENT, f"nothing was promised about {metric.title}", **parts)
    differ = set(promise.classes) ^ set(classes) if promise.classes and classes else set()
    if metric.over_classes and differ:
        told = f"{metric.title} was promised over other classes: only one side has enough rows of "
        return Measure(name, None, Verdict.INSUFFICIENT, told + ", ".join(sorted(differ)), **parts)
    before = as_skill(score.with_neighbours, metric, promise.no_skill.get(metric.name, np.nan))
    promised, value = before.value, before.value - now.value
    detail: dict[str, Any] = {
        "promised": promised, "now": now.value, "raw_promised": score.value, "raw_now": float(metric(y, p)),
        "no_skill_promised": promise.no_skill.get(metric.name), "no_skill_now": no_skill(metric.task, metric, y),
        "promise_interval": [before.low, before.high], "rows": len(y), "blocks": drawn.blocks, "confidence": confidence,
    }  # fmt: skip
    if not now.known or not np.isfinite(value):
        return Measure(
            name, value, Verdict.INSUFFICIENT, f"{metric.title}: no interval, {now.reason}", plain(detail), **parts
        )
    # MOVER: each end of the difference is as far away as the two ends that push it there, added as squares
    down, up = (promised - before.low, before.high - promised) if before.known else (0.0, 0.0)
    low = value - float(np.hypot(down, now.high - now.value))
    high = value + float(np.hypot(up, now.value - now.low))
    told = f"{title} was promised {number(promised)} and is {number(now.value)}"
    told += f", worse by {percent(value)} of no-skill [{percent(low)}, {percent(high)}]" if value > 0 else ""
    told += CHANCE if value > limit and low <= 0 else ""
    detail |= {"low": low, "high": high}
    return Measure(name, value, beyond(value, low, limit), told, plain(detail), **parts)


def _rejudged(measure: Measure, limit: float) -> Measure:
    low = measure.detail.get("low")
    if not isinstance(measure.value, float) or not isinstance(low, float):
        return measure  # what could not be measured is insufficient at any limit
    told = measure.reason.removesuffix(CHANCE) + (CHANCE if measure.value > limit and low <= 0 else "")
    verdict = beyond(measure.value, low, limit)
    return replace(measure, verdict=verdict, reason=told, threshold=Threshold(op="at_most", value=limit))


def _end(measure: Measure, name: str) -> float | None:
    value = measure.detail.get(name)
    return float(value) if isinstance(value, int | float) else None
