"""Links to files of the workspace: from a static page, and from the desk in JupyterLab."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

from markupsafe import Markup

__all__ = ["Link", "file_link", "lab_link"]

Link = Callable[[str, str], Markup]  # path below the workspace, text


def file_link(root: str) -> Link:
    """Links of a page; `root` is the way from the page to the workspace."""

    def link(path: str, text: str) -> Markup:
        return Markup('<a href="{}/{}">{}</a>').format(root, quote(path), text)

    return link


def lab_link(path: str, text: str) -> Markup:
    """A link that JupyterLab opens beside the desk; elsewhere it leads to its own page.

    JupyterLab (4.6) takes `data-commandlinker-…` as a command of its own, wherever the element stands.
    """
    form = Markup(
        '<a href="/lab/tree/{}" target="_blank" rel="noopener" '
        'data-commandlinker-command="docmanager:open" data-commandlinker-args="{}">{}</a>'
    )
    return form.format(quote(path), json.dumps({"path": path}), text)
