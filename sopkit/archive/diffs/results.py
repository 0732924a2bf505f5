"""What two attempts found, side by side: results, the reasons of a decision, findings in the data, importance.

The rules:
* a verdict that flipped comes first, and is marked; a value counts as changed beyond the tolerance only;
* a reason in words that differs in its numbers alone is no difference of its own: the value tells;
* times are no content (`training_seconds`, `load_seconds`): they are told where one is more than twice the other and
  ten seconds apart, or where somebody has set a limit for them;
* what an older release wrote in another form is passed over, never guessed at.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sopkit.archive.diffs.values import alike, changes, same_words
from sopkit.archive.states import AttemptState
from sopkit.definitions.results import Verdict

__all__ = ["finding_changes", "importance_changes", "reason_changes", "result_changes", "times"]

FAR, SECONDS = 2.0, 10.0
SEVERITIES = ("block", "warn", "waived")  # a note decides nothing


def result_changes(stage: str, left: AttemptState, right: AttemptState, tolerance: float) -> list[dict[str, Any]]:
    """The results of a stage that differ, in order: see `diffs` for the form.

    A side is `{"value", "threshold", "verdict", "reason"}`, or None where it has no such result.
    """
    found = []
    for name in (*left.results, *(name for name in right.results if name not in left.results)):
        before, after = left.results.get(name), right.results.get(name)
        differs = _differs(name, before, after, tolerance) if before and after else ["value"]
        if not differs:
            continue
        told = after or before or {}
        found.append(
            {
                "stage": stage,
                "name": name,
                "title": told.get("title") or name,
                "unit": told.get("unit") or "",
                "left": _side(before),
                "right": _side(after),
                "flipped": "verdict" in differs,
                "differs": differs,
                "details": changes(_detail(before), _detail(after), tolerance) if before and after else [],
            }
        )
    return found


def times(left: AttemptState, right: AttemptState) -> list[str]:
    """The names of results that are times, and differ by too little to be told."""
    both = (name for name in left.results if _is_time(name, left.results[name]) and name in right.results)
    return [name for name in both if left.results[name].get("value") != right.results[name].get("value")]


def reason_changes(stage: str, left: Any, right: Any) -> list[dict[str, Any]]:
    """What spoke for or against in `decision.json`: topics whose verdict or weight is another, or on one side only."""
    before, after = _by(left, "reasons", "topic"), _by(right, "reasons", "topic")
    found = []
    for topic in (*before, *(topic for topic in after if topic not in before)):
        old, new = _kept(before.get(topic)), _kept(after.get(topic))
        flipped = old is not None and new is not None and old["verdict"] != new["verdict"]
        if flipped or old is None or new is None or old["weight"] != new["weight"]:
            found.append({"stage": stage, "topic": topic, "flipped": flipped, "left": old, "right": new})
    return found


def finding_changes(stage: str, left: Any, right: Any) -> list[dict[str, Any]]:
    """Findings in the data that came, went, or weigh otherwise; notes are left out, they decide nothing."""
    before, after = _by(left, "findings", "id"), _by(right, "findings", "id")
    found = []
    for id in (*before, *(id for id in after if id not in before)):
        old, new = _severity(before.get(id)), _severity(after.get(id))
        if old != new:
            sentence = str((after.get(id) or before.get(id) or {}).get("sentence") or "")
            found.append({"stage": stage, "id": id, "sentence": sentence, "left": old, "right": new})
    return found


def importance_changes(left: Any, right: Any, tolerance: float) -> list[dict[str, Any]]:
    """How much each feature carries, and its rank, where that differs; what moved beyond both intervals is `clear`."""
    before, after = _by(left, "table", "feature"), _by(right, "table", "feature")
    ranks = [{name: rank for rank, name in enumerate(table, 1)} for table in (before, after)]
    found = []
    for name in (*after, *(name for name in before if name not in after)):
        old, new = before.get(name), after.get(name)
        values = [row.get("importance") if row else None for row in (old, new)]
        if alike(values[0], values[1], tolerance):
            continue
        sides = [{"importance": value, "rank": rank.get(name)} for value, rank in zip(values, ranks, strict=True)]
        left_side, right_side = (side if row else None for side, row in zip(sides, (old, new), strict=True))
        found.append({"feature": name, "clear": _apart(old, new), "left": left_side, "right": right_side})
    return found


def _differs(name: str, left: Mapping[str, Any], right: Mapping[str, Any], tolerance: float) -> list[str]:
    """What differs between two results of a name, what matters most first."""
    time = _is_time(name, left) and _is_time(name, right)
    values = left.get("value"), right.get("value")
    found = ["verdict"] if left.get("verdict") != right.get("verdict") else []
    if _threshold(left) != _threshold(right):
        found.append("threshold")
    if _far(*values) if time else not alike(values[0], values[1], tolerance):
        found.append("value")
    if not time and not alike(_detail(left), _detail(right), tolerance):
        found.append("detail")
    if not same_words(str(left.get("reason") or ""), str(right.get("reason") or "")):
        found.append("reason")
    return found


def _is_time(name: str, result: Mapping[str, Any]) -> bool:
    return name.endswith("_seconds") and not result.get("threshold")


def _far(left: Any, right: Any) -> bool:
    if not isinstance(left, int | float) or not isinstance(right, int | float):
        return bool(left != right)
    small, large = sorted((left, right))
    return large > FAR * small and large - small > SECONDS


def _side(result: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if result is None:
        return None
    return {name: result.get(name) for name in ("value", "threshold", "verdict")} | {
        "reason": result.get("reason") or ""
    }


def _threshold(result: Mapping[str, Any] | None) -> Any:
    return (result or {}).get("threshold") or None


def _detail(result: Mapping[str, Any] | None) -> Any:
    return (result or {}).get("detail") or {}


def _by(told: Any, rows: str, key: str) -> dict[str, Mapping[str, Any]]:
    """The rows of a table in an artifact, by what names them; the first of a name, in their order."""
    listed = told.get(rows) if isinstance(told, Mapping) else None
    found: dict[str, Mapping[str, Any]] = {}
    for row in listed if isinstance(listed, list) else ():
        if isinstance(row, Mapping) and isinstance(row.get(key), str):
            found.setdefault(row[key], row)
    return found


def _kept(reason: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if reason is None:
        return None
    told = {name: str(reason.get(name) or "") for name in ("weight", "finding")}
    return {"verdict": reason.get("verdict") if reason.get("verdict") in [*Verdict] else None, **told}


def _severity(finding: Mapping[str, Any] | None) -> str | None:
    severity = (finding or {}).get("severity")
    return severity if severity in SEVERITIES else None


def _apart(left: Mapping[str, Any] | None, right: Mapping[str, Any] | None) -> bool:
    """Whether two intervals of importance do not touch."""
    ends = [row.get(end) for row in (left or {}, right or {}) for end in ("low", "high")]
    numbers = [end for end in ends if isinstance(end, int | float)]
    return len(numbers) == 4 and (numbers[1] < numbers[2] or numbers[3] < numbers[0])
