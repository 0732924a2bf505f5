"""One attempt of one stage: executed in private, sealed, kept, logged, then shown in the run folder."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sopkit.archive.folders import rebuild
from sopkit.archive.runs import RunState
from sopkit.definitions.results import Attached, Concluded, Looked, Requested, Used, plain
from sopkit.definitions.sop import Stage
from sopkit.running import live, waived
from sopkit.running.execution import Executed, execute_notebook
from sopkit.running.kernel import kernel_environment
from sopkit.running.open_run import OpenRun
from sopkit.running.parameters import check_parameters
from sopkit.running.pins import Pinned
from sopkit.running.planning import Execute
from sopkit.running.sealing import Seal, seal

__all__ = ["execute"]


def execute(run: OpenRun, definitions: Pinned, action: Execute, clock: datetime) -> bool:
    """One attempt of one stage; True if it was sealed. KeyboardInterrupt is logged and passes through."""
    stage, state = definitions.sop.stage(action.stage), run.state
    place: dict[str, Any] = {"stage": stage.id, "attempt": action.attempt}
    source = definitions.notebooks[stage.notebook]
    run.tell({"kind": "stage", "state": "running", "title": stage.title, **place, "because": action.because})
    body = {"because": action.because, "notebook": state.pins["notebooks"][stage.notebook]}
    run.log("stage.started", as_of=clock, body=body, **place)
    folder = run.folder(stage.id, action.attempt)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "files").mkdir(parents=True)
    (folder / "source.ipynb").write_bytes(source)
    waived.hand_over(run.workspace, run.state, stage.id, folder / "waivers.json")
    secrets = {name: run.environment[name] for name in stage.credentials if name in run.environment}
    began = time.monotonic()
    headings = live.headings(json.loads(source))
    told = live.Told(run.workspace, run.id, title=stage.title, cells=headings, folder=folder, **place)
    try:
        with told:
            executed = _papermill(run, definitions, state, stage, folder, secrets, action.attempt, told.cell)
    except KeyboardInterrupt:
        run.log("stage.interrupted", body={"reason": "interrupted by the person who runs it"}, **place)
        raise
    seconds = round(time.monotonic() - began, 3)
    sealed = _sealed(json.loads(source), executed, stage, folder / "files", secrets)
    kept = run.workspace.store.put(sealed.notebook)
    stem = Path(stage.notebook).stem
    file = f"{stem}.ipynb" if action.attempt == 1 else f"{stem}.{action.attempt}.ipynb"
    body = {"notebook": kept, "content": sealed.content, "file": file, "seconds": seconds}
    body |= {"usage": told.usage} if told.usage else {}
    if sealed.holds:
        for record in sealed.all_of(Attached):
            run.workspace.store.put_file(folder / "files" / record.name)
        run.log("stage.sealed", as_of=clock, body={**body, **_facts(sealed)}, **place)
    else:
        why = "; ".join(sealed.faults)
        run.log("stage.failed", body={**body, "reason": why, "error": executed.error}, **place)
        run.log("run.failed", stage=stage.id, body={"stage": stage.id, "reason": why})
    rebuild(run.workspace, run.id)
    shutil.rmtree(folder, ignore_errors=True)
    word = "done" if sealed.holds else "failed"
    run.tell({"kind": "stage", "state": word, "title": stage.title, **place, "seconds": seconds})
    return sealed.holds


def _papermill(
    run: OpenRun,
    definitions: Pinned,
    state: RunState,
    stage: Stage,
    folder: Path,
    secrets: Mapping[str, str],
    attempt: int,
    cell: Callable[[int], None],
) -> Executed:
    declared = {parameter.name for parameter in definitions.parameters[stage.id]}
    given = check_parameters(state.parameters, definitions.parameters)[stage.id]
    own = {"run": state.id, "model": state.model, "as_of": ""}
    if state.started.get("reason"):
        own["reason"] = state.started["reason"]
    home = run.workspace.sop / "home"
    home.mkdir(parents=True, exist_ok=True)
    environment = kernel_environment(
        run.environment,
        home,
        {
            "SOPKIT_WORKSPACE": str(run.workspace.root),
            "SOPKIT_ATTEMPT": f"{state.id}/{stage.id}",
            "SOPKIT_OUT": str(folder / "files"),
            "SOPKIT_WAIVERS": str(folder / "waivers.json"),
        },
        secrets,
    )
    cells = len(json.loads(definitions.notebooks[stage.notebook])["cells"]) + 1
    event = {"kind": "cell", "stage": stage.id, "attempt": attempt, "cells": cells, "files": folder / "files"}

    def starts(index: int) -> None:
        cell(index)
        run.tell({**event, "cell": index + 1})

    return execute_notebook(
        folder / "source.ipynb",
        folder,
        parameters={**{name: value for name, value in own.items() if name in declared}, **given},
        environment=environment,
        timeout=stage.timeout,
        on_cell=starts,
    )


def _sealed(source: dict[str, Any], executed: Executed, stage: Stage, files: Path, secrets: Mapping[str, str]) -> Seal:
    failure = executed.failure
    try:
        notebook = json.loads(executed.output.read_bytes())
    except (OSError, ValueError):
        notebook, failure = source, failure or "papermill left no readable notebook"
    return seal(source, notebook, failure=failure, required=stage.results, files=files, secrets=secrets)


def _facts(sealed: Seal) -> dict[str, Any]:
    concluded = sealed.all_of(Concluded)
    return {
        "results": {name: plain(result) for name, result in sealed.results.items()},
        "artifacts": plain(sealed.all_of(Attached)),
        "uses": plain(sealed.all_of(Used)),
        "requests": plain(sealed.all_of(Requested)),
        "looks": plain(sealed.all_of(Looked)),
        "concluded": plain(concluded[-1]) if concluded else None,
    }
