"""Findings: what is odd about a table, in plain words, with examples and what to do.

The rules:
* a finding with severity `block` stops the run, `warn` is put before the person who signs for the data, `note`
  informs; which finding has which severity stands in `finding_rules`;
* each finding has an id that stays the same from run to run (`constant:wind_gust`), so that a person can waive
  exactly it, in writing; a waived finding is still shown, with the reason, and no longer stops the run;
* no finding is not the same as nothing looked at: `Findings.looked_at` says what was. A warning that nobody has
  weighed yet is `insufficient`, not `pass`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Literal

import numpy as np
import pandas as pd

from sopkit.definitions.model import ModelFile
from sopkit.definitions.rendering import render_value
from sopkit.definitions.results import Threshold, Verdict, plain
from sopkit.evidence import charts, rules
from sopkit.evidence.finding_rules import FINDINGS
from sopkit.evidence.measure import Measure

__all__ = ["Finding", "Findings", "Severity", "finding", "of_rows", "to_weigh"]

Severity = Literal["block", "warn", "waived", "note"]
ORDER = {"block": 0, "warn": 1, "waived": 2, "note": 3}
HEADINGS = {
    "block": "Stops the run",
    "warn": "To be weighed by the data steward",
    "waived": "Waived in writing",
    "note": "For the record",
}
EXAMPLES = rules.VALIDATION.examples


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

    @property
    def waivable(self) -> bool:
        """Whether a person may accept it in writing: what takes judgement, not what cannot be used."""
        return self.name not in FINDINGS or FINDINGS[self.name].waivable

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "severity": self.severity,
            "waivable": self.waivable,
            "sentence": self.sentence,
            "column": self.column,
            "count": self.count,
            "share": plain(self.share),
            "examples": plain(list(self.examples)),
            "remedy": self.remedy,
        }


def finding(name: str, sentence: str, column: str = "", *, severity: Severity | None = None, **parts: Any) -> Finding:
    """A finding with the severity that `finding_rules` gives it; `severity` only where the model file declares it."""
    rule = FINDINGS[name]
    if rule.severity == "declared":
        return Finding(name, severity or "warn", sentence, column, **parts)
    return Finding(name, rule.severity, sentence, column, **parts)


def of_rows(
    name: str,
    sentence: str,
    column: str,
    rows: Any,
    table: pd.DataFrame,
    model: ModelFile,
    *,
    remedy: str = "",
    severity: Severity | None = None,
    show: Iterable[str] = (),
) -> Finding:
    """A finding about the rows of `table` where `rows` (n,) holds: counted, with the first of them as examples."""
    places = np.flatnonzero(np.asarray(rows, dtype=bool))
    wanted = dict.fromkeys([*model.data.id, model.data.time, column, *show])
    shown = [name for name in wanted if name in table.columns]
    examples = table.iloc[places[:EXAMPLES]][shown].to_dict("records") if shown else []
    return finding(
        name,
        sentence,
        column,
        severity=severity,
        count=len(places),
        share=len(places) / max(len(table), 1),
        examples=tuple({str(k): str(v) for k, v in row.items()} for row in examples),
        remedy=remedy,
    )


@dataclass(frozen=True)
class Findings:
    """All findings about one table, the blocking ones first."""

    items: tuple[Finding, ...]
    rows: int
    looked_at: tuple[str, ...] = ()

    @property
    def blocking(self) -> tuple[Finding, ...]:
        return self._of("block")

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return self._of("warn")

    @property
    def waived(self) -> tuple[Finding, ...]:
        return self._of("waived")

    @property
    def verdict(self) -> Verdict:
        """`fail` where something blocks; `insufficient` where nothing was looked at, or a warning is to be weighed."""
        if self.blocking:
            return Verdict.FAIL
        return Verdict.PASS if self.rows and self.looked_at and not self.warnings else Verdict.INSUFFICIENT

    @property
    def table(self) -> pd.DataFrame:
        names = ["severity", "id", "name", "column", "count", "share", "sentence", "remedy"]
        return pd.DataFrame([{name: getattr(item, name) for name in names} for item in self.items], columns=names)

    @property
    def measures(self) -> list[Measure]:
        counts = {severity: len(self._of(severity)) for severity in ORDER}
        looked = bool(self.rows and self.looked_at)
        reason = "; ".join(item.sentence for item in self.blocking)
        reason = reason or ("no finding stops the run" if looked else "nothing was looked at")
        # What a waiver can name, and what one has named. The rest, with rows that show it, is in `to_dict`
        named = [item.to_dict() | {"examples": []} for item in (*self.blocking, *self.waived)]
        detail = {
            "findings": named,
            "counts": counts,
            "looked_at": list(self.looked_at),
        }
        verdict = Verdict.FAIL if self.blocking else Verdict.PASS if looked else Verdict.INSUFFICIENT
        limit = Threshold(op="at_most", value=0)
        stop = Measure(
            "blocking_findings", counts["block"], verdict, reason, detail, limit, "Findings that stop the run"
        )
        return [stop, _warnings([item.sentence for item in self.warnings])]

    def named(self, name: str, column: str | None = None) -> tuple[Finding, ...]:
        return tuple(item for item in self.items if item.name == name and column in (None, item.column))

    def waive(self, words: Mapping[str, str]) -> Findings:
        """These findings with those of the given ids waived, each for the reason in `words`: shown, not blocking.

        An id that names no finding, a note, or what nobody may waive, changes nothing: what was waived may have gone.
        """
        items = [
            replace(item, severity="waived", sentence=f"{item.sentence}. Waived: {words[item.id]}")
            if item.id in words and item.waivable and item.severity in ("block", "warn")
            else item
            for item in self.items
        ]
        return replace(self, items=tuple(sorted(items, key=lambda item: ORDER[item.severity])))

    def plus(self, more: Iterable[Finding], looked_at: Iterable[str] = ()) -> Findings:
        """These findings and some more, in order of severity; of two with the same id the earlier one is kept."""
        kept: dict[str, Finding] = {}
        for item in (*self.items, *more):
            kept.setdefault(item.id, item)
        items = sorted(kept.values(), key=lambda item: ORDER[item.severity])
        return replace(self, items=tuple(items), looked_at=tuple(dict.fromkeys((*self.looked_at, *looked_at))))

    def figure(self) -> charts.Chart:
        """The share of rows that each finding touches."""
        verdicts = {"block": Verdict.FAIL, "warn": Verdict.INSUFFICIENT, "waived": None, "note": None}
        known = [item for item in self.items if item.share is not None]
        shown = sorted(known, key=lambda item: (ORDER[item.severity], -(item.share or 0.0)))[:20]
        rows = [
            charts.Row(
                item.column or item.name,
                item.share,
                verdict=verdicts[item.severity],
                note=f"{item.severity}: {item.name.replace('_', ' ')}",
            )
            for item in shown
        ]
        title = f"{len(self.blocking)} findings stop the run" if self.blocking else "Nothing found that stops the run"
        told = f"{self.rows:,} rows"
        told += f"; {len(shown)} of {len(self.items)} findings" if len(shown) < len(self.items) else ""
        return charts.bars(title, rows, x_label="share of rows", subtitle=told, words=False)

    def to_dict(self) -> dict[str, Any]:
        return {
            "verdict": str(self.verdict),
            "rows": self.rows,
            "findings": [item.to_dict() for item in self.items],
            "looked_at": list(self.looked_at),
        }

    def _of(self, severity: str) -> tuple[Finding, ...]:
        return tuple(item for item in self.items if item.severity == severity)

    def _repr_html_(self) -> str:
        """One table a severity: what was found, in how many rows, what to do, and rows that show it."""
        parts = [] if self.blocking else ["<p><b>Nothing stops the run</b></p>"]
        for severity, heading in HEADINGS.items():
            lines = [_html(item) for item in self._of(severity)]
            if lines:
                head = "".join(f"<th style='text-align:left'>{name}</th>" for name in ("Finding", "Rows", "What to do"))
                inside = f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
                title = f"{heading} ({len(lines)})"
                folded = severity == "note"  # a long record must not hide what is to be weighed
                parts.append(
                    f"<details><summary><b>{title}</b></summary>{inside}</details>"
                    if folded
                    else f"<p><b>{title}</b></p>{inside}"
                )
        looked = f"<p>Looked at in {self.rows:,} rows: {escape(', '.join(self.looked_at)) or 'nothing'}.</p>"
        return f"<div class='mathjax_ignore'>{''.join(parts)}{looked}</div>"  # no text of the data is typeset

    def __repr__(self) -> str:
        lines = [f"{item.severity:6} {item.id}: {item.sentence}" for item in self.items]
        return "\n".join(lines) or f"no findings in {self.rows:,} rows"


def to_weigh(findings: Mapping[str, Any]) -> list[Measure]:
    """The warnings in findings as `to_dict` gives them, for who signs later: `insufficient`, none where there are none.

    They stopped no run, and nobody has weighed them against what rests on the data now.
    """
    told = [str(item["sentence"]) for item in findings["findings"] if item["severity"] == "warn"]
    return [replace(_warnings(told), verdict=Verdict.INSUFFICIENT)] if told else []


def _warnings(told: list[str]) -> Measure:
    return Measure("data_warnings", len(told), None, "; ".join(told), {"weigh": told}, title="Warnings about the data")


def _html(item: Finding) -> str:
    cell = "<td style='text-align:left;vertical-align:top{more}'>{text}</td>"
    rows = "" if item.count is None else f"{item.count:,}"
    rows += f" ({render_value(item.share, '%')})" if item.count is not None and item.share is not None else ""
    told = f"{escape(item.sentence)}.<br><code>{escape(item.id)}</code>"
    if item.examples:
        names = list(dict.fromkeys(name for row in item.examples for name in row))
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        lines = ("".join(f"<td>{escape(str(row.get(name, ''))[:80])}</td>" for name in names) for row in item.examples)
        body = "".join(f"<tr>{line}</tr>" for line in lines)
        told += f"<details><summary>rows that show it</summary><table><tr>{head}</tr>{body}</table></details>"
    cells = [cell.format(more="", text=told), cell.format(more=";white-space:nowrap", text=rows)]
    cells += [cell.format(more="", text=escape(item.remedy))]
    return f"<tr>{''.join(cells)}</tr>"
