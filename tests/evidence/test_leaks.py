from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from sopkit.definitions.results import Verdict
from sopkit.evidence.leaks import suspected_leaks

KINDS = {"a": "numeric", "b": "numeric", "c": "categorical"}


def look(table, target=None, features=KINDS, **options):
    options = {"task": "binary", "time": "at"} | options
    return suspected_leaks(table, table["y"] if target is None else target, features, **options)


def test_ordinary_features_raise_no_suspicion(table):
    """Features that help a little pass, and the strongest is named."""
    found = look(table)
    assert found.verdict is Verdict.PASS
    assert found.strengths[0].name == "a"
    assert found.findings == ()


def test_the_strength_of_a_smooth_feature_is_its_auc_on_later_rows(table):
    """For a feature that rises with the target the strength is close to the AUC of its plain value."""
    later = table.iloc[1400:]
    assert look(table).strengths[0].value == pytest.approx(roc_auc_score(later["y"], later["a"]), abs=0.03)


def test_a_feature_that_knows_the_answer_blocks(table):
    """A noisy copy of the target blocks and is named, with what to do."""
    random = np.random.default_rng(0)
    found = look(table.assign(b=table["y"] + random.normal(0, 0.3, len(table))))
    assert found.suspects == ["b"]
    assert found.verdict is Verdict.FAIL
    assert "known_at" in found.findings[0].remedy


def test_a_declared_feature_is_a_question_for_the_signer(table):
    """With `known_at` the same strength is a warning that repeats the declaration."""
    copy = table.assign(b=table["y"])
    found = look(copy, known_at={"b": "an hour before"})
    assert found.verdict is Verdict.PASS
    assert [(item.name, item.severity) for item in found.findings] == [("leak_question", "warn")]
    assert "an hour before" in found.findings[0].sentence


def test_a_column_of_the_target_blocks_even_if_declared(table):
    """What the target is made of is no feature, whatever is declared."""
    found = look(table, target_columns=["b"], known_at={"b": "before"})
    assert found.suspects == ["b"]
    assert found.findings[0].name == "target_as_feature"


def test_an_exact_copy_in_words_blocks(table):
    """A category that names the class blocks."""
    found = look(table.assign(c=table["y"].map({0.0: "no", 1.0: "yes"})))
    assert found.suspects == ["c"]
    assert found.strengths[0].value == pytest.approx(1.0)


def test_missing_values_that_tell_the_label_block(table):
    """A number that is there only for one class blocks, and the sentence says that its absence tells."""
    found = look(table.assign(b=table["b"].where(table["y"] == 1)))
    assert found.suspects == ["b"]
    assert "Whether b is missing" in found.findings[0].sentence


def test_the_sentence_names_the_limit_that_was_passed(table):
    """Where values tell nothing more than their absence does, it is the absence that is told about."""
    random = np.random.default_rng(0)
    gone = random.random(len(table)) < np.where(table["y"] == 1, 0.65, 0.05)
    found = look(table.assign(b=pd.Series(random.normal(size=len(table))).where(~gone)))
    assert found.suspects == ["b"]
    assert found.findings[0].sentence.startswith("Whether b is missing tells the target by itself (AUC 0.8")


def test_missing_values_that_change_sides_are_no_leak():
    """Missing for one class in one month and for the other in the next tells nothing: the past would mislead."""
    random = np.random.default_rng(0)
    y = (random.random(4000) < 0.5).astype(float)
    early = np.arange(4000) // 500 % 2 == 0
    gone = random.random(4000) < np.where((y == 1) == early, 0.9, 0.1)
    at = pd.date_range("2024-01-01", periods=4000, freq="h")
    rows = pd.DataFrame({"at": at, "b": pd.Series(random.normal(size=4000)).where(~gone)})
    assert look(rows, pd.Series(y), {"b": "numeric"}).findings == ()


def test_one_class_of_many_whose_values_are_missing_is_no_leak():
    """An age that is unknown for one class of eleven tells that class only: classes count by their rows."""
    random = np.random.default_rng(0)
    classes = pd.Series(random.choice([f"class {i}" for i in range(11)], 6000))
    age = pd.Series(random.normal(40, 9, 6000)).where((classes != "class 3") | (random.random(6000) < 0.2))
    rows = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=6000, freq="h"), "age": age})
    assert look(rows, classes, {"age": "numeric"}, task="multiclass").findings == ()


def test_a_number_that_is_the_target_in_regression_blocks(table):
    """For regression a correlation near one blocks."""
    target = table["a"] * 2 + 3
    found = look(table, target, task="regression")
    assert "a" in found.suspects


def test_a_noisy_copy_of_a_skewed_number_blocks(table):
    """Noise hides the order of many small values, not the size of the few large ones: that counts as well."""
    random = np.random.default_rng(0)
    target = pd.Series(random.exponential(1, len(table)) ** 3)
    found = look(table.assign(b=target + random.normal(0, 3, len(table))), target, task="regression")
    assert found.suspects == ["b"]
    assert "explained variance" in found.findings[0].sentence


def test_the_largest_groups_may_explain_most_of_the_variance():
    """A city that is a hundred times larger than the others explains nearly all variance, and is no leak."""
    random = np.random.default_rng(0)
    city = pd.Series(random.integers(0, 20, 2000))
    target = random.normal(100, 10, 2000) * np.where(city == 0, 100, 1)
    rows = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=2000, freq="h"), "city": city.map("city {}".format)})
    assert look(rows, pd.Series(target), {"city": "categorical"}, task="regression").findings == ()


def days(seed: int, number: int = 3, noise: float = 0.0) -> tuple[pd.DataFrame, pd.Series]:
    """Minutes of days on which a room is in use from morning to evening, with breaks; its air follows slowly."""
    random = np.random.default_rng(seed)
    minute = np.arange(1000 * number) % 1000
    y = ((minute > 350) & (minute < 750)).astype(float)
    for at in np.flatnonzero(minute == 400):
        y[at + random.integers(0, 300) :][: random.integers(2, 20)] = 0
    fresh = np.repeat(random.uniform(0, 40, number), 1000)  # no two days begin with the same air
    air, level = np.zeros(len(y)), 0.0
    for i, used in enumerate(y):
        level += 0.02 * (60 * used - level)
        air[i] = level
    told = np.where(random.random(len(y)) < noise, 1 - y, y)
    at = pd.date_range("2024-01-01", periods=len(y), freq="min")
    rows = pd.DataFrame({"at": at, "air": air + fresh + random.normal(0, 1, len(y)), "lamp": told * 300})
    return rows, pd.Series(y)


def test_what_follows_long_runs_slowly_is_not_taken_for_a_leak():
    """The air of a room agrees with its use stretch by stretch, and is not suspected; its lamp is."""
    for seed in range(10):
        rows, y = days(seed)
        assert look(rows, y, {"air": "numeric", "lamp": "numeric"}).suspects == ["lamp"]


def test_walks_without_a_meaning_are_seldom_suspected():
    """Of 200 random walks beside a label that comes twice, at most one in twenty is suspected."""
    random = np.random.default_rng(0)
    walks = {f"w{i}": random.normal(size=1000).cumsum() for i in range(200)}
    rows = pd.DataFrame({"at": pd.date_range("2024-01-01", periods=1000, freq="h")} | walks)
    place = np.arange(1000)
    y = pd.Series((((place > 150) & (place < 300)) | ((place > 600) & (place < 800))).astype(float))
    assert len(look(rows, y, dict.fromkeys(walks, "numeric")).suspects) <= 10


def test_summands_of_the_target_block_together(table):
    """Two numbers that add up to the target are what it is made of, though each alone is weak."""
    random = np.random.default_rng(0)
    parts = table.assign(a=random.normal(0, 1, len(table)), b=random.normal(0, 1, len(table)))
    found = look(parts, parts["a"] + parts["b"], task="regression")
    assert [item.name for item in found.findings] == ["target_from_features"]
    assert "a and b together" in found.findings[0].sentence


def test_a_class_named_by_a_feature_blocks_among_many_classes(table):
    """With several classes a feature that names them blocks."""
    random = np.random.default_rng(0)
    classes = pd.Series(random.choice(["x", "y", "z"], len(table)))
    found = look(table.assign(c=classes.map({"x": "1", "y": "2", "z": "3"})), classes, task="multiclass")
    assert found.suspects == ["c"]
    assert found.strengths[-1].value == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        (pd.Series([None] * 2000, dtype=object), "only 0 labelled rows"),
        (pd.Series([1.0] * 2000), "one value only"),
        (pd.Series([1.0, 0.0] * 5 + [None] * 1990), "only 10 labelled rows"),
    ],
)
def test_without_labels_nothing_is_cleared(table, target, reason):
    """No labels, one class or ten rows is `insufficient`, not innocent."""
    found = look(table, target)
    assert found.verdict is Verdict.INSUFFICIENT
    assert reason in found.reason
    assert found.measures[0].value is None


@pytest.mark.parametrize(
    "column",
    [np.nan, np.inf, "text", None, pd.NaT],
)
def test_a_feature_without_usable_values_is_weak_not_an_error(table, column):
    """An empty, infinite or textual column of numbers tells nothing and breaks nothing."""
    assert look(table.assign(b=column)).verdict is Verdict.PASS


def test_features_and_noise_raise_no_false_alarm():
    """Two hundred pure-noise features of a small table stay far below the limit."""
    random = np.random.default_rng(0)
    table = pd.DataFrame(random.normal(size=(400, 200)), columns=[f"f{i}" for i in range(200)])
    target = pd.Series((random.random(400) < 0.3).astype(float))
    found = suspected_leaks(table, target, dict.fromkeys(table.columns, "numeric"), task="binary")
    assert found.verdict is Verdict.PASS
    assert found.strengths[0].value < 0.75


def test_suspicion_is_plain_json_and_drawn(table):
    """JSON, table and figure hold every feature."""
    found = look(table)
    assert len(json.loads(json.dumps(found.to_dict()))["strengths"]) == 3
    assert len(found.table) == 3
    assert found.figure().png()


def test_on_real_flights_only_the_departure_delay_is_suspected(flights, flights_model):
    """None of the features of the model file blocks; adding `dep_delay` does, by name."""
    rows = flights[flights["time_hour"] < "2013-07-01"]
    clean = suspected_leaks(rows, rows["late"], flights_model.features, task="binary", time="time_hour")
    assert clean.findings == ()
    assert clean.strengths[0].value < 0.7
    more = {**flights_model.features, "dep_delay": "numeric"}
    known = {name: f.known_at for name, f in flights_model.features.items() if f.known_at}
    found = suspected_leaks(rows, rows["late"], more, task="binary", time="time_hour", known_at=known)
    assert found.suspects == ["dep_delay"]


def notes(n: int, leak: float = 0.0, seed: int = 9) -> pd.DataFrame:
    """Texts of 30 usual words and a word that agrees with the class in 85 % of rows; `leak` of them end with it."""
    random = np.random.default_rng(seed)
    label = random.choice(["loan dispute", "card fraud"], n)
    usual = [f"word{i}" for i in range(300)]
    hint = np.where((random.random(n) < 0.85) == (label == "card fraud"), "stolen", "repaid")
    told = np.where(random.random(n) < leak, label, "")
    words = [" ".join([*random.choice(usual, 30), h, t]) for h, t in zip(hint, told, strict=True)]
    return pd.DataFrame({"at": pd.date_range("2024-01-01", periods=n, freq="h", tz="UTC"), "note": words, "y": label})


def test_a_text_may_tell_much_but_not_nearly_everything():
    """A text of telling words passes; one that ends with its label blocks, and the signer is asked about the name."""
    good = look(notes(1500), features={"note": "text"}, task="multiclass")
    assert (good.verdict, good.findings) == (Verdict.PASS, ())
    assert 0.7 < good.strengths[0].value < 0.98
    bad = look(notes(1500, leak=1.0), features={"note": "text"}, task="multiclass")
    assert bad.suspects == ["note"]
    assert {item.name for item in bad.findings} == {"label_in_text", "suspected_leak"}


def test_a_single_word_that_tells_nearly_all_blocks():
    """An ending that is right in 97 % of rows is suspected by its name; a word that is right in 85 % is not."""
    rows, random = notes(1500), np.random.default_rng(1)
    right = (rows["y"] == "card fraud") == (random.random(1500) > 0.03)
    told = look(rows.assign(note=rows["note"] + np.where(right, " via A.", " via P.")), features={"note": "text"},
                task="multiclass")  # fmt: skip
    assert told.suspects == ["note"]
    assert "single word of note" in told.findings[0].sentence
    assert any(f"'{ending}.'" in told.findings[0].sentence for ending in "ap")
    assert look(rows, features={"note": "text"}, task="multiclass").findings == ()


def test_a_declared_text_is_a_question():
    """With `known_at` a text that knows its label is put before the signer and does not block."""
    declared = {"note": "as the customer wrote it"}
    found = look(notes(1500, leak=1.0), features={"note": "text"}, task="multiclass", known_at=declared)
    assert found.verdict is Verdict.PASS
    assert {item.severity for item in found.findings} == {"warn"}


def test_the_name_of_the_class_in_the_text_is_a_question():
    """Where 60 % of texts contain the name of their class the signer is asked; where 30 % do, not."""
    for share, asked in ((0.6, True), (0.3, False)):
        found = look(notes(1500, leak=share), features={"note": "text"}, task="multiclass")
        assert any(item.name == "label_in_text" for item in found.findings) is asked


@pytest.mark.parametrize("task", ["binary", "regression"])
@pytest.mark.parametrize("text", [None, "", "same words"])
def test_texts_that_say_nothing_raise_no_suspicion(task, text, table):
    """Missing, empty and constant texts pass, for classes and for numbers."""
    y = table["y"] if task == "binary" else table["a"]
    found = look(table.assign(note=text), y, {"note": "text", "b": "numeric"}, task=task)
    assert found.verdict is Verdict.PASS


def test_missing_texts_that_tell_the_label_block(table):
    """Where a text is missing for one class only, that alone tells it."""
    found = look(table.assign(note=np.where(table["y"] == 1, None, "some words")), features={"note": "text"})
    assert found.suspects == ["note"]
