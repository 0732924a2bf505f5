"""Facts about data: what a run collected, what a new data set holds, which data sets were accepted.

Plain values for templates and the terminal, from artifacts and reports as they were kept. The rules:
* findings come in the order of severity, told by a word and a shape; each opens to what to do and to rows that show it;
* what an older run did not keep is None or empty, and the page says nothing about it;
* numbers are rounded here, once.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

from sopkit.archive.contents import Contents
from sopkit.definitions.model import ModelFile
from sopkit.views import wording

__all__ = ["SEVERITIES", "data_facts", "intake_facts", "percent", "schema_rows", "size_words"]

# severity -> shape and word, class of the mark, heading
SEVERITIES = {
    "block": ("✗ stops", "fail", "Stops the run"),
    "warn": ("◌ to weigh", "insufficient", "To be weighed by the data steward"),
    "waived": ("◐ waived", "insufficient", "Waived in writing"),
    "note": ("· note", "", "For the record"),
}
STAGE, SPLIT = "collect", "prepare"
FIGURES = {
    "label-maturity": "Labels over time",
    "missing-by-period": "Missing values over time, of features whose share of missing values changes",
    "suspected-leaks": "How well each feature alone tells the target",
    "representation": "Share and label rate of each group",
}


def data_facts(contents: Contents, model: ModelFile | None = None) -> dict[str, Any]:
    """What stage `collect` of a run read, cleaned and found, and how `prepare` cut it. `there` is false before that."""
    origin, found = contents.json(STAGE, "origin.json"), contents.json(STAGE, "findings.json")
    if origin is None or found is None:
        return {"there": False}
    cleaning = contents.json(STAGE, "cleaning.json") or {}
    raw, kept = int(origin["rows"]), int(cleaning.get("rows", found["rows"]))
    figures = contents.figures(STAGE)
    return {
        "there": True,
        "source": origin["source"],
        "query": origin.get("query"),
        "files": [{**each, "size": size_words(each["size"])} for each in origin.get("files", ())],
        "as_of": origin["as_of"],
        "from": origin["time"]["from"],
        "to": origin["time"]["to"],
        "rows": {
            "source": int(origin["rows_raw"]),
            "later": int(origin["rows_from_as_of_on"]),
            "older": int(origin["rows_older_than_history"]),
            "read": raw,
            "kept": kept,
            "unlabelled": int(origin["labels_withheld"]),
        },
        "label_delay": origin["label_delay"],
        "removed": _counted(cleaning.get("removed"), raw),
        "changed": _counted(cleaning.get("changed"), 0),
        "data_sets": list(origin.get("data_sets", ())),
        "findings": _findings(found),
        "counts": _counts(found),
        "looked_at": list(found["looked_at"]),
        "groups": _groups(contents.text(STAGE, "groups.csv"), rates=model is None or model.target.task != "regression"),
        "target": (model.target.title or model.target.column or "the target") if model else "the target",
        "rates": model is None or model.target.task != "regression",
        "split": contents.json(SPLIT, "splits.json"),
        "schema": schema_rows(model, origin.get("dtypes", {}), found) if model else [],
        "figures": [{"png": figures[cell], "words": words} for cell, words in FIGURES.items() if cell in figures],
    }


def intake_facts(report: Mapping[str, Any], accepted: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A new data set's report (`Intake.to_dict`) for people; `accepted` is its log entry in plain, if it has one."""
    found, drift = report["findings"] or {"findings": [], "looked_at": [], "rows": 0}, report["drift"]
    columns = [_drifted(each) for each in (drift["columns"] if drift else ())]
    if drift and drift["target"]:
        columns.insert(0, {**_drifted(drift["target"]), "target": True})
    cleaning = report["cleaning"] or {}
    return {
        **report,
        "size": size_words(report["size"]),
        "accepted": accepted,
        "acceptable": report["verdict"] == "acceptable",
        "findings": _findings(found),
        "counts": _counts(found),
        "looked_at": list(found["looked_at"]),
        "columns": [{**each, "missing": percent(each["missing"])} for each in report["columns"]],
        "names": list(report["examples"][0]) if report["examples"] else [],
        "first_rows": [[_cell(value) for value in row.values()] for row in report["examples"]],
        "removed": _counted(cleaning.get("removed"), report["rows"]),
        "moved": [each for each in columns if each["verdict"] == "fail"],
        "open": [each for each in columns if each["verdict"] == "insufficient"],
        "compared": columns,
        "drift": drift,
    }


def schema_rows(model: ModelFile, types: Mapping[str, str], found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a column that the model file names or the source gave: its part, type, limits, and missing values."""
    missing = {
        item["column"]: item["share"]
        for item in found["findings"]
        if item["name"] in ("missing", "often_missing", "missing_beyond_limit", "no_values")
    }
    parts = {model.data.time: "time", **dict.fromkeys(model.data.id, "id")}
    parts |= {name: "feature" for name in model.features if name not in parts}
    if model.data.entity:
        parts.setdefault(model.data.entity, "entity")
    if model.target.column:
        parts[model.target.column] = "target"
    parts |= {name: "excluded" for name in model.excluded if name not in parts}
    names = [*parts, *(name for name in types if name not in parts)]
    rows = []
    for name in names:
        feature, rule = model.features.get(name), model.data.columns.get(name)
        rows.append(
            {
                "name": name,
                "part": parts.get(name, "not used"),
                "declared": feature.type if feature else "",
                "type": types.get(name, wording.MISSING),
                "unit": (rule and rule.unit) or (feature and feature.unit) or "",
                "title": feature.title if feature else "",
                "limits": _limits(rule),
                "missing": percent(missing.get(name, 0.0)) if name in types else wording.MISSING,
                "why": model.excluded.get(name, ""),
            }
        )
    return rows


def percent(share: float | None) -> str:
    """`0.0293` is `2.9 %`; what is little is not 0 %."""
    if share is None:
        return ""
    if 0 < share < 0.0005:
        return "< 0.1 %"
    if 0.9995 <= share < 1:
        return "> 99.9 %"
    return f"{100 * share:.1f} %" if 0 < share < 1 else f"{100 * share:.0f} %"


def _limits(rule: Any) -> str:
    if rule is None:
        return ""
    told = []
    if rule.min is not None or rule.max is not None:
        low = "" if rule.min is None else f"{rule.min:g}"
        high = "" if rule.max is None else f"{rule.max:g}"
        told.append(f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}")
    if rule.allowed is not None:
        told.append("one of " + ", ".join(map(str, rule.allowed[:8])) + (" …" if len(rule.allowed) > 8 else ""))
    if rule.pattern is not None:
        told.append(f"pattern {rule.pattern}")
    if rule.missing_at_most is not None:
        told.append(f"missing at most {100 * rule.missing_at_most:g} %")
    if told and rule.severity == "block":
        told.append("else it stops")
    return "; ".join(told)


def _findings(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    order = list(SEVERITIES)
    known = [item for item in found["findings"] if item["severity"] in SEVERITIES]
    told = []
    for item in sorted(known, key=lambda item: order.index(item["severity"])):
        word, style, _ = SEVERITIES[item["severity"]]
        names = list(dict.fromkeys(name for row in item["examples"] for name in row))
        names.sort(key=lambda name: name != item["column"])
        rows = [[_cell(row.get(name)) for name in names] for row in item["examples"]]
        told.append(
            {
                **item,
                "word": word,
                "style": style,
                "share": percent(item["share"]),
                "names": names,
                "rows": rows,
            }
        )
    return told


def _cell(value: Any) -> str:
    text = wording.MISSING if value is None or str(value) in ("nan", "NaT", "None", "<NA>") else str(value)
    text = text.removesuffix(" 00:00:00+00:00").removesuffix(":00+00:00")
    return text if len(text) <= 80 else text[:79] + "…"


def _counts(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    severities = [item["severity"] for item in found["findings"]]
    return [
        {"severity": name, "count": severities.count(name), "heading": heading, "style": style, "word": word}
        for name, (word, style, heading) in SEVERITIES.items()
        if name in severities
    ]


def _counted(told: Mapping[str, int] | None, of: int) -> list[dict[str, Any]]:
    rows = sorted((told or {}).items(), key=lambda item: -item[1])
    return [{"reason": reason, "count": count, "share": percent(count / of) if of else ""} for reason, count in rows]


def _drifted(column: Mapping[str, Any]) -> dict[str, Any]:
    psi = column["psi"]
    return {**column, "target": False, "psi": f"{psi:.3f}" if isinstance(psi, int | float) else wording.MISSING}


def _groups(text: str | None, *, rates: bool) -> list[dict[str, Any]]:
    """Rows of `groups.csv` by column: share of rows, the rate (of numbers: the mean) of the target, with interval."""
    words = percent if rates else wording.value
    by: dict[str, list[dict[str, Any]]] = {}
    for row in csv.DictReader(io.StringIO(text or "")):
        rate, low, high, share = (_number(row.get(name)) for name in ("rate", "low", "high", "share"))
        by.setdefault(row["column"], []).append(
            {
                "group": row["group"],
                "rows": int(_number(row["rows"]) or 0),
                "share": share or 0.0,
                "share_words": percent(share),
                "rate": rate,
                "rate_words": wording.MISSING if rate is None else words(rate),
                "between": "" if low is None or high is None else f"{words(low)} to {words(high)}",
                "verdict": row.get("verdict") or "",
                "reason": row.get("reason") or "",
            }
        )
    return [{"column": column, "groups": groups} for column, groups in by.items()]


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text not in (None, "", "nan") else None
    except ValueError:
        return None


def size_words(size: int) -> str:
    """Bytes in words."""
    if size < 10**4:
        return f"{size:,} bytes"
    return f"{size / 10**6:,.1f} MB" if size >= 10**6 else f"{size / 1000:,.0f} kB"
