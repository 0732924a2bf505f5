"""The beginning of a stage notebook.

    from sopkit import stage
    this = stage.begin("retraining", "evaluate", run)

With a run, and started by the runner, `this` is an official attempt: what it records stands in the
notebook's own outputs, from which the runner seals it. Without one it is a draft: the same calls
show the same things and keep nothing. Only the runner makes an attempt official: a notebook that
is executed again by hand is a draft on that run's inputs.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sopkit.archive.runs import RunState, run_state, run_states
from sopkit.archive.workspace import Workspace
from sopkit.definitions.files import load_model, load_sop
from sopkit.definitions.model import ModelFile
from sopkit.definitions.sop import Sop
from sopkit.errors import NotFound, WrongUse
from sopkit.running import waived
from sopkit.running.inputs import Draft, Inputs, Nothing, OfRun, accepted_beside
from sopkit.running.pins import module_path, pinned
from sopkit.running.this import Stage

__all__ = ["Stage", "begin"]


def begin(sop: str, stage: str, run: str = "", *, model: str = "", as_of: str = "") -> Stage:
    """Begin a stage: an official attempt when the runner started this kernel for `run`, otherwise a draft.

    `run` is a run id, or `id#2` for a draft on exactly the inputs of attempt 2; `model` and `as_of`
    are for drafts without a run. Raises NotFound for a run, SOP, stage or model that does not exist.
    """
    import pandas

    # JupyterLab (4.6) typesets what stands between dollars in a table, and data may hold any text.
    pandas.set_option("display.html.use_mathjax", False)
    official = os.environ.get("SOPKIT_ATTEMPT", "") == f"{run}/{stage}" and run != ""
    workspace = Workspace(Path(os.environ["SOPKIT_WORKSPACE"])) if official else Workspace.find()
    if run:
        this = _of_run(workspace, sop, stage, run, official=official)
    else:
        this = _without_run(workspace, sop, stage, model, as_of)
    this.open()
    return this


def _of_run(workspace: Workspace, sop: str, stage: str, run: str, *, official: bool) -> Stage:
    name, _, number = run.partition("#")
    state = run_state(workspace.log.entries(), name)
    if state.sop != sop:
        raise WrongUse(f"run {name} is one of SOP '{state.sop}'", got=sop)
    definitions = pinned(workspace, state)
    known = state.stage(stage)
    attempt = known.attempt(int(number)) if number.isdecimal() else known.current
    if number and attempt is None:
        raise NotFound(f"stage '{stage}' of run {name} has no attempt {number}")
    as_of = attempt.as_of if attempt and attempt.as_of else state.as_of
    used = {item["input"]: item["digest"] for item in attempt.uses} if number and attempt else {}
    drafts = workspace.sop / "drafts" / sop / name
    folder = Path(os.environ["SOPKIT_OUT"]) if official else drafts / stage
    return Stage(
        workspace,
        definitions.sop,
        stage,
        definitions.model,
        OfRun(state, workspace.store, as_of, used),
        as_of=as_of,
        folder=folder,
        module=module_path(workspace, state),
        run=name,
        attempt=attempt.number if attempt else 0,
        official=official,
        parameters=state.parameters,
        champion_seen=None if official or attempt is None else _seen(attempt.uses, "champion"),
        waivers=_waivers(workspace, state, stage, used if number else None, official=official),
    )


def _waivers(
    workspace: Workspace, state: RunState, stage: str, used: Mapping[str, str] | None, *, official: bool
) -> waived.Handed:
    if official:
        return waived.taken(Path(os.environ["SOPKIT_WAIVERS"]))
    return waived.for_run(workspace, state, stage) if used is None else waived.used_by(workspace, used)


def _seen(uses: Iterable[Mapping[str, Any]], name: str) -> str | None:
    return next((str(used["digest"]) for used in uses if used["input"] == name), None)


def _without_run(workspace: Workspace, sop: str, stage: str, model: str, as_of: str) -> Stage:
    definition = load_sop(workspace.sop_file(sop))
    if stage not in [known.id for known in definition.stages]:
        raise NotFound(f"SOP '{sop}' has no stage '{stage}'", expected=", ".join(s.id for s in definition.stages))
    path = workspace.model_file(model or _only_model(workspace))
    model, file = path.stem, load_model(path)
    module = path.with_suffix(".py") if path.with_suffix(".py").exists() else None
    drafts = Draft(workspace.sop / "drafts" / sop / model)
    inputs = _newest(workspace, definition, stage, model, drafts)
    moment = _moment(as_of) if as_of else inputs.as_of
    if moment is None:
        moment = _end_of_data(workspace, file, module)
    return Stage(
        workspace,
        definition,
        stage,
        file,
        inputs,
        as_of=moment,
        folder=drafts.folder / stage,
        module=module,
        waivers=waived.for_draft(workspace, sop, model, stage),
    )


def _only_model(workspace: Workspace) -> str:
    known = sorted(path.stem for path in (workspace.templates / "models").glob("*.yaml"))
    if len(known) != 1:
        raise WrongUse("a draft needs the name of a model file", expected=f"one of {', '.join(known)}", got="none")
    return known[0]


def _newest(workspace: Workspace, sop: Sop, stage: str, model: str, drafts: Draft) -> Inputs:
    """What a draft stands on: the newer of the last run and the drafts that have the stage before it."""
    before = sop.before(stage)
    if not before:
        return Nothing()
    previous = before[-1].id
    for state in run_states(workspace.log.entries()):
        attempt = state.stage(previous).sealed
        if state.sop == sop.sop and state.model == model and attempt is not None:
            drafted = drafts.made_at(previous)
            if drafted is None or (attempt.at > drafted):
                return OfRun(state, workspace.store, attempt.as_of)
            break
    return drafts if drafts.made_at(previous) else Nothing()


def _end_of_data(workspace: Workspace, model: ModelFile, module: Path | None) -> datetime:
    """Now, or the day after the last row where the data ended earlier (with the label delay on top)."""
    from sopkit import modelling

    now = datetime.now(UTC)
    beside = accepted_beside(workspace, model.model)
    snapshot = modelling.read(
        model, as_of=now, root=workspace.root, module=module, credentials=os.environ, accepted=beside
    )
    newest = snapshot.table[model.data.time].max().to_pydatetime() + model.data.label_delay
    return min(now, datetime(newest.year, newest.month, newest.day, tzinfo=UTC) + timedelta(days=1))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WrongUse("not a moment in time", expected="2013-07-01 or 2013-07-01T12:00:00Z", got=text) from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
