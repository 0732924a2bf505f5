"""SQL sources, through SQLAlchemy. The query may use `:as_of`, the clock of the run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from sopkit.errors import DataError, DefinitionError
from sopkit.modelling.credentials import expand, scrub
from sopkit.modelling.files import refuse_duplicate_names

__all__ = ["read_query"]


def read_query(
    source: str,
    query: str | None,
    arguments: Mapping[str, Any],
    *,
    root: Path,
    as_of: datetime,
    credentials: Mapping[str, str],
) -> pd.DataFrame:
    """The rows of `query` at the database that the URL `source` names; `arguments` are bound, never pasted in.

    Raises DataError for whatever the database says, with credentials put back to their names.
    """
    import sqlalchemy as sql

    if not query:
        remedy = "add `query` under `data`; for a draft, --query 'SELECT …'"
        raise DefinitionError("a database source needs a query", where="data.query", expected="SELECT …", remedy=remedy)
    try:
        url = sql.make_url(expand(source, credentials, where="data.source"))
        if url.drivername.startswith("sqlite") and url.database and url.database != ":memory:":
            path = root / url.database
            if not path.is_file():  # SQLite would make an empty database
                raise DataError("the SQLite database is missing", where=source, got="no such file")
            url = url.set(database=str(path))
        statement = sql.text(query)
        wanted = statement.compile().params
        values = {"as_of": as_of.replace(tzinfo=None), **expand(dict(arguments), credentials, where="data.arguments")}
        engine = sql.create_engine(url, hide_parameters=True)
        try:
            with engine.connect() as connection:
                answer = connection.execute(statement, {name: values[name] for name in wanted if name in values})
                names = list(answer.keys())
                rows = [tuple(row) for row in answer]
        finally:
            engine.dispose()
    except ModuleNotFoundError as error:
        raise DataError(
            "the driver of this database is not installed",
            where=source,
            got=str(error),
            remedy=f"pip install {error.name}, or name another driver in the address, such as postgresql+psycopg2://",
        ) from None
    except (sql.exc.SQLAlchemyError, OSError) as error:
        problem = DataError(
            "the database did not answer the query",
            where=source,
            expected=f"rows of: {query.strip()}",
            got=scrub(str(error).splitlines()[0], credentials),
            remedy="try the query with the database's own client; check the credentials",
        )
        raise problem from None
    refuse_duplicate_names(names, source)
    table = pd.DataFrame(rows, columns=names)
    for name in table.columns:
        if pd.api.types.infer_dtype(table[name], skipna=True) == "decimal":  # NUMERIC arrives as decimal.Decimal
            table[name] = table[name].astype(float)
    return table
