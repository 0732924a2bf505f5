"""A SOP as a picture: swimlanes by role in Mermaid, which GitHub and JupyterLab draw without a tool.

The rules:
* one lane a role, stages from top to bottom, a gate as a diamond behind its stage with the roles that sign;
* the way out on failure is there and quiet: thin and dotted;
* a state is always a word and a sign as well as a colour;
* names from a file are text and nothing else: what Mermaid or HTML could read as syntax is written as a code.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from sopkit.definitions.sop import Gate, Sop, Stage

__all__ = ["Live", "mermaid"]

WIDTH = 22  # characters a line of a label

# fill, text and edge of each look; dark text on light ground, so that both page themes can show it
LOOKS = {
    "plain": ("#f6f8fa", "#1f2328", "#8c959f"),
    "gate": ("#fff8e6", "#1f2328", "#9a6700"),
    "done": ("#dff3e4", "#0a3d1c", "#1a7f37"),
    "active": ("#ddebff", "#0a2a5c", "#0969da"),
    "waiting": ("#fff1cc", "#4d3200", "#9a6700"),
    "failed": ("#ffe1de", "#5c0f0a", "#cf222e"),
    "final": ("#ffffff", "#57606a", "#8c959f"),
}
# a state of a stage, run or gate: its look and its sign
STATES = {
    **dict.fromkeys(("sealed", "done", "open"), ("done", "✓")),
    "running": ("active", "▶"),
    **dict.fromkeys(("waiting", "closed", "returned"), ("waiting", "◔")),
    **dict.fromkeys(("failed", "stopped", "rejected", "blocked", "interrupted", "abandoned"), ("failed", "✗")),
}


@dataclass(frozen=True)
class Live:
    """Where a run stands, as words: all the diagram needs to know about it.

    `stages` and `gates` map an id to a state such as `sealed`, `running`, `failed`; `open`, `closed`,
    `rejected`. `waiting` maps a stage id to what is waited for, in words. What is not named has not begun.
    """

    run: str = ""
    stages: Mapping[str, str] = field(default_factory=dict)
    gates: Mapping[str, str] = field(default_factory=dict)
    waiting: Mapping[str, str] = field(default_factory=dict)
    outcome: str | None = None


def mermaid(sop: Sop, run: Live | None = None) -> str:
    """The SOP as a Mermaid flowchart, with the state of `run` on it if one is given. Ends with a newline."""
    return "\n".join(_lines(sop, run or Live())) + "\n"


def _lines(sop: Sop, live: Live) -> Iterator[str]:
    yield "flowchart TB"
    yield f"  accTitle: {_plain(sop.title)}{f' {_plain(live.run)}' if live.run else ''}"
    names = {stage.id: f"s{number}" for number, stage in enumerate(sop.stages, start=1)}
    for lane, role in enumerate(dict.fromkeys(stage.owner for stage in sop.stages), start=1):
        yield f'  subgraph lane{lane}["{_escaped(sop.roles[role].title)}"]'
        for number, stage in enumerate(sop.stages, start=1):
            if stage.owner == role:
                yield f"    {_stage(number, stage, live)}"
        yield "  end"
    for stage in sop.stages:
        if stage.gate:
            yield f"  {_gate(names[stage.id], stage.gate, sop, live)}"
    ended = sop.outcomes.get(live.outcome or "")
    yield f"  finish{_end('done', sop, live if not (ended and ended.ends) else Live())}"
    ways_out = list(_ways_out(sop, names))
    if ways_out or (ended and ended.ends):
        yield f"  out{_end('ends here: nothing is changed', sop, live if ended and ended.ends else Live())}"
    edges = [*_edges(sop, names), *ways_out]
    yield from (f"  {edge}" for edge in edges)
    quiet = [str(index) for index, edge in enumerate(edges) if "-.->" in edge]
    if quiet:
        yield f"  linkStyle {','.join(quiet)} stroke:#afb8c1,stroke-width:1px,color:#57606a"
    for name, (fill, text, edge) in LOOKS.items():
        yield f"  classDef {name} fill:{fill},color:{text},stroke:{edge}"
    yield "  classDef lane fill:transparent,stroke:#afb8c1"
    yield f"  class {','.join(f'lane{n + 1}' for n in range(len({stage.owner for stage in sop.stages})))} lane"


def _stage(number: int, stage: Stage, live: Live) -> str:
    lines = [f"<b>{line}</b>" for line in _wrapped(f"{number} · {stage.title}")]
    state = live.stages.get(stage.id)
    look, sign = STATES.get(state, ("plain", "•")) if state else ("plain", "")
    if state:
        lines.append(f"{sign} {_escaped(state)}")
    if waits_for := live.waiting.get(stage.id):
        look = "waiting"
        lines += [f"◔ {line}" if index == 0 else line for index, line in enumerate(_wrapped(f"waits for {waits_for}"))]
    return f's{number}["{"<br/>".join(lines)}"]:::{look}'


def _gate(stage: str, gate: Gate, sop: Sop, live: Live) -> str:
    lines = [f"<b>{line}</b>" for line in _wrapped(gate.title)]
    for role, needed in gate.roles.items():
        lines.append(f"{_escaped(sop.roles[role].title)}{f' × {needed}' if needed > 1 else ''} signs")
    state = live.gates.get(gate.id)
    look, sign = STATES.get(state, ("gate", "•")) if state else ("gate", "")
    if state:
        lines.append(f"{sign} {_escaped(state)}")
    return f'{stage}g{{"{"<br/>".join(lines)}"}}:::{look}'


def _end(otherwise: str, sop: Sop, live: Live) -> str:
    if live.outcome is None:
        return f'(["{otherwise}"]):::final'
    meaning = sop.outcomes[live.outcome].meaning if live.outcome in sop.outcomes else ""
    return f'(["{"<br/>".join([f"<b>{_escaped(live.outcome)}</b>", *_wrapped(meaning)])}"]):::plain'


def _edges(sop: Sop, names: Mapping[str, str]) -> Iterator[str]:
    before = None
    for stage in sop.stages:
        name = names[stage.id]
        if before is not None:
            label = f'|"after the {_escaped(stage.wait.rpartition(".")[2])}"|' if stage.wait else ""
            yield f"{before} -->{label} {name}"
        if stage.gate:
            yield f"{name} --> {name}g"
        before = f"{name}g" if stage.gate else name
    yield f"{before} --> finish"


def _ways_out(sop: Sop, names: Mapping[str, str]) -> Iterator[str]:
    for stage in sop.stages:
        if any(result.must_pass for result in stage.results.values()):
            yield f"{names[stage.id]} -.-> out"
        if stage.gate:
            yield f'{names[stage.id]}g -.->|"rejected"| out'


def _wrapped(text: str) -> list[str]:
    return [_escaped(line) for line in textwrap.wrap(" ".join(text.split()), WIDTH, break_on_hyphens=False)]


def _escaped(text: str) -> str:
    """Letters, digits, spaces and `,` as they are; `-`, `_` and `.` inside words; all else by its code."""
    text = " ".join(text.split())
    return re.sub(r"(?<=\w)[-.](?=\w)|[^\W_]|[ ,]|(.)", lambda m: f"#{ord(m[1])};" if m[1] else m[0], text)


def _plain(text: str) -> str:
    """For the description that is read aloud, which knows no codes: words and spaces only."""
    return " ".join(re.sub(r"[^\w-]", " ", text).split())
