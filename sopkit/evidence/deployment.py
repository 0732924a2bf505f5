"""After deployment: is the promise of the evaluation kept, and if not, what now?

The rules:
* the promise is the score and interval that the signers saw; the same metric is measured on the labelled rows since,
  in blocks, and the tolerance is a share of no-skill;
* months differ: a score below the promise is no reason to go back to a model that would have done worse. With the
  previous champion's predictions on the same rows a roll back needs it to be better there;
* without them, a roll back needs the whole interval to lie below the promise's own, beyond the tolerance;
* a score no better than no skill at all needs no interval;
* too few labelled rows or blocks: watch, `insufficient`. Drift alone: watch, for inputs may move without harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Verdict, plain
from sopkit.errors import WrongUse
from sopkit.evidence.bootstrap import Interval, Plan, metric_interval, paired_difference, plan_of
from sopkit.evidence.measure import Measure, finite, number
from sopkit.evidence.metrics import Metric, Task, defaults, find, no_skill, room

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart

__all__ = ["Deployment", "Next", "after_deployment"]

Next = Literal["keep", "roll_back", "watch"]
TOLERANCE = 0.02


@dataclass(frozen=True, eq=False)
class Deployment:
    """The decision after the soak with its reason; `table` has one row a metric: promised, since, and the verdict."""

    decision: Next
    verdict: Verdict
    why: str
    rows: int
    blocks: int
    table: pd.DataFrame
    against_previous: Interval | None
    drift: Verdict | None
    task: Task

    @property
    def measures(self) -> list[Measure]:
        told = [Measure("deployment_decision", self.decision, self.verdict, self.why, title="After deployment")]
        for row in self.table.itertuples():
            told.append(
                Measure(
                    f"{row.metric}_since_deployment",
                    finite(row.since),
                    Verdict(row.verdict),
                    row.reason,
                    {
                        "promised": row.promised,
                        "promised_low": row.promised_low,
                        "promised_high": row.promised_high,
                        "low": row.low,
                        "high": row.high,
                        "rows": self.rows,
                        "blocks": self.blocks,
                    },
                    title=f"{row.title} since deployment",
                )
            )
        if self.against_previous is not None:
            gain = self.against_previous
            value = finite(gain.value)
            told.append(
                Measure(
                    "gain_over_previous",
                    value,
                    None if gain.known else Verdict.INSUFFICIENT,
                    str(gain),
                    gain.to_dict(),
                    title="Gain over the previous champion since deployment",
                )
            )
        return told

    @property
    def finding(self) -> str:
        words = {"keep": "Keep the model", "roll_back": "Roll back", "watch": "Go on watching"}
        return f"{words[self.decision]}: {self.why}".rstrip(".")

    def figure(self) -> Chart:
        """Each metric since deployment against what was promised, in shares of no-skill: right is better."""
        from sopkit.evidence.charts import Row, intervals

        rows = []
        for row in self.table.itertuples():
            metric = find(self.task, row.metric)
            for when, values, verdict in (
                ("promised", (row.promised, row.promised_low, row.promised_high), None),
                ("since", (row.since, row.low, row.high), Verdict(row.verdict)),
            ):
                part = (metric.goodness(np.array(values)) - metric.goodness(row.promised)) / row.room
                value, low, high = finite(part[0]), finite(part[1:].min()), finite(part[1:].max())
                rows.append(Row(f"{row.title}, {when}", value, low, high, verdict, number(values[0])))
        return intervals(
            self.finding,
            rows,
            x_label="better (right) or worse than promised, as a share of no-skill",
            subtitle=f"{self.rows:,} labelled rows since deployment in {self.blocks:,} blocks",
        )

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "decision": self.decision,
                    "verdict": self.verdict,
                    "why": self.why,
                    "rows": self.rows,
                    "blocks": self.blocks,
                    "drift": self.drift,
                    "table": self.table.to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}.")


def after_deployment(
    y: Any,
    p: Any,
    promise: Mapping[str, Interval | Mapping[str, Any]],
    *,
    task: Task,
    blocks: Any,
    evaluation: Evaluation | None = None,
    previous: Any = None,
    drift: Verdict | None = None,
    tolerance: float = TOLERANCE,
) -> Deployment:
    """The labelled rows since deployment against the promise.

    `promise` maps metric names to an `Interval` or its `to_dict`, as `Promise.scores` holds them. `previous` are the
    previous champion's predictions on the same rows, `drift` the verdict of the drift since deployment, `tolerance`
    a share of no-skill. Raises WrongUse when the promise lacks the primary metric or a guardrail.
    """
    evaluation = evaluation or Evaluation()
    metrics = _judged_metrics(task, evaluation)
    promised = {name: _interval(value) for name, value in promise.items()}
    lacking = [metric.name for metric in metrics if metric.name not in promised]
    if lacking:
        raise WrongUse(
            f"the promise says nothing of {', '.join(lacking)}",
            expected=", ".join(metric.name for metric in metrics),
            got=", ".join(promised) or "an empty promise",
            remedy="make_promise(..., metrics=[primary, *guardrails]) makes it at evaluation",
        )
    y = np.asarray(y, dtype=float)
    drawn = plan_of(evaluation, blocks, len(y)).of_at_least(evaluation.minimum_rows, "labelled rows")
    told = [_kept(metric, y, p, promised[metric.name], drawn, evaluation, tolerance) for metric in metrics]
    table = pd.DataFrame(told)
    gain = None
    if previous is not None:
        gain = paired_difference(metrics[0], y, previous, p, drawn, confidence=evaluation.confidence)
    decision, verdict, why = _next(task, metrics[0], y, table, gain, drift, evaluation)
    return Deployment(decision, verdict, why, len(y), drawn.blocks, table, gain, drift, task)


def _judged_metrics(task: Task, evaluation: Evaluation) -> list[Metric]:
    usual = defaults(task)
    guardrails = usual.guardrails if evaluation.guardrails is None else evaluation.guardrails
    return [find(task, name) for name in dict.fromkeys((evaluation.metric or usual.primary, *guardrails))]


def _interval(value: Interval | Mapping[str, Any]) -> Interval:
    if isinstance(value, Interval):
        return value
    kept = dict(value)
    for name in ("value", "low", "high"):
        kept[name] = float(kept[name])  # "NaN" and "Infinity" are strings in plain JSON
    known = Interval.__dataclass_fields__
    return Interval(**{name: item for name, item in kept.items() if name in known})


def _kept(
    metric: Metric, y: Any, p: Any, promised: Interval, drawn: Plan, evaluation: Evaluation, tolerance: float
) -> dict[str, Any]:
    """One metric against its promise. Values are compared as goodness, so that lower always means worse."""
    since = metric_interval(metric, y, p, drawn, confidence=evaluation.confidence)
    allowed = tolerance * room(metric, y)
    verdict, reason = Verdict.PASS, f"{metric.title} {since}, promised {promised}"
    if not since.known or not np.isfinite(promised.value) or not np.isfinite(allowed):
        verdict = Verdict.INSUFFICIENT
        reason = since.reason or promised.reason or "there is no promise to hold it against"
    else:
        best = max(_good(metric, since))
        floor = min(_good(metric, promised)) if promised.known else float(metric.goodness(promised.value))
        if best < floor - allowed:
            verdict = Verdict.FAIL
            reason += ", worse beyond the tolerance"
    return {
        "metric": metric.name,
        "title": metric.title,
        "promised": promised.value,
        "promised_low": promised.low,
        "promised_high": promised.high,
        "since": since.value,
        "low": since.low,
        "high": since.high,
        "no_skill": no_skill(metric.task, metric, y),
        "room": room(metric, y),
        "verdict": str(verdict),
        "reason": reason,
    }


def _good(metric: Metric, interval: Interval) -> tuple[float, float]:
    if metric.direction == "zero" and interval.low <= 0 <= interval.high:
        return (0.0, float(-max(-interval.low, interval.high)))
    return float(metric.goodness(interval.low)), float(metric.goodness(interval.high))


def _next(
    task: Task,
    primary: Metric,
    y: Any,
    table: pd.DataFrame,
    gain: Interval | None,
    drift: Verdict | None,
    evaluation: Evaluation,
) -> tuple[Next, Verdict, str]:
    first = table.iloc[0]
    if len(y) >= evaluation.minimum_rows and np.isfinite(first.since) and primary.direction != "zero":
        skill = primary.goodness(first.since) - primary.goodness(first.no_skill)
        if skill <= 0:
            value, chance = number(first.since), number(first.no_skill)
            return "roll_back", Verdict.FAIL, f"{primary.title} {value} is no better than no skill ({chance})."
    missing = table[table.verdict == "insufficient"]
    if len(missing):
        return "watch", Verdict.INSUFFICIENT, f"The promise cannot be judged yet: {missing.iloc[0].reason}."
    broken = table[table.verdict == "fail"]
    if gain is not None and gain.known and gain.high < 0:
        return (
            "roll_back",
            Verdict.FAIL,
            f"The previous champion is better on these rows ({primary.title} gain {gain}).",
        )
    if len(broken) and gain is None:
        return "roll_back", Verdict.FAIL, f"{'; '.join(broken.reason)}."
    if len(broken):
        return (
            "watch",
            Verdict.FAIL,
            f"{'; '.join(broken.reason)}, but the previous champion is not shown to be better here (gain {gain}).",
        )
    if drift is Verdict.FAIL:
        return "watch", Verdict.PASS, f"{first.reason}: the promise is kept, but inputs have drifted."
    if drift is Verdict.INSUFFICIENT:
        return "watch", Verdict.INSUFFICIENT, f"{first.reason}: the promise is kept, but drift cannot be told yet."
    return "keep", Verdict.PASS, f"{first.reason}: the promise is kept."
