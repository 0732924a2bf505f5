"""The seal: what the runner, outside the kernel, finds to be true of an executed notebook.

papermill's own metadata is not believed: after a dead kernel, a time-out or an interrupt it marks
cells as completed that never ran (papermill 2.7.0, nbclient 0.11.0). An attempt is sealed only if
* the execution came to its end, by the runner's own account;
* each code cell was executed exactly once, in order;
* no output is an error;
* the cells are those of the source notebook, plus the one injected parameters cell, and nothing else;
* every result that the SOP requires was recorded, once, and well formed;
* every file that the notebook says it attached is there, with the digest it says.

Anything else is a failed attempt, with every fault named, and its notebook is kept too.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sopkit.archive.canonical import sha256_file, sha256_hex
from sopkit.archive.notebooks import content_digest, read_results, sealed_bytes
from sopkit.definitions.results import Attached, Record, Result
from sopkit.errors import SopkitError

__all__ = ["Seal", "seal"]

_INJECTED = "injected-parameters"
_MARKER = "papermill-error-cell-tag"
REDACTED = "«credential»"


@dataclass(frozen=True)
class Seal:
    """The bytes to keep, their digests, what they tell, and every fault; no fault: the attempt counts."""

    notebook: bytes
    sha256: str
    content: str
    results: dict[str, Result] = field(default_factory=dict)
    records: list[Record] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.faults

    def all_of(self, kind: type) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]


def seal(
    source: Mapping[str, Any],
    executed: Mapping[str, Any],
    *,
    failure: str | None,
    required: Iterable[str],
    files: Path,
    secrets: Mapping[str, str],
) -> Seal:
    """Judge an executed notebook against its source; `files` is where its attached files lie."""
    notebook = _clean(executed, secrets)
    faults = [] if failure is None else [failure]
    faults += _faults_of_cells(source, notebook, came_to_its_end=failure is None)
    results: dict[str, Result] = {}
    records: list[Record] = []
    try:
        found, records = read_results(notebook)
        results = {result.name: result for result in found}
    except SopkitError as error:
        faults.append(str(error))
    if failure is None:
        faults += [f"the required result `{name}` was not recorded" for name in required if name not in results]
        faults += _faults_of_files([record for record in records if isinstance(record, Attached)], files)
    kept = sealed_bytes(notebook)
    return Seal(kept, sha256_hex(kept), content_digest(notebook), results, records, faults)


def _clean(executed: Mapping[str, Any], secrets: Mapping[str, str]) -> dict[str, Any]:
    """Without papermill's error markers and machine paths, and without the value of any credential."""
    notebook: dict[str, Any] = copy.deepcopy(dict(executed))
    notebook["cells"] = [cell for cell in notebook["cells"] if _MARKER not in _tags(cell)]
    for name in ("input_path", "output_path"):
        notebook.get("metadata", {}).get("papermill", {}).pop(name, None)
    return _redacted(notebook, [value for value in secrets.values() if value]) if secrets else notebook


def _redacted(value: Any, secrets: list[str]) -> Any:
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, REDACTED)
        return value
    if isinstance(value, dict):
        return {key: _redacted(item, secrets) for key, item in value.items()}
    if isinstance(value, list):
        return [_redacted(item, secrets) for item in value]
    return value


def _faults_of_cells(source: Mapping[str, Any], notebook: Mapping[str, Any], *, came_to_its_end: bool) -> list[str]:
    faults = []
    injected = [cell for cell in notebook["cells"] if _INJECTED in _tags(cell)]
    others = [cell for cell in notebook["cells"] if _INJECTED not in _tags(cell)]
    if len(injected) != 1:
        faults.append(f"{len(injected)} injected parameters cells, expected 1")
    if [_identity(cell) for cell in others] != [_identity(cell) for cell in source["cells"]]:
        faults.append("the cells are not those of the source notebook")
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            if output["output_type"] == "error" and came_to_its_end:
                faults.append(f"cell `{cell['id']}` has an error output: {output.get('ename')}")
    if came_to_its_end:
        code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code" and _text(cell).strip()]
        for expected, cell in enumerate(code, start=1):
            if cell.get("execution_count") != expected:
                got = cell.get("execution_count")
                faults.append(f"cell `{cell['id']}` was not executed as number {expected} (execution count {got})")
                break
    return faults


def _faults_of_files(attached: list[Attached], files: Path) -> list[str]:
    faults = []
    for record in attached:
        path = files / record.name
        if not path.is_file():
            faults.append(f"the attached file {record.name} is missing")
        elif sha256_file(path) != record.sha256:
            faults.append(f"the attached file {record.name} was changed after it was recorded")
    return faults


def _identity(cell: Mapping[str, Any]) -> tuple[str, str, str]:
    return cell["id"], cell["cell_type"], _text(cell)


def _text(cell: Mapping[str, Any]) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _tags(cell: Mapping[str, Any]) -> list[str]:
    tags: list[str] = cell.get("metadata", {}).get("tags", [])
    return tags
