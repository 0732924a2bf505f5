"""Facts as HTML: one fragment for each thing that people look at (jinja's only door).

The rules:
* the desk shows a fragment in a panel, a static page puts the same one on paper: both show the same;
* no scripts, nothing fetched; what can be chosen is a `<details>`, which works by keyboard and without a kernel;
* everything is escaped; only what `pictures` has drawn, and what another fragment rendered, is markup.
"""

from __future__ import annotations

from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sopkit.views import pictures, wording
from sopkit.views.comparison import pictures as comparison_pictures
from sopkit.views.drift import pictures as drift_pictures
from sopkit.views.training import pictures as training_pictures

__all__ = ["fragment", "render", "style"]


def fragment(name: str, /, **facts: Any) -> Markup:
    """`templates/sections/<name>.html` with these facts."""
    return Markup(render(f"sections/{name}.html", **facts))


def render(template: str, /, **facts: Any) -> str:
    """A template with these facts. A name that the facts lack raises: nothing is left out in silence."""
    return _environment().get_template(template).render(**facts)


@cache
def style() -> str:
    """The one style sheet."""
    return resources.files("sopkit.views").joinpath("templates", "style.css").read_text(encoding="utf-8")


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
        "condition": wording.condition,
        "count": wording.count,
        "moment": wording.moment,
        "seconds": wording.seconds,
        "state": wording.state,
        "threshold": wording.threshold,
        "value": wording.value,
        "verdict": wording.verdict,
    }
    environment.globals |= {
        "pictures": pictures,
        "comparison_pictures": comparison_pictures,
        "drift_pictures": drift_pictures,
        "training_pictures": training_pictures,
    }
    return environment
