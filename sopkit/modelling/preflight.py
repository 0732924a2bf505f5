"""Preflight: what can be seen of a data source cheaply, before a run is started and anything is written.

The rules:
* files: they exist, are not empty, can be opened, and have the columns that the model file asks for; of a CSV
  only the first lines are read, of a gzip stream the first block, of Parquet the footer. What lies behind
  (a file that breaks off) is found by `read`, in a stage;
* `module:function`, also of own checks and measures: the file parses and has such a name. It is not executed:
  what people wrote runs in a stage;
* a database: its URL can be read, and there is a query. It is not asked anything;
* every `${NAME}` has a value.

pandas is not imported: this runs in the process of the command.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from sopkit.definitions.model import Data, ModelFile
from sopkit.errors import DataError, DefinitionError, NotFound
from sopkit.modelling.credentials import expand
from sopkit.modelling.declared import about_indicator, indicator_data, require_columns, require_indicator
from sopkit.modelling.files import Head, heads
from sopkit.modelling.modules import is_function, no_module, no_such_name

__all__ = ["require_name", "require_source"]


def require_source(
    model: ModelFile, *, root: Path, module: Path | None = None, credentials: Mapping[str, str] | None = None
) -> None:
    """Raises DataError, DefinitionError or NotFound where it can be seen that `read` would fail.

    `root` is the folder that relative paths start from, `module` the Python file beside the model file.
    """
    data, known = model.data, dict(credentials or {})
    for place, named in (("data.checks", data.checks), ("evaluation.measures", model.evaluation.measures)):
        for name, entry in named.items():
            require_name(entry.function, module, where=f"{place}.{name}.function")
    for head in _heads(data, known, Path(root), module):
        require_columns(head.columns, model, where=head.where)
    for name, given in data.indicators.items():
        with about_indicator(name):
            for head in _heads(indicator_data(given), known, Path(root), module):
                require_indicator(head.columns, name, given, where=head.where)


def _heads(data: Data, known: Mapping[str, str], root: Path, module: Path | None) -> list[Head]:
    """The heads of the files that a source names; none where it is a function or a database, which is looked at."""
    if is_function(data.source):
        expand(dict(data.arguments), known, where="data.arguments")
        require_name(data.source, module, where="data.source")
        return []
    if "://" in data.source:
        expand([data.source, data.arguments], known, where="data.source")
        _require_url(data, known, root)
        return []
    found = list(heads(expand(data.source, known, where="data.source"), root, data.arguments))
    if not any(head.has_rows for head in found):
        raise DataError("the data has columns and no rows", where=data.source, expected="rows", got="0 rows")
    return found


def require_name(reference: str, module: Path | None, *, where: str) -> None:
    """Raises NotFound or DefinitionError where the file lacks the name of `module:name`. It is not executed."""
    if module is None:
        raise no_module(reference, where=where)
    try:
        tree = ast.parse(Path(module).read_bytes())
    except OSError as error:
        raise NotFound(
            "the Python file cannot be read", where=module, got=error.strerror, remedy="put it beside the model file"
        ) from None
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f"{module}:{line}" if line else module
        raise DefinitionError("the file is not Python", where=place, got=getattr(error, "msg", error)) from None
    names = set(_names(tree.body))
    name = reference.partition(":")[2]
    if name not in names and "*" not in names:
        raise no_such_name(name, Path(module), names, where=where)


def _names(body: Sequence[ast.stmt]) -> Iterator[str]:
    """What the statements of a module bind; `*` where that cannot be told without executing it."""
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
        else:
            if isinstance(node, ast.Assign | ast.AnnAssign):
                yield from (name.id for name in ast.walk(node) if isinstance(name, ast.Name))
            for block in ("body", "orelse", "finalbody"):
                yield from _names(getattr(node, block, ()))
            for handler in getattr(node, "handlers", ()):
                yield from _names(handler.body)


def _require_url(data: Data, credentials: Mapping[str, str], root: Path) -> None:
    import sqlalchemy as sql

    if not data.query:
        raise DefinitionError("a database source needs a query", where="data.query", expected="SELECT … FROM …")
    try:
        url = sql.make_url(expand(data.source, credentials))
    except (sql.exc.ArgumentError, ValueError):  # its text holds the URL, and that a password
        raise DefinitionError(
            "the URL of the database cannot be read",
            where="data.source",
            expected="such as postgresql://name:${PASSWORD}@host/database",
            got=data.source,
        ) from None
    in_file = url.drivername.startswith("sqlite") and url.database and url.database != ":memory:"
    if in_file and not (root / str(url.database)).is_file():
        raise DataError("the SQLite database is missing", where=data.source, got="no such file")
