"""A second opinion on two forecasts: Diebold and Mariano's test, made for losses that follow one another in time.

The blocks of the bootstrap are drawn as if one day told nothing about the next. Where it does (a bad week is bad for
seven days) their interval is too narrow. So the losses of the two models are also compared as one series:
* one number a natural period (a block of time), the sum of its loss differences, so that the mean over periods is the
  gain over all rows whatever their number in each;
* the variance of its mean counts autocorrelation up to `1.3 sqrt(n)` periods (Newey & West 1987; the bandwidth of
  Lazarus, Lewis, Stock & Watson 2018, wide enough to keep the size where the usual one does not);
* small samples are corrected for, and judged by Student's t (Harvey, Leybourne & Newbold 1997);
* under twenty periods, or with blocks that are no times, there is no second opinion, and it says so;
* where only the blocks see a gain that the rule asks for, and the series does not, the champion stays.

Diebold & Mariano (1995), Comparing predictive accuracy, J. Business & Economic Statistics 13.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict, plain
from sopkit.evidence.bootstrap import MINIMUM_BLOCKS, Interval
from sopkit.evidence.measure import Measure, finite, number
from sopkit.evidence.metrics import mae, r2, room

__all__ = ["DieboldMariano", "SecondOpinion", "diebold_mariano", "of_series", "second_opinions"]

Array: TypeAlias = NDArray[Any]
LOSSES = {"r2": "squared error", "rmse": "squared error", "mae": "absolute error"}


@dataclass(frozen=True)
class DieboldMariano:
    """The mean loss difference (above zero: the second forecast is better) with its interval, statistic and p value.

    `lags`: how far back autocorrelation is counted, in periods; `first_order`: the autocorrelation of one step.
    """

    loss: str
    interval: Interval
    statistic: float
    p_value: float
    periods: int
    lags: int
    first_order: float

    def to_dict(self) -> dict[str, Any]:
        told = plain({name: value for name, value in vars(self).items() if name != "interval"})
        return {**told, "interval": self.interval.to_dict()}


def diebold_mariano(
    y: Any,
    one: Any,
    other: Any,
    blocks: Any,
    *,
    metric: str = "mae",
    scale: float = 1.0,
    confidence: float = 0.95,
    minimum: int = MINIMUM_BLOCKS,
) -> DieboldMariano:
    """How much smaller the loss of `other` is than that of `one`, per row and over `scale`, with its interval.

    `blocks` (n,) are the numbers of the rows' periods, in the order of time; gaps are passed over. `metric` names the
    loss: `mae` the absolute error, `r2` and `rmse` the squared one.
    """
    y, one, other = (np.asarray(values, dtype=float) for values in (y, one, other))
    labels = np.asarray(blocks)
    loss = LOSSES.get(metric, "absolute error")
    if not np.issubdtype(labels.dtype, np.number):
        return _none(loss, "blocks are not periods of time", confidence)
    power = 2 if loss == "squared error" else 1
    each = (np.abs(one - y) ** power - np.abs(other - y) ** power) / scale
    if not len(each) or not np.isfinite(each).all():
        return _none(loss, "there are no rows" if not len(each) else "losses are missing or infinite", confidence)
    period = np.unique(labels, return_inverse=True)[1]
    sums, rows = np.bincount(period, each), np.bincount(period)
    mean = float(each.mean())
    # the sum of a period less what its number of rows lets expect: a mean of rows is a ratio (Cochran 1977, ch. 6)
    series = mean + (sums - rows * mean) * len(rows) / len(each)
    return of_series(series, loss=loss, confidence=confidence, minimum=minimum)


def of_series(
    differences: Any, *, loss: str = "", confidence: float = 0.95, minimum: int = MINIMUM_BLOCKS
) -> DieboldMariano:
    """The test on loss differences (n,) that follow one another in time, one a period."""
    from scipy.special import stdtr, stdtrit

    series = np.asarray(differences, dtype=float)
    n = len(series)
    if n < minimum:
        return _none(loss, f"only {n} period{'s' if n != 1 else ''}, {minimum} are needed", confidence, n)
    mean = float(series.mean())
    away = series - mean
    moment = float(away @ away)
    if moment <= 1e-30 * max(1.0, mean * mean) * n:
        return _none(loss, "the loss differences do not vary", confidence, n, mean)
    horizon = int(np.ceil(1.3 * np.sqrt(n)))
    steps = np.arange(1, horizon)
    covariances = np.array([away[step:] @ away[:-step] for step in steps])
    variance = (moment + 2 * float(((1 - steps / horizon) * covariances).sum())) / n**2
    correction = np.sqrt((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n)
    error = float(np.sqrt(variance) / correction)
    statistic = mean / error
    reach = float(stdtrit(n - 1, (1 + confidence) / 2)) * error
    interval = Interval(mean, mean - reach, mean + reach, 0, n, "blocks", "", confidence)
    p_value = float(2 * stdtr(n - 1, -abs(statistic)))
    return DieboldMariano(loss, interval, statistic, p_value, n, horizon - 1, float(covariances[0] / moment))


def _none(loss: str, reason: str, confidence: float, periods: int = 0, value: float = float("nan")) -> DieboldMariano:
    nothing = float("nan")
    interval = Interval(value, nothing, nothing, 0, periods, "none", reason, confidence)
    return DieboldMariano(loss, interval, nothing, nothing, periods, 0, nothing)


@dataclass(frozen=True)
class SecondOpinion:
    """One metric seen twice: `blocks` is the gain by resampled blocks, `series` the same as one series in time.

    Both in the unit in which the rule reads the metric; `line` is what the lower end has to be above.
    """

    name: str
    title: str
    line: float
    blocks: Interval
    series: DieboldMariano

    @property
    def agrees(self) -> bool | None:
        """Whether both see the gain above the line, or neither does; None where one of them sees nothing."""
        if not self.blocks.known or not self.series.interval.known:
            return None
        return (self.blocks.low > self.line) == (self.series.interval.low > self.line)

    @property
    def words(self) -> str:
        series, n = self.series, self.series.periods
        if not series.interval.known:
            return f"no second opinion on {self.title}: {series.interval.reason}"
        seen = f"{self.title}: by blocks {self.blocks}, as one series of {n} periods {series.interval}"
        seen += f" (autocorrelation {number(series.first_order)}, p {number(series.p_value)})"
        if self.agrees is None or self.agrees:
            return seen
        if self.blocks.low > self.line:
            return f"{seen}: only where periods are taken for independent is it shown to be above {number(self.line)}"
        return f"{seen}: only the series shows it above {number(self.line)}"

    @property
    def measure(self) -> Measure:
        """`fail` where the rule's interval sees what the series does not, `insufficient` the other way round."""
        end = self.series.interval.low
        verdict = Verdict.PASS if self.agrees else Verdict.INSUFFICIENT
        if self.agrees is False and self.blocks.low > self.line:
            verdict = Verdict.FAIL
        return Measure(
            f"second_opinion_{self.name}",
            finite(end),
            verdict,
            self.words,
            {"blocks": self.blocks.to_dict(), "series": self.series.to_dict(), "line": self.line},
            title=f"Second opinion on {self.title} (Diebold & Mariano), lower end",
        )

    def to_dict(self) -> dict[str, Any]:
        return {"metric": self.name, "agrees": self.agrees, "words": self.words, "series": self.series.to_dict()}


def second_opinions(
    y: Any,
    champion: Any,
    challenger: Any,
    blocks: Any,
    gains: Mapping[str, Interval],
    *,
    lines: Mapping[str, float],
    evaluation: Evaluation,
) -> tuple[SecondOpinion, ...]:
    """The gains of numbers in R² and absolute error once more. `gains` are by blocks: R² in points, the absolute error
    as a share of no-skill; `lines` what each has to be above (zero where none is given)."""
    truth = np.asarray(y, dtype=float)
    finite = len(truth) > 0 and bool(np.isfinite(truth).all())
    told = []
    for metric, scale in ((r2, float(np.var(truth)) if finite else np.nan), (mae, room(mae, truth))):
        if metric.name not in gains:
            continue
        series = diebold_mariano(
            truth,
            champion,
            challenger,
            blocks,
            metric=metric.name,
            scale=scale if scale > 0 else float("nan"),
            confidence=evaluation.confidence,
            minimum=evaluation.minimum_blocks,
        )
        title = metric.title + (" (share of no-skill)" if metric.is_loss else "")
        told.append(SecondOpinion(metric.name, title, lines.get(metric.name, 0.0), gains[metric.name], series))
    return tuple(told)
