"""Class by class: scikit-learn's numbers, rare classes that say nothing, classes that come and go."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.classes import by_class

NAMES = ["apple", "birch", "cedar", "dogwood"]
ROWS = [300, 200, 91, 9]
Y = np.random.default_rng(1).permutation(np.repeat(np.arange(4), ROWS))
DAY = np.arange(600) // 15
QUICK = Evaluation(resamples=200)


def answers(skill: float, seed: int, y: np.ndarray = Y) -> np.ndarray:
    random = np.random.default_rng(seed)
    return random.dirichlet(np.ones(4), len(y)) * (1 - skill) + np.eye(4)[y] * skill


OLD, NEW = answers(0.2, 2), answers(0.4, 3)


def look(y=Y, old=OLD, new=NEW, **options):
    return by_class(y, old, new, task="multiclass", blocks=DAY, labels=NAMES, evaluation=QUICK, **options)


def test_the_numbers_of_each_class_are_scikit_learns():
    """Recall, precision, F1 and one-vs-rest AUC of both models, class by class."""
    table = look().table.set_index("class")
    for arm, p in (("champion", OLD), ("challenger", NEW)):
        parts = sk.precision_recall_fscore_support(Y, p.argmax(axis=1), labels=range(4))
        for k, name in enumerate(NAMES):
            found = [table.loc[name, f"{arm}_{metric}"] for metric in ("precision", "recall", "f1", "auc")]
            expected = [parts[0][k], parts[1][k], parts[2][k], sk.roc_auc_score(Y == k, p[:, k])]
            assert found == pytest.approx(expected)
    assert table.rows.tolist() == ROWS


def test_intervals_are_those_of_a_brute_force_bootstrap():
    """The interval of a class's recall is near that of resampling whole days, and wider for holding with the others."""
    row = look().table.set_index("class").loc["apple"]
    random = np.random.default_rng(4)
    rows_of = [np.flatnonzero(DAY == day) for day in range(40)]
    draws = []
    for _ in range(1000):
        rows = np.concatenate([rows_of[day] for day in random.integers(0, 40, 40)])
        draws.append(sk.recall_score(Y[rows] == 0, NEW[rows].argmax(axis=1) == 0))
    low, high = np.quantile(draws, [0.025, 0.975])
    width = row.challenger_recall_high - row.challenger_recall_low
    assert 1.0 <= width / (high - low) <= 1.6


def test_a_rare_class_is_insufficient_for_both_models():
    """Nine rows: no interval, no verdict, and named; the others are judged."""
    found = look()
    assert found.rare["class"].tolist() == ["dogwood"]
    assert np.isnan(found.rare.iloc[0][["champion_f1_low", "challenger_f1_high", "gain_low"]].astype(float)).all()
    measure = found.measures[0]
    assert (measure.value, measure.verdict) == (3, Verdict.INSUFFICIENT)
    assert "dogwood (9 rows)" in measure.reason
    assert "1 other is too rare" in found.finding


def test_a_class_that_is_paid_for_the_others_is_named():
    """A challenger that gives up one class for the rest is worse there, though better on the whole."""
    sacrificed = NEW.copy()
    sacrificed[:, 2] = 0
    found = look(new=sacrificed / sacrificed.sum(axis=1, keepdims=True))
    assert found.table.set_index("class").verdict["cedar"] == "fail"
    assert [m.value for m in found.measures if m.name == "classes_worse"] == [1]
    same = look(new=OLD)
    assert [m.value for m in same.measures if m.name == "classes_worse"] == [0]


def test_classes_that_come_and_go_are_findings():
    """A class that no training row has, and a learned one of which no row came, are named; a rare one is not missed."""
    learned = pd.Series(np.repeat(["apple", "birch", "elm", "fig"], [300, 200, 100, 1]))
    found = {(item.name, item.column): item for item in look(learned=learned).findings}
    assert set(found) == {("class_appears", "cedar"), ("class_appears", "dogwood"), ("class_vanishes", "elm")}
    assert found["class_appears", "cedar"].count == 91
    measure = look(learned=learned).measures[-1]
    assert (measure.value, measure.verdict) == (100, Verdict.FAIL)


def test_other_tasks_and_bad_rows_say_why_there_is_nothing():
    """Two classes, numbers, no rows, missing predictions: a sentence, no measures, no figure."""
    for task in ("binary", "regression"):
        found = by_class(Y[:20] % 2, OLD[:20, 0], NEW[:20, 0], task=task, blocks=DAY[:20])
        assert (found.measures, isinstance(found.figure(), str)) == ([], True)
    assert "no rows" in by_class(Y[:0], OLD[:0], NEW[:0], task="multiclass", blocks=DAY[:0]).finding
    assert "missing" in look(new=np.full_like(NEW, np.nan)).finding


def test_few_blocks_leave_every_class_open():
    """With fewer blocks than are needed no class is judged, and the reason says so."""
    found = by_class(Y, OLD, NEW, task="multiclass", blocks=DAY // 10, labels=NAMES, evaluation=QUICK)
    assert set(found.table.verdict) == {"insufficient"}
    assert "4 blocks" in found.table.reason[0]


def test_figures_and_json_are_made():
    """Both figures are drawn, and the whole is plain JSON."""
    found = look()
    assert found.figure().png()[:4] == b"\x89PNG"
    assert found.confusion_figure().png()[:4] == b"\x89PNG"
    assert found.to_dict()["confusions"][0]["true"] in NAMES
    assert found.confusions.challenger.sum() == (NEW.argmax(axis=1) != Y).sum()
