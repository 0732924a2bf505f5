"""The comparison judges by the interval, not by the point, and splits what the data and the recipe did."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.errors import DataError, WrongUse
from sopkit.evidence import metrics
from sopkit.evidence.bootstrap import plan
from sopkit.evidence.comparing import against_naive, compare
from sopkit.evidence.slices import by_slice

QUICK = Evaluation(resamples=200)


def binary(skill=0.6, better=1.2, days=30, size=60, seed=1):
    """Targets, two models' calibrated probabilities and days; the second model sees more of the truth."""
    random = np.random.default_rng(seed)
    signal = random.normal(size=days * size)
    y = (random.random(days * size) < 1 / (1 + np.exp(-(2 * signal - 1)))).astype(float)
    blind = random.normal(size=days * size)

    def model(weight):
        mixed = (weight * signal + (1.5 - weight) * blind) / np.hypot(weight, 1.5 - weight)
        return 1 / (1 + np.exp(-(mixed * weight - 1)))

    return y, model(skill), model(better), np.repeat(np.arange(days), size)


def test_a_better_challenger_passes_and_values_equal_scikit_learn():
    """Scores are scikit-learn's, the primary's lower end lies above the margin, the guardrail's upper end below."""
    y, old, new, day = binary()
    comparison = compare(y, old, new, task="binary", blocks=day, evaluation=QUICK)
    table = comparison.table.set_index("metric")
    assert table.loc["roc_auc", "champion"] == pytest.approx(sk.roc_auc_score(y, old))
    assert table.loc["brier", "challenger"] == pytest.approx(sk.brier_score_loss(y, new))
    assert table.loc["brier", "gain"] == pytest.approx(sk.brier_score_loss(y, old) - sk.brier_score_loss(y, new))
    assert comparison.verdict is Verdict.PASS
    assert comparison.primary_measure.value == table.loc["roc_auc", "low"]
    assert comparison.primary_measure.threshold.value == 0.003
    assert "beats" in comparison.finding


def test_a_gain_that_may_be_chance_fails_though_its_point_is_above_the_margin():
    """The verdict is of the interval's lower end: a gain on three days of five is no gain yet."""
    y, old, _, day = binary(size=12)
    towards = np.where(day % 5 < 3, 0.25, -0.25)  # better on three days of five, worse on two
    new = np.clip(old + towards * (2 * y - 1), 0, 1)
    comparison = compare(y, old, new, task="binary", blocks=day, evaluation=QUICK)
    assert comparison.gain("roc_auc").value > 0.003
    assert comparison.primary_measure.verdict is Verdict.FAIL
    assert "not shown to be better" in comparison.finding


def test_a_significant_gain_below_the_margin_fails():
    """A gain that is certain and immaterial does not pass."""
    y, old, new, day = binary(size=200)
    comparison = compare(y, old, new, task="binary", blocks=day, evaluation=QUICK.model_copy(update={"margin": 0.5}))
    assert comparison.gains["roc_auc"].interval.low > 0
    assert comparison.primary_measure.verdict is Verdict.FAIL


def test_a_guardrail_stops_a_challenger_with_a_better_auc():
    """Probabilities pushed to the ends keep the AUC and lose the Brier score: the guardrail fails."""
    y, old, new, day = binary()
    pushed = np.clip((new - 0.5) * 6 + 0.5, 0.001, 0.999) * 0.999 + new * 0.001
    comparison = compare(y, old, pushed, task="binary", blocks=day, evaluation=QUICK)
    assert comparison.primary_measure.verdict is Verdict.PASS
    assert [m.verdict for m in comparison.guardrail_measures] == [Verdict.FAIL]
    assert comparison.verdict is Verdict.FAIL


def test_the_guardrail_is_a_share_of_no_skill():
    """The guardrail's value is the upper end of the loss over the Brier score of the prevalence."""
    y, old, new, day = binary()
    comparison = compare(y, old, new, task="binary", blocks=day, evaluation=QUICK)
    share = -comparison.gains["brier"].interval.low / (y.mean() * (1 - y.mean()))
    assert comparison.guardrail_measures[0].value == pytest.approx(share)


def test_an_error_metric_as_primary_is_judged_as_a_share_of_no_skill():
    """Multiplying targets and forecasts by a thousand does not change the verdict of a gain in absolute error."""
    random = np.random.default_rng(2)
    y, day = random.normal(size=900), np.repeat(np.arange(30), 30)
    old, new = y + random.normal(0, 1.0, 900), y + random.normal(0, 0.8, 900)
    evaluation = QUICK.model_copy(update={"primary": "mae", "guardrails": {"bias": 0.1}})
    one = compare(y, old, new, task="regression", blocks=day, evaluation=evaluation)
    large = compare(y * 1000, old * 1000, new * 1000, task="regression", blocks=day, evaluation=evaluation)
    assert one.primary_measure.value == pytest.approx(large.primary_measure.value)
    assert one.verdict is large.verdict is Verdict.PASS


def test_the_third_arm_tells_data_from_recipe():
    """When the champion's recipe on new data is as good as the challenger, the data made the difference."""
    y, old, new, day = binary()
    data = compare(y, old, new, task="binary", blocks=day, evaluation=QUICK, recipe_on_new_data=new)
    assert "the new data helped" in data.attribution
    assert "the new recipe made no clear difference" in data.attribution
    recipe = compare(y, old, new, task="binary", blocks=day, evaluation=QUICK, recipe_on_new_data=old)
    assert "the new data made no clear difference" in recipe.attribution
    assert "the new recipe helped" in recipe.attribution


def test_data_and_recipe_add_up_to_the_gain():
    """What the data did and what the recipe did is all of the gain."""
    y, old, new, day = binary()
    third = (old + new) / 2
    comparison = compare(y, old, new, task="binary", blocks=day, evaluation=QUICK, recipe_on_new_data=third)
    parts = comparison.of_data.interval.value + comparison.of_recipe.interval.value
    assert parts == pytest.approx(comparison.gains["roc_auc"].interval.value)


def test_models_that_answer_alike_are_said_to_do_so():
    """Champion and challenger with the same answers are no comparison of .907 against .907."""
    y, old, _, day = binary()
    comparison = compare(y, old, old.copy(), task="binary", blocks=day, evaluation=QUICK)
    assert comparison.finding.startswith("The challenger answers as the champion does, so that neither is better: ")
    assert comparison.verdict is Verdict.FAIL


def test_a_gain_that_a_guardrail_stops_is_not_told_as_one():
    """The title of the comparison names what keeps a better ranking from being better by the rule."""
    y, old, new, day = binary()
    bold = np.clip((new - 0.5) * 6 + 0.5, 0.001, 0.999) * 0.999 + new * 0.001
    comparison = compare(y, old, bold, task="binary", blocks=day, evaluation=QUICK)
    assert comparison.primary_measure.verdict is Verdict.PASS
    assert "beats the champion, and not by the rule (Brier score, worse by at most)" in comparison.finding


def test_probabilities_that_are_worth_less_than_the_rate_are_told_though_they_rank():
    """A challenger that ranks well and is far too sure of the rarer class is no reason to be silent."""
    y, old, new, day = binary()
    loud = 1 - (1 - new) ** 6
    told = {m.name: m for m in compare(y, old, loud, task="binary", blocks=day, evaluation=QUICK).doubts}
    assert told["brier_of_the_rate"].verdict is Verdict.FAIL
    assert "known only afterwards" in told["brier_of_the_rate"].reason
    quiet = compare(y, old, new, task="binary", blocks=day, evaluation=QUICK).doubts
    assert "brier_of_the_rate" not in {measure.name for measure in quiet}


def test_a_slice_that_got_worse_is_named_although_the_whole_got_better():
    """The challenger is reversed on one airport: that slice fails, the whole passes."""
    y, old, new, day = binary(size=200)
    airport = np.where(np.arange(len(y)) % 4 == 0, "LGA", "JFK")
    new = np.where(airport == "LGA", 1 - new, new)
    comparison = compare(
        y, old, new, task="binary", blocks=day, evaluation=QUICK, slices=pd.DataFrame({"origin": airport})
    )
    verdicts = comparison.slices.set_index("value").verdict
    assert verdicts.to_dict() == {"LGA": "fail", "JFK": "pass"}
    measure = next(m for m in comparison.measures if m.name == "slices_worse")
    assert measure.verdict is Verdict.FAIL
    assert "origin=LGA" in measure.reason
    assert comparison.slice_figure().title == "The challenger is worse in 1 of 2 slices that can be judged"


def test_small_slices_and_slices_of_one_class_are_insufficient_and_missing_values_are_a_slice():
    """Fifty rows, or positives only, are not judged; rows without a value are a slice of their own."""
    y, old, new, day = binary(size=100)
    group = np.array(["large"] * len(y), dtype=object)
    group[:50] = "small"
    group[50:800] = None
    group[np.flatnonzero(y == 1)[-400:]] = "ones"
    comparison = compare(y, old, new, task="binary", blocks=day, evaluation=QUICK, slices=pd.DataFrame({"g": group}))
    rows = comparison.slices.set_index("value")
    assert set(rows.index) == {"large", "small", "(missing)", "ones"}
    assert rows.loc["small", "verdict"] == "insufficient"
    assert "rows" in rows.loc["small", "reason"]
    assert rows.loc["ones", "verdict"] == "insufficient"
    assert "one class" in rows.loc["ones", "reason"]
    assert rows.loc["large", "verdict"] == "pass"


def test_slices_that_cannot_be_judged_are_told_as_such():
    """Two slices of hardly any row each: the title does not say that nothing got worse."""
    y, old, new, day = binary(days=20, size=2)
    comparison = compare(y, old, new, task="binary", blocks=day, slices=pd.DataFrame({"s": np.arange(40) % 2}))
    assert comparison.slice_figure().title == "None of 2 slices can be judged"


def test_slices_of_the_same_models_rarely_fail():
    """With two equally good models and fifteen slices, a false alarm in any of them is rare."""
    alarms = 0
    for seed in range(30):
        y, old, _, day = binary(size=50, seed=seed)
        random = np.random.default_rng(1000 + seed)  # not the stream that made the data
        one, other = (np.clip(old + random.normal(0, 0.05, len(y)), 0, 1) for _ in range(2))
        slices = pd.DataFrame({"s": random.integers(0, 15, len(y))})
        drawn = plan(day, len(y), resamples=200, seed=seed)
        evaluation = Evaluation(minimum_rows=50, primary="brier")
        table = by_slice(metrics.brier, y, one, other, slices, drawn, evaluation)
        assert (table.verdict != "insufficient").all()
        alarms += bool((table.verdict == "fail").any())
    assert alarms <= 4


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"days": 10}, "only 10 blocks"),
        ({"size": 3}, "only 90 rows"),
    ],
)
def test_too_little_evidence_is_insufficient(change, reason):
    """Few blocks or few rows give no verdict but `insufficient`, with the numbers."""
    y, old, new, day = binary(**change)
    comparison = compare(y, old, new, task="binary", blocks=day, evaluation=QUICK)
    assert comparison.verdict is Verdict.INSUFFICIENT
    assert reason in comparison.primary_measure.reason
    assert reason in comparison.finding


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda y, old, new: (y, np.full(len(y), np.nan), new), "predictions are missing"),
        (lambda y, old, new: (y, old, np.where(np.arange(len(y)) == 3, np.inf, new)), "1 of 1800 predictions"),
        (lambda y, old, new: (np.zeros(len(y)), old, new), "one class"),
        (lambda y, old, new: (np.where(np.arange(len(y)) < 5, np.nan, y), old, new), "5 of 1800 targets"),
        (lambda y, old, new: (y[:0], old[:0], new[:0]), "no rows"),
    ],
)
def test_spoiled_inputs_are_insufficient_and_every_view_still_works(spoil, reason):
    """Missing or infinite predictions, one class, missing targets and no rows: no verdict, no exception in any view."""
    y, old, new, day = binary()
    y, old, new = spoil(y, old, new)
    comparison = compare(
        y,
        old,
        new,
        task="binary",
        blocks=day[: len(y)],
        evaluation=QUICK,
        slices=pd.DataFrame({"d": day[: len(y)] % 2}),
    )
    assert comparison.verdict is Verdict.INSUFFICIENT
    assert reason in comparison.finding
    json.dumps(comparison.to_dict(), allow_nan=False)
    assert comparison.figure().png().startswith(b"\x89PNG")
    assert comparison.slice_figure().png().startswith(b"\x89PNG")
    assert comparison._repr_markdown_()


def test_what_does_not_fit_is_refused():
    """Slices of other rows, an unknown metric and blocks of another length raise with what was expected."""
    y, old, new, day = binary()
    with pytest.raises(DataError, match="slices do not fit"):
        compare(y, old, new, task="binary", blocks=day, slices=pd.DataFrame({"a": [1]}))
    with pytest.raises(WrongUse, match="mae"):
        compare(y, old, new, task="binary", blocks=day, evaluation=Evaluation(primary="mae"))
    with pytest.raises(WrongUse, match="gini"):
        compare(y, old, new, task="binary", blocks=day, evaluation=Evaluation(guardrails={"gini": 0.1}))
    with pytest.raises(DataError, match="blocks do not fit"):
        compare(y, old, new, task="binary", blocks=day[:-1])
    with pytest.raises(DataError):
        compare(y, old[:-1], new, task="binary", blocks=day)


def test_several_classes_are_compared_as_two_are():
    """The default for several classes is the AUC of one against the rest, with the log loss as guardrail."""
    random = np.random.default_rng(3)
    y, day = random.integers(0, 4, 1800), np.repeat(np.arange(30), 60)
    old, new = (random.dirichlet(np.ones(4), 1800) * (1 - w) + np.eye(4)[y] * w for w in (0.2, 0.5))
    comparison = compare(y, old, new, task="multiclass", blocks=day, evaluation=QUICK)
    assert comparison.verdict is Verdict.PASS
    assert comparison.primary.name == "ovr_roc_auc"
    assert comparison.guardrail_measures[0].name == "log_loss_worse_high"


def test_a_first_champion_has_to_beat_the_naive_forecast():
    """Out-of-fold predictions against the training rate: a model with skill passes, its own baseline does not."""
    y, _, model, day = binary()
    naive, folds = np.full(len(y), y.mean()), np.repeat([1, 2, 3], len(y) // 3)
    passed = against_naive(y, model, naive, task="binary", blocks=day, folds=folds, evaluation=QUICK)
    assert passed.verdict is Verdict.PASS
    assert passed.slices.slice.unique().tolist() == ["fold"]
    assert "naive baseline" in passed.finding
    assert against_naive(y, naive, naive, task="binary", blocks=day, folds=folds).verdict is Verdict.FAIL


def test_rows_are_ranked_among_those_that_the_same_model_has_predicted():
    """Months of unlike rates, each forecast by a model of its own: a constant has no skill at all, and a model that
    ranks every month rightly has all there is, though its level is wrong from month to month."""
    folds = np.repeat([1, 2, 3], 400)
    y = np.tile(np.arange(400), 3) % 100 < np.repeat([10, 30, 50], 400)
    day = np.arange(1200) // 20
    naive, right = folds / 10.0, (y + 2.0 * (4 - folds)) / 10
    found = against_naive(y.astype(float), right, naive, task="binary", blocks=day, folds=folds, evaluation=QUICK)
    assert (found.scores["champion"]["roc_auc"].value, found.scores["challenger"]["roc_auc"].value) == (0.5, 1.0)
    assert found.gains["roc_auc"].interval.value == 0.5
    pooled = compare(y.astype(float), naive, right, task="binary", blocks=day, evaluation=QUICK)
    assert pooled.scores["champion"]["roc_auc"].value > 0.6


def test_the_same_inputs_give_the_same_record():
    """Two comparisons of the same arrays are equal as JSON, so a replay can be compared."""
    y, old, new, day = binary()
    one, other = (compare(y, old, new, task="binary", blocks=day, evaluation=QUICK).to_dict() for _ in range(2))
    assert json.dumps(one, allow_nan=False) == json.dumps(other, allow_nan=False)


def test_names_of_measures_are_names_of_results():
    """Every measure can be recorded as a result: its name fits and no name occurs twice."""
    from sopkit.definitions.results import Result

    y, old, new, day = binary()
    comparison = compare(
        y,
        old,
        new,
        task="binary",
        blocks=day,
        evaluation=QUICK,
        recipe_on_new_data=new,
        slices=pd.DataFrame({"d": day % 3}),
    )
    names = [Result(**measure.to_dict()).name for measure in comparison.measures]
    assert len(names) == len(set(names))
