"""Leaks in texts: does a text know its own label?

The rules:
* many words together may tell a label very well and rightly so: that is what a model of texts is for. So a text is
  suspected only where a quick linear model of its words, learned on earlier rows, is nearly always right on later ones
  (`rules.Leaks.certain`): then a note of the decision itself often stands in the text;
* where most texts contain the name of their own class, the signer is asked whether somebody wrote it there afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sopkit.evidence.findings import Finding, finding
from sopkit.evidence.metrics import roc_auc

__all__ = ["names_its_label", "text_strength"]

EARLIER = 0.7
MOST_ROWS = 5000
SPACES = 2**18
NAMED = 0.5  # of the rows; a name shorter than four letters is a word like any other
SHORTEST_NAME = 4


def text_strength(values: pd.Series, columns: Sequence[np.ndarray], task: str) -> tuple[float, float]:
    """How well words alone predict the target on the later rows, and how well a missing text does (NaN: not at all).

    `values` are in the order of time; `columns` (n,) each are the target as numbers, one for each class.
    """
    from scipy.stats import spearmanr
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import Ridge

    place = np.unique(np.linspace(0, len(values) - 1, min(len(values), MOST_ROWS)).astype(int))
    texts, y = values.iloc[place], np.column_stack([column[place] for column in columns])
    gone = texts.isna().to_numpy()
    cut = int(len(place) * EARLIER)
    words = HashingVectorizer(n_features=SPACES, alternate_sign=False).transform(
        texts.astype(object).where(~gone, "").astype(str)
    )
    told = Ridge(alpha=1.0, solver="sparse_cg").fit(words[:cut], y[:cut]).predict(words[cut:]).reshape(-1, y.shape[1])
    if task == "regression":
        constant = np.ptp(told) == 0 or np.ptp(y[cut:]) == 0
        return 0.0 if constant else abs(float(spearmanr(told[:, 0], y[cut:, 0]).statistic)), float("nan")
    areas = np.array([roc_auc(y[cut:, k], told[:, k]) for k in range(y.shape[1])])
    missing = np.array([roc_auc(y[cut:, k], gone[cut:].astype(float)) for k in range(y.shape[1])])
    known = np.isfinite(areas)
    value = float(np.average(areas[known], weights=y[:, known].sum(axis=0))) if known.any() else float("nan")
    alone = np.maximum(missing, 1 - missing)[np.isfinite(missing)]
    return value, float(alone.max()) if len(alone) and 0 < gone[cut:].sum() < len(gone) - cut else float("nan")


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
