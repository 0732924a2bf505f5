"""Fairness: does the model err alike for everyone? The only door of fairlearn.

The rules:
* gaps are measured at the decision threshold in force, where people feel them: for a binary target in the true and
  false positive rate (equalised odds, Hardt et al. 2016), for classes in accuracy, for numbers in the mean error and
  the mean absolute error, shares of the no-skill error. The flagged rate is shown; groups may differ in what happens;
* a gap is the largest difference between two groups, with an interval that holds for all pairs together;
* two limits, an absolute one *and* not worse than the champion (`fairness_gap`);
* intersections of protected attributes are groups too, where large enough;
* a group below the minimum, or a rate with less than a quarter of that to count, is `insufficient` and not compared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Verdict, plain
from sopkit.errors import DataError
from sopkit.evidence.bootstrap import Interval, Plan, interval_of, plan_of, simultaneous
from sopkit.evidence.fairness_gap import TITLES, Gap
from sopkit.evidence.groups import grouped
from sopkit.evidence.measure import Measure, counted, finite, number
from sopkit.evidence.metrics import Task, accuracy, mae, roc_auc, room, why_not

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart

__all__ = ["Fairness", "fairness_of"]

Array: TypeAlias = NDArray[Any]
Rates = Mapping[str, tuple[Array, Array]]  # rate -> per row (counts for it, counts at all)

JUDGED = {
    "binary": ("true_positive_rate", "false_positive_rate"),
    "multiclass": ("accuracy",),
    "regression": ("mean_error", "absolute_error"),
}


@dataclass(frozen=True, eq=False)
class Fairness:
    """Gaps of the judged rates by attribute; `table` has every rate of every group."""

    task: Task
    rows: int
    gaps: tuple[Gap, ...]
    table: pd.DataFrame
    reason: str = ""

    @property
    def measures(self) -> list[Measure]:
        """For each attribute and rate the gap against its limit and, with a champion, the change against its own."""
        if self.reason:
            return [Measure("fairness", None, Verdict.INSUFFICIENT, self.reason, title="Fairness")]
        return [measure for gap in self.gaps for measure in gap.measures]

    @property
    def hard_failures(self) -> list[Gap]:
        """Protected attributes whose limit is broken, and more so than by the champion: no promotion."""
        return [gap for gap in self.gaps if gap.protected and gap.broken and gap.worse]

    @property
    def finding(self) -> str:
        if self.reason:
            return f"Fairness cannot be told: {self.reason}"
        known = [gap for gap in self.gaps if np.isfinite(gap.gap.value)]
        if not known:
            alone = {gap.unlike for gap in self.gaps} == {"one group only"}
            few = "There is one group only" if alone else "No group is large enough to be compared"
            return few if self.gaps else "No attributes to compare groups of"
        judged = [gap for gap in known if gap.gap.known]  # without an interval: `insufficient`
        broken = [gap for gap in judged if gap.broken]
        worst = max(broken or judged or known, key=lambda gap: gap.gap.value / (gap.limit or 1))
        head = f"{len(broken)} of {counted(len(judged), 'gap')} between groups"
        head += " breaks its limit" if len(broken) == 1 else " break their limit"
        if not broken:
            head = f"All {len(judged)} gaps between groups keep their limit"
            head = "The one gap between groups keeps its limit" if len(judged) == 1 else head
        if not judged:
            head = f"Without an interval, {counted(len(known), 'gap')} between groups cannot be judged"
        elif len(judged) < len(known):
            head += f", {len(known) - len(judged)} cannot be judged"
        between = f"{worst.attribute} {worst.high_group} and {worst.low_group}"
        return f"{head}; largest: {number(worst.gap.value)} in {TITLES[worst.rate]} between {between}"

    def figure(self) -> Chart:
        """Every judged gap with its interval, against the limit."""
        from sopkit.evidence.charts import Row, intervals

        rows, told = [], "share of no-skill" if self.task == "regression" else "difference of the rate"
        for gap in self.gaps:
            measure = gap.measures[0]
            known = gap.gap.known
            rows.append(
                Row(
                    f"{gap.attribute}: {TITLES[gap.rate].removesuffix(' (share of no-skill)')}",
                    finite(gap.gap.value),
                    float(gap.gap.low) if known else None,
                    float(gap.gap.high) if known else None,
                    measure.verdict,
                    self._groups(gap) if gap.groups > 1 else gap.unlike,
                )
            )
        return intervals(
            self.finding,
            rows,
            x_label=f"largest gap between two groups ({told})",
            limit=self.gaps[0].limit if self.gaps else None,
            subtitle=f"{self.rows:,} rows; beside each gap its two groups, the one with the higher rate first, and "
            "their rows; intervals hold for all pairs of groups of an attribute together",
        )

    def _groups(self, gap: Gap) -> str:
        """Both groups with their sizes, short enough for the side of a figure."""
        rows = self.table[self.table.attribute == gap.attribute].astype({"group": str}).set_index("group").rows
        names = (gap.high_group, gap.low_group)
        sizes = " / ".join(f"{int(rows[name]):,}" for name in names)
        return f"{' / '.join(name[:15] for name in names)} ({sizes})"

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "task": self.task,
                    "rows": self.rows,
                    "finding": self.finding,
                    "groups": self.table.to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        gaps = (f"* {escape_markdown(f'{gap.attribute}: {gap.words}')}" for gap in self.gaps)
        return "\n".join([escape_markdown(f"{self.finding}."), "", *gaps])


def fairness_of(
    y: Any,
    p: Any,
    attributes: pd.DataFrame,
    *,
    task: Task,
    blocks: Any,
    evaluation: Evaluation | None = None,
    champion: Any = None,
    protected: Sequence[str] | None = None,
) -> Fairness:
    """Gaps between the groups of each attribute at the decision threshold of `evaluation`.

    `attributes` has one column of group labels an attribute (rows as in `y`; numbers are cut at their quartiles);
    `protected` names those that concern people (default: all), and pairs of these are intersected. `champion` are
    the champion's predictions on the same rows. Raises DataError when rows do not fit.
    """
    evaluation = evaluation or Evaluation()
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    if len(attributes) != len(y):
        raise DataError("attributes do not fit the rows", expected=f"{len(y)} rows", got=f"{len(attributes)} rows")
    usable = {"binary": roc_auc, "multiclass": accuracy, "regression": mae}[task]
    for prediction in (p, champion):
        reason = "" if prediction is None else why_not(usable, y, prediction)
        if reason:
            return Fairness(task, len(y), (), pd.DataFrame(), reason)
    drawn = plan_of(evaluation, blocks, len(y))
    guarded = list(attributes.columns) if protected is None else [name for name in protected if name in attributes]
    groups = _groups(attributes, guarded)
    rates = _rates(task, y, p, evaluation.threshold)
    before = None if champion is None else _rates(task, y, np.asarray(champion, dtype=float), evaluation.threshold)
    gaps, tables = [], []
    for attribute, labels in groups.items():
        shielded = attribute in guarded or "×" in attribute
        tables.append(_by_group(attribute, labels, rates, evaluation.fairness.minimum_group))
        for rate in JUDGED[task]:
            gaps.append(_gap(attribute, rate, labels, rates, before, drawn, evaluation, shielded))
    return Fairness(task, len(y), tuple(gaps), pd.concat(tables, ignore_index=True) if tables else pd.DataFrame())


def _groups(attributes: pd.DataFrame, guarded: Sequence[str]) -> dict[str, Array]:
    """Labels of every attribute, and of every pair of protected ones."""
    labels: dict[str, Array] = {str(name): np.asarray(grouped(attributes[name]), dtype=object) for name in attributes}
    for one, other in combinations(guarded, 2):
        both = [f"{a} × {b}" for a, b in zip(labels[str(one)], labels[str(other)], strict=True)]
        labels[f"{one} × {other}"] = np.array(both, dtype=object)
    return labels


def _rates(task: Task, y: Array, p: Array, threshold: float) -> Rates:
    ones = np.ones(len(y))
    if task == "binary":
        flagged = (p >= threshold).astype(float)
        return {
            "true_positive_rate": (flagged * y, y),
            "false_positive_rate": (flagged * (1 - y), 1 - y),
            "flagged_rate": (flagged, ones),
        }
    if task == "multiclass":
        return {"accuracy": ((p.argmax(axis=1) == y).astype(float), ones)}
    share = (p - y) / room(mae, y)
    return {"mean_error": (share, ones), "absolute_error": (np.abs(share), ones)}


def _by_group(attribute: str, labels: Array, rates: Rates, minimum: int) -> pd.DataFrame:
    """Every rate of every group through fairlearn's MetricFrame."""
    from fairlearn.metrics import MetricFrame, count

    def share(rate: str) -> Any:
        def of(y_true: Any, y_pred: Any, hit: Any, base: Any) -> float:
            total = float(np.sum(base))
            return float(np.sum(hit)) / total if total else float("nan")

        of.__name__ = rate
        return of

    frame = MetricFrame(
        metrics={"rows": count} | {rate: share(rate) for rate in rates},
        y_true=np.zeros(len(labels)),
        y_pred=np.zeros(len(labels)),
        sensitive_features=pd.Series(labels, name="group"),
        sample_params={rate: {"hit": hit, "base": base} for rate, (hit, base) in rates.items()},
    )
    table = frame.by_group.reset_index()
    table.insert(0, "attribute", attribute)
    table["rows"] = table["rows"].astype(int)
    table["verdict"] = np.where(table["rows"] < minimum, "insufficient", "")
    return table


def _gap(
    attribute: str,
    rate: str,
    labels: Array,
    rates: Rates,
    before: Rates | None,
    drawn: Plan,
    evaluation: Evaluation,
    shielded: bool,
) -> Gap:
    limits = evaluation.fairness
    names, group = np.unique(labels.astype(str), return_inverse=True)
    enough = np.bincount(group, minlength=len(names)) >= limits.minimum_group
    enough &= np.bincount(group, rates[rate][1], minlength=len(names)) >= limits.minimum_group / 4
    kept = np.flatnonzero(enough)
    stated = "largest_gap" in limits.model_fields_set
    rest = (len(kept), len(names) - len(kept), shielded, limits.largest_gap, limits.not_worse_by, stated)
    if len(kept) < 2:
        reason = f"{len(kept)} of {len(names)} groups have {limits.minimum_group} rows and enough of them to count"
        reason = "there is one group only" if len(names) == 1 else reason
        none = Interval(np.nan, np.nan, np.nan, 0, drawn.blocks, "none", reason, evaluation.confidence)
        return Gap(attribute, rate, "", "", none, None, *rest)
    values, draws = _resampled(rates[rate], group, kept, drawn)
    pairs = np.array(list(combinations(range(len(kept)), 2)))
    differences = values[pairs[:, 0]] - values[pairs[:, 1]]
    ends = simultaneous(differences, draws[:, pairs[:, 0]] - draws[:, pairs[:, 1]], drawn, evaluation.confidence)
    widest = int(np.argmax(np.abs(differences)))
    first, second = pairs[widest] if differences[widest] >= 0 else pairs[widest][::-1]
    low, high = ends[widest] if differences[widest] >= 0 else -ends[widest][::-1]
    gap = Interval(
        float(abs(differences[widest])),
        float(low),
        float(high),
        len(drawn.counts),
        drawn.blocks,
        drawn.method,
        drawn.reason,
        evaluation.confidence,
    )
    change = None
    if before is not None:
        old, old_draws = _resampled(before[rate], group, kept, drawn)
        moved = np.ptp(draws, axis=1) - np.ptp(old_draws, axis=1)
        change = interval_of(float(np.ptp(values) - np.ptp(old)), moved, drawn, evaluation.confidence)
    return Gap(attribute, rate, str(names[kept[first]]), str(names[kept[second]]), gap, change, *rest)


def _resampled(rate: tuple[Array, Array], group: Array, kept: Array, drawn: Plan) -> tuple[Array, Array]:
    """The rate of each kept group (k,) and its resamples (R, k)."""
    size = drawn.counts.shape[1]
    hit, base = rate
    sums = [
        np.column_stack([np.bincount(drawn.groups, part * (group == k), minlength=size) for k in kept])
        for part in (hit, base)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        return sums[0].sum(axis=0) / sums[1].sum(axis=0), (drawn.counts @ sums[0]) / (drawn.counts @ sums[1])
