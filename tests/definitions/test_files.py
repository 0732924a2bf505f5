from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sopkit.definitions import load_model, load_people, load_sop, parse_model, parse_people, parse_sop
from sopkit.errors import DefinitionError

MODEL = """\
model: churn
data: {source: churn.csv, time: day}
target: {column: left, task: binary}
features:
  age:
  plan: categorical
  income: {known_at: at signing}
"""


def test_four_keys_are_a_model_file():
    """`model`, `data`, `target` and `features` suffice; a feature is a kind, a mapping, or nothing at all."""
    model = parse_model(MODEL.encode(), "churn.yaml")
    assert {name: feature.type for name, feature in model.features.items()} == {
        "age": "numeric",
        "plan": "categorical",
        "income": "numeric",
    }
    assert model.evaluation.window == timedelta(days=30)


def test_all_problems_of_a_file_are_told_at_once():
    """One error lists each problem by line, with its field, what was expected and what was found."""
    data = (
        MODEL.replace("time: day", "tme: day, label_delay: soon").replace("binary", "binry")
        + "evaluation: {folds: 1}\n"
    )
    with pytest.raises(DefinitionError) as caught:
        parse_model(data.encode(), "templates/models/churn.yaml")
    assert str(caught.value) == (
        "templates/models/churn.yaml: 5 problems\n"
        "  templates/models/churn.yaml:2: data.time: missing\n"
        "  templates/models/churn.yaml:2: data.label_delay: not understood; "
        'expected a length of time such as 30d, 12h, 90m or 2w; got "soon"\n'
        "  templates/models/churn.yaml:2: data.tme: unknown key, did you mean 'time'?; expected one of source, query, "
        "arguments, time, time_format, id, entity, rows_independent, label_delay, history, missing_values, columns, "
        "keep_rows_where, fresh_within, minimum_rows, checks, indicators\n"
        "  templates/models/churn.yaml:3: target.task: not valid; expected 'binary', 'multiclass' or 'regression'; "
        'got "binry"\n'
        "  templates/models/churn.yaml:8: evaluation.folds: not valid; expected greater than or equal to 2; got 1"
    )


def test_a_single_problem_stands_by_itself():
    """A file with one problem gives the error of that problem, at its line."""
    with pytest.raises(DefinitionError) as caught:
        parse_model(MODEL.replace("plan: categorical", "plan: categoric").encode(), "churn.yaml")
    assert str(caught.value) == (
        "churn.yaml:6: features.plan.type: not valid\n"
        "  expected: 'numeric', 'categorical' or 'text'\n"
        '  got:      "categoric"'
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "evaluation: {margin: true}",
        'evaluation: {minimum_rows: "3"}',
        "evaluation: {margin: .nan}",
        "evaluation: {margin: .inf}",
        "evaluation: {margin: 1e999}",
        "evaluation: {by_entity: no}",
        "evaluation: {folds: 2.5}",
        "title: 3",
    ],
)
def test_nothing_is_coerced(wrong):
    """A boolean or a number in quotes is no number, `no` is no boolean, NaN and infinity are no limits."""
    with pytest.raises(DefinitionError):
        parse_model((MODEL + wrong).encode(), "churn.yaml")


def test_a_missing_file_names_its_neighbours(project):
    """A misspelt file name is answered with the one that was meant."""
    with pytest.raises(DefinitionError, match=r"flihts.yaml:1: there is no such file, did you mean 'flights.yaml'\?"):
        load_model(project / "templates/models/flihts.yaml")


def test_a_folder_is_no_file(tmp_path):
    """What cannot be read is a definition error with the system's reason."""
    with pytest.raises(DefinitionError, match="cannot be read"):
        load_sop(tmp_path)


def test_a_pinned_copy_is_named_as_the_caller_says():
    """Bytes are parsed like a file, under a name that says whose copy they are."""
    with pytest.raises(DefinitionError, match=r"^retraining.yaml, pinned by run x:1: the file is empty"):
        parse_sop(b"", "retraining.yaml, pinned by run x")


def test_dates_in_the_people_file_begin_at_midnight_utc():
    """`2026-01-01` is its first instant in UTC; a time keeps the zone it is written with."""
    written = (
        "people: [{id: ann, name: Ann, roles: [{role: validator, from: 2026-01-01, until: 2027-01-01T12:00:00+02:00}]}]"
    )
    held = parse_people(written.encode(), "people.yaml").people[0].roles[0]
    assert held.from_ == datetime(2026, 1, 1, tzinfo=UTC)
    assert held.until == datetime(2027, 1, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    assert held.valid_at(datetime(2026, 1, 1, tzinfo=UTC))
    assert not held.valid_at(datetime(2027, 1, 1, 10, tzinfo=UTC))


@pytest.mark.parametrize("moment", ["2026-01-01T09:00:00", "2026-02-30", "soon", "20260101", "1767225600"])
def test_a_time_without_a_zone_is_refused(moment):
    """Whether a role was held must not depend on where the file is read."""
    written = f"people: [{{id: ann, name: Ann, roles: [{{role: validator, from: {moment}}}]}}]"
    with pytest.raises(DefinitionError, match=r"people\.0\.roles\.0\.from"):
        parse_people(written.encode(), "people.yaml")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("owner: validator", "owner: validatr", r":\d+: stages\.4\.owner: 'validatr' is not described under `roles`"),
        ("id: retrain\n", "id: prepare\n", r"stages\.3\.id: two stages have the id 'prepare'"),
        ("id: promotion", "id: data", r"stages\.4\.gate\.id: two gates have the id 'data'"),
        ("{data-steward: 1}", "{data-stewart: 1}", r"stages\.1\.gate\.roles\.data-stewart: .* is not described"),
    ],
)
def test_a_sop_that_contradicts_itself_is_refused_at_the_line(project, old, new, said):
    """Roles that are used and not described, and ids given twice, are errors at the place that says so."""
    text = (project / "templates/sops/retraining.yaml").read_text()
    assert text.count(old) == 1
    line = text[: text.index(old)].count("\n") + 1
    with pytest.raises(DefinitionError, match=said) as caught:
        parse_sop(text.replace(old, new).encode(), "retraining.yaml")
    assert caught.value.where == f"retraining.yaml:{line}"


def test_the_people_template_lists_nobody_and_its_example_is_valid(project):
    """The template trusts no one; its commented example, uncommented, is a valid people file."""
    path = project / "templates/people.yaml"
    assert load_people(path).people == []
    lines = path.read_text().splitlines()
    start = lines.index("# people:")
    example = [line.removeprefix("# ") for line in lines[start:]]
    ann = parse_people("\n".join(example[: example.index("#")]).encode(), "people.yaml").person("ann")
    assert ann is not None
    assert [held.role for held in ann.roles] == ["people-admin", "validator"]


def test_reading_definitions_loads_no_heavy_library():
    """The command line reads definitions before it knows whether it will need pandas."""
    rooms = "sopkit.definitions.lint, sopkit.definitions.diagram, sopkit.definitions.expressions"
    code = f"import sys, {rooms}; sopkit.definitions.expressions.parse('a > 1')"
    heavy = "{'pandas', 'numpy', 'sklearn', 'nbformat', 'papermill', 'matplotlib'}"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print({heavy} & set(sys.modules))"], capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


def test_reasons_to_keep_rows_are_shown_where_they_are_written_as_a_list():
    """A list of conditions is refused with an example of a reason and its condition."""
    wrong = MODEL.replace("data:", "data: {keep_rows_where: [amount > 0], source: x.csv, time: at}\n#", 1)
    with pytest.raises(DefinitionError, match=r"a mapping, such as `\{no test orders: amount > 0\}`"):
        parse_model(wrong.encode(), "churn.yaml")
