"""A model of numbers has to be worth more than a forecast for free."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.bootstrap import plan, resampled
from sopkit.evidence.comparing import compare
from sopkit.evidence.decision import decide
from sopkit.evidence.metrics import mae
from sopkit.evidence.naive import scaled_error_of

DAYS, SIZE = 40, 24
DAY = np.repeat(np.arange(DAYS), SIZE)
TIMES = pd.date_range("2024-01-01", periods=DAYS * SIZE, freq="h", tz="UTC")
RANDOM = np.random.default_rng(0)
Y = 100 + 30 * np.sin(np.arange(len(DAY)) / 24 * 2 * np.pi) + RANDOM.normal(0, 10, len(DAY))
ERROR = RANDOM.normal(size=len(DAY))
NAIVE = Y + 14 * RANDOM.normal(size=len(DAY))
COMMON = {"task": "regression", "blocks": DAY, "evaluation": Evaluation(resamples=200)}


def scaled(model, naive=NAIVE, y=Y, **options):
    rest = COMMON | {"times": TIMES[: len(y)], "season": "the same hour of the week", "unit": "bikes"} | options
    rest["blocks"] = rest["blocks"][: len(y)]
    return scaled_error_of(y, model, naive, **rest)


@pytest.mark.parametrize(
    ("width", "verdict", "words"),
    [
        (8, "pass", "better than the same hour"),
        (22, "fail", "worse than a forecast for free"),
        (14, "insufficient", "not shown"),
    ],
)
def test_the_verdict_is_of_the_interval_of_the_ratio(width, verdict, words):
    """Below one as a whole: pass; above one as a whole: fail; otherwise nothing is shown."""
    found = scaled(Y + width * ERROR)
    assert str(found.measure.verdict) == verdict
    assert words in found.finding
    assert found.measure.value == pytest.approx(np.abs(width * ERROR).mean() / np.abs(NAIVE - Y).mean())
    assert "bikes" in found.finding


def test_the_interval_is_that_of_both_errors_drawn_together():
    """Equal to the quantiles of the ratio over the same resamples of days, and narrower than of unpaired draws."""
    model = NAIVE + 0.2 * ERROR  # two forecasts that err alike
    found = scaled(model).ratios["the model"]
    drawn = plan(DAY, len(Y), resamples=200, seed=Evaluation().seed)
    one, other = (resampled(mae, Y, p, drawn).draws for p in (model, NAIVE))
    assert found.low == pytest.approx(np.quantile(one / other, 0.025), abs=0.02)
    assert found.high - found.low < 0.2 * np.ptp(np.quantile(one / RANDOM.permutation(other), [0.025, 0.975]))


def test_the_champion_and_the_scale_within_training_stand_beside_it():
    """The champion's ratio informs; the error over the naive one within the training rows is Hyndman & Koehler's."""
    found = scaled(Y + 8 * ERROR, champion=Y + 20 * ERROR, scale=16.0)
    assert [measure.name for measure in found.measures] == ["scaled_error", "scaled_error_champion"]
    assert found.measures[1].verdict is None
    assert found.within == pytest.approx(np.abs(8 * ERROR).mean() / 16)
    assert found.measure.detail["scaled_within_training_rows"] == found.within
    assert found.table.arm.tolist() == ["the model", "champion", "forecast for free"]
    assert found.over_time.groupby("arm").rows.sum().tolist() == [len(Y)] * 3
    assert found.figure().png().startswith(b"\x89PNG")
    json.dumps(found.to_dict(), allow_nan=False)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"naive": Y}, "exact"),
        ({"naive": np.full(len(Y), np.nan)}, "predictions are missing"),
        ({"model": np.where(np.arange(len(Y)) == 3, np.inf, Y)}, "1 of 960 predictions"),
        ({"y": Y[:150], "model": Y[:150] + 1, "naive": NAIVE[:150]}, "only 150 rows"),
        ({"y": Y[:0], "model": Y[:0], "naive": NAIVE[:0]}, "no rows"),
        ({"blocks": DAY // 4}, "only 10 blocks"),
    ],
)
def test_what_cannot_be_scaled_is_insufficient_with_the_reason(given, reason):
    """An exact or missing naive forecast, infinite predictions, few rows or blocks: no verdict but insufficient."""
    found = scaled(**({"model": Y + ERROR} | given))
    assert found.measure.verdict is Verdict.INSUFFICIENT
    assert reason in found.measure.reason
    assert found.figure() is not None
    json.dumps(found.to_dict(), allow_nan=False)


def test_classes_are_held_against_no_skill_instead():
    """A binary target has no measures here, says why, and nothing enters its decision."""
    y = (Y > 100).astype(float)
    found = scaled_error_of(y, y, y, **(COMMON | {"task": "binary"}), times=TIMES, season="")
    assert found.measures == []
    assert "no skill" in found.finding
    comparison = compare(y, 0.5 + 0.0 * y, 0.2 + 0.6 * y, **(COMMON | {"task": "binary"}))
    assert decide(comparison, naive=found).outcome == decide(comparison).outcome == "promoted"


def test_better_than_a_champion_that_is_worse_than_a_forecast_for_free_is_not_good_enough():
    """A challenger shown to be worse than the naive forecast is not promoted; one that may be either is put to the
    signer; a first champion has to be shown to be better."""
    bad, so_so, good, champion = (Y + width * ERROR for width in (22, 14, 8, 40))
    for model, outcome in ((bad, "champion_kept"), (so_so, "promoted"), (good, "promoted")):
        decision = decide(compare(Y, champion, model, **COMMON), naive=scaled(model, champion=champion))
        assert decision.outcome == outcome
    told = decide(compare(Y, champion, so_so, **COMMON), naive=scaled(so_so)).notes
    assert any("seasonal naive" in note.topic for note in told)
    assert "seasonal naive" in decide(compare(Y, champion, bad, **COMMON), naive=scaled(bad)).why
    for model, outcome in ((so_so, "blocked"), (good, "first_champion")):
        first = compare(Y, champion, model, **COMMON)
        assert decide(first, first=True, naive=scaled(model)).outcome == outcome


def test_of_equal_forecasts_few_are_told_apart():
    """Of 120 models as good as the naive forecast about one in twenty is called better or worse."""
    wrong = 0
    for seed in range(120):
        random = np.random.default_rng(seed)
        y = random.normal(size=40 * 12)
        one, other = (y + random.normal(size=len(y)) * np.repeat(random.uniform(0.7, 1.3, 40), 12) for _ in range(2))
        rest = COMMON | {"blocks": np.repeat(np.arange(40), 12)}
        found = scaled_error_of(y, one, other, times=TIMES[: len(y)], season="last", **rest)
        wrong += found.measure.verdict is not Verdict.INSUFFICIENT
    assert wrong <= 14
