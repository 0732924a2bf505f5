"""Permutation importance: what does the model rest on, and does it still rest on the same?

The rules:
* measured on held-out rows (of a first champion on rows that it was trained on, which is said), in the primary metric,
  by shuffling a feature (Breiman 2001; Fisher et al. 2019);
* features that carry the same thing are shuffled together where `groups` says so: shuffled alone each looks idle;
* the interval is over repeated shuffles (Student's t): it tells whether the shuffling was enough, not how another
  month would look;
* what a feature gained or lost against the champion is the difference under the same shuffles, with its own interval;
  gained or lost is only said where that leaves out zero;
* importance explains a model, it does not judge it: nothing here has a verdict.
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
from sopkit.definitions.results import Verdict, plain
from sopkit.errors import WrongUse
from sopkit.evidence import rules
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.metrics import Metric, Task, defaults, find, room, why_not
from sopkit.evidence.robustness import LATER, LEARNED, Predict, answer, sampled

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart

__all__ = ["Importance", "importance_of"]

Array: TypeAlias = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Importance:
    """`table`: feature (or group), importance with low and high, with a champion its own and the change likewise."""

    metric: Metric
    rows: int
    repeats: int
    table: pd.DataFrame
    reason: str = ""
    which: str = LATER

    @property
    def measures(self) -> list[Measure]:
        """The most important feature, its share, and with a champion the largest change."""
        if self.reason:
            return [Measure("importance", None, Verdict.INSUFFICIENT, self.reason, title="Permutation importance")]
        top = self.table.iloc[0]
        total = float(self.table.importance.clip(lower=0).sum())
        told = [
            Measure("most_important", str(top.feature), reason=self.finding, title="Most important feature"),
            Measure(
                "top_importance_share",
                float(top.importance) / total if total > 0 else None,
                detail={"feature": str(top.feature), "importance": float(top.importance)},
                title="Share of all importance in one feature",
            ),
        ]
        if "change" in self.table:
            moved = self.table.loc[self.table.change.abs().idxmax()]
            told.append(
                Measure(
                    "largest_importance_change",
                    float(moved.change),
                    reason=f"{moved.feature}: champion {number(moved.champion)}, now {number(moved.importance)}, "
                    f"change [{number(moved.change_low)}, {number(moved.change_high)}]",
                    detail={"low": float(moved.change_low), "high": float(moved.change_high)},
                    title="Largest change of importance against the champion",
                )
            )
        return told

    @property
    def finding(self) -> str:
        if self.reason:
            return f"Importance cannot be told: {self.reason}"
        top = self.table.iloc[0]
        if top.low <= 0:
            return f"No feature matters visibly: shuffling {top.feature} costs {number(top.importance)}"
        told = f"The model rests most on {top.feature}: shuffled, it loses {number(top.importance)} {self.metric.title}"
        return told + (f"; {self.change}" if self.change else "")

    @property
    def change(self) -> str:
        """Which features gained and lost against the champion, the two largest of each; empty without one."""
        if self.reason or "change" not in self.table:
            return ""
        gained = self.table[self.table.change_low > 0].sort_values("change", ascending=False).head(2)
        lost = self.table[self.table.change_high < 0].sort_values("change").head(2)
        parts = [
            f"{' and '.join(f'{row.feature} ({number(row.change)})' for row in rows.itertuples())} {way}"
            for way, rows in (("gained", gained), ("lost", lost))
            if len(rows)
        ]
        if not parts:
            return "no feature gained or lost importance against the champion"
        return f"against the champion {' and '.join(parts)} importance"

    def figure(self) -> Chart:
        """Importances, largest first, beside the champion's where known."""
        from sopkit.evidence.charts import Row, bars, pairs

        if self.reason:
            return bars(self.finding, [], x_label=f"loss in {self.metric.title} when shuffled")
        shown = self.table.head(15)
        unit = " (share of no-skill)" if self.metric.is_loss else ""
        label = f"loss in {self.metric.title}{unit} when shuffled"
        basis = f"{self.rows:,} {self.which}, {self.repeats} shuffles"
        basis += f"; the first {len(shown)} of {len(self.table)}" if len(shown) < len(self.table) else ""
        if "change" in self.table:
            return pairs(
                self.finding,
                [str(name) for name in shown.feature],
                shown.champion.tolist(),
                shown.importance.tolist(),
                x_label=label,
                names=("champion", "challenger"),
                spans=(_ends(shown, "champion_"), _ends(shown, "")),
                subtitle=f"{basis}; lines are intervals over the shuffles",
            )
        rows = [Row(str(r.feature), float(r.importance), float(r.low), float(r.high)) for r in shown.itertuples()]
        return bars(self.finding, rows, x_label=label, subtitle=basis)

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "metric": self.metric.name,
                    "rows": self.rows,
                    "repeats": self.repeats,
                    "finding": self.finding,
                    "table": self.table.to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}.")


def importance_of(
    predict: Predict,
    features: pd.DataFrame,
    y: Any,
    *,
    task: Task,
    evaluation: Evaluation | None = None,
    champion: Predict | None = None,
    groups: Mapping[str, Sequence[str]] | None = None,
    repeats: int = 5,
    rows: int | None = None,
    learned: bool = False,
) -> Importance:
    """How much the primary metric loses when a feature (or a group of features) is shuffled.

    Both models are asked with the same shuffles of at most `rows` rows, drawn by seed (default: as many as
    `rules.ASKED` allows for that many features). `groups` maps a name to the columns shuffled together; columns in
    no group stand alone. `learned` says that the model was trained on these rows.
    Raises WrongUse for an unknown column or fewer than two repeats.
    """
    evaluation = evaluation or Evaluation()
    metric = find(task, evaluation.metric or defaults(task).primary)
    if repeats < 2:
        raise WrongUse("an interval needs at least two shuffles", expected="repeats of 2 or more", got=repeats)
    together = {name: list(columns) for name, columns in (groups or {}).items()}
    taken = [column for columns in together.values() for column in columns]
    unknown = sorted(set(taken) - set(features.columns))
    if unknown:
        raise WrongUse(f"groups name unknown features {', '.join(unknown)}", expected=", ".join(features.columns))
    together |= {str(column): [column] for column in features.columns if column not in taken}
    random = np.random.default_rng(evaluation.seed)
    sample, truth = sampled(features, y, rules.ASKED.rows(repeats * len(together)) if rows is None else rows, random)
    orders = np.array([random.permutation(len(truth)) for _ in range(repeats)])
    table, ours = pd.DataFrame({"feature": list(together)}), np.empty(0)
    for name, model in (("importance", predict), ("champion", champion)):
        if model is None:
            continue
        losses, reason = _losses(model, sample, truth, metric, list(together.values()), orders)
        if reason or not len(together):
            return Importance(metric, len(truth), repeats, table, f"{name}: {reason or 'there are no features'}")
        table[name] = losses.mean(axis=1)
        if name == "importance":
            ours = losses
            table["low"], table["high"] = _student(losses, evaluation.confidence)
        else:
            table["champion_low"], table["champion_high"] = _student(losses, evaluation.confidence)
            table["change"] = table.importance - table.champion
            table["change_low"], table["change_high"] = _student(ours - losses, evaluation.confidence)
    table = table.sort_values("importance", ascending=False, ignore_index=True)
    return Importance(metric, len(truth), repeats, table, which=LEARNED if learned else LATER)


def _losses(
    model: Predict, sample: pd.DataFrame, truth: Array, metric: Metric, columns: Sequence[Sequence[str]], orders: Array
) -> tuple[Array, str]:
    """The loss (features, repeats), or why there is none."""
    losses = np.zeros((len(columns), len(orders)))
    prediction, error = answer(model, sample)
    error = error or why_not(metric, truth, prediction)
    if error:
        return losses, error
    before = metric.goodness(metric(truth, prediction))
    unit = room(metric, truth) if metric.is_loss else 1.0
    # All repeats in one question: a pipeline's own overhead is paid once.
    every = sample.take(np.tile(np.arange(len(sample)), len(orders))).reset_index(drop=True)
    for place, names in enumerate(columns):
        shuffled = every.assign(**{name: sample[name].array.take(orders.ravel()) for name in names})
        prediction, error = answer(model, shuffled)
        if error:
            return losses, f"{', '.join(names)} shuffled: {error}"
        for repeat, part in enumerate(np.split(prediction, len(orders))):
            losses[place, repeat] = (before - metric.goodness(metric(truth, part))) / unit
    return losses, ""


def _student(losses: Array, confidence: float) -> tuple[Array, Array]:
    from scipy.special import stdtrit

    repeats = losses.shape[1]
    reach = stdtrit(repeats - 1, (1 + confidence) / 2) * losses.std(axis=1, ddof=1) / np.sqrt(repeats)
    return losses.mean(axis=1) - reach, losses.mean(axis=1) + reach


def _ends(table: pd.DataFrame, of: str) -> list[tuple[float, float]]:
    return list(zip(table[f"{of}low"].tolist(), table[f"{of}high"].tolist(), strict=True))
