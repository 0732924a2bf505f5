"""What a person looks at before signing: is it what is kept?

The rules:
* what is kept is whole: the bytes of everything that is signed are read from the store and have their digest;
* the files of the run folder, which are what people open, are copies of that; a notebook may lack the newest record
  cells, because a sign-off is in the log first, and in the file a moment later.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from pathlib import Path

from sopkit.archive.entries import Entry
from sopkit.archive.folders import Kept, expected_files
from sopkit.archive.notebooks import content_digest, parse_notebook
from sopkit.archive.records import Case
from sopkit.archive.workspace import Workspace
from sopkit.errors import RecordError

__all__ = ["not_what_was_sealed", "require_what_was_seen"]


def require_what_was_seen(
    workspace: Workspace, entries: Sequence[Entry], case: Case, left_out: Container[str] = ()
) -> None:
    """What is kept is whole, and the files that people look at are copies of it. Raises RecordError, NotFound.

    `left_out` are digests of data and models that a pack was made without: signed as they were logged.
    """
    for digest in case.subject.artifacts.values():
        if digest not in left_out:
            workspace.store.check(digest)
    run = case.subject.run
    while (other := not_what_was_sealed(workspace, entries, case)) is not None:
        # A sign-off is in the log first, and in the file a moment later: a file may show the log as it was before one.
        before = [place for place, entry in enumerate(entries) if entry.kind == "sign_off" and entry.run == run]
        if any(not_what_was_sealed(workspace, entries[:place], case) is None for place in reversed(before)):
            return
        newer = workspace.log.entries()
        if len(newer) == len(entries):
            raise RecordError(
                "what lies in the run folder is not what was sealed, so it cannot be signed",
                where=other,
                remedy=f"sop verify {run} shows it; sop resume {run} puts the sealed one back",
            )
        entries = newer  # somebody has signed since, and the file shows that already


def not_what_was_sealed(workspace: Workspace, entries: Sequence[Entry], case: Case) -> str | None:
    """The first file of the stage that is not a copy of what is kept as of these entries."""
    subject = case.subject
    folder = f"{workspace.runs.name}/{case.state.sop}/{subject.run}"
    for name, kept in expected_files(workspace, entries, subject.run).items():
        seen = name.removeprefix(f"{folder}/")
        path = workspace.root / name
        if seen == subject.file:
            same = _shows_what_was_sealed(workspace, path, kept)
        elif seen.startswith(f"artifacts/{subject.stage}/"):
            same = not path.exists() or kept.matches(path, workspace.store)
        else:
            continue
        if not same:
            return name
    return None


def _shows_what_was_sealed(workspace: Workspace, path: Path, kept: Kept) -> bool:
    if content_digest(parse_notebook(workspace.store.get(kept.digest), path.name)) != kept.content:
        return False
    if not path.exists() or kept.matches(path, workspace.store):
        return True
    return kept.why_altered(path, workspace.store) is None
