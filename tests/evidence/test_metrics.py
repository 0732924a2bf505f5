"""Metrics equal scikit-learn's, and say why when they cannot be computed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sklearn.metrics as sk

from sopkit.definitions.model import METRICS
from sopkit.errors import DataError, WrongUse
from sopkit.evidence import metrics

RANDOM = np.random.default_rng(7)
Y = RANDOM.integers(0, 2, 400)
P = np.clip(0.3 * Y + RANDOM.random(400) * 0.7, 0, 1)
TIED = np.round(P, 1)
CODES = RANDOM.integers(0, 4, 400)
PROBABILITIES = RANDOM.dirichlet(np.ones(4), 400) * 0.6 + np.eye(4)[CODES] * 0.4
VALUES = RANDOM.normal(50, 10, 400)
FORECASTS = VALUES + RANDOM.normal(1, 5, 400)


@pytest.mark.parametrize("p", [P, TIED, np.zeros(400), np.ones(400)], ids=["distinct", "tied", "all zero", "all one"])
@pytest.mark.parametrize(
    ("metric", "oracle"),
    [
        (metrics.roc_auc, sk.roc_auc_score),
        (metrics.average_precision, sk.average_precision_score),
        (metrics.brier, sk.brier_score_loss),
        (metrics.log_loss, sk.log_loss),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_binary_metrics_equal_scikit_learn(metric, oracle, p):
    """AUC, average precision, Brier score and log loss are scikit-learn's to twelve digits, ties included."""
    assert metric(Y, p) == pytest.approx(oracle(Y, p), rel=1e-12)


def test_multiclass_metrics_equal_scikit_learn():
    """Macro F1, accuracy, log loss and one-vs-rest AUC are scikit-learn's."""
    chosen = PROBABILITIES.argmax(axis=1)
    expected = {
        "macro_f1": sk.f1_score(CODES, chosen, average="macro"),
        "accuracy": sk.accuracy_score(CODES, chosen),
        "log_loss": sk.log_loss(CODES, PROBABILITIES),
        "ovr_roc_auc": sk.roc_auc_score(CODES, PROBABILITIES, multi_class="ovr", average="weighted"),
    }
    assert metrics.score("multiclass", CODES, PROBABILITIES) == pytest.approx(expected)


def test_means_over_classes_leave_rare_ones_out():
    """A class of nine rows enters neither macro F1, nor one-vs-rest AUC, nor their no-skill; of ten it does."""
    for rare in (9, 10):
        y = np.concatenate([CODES, np.full(rare, 4)])
        p = np.vstack([np.column_stack([PROBABILITIES, np.zeros(400)]), np.tile([0.5, 0.2, 0.1, 0.1, 0.1], (rare, 1))])
        kept = list(range(4 if rare < 10 else 5))
        chosen, majority = p.argmax(axis=1), np.full(len(y), np.bincount(y).argmax())
        areas = [sk.roc_auc_score(y == k, p[:, k]) for k in kept]
        assert metrics.macro_f1(y, p) == pytest.approx(
            sk.f1_score(y, chosen, labels=kept, average="macro", zero_division=0)
        )
        assert metrics.ovr_roc_auc(y, p) == pytest.approx(np.average(areas, weights=np.bincount(y)[kept]))
        assert metrics.no_skill("multiclass", "macro_f1", y) == pytest.approx(
            sk.f1_score(y, majority, labels=kept, average="macro", zero_division=0)
        )


def test_a_mean_over_classes_is_over_the_same_ones_in_every_resample():
    """A class that is frequent on all rows stays in the mean where a resample has few of it, and a rare one out."""
    y = np.concatenate([CODES, np.full(9, 4)])
    p = np.vstack([np.column_stack([PROBABILITIES, np.zeros(400)]), np.tile([0.5, 0.2, 0.1, 0.1, 0.1], (9, 1))])
    groups, chosen = np.arange(len(y)), p.argmax(axis=1)
    counts = np.where(y == 0, 0.0, 1.0)[None, :]
    counts[0, np.flatnonzero(y == 0)[:3]] = 1.0
    weighted = sk.f1_score(y, chosen, labels=[0, 1, 2, 3], average="macro", sample_weight=counts[0])
    assert metrics.macro_f1.over(y, p, groups, counts)[0] == pytest.approx(weighted)


def test_regression_metrics_equal_scikit_learn():
    """R², mean absolute error and root mean squared error are scikit-learn's, and bias is the mean error."""
    expected = {
        "r2": sk.r2_score(VALUES, FORECASTS),
        "mae": sk.mean_absolute_error(VALUES, FORECASTS),
        "rmse": sk.root_mean_squared_error(VALUES, FORECASTS),
        "bias": float(np.mean(FORECASTS - VALUES)),
    }
    assert metrics.score("regression", VALUES, FORECASTS) == pytest.approx(expected)


def test_r2_of_targets_far_from_zero_keeps_its_digits():
    """A constant of a billion added to targets and forecasts does not change R²."""
    assert metrics.r2(VALUES + 1e9, FORECASTS + 1e9) == pytest.approx(metrics.r2(VALUES, FORECASTS), abs=1e-6)


@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_a_weighted_value_is_the_value_of_repeated_rows(task):
    """A group that counts three times gives what its rows written three times give."""
    y, p = {"binary": (Y, TIED), "multiclass": (CODES, PROBABILITIES), "regression": (VALUES, FORECASTS)}[task]
    groups = np.arange(400) % 5
    counts = np.array([3.0, 0.0, 1.0, 2.0, 0.0])
    repeated = np.repeat(np.arange(400), counts[groups].astype(int))
    for metric in metrics.METRICS[task].values():
        value = metric.over(y.astype(float), p.astype(float), groups, counts[None])[0]
        assert value == pytest.approx(metric(y[repeated], p[repeated]), rel=1e-10), metric.name


@pytest.mark.parametrize(
    ("metric", "oracle"),
    [
        (metrics.brier, lambda y: sk.brier_score_loss(y, np.full(len(y), y.mean()))),
        (metrics.log_loss, lambda y: sk.log_loss(y, np.full(len(y), y.mean()))),
        (metrics.average_precision, lambda y: sk.average_precision_score(y, np.zeros(len(y)))),
    ],
    ids=["brier", "log_loss", "average_precision"],
)
def test_no_skill_is_what_the_prevalence_alone_reaches(metric, oracle):
    """The no-skill value of a metric is its value for a prediction that says the prevalence every time."""
    assert metrics.no_skill("binary", metric, Y) == pytest.approx(oracle(Y))


def test_no_skill_of_classes_and_numbers():
    """No skill is the most frequent class, and the median or mean of the numbers."""
    majority = np.full(400, np.bincount(CODES).argmax())
    assert metrics.no_skill("multiclass", "accuracy", CODES) == pytest.approx(sk.accuracy_score(CODES, majority))
    assert metrics.no_skill("multiclass", "macro_f1", CODES) == pytest.approx(
        sk.f1_score(CODES, majority, average="macro", zero_division=0)
    )
    assert metrics.no_skill("regression", "mae", VALUES) == pytest.approx(np.abs(VALUES - np.median(VALUES)).mean())
    assert metrics.no_skill("regression", "rmse", VALUES) == pytest.approx(VALUES.std())


def test_the_room_of_a_guardrail_scales_with_prevalence():
    """At 1 % prevalence two percent of no-skill is a fortieth of what it is at 50 %."""
    rare, even = np.repeat([0, 1], [990, 10]), np.repeat([0, 1], 500)
    assert metrics.room(metrics.brier, rare) == pytest.approx(0.0099)
    assert metrics.room(metrics.brier, even) == pytest.approx(0.25)
    assert metrics.room(metrics.roc_auc, rare) == 0.5


@pytest.mark.parametrize(
    ("metric", "y", "p", "reason"),
    [
        (metrics.roc_auc, [], [], "no rows"),
        (metrics.brier, [], [], "no rows"),
        (metrics.roc_auc, [1, 1, 1], [0.2, 0.3, 0.4], "one class"),
        (metrics.average_precision, [0, 0], [0.2, 0.3], "one class"),
        (metrics.brier_skill, [0, 0], [0.2, 0.3], "one class"),
        (metrics.roc_auc, [0, 1, np.nan], [0.2, 0.3, 0.4], "1 of 3 targets are missing"),
        (metrics.roc_auc, [0, 1, 1], [0.2, np.nan, np.nan], "2 of 3 predictions are missing"),
        (metrics.brier, [0, 1, 1], [0.2, np.inf, 0.4], "1 of 3 predictions are missing"),
        (metrics.brier, [0, 1], [0.2, 1.4], "not probabilities"),
        (metrics.log_loss, [0, 1], [-0.2, 0.4], "not probabilities"),
        (metrics.roc_auc, [1, 2, 1], [0.2, 0.3, 0.4], "other than 0 and 1"),
        (metrics.r2, [3.0], [3.0], "does not vary"),
        (metrics.r2, [3.0, 3.0], [3.0, 2.0], "does not vary"),
        (metrics.mae, [1.0, None], [1.0, 2.0], "1 of 2 targets"),
        (metrics.macro_f1, [0, 5], [[0.5, 0.5], [0.5, 0.5]], "class codes"),
        (metrics.macro_f1, [0] * 12 + [1] * 9, [[0.5, 0.5]] * 21, "fewer than two classes have 10 rows"),
        (metrics.multiclass_log_loss, [0, 1], [[0.9, 0.9], [0.5, 0.5]], "do not add up to one"),
        (metrics.ovr_roc_auc, [1, 1], [[0.5, 0.5], [0.4, 0.6]], "one class"),
        (metrics.accuracy, np.empty(0), np.empty((0, 3)), "no rows"),
    ],
)
def test_what_cannot_be_computed_is_nan_with_a_reason(metric, y, p, reason):
    """One class, missing values, no rows and predictions that are none give NaN and a reason, no exception."""
    assert math.isnan(metric(y, p))
    assert reason in metrics.why_not(metric, y, p)


@pytest.mark.parametrize(
    ("metric", "y", "p"),
    [
        (metrics.roc_auc, [0, 1], [0.2]),
        (metrics.roc_auc, [0, 1], [[0.2, 0.8], [0.3, 0.7]]),
        (metrics.roc_auc, [[0], [1]], [0.2, 0.3]),
        (metrics.macro_f1, [0, 1], [0.2, 0.3]),
        (metrics.roc_auc, ["no", "yes"], [0.2, 0.3]),
        (metrics.mae, [1.0, 2.0], ["a", "b"]),
    ],
)
def test_arrays_of_the_wrong_kind_are_an_error_that_says_what_was_expected(metric, y, p):
    """Shapes that do not fit and text where numbers belong raise DataError with expected and got."""
    with pytest.raises(DataError) as caught:
        metric(y, p)
    assert caught.value.expected
    assert caught.value.got


def test_an_unknown_metric_names_those_that_exist():
    """A metric of another task is refused, and the error lists the task's own."""
    with pytest.raises(WrongUse, match="roc_auc"):
        metrics.find("binary", "mae")
    with pytest.raises(WrongUse, match="regression"):
        metrics.find("ranking", "mae")


def test_defaults_name_metrics_of_their_task():
    """Each task's primary metric and guardrails exist for it."""
    for task in metrics.METRICS:
        primary, guardrails = metrics.defaults(task)
        assert {primary, *guardrails} <= set(metrics.METRICS[task])


def test_codes_of_a_label_that_no_model_knows_are_missing():
    """A class that appeared after training has no code, so metrics read as missing instead of wrong."""
    assert metrics.codes(["a", "c", "b"], ["a", "b"]).tolist() == pytest.approx([0, math.nan, 1], nan_ok=True)


def test_a_scaled_error_of_one_is_the_seasonal_naive_forecast():
    """The scale is the naive forecast's own error, so that forecast scores one."""
    naive = VALUES + RANDOM.normal(0, 3, 400)
    assert metrics.scaled_error(metrics.mae(VALUES, naive))(VALUES, naive) == pytest.approx(1)
    with pytest.raises(DataError):
        metrics.scaled_error(0.0)


@pytest.mark.parametrize(
    ("rate", "guards"), [(0.02, ["brier", "log_loss"]), (0.3, ["brier"]), (0.98, ["brier", "log_loss"])]
)
def test_the_log_loss_guards_where_an_outcome_is_rare(rate, guards):
    """Below one in twenty the Brier score hardly notices the rare outcome, so the log loss is a guardrail too."""
    y = np.r_[np.ones(int(1000 * rate)), np.zeros(1000 - int(1000 * rate))]
    assert guards == list(metrics.defaults("binary", y).guardrails)
    assert ["brier"] == list(metrics.defaults("binary").guardrails)


def test_model_files_are_checked_against_the_metrics_that_there_are():
    """The names that a model file may use are those of the metrics, task by task."""
    assert {task: tuple(known) for task, known in metrics.METRICS.items()} == METRICS
