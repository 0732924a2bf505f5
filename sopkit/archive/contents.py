"""What an attempt left, read for those who show it: its artifacts, and the figures of its notebook.

The rules:
* bytes come from the store, by the digest that the log names, and are checked: the run folder is not asked;
* what was not attached, or not executed yet, is None; what was and is not what it was raises.
"""

from __future__ import annotations

import json
from typing import Any

from sopkit.archive.states import AttemptState, RunState
from sopkit.archive.workspace import Workspace

__all__ = ["Contents"]


class Contents:
    """What the stages of a run left: of each its newest attempt, or for `stage` the attempt of that number."""

    def __init__(self, workspace: Workspace, state: RunState, attempts: dict[str, int] | None = None) -> None:
        self.workspace, self.state, self._attempts = workspace, state, dict(attempts or {})

    def attempt(self, stage: str) -> AttemptState | None:
        """The attempt that is looked at. None before the first one."""
        made = self.state.stage(stage)
        return made.attempt(self._attempts[stage]) if stage in self._attempts else made.current

    def digest(self, stage: str, name: str) -> str | None:
        """The sha256 of an artifact. None where it was not attached."""
        attempt = self.attempt(stage)
        found = (item for item in (attempt.artifacts if attempt else ()) if item["name"] == name)
        return next((str(item["sha256"]) for item in found), None)

    def bytes(self, stage: str, name: str) -> bytes | None:
        """An artifact. Raises NotFound, DigestMismatch where it is not what was kept."""
        digest = self.digest(stage, name)
        return None if digest is None else self.workspace.store.get(digest)

    def text(self, stage: str, name: str) -> str | None:
        """An artifact that is text. Raises as `bytes`."""
        data = self.bytes(stage, name)
        return None if data is None else data.decode("utf-8", errors="replace")

    def json(self, stage: str, name: str) -> Any:
        """An artifact that is JSON. Raises as `bytes`."""
        data = self.bytes(stage, name)
        return None if data is None else json.loads(data)

    def notebook(self, stage: str) -> dict[str, Any] | None:
        """The executed notebook as it was sealed, or as it was when the attempt failed. Raises as `bytes`."""
        attempt = self.attempt(stage)
        if attempt is None or attempt.notebook is None:
            return None
        found: dict[str, Any] = json.loads(self.workspace.store.get(attempt.notebook))
        return found

    def figures(self, stage: str) -> dict[str, str]:
        """The last figure of each cell, by the cell's id: PNG in base64. Raises as `bytes`."""
        found: dict[str, str] = {}
        for cell in (self.notebook(stage) or {}).get("cells", ()):
            for output in cell.get("outputs", ()):
                if image := output.get("data", {}).get("image/png"):
                    found[cell["id"]] = "".join(image.split()) if isinstance(image, str) else "".join(image)
        return found
