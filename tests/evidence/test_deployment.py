"""After deployment: keep, roll back or watch, and why."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.errors import WrongUse
from sopkit.evidence.deployment import after_deployment
from sopkit.evidence.promise import make_promise

QUICK = Evaluation(resamples=200)


def month(skill, seed, days=30, size=100):
    """Targets, a model of that skill, and days."""
    random = np.random.default_rng(seed)
    signal = random.normal(size=days * size)
    y = (random.random(days * size) < 1 / (1 + np.exp(-(2 * signal - 1)))).astype(float)
    p = 1 / (1 + np.exp(-(skill * signal - 1)))
    return y, p, np.repeat(np.arange(days), size)


Y0, P0, DAY0 = month(1.8, 1)
METRICS = ["roc_auc", "brier"]
PROMISE = make_promise("binary", Y0, P0, metrics=METRICS, blocks=DAY0, resamples=200, seed=QUICK.seed).scores


def after(y, p, day, promise=PROMISE, **options):
    return after_deployment(y, p, promise, task="binary", blocks=day, evaluation=QUICK, **options)


def shuffled(p, share, seed=9):
    """The share of predictions that no longer belong to their rows."""
    random = np.random.default_rng(seed)
    rows = np.flatnonzero(random.random(len(p)) < share)
    spoiled = p.copy()
    spoiled[rows] = p[random.permutation(rows)]
    return spoiled


def test_a_kept_promise_is_kept():
    """Another month like the one that was promised: keep, pass."""
    found = after(*month(1.8, 2))
    assert (found.decision, found.verdict) == ("keep", Verdict.PASS)
    assert "promised" in found.why


def test_a_model_far_below_its_promise_is_rolled_back():
    """Half of the predictions are wrong rows': worse than promised, roll back."""
    y, p, day = month(1.8, 2)
    found = after(y, shuffled(p, 0.5), day)
    assert (found.decision, found.verdict) == ("roll_back", Verdict.FAIL)
    assert "worse beyond the tolerance" in found.why


def test_a_bad_month_in_which_the_previous_model_would_have_done_worse_is_watched():
    """Below the promise, but the previous champion is not better here: watch, not back."""
    y, p, day = month(1.8, 2)
    worse = after(y, shuffled(p, 0.5), day, previous=shuffled(p, 0.7))
    assert (worse.decision, worse.verdict) == ("watch", Verdict.FAIL)
    better = after(y, shuffled(p, 0.5), day, previous=p)
    assert (better.decision, better.verdict) == ("roll_back", Verdict.FAIL)
    assert "previous champion is better" in better.why


def test_no_skill_at_all_needs_no_interval():
    """Scores that are as good as dice after five days are rolled back without waiting for twenty."""
    y, p, day = month(1.8, 2, days=5)
    found = after(y, 1 - p, day)
    assert (found.decision, found.verdict) == ("roll_back", Verdict.FAIL)
    assert "no better than no skill" in found.why


@pytest.mark.parametrize(
    ("days", "size", "reason"), [(7, 100, "only 7 blocks"), (30, 3, "only 90 labelled rows"), (0, 0, "no rows")]
)
def test_too_few_labels_are_watched(days, size, reason):
    """A week, ninety rows or no labels at all: watch, insufficient, with the numbers."""
    found = after(*month(1.8, 2, days=days, size=size))
    assert (found.decision, found.verdict) == ("watch", Verdict.INSUFFICIENT)
    assert reason in found.why
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.figure().png().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("drift", "decision", "verdict"),
    [
        (Verdict.PASS, "keep", Verdict.PASS),
        (Verdict.FAIL, "watch", Verdict.PASS),
        (Verdict.INSUFFICIENT, "watch", Verdict.INSUFFICIENT),
    ],
)
def test_drift_alone_is_a_reason_to_watch(drift, decision, verdict):
    """Inputs that moved without harm, or that cannot be told, are watched."""
    found = after(*month(1.8, 2), drift=drift)
    assert (found.decision, found.verdict) == (decision, verdict)


def test_a_promise_read_back_from_json_is_the_same_promise():
    """The promise survives the file that it is kept in, missing intervals included."""
    kept = json.loads(json.dumps({name: interval.to_dict() for name, interval in PROMISE.items()}))
    assert after(*month(1.8, 2), promise=kept).to_dict() == after(*month(1.8, 2)).to_dict()
    y, p, day = month(1.8, 1, days=5)
    unknown = make_promise("binary", y, p, metrics=METRICS, blocks=day).scores
    read = json.loads(json.dumps({name: interval.to_dict() for name, interval in unknown.items()}))
    assert after(*month(1.8, 2), promise=read).decision == "keep"


def test_a_promise_that_lacks_a_metric_is_refused():
    """Without the guardrail's promise there is nothing to hold it against."""
    with pytest.raises(WrongUse, match="brier"):
        after(*month(1.8, 2), promise={"roc_auc": PROMISE["roc_auc"]})


def test_missing_predictions_are_watched_not_kept():
    """A model that left gaps cannot be judged."""
    y, p, day = month(1.8, 2)
    p[:10] = np.nan
    found = after(y, p, day)
    assert (found.decision, found.verdict) == ("watch", Verdict.INSUFFICIENT)
    assert "10 of 3000 predictions are missing" in found.why


def test_a_regression_is_held_to_its_bias():
    """Forecasts that are shifted after deployment break a promised bias in either direction."""
    random = np.random.default_rng(3)
    y, day = random.normal(50, 10, 3000), np.repeat(np.arange(30), 100)
    p = y + random.normal(0, 3, 3000)
    evaluation = Evaluation(resamples=200, guardrails={"bias": 0.02})
    options = {"task": "regression", "blocks": day, "evaluation": evaluation}
    promise = make_promise("regression", y, p, metrics=["r2", "bias"], blocks=day, resamples=200).scores
    assert after_deployment(y, p, promise, **options).decision == "keep"
    for shift in (-4, 4):
        found = after_deployment(y, p + shift, promise, **options)
        assert found.table.set_index("metric").loc["bias", "verdict"] == "fail"
        assert found.decision == "roll_back"


def test_a_model_files_own_metrics_are_promised_and_held_to():
    """What an evaluation with another primary metric and guardrail promises is what is asked for after deployment."""
    evaluation = Evaluation(resamples=200, primary="average_precision", guardrails={"log_loss": 0.02})
    promise = make_promise("binary", Y0, P0, metrics=["average_precision", "log_loss"], blocks=DAY0).scores
    y, p, day = month(1.8, 2)
    found = after_deployment(y, p, promise, task="binary", blocks=day, evaluation=evaluation)
    assert list(found.table["metric"]) == ["average_precision", "log_loss"]
