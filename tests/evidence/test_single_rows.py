"""One wild value decides nothing, and is named where the result rests on it."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.bootstrap import paired_difference, plan
from sopkit.evidence.comparing import compare
from sopkit.evidence.decision import decide
from sopkit.evidence.metrics import METRICS, mae, r2
from sopkit.evidence.single_rows import largest_row

DAY = np.repeat(np.arange(60), 20)
RANDOM = np.random.default_rng(3)
Y = RANDOM.normal(100, 10, len(DAY))
ERROR = RANDOM.normal(size=len(DAY))
QUICK = Evaluation(resamples=300)
WILD = np.where(np.arange(len(DAY)) == 700, 1e5, 0.0)


def comparison(y, old, new, **options):
    return compare(y, old, new, task="regression", blocks=DAY, evaluation=QUICK.model_copy(update=options))


def test_a_challenger_that_only_knows_one_wild_value_is_not_promoted():
    """R² jumps from nothing to almost one by a single row, everything else is worse: kept, and the row is named."""
    y = Y + WILD
    found = comparison(y, Y + 5 * ERROR, Y + 0.99 * WILD + 8 * ERROR)
    assert found.gain("r2").value > 0.9
    decision = decide(found)
    assert decision.outcome == "champion_kept"
    assert found.one_row.verdict is Verdict.FAIL
    assert found.one_row.detail["row"] == 700
    assert "holds 100 % of" in found.one_row.reason
    assert any("one row" in note.topic for note in decision.notes)


def test_the_gain_without_the_row_is_that_of_the_other_rows():
    """What is told without the wild value equals the paired difference of the rest by the same blocks."""
    y = Y + WILD
    told = comparison(y, Y + 8 * ERROR, Y + 5 * ERROR).one_row
    rest = WILD == 0
    drawn = plan(DAY, len(y), resamples=300, seed=QUICK.seed)
    expected = paired_difference(
        r2, y[rest], (Y + 8 * ERROR)[rest], (Y + 5 * ERROR)[rest], replace(drawn, groups=drawn.groups[rest])
    )
    assert told.detail["gain_without"]["low"] == pytest.approx(expected.low)
    assert told.detail["gain_without"]["value"] == pytest.approx(expected.value)
    assert "evaluation.primary" in told.reason


def test_the_absolute_error_sees_the_better_challenger_behind_a_wild_value():
    """With a value ten times beyond the rest R² shows no certain gain; judged by the absolute error it is promoted."""
    y = Y + WILD / 100
    by_squares = comparison(y, Y + 8 * ERROR, Y + 5 * ERROR)
    assert by_squares.one_row.verdict is Verdict.FAIL
    by_size = comparison(y, Y + 8 * ERROR, Y + 5 * ERROR, primary="mae", guardrails={})
    assert by_size.verdict is Verdict.PASS
    assert by_size.one_row.verdict is Verdict.PASS


def test_tails_as_of_prices_are_no_finding_and_thin_samples_neither():
    """A lognormal target of 1,200 rows, and 200 normal rows, rest on no single row."""
    heavy = np.exp(RANDOM.normal(0, 1, len(DAY)))
    assert comparison(heavy, heavy * 0.5, heavy * 0.8).one_row.verdict is Verdict.PASS
    part = slice(0, 200)
    drawn = plan(DAY[part], 200, minimum_blocks=5)
    assert largest_row(r2, Y[part], (Y + 8 * ERROR)[part], (Y + 5 * ERROR)[part], drawn).verdict is Verdict.PASS


def test_the_largest_share_is_that_of_the_loss_or_of_the_variance():
    """By hand: squares for R², sizes for the absolute error."""
    y, old, new = np.array([0.0, 0, 0, 10]), np.array([0.0, 0, 0, 9]), np.array([1.0, 1, 1, 9])
    drawn = plan(None, 4)
    assert largest_row(r2, y, old, new, drawn).value == pytest.approx(7.5**2 / (7.5**2 + 3 * 2.5**2))
    assert largest_row(mae, y, old, new, drawn).value == pytest.approx(1 / 3)


def test_equal_models_rest_on_no_row():
    """No difference is no row's doing; shares of nothing are zero, not NaN."""
    measure = largest_row(mae, Y, Y + ERROR, Y + ERROR, plan(DAY, len(Y)))
    assert (measure.value, measure.verdict) == (0.0, Verdict.PASS)


def test_a_target_that_does_not_vary_is_insufficient_everywhere():
    """A constant target has no R², no share of no-skill and no second opinion: nothing passes."""
    y = np.full(len(DAY), 7.0)
    found = comparison(y, y + ERROR, y + 0.5 * ERROR)
    assert found.verdict is Verdict.INSUFFICIENT
    assert {m.verdict for m in (found.primary_measure, *found.guardrail_measures, *found.seconds, *found.doubts)} == {
        Verdict.INSUFFICIENT
    }
    assert decide(found).outcome == "champion_kept"
    assert decide(found, first=True).outcome == "blocked"
    json.dumps(found.to_dict(), allow_nan=False)


def test_targets_below_or_at_zero_are_as_good_as_any():
    """Moving everything by a constant changes no verdict and no share of no-skill."""
    both = [comparison(Y + by, Y + by + 8 * ERROR, Y + by + 5 * ERROR) for by in (0.0, -100.0, -1e4)]
    assert [found.verdict for found in both] == [Verdict.PASS] * 3
    for name in METRICS["regression"]:
        shares = [found.gains[name].share.value for found in both]
        assert shares == pytest.approx([shares[0]] * 3)


def test_counts_that_are_mostly_zero_are_judged():
    """A target of which nine in ten are zero has an R² and an absolute error, and a better model passes."""
    y = np.where(RANDOM.random(len(DAY)) < 0.1, RANDOM.poisson(8, len(DAY)), 0).astype(float)
    found = comparison(y, y * 0.3 + 0.5, y * 0.8 + 0.1)
    assert found.verdict is Verdict.PASS
