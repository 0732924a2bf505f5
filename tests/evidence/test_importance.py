"""Permutation importance finds what a model rests on."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.errors import WrongUse
from sopkit.evidence.importance import importance_of
from sopkit.evidence.robustness import sampled

RANDOM = np.random.default_rng(5)
N = 3000
FEATURES = pd.DataFrame(RANDOM.normal(size=(N, 3)), columns=["strong", "weak", "idle"])
FEATURES["twin"] = FEATURES.strong
Y = (RANDOM.random(N) < 1 / (1 + np.exp(-2 * FEATURES.strong - 0.5 * FEATURES.weak))).astype(float)


def model(table):
    return 1 / (1 + np.exp(-2 * table.strong - 0.5 * table.weak))


def torn(table):
    return 1 / (1 + np.exp(-1 * table.strong - 1 * table.twin - 0.5 * table.weak))


def test_importance_agrees_with_scikit_learn():
    """Importances are close to scikit-learn's permutation importance of the same model."""
    columns = ["strong", "weak", "idle"]
    fitted = LogisticRegression().fit(FEATURES[columns], Y)
    oracle = permutation_importance(fitted, FEATURES[columns], Y, scoring="roc_auc", n_repeats=20, random_state=0)
    found = importance_of(
        lambda table: fitted.predict_proba(table)[:, 1], FEATURES[columns], Y, task="binary", repeats=20
    )
    ours = found.table.set_index("feature").importance[columns]
    assert ours.to_numpy() == pytest.approx(oracle.importances_mean, abs=0.01)


@pytest.mark.parametrize(("learned", "which"), [(False, "later rows"), (True, "rows that the model was trained on")])
def test_it_is_said_which_rows_were_shuffled(learned, which):
    """Of a first champion, the rows are those that it was trained on, and the figure says so."""
    found = importance_of(model, FEATURES, Y, task="binary", rows=500, learned=learned)
    assert found.figure().figure.texts[1].get_text().startswith(f"500 {which}, 5 shuffles")


def test_features_come_in_order_and_an_unused_one_has_none():
    """The strongest comes first; what the model never reads costs nothing."""
    found = importance_of(model, FEATURES, Y, task="binary")
    assert found.table.feature.tolist()[:2] == ["strong", "weak"]
    assert found.table.set_index("feature").loc["idle", "importance"] == 0
    assert "rests most on strong" in found.finding
    assert {measure.verdict for measure in found.measures} == {None}


def test_features_that_say_the_same_are_shuffled_together():
    """Two halves of one signal look weaker alone than as the group that they are."""
    alone = importance_of(torn, FEATURES, Y, task="binary").table.set_index("feature").importance
    group = importance_of(torn, FEATURES, Y, task="binary", groups={"signal": ["strong", "twin"]})
    together = group.table.set_index("feature").importance
    assert together["signal"] > alone["strong"] + alone["twin"]
    assert set(together.index) == {"signal", "weak", "idle"}


def test_a_change_against_the_champion_is_shown():
    """What the champion rested on and the challenger does not stands in the table, figure and words."""
    found = importance_of(model, FEATURES, Y, task="binary", champion=lambda t: 1 / (1 + np.exp(-t.weak)))
    table = found.table.set_index("feature")
    assert table.loc["strong", "change"] == pytest.approx(table.loc["strong", "importance"])
    assert "against the champion strong (" in found.finding
    assert "gained" in found.finding
    assert found.figure().png().startswith(b"\x89PNG")


def test_the_same_seed_gives_the_same_importance():
    """Shuffles come from the model file's seed."""
    one, other = (importance_of(model, FEATURES, Y, task="binary").to_dict() for _ in range(2))
    assert json.dumps(one, allow_nan=False) == json.dumps(other, allow_nan=False)


def test_dtypes_survive_the_shuffle():
    """Categories, truth values, texts with missing ones and whole numbers reach the model in their own dtype."""
    table = pd.DataFrame(
        {
            "c": pd.Categorical(RANDOM.choice(["a", "b"], N)),
            "b": RANDOM.random(N) < 0.5,
            "t": pd.Series(RANDOM.choice(["x", None], N), dtype="str"),
            "i": RANDOM.integers(0, 5, N),
            "n": pd.array(RANDOM.integers(0, 5, N), dtype="Int64"),
        }
    )
    dtypes = []

    def watching(rows):
        dtypes.append(rows.dtypes.tolist())
        return np.linspace(0, 1, len(rows))

    importance_of(watching, table, Y, task="binary")
    assert all(seen == table.dtypes.tolist() for seen in dtypes)


@pytest.mark.parametrize(
    ("answer", "y", "reason"),
    [
        (lambda table: 1 / 0, Y, "ZeroDivisionError"),
        (lambda table: np.full(len(table), np.nan), Y, "missing or infinite"),
        (model, np.ones(N), "one class"),
    ],
)
def test_a_model_without_answers_is_insufficient(answer, y, reason):
    """No predictions or one class: insufficient with the reason, and every view still works."""
    found = importance_of(answer, FEATURES, y, task="binary")
    assert [measure.verdict for measure in found.measures] == [Verdict.INSUFFICIENT]
    assert reason in found.finding
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.figure().png().startswith(b"\x89PNG")


def test_unknown_columns_and_a_single_shuffle_are_refused():
    """A group of an unknown column and an interval of one repeat raise with what is expected."""
    with pytest.raises(WrongUse, match="nowhere"):
        importance_of(model, FEATURES, Y, task="binary", groups={"g": ["nowhere"]})
    with pytest.raises(WrongUse, match="two"):
        importance_of(model, FEATURES, Y, task="binary", repeats=1)


def test_many_features_are_asked_on_fewer_rows_which_are_told():
    """The number of rows asked is bounded whatever the number of features, and stands with the result."""
    asked = []

    def watching(rows):
        asked.append(len(rows))
        return rows["f0"].to_numpy()

    wide = pd.DataFrame({f"f{k}": RANDOM.random(N) for k in range(80)})
    found = importance_of(watching, wide, Y, task="binary", repeats=5)
    assert found.rows == 1000  # the fewest; the budget alone would give 750
    assert sum(asked[1:]) == 80 * 5 * found.rows
    assert found.to_dict()["rows"] == found.rows


def test_the_change_is_the_paired_difference_under_the_same_shuffles():
    """Its interval is Student's, of the differences shuffle by shuffle; two equal models differ in nothing."""
    same = importance_of(model, FEATURES, Y, task="binary", champion=model)
    assert same.table[["change", "change_low", "change_high"]].abs().to_numpy().max() == 0
    assert "no feature gained or lost" in same.finding
    repeats, other = 4, lambda table: 1 / (1 + np.exp(-table.strong - 2 * table.weak))
    found = importance_of(model, FEATURES, Y, task="binary", champion=other, repeats=repeats, rows=1000)
    sample, truth = sampled(FEATURES, Y, 1000, random := np.random.default_rng(Evaluation().seed))
    orders = [random.permutation(len(truth)) for _ in range(repeats)]
    lost = [
        [
            roc_auc_score(truth, ask(sample)) - roc_auc_score(truth, ask(sample.assign(weak=sample.weak.array[order])))
            for order in orders
        ]
        for ask in (model, other)
    ]
    change = np.subtract(*lost)
    row = found.table.set_index("feature").loc["weak"]
    low, high = stats.t.interval(0.95, repeats - 1, change.mean(), stats.sem(change))
    assert [row.change, row.change_low, row.change_high] == pytest.approx([change.mean(), low, high])
