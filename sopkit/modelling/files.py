"""CSV and Parquet: bytes in, a table out, and nothing silently half read.

The rules:
* a file is read once, and the bytes that were digested are the bytes that were parsed;
* empty, truncated and ragged files are errors, though the parsers would fill them up; a last line without its end is
  none by itself, but with a last value that can only be the beginning of one it is;
* duplicate column names are errors, though pandas would rename them;
* `heads` looks at the first lines or the footer only, and does not import pandas.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import warnings
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from glob import glob
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sopkit.errors import DataError, DefinitionError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Head", "csv_table", "heads", "read_files", "refuse_duplicate_names"]

_CSV_OPTIONS = {"separator": "sep", "decimal": "decimal", "thousands": "thousands", "encoding": "encoding"}
_SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz", ".parquet", ".pq")
_PARQUET = (".parquet", ".pq")
_AGAIN = "write or fetch the file again"
_LONE_RETURN = re.compile(r"\r(?!\n)")


@dataclass(frozen=True)
class Head:
    """What can be seen of a file without reading it: where it lies, its columns, whether it has any row."""

    where: object
    columns: list[str]
    has_rows: bool


def heads(source: str, root: Path, options: Mapping[str, Any]) -> Iterator[Head]:
    """The head of each file that `source` names. Raises DataError or DefinitionError as `read_files` would."""
    _check_options(options)
    for path in _matching(source, root):
        where = _shown(path, root)
        try:
            if path.stat().st_size == 0:
                raise _empty(where, "0 bytes")
            head = _parquet_head(path, where) if path.suffix in _PARQUET else _csv_head(path, where, options)
        except gzip.BadGzipFile as error:
            raise _not_gzip(path, where, error) from None
        except OSError as error:
            raise DataError("the data file cannot be read", where=where, got=error.strerror or error) from None
        refuse_duplicate_names(head.columns, where)
        yield head


def read_files(source: str, root: Path, options: Mapping[str, Any]) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """All files that `source` (a path or glob, relative to `root`) names, in order of name, and what they were.

    `options` (CSV only): separator, decimal, thousands, encoding. Every file is listed as
    `{path, sha256, size, rows}`. Raises DataError or DefinitionError.
    """
    import pandas as pd

    from sopkit.modelling.tables import read_parquet_bytes

    _check_options(options)
    paths = _matching(source, root)
    tables: list[pd.DataFrame] = []
    files: list[dict[str, Any]] = []
    for path in paths:
        where = _shown(path, root)
        data = _bytes(path, where)
        is_parquet = path.suffix in _PARQUET
        table = read_parquet_bytes(data, where=where) if is_parquet else _csv(data, path, where, options)
        if tables and list(table.columns) != list(tables[0].columns):
            differing = sorted(set(table.columns) ^ set(tables[0].columns))
            raise DataError(
                f"the file has other columns than {files[0]['path']}",
                where=where,
                expected=", ".join(map(str, tables[0].columns)),
                got=f"differing: {', '.join(map(str, differing)) or 'their order'}",
            )
        tables.append(table)
        files.append(
            {"path": str(where), "sha256": hashlib.sha256(data).hexdigest(), "size": len(data), "rows": len(table)}
        )
    return (tables[0] if len(tables) == 1 else pd.concat(tables, ignore_index=True)), files


def refuse_duplicate_names(names: list[str], where: object) -> None:
    """Raises DataError when a column name occurs twice."""
    twice = [str(name) for name, count in Counter(names).items() if count > 1]
    if twice:
        raise DataError(
            f"column names occur more than once: {', '.join(twice)}", where=where, remedy="rename them at the source"
        )


def _check_options(options: Mapping[str, Any]) -> None:
    unknown = sorted(set(options) - set(_CSV_OPTIONS))
    if unknown:
        raise DefinitionError(
            f"a file takes no argument {unknown[0]!r}", where="data.arguments", expected=", ".join(_CSV_OPTIONS)
        )


def _shown(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def _empty(where: object, got: str) -> DataError:
    return DataError("the data file is empty", where=where, got=got, remedy=_AGAIN)


def _not_gzip(path: Path, where: object, error: Exception) -> DataError:
    what = "the gzip file cannot be unpacked: it is truncated, or not gzip"
    return DataError(what, where=where, got=f"{path.stat().st_size} bytes; {error}", remedy=_AGAIN)


def _not_text(encoding: str, where: object, error: Exception) -> DataError:
    remedy = "give data.arguments: {encoding: …}"
    return DataError(f"the text is not {encoding}", where=where, got=str(error), remedy=remedy)


def _parquet_head(path: Path, where: object) -> Head:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            return Head(where, list(file.schema_arrow.names), file.metadata.num_rows > 0)
    except pa.ArrowException as error:
        what = "the Parquet file cannot be read: it is truncated, or not Parquet"
        got = f"{path.stat().st_size} bytes; {str(error).splitlines()[0]}"
        raise DataError(what, where=where, got=got, remedy=_AGAIN) from None


def _csv_head(path: Path, where: object, options: Mapping[str, Any]) -> Head:
    separator, encoding = _separator(path, options), options.get("encoding", "utf-8-sig")
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding=encoding, newline="") as text:
            lines = (fields for fields in csv.reader(text, delimiter=separator) if fields)
            header = next(lines, None)
            if header is None:
                raise _empty(where, "white space")
            return Head(where, header, next(lines, None) is not None)
    except (EOFError, zlib.error) as error:
        raise _not_gzip(path, where, error) from None
    except (UnicodeDecodeError, LookupError) as error:
        raise _not_text(encoding, where, error) from None
    except (csv.Error, TypeError) as error:
        raise _no_header(where, error) from None


def _separator(path: Path, options: Mapping[str, Any]) -> str:
    separator: str = options.get("separator", "\t" if ".tsv" in path.suffixes else ",")
    return separator


def _no_header(where: object, error: Exception) -> DataError:
    return DataError("the header of the CSV cannot be parsed", where=where, got=str(error))


def _matching(source: str, root: Path) -> list[Path]:
    pattern = str(root / source)
    paths = [Path(pattern)] if Path(pattern).is_file() else sorted(map(Path, glob(pattern, recursive=True)))
    paths = [path for path in paths if path.is_file()]
    if not paths:
        folder = Path(pattern).parent
        near = sorted(path.name for path in folder.glob("*"))[:8]
        raise DataError(
            "no file matches data.source" if any(sign in source for sign in "*?[") else "the data file is missing",
            where=source,
            got=f"in that folder: {', '.join(near) or 'nothing'}" if folder.is_dir() else "no such folder",
            remedy="correct data.source in the model file; paths are relative to the workspace",
        )
    other = [path for path in paths if not path.name.endswith(_SUFFIXES)]
    if other:
        what = f"{other[0].name} is neither CSV nor Parquet by its name"
        raise DataError(what, where=source, expected=", ".join(_SUFFIXES))
    return paths


def _bytes(path: Path, where: object) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError("the data file cannot be read", where=where, got=error.strerror) from None
    if not data:
        raise _empty(where, "0 bytes")
    return data


def _csv(data: bytes, path: Path, where: object, options: Mapping[str, Any]) -> pd.DataFrame:
    encoding = options.get("encoding", "utf-8-sig")
    try:
        text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode(encoding)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _not_gzip(path, where, error) from None
    except (UnicodeDecodeError, LookupError) as error:
        raise _not_text(encoding, where, error) from None
    return csv_table(text, where, options, separator=_separator(path, options))


def csv_table(text: str, where: object, options: Mapping[str, Any], *, separator: str = ",") -> pd.DataFrame:
    """The table that a CSV text holds. Raises DataError: empty, ragged, cut, or a column name twice."""
    import pandas as pd

    keywords: dict[str, Any] = {_CSV_OPTIONS[name]: value for name, value in options.items()} | {"sep": separator}
    if not text.strip():
        raise _empty(where, "white space")
    if "\n" in text and _LONE_RETURN.search(text):  # part of a value, not the end of a line
        text, keywords["lineterminator"] = text.replace("\r\n", "\n"), "\n"
    header = _header(text, keywords["sep"], where)
    refuse_duplicate_names(header, where)
    try:
        with warnings.catch_warnings():  # pandas 3.0 only warns where the first line has more fields than the header
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(io.StringIO(text), low_memory=False, index_col=False, **keywords)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, pd.errors.ParserWarning, ValueError) as error:
        raise DataError(
            "the CSV cannot be parsed: a line has too many fields, or the file ends inside one",
            where=where,
            got=str(error).strip(),
            remedy="look at that line, or fetch the file again",
        ) from None
    # pandas 3.0 fills a line that has too few fields with missing values without a word.
    if len(table) and len(table.columns) > 1 and table.iloc[:, -1].isna().any():
        _refuse_short_lines(text.replace("\r", " "), keywords["sep"], len(header), where)
    if not text.endswith(("\n", "\r")):
        _refuse_cut_value(table, where)
    return table


def _refuse_cut_value(table: pd.DataFrame, where: object) -> None:
    """The very last value of a file: a text that recurs nowhere and begins one that does, or too short a one."""
    column = table.iloc[:, -1]
    last, others = column.iloc[-1] if len(column) else None, column.iloc[:-1].dropna()
    if not isinstance(last, str) or len(others) < 2:
        return
    known, lengths = others.unique(), others.astype(str).str.len()
    recur = 2 * len(known) <= len(others) and last not in known and any(str(text).startswith(last) for text in known)
    short = lengths.nunique() == 1 and len(last) < lengths.iloc[0]
    if recur or short:
        raise DataError(
            "the last line of the CSV is cut: it has no end, and its last value is the beginning of one",
            where=where,
            expected=f"a value such as {others.iloc[-1]!r} in {column.name!r}, and the end of the line",
            got=repr(last),
            remedy=_AGAIN,
        )


def _header(text: str, separator: str, where: object) -> list[str]:
    try:
        return next(csv.reader(io.StringIO(text.lstrip("\r\n")), delimiter=separator))
    except (csv.Error, TypeError) as error:  # a separator of two characters is a TypeError
        raise _no_header(where, error) from None


def _refuse_short_lines(text: str, separator: str, expected: int, where: object) -> None:
    # By default a text of more than 131,072 characters is an error. The limit is that of the process: never less
    csv.field_size_limit(max(len(text) + 1, csv.field_size_limit()))
    reader = csv.reader(io.StringIO(text), delimiter=separator)
    for fields in reader:
        if fields and len(fields) < expected:
            raise DataError(
                "a line of the CSV has too few fields: the file is truncated or damaged there",
                where=f"{where}:{reader.line_num}",
                expected=f"{expected} fields",
                got=f"{len(fields)} fields",
                remedy=_AGAIN,
            )
