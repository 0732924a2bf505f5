"""Near copies: found as a brute-force comparison finds them, and told apart from what a model has learned."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import Evaluation, ModelFile
from sopkit.definitions.results import Verdict
from sopkit.evidence import rules
from sopkit.evidence.near_duplicates import near_duplicates, repeated_texts
from sopkit.evidence.new_texts import on_new_texts

TEXT = {"note": "text"}
WORDS = np.array([f"word{i}" for i in range(400)])


def texts(n: int, seed: int = 0, words: int = 40) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, words)) for _ in range(n)]


def rows(notes: list[str | None], start: str = "2026-01-01") -> pd.DataFrame:
    return pd.DataFrame({"at": pd.date_range(start, periods=len(notes), freq="h", tz="UTC"), "note": notes})


def changed(text: str, words: int, seed: int) -> str:
    """The text with so many of its words replaced."""
    random = np.random.default_rng(seed)
    parts = text.split()
    for place in random.permutation(len(parts))[:words]:
        parts[place] = f"other{place}"
    return " ".join(parts)


def brute_force(train: list[str], judged: list[str], length: int = 3) -> list[float]:
    def runs(text: str) -> set[str]:
        words = re.findall(r"\w+", text.lower())
        return {" ".join(words[i : i + length]) for i in range(len(words) - length + 1)}

    past = [runs(text) for text in train]
    return [max(len(runs(text) & other) / len(runs(text) | other) for other in past) for text in judged]


def test_the_similarity_is_that_of_a_brute_force_comparison():
    """Copies with none to many of their words replaced have the Jaccard similarity of their three-word runs."""
    train = texts(80)
    judged = [changed(text, k, k) for k, text in enumerate(train[:40])]
    found = near_duplicates(rows(train), rows(judged, "2026-02-01"), TEXT, time="at")
    assert found.similarity.tolist() == pytest.approx(brute_force(train, judged), abs=0.015)  # one hash in common
    assert found.copied.tolist() == [value >= 0.8 for value in brute_force(train, judged)]
    assert 1 <= found.copied.sum() < 40
    assert found.pairs.similarity.iloc[0] == 1.0


def test_signs_and_capitals_make_no_difference():
    """A copy in capitals and with other punctuation is an exact copy."""
    (text,) = texts(1)
    found = near_duplicates(rows([text]), rows([text.upper().replace(" ", ",  ")], "2026-02-01"), TEXT, time="at")
    assert found.similarity.tolist() == [1.0]
    assert found.measure.detail["exact"] == 1


def test_only_earlier_rows_are_copied_from():
    """Among training rows themselves (a rolling origin) the first is no copy, and no row is its own."""
    first, second = texts(2)
    table = rows([first, second, first])
    assert near_duplicates(table, table, TEXT, time="at").copied.tolist() == [False, False, True]


@pytest.mark.parametrize("note", ["late delivery", "", None, "!"])
def test_a_short_text_recurs_without_being_copied(note):
    """Short, empty and missing texts are counted, and nothing is said about them."""
    found = near_duplicates(rows([note] * 5), rows([note] * 3, "2026-02-01"), TEXT, time="at")
    assert (found.short, int(found.copied.sum()), found.measure.value) == (3, 0, None)
    assert "long enough" in found.finding


def test_what_cannot_have_copies_says_so():
    """No text among the features, no training rows, no judged rows: no measure, and a sentence instead of a figure."""
    some = rows(texts(3))
    without = near_duplicates(some, some, {"at": "numeric"}, time="at")
    assert (without.measures, "No feature is a text" in without.finding) == ([], True)
    for train, judged in ((some[:0], some), (some, some[:0])):
        found = near_duplicates(train, judged, TEXT, time="at")
        assert not found.copied.any()
        assert isinstance(found.figure(), str)


def test_more_rows_than_the_sample_are_counted_as_not_looked_at():
    """Beyond the largest number of rows a sample is looked at, and the rest is stated, not taken for new."""
    found = near_duplicates(
        rows(texts(30)), rows(texts(30), "2026-02-01"), TEXT, time="at", limits=rules.Texts(most_rows=10)
    )
    assert (int(found.looked_at.sum()), found.beyond_sample) == (10, 20)


def test_two_texts_of_a_row_are_compared_together():
    """A common title over different bodies is no copy."""
    bodies = texts(4)
    train = rows(bodies[:2]).assign(title="monthly report of the branch")
    judged = rows([bodies[0], bodies[3]], "2026-02-01").assign(title="monthly report of the branch")
    found = near_duplicates(train, judged, {"title": "text", "note": "text"}, time="at")
    assert found.copied.tolist() == [True, False]


def test_a_repeated_text_in_the_snapshot_is_a_finding():
    """Texts that stand in an earlier row are noted, with their rows, and the short ones among them are counted."""
    first, second = texts(2)
    model = ModelFile.model_validate(
        {
            "model": "m",
            "data": {"source": "x.csv", "time": "at"},
            "target": {"column": "y", "task": "binary"},
            "features": TEXT,
        }
    )
    (found,) = repeated_texts(rows([first, second, first.upper(), "short", "short"]), model)
    assert (found.name, found.severity, found.count, found.column) == ("repeated_text", "note", 2, "note")
    assert "1 of them have fewer than 13 words" in found.sentence


def judged_by(gain_on_new: float, copies: int, n: int = 400) -> tuple[Verdict | None, dict[str, float]]:
    """A challenger that knows all copies, and is better than the champion by so much accuracy on the rest."""
    random = np.random.default_rng(1)
    notes = texts(n)
    found = near_duplicates(rows(notes[:copies]), rows(notes, "2026-02-01"), TEXT, time="at")
    y = random.integers(0, 2, n).astype(float)
    noise = random.normal(size=n)
    champion = y * 0.5 + noise
    challenger = np.where(found.copied, y * 3, y * (0.5 + gain_on_new)) + noise
    new = on_new_texts(
        found, y, champion, challenger, task="binary", blocks=np.arange(n) // 10, evaluation=Evaluation(resamples=100)
    )
    gains = dict(zip(new.table.rows_are, new.table.gain, strict=True)) if len(new.table) else {}
    return (new.judged.verdict if new.judged else None), gains


def test_a_gain_on_copies_alone_fails():
    """A challenger that knows the copies by heart and nothing else better fails; one that learned something passes."""
    verdict, gains = judged_by(gain_on_new=-0.2, copies=150)
    assert (verdict, gains["all rows"] > 0, gains["new texts"] > 0) == (Verdict.FAIL, True, False)
    verdict, gains = judged_by(gain_on_new=0.5, copies=150)
    assert (verdict, gains["new texts"] > 0) == (Verdict.PASS, True)


def test_too_few_new_texts_are_insufficient():
    """With hardly a text that is no copy nothing is said about new texts; without any copy nothing is measured."""
    assert judged_by(gain_on_new=0.5, copies=350)[0] is Verdict.INSUFFICIENT
    assert judged_by(gain_on_new=0.5, copies=0)[0] is None
