"""The terminal, narrow and wide: everything fits, nothing is lost, nothing acts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rich.console import Console, RenderableType

from sopkit.definitions import Sop
from sopkit.views import facts, terminal
from sopkit.views.terminal_layout import limit

HOSTILE = "[red]fine[/] \x1b[2J\x1b]0;title\x07 \r\x9b31m"


def shown(view: RenderableType, width: int) -> str:
    console = Console(width=width, color_system=None, force_terminal=True)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


def squeezed(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def views(run: dict[str, Any]) -> dict[str, RenderableType]:
    stage = run["stages"][0]
    return {
        "list": terminal.runs_table([run]),
        "run": terminal.run_view(run),
        "stage": terminal.stage_view(run, stage),
    }


@pytest.fixture
def run(told: Any, sop: Sop) -> dict[str, Any]:
    told.waiting_for_the_validator().signed(comment="I have read all of it, twice")
    return facts.run_facts(told.state, sop)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_whatever_the_width_everything_is_there(run: dict[str, Any], width: int) -> None:
    """No line is longer than the terminal, no word is broken, and the same facts are told."""
    for name, view in views(run).items():
        text = shown(view, width)
        assert max(map(len, text.splitlines())) <= width, name
        assert "…" not in text
        wanted = {
            "list": [run["run"], "◐ waiting", "simulated"],
            "run": [
                run["run"],
                "Gain in AUC",
                "0.04372",
                "≥ 0.003",
                "✓ pass",
                "◌ insufficient",
                "approve",
                "validator",
            ],
            "stage": ["Gain in AUC", "auc_gain", "≥ 0.003", "no labels <yet>", "comparison.json", "abababababab"],
        }[name]
        assert [word for word in wanted if word not in squeezed(text)] == [], name
    assert "I have read all of it, twice" in shown(terminal.run_view(run), width)


@pytest.mark.parametrize("width", [80, 120, 200])
def test_what_was_written_is_text(run: dict[str, Any], width: int) -> None:
    """Markup and control characters in titles, reasons, comments and names do nothing, and are seen."""
    run["model"] = run["why"] = run["reason"] = run["sign_offs"][0]["comment"] = HOSTILE
    stage = run["stages"][0]
    stage["title"] = stage["reason"] = stage["artifacts"][0]["title"] = HOSTILE
    for result in stage["results"].values():
        result["title"] = result["reason"] = HOSTILE
    for name, view in views(run).items():
        text = shown(view, width)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), name
        assert name == "list" or "[red]" in text


@pytest.mark.parametrize(
    ("threshold", "value", "unit", "expected"),
    [
        ({"op": "at_most", "value": 0.1}, -0.17, "of the rarer outcome's rate", "≤ 10 %"),
        ({"op": "at_least", "value": 1000}, 160592, "rows", "≥ 1,000"),
        ({"op": "at_least", "value": 0.003}, 0.0056, "", "≥ 0.003"),
        ({"op": "at_most", "value": 10}, None, "rows", "≤ 10 rows"),
        ({"op": "equals", "value": True}, True, "", "= yes"),
        (None, 3, "rows", ""),
    ],
)
def test_a_limit_does_not_say_the_unit_again(threshold: Any, value: Any, unit: str, expected: str) -> None:
    """Beside a value in words, its limit is the number alone."""
    assert limit({"threshold": threshold, "value": value, "unit": unit}).plain == expected
