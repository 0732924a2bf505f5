"""The curves behind the numbers: both models on the same later rows, as points that a page can draw.

The rules:
* of two classes and of several, each against the rest: the receiver operating characteristic and precision over
  recall (Fawcett 2006; Davis & Goadrich 2006), exact at every threshold, then thinned to `POINTS`; of several classes
  the `CLASSES` most frequent, and what was answered for what;
* of numbers: what came in bands of what was predicted, and how the errors lie;
* a model whose answers cannot be ranked has no curve, and `reasons` says why;
* a model that gives the very answers of the challenger is not drawn twice;
* curves inform. No verdict is read from a picture: `comparison`, `calibration` and `residuals` judge.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import plain
from sopkit.evidence.charts import shared_histograms
from sopkit.evidence.gains import CHALLENGER, CHAMPION, RECIPE
from sopkit.evidence.measure import Measure, number, percent
from sopkit.evidence.metrics import METRICS, Task, why_not

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["Curves", "Outcome", "curves_of"]

Array: TypeAlias = NDArray[Any]
Line: TypeAlias = list[tuple[float, float]]
POINTS = 100
CLASSES = 6
TOLD_APART = 12  # classes of the confusion; the others stand together
BANDS = 10
BINS = 30
OTHERS = "all others"
NEEDS = {
    "binary": "roc_auc",
    "multiclass": "accuracy",
    "regression": "mae",
}  # the metric that wants the same of answers


@dataclass(frozen=True)
class Outcome:
    """One class against the rest. Lines by model: `roc` (false, true positive rate), `recall` (recall, precision)."""

    name: str
    rows: int
    rate: float
    roc: Mapping[str, Line]
    recall: Mapping[str, Line]


@dataclass(frozen=True, eq=False)
class Curves:
    """`outcomes` where classes are told apart; `bands` and `errors` (shares between `edges`) of numbers.

    `confusion`: by model, rows of the true class (down) that were given the answer (across), in the order of `classes`.
    """

    task: Task
    rows: int
    names: Mapping[str, str]
    unit: str = ""
    outcomes: tuple[Outcome, ...] = ()
    classes: tuple[str, ...] = ()
    confusion: Mapping[str, list[list[int]]] = field(default_factory=dict)
    bands: Mapping[str, list[dict[str, float]]] = field(default_factory=dict)
    edges: tuple[float, ...] = ()
    errors: Mapping[str, list[float]] = field(default_factory=dict)
    usual_error: Mapping[str, float] = field(default_factory=dict)
    reasons: Mapping[str, str] = field(default_factory=dict)

    @property
    def table(self) -> pd.DataFrame:
        """One row a point of the first outcome, or a band: what the figure draws."""
        if self.bands:
            return pd.DataFrame([{"model": arm} | band for arm, found in self.bands.items() for band in found])
        lines = self.outcomes[0].roc if self.outcomes else {}
        rows = [
            {"model": arm, "false_positives": x, "true_positives": y} for arm, line in lines.items() for x, y in line
        ]
        return pd.DataFrame(rows, columns=["model", "false_positives", "true_positives"])

    @property
    def measures(self) -> list[Measure]:
        """None: a curve is no measure."""
        return []

    @property
    def finding(self) -> str:
        """What the picture says, in one sentence."""
        told = self._of_numbers() if self.task == "regression" else self._of_classes()
        lost = "; ".join(f"{self.names[arm]} has no curve: {reason}" for arm, reason in self.reasons.items())
        told = "; ".join(part for part in (told, lost) if part) or "There are no rows to draw a curve of"
        return told[:1].upper() + told[1:]

    def figure(self) -> Chart | Note:
        """The curves of both models; of numbers what came over what was predicted, and the errors."""
        from sopkit.evidence.curve_figures import bands_figure, roc_figure
        from sopkit.evidence.overview import nothing

        if self.task == "regression":
            return bands_figure(self) if self.bands else nothing(self.finding)
        return roc_figure(self) if self.outcomes else nothing(self.finding)

    def to_dict(self) -> dict[str, Any]:
        kept = {name: getattr(self, name) for name in ("task", "rows", "finding", "names", "unit", "reasons")}
        outcomes = [
            {"class": each.name, "rows": each.rows, "rate": each.rate, "roc": each.roc, "precision_recall": each.recall}
            for each in self.outcomes
        ]
        kept |= {"outcomes": outcomes, "confusion": {"classes": self.classes, **self.confusion}}
        kept |= {"bands": self.bands, "errors": {"edges": self.edges, **self.errors}, "usual_error": self.usual_error}
        return dict(plain(kept))

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}.")

    def _of_numbers(self) -> str:
        arms = [arm for arm in (CHALLENGER, CHAMPION) if arm in self.usual_error]
        told = [f"{number(self.usual_error[arm])} {self.unit}".strip() + f" of {self.names[arm]}" for arm in arms]
        return f"half of the errors are below {', and below '.join(told)}" if told else ""

    def _of_classes(self) -> str:
        if self.confusion:
            right = {arm: sum(found[k][k] for k in range(len(found))) for arm, found in self.confusion.items()}
            words = [
                f"{self.names[arm]} answers {percent(right[arm] / self.rows)} of rows rightly"
                for arm in (CHALLENGER, CHAMPION)
                if arm in right
            ]
            return ", ".join(words)
        found = self.outcomes[0].roc if self.outcomes else {}
        words = [
            f"{self.names[arm]} finds {percent(_at(found[arm], 0.1), 0)} of the positives"
            for arm in (CHALLENGER, CHAMPION)
            if arm in found
        ]
        return f"flagging one in ten of the others, {', '.join(words)}" if words else ""


def curves_of(
    y: Any,
    champion: Any,
    challenger: Any,
    *,
    task: Task,
    recipe_on_new_data: Any = None,
    labels: Sequence[str] | None = None,
    names: Mapping[str, str] | None = None,
    unit: str = "",
) -> Curves:
    """The curves of both models on the same later rows; arguments as for `compare`.

    `labels` are the names of several classes in the order of the columns.
    """
    truth = np.asarray(y, dtype=float)
    given = {CHAMPION: champion, CHALLENGER: challenger, RECIPE: recipe_on_new_data}
    arms = {arm: np.asarray(p, dtype=float) for arm, p in given.items() if p is not None}
    if RECIPE in arms and np.array_equal(arms[RECIPE], arms[CHALLENGER], equal_nan=True):
        del arms[RECIPE]
    metric = METRICS[task][NEEDS[task]]
    reasons = {arm: reason for arm, p in arms.items() if (reason := why_not(metric, truth, p))}
    shown = {arm: p for arm, p in arms.items() if arm not in reasons}
    called = {CHAMPION: "the champion", CHALLENGER: "the challenger", RECIPE: "the old recipe on new data"}
    called = {arm: name for arm, name in (called | dict(names or {})).items() if arm in arms}
    common: dict[str, Any] = {"task": task, "rows": len(truth), "names": called, "unit": unit, "reasons": reasons}
    if not shown:
        return Curves(**common)
    if task == "regression":
        edges, errors = _errors({arm: p - truth for arm, p in shown.items()})
        usual = {arm: float(np.median(np.abs(p - truth))) for arm, p in shown.items()}
        bands = {arm: _bands(truth, p) for arm, p in shown.items()}
        return Curves(**common, bands=bands, edges=edges, errors=errors, usual_error=usual)
    if task == "binary":
        return Curves(**common, outcomes=(_outcome("", truth == 1, shown),))
    width = next(iter(shown.values())).shape[1]
    named = [str(label) for label in labels or range(width)]
    rows = np.bincount(truth.astype(np.intp), minlength=width)
    frequent = [int(k) for k in np.argsort(-rows, kind="stable") if 0 < rows[k] < len(truth)]
    outcomes = [_outcome(named[k], truth == k, {arm: p[:, k] for arm, p in shown.items()}) for k in frequent[:CLASSES]]
    classes, confusion = _confusion(truth.astype(np.intp), shown, named, frequent)
    return Curves(**common, outcomes=tuple(outcomes), classes=classes, confusion=confusion)


def _outcome(name: str, actual: Array, arms: Mapping[str, Array]) -> Outcome:
    both = {arm: _lines(actual, p) for arm, p in arms.items()}
    roc = {arm: found[0] for arm, found in both.items()}
    recall = {arm: found[1] for arm, found in both.items()}
    return Outcome(name, int(actual.sum()), float(actual.mean()), roc, recall)


def _lines(actual: Array, p: Array) -> tuple[Line, Line]:
    """Both curves at every threshold, equal answers taken together, then thinned evenly along their length."""
    order = np.argsort(-p, kind="stable")
    ranked = p[order]
    last = np.append(np.flatnonzero(np.diff(ranked)), len(p) - 1)
    hits = np.cumsum(actual[order])[last]
    false = last + 1 - hits
    found, wrong = hits / hits[-1], false / false[-1]
    roc = _thinned(np.append(0.0, wrong), np.append(0.0, found))
    precision = hits / (last + 1)
    return roc, _thinned(found, precision)


def _thinned(x: Array, y: Array) -> Line:
    """At most `POINTS` of the points (n,), both ends among them, evenly along the way."""
    way = np.append(0.0, np.cumsum(np.abs(np.diff(x)) + np.abs(np.diff(y))))
    if len(x) > POINTS:
        kept = np.unique(np.searchsorted(way, np.linspace(0, way[-1], POINTS)).clip(0, len(x) - 1))
        kept[-1] = len(x) - 1
        x, y = x[kept], y[kept]
    return [(round(float(a), 4), round(float(b), 4)) for a, b in zip(x, y, strict=True)]


def _at(line: Line, x: float) -> float:
    return float(np.interp(x, [point[0] for point in line], [point[1] for point in line]))


def _confusion(
    truth: Array, arms: Mapping[str, Array], named: Sequence[str], frequent: Sequence[int]
) -> tuple[tuple[str, ...], dict[str, list[list[int]]]]:
    """Rows by true class and answer; classes beyond `TOLD_APART` stand together in the last place."""
    shown = list(frequent[:TOLD_APART])
    place = np.full(len(named), len(shown))
    place[shown] = np.arange(len(shown))
    answers = {arm: p.argmax(axis=1) for arm, p in arms.items()}
    met = np.unique(np.concatenate([truth, *answers.values()]))
    size = len(shown) + bool((place[met] == len(shown)).any())
    tables = {}
    for arm, answer in answers.items():
        cells = np.bincount(place[truth] * size + place[answer], minlength=size * size)
        tables[arm] = cells.reshape(size, size).tolist()
    return (*(named[k] for k in shown), *([OTHERS] if size > len(shown) else [])), tables


def _bands(y: Array, p: Array) -> list[dict[str, float]]:
    """Rows in bands of what was predicted, of equal size: its mean, and mean and middle 80 % of what came."""
    bands = []
    for part in np.array_split(np.argsort(p, kind="stable"), min(BANDS, len(p))):
        low, high = np.quantile(y[part], [0.1, 0.9])
        band = {"predicted": p[part].mean(), "observed": y[part].mean(), "low": low, "high": high, "rows": len(part)}
        bands.append({name: float(value) for name, value in band.items()})
    return bands


def _errors(errors: Mapping[str, Array]) -> tuple[tuple[float, ...], dict[str, list[float]]]:
    """Shares of the errors of all models between the same edges; what lies far out is counted at the ends."""
    every = np.concatenate(list(errors.values()))
    edges, _ = shared_histograms(every, every, BINS)
    shares = {arm: np.histogram(np.clip(e, edges[0], edges[-1]), edges)[0] / len(e) for arm, e in errors.items()}
    return tuple(float(edge) for edge in edges), {
        arm: [float(share) for share in found] for arm, found in shares.items()
    }
