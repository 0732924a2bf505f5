import numpy as np
import pytest

from sopkit.evidence.equivalence import equivalence, not_refitted


@pytest.fixture
def rows():
    random = np.random.default_rng(1)
    p = random.uniform(0.05, 0.95, 2000)
    return (random.uniform(size=2000) < p).astype(float), p


def verdict(*rows, task="binary"):
    return str(equivalence(*rows, task=task).verdict)


def test_a_model_that_says_nearly_the_same_is_equivalent(rows):
    """Small changes of probabilities with the same score pass."""
    y, p = rows
    assert "pass" == verdict(y, p, np.clip(p + 0.01, 0, 1))


def test_a_model_that_says_something_else_is_not(rows):
    """Predictions that differ by more than a twentieth on average fail, even with the same ranking."""
    y, p = rows
    assert "fail" == verdict(y, p, p * 0.6)


def test_a_model_whose_score_falls_is_not(rows):
    """A small change of predictions that costs more score than the margin fails."""
    y, p = rows
    worse = np.where(y == 1, p - 0.045, p + 0.045)
    assert "fail" == verdict(y, p, worse)


@pytest.mark.parametrize("broken", [[], [np.nan] * 2000])
def test_what_cannot_be_compared_is_insufficient(rows, broken):
    """No rows, other shapes or NaN are never a pass."""
    y, p = rows
    assert "insufficient" == verdict(y[: len(broken)], p[: len(broken)], np.array(broken))


def test_a_regression_is_measured_in_the_targets_spread():
    """The change is a share of the target's standard deviation, whatever its unit."""
    y = np.linspace(0, 1e6, 500)
    assert equivalence(y, y, y + 1e4, task="regression").value == pytest.approx(1e4 / np.std(y))


def test_without_refit_the_artifact_itself_serves():
    """Not refitted is a pass that says so."""
    assert "pass" == str(not_refitted().verdict)
