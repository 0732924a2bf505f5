"""Who gains and who pays: slices, groups and classes of stage evaluate, what is worst first.

The rules: as for `comparison_facts`. A group that is too small to be judged is named, never left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sopkit.views import wording
from sopkit.views.comparison.wording import capital, interval, sentence, span, unexamined
from sopkit.views.numerals import ends, finite, percent, signed, three

__all__ = ["classes", "fairness", "slices"]

Artifact = Mapping[str, Any] | None
ARMS = ("champion", "challenger")
ORDER = {"fail": 0, "insufficient": 1, "pass": 2}


def slices(found: Artifact, told: Mapping[str, str]) -> dict[str, Any] | None:
    """Slice by slice the gain with its interval, failures first."""
    if not found or not found["slices"]:
        return None
    rows = [
        {
            "slice": str(row["slice"]),
            "value": str(row["value"]),
            "rows": f"{row['rows']:,}",
            "champion": three(row["champion"]),
            "challenger": three(row["challenger"]),
            "gain": signed(row["gain"]),
            "ends": ends(row["low"], row["high"]),
            **interval(row, "low", "gain", "high"),
            "verdict": row["verdict"],
            "reason": row["reason"],
        }
        for row in found["slices"]
    ]
    rows.sort(key=lambda row: ORDER.get(str(row["verdict"]), 3) if row["verdict"] == "fail" else 1)
    count = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in ORDER}
    metric = str(found["metrics"][0]["metric"]) if found["metrics"] else ""
    return {
        "rows": rows,
        "span": span(rows),
        "metric": told.get(metric, metric.replace("_", " ")),
        "failed": count["fail"],
        "insufficient": count["insufficient"],
    }


def fairness(found: Artifact, examined: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Attribute by attribute the gaps against their limits, and the groups with their sizes."""
    lacking = unexamined(examined)
    if not found:
        return {"finding": "", "unexamined": lacking, "attributes": []} if lacking else None
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for group in found["groups"]:
        groups.setdefault(str(group["attribute"]), []).append(group)
    gaps: dict[str, list[dict[str, Any]]] = {name: [] for name in groups}
    changes = {measure["name"]: measure for measure in found["measures"] if measure["name"].endswith("_change")}
    for measure in found["measures"]:
        detail = measure.get("detail") or {}
        if "between" not in detail:
            continue
        named = [name for name in groups if str(measure["title"]).endswith(f" by {name}")]
        if named:
            gaps[max(named, key=len)].append(
                _gap(measure, changes.get(f"{measure['name']}_change"), max(named, key=len))
            )
    return {
        "finding": sentence(found["finding"]),
        "unexamined": lacking,
        "attributes": [_attribute(name, own, gaps[name]) for name, own in groups.items()],
        "span": span([gap for own in gaps.values() for gap in own]),
    }


def classes(found: Artifact, kept: Artifact) -> dict[str, Any] | None:
    """Each class by itself, and what is taken for what."""
    if not found or not found["classes"]:
        return None
    rows = [
        {
            "name": str(row["class"]),
            "rows": f"{row['rows']:,}",
            **{arm: interval(row, f"{arm}_f1_low", f"{arm}_f1", f"{arm}_f1_high") for arm in ARMS},
            **{
                f"{arm}_{metric}": three(row[f"{arm}_{metric}"])
                for arm in ARMS
                for metric in ("f1", "recall", "precision")
            },
            "gain": signed(row["gain"]),
            "ends": ends(row["gain_low"], row["gain_high"]),
            "verdict": row["verdict"],
            "reason": row["reason"],
        }
        for row in found["classes"]
    ]
    return {
        "finding": sentence(found["finding"]),
        "rows": rows,
        "findings": [item["sentence"] for item in found["findings"]],
        "confusions": found["confusions"][:10] if not (kept or {}).get("confusion") else [],
    }


def _gap(measure: Mapping[str, Any], change: Mapping[str, Any] | None, attribute: str) -> dict[str, Any]:
    detail = measure["detail"]
    found = detail.get("interval") or {}
    limit = finite((measure.get("threshold") or {}).get("value"))
    return {
        "title": capital(str(measure["title"]).removeprefix("Gap in ").removesuffix(f" by {attribute}")),
        "between": " and ".join(str(name) for name in detail["between"] if str(name)),
        "size": three(measure["value"]),
        "around": ends(found.get("low"), found.get("high")),
        **interval(found, "low", "value", "high"),
        "limit": limit,
        "limit_words": "" if limit is None else f"at most {wording.value(limit)}",
        "verdict": measure["verdict"],
        "reason": measure["reason"] if measure["value"] is None else "",
        "change": "" if change is None else signed(change["value"]),
        "change_around": "" if change is None else ends(change["detail"].get("low"), change["detail"].get("high")),
        "change_verdict": None if change is None else change["verdict"],
        "protected": bool(detail.get("protected")),
    }


def _attribute(name: str, groups: Sequence[Mapping[str, Any]], gaps: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    rates = [each for each in groups[0] if each not in ("attribute", "group", "rows", "verdict")]
    shares = all(0 <= value <= 1 for group in groups for rate in rates if (value := finite(group[rate])) is not None)
    small = [str(group["group"]) for group in groups if group["verdict"] == "insufficient"]
    return {
        "name": name,
        "protected": any(gap["protected"] for gap in gaps),
        "gaps": list(gaps),
        "rates": [capital(rate.replace("_", " ")) for rate in rates],
        "groups": [
            {
                "name": str(group["group"]),
                "rows": f"{group['rows']:,}",
                "verdict": group["verdict"],
                "cells": [percent(group[rate]) if shares else three(group[rate]) for rate in rates],
                "shares": [finite(group[rate]) if shares else None for rate in rates],
            }
            for group in sorted(groups, key=lambda group: group["verdict"] == "insufficient")
        ],
        "small": small,
    }
