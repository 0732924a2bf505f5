"""One gap of fairness: the largest difference of a rate between two groups, and how it is judged.

The rules:
* two limits, an absolute one *and* not worse than the champion: a limit that the champion breaks as well is a finding
  for the signer, a limit that the challenger newly breaks or breaks further speaks against it;
* without a champion there is nothing to be worse than: a limit that the model file states itself stops a first
  champion that breaks it beyond chance, the default limit is put before the signers.
"""

from __future__ import annotations

from dataclasses import dataclass
from zlib import crc32

import numpy as np

from sopkit.definitions.results import Threshold, Verdict, judge
from sopkit.evidence.bootstrap import Interval
from sopkit.evidence.measure import Measure, counted, finite, measure_name, number

__all__ = ["TITLES", "Gap"]

TITLES = {
    "true_positive_rate": "true positive rate",
    "false_positive_rate": "false positive rate",
    "flagged_rate": "flagged rate",
    "accuracy": "accuracy",
    "mean_error": "mean error (share of no-skill)",
    "absolute_error": "mean absolute error (share of no-skill)",
}
SHORT = {"true_positive_rate": "tpr", "false_positive_rate": "fpr"}


@dataclass(frozen=True)
class Gap:
    """The largest difference of one rate between two groups of an attribute, and how it differs from the champion's."""

    attribute: str
    rate: str
    high_group: str
    low_group: str
    gap: Interval
    change: Interval | None
    groups: int
    too_small: int
    protected: bool
    limit: float
    not_worse_by: float
    stated: bool = False  # the limit stands in the model file

    @property
    def broken(self) -> bool:
        """The absolute limit is broken."""
        return bool(np.isfinite(self.gap.value) and self.gap.value > self.limit)

    @property
    def worse(self) -> bool:
        """Worse than the champion by more than allowed; without one, beyond a stated limit. Neither by chance."""
        if self.change is None:
            return self.stated and bool(self.gap.low > self.limit)
        return bool(self.change.value > self.not_worse_by and self.change.low > 0)

    @property
    def title(self) -> str:
        return f"Fairness by {self.attribute}, {TITLES[self.rate].removesuffix(' (share of no-skill)')}"

    @property
    def unlike(self) -> str:
        """Why there are not two groups to compare."""
        if self.groups + self.too_small < 2:
            return "one group only"
        return f"{counted(self.too_small, 'group')} too small"

    @property
    def words(self) -> str:
        if self.groups + self.too_small < 2:
            return f"{self.attribute} has one group only"
        if not np.isfinite(self.gap.value):
            return f"fewer than two groups of {self.attribute} are large enough"
        told = f"{TITLES[self.rate]} differs by {number(self.gap.value)} between {self.high_group} and {self.low_group}"
        told += f" [{number(self.gap.low)}, {number(self.gap.high)}]" if self.gap.known else " (no interval)"
        if self.change is not None and self.change.known:
            told += (
                f", {number(abs(self.change.value))} {'more' if self.change.value > 0 else 'less'} than the champion"
            )
        return told

    @property
    def measures(self) -> list[Measure]:
        """The gap against its limit and, with a champion, the change against its own."""
        name = f"{SHORT.get(self.rate, self.rate)}_gap_{_short(self.attribute)}"
        limit = Threshold(op="at_most", value=self.limit)
        value = finite(self.gap.value)
        detail = {
            "between": [self.high_group, self.low_group],
            "interval": self.gap.to_dict(),
            "groups": self.groups,
            "insufficient_groups": self.too_small,
            "protected": self.protected,
        }
        verdict = judge(value, limit) if value is not None and self.gap.known else Verdict.INSUFFICIENT
        reason = self.words if value is not None else self.gap.reason
        told = [Measure(name, value, verdict, reason, detail, limit, f"Gap in {TITLES[self.rate]} by {self.attribute}")]
        if self.change is not None:
            told.append(
                Measure(
                    f"{name}_change",
                    finite(self.change.value),
                    Verdict.INSUFFICIENT if not self.change.known else Verdict.FAIL if self.worse else Verdict.PASS,
                    f"against the champion {self.change}",
                    self.change.to_dict(),
                    Threshold(op="at_most", value=self.not_worse_by),
                    f"Change of the gap in {TITLES[self.rate]} by {self.attribute}",
                )
            )
        return told


def _short(attribute: str) -> str:
    """The attribute as part of a measure's name, short enough and still distinct from its neighbours."""
    name = measure_name(attribute)
    return name if len(name) <= 36 else f"{name[:27]}_{crc32(attribute.encode()):08x}"
