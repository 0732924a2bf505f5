"""Two notebooks side by side: which source cells differ, line by line; and all of it, by nbdime (its only door).

The rules:
* cells are told apart by their ids, which are stable in source notebooks; only what was written counts: a cell's
  kind and source. Outputs and metadata are for the full diff;
* the full diff leaves out metadata, cell ids and execution counts: timings and random ids differ in every run.

Cells that differ are plain JSON: `{"cell": id, "type": "code", "kind": "changed", "lines": ["@@ …", "-old", "+new"]}`.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any

from sopkit.errors import RecordError

__all__ = ["cell_changes", "full_diff", "line_changes"]


def cell_changes(left: bytes, right: bytes) -> list[dict[str, Any]]:
    """The source cells that differ, in the order of the left notebook, then the new ones. Raises RecordError."""
    before, after = _cells(left), _cells(right)
    found = []
    for id in (*before, *(id for id in after if id not in before)):
        old, new = before.get(id), after.get(id)
        if old == new:
            continue
        kind = "removed" if new is None else "added" if old is None else "changed"
        type = (new or old or ("code", ""))[0]
        found.append({"cell": id, "type": type, "kind": kind, "lines": line_changes(_source(old), _source(new))})
    if not found and list(before) != list(after):
        lines = line_changes("\n".join(before), "\n".join(after))
        found.append({"cell": "", "type": "order", "kind": "changed", "lines": lines})
    return found


def line_changes(left: str, right: str, around: int = 2) -> list[str]:
    """The lines that differ as a unified diff without its head, with `around` lines of the same around them."""
    lines = difflib.unified_diff(left.splitlines(), right.splitlines(), lineterm="", n=around)
    return [line for number, line in enumerate(lines) if number > 1]


def full_diff(left: bytes, right: bytes, *, colour: bool = False) -> str:
    """What nbdime says about two notebooks, outputs and all; empty where it finds nothing. Raises RecordError."""
    import io

    from nbdime import diff_notebooks
    from nbdime.diffing.notebooks import set_notebook_diff_targets
    from nbdime.prettyprint import PrettyPrintConfig, pretty_print_diff
    from nbformat import from_dict
    from nbformat.v4.rwbase import rejoin_lines

    set_notebook_diff_targets(metadata=False, identifier=False, details=False)
    out = io.StringIO()
    # nbdime (4.0.4) would start git and diff on temporary files for every cell
    config = PrettyPrintConfig(out=out, use_git=False, use_diff=False, use_color=colour)
    config.id = config.metadata = config.details = False  # the differ (4.0.4) still tells of ids that it was to ignore
    try:
        before, after = (rejoin_lines(from_dict(_parsed(data))) for data in (left, right))  # type: ignore[no-untyped-call]
        pretty_print_diff(before, diff_notebooks(before, after), "", config)
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise RecordError("notebooks that nbdime cannot compare", got=f"{type(error).__name__}: {error}") from error
    return out.getvalue()


def _cells(data: bytes) -> dict[str, tuple[str, str]]:
    """Each cell's kind and source, by its id."""
    cells = _parsed(data).get("cells")
    found: dict[str, tuple[str, str]] = {}
    for number, cell in enumerate(cells if isinstance(cells, list) else ()):
        if isinstance(cell, Mapping):
            source = cell.get("source", "")
            text = source if isinstance(source, str) else "".join(map(str, source))
            found[str(cell.get("id", number))] = (str(cell.get("cell_type")), text)
    return found


def _source(cell: tuple[str, str] | None) -> str:
    return cell[1] if cell else ""


def _parsed(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise RecordError("not a notebook", got=error) from None
    if not isinstance(found, dict):
        raise RecordError("not a notebook", expected="a JSON object")
    return found
