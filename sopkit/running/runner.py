"""The runner: starts a run, takes it as far as the gates and the clock let it, and takes it up again.

The rules:
* nothing is written before everything that can be checked beforehand is checked;
* what happens next is decided by `planning` from the log alone; the runner does it and logs it;
* one runner a run (a file lock), one run a model that is active (judged under the log's lock);
* an attempt that was under way when a runner died is `interrupted`: its kernel is killed, and the
  stage gets a new attempt; an effect that was intended and not done is performed again, idempotently;
* demo reviewers and a clock of one's own exist in a simulation only.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sopkit.archive import data_sets, people
from sopkit.archive.aliases import alias_holder
from sopkit.archive.folders import rebuild
from sopkit.archive.log import Entry
from sopkit.archive.runs import RunState, active_run, new_run_id, run_state
from sopkit.archive.workspace import Workspace
from sopkit.definitions.results import plain
from sopkit.errors import Busy, ParameterError, SopkitError, WrongUse
from sopkit.modelling.environment import describe
from sopkit.running import attempts, effects, waived
from sopkit.running.asked import (
    check_until,
    clock_of,
    duration,
    refuse_own,
    refused_live,
    require_later,
    require_parameters,
)
from sopkit.running.demonstration import sign_as_demo_reviewers
from sopkit.running.open_run import OpenRun, now
from sopkit.running.parameters import check_parameters
from sopkit.running.pins import Pinned, differing, pin, pinned
from sopkit.running.planning import Action, Conclude, Execute, Finish, Perform, Wait, next_action

__all__ = ["Runner"]


class Runner:
    """Runs of one workspace, executed by `by` (a person's id, or None where nobody is named).

    `on_event` is told what happens, for display only: a mapping with `kind` (`stage`, `cell`,
    `progress`, `effect`, `notice`) and what belongs to it.
    """

    def __init__(
        self,
        workspace: Workspace,
        *,
        by: str | None,
        on_event: Callable[[Mapping[str, Any]], None] = lambda event: None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.workspace, self.by, self._tell = workspace, by, on_event
        self._environment = dict(os.environ if environment is None else environment)

    # ------------------------------------------------------------ commands

    def start(
        self,
        sop: str,
        *,
        model: str,
        parameters: Mapping[str, Any] | None = None,
        as_of: datetime | None = None,
        until: str | None = None,
        demo: bool = False,
        reason: str | None = None,
    ) -> RunState:
        """Start a run and take it as far as it goes.

        Raises WrongUse, NotFound, DefinitionError or ParameterError before anything is written, and
        Busy while another run of the model is active.
        """
        parameters = dict(parameters or {})
        wanted = pin(self.workspace, sop, model)
        refuse_own(parameters)
        check_parameters(parameters, wanted.parameters)
        check_until(wanted, until)
        self._check_credentials(wanted)
        self._check_source(wanted)
        mode = self._mode(as_of, demo)
        at, clock = now(), clock_of(as_of)
        log = self.workspace.open_log(mode, at=at)
        self._adopt_people(at, demo)
        run = new_run_id(clock, model, self.workspace.sop_folder(sop))
        pins = wanted.keep(self.workspace.store)
        body = {
            "sop": sop,
            "sop_version": wanted.sop.version,
            "model": model,
            "parameters": plain(parameters),
            "until": until,
            "demo": demo,
            "reason": reason,
            "pins": pins,
            "environment": describe(seed=wanted.model.evaluation.seed, root=self.workspace.root),
        }
        try:
            log.append("run.started", at=at, as_of=clock, run=run, by=self.by, body=body, expect=_no_active_run(model))
        except SopkitError:
            shutil.rmtree(self.workspace.run_folder(sop, run))
            raise
        return self._advance(self._open(run), clock, until)

    def resume(
        self,
        run: str,
        *,
        as_of: datetime | None = None,
        until: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> RunState:
        """Take a run up again, from the log. Of a run that is over, only the folder is put right.

        `parameters` are for stages that are still to be executed. Raises WrongUse for a clock that runs backwards,
        NotFound for a run that does not exist, ParameterError for a parameter that comes too late or was another one.
        """
        state = self._open(run).state
        if state.ended:
            if parameters:
                raise ParameterError("the run is over and takes no parameters", where=run, remedy="start a new run")
            rebuild(self.workspace, run)  # what was saved over since is put right
            return state
        if as_of is not None and self.workspace.mode == "live":
            raise refused_live("--as-of")
        clock = clock_of(as_of) if as_of or not state.simulated else state.as_of
        require_later(clock, state)
        definitions = pinned(self.workspace, state)
        check_until(definitions, until)
        given = dict(parameters or {})
        require_parameters(given, definitions, state)
        at = now()
        self._adopt_people(at, state.demo)
        opened = self._open(run)
        with opened.alone():
            differs = differing(self.workspace, state)
            if differs:
                opened.notices([f"changed since the run started, and not used by it: {', '.join(differs)}"])
            require_parameters(given, definitions, opened.state)  # nobody else runs it now
            body = {"differs": differs, "until": until} | ({"parameters": plain(given)} if given else {})
            opened.log("run.resumed", as_of=clock, body=body)
        return self._advance(opened, clock, until)

    def abandon(self, run: str, reason: str) -> RunState:
        """End a run for good, with the reason. Raises WrongUse if it is over already."""
        state = self._open(run).state
        if state.ended:
            raise WrongUse(f"run {run} is over already", got=state.state)
        opened = self._open(run)
        with opened.alone():
            opened.recover()
            opened.log("run.abandoned", body={"reason": reason})
        return opened.state

    def ahead(self, run: str, *, as_of: datetime | None = None) -> Action:
        """What a resume would do first; nothing is written. Raises as `resume`."""
        opened = self._open(run)
        clock = clock_of(as_of) if as_of or not opened.state.simulated else opened.state.as_of
        return self._next(opened, pinned(self.workspace, opened.state), clock)

    # ------------------------------------------------------------ the loop

    def _advance(self, run: OpenRun, clock: datetime, until: str | None) -> RunState:
        with run.alone():
            run.recover()
            rebuild(self.workspace, run.id)
            definitions = pinned(self.workspace, run.state)
            while self._go_on(run, definitions, clock, until):
                pass
            return run.state

    def _go_on(self, run: OpenRun, definitions: Pinned, clock: datetime, until: str | None) -> bool:
        """Do the next thing; False if there is nothing to be done now."""
        state = run.state
        action = self._next(run, definitions, clock, until)
        match action:
            case Execute():
                return attempts.execute(run, definitions, action, clock)
            case Perform():
                return effects.perform(run, definitions, action)
            case Conclude(stage=stage, outcome=outcome, why=why):
                run.log("run.outcome", stage=stage, body={"outcome": outcome, "why": why})
                return True
            case Wait(why=why, needs=needs):
                if self._signed_by_demo(run, definitions, action):
                    return True
                run.log("run.waiting", body={"for": needs, "why": why})
            case Finish(state=end, outcome=outcome, why=why, stage=stage):
                if outcome is not None and outcome != state.outcome:
                    run.log("run.outcome", stage=stage, body={"outcome": outcome, "why": why})
                run.log("run.finished", body={"state": end, "why": why})
        return False

    def _next(self, run: OpenRun, definitions: Pinned, clock: datetime, until: str | None = None) -> Action:
        return next_action(
            definitions.sop,
            run.state,
            as_of=clock,
            gate=run.gate,
            wait_of=lambda stage: duration(definitions, stage),
            inputs_now=lambda: self._inputs_now(run, definitions),
            moving=effects.MOVING,
            until=until,
        )

    def _signed_by_demo(self, run: OpenRun, definitions: Pinned, wait: Wait) -> bool:
        signs = [need for need in wait.needs if need["kind"] == "sign_off"]
        if not (run.state.demo and signs):
            return False
        stage = definitions.sop.stage(signs[0]["stage"])
        assert stage.gate is not None
        missing = run.gate(stage.id).missing
        if not missing:
            return False
        sign_as_demo_reviewers(self.workspace, run.id, stage.id, stage.gate, missing, at=now())
        run.notices([f"gate '{stage.gate.id}' signed by demo reviewers"])
        return bool(run.gate(stage.id))

    # ------------------------------------------------------------ inside

    def _open(self, run: str) -> OpenRun:
        run_state(self.workspace.log.entries(), run)  # raises NotFound before a lock is made for nothing
        return OpenRun(self.workspace, run, self.by, self._tell, self._environment)

    def _inputs_now(self, run: OpenRun, definitions: Pinned) -> dict[str, str]:
        holder = alias_holder(self.workspace.log.entries(), definitions.model.model, definitions.model.promotion.alias)
        return {"champion": holder.digest if holder else "", **waived.inputs_now(self.workspace, run.state)}

    def _mode(self, as_of: datetime | None, demo: bool) -> str:
        mode = self.workspace.mode
        if mode == "live" and (as_of is not None or demo):
            raise refused_live("--as-of" if as_of is not None else "--demo-reviewers")
        return mode or ("simulation" if as_of is not None or demo else "live")

    def _check_credentials(self, definitions: Pinned) -> None:
        for stage in definitions.sop.stages:
            if missing := [name for name in stage.credentials if name not in self._environment]:
                raise WrongUse(
                    f"stage '{stage.id}' needs the credential {missing[0]}",
                    expected=f"an environment variable {missing[0]}",
                )

    def _check_source(self, definitions: Pinned) -> None:
        """What can be seen of the data before anything is written; a resume reads what is there then."""
        from sopkit import modelling

        module = self.workspace.model_file(definitions.model.model).with_suffix(".py")
        modelling.require_source(
            definitions.model,
            root=self.workspace.root,
            module=module if module.is_file() else None,
            credentials={
                name: self._environment[name] for stage in definitions.sop.stages for name in stage.credentials
            },
        )
        for each in data_sets.standing(self.workspace.log.entries(), definitions.model.model):
            self.workspace.store.check(each.digest)

    def _adopt_people(self, at: datetime, demo: bool) -> None:
        notices = people.adopt(self.workspace, at=at)
        if not demo:  # where demo reviewers sign, nobody waits for people
            for text in notices:
                self._tell({"kind": "notice", "text": text})


def _no_active_run(model: str) -> Callable[[Sequence[Entry]], None]:
    def expect(entries: Sequence[Entry]) -> None:
        active = active_run(entries, model)
        if active is not None:
            raise Busy(
                f"run {active.id} of model '{model}' is not over",
                remedy=f"`sop resume {active.id}` to go on, or `sop abandon {active.id} --reason …` to end it",
            )

    return expect
