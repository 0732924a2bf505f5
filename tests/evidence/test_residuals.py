"""Errors to one side: overall, by slice and over time, with intervals that cover."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.errors import DataError
from sopkit.evidence.residuals import residuals_of

DAYS, SIZE = 90, 24
DAY = np.repeat(np.arange(DAYS), SIZE)
TIMES = pd.date_range("2024-01-01", periods=DAYS * SIZE, freq="h", tz="UTC")
QUICK = Evaluation(resamples=200)


def world(seed: int = 0, shared: float = 1.0):
    """Targets with a mean absolute deviation of about 8, and errors that the rows of a day share in part."""
    random = np.random.default_rng(seed)
    y = random.normal(100, 10, len(DAY))
    return y, y + random.normal(0, 4, len(DAY)) + shared * random.normal(size=DAYS)[DAY]


def residuals(y, p, **options):
    rest = {"task": "regression", "blocks": DAY, "times": TIMES, "evaluation": QUICK, "unit": "bikes"} | options
    return residuals_of(y, p, **rest)


@pytest.mark.parametrize(
    ("shift", "verdict", "words"),
    [
        (0.0, "pass", "does not lean"),
        (3.0, "fail", "says too much"),
        (-3.0, "fail", "says too little"),
        (0.8, "insufficient", "may say too much"),
    ],
)
def test_the_bias_is_within_the_limit_beyond_it_or_either(shift, verdict, words):
    """The mean error's whole interval within a tenth of the mean absolute deviation passes, outside fails."""
    y, p = world()
    found = residuals(y, p + shift)
    assert str(found.measure.verdict) == verdict
    assert words in found.finding
    assert found.bias.value == pytest.approx((p + shift - y).mean())
    assert found.scale == pytest.approx(np.abs(y - np.median(y)).mean())
    assert found.measure.value == pytest.approx(abs(found.bias.value) / found.scale)


def test_the_verdict_does_not_depend_on_the_unit_or_the_sign_of_the_target():
    """A thousand times the values, or values below zero, are judged alike."""
    y, p = world()
    shares = [residuals(a * y + b, a * (p + 3) + b).measure for a, b in ((1, 0), (1000, 0), (1, -500), (1, -100))]
    assert [measure.verdict for measure in shares] == [Verdict.FAIL] * 4
    assert [measure.value for measure in shares] == pytest.approx([shares[0].value] * 4)


def test_a_slice_that_leans_is_named_though_the_whole_does_not():
    """Half the rows too high and half too low have mean zero; each half is found, a small one is insufficient."""
    y, p = world()
    side = np.where(np.arange(len(y)) % 2, 3.0, -3.0)
    names = pd.DataFrame({"g": np.where(side > 0, "high", "low")})
    names.loc[:40, "g"] = "few"
    found = residuals(y, p + side, slices=names)
    assert found.measure.verdict is Verdict.PASS
    assert found.slices.set_index("value").verdict.to_dict() == {"few": "insufficient", "high": "fail", "low": "fail"}
    measure = next(m for m in found.measures if m.name == "biased_slices")
    assert (measure.value, measure.verdict) == (2, Verdict.FAIL)
    assert "g=high" in measure.reason


def test_a_bias_that_changes_its_sign_is_seen_over_time():
    """Too high in the first half and too low in the second: the mean passes, the parts of the time do not."""
    y, p = world()
    found = residuals(y, p + np.where(DAY < 45, 3.0, -3.0))
    assert found.measure.verdict is Verdict.PASS
    assert found.over_time.verdict.tolist().count("fail") >= 8
    assert "parts of the time" in found.finding
    assert found.figure().png().startswith(b"\x89PNG")


def test_intervals_of_the_parts_hold_together():
    """In 120 worlds without bias, all twelve intervals hold zero in about 95 %."""
    missed = 0
    for seed in range(120):
        y, p = world(seed)
        over_time = residuals(y, p, evaluation=Evaluation(resamples=100)).over_time
        missed += bool(((over_time.low > 0) | (over_time.high < 0)).any())
    assert len(over_time) == 12
    assert 1 <= missed <= 13


def test_a_part_equals_students_t_on_its_days():
    """With whole days the interval of a part is Student's t of its day means, at a level that holds for all."""
    y, p = (values[: 84 * SIZE] for values in world())
    found = residuals(y, p, blocks=DAY[: len(y)], times=TIMES[: len(y)])
    weeks = (p - y).reshape(12, 7, SIZE).mean(axis=2)
    reach = stats.t.ppf((1 + 0.95 ** (1 / 12)) / 2, 6) * weeks.std(axis=1, ddof=1) / np.sqrt(7)
    assert found.over_time.bias.tolist() == pytest.approx(weeks.mean(axis=1).tolist())
    assert (found.over_time.high - found.over_time.bias).tolist() == pytest.approx(reach.tolist())


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda y, p: (y, np.full(len(y), np.nan)), "predictions are missing"),
        (lambda y, p: (np.full(len(y), 5.0), p), "does not vary"),
        (lambda y, p: (np.where(np.arange(len(y)) < 3, np.inf, y), p), "3 of 2160 targets"),
        (lambda y, p: (y[:0], p[:0]), "no rows"),
    ],
)
def test_spoiled_rows_are_insufficient_in_every_view(spoil, reason):
    """Missing predictions, a constant target, infinite targets, no rows: insufficient with the reason, no exception."""
    y, p = spoil(*world())
    found = residuals(y, p, blocks=DAY[: len(y)], times=TIMES[: len(y)])
    assert [measure.verdict for measure in found.measures] == [Verdict.INSUFFICIENT]
    assert reason in found.measures[0].reason
    assert reason in found.figure()
    json.dumps(found.to_dict(), allow_nan=False)


def test_few_rows_few_days_and_entities_as_blocks():
    """Under 200 rows or 20 days there is no verdict; blocks that are persons are drawn as such."""
    y, p = world()
    for rows in (150, 19 * SIZE):
        found = residuals(y[:rows], p[:rows] + 9, blocks=DAY[:rows], times=TIMES[:rows])
        assert found.measure.verdict is Verdict.INSUFFICIENT
        assert found.figure().png().startswith(b"\x89PNG")
    people = np.array([f"person {n}" for n in np.arange(len(y)) % 300])
    assert residuals(y, p, blocks=people).bias.blocks == 300


def test_classes_have_no_errors_with_a_sign_and_slices_have_to_fit():
    """A binary target has no measures and says so; slices of other rows are refused."""
    y, p = world()
    found = residuals((y > 100).astype(float), 0.5 + 0 * y, task="binary")
    assert found.measures == []
    json.dumps(found.to_dict(), allow_nan=False)
    with pytest.raises(DataError, match="slices do not fit"):
        residuals(y, p, slices=pd.DataFrame({"a": [1]}))


def test_all_rows_at_one_moment_are_one_part():
    """Times that do not differ make one part, not an error."""
    y, p = world()
    found = residuals(y, p, times=pd.Series([TIMES[0]] * len(y)))
    assert len(found.over_time) == 1
    assert found.figure().png().startswith(b"\x89PNG")
