"""Causes: have the inputs moved, has their meaning moved, or have conditions changed?

Three questions, each answered by itself; more than one may be answered yes (Cai, Namkoong & Yadlowsky 2023;
Lipton, Wang & Smola 2018):

    data drift           the inputs moved                                  weighted share of drifted features
    concept drift        same inputs, other outcome                        the model's error on common support
    changed conditions   the target is commoner or rarer, higher or lower  the target's rate or mean

For concept drift, both periods are reweighted to the inputs they share: a density-ratio classifier gives each row
the odds of coming from the current period; reference rows count by its probability of `current`, current rows by
that of `reference`. What then differs in the error cannot be the inputs. The predictions on reference rows must
come from models that had not seen them (rolling origin), or training error would look like drift.
Intervals are by blocks of time, with the weights held fixed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts, rules
from sopkit.evidence.bootstrap import Interval, Plan, interval_of, plan
from sopkit.evidence.density_ratio import probability_of_current
from sopkit.evidence.drift import Drift
from sopkit.evidence.measure import Measure, insufficient, number

__all__ = ["Causes", "Period", "causes"]


@dataclass(frozen=True, eq=False)
class Period:
    """Labelled rows of one period: inputs, target (0/1, class codes or numbers), predictions and time blocks."""

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

    def figure(self) -> charts.Chart:
        rows = []
        for measure in self.measures:
            limit = float(measure.threshold.value) if measure.threshold else 1.0
            value, low, high = (
                None if v is None else float(v) / limit
                for v in (measure.value, measure.detail.get("low"), measure.detail.get("high"))
            )
            note = f"{number(measure.value)} {measure.unit}"
            rows.append(charts.Row(measure.title, value, low, high, measure.verdict, note))
        return charts.intervals(
            self.sentence,
            rows,
            x_label="multiples of each cause's own limit",
            limit=1.0,
            subtitle="lines are 95 % intervals by blocks of time",
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
    options: dict[str, Any] = {"resamples": resamples, "minimum_blocks": minimum_blocks}
    plans = (
        plan(reference.blocks, len(reference.y), seed=seed, **options),
        plan(current.blocks, len(current.y), seed=seed + 1, **options),
    )
    concept = _concept(reference, current, features, task, plans, limits, confidence, seed)
    return Causes(data, concept, _conditions(reference, current, task, plans, limits, confidence))


def _data(drift: Drift | None) -> Measure:
    if drift is None:
        return insufficient("data_drift", "the inputs were not compared", title="Data drift")
    parts = {
        "threshold": Threshold(op="at_most", value=drift.limit),
        "title": "Data drift",
        "unit": "of the features' weight",
    }
    return Measure("data_drift", drift.share, drift.verdict, drift.reason, {"drifted": drift.drifted}, **parts)  # type: ignore[arg-type]


def _concept(
    reference: Period, current: Period, features: Mapping[str, Any], task: str, plans: tuple[Plan, Plan],
    limits: rules.Causes, confidence: float, seed: int,
) -> Measure:  # fmt: skip
    parts: dict[str, Any] = {
        "title": "Concept drift",
        "unit": "of no-skill",
        "threshold": Threshold(op="at_most", value=limits.shift),
    }
    losses = [_loss(np.asarray(p.y, float), np.asarray(p.prediction, float), task) for p in (reference, current)]
    odds = probability_of_current(reference.table, current.table, features, seed=seed)
    weights = odds[0], 1 - odds[1]  # density of the shared inputs, p q / (p + q), over each side's own density
    # equal weights near zero look like many rows; a row of both periods has the weight one half
    effective = [min(float(w.sum() ** 2 / (w**2).sum()), 2 * float(w.sum())) if w.sum() else 0.0 for w in weights]
    shared = float(np.mean([w.mean() for w in weights]) * 2)
    detail: dict[str, Any] = {
        "effective_rows": [round(n) for n in effective],
        "common_support": shared,
        "confidence": confidence,
    }
    if min(effective) < limits.minimum_effective:
        reason = f"the two periods share too few inputs ({min(effective):.0f} effective rows, "
        reason += f"{limits.minimum_effective} are needed)"
        return insufficient("concept_drift", reason, detail=plain(detail), **parts)
    means, draws = zip(*[_weighted(loss, w, p) for loss, w, p in zip(losses, weights, plans, strict=True)], strict=True)
    unit = _no_skill(np.asarray(current.y, float), np.asarray(current.prediction, float), task)
    value = (means[1] - means[0]) / unit
    found = _interval(value, draws, unit, plans, confidence)
    detail |= {"error_reference": means[0], "error_current": means[1], "raw": [float(loss.mean()) for loss in losses]}
    if not found.known:
        return insufficient("concept_drift", f"no interval: {found.reason}", value=value, detail=plain(detail), **parts)
    detail |= {"low": found.low, "high": found.high}
    told = (
        f"on inputs that both periods share ({shared:.0%} of their mass) the squared error is {number(means[1])}, "
        f"it was {number(means[0])}: {'worse' if value > 0 else 'better'} by {abs(value):.1%} of no-skill "
        f"[{found.low:.1%}, {found.high:.1%}]"
    )
    return Measure("concept_drift", value, _verdict(value, found, limits.shift), told, plain(detail), **parts)


def _conditions(
    reference: Period, current: Period, task: str, plans: tuple[Plan, Plan], limits: rules.Causes, confidence: float
) -> Measure:
    parts: dict[str, Any] = {"title": "Changed conditions", "threshold": Threshold(op="at_most", value=limits.target)}
    sides = [np.asarray(period.y, float) for period in (reference, current)]
    if task == "multiclass":
        classes = np.unique(np.concatenate(sides))
        shares = [np.array([(side == k).mean() for k in classes]) for side in sides]
        most = classes[np.argmax(np.abs(shares[1] - shares[0]))]
        sides = [(side == most).astype(float) for side in sides]
    means, draws = zip(
        *[_weighted(side, np.ones(len(side)), p) for side, p in zip(sides, plans, strict=True)], strict=True
    )
    unit = float(np.std(sides[0])) if task == "regression" else max(means[0], 1e-9)
    parts["unit"] = "standard deviations" if task == "regression" else "of the former rate"
    value = (means[1] - means[0]) / unit if unit else float("nan")
    found = _interval(value, draws, unit, plans, confidence)
    detail: dict[str, Any] = {"reference": means[0], "current": means[1], "confidence": confidence}
    if not found.known:
        return insufficient(
            "changed_conditions", f"no interval: {found.reason}", value=value, detail=plain(detail), **parts
        )
    detail |= {"low": found.low, "high": found.high}
    what = "mean" if task == "regression" else "rate"
    told = f"the target's {what} was {number(means[0])} and is {number(means[1])} "
    told += f"({value:+.0%} [{found.low:+.0%}, {found.high:+.0%}])"
    return Measure("changed_conditions", value, _verdict(value, found, limits.target), told, plain(detail), **parts)


def _interval(
    value: float, draws: tuple[np.ndarray, ...], unit: float, plans: tuple[Plan, Plan], confidence: float
) -> Interval:
    """The interval of a difference between two periods, by the plan with fewer blocks; none where either has none."""
    fewer = min(plans, key=lambda p: (p.method != "none", p.blocks))
    known = fewer.method != "none" and unit
    return interval_of(value, (draws[1] - draws[0]) / unit if known else np.empty(0), fewer, confidence)


def _verdict(value: float, found: Interval, limit: float) -> Verdict:
    """At work, perhaps (beyond the limit, but the interval holds zero), or not."""
    if abs(value) <= limit:
        return Verdict.PASS
    return Verdict.FAIL if found.low > 0 or found.high < 0 else Verdict.INSUFFICIENT


def _weighted(values: np.ndarray, weights: np.ndarray, drawn: Plan) -> tuple[float, np.ndarray]:
    """The weighted mean and its resamples."""
    size = drawn.counts.shape[1]
    totals = np.column_stack([np.bincount(drawn.groups, w, minlength=size) for w in (weights, weights * values)])
    sums = drawn.counts @ totals
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = sums[:, 1] / sums[:, 0]
    return float(np.average(values, weights=weights)), draws


def _loss(y: np.ndarray, p: np.ndarray, task: str) -> np.ndarray:
    if task == "multiclass":
        return np.asarray(((p - (y[:, None] == np.arange(p.shape[1]))) ** 2).sum(axis=1))
    return (p - y) ** 2


def _no_skill(y: np.ndarray, p: np.ndarray, task: str) -> float:
    if task == "multiclass":
        return float(1 - ((y[:, None] == np.arange(p.shape[1])).mean(axis=0) ** 2).sum()) or 1.0
    return float(np.var(y)) or 1.0
