"""Facts into text and HTML: the desk, the command line, static pages and model cards show the same.

    facts       a run, a list of runs, a verification as plain JSON values: what `--json` prints
    wording     numbers, times and verdicts as people read them
    terminal    facts as rich tables
    waivers     what people have accepted in writing, for the terminal
    pages       facts as one static HTML page without scripts (the only door to jinja)
    diagrams    where a run stands, for the diagram of its SOP
    model_card  a model card and a plain-language summary, in markdown, from the run's own records

Everything here is a pure function of what it is given; nothing is read from the log or from disk.
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = ["diagrams", "facts", "model_card", "pages", "terminal", "waivers", "wording"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return importlib.import_module(f"sopkit.views.{name}")
    raise AttributeError(f"module 'sopkit.views' has no attribute {name!r}")
