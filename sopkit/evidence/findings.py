"""Findings: what is odd about a table, in plain words, with examples and what to do.

The rules:
* a finding with severity `block` stops the run, `warn` is put before the person who signs for the data, `note`
  informs; which finding has which severity stands in `rules.FINDINGS`;
* each finding has an id that stays the same from run to run (`constant:wind_gust`), so that a person can waive
  exactly it, in writing; a waived finding is still shown, with the reason, and no longer stops the run;
* no finding is not the same as nothing looked at: `Findings.looked_at` says what was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

import pandas as pd

from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts
from sopkit.evidence.measure import Measure

__all__ = ["Finding", "Findings", "Severity"]

Severity = Literal["block", "warn", "waived", "note"]
ORDER = {"block": 0, "warn": 1, "waived": 2, "note": 3}


@dataclass(frozen=True)
class Finding:
    """`name` says what kind it is, `column` (or a check's name) what it is about; `share` is of all rows.

    `examples` are up to five rows (plain dicts) that show it, `remedy` is what to do.
    """

    name: str
    severity: Severity
    sentence: str
    column: str = ""
    count: int | None = None
    share: float | None = None
    examples: tuple[dict[str, Any], ...] = ()
    remedy: str = ""

    @property
    def id(self) -> str:
        """What a waiver names: `name:column`, or the name alone where the finding is about the whole table."""
        return f"{self.name}:{self.column}" if self.column else self.name

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "severity": self.severity,
            "sentence": self.sentence,
            "column": self.column,
            "count": self.count,
            "share": plain(self.share),
            "examples": plain(list(self.examples)),
            "remedy": self.remedy,
        }


@dataclass(frozen=True)
class Findings:
    """All findings about one table, the blocking ones first."""

    items: tuple[Finding, ...]
    rows: int
    looked_at: tuple[str, ...] = ()

    @property
    def blocking(self) -> tuple[Finding, ...]:
        return tuple(item for item in self.items if item.severity == "block")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(item for item in self.items if item.severity == "warn")

    @property
    def waived(self) -> tuple[Finding, ...]:
        return tuple(item for item in self.items if item.severity == "waived")

    @property
    def verdict(self) -> Verdict:
        if not self.rows and not self.blocking:
            return Verdict.INSUFFICIENT
        return Verdict.FAIL if self.blocking else Verdict.PASS

    @property
    def table(self) -> pd.DataFrame:
        names = ["severity", "id", "name", "column", "count", "share", "sentence", "remedy"]
        return pd.DataFrame([{name: getattr(item, name) for name in names} for item in self.items], columns=names)

    @property
    def measures(self) -> list[Measure]:
        counts = {severity: sum(item.severity == severity for item in self.items) for severity in ORDER}
        reason = "; ".join(item.sentence for item in self.blocking) or "no finding stops the run"
        detail = {
            "findings": [item.to_dict() for item in self.items],
            "counts": counts,
            "looked_at": list(self.looked_at),
        }
        limit = Threshold(op="at_most", value=0)
        return [
            Measure(
                "blocking_findings", counts["block"], self.verdict, reason, detail, limit, "Findings that stop the run"
            ),
            Measure(
                "data_warnings", counts["warn"], None, "for the person who signs for the data", {}, None, "Warnings"
            ),
        ]

    def named(self, name: str, column: str | None = None) -> tuple[Finding, ...]:
        return tuple(item for item in self.items if item.name == name and column in (None, item.column))

    def waive(self, words: Mapping[str, str]) -> Findings:
        """These findings with those of the given ids waived, each for the reason in `words`: shown, not blocking.

        An id that names no finding, or a note, changes nothing: what was waived may have gone since.
        """
        items = [
            replace(item, severity="waived", sentence=f"{item.sentence}. Waived: {words[item.id]}")
            if item.id in words and item.severity in ("block", "warn")
            else item
            for item in self.items
        ]
        return replace(self, items=tuple(sorted(items, key=lambda item: ORDER[item.severity])))

    def plus(self, more: Iterable[Finding], looked_at: Iterable[str] = ()) -> Findings:
        """These findings and some more, in order of severity; what is said twice is kept once."""
        said = {(item.name, item.column, item.sentence): item for item in (*self.items, *more)}
        items = sorted(said.values(), key=lambda item: ORDER[item.severity])
        return replace(self, items=tuple(items), looked_at=tuple(dict.fromkeys((*self.looked_at, *looked_at))))

    def figure(self) -> charts.Chart:
        """The share of rows that each finding touches."""
        verdicts = {"block": Verdict.FAIL, "warn": Verdict.INSUFFICIENT, "waived": None, "note": None}
        shown = [item for item in self.items if item.share is not None][:20]
        rows = [
            charts.Row(f"{item.column or item.name}", item.share, verdict=verdicts[item.severity], note="")
            for item in sorted(shown, key=lambda item: -(item.share or 0.0))
        ]
        words = [
            f"{item.severity}: {item.name.replace('_', ' ')}"
            for item in sorted(shown, key=lambda item: -(item.share or 0.0))
        ]
        rows = [replace(row, note=word) for row, word in zip(rows, words, strict=True)]
        title = f"{len(self.blocking)} findings stop the run" if self.blocking else "Nothing found that stops the run"
        return charts.bars(title, rows, x_label="share of rows", subtitle=f"{self.rows:,} rows", words=False)

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": str(self.verdict),
            "rows": self.rows,
            "findings": [item.to_dict() for item in self.items],
            "looked_at": list(self.looked_at),
        }

    def _repr_html_(self) -> str:
        return str(self.table[["severity", "sentence", "remedy"]].to_html(index=False))
