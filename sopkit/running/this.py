"""`this`: what a stage notebook works with, in an official attempt and in a draft alike.

The rules:
* a notebook records, attaches, requests and concludes; it performs nothing (the runner does, after the gates);
* whatever it takes from before (data, artifacts, the champion) is recorded as used, with its digest;
* a draft shows the same and keeps nothing but its own files below `.sop/drafts`; its looks at held-out rows are
  logged, once the workspace has a log: a draft does not decide whether a workspace is live.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sopkit.archive.aliases import alias_history
from sopkit.archive.canonical import sha256_hex
from sopkit.archive.runs import RunState, run_state, run_states
from sopkit.archive.workspace import Workspace
from sopkit.definitions.model import ModelFile
from sopkit.definitions.rendering import escape_markdown, render_result, render_value
from sopkit.definitions.results import (
    RECORD_MIME,
    RESULT_MIME,
    Attached,
    Concluded,
    Looked,
    Requested,
    Result,
    Used,
    plain,
)
from sopkit.definitions.sop import Sop
from sopkit.errors import NotFound, WrongUse
from sopkit.running import waived
from sopkit.running.champions import Champion
from sopkit.running.formats import from_bytes, to_bytes
from sopkit.running.inputs import Found, Inputs, OfRun, accepted_beside
from sopkit.running.recording import Told, result_of

__all__ = ["Stage", "looks_at"]


class Stage:
    """One attempt or draft of one stage. Notebooks get it from `begin`."""

    def __init__(
        self,
        workspace: Workspace,
        sop: Sop,
        stage: str,
        model: ModelFile,
        inputs: Inputs,
        *,
        as_of: datetime,
        folder: Path,
        module: Path | None,
        run: str = "",
        attempt: int = 0,
        official: bool = False,
        parameters: Mapping[str, Any] | None = None,
        champion_seen: str | None = None,
        waivers: waived.Handed = (),
    ) -> None:
        self._champion_seen, self._waivers = champion_seen, waivers
        self.workspace, self.sop, self.model, self.inputs = workspace, sop, model, inputs
        self.spec = sop.stage(stage)
        self.as_of, self.run, self.attempt, self.official = as_of, run, attempt, official
        self.parameters = dict(parameters or {})
        self.folder, self.module = folder, module
        self._results: dict[str, Result] = {}
        self._attached: dict[str, Attached] = {}
        self._concluded: Concluded | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if not official:
            shutil.rmtree(folder)
            folder.mkdir(parents=True)
            self._write_manifest()

    # ------------------------------------------------------------ what came before

    @property
    def state(self) -> RunState | None:
        """What the log says of this run as of now; None in a draft without a run."""
        return run_state(self.workspace.log.entries(), self.run) if self.run else None

    def load(self, name: str) -> Any:
        """The newest artifact of that name (with or without its ending) of the stages before this one."""
        found = self._found(name)
        value = from_bytes(found.name, found.data, module=self.module)
        used = Used(input=f"stage:{found.stage}/{found.name}", digest=found.digest)
        self._tell(f"Loaded `{found.name}`{_size(value)} from {found.origin}, sha256 `{found.digest[:12]}…`", used)
        return value

    def has(self, name: str) -> bool:
        """Whether a stage before this one has attached an artifact of that name."""
        return self.inputs.find(self._before, name) is not None

    def reference(self, name: str) -> dict[str, str]:
        """Name and sha256 of an artifact that this stage or one before it attached, for a card or a request."""
        for record in self._attached.values():
            if name in (record.name, record.name.rpartition(".")[0]):
                return {"name": record.name, "sha256": record.sha256}
        found = self._found(name)
        return {"name": found.name, "sha256": found.digest}

    def result(self, stage: str, name: str) -> Any:
        """The value of a result that an earlier stage recorded. Raises NotFound."""
        found = self.inputs.results(stage).get(name)
        if found is None:
            raise NotFound(f"stage '{stage}' has not recorded `{name}`", where=self.inputs.origin)
        return found["value"]

    def as_of_stage(self, stage: str) -> datetime:
        """The clock that an earlier stage saw. In a draft all stages see the same one."""
        return self.inputs.as_of_stage(stage) or self.as_of

    @property
    def outcome(self) -> str | None:
        """The outcome that a stage before this one concluded, if any."""
        concluded = self.inputs.concluded(self._before)
        return concluded["outcome"] if concluded else None

    def load_data(self) -> Any:
        """The model file's data, and what was accepted beside it, as of the clock: a `modelling.Snapshot`.

        Rows after `as_of` do not exist.
        """
        from sopkit import modelling
        from sopkit.modelling.tables import rows_digest

        beside = accepted_beside(self.workspace, self.model.model, self.run)
        snapshot = modelling.read(
            self.model,
            as_of=self.as_of,
            root=self.workspace.root,
            module=self.module,
            credentials=self._credentials,
            accepted=beside,
        )
        for each in beside:
            name = escape_markdown(each.name)
            used = Used(input=f"data_set:{each.seq}", digest=each.digest, note=each.name)
            self._tell(f"Accepted data set {name}, sha256 `{each.digest[:12]}…` (log entry {each.seq})", used)
        when = render_value(self.as_of)
        source = self.model.data.source
        used = Used(input="data", digest=rows_digest(snapshot.table), note=source)
        more = f" and {len(beside)} accepted data {'set' if len(beside) == 1 else 'sets'}" if beside else ""
        self._tell(f"Read {len(snapshot.table):,} rows of {escape_markdown(source)}{more} as of {when}", used)
        return snapshot

    def load_indicators(self) -> dict[str, Any]:
        """The series under `data.indicators` as they were known at the clock: name -> `modelling.Series`."""
        from sopkit import modelling
        from sopkit.modelling.tables import rows_digest

        series = modelling.read_indicators(
            self.model, as_of=self.as_of, root=self.workspace.root, module=self.module, credentials=self._credentials
        )
        for name, known in series.items():
            source = self.model.data.indicators[name].source
            used = Used(input=f"indicator:{name}", digest=rows_digest(known.table), note=source)
            told = f"Read {len(known):,} values of indicator {escape_markdown(name)} from {escape_markdown(source)}"
            self._tell(f"{told}, known before {render_value(known.known_until.to_pydatetime())}", used)
        return series

    @property
    def kept_at(self) -> datetime | None:
        """The clock of the newest earlier run of this SOP and model that examined the champion and kept it."""
        runs = run_states(self.workspace.log.entries())
        return next(
            (
                state.as_of
                for state in runs
                if (state.sop, state.model, state.outcome) == (self.sop.sop, self.model.model, "champion_kept")
                and state.id != self.run
                and state.as_of <= self.as_of
            ),
            None,
        )

    @cached_property
    def champion(self) -> Champion | None:
        """The model in service by the log, or None; in a draft of an attempt, the one that the attempt saw."""
        moves = alias_history(self.workspace.log.entries(), self.model.model, self.model.promotion.alias)
        if self._champion_seen is not None:
            moves = [move for move in moves if move.digest == self._champion_seen]
        holder = moves[-1] if moves else None
        if holder is None:
            self._tell("No champion is in service for this model.", Used(input="champion", digest=""))
            return None
        champion = Champion(holder, self.workspace.store, self.model, self.module)
        self._tell(f"Champion: {champion}", Used(input="champion", digest=champion.digest))
        return champion

    @cached_property
    def waivers(self) -> dict[str, str]:
        """What people accept in writing for this stage and model, by id: who, why and until when."""
        for waiver in self._waivers:
            told = escape_markdown(f"{waiver['finding']}: {waiver['words']} (log entry {waiver['seq']})")
            self._tell(f"Waiver in force, {told}", waived.used(waiver))
        return {str(waiver["finding"]): str(waiver["words"]) for waiver in self._waivers}

    def earlier(self, name: str) -> list[tuple[str, Any]]:
        """`(run, value)` of the artifact `name` of earlier finished runs of this model and SOP, newest first."""
        found = []
        for state in run_states(self.workspace.log.entries()):
            if state.id == self.run or state.sop != self.sop.sop or state.model != self.model.model:
                continue
            inputs = OfRun(state, self.workspace.store, state.as_of)
            artifact = inputs.find([stage.id for stage in self.sop.stages], name)
            if artifact is not None:
                found.append((state.id, from_bytes(artifact.name, artifact.data, module=self.module)))
        return found

    # ------------------------------------------------------------ what is told

    def record(
        self,
        name: str,
        value: Any,
        *,
        title: str = "",
        unit: str = "",
        reason: str = "",
        verdict: str | None = None,
        detail: Mapping[str, Any] | None = None,
        **threshold: Any,
    ) -> None:
        """Record a result: a plain value, or a measure of `evidence` with its own verdict.

        One of `at_least`, `at_most`, `above`, `below`, `equals` gives a threshold. Raises WrongUse for
        a name that was recorded before and for an unknown keyword.
        """
        if name in self._results:
            raise WrongUse(f"`{name}` was recorded before in this stage")
        declared = self.spec.results.get(name)
        title = title or (declared.title if declared else "")
        told = Told(title=title, unit=unit, reason=reason, verdict=verdict, detail=detail or {})
        result = result_of(name, value, told, threshold)
        self._results[name] = result
        self._show({RESULT_MIME: plain(result), "text/markdown": render_result(result)})
        self._write_manifest()

    def attach(self, name: str, value: Any, title: str = "") -> None:
        """Keep `value` beside the notebook, in the format of the name's ending."""
        if name in self._attached:
            raise WrongUse(f"`{name}` was attached before in this stage")
        data, media_type = to_bytes(name, value)
        (self.folder / name).write_bytes(data)
        digest = sha256_hex(data)
        record = Attached(name=name, sha256=digest, size=len(data), title=title, media_type=media_type)
        self._attached[name] = record
        what = f" ({escape_markdown(title)})" if title else ""
        self._tell(f"Attached `{name}`{what}, {len(data):,} bytes, sha256 `{digest[:12]}…`", record)
        self._write_manifest()

    def request(self, effect: str, **arguments: Any) -> None:
        """Ask the runner for an effect; it performs it once the gates up to this stage are open."""
        record = Requested(effect=effect, arguments=plain(arguments))
        self._tell(f"Requested: {effect.replace('_', ' ')} — performed by the runner, after the gates.", record)

    def conclude(self, outcome: str, why: str) -> None:
        """Decide the run's outcome, in words. Raises WrongUse for one that the SOP does not name."""
        if outcome not in self.sop.outcomes:
            raise WrongUse(f"the SOP has no outcome `{outcome}`", expected=", ".join(self.sop.outcomes), got=outcome)
        self._concluded = Concluded(outcome=outcome, why=why)
        meaning = self.sop.outcomes[outcome].meaning
        self._tell(f"**Outcome: {outcome.replace('_', ' ')}** — {escape_markdown(why)} *{meaning}*", self._concluded)
        self._write_manifest()

    def adopted(self, uri: str) -> Any:
        """The existing model that is to be adopted, by our list of trusted types, as `sop adopt` fetched it."""
        from sopkit.registry import foreign

        store, root = self.workspace.store, self.workspace.root
        found, digest = foreign.load(uri, store=store, root=root, module=self.module)
        place = foreign.address(uri).text
        self._tell(
            f"Loaded the existing model `{escape_markdown(place)}`", Used(input="adopt", digest=digest, note=place)
        )
        return found

    def look(self, table: Any, purpose: str) -> int:
        """Log a look at held-out rows; returns how many looks at these very rows there were before."""
        from sopkit.modelling.tables import rows_digest

        digest = rows_digest(table)
        before = looks_at(self.workspace, digest)
        record = Looked(digest=digest, rows=len(table), purpose=purpose)
        if not self.official and self.workspace.mode is not None:
            self.workspace.log.append(
                "look",
                at=datetime.now(UTC),
                as_of=self.as_of,
                stage=self.spec.id,
                body={**plain(record), "draft": True},
            )
        times = "the first look" if before == 0 else f"look number {before + 1}"
        self._tell(f"{times.capitalize()} at these {len(table):,} held-out rows ({escape_markdown(purpose)}).", record)
        return before

    def progress(self, done: int, total: int, note: str = "", **facts: Any) -> None:
        """Tell whoever watches how far a long calculation is; never part of the record."""
        path = self.folder / ".progress.json"
        part = path.with_suffix(".part")
        part.write_text(json.dumps({"done": done, "total": total, "note": note, **plain(facts)}))
        part.replace(path)

    def watch(self, sample: Mapping[str, Any]) -> None:
        """Pass on what a fit tells while it runs (`fold`, `folds`, `seconds`, `memory_mb` …) as progress."""
        note = " ".join(
            f"{name} {render_value(value)}" for name, value in sample.items() if name not in ("fold", "folds")
        )
        self.progress(int(sample.get("fold", 1)), int(sample.get("folds", 1)), note, **sample)

    # ------------------------------------------------------------ inside

    @property
    def _credentials(self) -> dict[str, str]:
        """Those that the SOP names for this stage."""
        return {name: os.environ[name] for name in self.spec.credentials if name in os.environ}

    def _found(self, name: str) -> Found:
        found = self.inputs.find(self._before, name)
        if found is None:
            raise NotFound(
                f"no stage before '{self.spec.id}' has attached `{name}`",
                where=self.inputs.origin,
                remedy="step through the notebooks before this one first, or name a run in the parameters cell",
            )
        return found

    @cached_property
    def _before(self) -> list[str]:
        return [stage.id for stage in self.sop.before(self.spec.id)]

    def open(self) -> None:
        """Tell what this is: an attempt of a run, or a draft and what it stands on."""
        self._tell(self._opening())

    def _opening(self) -> str:
        model = escape_markdown(self.model.title or self.model.model)
        when = render_value(self.as_of)
        if self.official:
            return f"Attempt {self.attempt} of stage **{self.spec.id}** in run `{self.run}` · {model} · as of {when}."
        return (
            f"**Draft** of stage **{self.spec.id}** · {model} · as of {when} · stands on {self.inputs.origin}. "
            "It shows everything and keeps nothing."
        )

    def _tell(self, markdown: str, record: Any = None) -> None:
        data: dict[str, Any] = {"text/markdown": markdown}
        if record is not None:
            data[RECORD_MIME] = plain(record)
        self._show(data)

    def _show(self, data: dict[str, Any]) -> None:
        from IPython.display import display

        display({**data, "text/plain": data["text/markdown"]}, raw=True)  # type: ignore[no-untyped-call]

    def _write_manifest(self) -> None:
        if self.official:
            return
        manifest = {
            "as_of": self.as_of.isoformat(),
            "made_at": datetime.now(UTC).isoformat(),
            "attached": [plain(record) for record in self._attached.values()],
            "results": {name: plain(result) for name, result in self._results.items()},
            "concluded": plain(self._concluded),
        }
        (self.folder / "draft.json").write_text(json.dumps(manifest, indent=1))


def looks_at(workspace: Workspace, digest: str) -> int:
    """How many looks at the held-out rows of that digest the log knows, drafts included."""
    count = 0
    for entry in workspace.log.entries():
        if entry.kind == "look":
            count += entry.body.get("digest") == digest
        elif entry.kind == "stage.sealed":
            count += sum(look.get("digest") == digest for look in entry.body.get("looks", ()))
    return count


def _size(value: Any) -> str:
    shape = getattr(value, "shape", None)
    if shape is not None and len(shape) == 2:
        return f" ({shape[0]:,} rows × {shape[1]} columns)"
    return ""
