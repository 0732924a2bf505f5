"""Results, thresholds and verdicts: the schema that notebooks, archive and evidence share.

The rules:
* a verdict is `pass`, `fail` or `insufficient`; a value that is missing, NaN or infinite is never `pass`;
* a result without a threshold has no verdict: it informs and decides nothing;
* a result says whether `evidence/` computed it or the notebook stated it;
* numbers that JSON cannot hold (NaN, infinities, integers beyond 2^53) are kept as strings.

Whatever a stage notebook tells the runner is an output of one of two MIME types, beside a
`text/markdown` rendering, so the executed notebook alone tells what was found:

    application/vnd.sopkit.result+json   one `Result`
    application/vnd.sopkit.record+json   one of `Attached`, `Used`, `Requested`, `Concluded`, `Looked`,
                                         told apart by `record`
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

__all__ = [
    "RECORD_MIME",
    "RESULT_MIME",
    "Attached",
    "Concluded",
    "Looked",
    "Record",
    "Requested",
    "Result",
    "Threshold",
    "Used",
    "Verdict",
    "judge",
    "parse_record",
    "plain",
    "worst",
]

RESULT_MIME = "application/vnd.sopkit.result+json"
RECORD_MIME = "application/vnd.sopkit.record+json"
LARGEST_EXACT_INTEGER = 2**53 - 1  # beyond it JSON readers disagree about numbers, and RFC 8785 refuses them


class Verdict(StrEnum):
    PASS = "pass"
    FAIL = "fail"
    INSUFFICIENT = "insufficient"


class _Kept(BaseModel):
    """Frozen, and keeps fields that a later version has added."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Threshold(_Kept):
    """`at_least: 0.7` and the like. The comparison holds, or the verdict is `fail`."""

    op: Literal["at_least", "at_most", "above", "below", "equals"]
    value: float | int | str | bool

    def holds_for(self, value: Any) -> bool:
        match self.op:
            case "at_least":
                return bool(value >= self.value)
            case "at_most":
                return bool(value <= self.value)
            case "above":
                return bool(value > self.value)
            case "below":
                return bool(value < self.value)
            case "equals":
                return bool(value == self.value)

    def __str__(self) -> str:
        sign = {"at_least": "≥", "at_most": "≤", "above": ">", "below": "<", "equals": "="}[self.op]
        return f"{sign} {self.value}"


class Result(_Kept):
    """One recorded value. `detail` holds what a reader needs to judge it (interval, n, method), plain JSON."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    title: str = ""
    value: Any = None
    unit: str = ""
    threshold: Threshold | None = None
    verdict: Verdict | None = None
    reason: str = ""
    source: Literal["evidence", "notebook"] = "notebook"
    detail: dict[str, Any] = Field(default_factory=dict)


class Attached(_Kept):
    """A file that the stage made. `name` is unique within the attempt."""

    record: Literal["attached"] = "attached"
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$")
    sha256: str
    size: int
    title: str = ""
    media_type: str = "application/octet-stream"


class Used(_Kept):
    """An input that the stage used: `input` is `stage:<id>/<artifact>`, `champion`, `data` or the like."""

    record: Literal["used"] = "used"
    input: str
    digest: str
    note: str = ""


class Requested(_Kept):
    """An effect that the runner is asked to perform once the gates are open."""

    record: Literal["requested"] = "requested"
    effect: str
    arguments: dict[str, Any] = Field(default_factory=dict)


class Concluded(_Kept):
    """The run's outcome, as soon as it is decided. The SOP says whether it ends the run."""

    record: Literal["concluded"] = "concluded"
    outcome: str
    why: str


class Looked(_Kept):
    """A look at held-out rows: each one is counted against the strength of the evidence."""

    record: Literal["looked"] = "looked"
    digest: str
    rows: int
    purpose: str


Record = Annotated[Attached | Used | Requested | Concluded | Looked, Field(discriminator="record")]
_RECORDS: TypeAdapter[Any] = TypeAdapter(Record)


def parse_record(data: dict[str, Any]) -> Attached | Used | Requested | Concluded | Looked:
    """A record from its MIME output. Raises pydantic's ValidationError."""
    record: Attached | Used | Requested | Concluded | Looked = _RECORDS.validate_python(data)
    return record


def judge(value: Any, threshold: Threshold | None) -> Verdict | None:
    """The verdict of a value against its threshold; `insufficient` where there is no value to judge."""
    if threshold is None:
        return None
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return Verdict.INSUFFICIENT
    if isinstance(threshold.value, str) != isinstance(value, str):
        return Verdict.INSUFFICIENT
    return Verdict.PASS if threshold.holds_for(value) else Verdict.FAIL


def worst(verdicts: list[Verdict | None]) -> Verdict | None:
    """`fail` before `insufficient` before `pass`; None where nothing was judged."""
    for verdict in (Verdict.FAIL, Verdict.INSUFFICIENT, Verdict.PASS):
        if verdict in verdicts:
            return verdict
    return None


def plain(value: Any) -> Any:
    """`value` in JSON terms that RFC 8785 can hold: numpy scalars, times, enums and models are unwrapped.

    NaN and infinities become the strings "NaN", "Infinity", "-Infinity"; numbers beyond ±(2^53 - 1) their
    decimal string.
    """
    if isinstance(value, BaseModel):
        return plain(value.model_dump(mode="json"))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, StrEnum | str):
        return str(value)
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_EXACT_INTEGER else str(value)
    if isinstance(value, float):
        value = float(value)
        if math.isfinite(value):
            # A large float is written without a point, and would come back as an integer beyond the limit.
            return value if abs(value) <= LARGEST_EXACT_INTEGER else str(int(value))
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in (sorted(value, key=str) if isinstance(value, set | frozenset) else value)]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    for unwrap in ("item", "tolist"):  # numpy scalars, then arrays
        if hasattr(value, unwrap) and getattr(value, "ndim", 0) == (0 if unwrap == "item" else value.ndim):
            return plain(getattr(value, unwrap)())
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    raise TypeError(f"{type(value).__name__} has no plain JSON form")
