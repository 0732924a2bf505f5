"""Effects: what a stage requested, performed by the runner after the gates, once.

The rules:
* an effect belongs to the current attempt of its stage, and every gate up to that stage is open;
* `intended` is logged before it is performed and `done` after; one that was intended and not done is performed again,
  and whoever performs it takes care that twice is as good as once.
"""

from __future__ import annotations

from typing import Any

from sopkit.definitions.results import plain
from sopkit.errors import EffectRefused, SopkitError
from sopkit.running.open_run import OpenRun
from sopkit.running.pins import Pinned
from sopkit.running.planning import Perform

__all__ = ["MOVING", "perform"]

MOVING = frozenset({"move_alias"})


def perform(run: OpenRun, definitions: Pinned, action: Perform) -> bool:
    """Perform one requested effect, after its gates and its fence; True if it was done."""
    from sopkit.registry.effects import PERFORMERS, Context

    place: dict[str, Any] = {"stage": action.stage, "attempt": action.attempt}
    effect, arguments = action.request.effect, dict(action.request.arguments)
    body = {"index": action.index, "effect": effect, "arguments": arguments}
    try:
        _fence(run, definitions, action)
        if effect not in PERFORMERS:
            raise EffectRefused(f"no effect is named `{effect}`", expected=", ".join(sorted(PERFORMERS)))
        run.log("effect.intended", body=body, **place)
        context = Context(
            run.workspace,
            run.id,
            action.stage,
            action.attempt,
            tracking_uri=run.environment.get("MLFLOW_TRACKING_URI"),
            naming=run.environment.get("SOP_REGISTERED_NAME", "{model}"),
        )
        answer = PERFORMERS[effect](context, arguments)
    except SopkitError as error:
        run.log("effect.failed", body={**body, "reason": str(error)}, **place)
        why = f"effect `{effect}`: {error}"
        run.log("run.failed", stage=action.stage, body={"stage": action.stage, "reason": why})
        return False
    run.log("effect.done", as_of=run.state.as_of, body={**body, "answer": plain(answer)}, **place)
    run.tell({"kind": "effect", "effect": effect, "answer": answer, **place})
    return True


def _fence(run: OpenRun, definitions: Pinned, action: Perform) -> None:
    """An effect belongs to the current attempt of its stage, and every gate up to it is open."""
    current = run.state.stage(action.stage).current
    if current is None or current.number != action.attempt or current.status != "sealed":
        raise EffectRefused(f"attempt {action.attempt} of stage '{action.stage}' is not the current one", where=run.id)
    for stage in [*definitions.sop.before(action.stage), definitions.sop.stage(action.stage)]:
        if stage.gate is not None and not run.gate(stage.id):
            raise EffectRefused(f"gate '{stage.gate.id}' is not open", where=run.id)
