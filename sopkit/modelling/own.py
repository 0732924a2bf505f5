"""The functions that a model file names in the workspace's own Python file: loaded from the pinned copy, by name.

They are called elsewhere (`evidence.own_measures`, the checks of the data). A name that is not there, or that is
no function, is an error of the definition, before anything is measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from sopkit.errors import DefinitionError
from sopkit.modelling.modules import attribute

__all__ = ["own_functions"]


class _Named(Protocol):
    @property
    def function(self) -> str: ...


def own_functions(
    named: Mapping[str, _Named], module: Path | None, *, where: str = "evaluation.measures"
) -> dict[str, Callable[..., Any]]:
    """Name -> function for the entries of a model file that have a `function`, from the file at `module`.

    Raises DefinitionError for a name that is missing or cannot be called, DataError where the file does not load.
    """
    found = {}
    for name, entry in named.items():
        place = f"{where}.{name}.function"
        function = attribute(entry.function, module, where=place)
        if not callable(function):
            got = f"{entry.function} is a {type(function).__name__}"
            raise DefinitionError("no function stands behind the name", where=place, expected="a function", got=got)
        found[name] = function
    return found
