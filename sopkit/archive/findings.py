"""What a verification found, as values: problems, notices, and how much was looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Finding", "Verification"]


@dataclass(frozen=True)
class Finding:
    """One problem or notice. `path` is below the workspace, `run` is empty where it belongs to none."""

    kind: str
    path: str
    detail: str
    run: str | None = None


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what was found; truthy when there is no problem."""

    runs: int
    files: int
    sign_offs: int
    demo: int
    problems: tuple[Finding, ...] = ()
    notices: tuple[Finding, ...] = ()

    @property
    def ok(self) -> bool:
        return not self.problems

    def __bool__(self) -> bool:
        return self.ok

    def to_dict(self) -> dict[str, Any]:
        """What `sop verify --json` prints."""
        return {
            "ok": self.ok,
            "runs": self.runs,
            "files": self.files,
            "sign_offs": self.sign_offs,
            "demo": self.demo,
            "problems": [vars(finding) for finding in self.problems],
            "notices": [vars(finding) for finding in self.notices],
        }
