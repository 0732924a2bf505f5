"""Where a run stands, as the diagram of its SOP shows it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sopkit.definitions.diagram import Live
from sopkit.views import wording

__all__ = ["live"]


def live(run: Mapping[str, Any]) -> Live:
    """The states that `definitions.diagram.mermaid` draws, from the facts of a run (`facts.run_facts`)."""
    stages = [stage for stage in run["stages"] if stage["state"] != "pending"]
    return Live(
        run=run["run"],
        stages={stage["id"]: stage["state"] for stage in stages},
        gates={
            stage["gate"]["id"]: stage["gate"]["state"] for stage in stages if stage["gate"] and stage["gate"]["state"]
        },
        waiting={need["stage"]: _in_words(need) for need in run["waiting_for"]},
        outcome=run["outcome"],
    )


def _in_words(need: Mapping[str, Any]) -> str:
    if need["kind"] == "gate":
        return "its gate is closed"
    return f"until {wording.moment(need['until'])}" if need["kind"] == "clock" else f"for {', '.join(need['roles'])}"
