"""Does a model of numbers lean to one side: overall, over time, for some group?

The rules:
* an error is predicted less actual: above zero the model says too much;
* the bias is the mean error, with an interval by blocks, held against a tenth of the mean absolute deviation
  (`rules.NUMBERS`), so that it means the same in any unit: `pass` where the whole interval is within, `fail` where none
  of it is, `insufficient` where it may be either. It is put before the signer, it decides nothing;
* slices share the resamples and hold together; small ones are `insufficient`, none is judged by its point;
* over time, each part has about seven blocks and an interval of its own by Student's t on their sums (a ratio of means,
  Cochran 1977, ch. 6), all of them together at the confidence of one (Šidák): a bias that comes and goes has mean zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.errors import DataError
from sopkit.evidence import rules
from sopkit.evidence.bootstrap import Interval, Plan, metric_interval, plan_of, simultaneous
from sopkit.evidence.groups import grouped
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.metrics import Task, bias, room, why_not
from sopkit.evidence.parts import parts_of

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["Residuals", "residuals_of"]

Array: TypeAlias = NDArray[Any]
FEWEST_BLOCKS = 4
SLICES = ["slice", "value", "rows", "blocks", "bias", "low", "high", "verdict", "reason"]
PARTS = ["start", "rows", "blocks", "bias", "low", "high", "champion", "verdict"]


@dataclass(frozen=True, eq=False)
class Residuals:
    """`bias` in the target's unit, `scale` the mean absolute deviation; `slices`: one row a group, `over_time`: a part.

    `champion` is the champion's bias on the same rows. `reason` says why there is nothing to tell.
    """

    rows: int
    bias: Interval
    scale: float
    limit: float
    slices: pd.DataFrame
    over_time: pd.DataFrame
    parts: str = ""
    champion: Interval | None = None
    unit: str = ""
    applies: bool = True
    reason: str = ""

    @property
    def reach(self) -> float:
        """How far a mean error may be from zero, in the target's unit."""
        return self.limit * self.scale

    @property
    def table(self) -> pd.DataFrame:
        return self.slices

    @property
    def measure(self) -> Measure:
        """The mean error as a share of the mean absolute deviation."""
        title, threshold = "Mean error, share of the mean absolute deviation", Threshold(op="at_most", value=self.limit)
        if self.reason:
            return Measure("bias", None, Verdict.INSUFFICIENT, self.reason, {}, threshold, title)
        share = self.bias.scaled(1 / self.scale)
        detail = {
            "mean_error": self.bias.to_dict(),
            "share": share.to_dict(),
            "unit": self.unit,
            "mean_absolute_deviation": self.scale,
            "rows": self.rows,
        }
        verdict = _verdict(self.bias.low, self.bias.high, self.reach)
        value = abs(float(share.value)) if np.isfinite(share.value) else None
        return Measure("bias", value, verdict, self.finding, detail, threshold, title)

    @property
    def measures(self) -> list[Measure]:
        """The bias, and in how many slices and parts of the time the model is shown to be biased."""
        if not self.applies:
            return []
        told = [self.measure]
        none = Threshold(op="at_most", value=0)
        for name, table, title in (
            ("biased_slices", self.slices, "Slices in which the model leans to one side"),
            ("biased_parts", self.over_time, "Parts of the time in which the model leans to one side"),
        ):
            judged = table[table.verdict != "insufficient"] if len(table) else table
            if not len(table):
                continue
            worst = table[table.verdict == "fail"]
            verdict = Verdict.FAIL if len(worst) else Verdict.PASS if len(judged) else Verdict.INSUFFICIENT
            detail = {"of": len(table), "insufficient": len(table) - len(judged)}
            told.append(Measure(name, len(worst), verdict, self._named(worst), detail, none, title))
        return told

    @property
    def finding(self) -> str:
        if self.reason:
            return f"Whether the model leans to one side cannot be told: {self.reason}"
        if not self.bias.known:
            return f"Mean error {self._size(self.bias.value)}, without an interval: {self.bias.reason}"
        ends = f"mean error {number(self.bias.low)} to {self._size(self.bias.high)}"
        verdict = _verdict(self.bias.low, self.bias.high, self.reach)
        way = "much" if self.bias.value > 0 else "little"
        if verdict is Verdict.FAIL:
            return f"The model says too {way}: {ends} (limit {number(self.reach)} to either side)"
        if verdict is Verdict.INSUFFICIENT:
            return f"The model may say too {way}: {ends} (limit {number(self.reach)} to either side)"
        told = f"The model does not lean to one side: {ends}"
        late = self.over_time[self.over_time.verdict == "fail"] if len(self.over_time) else self.over_time
        return (
            told if not len(late) else f"{told}; but it does in {len(late)} of {len(self.over_time)} parts of the time"
        )

    def figure(self) -> Chart | Note:
        """The mean error over time and by slice, with intervals and the limit to both sides."""
        from sopkit.evidence.overview import nothing
        from sopkit.evidence.residual_figure import residual_figure

        return nothing(self.finding) if self.reason else residual_figure(self)

    def to_dict(self) -> dict[str, Any]:
        times = self.over_time.assign(start=self.over_time.start.astype(str)) if len(self.over_time) else self.over_time
        return dict(
            plain(
                {
                    "rows": self.rows,
                    "finding": self.finding,
                    "bias": self.bias.to_dict(),
                    "mean_absolute_deviation": self.scale,
                    "slices": self.slices.to_dict("records"),
                    "over_time": times.to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}.")

    def _size(self, value: float) -> str:
        return f"{number(value)} {self.unit}".strip()

    def _named(self, rows: pd.DataFrame) -> str:
        if "slice" in rows:
            return ", ".join(f"{row.slice}={row.value} ({self._size(row.bias)})" for row in rows.itertuples())
        return ", ".join(f"from {row.start:%Y-%m-%d} ({self._size(row.bias)})" for row in rows.itertuples())


def residuals_of(
    y: Any,
    p: Any,
    *,
    task: Task,
    blocks: Any,
    times: Any,
    slices: pd.DataFrame | None = None,
    champion: Any = None,
    evaluation: Evaluation | None = None,
    unit: str = "",
    limits: rules.Numbers = rules.NUMBERS,
) -> Residuals:
    """The errors of predictions `p` (n,) on later rows; `times` (n,) their moments, the rest as for `compare`.

    Targets that are no numbers have no errors with a sign: the result has no measures and says so. Raises DataError
    where slices do not fit the rows.
    """
    evaluation = evaluation or Evaluation()
    truth = np.asarray(y, dtype=float)
    drawn = plan_of(evaluation, blocks, len(truth))
    nowhere = Interval(np.nan, np.nan, np.nan, 0, drawn.blocks, "none", "", evaluation.confidence)
    tables = pd.DataFrame(columns=SLICES), pd.DataFrame(columns=PARTS)
    none = Residuals(len(truth), nowhere, float("nan"), limits.bias, *tables, unit=unit)
    if task != "regression":
        return replace(none, applies=False, reason="errors to one side are a matter of numbers")
    told = np.asarray(p, dtype=float)
    before = None if champion is None else np.asarray(champion, dtype=float)
    if slices is not None and len(slices) != len(truth):
        raise DataError("slices do not fit the rows", expected=f"{len(truth)} rows", got=f"{len(slices)} rows")
    scale = room(bias, truth)
    reason = why_not(bias, truth, told) or ("" if before is None else why_not(bias, truth, before))
    if reason or not scale > 0:
        return replace(none, reason=reason or "the target does not vary")
    if len(truth) < evaluation.minimum_rows:
        few = f"only {len(truth)} rows, {evaluation.minimum_rows} are needed"
        drawn = Plan(drawn.groups, np.empty((0, 1)), drawn.blocks, "none", few)
    confidence, reach = evaluation.confidence, limits.bias * scale
    parts = parts_of(times, drawn.groups)
    over_time = _over_time(told - truth, None if before is None else before - truth, parts.of, drawn, confidence, reach)
    over_time.insert(0, "start", parts.starts[over_time.pop("part")])
    return replace(
        none,
        bias=metric_interval(bias, truth, told, drawn, confidence=confidence),
        scale=scale,
        slices=_by_slice(truth, told, slices, drawn, evaluation, reach),
        over_time=over_time,
        parts=parts.words,
        champion=None if before is None else metric_interval(bias, truth, before, drawn, confidence=confidence),
    )


def _verdict(low: float, high: float, reach: float) -> Verdict:
    if low > reach or high < -reach:
        return Verdict.FAIL
    return Verdict.PASS if low >= -reach and high <= reach else Verdict.INSUFFICIENT


def _by_slice(
    y: Array, p: Array, slices: pd.DataFrame | None, drawn: Plan, evaluation: Evaluation, reach: float
) -> pd.DataFrame:
    rows, draws = list[dict[str, Any]](), []
    for column in [] if slices is None else slices.columns:
        values = grouped(slices[column])  # type: ignore[index]
        for value in values.categories:
            mask = np.asarray(values == value)
            part = drawn.of(mask, evaluation.minimum_blocks)
            few = f"only {int(mask.sum())} rows, {evaluation.minimum_rows} are needed"
            reason = few if mask.sum() < evaluation.minimum_rows else part.reason if part.method == "none" else ""
            none = np.full(len(drawn.counts), np.nan)
            draws.append(none if reason else bias.over(y[mask], p[mask], part.groups, part.counts))
            head = {"slice": str(column), "value": value, "rows": int(mask.sum()), "blocks": part.blocks}
            rows.append(head | {"bias": float((p[mask] - y[mask]).mean()), "reason": reason})
    if not rows:
        return pd.DataFrame(columns=SLICES)
    table = pd.DataFrame(rows)
    judged = np.where(table.reason == "", table.bias, np.nan)
    ends = simultaneous(judged, np.column_stack(draws), drawn, evaluation.confidence)
    table["low"], table["high"] = ends[:, 0], ends[:, 1]
    table["verdict"] = [str(_verdict(low, high, reach)) for low, high in ends]
    return table[SLICES]


def _over_time(
    errors: Array, before: Array | None, parts: Array, drawn: Plan, confidence: float, reach: float
) -> pd.DataFrame:
    from scipy.special import stdtrit

    numbers = np.unique(parts)
    share = confidence ** (1 / len(numbers))
    rows = []
    for part in numbers:
        mask = parts == part
        block = np.unique(drawn.groups[mask], return_inverse=True)[1]
        sums, counts = np.bincount(block, errors[mask]), np.bincount(block)
        mean, n = float(errors[mask].mean()), len(counts)
        half = float("nan")
        if n >= FEWEST_BLOCKS and drawn.method != "none":
            spread = np.sum((sums - counts * mean) ** 2) * n / (n - 1)
            half = float(stdtrit(n - 1, (1 + share) / 2)) * float(np.sqrt(spread)) / counts.sum()
        old = float("nan") if before is None else float(before[mask].mean())
        found = {"part": part, "rows": int(mask.sum()), "blocks": n, "bias": mean, "low": mean - half}
        verdict = str(_verdict(mean - half, mean + half, reach))
        rows.append(found | {"high": mean + half, "champion": old, "verdict": verdict})
    return pd.DataFrame(rows)
