"""Profiles: two samples of one column, counted over the same bins.

The rules:
* numbers fall into the reference's quantile bins; numbers with few distinct values, and categories, are counted
  value by value, the rare ones together, those that the reference never had apart;
* missing and infinite values, and texts in a column of numbers, are a bin of their own;
* texts are counted by word: how often the reference's commonest words occur, and all others together.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from sopkit.evidence import charts, distances

__all__ = ["Profile", "kinds", "numbers", "profile"]

FEW_VALUES = 20  # evidently 0.7.23 counts numbers with at most 20 distinct values one by one, too
WORDS = 200
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
            x_label="share of words" if self.kind == "text" else "share of rows",
            names=names,
            subtitle=missing,
        )


def kinds(features: Mapping[str, Any]) -> dict[str, str]:
    """Column -> numeric, categorical or text, from plain texts or from the `features` of a model file."""
    return {name: kind if isinstance(kind, str) else str(kind.type) for name, kind in features.items()}


def numbers(values: pd.Series) -> np.ndarray:
    """Floats, NaN for everything that is not a finite number."""
    found = pd.to_numeric(values, errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    return np.where(np.isfinite(found), found, np.nan)


def profile(reference: pd.Series, current: pd.Series, kind: str, *, bins: int = 10, categories: int = 50) -> Profile:
    """The profile of both sides; never raises for odd values."""
    if kind == "numeric":
        r, c = numbers(reference), numbers(current)
        known = r[~np.isnan(r)], c[~np.isnan(c)]
        if len(np.unique(known[0])) > FEW_VALUES:
            return _of_numbers(r, c, known, bins)
        seen = _of_categories(_as_text(r), _as_text(c), categories, "numeric")
        return replace(seen, wasserstein=distances.wasserstein(*known))
    if kind == "text":
        return _of_words(reference, current)
    return _of_categories(_plain_text(reference), _plain_text(current), categories, "categorical")


def _of_numbers(r: np.ndarray, c: np.ndarray, known: tuple[np.ndarray, np.ndarray], bins: int) -> Profile:
    inner = np.unique(np.quantile(known[0], np.linspace(0, 1, bins + 1)[1:-1]))
    counts = [np.bincount(np.searchsorted(inner, side, side="left"), minlength=len(inner) + 1) for side in known]
    gone = [len(side) - len(part) for side, part in zip((r, c), known, strict=True)]
    marks = [charts.literal(f"{mark:.4g}") for mark in inner]
    labels = [
        f"≤ {marks[0]}",
        *[f"{a} to {b}" for a, b in pairwise(marks)],
        f"> {marks[-1]}",
        MISSING,
    ]
    # evidently 0.7.23 bins both sides together by Sturges' rule for this distance; so do we, to give the same value
    shared = np.histogram_bin_edges(np.concatenate(known), bins="sturges")
    sturges = [np.histogram(side, shared)[0] for side in known]
    edges, histograms = charts.shared_histograms(*known)
    return Profile(
        "numeric",
        tuple(labels),
        np.append(counts[0], gone[0]).astype(float),
        np.append(counts[1], gone[1]).astype(float),
        (gone[0] / len(r), gone[1] / len(c)),
        float(np.mean((known[1] < known[0].min()) | (known[1] > known[0].max()))) if len(known[1]) else 0.0,
        (),
        distances.jensen_shannon(*sturges),
        distances.wasserstein(*known),
        _smallest(distances.kolmogorov_smirnov(*known)[1], _missing_p(r, c)),
        edges,
        histograms,
    )


def _of_categories(r: pd.Series, c: pd.Series, categories: int, kind: str) -> Profile:
    before, now = r.value_counts(), c.value_counts()
    every = before.index.union(now.index, sort=False)
    full = [side.reindex(every, fill_value=0).to_numpy(dtype=float) for side in (before, now)]
    kept = list(before.index[:categories])
    if kind == "numeric":
        kept = sorted(kept, key=float)
    unseen = now[~now.index.isin(before.index)]
    labels = [str(value) for value in kept]
    counts = [[float(side.get(value, 0)) for value in kept] for side in (before, now)]
    rare = before.index[categories:]
    if len(rare):
        labels.append(OTHER)
        for side, part in zip((before, now), counts, strict=True):
            part.append(float(side[side.index.isin(rare)].sum()))
    labels += [NEW, MISSING]
    for side, part, new in ((r, counts[0], 0.0), (c, counts[1], float(unseen.sum()))):
        part += [new, float(side.isna().sum())]
    return Profile(
        kind,
        tuple(labels),
        np.array(counts[0]),
        np.array(counts[1]),
        (float(r.isna().mean()), float(c.isna().mean())),
        float(unseen.sum()) / len(c),
        tuple(str(value) for value in unseen.index[:20]),
        distances.jensen_shannon(*full),
        float("nan"),
        distances.chi_square(*counts)[1],
    )


def _of_words(reference: pd.Series, current: pd.Series) -> Profile:
    before, now = (_words(side) for side in (reference, current))
    kept = [word for word, _ in sorted(before.items(), key=lambda item: (-item[1], item[0]))[:WORDS]]
    r, c = (np.array([*(side[word] for word in kept), side.total()], dtype=float) for side in (before, now))
    r[-1], c[-1] = r[-1] - r[:-1].sum(), c[-1] - c[:-1].sum()
    unseen = sorted(set(now) - set(before), key=lambda word: (-now[word], word))
    return Profile(
        "text",
        (*kept, "(other words)"),
        r,
        c,
        (float(reference.isna().mean()), float(current.isna().mean())),
        sum(now[word] for word in unseen) / max(now.total(), 1),
        tuple(unseen[:20]),
        distances.jensen_shannon(r, c),
        float("nan"),
        distances.chi_square(r, c)[1],
    )


def _words(texts: pd.Series) -> Counter[str]:
    found: Counter[str] = Counter()
    for text in texts.dropna().astype(str):
        found.update(set(re.findall(r"\w{2,30}", text.lower())))  # once a text, so that one long text cannot shout
    return found


def _as_text(values: np.ndarray) -> pd.Series:
    texts = pd.Series(values)
    return texts.map(lambda value: f"{value:g}", na_action="ignore").astype(object).where(texts.notna(), None)


def _plain_text(values: pd.Series) -> pd.Series:
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    return values.where(values.isna(), values.astype(str)).astype(object).where(values.notna(), None)


def _missing_p(r: np.ndarray, c: np.ndarray) -> float:
    gone = [int(np.isnan(side).sum()) for side in (r, c)]
    return distances.chi_square([gone[0], len(r) - gone[0]], [gone[1], len(c) - gone[1]])[1]


def _smallest(values_p: float, missing_p: float) -> float:
    """One p-value for a column tested twice, for its values and for its missing share (Bonferroni)."""
    both = [p for p in (values_p, missing_p) if np.isfinite(p)]
    return min(1.0, 2 * min(both)) if both else float("nan")
