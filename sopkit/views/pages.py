"""One static HTML page for a run: stages, results, verdicts, sign-offs, digests (jinja's only door).

The rules: no scripts, nothing fetched, everything escaped; links lead to the files of the workspace and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from sopkit.views import wording

__all__ = ["run_page"]


def run_page(run: Mapping[str, Any], *, root: str = ".") -> str:
    """The page of a run from its facts (`facts.run_facts`); `root` is the way from the page to the workspace."""
    return _environment().get_template("run.html").render(run=run, root=root)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sopkit.views"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "answer": wording.answer,
        "answered_by": wording.answered_by,
        "moment": wording.moment,
        "seconds": wording.seconds,
        "threshold": wording.threshold,
        "value": wording.value,
        "verdict": wording.verdict,
    }
    return environment
