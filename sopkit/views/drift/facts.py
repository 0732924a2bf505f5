"""What the drift view shows, from what stages `trigger`, `collect`, `evaluate` and `monitor` of a run attached.

The rules:
* nothing is measured or judged here: verdicts, measures and sentences are those of the records;
* one row a column, the largest effect first; what needs more room than a row stands in its details;
* a run whose notebooks attached no profiles shows its rows without pictures, and says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from sopkit.archive.contents import Contents
from sopkit.views import wording
from sopkit.views.drift import context
from sopkit.views.numerals import finite, percent, three

__all__ = ["drift_facts", "narrowed"]

PICTURED = 60
WORDS = {
    "pass": "The data set has not drifted",
    "fail": "The data set has drifted",
    "insufficient": "Whether the data set has drifted is open",
}
STAGES = (
    ("trigger", "The newest rows, before the run decided", "At the trigger"),
    ("monitor", "What came after the change", "Since the change"),
)


def drift_facts(contents: Contents, *, report: str | None = None) -> dict[str, Any]:
    """The facts of `templates/sections/drift.html`.

    `report` is the way from the page to the workspace, where the full report is to be framed; a panel gives none.
    Raises NotFound, DigestMismatch where an artifact is not what was kept.
    """
    found = [_comparison(contents, *each) for each in STAGES]
    kept = [each for each in found if each is not None]
    triggers = contents.json("trigger", "triggers.json")
    return {
        "nothing": _nothing(contents, triggers, found),
        "comparisons": kept,
        "causes": context.causes(contents.json("trigger", "causes.json")),
        "harm": context.measure(triggers["harm"]) if triggers and triggers.get("harm") else None,
        "fired": context.fired(triggers),
        "season": context.season(contents.json("trigger", "season.json"), compared=found[0] is not None),
        "promise": context.promise(contents.json("trigger", "performance.json")),
        "indicators": context.indicators(contents.json("trigger", "indicators.json")),
        "report": context.report_of(contents, report),
        "narrowed": "",
    }


def narrowed(facts: Mapping[str, Any], *, words: str = "", only_drifted: bool = False) -> dict[str, Any]:
    """The same facts with the columns whose name or title holds all the words; `only_drifted`: those that fail."""
    asked = words.lower().split()
    if not asked and not only_drifted:
        return dict(facts)

    def fits(row: Mapping[str, Any]) -> bool:
        named = f"{row['name']} {row['title']}".lower()
        kept = row["verdict"] == "fail" or not only_drifted
        return bool(kept) and all(word in named for word in asked)

    kept, shown, of = [], 0, 0
    for each in facts["comparisons"]:
        parts = {name: [row for row in each[name] if fits(row)] for name in ("rows", "short")}
        shown, of = shown + sum(map(len, parts.values())), of + len(each["rows"]) + len(each["short"])
        kept.append({**each, **parts})
    told = f"{wording.count(shown, 'row')} of {of} {'is' if shown == 1 else 'are'} shown"
    return {**facts, "comparisons": kept, "narrowed": told}


def _nothing(contents: Contents, triggers: Any, found: Sequence[Any]) -> str | None:
    """Why there is no comparison at the trigger."""
    if found[0] is not None:
        return None
    if triggers is None:
        made = contents.attempt("trigger")
        failed = made is not None and made.status == "failed"
        return f"Drift was not measured: stage trigger {'failed' if failed else 'has not been executed yet'}."
    if triggers.get("first"):
        return (
            "This run was for a first champion: there was no model yet, so there was nothing that could have drifted."
        )
    return "Stage trigger compared nothing: there was no champion whose training rows could stand beside the newest."


def _comparison(contents: Contents, stage: str, title: str, short: str) -> dict[str, Any] | None:
    drift = contents.json(stage, "drift.json")
    if drift is None:
        return None
    profiles = contents.json(stage, "profiles.json") or {}
    told = {one["name"]: one for one in profiles.get("columns", ())}
    data = contents.json("collect", "findings.json") if stage == "trigger" else None
    found = context.findings(data)
    time = _time(profiles)
    ordered = sorted(drift["columns"], key=_effect)
    rows = [_row(column, told.get(column["name"]), profiles, time, found) for column in ordered]
    pictured = [row for row in rows if row["name"] in told][:PICTURED] or rows[:PICTURED]
    names = {row["name"] for row in pictured}
    verdicts = [column["verdict"] for column in drift["columns"]]
    return {
        "id": stage,
        "title": title,
        "short": [row for row in rows if row["name"] not in names],
        "tag": short,
        "verdict": drift["verdict"],
        "word": WORDS.get(drift["verdict"], ""),
        "reason": drift["reason"],
        "share": percent(drift["share"]),
        "limit": percent(drift["limit"]),
        "beyond": drift["verdict"] == "fail",
        "count": _count(verdicts),
        "sides": _sides(drift, profiles),
        "labels": drift["labels"],
        "rows": pictured,
        "all": len(rows),
        "pictures": bool(told),
        "named_from": profiles.get("named_from"),
        "drawn": (profiles.get("periods") or {}).get("drawn"),
        "time": time,
    }


def _effect(column: Mapping[str, Any]) -> tuple[float, str]:
    """A column that is gone leads, then the index, the largest first; what could not be measured ends."""
    index = finite(column["psi"])
    if index is None:
        return (float("-inf") if column["verdict"] == "fail" else float("inf"), column["name"])
    return (-index, column["name"])


def _count(verdicts: Sequence[str]) -> str:
    drifted, open_ = verdicts.count("fail"), verdicts.count("insufficient")
    told = (
        f"{drifted or 'None'} of {wording.count(len(verdicts), 'column')} {'has' if drifted == 1 else 'have'} drifted"
    )
    return told + (f", {open_} could not be judged" if open_ else "")


def _sides(drift: Mapping[str, Any], profiles: Mapping[str, Any]) -> list[dict[str, str]]:
    found = []
    for word, label, rows in zip(("reference", "current"), drift["labels"], drift["rows"], strict=True):
        ends = profiles.get(word) or {}
        span = f"{context.day(ends['from'])} to {context.day(ends['until'])}" if ends.get("from") else ""
        found.append({"word": word, "label": label, "rows": f"{rows:,}", "span": span})
    return found


def _row(
    column: Mapping[str, Any],
    told: Mapping[str, Any] | None,
    profiles: Mapping[str, Any],
    time: Mapping[str, Any] | None,
    findings: Mapping[str, list[str]],
) -> dict[str, Any]:
    text = column["kind"] == "text"
    value, limit = (column.get("auc"), None) if text else (column["psi"], 0.1)
    new, over = (told or {}).get("new") or {}, (told or {}).get("over_time")
    return {
        "name": column["name"],
        "title": (told or {}).get("title") or "",
        "unit": (told or {}).get("unit") or "",
        "kind": column["kind"],
        "verdict": column["verdict"],
        "reason": column["reason"],
        "measure": "AUC" if text else "PSI",
        "value": _index(told["value"] if told else value),
        "threshold": wording.value(told["threshold"] if told else limit),
        "method": told["method"] if told else "",
        "weight": percent(column["weight"]),
        "importance": percent(told["importance"]) if told and told["importance"] is not None else wording.MISSING,
        "missing": [percent(column["missing_reference"]), percent(column["missing_current"])],
        "missing_moved": _moved(column),
        "new": _new(column, new),
        "new_values": [{"name": name, "rows": f"{rows:,}"} for name, rows in new.get("values", ())],
        "quartiles": _quartiles(told),
        "distribution": (told or {}).get("distribution"),
        "over_time": {"names": [], "middle": None, **over} if over and time else None,
        "gone": _goes_missing(told),
        "slices": _slices(told, profiles),
        "findings": findings.get(column["name"], []),
    }


def _index(value: Any) -> str:
    """A measure; far below any limit, its digits tell nothing."""
    number = finite(value)
    if number is None or not 0 <= number < 0.01:
        return three(number)
    return "< 0.001" if number < 0.001 else f"{number:.3f}"


def _moved(column: Mapping[str, Any]) -> bool:
    sides = [finite(column[side]) or 0.0 for side in ("missing_reference", "missing_current")]
    return abs(sides[1] - sides[0]) >= 0.05


def _new(column: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The share of rows with values that the reference never had; of texts there is none."""
    if column["kind"] == "text":
        return wording.MISSING
    share = percent(column["new_share"])
    if not finite(column["new_share"]):
        return "none"
    return f"{share} out of range" if new.get("outside_range") else f"{share} of rows"


def _quartiles(told: Mapping[str, Any] | None) -> list[tuple[str, str]] | None:
    if not told or not told.get("quartiles"):
        return None
    return [(three(middle), f"{three(low)} to {three(high)}") for low, middle, high in told["quartiles"]]


def _goes_missing(told: Mapping[str, Any] | None) -> bool:
    """Whether missing values are worth a picture: at least one period with one in two hundred."""
    over = (told or {}).get("over_time") or {}
    return max((share or 0 for share in over.get("missing", ())), default=0) >= 0.005


def _slices(told: Mapping[str, Any] | None, profiles: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = []
    for slices in profiles.get("slices", ()) if told else ():
        inside = told["slices"].get(slices["column"]) if told else None
        if not inside:
            continue
        rows = [
            {
                "value": value,
                "rows": [f"{count:,}" for count in counts],
                "psi": _index(index),
                "verdict": verdict,
            }
            for value, counts, index, verdict in zip(
                slices["values"], slices["rows"], inside["psi"], inside["verdict"], strict=True
            )
        ]
        drifted = sum(row["verdict"] == "fail" for row in rows)
        found.append({**slices, "rows": rows, "drifted": drifted})
    return found


def _time(profiles: Mapping[str, Any]) -> dict[str, Any] | None:
    """The axis of time: the middle of each period, both ends, and where the current rows begin."""
    periods = profiles.get("periods")
    if not periods or len(periods["starts"]) < 2:
        return None
    starts = [_seconds(start) for start in periods["starts"]]
    edges = [*starts, _seconds(periods["end"])]
    ends = [
        [_seconds(side[end]) for end in ("from", "until")]
        for side in (profiles["reference"], profiles["current"])
        if side["from"]
    ]
    first = max([edges[0], *([min(side[0] for side in ends)] if ends else [])])
    last = min([edges[-1], *([max(side[1] for side in ends)] if ends else [])])
    if last <= first:
        first, last = edges[0], edges[-1]
    middles = [
        (max(low, first) + min(high, last)) / 2 if high > first and low < last else (low + high) / 2
        for low, high in pairwise(edges)
    ]
    cut = _seconds(profiles["current"]["from"]) if profiles["current"]["from"] else None
    marks = [] if cut is None or cut <= first else [(cut, "current rows begin")]
    begin = last + 1 if cut is None else cut
    until = _seconds(profiles["reference"]["until"]) if profiles["reference"]["until"] else first
    sides = ["current" if at >= begin else "reference" if at <= until else "between" for at in middles]
    return {"span": periods["span"], "middles": middles, "range": (first, last), "marks": marks, "sides": sides}


def _seconds(moment: str) -> float:
    found = datetime.fromisoformat(moment)
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
