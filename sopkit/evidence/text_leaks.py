"""Leaks in texts: does a text know its own label?

The rules:
* many words together may tell a label very well and rightly so: that is what a model of texts is for. So a text is
  suspected only where a quick linear model of its words, learned on earlier rows, is nearly always right on later ones
  (`rules.Leaks.certain`): then a note of the decision itself often stands in the text;
* one single word rarely tells a label and rightly so: where the best word of the earlier rows does on the later ones
  (`rules.Leaks.word`), somebody may have written it there with the answer. A word is what stands between spaces, so
  that an ending such as "A." is one;
* where most texts contain the name of their own class, the signer is asked whether somebody wrote it there afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sopkit.evidence.findings import Finding, finding
from sopkit.evidence.metrics import roc_auc
from sopkit.evidence.strength import Coded, Told, by_missing, weighted

__all__ = ["names_its_label", "text_strength"]

EARLIER = 0.7
MOST_ROWS = 5000
SPACES = 2**18
NAMED = 0.5  # of the rows; a name shorter than four letters is a word like any other
SHORTEST_NAME = 4


def text_strength(values: pd.Series, columns: Sequence[np.ndarray], task: str) -> Told:
    """How well words alone predict the target on the later rows, all of them, the best single one, and a missing text.

    `values` are in the order of time; `columns` (n,) each are the target as numbers, one for each class.
    """
    from scipy.stats import spearmanr
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import Ridge

    place = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_ROWS)).astype(int))
    texts, y = values.iloc[place], np.column_stack([column[place] for column in columns])
    gone = texts.isna().to_numpy()
    cut = int(len(place) * EARLIER)
    written = texts.astype(object).where(~gone, "").astype(str)
    words = HashingVectorizer(n_features=SPACES, alternate_sign=False).transform(written)
    told = Ridge(alpha=1.0, solver="sparse_cg").fit(words[:cut], y[:cut]).predict(words[cut:]).reshape(-1, y.shape[1])
    if task == "regression":
        constant = np.ptp(told) == 0 or np.ptp(y[cut:]) == 0
        value = 0.0 if constant else abs(float(spearmanr(told[:, 0], y[cut:, 0]).statistic))
        return Told(value, float("nan"), "rank correlation")
    areas = [roc_auc(y[cut:, k], told[:, k]) for k in range(y.shape[1])]
    known = np.isfinite(areas)
    if not known.any():
        return Told(float("nan"), float("nan"))
    later = ((cut, np.arange(cut, len(y))),)
    target = [Coded(y[:, k], later, ()) for k in np.flatnonzero(known)]
    word, by_word = _best_word(written, target, cut)
    return Told(weighted(np.array(areas)[known], target), by_missing(texts, target), "AUC", word=word, by_word=by_word)


def _best_word(texts: pd.Series, target: list[Coded], cut: int) -> tuple[str, float]:
    """The word of the earlier texts that tells a class best, class by class, and how well it does on the later ones.

    A word is in a text or not: its AUC is the mean of how often it is right in the class and outside it.
    """
    from sklearn.feature_extraction.text import CountVectorizer

    counter = CountVectorizer(token_pattern=r"\S+", binary=True, min_df=2)
    try:
        held = counter.fit(texts[:cut]).transform(texts)
    except ValueError:  # no word occurs twice
        return "", float("nan")
    found, chosen = [], []
    for one in target:
        inside, outside = one.y / one.y[:cut].sum(), (1 - one.y) / (1 - one.y[:cut]).sum()
        lift = held[:cut].T @ (inside - outside)[:cut]
        best = int(np.argmax(np.abs(lift)))
        chosen.append(counter.get_feature_names_out()[best])
        found.append(roc_auc(one.y[cut:], np.sign(lift[best]) * held[cut:, [best]].toarray()[:, 0]))
    return str(chosen[int(np.argmax(found))]), weighted(found, target)


def names_its_label(values: pd.Series, labels: pd.Series, name: str) -> list[Finding]:
    """A question where most texts contain the name of their own class, whole and word for word."""
    known = values.notna() & labels.notna()
    names = {label: _plain(str(label)) for label in labels[known].unique()}
    own = labels[known].map(names)
    texts = values[known].astype(str).map(_plain)
    rows = [len(label.strip()) >= SHORTEST_NAME and label in text for label, text in zip(own, texts, strict=True)]
    share = float(np.mean(rows)) if rows else 0.0
    if share < NAMED:
        return []
    told = f"In {share:.0%} of the rows {name} contains the name of the row's own class"
    remedy = "ask who writes it there, and when: a text that is completed with the answer cannot be used"
    return [finding("label_in_text", told, name, count=sum(rows), share=share, remedy=remedy)]


def _plain(text: str) -> str:
    """Its words, each with a space before and behind, so that a name is found only as a whole."""
    words = " ".join(re.findall(r"[^\W_]+", text.lower()))
    return f" {words} "
