"""Is a model of numbers worth more than a forecast for free?

The rules:
* the forecast to beat is a seasonal naive one, made as long before the rows as the models were trained, so that
  nobody sees ahead; its season is stated;
* the scaled error is the model's mean absolute error over that of the forecast for free *on the same rows*: below one
  the model is better. (Hyndman & Koehler's own scale, the naive error within the training rows, stands beside it: where
  a series grows, or is forecast far ahead, neither model nor naive forecast keeps to it.);
* the interval is of the ratio, both errors resampled together in blocks;
* a first champion must be shown to be better, as every first champion must beat a naive forecast. A challenger that is
  shown to be *worse* is not promoted, for better than a champion that is worse than a table of last week is not good
  enough, as with no skill (`decision`); one that is not shown to be either is put before the signer.

Hyndman & Koehler (2006), Another look at measures of forecast accuracy, Int. J. Forecasting 22.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence.bootstrap import Interval, interval_of, plan_of, resampled
from sopkit.evidence.measure import Measure, finite, number
from sopkit.evidence.metrics import Task, mae, scaled_error
from sopkit.evidence.parts import parts_of

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["ScaledError", "scaled_error_of"]

Array: TypeAlias = NDArray[Any]
MODEL, CHAMPION, NAIVE = "the model", "champion", "forecast for free"


@dataclass(frozen=True, eq=False)
class ScaledError:
    """`ratios`: arm -> mean absolute error over the naive forecast's; `errors`: arm -> the error in the target's unit.

    `within` is the model's error over the naive error within the training rows; `over_time` has one row a part
    of the time and arm. `reason` says why there is nothing to scale.
    """

    rows: int
    season: str
    ratios: Mapping[str, Interval]
    errors: Mapping[str, Interval]
    within: float
    over_time: pd.DataFrame
    unit: str = ""
    applies: bool = True
    reason: str = ""

    @property
    def measure(self) -> Measure:
        """The model's scaled error: `pass` where its whole interval is below one, `fail` where none of it is."""
        threshold = Threshold(op="below", value=1)
        title = "Error against a seasonal naive forecast (1 = as good)"
        if self.reason:
            return Measure("scaled_error", None, Verdict.INSUFFICIENT, self.reason, {}, threshold, title)
        ratio = self.ratios[MODEL]
        verdict = Verdict.INSUFFICIENT
        if ratio.known and (ratio.high < 1 or ratio.low >= 1):
            verdict = Verdict.PASS if ratio.high < 1 else Verdict.FAIL
        detail = {
            "interval": ratio.to_dict(),
            "season": self.season,
            "errors": {arm: error.to_dict() for arm, error in self.errors.items()},
            "scaled_within_training_rows": self.within,
            "rows": self.rows,
        }
        value = finite(ratio.value)
        reason = self.finding if ratio.known else ratio.reason
        return Measure("scaled_error", value, verdict, reason, detail, threshold, title)

    @property
    def measures(self) -> list[Measure]:
        """The model's scaled error, judged, and the champion's beside it; none where targets are no numbers."""
        if not self.applies:
            return []
        told = [self.measure]
        if CHAMPION in self.ratios:
            ratio = self.ratios[CHAMPION]
            value = finite(ratio.value)
            reason = str(ratio) if ratio.known else ratio.reason
            verdict = None if ratio.known else Verdict.INSUFFICIENT
            title = "The champion's error against a seasonal naive forecast"
            told.append(Measure("scaled_error_champion", value, verdict, reason, ratio.to_dict(), title=title))
        return told

    @property
    def table(self) -> pd.DataFrame:
        """One row an arm: mean absolute error and scaled error, each with its interval."""
        rows = [
            {
                "arm": arm,
                "error": error.value,
                "error_low": error.low,
                "error_high": error.high,
                "scaled": self.ratios[arm].value if arm in self.ratios else 1.0,
                "low": self.ratios[arm].low if arm in self.ratios else 1.0,
                "high": self.ratios[arm].high if arm in self.ratios else 1.0,
            }
            for arm, error in self.errors.items()
        ]
        return pd.DataFrame(rows, columns=["arm", "error", "error_low", "error_high", "scaled", "low", "high"])

    @property
    def finding(self) -> str:
        if self.reason:
            return f"There is no forecast for free to hold it against: {self.reason}"
        ratio = self.ratios[MODEL]
        errors = " against ".join(number(self.errors[arm].value) for arm in (MODEL, NAIVE))
        told = f"mean absolute error {errors}{' ' + self.unit if self.unit else ''}"
        if not ratio.known:
            return f"The model against {self.season}: {told}, without an interval: {ratio.reason}"
        share = f"{number(ratio.value)} times its error [{number(ratio.low)}, {number(ratio.high)}]"
        if ratio.high < 1:
            return f"The model is better than {self.season}: {told}, {share}"
        if ratio.low >= 1:
            return f"The model is worse than a forecast for free ({self.season}): {told}, {share}"
        return f"The model is not shown to beat a forecast for free ({self.season}): {told}, {share}"

    def figure(self) -> Chart | Note:
        """Scaled errors with intervals beside the line of one, and the errors of all arms over time."""
        from sopkit.evidence.charts import COLOURS, INK, MARKERS, MUTED, VERDICTS, dates, figure, legend
        from sopkit.evidence.overview import nothing

        if self.reason:
            return nothing(self.finding)
        subtitle = f"{self.rows:,} rows; forecast for free: {self.season}; intervals by blocks"
        options: dict[str, Any] = {"rows": 1, "columns": 2, "width_ratios": [2, 3]}
        chart, (left, right) = figure(self.finding, subtitle=subtitle, height=2.9, width=9.0, **options)
        arms = list(self.ratios)
        for place, arm in enumerate(arms):
            ratio = self.ratios[arm]
            colour, marker, _ = VERDICTS[self.measure.verdict if arm == MODEL else None]
            if ratio.known:
                left.plot([ratio.low, ratio.high], [place, place], color=colour, linewidth=2.2)
            left.plot([ratio.value], [place], marker=marker, color=colour, markersize=6.5)
            left.annotate(
                number(ratio.value), (ratio.value, place), (0, 7), textcoords="offset points", ha="center", fontsize=8
            )
        left.axvline(1.0, color=INK, linewidth=1.1, linestyle=(0, (4, 3)))
        left.annotate("as good as for free", (1.0, 0.02), (3, 0), xycoords=("data", "axes fraction"), fontsize=8,
                      textcoords="offset points", color=MUTED)  # fmt: skip
        left.set_yticks(range(len(arms)), arms)
        left.set_ylim(len(arms) - 0.3, -0.7)
        left.set_xlim(0, max(1.45, *(1.1 * (r.high if r.known else r.value) for r in self.ratios.values())))
        left.grid(axis="y", visible=False)
        left.set_xlabel("scaled error (left is better)")
        for place, (arm, part) in enumerate(self.over_time.groupby("arm", sort=False)):
            right.plot(part.start, part.error, color=COLOURS[place], marker=MARKERS[place], markersize=4, label=arm)
        dates(right)
        right.set_ylim(bottom=0)
        right.set_ylabel(f"mean absolute error{f' ({self.unit})' if self.unit else ''}")
        legend(right)
        return chart

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "rows": self.rows,
                    "season": self.season,
                    "finding": self.finding,
                    "table": self.table.to_dict("records"),
                    "over_time": self.over_time.assign(start=self.over_time.start.astype(str)).to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}.")


def scaled_error_of(
    y: Any,
    model: Any,
    naive: Any,
    *,
    task: Task,
    blocks: Any,
    times: Any,
    season: str,
    scale: float = float("nan"),
    champion: Any = None,
    evaluation: Evaluation | None = None,
    unit: str = "",
) -> ScaledError:
    """The model, and the champion where there is one, against the `naive` forecast (n,) on the same rows.

    `times` (n,) are the rows' moments, `season` says in words what the naive forecast is, `scale` is its error within
    the training rows. Targets that are no numbers have no forecast for free: the result has no measures and says so.
    """
    empty = pd.DataFrame(columns=["start", "arm", "rows", "error"])
    none = ScaledError(len(np.asarray(y)), season, {}, {}, float("nan"), empty, unit)
    if task != "regression":
        return _because(none, "classes are held against no skill", applies=False)
    evaluation = evaluation or Evaluation()
    truth = np.asarray(y, dtype=float)
    arms = {MODEL: model} | ({} if champion is None else {CHAMPION: champion}) | {NAIVE: naive}
    drawn = plan_of(evaluation, blocks, len(truth)).of_at_least(evaluation.minimum_rows)
    each = {arm: resampled(mae, truth, values, drawn, evaluation.confidence) for arm, values in arms.items()}
    free = each[NAIVE]
    unusable = next((f"{arm}: {own.plan.reason}" for arm, own in each.items() if np.isnan(own.value)), "")
    if unusable or not free.value > 0:
        return _because(none, unusable or "the naive forecast is exact: the target repeats itself")
    ratios = {}
    for arm in list(arms)[:-1]:
        with np.errstate(divide="ignore", invalid="ignore"):
            draws = each[arm].draws / free.draws
        ratios[arm] = interval_of(each[arm].value / free.value, draws, drawn, evaluation.confidence)
    within = scaled_error(scale)(truth, np.asarray(model, dtype=float)) if scale > 0 else float("nan")
    errors = {arm: own.interval for arm, own in each.items()}
    return ScaledError(len(truth), season, ratios, errors, within, _over_time(truth, arms, times, blocks), unit)


def _because(none: ScaledError, reason: str, *, applies: bool = True) -> ScaledError:
    from dataclasses import replace

    return replace(none, reason=reason, applies=applies)


def _over_time(y: Array, arms: Mapping[str, Any], times: Any, blocks: Any) -> pd.DataFrame:
    parts = parts_of(times, blocks)
    rows = []
    for arm, values in arms.items():
        errors = pd.Series(np.abs(np.asarray(values, dtype=float) - y)).groupby(parts.of)
        for place, part in errors:
            rows.append({"start": parts.starts[place], "arm": arm, "rows": len(part), "error": float(part.mean())})
    return pd.DataFrame(rows)
