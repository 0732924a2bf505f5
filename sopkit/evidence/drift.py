"""Drift: have the inputs moved, and by enough to matter?

The rules, in the order they are judged:
* effect size first: a column has drifted when its population stability index is beyond the limit *and* the change
  survives the false-discovery rate over all columns. Ten million rows without a change that matters stay quiet;
* with `blocks` chance is that of blocks (`design_effect`): rows of one day share their weather, and thirty days
  differ from ninety others though nothing has changed;
* what is not known of a column is `insufficient`, never `pass` (`column_drift`);
* features count by their weight (half measured importance, half equal shares); columns that could not be judged
  count on both sides, so the whole is `insufficient` where they could turn the verdict.

The values equal the libraries' formulas (`distances`); the verdict is ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.errors import NotEnoughEvidence, NotFound
from sopkit.evidence import charts, distances, rules
from sopkit.evidence.column_drift import ColumnDrift, column_drift
from sopkit.evidence.design_effect import deal
from sopkit.evidence.measure import Measure, counted, number
from sopkit.evidence.profiles import kinds

__all__ = ["Drift", "block_groups", "drift"]


@dataclass(frozen=True)
class Drift:
    """All columns, the weighted share that drifted (`share`; `share_at_most` counts the unjudged too), the target."""

    columns: tuple[ColumnDrift, ...]
    share: float
    share_at_most: float
    limit: float
    verdict: Verdict
    reason: str
    target: ColumnDrift | None = None
    labels: tuple[str, str] = ("reference", "current")
    rows: tuple[int, int] = (0, 0)
    psi_limit: float = rules.DRIFT.psi
    blocks: tuple[int, int] | None = None

    @property
    def drifted(self) -> list[str]:
        return [column.name for column in self.columns if column.verdict is Verdict.FAIL]

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a column, the largest index first."""
        rows = [column.to_dict() for column in self.by_effect]
        frame = pd.DataFrame(rows, columns=[n for n in ColumnDrift.__dataclass_fields__ if n != "profile"])
        return frame.set_index("name")

    @property
    def measures(self) -> list[Measure]:
        found = [
            Measure(
                "drift_share",
                self.share,
                self.verdict,
                self.reason,
                {
                    "drifted": self.drifted,
                    "unjudged": [c.name for c in self.columns if c.verdict is Verdict.INSUFFICIENT],
                    "share_at_most": self.share_at_most,
                    "rows": list(self.rows),
                    "psi": {column.name: column.psi for column in self.by_effect},
                },
                Threshold(op="at_most", value=self.limit),
                "Weighted share of drifted features",
            )
        ]
        if self.target is not None:
            found.append(self.target.measure(self.psi_limit, "target_drift", f"Drift of the target {self.target.name}"))
        return found

    def column(self, name: str) -> ColumnDrift:
        for column in (*self.columns, *([self.target] if self.target else [])):
            if column.name == name:
                return column
        raise NotFound(f"no column {name!r} was compared", expected=", ".join(c.name for c in self.columns), got=name)

    def figure(self) -> charts.Chart:
        """Columns by effect size, each with its verdict as a word."""
        rows = [
            charts.Row(
                c.name,
                None if not np.isfinite(c.psi) else c.psi,
                verdict=c.verdict,
                note=f"weight {c.weight:.0%}" + (f", AUC {c.auc:.2f}" if np.isfinite(c.auc) else ""),
            )
            for c in self.by_effect
        ]
        limit = self.psi_limit
        return charts.bars(
            self.reason,
            rows,
            x_label="population stability index (logarithmic above 0.01)",
            limit=limit,
            limit_label=f"limit {limit:g}",
            subtitle=self.sizes,
            logarithmic=True,
        )

    def column_figure(self, name: str) -> charts.Chart:
        """The two distributions of one column. Raises NotFound."""
        column = self.column(name)
        title = f"{name}: {column.reason}"
        if column.profile is None:
            raise NotEnoughEvidence(f"column {name!r} could not be compared", got=column.reason)
        return column.profile.figure(title, name, self.labels)

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": str(self.verdict),
            "reason": self.reason,
            "share": plain(self.share),
            "share_at_most": plain(self.share_at_most),
            "limit": self.limit,
            "labels": list(self.labels),
            "rows": list(self.rows),
            "columns": [column.to_dict() for column in self.by_effect],
            "target": self.target.to_dict() if self.target else None,
        }

    def _repr_html_(self) -> str:
        shown = self.table[["psi", "p_adjusted", "missing_reference", "missing_current", "weight", "verdict", "reason"]]
        return str(shown.to_html(float_format=lambda value: number(value)))

    @property
    def sizes(self) -> str:
        """Rows, and blocks where they are known, of both sides."""
        of = [f" in {counted(count, 'block')}" for count in self.blocks] if self.blocks else ["", ""]
        return ", ".join(
            f"{label}: {rows:,} rows{part}" for label, rows, part in zip(self.labels, self.rows, of, strict=True)
        )

    @property
    def by_effect(self) -> list[ColumnDrift]:
        """The largest effect first: what fails without an index (a column that is gone) leads, the unknown ends."""
        return sorted(self.columns, key=lambda column: (-_effect(column), column.name))


def _effect(column: ColumnDrift) -> float:
    if np.isfinite(column.psi):
        return column.psi
    return np.inf if column.verdict is Verdict.FAIL else -np.inf


def drift(
    reference: pd.DataFrame,
    current: pd.DataFrame,
    features: Mapping[str, Any],
    *,
    importance: Mapping[str, float] | None = None,
    target: tuple[str, Any] | None = None,
    limit: float = rules.DRIFT.share,
    limits: rules.Drift = rules.DRIFT,
    labels: tuple[str, str] = ("reference", "current"),
    blocks: tuple[Any, Any] | None = None,
) -> Drift:
    """Compare the columns named in `features` (name -> kind, or a model file's `features`) of two tables.

    `importance` is name -> any non-negative number; `target` is (column, kind) where both tables hold it.
    `limit` is the weighted share of drifted features from which the whole is a `fail`. `blocks` are the labels (n,) of
    what belongs together in each table, such as days; without them every row stands for itself.
    Raises nothing for bad data: what cannot be compared is `insufficient` or `fail`, with the reason.
    """
    wanted = kinds(features)
    groups = block_groups(*blocks) if blocks is not None else None
    found = [column_drift(name, kind, reference, current, limits, groups) for name, kind in wanted.items()]
    target_found = None
    if target:
        target_found = column_drift(target[0], kinds(dict([target]))[target[0]], reference, current, limits, groups)
    together = distances.adjusted([column.p_value for column in found])
    weights = _weights(list(wanted), importance, limits.trust)
    columns = tuple(
        replace(column, p_adjusted=float(p), weight=weights[column.name]).judged(limits)
        for column, p in zip(found, together, strict=True)
    )
    if target_found is not None:
        target_found = replace(target_found, p_adjusted=target_found.p_value).judged(limits)
    share = sum(c.weight for c in columns if c.verdict is Verdict.FAIL)
    most = share + sum(c.weight for c in columns if c.verdict is Verdict.INSUFFICIENT)
    verdict = Verdict.FAIL if share > limit else Verdict.INSUFFICIENT if most > limit else Verdict.PASS
    return Drift(
        columns, share, most, limit, verdict, _summary(columns, share, most, limit, verdict), target_found, labels,
        (len(reference), len(current)), limits.psi, (groups[0][2], groups[1][2]) if groups else None,
    )  # fmt: skip


def block_groups(reference: Any, current: Any) -> tuple[tuple[Any, int, int], tuple[Any, int, int]]:
    """For each side its rows' blocks as few groups, how many groups, and how many blocks there were."""
    found = []
    for labels in (reference, current):
        codes, names = pd.factorize(np.asarray(labels))
        found.append((*deal(codes, len(names)), len(names)))
    return found[0], found[1]


def _weights(names: list[str], importance: Mapping[str, float] | None, trust: float) -> dict[str, float]:
    equal = 1 / len(names) if names else 0.0
    known = {name: max(float((importance or {}).get(name, 0.0)), 0.0) for name in names}
    known = {name: value if np.isfinite(value) else 0.0 for name, value in known.items()}
    total = sum(known.values())
    if not total:
        return dict.fromkeys(names, equal)
    return {name: trust * known[name] / total + (1 - trust) * equal for name in names}


def _summary(columns: tuple[ColumnDrift, ...], share: float, most: float, limit: float, verdict: Verdict) -> str:
    ordered = sorted((c for c in columns if c.verdict is Verdict.FAIL), key=lambda c: -np.nan_to_num(c.psi, nan=np.inf))
    names = ", ".join(c.name for c in ordered[:3]) + (f" and {len(ordered) - 3} more" if len(ordered) > 3 else "")
    if verdict is Verdict.INSUFFICIENT:
        unjudged = [c.name for c in columns if c.verdict is Verdict.INSUFFICIENT]
        return f"{len(unjudged)} of {len(columns)} features could not be judged, so drift is open (at most {most:.0%})"
    if not ordered:
        return f"None of {len(columns)} features has drifted"
    return f"{names} moved: {share:.0%} of the features' weight has drifted (limit {limit:.0%})"
