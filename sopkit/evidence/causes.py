"""Causes: have the inputs moved, has their meaning moved, or have conditions changed?

Three questions, each answered by itself; more than one may be answered yes (Cai, Namkoong & Yadlowsky 2023;
Lipton, Wang & Smola 2018):

    data drift           the inputs moved                                   weighted share of drifted features
    concept drift        the same inputs lead to other outcomes             the model's error on common support
    changed conditions   the outcome is commoner or rarer, higher or lower  its level at the same inputs

The last two are read on common support: a density-ratio classifier gives each row the odds of coming from the current
period; reference rows count by its probability of `current`, current rows by that of `reference`. What then differs
cannot be the inputs, and it is taken apart:
* the *level*: outcomes less predictions. A rate that moves because the inputs did is no changed condition, and is told;
* the *error* once both periods' predictions have been brought to the level of what came (all odds by one factor, a
  number by one step; Saerens, Latinne & Decaestecker 2002), and beyond the error that probabilities announce by
  themselves. Without that, a target that is commoner everywhere would read as if inputs had another meaning.
  Only a larger error counts: the models of the past may have known less.
Where the periods share too few inputs, the level is the plain rate, and the reason says that inputs may explain it.

The predictions on reference rows must come from models that had not seen them (rolling origin), or training error
would look like drift. Intervals are by blocks of time that may agree with their neighbours (`neighbours`), with the
weights and levels held fixed.
A point below its limit passes where the interval reaches beyond it, and the reason says so: with a few thousand rows
it does so in three of four quiet months, and a cause that is always open is told to nobody.
An error that stays as it was hides a new connection that the model never used: that is not seen here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts, rules
from sopkit.evidence.bootstrap import Interval, interval_of, plan, simultaneous
from sopkit.evidence.density_ratio import probability_of_current
from sopkit.evidence.drift import Drift
from sopkit.evidence.measure import Measure, insufficient, number, percent
from sopkit.evidence.neighbours import widened
from sopkit.evidence.shared_inputs import Side, both_resampled, drawn_means, outcomes, support, together

__all__ = ["Causes", "Period", "causes"]

DEVIATIONS = "standard deviations"


@dataclass(frozen=True, eq=False)
class Period:
    """Labelled rows of one period: inputs, target (0/1, class codes or numbers), predictions and time blocks.

    A class code that is NaN is a class that the model does not know.
    """

    table: pd.DataFrame
    y: Any
    prediction: Any
    blocks: Any


@dataclass(frozen=True)
class Causes:
    """Three measures; a `fail` says that this cause is at work."""

    data_drift: Measure
    concept_drift: Measure
    changed_conditions: Measure

    @property
    def measures(self) -> list[Measure]:
        return [self.data_drift, self.concept_drift, self.changed_conditions]

    @property
    def at_work(self) -> list[str]:
        return [measure.name for measure in self.measures if measure.verdict is Verdict.FAIL]

    @property
    def sentence(self) -> str:
        named = {m.name: m.title.lower() for m in self.measures}
        open_ones = [m.title.lower() for m in self.measures if m.verdict is Verdict.INSUFFICIENT]
        if self.at_work:
            told = f"At work: {' and '.join(named[name] for name in self.at_work)}"
            return told + (f"; open: {' and '.join(open_ones)}" if open_ones else "")
        return f"No cause found{'; open: ' + ' and '.join(open_ones) if open_ones else ''}"

    @property
    def table(self) -> pd.DataFrame:
        rows = [
            {
                "cause": m.title,
                "value": m.value,
                "low": m.detail.get("low"),
                "high": m.detail.get("high"),
                "unit": m.unit,
                "verdict": str(m.verdict),
                "reason": m.reason,
            }
            for m in self.measures
        ]  # fmt: skip
        return pd.DataFrame(rows)

    def figure(self, note: str = "") -> charts.Chart:
        """Each cause against its own limit; `note` says what no cause does: whether harm was measured."""
        rows = []
        for measure in self.measures:
            limit = float(measure.threshold.value) if measure.threshold else 1.0
            value, low, high = (
                None if v is None else float(v) / limit
                for v in (measure.value, measure.detail.get("low"), measure.detail.get("high"))
            )
            rows.append(charts.Row(measure.title, value, low, high, measure.verdict, _size(measure)))
        sizes = self.concept_drift.detail.get("rows")
        sized = f"{sizes[0]:,} labelled rows before, {sizes[1]:,} now; " if sizes else ""
        return charts.intervals(
            self.sentence,
            rows,
            x_label="multiples of each cause's own limit",
            limit=1.0,
            subtitle=f"{sized}lines: 95 % intervals by blocks{f'. {note}' if note else ''}",
        )

    def to_dict(self) -> dict[str, Any]:
        return {"at_work": self.at_work, "sentence": self.sentence, "causes": [m.to_dict() for m in self.measures]}

    def _repr_html_(self) -> str:
        return str(self.table.to_html(index=False, float_format=lambda value: number(value)))


def causes(
    drift: Drift | None,
    reference: Period | None,
    current: Period | None,
    features: Mapping[str, Any],
    *,
    task: str,
    limits: rules.Causes = rules.CAUSES,
    confidence: float = 0.95,
    resamples: int = 500,
    minimum_blocks: int = 20,
    seed: int = 0,
) -> Causes:
    """Tell the three causes apart. What is not there (no drift measured, no labels) is `insufficient`."""
    data = _data(drift)
    if reference is None or current is None or not len(reference.y) or not len(current.y):
        lacking = "reference" if reference is None or not len(reference.y) else "current"
        reason = f"there are no labelled {lacking} rows with predictions"
        concept = insufficient("concept_drift", reason, title="Concept drift", unit="of no-skill")
        return Causes(data, concept, insufficient("changed_conditions", reason, title="Changed conditions"))
    sides = _on_common_support(reference, current, features, task, resamples, minimum_blocks, seed)
    concept = _concept(sides, task, limits, confidence)
    return Causes(data, concept, _conditions(sides, task, limits, confidence))


def _on_common_support(
    reference: Period,
    current: Period,
    features: Mapping[str, Any],
    task: str,
    resamples: int,
    minimum_blocks: int,
    seed: int,
) -> tuple[Side, Side]:
    blocks = None if reference.blocks is None or current.blocks is None else (reference.blocks, current.blocks)
    odds = probability_of_current(reference.table, current.table, features, blocks=blocks, seed=seed)
    weights = odds[0], 1 - odds[1]  # density of the shared inputs, p q / (p + q), over each side's own density
    options: dict[str, Any] = {"resamples": resamples, "minimum_blocks": minimum_blocks}
    found = []
    for place, (period, weight) in enumerate(zip((reference, current), weights, strict=True)):
        plan_of = plan(period.blocks, len(period.y), seed=seed + place, **options)
        found.append(Side(*outcomes(period.y, period.prediction, task), weight, plan_of))
    return found[0], found[1]


def _size(measure: Measure) -> str:
    if not isinstance(measure.value, int | float):
        return ""
    shown = number(measure.value) if measure.unit == DEVIATIONS else percent(measure.value, signed=True)
    return f"{shown} {measure.unit}"


def _data(drift: Drift | None) -> Measure:
    if drift is None:
        return insufficient("data_drift", "the inputs were not compared", title="Data drift")
    parts = {
        "threshold": Threshold(op="at_most", value=drift.limit),
        "title": "Data drift",
        "unit": "of the features' weight",
    }
    return Measure("data_drift", drift.share, drift.verdict, drift.reason, {"drifted": drift.drifted}, **parts)  # type: ignore[arg-type]


def _concept(sides: tuple[Side, Side], task: str, limits: rules.Causes, confidence: float) -> Measure:
    parts: dict[str, Any] = {
        "title": "Concept drift",
        "unit": "of no-skill",
        "threshold": Threshold(op="at_most", value=limits.shift),
    }
    effective, shared = support(sides)
    sizes = [len(side.weights) for side in sides]
    detail: dict[str, Any] = {
        "rows": sizes, "effective_rows": effective, "common_support": shared, "confidence": confidence
    }  # fmt: skip
    if min(effective) < limits.minimum_effective:
        reason = f"the two periods share too few inputs ({min(effective):,} effective rows, "
        reason += f"{limits.minimum_effective} are needed)"
        return insufficient("concept_drift", reason, detail=plain(detail), **parts)
    errors = [side.errors(classes=task != "regression")[:, None] for side in sides]
    means, draws = zip(*[drawn_means(e, s.weights, s.plan) for e, s in zip(errors, sides, strict=True)], strict=True)
    unit = float(((sides[1].outcome - sides[1].rate) ** 2).sum(axis=1).mean()) or 1.0
    value = float(means[1][0] - means[0][0]) / unit
    found = _interval(
        value, (draws[1] - draws[0])[:, 0] / unit if both_resampled(sides) else np.empty(0), sides, confidence
    )
    detail |= {"error_reference": float(means[0][0]), "error_current": float(means[1][0])}
    if not found.known:
        return insufficient("concept_drift", f"no interval: {found.reason}", value=value, detail=plain(detail), **parts)
    detail |= {"low": found.low, "high": found.high}
    what = "squared error" if task == "regression" else "squared error beyond what predictions announce"
    told = (
        f"on inputs that both periods share ({percent(shared, 0)} of their mass) and at the level of what came, the "
        f"{what} "
        f"is {number(means[1][0])}, it was {number(means[0][0])}: {'worse' if value > 0 else 'better'} by "
        f"{percent(abs(value))} of no-skill [{percent(found.low)}, {percent(found.high)}]"
    )
    verdict = _verdict(value, found.low, found.high, limits.shift) if value > 0 else Verdict.PASS
    if verdict is Verdict.PASS and found.high > limits.shift:
        told += f"; that is below the limit of {percent(limits.shift, 0)}, and more than the limit is not ruled out"
    return Measure("concept_drift", value, verdict, told, plain(detail), **parts)


def _conditions(sides: tuple[Side, Side], task: str, limits: rules.Causes, confidence: float) -> Measure:
    """The outcome's level at the same inputs; the plain rate or mean where too few inputs are shared."""
    numbers = task == "regression"
    parts: dict[str, Any] = {
        "title": "Changed conditions",
        "threshold": Threshold(op="at_most", value=limits.target),
        "unit": DEVIATIONS if numbers else "of the rarer outcome's rate",
    }
    rates = [side.rate for side in sides]
    unit = np.array([float(np.std(sides[0].outcome))]) if numbers else _rarer(rates[0], task)
    alike = min(support(sides)[0]) >= limits.minimum_effective
    values = [side.outcome - side.prediction if alike else side.outcome for side in sides]
    weights = [side.weights if alike else np.ones(len(side.weights)) for side in sides]
    means, draws = zip(
        *[drawn_means(v, w, s.plan) for v, w, s in zip(values, weights, sides, strict=True)], strict=True
    )
    moved = (means[1] - means[0]) / unit if unit.all() else np.full(len(unit), np.nan)
    place = int(np.nanargmax(np.abs(moved))) if np.isfinite(moved).any() else 0
    detail: dict[str, Any] = {
        "reference": float(rates[0][place]), "current": float(rates[1][place]), "same_inputs": alike,
        "raw": float((rates[1] - rates[0])[place] / unit[place]) if unit[place] else None, "confidence": confidence,
    }  # fmt: skip
    detail |= {"class": place} if task == "multiclass" else {}
    both = together(sides)
    ends = None
    if both_resampled(sides):
        ends = simultaneous(moved, (draws[1] - draws[0]) / unit, both, confidence)
        factors = [widened(column, both.counts) for column in (draws[1] - draws[0]).T] if both.in_time else 1.0
        ends = moved[:, None] + np.reshape(factors, (-1, 1)) * (ends - moved[:, None])
    if ends is None or not np.isfinite(ends[place]).all():
        reason = f"no interval: {both.reason or 'the target does not vary'}"
        return insufficient("changed_conditions", reason, value=float(moved[place]), detail=plain(detail), **parts)
    verdicts = [_verdict(v, low, high, limits.target) for v, (low, high) in zip(moved, ends, strict=True)]
    if Verdict.FAIL in verdicts and verdicts[place] is not Verdict.FAIL:
        failing = [at for at, verdict in enumerate(verdicts) if verdict is Verdict.FAIL]
        place = max(failing, key=lambda at: abs(moved[at]))
        detail |= {"class": place, "reference": float(rates[0][place]), "current": float(rates[1][place])}
    low, high = (float(end) for end in ends[place])
    detail |= {"low": low, "high": high}
    told = _level_told(task, place, rates, float(moved[place]), (low, high), alike, len(unit))
    return Measure("changed_conditions", float(moved[place]), verdicts[place], told, plain(detail), **parts)


def _level_told(
    task: str, place: int, rates: list[Any], value: float, ends: tuple[float, float], alike: bool, classes: int
) -> str:
    what = {"regression": "the target's mean", "binary": "the target's rate"}.get(task, f"the share of class {place}")
    if task == "multiclass" and place == classes - 1:
        told = f"the share of classes that the model does not know was {number(rates[0][place])} and is "
        return told + number(rates[1][place])
    told = f"{what} was {number(rates[0][place])} and is {number(rates[1][place])}; "
    size = f"{value:+.2f} [{ends[0]:+.2f}, {ends[1]:+.2f}] standard deviations"
    if task != "regression":
        moved, low, high = (percent(share, signed=True) for share in (value, *ends))
        size = f"{moved} [{low}, {high}] of the rarer outcome's rate"
    if alike:
        return f"{told}at the same inputs it moved by {size}"
    return f"{told}that is {size}, and too few inputs are shared to say how much of it they explain"


def _rarer(rate: Any, task: str) -> Any:
    """The former rate of the outcome or of its absence, whichever is rarer: so it does not matter which is called 1."""
    return np.maximum(np.minimum(rate, 1 - rate), 0.05 if task == "multiclass" else 1e-3)


def _interval(value: float, draws: Any, sides: tuple[Side, Side], confidence: float) -> Interval:
    return interval_of(value, draws, together(sides), confidence).with_neighbours


def _verdict(value: float, low: float, high: float, limit: float) -> Verdict:
    """At work, perhaps (beyond the limit, but the interval holds zero), or not."""
    if not abs(value) > limit:
        return Verdict.PASS
    return Verdict.FAIL if low > 0 or high < 0 else Verdict.INSUFFICIENT
