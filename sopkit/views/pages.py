"""Static HTML pages: what the desk shows, readable with no kernel and no network.

The rules: no scripts, nothing fetched, everything escaped; links lead to the files of the workspace and nowhere else.
A page is a report, not a record: it is rendered from the log and the store, and may be rendered anew at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from sopkit.views.fragments import fragment, render, style
from sopkit.views.links import file_link

__all__ = ["Section", "page", "run_page"]


@dataclass(frozen=True)
class Section:
    """A part of a page: `id` for links, `title` above it, `body` rendered."""

    id: str
    title: str
    body: Markup


def page(title: str, sections: Sequence[Section], *, head: Markup | str = "", foot: Markup | str = "") -> str:
    """A whole page of sections that are rendered already."""
    return render("page.html", title=title, style=Markup(style()), head=head, sections=sections, foot=foot)


def run_page(
    run: Mapping[str, Any], *, root: str = ".", sections: Sequence[Section] = (), entries: int | None = None
) -> str:
    """The page of a run from its facts (`facts.run_facts`); `root` is the way from the page to the workspace.

    `sections` come between the stages and the sign-offs: what was found about the data, the drift, the comparison.
    `entries` is how many log entries it was rendered from.
    """
    log = "the log" if entries is None else f"the first {entries:,} entries of the log"
    foot = Markup(
        "A report, not a record: it is rendered from {}. <code>sop verify {}</code> checks the records."
    ).format(log, run["run"])
    parts = [
        Section("stages", "Stages and results", fragment("run", run=run, link=file_link(root))),
        *sections,
        Section("sign-offs", "Sign-offs", fragment("sign_offs", run=run)),
    ]
    head = fragment("run_head", run=run)
    return page(f"{run['title']} of {run['model']}", parts, head=head, foot=foot)
