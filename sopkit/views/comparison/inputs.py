"""What the challenger does with its inputs: disturbed, shuffled, moved, copied; the most telling first.

The rules: as for `comparison_facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sopkit.views.comparison.wording import capital, interval, judged, sentence, span, unexamined
from sopkit.views.numerals import ends, finite, signed, three

__all__ = ["dependence", "importance", "new_texts", "robustness"]

Artifact = Mapping[str, Any] | None
FEW = 20  # rows near a value from which on a partial dependence says something (`evidence.partial_dependence`)


def robustness(found: Artifact, examined: Mapping[str, Any] | None, told: Mapping[str, str]) -> dict[str, Any] | None:
    """Disturbances, the most costly first."""
    lacking = unexamined(examined)
    if not found or not found["table"]:
        return {"finding": "", "unexamined": lacking, "rows": []} if lacking else None
    rows = [
        {
            "label": str(row["label"]),
            "value": three(row["value"]),
            "loss": three(row["loss"]),
            "size": finite(row["loss"]),
            "verdict": row["verdict"],
            "error": row["error"],
        }
        for row in found["table"]
    ]
    rows.sort(key=lambda row: (row["error"] == "", -(row["size"] if row["size"] is not None else -1e9)))
    largest = max((row["size"] for row in rows if row["size"] is not None), default=0.0)
    return {
        "finding": sentence(found["finding"]),
        "unexamined": lacking,
        "rows": rows,
        "largest": largest if largest > 0 else 1.0,
        "metric": told.get(str(found["metric"]), str(found["metric"]).replace("_", " ")),
        "undisturbed": three(found["undisturbed"]),
        "count": f"{found['rows']:,}",
    }


def importance(found: Artifact, told: Mapping[str, str]) -> dict[str, Any] | None:
    """Features, the most important first, beside the champion's."""
    if not found or not found["table"]:
        return None
    rows = []
    for row in sorted(found["table"], key=lambda row: -(finite(row["importance"]) or 0.0)):
        low, high = finite(row.get("change_low")), finite(row.get("change_high"))
        moved = low is not None and high is not None and (low > 0 or high < 0)
        rows.append(
            {
                "feature": str(row["feature"]),
                "text": three(row["importance"]),
                "ends": ends(row["low"], row["high"]),
                **interval(row, "low", "importance", "high"),
                "champion": finite(row.get("champion")),
                "champion_text": three(row["champion"]) if "champion" in row else "",
                "change": signed(row["change"]) if moved else "",
            }
        )
    return {
        "finding": sentence(found["finding"]),
        "rows": rows,
        "both": any(row["champion"] is not None for row in rows),
        "span": span(rows, "champion"),
        "metric": told.get(str(found["metric"]), str(found["metric"]).replace("_", " ")),
        "count": f"{found['rows']:,}",
    }


def dependence(found: Artifact) -> dict[str, Any] | None:
    """One panel a feature, all on one scale."""
    if not found or not found["effects"]:
        return None
    measures = [measure for measure in found["measures"] if str(measure["title"]).startswith("Effect of ")]
    panels = []
    for place, effect in enumerate(found["effects"]):
        measure = measures[place] if place < len(measures) else {}
        table = effect["table"]
        panels.append(
            {
                "label": str(measure.get("title", effect["feature"])).removeprefix("Effect of "),
                "words": measure.get("reason", ""),
                "values": [row["value"] for row in table],
                "numeric": all(finite(row["value"]) is not None for row in table),
                "challenger": [finite(row["challenger"]) for row in table],
                "champion": [finite(row.get("champion")) for row in table] if "champion" in table[0] else None,
                "low": [finite(row["low"]) for row in table],
                "high": [finite(row["high"]) for row in table],
                "few": sum(row["rows"] < FEW for row in table),
            }
        )
    every = [
        value
        for panel in panels
        for name in ("challenger", "champion", "low", "high")
        for value in panel[name] or ()
        if value is not None
    ]
    return {
        "finding": sentence(found["finding"]),
        "answered": found["answered"],
        "rows": f"{found['rows']:,}",
        "panels": panels,
        "range": (min(every), max(every)) if every else (0.0, 1.0),
    }


def new_texts(found: Artifact) -> dict[str, Any] | None:
    """The gain with and without texts that were learned by heart."""
    if not found or not found["table"]:
        return None
    rows = [
        {
            "name": capital(str(row["rows_are"])),
            "rows": f"{row['rows']:,}",
            "gain": signed(row["gain"]),
            "ends": ends(row["low"], row["high"]),
            "reason": row["reason"],
            **interval(row, "low", "gain", "high"),
        }
        for row in found["table"]
    ]
    return {"finding": sentence(found["finding"]), "rows": rows, "span": span(rows), "measures": judged(found)}
