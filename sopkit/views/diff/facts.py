"""What changed between two runs, in words: the same tables for the desk, the static page and the terminal.

`archive.diffs.run_diff` says what differs; here it becomes sections of tables, in the order in which people ask: what
was asked, on which data, what was found (verdicts that flipped first), what it rests on, who signed, and then the code.

    {"same", "headline", "flips" [sentence], "left", "right" {label, run, facts}, "sections": [
        {"id", "title", "columns" [text], "rows" [[cell]], "more" [[cell]], "more_title", "code" [{title, lines}]}],
     "remarks" [sentence], "full" command}

A cell is `{"text", "kind", "note"}`; its kind is empty, `num`, `pass`, `fail`, `insufficient`, `quiet` or `code`, its
note a sentence for those who have room for it (the terminal has not). A line of code is `{"text", "kind"}` too: `new`,
`gone`, `place` or empty. `more` are rows that matter less, folded away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sopkit.views import wording
from sopkit.views.diff.words import Cell, cell, change, grouped, rows_of, section, shown, verdicts
from sopkit.views.numerals import finite, signed, three

__all__ = ["diff_facts"]

MOST = 10


def diff_facts(diff: Mapping[str, Any]) -> dict[str, Any]:
    """The sections of a diff (`archive.diffs.run_diff`); an empty section is left out."""
    sections = [
        section("run", "What was asked, and what became of it", ["", "Before", "After"], rows_of(diff["run"])),
        _definitions(diff),
        _data(diff),
        _stages(diff),
        _results(diff),
        _reasons(diff),
        _findings(diff),
        _features(diff),
        _importance(diff),
        _sign_offs(diff),
        _code(diff),
        _files(diff),
        _unreadable(diff),
    ]
    stage = f" {diff['stage']}" if diff["stage"] else ""
    attempts = ""
    if diff["stage"]:
        numbers = [diff[side]["attempts"].get(diff["stage"]) for side in ("left", "right")]
        attempts = f" --attempts {numbers[0]} {numbers[1]}" if all(numbers) else ""
    runs = f"{diff['left']['run']} {diff['right']['run']}"
    return {
        "same": diff["same"],
        "headline": _headline(diff),
        "flips": _flips(diff),
        "left": _side(diff, "left"),
        "right": _side(diff, "right"),
        "sections": [section for section in sections if section["rows"] or section["more"] or section["code"]],
        "remarks": [*diff["remarks"], *_remarks(diff)],
        "full": f"sop diff {runs}{stage}{attempts} --full",
    }


def _remarks(diff: Mapping[str, Any]) -> list[str]:
    """What is not counted, in a sentence of each kind."""
    bytes_only, times = (list(dict.fromkeys(diff[name])) for name in ("bytes_only", "times"))
    found = [f"files that differ in their bytes only ({', '.join(bytes_only)})"] if bytes_only else []
    return found + ([f"times ({', '.join(times)})"] if times else [])


def _headline(diff: Mapping[str, Any]) -> str:
    if diff["same"]:
        return "no difference that matters"
    told = wording.count(diff["count"], "difference")
    return (
        f"{told}, {wording.count(diff['flips'], 'verdict')} flipped" if diff["flips"] else f"{told}, no verdict flipped"
    )


def _flips(diff: Mapping[str, Any]) -> list[str]:
    """Each verdict that flipped, in a sentence."""
    found = []
    for each in (*diff["results"], *diff["reasons"]):
        if each["flipped"]:
            name = each.get("title") or each["topic"]
            found.append(f"{verdicts(each)}: {name} ({each['stage']})")
    return found


def _side(diff: Mapping[str, Any], side: str) -> dict[str, str]:
    run = diff[side]
    stage = diff["stage"]
    attempt = f"{stage}, attempt {run['attempts'][stage]}" if stage and stage in run["attempts"] else ""
    outcome = (run["outcome"] or "").replace("_", " ")
    told = (run["model"], f"as of {wording.moment(run['as_of'])}", wording.state(run["state"]), outcome, attempt)
    label = "before" if side == "left" else "after"
    return {"label": label, "run": run["run"], "facts": " · ".join(part for part in told if part)}


def _definitions(diff: Mapping[str, Any]) -> dict[str, Any]:
    told = ((each["file"], rows_of(each["changes"], dotted=True)) for each in diff["definitions"])
    rows = [row for file, found in told for row in grouped(file, found)]
    return section("definitions", "Definitions", ["", "Field", "Before", "After"], rows)


def _data(diff: Mapping[str, Any]) -> dict[str, Any]:
    rows: list[list[Cell]] = []
    for each in diff["data"]:
        told = rows_of(each["changes"])
        if each["left"] != each["right"] and not told:
            sides = [cell(f"{each[side][:12]}…" if each[side] else "none", "code") for side in ("left", "right")]
            told.append([cell(f"content: {each['note']}" if each["note"] else "content, by digest", "quiet"), *sides])
        rows += grouped(each["what"], told)
    return section("data", "Data", ["", "", "Before", "After"], rows)


def _stages(diff: Mapping[str, Any]) -> dict[str, Any]:
    rows = []
    for each in diff["stages"]:
        sides = []
        for side in (each["left"], each["right"]):
            because = "; ".join(part for part in ((side or {}).get("reason"), *(side or {}).get("because", ())) if part)
            text = wording.state(side["state"]) if side else "not started"
            sides.append(cell(f"{text}: {because}" if because and because != "first attempt" else text))
        rows.append([cell(each["stage"]), *sides])
    return section("stages", "Stages", ["Stage", "Before", "After"], rows)


def _results(diff: Mapping[str, Any]) -> dict[str, Any]:
    """Values, verdicts and thresholds; results that say the same for other reasons are folded away."""
    rows: list[list[Cell]] = []
    more: list[list[Cell]] = []
    for each in diff["results"]:
        left, right, unit = each["left"], each["right"], each["unit"]
        limits = "threshold" in each["differs"]
        values = [cell(_recorded(side, unit, limits)) for side in (left, right)]
        verdict = (right or left)["verdict"]
        row = [
            cell(each["stage"]),
            cell(each["title"], note=(right or left)["reason"]),
            *values,
            cell(change(left, right, unit), "num"),
            cell(verdicts(each), verdict or ""),
        ]
        weighty = not left or not right or {"verdict", "threshold", "value"} & set(each["differs"])
        (rows if weighty else more).append(row)
    columns = ["Stage", "Result", "Before", "After", "Change", "Verdict"]
    title = f"{wording.count(len(more), 'result')} with the same value and verdict, for other reasons"
    return section("results", "Results", columns, rows, more=more, more_title=title)


def _recorded(side: Mapping[str, Any] | None, unit: str, limits: bool) -> str:
    """The value, with its threshold where that is what changed."""
    if side is None:
        return "not recorded"
    limit = wording.threshold(side["threshold"], unit) or "nothing"
    return f"{shown(side['value'], unit)}, required {limit}" if limits else shown(side["value"], unit)


def _reasons(diff: Mapping[str, Any]) -> dict[str, Any]:
    rows: list[list[Cell]] = []
    more: list[list[Cell]] = []
    for each in diff["reasons"]:
        told = [(side or {}).get("finding") or "not asked" for side in (each["left"], each["right"])]
        verdict = (each["right"] or each["left"])["verdict"]
        row = [cell(each["topic"]), cell(verdicts(each), verdict or ""), *(cell(text) for text in told)]
        (rows if each["flipped"] else more).append(row)
    title = f"{wording.count(len(more), 'reason')} on one side only, or of another weight"
    columns = ["What spoke for or against", "Verdict", "Before", "After"]
    return section("reasons", "Reasons of the decision", columns, rows, more=more, more_title=title)


def _findings(diff: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        [cell(each["sentence"] or each["id"]), *(cell(each[side] or "–") for side in ("left", "right"))]
        for each in diff["findings"]
    ]
    return section("findings", "Findings in the data", ["Finding", "Before", "After"], rows)


def _features(diff: Mapping[str, Any]) -> dict[str, Any]:
    parts = (("declared", diff["features"]["declared"]), ("fitted", diff["features"]["recipe"]))
    rows = [row for name, told in parts for row in grouped(name, rows_of(told, dotted=True))]
    return section("features", "Features and recipe", ["", "", "Before", "After"], rows)


def _importance(diff: Mapping[str, Any]) -> dict[str, Any]:
    def size(each: Mapping[str, Any]) -> float:
        before, after = (finite((each[side] or {}).get("importance")) or 0.0 for side in ("left", "right"))
        return -abs(after - before)

    rows = []
    for each in sorted(diff["features"]["importance"], key=size):
        left, right = each["left"], each["right"]
        sides = [cell(_weight(side), "num") for side in (left, right)]
        pair = [finite(side["importance"]) if side else None for side in (left, right)]
        change = signed(pair[1] - pair[0]) if pair[0] is not None and pair[1] is not None else ""
        mark = "beyond both intervals" if each["clear"] else ""
        rows.append([cell(each["feature"]), *sides, cell(change, "num"), cell(mark, "quiet")])
    title = f"{wording.count(len(rows[MOST:]), 'feature')} that moved less"
    columns = ["Feature", "Before", "After", "Change", ""]
    return section("importance", "What the model rests on", columns, rows[:MOST], more=rows[MOST:], more_title=title)


def _weight(side: Mapping[str, Any] | None) -> str:
    number = finite(side["importance"]) if side else None
    return wording.MISSING if side is None or number is None else f"{three(number)}  (no. {side['rank']})"


def _sign_offs(diff: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        [cell(each["stage"]), cell(each["role"] or "–"), *(cell(_signed(each[side])) for side in ("left", "right"))]
        for each in diff["sign_offs"]
    ]
    return section("sign-offs", "Sign-offs", ["Stage", "Role", "Before", "After"], rows)


def _signed(said: Mapping[str, Any] | None) -> str:
    if said is None:
        return "not signed"
    marks = [word for word in ("demo", "withdrawn") if said[word]]
    mark = f" ({', '.join(marks)})" if marks else ""
    parts = [f"{said['by']}: {said['decision']}{mark}"]
    parts += [f"“{said['comment']}”"] if said["comment"] and not said["demo"] else []
    parts += [f"condition: {condition}" for condition in said["conditions"]]
    parts += [f"{id}: {answer}" for id, answer in said["answers"].items()]
    return "; ".join(parts)


def _code(diff: Mapping[str, Any]) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    for file in diff["code"]:
        if not file["cells"]:
            blocks.append({"title": f"{file['file']}: {file['kind']}", "lines": []})
        for each in file["cells"]:
            place = f", cell {each['cell']}" if each["cell"] else ""
            if each["type"] == "order":
                place = ", order of the cells"
            lines = [{"text": line, "kind": _line_kind(line)} for line in each["lines"]]
            blocks.append({"title": f"{file['file']}{place}: {each['kind']}", "lines": lines})
    return section("code", "Code", [], [], code=blocks)


def _files(diff: Mapping[str, Any]) -> dict[str, Any]:
    by_stage: dict[str, list[str]] = {}
    for each in diff["files"]:
        only = {"added": " (new)", "removed": " (gone)"}.get(each["kind"], "")
        by_stage.setdefault(each["stage"], []).append(f"{each['name']}{only}")
    rows = [[cell(stage), cell(", ".join(names))] for stage, names in by_stage.items()]
    title = f"{wording.count(len(diff['files']), 'attached file')} with other content"
    return section("files", "Other files", ["Stage", "Files"], [], more=rows, more_title=title)


def _unreadable(diff: Mapping[str, Any]) -> dict[str, Any]:
    rows = [
        [cell(each["what"]), cell(each["why"], "fail"), cell(each["digest"][:12], "code")]
        for each in diff["unreadable"]
    ]
    return section("unreadable", "Not compared, because it cannot be read", ["What", "Why", "Digest"], rows)


def _line_kind(line: str) -> str:
    return {"+": "new", "-": "gone", "@": "place"}.get(line[:1], "")
