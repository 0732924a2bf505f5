"""A form made from `parameters` cells: one field a parameter, of the kind that its annotation asks for.

The rules:
* what is typed becomes a value here and is judged below (`running.parameters`), before a process is started and again
  in it;
* only what was changed is given: a field that was left as it was keeps the notebook's default;
* what the run was given before is shown and cannot be changed; what the runner gives itself is not shown;
* a comment, a default and a name are text, whatever they hold.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import ipywidgets
from markupsafe import Markup

from sopkit.errors import ParameterError
from sopkit.panels import fields
from sopkit.running.parameters import OWN, Parameter

__all__ = ["TypedForm", "arguments"]

_KINDS = {bool: ipywidgets.Checkbox, int: ipywidgets.IntText, float: ipywidgets.FloatText, str: ipywidgets.Text}


class TypedForm:
    """Fields for parameters. `given` is what the run has been given already."""

    def __init__(self, parameters: Iterable[Parameter], given: Mapping[str, Any] | None = None) -> None:
        shown = {parameter.name: parameter for parameter in parameters if parameter.name not in OWN}
        self.parameters = tuple(shown.values())
        self.given = dict(given or {})
        self._json: set[str] = set()
        self.fields: dict[str, Any] = {parameter.name: self._field(parameter) for parameter in self.parameters}
        self._before = {name: field.value for name, field in self.fields.items()}
        rows = [self._row(parameter) for parameter in self.parameters]
        self.widget = ipywidgets.VBox(rows, layout=ipywidgets.Layout(width="100%"))

    def values(self) -> dict[str, Any]:
        """What was changed: name -> value. Raises ParameterError for a text that is no JSON where JSON is asked for."""
        return {
            parameter.name: self._value(parameter)
            for parameter in self.parameters
            if parameter.name not in self.given and self.fields[parameter.name].value != self._before[parameter.name]
        }

    def _field(self, parameter: Parameter) -> Any:
        value = self.given.get(parameter.name, parameter.default)
        kind = _KINDS.get(parameter.type)
        if kind is None or not isinstance(value, (int, float) if parameter.type is float else parameter.type):
            self._json.add(parameter.name)
            kind, value = ipywidgets.Text, json.dumps(value, ensure_ascii=False)
        options: dict[str, Any] = {"indent": True} if kind is ipywidgets.Checkbox else {}
        field = fields.labelled(kind, parameter.name, value, disabled=parameter.name in self.given, **options)
        field.tooltip = f"{parameter.name}: {parameter.annotation}"
        return field

    def _row(self, parameter: Parameter) -> ipywidgets.Widget:
        told = parameter.comment or ""
        if parameter.name in self._json:
            told = f"{told} — {parameter.annotation}, as JSON".removeprefix(" — ")
        if parameter.name in self.given:
            told = f"{told} (given before; a run keeps what it was given)".strip()
        if not told:
            return ipywidgets.VBox([self.fields[parameter.name]])
        about = fields.html(Markup('<span class="sop-quiet">{}</span>').format(told))
        about.layout = ipywidgets.Layout(width="min(100%, 46em)", margin="0", padding="0 0 .4em 9.9em")
        return ipywidgets.VBox([self.fields[parameter.name], about])

    def _value(self, parameter: Parameter) -> Any:
        value = self.fields[parameter.name].value
        if parameter.name not in self._json:
            return value
        try:
            return json.loads(value, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise ParameterError(
                f"parameter `{parameter.name}` is not JSON",
                expected=f"{parameter.annotation}, such as {json.dumps(parameter.default, ensure_ascii=False)}",
                got=value,
                remedy='texts stand in double quotes: ["a", "b"]',
            ) from None


def arguments(values: Mapping[str, Any]) -> list[str]:
    """The values as options of `sop run` and `sop resume`: always JSON, so that no text is taken for a number."""
    return [part for name, value in values.items() for part in ("-p", f"{name}={json.dumps(value)}")]


def _no_constant(name: str) -> Any:
    raise ValueError(name)
