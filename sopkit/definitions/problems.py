"""What is wrong with a definition, as a value; the form that raises is `files.load_sop` and its like."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from sopkit.errors import DefinitionError

__all__ = ["Problem", "Severity", "did_you_mean", "require_none"]

Severity = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Problem:
    """One finding about a file. An `error` makes the definition unusable, a `warning` is for its author to judge."""

    file: str
    line: int
    severity: Severity
    message: str
    expected: str | None = None
    got: str | None = None

    @property
    def where(self) -> str:
        return f"{self.file}:{self.line}"

    def __str__(self) -> str:
        parts = [self.message]
        if self.expected is not None:
            parts.append(f"expected {self.expected}")
        if self.got is not None:
            parts.append(f"got {self.got}")
        return f"{self.where}: {'; '.join(parts)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`, did you mean 'x'?` for the closest known word, or nothing: the end of a message."""
    close = get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f", did you mean '{close[0]}'?" if close else ""


def require_none(problems: Iterable[Problem], *, remedy: str | None = None) -> None:
    """Raise all errors among `problems` as one DefinitionError; its text names each with file and line."""
    errors = [problem for problem in problems if problem.severity == "error"]
    if not errors:
        return
    if len(errors) == 1:
        only = errors[0]
        raise DefinitionError(only.message, where=only.where, expected=only.expected, got=only.got, remedy=remedy)
    listed = "".join(f"\n  {error}" for error in sorted(errors, key=lambda problem: problem.line))
    raise DefinitionError(f"{len(errors)} problems{listed}", where=errors[0].file, remedy=remedy)
