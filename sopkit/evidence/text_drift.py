"""Drift of texts: can a classifier tell which period a text comes from?

The rules:
* a classifier two-sample test (Lopez-Paz & Oquab 2017; Rabanser, Günnemann & Lipton 2019): half of the texts of both
  sides teach a linear model on their words, the other half is told apart by it, and then the other way round. No text
  is judged by a model that has seen it, so under "no drift" each AUC is distributed as Mann and Whitney's statistic;
* both halves tell nearly the same (each model is turned the way the other half leans), so they count as one: the mean
  of their two z-values is held against the normal distribution as if it were a single one;
* with `groups` whole blocks, such as days, go to one half, and the error is that of blocks (Obuchowski 1997): texts
  of one day share their news;
* the effect is AUC - .5, the mean of both halves. Two normal distributions told apart with an AUC of A are a population
  stability index of 2 z(A)² apart, with z the normal quantile: so texts stand beside other columns, under one limit;
* a missing text is a text of one word of its own: a column that goes missing is told apart by that;
* a random sample of a stated size is enough and keeps it quick; the words that tell the sides apart are shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sopkit.evidence import rules
from sopkit.evidence.measure import counted

if TYPE_CHECKING:
    from sopkit.evidence.charts import Chart

__all__ = ["TextDrift", "auc_of_psi", "psi_of_auc", "text_drift"]

Array: TypeAlias = NDArray[Any]
MISSING = "(missing)"
TERMS, SHOWN, FEWEST_BLOCKS = 20_000, 6, 8


@dataclass(frozen=True, eq=False)
class TextDrift:
    """`auc` with which the sides are told apart, its standard `error`, and `words`: word, share of texts by side."""

    auc: float
    p_value: float
    error: float
    rows: tuple[int, int]
    missing: tuple[float, float]
    words: pd.DataFrame

    @property
    def effect(self) -> float:
        """AUC - .5: 0 where nothing tells the sides apart, .5 where everything does."""
        return self.auc - 0.5

    @property
    def psi(self) -> float:
        """The population stability index of two normal distributions that are told apart as well."""
        return psi_of_auc(self.auc)

    @property
    def chance(self) -> TextDrift:
        """What chance does to it, in the words of other columns: `reason` and `so_small_after`."""
        return self

    @property
    def reason(self) -> str:
        return ""

    def so_small_after(self, shift: float) -> float:
        """How often an AUC this small is seen where the texts have moved by an index of `shift`."""
        from scipy.special import ndtr

        return float(ndtr((self.auc - auc_of_psi(shift)) / self.error)) if self.error > 0 else float(self.auc >= 1)

    @property
    def telling(self) -> tuple[str, ...]:
        """The words that became commoner, the most telling first, then those that became rarer."""
        return tuple(self.words.word)

    def figure(self, title: str, label: str, names: tuple[str, str] = ("reference", "current")) -> Chart:
        """The words that tell the sides apart, with the share of texts that hold them; `label` names the column."""
        from sopkit.evidence.charts import pairs

        basis = (
            f"{self.rows[0]:,} and {self.rows[1]:,} texts, drawn at random; told apart with an AUC of {self.auc:.2f}"
        )
        return pairs(
            title,
            self.words.word.tolist(),
            self.words.reference.tolist(),
            self.words.current.tolist(),
            x_label=f"share of texts ({label}) with the word",
            names=names,
            subtitle=basis,
        )

    def to_dict(self) -> dict[str, Any]:
        facts = {"auc": self.auc, "effect": self.effect, "p_value": self.p_value, "rows": list(self.rows)}
        return facts | {"missing": list(self.missing), "words": self.words.to_dict("records")}


def psi_of_auc(auc: float) -> float:
    """2 z(AUC)² in nats: the symmetrised divergence of two normals, d apart, is d², and their AUC is Φ(d/√2)."""
    from scipy.special import ndtri

    return float(2 * ndtri(np.clip(auc, 0.5, 1 - 1e-6)) ** 2)


def auc_of_psi(psi: float) -> float:
    """The other way round: .588 for an index of .1, .638 for .25."""
    from scipy.special import ndtr

    return float(ndtr(np.sqrt(psi / 2)))


def text_drift(
    reference: pd.Series,
    current: pd.Series,
    *,
    groups: tuple[Array, Array] | None = None,
    limits: rules.Texts = rules.TEXTS,
    seed: int = 0,
) -> TextDrift | str:
    """How well the texts of two periods are told apart, or why that cannot be said.

    `groups` are the numbers (n,) of the block that each row of a side belongs to; without them each row is its own.
    """
    random = np.random.default_rng(seed)
    sides = [_of_side(side, group, limits.sample, random) for side, group in _with_groups(reference, current, groups)]
    texts = pd.concat([side[0] for side in sides], ignore_index=True)
    label = np.repeat([0, 1], [len(side[0]) for side in sides])
    group, half = (np.concatenate([side[k] for side in sides]) for k in (1, 2))
    gone = _gone(texts).to_numpy()
    if gone.all():
        return "there are no words on either side"
    smallest = min(len(side[0]) for side in sides)
    if smallest < limits.fewest:
        return f"only {smallest} texts, {limits.fewest} are needed"
    blocks = min(len(np.unique(side[1])) for side in sides)
    if blocks < FEWEST_BLOCKS:
        return f"only {counted(blocks, 'block')}, {FEWEST_BLOCKS} are needed"
    design, names = _design(texts.where(~gone, ""), gone)
    found = [_told_apart(design, label, half == k, group if groups is not None else None) for k in (0, 1)]
    auc, error, z = (float(np.mean([one[k] for one in found])) for k in (0, 1, 2))
    weight = np.mean([one[3] for one in found], axis=0)
    missing = tuple(float(_gone(side).mean()) for side in (reference, current))
    rows = (len(sides[0][0]), len(sides[1][0]))
    freedom = blocks // 2 - 1 if groups is not None else np.inf
    return TextDrift(auc, _upper_tail(z, freedom), error, rows, missing, _telling(design, label, weight, names))  # type: ignore[arg-type]


def _with_groups(reference: pd.Series, current: pd.Series, groups: tuple[Array, Array] | None) -> Any:
    own = groups or (np.arange(len(reference)), np.arange(len(current)))
    return zip((reference, current), own, strict=True)


def _of_side(texts: pd.Series, group: Array, size: int, random: np.random.Generator) -> tuple[pd.Series, Array, Array]:
    """A sample of the texts, their blocks, and the half that each block falls into."""
    place = np.sort(random.permutation(len(texts))[:size])
    known, codes = np.unique(np.asarray(group)[place], return_inverse=True)
    halves = random.permutation(np.arange(len(known)) % 2)
    return texts.iloc[place].astype(object).map(str, na_action="ignore"), codes, halves[codes]


def _upper_tail(z: float, freedom: float) -> float:
    from scipy.stats import norm, t

    return float(norm.sf(z) if np.isinf(freedom) else t.sf(z, freedom))


def _design(texts: pd.Series, gone: Array) -> tuple[Any, list[str]]:
    """Weighted words of both sides, chosen without a look at which side they are of, and a column for missing texts."""
    from scipy.sparse import csr_matrix, hstack
    from sklearn.feature_extraction.text import TfidfVectorizer

    marked = csr_matrix(gone[:, None].astype(float))
    prepared = TfidfVectorizer(max_features=TERMS, sublinear_tf=True, strip_accents="unicode", min_df=2)
    try:
        words = prepared.fit_transform(texts)
    except ValueError:  # no word stands in two texts
        return marked, [MISSING]
    return hstack([words, marked], format="csr"), [*prepared.get_feature_names_out(), MISSING]


def _gone(texts: pd.Series) -> pd.Series:
    return texts.isna() | ~texts.astype(str).str.contains(r"\w\w")


def _told_apart(design: Any, label: Array, judged: Array, group: Array | None) -> tuple[float, float, float, Array]:
    """On the judged half, of a model that learned from the other: AUC, its error, z against .5; and the weights."""
    from scipy.stats import rankdata
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=1.0, class_weight="balanced", max_iter=200).fit(design[~judged], label[~judged])
    score, side = np.asarray(design[judged] @ model.coef_[0]), label[judged]
    later, before = score[side == 1], score[side == 0]
    # The share of the other side that each text outranks: DeLong's components, whose mean is the AUC.
    ranks = rankdata(score)
    won = (ranks[side == 1] - rankdata(later)) / len(before)
    lost = 1 - (ranks[side == 0] - rankdata(before)) / len(later)
    auc = float(won.mean())
    if group is None:
        _, ties = np.unique(score, return_counts=True)
        n, m, all_ = len(later), len(before), len(score)
        tied = (ties**3 - ties).sum() / (all_ * (all_ - 1))
        by_chance = np.sqrt((all_ + 1 - tied) / (12 * n * m))
        error = np.sqrt(won.var(ddof=1) / n + lost.var(ddof=1) / m)
    else:
        own = group[judged]
        error = by_chance = np.sqrt(_by_blocks(won - auc, own[side == 1]) + _by_blocks(lost - auc, own[side == 0]))
    z = (auc - 0.5) / by_chance if by_chance > 0 else (np.inf if auc > 0.5 else 0.0)
    return auc, float(error), float(z), model.coef_[0]


def _by_blocks(away: Array, group: Array) -> float:
    """The variance of a mean over rows of which those of one block belong together."""
    sums = np.bincount(np.unique(group, return_inverse=True)[1], away)
    return float((sums**2).sum() * len(sums) / (len(sums) - 1) / len(away) ** 2) if len(sums) > 1 else np.inf


def _telling(design: Any, label: Array, weight: Array, names: list[str]) -> pd.DataFrame:
    """The words that became commoner and those that became rarer, by weight times the difference in frequency."""
    has = (design > 0).astype(float)
    shares = [np.asarray(has[label == side].mean(axis=0)).ravel() for side in (0, 1)]
    pull = weight * (shares[1] - shares[0])
    chosen = []
    for way in (1, -1):
        place = np.flatnonzero((pull > 0) & (np.sign(weight) == way))
        chosen += list(place[np.argsort(-pull[place], kind="stable")][:SHOWN])
    return pd.DataFrame(
        {"word": [str(names[i]) for i in chosen], "reference": shares[0][chosen], "current": shares[1][chosen]}
    )
