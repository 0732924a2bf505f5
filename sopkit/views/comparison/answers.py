"""What the answers of both models are worth: artifacts of stage evaluate put in the order of reading.

The rules: as for `comparison_facts`. Numbers stay numbers where a picture needs them, and are words in a cell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sopkit.views import wording
from sopkit.views.comparison.wording import capital, height, interval, judged, plain, sentence, span, with_interval
from sopkit.views.numerals import ends, finite, percent, signed, three

__all__ = ["calibration", "costs", "curves", "operating", "own_measures", "residuals", "scaled_error"]

Artifact = Mapping[str, Any] | None


def curves(found: Artifact) -> dict[str, Any] | None:
    """Points as they were kept; names without their article, for a legend."""
    if not found or not (found["outcomes"] or found["bands"]):
        return None if not found or not found["reasons"] else {**_bare(found), "finding": found["finding"]}
    return {**_bare(found), "finding": found["finding"]}


def calibration(found: Artifact, unit: str) -> dict[str, Any] | None:
    """Bands with the interval of what came, and the line through them."""
    if not found:
        return None
    bands = [
        {
            **{name: finite(band[name]) for name in ("predicted", "observed", "low", "high")},
            "rows": f"{band['rows']:,}",
            "said": three(band["predicted"]),
            "came": three(band["observed"]),
            "ends": ends(band["low"], band["high"]),
        }
        for band in found["bands"]
    ]
    return {
        "finding": sentence(found["finding"]),
        "bands": bands,
        "numbers": found["task"] == "regression",
        "unit": unit,
        "slope": with_interval(found.get("slope")),
        "intercept": with_interval(found.get("intercept")),
        "measures": judged(found),
    }


def operating(found: Artifact, names: Mapping[str, str], unit: str) -> dict[str, Any] | None:
    """Volume, swaps and benefit at the threshold in force; of numbers the misses."""
    if not found or not found.get("table"):
        return None
    numbers = found["task"] == "regression"
    rows = [
        {
            "model": capital(names.get(row["model"], row["model"])),
            "class": "" if row.get("flagged_class") in (None, "flagged") else str(row["flagged_class"]),
            "count": f"{row['misses' if numbers else 'flagged']:,}",
            "rate": percent(row["share" if numbers else "flagged_rate"]),
            "share": finite(row["share" if numbers else "flagged_rate"]),
            "precision": percent(row.get("precision")),
            "recall": percent(row.get("recall")),
            "benefit": three(row["net_benefit"]) if "net_benefit" in row else "",
        }
        for row in found["table"]
    ]
    swaps = [
        f"{wording.count(swap['rows'], 'row')} {str(swap['swap']).removeprefix('go ')}"
        + (f", {percent(swap['positive_rate'])} of them {swap['outcome']}" if swap["rows"] else "")
        for swap in found.get("swaps") or ()
    ]
    return {
        "finding": sentence(found["finding"]),
        "task": found["task"],
        "at": f"{three(found['tolerance'])} {unit}".strip() if numbers else wording.value(found.get("threshold")),
        "rows": rows,
        "swaps": [found["movers"]] if numbers and found.get("movers") else swaps,
        "measures": judged(found),
    }


def scaled_error(found: Artifact, unit: str) -> dict[str, Any] | None:
    """The error against a forecast that costs nothing."""
    if not found or not found["table"]:
        return None
    rows = [
        {
            "name": capital(str(row["arm"])),
            "error": f"{three(row['error'])} {unit}".strip(),
            "error_ends": ends(row["error_low"], row["error_high"]),
            "scaled": three(row["scaled"]),
            **interval(row, "low", "scaled", "high"),
        }
        for row in found["table"]
    ]
    return {"finding": sentence(found["finding"]), "rows": rows, "span": span(rows), "measures": judged(found)}


def residuals(found: Artifact, unit: str) -> dict[str, Any] | None:
    """Errors to one side: overall, over time, by slice."""
    if not found or not found["measures"]:
        return None
    scale = finite(found["mean_absolute_deviation"])
    limits = [finite((measure.get("threshold") or {}).get("value")) for measure in found["measures"][:1]]
    reach = scale * limits[0] if scale is not None and limits and limits[0] is not None else None
    parts = [
        {
            "start": str(part["start"])[:10],
            "champion": finite(part.get("champion")),
            **interval(part, "low", "bias", "high"),
        }
        for part in found["over_time"]
    ]
    rows = [
        {
            "slice": str(row["slice"]),
            "value": str(row["value"]),
            "rows": f"{row['rows']:,}",
            "bias": signed(row["bias"], unit),
            "ends": ends(row["low"], row["high"]),
            "verdict": row["verdict"],
            "reason": row["reason"],
            **interval(row, "low", "bias", "high"),
        }
        for row in found["slices"]
    ]
    rows.sort(key=lambda row: row["verdict"] != "fail")
    return {
        "finding": sentence(found["finding"]),
        "parts": parts,
        "rows": rows,
        "span": span(rows),
        "reach": reach,
        "reach_words": three(reach),
        "unit": unit,
        "measures": judged(found),
    }


def own_measures(found: Artifact) -> dict[str, Any] | None:
    """What the workspace's own functions count, in their own unit."""
    if not found or not found["table"]:
        return None
    judged = {str(measure["title"]): measure for measure in found["measures"]}
    return {
        "finding": sentence(found["finding"]),
        "rows": [
            {
                "title": capital(str(row["measure"])),
                "better": f"{row['better']} is better",
                "champion": three(row["champion"], row["unit"]),
                "challenger": three(row["challenger"], row["unit"]),
                "gain": signed(row["gain"]),
                "ends": ends(row["low"], row["high"]),
                "limit": row["limit"],
                "verdict": row["verdict"] or None,
                "reason": row["reason"],
                **interval(row, "low", "gain", "high"),
            }
            for row in found["table"]
        ],
        "judged": len(judged),
    }


def costs(found: Artifact, names: Mapping[str, str]) -> dict[str, Any] | None:
    """What acting on each model costs, beside acting on none, and what the challenger saves against each."""
    if not found or not found["table"]:
        return None
    rows = [
        {
            "policy": capital(names.get(str(row["policy"]), str(row["policy"]))),
            "cost": three(row["cost_per_row"]),
            "total": three(row["total"]),
            "saving": "" if finite(row["saving_per_row"]) is None else signed(row["saving_per_row"]),
            "ends": ends(row["low"], row["high"]),
            "saved": "" if finite(row["total_saving"]) is None else signed(row["total_saving"]),
        }
        for row in found["table"]
    ]
    definition = found.get("costs") or {}
    return {
        "title": definition.get("title") or "Costs",
        "unit": definition.get("unit") or "",
        "finding": sentence(found["finding"]),
        "hint": found.get("hint") or "",
        "rows": rows,
        "measures": judged(found),
    }


def _bare(found: Mapping[str, Any]) -> dict[str, Any]:
    confusion = found.get("confusion") or {}
    return {
        "task": found["task"],
        "names": {arm: plain(name) for arm, name in found["names"].items()},
        "unit": found.get("unit") or "",
        "outcomes": found["outcomes"],
        "found": _found(found["outcomes"]) if found["task"] == "binary" else [],
        "bands": found["bands"],
        "errors": found["errors"],
        "confusion": confusion if confusion.get("classes") else None,
    }


def _found(outcomes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """How many positives each model finds where so many of the others are flagged."""
    return [
        {"at": f"{100 * share:g} %", **{arm: percent(height(line, share)) for arm, line in outcome["roc"].items()}}
        for outcome in outcomes
        for share in (0.01, 0.05, 0.1, 0.2)
    ]
