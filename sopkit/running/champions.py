"""The model in service, as a stage sees it: by the log, loaded by digest."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sopkit.archive.aliases import AliasHolder
from sopkit.archive.store import Store
from sopkit.definitions.model import ModelFile
from sopkit.definitions.rendering import render_value
from sopkit.running.formats import from_bytes

__all__ = ["Champion"]


class Champion:
    """`card` is what was written down when it was promoted: recipe, training period, promise, golden set."""

    def __init__(self, holder: AliasHolder, store: Store, model: ModelFile, module: Path | None) -> None:
        self.holder, self._store, self._model, self._module = holder, store, model, module
        self.digest = str(holder.digest)
        self.version = holder.version
        self.run = holder.run
        self.promoted_at: datetime | None = holder.as_of
        self.card: dict[str, Any] = dict(holder.arguments.get("card", {}))

    @property
    def trained_until(self) -> datetime | None:
        """End of the training rows, exclusive."""
        moment = self.card.get("trained_until")
        return datetime.fromisoformat(moment) if moment else None

    @property
    def promise(self) -> dict[str, Any]:
        """What was measured at its evaluation, and is expected of it in service."""
        return dict(self.card.get("promise", {}))

    @property
    def previous(self) -> Champion | None:
        """The champion before this one, to go back to; None for a first one."""
        holder = self.holder.previous
        return Champion(holder, self._store, self._model, self._module) if holder else None

    @cached_property
    def pipeline(self) -> Any:
        return from_bytes("champion.skops", self._store.get(self.digest), module=self._module)

    def predict(self, table: Any, labels: Sequence[str] | None = None) -> Any:
        """Predictions for the rows of `table`, as `modelling.predict` gives them."""
        from sopkit import modelling

        return modelling.predict(self.pipeline, table, self._model, labels=labels)

    def load(self, name: str) -> Any:
        """What was kept with it under that name in its card (`golden`), loaded by digest."""
        kept = self.card[name]
        return from_bytes(kept["name"], self._store.get(kept["sha256"]), module=self._module)

    def __str__(self) -> str:
        until = f", trained until {render_value(self.trained_until)}" if self.trained_until else ""
        return f"version {self.version} (sha256 {self.digest[:12]}…{until}), put into service by run {self.run}"
