"""Texts of several classes, from a model file that names no estimator: stages 1 to 5, stepped through by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

MODEL = """
model: letters
data: {source: letters.csv, time: at, minimum_rows: 200}
target: {column: team, task: multiclass}
features: {letter: text}
evaluation: {window: 20d, resamples: 100, minimum_rows: 100, folds: 2, minimum_blocks: 10}
"""
TEAMS = {"loans": "mortgage", "cards": "plastic", "fraud": "stolen", "press": "interview"}


def letters(days: int = 80) -> pd.DataFrame:
    """Ten letters a day to four teams, one of which hardly gets any; every 20th letter is a copy of an earlier one."""
    random = np.random.default_rng(6)
    n, usual = days * 10, [f"word{i}" for i in range(200)]
    team = random.choice(list(TEAMS), n, p=[0.5, 0.3, 0.19, 0.01])
    texts = [" ".join([*random.choice(usual, 20), *[TEAMS[name]] * random.integers(0, 3)]) for name in team]
    for place in range(300, n, 20):
        source = random.integers(place)
        texts[place], team[place] = texts[source], team[source]
    at = pd.Timestamp("2025-01-01") + pd.to_timedelta(np.arange(n) * 144, unit="min")
    return pd.DataFrame({"at": at, "letter": texts, "team": team})


def test_a_model_file_alone_is_enough_for_texts(make_desk, step):
    """A linear model is the default and beats the naive forecast; copies and the rare class are named, not counted."""
    desk = make_desk()
    desk.give(letters(), MODEL, "letters")
    found = {stage.stage: stage for stage in step(desk, "2025-03-22", 1, 2, 3, 4, 5, model="letters")}
    assert [stage.error for stage in found.values()] == [None] * 5
    evaluated = found["evaluate"].results
    assert "first_champion" == evaluated["decision"].value, evaluated["decision"].reason
    assert (3, "insufficient") == (evaluated["classes_judged"].value, evaluated["classes_judged"].verdict)
    assert "press" in evaluated["classes_judged"].reason
    assert 0.02 < found["prepare"].results["near_copies"].value < 0.1
