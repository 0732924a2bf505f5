"""Tables for people: whole sentences, few digits, and text that stays text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from sopkit.evidence import readable


def test_a_readable_table_cuts_nothing_off_and_rounds_for_people() -> None:
    """Sentences are whole, numbers have four digits, shares are percent, verdicts have word and shape."""
    sentence = "a sentence that is longer than what a data frame shows of it, by far"
    table = pd.DataFrame({"told": [sentence], "share": [0.0411111], "value": [1 / 3], "rows": [1], "verdict": ["fail"]})
    *_, row = readable(table)._repr_markdown_().splitlines()
    assert row == f"| {sentence} | 4.11 % | 0.3333 | 1 | ✗ fail |"


def test_text_from_data_can_do_nothing_in_a_readable_table() -> None:
    """Markup, formulas, line breaks and the table's own signs show as text."""
    table = pd.DataFrame({"<b>": ["<script>alert(1)</script>|\n$x$ [link](http://x)"]})
    shown = readable(table)._repr_markdown_()
    assert "<" not in shown.replace("<span>&#36;</span>", "")
    assert len(shown.splitlines()) == 3
    assert r"\|" in shown
    assert r"<span>&#36;</span>x<span>&#36;</span> \[link\]" in shown


def test_a_readable_table_leaves_out_what_says_nothing() -> None:
    """A column without a value and an index without a name go; a named index is the first column."""
    table = pd.DataFrame({"a": [1.5, np.nan], "empty": ["", None]}, index=pd.Index(["x", "y"], name="who"))
    assert readable(table)._repr_markdown_().splitlines() == [
        "| who | a |",
        "| :--- | ---: |",
        "| x | 1.5 |",
        "| y |  |",
    ]
    assert readable(table.iloc[:0])._repr_markdown_() == "*There is nothing to list.*"
