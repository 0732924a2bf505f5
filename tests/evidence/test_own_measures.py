"""Functions of the workspace's own are held to the rules of every other measure."""

from __future__ import annotations

import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics as sk

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.errors import DataError, WrongUse
from sopkit.evidence import rules
from sopkit.evidence.bootstrap import paired_difference
from sopkit.evidence.comparing import compare
from sopkit.evidence.decision import decide
from sopkit.evidence.metrics import find
from sopkit.evidence.own_measures import own_measures_of

DAYS, SIZE = 30, 20
N = DAYS * SIZE
RANDOM = np.random.default_rng(3)
DAY = np.repeat(np.arange(DAYS), SIZE)
SIGNAL = RANDOM.normal(size=N)
Y = (RANDOM.random(N) < 1 / (1 + np.exp(-2 * SIGNAL))).astype(float)
OLD, NEW = (1 / (1 + np.exp(-weight * SIGNAL - RANDOM.normal(size=N))) for weight in (0.5, 2.0))
ROWS = pd.DataFrame({"minutes": RANDOM.gamma(2, 10, N), "place": RANDOM.choice(["a", "b"], N)})


def auc(y_true, y_pred, rows):
    return sk.roc_auc_score(y_true, y_pred)


def missed(y_true, y_pred, rows):
    return float(rows.minutes.where((y_pred < 0.5) & (y_true == 1), 0).mean())


def evaluation(primary=None, margin=0.003, **measures):
    entries = {name: {"function": "own:f", "better": "higher"} | more for name, more in measures.items()}
    return Evaluation.model_validate({"resamples": 200, "primary": primary, "margin": margin, "measures": entries})


def measured(functions, rule, old=OLD, new=NEW, rows=ROWS, **options):
    arguments = {"task": "binary", "blocks": DAY, "evaluation": rule} | options
    return own_measures_of(functions, Y, old, new, rows, **arguments)


def test_the_gain_and_its_interval_are_those_of_the_same_metric():
    """An own AUC has scikit-learn's values, and the interval that the AUC of the rules has on the same resamples."""
    (gain,) = measured({"auc": auc}, evaluation(auc={})).gains
    oracle = paired_difference(
        find("binary", "roc_auc"), Y, OLD, NEW, DAY, resamples=200, seed=Evaluation().seed, confidence=0.95
    )
    assert [gain.champion, gain.challenger] == pytest.approx([sk.roc_auc_score(Y, OLD), sk.roc_auc_score(Y, NEW)])
    assert [gain.interval.value, gain.interval.low, gain.interval.high] == pytest.approx(
        [oracle.value, oracle.low, oracle.high]
    )
    assert gain.measure.verdict is None


def test_the_direction_decides_what_a_gain_is():
    """Where lower is better, fewer missed minutes are a gain; declared the other way round, the same are a loss."""
    lower, higher = (measured({"m": missed}, evaluation(m={"better": way})).gains[0] for way in ("lower", "higher"))
    assert lower.interval.value == pytest.approx(lower.champion - lower.challenger)
    assert lower.interval.value == pytest.approx(-higher.interval.value)


def test_resamples_are_whole_blocks_with_their_rows():
    """A function sees rows, targets and predictions of the drawn days together, each day as often as it was drawn."""
    rows = ROWS.assign(day=DAY, target=Y, said=OLD)
    seen = []

    def look(y_true, y_pred, table):
        assert (table.target == y_true).all()
        seen.append(table.day.value_counts().to_numpy())
        return float(np.mean(y_pred == table.said))

    found = measured({"look": look}, evaluation(look={}), rows=rows)
    assert [found.gains[0].champion, found.gains[0].challenger] == [1.0, 0.0]
    assert len(seen) == 4 + 2 * found.resamples
    assert all((counts % SIZE == 0).all() for counts in seen)


def test_work_is_capped_and_stated():
    """A function is called on fewer resamples where rows are many, but never on fewer than the fewest."""
    rule = Evaluation.model_validate({"measures": {"m": {"function": "own:m", "better": "lower"}}})
    counted = [
        measured({"m": missed}, rule, work=rules.OwnWork(resamples=most, fewest=50, rows=rows)).resamples
        for most, rows in ((120, 10**9), (120, 60 * N), (120, N))
    ]
    assert counted == [120, 60, 50]


def raises(y_true, y_pred, rows):
    return rows["nothing of that name"].mean()


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (raises, "test_own_measures.py, line .* raised KeyError: 'nothing of that name'"),
        (lambda y, p, rows: np.nan, "gave nan"),
        (lambda y, p, rows: np.inf, "gave inf"),
        (lambda y, p, rows: None, "gave NoneType instead of one number"),
        (lambda y, p, rows: y * p, r"gave ndarray of shape \(600,\) instead of one number"),
        (lambda y, p, rows: "0.5", "gave str instead"),
        (lambda y, p, rows: True, "gave bool instead"),
        (lambda y, p, rows: sys.exit("no"), "raised SystemExit: no"),
        (lambda y: 1.0, "raised TypeError"),
        (np.random.default_rng(0).normal, "raised TypeError"),
        (lambda y, p, rows: float(RANDOM.normal()), "another value"),
    ],
    ids=[
        "raises",
        "NaN",
        "infinite",
        "None",
        "array",
        "text",
        "truth value",
        "exits",
        "arguments",
        "built in",
        "chance",
    ],
)
def test_a_function_that_cannot_be_used_fails_with_the_reason(function, said):
    """It is `fail` and no exception, whatever it does, as a guardrail and where it only informs."""
    for limit in (None, 1.0):
        found = measured({"f": function}, evaluation(f={"worse_by_at_most": limit}))
        (measure,) = found.measures
        assert measure.verdict is Verdict.FAIL
        assert measure.value is None
        assert re.search(said, measure.reason)


@pytest.mark.parametrize("limit", [None, 1.0])
def test_a_function_that_fails_lets_no_challenger_pass_where_it_is_a_guardrail(limit):
    """As a guardrail it keeps the champion; where it only informs the decision stands, and the signer is told."""
    found = measured({"f": raises}, evaluation(f={"worse_by_at_most": limit}))
    assert found.figure().png().startswith(b"\x89PNG")
    comparison = compare(
        Y, OLD, NEW, task="binary", blocks=DAY, evaluation=evaluation(f={"worse_by_at_most": limit}), own=found
    )
    expected = "promoted" if limit is None else "champion_kept"
    assert decide(comparison, also=found.informing).outcome == expected


def test_a_function_cannot_change_what_the_next_one_sees():
    """Each call gets copies: a function that writes into targets, predictions and rows spoils nothing."""

    def spoils(y_true, y_pred, rows):
        y_true[:], y_pred[:], rows["minutes"] = 0, 0, 0.0
        return 1.0

    alone = measured({"m": missed}, evaluation(m={}))
    beside = measured({"s": spoils, "m": missed}, evaluation(s={}, m={}))
    assert beside.gains[1].interval == alone.gains[0].interval
    assert beside.gains[0].fault == ""


def test_a_guardrail_of_ones_own_keeps_a_champion_that_the_rule_would_replace():
    """A challenger with a better AUC that misses more minutes than allowed is refused, and the rule says so."""
    rule = evaluation(m={"better": "lower", "worse_by_at_most": 0.1, "unit": "min", "title": "Missed minutes"})
    shy = NEW * 0.45 + 0.01 * Y  # ranks as well, flags nobody
    plain = compare(Y, OLD, shy, task="binary", blocks=DAY, evaluation=Evaluation(resamples=200, guardrails={}))
    assert decide(plain).outcome == "promoted"
    rule = rule.model_copy(update={"guardrails": {}})
    own = measured({"m": missed}, rule, new=shy)
    comparison = compare(Y, OLD, shy, task="binary", blocks=DAY, evaluation=rule, own=own)
    assert "Missed minutes (own measure) not worse by more than 0.1 min" in comparison.rule
    decision = decide(comparison)
    assert decision.outcome == "champion_kept"
    assert [reason.topic for reason in decision.reasons if reason.against] == ["Missed minutes, worse by at most"]
    generous = rule.model_copy(
        update={"measures": {"m": rule.measures["m"].model_copy(update={"worse_by_at_most": 1e3})}}
    )
    own = measured({"m": missed}, generous, new=shy)
    kept = compare(Y, OLD, shy, task="binary", blocks=DAY, evaluation=generous, own=own)
    assert decide(kept).outcome == "promoted"


def test_an_own_measure_can_be_the_primary_one():
    """The margin is held against its interval in its own unit; without a gain in it a better AUC does not help."""
    rule = evaluation("flat", 0.5, flat={"title": "Flat number"})
    own = measured({"flat": lambda y, p, rows: 1.0}, rule)
    comparison = compare(Y, OLD, NEW, task="binary", blocks=DAY, evaluation=rule, own=own)
    assert comparison.primary_measure.name == "flat_gain_low"
    assert comparison.primary_measure.verdict is Verdict.FAIL
    assert "gain in Flat number (own measure) above 0.5" in comparison.rule
    assert "Flat number 1 against 1" in comparison.finding
    assert decide(comparison).outcome == "champion_kept"
    counted = evaluation("hits", 0.01, hits={})
    own = measured({"hits": lambda y, p, rows: float(np.mean((p > 0.5) == y))}, counted)
    better = compare(Y, OLD, NEW, task="binary", blocks=DAY, evaluation=counted, own=own)
    assert better.primary_measure.value == pytest.approx(own.gains[0].interval.low)
    assert better.verdict is Verdict.PASS
    assert better.figure().png().startswith(b"\x89PNG")


def test_a_limit_is_never_left_out_in_silence():
    """A comparison whose model file has a limit in an own measure refuses to be made without that measure."""
    with pytest.raises(WrongUse, match="m, which were not measured"):
        compare(Y, OLD, NEW, task="binary", blocks=DAY, evaluation=evaluation(m={"worse_by_at_most": 1.0}))
    with pytest.raises(WrongUse, match="auc, which were not measured"):
        compare(Y, OLD, NEW, task="binary", blocks=DAY, evaluation=evaluation("auc", auc={}))


def test_too_little_evidence_is_insufficient_and_functions_are_not_asked():
    """Few rows, few blocks or missing predictions: `insufficient`, with the reason."""
    rule = evaluation(m={"worse_by_at_most": 1.0})
    few = own_measures_of(
        {"m": raises}, Y[:50], OLD[:50], NEW[:50], ROWS[:50], task="binary", blocks=None, evaluation=rule
    )
    blocks = measured({"m": missed}, rule, blocks=DAY // 3)
    holes = measured({"m": raises}, rule, new=np.where(DAY == 0, np.nan, NEW))
    for found, said in (
        (few, "only 50 rows"),
        (blocks, "only 10 blocks"),
        (holes, "20 of 600 predictions are missing"),
    ):
        (measure,) = found.measures
        assert measure.verdict is Verdict.INSUFFICIENT
        assert said in measure.reason
        assert found.figure().png().startswith(b"\x89PNG")


def test_classes_come_as_names_and_a_table_of_probabilities():
    """A multiclass function gets labels and a column a class, as scikit-learn's metrics want them."""
    codes = RANDOM.integers(0, 3, N).astype(float)
    said = np.eye(3)[np.where(RANDOM.random(N) < 0.7, codes, 0).astype(int)] * 0.8 + 0.2 / 3
    rule = evaluation(hits={})
    found = own_measures_of(
        {"hits": lambda y, p, rows: float(np.mean(p.idxmax(axis=1) == y))},
        codes,
        np.full((N, 3), 1 / 3),
        said,
        ROWS,
        task="multiclass",
        blocks=DAY,
        evaluation=rule,
        labels=["x", "y", "z"],
    )
    expected = sk.accuracy_score(codes, said.argmax(axis=1))
    assert found.gains[0].challenger == pytest.approx(expected)


def test_names_and_rows_have_to_fit():
    """A measure called like a metric, one without a function, and rows of another table are refused."""
    with pytest.raises(WrongUse, match="called like a metric"):
        measured({"brier": missed}, evaluation(brier={}))
    with pytest.raises(WrongUse, match="has no function"):
        measured({}, evaluation(m={}))
    with pytest.raises(DataError, match="rows that fit"):
        own_measures_of({"m": missed}, Y, OLD, NEW, ROWS[:9], task="binary", blocks=DAY, evaluation=evaluation(m={}))


def test_what_is_kept_is_plain_and_names_the_function():
    """The record is JSON without NaN, the same each time, and says which function of which pinned file it was."""
    rule = evaluation(m={"unit": "min", "worse_by_at_most": 5.0}, f={})
    one, other = (measured({"m": missed, "f": raises}, rule).to_dict() for _ in range(2))
    assert json.dumps(one, allow_nan=False) == json.dumps(other, allow_nan=False)
    assert one["measures"][0]["detail"]["function"] == "own:f"
    assert one["measures"][0]["detail"]["module"] == missed.__module__
    assert measured({}, Evaluation()).to_dict()["finding"] == "The model file names no measures of its own"
