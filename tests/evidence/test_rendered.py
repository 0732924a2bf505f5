"""What evidence shows in a notebook is text: names and values of the data never become markup."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from sopkit import evidence

MODULES = sorted(Path(evidence.__file__).parent.glob("*.py"))
SHOWN = [
    (path.stem, node)
    for path in MODULES
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    if isinstance(node, ast.FunctionDef) and node.name == "_repr_markdown_"
]


@pytest.mark.parametrize("method", [node for _, node in SHOWN], ids=[name for name, _ in SHOWN])
def test_every_sentence_in_markdown_is_escaped(method: ast.FunctionDef) -> None:
    """No finding reaches a notebook as markdown of its own: each value in it goes through `escape_markdown`."""
    called = {
        node.func.id for node in ast.walk(method) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    named = {node.id for node in ast.walk(method) if isinstance(node, ast.Name)}
    assert "escape_markdown" in called | named
