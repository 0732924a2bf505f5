"""Calibration: when the model says 30 %, do three in ten happen?

The rules:
* the Brier score alone does not answer that: intercept (too high or too low overall) and slope (too extreme or too
  timid) come from a logistic recalibration, then bands of predictions against what happened
  (Van Calster et al. 2019, Calibration: the Achilles heel of predictive analytics);
* intervals by blocks; those of the bands hold together;
* numbers are recalibrated linearly, and a gap is a share of the error of no skill; of several classes it is the
  confidence in the chosen class that is judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, judge, plain
from sopkit.evidence.bootstrap import Interval, Plan, interval_of, plan_of, simultaneous
from sopkit.evidence.measure import Measure, finite, number
from sopkit.evidence.metrics import Task, mae, multiclass_log_loss, room, why_not
from sopkit.evidence.metrics import brier as brier_score

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart

__all__ = ["Calibration", "calibration_of"]

Array: TypeAlias = NDArray[Any]
LARGEST_BAND_GAP = 0.1
SMALLEST_PROBABILITY = 1e-6


@dataclass(frozen=True, eq=False)
class Calibration:
    """`intercept` is 0 and `slope` is 1 for a calibrated model; `bands` is the reliability table."""

    task: Task
    rows: int
    intercept: Interval
    slope: Interval
    bands: pd.DataFrame
    largest_gap: float
    unit: float
    reason: str = ""
    name: str = "the model"
    measured_in: str = ""
    points: tuple[Array, Array] | None = None

    @property
    def table(self) -> pd.DataFrame:
        return self.bands

    @property
    def gap(self) -> float | None:
        """The largest difference of a band between what was predicted and what happened, NaN bands aside."""
        gaps = (self.bands.observed - self.bands.predicted).abs() / self.unit
        return float(gaps.max()) if gaps.notna().any() else None

    @property
    def off(self) -> pd.DataFrame:
        """The bands whose interval does not hold what was predicted."""
        return self.bands[(self.bands.low > self.bands.predicted) | (self.bands.high < self.bands.predicted)]

    @property
    def measures(self) -> list[Measure]:
        """Intercept and slope inform; the largest gap of a band is judged, beyond what chance could make."""
        threshold = Threshold(op="at_most", value=self.largest_gap)
        wide = not self.bands.low.notna().any()
        verdict = Verdict.INSUFFICIENT if wide or self.gap is None else judge(self.gap, threshold)
        if verdict is Verdict.FAIL and not len(self.off):
            verdict = Verdict.INSUFFICIENT  # a gap that chance could have made in a band of so few rows
        less = ", actual less predicted" if self.task == "regression" else ""
        return [
            _informs(
                "calibration_intercept", f"Calibration intercept{less} (0 is right)", self.intercept, self.measured_in
            ),
            _informs("calibration_slope", "Calibration slope (1 is right)", self.slope),
            Measure(
                "calibration_gap",
                self.gap,
                verdict,
                self.reason or (self.intercept.reason if wide else self.finding),
                {"bands": len(self.bands), "rows": self.rows},
                threshold,
                "Largest gap between predicted and observed in a band",
                "of no-skill" if self.task == "regression" else "",
            ),
        ]

    @property
    def finding(self) -> str:
        if self.reason:
            return f"The calibration of {self.name} cannot be told: {self.reason}"
        off = self.off
        slope = f"slope {number(self.slope.value)}"
        if not self.slope.known:
            return f"Calibration of {self.name}: {slope}, without an interval: {self.slope.reason}"
        wide = (self.bands.observed - self.bands.predicted).abs() / self.unit > self.largest_gap
        if wide.any() and not len(off):  # chance could make such a gap: `insufficient`
            return f"Whether {self.name} keeps its word cannot be told in {wide.sum()} of {len(wide)} bands ({slope})"
        if not len(off):
            return f"{self.name} keeps its word in all {len(self.bands)} bands ({slope})"
        worst = off.loc[(off.observed - off.predicted).abs().idxmax()]
        unit = f" {self.measured_in}" if self.measured_in else ""
        said, was = (_percent(worst[c]) if self.task != "regression" else number(worst[c]) + unit for c in _SAID)
        told = "is {} sure where it is right in {}" if self.task == "multiclass" else "says {} where it is {}"
        return f"{self.name} is off in {len(off)} of {len(self.bands)} bands: {told.format(said, was)} ({slope})"

    def figure(self) -> Chart:
        """Observed against predicted, band by band, with the line of perfect calibration; numbers with all their rows
        behind the bands, darker where there are more of them."""
        from sopkit.evidence.charts import COLOURS, MUTED, dense, figure, literal

        subtitle = f"{self.rows:,} rows in {len(self.bands)} bands of equal size; intervals hold together"
        subtitle += "; grey: single rows, darker where more lie" if self.points is not None else ""
        chart, axes = figure(_capital(self.finding), subtitle=subtitle, width=6.2)
        bands, unit = self.bands, literal(f" ({self.measured_in})" if self.measured_in else "")
        if len(bands):
            both = bands[["predicted", "observed"]]
            edges = (float(both.min().min()), float(both.max().max()))
            if self.points is not None:
                edges = dense(axes, *self.points)
            axes.plot(edges, edges, color=MUTED, linestyle=(0, (4, 3)), linewidth=1.1)
            axes.annotate("as predicted", (edges[1], edges[1]), ha="right", va="bottom", fontsize=8, color=MUTED)
            if bands.low.notna().all():
                axes.vlines(bands.predicted, bands.low, bands.high, color=COLOURS[0], linewidth=2)
            axes.plot(bands.predicted, bands.observed, color=COLOURS[0], marker="o", markersize=5, linewidth=1)
        what = {"binary": "probability", "multiclass": "confidence in the answer", "regression": "value"}[self.task]
        axes.set_xlabel(f"predicted {what}{unit}, mean of the band")
        came = {"binary": "share that happened", "multiclass": "share of answers that were right"}
        axes.set_ylabel(came.get(self.task, f"actual value{unit}, mean of the band"))
        return chart

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "task": self.task,
                    "rows": self.rows,
                    "finding": self.finding,
                    "intercept": self.intercept.to_dict(),
                    "slope": self.slope.to_dict(),
                    "bands": self.bands.to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{_capital(self.finding)}. Intercept {self.intercept}, slope {self.slope}.")


def calibration_of(
    y: Any,
    p: Any,
    *,
    task: Task,
    blocks: Any,
    evaluation: Evaluation | None = None,
    bands: int = 10,
    largest_gap: float = LARGEST_BAND_GAP,
    name: str = "the model",
    unit: str = "",
) -> Calibration:
    """Recalibration and banded reliability of predictions on later rows; arguments as for `comparison.compare`.

    `largest_gap` is in probability, or for numbers a share of the no-skill error; `unit` is that of the target.
    """
    evaluation = evaluation or Evaluation()
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    metric = {"binary": brier_score, "multiclass": multiclass_log_loss, "regression": mae}[task]
    reason = why_not(metric, y, p)
    if task == "multiclass" and not reason:
        y, p = (p.argmax(axis=1) == y).astype(float), p.max(axis=1)
    if not reason and (np.ptp(y) == 0 or np.ptp(p) == 0):
        reason = "the target does not vary" if np.ptp(y) == 0 else "all predictions are equal"
    drawn = plan_of(evaluation, blocks, len(y))
    if reason:
        none = Interval(np.nan, np.nan, np.nan, 0, drawn.blocks, "none", reason, evaluation.confidence)
        table = pd.DataFrame(columns=_BANDS, dtype=float)
        return Calibration(task, len(y), none, none, table, largest_gap, 1.0, reason, name, unit)
    logistic = task != "regression"
    intercept, slope = _recalibration(y, p, drawn, evaluation.confidence, logistic=logistic)
    scale = 1.0 if logistic else room(mae, y)
    table = _bands(y, p, drawn, bands, evaluation.confidence)
    if logistic:
        table[["low", "high"]] = table[["low", "high"]].clip(0, 1)
    points = None if logistic else (p, y)
    return Calibration(task, len(y), intercept, slope, table, largest_gap, scale, "", name, unit, points)


_BANDS = ["band", "rows", "predicted", "observed", "low", "high"]
_SAID = ("predicted", "observed")


def _recalibration(y: Array, p: Array, drawn: Plan, confidence: float, *, logistic: bool) -> tuple[Interval, Interval]:
    """Intercept (slope held at one) and slope of y on the (logit of the) prediction, by maximum likelihood."""
    if logistic:
        p = np.clip(p, SMALLEST_PROBABILITY, 1 - SMALLEST_PROBABILITY)
        line = np.log(p) - np.log1p(-p)
    else:
        line = p
    ones = np.ones((len(y), 1))
    with_slope = np.column_stack([ones, line])
    alone = _fit(y, ones, line, np.zeros(1), drawn, logistic=logistic)
    both = _fit(y, with_slope, np.zeros(len(y)), np.array([0.0, 1.0]), drawn, logistic=logistic)
    return (
        interval_of(float(alone[0][0]), alone[1][:, 0], drawn, confidence),
        interval_of(float(both[0][1]), both[1][:, 1], drawn, confidence),
    )


def _fit(y: Array, x: Array, offset: Array, start: Array, drawn: Plan, *, logistic: bool) -> tuple[Array, Array]:
    """Newton's method for the coefficients (k,), and one Newton step of each resample from there (R, k).

    The one-step bootstrap (Moulton & Zeger 1991) is exact for a linear recalibration and needs sums by group only.
    """
    k = x.shape[1]
    coefficients = start
    for _ in range(50):
        score, curve = _likelihood(y, x, offset + x @ coefficients, logistic=logistic)
        step = np.linalg.lstsq(curve.sum(axis=0).reshape(k, k), score.sum(axis=0), rcond=None)[0]
        coefficients = coefficients + np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-9:
            break
    score, curve = _likelihood(y, x, offset + x @ coefficients, logistic=logistic)
    size = drawn.counts.shape[1]
    sums = [np.bincount(drawn.groups, column, minlength=size) for column in (*score.T, *curve.T)]
    totals = drawn.counts @ np.column_stack(sums)
    draws = np.full((len(totals), k), np.nan)
    for r, total in enumerate(totals):
        matrix = total[k:].reshape(k, k)
        if np.linalg.cond(matrix) < 1e12:
            draws[r] = coefficients + np.linalg.solve(matrix, total[:k])
    return coefficients, draws


def _likelihood(y: Array, x: Array, line: Array, *, logistic: bool) -> tuple[Array, Array]:
    """Row by row the score (n, k) and the information (n, k*k)."""
    from scipy.special import expit

    mean = expit(line) if logistic else line
    weight = mean * (1 - mean) if logistic else np.ones(len(y))
    outer = (x[:, :, None] * x[:, None, :]).reshape(len(y), -1)
    return x * (y - mean)[:, None], outer * weight[:, None]


def _bands(y: Array, p: Array, drawn: Plan, bands: int, confidence: float) -> pd.DataFrame:
    edges = np.unique(np.quantile(p, np.linspace(0, 1, bands + 1)[1:-1]))
    band = np.searchsorted(edges, p, side="right")
    numbers = np.unique(band)
    size = drawn.counts.shape[1]
    hits = np.column_stack([np.bincount(drawn.groups, y * (band == k), minlength=size) for k in numbers])
    rows = np.column_stack([np.bincount(drawn.groups, band == k, minlength=size) for k in numbers])
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = (drawn.counts @ hits) / (drawn.counts @ rows)
    observed = np.array([y[band == k].mean() for k in numbers])
    ends = simultaneous(observed, draws, drawn, confidence)
    if set(np.unique(y)) <= {0.0, 1.0}:
        _without_exception(ends, observed, [len(np.unique(drawn.groups[band == k])) for k in numbers], confidence)
    return pd.DataFrame(
        {
            "band": np.arange(1, len(numbers) + 1),
            "rows": [int((band == k).sum()) for k in numbers],
            "predicted": [p[band == k].mean() for k in numbers],
            "observed": observed,
            "low": ends[:, 0],
            "high": ends[:, 1],
        }
    )


def _without_exception(ends: Array, observed: Array, units: list[int], confidence: float) -> None:
    """Where all rows of a band happened, or none, no resample differs: the interval is Clopper & Pearson's (1934) of as
    many units as there are blocks in the band, for all bands together (Bonferroni)."""
    for k, (seen, n) in enumerate(zip(observed, units, strict=True)):
        if seen in (0.0, 1.0) and np.isfinite(ends[k]).all():
            reach = ((1 - confidence) / len(observed)) ** (1 / n)
            ends[k] = (reach, 1.0) if seen == 1.0 else (0.0, 1 - reach)


def _informs(name: str, title: str, interval: Interval, unit: str = "") -> Measure:
    value = finite(interval.value)
    verdict = None if interval.known else Verdict.INSUFFICIENT
    reason = str(interval) if interval.known else interval.reason
    return Measure(name, value, verdict, reason, interval.to_dict(), title=title, unit=unit)


def _percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
