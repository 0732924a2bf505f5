"""Is the challenger better on texts that neither model can have read before?

The rules:
* the primary metric of both models on all judged rows, on those without a near copy in the training rows, and on the
  copies (`near_duplicates`), with intervals from the same resamples;
* the rule of the comparison stands on all rows, for copies come in service too. But where nothing is left of a gain
  without the copies, the challenger has only remembered more, and the champion is kept;
* too few rows without a copy is `insufficient`: the signer reads that the result says little about new texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import Evaluation
from sopkit.definitions.rendering import escape_markdown
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence.bootstrap import plan_of, resampled
from sopkit.evidence.measure import Measure, finite, number
from sopkit.evidence.metrics import Task, defaults, find, room
from sopkit.evidence.near_duplicates import NearDuplicates

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart
    from sopkit.evidence.overview import Note

__all__ = ["NewTexts", "on_new_texts"]


@dataclass(frozen=True, eq=False)
class NewTexts:
    """The primary metric of both models on all judged rows, on those without a copy, and on the copies: `table`."""

    title: str
    table: pd.DataFrame
    judged: Measure | None
    reason: str = ""

    @property
    def measures(self) -> list[Measure]:
        return [self.judged] if self.judged else []

    @property
    def finding(self) -> str:
        if self.judged is None:
            return self.reason
        new = self.table.set_index("rows_are").loc["new texts"]
        told = f"On texts without a copy in the training rows {self.title} is {number(new.challenger)}"
        told += f", the champion's {number(new.champion)}"
        return told + (f": {self.judged.reason}" if self.judged.verdict is not Verdict.PASS else "")

    def figure(self) -> Chart | Note:
        """The gain with and without the copies."""
        from sopkit.evidence.charts import Row, intervals
        from sopkit.evidence.overview import nothing

        if self.judged is None:
            return nothing(self.finding)
        rows = []
        for r in self.table.itertuples():
            arms = f", {number(r.champion)} → {number(r.challenger)}" if np.isfinite(r.gain) else ""
            verdict = self.judged.verdict if r.rows_are == "new texts" else None
            gain, low, high = (finite(value) for value in (r.gain, r.low, r.high))
            rows.append(Row(str(r.rows_are), gain, low, high, verdict, f"{r.rows:,} rows{arms}"))
        unit = " (share of no-skill)" if self.judged.unit else ""
        basis = "copies are told apart by their words; intervals as in the comparison"
        return intervals(self.finding, rows, x_label=f"gain in {self.title}{unit}", subtitle=basis)

    def to_dict(self) -> dict[str, Any]:
        measures = [measure.to_dict() for measure in self.measures]
        return dict(plain({"finding": self.finding, "table": self.table.to_dict("records"), "measures": measures}))

    def _repr_markdown_(self) -> str:
        return escape_markdown(f"{self.finding}.")


def on_new_texts(
    copies: NearDuplicates,
    y: Any,
    champion: Any,
    challenger: Any,
    *,
    task: Task,
    blocks: Any,
    evaluation: Evaluation | None = None,
) -> NewTexts:
    """Is anything of the gain left without the near copies? Arguments as for `comparison.compare`.

    The measure is the gain in the primary metric on the rows that are no copies: it fails where nothing is left of a
    gain, and is `insufficient` where too few rows are left. It is None where no judged row is a copy.
    """
    if not copies.copied.any():
        return NewTexts("", pd.DataFrame(), None, copies.finding)
    evaluation = evaluation or Evaluation()
    metric = find(task, evaluation.metric or defaults(task).primary)
    y = np.asarray(y, dtype=float)
    arms = {"champion": np.asarray(champion, dtype=float), "challenger": np.asarray(challenger, dtype=float)}
    drawn = plan_of(evaluation, blocks, len(y))
    rows: list[dict[str, Any]] = []
    for name, mask in (("all rows", copies.copied | True), ("new texts", ~copies.copied), ("copies", copies.copied)):
        part = drawn.of(mask, evaluation.minimum_blocks)
        old, new = (resampled(metric, y[mask], p[mask], part, evaluation.confidence) for p in arms.values())
        gain = new.better_than(old)
        gain = gain.scaled(1 / room(metric, y[mask])) if metric.is_loss else gain
        told = {"rows_are": name, "rows": int(mask.sum()), "champion": old.value, "challenger": new.value}
        rows.append(told | {"gain": gain.value, "low": gain.low, "high": gain.high, "reason": gain.reason})
    table = pd.DataFrame(rows)
    whole, rest = rows[0], rows[1]
    limit = Threshold(op="above", value=0)
    title = f"Gain in {metric.title} on texts without a copy"
    few = rest["rows"] < evaluation.minimum_rows
    if few or not np.isfinite(rest["gain"]):
        why = f"only {rest['rows']} rows, {evaluation.minimum_rows} are needed" if few else rest["reason"]
        verdict, reason = Verdict.INSUFFICIENT, f"too little is left without the copies: {why}"
    elif rest["gain"] > 0:
        verdict, reason = Verdict.PASS, f"{number(whole['gain'])} on all rows"
    else:
        verdict, reason = Verdict.FAIL, f"nothing is left of the gain of {number(whole['gain'])} on all rows"
    value = finite(rest["gain"])
    measure = Measure(
        "gain_without_copies", value, verdict, reason, {"parts": plain(rows)}, limit, title,
        "of no-skill" if metric.is_loss else "",
    )  # fmt: skip
    return NewTexts(metric.title, table, measure)
