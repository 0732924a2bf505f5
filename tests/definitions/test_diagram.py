from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopkit.definitions.diagram import LOOKS, Live, mermaid
from sopkit.definitions.files import load_sop, parse_sop
from sopkit.definitions.sop import Sop

SMALL = b"""\
sop: small
version: 1.0.0
title: Small
owner: maker
purpose: To be drawn.
roles: {maker: {title: Maker}, judge: {title: Judge}}
outcomes: {moved: {meaning: It moved., moves: true}, kept: {meaning: It stayed., ends: true}}
stages:
  - {id: make, title: Make it, purpose: P, owner: maker, notebook: a.ipynb, on_failure: F,
     results: {good: {title: Good, must_pass: true}},
     gate: {id: fine, title: Is it fine, meaning: M, roles: {judge: 2, maker: 1}}}
  - {id: use, title: Use it, purpose: Q, owner: judge, notebook: b.ipynb, on_failure: F, wait: promotion.soak}
"""


@pytest.fixture
def small() -> Sop:
    return parse_sop(SMALL, "small.yaml")


def drawing(text: str) -> list[str]:
    """The lines that draw, without looks."""
    return [line.strip() for line in text.splitlines() if not re.match(r"\s*(classDef|class|linkStyle) ", line)]


def test_a_sop_is_lanes_of_stages_with_gates_between(small):
    """One lane a role, a diamond with the roles that sign, a quiet way out, and what is waited for."""
    assert drawing(mermaid(small)) == [
        "flowchart TB",
        "accTitle: Small",
        'subgraph lane1["Maker"]',
        's1["<b>1 #183; Make it</b>"]:::plain',
        "end",
        'subgraph lane2["Judge"]',
        's2["<b>2 #183; Use it</b>"]:::plain',
        "end",
        's1g{"<b>Is it fine</b><br/>Judge × 2 signs<br/>Maker signs"}:::gate',
        'finish(["done"]):::final',
        'out(["ends here: nothing is changed"]):::final',
        "s1 --> s1g",
        's1g -->|"after the soak"| s2',
        "s2 --> finish",
        "s1 -.-> out",
        's1g -.->|"rejected"| out',
    ]


def test_a_state_is_a_word_and_a_sign_besides_its_colour(small):
    """Whoever cannot tell the colours apart reads the state."""
    live = Live(
        run="20130701T000000Z-x-4f2a", stages={"make": "sealed"}, gates={"fine": "closed"}, waiting={"use": "the clock"}
    )
    lines = drawing(mermaid(small, live))
    assert 's1["<b>1 #183; Make it</b><br/>✓ sealed"]:::done' in lines
    assert 's1g{"<b>Is it fine</b><br/>Judge × 2 signs<br/>Maker signs<br/>◔ closed"}:::waiting' in lines
    assert 's2["<b>2 #183; Use it</b><br/>◔ waits for the clock"]:::waiting' in lines
    assert lines[1] == "accTitle: Small 20130701T000000Z-x-4f2a"


@pytest.mark.parametrize(("outcome", "node"), [("moved", "finish"), ("kept", "out")])
def test_an_outcome_stands_where_the_run_came_to(small, outcome, node):
    """An outcome that ends the run early is drawn at the way out, one that goes through at the end."""
    assert f'{node}(["<b>{outcome}</b>' in mermaid(small, Live(outcome=outcome))


def test_only_ways_out_are_quiet(small):
    """The numbers of the thin links are those of the dotted ones."""
    lines = mermaid(small).splitlines()
    links = [line for line in lines if re.search(r" (-->|-\.->)", line)]
    quiet = next(line for line in lines if "linkStyle" in line).split()[1]
    assert [links[int(number)].strip() for number in quiet.split(",")] == ["s1 -.-> out", 's1g -.->|"rejected"| out']


def test_every_look_that_is_used_is_defined(project):
    """No class is named that is not described in the drawing."""
    sop = load_sop(project / "templates/sops/retraining.yaml")
    live = Live(
        stages={"trigger": "sealed", "collect": "running", "prepare": "failed", "retrain": "odd"}, outcome="blocked"
    )
    text = mermaid(sop, live)
    assert set(re.findall(r":::(\w+)", text)) <= set(LOOKS)
    assert all(f"classDef {name} " in text for name in LOOKS)


@given(st.text(min_size=1, max_size=80))
def test_no_title_can_be_syntax(title):
    """Whatever a title holds, the drawing has the same lines and the label holds letters, digits and codes only."""
    small = parse_sop(SMALL, "small.yaml")
    stage = small.stages[0].model_copy(update={"title": title})
    drawn = mermaid(small.model_copy(update={"stages": [stage, small.stages[1]], "title": title}))
    shape = [re.sub(r'"[^"]*"', '""', line) for line in drawn.split("\n") if "accTitle" not in line]
    assert shape == [re.sub(r'"[^"]*"', '""', line) for line in mermaid(small).split("\n") if "accTitle" not in line]
    label = next(line for line in drawn.split("\n") if line.strip().startswith("s1[")).split('"')[1]
    assert re.fullmatch(r"(</?b>|<br/>|#\d+;|[\w ,]|(?<=\w)[-.](?=\w))*", label)
