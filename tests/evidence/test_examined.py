"""Was it examined? Looked at and found wanting is examined; nothing to look at is not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.examined import fairness_examined, groups_examined, robustness_examined
from sopkit.evidence.fairness import fairness_of
from sopkit.evidence.representation import representation
from sopkit.evidence.robustness import robustness_of

QUICK = Evaluation(resamples=100)
RNG = np.random.default_rng(5)
N = 1200
SIGNAL = RNG.normal(size=N)
TRUTH = (RNG.random(N) < 1 / (1 + np.exp(-2 * SIGNAL))).astype(float)
ANSWER = 1 / (1 + np.exp(-2 * SIGNAL))
DAYS = np.repeat(np.arange(30), N // 30)
HALVES = np.where(np.arange(N) % 2, "a", "b")


def fairness(groups: dict[str, object]):
    return fairness_of(
        TRUTH, ANSWER, pd.DataFrame(groups, index=range(N)), task="binary", blocks=DAYS, evaluation=QUICK
    )


@pytest.mark.parametrize(
    ("groups", "verdict"),
    [
        ({"sex": HALVES}, Verdict.PASS),
        ({}, Verdict.INSUFFICIENT),
        ({"sex": HALVES, "id": [str(i // 60) for i in range(N)]}, Verdict.INSUFFICIENT),
    ],
)
def test_fairness_is_examined_where_every_attribute_has_groups_to_compare(groups, verdict):
    """Two large groups are enough; without attributes, or with one of tiny groups only, it is not examined."""
    measure = fairness_examined(fairness(groups))
    assert measure.verdict is verdict
    assert measure.reason


@pytest.mark.parametrize(
    ("columns", "verdict"),
    [(["sex"], Verdict.PASS), ([], Verdict.INSUFFICIENT), (["sex", "gone"], Verdict.INSUFFICIENT)],
)
def test_groups_are_examined_where_each_attribute_has_one_that_is_large_enough(columns, verdict):
    """The count is of groups large enough; no attribute, or a column that is not there, is not examined."""
    found = representation(pd.DataFrame({"sex": HALVES}), pd.Series(TRUTH), columns)
    assert groups_examined(found).verdict is verdict
    assert groups_examined(found).value == (2 if columns else 0)


def test_robustness_is_examined_where_disturbances_were_tried():
    """A model that fails under a disturbance was examined all the same; without rows nothing was tried."""
    table = pd.DataFrame({"x": SIGNAL})

    def fragile(rows):
        if rows["x"].isna().any():
            raise ValueError("no number")
        return 1 / (1 + np.exp(-2 * rows["x"]))

    tried = robustness_of(fragile, table, TRUTH, task="binary", evaluation=QUICK)
    assert (robustness_examined(tried).verdict, robustness_examined(tried).value) == (Verdict.PASS, len(tried.table))
    nothing = robustness_of(fragile, table.head(0), TRUTH[:0], task="binary", evaluation=QUICK)
    assert robustness_examined(nothing).verdict is Verdict.INSUFFICIENT
