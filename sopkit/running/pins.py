"""What a run is pinned to at its start: SOP, model file and its module, source notebooks, people, lock.

The rules:
* everything is read and checked before anything is written;
* pinned bytes go into the store under their digest; a run reads them from there and from nowhere else;
* a resume names the files that differ now, and uses the pins.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sopkit.archive.canonical import sha256_hex
from sopkit.archive.publish import publish
from sopkit.archive.runs import RunState
from sopkit.archive.store import Store
from sopkit.archive.workspace import Workspace
from sopkit.definitions.files import parse_model, parse_sop
from sopkit.definitions.model import ModelFile
from sopkit.definitions.sop import Sop
from sopkit.errors import DefinitionError, NotFound
from sopkit.running.parameters import Parameter, declared_parameters

__all__ = ["Pinned", "differing", "module_path", "pin", "pinned"]


@dataclass(frozen=True)
class Pinned:
    """The definitions in force for a run. `files` is pin name -> bytes, as `run.started` lists them."""

    sop: Sop
    model: ModelFile
    notebooks: Mapping[str, bytes]
    files: Mapping[str, bytes]

    @property
    def parameters(self) -> dict[str, list[Parameter]]:
        """What each stage's notebook declares, by stage id."""
        return {
            stage.id: declared_parameters(json.loads(self.notebooks[stage.notebook]), f"notebooks/{stage.notebook}")
            for stage in self.sop.stages
        }

    def keep(self, store: Store) -> dict[str, Any]:
        """Put everything into the store; returns the pins of `run.started`."""
        digests = {name: store.put(data) for name, data in self.files.items()}
        empty = dict.fromkeys(("module", "people", "lock"))
        return {**empty, **digests, "notebooks": {name: store.put(data) for name, data in self.notebooks.items()}}


def pin(workspace: Workspace, sop: str, model: str) -> Pinned:
    """Read and check what a run of `sop` for `model` would be pinned to. Raises NotFound, DefinitionError."""
    paths = _paths(workspace, sop, model)
    for kind in ("sop", "model"):
        if not paths[kind].is_file():
            known = sorted(path.stem for path in paths[kind].parent.glob("*.yaml"))
            name = {"sop": sop, "model": model}[kind]
            raise NotFound(
                f"no {'SOP' if kind == 'sop' else 'model file'} named '{name}'",
                where=paths[kind].relative_to(workspace.root),
                expected=f"one of {', '.join(known)}" if known else None,
            )
    files = {kind: path.read_bytes() for kind, path in paths.items() if path.is_file()}
    definition = parse_sop(files["sop"], str(paths["sop"].relative_to(workspace.root)))
    file = parse_model(files["model"], str(paths["model"].relative_to(workspace.root)))
    notebooks = {stage.notebook: _notebook(workspace, stage.notebook) for stage in definition.stages}
    return Pinned(definition, file, notebooks, files)


def pinned(workspace: Workspace, state: RunState) -> Pinned:
    """The definitions of a run, from the store, by its pins."""
    store = workspace.store
    files = {
        kind: store.get(digest) for kind, digest in state.pins.items() if kind != "notebooks" and digest is not None
    }
    notebooks = {name: store.get(digest) for name, digest in state.pins["notebooks"].items()}
    sop = parse_sop(files["sop"], f"{state.sop}.yaml, pinned by {state.id}")
    model = parse_model(files["model"], f"{state.model}.yaml, pinned by {state.id}")
    return Pinned(sop, model, notebooks, files)


def differing(workspace: Workspace, state: RunState) -> list[str]:
    """The files whose bytes are not those of the pins any more, as paths below the workspace."""
    paths = _paths(workspace, state.sop, state.model)
    pins = {paths[kind]: state.pins.get(kind) for kind in paths}
    pins |= {workspace.notebooks / name: digest for name, digest in state.pins["notebooks"].items()}
    return sorted(
        str(path.relative_to(workspace.root))
        for path, digest in pins.items()
        if (sha256_hex(path.read_bytes()) if path.is_file() else None) != digest
    )


def module_path(workspace: Workspace, state: RunState) -> Path | None:
    """A file with the pinned module's bytes, for import; None where the model has no module."""
    digest = state.pins.get("module")
    if digest is None:
        return None
    path: Path = workspace.sop / "modules" / digest / f"{state.model}.py"
    data = workspace.store.get(digest)
    if not path.is_file() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        publish(path, data, replace=True)
    return path


def _paths(workspace: Workspace, sop: str, model: str) -> dict[str, Path]:
    return {
        "sop": workspace.sop_file(sop),
        "model": workspace.model_file(model),
        "module": workspace.model_file(model).with_suffix(".py"),
        "people": workspace.templates / "people.yaml",
        "lock": workspace.root / "requirements.lock",
    }


def _notebook(workspace: Workspace, name: str) -> bytes:
    path = workspace.notebooks / name
    where = f"notebooks/{name}"
    try:
        data = path.read_bytes()
        cells = json.loads(data)["cells"]
    except FileNotFoundError:
        raise NotFound(
            "the SOP's notebook does not exist", where=where, remedy="`sop check` lists all of them"
        ) from None
    except (ValueError, KeyError, TypeError):
        raise DefinitionError("not a Jupyter notebook", where=where, expected="nbformat 4 JSON") from None
    if len({cell.get("id") for cell in cells}) != len(cells) or any(not cell.get("id") for cell in cells):
        raise DefinitionError("every cell needs an id of its own", where=where, remedy="save it in JupyterLab 4")
    return data
