"""Facts as terminal tables, as a page, as a model card: the same facts, nothing that can act."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console, RenderableType

from sopkit.definitions import ModelFile, Sop
from sopkit.views import facts, model_card, pages, terminal, wording


def text_of(view: RenderableType) -> str:
    console = Console(width=200, color_system=None)
    with console.capture() as captured:
        console.print(view)
    return captured.get()


class Tags(HTMLParser):
    """All tags and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (None, "", "–"),
        (0.043717, "", "0.04372"),
        (336776, "", "336,776"),
        (0.1234, "%", "12.3 %"),
        (1, "share of rows", "100 % of rows"),
        (1, "of the features' weight", "100 % of the features' weight"),
        (True, "", "yes"),
        ("NaN", "", "NaN"),
        ("x" * 500, "", "x" * 79 + "…"),
    ],
)
def test_values_are_short_and_readable(value: Any, unit: str, expected: str) -> None:
    """A value has four significant digits, separated thousands, percent where it is a share, and fits a cell."""
    assert wording.value(value, unit) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"), [(None, "–"), (0.04, "0.0 s"), (75.2, "1 min 15 s"), (7260, "2 h 1 min")]
)
def test_durations_are_in_words(seconds: float | None, expected: str) -> None:
    """A duration shows the two largest units that matter."""
    assert wording.seconds(seconds) == expected


def test_a_verdict_is_a_word_and_a_shape(told: Any, sop: Sop) -> None:
    """Verdicts can be told apart without colour, in the order worst first."""
    text = text_of(terminal.run_view(facts.run_facts(told.evaluated().state, sop)))
    assert "✓ pass" in text
    assert text.index("◌ insufficient") < text.index("✓ pass")


def test_a_waiting_run_names_the_command(told: Any, sop: Sop) -> None:
    """A run that waits for a sign-off shows the exact command that gives it, and the one that goes on."""
    run = facts.run_facts(told.waiting_for_the_validator().state, sop)
    assert terminal.next_commands(run) == [
        "sop sign 20130701T000000Z-flights-4f2a evaluate --approve",
        "sop resume 20130701T000000Z-flights-4f2a",
    ]
    assert "sop sign 20130701T000000Z-flights-4f2a evaluate --approve" in text_of(terminal.run_view(run))


def test_a_soaking_run_names_the_date(soaking: Any, sop: Sop) -> None:
    """A simulated run that waits for the clock shows the resume with the date from which it goes on."""
    run = facts.run_facts(soaking.state, sop)
    assert terminal.next_commands(run) == ["sop resume 20130701T000000Z-flights-4f2a --as-of 2013-07-08"]


def test_a_finished_run_asks_for_nothing(soaking: Any, sop: Sop) -> None:
    """A run that is done has no command to go on with."""
    soaking.add("run.finished", state="done", why="every stage is done")
    assert terminal.next_commands(facts.run_facts(soaking.state, sop)) == []


def test_markup_in_data_is_shown_as_text(told: Any, sop: Sop) -> None:
    """A comment with rich markup is printed as it was written."""
    told.waiting_for_the_validator().signed(comment="[bold red]all fine[/] [link=x]y[/link]")
    assert "[bold red]all fine[/]" in text_of(terminal.run_view(facts.run_facts(told.state, sop)))


def test_the_page_has_no_script_and_fetches_nothing(told: Any, sop: Sop) -> None:
    """The static page has no script, no event handler, no address, and shows markup of the data as text."""
    told.waiting_for_the_validator().signed(comment="<script>alert(1)</script><img src=x onerror=alert(1)>")
    page = pages.run_page(facts.run_facts(told.state, sop))
    tags = Tags(page).found
    assert {"script", "img", "iframe", "link", "object"} & {tag for tag, _ in tags} == set()
    assert [attributes for _, attributes in tags if any(name.startswith("on") for name in attributes)] == []
    assert "&lt;script&gt;alert(1)" in page
    assert "http:" not in page
    assert "https:" not in page


def test_the_page_links_the_records(told: Any, sop: Sop) -> None:
    """Links lead to the run notebooks and artifacts in the workspace, as seen from where the page lies."""
    page = pages.run_page(facts.run_facts(told.evaluated().state, sop), root="../..")
    links = [attributes["href"] for tag, attributes in Tags(page).found if tag == "a"]
    links = [link for link in links if not link.startswith("#")]
    folder = "../../runs/retraining/20130701T000000Z-flights-4f2a"
    assert links == [f"{folder}/05_evaluate.ipynb", f"{folder}/artifacts/evaluate/comparison.json"]


def test_what_is_simulated_or_demo_is_marked_everywhere(sop: Sop, model: ModelFile, told: Any) -> None:
    """Terminal, page and model card all say that a run is simulated and that demo reviewers signed."""
    from dataclasses import replace

    state = replace(told.waiting_for_the_validator().signed(demo=True).state, demo=True)
    run = facts.run_facts(state, sop)
    for text in (text_of(terminal.run_view(run)), pages.run_page(run), model_card.model_card(run, model)):
        assert "simulated" in text
        assert "demo" in text


def test_the_card_stands_on_definitions_and_records(soaking: Any, sop: Sop, model: ModelFile) -> None:
    """The model card names target, features, what was left out and why, findings, approvals, and what is not known."""
    card = model_card.model_card(facts.run_facts(soaking.state, sop), model)
    for expected in (
        "Late arrivals &lt;b&gt;NYC&lt;/b&gt;",
        "`arr_delay >= 15`",
        "* carrier (categorical)",
        "known only after departure",
        "| evaluate | Gain in AUC | 0.04372 | ≥ 0.003 | ✓ pass |  |",
        "grace, as validator, approved evaluate",
        "no labels &lt;yet&gt;",
        "names no protected attributes",
    ):
        assert expected in card


def test_the_summary_is_in_plain_language(soaking: Any, sop: Sop, model: ModelFile) -> None:
    """The summary starts with what the outcome means and ends with what it waits for; it has no jargon of ours."""
    text = model_card.summary(facts.run_facts(soaking.state, sop), model)
    assert text.splitlines()[2] == "**The challenger replaced the champion.**"
    assert "It goes on from 2013-07-08 on." in text
    for word in ("attempt", "digest", "sealed", "AUC", "gate"):
        assert word not in text


def test_a_verification_tells_problems_first() -> None:
    """A failed verification shows each problem with run, path and detail before it says what was covered."""
    told = {
        "ok": False, "runs": 2, "files": 41, "sign_offs": 3, "demo": 3,
        "problems": [{"run": "r", "path": "05_evaluate.ipynb", "kind": "altered", "detail": "cell 3 differs"}],
        "notices": [{"run": "r", "path": "", "kind": "demo", "detail": "3 demo sign-offs"}],
    }  # fmt: skip
    text = text_of(terminal.verification_view(told))
    assert text.splitlines()[:2] == ["problem altered  r 05_evaluate.ipynb", "  cell 3 differs"]
    assert text.splitlines()[-1] == "✗ does not verify: 1 problem in 2 runs, 41 files, 3 sign-offs (3 of them demo)"
