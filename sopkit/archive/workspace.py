"""A workspace: a folder with `notebooks/`, `templates/` and `runs/`, and one log.

The rules:
* names and run ids are checked against one pattern each before any path is built from them;
* a workspace is live or a simulation, which its first run decides and the log's first entry says. A simulation is
  refused in a live workspace; a live run in a simulation is part of the simulation;
* `.sop/` holds what may be deleted, except `.sop/keys`, where the log key is.
"""

from __future__ import annotations

import contextlib
import re
import uuid
from datetime import datetime
from functools import cached_property
from pathlib import Path

from sopkit.archive.checkpoint import new_log_key, verifier_key
from sopkit.archive.log import Log
from sopkit.archive.store import Store
from sopkit.errors import NotFound, WrongUse

__all__ = ["Workspace", "check_name", "check_run_id"]

MODES = ("live", "simulation")
RESERVED = {"log", "store", "predictions"}  # what the archive itself keeps in runs/
NAME = re.compile(r"[a-z][a-z0-9-]{0,63}")
RUN_ID = re.compile(r"[0-9]{8}T[0-9]{6}Z-[a-z][a-z0-9-]{0,63}-[0-9a-f]{4}")


def check_name(name: str, what: str = "name") -> str:
    """`name`, if it is one (of a SOP, stage or model). Raises WrongUse."""
    if not NAME.fullmatch(name):
        raise WrongUse(f"not a {what}", expected="lower-case letters, digits and hyphens, 64 at most", got=repr(name))
    return name


def check_run_id(run: str) -> str:
    """`run`, if it has the form of a run id. Raises WrongUse."""
    if not RUN_ID.fullmatch(run):
        raise WrongUse("not a run id", expected="one like 20130701T000000Z-flights-4f2a", got=repr(run))
    return run


class Workspace:
    """The workspace in `root`. Its folders, its log and its store."""

    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).resolve()
        self.notebooks = self.root / "notebooks"
        self.templates = self.root / "templates"
        self.runs = self.root / "runs"
        self.sop = self.root / ".sop"
        self.log_key = self.sop / "keys" / "log.key"

    def __repr__(self) -> str:
        return f"Workspace({str(self.root)!r})"

    @classmethod
    def find(cls, start: Path | str | None = None) -> Workspace:
        """The workspace that `start` (default: the current folder) lies in. Raises NotFound."""
        here = Path(start or ".").resolve()
        for folder in (here, *here.parents):
            if all((folder / name).is_dir() for name in ("notebooks", "templates", "runs")):
                return cls(folder)
        raise NotFound(
            "not in a workspace",
            where=here,
            expected="a folder with notebooks/, templates/ and runs/",
            remedy="change into a workspace, or make one:  sop new DIR",
        )

    @cached_property
    def log(self) -> Log:
        """The log; may be empty, see `open_log`."""
        return Log(self.runs / "log", self.sop)

    @cached_property
    def store(self) -> Store:
        return Store(self.runs / "store")

    @property
    def mode(self) -> str | None:
        """`live` or `simulation`; None until the first run."""
        entries = self.log.entries()
        return str(entries[0].body.get("mode")) if entries else None

    def open_log(self, mode: str, at: datetime, *, id: uuid.UUID | None = None) -> Log:
        """The log, ready to be written to for a run of this mode; made, with its key, if this is the first.

        Raises WrongUse if a live workspace is asked for a simulation, or for what is neither.
        """
        if mode not in MODES:
            raise WrongUse("not a mode of a workspace", expected=" or ".join(MODES), got=repr(mode))
        if not self.log.entries():
            self._create(mode, at, id or uuid.uuid4())
        if mode == "simulation" and self.mode == "live":
            raise WrongUse(
                "this workspace is live: its clock is the real one and its reviewers are real people",
                where=self.root,
                expected="no --as-of and no --demo-reviewers",
                remedy="simulate in a workspace of its own:  sop new DIR",
            )
        return self.log

    def _create(self, mode: str, at: datetime, id: uuid.UUID) -> None:
        from sopkit import __version__

        key = verifier_key(f"sopkit/{id}", new_log_key(self.log_key))
        body = {"workspace": str(id), "log_key": str(key), "mode": mode, "product": f"sopkit {__version__}"}
        with contextlib.suppress(_Created):
            self.log.append("workspace.created", at=at, body=body, expect=_nothing_yet)

    def sop_file(self, sop: str) -> Path:
        """`templates/sops/<sop>.yaml`. Raises WrongUse for what is no name."""
        return self.templates / "sops" / f"{check_name(sop, 'name of a SOP')}.yaml"

    def model_file(self, model: str) -> Path:
        """`templates/models/<model>.yaml`. Raises WrongUse for what is no name."""
        return self.templates / "models" / f"{check_name(model, 'name of a model')}.yaml"

    def sop_folder(self, sop: str) -> Path:
        """`runs/<sop>`, where that SOP's runs are. Raises WrongUse for what is no name."""
        if sop in RESERVED:
            raise WrongUse("not a name of a SOP: the archive uses it itself", got=sop)
        return self.runs / check_name(sop, "name of a SOP")

    def run_folder(self, sop: str, run: str) -> Path:
        """`runs/<sop>/<run>`. Raises WrongUse for what is no name or run id."""
        return self.sop_folder(sop) / check_run_id(run)


class _Created(Exception):
    """Another process made the log meanwhile."""


def _nothing_yet(entries: object) -> None:
    if entries:
        raise _Created
