"""The way back: what would serve again if what is about to be approved does not keep its promise. Facts, no action.

The rules:
* one goes back to the champion that the alias names by the log, or named before the run itself moved it;
* ready means: its model file and its golden predictions lie in the store with their digests, and its last rehearsal,
  if it had one, passed;
* where there is none to go back to, that is said, and what the SOP has people do instead. It is not called ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sopkit.archive.aliases import AliasHolder, alias_history
from sopkit.archive.entries import Entry, instant
from sopkit.archive.records import model_of, sop_of
from sopkit.archive.runs import run_state, run_states
from sopkit.archive.workspace import Workspace
from sopkit.definitions.sop import Sop
from sopkit.errors import SopkitError

__all__ = ["REHEARSED", "guards_a_move", "readiness"]

REHEARSED = "rollback_ready"  # the result of the stage that rehearses the way back


def guards_a_move(sop: Sop, stage: str) -> bool:
    """Whether the gate of a stage is the last one before something in service may change."""
    after = sop.stages[[each.id for each in sop.stages].index(stage) + 1 :]
    return any(outcome.moves for outcome in sop.outcomes.values()) and all(each.gate is None for each in after)


def readiness(workspace: Workspace, entries: Sequence[Entry], run: str) -> dict[str, Any]:
    """Plain JSON: `ready`, `word` (ready, not ready, none), `sentence`, `champion`, `files`, `rehearsed`, `fallback`.

    `champion` is what one would go back to: version, digest, the run that put it into service, and since when; None if
    there is none. Raises NotFound (no such run), DigestMismatch.
    """
    state = run_state(entries, run)
    sop = sop_of(workspace, state)
    alias = model_of(workspace, state).promotion.alias if state.pins.get("model") else "champion"
    moves = alias_history(entries, state.model, alias)
    before = next((place for place, move in enumerate(moves) if move.run == run), len(moves))
    holder = moves[before - 1] if before else None
    fallback = " ".join(sop.fallback.split())
    if holder is None:
        told = f"This would be the first champion of {state.model}: there is none to go back to."
        instead = f" The fallback is: {fallback}" if fallback else " The SOP names no fallback."
        return {
            "ready": False,
            "word": "none",
            "sentence": told + instead,
            "champion": None,
            "files": [],
            "rehearsed": None,
            "fallback": fallback,
        }
    files = list(_files(workspace, holder))
    rehearsed = _rehearsed(entries, holder)
    ready = all(each["whole"] for each in files) and (rehearsed is None or rehearsed["verdict"] == "pass")
    return {
        "ready": ready,
        "word": "ready" if ready else "not ready",
        "sentence": " ".join(_sentences(sop, holder, files, rehearsed)),
        "champion": {
            "model": holder.model,
            "alias": holder.alias,
            "version": holder.version,
            "digest": holder.digest,
            "run": holder.run,
            "at": instant(holder.at),
            "as_of": instant(holder.as_of) if holder.as_of else None,
        },
        "files": files,
        "rehearsed": rehearsed,
        "fallback": fallback,
    }


def _files(workspace: Workspace, holder: AliasHolder) -> Iterator[dict[str, Any]]:
    """Model file and golden predictions: are they in the store, with the digest under which they were kept?"""
    card = holder.arguments.get("card")
    golden = card.get("golden") if isinstance(card, Mapping) else None
    kept = golden.get("sha256") if isinstance(golden, Mapping) else None
    for what, digest in (("its model file", holder.digest), ("its golden predictions", kept)):
        why = ""
        try:
            if isinstance(digest, str) and digest:
                workspace.store.check(digest)
            else:
                why = "none were kept"
        except SopkitError as error:
            why = error.what
        yield {"what": what, "sha256": digest, "whole": not why, "why": why}


def _rehearsed(entries: Sequence[Entry], holder: AliasHolder) -> dict[str, Any] | None:
    """The last time that a stage rehearsed going back to exactly this model."""
    tried = [
        (attempt.ended_at or attempt.at, state, stage.id, attempt.results[REHEARSED])
        for state in run_states(entries)
        if state.model == holder.model
        for stage in state.stages.values()
        for attempt in stage.attempts
        if REHEARSED in attempt.results
        and any(used.get("input") == "champion" and used.get("digest") == holder.digest for used in attempt.uses)
    ]
    if not tried:
        return None
    at, state, stage, result = max(tried, key=lambda each: each[0])
    verdict, reason = result.get("verdict"), result.get("reason") or ""
    return {"run": state.id, "stage": stage, "at": instant(at), "verdict": verdict, "reason": str(reason)}


def _sentences(
    sop: Sop, holder: AliasHolder, files: Sequence[Mapping[str, Any]], rehearsed: Mapping[str, Any] | None
) -> Iterator[str]:
    since = f" since {holder.as_of:%Y-%m-%d}" if holder.as_of else ""
    version = f"version {holder.version}" if holder.version is not None else "the version"
    yield f"One goes back to {version} of {holder.model} (sha256 {holder.digest[:12]}…), champion{since}."
    if wrong := [f"{each['what']}: {each['why']}" for each in files if not each["whole"]]:
        yield f"Not in order: {'; '.join(wrong)}."
    else:
        yield "Its model file and its golden predictions are in the store, whole."
    if rehearsed is not None:
        word = "and passed" if rehearsed["verdict"] == "pass" else f"with the verdict {rehearsed['verdict']}"
        why = f" ({rehearsed['reason']})" if rehearsed["reason"] else ""
        yield f"Going back to it was last rehearsed on {rehearsed['at'][:10]}, {word}{why}."
    else:
        later = next((stage.id for stage in sop.stages if REHEARSED in stage.results), None)
        will = f"; stage '{later}' does that before anything changes" if later else ""
        yield f"Going back to it has not been rehearsed yet{will}."
