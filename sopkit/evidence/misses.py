"""The operating point of numbers: how often is a forecast off by more than people can bear?

The rules:
* a miss is an error beyond the tolerance of the model file (`evaluation.tolerance`, in the target's unit); where none
  is written, beyond the mean absolute deviation: such a forecast is worse than the usual one of no skill;
* the share of misses of both models is compared on the same rows, with an interval by blocks; more misses than the
  champion has, and not by chance, are a finding for the signer;
* who gets another answer: the rows whose forecast moves by more than the tolerance, and how many of them move towards
  what came (the swap sets of numbers);
* all tolerances are shown, for the one in force is a choice (Bi & Bennett 2003, Regression error
  characteristic curves).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence.bootstrap import Interval, mean_interval, plan_of
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.metrics import mae, room, why_not

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["Misses", "misses_of"]

Array: TypeAlias = NDArray[Any]
ARMS = ("champion", "challenger")


@dataclass(frozen=True, eq=False)
class Misses:
    """`table`: model, misses, share. `change`: share of misses, challenger less champion. `moved` rows get an answer
    that differs by more than the tolerance, `nearer` is the share of them that move towards what came."""

    rows: int
    tolerance: float
    declared: bool
    table: pd.DataFrame
    change: Interval
    moved: int
    nearer: float
    curve: pd.DataFrame
    names: Mapping[str, str]
    unit: str = ""
    reason: str = ""

    @property
    def measures(self) -> list[Measure]:
        """Whether there are more misses than the champion has, and the share of rows with another answer."""
        title = "Change of the share of misses against the champion"
        if self.reason:
            return [Measure("missed_change", None, Verdict.INSUFFICIENT, self.reason, title=title)]
        change = self.change
        verdict = Verdict.INSUFFICIENT
        if change.known:
            verdict = Verdict.FAIL if change.low > 0 else Verdict.PASS
        detail = {"interval": change.to_dict(), "tolerance": self.tolerance, "declared": self.declared}
        detail["table"] = self.table.to_dict("records")
        reason = self.finding if change.known else change.reason
        return [
            Measure(
                "missed_change", float(change.value), verdict, reason, detail, Threshold(op="at_most", value=0), title
            ),
            Measure(
                "swapped", self.moved / self.rows, reason=self.movers, title="Share of rows that get another answer"
            ),
        ]

    @property
    def movers(self) -> str:
        told = f"{self.moved:,} of {self.rows:,} forecasts move by more than {self._size}"
        return told + (f", {100 * self.nearer:.0f} % of them towards what came" if self.moved else "")

    @property
    def finding(self) -> str:
        if self.reason:
            return f"Misses cannot be counted: {self.reason}"
        old, new = (f"{100 * self.table.share[self.table.model == arm].iloc[0]:.1f} %" for arm in ARMS)
        told = f"{new} of the forecasts are off by more than {self._size}, of {self.names['champion']} {old}"
        return told if self.change.known else f"{told}, without an interval: {self.change.reason}"

    def figure(self) -> Chart | Note:
        """The share of misses over all tolerances, both models, and the tolerance in force."""
        from sopkit.evidence.charts import over_time
        from sopkit.evidence.overview import nothing

        if self.reason:
            return nothing(self.finding)
        unit = f" ({self.unit})" if self.unit else ""
        lines = {self.names[arm]: (self.curve.tolerance.tolist(), self.curve[arm].tolist()) for arm in ARMS[::-1]}
        source = "of the model file" if self.declared else "the mean absolute deviation"
        return over_time(
            self.finding,
            lines,
            y_label="share of rows off by more",
            x_label=f"tolerance{unit}",
            marks={"in force": self.tolerance},
            subtitle=f"{self.rows:,} later rows; tolerance in force: {source}; {self.movers}",
        )

    def to_dict(self) -> dict[str, Any]:
        return dict(
            plain(
                {
                    "task": "regression",
                    "rows": self.rows,
                    "tolerance": self.tolerance,
                    "declared": self.declared,
                    "finding": self.finding,
                    "movers": self.movers if not self.reason else "",
                    "table": self.table.to_dict("records"),
                    "measures": [measure.to_dict() for measure in self.measures],
                }
            )
        )

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}." if self.reason else f"{self.finding}. {self.movers}.")

    @property
    def _size(self) -> str:
        return f"{number(self.tolerance)} {self.unit}".strip()


def misses_of(
    y: Any,
    champion: Any,
    challenger: Any,
    *,
    blocks: Any,
    evaluation: Evaluation,
    names: Mapping[str, str] | None = None,
    unit: str = "",
) -> Misses:
    """Both models' misses on the same rows; arguments as for `comparison.compare`."""
    truth = np.asarray(y, dtype=float)
    models = {"champion": np.asarray(champion, dtype=float), "challenger": np.asarray(challenger, dtype=float)}
    called = {"champion": "the champion", "challenger": "the challenger"} | dict(names or {})
    drawn = plan_of(evaluation, blocks, len(truth))
    nowhere = Interval(np.nan, np.nan, np.nan, 0, drawn.blocks, "none", "", evaluation.confidence)
    empty = pd.DataFrame(columns=["model", "misses", "share"])
    none = Misses(len(truth), np.nan, False, empty, nowhere, 0, np.nan, pd.DataFrame(), called, unit)
    reason = next((f"{name}: {why}" for name, p in models.items() if (why := why_not(mae, truth, p))), "")
    declared = evaluation.tolerance is not None
    tolerance = float(evaluation.tolerance) if evaluation.tolerance is not None else room(mae, truth)
    if reason or not tolerance > 0:
        return replace(none, reason=reason or "the target does not vary, and the model file names no tolerance")
    errors = {name: np.abs(p - truth) for name, p in models.items()}
    missed = {name: own > tolerance for name, own in errors.items()}
    rows = [{"model": name, "misses": int(own.sum()), "share": float(own.mean())} for name, own in missed.items()]
    moved = np.abs(models["challenger"] - models["champion"]) > tolerance
    nearer = (errors["challenger"] < errors["champion"])[moved]
    far = max(float(np.quantile(np.concatenate(list(errors.values())), 0.995)), 1.5 * tolerance)
    curve = pd.DataFrame({"tolerance": np.linspace(0, far, 101)})
    for name, own in errors.items():
        curve[name] = [float((own > place).mean()) for place in curve.tolerance]
    return replace(
        none,
        tolerance=tolerance,
        declared=declared,
        table=pd.DataFrame(rows),
        change=mean_interval(missed["challenger"].astype(float) - missed["champion"], drawn, evaluation.confidence),
        moved=int(moved.sum()),
        nearer=float(nearer.mean()) if moved.any() else float("nan"),
        curve=curve,
    )
