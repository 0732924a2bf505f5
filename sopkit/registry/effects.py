"""The effects of the registry, as the runner performs them after the gates.

The rules:
* a model is known by its digest; version numbers are MLflow's and may be looked up again at any time;
* the log says which model holds an alias, and an `expected_digest` is judged against the log;
* each effect can be performed again after a crash anywhere in it: nothing is made or moved twice, and the
  answer is the same;
* nothing is registered or moved whose bytes are not in the store, checked by digest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sopkit.archive.runs import alias_holder
from sopkit.archive.workspace import Workspace, check_name
from sopkit.errors import EffectRefused, NotFound, WrongUse
from sopkit.registry import tracking

__all__ = ["PERFORMERS", "Context", "move_alias", "rebuild", "register_model"]


@dataclass(frozen=True)
class Context:
    """Who asks: the workspace, and the attempt that requested the effect.

    `tracking_uri` is MLflow's address (default: SQLite in `.sop/registry/`); `naming` makes the name of the
    registered model out of the model's (`team.{model}`).
    """

    workspace: Workspace
    run: str
    stage: str
    attempt: int
    tracking_uri: str | None = None
    naming: str = "{model}"

    @property
    def uri(self) -> str:
        return self.tracking_uri or tracking.sqlite_uri(self.workspace.sop / "registry" / "mlflow.db")

    def name(self, model: str) -> str:
        return self.naming.replace("{model}", check_name(model, "name of a model"))


def register_model(context: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    """`{model, digest, challenger, parameters, metrics, tags}` -> `{version}`.

    Raises NotFound and DigestMismatch (the model file), EffectRefused (MLflow), WrongUse (arguments).
    """
    model, digest = _needed(arguments, "model"), _needed(arguments, "digest")
    name = context.name(model)
    context.workspace.store.check(digest)
    challenger = arguments.get("challenger")
    version = tracking.register(
        context.uri,
        model=name,
        digest=digest,
        run=context.run,
        stage=context.stage,
        attempt=context.attempt,
        parameters=arguments.get("parameters") or {},
        metrics=arguments.get("metrics") or {},
        tags={**(arguments.get("tags") or {}), **({"sopkit.challenger": challenger} if challenger else {})},
    )
    return {"version": version}


def move_alias(context: Context, arguments: dict[str, Any]) -> dict[str, Any]:
    """`{model, alias, digest, version, expected_digest}` -> `{version, previous, previous_digest}`.

    With `version` null the version that is registered for the digest is taken. `expected_digest`, where given
    (null: none), must be what the log says holds the alias. Raises EffectRefused, NotFound, DigestMismatch, WrongUse.
    """
    model, alias, digest = (_needed(arguments, name) for name in ("model", "alias", "digest"))
    name = context.name(model)
    holder = alias_holder(context.workspace.log.entries(), model, alias)
    now = holder.digest if holder else None
    if "expected_digest" in arguments and now not in (arguments["expected_digest"], digest):
        raise EffectRefused(
            f"alias '{alias}' of '{model}' has moved since this was decided",
            where=context.run,
            expected=arguments["expected_digest"] or "no model in service",
            got=f"{now}, put there by run {holder.run}" if holder else "no model in service",
            remedy="start a new run: the comparison was made against another model",
        )
    context.workspace.store.check(digest)
    version = _version(context, model, digest, arguments.get("version"))
    tracking.move_alias(context.uri, name, alias, version)
    try:
        previous = tracking.find_version(context.uri, name, now, run=holder.run if holder else None) if now else None
    except NotFound:  # never registered: the log's digest is enough to go back to it
        previous = None
    return {"version": version, "previous": previous, "previous_digest": now}


def rebuild(context: Context, model: str) -> dict[str, tuple[int | None, int | None]]:
    """Register again what the log says was registered, in its order, and set the aliases to what it says.

    For a registry that was deleted or tampered with. Returns alias -> (was, is) of those that differed.
    """
    entries = context.workspace.log.entries()
    wanted: dict[str, int | None] = {}
    for entry in entries:
        arguments = entry.body.get("arguments") or {}
        if entry.kind != "effect.done" or arguments.get("model") != model:
            continue
        if entry.body.get("effect") == "register_model":
            made_by = Context(
                context.workspace,
                entry.run or "",
                entry.stage or "",
                entry.attempt or 0,
                context.tracking_uri,
                context.naming,
            )
            register_model(made_by, arguments)
        elif entry.body.get("effect") == "move_alias":
            wanted[arguments["alias"]] = None
    for alias in wanted:
        holder = alias_holder(entries, model, alias)
        if holder is not None:
            wanted[alias] = tracking.find_version(context.uri, context.name(model), holder.digest, run=holder.run)
    return tracking.repair(context.uri, context.name(model), wanted)


PERFORMERS: dict[str, Callable[[Context, dict[str, Any]], dict[str, Any]]] = {
    "register_model": register_model,
    "move_alias": move_alias,
}


def _version(context: Context, model: str, digest: str, version: Any) -> int:
    """The version of `digest`; where the registry has lost it, it is rebuilt from the log first."""
    name = context.name(model)
    known = [each["version"] for each in tracking.versions(context.uri, name) if each["digest"] == digest]
    if version is not None and int(version) in known:
        return int(version)
    if not known:
        rebuild(context, model)
    return tracking.find_version(context.uri, name, digest, run=context.run)


def _needed(arguments: dict[str, Any], name: str) -> str:
    value = arguments.get(name)
    if not isinstance(value, str) or not value:
        raise WrongUse(f"the effect lacks `{name}`", expected="a text", got=repr(value))
    return value
