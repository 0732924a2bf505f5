"""The operating point: what changes for those who act on the scores.

The rules:
* everything is measured at the decision threshold in force, a score from there on is flagged; of several classes
  the most probable one is chosen;
* a flagged volume that doubles or halves is a finding even if AUC and Brier score are better: someone has to work
  through it, or no longer gets to see it;
* who changes sides is shown as swap sets: rows flagged by one model only, and how often they were right;
* net benefit weighs a false alarm at the odds of the threshold (Vickers & Elkin 2006, Decision curve analysis);
* numbers have a tolerance in place of a threshold (`misses`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, judge, plain
from sopkit.evidence.bootstrap import Interval, Plan, interval_of, mean_interval, plan_of
from sopkit.evidence.measure import Measure, finite, measure_name
from sopkit.evidence.metrics import Task, accuracy, roc_auc, why_not
from sopkit.evidence.misses import Misses, misses_of

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["OperatingPoint", "net_benefit", "operating_point"]

Array: TypeAlias = NDArray[Any]
MINIMUM_FLAGGED = 20


@dataclass(frozen=True, eq=False)
class OperatingPoint:
    """Champion and challenger at the threshold. `table` has one row a flagged class and model; `swaps` the movers."""

    task: Task
    rows: int
    threshold: float
    change_at_most: float
    table: pd.DataFrame
    swaps: pd.DataFrame
    curve: pd.DataFrame
    changes: dict[str, Interval]
    benefit_gain: Interval | None
    reason: str = ""

    @property
    def measures(self) -> list[Measure]:
        """For each class the factor by which the flagged volume changes, then swap share and net benefit."""
        told = []
        if self.reason:
            told.append(Measure("flagged_change", None, Verdict.INSUFFICIENT, self.reason, title="Change of volume"))
        for label, change in self.changes.items():
            threshold = Threshold(op="at_most", value=self.change_at_most)
            factor = float(max(change.value, 1 / change.value)) if change.value > 0 else np.inf
            verdict = Verdict.FAIL if np.isinf(factor) else judge(factor, threshold)
            if np.isnan(change.value):
                factor, verdict = np.nan, Verdict.INSUFFICIENT
            several = len(self.changes) > 1
            told.append(
                Measure(
                    measure_name(f"flagged_change_{label}") if several else "flagged_change",
                    None if np.isnan(factor) else factor,
                    verdict,
                    change.reason if np.isnan(change.value) else self._volume(label),
                    change.to_dict(),
                    threshold,
                    f"Factor by which the volume of {label} changes" if several else "Factor by which volume changes",
                )
            )
        if len(self.swaps):
            moved = int(self.swaps.rows.sum())
            told.append(
                Measure("swapped", moved / self.rows, reason=self._swapped(), title="Share of rows that change sides")
            )
        if self.benefit_gain is not None:
            gain = self.benefit_gain
            value = finite(gain.value)
            told.append(
                Measure(
                    "net_benefit_gain",
                    value,
                    reason=str(gain),
                    detail=gain.to_dict(),
                    title="Gain in net benefit per row",
                )
            )
        return told

    @property
    def finding(self) -> str:
        if self.reason:
            return f"No operating point to compare: {self.reason}"
        if self.task == "binary":
            return self._volume("flagged")
        moved = int(self.swaps.rows.sum()) / self.rows
        return f"{100 * moved:.0f} % of rows get another class from the challenger"

    def figure(self) -> Chart | Note:
        """Binary: net benefit of both models over thresholds. Several classes: the volume of each class.

        A note in words where there is no operating point.
        """
        from sopkit.evidence.charts import over_time, pairs
        from sopkit.evidence.overview import nothing

        if not len(self.table):
            return nothing(self.finding)
        if self.task == "binary" and len(self.curve):
            shown = {
                "challenger": (self.curve.threshold, self.curve.challenger),
                "champion": (self.curve.threshold, self.curve.champion),
                "flag every row": (self.curve.threshold, self.curve.every_row),
            }
            floor = min(self.curve[["champion", "challenger"]].min().min(), 0.0) - 0.005
            chart = over_time(
                self.finding,
                {name: (x.tolist(), y.clip(lower=floor).tolist()) for name, (x, y) in shown.items()},
                y_label="net benefit per row",
                x_label="threshold from which on a row is flagged",
                marks={"threshold in force": self.threshold},
                subtitle=self._swapped(),
            )
            return chart
        both = self.table.pivot(index="flagged_class", columns="model", values="flagged_rate")
        return pairs(
            self.finding,
            [str(label) for label in both.index],
            both.get("champion", pd.Series(dtype=float)).tolist(),
            both.get("challenger", pd.Series(dtype=float)).tolist(),
            names=("champion", "challenger"),
            subtitle=self._swapped(),
        )

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "task": self.task,
                    "rows": self.rows,
                    "threshold": self.threshold,
                    "finding": self.finding,
                    "table": self.table.to_dict("records"),
                    "swaps": self.swaps.to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}. {self._swapped()}")

    def _volume(self, label: str) -> str:
        rows = self.table[self.table.flagged_class.astype(str) == label].set_index("model")
        old, new = (100 * rows.loc[model, "flagged_rate"] for model in ("champion", "challenger"))
        at = f" at {self.threshold:g}" if self.task == "binary" else f" as {label}"
        more = "as many" if round(old, 1) == round(new, 1) else "more" if new > old else "fewer"
        return f"The challenger flags {more}{at}: {new:.1f} % of rows, the champion {old:.1f} %"

    def _swapped(self) -> str:
        if not len(self.swaps):
            return ""
        parts = [
            f"{row.rows:,} rows {row.swap} ({100 * row.positive_rate:.0f} % of them {row.outcome})"
            if np.isfinite(row.positive_rate)
            else f"no rows {row.swap}"
            for row in self.swaps.head(4).itertuples()
        ]
        return "; ".join(parts)


def net_benefit(y: Any, p: Any, threshold: float) -> float:
    """True alarms less false alarms at the odds of the threshold, per row. Vickers & Elkin (2006)."""
    y, flagged = np.asarray(y, dtype=float), np.asarray(p, dtype=float) >= threshold
    if not len(y) or not 0 <= threshold < 1:
        return float("nan")
    return float(np.mean(flagged * y) - np.mean(flagged * (1 - y)) * threshold / (1 - threshold))


def operating_point(
    y: Any,
    champion: Any,
    challenger: Any,
    *,
    task: Task,
    blocks: Any,
    evaluation: Evaluation | None = None,
    labels: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
    unit: str = "",
) -> OperatingPoint | Misses:
    """Both models at the decision threshold of `evaluation`; arguments as for `comparison.compare`.

    `labels` are the names of the classes, in the order of the columns of predictions.
    Numbers have a tolerance instead: `Misses`, for which `names` may rename the models and `unit` is the target's.
    """
    evaluation = evaluation or Evaluation()
    if task == "regression":
        return misses_of(y, champion, challenger, blocks=blocks, evaluation=evaluation, names=names, unit=unit)
    limit = evaluation.flagged_change_at_most
    empty = OperatingPoint(
        task, 0, evaluation.threshold, limit, pd.DataFrame(), pd.DataFrame(), pd.DataFrame(), {}, None
    )
    y = np.asarray(y, dtype=float)
    models = {"champion": np.asarray(champion, dtype=float), "challenger": np.asarray(challenger, dtype=float)}
    for name, p in models.items():
        reason = why_not(roc_auc if task == "binary" else accuracy, y, p)
        if reason:
            return _because(empty, f"{name}: {reason}")
    drawn = plan_of(evaluation, blocks, len(y))
    named = [str(name) for name in labels or range(models["champion"].shape[1])] if task == "multiclass" else []
    shown = named or ["flagged"]
    flags = {name: _flags(p, task, evaluation.threshold) for name, p in models.items()}
    truths = np.column_stack([y == 1]) if task == "binary" else y[:, None] == np.arange(len(shown))
    table = pd.DataFrame(
        [
            _at(label, name, truths[:, k], flags[name][:, k], evaluation.threshold, task)
            for k, label in enumerate(shown)
            for name in models
        ]
    )
    changes = {
        label: _change(flags["champion"][:, k], flags["challenger"][:, k], drawn, evaluation.confidence)
        for k, label in enumerate(shown)
    }
    binary = task == "binary"
    return OperatingPoint(
        task,
        len(y),
        evaluation.threshold,
        limit,
        table,
        _swaps(y, flags) if binary else _class_swaps(y, models, named),
        _curve(y, models) if binary else pd.DataFrame(),
        changes,
        _benefit_gain(y, flags, evaluation.threshold, drawn, evaluation.confidence) if binary else None,
    )


def _because(point: OperatingPoint, reason: str) -> OperatingPoint:
    from dataclasses import replace

    return replace(point, reason=reason)


def _flags(p: Array, task: Task, threshold: float) -> Array:
    return np.asarray(p >= threshold)[:, None] if task == "binary" else np.eye(p.shape[1], dtype=bool)[p.argmax(axis=1)]


def _at(label: str, model: str, truth: Array, flagged: Array, threshold: float, task: Task) -> dict[str, Any]:
    hits = int((flagged & truth).sum())
    row = {
        "flagged_class": label,
        "model": model,
        "flagged": int(flagged.sum()),
        "flagged_rate": float(flagged.mean()),
        "precision": hits / flagged.sum() if flagged.any() else np.nan,
        "recall": hits / truth.sum() if truth.any() else np.nan,
    }
    return row | (
        {"net_benefit": net_benefit(truth, flagged, 0.5 if threshold == 1 else threshold)} if task == "binary" else {}
    )


def _change(old: Array, new: Array, drawn: Plan, confidence: float) -> Interval:
    """The ratio of flagged volumes, new over old; NaN where both models hardly flag anything."""
    if max(int(old.sum()), int(new.sum())) < MINIMUM_FLAGGED:
        reason = f"the models flag {int(old.sum())} and {int(new.sum())} rows, {MINIMUM_FLAGGED} are needed"
        return Interval(np.nan, np.nan, np.nan, 0, drawn.blocks, "none", reason, confidence)
    size = drawn.counts.shape[1]
    before, after = (drawn.counts @ np.bincount(drawn.groups, flags, minlength=size) for flags in (old, new))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = float(np.float64(new.sum()) / old.sum())
        return interval_of(ratio, after / before, drawn, confidence)


def _swaps(y: Array, flags: dict[str, Array]) -> pd.DataFrame:
    old, new = (flags[name][:, 0] for name in ("champion", "challenger"))
    rows = [("newly flagged", new & ~old), ("no longer flagged", old & ~new)]
    return pd.DataFrame(
        [
            {
                "swap": name,
                "rows": int(mask.sum()),
                "positive_rate": y[mask].mean() if mask.any() else np.nan,
                "outcome": "positive",
            }
            for name, mask in rows
        ]
    )


def _class_swaps(y: Array, models: dict[str, Array], named: Sequence[str]) -> pd.DataFrame:
    from sopkit.evidence.house_style import clip

    old, new = (models[name].argmax(axis=1) for name in ("champion", "challenger"))
    moves = pd.DataFrame({"old": old, "new": new, "right": new == y})[old != new]
    rows = [
        {
            "swap": f"go from {clip(named[before])} to {clip(named[after])}",
            "rows": len(part),
            "positive_rate": part.right.mean(),
            "outcome": "rightly",
        }
        for (before, after), part in moves.groupby(["old", "new"])
    ]
    table = pd.DataFrame(rows, columns=["swap", "rows", "positive_rate", "outcome"])
    return table.sort_values("rows", ascending=False, ignore_index=True)


def _curve(y: Array, models: dict[str, Array]) -> pd.DataFrame:
    places = np.linspace(0.01, 0.99, 99)
    table = pd.DataFrame({"threshold": places})
    for name, p in models.items():
        table[name] = [net_benefit(y, p, place) for place in places]
    table["every_row"] = [net_benefit(y, np.ones(len(y)), place) for place in places]
    return table


def _benefit_gain(
    y: Array, flags: dict[str, Array], threshold: float, drawn: Plan, confidence: float
) -> Interval | None:
    if threshold >= 1:
        return None
    cost = threshold / (1 - threshold)
    each = (flags["challenger"][:, 0].astype(float) - flags["champion"][:, 0]) * (y - (1 - y) * cost)
    return mean_interval(each, drawn, confidence)
