"""Curves: points that say what the metrics say, and a reason where there are none."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, precision_score, recall_score, roc_auc_score, roc_curve

from sopkit.evidence import curves_of
from sopkit.evidence.curves import CLASSES, OTHERS, POINTS, TOLD_APART
from sopkit.evidence.house_style import Chart

RANDOM = np.random.default_rng(3)
Y = (RANDOM.random(4000) < 0.3).astype(float)
GOOD = 1 / (1 + np.exp(-(2 * Y - 1 + RANDOM.normal(0, 1, 4000))))
COARSE = np.round(GOOD, 1)  # many equal answers
BAD = RANDOM.random(4000)


def area(line):
    return float(np.trapezoid([y for _, y in line], [x for x, _ in line]))


def classes(width, rows=3000, skill=2.0, seed=0):
    random = np.random.default_rng(seed)
    y = random.integers(0, width, rows)
    scores = np.exp(random.normal(size=(rows, width)) + skill * np.eye(width)[y])
    return y.astype(float), scores / scores.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("p", [GOOD, COARSE, BAD], ids=["good", "coarse", "bad"])
def test_the_area_under_the_thinned_curve_is_the_metric(p):
    """At most 100 points from (0, 0) to (1, 1), rising, and the area under them is ROC AUC to half a point."""
    line = curves_of(Y, BAD, p, task="binary").outcomes[0].roc["challenger"]
    assert len(line) <= POINTS
    assert [line[0], line[-1]] == [(0.0, 0.0), (1.0, 1.0)]
    assert np.all(np.diff(np.array(line), axis=0) >= 0)
    assert area(line) == pytest.approx(roc_auc_score(Y, p), abs=0.005)


def test_every_point_is_one_of_the_curve_that_scikit_learn_draws():
    """Equal answers are taken together: with 11 different answers each point is one of sklearn's."""
    found = curves_of(Y, BAD, COARSE, task="binary").outcomes[0].roc["challenger"]
    x, y, _ = roc_curve(Y, COARSE, drop_intermediate=False)
    assert found == [(round(float(a), 4), round(float(b), 4)) for a, b in zip(x, y, strict=True)]


def test_precision_over_recall_is_that_of_the_flags_at_a_threshold():
    """The point at a threshold has the recall and precision that scikit-learn counts there; the last is the rate."""
    outcome = curves_of(Y, BAD, COARSE, task="binary").outcomes[0]
    line = outcome.recall["challenger"]
    flags = (COARSE >= 0.7).astype(float)
    expected = (recall_score(Y, flags), precision_score(Y, flags))
    assert any(point == pytest.approx(expected, abs=1e-4) for point in line)
    assert line[-1] == pytest.approx((1.0, outcome.rate), abs=1e-4)


def test_the_recipe_on_new_data_is_drawn_only_where_it_answers_otherwise():
    """The third arm is left out where it gives the challenger's very answers, and named in words where it is not."""
    assert set(curves_of(Y, BAD, GOOD, recipe_on_new_data=GOOD, task="binary").names) == {"champion", "challenger"}
    third = curves_of(Y, BAD, GOOD, recipe_on_new_data=COARSE, task="binary")
    assert third.names["recipe on new data"] == "the old recipe on new data"
    assert "recipe on new data" in third.outcomes[0].roc


@pytest.mark.parametrize(
    ("y", "p", "reason"),
    [
        (np.ones(4000), GOOD, "of one class"),
        (Y, np.where(np.arange(4000) < 7, np.nan, GOOD), "7 of 4000 predictions are missing"),
        (np.empty(0), np.empty(0), "there are no rows"),
    ],
    ids=["one class", "missing answers", "no rows"],
)
def test_without_a_curve_the_reason_is_told(y, p, reason):
    """One class, missing answers or no rows: no line of that model, the reason in words, and no exception."""
    found = curves_of(y, BAD[: len(y)], p, task="binary")
    assert reason in found.reasons["challenger"]
    assert reason in found.finding
    assert all("challenger" not in outcome.roc for outcome in found.outcomes)
    found.figure()


def test_several_classes_each_against_the_rest_and_what_was_answered_for_what():
    """The six most frequent classes have curves of their own; the confusion is that of scikit-learn, rows conserved."""
    y, p = classes(8)
    found = curves_of(y, np.roll(p, 1, axis=0), p, task="multiclass", labels=[f"class {k}" for k in range(8)])
    assert len(found.outcomes) == CLASSES
    assert [each.rows for each in found.outcomes] == sorted(np.bincount(y.astype(int)), reverse=True)[:CLASSES]
    first = int(found.outcomes[0].name.split()[1])
    assert area(found.outcomes[0].roc["challenger"]) == pytest.approx(roc_auc_score(y == first, p[:, first]), abs=0.005)
    order = [int(name.split()[1]) for name in found.classes]
    assert found.confusion["challenger"] == confusion_matrix(y, p.argmax(axis=1), labels=order).tolist()


def test_classes_beyond_the_twelve_most_frequent_stand_together():
    """Of 30 classes 12 are told apart; the rest is one line and one column, and no row is lost."""
    y, p = classes(30)
    found = curves_of(y, p, p, task="multiclass")
    assert len(found.classes) == TOLD_APART + 1
    assert found.classes[-1] == OTHERS
    assert sum(map(sum, found.confusion["challenger"])) == 3000


def test_numbers_in_bands_of_what_was_predicted():
    """Bands hold equal numbers of rows; for an honest model the mean that came is near the mean that was said."""
    p = RANDOM.normal(100, 20, 2000)
    y = p + RANDOM.normal(0, 5, 2000)
    found = curves_of(y, np.full(2000, 100.0), p, task="regression", unit="bikes")
    bands = found.bands["challenger"]
    assert [band["rows"] for band in bands] == [200.0] * 10
    assert all(abs(band["predicted"] - band["observed"]) < 2 for band in bands)
    assert found.usual_error["challenger"] == pytest.approx(np.median(np.abs(y - p)))
    assert all(sum(shares) == pytest.approx(1) for shares in found.errors.values())
    assert "bikes of the challenger" in found.finding


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_what_is_kept_is_plain_json_and_small_and_is_drawn(task):
    """`curves.json` of any task survives canonical JSON in less than 80 kB, and the notebook shows a chart of it."""
    if task == "multiclass":
        y, p = classes(10)
        given = (y, np.roll(p, 1, axis=0), p)
    else:
        given = (Y, BAD, GOOD)
    found = curves_of(*given, task=task, recipe_on_new_data=given[1], labels=[f"<b>{k}</b>" for k in range(10)])
    text = json.dumps(found.to_dict(), allow_nan=False)
    assert len(text) < 80_000
    chart = found.figure()
    assert isinstance(chart, Chart)
    assert chart.png().startswith(b"\x89PNG")


def test_the_sentence_counts_what_a_reader_can_check():
    """The share of positives found at one false alarm in ten, of both models."""
    x, y, _ = roc_curve(Y, GOOD)
    found = curves_of(Y, BAD, GOOD, task="binary", names={"champion": "the naive forecast"})
    assert f"the challenger finds {100 * np.interp(0.1, x, y):.0f} % of the positives" in found.finding
    assert "the naive forecast finds" in found.finding
