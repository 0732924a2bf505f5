"""The columns that a model file asks for, by name. Needs no table, so a source can be judged before it is read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sopkit.definitions.expressions import parse
from sopkit.definitions.model import Data, Indicator, ModelFile
from sopkit.errors import DataError, SopkitError

__all__ = [
    "about_indicator",
    "declared_columns",
    "indicator_data",
    "label_columns",
    "require_columns",
    "require_indicator",
]


def label_columns(model: ModelFile, *, every: bool = False) -> list[str]:
    """The columns that the target is made of; without those that are features too, unless `every`."""
    names = [model.target.column] if model.target.column else sorted(parse(model.target.expression or "").names)
    return [name for name in names if every or name not in model.features]


def declared_columns(model: ModelFile) -> dict[str, str]:
    """Every column that has to be in the data -> the place in the model file that asks for it."""
    wanted = {model.data.time: "data.time", **dict.fromkeys(model.data.id, "data.id")}
    wanted |= dict.fromkeys(label_columns(model, every=True), "target") | dict.fromkeys(model.features, "features")
    if model.data.entity:
        wanted[model.data.entity] = "data.entity"
    wanted |= dict.fromkeys(model.slices, "slices") | dict.fromkeys(model.protected, "protected")
    for text in model.data.keep_rows_where.values():
        wanted |= {name: "data.keep_rows_where" for name in parse(text).names if name not in wanted}
    return wanted


def require_columns(names: Sequence[str], model: ModelFile, *, where: object = None) -> None:
    """Raises DataError when a declared column is not among `names`."""
    wanted = declared_columns(model)
    missing = {name: place for name, place in wanted.items() if name not in names}
    if not missing:
        return
    remedy = "correct the names in the model file"
    if len(names) == 1 and re.search(r"[;\t|]", names[0]):
        remedy = "the fields look separated otherwise: give data.arguments: {separator: ';'}"
    raise DataError(
        f"the data lacks {', '.join(f'{name!r} ({place})' for name, place in missing.items())}",
        where=where or model.data.source,
        expected=f"columns {', '.join(wanted)}",
        got=", ".join(map(str, names)) or "no columns",
        remedy=remedy,
    )


def indicator_data(given: Indicator) -> Data:
    """An indicator's source in the form of the rows' own, so that it is looked at and read in the same way."""
    parts = ("source", "query", "arguments", "time", "time_format")
    return Data(**{name: getattr(given, name) for name in parts})


def require_indicator(names: Sequence[str], name: str, given: Indicator, *, where: object = None) -> None:
    """Raises DataError when the time or the value of an indicator is not among the columns `names`."""
    for wanted in (given.time, given.column):
        if wanted not in names:
            raise DataError(
                f"the source has no column {wanted!r}",
                where=where or given.source,
                expected=f"{given.time} and {given.column}",
                got=", ".join(map(str, names)) or "no columns",
                remedy=f"correct data.indicators.{name} in the model file",
            )


@contextmanager
def about_indicator(name: str) -> Iterator[None]:
    """Errors raised inside say which indicator they are about, and not that of the rows."""
    try:
        yield
    except SopkitError as error:
        remedy = (error.remedy or "").replace("data.source", f"data.indicators.{name}.source") or None
        what = error.what.replace("data.source", "its source")
        raise type(error)(
            f"indicator {name!r}: {what}", where=error.where, expected=error.expected, got=error.got, remedy=remedy
        ) from None
