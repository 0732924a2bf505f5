"""Costs are counted answer by answer, and a declared limit is part of the rule."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sopkit.definitions.model import Costs, Evaluation
from sopkit.definitions.results import Verdict
from sopkit.errors import WrongUse
from sopkit.evidence.bootstrap import interval_of, plan
from sopkit.evidence.comparing import compare
from sopkit.evidence.costs import calibrated_threshold, costs_of
from sopkit.evidence.decision import decide

DAYS, SIZE = 40, 25
N = DAYS * SIZE
RANDOM = np.random.default_rng(7)
DAY = np.repeat(np.arange(DAYS), SIZE)
SIGNAL = RANDOM.normal(size=N)
Y = (RANDOM.random(N) < 1 / (1 + np.exp(-2 * SIGNAL + 1))).astype(float)
OLD, NEW = (1 / (1 + np.exp(-weight * SIGNAL - RANDOM.normal(size=N) * 0.5 + 1)) for weight in (0.7, 2.0))
PRICES = {"false_positive": 3.0, "false_negative": 10.0, "true_positive": -1.0, "true_negative": 0.5, "unit": "h"}


def evaluation(threshold=0.5, **costs):
    return Evaluation(resamples=300, threshold=threshold, costs=Costs.model_validate(costs or PRICES))


def priced(rule, y=Y, old=OLD, new=NEW, task="binary", blocks=DAY, **options):
    return costs_of(y, old, new, task=task, blocks=blocks, evaluation=rule, **options)


def counted(y, flags):
    """Row by row, as a person would."""
    names = {(0, 1): "false_positive", (1, 0): "false_negative", (1, 1): "true_positive", (0, 0): "true_negative"}
    return np.array([PRICES[names[int(truth), int(flag)]] for truth, flag in zip(y, flags, strict=True)])


def test_each_answer_has_its_price():
    """Champion, challenger, nobody and everybody flagged cost what counting by hand gives, a row and in total."""
    found = priced(evaluation(0.3))
    expected = {
        "champion": counted(Y, OLD >= 0.3).sum(),
        "challenger": counted(Y, NEW >= 0.3).sum(),
        "flagging nobody": counted(Y, np.zeros(N)).sum(),
        "flagging everybody": counted(Y, np.ones(N)).sum(),
    }
    table = found.table.set_index("policy")
    assert table.total.to_dict() == pytest.approx(expected)
    assert table.cost_per_row.to_dict() == pytest.approx({name: cost / N for name, cost in expected.items()})


def test_the_saving_is_paired_and_by_blocks():
    """The interval equals that of resampling days by hand; rows alone would make it narrower or wider."""
    found = priced(evaluation())
    drawn = plan(DAY, N, resamples=300, seed=Evaluation().seed)
    each = counted(Y, OLD >= 0.5) - counted(Y, NEW >= 0.5)
    draws = np.array([np.average(each, weights=counts[drawn.groups]) for counts in drawn.counts])
    oracle = interval_of(each.mean(), draws, drawn)
    assert [found.saving.value, found.saving.low, found.saving.high] == pytest.approx(
        [oracle.value, oracle.low, oracle.high]
    )


def test_the_curve_is_the_cost_at_every_threshold_and_the_cheapest_is_marked_as_flattering():
    """Each point is the cost when rows from that score on are flagged; the threshold in force is one of them."""
    found = priced(evaluation(0.37))
    for place in (0, len(found.curve) // 2, len(found.curve) - 1):
        row = found.curve.iloc[place]
        assert row.challenger == pytest.approx(counted(Y, NEW >= row.threshold).mean())
        assert row.champion == pytest.approx(counted(Y, OLD >= row.threshold).mean())
    assert 0.37 in set(found.curve.threshold)
    assert "it flatters" in found.hint
    assert f"from {calibrated_threshold(Costs.model_validate(PRICES)):.2g}" in found.hint


def test_the_threshold_of_calibrated_probabilities_is_elkans():
    """At it flagging and not flagging cost the same on average; without two prices that pull apart there is none."""
    costs = Costs.model_validate(PRICES)
    p = calibrated_threshold(costs)
    flagged = p * costs.true_positive + (1 - p) * costs.false_positive
    left = p * costs.false_negative + (1 - p) * costs.true_negative
    assert flagged == pytest.approx(left)
    assert calibrated_threshold(Costs(false_negative=1.0)) is None


def test_a_regression_pays_for_too_much_and_too_little():
    """Each unit over and under has its own price."""
    y = RANDOM.normal(10, 2, N)
    old, new = y + RANDOM.normal(0, 2, N), y + RANDOM.normal(0, 1, N)
    found = priced(evaluation(over=1.0, under=4.0, unit="€"), y, old, new, task="regression")
    expected = np.where(new > y, new - y, 4 * (y - new)).mean()
    assert found.table.set_index("policy").cost_per_row["challenger"] == pytest.approx(expected)
    assert found.saving.low > 0
    assert found.simplest == ""
    assert found.figure().png().startswith(b"\x89PNG")


def test_a_wrong_class_has_one_price_or_one_by_class():
    """A wrong answer costs what its true class says; classes that are not named cost nothing."""
    y = RANDOM.integers(0, 3, N).astype(float)
    old, new = (np.eye(3)[RANDOM.integers(0, 3, N)] * 0.8 + 0.2 / 3 for _ in range(2))
    wrong = new.argmax(axis=1) != y
    one = priced(evaluation(wrong_answer=2.0), y, old, new, "multiclass")
    assert one.table.total[1] == pytest.approx(2 * wrong.sum())
    by_class = priced(evaluation(wrong_answer={"c": 5.0}), y, old, new, "multiclass", labels=["a", "b", "c"])
    assert by_class.table.total[1] == pytest.approx(5 * (wrong & (y == 2)).sum())
    assert by_class.figure().png().startswith(b"\x89PNG")
    strange = priced(evaluation(wrong_answer={"d": 5.0}), y, old, new, "multiclass", labels=["a", "b", "c"])
    assert "'d', a class that neither" in strange.reason


def test_a_limit_on_costs_changes_the_decision():
    """A better AUC that costs more than allowed keeps the champion; the rule names the limit; without it: promoted."""
    shy = NEW * 0.4 + 0.01 * Y
    rule = evaluation(**PRICES, title="Downtime", worse_by_at_most=0.05).model_copy(update={"guardrails": {}})
    comparison = compare(Y, OLD, shy, task="binary", blocks=DAY, evaluation=rule, costs=priced(rule, new=shy))
    assert "Downtime not worse by more than 0.05 h a row" in comparison.rule
    decision = decide(comparison)
    assert decision.outcome == "champion_kept"
    assert [reason.topic for reason in decision.reasons if reason.against] == ["Downtime, worse by at most"]
    free = evaluation(**PRICES).model_copy(update={"guardrails": {}})
    plain = compare(Y, OLD, shy, task="binary", blocks=DAY, evaluation=free, costs=priced(free, new=shy))
    assert decide(plain).outcome == "promoted"
    with pytest.raises(WrongUse, match="costs, which were not measured"):
        compare(Y, OLD, shy, task="binary", blocks=DAY, evaluation=rule)


def test_a_model_that_is_dearer_than_no_model_is_put_before_the_signer():
    """Flagging everybody is cheaper where a miss is dear: a soft finding, in words, and no decision."""
    rule = evaluation(false_positive=1.0, false_negative=500.0, unit="h")
    found = priced(rule)
    note = found.informing[-1]
    assert found.simplest == "flagging everybody"
    assert note.verdict is Verdict.FAIL
    assert "flagging everybody would have cost less" in found.finding
    comparison = compare(Y, OLD, NEW, task="binary", blocks=DAY, evaluation=rule, costs=found)
    decision = decide(comparison, also=found.informing)
    assert decision.outcome == "promoted"
    assert note.title in [reason.topic for reason in decision.notes]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rule": Evaluation()}, "declares no costs"),
        ({"rule": evaluation(over=1.0)}, "say nothing about a binary target"),
        ({"new": np.where(DAY == 0, np.nan, NEW)}, "25 of 1000 predictions are missing"),
        ({"y": Y[:50], "old": OLD[:50], "new": NEW[:50], "blocks": DAY[:50]}, "only 50 rows"),
        ({"blocks": DAY // 4}, "only 10 blocks"),
    ],
    ids=["none", "another task", "missing", "few rows", "few blocks"],
)
def test_costs_that_cannot_be_told_say_why_and_pass_nothing(changes, said):
    """No costs, the costs of another task or too little evidence: a reason, no saving, and a limit is not kept."""
    rule = changes.pop("rule", evaluation(**PRICES, worse_by_at_most=1.0))
    limited = rule.costs and rule.model_copy(update={"costs": rule.costs.model_copy(update={"worse_by_at_most": 1.0})})
    found = priced(limited or rule, **changes)
    told = [found.finding, *(measure.reason for measure in found.measures)]
    assert any(said in text for text in told)
    assert {measure.verdict for measure in found.measures} <= {None, Verdict.INSUFFICIENT}
    assert found.guardrail is None or found.guardrail.verdict is Verdict.INSUFFICIENT
    json.dumps(found.to_dict(), allow_nan=False)
    found.figure()


def test_costs_are_kept_as_plain_json_with_the_same_figure_each_time():
    """The record says what was declared, and what each policy costs."""
    one, other = priced(evaluation(**PRICES, worse_by_at_most=1.0)), priced(evaluation(**PRICES, worse_by_at_most=1.0))
    assert json.dumps(one.to_dict(), allow_nan=False) == json.dumps(other.to_dict(), allow_nan=False)
    assert one.to_dict()["costs"]["false_negative"] == 10.0
    assert one.figure().png() == other.figure().png()
