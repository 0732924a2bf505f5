"""Record cells: how a logged sign-off is shown at the end of its run notebook.

The log entry is the sign-off; the cell is its copy, and carries the envelope for tools that see only
the notebook. Names and comments are written by people, some of them hostile: every character of
theirs that could mean anything to Markdown, HTML or MathJax is written so that it does not, and
what cannot be seen is spelled out, so that no text can leave its place in the table.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sopkit.definitions.results import plain

__all__ = ["RECORD_TAG", "LoggedEnvelope", "is_rendering", "record_cell"]

RECORD_TAG = "sopkit-record"

_TITLES = {
    "approve": "Approved",
    "reject": "Rejected",
    "return": "Returned for a new attempt",
    "withdraw": "Sign-off withdrawn",
}
_HARMLESS = " ,-/()+=%?"  # inside a table cell, where no line begins
_DEMO = "**DEMO**: signed with a throw-away key by a demo reviewer who exists in this run only."


@dataclass(frozen=True)
class LoggedEnvelope:
    """An envelope with what its log entry says: position, wall time, fingerprint of the key, demo or not."""

    seq: int
    at: datetime
    key: str
    demo: bool
    envelope: Mapping[str, Any]


def record_cell(record: LoggedEnvelope) -> dict[str, Any]:
    """The markdown cell of a logged envelope. The same record always gives the same cell."""
    return {
        "cell_type": "markdown",
        "id": f"{RECORD_TAG}-{record.seq}",
        "metadata": {
            "sopkit": plain({"seq": record.seq, "demo": record.demo, "envelope": record.envelope}),
            "tags": [RECORD_TAG],
        },
        "source": _source(record),
    }


def is_rendering(cell: Mapping[str, Any], record: LoggedEnvelope) -> bool:
    """Whether `cell` is the cell of `record`, by its text and by the metadata that we set."""
    expected = record_cell(record)
    source = cell.get("source", "")
    return (
        (source if isinstance(source, str) else "".join(source)) == expected["source"]
        and all(cell.get(name) == expected[name] for name in ("cell_type", "id"))
        and all(cell.get("metadata", {}).get(name) == value for name, value in expected["metadata"].items())
        and not cell.get("attachments")
    )


def _source(record: LoggedEnvelope) -> str:
    statement = json.loads(base64.b64decode(record.envelope["payload"]))
    told = statement["predicate"]
    subjects = [(item["name"], item["digest"]) for item in statement["subject"]]
    digests = [f"{name}: {kind} {value}" for name, digest in subjects for kind, value in digest.items()]
    sop = told["sop"]
    rows = {
        "who": told["name"],
        "role": told["role"],
        "decision": told["decision"],
        "meaning": told["meaning"],
        "comment": told["comment"] or "none",
        **_checklist(told.get("checklist") or {}),
        **({"opened before": ", ".join(told["opened"])} if told.get("opened") else {}),
        "conditions": "\n".join(_conditions(told["conditions"], record.seq)) or "none",
        "signed": f"{told['run']}, stage {told['stage']}, attempt {told['attempt']}, gate {told['gate']}",
        "procedure": f"{sop['name']} {sop['version']}, sha256 {sop['digest']}",
        "subjects": "\n".join(digests),
        "when": f"{told['at']}, log entry {record.seq}",
        "key": record.key,
    }
    if told.get("withdraws") is not None:
        rows["withdraws"] = f"log entry {told['withdraws']}"
    title = f"### {'DEMO: ' if record.demo else ''}{_TITLES[told['decision']]}"
    table = [f"| {name} | {_text(value)} |" for name, value in rows.items()]
    return "\n".join([title, "", *([_DEMO, ""] if record.demo else []), "| sign-off | |", "|---|---|", *table])


def _checklist(answers: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
    """One row; none in a sign-off that was made without a checklist, so that its cell stays what it was."""
    lines = []
    for said in answers.values():
        by = f" (by {said['answered_by']})" if "answered_by" in said else ""
        lines.append(f"{said['answer']}: {said['question']}{by}")
    return {"checklist": "\n".join(lines)} if lines else {}


def _conditions(stated: Sequence[Any], seq: int) -> Iterator[str]:
    """One line each; those of older releases are texts alone, and are shown as ever."""
    for number, each in enumerate(stated, 1):
        if isinstance(each, str):
            yield each
        else:
            what = f"{each['severity']} severity, owner {each['owner']}, due {each['due']}"
            yield f"{seq}.{number}: {each['text']} ({what})"


def _text(value: object) -> str:
    return "<br>".join("".join(map(_character, line)) for line in str(value).splitlines())


def _character(character: str) -> str:
    if not character.isprintable():
        return f"&#91;U&#43;{ord(character):04X}&#93;"
    if character in "$\\":
        # MathJax reads the finished page, where an entity is a plain $ again; it never joins text across elements
        return f"<span>&#{ord(character)};</span>"
    if character.isalnum() or character in _HARMLESS or ord(character) > 127:
        return character
    return f"&#{ord(character)};"
