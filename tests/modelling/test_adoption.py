"""Models that exist already: brought into our form, asked whether they answer as before, refused with the reason."""

from __future__ import annotations

import warnings
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.svm import LinearSVC

from sopkit import modelling
from sopkit.errors import DataError, DefinitionError, WrongUse
from sopkit.modelling.adoption import adapt

NOW = datetime(2026, 2, 10, tzinfo=UTC)
NUMBERS = ["temperature", "load"]


@pytest.fixture
def table(rows_of) -> pd.DataFrame:
    return rows_of().assign(
        load=lambda t: np.arange(len(t)) % 7 + 0.5,
        word=lambda t: np.where(t["alarm"] == 1, "yes", "no"),
        kind=lambda t: pd.cut(t["temperature"].fillna(20), [-99, 18, 22, 99], labels=["c", "a", "b"]).astype(str),
    )


@pytest.fixture
def model(model_with):
    features = {"temperature": "numeric", "load": "numeric", "site": "categorical"}
    return model_with(features=features)


def prepared() -> object:
    """As somebody else would write it: columns by name, in an order of their own."""
    return make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["site"]), (SimpleImputer(), NUMBERS)),
        LogisticRegression(max_iter=2000),
    )


@pytest.mark.parametrize(
    ("target", "positive"), [("alarm", None), ("word", "yes"), ("word", "no")], ids=["numbers", "yes", "no"]
)
def test_a_classifier_answers_as_before(table, model_with, model, target, positive):
    """Through our form the probability of the positive class is the model's own, whatever its classes are called."""
    file = model_with(features=model.features, target__column=target, target__positive=positive)
    found = prepared().fit(table[["site", *NUMBERS]], table[target])
    adopted = modelling.adopt(found, file, table, uri="m.skops", as_of=NOW, trained_until="2026-01-20")
    place = list(found.classes_).index(1 if positive is None else positive)
    expected = found.predict_proba(table[["site", *NUMBERS]])[:, place]
    assert np.array_equal(expected, modelling.predict(adopted.fitted.pipeline, table, file))
    assert "answered as before" in adopted.notes[0]
    assert pd.Timestamp("2026-01-20", tz="UTC") == adopted.trained_until == adopted.fitted.trained_until
    golden = modelling.golden(adopted.fitted.pipeline, table, file)
    assert modelling.reproduce(adopted.fitted.pipeline, golden, file) == 0.0


def test_several_classes_and_numbers_are_adopted(table, model_with, model):
    """Probabilities stay with their classes, and a forecast is the forecast."""
    complete = table.fillna({"temperature": 20})
    several = model_with(features=model.features, target__column="kind", target__task="multiclass")
    found = prepared().fit(complete[["site", *NUMBERS]], complete["kind"])
    adopted = modelling.adopt(found, several, complete, uri="u", as_of=NOW, trained_until="2026-01-20")
    pipeline = adopted.fitted.pipeline
    assert (["a", "b", "c"], ["a", "b", "c"]) == (modelling.classes(pipeline), list(found.classes_))
    judged = adopted.judged(complete[:600], complete[600:], several)
    assert np.array_equal(found.predict_proba(complete[600:]), modelling.forecast(judged, "prediction"))
    shares = complete[:600]["kind"].value_counts(normalize=True).sort_index()
    assert np.allclose(shares, modelling.forecast(judged, "naive")[0])
    number = model_with(features={"load": "numeric"}, target__column="temperature", target__task="regression")
    line = LinearRegression().fit(complete[["load"]], complete["temperature"])
    ours = modelling.adopt(line, number, complete, uri="u", as_of=NOW).fitted.pipeline
    assert np.array_equal(line.predict(complete[["load"]]), modelling.predict(ours, complete, number))


def test_a_model_without_column_names_takes_the_features_in_their_order(table, model_with):
    """Trained on an array, it gets exactly the numeric features; trained on texts, the one text."""
    complete = table.fillna({"temperature": 20})
    numbers = model_with(features=dict.fromkeys(NUMBERS, "numeric"))
    found = LogisticRegression().fit(complete[NUMBERS].to_numpy(), complete["alarm"])
    adopted = modelling.adopt(found, numbers, complete, uri="u", as_of=NOW)
    expected = found.predict_proba(complete[NUMBERS].to_numpy())[:, 1]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.array_equal(expected, modelling.predict(adopted.fitted.pipeline, complete, numbers))
    texts = model_with(features={"site": "text"})
    reader = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(table["site"], table["alarm"])
    answers = modelling.predict(adapt(reader, texts), table, texts)
    assert np.array_equal(reader.predict_proba(table["site"])[:, 1], answers)


def test_without_an_end_of_training_every_row_may_have_been_seen(table, model):
    """What is compared with it later is compared on rows after the clock of its adoption only."""
    found = prepared().fit(table[["site", *NUMBERS]], table["alarm"])
    adopted = modelling.adopt(found, model, table[:500], uri="u", as_of=NOW)
    assert (None, pd.Timestamp(NOW)) == (adopted.trained_until, adopted.fitted.trained_until)


def test_a_pipeline_of_ours_stays_as_it_is(table, model):
    """What was fitted here needs no adapter."""
    fitted = modelling.fit(modelling.recipe(model), table, model)
    assert fitted.pipeline is adapt(fitted.pipeline, model)


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda t: LogisticRegression(max_iter=2000), "not fitted"),
        (lambda t: "no model", "no model"),
        (lambda t: LinearRegression().fit(t[["load"]], t["alarm"]), "regression model, and the target is binary"),
        (lambda t: LinearSVC().fit(t[["load"]], t["alarm"]), "predict_proba"),
        (lambda t: LogisticRegression().fit(t[["load"]].assign(other=1), t["alarm"]), "'other', which is no feature"),
        (lambda t: LogisticRegression().fit(t[["load"]].to_numpy(), t["alarm"]), "which columns it takes"),
        (lambda t: LogisticRegression().fit(t[["load"]], t["kind"]), "classes are not those of the target"),
    ],
)
def test_what_does_not_fit_the_model_file_is_refused_with_the_reason(table, model, made, told):
    """Unfitted, of another task, without probabilities, with other columns or classes: each says what it is."""
    with pytest.raises(DefinitionError) as raised:
        adapt(made(table), model)
    assert told in str(raised.value)


def test_a_model_that_answers_otherwise_names_the_columns(table, model_with):
    """Types that differ from those it was trained with would change its answers in silence: the column is named."""
    coded = table.assign(code=np.arange(len(table)) % 3)
    found = make_pipeline(
        make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["code"]), ("passthrough", ["load"])),
        LogisticRegression(max_iter=2000),
    ).fit(coded[["code", "load"]], (coded["code"] == 1).astype(int))
    right = model_with(features={"code": "numeric", "load": "numeric"})
    assert "answered as before" in modelling.adopt(found, right, coded, uri="u", as_of=NOW).notes[0]
    wrong = model_with(features={"code": "categorical", "load": "numeric"})
    with pytest.raises(DataError, match="code: the model answers otherwise"):
        modelling.adopt(found, wrong, coded, uri="u", as_of=NOW)
    text = LogisticRegression().fit(table[["load"]], table["alarm"])
    with pytest.raises(DataError, match="cannot answer rows"):
        modelling.adopt(text, model_with(features={"load": "text"}), table.assign(load="high"), uri="u", as_of=NOW)


def test_rows_after_the_end_of_training_are_held_out(table, model, as_of):
    """All rows a label delay after it; the newest window where all rows are later; none are sure without a date."""
    held = modelling.unseen_from(table, model, as_of=as_of, trained_until="2026-01-20")
    assert pd.Timestamp("2026-01-21", tz="UTC") == held
    splits = modelling.split(table, model, as_of=as_of, holdout_from=held)
    assert splits.train["at"].max() < pd.Timestamp("2026-01-20", tz="UTC")
    assert pd.Timestamp("2026-01-21", tz="UTC") == splits.holdout["at"].min()
    later = modelling.unseen_from(
        table, model, as_of=as_of, trained_until="2026-01-20", champion=pd.Timestamp("2026-01-25")
    )
    assert pd.Timestamp("2026-01-26", tz="UTC") == later
    old = modelling.unseen_from(table, model, as_of=as_of, trained_until="2020-01-01")
    assert pd.Timestamp(as_of) - pd.Timedelta(days=8) == old
    assert modelling.unseen_from(table, model, as_of=as_of, trained_until="") is None
    with pytest.raises(WrongUse, match="not a date"):
        modelling.unseen_from(table, model, as_of=as_of, trained_until="soon")
