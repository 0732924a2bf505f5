"""Drift of texts: quiet where nothing moved, by rows and by blocks; loud where words, or their absence, tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, norm

from sopkit.definitions.results import Verdict
from sopkit.evidence import drift
from sopkit.evidence.text_drift import _told_apart, auc_of_psi, psi_of_auc, text_drift

WORDS = np.array([f"word{i}" for i in range(200)])
TEXT = {"note": "text"}


def texts(random: np.random.Generator, days: int, a_day: int = 6, news: int = 0) -> tuple[pd.Series, np.ndarray]:
    """So many texts a day of 15 usual words, and of `news` words that only that day's texts share."""
    found = []
    for _ in range(days):
        todays = random.choice(WORDS, 5)
        found += [" ".join([*random.choice(WORDS, 15), *random.choice(todays, news)]) for _ in range(a_day)]
    return pd.Series(found), np.repeat(np.arange(days), a_day)


@pytest.mark.parametrize(("news", "by_blocks"), [(0, False), (3, True)], ids=["rows", "blocks"])
def test_the_false_alarm_rate_is_the_declared_one(news, by_blocks):
    """Of 100 pairs of periods without a change about 5 have a p-value below 5 %, also where the texts of a day share
    their words and blocks of days are named (up to 10: more would happen by chance once in a hundred)."""
    random = np.random.default_rng(1)
    alarms = 0
    for seed in range(100):
        (before, days_before), (now, days_now) = (texts(random, 20, news=news) for _ in range(2))
        groups = (days_before, days_now) if by_blocks else None
        alarms += text_drift(before, now, groups=groups, seed=seed).p_value < 0.05
    assert alarms <= 10, alarms


def test_the_auc_and_its_chance_are_those_of_mann_and_whitney():
    """On one half the AUC and the z-value are those of scipy's test, ties included."""
    random = np.random.default_rng(2)
    label = np.repeat([0, 1], 60)
    design = random.integers(0, 3, (120, 2)).astype(float)
    judged = np.arange(120) % 2 == 0
    auc, _, z, weight = _told_apart(design, label, judged, None)
    score = design[judged] @ weight
    own = mannwhitneyu(
        score[label[judged] == 1], score[label[judged] == 0],
        alternative="greater", method="asymptotic", use_continuity=False,
    )  # fmt: skip
    assert auc == pytest.approx(own.statistic / 900)
    assert norm.sf(z) == pytest.approx(own.pvalue)


def test_blocks_of_one_row_have_the_error_of_rows():
    """The error by blocks is that of DeLong where each row is a block of its own."""
    random = np.random.default_rng(3)
    label, design = np.repeat([0, 1], 200), random.normal(size=(400, 3))
    judged = np.arange(400) % 2 == 0
    alone, of_blocks = (_told_apart(design, label, judged, group)[1] for group in (None, np.arange(400)))
    assert of_blocks == pytest.approx(alone)


def test_an_auc_says_the_same_as_an_index():
    """Two normal distributions d apart have the index d², and are told apart with an AUC of Φ(d / √2)."""
    for distance in (0.1, 0.316, 1.0):
        assert psi_of_auc(norm.cdf(distance / np.sqrt(2))) == pytest.approx(distance**2)
        assert auc_of_psi(distance**2) == pytest.approx(norm.cdf(distance / np.sqrt(2)))
    assert psi_of_auc(0.4) == 0.0


def table(notes: pd.Series) -> pd.DataFrame:
    return pd.DataFrame({"note": notes})


def test_a_new_subject_is_found_and_its_words_named():
    """Where a third of the texts speak of something new, the column has drifted, and the new word is shown."""
    random = np.random.default_rng(4)
    before, now = texts(random, 50)[0], texts(random, 50)[0]
    moved = now.where(random.random(len(now)) > 0.33, now + " newsubject")
    found = drift(table(before), table(moved), TEXT).column("note")
    assert (found.verdict, found.new_values[0]) == (Verdict.FAIL, "newsubject")
    assert "newsubject" in found.reason
    assert 0.1 <= found.auc - 0.5 <= 0.5
    assert found.psi == pytest.approx(psi_of_auc(found.auc))


def test_what_has_not_moved_passes_or_is_open():
    """Without a change 2,000 texts a side pass and 80 are insufficient; texts without words are never a pass."""
    random = np.random.default_rng(5)
    before, now = texts(random, 250)[0], texts(random, 250)[0]
    assert drift(table(before), table(now), TEXT).column("note").verdict is Verdict.PASS
    for few in (now[:80], pd.Series([None] * 200), pd.Series(["!"] * 200)):
        side = few if len(few) > 80 else before[:80]
        assert drift(table(side), table(few), TEXT).column("note").verdict is Verdict.INSUFFICIENT


def test_texts_that_go_missing_have_drifted():
    """A missing text is a word of its own."""
    random = np.random.default_rng(6)
    before, now = texts(random, 100)[0], texts(random, 100)[0]
    found = drift(table(before), table(now.mask(random.random(len(now)) < 0.4)), TEXT).column("note")
    assert found.verdict is Verdict.FAIL
    assert found.missing_current == pytest.approx(0.4, abs=0.05)


def test_texts_of_few_blocks_are_insufficient():
    """Three months a side cannot be told from what months are like."""
    random = np.random.default_rng(7)
    (before, of_before), (now, of_now) = texts(random, 3, 100), texts(random, 3, 100)
    assert "3 blocks" in text_drift(before, now, groups=(of_before, of_now))
    found = drift(table(before), table(now), TEXT, blocks=(of_before, of_now)).column("note")
    assert found.verdict is Verdict.INSUFFICIENT
