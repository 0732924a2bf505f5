"""A model has to answer, whatever happens to its inputs."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.errors import DataError
from sopkit.evidence.robustness import robustness_of

RANDOM = np.random.default_rng(5)
N = 2000
FEATURES = pd.DataFrame(
    {
        "signal": RANDOM.normal(size=N),
        "idle": RANDOM.integers(0, 9, N),
        "place": RANDOM.choice(["x", "y"], N),
        "kind": pd.Categorical(RANDOM.choice(["k", "l"], N)),
        "flag": RANDOM.random(N) < 0.5,
    }
)
Y = (RANDOM.random(N) < 1 / (1 + np.exp(-2 * FEATURES.signal))).astype(float)


def steady(table):
    return 1 / (1 + np.exp(-table["signal"].fillna(0.0)))


def test_the_feature_that_carries_the_score_is_the_one_that_is_missed():
    """Without its only signal the model falls to no skill, without the others it loses nothing."""
    found = robustness_of(steady, FEATURES, Y, task="binary")
    table = found.table[found.table.disturbance == "missing"].set_index("feature")
    assert table.loc["signal", "value"] == 0.5
    assert table.loc["signal", "verdict"] == "fail"
    assert (table.drop("signal").loss == 0).all()
    measures = {measure.name: measure.verdict for measure in found.measures}
    assert measures["unanswered_disturbances"] is Verdict.PASS
    assert measures["loss_missing"] is Verdict.FAIL
    assert measures["loss_noise"] is Verdict.PASS


@pytest.mark.parametrize(("learned", "which"), [(False, "later rows"), (True, "rows that the model was trained on")])
def test_it_is_said_which_rows_were_disturbed(learned, which):
    """A first champion is disturbed on its own training rows, and the figure does not call them later ones."""
    found = robustness_of(steady, FEATURES, Y, task="binary", learned=learned)
    assert found.figure().figure.texts[1].get_text().startswith(f"{N:,} {which}; undisturbed")


def test_every_kind_of_column_is_disturbed():
    """Numbers, texts, categories and truth values go missing; categories meet a value that was never seen."""
    seen = []

    def watching(table):
        seen.append(table)
        return steady(table)

    found = robustness_of(watching, FEATURES, Y, task="binary")
    assert len(seen) == len(found.table) + 1
    unseen = found.table[found.table.disturbance == "unseen"].feature.tolist()
    assert unseen == ["place", "kind"]
    assert {len(table) for table in seen} == {N}


def test_the_rows_handed_in_stay_as_they_are():
    """Disturbing copies leaves features and dtypes untouched."""
    before = FEATURES.copy(deep=True)
    robustness_of(steady, FEATURES, Y, task="binary")
    pd.testing.assert_frame_equal(FEATURES, before)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (lambda table: (_ for _ in ()).throw(ValueError("Input contains NaN")), "Input contains NaN"),
        (lambda table: np.full(len(table), np.nan), "missing or infinite"),
        (lambda table: [0.5], "1 predictions for 2000 rows"),
        (lambda table: ["high"] * len(table), "ValueError"),
    ],
)
def test_a_model_that_fails_on_missing_values_is_caught_and_named(answer, reason):
    """An exception, NaN, too few or no numbers under a disturbance is a failure with its reason."""
    found = robustness_of(
        lambda table: answer(table) if table["signal"].isna().any() else steady(table), FEATURES, Y, task="binary"
    )
    assert found.crashed.feature.tolist() == ["signal"]
    measure = found.measures[0]
    assert measure.verdict is Verdict.FAIL
    assert reason in measure.reason
    json.dumps(found.to_dict(), allow_nan=False)
    assert found.figure().png().startswith(b"\x89PNG")


def test_a_model_that_cannot_even_answer_undisturbed_rows_is_insufficient():
    """There is nothing to lose from, and the reason is the model's own."""
    found = robustness_of(lambda table: 1 / 0, FEATURES, Y, task="binary")
    assert [measure.verdict for measure in found.measures] == [Verdict.INSUFFICIENT]
    assert "ZeroDivisionError" in found.finding
    assert found.figure().png().startswith(b"\x89PNG")


def test_a_regressions_loss_is_a_share_of_no_skill():
    """With mean absolute error as primary the loss does not depend on the unit."""
    target = FEATURES.signal * 3
    evaluation = Evaluation(primary="mae")
    one = robustness_of(lambda t: t.signal.fillna(0) * 3, FEATURES, target, task="regression", evaluation=evaluation)
    thousand = robustness_of(
        lambda t: t.signal.fillna(0) * 3000, FEATURES, target * 1000, task="regression", evaluation=evaluation
    )
    assert one.table.loss.to_numpy() == pytest.approx(thousand.table.loss.to_numpy())
    assert one.table.loss.max() == pytest.approx(1, abs=0.05)


def test_numbers_that_name_categories_are_disturbed_as_categories():
    """A numeric column declared categorical meets an unseen code and no noise."""
    found = robustness_of(steady, FEATURES, Y, task="binary", kinds={"idle": "categorical"})
    kinds = found.table[found.table.feature == "idle"].disturbance.tolist()
    assert kinds == ["missing", "unseen"]


def test_texts_lose_words_and_go_missing():
    """A text goes missing and loses a tenth of its words, which a model that counts them feels a little."""
    y = np.arange(N) % 2
    texts = pd.DataFrame({"note": np.where(y == 1, "good " * 5 + "x", "bad " * 5 + "x").astype(object)})
    texts.loc[::50, "note"] = None

    def counting(table):
        return table["note"].fillna("").map(lambda text: text.split().count("good") / 5)

    found = robustness_of(counting, texts, y, task="binary", kinds={"note": "text"})
    assert found.table.disturbance.tolist() == ["missing", "noise"]
    assert found.table.label.tolist() == ["missing: note", "10 % of words lost: note"]
    assert found.table.loss[0] > 0.4 > 0.01 > found.table.loss[1]


def test_rows_that_do_not_fit_and_no_features_are_told():
    """Other rows raise; a table without features is insufficient."""
    with pytest.raises(DataError, match="do not fit"):
        robustness_of(steady, FEATURES, Y[:-1], task="binary")
    empty = robustness_of(lambda t: np.linspace(0, 1, len(t)), FEATURES[[]], Y, task="binary")
    assert [measure.verdict for measure in empty.measures] == [Verdict.INSUFFICIENT]


def test_one_class_is_insufficient():
    """Rows of one class have no AUC to lose."""
    found = robustness_of(steady, FEATURES, np.zeros(N), task="binary")
    assert "one class" in found.finding
