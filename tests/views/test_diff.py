"""What changed between two runs, as tables for the terminal and the page: the same facts, and nothing that acts."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sopkit.archive.contents import Contents
from sopkit.archive.diffs import run_diff
from sopkit.archive.runs import run_state
from sopkit.views.diff.facts import diff_facts
from sopkit.views.diff.terminal import diff_view, harmless
from sopkit.views.fragments import fragment

sys.path.insert(0, str(Path(__file__).parent.parent / "archive"))
from simulator import Simulator

HOSTILE = (
    "</script><script>alert(1)</script><img src=x onerror=alert(2)>[a](javascript:alert(3))\x1b[2J\x1b]0;owned\x07"
)


@pytest.fixture
def world(tmp_path: Path) -> Simulator:
    return Simulator(tmp_path / "workspace")


def facts(world: Simulator, left: str, right: str, **more: Any) -> dict[str, Any]:
    sides = [Contents(world.workspace, run_state(world.entries, run)) for run in (left, right)]
    return diff_facts(run_diff(*sides, **more))


def printed(told: dict[str, Any], width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    console.print(diff_view(told))
    return console.file.getvalue()


def two_runs(world: Simulator, words: str = "plain words") -> list[str]:
    """Two runs that differ in everything that people and data can write into, with these words in it."""
    runs = [world.start(), world.start()]
    for number, (run, verdict) in enumerate(zip(runs, ("pass", "fail"), strict=True)):
        text = f"{words} {'ab'[number]}"
        files = {
            "decision.json": {"reasons": [{"topic": words, "verdict": verdict, "weight": "rule", "finding": text}]},
            "findings.json": {"findings": [{"id": text, "sentence": text, "severity": "warn"}]},
            "importance.json": {"table": [{"feature": words, "importance": 0.123456789012345 + number}]},
            "origin.json": {"source": text, "dtypes": {text: text}, "rows": 100 + number},
        }
        results = {
            "told": {"name": "told", "title": words, "value": text, "unit": words, "verdict": verdict, "reason": text},
            "share": {"name": "share", "title": "Share", "value": 0.1234567890123 + number / 10, "unit": "share"},
        }
        attached = {name: json.dumps(value).encode() for name, value in files.items()}
        world.seal(run, "evaluate", artifacts=attached, results=results)
        world.sign(run, "evaluate", "rita", "return", comment=text)
    return runs


def test_the_terminal_says_what_changed(world):
    """Headline, flips with a word and a shape, before and after, who signed, and the way to all of it."""
    runs = two_runs(world)
    told = printed(facts(world, *runs))
    assert re.search(r"\d+ differences, 2 verdicts flipped", told)
    assert "⚑ ✓ pass → ✗ fail: plain words (evaluate)" in told
    assert "rita: return; “plain words b”" in told
    assert "12.3 %" in told
    assert f"sop diff {runs[0]} {runs[1]} --full" in told
    assert all(len(line) <= 80 for line in printed(facts(world, *runs), 80).splitlines() if "sop diff" not in line)


def test_two_runs_of_the_same_are_one_line(world):
    """Nothing is reported about two runs that are the same, in the terminal and on the page."""
    runs = [world.start(), world.start()]
    for run in runs:
        world.seal(run, "evaluate", artifacts={"report.html": run.encode()})
    told = facts(world, *runs)
    assert printed(told).splitlines()[0] == "✓ no difference that matters"
    assert told["sections"] == []
    page = fragment("diff", diff=told)
    assert "No difference that matters" in page
    assert "<table" not in page


def test_the_page_shows_the_same_facts(world):
    """Every cell of every table of the terminal stands on the page too, and no number has seventeen digits."""
    told = facts(world, *two_runs(world))
    page = fragment("diff", diff=told)
    for section in told["sections"]:
        assert section["title"] in page
        for cell in (cell for row in (*section["rows"], *section["more"]) for cell in row):
            assert all(str(word) in page for word in cell["text"].split(" → "))
    assert re.search(r"\d\.\d{7,}", page) is None
    assert re.search(r"\d\.\d{7,}", printed(told)) is None


def test_hostile_words_show_as_text(world):
    """Markup and control sequences in titles, reasons, columns, features, findings and comments act nowhere."""
    told = facts(world, *two_runs(world, HOSTILE))
    page = fragment("diff", diff=told)
    assert page.count("alert(1)") > 5
    assert "<script" not in page
    assert "<img" not in page
    assert "href" not in page
    text = printed(told)
    assert "alert(1)" in text
    assert "\x1b" not in text
    assert "\x07" not in text


def test_hostile_code_shows_as_text(world):
    """Lines of a module that differ are text, on the page and in the terminal."""
    told = facts(world, *two_runs(world))
    line = {"text": f"+{HOSTILE}", "kind": "new"}
    block = {"title": HOSTILE, "lines": [line]}
    told["sections"].append({"id": "code", "title": "Code", "columns": [], "rows": [], "more": [], "code": [block]})
    page = fragment("diff", diff=told)
    assert "<ins>+&lt;/script&gt;" in page
    assert "<script" not in page
    assert "\x1b" not in printed(told)


def test_only_colours_pass_to_a_terminal():
    """What nbdime prints keeps its colours on request; whatever else would act is shown as a sign."""
    assert harmless("\x1b[31m- old\x1b[0m\x1b[2J\x1b]0;t\x07", colour=True) == "\x1b[31m- old\x1b[0m�[2J�]0;t�"
    assert harmless("\x1b[31mred\ttab\nline") == "�[31mred\ttab\nline"


def test_a_stage_and_its_attempts_are_named_in_the_way_to_all_of_it(world):
    """The command that hands over to nbdime asks for the stage and attempts that are looked at."""
    run = world.whole_run()
    state = run_state(world.entries, run)
    sides = [Contents(world.workspace, state, {"evaluate": number}) for number in (1, 2)]
    told = diff_facts(run_diff(*sides, stage="evaluate"))
    assert told["full"] == f"sop diff {run} {run} evaluate --attempts 1 2 --full"
    assert told["left"]["facts"].endswith("evaluate, attempt 1")
