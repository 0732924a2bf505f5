"""One gain: how much better one arm of a comparison is than another in one metric, and how it is held to a line.

The rules:
* a gain in a score (AUC, F1, R²) is in points; a gain in a loss, and every guardrail, is a share of no-skill
  (Gneiting & Raftery 2007), so that the same margin means the same at 1 % and at 40 % prevalence;
* the primary metric's interval must lie above the margin, a guardrail's end below its own;
* an interval that is not known is `insufficient`, with the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Threshold, Verdict, judge
from sopkit.evidence.bootstrap import Interval
from sopkit.evidence.measure import Measure, finite, number
from sopkit.evidence.metrics import Metric

__all__ = ["CHALLENGER", "CHAMPION", "RECIPE", "Gain"]

CHAMPION, CHALLENGER, RECIPE = "champion", "challenger", "recipe on new data"


@dataclass(frozen=True)
class Gain:
    """How much better one arm is than another in one metric: in the metric's unit and as a share of no-skill."""

    metric: Metric
    better: str
    than: str
    interval: Interval
    share: Interval
    rows: int

    @property
    def judged(self) -> Interval:
        """The interval that a margin of the primary metric is held against."""
        return self.share if self.metric.is_loss else self.interval

    @property
    def unit(self) -> str:
        """The unit of `judged`."""
        return "of no-skill" if self.metric.is_loss else ""

    @property
    def measure(self) -> Measure:
        """The gain with its interval; it informs."""
        known = self.interval.known
        return Measure(
            f"{self.metric.name}_gain",
            finite(self.interval.value),
            None if known else Verdict.INSUFFICIENT,
            "" if known else self.interval.reason,
            self._detail,
            title=f"Gain in {self.metric.title}",
        )

    def above(self, margin: float) -> Measure:
        """The lower end of the interval, which must lie above the margin: the rule of the primary metric."""
        threshold = Threshold(op="above", value=margin)
        title = f"Gain in {self.metric.title}, lower end"
        return self._held(f"{self.metric.name}_gain_low", title, self.judged.low, threshold, self.unit)

    def worse_below(self, limit: float) -> Measure:
        """How much worse it may have become, as a share of no-skill, below a limit: the rule of a guardrail."""
        threshold = Threshold(op="below", value=limit)
        title = f"{self.metric.title}, worse by at most"
        return self._held(f"{self.metric.name}_worse_high", title, -self.share.low, threshold, "of no-skill")

    def with_neighbours(self, evaluation: Evaluation) -> Measure:
        """The lower end with neighbouring blocks counted: is the gain still seen?"""
        wide = self.judged.with_neighbours
        seen = wide.low > evaluation.margin
        told = "days" if evaluation.blocks == timedelta(days=1) else "blocks of time"
        reason = f"{told} that follow one another gain alike; were that counted, the interval would be "
        reason += f"{number(self.interval.neighbours, 2)} times as wide, {number(wide.low)} to {number(wide.high)}"
        reason += "" if seen else ": the gain may be luck of a few good weeks"
        return Measure(
            "gain_with_neighbours",
            finite(wide.low),
            Verdict.PASS if seen else Verdict.INSUFFICIENT,
            reason,
            {"neighbours": self.interval.neighbours, "low": wide.low, "high": wide.high},
            Threshold(op="above", value=evaluation.margin),
            f"Gain in {self.metric.title}, lower end, with neighbouring {told} counted",
            self.unit,
        )

    def told(self, name: str, title: str) -> Measure:
        """The gain under a name of its own, in words; it informs."""
        value = finite(self.interval.value)
        return Measure(name, value, reason=str(self.interval), detail=self._detail, title=title)

    def _held(self, name: str, title: str, end: float, threshold: Threshold, unit: str) -> Measure:
        verdict = judge(finite(end), threshold)
        reason = str(self.interval) if self.interval.known else self.interval.reason
        return Measure(name, finite(end), verdict, reason, self._detail, threshold, title, unit)

    @property
    def _detail(self) -> dict[str, Any]:
        return {
            "interval": self.interval.to_dict(),
            "share_of_no_skill": {"value": self.share.value, "low": self.share.low, "high": self.share.high},
            "better": self.better,
            "than": self.than,
            "rows": self.rows,
        }
