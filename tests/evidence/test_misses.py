"""The operating point of numbers: misses beyond a tolerance."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.misses import misses_of

DAY = np.repeat(np.arange(30), 20)
RANDOM = np.random.default_rng(1)
Y = RANDOM.normal(-50, 10, 600)  # targets below zero
ERROR = RANDOM.normal(size=600)
QUICK = Evaluation(resamples=200)


def misses(old, new, y=Y, tolerance=None, blocks=DAY):
    evaluation = QUICK.model_copy(update={"tolerance": tolerance})
    return misses_of(y, old, new, blocks=blocks, evaluation=evaluation, unit="bikes")


def test_misses_are_counted_beyond_the_tolerance_of_the_model_file_or_the_mean_absolute_deviation():
    """With 5 bikes written the share is that of errors above 5; with none, above the usual error of no skill."""
    found = misses(Y + 8 * ERROR, Y + 4 * ERROR, tolerance=5.0)
    assert found.declared
    assert found.table.share.tolist() == [float(np.mean(np.abs(w * ERROR) > 5)) for w in (8, 4)]
    assert "5 bikes" in found.finding
    usual = misses(Y + 8 * ERROR, Y + 4 * ERROR)
    assert not usual.declared
    assert usual.tolerance == pytest.approx(np.abs(Y - np.median(Y)).mean())


def test_more_misses_than_the_champion_are_a_finding_and_fewer_are_not():
    """The interval of the change lies above zero for a worse model, and the verdict says so; equal models pass."""
    for width, verdict in ((4, Verdict.PASS), (8, Verdict.PASS), (14, Verdict.FAIL)):
        found = misses(Y + 8 * ERROR, Y + width * ERROR)
        assert found.measures[0].verdict is verdict
        assert found.measures[0].value == pytest.approx(found.table.share[1] - found.table.share[0])


def test_who_gets_another_answer_and_whether_it_is_nearer():
    """Rows whose forecast moves by more than the tolerance are counted, and those that move towards what came."""
    new = np.where(np.arange(600) < 100, Y + 20, Y + 1.0)
    old = np.where(np.arange(600) < 40, Y + 50, Y + 1.0)
    found = misses(old, new, tolerance=10.0)
    assert found.moved == 100
    assert found.nearer == pytest.approx(0.4)
    assert found.measures[1].value == pytest.approx(100 / 600)
    assert "40 % of them towards" in found.movers


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"new": np.full(600, np.nan)}, "challenger: 600 of 600"),
        ({"y": np.zeros(600)}, "does not vary"),
        ({"y": Y[:0], "old": Y[:0], "new": Y[:0], "blocks": DAY[:0]}, "no rows"),
    ],
)
def test_what_cannot_be_counted_is_insufficient(given, reason):
    """Missing predictions, a constant target without a tolerance, no rows: insufficient with the reason."""
    found = misses(**({"old": Y + ERROR, "new": Y + ERROR} | given))
    assert [measure.verdict for measure in found.measures] == [Verdict.INSUFFICIENT]
    assert reason in found.measures[0].reason
    assert reason in found.figure()
    json.dumps(found.to_dict(), allow_nan=False)


def test_few_days_have_no_verdict_and_every_view_still_works():
    """Under 20 blocks the shares are shown and not judged."""
    found = misses(Y + 8 * ERROR, Y + 14 * ERROR, blocks=DAY // 3)
    assert found.measures[0].verdict is Verdict.INSUFFICIENT
    assert found.figure().png().startswith(b"\x89PNG")
    json.dumps(found.to_dict(), allow_nan=False)
