"""What stands beside drift: its causes, the harm, the season, indicators, the promise, the full report.

The rules are those of `drift_facts`: everything is told as the stages have recorded it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sopkit.archive.contents import Contents
from sopkit.views import wording
from sopkit.views.numerals import three

__all__ = ["REPORT", "causes", "day", "findings", "fired", "indicators", "measure", "promise", "report_of", "season"]

AT_WORK = {"fail": "✗ at work", "pass": "✓ not at work", "insufficient": "◌ cannot be told"}
REPORT = ("evaluate", "drift_report.html")


def day(moment: str) -> str:
    """The date of a moment."""
    return wording.moment(datetime.fromisoformat(moment).replace(hour=0, minute=0, second=0, microsecond=0))


def findings(found: Any) -> dict[str, list[str]]:
    """Column -> what was found in the data of this run."""
    kept: dict[str, list[str]] = {}
    for item in (found or {}).get("findings", ()):
        if item.get("column"):
            kept.setdefault(str(item["column"]), []).append(str(item["sentence"]))
    return kept


def measure(found: Mapping[str, Any]) -> dict[str, Any]:
    value = found.get("value")
    return {
        "title": found.get("title") or found.get("name"),
        "verdict": found.get("verdict"),
        "value": three(value, found.get("unit") or ""),
        "limit": _limit(found.get("threshold"), found.get("unit") or ""),
        "reason": found.get("reason", ""),
    }


def _limit(threshold: Mapping[str, Any] | None, unit: str) -> str:
    """How far something may go, either way where it can go both; a share has no need of its unit again."""
    return wording.value(threshold["value"], "%" if unit.startswith("of ") else unit) if threshold else ""


def causes(found: Any) -> dict[str, Any] | None:
    if not found:
        return None
    return {
        "sentence": found["sentence"],
        "at_work": found["at_work"],
        "rows": [{**measure(one), "at_work": AT_WORK.get(one["verdict"], "")} for one in found["causes"]],
    }


def fired(triggers: Any) -> list[dict[str, str]]:
    """Triggers that look at drift, and what they said."""
    looked = [one for one in (triggers or {}).get("triggers", ()) if one["kind"] == "drift"]
    return [{"name": one["name"], "state": one["state"], "sentence": one["sentence"]} for one in looked]


def season(found: Any, *, compared: bool) -> dict[str, Any] | None:
    if found is None:
        why = "The data do not reach back to the same season a year before, so the season cannot be told from drift."
        return {"verdict": None, "text": why} if compared else None
    known = "The champion has learned from that season" if found["learned"] else "That season is new to the champion"
    span = f"{day(found['from'])} to {day(found['until'])}"
    text = f"Against the same weeks a year before ({span}): {found['reason']}. {known}."
    return {"verdict": found["verdict"], "text": text}


def promise(found: Any) -> dict[str, Any] | None:
    if not found:
        return None
    rows = []
    for one in found["measures"]:
        detail = one.get("detail", {})
        rows.append(
            {
                "title": one["title"],
                "promised": three(detail.get("promised")),
                "now": three(detail.get("now")),
                "verdict": one["verdict"],
            }
        )
    return {"verdict": found["verdict"], "reason": found["reason"], "rows": rows}


def indicators(found: Any) -> list[dict[str, Any]]:
    return [
        {"series": one["series"], "verdict": one["verdict"], "reason": one["reason"]}
        for one in (found or {}).get("readings", ())
    ]


def report_of(contents: Contents, root: str | None) -> dict[str, Any] | None:
    """Evidently's report: where it lies, seen from the page."""
    if contents.digest(*REPORT) is None:
        return None
    stage, name = REPORT
    told = contents.json(stage, "drift_report.json") or {}
    sample, rows = (told.get(part) or [None, None] for part in ("sample_rows", "rows"))
    sentence = ""
    if None not in (*sample, *rows):
        sentence = f"rendered on {sample[0]:,} of {rows[0]:,} reference and {sample[1]:,} of {rows[1]:,} current rows"
    state = contents.state
    path = None if root is None else f"{root}/runs/{state.sop}/{state.id}/artifacts/{stage}/{name}"
    return {"path": path, "sentence": sentence}
