"""Widgets as this desk uses them: labelled, in one width, and text from data never taken for markup.

ipywidgets (8.1.9) shows descriptions as HTML unless told otherwise; these never do.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
from markupsafe import Markup

from sopkit.views.fragments import fragment

__all__ = ["area", "button", "choice", "html", "labelled", "no_run", "note", "show"]

WIDE = {"description_width": "9.5em"}


def html(markup: Markup | str = "") -> ipywidgets.HTML:
    """A place for rendered facts."""
    found = ipywidgets.HTML(layout=ipywidgets.Layout(width="100%", margin="0"))
    show(found, markup)
    return found


def show(place: ipywidgets.HTML, markup: Markup | str) -> None:
    """Put rendered facts in their place; a text that is no markup is escaped. Equal content is not sent again."""
    inside = f'<div class="sop">{Markup.escape(markup)}</div>' if markup else ""
    if place.value != inside:
        place.value = inside


def note(text: str, kind: str = "") -> Markup:
    """A sentence in a box: `kind` is empty, `pass`, `insufficient` or `fail`."""
    return fragment("note", text=text, kind=kind)


def button(label: str, does: Callable[[], Any], *, primary: bool = False, tooltip: str = "") -> ipywidgets.Button:
    """A button whose handler is `does` and nothing else."""
    made = ipywidgets.Button(
        description=label,
        tooltip=tooltip,
        button_style="primary" if primary else "",
        layout=ipywidgets.Layout(width="auto", min_width="6em"),
    )
    made.on_click(lambda _: does())
    return made


def labelled(kind: type[ipywidgets.DOMWidget], label: str, value: Any = None, **options: Any) -> Any:
    """A field with its label, which a screen reader speaks; labels form a column, but for `short` ones."""
    given = {} if value is None else {"value": value}
    layout = ipywidgets.Layout(width=options.pop("width", "min(100%, 36em)"))
    style = {"description_width": "initial"} if options.pop("short", False) else WIDE
    return kind(description=label, description_allow_html=False, style=style, layout=layout, **given, **options)


def choice(label: str, options: Sequence[Any] = (), **more: Any) -> ipywidgets.Dropdown:
    """A list to choose one from."""
    return labelled(ipywidgets.Dropdown, label, options=list(options), **more)


def area(label: str, **more: Any) -> ipywidgets.Textarea:
    """A field for more than a line."""
    return labelled(ipywidgets.Textarea, label, rows=3, **more)


def no_run() -> Markup:
    """What a panel shows where no run is looked at."""
    return note("There is no run yet. Start one in the panel Stepping, or with:  sop run SOP --model NAME")
