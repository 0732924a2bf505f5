"""Fits run side by side give what they give one after the other."""

from __future__ import annotations

import json
import os
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from sopkit import modelling
from sopkit.definitions.model import ModelFile
from sopkit.modelling import origins
from sopkit.modelling.side_by_side import at_once, side_by_side, warned

Make = Callable[..., ModelFile]


def test_answers_come_in_the_order_of_the_questions():
    """The slow one first is still the first answer, with one worker and with two."""

    def after(seconds: float) -> float:
        time.sleep(seconds)
        return seconds

    asked = [0.05, 0.0, 0.02, 0.0]
    assert [side_by_side(after, asked, workers) for workers in (1, 2)] == [asked, asked]


def test_the_first_error_is_raised_and_what_has_not_begun_does_not_begin():
    """An error among the first questions stops the others."""
    begun = []

    def ask(item: int) -> int:
        begun.append(item)
        time.sleep(0.02)
        return 1 // (item - 1)

    with pytest.raises(ZeroDivisionError):
        side_by_side(ask, list(range(50)), 2)
    assert len(begun) < 10


def test_each_fit_hears_its_own_warnings():
    """Two threads that warn at the same time do not hear each other, and afterwards all is as it was."""
    both = threading.Barrier(2)

    def warn(name: str) -> list[str]:
        with warned() as told:
            both.wait(5)
            for _ in range(20):
                warnings.warn(f"from {name}\nand more", UserWarning, stacklevel=1)
            both.wait(5)
        return told

    before = warnings.showwarning, list(warnings.filters)
    assert side_by_side(warn, ["one", "two"], 2) == [["UserWarning: from one"] * 20, ["UserWarning: from two"] * 20]
    assert (warnings.showwarning, list(warnings.filters)) == before


def test_a_core_is_never_shared_by_two_fits():
    """As many fits at once as leave each its threads, and at least one."""
    assert 1 <= at_once() <= max(1, min(2, os.cpu_count() or 1))


def test_the_rolling_origin_is_the_same_side_by_side(
    rows: pd.DataFrame,
    model_with: Make,
    binary_score: Callable[..., dict[str, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Scores, choice, notes and forecasts equal those of one fit after the other."""
    model = model_with(challengers={"blind": {"features": ["site"]}, "seeing": {}, "hasty": {"window": "1d"}})
    found: list[Any] = []
    for workers in (1, 2):
        monkeypatch.setattr(
            origins, "side_by_side", lambda function, items, n=workers: side_by_side(function, items, n)
        )
        found.append(modelling.rolling_origin(modelling.recipes(model), rows, model, score=binary_score))
    one, two = found
    told = [json.dumps({**trial.to_dict(), "seconds": None}) for trial in found]
    assert told[0] == told[1]
    pd.testing.assert_frame_equal(one.predictions, two.predictions)
    assert list(one.seconds) == list(two.seconds) == ["blind", "seeing"]
