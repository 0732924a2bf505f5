"""Pipelines, fitting and rolling origin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit import modelling
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError, DefinitionError, NotEnoughEvidence
from sopkit.evidence.metrics import score
from sopkit.modelling import origins
from sopkit.modelling.challengers import Recipe

Make = Callable[..., ModelFile]
LINEAR = {"class": "sklearn.linear_model.LogisticRegression", "parameters": {"max_iter": 500}}
FOREST = {"class": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimators": 10}}
LIGHT = {"class": "lightgbm.LGBMClassifier", "parameters": {"n_estimators": 10}}
ALL_KINDS = {
    "temperature": "numeric",
    "running": "numeric",
    "since": "numeric",
    "site": "categorical",
    "shift": "categorical",
    "note": "text",
}


def with_all_kinds(rows: pd.DataFrame) -> pd.DataFrame:
    """Numbers, truth values with gaps, times, texts, codes with gaps."""
    rng = np.random.default_rng(3)
    return rows.assign(
        running=pd.array(rng.choice([True, False, None], len(rows)), dtype="boolean"),
        since=rows["at"] - pd.Timedelta(days=3),
        site=rows["site"].mask(rows.index % 11 == 0),
        shift=rng.choice([1.0, 2.0, np.nan], len(rows)),
        note=rng.choice(["bearing is hot", "all quiet", "belt slips", None], len(rows)),
    )


@pytest.mark.parametrize("estimator", [None, LINEAR, FOREST, LIGHT], ids=["default", "linear", "forest", "lightgbm"])
def test_a_pipeline_copes_with_what_data_are_like(rows: pd.DataFrame, model_with: Make, estimator: Any) -> None:
    """Missing values, unseen categories, truth values, times and texts give probabilities, whatever the estimator."""
    model = model_with(features=ALL_KINDS, estimator=estimator)
    table = with_all_kinds(rows)
    fitted = modelling.fit(modelling.recipe(model), table, model)
    strange = table[:50].assign(site="never seen", shift=99, note="unheard of", temperature=np.nan, running=pd.NA)
    for part in (table, strange, table[:1]):
        predictions = modelling.predict(fitted.pipeline, part, model)
        assert predictions.shape == (len(part),)
        assert np.isfinite(predictions).all()
        assert ((predictions >= 0) & (predictions <= 1)).all()


def test_a_value_means_the_same_however_it_was_stored(rows: pd.DataFrame, model_with: Make) -> None:
    """Whole numbers as float, int or text, and truth values as texts, give the same predictions."""
    model = model_with(features={"temperature": "numeric", "shift": "categorical", "running": "numeric"})
    rng = np.random.default_rng(1)
    table = rows.assign(shift=rng.choice([1, 2, 3], len(rows)), running=rng.choice([True, False], len(rows)))
    fitted = modelling.fit(modelling.recipe(model), table, model)
    expected = modelling.predict(fitted.pipeline, table, model)
    for other in (
        table.assign(shift=table["shift"].astype(float)),
        table.assign(shift=table["shift"].astype(str), running=table["running"].astype(str)),
        table.assign(shift=table["shift"].astype("category"), running=table["running"].astype(int)),
        table.astype(object),
    ):
        np.testing.assert_array_equal(modelling.predict(fitted.pipeline, other, model), expected)


def test_many_categories_fit_into_histogram_boosting(rows: pd.DataFrame, model_with: Make) -> None:
    """It bins into 255; features of few categories are given as such, the codes of 960 serial numbers as numbers."""
    model = model_with(features={"serial": "categorical", "temperature": "numeric", "site": "categorical"})
    table = rows.assign(serial=[f"s{at}" for at in rows.index])
    pipeline = modelling.fit(modelling.recipe(model), table, model).pipeline
    assert pipeline.named_steps["estimator"].is_categorical_.tolist() == [True, False, False]


def test_fitting_twice_predicts_the_same_bytes(rows: pd.DataFrame, model: ModelFile) -> None:
    """Same rows, recipe and seed, in whatever order the rows come."""
    recipe = modelling.recipe(model)
    once = modelling.fit(recipe, rows, model)
    again = modelling.fit(recipe, rows.sample(frac=1, random_state=2), model)
    first, second = (modelling.predict(fitted.pipeline, rows, model).tobytes() for fitted in (once, again))
    assert first == second


def test_a_feature_without_values_is_left_out_with_a_note(rows: pd.DataFrame, model: ModelFile) -> None:
    """The model is fitted on the others; when the feature has values later they are ignored."""
    fitted = modelling.fit(modelling.recipe(model), rows.assign(temperature=np.nan), model)
    assert fitted.notes == ("feature 'temperature' has no value in any training row and is left out",)
    assert len(modelling.predict(fitted.pipeline, rows, model)) == len(rows)


@pytest.mark.parametrize(
    ("spoil", "error", "text"),
    [
        (lambda rows: rows[:10], NotEnoughEvidence, "too few labelled rows(?s:.*)got:      10 rows"),
        (lambda rows: rows.assign(alarm=0), NotEnoughEvidence, "one class only(?s:.*)960 rows, all of class 0"),
        (lambda rows: rows.assign(alarm=np.nan), NotEnoughEvidence, "too few labelled rows"),
        (lambda rows: rows.assign(temperature=np.nan, site=None), DataError, "no feature has a single value"),
        (lambda rows: rows.drop(columns="site"), DataError, "lack the feature 'site'"),
    ],
    ids=["ten rows", "one class", "no label", "nothing but missing", "no column"],
)
def test_what_cannot_be_learnt_from_is_told(
    rows: pd.DataFrame,
    model: ModelFile,
    spoil: Callable[[pd.DataFrame], pd.DataFrame],
    error: type[Exception],
    text: str,
) -> None:
    """The error has the count or the name, not a library's words."""
    with pytest.raises(error, match=text):
        modelling.fit(modelling.recipe(model), spoil(rows), model)


@pytest.mark.parametrize(
    ("estimator", "text"),
    [
        ({"class": "os.system"}, "is not allowed"),
        ({"class": "sklearnx.Estimator"}, "is not allowed"),
        ({"class": "sklearn.nowhere.Estimator"}, "cannot be imported"),
        ({"class": "sklearn.ensemble.Nothing"}, "has no estimator 'Nothing'"),
        ({"class": "sklearn.datasets.load_iris"}, "is not an estimator"),
        ({"class": "sklearn.utils._joblib.joblib"}, "(has no estimator|cannot be imported|is not an estimator)"),
        ({"class": "sklearn.linear_model.Ridge"}, "does not fit a binary target"),
        ({"class": "sklearn.linear_model.Perceptron"}, "does not fit a binary target(?s:.*)predict_proba"),
        ({**LINEAR, "parameters": {"depth": 3}}, r"no parameter 'depth'(?s:.*)C, class_weight"),
        ({"class": "sensors:Own"}, "has none beside it"),
    ],
)
def test_an_estimator_that_may_not_be_used_is_refused(
    rows: pd.DataFrame, model_with: Make, estimator: dict[str, Any], text: str
) -> None:
    """Only classifiers with probabilities (or regressors) of three libraries or the pinned module, known parameters."""
    model = model_with(estimator=estimator)
    with pytest.raises(DefinitionError, match=text):
        modelling.fit(modelling.recipe(model), rows, model)


OWN = """
from sklearn.linear_model import LogisticRegression

class Careful(LogisticRegression):
    pass
"""


def test_an_estimator_of_the_pinned_module_is_used(tmp_path: Path, rows: pd.DataFrame, model_with: Make) -> None:
    """`module:Name` is taken from the Python file beside the model file."""
    (tmp_path / "own.py").write_text(OWN)
    model = model_with(estimator={"class": "own:Careful"})
    fitted = modelling.fit(modelling.recipe(model), rows, model, module=tmp_path / "own.py")
    assert type(fitted.pipeline.named_steps["estimator"]).__name__ == "Careful"


def test_warnings_become_notes(rows: pd.DataFrame, model_with: Make) -> None:
    """An estimator that did not converge is fitted, and says so."""
    model = model_with(estimator={"class": "sklearn.linear_model.LogisticRegression", "parameters": {"max_iter": 1}})
    fitted = modelling.fit(modelling.recipe(model), rows, model)
    assert any(note.startswith("ConvergenceWarning: ") for note in fitted.notes)


def test_resources_are_measured_while_it_runs(rows: pd.DataFrame, model: ModelFile) -> None:
    """Wall and processor seconds, memory and threads, and the samples that `progress` saw."""
    seen: list[dict[str, float]] = []
    resources = modelling.fit(modelling.recipe(model), rows, model, progress=seen.append).resources
    assert resources["wall_seconds"] >= 0
    assert resources["peak_memory_mb"] > 10
    assert resources["samples"] == seen
    assert set(seen[0]) == {"seconds", "cpu_seconds", "memory_mb", "threads"}


def test_a_challenger_overrides_the_recipe(model_with: Make) -> None:
    """Parameters are merged, features selected, the window set; a recipe survives JSON."""
    model = model_with(
        challengers={
            "recent": {"parameters": {"max_iter": 7}, "features": ["site"], "window": "10d", "title": "Recent"}
        }
    )
    recipe = modelling.recipe(model, "recent")
    assert recipe.parameters == {"max_iter": 7, "early_stopping": False}
    assert recipe.features == {"site": "categorical"}
    assert modelling.Recipe.from_dict(recipe.to_dict()) == recipe
    with pytest.raises(DefinitionError, match=r"no challenger 'older'(?s:.*)recent"):
        modelling.recipe(model, "older")


def test_a_window_and_its_cut_decide_the_rows(rows: pd.DataFrame, model_with: Make) -> None:
    """Ten days before the cut are 240 rows, and the fitted model says when its training rows end."""
    model = model_with(challengers={"recent": {"window": "10d"}})
    fitted = modelling.fit(modelling.recipe(model, "recent"), rows, model, until=pd.Timestamp("2026-02-10", tz="UTC"))
    assert fitted.rows == 240
    assert fitted.trained_from == pd.Timestamp("2026-01-31", tz="UTC")
    assert fitted.trained_until == pd.Timestamp("2026-02-10", tz="UTC")


def test_golden_predictions_survive_parquet_and_notice_another_model(rows: pd.DataFrame, model: ModelFile) -> None:
    """The same model reproduces them exactly, another one does not."""
    fitted = modelling.fit(modelling.recipe(model), rows, model)
    golden = modelling.golden(fitted.pipeline, rows, model, n=20)
    kept = modelling.read_parquet_bytes(modelling.parquet_bytes(golden.table))
    assert len(kept) == 20
    assert modelling.reproduce(fitted.pipeline, kept, model) == 0.0
    other = modelling.fit(modelling.recipe(model), rows[:300], model)
    assert modelling.reproduce(other.pipeline, kept, model) > 0.001


def test_rolling_origin_chooses_and_says_why(
    rows: pd.DataFrame, model_with: Make, binary_score: Callable[..., dict[str, float]]
) -> None:
    """The recipe that sees the temperature beats the one that does not, and the naive forecast."""
    model = model_with(challengers={"blind": {"features": ["site"]}, "seeing": {}})
    seen: list[dict[str, Any]] = []
    trial = modelling.rolling_origin(modelling.recipes(model), rows, model, score=binary_score, progress=seen.append)
    assert trial.chosen == "seeing"
    assert trial.beats_naive
    assert trial.why.startswith("seeing has the best mean roc_auc over 3 folds: 0.")
    assert trial.means["naive"]["roc_auc"] == 0.5
    assert sorted(trial.table["recipe"].unique()) == ["blind", "naive", "seeing"]
    assert len(trial.table) == 9
    assert {"recipe", "fold", "folds", "seconds"} <= set(seen[0])
    assert trial.to_dict()["folds"][0]["test_from"].startswith("2026-01-")
    chosen = trial.predictions[trial.predictions["recipe"] == "seeing"]
    assert len(chosen) == 3 * 7 * 24


def test_a_tie_goes_to_the_first(
    rows: pd.DataFrame, model_with: Make, binary_score: Callable[..., dict[str, float]]
) -> None:
    """Of two equal recipes the earlier one in the model file is chosen."""
    model = model_with(challengers={"plain": {}, "same": {}})
    assert modelling.rolling_origin(modelling.recipes(model), rows, model, score=binary_score).chosen == "plain"


@pytest.mark.parametrize(
    ("gaps", "chosen"),
    [((0.0, -0.0046, 0.0048), "plain"), ((0.008, 0.257, 0.094), "later"), ((0.0, 0.0, 0.0104), "later")],
)
def test_a_difference_that_is_noise_is_a_tie(gaps: tuple[float, ...], chosen: str) -> None:
    """What lies within the margin is no reason to leave the first recipe; what each fold shows is."""
    rows = [
        {"fold": fold, "recipe": name, "roc_auc": score, "note": "", "judged": True}
        for fold, gap in enumerate(gaps)
        for name, score in (("naive", 0.5), ("plain", 0.8), ("later", 0.8 + gap))
    ]
    table = pd.DataFrame(rows)
    means = {name: {"roc_auc": float(part["roc_auc"].mean())} for name, part in table.groupby("recipe")}
    found, why = origins._choose(table, means, "roc_auc", "up", 0.003)
    assert found == chosen
    assert ("comes first in the model file, and later is better by no more than" in why) == (chosen == "plain")


def test_a_difference_that_folds_contradict_is_a_tie() -> None:
    """Better by more than the margin on average, but within one standard error over the folds: the first recipe."""
    rows = [
        {"fold": fold, "recipe": name, "mae": score, "note": "", "judged": True}
        for fold, gap in enumerate((0.3, -0.2, 0.02))
        for name, score in (("naive", 4.0), ("plain", 2.0), ("later", 2.0 - gap))
    ]
    table = pd.DataFrame(rows)
    means = {name: {"mae": float(part["mae"].mean())} for name, part in table.groupby("recipe")}
    found, why = origins._choose(table, means, "mae", "down", 0.003)
    assert found == "plain"
    assert "one standard error over the folds" in why


def test_a_recipe_that_fails_on_a_fold_is_not_chosen(
    rows: pd.DataFrame, model_with: Make, binary_score: Callable[..., dict[str, float]]
) -> None:
    """A window of one day leaves too few rows; the note says so, and the other one wins."""
    model = model_with(challengers={"hasty": {"window": "1d"}, "steady": {}})
    trial = modelling.rolling_origin(modelling.recipes(model), rows, model, score=binary_score)
    assert trial.chosen == "steady"
    hasty = trial.table[trial.table["recipe"] == "hasty"]
    assert hasty["roc_auc"].isna().all()
    assert hasty["note"].str.contains("too few labelled rows").all()
    with pytest.raises(NotEnoughEvidence, match="no recipe could be judged"):
        modelling.rolling_origin(modelling.recipes(model)[:1], rows, model, score=binary_score)


def test_a_fold_of_one_class_counts_for_nobody(
    rows: pd.DataFrame, model: ModelFile, binary_score: Callable[..., dict[str, float]]
) -> None:
    """A week without any alarm cannot tell recipes apart; the others can, and the reason says how many did."""
    calm = rows.assign(alarm=rows["alarm"].where(rows["at"] < rows["at"].max() - pd.Timedelta(days=8), 0))
    trial = modelling.rolling_origin(modelling.recipes(model), calm, model, score=binary_score)
    assert trial.table.groupby("fold")["judged"].first().tolist() == [True, True, False]
    assert "over 2 of 3 folds" in trial.why
    assert {1, 2} == set(modelling.judged_rows(trial, calm)["fold"])
    with pytest.raises(NotEnoughEvidence, match="0 of 3 folds can be judged"):
        modelling.rolling_origin(modelling.recipes(model), rows.assign(alarm=0), model, score=binary_score)


def test_multiclass_keeps_the_order_of_classes_though_a_fold_lacks_one(rows: pd.DataFrame, model_with: Make) -> None:
    """A class that the first fold's past has never seen has probability zero there, and its column."""
    model = model_with(target={"column": "alarm", "task": "multiclass"})
    kinds = np.where(rows["temperature"] > 22, "hot", "cold").astype(object)
    kinds[(rows.index > 700) & (rows.index % 5 == 0)] = "broken"
    trial = modelling.rolling_origin(
        modelling.recipes(model), rows.assign(alarm=kinds), model, score=partial(score, "multiclass")
    )
    assert [name for name in trial.predictions.columns if name.startswith("predicted")] == [
        "predicted_0",
        "predicted_1",
        "predicted_2",
    ]
    assert trial.primary == "ovr_roc_auc"
    assert trial.beats_naive


def test_a_loss_is_better_when_it_is_smaller(rows: pd.DataFrame, model_with: Make) -> None:
    """With mean absolute error as the primary metric the smaller mean wins."""
    model = model_with(
        target={"column": "load", "task": "regression"},
        evaluation={"window": "7d", "primary": "mae"},
        estimator={"class": "sklearn.linear_model.Ridge"},
        challengers={"blind": {"features": ["site"]}, "seeing": {}},
    )
    table = rows.assign(load=rows["temperature"].fillna(20) * 3)
    trial = modelling.rolling_origin(modelling.recipes(model), table, model, score=partial(score, "regression"))
    assert trial.chosen == "seeing"
    assert trial.means["seeing"]["mae"] < trial.means["blind"]["mae"]


def test_the_environment_names_what_a_result_depends_on(checkout: Path, model: ModelFile) -> None:
    """Interpreter, lock, code, seed and versions, and of the environment only the thread settings."""
    variables = {"OMP_NUM_THREADS": "1", "SECRET": "sesame"}
    found = modelling.describe(seed=7, root=checkout, variables=variables)
    assert found["seed"] == 7
    assert len(found["lock_sha256"]) == 64
    assert "scikit-learn" in found["libraries"]
    assert found["thread_settings"] == {"OMP_NUM_THREADS": "1"}
    assert "sesame" not in str(found)


def test_where_a_feature_is_a_text_the_default_is_linear(rows: pd.DataFrame, model_with: Make) -> None:
    """No estimator named: logistic or ridge regression with texts, histogram boosting without, recipe by recipe."""
    parts: dict[str, Any] = {"features": ALL_KINDS, "estimator": None}
    numbers_only = {"numbers": {"features": ["temperature"]}}
    named = [
        modelling.recipe(model_with(**parts)),
        modelling.recipe(model_with(**parts, target={"column": "temperature", "task": "regression"})),
        modelling.recipe(model_with(**parts, challengers=numbers_only), "numbers"),
    ]
    assert [recipe.estimator.rpartition(".")[2] for recipe in named] == [
        "LogisticRegression", "Ridge", "HistGradientBoostingClassifier",
    ]  # fmt: skip


def test_rare_words_are_learned_without_naming_an_estimator(model_with: Make) -> None:
    """Two kinds of text that share most of their words, each with its own rare ones, are told apart later on."""
    rng = np.random.default_rng(5)
    n, usual = 600, [f"usual{i}" for i in range(50)]
    y = rng.integers(0, 2, n)
    words = [[*rng.choice(usual, 20), f"{'late' if label else 'early'}{rng.integers(60)}"] for label in y]
    times = pd.date_range("2026-01-01", periods=n, freq="h", tz="UTC")
    table = pd.DataFrame({"at": times, "machine": "m", "note": [" ".join(text) for text in words], "alarm": y})
    model = model_with(features={"note": "text"}, estimator=None)
    fitted = modelling.fit(modelling.recipe(model), table[:450], model)
    area = score("binary", table.alarm[450:], modelling.predict(fitted.pipeline, table[450:], model))["roc_auc"]
    assert area > 0.95, area


def test_rare_classes_do_not_make_the_default_certain_of_everything(model_with: Make) -> None:
    """Beside classes of two or three rows, what the features do not tell stays as uncertain as it is."""
    rng = np.random.default_rng(4)
    n = 3000
    signal = rng.normal(size=n)
    kind = np.where(rng.random(n) < 1 / (1 + np.exp(-signal)), "often", "seldom").astype(object)
    kind[rng.choice(2000, 5, replace=False)] = ["once", "once", "twice", "twice", "twice"]
    times = pd.date_range("2026-01-01", periods=n, freq="h", tz="UTC")
    noise = {f"noise{place}": rng.integers(0, 40, n).astype(float) for place in range(6)}
    table = pd.DataFrame({"at": times, "machine": "m", "signal": signal, "alarm": kind, **noise})
    features = dict.fromkeys(["signal", *noise], "numeric")
    model = model_with(target={"column": "alarm", "task": "multiclass"}, features=features, estimator=None)
    fitted = modelling.fit(modelling.recipe(model), table[:2000], model)
    later = modelling.truth(fitted.pipeline, table[2000:], model)
    losses = [
        score("multiclass", later, told)["log_loss"]
        for told in (
            modelling.predict(fitted.pipeline, table[2000:], model),
            np.tile(table.alarm[:2000].value_counts(normalize=True).sort_index(), (1000, 1)),
        )
    ]
    assert losses[0] < losses[1], losses


def test_the_naive_forecast_of_a_model_that_knows_fewer_classes_adds_up(rows: pd.DataFrame, model_with: Make) -> None:
    """The shares of the classes that it knows are shares of these."""
    model = model_with(target={"column": "alarm", "task": "multiclass"})
    past = rows.assign(alarm=np.resize(["a", "b", "b", "c"], len(rows)))
    told = modelling.naive_forecast(past, rows, model, ["a", "b"])
    assert told[0] == pytest.approx([1 / 3, 2 / 3])


@pytest.mark.parametrize("empty", [None, "", "!", "\u00a0"])
def test_texts_without_a_word_are_left_out(rows: pd.DataFrame, model_with: Make, empty: str | None) -> None:
    """A text feature that holds no word in any training row is left out with a note, and predictions are made."""
    model = model_with(features={"temperature": "numeric", "note": "text"}, estimator=None)
    fitted = modelling.fit(modelling.recipe(model), rows.assign(note=empty), model)
    assert any("'note'" in note for note in fitted.notes)
    assert np.isfinite(modelling.predict(fitted.pipeline, rows.assign(note="a word"), model)).all()


def test_recipes_are_the_same_where_only_their_names_differ():
    """A challenger that overrides nothing is the model file's own recipe; a window, a feature less or a parameter
    makes it another."""
    own = Recipe("own", "sklearn.linear_model.Ridge", {"alpha": 1.0}, {"x": "numeric", "z": "numeric"})
    assert own.same_as(replace(own, name="all-past", title="On all rows"))
    others = [
        replace(own, window=timedelta(days=30)),
        replace(own, features={"x": "numeric"}),
        replace(own, features={"z": "numeric", "x": "numeric"}),
        replace(own, parameters={"alpha": 2.0}),
        replace(own, estimator="sklearn.linear_model.Lasso"),
    ]
    assert not any(own.same_as(other) for other in others)
