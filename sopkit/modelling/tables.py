"""Tables as bytes and back, and the digest of rows.

The rules:
* the same table gives the same bytes (with the same library versions); the index is not kept;
* bytes that are not whole are a DataError, never half a table;
* the digest of rows depends on names, values and order only, not on a file format.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pandas as pd

from sopkit.errors import DataError

__all__ = ["csv_bytes", "parquet_bytes", "plain_text", "read_csv_bytes", "read_parquet_bytes", "rows_digest"]


def csv_bytes(table: pd.DataFrame) -> bytes:
    return str(table.to_csv(index=False, lineterminator="\n")).encode()


def read_csv_bytes(data: bytes) -> pd.DataFrame:
    """The table in CSV bytes that `csv_bytes` wrote. Times come back as text: Parquet keeps types."""
    try:
        return pd.read_csv(io.BytesIO(data), low_memory=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        raise DataError("the CSV cannot be parsed", got=str(error).strip()) from None


def parquet_bytes(table: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    table.reset_index(drop=True).to_parquet(buffer, index=False, engine="pyarrow")
    return bytes(buffer.getvalue())


def read_parquet_bytes(data: bytes, *, where: object = None) -> pd.DataFrame:
    """The table in Parquet bytes, an index with a name as columns. DataError: truncated, or not Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # One thread: the result is the same, and a kernel that was forked from another process may not start many.
        table = pq.ParquetFile(io.BytesIO(data)).read(use_threads=False).to_pandas()
    except pa.ArrowMemoryError:  # it may be whole, and too large
        raise
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            "the Parquet file cannot be read: it is truncated, or not Parquet",
            where=where,
            got=f"{len(data)} bytes; {str(error).splitlines()[0]}",
            remedy="write or fetch the file again",
        ) from None
    return table.reset_index(drop=table.index.names == [None])


def plain_text(value: Any) -> str:
    """`value` as text, a whole number without a point: a gap in a column makes 1 a 1.0 in pandas."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def rows_digest(table: pd.DataFrame) -> str:
    """sha256 over the column names and a 64-bit digest of every row: the same rows in any order have the same one."""
    try:
        rows = pd.util.hash_pandas_object(table, index=False)
    except TypeError:  # lists or dicts in a column
        rows = pd.util.hash_pandas_object(table.astype(str), index=False)
    names = "\x1f".join(map(str, table.columns)).encode()
    return hashlib.sha256(names + b"\x1e" + rows.sort_values().to_numpy().astype("<u8").tobytes()).hexdigest()
