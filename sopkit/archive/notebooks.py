"""Run notebooks as records: what is sealed, what is covered by a signature, what is only shown.

The rules this module keeps:
* sealed bytes are a deterministic dump; the view in the run folder is those bytes plus record cells;
* the content digest covers parameters, cell order and, per cell, id, type, source, attachments,
  execution count and outputs with their metadata, in canonical JSON; text counts the same as one
  string or as lines, and `1.0` as `1`, so saving again in JupyterLab does not change it;
* parameters are covered twice: the injected cell is a cell like any other, and papermill's copy of
  them in the notebook's metadata counts too, because people and tools read either;
* timings and all other metadata are not covered, but what hides a cell is: `concealed`;
* a record cell is left out only at the end, and only if it is the rendering of a logged envelope.

The only door to nbformat.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from sopkit.archive.canonical import canonical_json, sha256_hex
from sopkit.archive.record_cells import RECORD_TAG, LoggedEnvelope, is_rendering, record_cell
from sopkit.definitions.results import RECORD_MIME, RESULT_MIME, Attached, Record, Result, parse_record, plain
from sopkit.errors import RecordError, WrongUse

__all__ = [
    "LoggedEnvelope",
    "concealed",
    "content",
    "content_digest",
    "parse_notebook",
    "read_results",
    "sealed_bytes",
    "view",
]

_COVERED = ("id", "cell_type", "source", "attachments", "execution_count", "outputs")
_HIDING_TAGS = ("hide", "remove")
_FIRST_CELL = b'{\n "cells": [\n'
_AFTER_CELLS = b'\n ],\n "metadata": {'  # a text holds no raw newline, so this stands where the list of cells ends


def parse_notebook(data: bytes, name: str) -> dict[str, Any]:
    """The notebook in `data`, strictly: valid nbformat 4.5, no key twice, no NaN. Raises RecordError.

    A key that stands twice would let a reader see other content than the one that is digested.
    """
    from nbformat.validator import iter_validate

    try:
        notebook: dict[str, Any] = json.loads(data, object_pairs_hook=_once, parse_constant=_no_constant)
        if not isinstance(notebook, dict) or notebook.get("nbformat") != 4 or notebook.get("nbformat_minor", 0) < 5:
            raise ValueError("no notebook, or cells without ids (nbformat below 4.5)")
        # nbformat (5.11) repairs ids where it validates; this way it only looks
        for fault in iter_validate(notebook, version=4, version_minor=5):  # type: ignore[no-untyped-call]
            raise ValueError(fault.message)
        ids = [cell["id"] for cell in notebook["cells"]]
        if len(set(ids)) != len(ids):
            raise ValueError("two cells have the same id")
    except (ValueError, TypeError, RecursionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise RecordError("not a well-formed notebook", where=name, expected="nbformat 4.5", got=reason) from None
    return notebook


def content(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """What the content digest covers, in plain JSON with every multi-line text joined."""
    papermill = notebook.get("metadata", {}).get("papermill", {})
    joined = _joined(notebook)
    return {
        "parameters": plain(papermill.get("parameters", {})),
        "cells": [_covered(cell) for cell in joined["cells"]],
    }


def content_digest(notebook: Mapping[str, Any], records: Sequence[LoggedEnvelope] = ()) -> str:
    """Digest of the content (digest name `sopkit-content-v1`), hex.

    The last cells are left out if they are the renderings of `records`, in order; any other record
    cell counts as content. Raises RecordError for text that has no UTF-8 form.
    """
    covered = {**notebook, "cells": _without_records(notebook["cells"], records)}
    try:
        return sha256_hex(canonical_json(content(covered)))
    except (WrongUse, TypeError, KeyError) as error:
        raise RecordError("a notebook has no content digest", got=error) from None


def concealed(notebook: Mapping[str, Any]) -> frozenset[tuple[str, str]]:
    """Cells that metadata hides from a reader, as (cell id, what hides it).

    A view that conceals what the sealed notebook shows is altered, though its content is the same.
    """
    found = set()
    for cell in notebook["cells"]:
        metadata = cell.get("metadata", {})
        jupyter = metadata.get("jupyter", {})
        hiding = {f"jupyter.{name}" for name in ("source_hidden", "outputs_hidden") if jupyter.get(name)}
        hiding |= {"collapsed"} if metadata.get("collapsed") else set()
        hiding |= {f"tag {tag}" for tag in metadata.get("tags", ()) if str(tag).startswith(_HIDING_TAGS)}
        found |= {(str(cell.get("id")), what) for what in hiding}
    return frozenset(found)


def sealed_bytes(notebook: Mapping[str, Any]) -> bytes:
    """The bytes that are kept for ever: indent 1, sorted keys, text as lines, NaN as text, one newline at the end."""
    from nbformat import from_dict, v4

    text: str = v4.writes(from_dict(_joined(notebook)))  # type: ignore[no-untyped-call]
    try:
        return text.encode() + b"\n"
    except UnicodeError as error:
        raise RecordError("a notebook holds text that has no UTF-8 form", got=error) from None


def view(sealed: bytes, records: Sequence[LoggedEnvelope]) -> bytes:
    """The notebook as people see it: the sealed bytes, plus one markdown cell for each logged envelope."""
    if not records:
        return sealed
    cells = [record_cell(record) for record in records]
    shown = sealed_bytes({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    if sealed.startswith(_FIRST_CELL) and sealed.count(_AFTER_CELLS) == 1:  # as `sealed_bytes` writes: no need to parse
        before, _, after = sealed.partition(_AFTER_CELLS)
        added = shown[len(_FIRST_CELL) : shown.index(_AFTER_CELLS)]
        return b"".join((before, b",\n", added, _AFTER_CELLS, after))
    notebook = json.loads(sealed)
    notebook["cells"] += cells
    return sealed_bytes(notebook)


def read_results(notebook: Mapping[str, Any]) -> tuple[list[Result], list[Record]]:
    """What a stage notebook tells: its results and records, in the order of its outputs.

    Raises RecordError, with the cell's id, for one that is malformed, for a name that is recorded or
    attached twice, and for a cell that poses as a record cell, which only the archive may write.
    """
    results: list[Result] = []
    records: list[Record] = []
    first: dict[tuple[str, str], str] = {}
    for cell in _joined(notebook)["cells"]:
        where = f"cell {cell.get('id')}"
        if RECORD_TAG in cell["metadata"].get("tags", ()) or str(cell.get("id")).startswith(RECORD_TAG):
            raise RecordError("a cell poses as a record cell", where=where, remedy=f"remove the tag {RECORD_TAG}")
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            try:
                found = [Result.model_validate(data[RESULT_MIME])] if RESULT_MIME in data else []
                told = [parse_record(data[RECORD_MIME])] if RECORD_MIME in data else []
            except ValidationError as error:
                details = error.errors(include_url=False, include_context=False)[0]
                place = ".".join(map(str, details["loc"])) or "value"
                raise RecordError("a malformed result", where=where, got=f"{place}: {details['msg']}") from None
            names = [("result", result.name) for result in found]
            names += [("file", record.name) for record in told if isinstance(record, Attached)]
            for kind, name in names:
                if (kind, name) in first:
                    raise RecordError(f"the {kind} `{name}` is recorded twice", where=f"{first[kind, name]}, {where}")
                first[kind, name] = where
            results += found
            records += told
    return results, records


def _without_records(cells: Sequence[Mapping[str, Any]], records: Sequence[LoggedEnvelope]) -> list[Mapping[str, Any]]:
    kept = list(cells)
    for record in reversed(records):
        if kept and is_rendering(kept[-1], record):
            kept.pop()
    return kept


def _covered(cell: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: cell[name] for name in _COVERED if name in cell and cell[name] not in ({}, None)}
    if "outputs" in kept:
        kept["outputs"] = [
            {name: value for name, value in output.items() if not (name == "metadata" and value == {})}
            for output in kept["outputs"]
        ]
    return kept


def _joined(notebook: Mapping[str, Any]) -> dict[str, Any]:
    """A plain copy with multi-line texts as one string; JSON outputs keep their lists."""
    import nbformat
    from nbformat.v4.rwbase import rejoin_lines

    return dict(rejoin_lines(nbformat.from_dict(plain(notebook))))  # type: ignore[no-untyped-call]


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} stands twice")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
