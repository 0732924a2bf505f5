"""Class by class: which classes does the challenger recognise better, and which are too rare to say?

The rules:
* recall, precision, F1 and the AUC of one class against the rest, for both models on the same rows; intervals by the
  same resamples as everywhere, and holding together over the classes;
* a class with fewer rows than `rules.CLASSES` is `insufficient` for both models, whatever its numbers, and enters no
  mean over classes (`metrics`);
* a class is worse when the interval of its gain in F1 lies wholly below minus the margin: the signer weighs that;
* classes that were never learned, or learned and not met again, are findings: a model cannot recognise the former.

Of two classes, or of numbers, there is nothing to tell here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import rules
from sopkit.evidence.bootstrap import Plan, plan_of, simultaneous
from sopkit.evidence.findings import Finding, finding
from sopkit.evidence.formulas import auc
from sopkit.evidence.measure import Measure, counted, number
from sopkit.evidence.metrics import Task, accuracy, why_not

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["ByClass", "by_class"]

Array: TypeAlias = NDArray[Any]
METRICS = ("recall", "precision", "f1", "auc")
ARMS = ("champion", "challenger")
COLUMNS = ["class", "rows", "verdict", "reason"]
COLUMNS += [f"{arm}_{metric}{end}" for arm in ARMS for metric in METRICS for end in ("", "_low", "_high")]
COLUMNS += ["gain", "gain_low", "gain_high"]


@dataclass(frozen=True, eq=False)
class ByClass:
    """`table`: one row a class, the most frequent first (`rows`, `champion_recall`, its `_low` and `_high` …; `gain` is
    in F1). `confusions`: true class, wrong answer, rows by model. `reason`: why there is nothing to show.
    """

    table: pd.DataFrame
    confusions: pd.DataFrame
    findings: tuple[Finding, ...]
    rows: int
    basis: str = ""
    reason: str = ""
    names: tuple[str, str] = ("the champion", "the challenger")

    @property
    def rare(self) -> pd.DataFrame:
        """The classes that are too rare to be judged."""
        return self.table[self.table.verdict == str(Verdict.INSUFFICIENT)]

    @property
    def measures(self) -> list[Measure]:
        """Classes that can be judged, classes that got worse, rows of classes that were never learned."""
        if self.reason:
            return []
        judged, told = len(self.table) - len(self.rare), ""
        if len(self.rare):
            named = ", ".join(f"{row['class']} ({row['rows']:,} rows)" for _, row in self.rare.iterrows())
            told = f"too few rows to judge by themselves, and left out of means over classes: {named}"
        worse = self.table[self.table.verdict == str(Verdict.FAIL)]
        never = [item for item in self.findings if item.name == "class_appears"]
        return [
            Measure(
                "classes_judged", judged, Verdict.INSUFFICIENT if len(self.rare) else Verdict.PASS, told,
                {"classes": plain(self.table.to_dict("records"))}, title=f"Classes judged, of {len(self.table)}",
            ),
            Measure(
                "classes_worse", len(worse), Verdict.FAIL if len(worse) else Verdict.PASS,
                f"the challenger is worse in {', '.join(worse['class'])}" if len(worse) else "",
                {}, Threshold(op="at_most", value=0), "Classes in which the challenger is worse",
            ),
            Measure(
                "unlearned_rows", sum(item.count or 0 for item in never), Verdict.FAIL if never else Verdict.PASS,
                "; ".join(item.sentence for item in never), {}, Threshold(op="at_most", value=0),
                "Rows of a class that was never learned",
            ),
        ]  # fmt: skip

    @property
    def finding(self) -> str:
        if self.reason:
            return self.reason
        known = self.table[self.table.verdict != str(Verdict.INSUFFICIENT)]
        better, worse = int((known.gain_low > 0).sum()), int((known.gain_high < 0).sum())
        told = (
            f"{self.names[1]} recognises {better} of {len(known)} classes better than {self.names[0]} and {worse} worse"
        )
        told = told[:1].upper() + told[1:]
        return told + (f"; {counted(len(self.rare), 'other', 'is', 'are')} too rare to say" if len(self.rare) else "")

    def figure(self) -> Chart | Note:
        """F1 of each class, both models, with intervals and the number of rows."""
        from sopkit.evidence.class_figures import f1_figure
        from sopkit.evidence.overview import nothing

        return nothing(self.reason) if self.reason else f1_figure(self)

    def confusion_figure(self) -> Chart | Note:
        """What is most often taken for what, by both models."""
        from sopkit.evidence.class_figures import confusion_figure
        from sopkit.evidence.overview import nothing

        return nothing(self.reason) if self.reason else confusion_figure(self)

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "finding": self.finding,
                    "rows": self.rows,
                    "classes": self.table.to_dict("records"),
                    "confusions": self.confusions.to_dict("records"),
                    "findings": [item.to_dict() for item in self.findings],
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}.")


def by_class(
    y: Any,
    champion: Any,
    challenger: Any,
    *,
    task: Task,
    blocks: Any,
    labels: Sequence[str] | None = None,
    learned: pd.Series | None = None,
    evaluation: Evaluation | None = None,
    names: dict[str, str] | None = None,
    limits: rules.Classes = rules.CLASSES,
) -> ByClass:
    """Both models class by class; arguments as for `comparison.compare`.

    `labels` are the names of the classes in the order of the columns, `learned` the labels of the training rows.
    """
    called = tuple((names or {}).get(arm, f"the {arm}") for arm in ARMS)
    nothing = ByClass(pd.DataFrame(columns=COLUMNS), _confusions([]), (), 0, names=called)  # type: ignore[arg-type]
    if task != "multiclass":
        return _because(nothing, "There are no several classes to tell apart")
    evaluation = evaluation or Evaluation()
    y = np.asarray(y, dtype=float)
    arms = {"champion": np.asarray(champion, dtype=float), "challenger": np.asarray(challenger, dtype=float)}
    for name, p in arms.items():
        if reason := why_not(accuracy, y, p):
            return _because(nothing, f"Classes cannot be told apart, {name}: {reason}")
    named = [str(label) for label in labels or range(arms["challenger"].shape[1])]
    drawn = plan_of(evaluation, blocks, len(y))
    rows = np.bincount(y.astype(np.intp), minlength=len(named))
    shown = [k for k in np.argsort(-rows, kind="stable") if rows[k]]
    measured = {arm: [_of_class(y == k, p, k, drawn) for k in shown] for arm, p in arms.items()}
    enough = rows[shown] >= limits.minimum_rows
    table = pd.DataFrame({"class": [named[k] for k in shown], "rows": rows[shown]})
    draws: dict[str, Array] = {}
    for arm, found in measured.items():
        for metric in METRICS:
            values = np.array([one[metric][0] for one in found])
            each = np.column_stack([one[metric][1] for one in found])
            ends = simultaneous(np.where(enough, values, np.nan), each, drawn, evaluation.confidence)
            name = f"{arm}_{metric}"
            table[name], table[f"{name}_low"], table[f"{name}_high"] = values, *np.clip(ends.T, 0, 1)
            draws[name] = each
    gain = table.challenger_f1 - table.champion_f1
    ends = simultaneous(
        np.where(enough, gain, np.nan), draws["challenger_f1"] - draws["champion_f1"], drawn, evaluation.confidence
    )
    table["gain"], table["gain_low"], table["gain_high"] = gain, ends[:, 0], ends[:, 1]
    few = [f"only {n} rows, {limits.minimum_rows} are needed" if n < limits.minimum_rows else "" for n in table.rows]
    lost = np.where(table.gain_low.isna(), drawn.reason or "the metric does not exist in too many resamples", "")
    table["reason"] = np.where(np.array(few, dtype=object) != "", few, lost)
    verdicts = np.where(table.gain_high < -evaluation.margin, str(Verdict.FAIL), str(Verdict.PASS))
    table["verdict"] = np.where(table.gain_low.isna(), str(Verdict.INSUFFICIENT), verdicts)
    by = {"blocks": f"in {drawn.blocks:,} blocks", "none": drawn.reason}[drawn.method]
    answers = {arm: p.argmax(axis=1) for arm, p in arms.items()}
    wrong = [
        {"true": named[k], "answered": named[j]} | {arm: int(((y == k) & (a == j)).sum()) for arm, a in answers.items()}
        for k in shown
        for j in range(len(named))
        if j != k
    ]
    return ByClass(
        table[COLUMNS], _confusions(wrong), tuple(_moved(table, learned, limits)), len(y),
        f"{len(y):,} later rows, {by}", names=called,  # type: ignore[arg-type]
    )  # fmt: skip


def _because(nothing: ByClass, reason: str) -> ByClass:
    from dataclasses import replace

    return replace(nothing, reason=reason)


def _of_class(actual: Array, p: Array, k: int, drawn: Plan) -> dict[str, tuple[float, Array]]:
    """Value and resamples of each metric of one class."""
    chosen = p.argmax(axis=1) == k
    size = drawn.counts.shape[1]
    sums = [np.bincount(drawn.groups, part, minlength=size) for part in (actual & chosen, actual, chosen)]
    found = {}
    with np.errstate(divide="ignore", invalid="ignore"):
        for place, counts in enumerate((np.ones((1, size)), drawn.counts if len(drawn.counts) else np.ones((1, size)))):
            hits, real, said = (counts @ part for part in sums)
            values = {"recall": hits / real, "precision": hits / said, "f1": 2 * hits / (real + said)}
            values["auc"] = auc(actual.astype(float), p[:, k], drawn.groups, counts)
            found[place] = values
    return {name: (float(found[0][name][0]), np.asarray(found[1][name])) for name in METRICS}


def _confusions(wrong: list[dict[str, Any]]) -> pd.DataFrame:
    table = pd.DataFrame(wrong, columns=["true", "answered", *ARMS])
    table = table[(table.champion > 0) | (table.challenger > 0)]
    order = table[list(ARMS)].max(axis=1).sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _moved(table: pd.DataFrame, learned: pd.Series | None, limits: rules.Classes) -> list[Finding]:
    """Classes among the judged rows that training never had, and the other way round, where chance cannot be why."""
    if learned is None or not learned.notna().any():
        return []
    shares = learned.dropna().map(str).value_counts(normalize=True)
    total = int(table.rows.sum())
    found = []
    for label, rows in zip(table["class"], table.rows, strict=True):
        if label not in shares.index:
            told = f"{int(rows):,} judged rows are of the class {label}, which no training row has"
            remedy = (
                "no model can recognise it yet: decide who handles such cases, and retrain when there are rows of it"
            )
            found.append(
                finding("class_appears", told, label, count=int(rows), share=float(rows) / total, remedy=remedy)
            )
    for label, share in shares.items():
        if label not in set(table["class"]) and share * total >= limits.minimum_rows:
            told = f"No judged row is of the class {label}, though {number(100 * share)} % of the training rows are"
            found.append(finding("class_vanishes", told, str(label), count=0, remedy="ask whether it was renamed"))
    return found
