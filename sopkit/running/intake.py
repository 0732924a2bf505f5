"""Intake: what was found in a new data set, before anybody may accept it, and accepting it.

The rules:
* what blocks cannot be accepted; drift is an alert, is kept with what was found, and blocks nothing;
* the clock is the real one in a live workspace; in a simulation it is given, or that of the model's newest run;
* a path that somebody typed leads to a file of the workspace, or nowhere.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sopkit.archive import data_sets
from sopkit.archive.canonical import sha256_hex
from sopkit.archive.entries import Entry, instant
from sopkit.archive.runs import run_states
from sopkit.archive.workspace import Workspace
from sopkit.definitions.rendering import render_value
from sopkit.definitions.results import plain
from sopkit.errors import NotFound, WrongUse

if TYPE_CHECKING:
    from sopkit.evidence import Drift, Findings

__all__ = ["Intake", "accept", "clock_of", "inside"]


@dataclass(frozen=True)
class Intake:
    """What was found in a data set. `why` says what blocks it, one reason each; empty: it may be accepted.

    `columns`: name, type and share of missing values; `examples`: its first rows as texts; `overlap`: what became of
    its rows beside those that are known.
    """

    model: str
    name: str
    as_of: datetime
    data: bytes = field(default=b"", repr=False)
    media_type: str | None = None
    model_file: str = ""
    rows: int = 0
    labelled: int | None = None
    first: str | None = None
    last: str | None = None
    columns: tuple[Mapping[str, Any], ...] = ()
    examples: tuple[Mapping[str, str], ...] = ()
    cleaning: Mapping[str, Any] | None = None
    findings: Findings | None = None
    drift: Drift | None = None
    reference: Mapping[str, Any] | None = None
    overlap: Mapping[str, Any] | None = None
    why: tuple[Mapping[str, Any], ...] = ()

    @property
    def acceptable(self) -> bool:
        return not self.why

    @property
    def digest(self) -> str | None:
        return sha256_hex(self.data) if self.data else None

    @property
    def drift_alert(self) -> bool:
        """Whether drift is to be told. One feature that moved is enough, whatever its weight, and so is the target."""
        if self.drift is None:
            return False
        target = self.drift.target
        return bool(self.drift.drifted) or (target is not None and target.verdict == "fail")

    def to_dict(self) -> dict[str, Any]:
        """The whole report as plain JSON: what is shown, and what is kept when it is accepted."""
        names = ("model", "name", "media_type", "model_file", "rows", "labelled", "first", "last", "digest")
        told = {name: getattr(self, name) for name in names}
        report: dict[str, Any] = plain(
            {
                **told,
                "size": len(self.data),
                "as_of": instant(self.as_of),
                "verdict": "acceptable" if self.acceptable else "blocked",
                "why": list(self.why),
                "columns": list(self.columns),
                "examples": list(self.examples),
                "cleaning": self.cleaning,
                "findings": self.findings.to_dict() if self.findings else None,
                "drift": self.drift.to_dict() if self.drift else None,
                "drift_alert": self.drift_alert,
                "reference": self.reference,
                "overlap": self.overlap,
            }
        )
        return report


def clock_of(workspace: Workspace, model: str, as_of: datetime | None) -> datetime:
    """The clock that an intake sees: `as_of` in a simulation, or its newest run's; the real one in a live workspace."""
    now = datetime.now(UTC)
    if as_of is not None:
        if workspace.mode == "live":
            remedy = "leave --as-of out; simulate in a workspace of its own:  sop new DIR"
            raise WrongUse("this workspace is live: its clock is the real one", where="--as-of", remedy=remedy)
        if as_of > now:
            raise WrongUse("the clock never lies in the future", expected="now or earlier", got=render_value(as_of))
        return as_of
    if workspace.mode != "simulation":
        return now
    return next((state.as_of for state in run_states(workspace.log.entries()) if state.model == model), now)


def inside(workspace: Workspace, text: str) -> Path:
    """A file of the workspace by a path that somebody typed. Raises NotFound for what is not there."""
    path = (workspace.root / text).resolve()
    if not path.is_relative_to(workspace.root) or not path.is_file():
        raise NotFound(
            "there is no such file in the workspace",
            where=text,
            expected="a path below the workspace, such as data/new.csv",
            remedy="copy it there, or upload it",
        )
    return path


def accept(workspace: Workspace, intake: Intake, *, by: str | None, at: datetime) -> Entry:
    """Keep an examined data set and log it. Raises WrongUse for one that is blocked (see also `data_sets.accept`)."""
    if not intake.acceptable:
        raise WrongUse(f"{intake.name} cannot be accepted: {intake.why[0]['sentence']}", got=intake.why[0].get("got"))
    report = intake.to_dict()
    drift, findings = report["drift"], intake.findings
    counts = {} if findings is None else {key: findings.measures[0].detail["counts"][key] for key in ("warn", "note")}
    return data_sets.accept(
        workspace,
        intake.data,
        report,
        model=intake.model,
        by=by,
        at=at,
        as_of=intake.as_of,
        name=intake.name,
        media_type=intake.media_type,
        rows=intake.rows,
        columns=len(intake.columns),
        findings=counts,
        drift=drift
        and {
            "alert": intake.drift_alert,
            "drifted": list(intake.drift.drifted) if intake.drift else [],
            **{name: drift[name] for name in ("verdict", "share", "reason")},
        },
        model_file=intake.model_file,
        **{"from": intake.first, "to": intake.last},
    )
