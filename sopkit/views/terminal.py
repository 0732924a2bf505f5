"""Facts as rich tables for the terminal.

Verdicts and states are words with a shape; colour only repeats them, so a terminal without colour tells as much.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sopkit.views import conditions, waivers, wording

__all__ = ["checklist_view", "next_commands", "run_view", "runs_table", "stage_view", "verification_view"]

_STYLES = {
    **dict.fromkeys(("pass", "done", "approve"), "green"),
    **dict.fromkeys(("fail", "failed", "stopped", "reject", "abandoned"), "red"),
    **dict.fromkeys(("insufficient", "waiting", "returned", "interrupted", "running", "return", "withdraw"), "yellow"),
    "pending": "dim",
}
# Columns that are not broken over lines, however narrow the terminal is
_WHOLE = ("run", "state", "time", "verdict", "threshold", "signed by", "sha256", "at", "artifact")


def runs_table(runs: Sequence[Mapping[str, Any]]) -> RenderableType:
    """The list of runs, in the order given."""
    if not runs:
        return Text("No runs yet. Start one with:  sop run retraining --model flights")
    table = _table("run", "SOP", "model", "as of", "state", "outcome")
    for run in runs:
        outcome = run["outcome"] or wording.MISSING
        table.add_row(
            Text(run["run"]),
            run["sop"],
            run["model"],
            wording.moment(run["as_of"]),
            _state(run),
            f"{outcome}{_marks(run)}",
        )
    return table


def run_view(run: Mapping[str, Any]) -> RenderableType:
    """One run: its stages with verdicts, what it waits for, who signed, and what may be done next."""
    parts = [*_reasons(run), *_sign_offs(run), *_asked_for(run), *_accepted(run), *_needs(run)]
    return Group(*_head(run), Text(), _stages_table(run), *parts)


def stage_view(run: Mapping[str, Any], stage: Mapping[str, Any]) -> RenderableType:
    """One stage with every result, its threshold, verdict and reason."""
    head = Text(f"{stage['title']}", style="bold")
    head.append(f"  ({run['run']} {stage['id']}", style="dim")
    head.append(f", attempt {stage['attempt']})" if stage["attempt"] else ")", style="dim")
    parts: list[RenderableType] = [head, Text(f"state     {_shape(stage['state'])}")]
    if stage["reason"]:
        parts.append(Text(f"reason    {stage['reason']}"))
    if stage["notebook"]:
        parts.append(Text(f"notebook  {stage['notebook']}"))
    if stage["concluded"]:
        parts.append(Text(f"outcome   {stage['concluded']['outcome']}: {stage['concluded']['why']}"))
    if stage["results"]:
        parts += [Text(), _results_table(stage["results"])]
    parts += checklist_view(stage["gate"])
    if stage["artifacts"]:
        table = _table("artifact", "what it is", "sha256", "where")
        for item in stage["artifacts"]:
            where = "store" if item["path"].startswith("runs/store/") else "run folder"
            table.add_row(Text(item["name"]), Text(item.get("title") or ""), item["sha256"][:12], where)
        parts += [Text(), table, Text(f"run folder  {run['folder']}/artifacts/{stage['id']}/", style="dim")]
    return Group(*parts)


def checklist_view(gate: Mapping[str, Any] | None) -> list[RenderableType]:
    """The checklist of a gate with its answers so far; nothing where nothing is asked."""
    if gate is None or not gate["checklist"]:
        return []
    table = _table("asked at this gate", "answer", "by", "why", "source")
    for item in gate["checklist"]:
        style = {"yes": "green", "no": "red"}.get(item["answer"], "yellow")
        told = (Text(each) for each in (wording.answered_by(item), item["why"], item["source"]))
        table.add_row(Text(item["question"]), Text(wording.answer(item), style=style), *told)
    return [Text(), table]


def verification_view(facts: Mapping[str, Any]) -> RenderableType:
    """What `sop verify` found: problems first, then notices, then what was covered."""
    parts: list[RenderableType] = []
    for label, style, findings in (("problem", "red", facts["problems"]), ("notice", "yellow", facts["notices"])):
        for finding in findings:
            line = Text(f"{label} ", style=style)
            line.append(f"{finding['kind']}  ", style="bold")
            line.append(" ".join(str(part) for part in (finding["run"], finding["path"]) if part))
            line.append(f"\n  {finding['detail']}", style="dim")
            parts.append(line)
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
    title = Text(f"{run['title']} of {run['model']}", style="bold")
    title.append(f"  {run['run']}", style="dim")
    state = Text("state    ").append_text(_state(run))
    state.append(f"   as of {wording.moment(run['as_of'])}{_marks(run)}")
    parts: list[RenderableType] = [title, state]
    if run["reason"]:
        parts.append(Text(f"started  {run['reason']}"))
    if run["outcome"]:
        parts.append(Text(f"outcome  {run['outcome']}: {run['meaning'] or ''}"))
    if run["why"]:
        parts.append(Text(f"why      {run['why']}"))
    return parts


def _stages_table(run: Mapping[str, Any]) -> Table:
    table = _table("stage", "state", "attempt", "time", "result", "value", "threshold", "verdict")
    table.columns[2].justify = table.columns[3].justify = "right"
    for stage in run["stages"]:
        rows = _telling(stage["results"]) or [("", {})]
        for index, (name, result) in enumerate(rows):
            first = index == 0
            unit = result.get("unit", "")
            table.add_row(
                stage["id"] if first else "",
                _shape(stage["state"]) if first else "",
                str(stage["attempt"] or "") if first else "",
                wording.seconds(stage["seconds"]) if first and stage["attempt"] else "",
                Text(result.get("title") or name),
                Text(wording.value(result["value"], unit) if result else ""),
                wording.threshold(result.get("threshold"), unit),
                _verdict(result.get("verdict")),
            )
    return table


def _reasons(run: Mapping[str, Any]) -> list[RenderableType]:
    """Why stages failed or were returned, where the run itself does not say it already."""
    told = [(stage["id"], stage["reason"]) for stage in run["stages"] if stage["reason"]]
    lines = [Text(f"{stage}: {reason}") for stage, reason in told if reason not in (run["why"] or "")]
    return [Text(), *lines] if lines else []


def _telling(results: Mapping[str, Mapping[str, Any]], most: int = 8) -> list[tuple[str, Mapping[str, Any]]]:
    """What was judged, worst first; a stage in which nothing was judged shows its first results."""
    order = {"fail": 0, "insufficient": 1, "pass": 2, None: 3}
    return sorted(results.items(), key=lambda item: order[item[1]["verdict"]])[:most]


def _results_table(results: Mapping[str, Mapping[str, Any]]) -> Table:
    table = _table("result", "value", "threshold", "verdict", "reason", "source")
    for name, result in results.items():
        unit = result["unit"]
        table.add_row(
            Text(f"{result['title']}\n").append(name, style="dim") if result["title"] else Text(name),
            Text(wording.value(result["value"], unit)),
            wording.threshold(result["threshold"], unit),
            _verdict(result["verdict"]),
            Text(result["reason"]),
            Text(result["source"], style="dim"),
        )
    return table


def _sign_offs(run: Mapping[str, Any]) -> list[RenderableType]:
    if not run["sign_offs"]:
        return []
    table = _table("signed by", "role", "stage", "attempt", "decision", "at", "comment")
    for sign_off in run["sign_offs"]:
        demo = " (demo)" if sign_off["demo"] else ""
        table.add_row(
            Text(f"{sign_off['by']}{demo}"),
            sign_off["role"],
            sign_off["stage"],
            str(sign_off["attempt"]),
            Text(f"{sign_off['decision']}{' (withdrawn)' if sign_off['withdrawn'] else ''}", style=_decided(sign_off)),
            wording.moment(sign_off["at"]),
            Text(sign_off["comment"] or ""),
        )
    return [Text(), table]


def _asked_for(run: Mapping[str, Any]) -> list[RenderableType]:
    """The conditions of approvals, in this run and, while they are open, in others of its model."""
    return [Text(), conditions.conditions_table(run["conditions"])] if run["conditions"] else []


def _accepted(run: Mapping[str, Any]) -> list[RenderableType]:
    """What was accepted in writing in this run, what could be, and what is in force for the next one."""
    waived = [item for stage in run["stages"] for item in stage["findings"] if item["severity"] == "waived"]
    lines: list[RenderableType] = [Text(f"accepted in writing: {item['id']}: {item['sentence']}") for item in waived]
    if ids := waivers.waivable(run):
        lines.append(Text("what stopped it may be accepted in writing, for the next run, by who signs at that gate:"))
        lines += [Text(f"  sop waive {run['run']} {id} --reason TEXT") for id in ids]
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
    return [Text(), Text("\n".join(lines))] if lines else []


def _to_weigh(run: Mapping[str, Any], stage: str) -> list[str]:
    """What a result of the stage puts before the person who signs."""
    results = [each["results"] for each in run["stages"] if each["id"] == stage]
    told = [told for result in results for each in result.values() for told in each["detail"].get("weigh") or ()]
    return [f"to weigh before '{stage}' is signed:", *(f"  - {sentence}" for sentence in told)] if told else []


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold", no_wrap=column in _WHOLE)
    return table


def _state(run: Mapping[str, Any]) -> Text:
    return _shape(run["state"])


def _shape(state: str) -> Text:
    return Text(wording.state(state), style=_STYLES.get(state, ""))


def _verdict(verdict: str | None) -> Text:
    return Text(wording.verdict(verdict), style=_STYLES.get(verdict or "", ""))


def _decided(sign_off: Mapping[str, Any]) -> str:
    return "dim" if sign_off["withdrawn"] else _STYLES.get(sign_off["decision"], "")


def _marks(run: Mapping[str, Any]) -> str:
    marks = [word for word, on in (("simulated", run["simulated"]), ("demo", run["demo"])) if on]
    return f"  ({', '.join(marks)})" if marks else ""


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
