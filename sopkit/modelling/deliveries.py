"""Data sets that somebody sends: what they are, by their bytes, and how they become a table.

The rules:
* the bytes decide, not the name: Parquet by its marks, CSV if it is text that parses; an archive, a pickle, a page,
  a notebook or a program is refused by what it is, whatever its name says;
* nothing of it is executed, and nothing is unpacked or read before its size was looked at (`LIMITS`);
* a name is a label: letters, digits and a few signs are left of it, and no path is made of it;
* CSV is read with the model file's own arguments (separator, decimal, encoding) where its source is a file.
"""

from __future__ import annotations

import io
import re
import unicodedata
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from sopkit.definitions.model import ModelFile
from sopkit.errors import DataError
from sopkit.modelling.bounds import memory_bound
from sopkit.modelling.credentials import names_in
from sopkit.modelling.files import csv_table, refuse_duplicate_names
from sopkit.modelling.modules import is_function
from sopkit.modelling.tables import read_parquet_bytes

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CSV", "CSV_GZ", "LIMITS", "PARQUET", "Limits", "label", "media_type", "parse", "require_size", "rows_at"]

CSV, CSV_GZ, PARQUET = "text/csv", "application/gzip", "application/vnd.apache.parquet"
WANTED = "CSV (also packed with gzip) or Parquet"
# What it is called -> how it begins
OTHERS = {
    "a zip archive (also .xlsx, .npz, .skops)": re.compile(rb"PK[\x03\x05]"),
    "a Python pickle": re.compile(rb"\x80[\x02-\x05]"),
    "a PDF": re.compile(rb"%PDF"),
    "an HTML or XML page": re.compile(rb"\s*<(!doctype|html|head|body|\?xml)\b", re.IGNORECASE),
    "JSON or a notebook": re.compile(rb"\s*[\[{]\s*[\"\[{\]}]"),
    "a script": re.compile(rb"#!"),
    "a program": re.compile(rb"\x7fELF|MZ"),
    "a picture": re.compile(rb"\x89PNG|GIF8|\xff\xd8\xff"),
    "an archive": re.compile(rb"BZh|7z\xbc\xaf|\xfd7zXZ|\x28\xb5\x2f\xfd|Rar!"),
}
_OF_A_LABEL = re.compile(r"[^\w .,()+=-]")
LONGEST_LABEL = 80


class Limits(NamedTuple):
    """Bytes as they come, bytes of text once unpacked, columns, values (rows times columns), bytes of memory."""

    size: int = 200 * 10**6
    unpacked: int = 500 * 10**6
    columns: int = 2_000
    values: int = 100 * 10**6
    memory: int = 6 * 10**9


LIMITS = Limits()


def label(name: str) -> str:
    """What is left of a file's name, for people: its last part without anything that means something to a machine."""
    last = unicodedata.normalize("NFKC", str(name)).replace("\\", "/").rstrip("/").rpartition("/")[2]
    kept = " ".join(_OF_A_LABEL.sub("_", last).split())
    if len(kept) > LONGEST_LABEL:
        kept = kept[: LONGEST_LABEL - 13] + "…" + kept[-12:]
    return kept.strip(". ") or "unnamed"


def require_size(size: int, *, where: object, limits: Limits = LIMITS) -> None:
    """Raises DataError for more bytes than may be delivered, or none."""
    if not size:
        raise DataError("the file is empty", where=where, got="0 bytes", remedy="write or fetch the file again")
    if size > limits.size:
        raise DataError(
            "the file is larger than what may be delivered at once",
            where=where,
            expected=f"at most {limits.size // 10**6:,} MB",
            got=f"{size / 10**6:,.1f} MB",
            remedy="deliver it in parts or as Parquet, or name it as data.source in the model file",
        )


def media_type(data: bytes, *, where: object = None) -> str:
    """What the bytes are. Raises DataError for what is neither CSV nor Parquet, with what it looks like."""
    if data[:4] == b"PAR1":
        return PARQUET
    if data[:2] == b"\x1f\x8b":
        return CSV_GZ
    _refuse_others(data, where)
    return CSV


def parse(data: bytes, model: ModelFile, *, where: object = None, limits: Limits = LIMITS) -> tuple[pd.DataFrame, str]:
    """The table in the bytes, and their media type. Raises DataError for whatever is wrong with them."""
    require_size(len(data), where=where, limits=limits)
    kind = media_type(data, where=where)
    with memory_bound(limits.memory, where=where):
        table = _parquet(data, where, limits) if kind == PARQUET else _csv(data, kind, model, where, limits)
        # A dictionary of a few long texts is small only until something writes them out
        coded = {name: kept.categories.dtype for name, kept in table.dtypes.items() if hasattr(kept, "categories")}
        table = table.astype(coded) if coded else table
    names = [str(name) for name in table.columns]
    refuse_duplicate_names(names, where)
    return table.set_axis(names, axis=1), kind


def rows_at(uri: str, model: ModelFile, *, as_of: datetime, root: Path, credentials: Mapping[str, str]) -> bytes:
    """The rows that the model file's query finds at another database, as Parquet. Raises DataError, DefinitionError.

    A function is not asked: what is delivered is never executed. Nor may a password stand in the address.
    """
    import sqlalchemy as sql

    from sopkit.modelling.databases import read_query
    from sopkit.modelling.tables import parquet_bytes

    if "://" not in uri:
        raise DataError("not an address of a database", where=uri, expected="such as sqlite:///data/new.db")
    try:
        open_word = sql.make_url(uri).password
    except (sql.exc.ArgumentError, ValueError):
        open_word = None  # the reader says what is wrong
    if open_word and not names_in(str(open_word)):
        remedy = "write ${NAME} in its place, and set the environment variable NAME"
        raise DataError("a password stands in the address", expected="the name of a credential", remedy=remedy)
    data = model.data
    clock = as_of.replace(tzinfo=UTC) if as_of.tzinfo is None else as_of
    table = read_query(uri, data.query, data.arguments, root=root, as_of=clock, credentials=credentials)
    return parquet_bytes(table)


def _refuse_others(data: bytes, where: object) -> None:
    found = next((what for what, begins in OTHERS.items() if begins.match(data[:200])), None)
    if found is None and b"\0" in data[:65536] and data[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        found = "bytes that are no text"
    if found is not None:
        remedy = "save the rows as CSV or Parquet; nothing else is opened"
        raise DataError("this is not a table that can be read", where=where, expected=WANTED, got=found, remedy=remedy)


def _csv(data: bytes, kind: str, model: ModelFile, where: object, limits: Limits) -> pd.DataFrame:
    options, separator = _options(model)
    if kind == CSV_GZ:
        data = _unpacked(data, where, limits.unpacked)
        _refuse_others(data, where)
    encoding = options.get("encoding", "utf-8-sig")
    try:
        text = data.decode(encoding)
    except (UnicodeDecodeError, LookupError) as error:
        remedy = "save it as UTF-8, or give data.arguments: {encoding: …} in the model file"
        raise DataError(f"the text is not {encoding}", where=where, got=str(error), remedy=remedy) from None
    first = text.lstrip("\r\n").partition("\n")[0]
    _require_shape(text.count("\n") + 1, first.count(separator) + 1, where, limits)
    return csv_table(text, where, options, separator=separator)


def _options(model: ModelFile) -> tuple[Mapping[str, Any], str]:
    """Arguments and separator of the model file's own CSV, where its source is one."""
    source = model.data.source
    if is_function(source) or "://" in source:
        return {}, ","
    tabs = ".tsv" in PurePosixPath(source).suffixes
    return model.data.arguments, str(model.data.arguments.get("separator", "\t" if tabs else ","))


def _unpacked(data: bytes, where: object, most: int) -> bytes:
    """What a gzip stream holds, its members one after the other, as long as that is not too much."""
    found, rest = [], data
    size = 0
    try:
        while rest:
            member = zlib.decompressobj(wbits=31)
            found.append(member.decompress(rest, most + 1 - size))
            size += len(found[-1])
            if size > most:
                raise DataError(
                    "the file is larger than may be unpacked",
                    where=where,
                    expected=f"at most {most // 10**6:,} MB of text",
                    remedy="deliver it in parts or as Parquet",
                )
            if not member.eof:
                raise DataError("the gzip file is truncated", where=where, remedy="write or fetch the file again")
            rest = member.unused_data.lstrip(b"\0")
    except zlib.error as error:
        raise DataError("the gzip file cannot be unpacked", where=where, got=str(error)) from None
    return b"".join(found)


def _parquet(data: bytes, where: object, limits: Limits) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        opened = pq.ParquetFile(io.BytesIO(data))
        footer, schema = opened.metadata, opened.schema_arrow
        size = sum(footer.row_group(place).total_byte_size for place in range(footer.num_row_groups))
    except (pa.ArrowException, OSError) as error:
        raise DataError(
            "the Parquet file cannot be read: it is truncated, or not Parquet",
            where=where,
            got=f"{len(data)} bytes; {str(error).splitlines()[0][:200]}",
            remedy="write or fetch the file again",
        ) from None
    _require_shape(footer.num_rows, footer.num_columns, where, limits)
    for column in schema:
        if pa.types.is_nested(column.type) or pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
            remedy = "leave the column out, or give it one value a row"
            what = f"the column {column.name!r} holds no single values"
            raise DataError(what, where=where, expected="numbers, texts, times", got=str(column.type), remedy=remedy)
    if size > limits.memory:
        raise _too_much(f"{size / 10**6:,.0f} MB unpacked", f"at most {limits.memory / 10**6:,.0f} MB", where)
    try:
        return read_parquet_bytes(data, where=where)
    except (ValueError, TypeError, OverflowError, KeyError) as error:  # pandas' metadata in the file may be anything
        raise DataError("the Parquet file is not a table", where=where, got=str(error).splitlines()[0][:200]) from None


def _require_shape(rows: int, columns: int, where: object, limits: Limits) -> None:
    if columns > limits.columns:
        raise _too_much(f"{columns:,} columns", f"at most {limits.columns:,}", where)
    if rows * columns > limits.values:
        raise _too_much(f"{rows:,} rows of {columns:,} columns", f"at most {limits.values:,} values", where)


def _too_much(got: str, expected: str, where: object) -> DataError:
    return DataError(
        "the file holds more than may be read at once",
        where=where,
        expected=expected,
        got=got,
        remedy="deliver it in parts, or name it as data.source in the model file",
    )
