import pytest

from sopkit.errors import DefinitionError, ParameterError
from sopkit.running.parameters import check_parameters, declared_parameters


def notebook(source: str) -> dict:
    return {"cells": [{"cell_type": "code", "metadata": {"tags": ["parameters"]}, "source": source}]}


def declared(source: str) -> dict:
    return {"trigger": declared_parameters(notebook(source), "notebooks/x.ipynb")}


def test_a_parameter_has_name_type_default_and_comment():
    """The parameters cell is read line by line: name, annotation, default and the comment behind it."""
    (found,) = declared_parameters(notebook('reason: str = ""  # why, for a manual start'), "x")
    assert ("reason", "str", "", "why, for a manual start") == (
        found.name,
        found.annotation,
        found.default,
        found.comment,
    )


def test_an_unknown_parameter_is_refused_with_the_nearest_name():
    """A parameter that no stage declares is an error that names the one that was probably meant."""
    with pytest.raises(ParameterError) as raised:
        check_parameters({"raeson": "x"}, declared('reason: str = ""'))
    assert "did you mean `reason`?" in str(raised.value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("int", "3"),
        ("int", 3.5),
        ("int", True),
        ("str", 3),
        ("float", "0.1"),
        ("bool", 1),
        ("list[str]", ["a", 1]),
        ("dict[str, float]", {"a": "b"}),
        ("str | None", 3),
    ],
)
def test_a_value_of_another_type_is_refused(annotation, value):
    """Nothing is coerced: a value of another type than the annotation is an error, before any kernel starts."""
    with pytest.raises(ParameterError, match="wrong type"):
        check_parameters({"x": value}, declared(f"x: {annotation} = None"))


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        ("int", 3),
        ("float", 3.5),
        ("str", ""),
        ("bool", False),
        ("list[str]", ["a"]),
        ("dict[str, float]", {"a": 1.5}),
        ("str | None", None),
    ],
)
def test_a_value_of_the_declared_type_is_given_to_the_stages_that_declare_it(annotation, value):
    """A value of the declared type goes to every stage that declares it, unchanged, and to no other."""
    stages = {**declared(f"x: {annotation} = None"), "collect": []}
    assert {"trigger": {"x": value}, "collect": {}} == check_parameters({"x": value}, stages)


@pytest.mark.parametrize(
    "source",
    [
        "x = 3",
        "x: int",
        "import os",
        "x: Path = None",
        "x: int = len('a')",
        "def f(): pass",
        "x: int = (",
        "x: list[Path] = None",
    ],
)
def test_a_parameters_cell_that_is_more_than_declarations_is_refused(source):
    """Anything but `name: type = literal` with a plain type is an error that names the line."""
    with pytest.raises(DefinitionError, match=r"notebooks/x\.ipynb"):
        declared(source)


def test_a_notebook_has_exactly_one_parameters_cell():
    """No parameters cell, or two, is an error."""
    with pytest.raises(DefinitionError, match="exactly one"):
        declared_parameters({"cells": []}, "x")
