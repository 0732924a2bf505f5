"""Drift inside each slice: do all groups move, or one?

The rules:
* the measure is that of the whole: the population stability index, over the bins of the whole, of the slice's rows
  then and now; the verdict follows the same rules (`ColumnDrift.judged`), with the false-discovery rate over all
  slices of all columns;
* a slice with too few rows on a side is `insufficient`, and no index is told of it;
* a group is named only where it has enough rows (`named_from`): a value that few rows have can be a person's;
* the largest groups are shown, at most `MOST` of a column; what is left out is counted;
* texts are not told apart slice by slice: a classifier needs more texts than a slice has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.results import Verdict
from sopkit.evidence import distances, rules
from sopkit.evidence.column_drift import ColumnDrift
from sopkit.evidence.design_effect import by_blocks, by_rows
from sopkit.evidence.groups import grouped
from sopkit.evidence.profiles import Binned, Groups, Profile

__all__ = ["BySlice", "Slices", "by_slice", "judged_together", "slices_of"]

MOST = 12
NAN = float("nan")


@dataclass(frozen=True, eq=False)
class Slices:
    """The groups of one column: their names and rows (reference, current), and each row's place, -1 for none."""

    column: str
    values: tuple[str, ...]
    rows: tuple[tuple[int, int], ...]
    places: tuple[np.ndarray, np.ndarray]
    left_out: int = 0

    def to_dict(self) -> dict[str, Any]:
        rows = [list(sides) for sides in self.rows]
        return {"column": self.column, "values": list(self.values), "rows": rows, "left_out": self.left_out}


@dataclass(frozen=True, eq=False)
class BySlice:
    """One column inside the groups of one slice column, in their order."""

    column: str
    slices: str
    found: tuple[ColumnDrift, ...]

    def to_dict(self) -> dict[str, Any]:
        known = [one.verdict is not Verdict.INSUFFICIENT or "rows" not in one.reason for one in self.found]
        return {
            "psi": [_short(one.psi) if told else None for one, told in zip(self.found, known, strict=True)],
            "verdict": [str(one.verdict) for one in self.found],
        }


def slices_of(
    reference: pd.DataFrame, current: pd.DataFrame, columns: list[str], *, named_from: int, most: int = MOST
) -> list[Slices]:
    """The groups of each column that both tables hold; a column of names of its own for nearly every row has none."""
    found = []
    for column in columns:
        if column not in reference or column not in current:
            continue
        both = grouped(pd.concat([reference[column], current[column]], ignore_index=True))
        sides = both.codes[: len(reference)], both.codes[len(reference) :]
        counts = np.array([np.bincount(side, minlength=len(both.categories)) for side in sides])
        large = np.flatnonzero(counts.sum(axis=0) >= named_from)
        kept = np.sort(large[np.argsort(-counts[:, large].sum(axis=0), kind="stable")][:most])
        if not len(kept):
            continue
        place = np.full(len(both.categories), -1)
        place[kept] = np.arange(len(kept))
        found.append(
            Slices(
                column,
                tuple(str(both.categories[at]) for at in kept),
                tuple((int(counts[0, at]), int(counts[1, at])) for at in kept),
                (place[sides[0]], place[sides[1]]),
                len(both.categories) - len(kept),
            )
        )
    return found


def by_slice(
    column: ColumnDrift, bins: Binned, slices: Slices, groups: tuple[Groups, Groups] | None, limits: rules.Drift
) -> BySlice:
    """One column inside each group, measured and not yet judged (`judged_together`)."""
    tables = [
        _counts(bins.places[side], len(bins.labels), slices, side, None if groups is None else groups[side])
        for side in (0, 1)
    ]
    found = []
    for place, rows in enumerate(slices.rows):
        one = ColumnDrift(column.name, column.kind, rows_reference=rows[0], rows_current=rows[1])
        if min(rows) < limits.minimum_rows:
            found.append(replace(one, reason=f"only {min(rows)} rows, {limits.minimum_rows} are needed"))
            continue
        parts = tables[0][place], tables[1][place]
        sums = parts[0].sum(axis=0), parts[1].sum(axis=0)
        chance = by_rows(*sums) if groups is None else by_blocks(*parts)
        gone = [float(side[-1] / side.sum()) for side in sums]
        index = distances.population_stability_index(*sums)
        seen = Profile(column.kind, bins.labels, *sums, (gone[0], gone[1]), 0.0, (), NAN, NAN, NAN, chance=chance)
        found.append(
            replace(
                one, psi=index, p_value=chance.p_value, missing_reference=gone[0], missing_current=gone[1], profile=seen
            )
        )
    return BySlice(column.name, slices.column, tuple(found))


def judged_together(found: list[BySlice], limits: rules.Drift) -> dict[str, dict[str, BySlice]]:
    """Column -> slice column -> each group with its verdict; chance is that of all groups of all columns."""
    flat = [one.p_value for each in found for one in each.found]
    together = iter(distances.adjusted(flat)) if flat else iter(())
    judged: dict[str, dict[str, BySlice]] = {}
    for each in found:
        ones = tuple(replace(one, p_adjusted=float(next(together))).judged(limits) for one in each.found)
        judged.setdefault(each.column, {})[each.slices] = replace(each, found=ones)
    return judged


def _counts(places: np.ndarray, size: int, slices: Slices, side: int, groups: Groups | None) -> np.ndarray:
    """Rows by group of the slice, block and bin; without blocks there is one."""
    of = slices.places[side]
    inside = of >= 0
    group, number = (np.zeros(len(places), dtype=np.intp), 1) if groups is None else groups
    index = (of[inside] * number + group[inside]) * size + places[inside]
    shape = (len(slices.values), number, size)
    return np.bincount(index, minlength=int(np.prod(shape))).reshape(shape).astype(float)


def _short(value: float) -> float | None:
    return float(f"{value:.3g}") if np.isfinite(value) else None
