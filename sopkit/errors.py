"""Everything that sopkit raises on purpose.

    SopkitError                  what, where, expected, got, remedy; exit code 1
    ├── WrongUse                 a command or call that cannot be meant; exit code 2
    │   ├── DefinitionError      a SOP, model or people file that is not well formed (file, line, field)
    │   ├── ParameterError       an unknown notebook parameter, or one of the wrong type
    │   └── NotFound             a run, stage, model, file or person that does not exist
    ├── DataError                data that cannot be read, or that is not what its model file says
    ├── NotEnoughEvidence        a measurement that may not be made on what there is
    ├── RecordError              the archive is not what it was
    │   ├── BrokenLog            a log line, checkpoint or sequence that does not fit
    │   ├── DigestMismatch       bytes that do not have the digest under which they were kept
    │   └── Untrusted            a signature, key, model type or people file that is not trusted
    ├── StageFailed              an attempt that was sealed as failed, with the reason
    ├── SignOffRefused           a sign-off that would not count, and why
    ├── EffectRefused            an effect whose gate, fence or precondition does not hold
    ├── Busy                     someone else holds the run or the workspace
    └── GateClosed               a gate that is not open; exit code 3

An error is written for the person who has to do something about it: what is wrong, where,
what was expected, what was found, and the way out. The command line prints exactly that.
"""

from __future__ import annotations

__all__ = [
    "BrokenLog",
    "Busy",
    "DataError",
    "DefinitionError",
    "DigestMismatch",
    "EffectRefused",
    "GateClosed",
    "NotEnoughEvidence",
    "NotFound",
    "ParameterError",
    "RecordError",
    "SignOffRefused",
    "SopkitError",
    "StageFailed",
    "Untrusted",
    "WrongUse",
]


class SopkitError(Exception):
    """An error with its place and its way out.

    `what` is a sentence without a full stop. `where` is a place a person can go to
    (`templates/models/flights.yaml:12`), `remedy` a command or an action.
    """

    exit_code = 1

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        expected: object = None,
        got: object = None,
        remedy: str | None = None,
    ) -> None:
        self.what = what
        self.where = None if where is None else str(where)
        self.expected = None if expected is None else str(expected)
        self.got = None if got is None else str(got)
        self.remedy = remedy
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what if self.where is None else f"{self.where}: {self.what}"]
        for label, value in (("expected", self.expected), ("got", self.got), ("remedy", self.remedy)):
            if value is not None:
                lines.append(f"  {label + ':':<10}{value}")
        return "\n".join(lines)


class WrongUse(SopkitError):
    exit_code = 2


class DefinitionError(WrongUse):
    """A definition that is not well formed; `where` is `file:line`, `what` names the field."""


class ParameterError(WrongUse):
    pass


class NotFound(WrongUse):
    pass


class DataError(SopkitError):
    pass


class NotEnoughEvidence(SopkitError):
    pass


class RecordError(SopkitError):
    pass


class BrokenLog(RecordError):
    pass


class DigestMismatch(RecordError):
    pass


class Untrusted(RecordError):
    pass


class StageFailed(SopkitError):
    pass


class SignOffRefused(SopkitError):
    pass


class EffectRefused(SopkitError):
    pass


class Busy(SopkitError):
    pass


class GateClosed(SopkitError):
    """A gate that is not open; `result` is the same value that `gates.evaluate` returns."""

    exit_code = 3

    def __init__(self, what: str, *, result: object = None, **parts: object) -> None:
        self.result = result
        super().__init__(what, **parts)  # type: ignore[arg-type]
