"""Drift of one column: how far it has moved, and whether that matters.

The rules:
* a population stability index beyond the limit, whose change survives the false-discovery rate, has drifted;
* an index within the limit passes where a major shift would have shown; a large index that chance could have made,
  and rows too few to see a major shift, are `insufficient`, never `pass`;
* a missing value is a value: a column that goes missing has drifted, one that is not there at all fails;
* a new value is named where enough rows have it (`named_from`), otherwise it is counted only;
* texts are told apart by a classifier, whose AUC is turned into the index (`text_drift`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import distances, rules
from sopkit.evidence.measure import Measure, number
from sopkit.evidence.profiles import Profile, profile
from sopkit.evidence.text_drift import TextDrift, text_drift

__all__ = ["ColumnDrift", "column_drift"]

NAN = float("nan")


@dataclass(frozen=True)
class ColumnDrift:
    """One column. `psi` includes a bin for missing values; `wasserstein` is in standard deviations (numbers only).

    `p_value` is that of blocks where they are known, otherwise that of Kolmogorov and Smirnov or of chi-square, with
    every row for itself. Texts have the `auc` with which they are told apart, and `new_values` are the telling words.
    """

    name: str
    kind: str
    psi: float = NAN
    jensen_shannon: float = NAN
    wasserstein: float = NAN
    p_value: float = NAN
    p_adjusted: float = NAN
    missing_reference: float = 1.0
    missing_current: float = 1.0
    new_share: float = 0.0
    new_values: tuple[str, ...] = ()
    rows_reference: int = 0
    rows_current: int = 0
    verdict: Verdict = Verdict.INSUFFICIENT
    reason: str = ""
    weight: float = 0.0
    auc: float = NAN
    profile: Profile | TextDrift | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        names = [name for name in self.__dataclass_fields__ if name != "profile"]
        return {name: plain(getattr(self, name)) for name in names}

    def measure(self, limit: float, name: str, title: str) -> Measure:
        """The index with its verdict, under a name of its own."""
        detail = {key: value for key, value in self.to_dict().items() if key not in ("name", "verdict", "reason")}
        threshold = Threshold(op="below", value=limit)
        return Measure(name, self.psi, self.verdict, self.reason, detail, threshold, title, "PSI")

    def judged(self, limits: rules.Drift) -> ColumnDrift:
        """The same with its verdict and the reason; `p_adjusted` must be known by now."""
        if self.profile is None:
            return self
        smallest, chance = min(self.rows_reference, self.rows_current), self.profile.chance
        open_ = replace(self, verdict=Verdict.INSUFFICIENT)
        if smallest < limits.minimum_rows:
            return replace(open_, reason=f"only {smallest} rows, {limits.minimum_rows} are needed")
        if self.missing_reference == 1.0 and self.missing_current == 1.0:
            return replace(open_, reason="there are no values on either side")
        if chance.reason:
            return replace(open_, reason=f"PSI {number(self.psi)}; {chance.reason}")
        if self.psi >= limits.psi:
            if self.p_adjusted < limits.false_discovery:
                return replace(self, verdict=Verdict.FAIL, reason=_told(self, limits))
            told = f"PSI {number(self.psi)}, which chance alone could make (p = {number(self.p_adjusted, 2)})"
            return replace(open_, reason=told)
        if not chance.so_small_after(limits.far) <= 1 - limits.chance:
            return replace(open_, reason=f"PSI {number(self.psi)}, but a major shift could have gone unseen")
        return replace(self, verdict=Verdict.PASS, reason=_told(self, limits))


def column_drift(
    name: str, kind: str, reference: pd.DataFrame, current: pd.DataFrame, limits: rules.Drift, groups: Any
) -> ColumnDrift:
    """One column of two tables, measured and not yet judged; `groups` are both sides' blocks (`drift`)."""
    nothing = ColumnDrift(name, kind, rows_reference=len(reference), rows_current=len(current))
    for side, table in (("reference", reference), ("current", current)):
        if name not in table.columns:
            return replace(nothing, verdict=Verdict.FAIL, reason=f"the column is not in the {side} rows")
    if not len(reference) or not len(current):
        return replace(nothing, reason=f"there are no {'current' if len(reference) else 'reference'} rows")
    if kind == "text":
        return _of_texts(
            nothing, text_drift(reference[name], current[name], groups=groups and tuple(g[0] for g in groups))
        )
    parts = None if groups is None else (groups[0][:2], groups[1][:2])
    seen = profile(reference[name], current[name], kind, bins=limits.bins, categories=limits.categories, groups=parts)
    psi = distances.population_stability_index(seen.reference, seen.current)
    return replace(
        nothing,
        psi=psi,
        jensen_shannon=seen.jensen_shannon,
        wasserstein=seen.wasserstein,
        p_value=seen.p_value if parts is None else seen.chance.p_value,
        missing_reference=seen.missing[0],
        missing_current=seen.missing[1],
        new_share=seen.new_share,
        new_values=tuple(
            value for value, rows in zip(seen.new_values, seen.new_counts, strict=False) if rows >= limits.named_from
        ),
        profile=seen,
    )


def _of_texts(nothing: ColumnDrift, seen: TextDrift | str) -> ColumnDrift:
    if isinstance(seen, str):
        return replace(nothing, reason=seen)
    return replace(
        nothing, psi=seen.psi, auc=seen.auc, p_value=seen.p_value, missing_reference=seen.missing[0],
        missing_current=seen.missing[1], new_values=seen.telling, profile=seen,
    )  # fmt: skip


def _told(column: ColumnDrift, limits: rules.Drift) -> str:
    moved = abs(column.missing_current - column.missing_reference)
    size = "moved far" if column.psi >= limits.far else "moved" if column.psi >= limits.psi else "stable"
    parts = [f"{size} (PSI {number(column.psi)})"]
    if column.kind == "text":
        parts = [f"{size}: a classifier tells the texts apart with an AUC of {column.auc:.2f}"]
        parts += [f"by words such as {', '.join(column.new_values[:3])}"] if column.psi >= limits.psi else []
    if moved >= 0.05:
        parts.append(f"missing {column.missing_reference:.0%} before, {column.missing_current:.0%} now")
    if column.new_share >= 0.01 and column.kind == "categorical":
        such = f" such as {column.new_values[0]}" if column.new_values else ""
        parts.append(f"{column.new_share:.1%} of rows have new values{such}")
    return "; ".join(parts)
