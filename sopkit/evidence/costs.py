"""Costs: what acting on the answers costs, in the unit of the business, beside what statistics say.

The rules:
* each answer has the cost that the model file declares: of right and wrong flags at the threshold in force, of a wrong
  class, of a forecast that is too high or too low;
* champion and challenger are held against each other on the same rows, and against flagging nobody and everybody: a
  model that costs more than the cheaper of these is worth nothing to those who act on it, which the signer is told;
* the interval of a saving is paired and by blocks; with `worse_by_at_most` its bad end is a guardrail of the rule;
* the threshold that would have been cheapest on these rows is shown as information: picked afterwards, it flatters.
  Beside it stands the one that the costs alone give for calibrated probabilities, which needs no rows (Elkan 2001, The
  foundations of cost-sensitive learning).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import COSTS, Costs, Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, judge, plain
from sopkit.evidence.bootstrap import Interval, mean_interval, plan_of
from sopkit.evidence.measure import Measure, finite, number
from sopkit.evidence.metrics import Task, accuracy, mae, roc_auc, why_not

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["CostComparison", "calibrated_threshold", "costs_of"]

Array: TypeAlias = NDArray[Any]
NOBODY, EVERYBODY = "flagging nobody", "flagging everybody"


@dataclass(frozen=True, eq=False)
class CostComparison:
    """`table`: policy, cost a row and in total, and what the challenger saves against it with its interval.

    `curve` (binary): the cost a row of both models by threshold. `reason` says why there is nothing to compare.
    """

    task: Task
    rows: int
    definition: Costs | None
    threshold: float
    table: pd.DataFrame
    savings: Mapping[str, Interval]
    curve: pd.DataFrame = field(default_factory=pd.DataFrame)
    names: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def saving(self) -> Interval | None:
        """What the challenger saves a row against the champion; below zero it costs more."""
        return self.savings.get("champion")

    @property
    def guardrail(self) -> Measure | None:
        """How much more the challenger may cost a row: the bad end of the interval. None where no limit is declared."""
        if self.definition is None or self.definition.worse_by_at_most is None:
            return None
        limit = Threshold(op="at_most", value=self.definition.worse_by_at_most)
        end = -self.saving.low if self.saving is not None else np.nan
        value = finite(end)
        known = self.saving is not None and self.saving.known
        reason = self.finding if known else self.reason or (self.saving.reason if self.saving else "")
        detail = self.saving.to_dict() if self.saving else {}
        title = f"{self.definition.title}, worse by at most"
        return Measure("cost_worse_high", value, judge(value, limit), reason, detail, limit, title, self.unit)

    @property
    def words(self) -> str:
        """What the rule says of it; empty where no limit is declared."""
        limit = None if self.definition is None else self.definition.worse_by_at_most
        if limit is None or self.definition is None:
            return ""
        return f"{self.definition.title} not worse by more than {number(limit)} {self.unit}"

    @property
    def informing(self) -> list[Measure]:
        """Measures that the rule does not name: the saving, and whether acting on the model pays at all."""
        if self.definition is None:
            return []
        if self.saving is None:
            return [Measure("cost_saving", None, Verdict.INSUFFICIENT, self.reason, title=self.definition.title)]
        told = [
            Measure(
                "cost_saving",
                float(self.saving.value),
                None if self.saving.known else Verdict.INSUFFICIENT,
                self.finding,
                self.saving.to_dict() | {"total": float(self.saving.value * self.rows), "rows": self.rows},
                title=f"{self.definition.title}: saving against {self.names['champion']}",
                unit=self.unit,
            )
        ]
        if self.simplest:
            found, limit = self.savings[self.simplest], Threshold(op="above", value=0.0)
            told.append(
                Measure(
                    "cost_saving_simplest_low",
                    float(found.low) if found.known else None,
                    judge(float(found.low) if found.known else None, limit),
                    f"{self.simplest} is the cheaper way without a model; saving {found}",
                    found.to_dict(),
                    limit,
                    f"{self.definition.title}: saving against no model, lower end",
                    self.unit,
                )
            )
        return told

    @property
    def measures(self) -> list[Measure]:
        return [*filter(None, [self.guardrail]), *self.informing]

    @property
    def simplest(self) -> str:
        """The cheaper of flagging nobody and everybody on these rows; empty where neither makes sense."""
        simple = self.table[self.table.policy.isin((NOBODY, EVERYBODY))] if len(self.table) else self.table
        return str(simple.loc[simple.cost_per_row.idxmin(), "policy"]) if len(simple) else ""

    @property
    def finding(self) -> str:
        if self.saving is None:
            return self.reason
        cost = self.table.set_index("policy").cost_per_row
        told = f"Acting on {self.names['challenger']} costs {number(cost['challenger'])} {self.unit}"
        told += " (a gain)" if cost["challenger"] < 0 else ""
        told += f" at threshold {self.threshold:g}" if self.task == "binary" else ""
        other = f"{self.names['champion']} ({number(cost['champion'])})"
        if not self.saving.known:
            return f"{told}, {other}, without an interval: {self.saving.reason}"
        low, high = (number(abs(end)) for end in sorted((self.saving.low, self.saving.high), key=abs))
        if self.saving.low > 0 or self.saving.high < 0:
            told += f", {low} to {high} {'less' if self.saving.low > 0 else 'more'} than {other}"
        else:
            told += f", not shown to differ from {other}"
        cheaper = self.simplest if self.simplest and cost[self.simplest] < cost["challenger"] else ""
        return told + (f"; {cheaper} would have cost less ({number(cost[cheaper])})" if cheaper else "")

    @property
    def hint(self) -> str:
        """Where the threshold would have been cheapest, as information."""
        if not len(self.curve):
            return ""
        best = self.curve.loc[self.curve.challenger.idxmin()]
        told = (
            f"Cheapest on these rows: threshold {best.threshold:.2g} ({number(best.challenger)} {self.unit}); picked "
        )
        told += "on the rows it is judged on, it flatters."
        ideal = calibrated_threshold(self.definition) if self.definition else None
        if ideal is not None:
            told += f" By the costs alone, calibrated probabilities are flagged from {ideal:.2g}."
        return told

    def figure(self) -> Chart | Note:
        """Binary: cost by threshold for both models; otherwise the cost of each. Beside it the savings."""
        from sopkit.evidence.cost_figure import cost_figure
        from sopkit.evidence.overview import nothing

        return nothing(self.finding) if self.saving is None else cost_figure(self, self.saving)

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "task": self.task,
                    "rows": self.rows,
                    "costs": None if self.definition is None else self.definition.model_dump(mode="json"),
                    "threshold": self.threshold,
                    "finding": self.finding,
                    "hint": self.hint,
                    "table": self.table.to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}. {self.hint}".rstrip())

    @property
    def unit(self) -> str:
        """Of all costs but totals: the declared unit, a row."""
        unit = self.definition.unit if self.definition else ""
        return f"{unit} a row".strip()


def calibrated_threshold(costs: Costs) -> float | None:
    """The probability from which on flagging is cheaper than not; None where it never or always is. Elkan (2001)."""
    alarm = costs.false_positive - costs.true_negative
    miss = costs.false_negative - costs.true_positive
    return alarm / (alarm + miss) if alarm > 0 and miss > 0 else None


def costs_of(
    y: Any,
    champion: Any,
    challenger: Any,
    *,
    task: Task,
    blocks: Any,
    evaluation: Evaluation | None = None,
    labels: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
) -> CostComparison:
    """The costs of `evaluation.costs` for both models; arguments as for `comparison.compare`.

    `labels` are the classes in the order of the columns of predictions. A model file without costs, predictions that
    are not there, or costs that say nothing about the task give a comparison with a reason and no savings.
    """
    evaluation = evaluation or Evaluation()
    costs = evaluation.costs
    called = {"champion": "the champion", "challenger": "the challenger"} | dict(names or {})
    columns = ["policy", "cost_per_row", "total", "saving_per_row", "low", "high", "total_saving"]
    nothing = CostComparison(
        task, 0, costs, evaluation.threshold, pd.DataFrame(columns=columns), {}, pd.DataFrame(), called
    )
    y = np.asarray(y, dtype=float)
    arms = {"champion": np.asarray(champion, dtype=float), "challenger": np.asarray(challenger, dtype=float)}
    reason = _unusable(y, arms, task, evaluation, labels)
    if costs is None or reason:
        return replace(nothing, reason=reason)
    drawn = plan_of(evaluation, blocks, len(y))
    each = {name: _each(costs, task, y, p, evaluation.threshold, labels) for name, p in arms.items()}
    if task == "binary":
        each |= {NOBODY: _flagged(costs, y, np.zeros(len(y))), EVERYBODY: _flagged(costs, y, np.ones(len(y)))}
    savings = {
        name: mean_interval(cost - each["challenger"], drawn, evaluation.confidence)
        for name, cost in each.items()
        if name != "challenger"
    }
    table = pd.DataFrame([_row(name, cost, savings.get(name)) for name, cost in each.items()], columns=columns)
    curve = _curve(costs, y, arms, evaluation.threshold) if task == "binary" else pd.DataFrame()
    return replace(nothing, rows=len(y), table=table, savings=savings, curve=curve)


def _unusable(
    y: Array, arms: Mapping[str, Array], task: Task, evaluation: Evaluation, labels: Sequence[str] | None
) -> str:
    costs = evaluation.costs
    if costs is None:
        return "The model file declares no costs"
    declared = {name: getattr(costs, name) for name in COSTS[task]}
    if not any(declared.values()):
        return f"The costs say nothing about a {task} target, for which {', '.join(COSTS[task])} can be declared"
    if isinstance(costs.wrong_answer, dict):
        unknown = sorted(set(costs.wrong_answer) - set(labels or ()))
        if task == "multiclass" and unknown:
            return f"A cost is declared for '{unknown[0]}', a class that neither the rows nor a model have"
    usable = {"binary": roc_auc, "multiclass": accuracy, "regression": mae}[task]
    for name, p in arms.items():
        if lacking := why_not(replace(usable, both_classes=False), y, p):
            return f"Costs cannot be told, {name}: {lacking}"
    if len(y) < evaluation.minimum_rows:
        return f"Costs cannot be told: only {len(y)} rows, {evaluation.minimum_rows} are needed"
    return ""


def _each(costs: Costs, task: Task, y: Array, p: Array, threshold: float, labels: Sequence[str] | None) -> Array:
    """What each answer costs (n,)."""
    if task == "binary":
        return _flagged(costs, y, p >= threshold)
    if task == "regression":
        return costs.over * np.maximum(p - y, 0) + costs.under * np.maximum(y - p, 0)
    by_class = costs.wrong_answer
    names = list(labels) if labels is not None else [str(code) for code in range(p.shape[1])]
    price = [by_class.get(name, 0.0) if isinstance(by_class, dict) else by_class for name in names]
    return np.where(p.argmax(axis=1) == y, 0.0, np.array(price)[y.astype(int)])


def _flagged(costs: Costs, y: Array, flags: Array) -> Array:
    of_flagged = np.where(y == 1, costs.true_positive, costs.false_positive)
    return np.where(flags, of_flagged, np.where(y == 1, costs.false_negative, costs.true_negative))


def _row(name: str, cost: Array, saving: Interval | None) -> dict[str, Any]:
    row = {"policy": name, "cost_per_row": float(cost.mean()), "total": float(cost.sum())}
    if saving is None:
        return row
    total = saving.value * len(cost)
    return row | {"saving_per_row": saving.value, "low": saving.low, "high": saving.high, "total_saving": total}


def _curve(costs: Costs, y: Array, arms: Mapping[str, Array], threshold: float) -> pd.DataFrame:
    """Cost a row by threshold: on an even grid, and on quantiles of the scores where these crowd together."""
    pooled = np.concatenate(list(arms.values()))
    places = np.unique(np.concatenate([np.linspace(0, 1, 101), np.quantile(pooled, np.linspace(0, 1, 101))]))
    end = max(float(np.quantile(pooled, 0.999)), 1.5 * threshold)
    places = np.unique(np.append(places[(places >= 0) & (places <= min(end, 1.0))], threshold))
    table = pd.DataFrame({"threshold": places})
    for name, p in arms.items():
        missed, cleared = (np.searchsorted(np.sort(p[y == label]), places) for label in (1, 0))
        hit, alarms = (y == 1).sum() - missed, (y == 0).sum() - cleared
        cost = costs.true_positive * hit + costs.false_negative * missed
        cost = cost + costs.false_positive * alarms + costs.true_negative * cleared
        table[name] = cost / len(y)
    return table
