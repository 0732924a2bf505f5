"""Representation: who is in the data, and how often does each group have the label?

Shares and rates with Wilson intervals (Brown, Cai & DasGupta 2001). A group below the minimum size is
`insufficient`: its numbers are shown, nothing is concluded from them. Differences between groups are facts about
the world or about its sampling; they are put before the signer, they decide nothing here. A gap is a finding where
the intervals of two groups lie apart and their odds differ by a factor of two (regression: half a standard deviation).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.rendering import render_value
from sopkit.definitions.results import Verdict, plain, worst
from sopkit.evidence import charts, rules
from sopkit.evidence.findings import Finding, finding
from sopkit.evidence.groups import grouped
from sopkit.evidence.measure import Measure, measure_name

__all__ = ["Group", "Representation", "representation", "wilson"]

MOST_GROUPS = 40
NAN = float("nan")
SHARE = "share of rows"


@dataclass(frozen=True)
class Group:
    """One group of one column: its share of all rows, and its label rate (regression: mean) with an interval."""

    column: str
    group: str
    rows: int
    share: float
    labelled: int
    rate: float
    low: float
    high: float
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Representation:
    groups: tuple[Group, ...]
    overall: float
    rows: int
    minimum_group: int
    unit: str = SHARE
    spread: float = NAN

    @property
    def what(self) -> str:
        return "label rate" if self.unit == SHARE else "mean of the target"

    @property
    def verdict(self) -> Verdict | None:
        return worst([group.verdict for group in self.groups])

    @property
    def small(self) -> list[str]:
        return [f"{g.column}={g.group}" for g in self.groups if g.verdict is Verdict.INSUFFICIENT]

    @property
    def table(self) -> pd.DataFrame:
        return pd.DataFrame([vars(group) for group in self.groups], columns=list(Group.__dataclass_fields__))

    @property
    def measures(self) -> list[Measure]:
        found = []
        for column in dict.fromkeys(group.column for group in self.groups):
            groups = [group for group in self.groups if group.column == column]
            large = [group for group in groups if group.verdict is Verdict.PASS]
            gap = max(g.rate for g in large) - min(g.rate for g in large) if len(large) > 1 else None
            small = [g.group for g in groups if g.verdict is Verdict.INSUFFICIENT]
            told = f"{len(groups)} groups, {len(small)} below {self.minimum_group} labelled rows"
            told += f" ({', '.join(small[:6])})" if small else ""
            verdict = Verdict.INSUFFICIENT if not large else None
            detail = {
                "small": small,
                "shares": {g.group: g.share for g in groups},
                "rates": {g.group: plain(g.rate) for g in groups},
            }
            name = f"label_rate_gap_{measure_name(column)}"[:64]
            found.append(
                Measure(
                    name, gap, verdict, told, detail, None, f"Widest gap of the {self.what} over {column}", self.unit
                )
            )
        return found

    def findings(self, protected: Collection[str] = (), limits: rules.Labels = rules.LABELS) -> tuple[Finding, ...]:
        """Columns whose groups have very different label rates, beyond chance."""
        found = []
        for column in dict.fromkeys(group.column for group in self.groups):
            large = [group for group in self.groups if group.column == column and group.verdict is Verdict.PASS]
            if len(large) < 2:
                continue
            top, bottom = max(large, key=lambda g: g.low), min(large, key=lambda g: g.high)
            if top.low <= bottom.high or not self._differ(top, bottom, limits):
                continue
            percent = "%" if self.unit == SHARE else ""
            rates = [f"{g.group} {render_value(g.rate, percent)} ({g.rows:,} rows)" for g in (top, bottom)]
            told = f"The {self.what} differs by {column}: {rates[0]}, {rates[1]}"
            remedy = "is that the world, or how labels are made? The evaluation shows how the model treats them"
            name = "protected_label_gap" if column in protected else "label_gap"
            found.append(finding(name, told, column, remedy=remedy))
        return tuple(found)

    def _differ(self, top: Group, bottom: Group, limits: rules.Labels) -> bool:
        if self.unit != SHARE:
            return bool(top.rate - bottom.rate > limits.deviations * self.spread)
        odds = [(g.rate * g.labelled + 0.5) / ((1 - g.rate) * g.labelled + 0.5) for g in (top, bottom)]
        return bool(odds[0] >= limits.odds * odds[1])

    def figure(self, column: str | None = None) -> charts.Chart:
        """Label rates with their intervals, one group a line."""
        groups = [g for g in self.groups if column in (None, g.column)][:MOST_GROUPS]
        several = len({g.column for g in groups}) > 1
        rows = [
            charts.Row(
                f"{g.column} {g.group}" if several else g.group,
                None if np.isnan(g.rate) else g.rate,
                None if np.isnan(g.low) or self._wide(g) else g.low,
                None if np.isnan(g.high) or self._wide(g) else g.high,
                g.verdict if g.verdict is Verdict.INSUFFICIENT else None,
                f"{_share(g.share)} of rows",
            )
            for g in groups
        ]
        large = [g for g in groups if g.verdict is Verdict.PASS]
        title = f"No group is large enough to tell its {self.what}"
        if large:
            top, bottom = max(large, key=lambda g: g.rate), min(large, key=lambda g: g.rate)
            low, high = (render_value(g.rate, "%" if self.unit == SHARE else "") for g in (bottom, top))
            ends = [f"{g.column} {g.group}" for g in (bottom, top)]
            title = f"The {self.what} runs from {low} ({ends[0]}) to {high} ({ends[1]})"
        small = [g for g in groups if g.verdict is Verdict.INSUFFICIENT]
        many = "1 group is" if len(small) == 1 else f"{len(small)} groups are"
        title += f"; {many} too small to tell" if small and large else ""
        label = f"{self.what} ({self.unit})" if self.unit else self.what
        return charts.intervals(
            title, rows, x_label=label, zero=None, limit=self.overall, limit_label="all rows",
            subtitle=f"{self.rows:,} rows; lines are 95 % intervals",
        )  # fmt: skip

    def _wide(self, group: Group) -> bool:
        """An interval of a few numbers has no end, and would leave the others in a corner."""
        return self.unit != SHARE and group.verdict is Verdict.INSUFFICIENT

    def to_dict(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            "overall": plain(self.overall),
            "minimum_group": self.minimum_group,
            "groups": [plain(vars(group)) for group in self.groups],
        }

    def _repr_html_(self) -> str:
        return str(
            self.table.drop(columns=["labelled"]).to_html(index=False, float_format=lambda value: f"{value:.3g}")
        )


def representation(
    table: pd.DataFrame,
    target: pd.Series,
    columns: Sequence[str],
    *,
    task: str = "binary",
    minimum_group: int = 200,
    confidence: float = 0.95,
    measured_in: str = "",
) -> Representation:
    """Each group of each column. Numbers with many values are cut into fifths; missing values are a group.

    `target` is aligned with `table`: 0/1, numbers (`measured_in` their unit), or classes (then the rate is that of the
    commonest class).
    """
    values = target
    if task == "multiclass" and target.notna().any():
        values = target.eq(target.value_counts().index[0]).astype(float).where(target.notna())
    y = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    found = []
    for column in columns:
        if column not in table.columns or not len(table):
            reason = "there are no rows" if column in table.columns else "the column is not there"
            found.append(Group(column, "-", 0, 0.0, 0, NAN, NAN, NAN, Verdict.INSUFFICIENT, reason))
            continue
        names = grouped(table[column])
        largest = set(names.value_counts().sort_values(ascending=False, kind="stable").index[:MOST_GROUPS])
        for group in (name for name in names.categories if name in largest):
            found.append(_group(column, group, np.asarray(names == group), y, task, minimum_group, confidence))
    known = y[~np.isnan(y)]
    overall, spread = (float(known.mean()), float(known.std())) if len(known) else (NAN, NAN)
    unit = measured_in if task == "regression" else SHARE
    return Representation(tuple(found), overall, len(table), minimum_group, unit, spread)


def wilson(hits: float, rows: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's interval of a share; (NaN, NaN) without rows."""
    from scipy.special import ndtri

    if not rows:
        return float("nan"), float("nan")
    z = float(ndtri((1 + confidence) / 2))
    share = hits / rows
    middle = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * np.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def _group(
    column: str, group: str, inside: np.ndarray, y: np.ndarray, task: str, minimum: int, confidence: float
) -> Group:
    values = y[inside & ~np.isnan(y)]
    rows, labelled = int(inside.sum()), len(values)
    rate = float(values.mean()) if labelled else float("nan")
    low, high = float("nan"), float("nan")
    if task != "regression":
        low, high = wilson(values.sum(), labelled, confidence)
    elif labelled > 1:
        from scipy.special import stdtrit

        half = float(stdtrit(labelled - 1, (1 + confidence) / 2) * values.std(ddof=1) / np.sqrt(labelled))
        low, high = rate - half, rate + half
    enough = labelled >= minimum
    reason = "" if enough else f"only {labelled} labelled rows, {minimum} are needed"
    verdict = Verdict.PASS if enough else Verdict.INSUFFICIENT
    return Group(column, group, rows, rows / len(y), labelled, rate, low, high, verdict, reason)


def _share(share: float) -> str:
    """A share in percent; of a group that is there, never nothing."""
    return "< 0.1 %" if 0 < share < 0.0005 else f"{100 * share:.1f} %"
