"""What two runs were pinned to, side by side: SOP, model file, people file, lock, module and source notebooks.

The rules:
* the pinned bytes are compared, never what lies in the workspace now;
* YAML is compared by what it says, field by field: comments, order and layout are remarked upon and no difference;
* of a model file, features are told apart from the rest: which came, which went, which are of another kind;
* of a lock, the versions count, and not the digests of wheels for other machines;
* code is compared last, line by line (`diffs.notebooks`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sopkit.archive.diffs.notebooks import cell_changes, line_changes
from sopkit.archive.diffs.values import Change, changes
from sopkit.archive.states import RunState
from sopkit.definitions.yaml_file import read_yaml

__all__ = ["Read", "code_changes", "definition_changes", "feature_changes", "notebook_of"]

Read = Callable[[str], bytes | None]  # the bytes of a digest; None where they cannot be had, which the caller remembers
FILES = {"sop": "SOP", "model": "model file", "people": "people file", "lock": "lock"}
_PACKAGE = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def definition_changes(left: RunState, right: RunState, read: Read) -> tuple[list[dict[str, Any]], list[str]]:
    """Each definition that says something else, as `{"file", "changes"}`; and remarks on what only looks different.

    The features of the model file are left to `feature_changes`, module and notebooks to `code_changes`.
    """
    found, remarks = [], []
    for pin, file in FILES.items():
        before, after = _pinned(left, right, pin, read)
        if before is None or after is None:
            if before is not after:
                found.append({"file": file, "changes": [_whole(after)]})
            continue
        told = [each for each in changes(before, after) if not (pin == "model" and _is_feature(each))]
        if told:
            found.append({"file": file, "changes": told})
        elif left.pins.get(pin) != right.pins.get(pin) and not changes(before, after):
            remarks.append(f"the {file} says the same, in other words: comments, order or layout differ")
    return found, remarks


def feature_changes(left: RunState, right: RunState, read: Read) -> list[Change]:
    """What the model files declare otherwise about features: `field` is the feature, or `feature.what`."""
    before, after = _pinned(left, right, "model", read)
    if before is None or after is None:
        return []
    prefix = len("features.")
    return [{**each, "field": each["field"][prefix:]} for each in changes(before, after) if _is_feature(each)]


def notebook_of(state: RunState, stage: str, read: Read) -> str | None:
    """The source notebook that the pinned SOP names for a stage."""
    digest = state.pins.get("sop")
    data = read(str(digest)) if digest else None
    document = read_yaml(data, "SOP")[0] if data is not None else None
    stages = document.value.get("stages") if document is not None else None
    for each in stages if isinstance(stages, list) else ():
        if isinstance(each, Mapping) and each.get("id") == stage:
            return str(each.get("notebook"))
    return None


def code_changes(
    left: RunState, right: RunState, read: Read, notebooks: Iterable[str] | None = None
) -> list[dict[str, Any]]:
    """Each source notebook (of `notebooks`; default: all) and module that differs.

    `{"file", "kind", "cells": [...]}` (see `diffs.notebooks.cell_changes`); a module has one cell without an id.
    """
    found: list[dict[str, Any]] = []
    before, after = left.pins.get("notebooks") or {}, right.pins.get("notebooks") or {}
    wanted = {*before, *after} if notebooks is None else set(notebooks)
    for file in sorted(wanted & {*before, *after}):
        old, new = before.get(file), after.get(file)
        if old == new:
            continue
        if old is None or new is None:
            found.append({"file": file, "kind": "added" if old is None else "removed", "cells": []})
            continue
        sources = read(str(old)), read(str(new))
        if sources[0] is not None and sources[1] is not None and (cells := cell_changes(sources[0], sources[1])):
            found.append({"file": file, "kind": "changed", "cells": cells})
    return found + _module(left, right, read)


def _module(left: RunState, right: RunState, read: Read) -> list[dict[str, Any]]:
    digests = left.pins.get("module"), right.pins.get("module")
    if digests[0] == digests[1]:
        return []
    before, after = (read(str(digest)) if digest else b"" for digest in digests)
    if before is None or after is None:
        return []
    kind = "added" if not digests[0] else "removed" if not digests[1] else "changed"
    cells = [{"cell": "", "type": "code", "kind": kind, "lines": line_changes(_text(before), _text(after))}]
    return [{"file": f"{right.model}.py", "kind": kind, "cells": cells}]


def _text(data: bytes) -> str:
    return data.decode("utf-8", errors="replace")


def _pinned(left: RunState, right: RunState, pin: str, read: Read) -> tuple[Any, Any]:
    """What both definitions say, as JSON; the same value twice where both runs have the same pin."""
    digests = left.pins.get(pin), right.pins.get(pin)
    if digests[0] == digests[1]:
        return {}, {}
    before, after = (_says(pin, read(str(digest)) if digest else None) for digest in digests)
    return before, after


def _says(pin: str, data: bytes | None) -> Any:
    if data is None:
        return None
    if pin == "lock":
        return dict(_PACKAGE.findall(_text(data)))
    document, _ = read_yaml(data, pin)
    if document is None:
        return {"text": _text(data)}
    return {**document.value, "features": _features(document.value)} if pin == "model" else document.value


def _features(model: Mapping[str, Any]) -> dict[str, Any]:
    """Features in one form: `sex: categorical` and `sex: {type: categorical}` say the same, and so does no type."""
    declared = model.get("features")
    found = {}
    for name, value in (declared if isinstance(declared, Mapping) else {}).items():
        told = value if isinstance(value, Mapping) else {} if value is None else {"type": value}
        found[str(name)] = {"type": "numeric", **told}
    return found


def _is_feature(change: Change) -> bool:
    return str(change["field"]).startswith("features.")


def _whole(after: Any) -> Change:
    """A definition that only one of the runs has."""
    kind, left, right = ("added", None, "there") if after is not None else ("removed", "there", None)
    return {"field": "", "kind": kind, "left": left, "right": right}
