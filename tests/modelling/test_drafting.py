"""Drafts of model files: what is guessed from names and values, and that the text says exactly that."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import yaml

from sopkit.definitions.files import parse_model
from sopkit.definitions.yaml_file import parse_yaml
from sopkit.errors import DataError, NotFound
from sopkit.modelling.drafting import draft
from sopkit.modelling.drafting_candidates import candidates
from sopkit.modelling.drafting_columns import look, missing_words
from sopkit.modelling.drafting_lines import quoted
from sopkit.modelling.drafting_people import protected_by
from sopkit.modelling.drafting_sources import read_undescribed
from sopkit.modelling.drafting_targets import guess_target, same_as_target
from sopkit.modelling.drafting_times import find_format
from sopkit.modelling.drafting_windows import windows

DAYS = pd.date_range("2024-01-01", periods=300, freq="D")
ODD = [
    "a b: c #1", 'quo"te', "it's", "null", "yes", "2013", "1e5", " lead", "new\nline", "{brace}", "- x", "ünïcödé 列",
    "💥", "back\\slash", "tab\t", "~", "", "!tag", "&anchor", "*star", "%d", "a\u2028b", "\x07bell", "0x10",
    "no", ".5", "=",
]  # fmt: skip


def rows(n: int = 300, **more: object) -> pd.DataFrame:
    """A row a day: a number that tells the target, a category, the target."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=n)
    answer = np.where(x + rng.normal(size=n) > 0.5, "yes", "no")
    table = {"at": DAYS[:n].astype(str), "x": x, "colour": rng.choice(["red", "blue"], n), **more, "left": answer}
    return pd.DataFrame(table)


def drafted(table: pd.DataFrame, **options: object):
    return draft(table, **{"name": "m", "source": "m.csv", "time": "at", "target": "left", **options})


@pytest.mark.parametrize(
    ("values", "written"),
    [
        (DAYS.astype(str), None),
        (DAYS.strftime("%Y-%m"), None),
        (DAYS, None),
        (DAYS.strftime("%d.%m.%Y"), "%d.%m.%Y"),
        (DAYS.strftime("%m/%d/%Y %H:%M"), "%m/%d/%Y %H:%M"),
        (DAYS.strftime("%d %b %Y"), "%d %b %Y"),
        (DAYS.strftime("%b %Y"), "%b %Y"),
        (pd.Index(["Feb", "Mar", "June", "Nov"]), ["%b", "%B"]),
        (DAYS.strftime("%Y%m%d").astype(int), "%Y%m%d"),
        (DAYS.strftime("%Y%m").astype(int), "%Y%m"),
        (pd.RangeIndex(1990, 2020), "%Y"),
        (pd.Index([1700000000, 1700003600]), "unix"),
        (pd.Index([1700000000000, 1700003600000]), "unix-ms"),
        (pd.RangeIndex(1, 13), "day-number"),
    ],
)
def test_the_form_of_times_is_found(values, written):
    """Of a column of times the format is found that reads every value."""
    assert written == find_format(pd.Series(values), "at").written


def test_day_first_or_month_first_is_asked():
    """Where both orders read every value, the one is taken that keeps rows in order, and it is a question."""
    days = pd.date_range("2024-01-01", periods=12, freq="D")
    found = find_format(pd.Series(days.strftime("%d/%m/%Y")), "at")
    assert ("%d/%m/%Y", True) == (found.written, "day first or month first" in found.question)


def test_what_is_no_time_is_an_error():
    """Names are no times, and two orders of day and month are not mixed."""
    for values in (["red", "blue"], ["25/12/2024", "12/25/2024"], [True, False]):
        with pytest.raises(DataError, match="cannot be read as times"):
            find_format(pd.Series(values), "at")


@pytest.mark.parametrize("value", [*ODD, 3, 2.5, True, None])
def test_odd_names_and_values_come_back_as_they_were(value):
    """What is written, as a key and as a value, is read back as the same value by our reader and by PyYAML."""
    assert value == parse_yaml(f"k: {quoted(value)}".encode(), "x").value["k"]
    assert value == yaml.safe_load(f"k: {quoted(value)}")["k"]
    if isinstance(value, str):
        assert [value] == list(parse_yaml(f"{quoted(value)}: 1".encode(), "x").value)


def test_a_draft_of_odd_names_is_the_model_file_that_was_guessed():
    """Every column is time, target, feature or excluded, in a file that holds the names as they are."""
    table = rows(**{name: np.arange(300) % 7 for name in ODD if name.strip()})
    made = drafted(table)
    model = parse_model(made.text.encode(), "m.yaml")
    assert set(table.columns) == {*model.features, *model.excluded, model.data.time, model.target.column}
    assert [each.name for each in made.features] == list(model.features)
    assert made.excluded == model.excluded
    assert max(map(len, made.text.splitlines())) <= 120


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        (np.arange(300), None, "names the row"),
        ([f"u{i}" for i in range(300)], None, "names the row"),
        ([5] * 300, None, "one value only"),
        ([None] * 300, None, "no value"),
        ([None] * 290 + list(range(10)), None, "missing"),
        (DAYS.strftime("%d.%m.%Y"), None, "a date"),
        ([[1], [2]] * 150, None, "lists"),
        (np.linspace(0, 1, 300), "numeric", "0 to 1"),
        ([f"{i / 7:.2f}" for i in range(300)], "numeric", "stored as text"),
        (["1", "2", "?"] * 100, "numeric", "stored as text"),
        ([1, 2, 3] * 100, "numeric", "3 whole numbers"),
        ([True, False] * 150, "categorical", "true or false"),
        (["a", "b"] * 150, "categorical", "2 values: a, b"),
        ([f"the customer number {i} wrote that the card was lost again" for i in range(300)], "text", "free text"),
    ],
)
def test_what_a_column_looks_like(values, kind, reason):
    """A column becomes a feature of a kind, or is excluded, and it is said why."""
    found = look(pd.Series(values), "c", ["?"])
    assert ("excluded" if kind is None else kind) == (found.kind if found.role == "feature" else "excluded")
    assert reason in found.why + found.note


def test_identifiers_that_repeat_are_entities_by_question():
    """An identifier with a telling name is the entity; one without is only proposed; both are no features."""
    ids = np.arange(300) % 90
    telling = parse_model(drafted(rows(customer_id=ids)).text.encode(), "m.yaml")
    assert ("customer_id", True) == (telling.data.entity, "customer_id" in telling.excluded)
    silent = drafted(rows(loan_id=ids))
    assert parse_model(silent.text.encode(), "m.yaml").data.entity is None
    assert "# entity: loan_id" in silent.text


def test_words_that_mean_missing():
    """Such words count only where other values remain; a sign that is half of a column is a value."""
    table = pd.DataFrame(
        {"a": ["?", "x", "y"], "b": ["+", "-", "+"], "c": ["None", "x", "y"], "d": ["unknown", "u", "v"]}
    )
    assert (["?", "unknown"], ["-", "None"]) == missing_words(table)
    strays = pd.DataFrame({"n": [str(i) for i in range(50)] + ["n.b."], "s": ["a", "b", "c"] * 17})
    assert ["n.b."] == missing_words(strays)[0]


@pytest.mark.parametrize(
    ("values", "task", "positive"),
    [
        ([0, 1, 0, 0], "binary", None),
        ([True, False, False], "binary", None),
        (["yes", "no", "yes"], "binary", "yes"),
        (["good", "bad", "good"], "binary", "bad"),
        ([1, 2, 2], "binary", 1),
        (["NO", ">30", "<30"], "multiclass", None),
        ([1, 2, 3, 3], "multiclass", None),
        (list(range(12)), "regression", None),
        ([0.5, 1.5, 2.5], "regression", None),
        (["0.5", "1.5", "2.5"], "regression", None),
        (["yes", "no", None, "1.0"], "multiclass", None),
    ],
)
def test_what_a_target_is(values, task, positive):
    """Two values are binary, the affirmative or the rarer one positive; few are classes; many numbers are a number."""
    found = guess_target(pd.Series(values), "y")
    assert (task, positive) == (found.task, found.positive)


def test_a_target_of_one_value_or_of_names_is_an_error():
    """There is nothing to learn from one value, and a column of names is not a class each."""
    for values in (["a", "a"], [None, None], [f"name {i}" for i in range(60)]):
        with pytest.raises(DataError, match="target"):
            guess_target(pd.Series(values), "y")


def test_the_target_under_another_name_is_no_feature():
    """A recoded copy and a number in another unit are the target; an independent column of as many values is not."""
    y = pd.Series([0, 1, 1, 0, 1] * 20)
    assert same_as_target(y.map({0: "A", 1: "B"}), y, "binary")
    assert same_as_target(3 * y + 1, y.astype(float), "regression")
    assert not same_as_target(pd.Series(range(100)), y, "binary")
    assert not same_as_target(pd.Series(np.random.default_rng(0).normal(size=100)), pd.Series(range(100)), "regression")
    assert "copy" in drafted(rows().assign(copy=lambda t: t["left"].map({"yes": "A", "no": "B"}))).excluded


def test_people_are_found_by_name_and_by_values():
    """A column may be a protected attribute by its name or by its values; a place only may be; others are not."""
    some = pd.Series(["f", "m", "f"])
    assert ["name", "values", "place", None] == [
        protected_by("patientSex", pd.Series([1, 2])),
        protected_by("c7", some),
        protected_by("ZIP code", pd.Series(["1", "2"])),
        protected_by("colour", pd.Series(["red", "blue"])),
    ]


@pytest.mark.parametrize("freq", ["min", "h", "6h", "D", "W", "MS", "YS"])
@pytest.mark.parametrize("n", [40, 400, 4000])
def test_windows_fit_the_span(freq, n):
    """The window leaves room for its folds, blocks are enough for a verdict, and the clock is after the newest row."""
    if freq in ("MS", "YS") and n == 4000:
        pytest.skip("reaches beyond the years that can be written")
    times = pd.Series(pd.date_range("1900-01-01", periods=min(n, 400) if freq == "YS" else n, freq=freq, tz="UTC"))
    if freq == "YS":
        times = times.head(120)
    found = windows(times)
    assert found.last < found.as_of <= found.last + (found.last - found.first)
    assert found.evaluation * 4 <= (found.as_of - found.first) * 1.05
    assert found.evaluation / found.blocks >= 20
    assert found.rows == int((times >= found.as_of - found.evaluation).sum()) >= 1
    assert found.recent is None or found.evaluation < found.recent < found.as_of - found.first


def test_coarse_times_ask_for_independence():
    """With few different times it is asked why rows are independent, in words that may be taken over."""
    table = rows(at2=np.repeat(range(1, 13), 25))
    assert "# rows_independent: " in drafted(table, time="at2").text
    assert "rows_independent" not in drafted(table).text


def test_questions_are_found_where_they_stand():
    """Each question is listed with its line; a long one is read back whole."""
    made = drafted(rows(customer_id=np.arange(300) % 90))
    lines = made.text.splitlines()
    assert all("# QUESTION" in lines[number - 1] for number, _ in made.questions)
    assert made.text.count("# QUESTION") == len(made.questions) >= 5
    assert not any("\n" in question or "#  " in question for _, question in made.questions)


def test_suspects_leave_the_features_unless_nothing_else_is_left():
    """A suspect is excluded with its reason and asked about; the last features stay and are asked about there."""
    made = drafted(rows()).without({"x": "it knows too much"})
    assert {"x": "it knows too much"} == parse_model(made.text.encode(), "m.yaml").excluded
    alone = drafted(rows()[["at", "x", "left"]]).without({"x": "it knows too much"})
    assert ["x"] == list(parse_model(alone.text.encode(), "m.yaml").features)
    assert "Say it under known_at" in alone.text


def test_wrong_columns_are_told_with_those_that_may_be_meant():
    """A column that is not there, or cannot be what it is said to be, is an error that names likely ones."""
    table = rows()
    assert {"time": ["at"], "target": ["left", "colour"]} == candidates(table)
    for options, told in (
        ({"time": "when"}, "'at'"),
        ({"time": "colour"}, "'at'"),
        ({"target": "Left"}, "'left'"),
        ({"target": "at"}, "'left'"),
    ):
        with pytest.raises((DataError, NotFound), match=told):
            drafted(table, **options)
    with pytest.raises(DataError, match="no rows"):
        drafted(table.head(0))
    with pytest.raises(DataError, match="no column is left"):
        drafted(table[["at", "left"]])


def test_three_rows_are_drafted_and_said_to_be_too_few():
    """Hardly any rows still give a model file; that no run can use it is said."""
    made = drafted(pd.DataFrame({"at": DAYS[:3].astype(str), "x": [1, 2, 3.5], "left": [0, 1, 0]}))
    assert parse_model(made.text.encode(), "m.yaml").target.task == "binary"
    assert "too few" in {what: why for what, _, why in made.decisions}["rows"]


def test_separator_encoding_and_decimal_comma_are_found(tmp_path):
    """A file as a German spreadsheet writes it is read, and the arguments for that are kept."""
    (tmp_path / "m.csv").write_bytes("Datum;Betrag;Ort\n01.02.2024;1,5;Köln\n02.02.2024;2,25;Ulm\n".encode("cp1252"))
    table, arguments = read_undescribed("m.csv", tmp_path, as_of=pd.Timestamp("2025-01-01").to_pydatetime())
    assert {"encoding": "cp1252", "separator": ";", "decimal": ","} == arguments
    assert ([1.5, 2.25], ["Köln", "Ulm"]) == (list(table["Betrag"]), list(table["Ort"]))


def test_the_missing_share_of_a_column_is_said_first():
    """However long the values of a column are, the share of rows without one is not cut off."""
    long = pd.Series([f"a rather long value {i % 9}" for i in range(300)]).mask(np.arange(300) % 25 >= 11)
    (written,) = [each for each in drafted(rows(word=long)).text.splitlines() if each.startswith("  word:")]
    assert "# 56% missing; 9 values: a rather" in written


def test_columns_that_tell_much_of_the_target_are_one_question():
    """The strongest come first, at most eight are named, and how many more there are is said."""
    noise = np.random.default_rng(1).normal(size=(11, 300))
    made = drafted(rows(**{f"n{i}": values for i, values in enumerate(noise)}))
    made = made.asking({f"n{i}": f"AUC 0.{90 - i}" for i in range(11)}, {})
    (asked,) = [question for _, question in made.questions if "predict the target well" in question]
    assert asked.startswith("n0 (AUC 0.90), n1 (AUC 0.89), ")
    assert ("n7 (AUC 0.83) and 3 more" in asked, "n8" in asked) == (True, False)
    one = made.asking({"n3": "AUC 0.87"}, {})
    assert any(question.startswith("n3 (AUC 0.87) alone predicts the target well") for _, question in one.questions)


def test_an_exclusion_carries_over_to_the_names_of_the_same_things():
    """A category that maps nearly one to one onto an excluded identifier is excluded; one that groups it is not."""
    ids = np.arange(300) % 60
    names = pd.Series([f"name {i}" for i in ids])
    names[:6] = "name 59"  # nearly
    made = drafted(
        rows(film_id=ids, film=names, chain=[f"c{i % 30}" for i in ids], tone=[f"t{i % 61}" for i in range(300)])
    )
    assert "one to one onto film_id" in made.excluded["film"]
    assert {"chain", "tone"} <= {each.name for each in made.features}
    alone = drafted(pd.DataFrame({"at": DAYS, "film_id": ids, "film": names, "left": rows()["left"]}))
    assert ["film"] == [each.name for each in alone.features]


@pytest.mark.parametrize(("values", "role"), [(900, "feature"), (1200, "excluded")])
def test_a_category_of_thousands_of_values_names_things(values, role):
    """However many rows it has, a text of more than a thousand values is an identifier."""
    found = look(pd.Series([f"film {i % values}" for i in range(12_000)]), "film")
    assert (role, role == "excluded") == (found.role, found.names_things)
    assert role == "feature" or "names something" in found.why


def test_a_word_among_many_names_may_be_one_of_them():
    """A film called Unknown is no missing value; an Unknown that stands for many films is, and a question mark."""
    films = [f"film {chr(97 + i % 20)} {i % 300}" for i in range(3000)]
    few = pd.DataFrame({"film": [*films, "Unknown", "Unknown", "?"]})
    assert (["?"], ["Unknown"]) == missing_words(few)
    assert "# Unknown may mean 'missing'" in drafted(rows(film=["Unknown", *films[:299]])).text
    assert ["Unknown"] == missing_words(pd.DataFrame({"film": films + ["Unknown"] * 40}))[0]
    numbers = pd.DataFrame({"n": [*map(str, range(3000)), "unknown"]})
    assert ["unknown"] == missing_words(numbers)[0]
    assert "Unknown" in missing_words(few.assign(rated=["Unknown", "good", "bad"] * 1001))[0]
