"""Profiles: two samples of one column, counted over the same bins.

The rules:
* numbers fall into the reference's quantile bins; numbers with few distinct values, and categories, are counted
  value by value, the rare ones together, those that the reference never had apart;
* missing and infinite values, and texts in a column of numbers, are a bin of their own;
* `binned` tells in which bin each row falls, so that any part of the rows can be counted over the bins of the whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from sopkit.evidence import charts, distances
from sopkit.evidence.design_effect import Chance, by_blocks, by_rows

__all__ = ["Binned", "Profile", "binned", "kinds", "numbers", "profile", "texts"]

Groups = tuple[np.ndarray, int]
Coded = tuple[tuple[np.ndarray, np.ndarray], list[str]]
FEW_VALUES = 20  # evidently 0.7.23 counts numbers with at most 20 distinct values one by one, too
MISSING, NEW, OTHER = "(missing)", "(new values)", "(other values)"


@dataclass(frozen=True, eq=False)
class Profile:
    """Counts of both sides over `bins` (labels), and what needs the values themselves: distances and p-value."""

    kind: str
    bins: tuple[str, ...]
    reference: np.ndarray
    current: np.ndarray
    missing: tuple[float, float]
    new_share: float
    new_values: tuple[str, ...]
    jensen_shannon: float
    wasserstein: float
    p_value: float
    edges: np.ndarray | None = None
    histograms: tuple[np.ndarray, np.ndarray] | None = None
    chance: Chance = field(default_factory=lambda: Chance(reason="not known"))
    new_counts: tuple[int, ...] = ()

    def figure(self, title: str, label: str, names: tuple[str, str] = ("reference", "current")) -> charts.Chart:
        missing = f"missing: {self.missing[0]:.1%} of {names[0]}, {self.missing[1]:.1%} of {names[1]} rows"
        if self.edges is not None and self.histograms is not None:
            return charts.histograms(title, self.edges, *self.histograms, x_label=label, labels=names, subtitle=missing)
        shown = np.argsort(
            -(self.reference / max(self.reference.sum(), 1) + self.current / max(self.current.sum(), 1))
        )[:20]
        return charts.pairs(
            title,
            [self.bins[place] for place in shown],
            list((self.reference / max(self.reference.sum(), 1))[shown]),
            list((self.current / max(self.current.sum(), 1))[shown]),
            x_label="share of rows",
            names=names,
            subtitle=missing,
        )


@dataclass(frozen=True, eq=False)
class Binned:
    """The bins of a column, as labels (k,), and in which of them each row of both sides falls, (n,) and (m,)."""

    labels: tuple[str, ...]
    places: tuple[np.ndarray, np.ndarray]


def kinds(features: Mapping[str, Any]) -> dict[str, str]:
    """Column -> numeric, categorical or text, from plain texts or from the `features` of a model file."""
    return {name: kind if isinstance(kind, str) else str(kind.type) for name, kind in features.items()}


def numbers(values: pd.Series) -> np.ndarray:
    """Floats, NaN for everything that is not a finite number."""
    found = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def texts(values: pd.Series) -> np.ndarray:
    """Each value as the text that a profile shows, None where there is none."""
    codes, names = _coded(values, values.iloc[:0])
    return np.array([*names, None], dtype=object)[codes[0]]


def profile(
    reference: pd.Series,
    current: pd.Series,
    kind: str,
    *,
    bins: int = 10,
    categories: int = 50,
    groups: tuple[Groups, Groups] | None = None,
) -> Profile:
    """The profile of both sides; never raises for odd values.

    `groups` are the blocks that rows belong to, (n,) as 0..k-1 and k, of each side: then `chance` knows them.
    Each side is sorted or counted once; everything after that is linear in the rows.
    """
    if kind == "numeric":
        r, c = numbers(reference), numbers(current)
        known = np.sort(r[~np.isnan(r)]), np.sort(c[~np.isnan(c)])
        if np.count_nonzero(np.diff(known[0])) >= FEW_VALUES:
            return _of_numbers(r, c, known, bins, groups)
        seen = _of_categories(pd.Series(r), pd.Series(c), categories, "numeric", groups)
        return replace(seen, wasserstein=distances.wasserstein(*known))
    return _of_categories(reference, current, categories, "categorical", groups)


def binned(reference: pd.Series, current: pd.Series, kind: str, *, bins: int = 10, categories: int = 50) -> Binned:
    """The bins of `profile`, with the place of each row; of texts there are none."""
    if kind == "numeric":
        r, c = numbers(reference), numbers(current)
        known = np.sort(r[~np.isnan(r)])
        if np.count_nonzero(np.diff(known)) >= FEW_VALUES:
            return _bins_of_numbers(r, c, known, bins)
        reference, current = pd.Series(r), pd.Series(c)
    return _bins_of_categories(_coded(reference, current), categories, kind)[0]


def _bins_of_numbers(r: np.ndarray, c: np.ndarray, known: np.ndarray, bins: int) -> Binned:
    inner = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
    places = [np.where(np.isnan(side), len(inner) + 1, np.searchsorted(inner, side, side="left")) for side in (r, c)]
    marks = [charts.literal(f"{mark:.4g}") for mark in inner]
    labels = (f"≤ {marks[0]}", *[f"{a} to {b}" for a, b in pairwise(marks)], f"> {marks[-1]}", MISSING)
    return Binned(labels, (places[0], places[1]))


def _of_numbers(
    r: np.ndarray, c: np.ndarray, known: tuple[np.ndarray, np.ndarray], bins: int, groups: tuple[Groups, Groups] | None
) -> Profile:
    found = _bins_of_numbers(r, c, known[0], bins)
    counts, chance = _counted(found.places, len(found.labels), groups)
    gone = [len(side) - len(part) for side, part in zip((r, c), known, strict=True)]
    # evidently 0.7.23 bins both sides together by Sturges' rule for this distance; so do we, to give the same value
    shared = np.histogram_bin_edges(np.concatenate(known), bins="sturges")
    sturges = [np.histogram(side, shared)[0] for side in known]
    edges, histograms = charts.shared_histograms(*known)
    return Profile(
        "numeric",
        found.labels,
        *counts,
        (gone[0] / len(r), gone[1] / len(c)),
        float(np.mean((known[1] < known[0][0]) | (known[1] > known[0][-1]))) if len(known[1]) else 0.0,
        (),
        distances.jensen_shannon(*sturges),
        distances.wasserstein(*known),
        _smallest(distances.kolmogorov_smirnov(*known)[1], _missing_p(r, c)),
        edges,
        histograms,
        chance,
    )


def _of_categories(
    reference: pd.Series, current: pd.Series, categories: int, kind: str, groups: tuple[Groups, Groups] | None
) -> Profile:
    codes, names = coded = _coded(reference, current)
    found, unseen = _bins_of_categories(coded, categories, kind)
    counts, chance = _counted(found.places, len(found.labels), groups)
    before, now = (np.bincount(side[side >= 0], minlength=len(names)) for side in codes)
    return Profile(
        kind,
        found.labels,
        *counts,
        (float((codes[0] < 0).mean()), float((codes[1] < 0).mean())),
        float(now[unseen].sum()) / len(current),
        tuple(names[at] for at in unseen[:20]),
        distances.jensen_shannon(before, now),
        float("nan"),
        distances.chi_square(*counts)[1],
        chance=chance,
        new_counts=tuple(int(now[at]) for at in unseen[:20]),
    )


def _bins_of_categories(coded: Coded, categories: int, kind: str) -> tuple[Binned, np.ndarray]:
    """The bins, and the codes that the reference never had, the commonest first."""
    codes, names = coded
    before, now = (np.bincount(side[side >= 0], minlength=len(names)) for side in codes)
    order = np.argsort(-before, kind="stable")
    seen = order[before[order] > 0]
    kept, rare, unseen = seen[:categories], seen[categories:], np.flatnonzero((before == 0) & (now > 0))
    if kind == "numeric":
        kept = np.array(sorted(kept, key=lambda place: float(names[place])), dtype=np.intp)
    place = np.full(len(names) + 1, len(kept) + bool(len(rare)))  # new values; the last entry is for missing ones
    place[kept], place[rare], place[-1] = np.arange(len(kept)), len(kept), len(kept) + bool(len(rare)) + 1
    labels = (*(names[at] for at in kept), *([OTHER] if len(rare) else []), NEW, MISSING)
    unseen = unseen[np.argsort(-now[unseen], kind="stable")]
    return Binned(labels, (place[codes[0]], place[codes[1]])), unseen


def _coded(reference: pd.Series, current: pd.Series) -> Coded:
    """Codes of both sides, -1 for missing, and the text of each code; whole numbers are written without a point."""
    sides = [reference, current]
    if reference.dtype != current.dtype or isinstance(reference.dtype, pd.CategoricalDtype):
        sides = [side.astype(object) for side in sides]
    both = pd.concat(sides, ignore_index=True)
    try:
        codes, values = pd.factorize(both)
    except TypeError:  # lists or dicts in a column
        codes, values = pd.factorize(both.map(str, na_action="ignore"))
    same, names = pd.factorize(np.array([_plain(value) for value in values], dtype=object))
    codes = np.append(same, -1)[codes]
    return (codes[: len(reference)], codes[len(reference) :]), [str(name) for name in names]


def _plain(value: Any) -> str:
    if isinstance(value, float | np.floating):
        return str(int(value)) if float(value).is_integer() else f"{value:g}"
    return str(value)


def _counted(
    places: tuple[np.ndarray, np.ndarray], size: int, groups: tuple[Groups, Groups] | None
) -> tuple[tuple[np.ndarray, np.ndarray], Chance]:
    """Rows in each bin, and what chance does to the index of such rows."""
    if groups is None:
        r, c = (np.bincount(side, minlength=size).astype(float) for side in places)
        return (r, c), by_rows(r, c)
    r, c = (
        np.bincount(group * size + side, minlength=number * size).reshape(number, size).astype(float)
        for side, (group, number) in zip(places, groups, strict=True)
    )
    return (r.sum(axis=0), c.sum(axis=0)), by_blocks(r, c)


def _missing_p(r: np.ndarray, c: np.ndarray) -> float:
    gone = [int(np.isnan(side).sum()) for side in (r, c)]
    return distances.chi_square([gone[0], len(r) - gone[0]], [gone[1], len(c) - gone[1]])[1]


def _smallest(values_p: float, missing_p: float) -> float:
    """One p-value for a column tested twice, for its values and for its missing share (Bonferroni)."""
    both = [p for p in (values_p, missing_p) if np.isfinite(p)]
    return min(1.0, 2 * min(both)) if both else float("nan")
