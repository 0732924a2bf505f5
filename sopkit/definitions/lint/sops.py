"""Is a SOP complete, owned, gated and no more complicated than it has to be?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import PurePosixPath
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel

from sopkit.definitions.durations import render_duration
from sopkit.definitions.lint.words import empty, never_said
from sopkit.definitions.model import ModelFile
from sopkit.definitions.problems import Problem, did_you_mean
from sopkit.definitions.sop import Sop, Stage
from sopkit.definitions.yaml_file import Document

__all__ = ["check_sop"]

MOST_STAGES = 9  # seven and two: more are not kept in mind, and the diagram no longer fits a page
RESULT_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_sop(sop: Sop, document: Document, *, today: date) -> Iterator[Problem]:
    """Every problem of a SOP that can be seen in its own file."""
    if PurePosixPath(document.name).stem != sop.sop:
        yield document.error(("sop",), "the name differs from the file's", f"{sop.sop}.yaml", document.name)
    for field in ("title", "purpose"):
        yield from _text(document, (field,), getattr(sop, field), must=True)
    if empty(sop.module):
        yield document.warning((), "no `module`: the catalogue does not know where this SOP belongs")
    for id, role in sop.roles.items():
        if empty(role.answers_for):
            yield document.warning(("roles", id), "does not say what the role answers for")
    for id, outcome in sop.outcomes.items():
        yield from _text(document, ("outcomes", id, "meaning"), outcome.meaning, must=True)
    yield from _review(sop, document, today)
    yield from _gates(sop, document)
    yield from _checklist(sop, document)
    yield from _text(document, ("fallback",), sop.fallback)
    if empty(sop.fallback) and any(outcome.moves for outcome in sop.outcomes.values()):
        yield document.warning((), "no `fallback`: nobody knows what is done when no model is fit for use")
    if len(sop.stages) > MOST_STAGES:
        yield document.warning(
            ("stages",), "too many stages to keep in mind", f"at most {MOST_STAGES}", len(sop.stages)
        )
    seen: dict[str, str] = {}
    for index, stage in enumerate(sop.stages):
        yield from _stage(stage, document, ("stages", index))
        for said, what in ((stage.purpose.strip().lower(), "purpose"), (stage.notebook, "notebook")):
            if said in seen:
                yield document.error(("stages", index, what), f"the same {what} as stage '{seen[said]}'")
            seen.setdefault(said, stage.id)


def _text(document: Document, path: tuple[str | int, ...], text: str, *, must: bool = False) -> Iterator[Problem]:
    if must and empty(text):
        yield document.error(path, "says nothing", "a sentence that a reader outside engineering understands", text)
    yield from never_said(document, path, text)


def _review(sop: Sop, document: Document, today: date) -> Iterator[Problem]:
    if sop.review is None:
        yield document.warning((), "no `review`: nobody is reminded to look at this SOP again")
        return
    due = sop.review.last + sop.review.every
    if sop.review.every <= timedelta(0):
        yield document.error(("review", "every"), "never or always due", "a length of time such as 26w")
    elif sop.review.last > today:
        yield document.error(
            ("review", "last"), "the last review lies in the future", f"at most {today}", sop.review.last
        )
    elif due < today:
        every = render_duration(sop.review.every)
        yield document.warning(("review", "last"), f"the review is overdue since {due}", f"a review every {every}")


def _gates(sop: Sop, document: Document) -> Iterator[Problem]:
    gated = [(index, stage) for index, stage in enumerate(sop.stages) if stage.gate is not None]
    moves = [id for id, outcome in sop.outcomes.items() if outcome.moves]
    if moves and not gated:
        yield document.error(("stages",), f"outcome '{moves[0]}' moves something in service, and no stage has a gate")
    if gated and "rejected" not in sop.outcomes:
        yield document.error(("outcomes",), "a gate can be rejected, and no outcome `rejected` is described")
    if (
        any(result.must_pass for stage in sop.stages for result in stage.results.values())
        and "blocked" not in sop.outcomes
    ):
        yield document.error(("outcomes",), "a result must pass, and no outcome `blocked` is described")
    for index, stage in gated:
        assert stage.gate is not None
        path = ("stages", index, "gate")
        yield from _text(document, (*path, "meaning"), stage.gate.meaning, must=True)
        yield from _text(document, (*path, "title"), stage.gate.title, must=True)
        if not stage.gate.separation:
            yield document.warning((*path, "separation"), "who executed the run may sign it; nobody else has to look")
        for role, needed in stage.gate.roles.items():
            if needed < 1:
                yield document.error((*path, "roles", role), "asks for nobody", "at least 1", needed)


def _checklist(sop: Sop, document: Document) -> Iterator[Problem]:
    """Each item is asked once, at a gate that there is, of a role that signs there or of a result made by then."""
    gates = {stage.gate.id: (index, stage.gate) for index, stage in enumerate(sop.stages) if stage.gate is not None}
    made = {f"{stage.id}.{name}": index for index, stage in enumerate(sop.stages) for name in stage.results}
    seen: set[str] = set()
    for index, item in enumerate(sop.checklist):
        path = ("checklist", index)
        yield from _text(document, (*path, "question"), item.question, must=True)
        if not item.question.rstrip().endswith("?"):
            yield document.error((*path, "question"), "not a question", "one to which yes is the good answer")
        if item.id in seen:
            yield document.error((*path, "id"), f"two items have the id '{item.id}'")
        seen.add(item.id)
        if item.gate not in gates:
            said = f"the SOP has no gate '{item.gate}'{did_you_mean(item.gate, list(gates))}"
            yield document.error((*path, "gate"), said, ", ".join(gates) or "a gate")
            continue
        position, gate = gates[item.gate]
        if item.role is not None and item.role not in gate.roles:
            said = f"'{item.role}' does not sign at gate '{gate.id}'"
            yield document.error((*path, "role"), said, ", ".join(gate.roles), item.role)
        if item.answered_by is None:
            continue
        if item.role is not None:
            yield document.error(
                (*path, "role"), "a result answers this, so nobody is asked", "`role` or `answered_by`"
            )
        if item.answered_by not in made:
            said = f"no stage declares the result `{item.answered_by}`{did_you_mean(item.answered_by, list(made))}"
            yield document.error((*path, "answered_by"), said, "stage.result", item.answered_by)
        elif made[item.answered_by] > position:
            yield document.error((*path, "answered_by"), f"recorded only after gate '{gate.id}'", got=item.answered_by)


def _stage(stage: Stage, document: Document, path: tuple[str | int, ...]) -> Iterator[Problem]:
    for field in ("title", "purpose", "on_failure"):
        yield from _text(document, (*path, field), getattr(stage, field), must=True)
    parts = PurePosixPath(stage.notebook)
    if parts.is_absolute() or ".." in parts.parts or "\\" in stage.notebook or parts.suffix != ".ipynb":
        yield document.error(
            (*path, "notebook"), "not a notebook below notebooks/", "<folder>/<name>.ipynb", stage.notebook
        )
    if not stage.results and not stage.outputs and stage.gate is None:
        yield document.warning(path, f"stage '{stage.id}' has no results, outputs or gate: is it needed?")
    for name, result in stage.results.items():
        if not RESULT_NAME.fullmatch(name):
            yield document.error(
                (*path, "results", name), "a name that no notebook can record", "lower_case_words", name
            )
        yield from _text(document, (*path, "results", name, "title"), result.title, must=True)
    for index, name in enumerate(stage.credentials):
        if not VARIABLE.fullmatch(name):
            yield document.error((*path, "credentials", index), "not the name of an environment variable", got=name)
    if stage.timeout <= timedelta(0):
        yield document.error((*path, "timeout"), "no time at all", "a length of time such as 30m")
    if stage.wait is not None:
        yield from _wait(stage.wait, document, (*path, "wait"))


def _wait(wait: str, document: Document, path: tuple[str | int, ...]) -> Iterator[Problem]:
    kind: Any = ModelFile
    for word in wait.split("."):
        if not (isinstance(kind, type) and issubclass(kind, BaseModel)) or word not in kind.model_fields:
            known = list(kind.model_fields) if isinstance(kind, type) and issubclass(kind, BaseModel) else []
            yield document.error(
                path, f"the model file has no `{wait}`{did_you_mean(word, known)}", "promotion.soak", wait
            )
            return
        kind = kind.model_fields[word].annotation
    kinds = get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)
    if not any(part is timedelta or timedelta in get_args(part) for part in kinds):
        yield document.error(path, f"`{wait}` of the model file is not a length of time", "promotion.soak", wait)
