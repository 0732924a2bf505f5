from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sopkit.definitions.files import load_sop
from sopkit.definitions.lint import check

TODAY = date(2026, 11, 20)
SOP = "templates/sops/retraining.yaml"
FLIGHTS = "templates/models/flights.yaml"
PEOPLE = "templates/people.yaml"
EVALUATE = "notebooks/retraining/05_evaluate.ipynb"

ANN = """\
people:
  - id: ann
    name: Ann
    keys: [{public: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJCzNZ6sVJ1bcRQb5wHvLeZaTIXEVyNHkDJ8WNcKy2Zr ann}]
    roles: [{role: people-admin}, {role: validator}, {role: model-owner}]
"""


def notebook(title: str, *cells: dict[str, Any]) -> dict[str, Any]:
    head = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": f"# {title}\n\nProse."},
        code("parameters", 'run: str = ""  # empty: a draft', tags=["parameters"]),
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [*head, *cells]}


def code(id: str, source: str, *, tags: list[str] | None = None, **changed: Any) -> dict[str, Any]:
    metadata = {"tags": tags} if tags else {}
    cell = {
        "cell_type": "code",
        "id": id,
        "metadata": metadata,
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    return {**cell, **changed}


@pytest.fixture
def workspace(project: Path, tmp_path: Path) -> Path:
    """A workspace without a problem, but that nobody is listed in its people file."""
    shutil.copytree(project / "templates", tmp_path / "templates")
    for stage in load_sop(tmp_path / "templates/sops/retraining.yaml").stages:
        path = tmp_path / "notebooks" / stage.notebook
        path.parent.mkdir(parents=True, exist_ok=True)
        recorded = code("results", "\n".join(f'this.record("{name}", None)' for name in stage.results))
        path.write_text(json.dumps(notebook(stage.title, recorded), indent=1))
    return tmp_path


@pytest.fixture
def change(workspace: Path) -> Callable[[str, str, str], None]:
    """Replace a piece of text that a file of the workspace has exactly once."""

    def change(file: str, old: str, new: str) -> None:
        path = workspace / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    return change


def found(workspace: Path, *, today: date = TODAY, file: str | None = None) -> list[str]:
    problems = check(workspace, today=today)
    return [f"{problem.severity} {problem}" for problem in problems if file is None or problem.file == file]


def test_the_templates_are_without_a_problem(workspace):
    """The project's own definitions pass their own checks; that nobody is listed is said once."""
    assert found(workspace) == [
        "warning templates/people.yaml:28: people: nobody is listed: "
        "gates open in demonstrations only (--demo-reviewers)"
    ]


def test_the_notebooks_are_without_a_problem(workspace, project):
    """The project's own stage notebooks pass the same checks as anybody's."""
    shutil.copytree(project / "notebooks", workspace / "notebooks", dirs_exist_ok=True)
    assert [problem for problem in found(workspace) if "notebooks/" in problem] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (SOP, "sop: retraining", "sop: training", "error {}:2: sop: the name differs from the file's"),
        (
            SOP,
            "last: 2026-11-02",
            "last: 2026-01-02",
            "warning {}:14: review.last: the review is overdue since 2026-07-03",
        ),
        (SOP, "last: 2026-11-02", "last: 2027-11-02", "error {}:14: review.last: the last review lies in the future"),
        (SOP, "retraining/05_evaluate", "retraining/05_evalute", "did you mean 'retraining/05_evaluate.ipynb'?"),
        (SOP, "retraining/05_evaluate.ipynb", "../../etc/passwd", "stages.4.notebook: not a notebook below notebooks/"),
        (
            SOP,
            "title: Train the challengers",
            "title: Train",
            "error notebooks/retraining/04_retrain.ipynb:1: the title differs",
        ),
        (
            SOP,
            "title: Train the challengers",
            "title: Start the training job",
            "stages.3.title: the word 'job'; expected 'run'",
        ),
        (SOP, "wait: promotion.soak", "wait: promotion.soke", "has no `promotion.soke`, did you mean 'soak'?"),
        (
            SOP,
            "wait: promotion.soak",
            "wait: promotion.alias",
            "`promotion.alias` of the model file is not a length of time",
        ),
        (SOP, "rows: {title: Rows that may be used}", "Rows!: {title: Rows}", "a name that no notebook can record"),
        (SOP, "roles: {data-steward: 1}", "roles: {data-steward: 0}", "asks for nobody; expected at least 1; got 0"),
        (
            SOP,
            "roles: {data-steward: 1}",
            "roles: {data-steward: 1}\n      separation: false",
            "nobody else has to look",
        ),
        (SOP, "priority: high\n", "", None),
        (SOP, "answered_by: prepare.leak_free_split", "answered_by: prepare.leak_free", "no stage declares the result"),
        (
            SOP,
            "answered_by: collect.label_maturity",
            "answered_by: evaluate.decision",
            "checklist.3.answered_by: recorded only after gate 'data'; got evaluate.decision",
        ),
        (
            SOP,
            "answered_by: collect.groups_examined",
            "answered_by: collect.groups_examined\n    role: data-steward",
            "a result answers this, so nobody is asked",
        ),
        (SOP, "  - id: split\n", "  - id: fairness\n", "two items have the id 'fairness'"),
        (
            SOP,
            'be told?\n    source: "EU AI Act (2024/1689), Article 13(3)(b)"\n    gate: promotion',
            "be told?\n    gate: promotoin",
            "the SOP has no gate 'promotoin', did you mean 'promotion'?",
        ),
        (
            SOP,
            "gate: promotion\n    role: validator\n  - id: limits-of-use",
            "gate: promotion\n    role: compliance\n  - id: limits-of-use",
            "'compliance' does not sign at gate 'promotion'",
        ),
        (SOP, "question: Is a model shown to be better than none?", "question: A model is better", "not a question"),
        (SOP, "module: AI Factory Model Management / Model Retraining\n", "", "no `module`"),
        (
            FLIGHTS,
            "expression: arr_delay >= 15",
            "expression: arr_delay = 15",
            "target.expression: the expression cannot be read",
        ),
        (
            FLIGHTS,
            "expression: arr_delay >= 15",
            "expression: arr_delay + 15",
            "gives a number; expected a condition for a binary",
        ),
        (
            FLIGHTS,
            "expression: arr_delay >= 15",
            "expression: distance >= 15",
            "features.distance: the target is made of it",
        ),
        (
            FLIGHTS,
            "expression: arr_delay >= 15",
            "column: x\n  expression: y > 1",
            "target: what is predicted must be said once",
        ),
        (FLIGHTS, "  tailnum: Names", "  carrier: Names", "features.carrier: is also excluded (line 62)"),
        (
            FLIGHTS,
            "slices: [origin, carrier]",
            "slices: [origin, carier]",
            "slices.1: 'carier' is no known column, did you mean 'carrier'?",
        ),
        (FLIGHTS, "    window: 60d", "    features: [carier]", "'carier' is no feature, did you mean 'carrier'?"),
        (FLIGHTS, "    window: 60d\n", "", "challengers.last-two-months: the same recipe as 'all-past'"),
        (FLIGHTS, "class: sklearn.ensemble", "class: torch.nn", "estimator.class: an estimator from elsewhere"),
        (
            FLIGHTS,
            "source: flights:load",
            "source: flights:lod",
            "flights.py does not define `lod`, did you mean 'load'?",
        ),
        (FLIGHTS, "source: flights:load", "source: trains:load", "the Python file is not named like the model file"),
        (FLIGHTS, "source: flights:load", "source: data/*.csv", "warning {}:10: data.source: no file matches"),
        (FLIGHTS, "source: flights:load", "source: postgresql://me:secret@host/db", "a password in the file"),
        (
            FLIGHTS,
            "dep_delay is not missing",
            "dep_delay is",
            "data.keep_rows_where.cancelled, never departed: the expression",
        ),
        (FLIGHTS, "dep_delay is not missing", "dep_delay + 1", "gives number; expected a condition"),
        (
            FLIGHTS,
            "temp: {min: -20, max: 115",
            "temp: {min: 115, max: -20",
            "data.columns.temp: no value can be in the range",
        ),
        (
            FLIGHTS,
            "    visib: {min: 0",
            "    visibility: {min: 0",
            "is no feature, target or excluded column, did you mean 'visib'?",
        ),
        (FLIGHTS, '"^[A-Z]{3}$"', '"^[A-Z{3}$"', "data.columns.dest.pattern: not a regular expression"),
        (
            FLIGHTS,
            "value: 0.3, window: 30d",
            "window: 30d",
            "triggers.conditions.drift: not measurable: no value for drift",
        ),
        (
            FLIGHTS,
            "value: 0.3, window: 30d",
            "value: 30, window: 30d",
            "not a value for drift; expected a share of features",
        ),
        (FLIGHTS, "value: 0.3, window: 30d", "value: 0.3", "warning {}:87: triggers.conditions.drift: no `window`"),
        (
            FLIGHTS,
            "value: 180d",
            "value: long",
            "not a value for staleness; expected a length of time such as 180d; got long",
        ),
        (FLIGHTS, '"0 6 1 1,7 *"', '"every month"', "not measurable: no schedule"),
        (FLIGHTS, "  window: 30d\n\n", "  window: 10d\n\n", "every interval will be insufficient"),
        (FLIGHTS, "model: flights", "model: trains", "error {}:2: model: the name differs from the file's"),
        (FLIGHTS, "model: flights", "modle: flights", "unknown key, did you mean 'model'?"),
        (PEOPLE, "people: []", ANN, "gate 'data' of retraining cannot open: too few people hold 'data-steward'"),
        (PEOPLE, "people: []", ANN, "gate 'promotion' of retraining cannot open: too few people hold 'model-owner'"),
        (PEOPLE, "people: []", ANN.replace("role: validator", "role: validater"), "did you mean 'validator'?"),
        (PEOPLE, "people: []", ANN.replace("AAAAC3", "AAAAC4"), "people.0.keys.0.public: not an OpenSSH key"),
        (PEOPLE, "people: []", ANN + ANN.split("\n", 1)[1], "people.1.id: two persons have this id"),
        (
            PEOPLE,
            "people: []",
            ANN + ANN.split("\n", 1)[1].replace("id: ann", "id: bob"),
            "the key is already that of 'ann'",
        ),
        (PEOPLE, "people: []", ANN.replace("{role: people-admin}, ", ""), "no `people-admin`"),
    ],
)
def test_what_is_wrong_with_a_definition_is_found(workspace, change, file, old, new, said):
    """Each change of a sound definition gives the problem that it makes, at its place."""
    change(file, old, new)
    problems = found(workspace)
    if said is None:
        assert len(problems) == 1
    else:
        assert any(said.format(file) in problem for problem in problems), "\n".join(problems)


def test_a_sop_that_moves_something_says_what_is_done_without_a_model(workspace, change):
    """No fallback is a warning: on the day when no model is fit, somebody would have to invent it."""
    path = workspace / SOP
    text = path.read_text()
    start, end = text.index("fallback: >-"), text.index("# Questions of compliance")
    path.write_text(text[:start] + text[end:])
    assert any("no `fallback`" in problem for problem in found(workspace, file=SOP))


def test_one_person_cannot_take_two_seats_at_a_gate(workspace, change):
    """A gate for two roles needs two people, though each role has a holder; a second holder of either role opens it."""
    change(PEOPLE, "people: []", ANN)
    assert any("'promotion'" in problem for problem in found(workspace, file=PEOPLE))
    bob = (
        ANN.split("\n", 1)[1]
        .replace("ann", "bob")
        .replace("{role: people-admin}, ", "")
        .replace(", {role: model-owner}", "")
    )
    change(PEOPLE, ANN, ANN + bob)
    assert not any("'promotion'" in problem for problem in found(workspace, file=PEOPLE))


def test_a_role_that_has_expired_holds_no_gate_open(workspace, change):
    """Who holds a role is judged on the day that is asked about."""
    change(PEOPLE, "people: []", ANN.replace("{role: validator}", "{role: validator, until: 2026-12-01}"))
    before = [problem for problem in found(workspace, file=PEOPLE) if "'promotion'" in problem]
    after = [problem for problem in found(workspace, file=PEOPLE, today=date(2026, 12, 2)) if "'promotion'" in problem]
    assert "'model-owner'" in before[0]
    assert "'validator'" in after[0]
    assert "got nobody" in after[0]


INDICATORS = (
    "  indicators:\n"
    "    rates: {source: rates.csv, time: month, column: rate, published_after: 30d}\n"
    "    fuel: {source: fuel.csv, time: month, column: price}\n"
)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("{kind: indicator, comparison: above, value: 5, window: 90d}", "what is watched must be said once"),
        (
            "{kind: indicator, indicator: rates, column: temp, comparison: above, value: 5, window: 90d}",
            "expected `indicator` or `column`; got both",
        ),
        (
            "{kind: indicator, indicator: rate, comparison: above, value: 5, window: 90d}",
            "'rate' is not under data.indicators, did you mean 'rates'?",
        ),
        ("{kind: indicator, column: tempp, comparison: above, value: 5, window: 1d}", "did you mean 'temp'?"),
        ("{kind: indicator, column: moon, comparison: above, value: 5, window: 1d}", "warning"),
        (
            "{kind: indicator, indicator: rates, comparison: above, window: 90d}",
            "not measurable: no value for indicator",
        ),
        ("{kind: indicator, indicator: rates, comparison: above, value: 5}", "not measurable: no window for indicator"),
        ("{kind: indicator, indicator: rates, comparison: change, value: 0, window: 90d}", "not a value for indicator"),
        ("{kind: indicator, indicator: rates, value: 1, window: 90d}", "no `comparison`: a change"),
        ("{kind: indicator, indicator: rates, comparison: above, value: 5, window: 0d}", "no time at all"),
        ("{kind: drift, column: temp, value: 0.3, window: 30d}", "a trigger of kind drift has no column"),
        ("{kind: volume, comparison: above, value: 100}", "a trigger of kind volume has no comparison"),
        ("{kind: drift, value: 0.5, window: 7d}", "another window than 'it'"),
    ],
)
def test_a_trigger_has_a_metric_a_comparison_a_value_and_a_window(workspace, change, written, said):
    """What a trigger lacks or names wrongly is said before a run."""
    change("templates/models/flights.yaml", "  minimum_rows: 1000\n", f"  minimum_rows: 1000\n{INDICATORS}")
    change("templates/models/flights.yaml", "  conditions:\n", f"  conditions:\n    it: {written}\n")
    problems = found(workspace)
    assert any(said in problem for problem in problems), problems


def test_an_indicator_that_nothing_watches_is_told(workspace, change):
    """A series that no trigger names is there for nothing, and a trigger that is written well has no problem."""
    for name in ("rates", "fuel"):
        (workspace / f"{name}.csv").write_text("month,rate,price\n2013-01-01,1,2\n")
    change("templates/models/flights.yaml", "  minimum_rows: 1000\n", f"  minimum_rows: 1000\n{INDICATORS}")
    well = "    it: {kind: indicator, indicator: rates, comparison: above, value: 5, window: 90d}\n"
    change("templates/models/flights.yaml", "  conditions:\n", f"  conditions:\n{well}")
    problems = [problem for problem in found(workspace) if "flights.yaml" in problem]
    assert len(problems) == 1
    assert "data.indicators.fuel: no trigger watches it" in problems[0]


@pytest.mark.parametrize(
    ("cell", "said"),
    [
        (
            code("a-cell", "\n".join(["x = 1"] * 11)),
            "warning {}: cell a-cell: too long to read at a glance; expected at most 10 lines; got 11",
        ),
        (code("a-cell", "def f():\n    return 1"), "warning {}: cell a-cell: defines `f`"),
        (code("a-cell", "class A: pass"), "warning {}: cell a-cell: defines `A`"),
        (code("a-cell", "x = 1\n%matplotlib inline"), "error {}: cell a-cell: a magic or shell command"),
        (code("a-cell", "!ls"), "error {}: cell a-cell: a magic or shell command"),
        (code("a-cell", "import ipywidgets as w"), "error {}: cell a-cell: a widget"),
        (code("a-cell", "x = ("), "error {}: cell a-cell: not Python"),
        (code("a-cell", "1", execution_count=3), "error {}: cell a-cell: outputs or an execution count in the source"),
        (code("8f3a1c2d", "1"), "warning {}: cell 8f3a1c2d: an id that nobody can say"),
        (code("", "1"), "warning {}: cell 3: an id that nobody can say"),
        (code("title", "1"), "cell title: two cells have this id"),
        (code("more", "y = 1", tags=["parameters"]), "cells tagged `parameters`; expected exactly one; got 2"),
    ],
)
def test_a_source_notebook_is_one_to_read(workspace, cell, said):
    """Long cells, definitions, magics, widgets, outputs and random ids are named with their cell and its line."""
    path = workspace / EVALUATE
    made = notebook("Compare champion and challenger", cell)
    path.write_text(json.dumps(made, indent=1))
    line = path.read_text()[: path.read_text().index(f'"id": "{cell["id"]}"')].count("\n") + 1
    problems = found(workspace, file=EVALUATE)
    assert any(said.format(f"{EVALUATE}:{line}") in problem for problem in problems), "\n".join(problems)


def test_a_parameter_needs_a_type(workspace):
    """Parameters are checked against their annotations before a kernel starts, so each must have one."""
    made = json.loads((workspace / EVALUATE).read_text())
    made["cells"][1]["source"] = 'run: str = ""\nseed = 3'
    (workspace / EVALUATE).write_text(json.dumps(made))
    assert found(workspace, file=EVALUATE) == [
        f"error {EVALUATE}:1: cell parameters: a parameter without a type; expected name: type = default; got seed = 3"
    ]


def test_a_result_that_no_cell_records_is_named(workspace):
    """A stage whose notebook forgets a result would only fail after it was executed."""
    path = workspace / EVALUATE
    path.write_text(path.read_text().replace('this.record(\\"decision\\", None)', "pass"))
    assert found(workspace, file=EVALUATE) == [
        f"warning {EVALUATE}:1: no cell records the result 'decision'; expected this.record(\"decision\", …)"
    ]


@pytest.mark.parametrize(
    "data", [b"", b"{}", b"[]", b'{"cells": 3, "nbformat": 4}', b"\xff", b'{"cells": [3], "nbformat": 4}']
)
def test_what_is_no_notebook_is_said_so(workspace, data):
    """A broken file is a problem, not a crash."""
    (workspace / EVALUATE).write_bytes(data)
    assert found(workspace, file=EVALUATE) == [
        f"error {EVALUATE}:1: not a notebook; expected nbformat 4 JSON with cells"
    ]


def test_a_sop_that_is_too_much_is_said_so(workspace, change):
    """More than nine stages, and a stage that leaves nothing behind, are warnings."""
    path = workspace / SOP
    more = "".join(
        f"\n  - id: more{n}\n    title: More {n}\n    purpose: Purpose {n}\n    owner: ml-engineer\n"
        f"    notebook: retraining/more{n}.ipynb\n    on_failure: Ask.\n"
        for n in range(3)
    )
    path.write_text(path.read_text() + more)
    problems = found(workspace, file=SOP)
    assert any("too many stages to keep in mind; expected at most 9; got 10" in problem for problem in problems)
    assert sum("has no results, outputs or gate: is it needed?" in problem for problem in problems) == 3


def test_something_in_service_cannot_move_without_a_gate(workspace):
    """A SOP whose outcome moves something needs a gate somewhere."""
    path = workspace / SOP
    text = path.read_text()
    first, second = text.index("    gate:\n      id: data"), text.index("    gate:\n      id: promotion")
    end = [text.index("\n  - id:", at) for at in (first, second)]
    path.write_text(text[:first] + text[end[0] : second] + text[end[1] :])
    assert any("moves something in service, and no stage has a gate" in problem for problem in found(workspace))


def test_only_the_files_that_are_asked_about_are_reported(workspace, change):
    """`files` narrows the answer; a file that is no definition of the workspace is an error."""
    change(FLIGHTS, "model: flights", "model: trains")
    assert check(workspace, today=TODAY, files=[workspace / SOP]) == []
    assert [problem.file for problem in check(workspace, today=TODAY, files=[Path(FLIGHTS)])] == [FLIGHTS]
    asked = check(workspace, today=TODAY, files=[Path("templates/models/flihts.yaml")])
    assert str(asked[0]) == (
        "templates/models/flihts.yaml:1: no definition of this workspace, did you mean 'templates/models/flights.yaml'?"
    )


def test_a_file_that_cannot_be_read_does_not_hide_the_others(workspace, change):
    """Each file is checked for itself: one that is malformed is one problem more."""
    change(FLIGHTS, "model: flights", "\tmodel: flights")
    change(SOP, "sop: retraining", "sop: training")
    problems = found(workspace)
    assert any(f"error {FLIGHTS}:2: a tab" in problem for problem in problems)
    assert any(f"error {SOP}:2: sop: the name differs" in problem for problem in problems)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("primary: roc_auk", "no metric 'roc_auk' for a binary target, did you mean 'roc_auc'?"),
        ("primary: r2", "evaluation.primary: no metric 'r2' for a binary target"),
        ("guardrails: {mae: 0.1}", "evaluation.guardrails.mae: no metric 'mae' for a binary target"),
        (
            "measures: {late: {function: 'flights:lode', better: lower}}",
            "flights.py does not define `lode`, did you mean",
        ),
        ("measures: {late: {function: 'lode', better: lower}}", "evaluation.measures.late.function: not a function"),
        ("measures: {brier: {function: 'flights:load', better: lower}}", "an own measure is called like a metric"),
        ("measures: {late: {function: 'flights:load', better: lower}}\n  primary: late", None),
        ("costs: {over: 2, false_positive: 1}", "evaluation.costs.over: a binary target has no such answer"),
        ("costs: {unit: h}", "evaluation.costs: no answer costs anything"),
        ("costs: {false_negative: 8, unit: h}", None),
    ],
)
def test_what_judging_rests_on_is_checked_before_a_run(workspace, change, written, said):
    """Metrics exist for the task, own functions exist in the file, and costs belong to answers of the task."""
    change("templates/models/flights.yaml", "  window: 30d\n\ntriggers", f"  window: 30d\n  {written}\n\ntriggers")
    problems = found(workspace, file="templates/models/flights.yaml")
    assert len(problems) == (said is not None)
    assert all(said in problem for problem in problems)


@pytest.mark.parametrize(
    ("feature", "said"),
    [("carrier: {type: categorical", None), ("carrier: {type: numeric", "features.carrier: names whom a row is about")],
)
def test_an_entity_may_be_a_category_and_is_no_amount(workspace, change, feature, said):
    """A shop or a city may be both whom a row is about and a feature; as a number its name is warned about."""
    change("templates/models/flights.yaml", "  keep_rows_where:", "  entity: carrier\n  keep_rows_where:")
    change("templates/models/flights.yaml", "carrier: {type: categorical", feature)
    problems = found(workspace, file="templates/models/flights.yaml")
    assert len(problems) == (said is not None)
    assert all(said in problem for problem in problems)
