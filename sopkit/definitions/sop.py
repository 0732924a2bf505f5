"""The SOP file: how a procedure goes: stages, owners, gates, results, and what happens on failure.

Nothing here knows what a procedure is about: retraining, inference, ownership and deployment are
four files of this one form.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from sopkit.definitions.durations import Duration

__all__ = ["ChecklistItem", "Gate", "Outcome", "Review", "Role", "Sop", "Stage", "StageResult"]

Panel = Literal["run", "data", "training", "drift", "comparison", "diff"]
ID = r"^[a-z][a-z0-9-]*$"


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _inconsistent(message: str, *path: str | int) -> PydanticCustomError:
    """Two parts of the file that contradict each other; `path` is the one to look at."""
    return PydanticCustomError("inconsistent", "{message}", {"message": message, "path": path})


class Role(_Strict):
    title: str
    answers_for: str = Field(default="", description="What this role is responsible for, in plain words.")


class Review(_Strict):
    """When the SOP itself is looked at again."""

    every: Duration
    last: date


class Outcome(_Strict):
    """How a run can come out. `ends`: nothing after the stage that concluded it is executed or signed."""

    meaning: str
    ends: bool = False
    moves: bool = Field(default=False, description="Something in service changes: the gates before it need sign-offs.")


class StageResult(_Strict):
    """A result that the stage's notebook must record for its attempt to be complete."""

    title: str
    must_pass: bool = Field(default=False, description="A verdict other than `pass` stops the run (outcome `blocked`).")


class Gate(_Strict):
    """The condition between a stage and what comes after it."""

    id: str = Field(pattern=ID)
    title: str
    meaning: str = Field(description="What a signer states by approving, in words.")
    roles: dict[str, int] = Field(min_length=1, description="How many distinct people of each role must approve.")
    separation: bool = Field(default=True, description="Who executed the run, or wrote the model file, may not sign.")
    valid_for: Duration | None = Field(default=None, description="After this, approval needs a new attempt.")
    read_first: list[Panel] = Field(
        default_factory=list, description="What a reviewer must have opened before approving at the desk."
    )


class ChecklistItem(_Strict):
    """A question of compliance that must be answered at a gate: by a result where one can, else by who signs."""

    id: str = Field(pattern=ID)
    question: str = Field(description="So that yes is good.")
    source: str = Field(default="", description="The policy, regulation or standard that asks.")
    gate: str = Field(description="The id of the gate at which it is shown.")
    answered_by: str | None = Field(
        default=None, description="`stage.result`: yes if its verdict is pass. Not written: whoever signs answers."
    )
    role: str | None = Field(default=None, description="Which of the gate's roles answers. Not written: each signer.")


class Stage(_Strict):
    id: str = Field(pattern=ID)
    title: str
    purpose: str
    owner: str = Field(description="The role that answers for this stage.")
    notebook: str = Field(description="Path below notebooks/.")
    inputs: list[str] = Field(default_factory=list, description="In words, for the reader.")
    outputs: list[str] = Field(default_factory=list)
    on_failure: str = Field(description="What the people do when this stage fails.")
    timeout: Duration = Field(default="30m", validate_default=True)
    credentials: list[str] = Field(default_factory=list, description="Names of environment variables it may see.")
    results: dict[str, StageResult] = Field(default_factory=dict)
    wait: str | None = Field(
        default=None,
        description="Dotted path of a duration in the model file; the stage starts that long after the one before it.",
    )
    gate: Gate | None = None


class Sop(_Strict):
    sop: str = Field(pattern=ID)
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$")
    title: str
    module: str = ""
    priority: Literal["low", "medium", "high"] = "medium"
    owner: str
    author: str | None = Field(default=None, description="A person's id; never counts at a gate with separation.")
    purpose: str
    review: Review | None = None
    fallback: str = Field(default="", description="What is done when no model is fit for use, in words.")
    checklist: list[ChecklistItem] = Field(default_factory=list)
    roles: dict[str, Role]
    outcomes: dict[str, Outcome]
    stages: list[Stage] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Sop:
        ids = [stage.id for stage in self.stages]
        gates: set[str] = set()
        for index, stage in enumerate(self.stages):
            if stage.id in ids[:index]:
                raise _inconsistent(f"two stages have the id '{stage.id}'", "stages", index, "id")
            if stage.owner not in self.roles:
                raise _inconsistent(f"'{stage.owner}' is not described under `roles`", "stages", index, "owner")
            if stage.gate is None:
                continue
            for role in stage.gate.roles:
                if role not in self.roles:
                    place = ("stages", index, "gate", "roles", role)
                    raise _inconsistent(f"'{role}' is not described under `roles`", *place)
            if stage.gate.id in gates:
                raise _inconsistent(f"two gates have the id '{stage.gate.id}'", "stages", index, "gate", "id")
            gates.add(stage.gate.id)
        if self.owner not in self.roles:
            raise _inconsistent(f"'{self.owner}' is not described under `roles`", "owner")
        return self

    def stage(self, id: str) -> Stage:
        """The stage of that id. Raises KeyError."""
        for stage in self.stages:
            if stage.id == id:
                return stage
        raise KeyError(id)

    def before(self, id: str) -> list[Stage]:
        """The stages that come before `id`, in order."""
        ids = [stage.id for stage in self.stages]
        return self.stages[: ids.index(id)]
