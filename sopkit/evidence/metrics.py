"""Metrics: functions `f(y_true, y_pred) -> float` that know their direction, their no-skill value and their needs.

The rules:
* a metric that cannot be computed is NaN, and `why_not` says why in words: never a nice number for one class,
  missing values or no rows, and never an exception from deep inside a library;
* one implementation serves the value and its resamples: a metric is either a function of sums over rows or of
  ranks, and both take weights, so a bootstrap never evaluates row by row;
* a mean over classes is one over those with enough rows to be judged (`rules.CLASSES`), no-skill included;
* "share of no-skill" means a share of the way from no-skill to perfect. For a Brier score, a log loss or a mean
  absolute error that is the no-skill score itself; an absolute limit would mean something else at every prevalence.

Targets: binary 0/1; multiclass class codes 0..K-1 with predictions (n, K); regression numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sopkit.errors import DataError, WrongUse
from sopkit.evidence import formulas, rules

__all__ = [
    "METRICS",
    "Defaults",
    "Metric",
    "Task",
    "accuracy",
    "average_precision",
    "bias",
    "brier",
    "brier_skill",
    "codes",
    "defaults",
    "find",
    "log_loss",
    "macro_f1",
    "mae",
    "multiclass_log_loss",
    "no_skill",
    "ovr_roc_auc",
    "r2",
    "rmse",
    "roc_auc",
    "room",
    "scaled_error",
    "score",
    "why_not",
]

Array: TypeAlias = NDArray[Any]
Task = Literal["binary", "multiclass", "regression"]


@dataclass(frozen=True)
class Metric:
    """One metric of one task. Call it on `(y_true, y_pred)`; `over` gives its value under many weightings at once.

    `direction` is `up` (more is better), `down` (less is better) or `zero` (closer to zero is better).
    `columns(y, p)` are per-row sums (n, k), the first of them ones, and `finish` makes values of their totals (R, k);
    a metric of ranks has `ranked(y, p, groups, counts)` instead.
    """

    name: str
    title: str
    task: Task
    direction: Literal["up", "down", "zero"]
    perfect: float
    chance: Callable[[Array], float]
    probabilities: bool = False
    both_classes: bool = False
    varying: bool = False
    over_classes: bool = False
    columns: Callable[[Array, Array], Array] | None = None
    finish: Callable[[Array], Array] | None = None
    ranked: Callable[[Array, Array, Array, Array], Array] | None = None
    breadth: Callable[[Array], float] | None = None

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        y, p = _arrays(self, y_true, y_pred)
        if _why_not(self, y, p):
            return float("nan")
        return float(self.over(y, p, np.zeros(len(y), dtype=np.intp), np.ones((1, 1)))[0])

    def over(self, y: Array, p: Array, groups: Array, counts: Array) -> Array:
        """Values (R,) where the rows of group g are counted `counts[r, g]` times; NaN where a resample has none."""
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.ranked is not None:
                return self.ranked(y, p, groups, counts)
            assert self.columns is not None
            assert self.finish is not None
            columns = self.columns(y, p)
            size = counts.shape[1]
            totals = np.column_stack([np.bincount(groups, column, minlength=size) for column in columns.T])
            return self.finish(counts @ totals)

    def goodness(self, values: Any) -> Any:
        """`values` turned so that more is better."""
        return values if self.direction == "up" else -values if self.direction == "down" else -np.abs(values)

    @property
    def scope(self) -> str:
        """Which classes a mean over classes is about, in words; empty for other metrics."""
        return f" (mean over classes of {rules.CLASSES.minimum_rows} rows or more)" if self.over_classes else ""

    @property
    def is_loss(self) -> bool:
        """A loss has a unit or a prevalence in it, so its gains are read as shares of no-skill."""
        return self.direction != "up"


class Defaults(NamedTuple):
    primary: str
    guardrails: dict[str, float]


roc_auc = Metric("roc_auc", "ROC AUC", "binary", "up", 1.0, lambda y: 0.5, both_classes=True, ranked=formulas.auc)
average_precision = Metric(
    "average_precision",
    "average precision",
    "binary",
    "up",
    1.0,
    formulas.rate,
    both_classes=True,
    ranked=formulas.precision_over_recall,
)
brier = Metric(
    "brier",
    "Brier score",
    "binary",
    "down",
    0.0,
    lambda y: formulas.rate(y) * (1 - formulas.rate(y)),
    probabilities=True,
    columns=lambda y, p: formulas.sums((p - y) ** 2),
    finish=formulas.mean,
)
log_loss = Metric(
    "log_loss",
    "log loss",
    "binary",
    "down",
    0.0,
    formulas.entropy,
    probabilities=True,
    columns=formulas.log_losses,
    finish=formulas.mean,
)
brier_skill = Metric(
    "brier_skill",
    "Brier skill score",
    "binary",
    "up",
    1.0,
    lambda y: 0.0,
    probabilities=True,
    both_classes=True,
    columns=lambda y, p: formulas.sums((p - y) ** 2, y),
    finish=formulas.skill,
)
macro_f1 = Metric(
    "macro_f1",
    "macro F1",
    "multiclass",
    "up",
    1.0,
    formulas.majority_f1,
    over_classes=True,
    columns=formulas.f1_columns,
    finish=formulas.mean_f1,
)
accuracy = Metric(
    "accuracy",
    "accuracy",
    "multiclass",
    "up",
    1.0,
    formulas.majority,
    columns=lambda y, p: formulas.sums(p.argmax(axis=1) == y),
    finish=formulas.mean,
)
multiclass_log_loss = Metric(
    "log_loss",
    "log loss",
    "multiclass",
    "down",
    0.0,
    formulas.entropy,
    probabilities=True,
    columns=formulas.class_log_losses,
    finish=formulas.mean,
)
ovr_roc_auc = Metric(
    "ovr_roc_auc",
    "one-vs-rest ROC AUC",
    "multiclass",
    "up",
    1.0,
    lambda y: 0.5,
    both_classes=True,
    over_classes=True,
    ranked=formulas.auc_of_classes,
)
mae = Metric(
    "mae",
    "mean absolute error",
    "regression",
    "down",
    0.0,
    formulas.around_median,
    columns=lambda y, p: formulas.sums(np.abs(y - p)),
    finish=formulas.mean,
)
rmse = Metric(
    "rmse",
    "root mean squared error",
    "regression",
    "down",
    0.0,
    lambda y: float(np.std(y)),
    columns=lambda y, p: formulas.sums((y - p) ** 2),
    finish=lambda totals: np.sqrt(formulas.mean(totals)),
)
r2 = Metric(
    "r2",
    "R²",
    "regression",
    "up",
    1.0,
    lambda y: 0.0,
    varying=True,
    columns=formulas.centred,
    finish=formulas.explained,
)
bias = Metric(
    "bias",
    "bias",
    "regression",
    "zero",
    0.0,
    lambda y: 0.0,
    columns=lambda y, p: formulas.sums(p - y),
    finish=formulas.mean,
    breadth=formulas.around_median,  # guessing the mean has no bias either: it is read against the no-skill error
)


def scaled_error(scale: float) -> Metric:
    """Mean absolute error over `scale`, the same error of a seasonal naive forecast on the training rows.

    Below one the model beats the naive forecast. Raises DataError for a scale that is not above zero.
    Hyndman & Koehler (2006), Another look at measures of forecast accuracy.
    """
    if not (np.isfinite(scale) and scale > 0):
        raise DataError("the scale of a scaled error must be above zero", expected="a positive number", got=scale)
    return Metric(
        "scaled_error",
        "scaled error (1 = seasonal naive)",
        "regression",
        "down",
        0.0,
        lambda y: formulas.around_median(y) / scale,
        columns=lambda y, p: formulas.sums(np.abs(y - p) / scale),
        finish=formulas.mean,
    )


METRICS: dict[Task, dict[str, Metric]] = {
    "binary": {m.name: m for m in (roc_auc, average_precision, brier, log_loss, brier_skill)},
    "multiclass": {m.name: m for m in (macro_f1, accuracy, multiclass_log_loss, ovr_roc_auc)},
    "regression": {m.name: m for m in (r2, mae, rmse, bias)},
}


def defaults(task: Task, y: Any = None) -> Defaults:
    """The primary metric of a task and its guardrails (metric -> how much worse it may be, share of no-skill).

    Several classes are judged as two are, each against the rest, weighted by their rows: a plain mean over classes
    turns on the few rows of the rarest. Where `y` (binary) says that one outcome is rare, the log loss guards too: a
    Brier score hardly notices what is said of one row in a hundred (Benedetti 2010).
    """
    usual = {
        "binary": Defaults("roc_auc", {"brier": 0.02}),
        "multiclass": Defaults("ovr_roc_auc", {"log_loss": 0.02}),
        "regression": Defaults("r2", {"mae": 0.02}),
    }[task]
    known = np.asarray([] if y is None else y, dtype=float)
    known = known[~np.isnan(known)]
    if task == "binary" and len(known):
        rate = float(known.mean())
        if 0 < min(rate, 1 - rate) < rules.RARE:
            return usual._replace(guardrails={**usual.guardrails, "log_loss": 0.02})
    return usual


def find(task: str, name: str) -> Metric:
    """The metric of a task by its name. Raises WrongUse, which lists the names that exist."""
    if task not in METRICS:
        raise WrongUse(f"unknown task {task!r}", expected=", ".join(METRICS), got=task)
    known = METRICS[task]
    if name not in known:
        raise WrongUse(f"no metric {name!r} for a {task} target", expected=", ".join(known), got=name)
    return known[name]


def score(task: Task, y_true: Any, y_pred: Any) -> dict[str, float]:
    """Every metric of the task by name; NaN where `why_not` has a reason."""
    return {name: metric(y_true, y_pred) for name, metric in METRICS[task].items()}


def why_not(metric: Metric, y_true: Any, y_pred: Any) -> str:
    """Why the metric is NaN on these rows, in words; empty where it can be computed."""
    return _why_not(metric, *_arrays(metric, y_true, y_pred))


def no_skill(task: Task, metric: str | Metric, y_true: Any) -> float:
    """What a prediction that knows only these rows' target distribution reaches; NaN without rows."""
    chosen = find(task, metric) if isinstance(metric, str) else metric
    y = _numbers(y_true)
    return float(chosen.chance(y)) if len(y) and np.isfinite(y).all() else float("nan")


def room(metric: Metric, y_true: Any) -> float:
    """The way from no-skill to perfect on these rows, the unit in which guardrails are judged; NaN without rows."""
    y = _numbers(y_true)
    if not len(y) or not np.isfinite(y).all():
        return float("nan")
    breadth = metric.breadth(y) if metric.breadth else abs(metric.perfect - metric.chance(y))
    return float(breadth) if breadth > 0 else float("nan")


def codes(labels: Any, classes: Any) -> Array:
    """Class codes 0..K-1 of labels, by their place in `classes`; NaN for a label that no model knows."""
    place = {label: code for code, label in enumerate(np.asarray(classes).tolist())}
    return np.array([place.get(label, np.nan) for label in np.asarray(labels).tolist()], dtype=float)


def _numbers(values: Any) -> Array:
    try:
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise DataError(
            "targets and predictions must be numbers",
            expected="0/1, class codes or measured values",
            got=f"{type(values).__name__} that does not convert: {error}",
            remedy="encode labels first: metrics.codes(labels, classes)",
        ) from error


def _arrays(metric: Metric, y_true: Any, y_pred: Any) -> tuple[Array, Array]:
    y, p = _numbers(y_true), _numbers(y_pred)
    wanted = 2 if metric.task == "multiclass" else 1
    if not p.size:  # no rows have no shape worth arguing about: there is nothing to measure, which `why_not` says
        p = p.reshape((0, 0) if wanted == 2 else (0,))
    if y.ndim != 1 or p.ndim != wanted or len(y) != len(p):
        shape = "(n, classes)" if wanted == 2 else "(n,)"
        raise DataError(
            f"targets and predictions do not fit {metric.title}",
            expected=f"targets (n,) and predictions {shape} of the same rows",
            got=f"targets {y.shape} and predictions {p.shape}",
        )
    return y, p


def _why_not(metric: Metric, y: Array, p: Array) -> str:
    if not len(y):
        return "there are no rows"
    for what, values in (("targets", y), ("predictions", p)):
        missing = int((~np.isfinite(values)).reshape(len(y), -1).any(axis=1).sum())
        if missing:
            return f"{missing} of {len(y)} {what} are missing or infinite"
    if metric.task == "binary" and not np.isin(y, (0, 1)).all():
        return "targets other than 0 and 1"
    if metric.task == "multiclass" and not (np.isin(y, np.arange(p.shape[1])).all()):
        return f"targets are not class codes of the {p.shape[1]} predicted classes"
    if metric.probabilities and ((p < 0).any() or (p > 1).any()):
        return "predictions outside 0 to 1 are not probabilities"
    if metric.probabilities and p.ndim == 2 and not np.allclose(p.sum(axis=1), 1, atol=1e-3):
        return "predictions of a row do not add up to one"
    if metric.both_classes and len(np.unique(y)) < 2:
        return f"all {len(y)} rows are of one class"
    if metric.over_classes and len(formulas.frequent(y)) < 2:
        return f"fewer than two classes have {rules.CLASSES.minimum_rows} rows"
    if metric.varying and (len(y) < 2 or np.ptp(y) == 0):
        return f"the target does not vary over {len(y)} rows"
    return ""
