"""Robustness: what happens to the score when the inputs are not what they were?

The rules:
* three disturbances that occur in service: a feature goes missing, numbers carry noise (texts lose words), a category
  was never seen;
* the loss is in the primary metric on the same held-out rows (a loss metric's as a share of no-skill);
* a prediction that raises, or is not finite, is `fail` whatever the score: a service must answer;
* models come in as `predict(DataFrame) -> array`, and the rows that are handed in are never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, judge, plain
from sopkit.errors import DataError
from sopkit.evidence import rules
from sopkit.evidence.measure import Measure, finite, number
from sopkit.evidence.metrics import Metric, Task, defaults, find, no_skill, room, why_not
from sopkit.evidence.profiles import kinds as kinds_of

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart

__all__ = ["Robustness", "robustness_of"]

Array: TypeAlias = NDArray[Any]
Predict = Callable[[pd.DataFrame], Any]
UNSEEN = "(never seen before)"
LATER, LEARNED = "later rows", "rows that the model was trained on"
TITLES = {"missing": "missing feature", "noise": "noise", "unseen": "unseen category"}


@dataclass(frozen=True, eq=False)
class Robustness:
    """The loss under each disturbance, one row of `table` each: disturbance, feature, loss, error, verdict."""

    metric: Metric
    rows: int
    undisturbed: float
    largest_loss: float
    table: pd.DataFrame
    reason: str = ""
    which: str = LATER

    @property
    def crashed(self) -> pd.DataFrame:
        """Disturbances under which the model did not answer, or not with finite numbers."""
        return self.table[self.table.error != ""]

    @property
    def measures(self) -> list[Measure]:
        """For each kind of disturbance the largest loss, and whether the model always answered."""
        if self.reason:
            return [Measure("robustness", None, Verdict.INSUFFICIENT, self.reason, title="Robustness")]
        told = [
            Measure(
                "unanswered_disturbances",
                len(self.crashed),
                Verdict.FAIL if len(self.crashed) else Verdict.PASS,
                "; ".join(f"{row.label}: {row.error}" for row in self.crashed.itertuples())[:500],
                {"disturbances": len(self.table)},
                Threshold(op="equals", value=0),
                "Disturbances without an answer",
            )
        ]
        threshold = Threshold(op="at_most", value=self.largest_loss)
        for kind, title in TITLES.items():
            part = self.table[(self.table.disturbance == kind) & self.table.loss.notna()]
            if not len(part):
                continue
            worst = part.loc[part.loss.idxmax()]
            told.append(
                Measure(
                    f"loss_{kind}",
                    float(worst.loss),
                    judge(float(worst.loss), threshold),
                    f"{worst.label}: {self.metric.title} {number(worst.value)} instead of {number(self.undisturbed)}",
                    {"disturbances": len(part), "rows": self.rows},
                    threshold,
                    f"Largest loss, {title}",
                )
            )
        return told

    @property
    def finding(self) -> str:
        if self.reason:
            return f"Robustness cannot be told: {self.reason}"
        if len(self.crashed):
            return f"The model does not answer under {len(self.crashed)} of {len(self.table)} disturbances"
        worst = self.table.loc[self.table.loss.idxmax()]
        told = f"{worst.label} costs {number(max(worst.loss, 0.0))} in {self.metric.title}"
        beyond = int((self.table.loss > self.largest_loss).sum())
        if not beyond:
            return f"No disturbance costs more than {number(self.largest_loss)}; most: {told}"
        return f"{beyond} of {len(self.table)} disturbances {'costs' if beyond == 1 else 'cost'} too much; most: {told}"

    def figure(self) -> Chart:
        """The losses, largest first."""
        from sopkit.evidence.charts import Row, bars

        shown = self.table.sort_values("loss", ascending=False, na_position="first").head(15)
        rows = [
            Row(
                row.label,
                finite(row.loss),
                verdict=Verdict(row.verdict),
                note="no answer" if row.error else "",
            )
            for row in shown.itertuples()
        ]
        unit = " (share of no-skill)" if self.metric.is_loss else ""
        return bars(
            self.finding,
            rows,
            x_label=f"loss in {self.metric.title}{unit}",
            limit=self.largest_loss,
            subtitle=f"{self.rows:,} {self.which}; undisturbed {number(self.undisturbed)}"
            + (f"; the {len(shown)} largest of {len(self.table)}" if len(shown) < len(self.table) else ""),
        )

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "metric": self.metric.name,
                    "rows": self.rows,
                    "undisturbed": self.undisturbed,
                    "finding": self.finding,
                    "table": self.table.to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}.")


def robustness_of(
    predict: Predict,
    features: pd.DataFrame,
    y: Any,
    *,
    task: Task,
    evaluation: Evaluation | None = None,
    kinds: Mapping[str, Any] | None = None,
    rows: int | None = None,
    learned: bool = False,
) -> Robustness:
    """Disturb the inputs one way at a time and measure the loss on at most `rows` held-out rows, drawn by seed
    (default: as many as `rules.ASKED` allows for that many features).

    `kinds` says of each feature what it is (name -> kind, or a model file's `features`); by default what is neither a
    number nor a time is a category.
    `learned` says that the model was trained on these rows, so that losses are upper bounds.
    Raises DataError when features and targets do not fit.
    """
    evaluation, which = evaluation or Evaluation(), LEARNED if learned else LATER
    metric = find(task, evaluation.metric or defaults(task).primary)
    random = np.random.default_rng(evaluation.seed)
    sample, truth = sampled(features, y, rules.ASKED.rows(2 * features.shape[1]) if rows is None else rows, random)
    limit = evaluation.robustness.largest_loss
    empty = pd.DataFrame(columns=["disturbance", "feature", "label", "value", "loss", "error", "verdict"])
    undisturbed, error = answer(predict, sample)
    reason = error or why_not(metric, truth, undisturbed)
    if reason:
        return Robustness(metric, len(truth), float("nan"), limit, empty, f"undisturbed rows: {reason}", which)
    before = metric(truth, undisturbed)
    reason = _nothing_to_lose(metric, truth, before, len(features), evaluation)
    if reason:
        return Robustness(metric, len(truth), before, limit, empty, f"undisturbed rows: {reason}", which)
    unit = room(metric, truth) if metric.is_loss else 1.0
    of = kinds_of(kinds) if kinds is not None else dict.fromkeys(_categories(sample), "categorical")
    told = []
    for kind, feature, label, disturbed in _disturbances(sample, of, evaluation.robustness.noise, random):
        prediction, error = answer(predict, disturbed)
        error = error or why_not(metric, truth, prediction)
        value = float("nan") if error else metric(truth, prediction)
        loss = float(metric.goodness(before) - metric.goodness(value)) / unit
        verdict = Verdict.FAIL if error or loss > limit else Verdict.PASS
        row = (kind, feature, label, value, loss, error, str(verdict))
        told.append(dict(zip(empty.columns, row, strict=True)))
    table = pd.DataFrame(told, columns=empty.columns)
    return Robustness(metric, len(truth), before, limit, table, "" if told else "there are no features", which)


def _nothing_to_lose(metric: Metric, truth: Array, before: float, rows: int, evaluation: Evaluation) -> str:
    """Why undisturbed rows cannot show a loss: there are too few, or the model has no skill to lose."""
    if rows < evaluation.minimum_rows:
        return f"only {rows} rows, {evaluation.minimum_rows} are needed"
    chance = no_skill(metric.task, metric, truth)
    if metric.direction != "zero" and metric.goodness(before) <= metric.goodness(chance):
        return f"{metric.title} {number(before)} is no better than no skill ({number(chance)}), so nothing can be lost"
    return ""


def sampled(features: pd.DataFrame, y: Any, rows: int, random: np.random.Generator) -> tuple[pd.DataFrame, Array]:
    """At most `rows` rows of features and targets, in their order. Raises DataError when they do not fit."""
    truth = np.asarray(y, dtype=float)
    if len(features) != len(truth):
        raise DataError("features and targets do not fit", expected=f"{len(truth)} rows", got=f"{len(features)} rows")
    if len(truth) > rows:
        place = np.sort(random.choice(len(truth), rows, replace=False))
        features, truth = features.iloc[place], truth[place]
    return features.reset_index(drop=True), truth


def answer(predict: Predict, features: pd.DataFrame) -> tuple[Array, str]:
    """The model's finite answer, or the reason why there is none. The model may be anyone's: whatever it raises."""
    try:
        prediction = np.asarray(predict(features), dtype=float)
    except Exception as error:
        return np.empty(0), f"{type(error).__name__}: {str(error).strip().splitlines()[0] if str(error) else ''}"[:200]
    if len(prediction) != len(features):
        return prediction, f"{len(prediction)} predictions for {len(features)} rows"
    if not np.isfinite(prediction).all():
        return prediction, "predictions are missing or infinite"
    return prediction, ""


def _categories(features: pd.DataFrame) -> list[str]:
    types = pd.api.types
    return [
        c
        for c in features.columns
        if not types.is_numeric_dtype(features[c]) and not types.is_datetime64_any_dtype(features[c])
    ]


def _disturbances(
    features: pd.DataFrame,
    of: Mapping[str, str],
    noise: float,
    random: np.random.Generator,
) -> list[tuple[str, str, str, pd.DataFrame]]:
    told = [
        ("missing", str(c), f"missing: {c}", _replaced(features, c, _missing(features[c]))) for c in features.columns
    ]
    numeric = [c for c in features if of.get(c, "numeric") == "numeric" and pd.api.types.is_numeric_dtype(features[c])]
    for c in numeric:
        values = features[c].astype(float)
        disturbed = values + random.normal(size=len(values)) * noise * values.std()
        told.append(("noise", str(c), f"noise: {c}", _replaced(features, c, disturbed)))
    if numeric:
        every = features.copy()
        for c in numeric:
            values = features[c].astype(float)
            every[c] = values + random.normal(size=len(values)) * noise * values.std()
        told.append(("noise", "", "noise: every number", every))
    for c in [c for c in features if of.get(c) == "text"]:
        lost = features[c].map(lambda text: _fewer_words(text, noise, random), na_action="ignore")
        told.append(("noise", str(c), f"{100 * noise:.0f} % of words lost: {c}", _replaced(features, c, lost)))
    for c in [c for c in features if of.get(c) == "categorical"]:
        told.append(("unseen", str(c), f"unseen: {c}", _replaced(features, c, _unseen(features[c]))))
    return told


def _fewer_words(text: Any, share: float, random: np.random.Generator) -> str:
    """The text with each of its words left out with the probability `share`."""
    words = str(text).split()
    return " ".join(word for word, left in zip(words, random.random(len(words)) >= share, strict=True) if left)


def _replaced(features: pd.DataFrame, column: Any, values: Any) -> pd.DataFrame:
    return (
        features.assign(**{column: values})
        if isinstance(column, str)
        else features.copy().assign(**{str(column): values})
    )


def _missing(column: pd.Series) -> pd.Series:
    """The column without a value: NaN where numbers were, or the dtype's own missing value."""
    types = pd.api.types
    if types.is_bool_dtype(column) or (types.is_numeric_dtype(column) and not types.is_extension_array_dtype(column)):
        return pd.Series(np.nan, index=column.index, dtype=float)
    return pd.Series([None] * len(column), index=column.index, dtype=column.dtype)


def _unseen(column: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        return pd.Series(float(column.max()) + 1, index=column.index)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return pd.Series(pd.Categorical([UNSEEN] * len(column)), index=column.index)
    dtype = object if pd.api.types.is_bool_dtype(column) else column.dtype
    return pd.Series([UNSEEN] * len(column), index=column.index, dtype=dtype)
