"""Text from data in markdown: whatever it holds, it is shown, and nothing of it acts."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopkit.definitions.rendering import escape_markdown


@given(st.text(max_size=80))
def test_no_text_is_markdown_html_or_mathematics(text: str) -> None:
    """No dollar and no backslash stands by itself, for MathJax reads the finished page; no tag is the text's."""
    shown = escape_markdown(text)
    bare = re.sub(r"<span>&#(?:36|92);</span>", "", shown)
    assert not re.search(r"[<>$]", bare)
    assert not re.search(r"(?<!\\)[`*_{}\[\]()#+!|~]", bare)
    assert "\n" not in shown


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("worse by 2 %", "worse by 2 %"),
        ("<b>", "&lt;b&gt;"),
        ("[x](javascript:y)", r"\[x\]\(javascript:y\)"),
        ("$a$", "<span>&#36;</span>a<span>&#36;</span>"),
        (r"\(a\)", r"<span>&#92;</span>\(a<span>&#92;</span>\)"),
    ],
)
def test_what_is_shown_is_what_was_written(text: str, expected: str) -> None:
    """Signs that mean something are written so that they mean themselves."""
    assert escape_markdown(text) == expected
