"""Functions of the workspace's own file are found by name before anything is measured."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sopkit import modelling
from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError, DefinitionError

Make = Callable[..., ModelFile]
FILE = '''"""Own measures."""

LIMIT = 3


def share(y_true, y_pred, rows):
    return float((y_pred > 0.5).mean())
'''


def named(make: Make, function: str) -> ModelFile:
    return make(evaluation={"measures": {"share": {"function": function, "better": "lower"}}})


@pytest.fixture
def module(tmp_path: Path) -> Path:
    path = tmp_path / "sensors.py"
    path.write_text(FILE)
    return path


def test_a_function_is_loaded_from_the_pinned_bytes(model_with: Make, module: Path) -> None:
    """It is the file's function, and its module's name carries the digest of the bytes that were executed."""
    found = modelling.own_functions(named(model_with, "sensors:share").evaluation.measures, module)
    assert list(found) == ["share"]
    assert found["share"].__module__ == modelling.load_module(module).__name__


@pytest.mark.parametrize(
    ("text", "function", "said"),
    [
        (FILE, "sensors:chair", "has no 'chair'"),
        (FILE, "sensors:LIMIT", "no function stands behind the name"),
        ("import nothing_of_that_name", "sensors:share", "the module does not load"),
        (None, "sensors:share", "the model file has none beside it"),
    ],
)
def test_a_name_without_a_function_is_an_error_of_the_definition(
    model_with: Make, tmp_path: Path, text: str | None, function: str, said: str
) -> None:
    """A missing file, a missing name, a number or a file that does not load: an error that says which."""
    path = tmp_path / "sensors.py"
    path.write_text(text or "")
    measures = named(model_with, function).evaluation.measures
    with pytest.raises((DefinitionError, DataError), match=said):
        modelling.own_functions(measures, path if text else None)


def test_a_run_does_not_start_without_the_function(model_with: Make, written: Path, module: Path) -> None:
    """The name of an own measure is looked for before a run is started, without executing the file."""
    modelling.require_source(named(model_with, "sensors:share"), root=written, module=module)
    with pytest.raises(DefinitionError, match="has no 'chair'") as raised:
        modelling.require_source(named(model_with, "sensors:chair"), root=written, module=module)
    assert "evaluation.measures.share.function" in str(raised.value)
