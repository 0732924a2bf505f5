"""One word, one meaning: words that the product has a name of its own for, and texts that say nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sopkit.definitions.problems import Problem
from sopkit.definitions.yaml_file import Document

__all__ = ["empty", "never_said"]

SAY_INSTEAD = {
    "workflow": "SOP",
    "pipeline": "SOP",
    "step": "stage",
    "phase": "stage",
    "task": "stage",
    "job": "run",
    "experiment": "run",
    "retry": "attempt",
    "cutoff": "threshold",
    "baseline": "reference",
    "prod": "champion",
    "hash": "digest",
    "checksum": "digest",
    "journal": "log",
}
_WORDS = re.compile(rf"\b({'|'.join(SAY_INSTEAD)})s?\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\W*(todo|tbd|fixme|xxx|\.\.\.|…|n/?a)?\W*", re.IGNORECASE)


def never_said(document: Document, path: Sequence[str | int], text: str) -> Iterator[Problem]:
    """A warning for each word of `text` that means something else here, with the word to use."""
    for found in dict.fromkeys(match[1].lower() for match in _WORDS.finditer(text)):
        yield document.warning(path, f"the word '{found}'", expected=f"'{SAY_INSTEAD[found]}'")


def empty(text: str) -> bool:
    """True for a text that is blank or only stands for one to be written, such as `TODO`."""
    return _PLACEHOLDER.fullmatch(text) is not None
