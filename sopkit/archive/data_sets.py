"""Data sets that a person has accepted for a model, beside the source that its model file names.

The rules:
* `data.accepted` names the bytes by their digest, the person, what was examined and what it said; the bytes and that
  report are in the store before the entry is written, and stay there: runs have used them;
* one data set is accepted once for a model; `data.withdrawn` takes it back, and it may be accepted again;
* a run reads what stood when it was started, by the position of its first entry in the log: a resumed attempt sees the
  same, whatever was accepted or withdrawn since;
* the name is a label for people. It comes from whoever sent the file, and no path is ever made of it;
* accepting does not open a log: whether a workspace is live is decided by its first run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sopkit.archive.canonical import sha256_hex
from sopkit.archive.entries import Entry, instant
from sopkit.archive.workspace import Workspace
from sopkit.errors import NotFound, WrongUse

__all__ = ["ACCEPTED", "WITHDRAWN", "DataSet", "accept", "data_sets", "find", "standing", "withdraw"]

ACCEPTED, WITHDRAWN = "data.accepted", "data.withdrawn"


@dataclass(frozen=True)
class DataSet:
    """An accepted data set by its log entry. `digest` is of the bytes as they came, `report` of what was found in them.

    `first` and `last` are the times of its rows; `findings` counts them by severity, `drift` is the verdict in short.
    """

    model: str
    digest: str
    name: str
    media_type: str
    size: int
    rows: int
    first: str | None
    last: str | None
    by: str | None
    seq: int
    at: datetime
    as_of: datetime | None
    report: str | None = None
    findings: Mapping[str, Any] = field(default_factory=dict)
    drift: Mapping[str, Any] = field(default_factory=dict)
    withdrawn: Mapping[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON, for --json and views."""
        names = ("model", "digest", "name", "media_type", "size", "rows", "first", "last", "by", "seq", "report")
        told = {name: getattr(self, name) for name in names}
        told |= {"at": instant(self.at), "as_of": self.as_of and instant(self.as_of), "withdrawn": self.withdrawn}
        return {**told, "findings": dict(self.findings), "drift": dict(self.drift)}


def data_sets(entries: Iterable[Entry], model: str | None = None) -> list[DataSet]:
    """Every data set that was accepted, for one model or all, in the order of the log; also those withdrawn since."""
    found: list[DataSet] = []
    for entry in entries:
        if entry.kind == ACCEPTED and model in (None, entry.body.get("model")):
            found.append(_read(entry))
        elif entry.kind == WITHDRAWN:
            about = (entry.body.get("model"), entry.body.get("digest"))
            word = {"seq": entry.seq, "at": instant(entry.at), "by": entry.by, "reason": entry.body.get("reason")}
            found = [
                replace(each, withdrawn=word) if (each.model, each.digest) == about and not each.withdrawn else each
                for each in found
            ]
    return found


def standing(entries: Sequence[Entry], model: str, *, before: int | None = None) -> list[DataSet]:
    """What is read beside the source of a model: accepted and not withdrawn, just before entry `before` or now."""
    heard = entries if before is None else entries[: before - 1]
    return [each for each in data_sets(heard, model) if each.withdrawn is None]


def find(entries: Sequence[Entry], model: str, text: str) -> DataSet:
    """The standing data set of that digest, or of the only digest that begins so. Raises NotFound."""
    known = standing(entries, model)
    found = [each for each in known if text and each.digest.startswith(text)]
    if len(found) != 1:
        listed = ", ".join(f"{each.digest[:12]} ({each.name})" for each in known) or "none"
        raise NotFound(f"no one accepted data set of model '{model}' begins so", expected=listed, got=text)
    return found[0]


def accept(
    workspace: Workspace,
    data: bytes,
    report: Mapping[str, Any],
    *,
    model: str,
    by: str | None,
    at: datetime,
    as_of: datetime,
    **facts: Any,
) -> Entry:
    """Keep the bytes and the report, and log it. `facts` are what the entry says in plain (see `DataSet`).

    Raises WrongUse without a person, before the workspace's first run, and for what stands already.
    """
    if not (by or "").strip():
        raise WrongUse("who accepts it?", expected="a person, who is named in the log", remedy="--by PERSON")
    if workspace.mode is None:
        raise WrongUse(
            "nothing can be accepted before the first run: it decides whether this workspace is live or a simulation",
            where=workspace.root,
            remedy=f"sop run retraining --model {model}  first; it may wait or end where it likes",
        )
    digest = sha256_hex(data)
    known = _not_twice(model, digest)
    known(workspace.log.entries())
    workspace.store.put(data)
    kept = workspace.store.put((json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())
    body = {"model": model, "digest": digest, "size": len(data), "report": kept, **facts}
    return workspace.log.append(ACCEPTED, at=at, as_of=as_of, by=by, body=body, expect=known)


def withdraw(workspace: Workspace, model: str, digest: str, *, by: str | None, at: datetime, reason: str) -> Entry:
    """Take an accepted data set back: runs that start from now on do not read it. Raises NotFound, WrongUse."""
    if not (by or "").strip():
        raise WrongUse("who takes it back?", expected="a person, who is named in the log", remedy="--by PERSON")
    if not reason.strip():
        raise WrongUse("why?", expected="a reason, which is kept in the log", remedy="--reason TEXT")
    wanted = find(workspace.log.entries(), model, digest)

    def expect(entries: Sequence[Entry]) -> None:
        find(entries, model, wanted.digest)

    body = {"model": model, "digest": wanted.digest, "name": wanted.name, "reason": reason.strip()}
    return workspace.log.append(WITHDRAWN, at=at, by=by, body=body, expect=expect)


def _not_twice(model: str, digest: str) -> Callable[[Sequence[Entry]], None]:
    def expect(entries: Sequence[Entry]) -> None:
        known = next((each for each in standing(entries, model) if each.digest == digest), None)
        if known is not None:
            raise WrongUse(
                f"this data set was accepted before, as {known.name}",
                where=f"log entry {known.seq}",
                got=f"accepted by {known.by} on {known.at:%Y-%m-%d}",
                remedy="nothing is to be done: new runs read it",
            )

    return expect


def _read(entry: Entry) -> DataSet:
    body = entry.body
    return DataSet(
        model=str(body.get("model")),
        digest=str(body.get("digest")),
        name=str(body.get("name")),
        media_type=str(body.get("media_type")),
        size=int(body.get("size") or 0),
        rows=int(body.get("rows") or 0),
        first=body.get("from"),
        last=body.get("to"),
        by=entry.by,
        seq=entry.seq,
        at=entry.at,
        as_of=entry.as_of,
        report=body.get("report"),
        findings=body.get("findings") or {},
        drift=body.get("drift") or {},
    )
