"""Intervals by resampling blocks: how far would this number have moved in another month like this one?

The rules:
* what is resampled is the block (a day, an entity), never the row inside it: rows of one day share their weather,
  and an interval that pretends otherwise is several times too narrow (Künsch 1989; Obuchowski 1997);
* two models are resampled together, on the same rows;
* under a minimum number of blocks there is no interval, and it says so. Rows are resampled one by one only where each
  is a block of its own, which takes a model file that says why (`separation.blocks_of`);
* each block is taken for a stranger. Where neighbouring blocks of time agree (a bad week is bad for seven days) an
  interval says how much wider it would have to be (`neighbours`): of a gain the signer is told, an alarm waits for it;
* percentile intervals, widened for the number of blocks (Hesterberg 2015, What teachers should know about the
  bootstrap, section 3.2: without it 20 blocks cover about 92 % where 95 % is promised);
* resamples in which the metric does not exist are counted, and too many of them are no interval.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sopkit.definitions.durations import parse_duration
from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import plain
from sopkit.errors import DataError, WrongUse
from sopkit.evidence.measure import number
from sopkit.evidence.metrics import Metric, why_not
from sopkit.evidence.neighbours import widened

__all__ = [
    "Interval",
    "Plan",
    "Resampled",
    "interval_of",
    "mean_interval",
    "metric_interval",
    "paired_difference",
    "plan",
    "plan_of",
    "resampled",
    "simultaneous",
    "time_blocks",
]

Array: TypeAlias = NDArray[Any]
Method = Literal["blocks", "none"]
MINIMUM_BLOCKS = 20
LARGEST_SHARE_LOST = 0.1
# More independent units than this are dealt at random into so many groups: the variance of the resamples keeps its
# expectation, its own error (4.5 %) is that of 500 resamples, and a million rows cost no more than a thousand.
LARGEST_GROUPS = 1000
# Blocks of time are not dealt but joined with their neighbours: with more than these the 500 resamples tell too little
# about how neighbours agree.
LARGEST_GROUPS_OF_TIME = 250


@dataclass(frozen=True)
class Interval:
    """A value with the interval that resampling gives it; `low` and `high` are NaN where there is none, and why.

    `neighbours`: how many times as wide it would be if blocks that follow one another were no strangers.
    """

    value: float
    low: float
    high: float
    resamples: int
    blocks: int
    method: Method
    reason: str = ""
    confidence: float = 0.95
    neighbours: float = 1.0

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.value) and np.isfinite(self.low) and np.isfinite(self.high))

    def scaled(self, factor: float) -> Interval:
        """The interval in another unit; a negative factor turns it round."""
        low, high = sorted((self.low * factor, self.high * factor)) if self.known else (np.nan, np.nan)
        return replace(self, value=self.value * factor, low=float(low), high=float(high))

    @property
    def with_neighbours(self) -> Interval:
        """The interval that it would be if neighbouring blocks were counted."""
        low, high = (float(self.value + self.neighbours * (end - self.value)) for end in (self.low, self.high))
        return replace(self, low=low, high=high, neighbours=1.0)

    def to_dict(self) -> dict[str, Any]:
        return dict(plain(asdict(self)))

    def __str__(self) -> str:
        if not self.known:
            return f"{number(self.value)} (no interval: {self.reason})"
        return f"{number(self.value)} [{number(self.low)}, {number(self.high)}]"


@dataclass(frozen=True, eq=False)
class Plan:
    """How rows are resampled: row i belongs to group `groups[i]`, which resample r counts `counts[r, group]` times.

    `blocks` is the number of independent units there are; `method` is `none` when there are too few. `in_time`: groups
    follow one another in time.
    """

    groups: Array
    counts: Array
    blocks: int
    method: Method
    reason: str = ""
    in_time: bool = False

    def of_at_least(self, minimum: int, what: str = "rows") -> Plan:
        """The same, without resamples where there are fewer rows than `minimum`, and the reason."""
        rows = len(self.groups)
        if rows >= minimum:
            return self
        reason = f"only {rows} {what}, {minimum} are needed"
        return replace(self, counts=np.empty((0, 1)), method="none", reason=reason)

    def of(self, rows: Array, minimum_blocks: int = MINIMUM_BLOCKS) -> Plan:
        """The same resamples for some of the rows (a boolean mask), as slices need them."""
        groups = self.groups[rows]
        blocks = len(np.unique(groups))
        if self.method == "none" or blocks >= minimum_blocks:
            return replace(self, groups=groups, blocks=blocks)
        return replace(self, groups=groups, blocks=blocks, method="none", reason=_too_few(blocks, minimum_blocks))


@dataclass(frozen=True, eq=False)
class Resampled:
    """One metric of one model: `value` on all rows, `draws` (R,) on the resamples of `plan`."""

    metric: Metric
    value: float
    draws: Array
    plan: Plan
    confidence: float

    @property
    def interval(self) -> Interval:
        return interval_of(self.value, self.draws, self.plan, self.confidence)

    def better_than(self, other: Resampled) -> Interval:
        """The paired gain over `other`, which shares metric and plan; above zero, this one is better."""
        good = self.metric.goodness
        drawn = other.plan if np.isnan(other.value) else self.plan
        value = float(good(self.value) - good(other.value))
        if np.isnan(value) or drawn.method == "none":
            return interval_of(value, np.empty(0), replace(drawn, method="none"), self.confidence)
        return interval_of(value, good(self.draws) - good(other.draws), drawn, self.confidence)


def time_blocks(times: Any, length: str | timedelta = "1d") -> Array:
    """The number of the block of time that each row falls into; blocks start at midnight UTC for whole days.

    Raises WrongUse for a length that is not above zero and DataError for a missing time.
    """
    import pandas as pd

    seconds = parse_duration(length).total_seconds()
    if seconds <= 0:
        raise WrongUse("a block of time must have a length", expected="1d, 12h …", got=length)
    moments = pd.to_datetime(pd.Series(times).reset_index(drop=True), utc=True)
    if moments.isna().any():
        raise DataError(f"{int(moments.isna().sum())} rows have no time, so they belong to no block")
    epoch = pd.Timestamp(0, tz="UTC")
    return np.asarray((moments - epoch).dt.total_seconds() // seconds, dtype=np.int64)


def plan(
    blocks: Any,
    rows: int,
    *,
    resamples: int = 500,
    minimum_blocks: int = MINIMUM_BLOCKS,
    seed: int = 0,
) -> Plan:
    """Draw the resamples once, so that everything measured on the same rows shares them.

    `blocks` are labels (n,) of any kind: days, hours, entities; numbers stand for periods that follow one another. With
    None it is not known which rows belong together, and there is no interval.
    Raises DataError when labels and rows do not fit or a label is missing.
    """
    import pandas as pd

    random = np.random.default_rng(seed)
    together = np.zeros(rows, dtype=np.intp)
    if blocks is None:
        return Plan(together, np.empty((0, 1)), rows, "none", "rows are not known to be independent")
    labels = np.asarray(blocks)
    if labels.shape != (rows,):
        raise DataError("blocks do not fit the rows", expected=f"labels ({rows},)", got=str(labels.shape))
    groups, names = pd.factorize(labels, sort=np.issubdtype(labels.dtype, np.number))
    if (groups < 0).any():
        raise DataError(f"{int((groups < 0).sum())} rows have no block")
    units = len(names)
    if units < minimum_blocks:
        return Plan(together, np.empty((0, 1)), units, "none", _too_few(units, minimum_blocks))
    in_time = np.issubdtype(labels.dtype, np.number) and units < rows
    size = min(units, LARGEST_GROUPS_OF_TIME if in_time else LARGEST_GROUPS)
    if units > size:
        groups = groups * size // units if in_time else random.permutation(np.arange(units) % size)[groups]
    counts = random.multinomial(size, np.full(size, 1 / size), size=resamples).astype(float)
    return Plan(groups, counts, units, "blocks", in_time=in_time)


def plan_of(evaluation: Evaluation, blocks: Any, rows: int) -> Plan:
    """The resamples as a model file's evaluation says; see `plan`."""
    return plan(
        blocks,
        rows,
        resamples=evaluation.resamples,
        minimum_blocks=evaluation.minimum_blocks,
        seed=evaluation.seed,
    )


def interval_of(value: float, draws: Array, drawn: Plan, confidence: float = 0.95) -> Interval:
    """The percentile interval of `draws` (R,) around a value, widened for the number of blocks."""
    from scipy.special import ndtr, stdtrit

    none = Interval(value, np.nan, np.nan, len(draws), drawn.blocks, drawn.method, drawn.reason, confidence)
    if drawn.method == "none" or not len(draws):
        return replace(none, method="none")
    if not np.isfinite(value):
        return replace(none, method="none", reason=drawn.reason or "there is no value")
    kept = draws[np.isfinite(draws)]
    lost = len(draws) - len(kept)
    if lost > LARGEST_SHARE_LOST * len(draws):
        return replace(none, method="none", reason=f"the metric does not exist in {lost} of {len(draws)} resamples")
    n = max(drawn.blocks, 2)
    tail = ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, (1 - confidence) / 2))
    low, high = np.quantile(kept, [tail, 1 - tail])
    neighbours = widened(draws, drawn.counts) if drawn.in_time else 1.0
    return replace(none, low=float(low), high=float(high), neighbours=neighbours)


def resampled(metric: Metric, y: Any, p: Any, drawn: Plan, confidence: float = 0.95, *, folds: Any = None) -> Resampled:
    """A model's metric on all rows and on every resample, so that intervals and differences come from one pass.

    Predictions of several models, one for each of `folds` (n,), are ranked fold by fold, and the mean over their rows
    counts: a rank among another model's predictions tells which model is bolder, not which row is likelier (Forman &
    Scholz 2010, Apples-to-apples in cross-validation studies).
    """
    y, reason = np.asarray(y, dtype=float), why_not(metric, y, p)
    if reason:
        return Resampled(metric, float("nan"), np.empty(0), replace(drawn, method="none", reason=reason), confidence)
    p = np.asarray(p, dtype=float)
    parts = [np.full(len(y), True)]
    if folds is not None and metric.ranked is not None:
        parts = [folds == fold for fold in np.unique(np.asarray(folds))]
    once = _over(metric, y, p, parts, np.zeros(len(y), dtype=np.intp), np.ones((1, 1)))
    draws = np.empty(0) if drawn.method == "none" else _over(metric, y, p, parts, drawn.groups, drawn.counts)
    return Resampled(metric, float(once[0]), draws, drawn, confidence)


def _over(metric: Metric, y: Array, p: Array, parts: Sequence[Array], groups: Array, counts: Array) -> Array:
    """The mean of a metric over parts of the rows (boolean masks), by their rows; parts where it does not exist count
    for nothing."""
    values = np.stack([metric.over(y[part], p[part], groups[part], counts) for part in parts])
    rows = [counts @ np.bincount(groups[part], minlength=counts.shape[1]) for part in parts]
    weights = np.where(np.isfinite(values), rows, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray((weights * np.nan_to_num(values)).sum(axis=0) / weights.sum(axis=0))


def mean_interval(values: Any, drawn: Plan, confidence: float = 0.95) -> Interval:
    """The mean of a number that each row has (n,), such as what one answer costs more than another."""
    values = np.asarray(values, dtype=float)
    if drawn.method == "none" or not len(values):
        return interval_of(float(values.mean()) if len(values) else np.nan, np.empty(0), drawn, confidence)
    size = drawn.counts.shape[1]
    rows = drawn.counts @ np.bincount(drawn.groups, minlength=size)
    totals = drawn.counts @ np.bincount(drawn.groups, values, minlength=size)
    return interval_of(float(values.mean()), totals / rows, drawn, confidence)


def metric_interval(
    metric: Metric, y: Any, p: Any, blocks: Any = None, *, confidence: float = 0.95, **options: Any
) -> Interval:
    """One model's metric with its interval; `blocks` and `options` as for `plan`, or a ready `Plan`."""
    drawn = blocks if isinstance(blocks, Plan) else plan(blocks, len(np.asarray(y)), **options)
    return resampled(metric, y, p, drawn, confidence).interval


def paired_difference(
    metric: Metric,
    y: Any,
    a: Any,
    b: Any,
    blocks: Any = None,
    *,
    confidence: float = 0.95,
    **options: Any,
) -> Interval:
    """How much better `b` is than `a` on the same rows, in the metric's own unit: above zero, `b` is better.

    A loss counts with its sign turned, a bias by its size. `blocks` and `options` as for `plan`, or a ready `Plan`.
    Künsch (1989); Obuchowski (1997), Nonparametric analysis of clustered ROC curve data.
    """
    drawn = blocks if isinstance(blocks, Plan) else plan(blocks, len(np.asarray(y)), **options)
    return resampled(metric, y, b, drawn, confidence).better_than(resampled(metric, y, a, drawn, confidence))


def simultaneous(values: Array, draws: Array, drawn: Plan, confidence: float = 0.95) -> Array:
    """Intervals (k, 2) for k values that all hold together: the largest deviation in units of its standard error.

    `values` (k,), `draws` (R, k) from one plan; NaN where a value is missing or does not vary between resamples
    with more than a tenth lost. Romano & Wolf (2005), Stepwise multiple testing, the max-t step.
    """
    from scipy.special import ndtr, stdtrit

    ends = np.full((len(values), 2), np.nan)
    if drawn.method == "none" or not len(draws):
        return ends
    usable = np.isfinite(values) & (np.isnan(draws).mean(axis=0) <= LARGEST_SHARE_LOST)
    if not usable.any():
        return ends
    part, middle = draws[:, usable], values[usable]
    error = np.nanstd(part, axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        away = np.nanmax(np.where(error > 0, np.abs(part - middle) / error, 0.0), axis=1)
    n = max(drawn.blocks, 2)
    # as far out in Student's distribution as the largest deviation lies in the normal one: farther for more values
    reach = float(np.sqrt(n / (n - 1)) * stdtrit(n - 1, ndtr(np.quantile(away, confidence))))
    ends[usable] = np.column_stack([middle - reach * error, middle + reach * error])
    return ends


def _too_few(blocks: int, minimum: int) -> str:
    return f"only {blocks} block{'s' if blocks != 1 else ''}, {minimum} are needed"
