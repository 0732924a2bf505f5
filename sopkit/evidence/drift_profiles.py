"""What a picture of drift needs: each column then and now, over time, and inside each slice. It decides nothing.

The rules:
* verdict, measure, method and threshold are those of `drift`, told and not measured again; the distributions are the
  profiles that `drift` has counted;
* never a row, never a single value: a number is told by shares of bins and by quartiles; a category, a word or a group
  is named only where at least `NAMED_FROM` rows have it, in at most `LONGEST` letters; the others are counted together;
* it stays small: at most `BARS` bins, `SHOWN` columns, the largest effect first; the others are named and left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.definitions.results import plain
from sopkit.evidence import charts, rules
from sopkit.evidence.by_period import moments
from sopkit.evidence.column_drift import ColumnDrift
from sopkit.evidence.drift import Drift, block_groups
from sopkit.evidence.drift_by_slice import BySlice, Slices, by_slice, judged_together, slices_of
from sopkit.evidence.drift_over_time import Timeline, timeline
from sopkit.evidence.overview import Note
from sopkit.evidence.profiles import MISSING, NEW, OTHER, Profile, binned, numbers, texts
from sopkit.evidence.text_drift import TextDrift, auc_of_psi

__all__ = ["DriftProfiles", "drift_profiles"]

LONGEST, BARS, NAMES, LINES, SHOWN = 60, 20, 12, 3, 60
NAMED_FROM = rules.DRIFT.named_from


@dataclass(frozen=True, eq=False)
class DriftProfiles:
    """`columns` as plain facts, the largest effect first; `left_out` are the names of those without."""

    drift: Drift
    sides: tuple[dict[str, Any], dict[str, Any]]
    time: Timeline | None
    slices: tuple[Slices, ...]
    columns: tuple[dict[str, Any], ...]
    left_out: tuple[str, ...]

    def figure(self) -> charts.Chart | Note:
        """The number that moved furthest, over time: its median with the quartiles."""
        told = next((one for one in self.columns if "middle" in (one["over_time"] or {})), None)
        if told is None or self.time is None:
            return Note("No number has moved over time that could be drawn")
        over = told["over_time"]
        kept = [place for place, value in enumerate(over["middle"]) if value is not None]
        times = [self.time.starts[place] for place in kept]
        low, middle, high = ([over[side][place] for place in kept] for side in ("low", "middle", "high"))
        label = f"median of {told['name']}, and its middle half"
        cut = self.sides[1]["from"]
        return charts.over_time(
            f"{told['name']} by {self.time.span}: {told['reason']}",
            {label: (times, middle)},
            y_label=" ".join(part for part in (told["name"], told["unit"] and f"({told['unit']})") if part),
            bands={label: (low, high)},
            marks={self.drift.labels[1]: pd.Timestamp(cut)} if cut else None,
        )

    def to_dict(self) -> dict[str, Any]:
        drift = self.drift
        return {
            "verdict": str(drift.verdict),
            "reason": drift.reason,
            "labels": list(drift.labels),
            "rows": list(drift.rows),
            "reference": self.sides[0],
            "current": self.sides[1],
            "periods": self.time.to_dict() if self.time else None,
            "slices": [each.to_dict() for each in self.slices],
            "named_from": NAMED_FROM,
            "columns": list(self.columns),
            "left_out": list(self.left_out),
        }


def drift_profiles(
    drift: Drift,
    reference: pd.DataFrame,
    current: pd.DataFrame,
    model: ModelFile,
    *,
    history: pd.DataFrame | None = None,
    importance: Mapping[str, float] | None = None,
    blocks: tuple[Any, Any] | None = None,
    limits: rules.Drift = rules.DRIFT,
) -> DriftProfiles:
    """What `drift` compared, as it is drawn; `blocks` as they were given to it.

    `history` are the rows that fill the time between both tables; `importance` is column -> any non-negative number.
    """
    shown = drift.by_effect[:SHOWN]
    protected = list(dict.fromkeys([*model.slices, *model.protected]))
    slices = slices_of(reference, current, protected, named_from=NAMED_FROM)
    groups = None
    if blocks is not None:
        of = block_groups(*blocks)
        groups = of[0][:2], of[1][:2]
    together: list[BySlice] = []
    for column in shown:
        if slices and isinstance(column.profile, Profile):
            bins = binned(
                reference[column.name],
                current[column.name],
                column.kind,
                bins=limits.bins,
                categories=limits.categories,
            )
            together += [by_slice(column, bins, each, groups, limits) for each in slices if each.column != column.name]
    inside = judged_together(together, limits)
    time = _timeline(reference, current, history, model.data.time)
    known = {name: max(float(value), 0.0) for name, value in (importance or {}).items() if np.isfinite(float(value))}
    total = sum(known.get(column.name, 0.0) for column in drift.columns)
    facts = []
    for column in shown:
        feature = model.features.get(column.name)
        kept = _distribution(column)
        facts.append(
            {
                "name": column.name,
                "title": feature.title if feature else "",
                "unit": feature.unit if feature else "",
                "kind": column.kind,
                "verdict": str(column.verdict),
                "reason": column.reason,
                **_method(column, drift, by_blocks=blocks is not None),
                "weight": plain(_short(column.weight)),
                "importance": _short(known.get(column.name, 0.0) / total) if total else None,
                "quartiles": _quartiles(column, reference, current),
                "missing": [_short(column.missing_reference), _short(column.missing_current)],
                "new": _new(column),
                "distribution": kept,
                "over_time": _over_time(column, kept, time),
                "slices": {name: each.to_dict() for name, each in inside.get(column.name, {}).items()},
            }
        )
    left_out = tuple(column.name for column in drift.by_effect[SHOWN:])
    sides = _side(reference, model.data.time), _side(current, model.data.time)
    return DriftProfiles(drift, sides, time, tuple(slices), tuple(facts), left_out)


def _side(table: pd.DataFrame, time: str) -> dict[str, Any]:
    times = moments(table[time]).dropna() if time in table else pd.Series(dtype="datetime64[ns, UTC]")
    ends = [plain(times.min()), plain(times.max())] if len(times) else [None, None]
    return {"rows": len(table), "from": ends[0], "until": ends[1]}


def _timeline(
    reference: pd.DataFrame, current: pd.DataFrame, history: pd.DataFrame | None, time: str
) -> Timeline | None:
    """The rows from the first of the reference on: the history's, and those of both sides that it lacks."""
    if time not in reference or time not in current:
        return None
    if history is None or not len(history):
        return timeline(pd.concat([reference, current], ignore_index=True), time)
    times, first = moments(history[time]), moments(history[time]).min()
    ends = [moments(side[time]) for side in (reference, current)]
    begin = ends[0].min() if ends[0].notna().any() else first
    last = ends[1].max() if ends[1].notna().any() else times.max()
    parts = [reference[(ends[0] < first).to_numpy()], history[((times >= begin) & (times <= last)).to_numpy()]]
    return timeline(pd.concat([part for part in parts if len(part)] or [current], ignore_index=True), time)


def _method(column: ColumnDrift, drift: Drift, *, by_blocks: bool) -> dict[str, Any]:
    """Which measure decides, in words, its value and its threshold."""
    limit, chance = drift.psi_limit, " held against blocks of rows" if by_blocks else ""
    after = f"and the change{chance} survives the false-discovery rate over all columns"
    if column.kind == "text":
        method = f"classifier two-sample test: how well texts of both sides are told apart, {after}"
        return {"measure": "AUC", "value": _short(column.auc), "threshold": _short(auc_of_psi(limit)), "method": method}
    binned = isinstance(column.profile, Profile) and column.profile.edges is not None
    over = "the reference's quantile bins" if binned else "the values themselves"
    method = f"population stability index over {over}, missing values being one of them, {after}"
    return {"measure": "PSI", "value": _short(column.psi), "threshold": limit, "method": method}


def _quartiles(column: ColumnDrift, *tables: pd.DataFrame) -> list[list[float | None]] | None:
    """The quartiles of both sides, of numbers with enough rows to have any."""
    if column.kind != "numeric" or column.profile is None:
        return None
    sides = [numbers(table[column.name]) for table in tables]
    known = [side[~np.isnan(side)] for side in sides]
    if min(len(side) for side in known) < NAMED_FROM:
        return None
    return [[_short(value) for value in np.quantile(side, [0.25, 0.5, 0.75])] for side in known]


def _new(column: ColumnDrift) -> dict[str, Any]:
    """New values: their share of the current rows, and those that are common enough to be named, with their rows."""
    found = column.profile
    if not isinstance(found, Profile):
        return {"share": None, "values": []}
    named = [
        [_name(value), count]
        for value, count in zip(found.new_values, found.new_counts, strict=False)
        if count >= NAMED_FROM
    ]
    out = column.kind == "numeric" and found.edges is not None
    return {"share": _short(found.new_share), "values": named, "outside_range": out}


def _distribution(column: ColumnDrift) -> dict[str, Any] | None:
    found = column.profile
    if isinstance(found, TextDrift):
        sides = [np.asarray(found.words[side], dtype=float) for side in ("reference", "current")]
        rows = sides[0] * found.rows[0] + sides[1] * found.rows[1]
        kept = np.flatnonzero(rows >= NAMED_FROM - 1e-9)
        return {
            "form": "words",
            "labels": [_name(found.words.word.iloc[place]) for place in kept],
            "reference": _shares(sides[0][kept]),
            "current": _shares(sides[1][kept]),
        }
    if found is None:
        return None
    if found.edges is not None and found.histograms is not None:
        each = max((len(found.edges) - 1) // BARS, 1)
        sides = [np.add.reduceat(side, np.arange(0, len(side), each)) for side in found.histograms]
        edges = [_short(edge) for edge in [*found.edges[:-1:each], found.edges[-1]]]
        return {"form": "histogram", "edges": edges, "reference": _shares(sides[0]), "current": _shares(sides[1])}
    return _of_categories(found)


def _of_categories(found: Profile) -> dict[str, Any]:
    """The commonest values by name, numbers in their order; then the rest together, the new, and the missing."""
    r, c = found.reference, found.current
    share = r / max(r.sum(), 1) + c / max(c.sum(), 1)
    named = [place for place, label in enumerate(found.bins) if label not in (OTHER, NEW, MISSING)]
    common = [place for place in named if r[place] + c[place] >= NAMED_FROM]
    most = NAMES if found.kind != "numeric" else 2 * NAMES
    kept = sorted(common, key=lambda place: -share[place])[:most]
    kept = sorted(kept) if found.kind == "numeric" else kept
    rest = [place for place in range(len(found.bins)) if place not in kept and found.bins[place] not in (NEW, MISSING)]
    parts = [(_name(found.bins[place]), [place]) for place in kept]
    parts += [(OTHER, rest)] if rest and (r + c)[rest].sum() else []
    parts += [
        (label, [place]) for place, label in enumerate(found.bins) if label in (NEW, MISSING) and r[place] + c[place]
    ]
    sides = [[side[places].sum() / max(side.sum(), 1) for _, places in parts] for side in (r, c)]
    return {
        "form": "values",
        "labels": [label for label, _ in parts],
        "named": len(kept),
        "reference": _shares(sides[0]),
        "current": _shares(sides[1]),
    }


def _over_time(column: ColumnDrift, kept: dict[str, Any] | None, time: Timeline | None) -> dict[str, Any] | None:
    if time is None or kept is None or column.name not in time.table:
        return None
    if column.kind == "numeric":
        return time.of_numbers(column.name)
    if kept["form"] == "words":
        return {"names": [], "shares": [], "missing": time.missing(column.name)}
    found = texts(time.table[column.name])
    shortened = np.array([None if text is None else _name(text) for text in found], dtype=object)
    both = np.array(kept["reference"][: kept["named"]]) + np.array(kept["current"][: kept["named"]])
    moved = np.abs(np.array(kept["current"][: kept["named"]]) - np.array(kept["reference"][: kept["named"]]))
    order = sorted(range(kept["named"]), key=lambda place: (-moved[place], -both[place]))[:LINES]
    return time.of_categories(column.name, [kept["labels"][place] for place in sorted(order)], shortened)


def _name(value: Any) -> str:
    """A name from data, on one line and not too long."""
    text = " ".join(str(value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _shares(values: Any) -> list[float]:
    return [float(f"{value:.3g}") for value in values]


def _short(value: float) -> float | None:
    return float(f"{value:.4g}") if np.isfinite(value) else None
