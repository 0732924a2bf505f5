"""Facts on the terminal: runs, one run, a verification; `terminal_layout` says how they are set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from sopkit.views import conditions, waivers, wording
from sopkit.views.terminal_layout import VERY_WIDE, ByWidth, answered, labelled, line, shape, table
from sopkit.views.terminal_stages import checklist_view, stage_view, stages_view

__all__ = ["checklist_view", "next_commands", "run_view", "runs_table", "stage_view", "verification_view"]


def runs_table(runs: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The list of runs, in the order given."""
    if not runs:
        return Text("No runs yet. Start one with:  sop run retraining --model flights")
    wide = table("run", "SOP", "model", "as of", "state", "outcome")
    narrow = table("run", "state", "outcome", "")
    for run in runs:
        outcome = line(run["outcome"] or wording.MISSING)
        place = (line(run["sop"]), line(run["model"]), wording.moment(run["as_of"]))
        wide.add_row(line(run["run"]), *place, shape(run["state"]), line(f"{outcome}{_marks(run)}"))
        narrow.add_row(line(run["run"]), shape(run["state"]), outcome, line(_marks(run).strip(" ()"), "dim"))
    return ByWidth(wide, narrow)


def run_view(run: Mapping[str, Any]) -> RenderableType:
    """One run: its stages with verdicts, what it waits for, who signed, and what may be done next."""
    parts = [*_reasons(run), *_sign_offs(run), *_asked_for(run), *_accepted(run), *_needs(run)]
    return Group(*_head(run), Text(), stages_view(run), *parts)


def verification_view(facts: Mapping[str, Any]) -> RenderableType:
    """What `sop verify` found: problems first, then notices, then what was covered."""
    parts: list[RenderableType] = []
    for label, style, findings in (("problem", "red", facts["problems"]), ("notice", "yellow", facts["notices"])):
        for finding in findings:
            told = Text.assemble((f"{label} ", style), (f"{finding['kind']}  ", "bold"))
            told.append_text(line(" ".join(str(part) for part in (finding["run"], finding["path"]) if part)))
            parts += [told, Padding(line(finding["detail"], "dim"), (0, 0, 0, 2), expand=False)]
    runs = len(facts["runs"]) if isinstance(facts["runs"], list) else facts["runs"]
    covered = f"{_count(runs, 'run')}, {_count(facts['files'], 'file')}, {_count(facts['sign_offs'], 'sign-off')}"
    if facts["demo"]:
        covered += f" ({facts['demo']} of them demo)"
    good = facts["ok"]
    verdict = "✓ verified: " if good else f"✗ does not verify: {_count(len(facts['problems']), 'problem')} in "
    parts.append(Text(verdict + covered, style="bold green" if good else "bold red"))
    return Group(*parts)


def next_commands(run: Mapping[str, Any]) -> list[str]:
    """The exact commands that take a waiting or failed run further, one for each thing that it waits for."""
    commands = []
    commands += conditions.to_settle(run)
    for need in run["waiting_for"]:
        if need["kind"] == "sign_off":
            ambiguous = len(set(need["roles"])) > 1
            for role in sorted(set(need["roles"])):
                role_option = f" --role {role}" if ambiguous else ""
                commands.append(f"sop sign {run['run']} {need['stage']} --approve{role_option}")
        elif need["kind"] == "clock" and run["simulated"]:
            commands.append(f"sop resume {run['run']} --as-of {need['until'].removesuffix('T00:00:00Z')}")
    live_wait = run["waiting_for"] and not run["simulated"]
    signed = run["state"] == "waiting" and not run["waiting_for"]
    if live_wait or signed or run["state"] in ("failed", "running") or commands:
        resume = f"sop resume {run['run']}"
        if not any(command.startswith(resume) for command in commands):
            commands.append(resume)
    return commands


def _head(run: Mapping[str, Any]) -> list[RenderableType]:
    title = line(f"{run['title']} of {run['model']}", "bold")
    title.append(f"  {run['run']}", style="dim")
    state = shape(run["state"]).append(f"   as of {wording.moment(run['as_of'])}{_marks(run)}", style="default")
    rows: list[tuple[str, RenderableType | None]] = [
        ("state", state),
        ("started", run["reason"]),
        ("outcome", f"{run['outcome']}: {run['meaning'] or ''}" if run["outcome"] else None),
        ("why", run["why"]),
    ]
    return [title, labelled(rows)]


def _reasons(run: Mapping[str, Any]) -> list[RenderableType]:
    """Why stages failed or were returned, where the run itself does not say it already."""
    told = [(stage["id"], stage["reason"]) for stage in run["stages"] if stage["reason"]]
    lines = [line(f"{stage}: {reason}") for stage, reason in told if reason not in (run["why"] or "")]
    return [Text(), *lines] if lines else []


def _sign_offs(run: Mapping[str, Any]) -> list[RenderableType]:
    if not run["sign_offs"]:
        return []
    wide = table("signed by", "role", "stage", "attempt", "decision", "at", "comment")
    narrow: list[RenderableType] = [line("signed", "dim")]
    for sign_off in run["sign_offs"]:
        by = f"{sign_off['by']}{' (demo)' if sign_off['demo'] else ''}"
        decided = f"{sign_off['decision']}{' (withdrawn)' if sign_off['withdrawn'] else ''}"
        decision = line(decided, "dim" if sign_off["withdrawn"] else answered(sign_off["decision"]))
        place = (line(sign_off["role"]), line(sign_off["stage"]), str(sign_off["attempt"]))
        at, comment = wording.moment(sign_off["at"]), sign_off["comment"] or ""
        wide.add_row(line(by), *place, decision, at, line(comment))
        narrow.append(
            Text.assemble("  ", decision, line(f": {sign_off['stage']}, attempt {sign_off['attempt']}, by {by}"))
        )
        narrow.append(Padding(line(f"as {sign_off['role']}, {at}", "dim"), (0, 0, 0, 4), expand=False))
        if comment:
            narrow.append(Padding(line(comment), (0, 0, 0, 4), expand=False))
    return [Text(), ByWidth(wide, Group(*narrow), least=VERY_WIDE)]


def _asked_for(run: Mapping[str, Any]) -> list[RenderableType]:
    """The conditions of approvals, in this run and, while they are open, in others of its model."""
    return [Text(), conditions.conditions_table(run["conditions"])] if run["conditions"] else []


def _accepted(run: Mapping[str, Any]) -> list[RenderableType]:
    """What was accepted in writing in this run, what could be, and what is in force for the next one."""
    waived = [item for stage in run["stages"] for item in stage["findings"] if item["severity"] == "waived"]
    lines: list[RenderableType] = [line(f"accepted in writing: {item['id']}: {item['sentence']}") for item in waived]
    if ids := waivers.waivable(run):
        lines.append(Text("what stopped it may be accepted in writing, for the next run, by who signs at that gate:"))
        lines += [line(f"  sop waive {run['run']} {id} --reason TEXT") for id in ids]
    said = {item["id"] for item in waived}
    if more := [each for each in run["waivers"] if each["finding"] not in said]:
        lines.append(waivers.waivers_table(more))
    return [Text(), *lines] if lines else []


def _needs(run: Mapping[str, Any]) -> list[RenderableType]:
    lines = []
    for need in run["waiting_for"]:
        if need["kind"] == "clock":
            lines.append(
                f"waiting for the clock: stage '{need['stage']}' may start as of {wording.moment(need['until'])}"
            )
        elif need["kind"] == "gate":
            lines.append(f"the gate of '{need['stage']}' is closed, although nobody's sign-off is missing")
        else:
            lines += _to_weigh(run, need["stage"])
            lines.append(f"waiting for a sign-off of '{need['stage']}' by: {', '.join(need['roles'])}")
    commands = [f"  {command}" for command in next_commands(run)]
    if commands:
        lines += ["go on with:", *commands]
    return [Text(), line("\n".join(lines))] if lines else []


def _to_weigh(run: Mapping[str, Any], stage: str) -> list[str]:
    """What a result of the stage puts before the person who signs."""
    results = [each["results"] for each in run["stages"] if each["id"] == stage]
    told = [told for result in results for each in result.values() for told in each["detail"].get("weigh") or ()]
    return [f"to weigh before '{stage}' is signed:", *(f"  - {sentence}" for sentence in told)] if told else []


def _marks(run: Mapping[str, Any]) -> str:
    marks = [word for word, on in (("simulated", run["simulated"]), ("demo", run["demo"])) if on]
    return f"  ({', '.join(marks)})" if marks else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
