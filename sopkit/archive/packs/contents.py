"""What a pack holds: its names, its manifest, the objects that a run rests on, and what it says to a stranger.

    pack.txt                      the manifest, below
    README.txt                    what this is and how to check it
    verify.py                     the verifier that imports nothing of ours (see `verifier`)
    index.html                    the page of the run, if one was given
    runs/log/entries.jsonl        the whole log, and its checkpoint
    runs/store/sha256/ab/cdef…    what the run rests on, and every people file
    runs/<sop>/<run>/…            the run folder

The manifest is a signed note of the log key, as a checkpoint is:

    sopkit pack v1
    workspace 5c3f1c1e-8a39-4f0e-9d55-0d9f5d3b8a52
    run 20130701T000000Z-flights-4f2a
    sop retraining
    model flights
    log 57 4b49cc1d…                              how long the log is, and its root in hex
    data included                                 or: left out
    store 62 3ffb2d…                              how many objects, and sha256 over their digests, a line each
    sha256 91c4… README.txt                       each file that neither log nor store speaks for

The rules:
* the log speaks for all records, the manifest for the rest, so nothing in a pack can be changed, added or removed
  unnoticed; the log key proves where a pack was made, never a person;
* the same log, run and page give the same manifest, and the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sopkit.archive.canonical import sha256_hex
from sopkit.archive.checkpoint import VerifierKey, open_note
from sopkit.archive.data_sets import ACCEPTED
from sopkit.archive.entries import Entry
from sopkit.archive.folders import IN_STORE_ONLY
from sopkit.archive.rollback import readiness
from sopkit.archive.runs import run_state
from sopkit.archive.workspace import NAME, RUN_ID, Workspace
from sopkit.errors import Untrusted

__all__ = [
    "CHECKPOINT",
    "ENTRIES",
    "MANIFEST",
    "PAGE",
    "README",
    "VERIFIER",
    "Manifest",
    "data_of",
    "is_name_of_a_pack",
    "named_by",
    "objects_of",
    "readme",
    "store_digest",
    "verifier",
]

ENTRIES, CHECKPOINT = "runs/log/entries.jsonl", "runs/log/checkpoint"
MANIFEST, README, VERIFIER, PAGE = "pack.txt", "README.txt", "verify.py", "index.html"
HEAD = "sopkit pack v1"
DATA = ("included", "left out")
DIGEST = re.compile(r"[0-9a-f]{64}")
_STORED = re.compile(r"runs/store/sha256/[0-9a-f]{2}/[0-9a-f]{62}")
_PART = re.compile(r"[^./\\:\x00-\x1f\x7f][^/\\:\x00-\x1f\x7f]{0,127}")  # no leading dot, so neither . nor ..


@dataclass(frozen=True)
class Manifest:
    """What a pack says about itself. `files` are the digests of what neither log nor store speaks for."""

    workspace: str
    run: str
    sop: str
    model: str
    size: int
    root: str
    with_data: bool
    objects: int
    store: str
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> bytes:
        """What is signed."""
        lines = [
            HEAD,
            f"workspace {self.workspace}",
            f"run {self.run}",
            f"sop {self.sop}",
            f"model {self.model}",
            f"log {self.size} {self.root}",
            f"data {DATA[0] if self.with_data else DATA[1]}",
            f"store {self.objects} {self.store}",
            *(f"sha256 {digest} {name}" for name, digest in sorted(self.files.items())),
        ]
        return "\n".join([*lines, ""]).encode()

    @classmethod
    def read(cls, note: bytes) -> Manifest:
        """The manifest in a signed note, *its signature not verified*. Raises Untrusted."""
        text = note.rpartition(b"\n\n")[0] + b"\n"
        try:
            head, *lines = text.decode().rstrip("\n").split("\n")
            one = dict(line.split(" ", 1) for line in lines[:7])
            size, root = one["log"].split(" ")
            objects, store = one["store"].split(" ")
            files = dict(line.removeprefix("sha256 ").split(" ", 1)[::-1] for line in lines[7:])
            data = DATA.index(one["data"]) == 0
            found = cls(
                one["workspace"],
                one["run"],
                one["sop"],
                one["model"],
                int(size),
                root,
                data,
                int(objects),
                store,
                files,
            )
        except (KeyError, ValueError):
            raise Untrusted("a manifest that cannot be read", where=MANIFEST, expected=HEAD) from None
        # Written again it must be the same bytes, so nothing was passed over
        names = RUN_ID.fullmatch(found.run) and NAME.fullmatch(found.sop) and NAME.fullmatch(found.model)
        if head != HEAD or found.text != text or not names:
            raise Untrusted("a manifest that is not written as one", where=MANIFEST, expected=HEAD)
        return found

    @staticmethod
    def require_signed(note: bytes, key: VerifierKey) -> None:
        """Raises Untrusted if the log key did not sign this note."""
        try:
            open_note(note, key)
        except Untrusted as error:
            what = error.what.replace("a checkpoint", "a manifest")
            raise Untrusted(what, where=MANIFEST, expected=error.expected, got=error.got) from None


def store_digest(digests: Iterable[str]) -> str:
    """One digest for all objects: the sha256 over theirs, sorted, a line each."""
    return sha256_hex("".join(f"{digest}\n" for digest in sorted(digests)).encode())


def is_name_of_a_pack(name: str, manifest: Manifest) -> bool:
    """Whether a file of that name belongs into the pack of this run; never one that leads out of it."""
    if name in (MANIFEST, README, VERIFIER, PAGE, ENTRIES, CHECKPOINT) or _STORED.fullmatch(name):
        return True
    folder = f"runs/{manifest.sop}/{manifest.run}/"
    return name.startswith(folder) and all(map(_PART.fullmatch, name.removeprefix(folder).split("/")))


def objects_of(workspace: Workspace, entries: Sequence[Entry], run: str) -> list[str]:
    """The digests of all that the store has of a run: what its entries name, also of what it used, all people files,
    SOP and model file of every run, by which waivers and conditions of other runs are judged, and the way back.
    """
    wanted = named_by(entries, run)
    wanted.update(str(file["sha256"]) for file in readiness(workspace, entries, run)["files"] if file["sha256"])
    for entry in entries:
        if entry.kind == "run.started":
            pins = dict(entry.body.get("pins") or {})
            wanted.update(str(pins[name]) for name in ("sop", "model") if pins.get(name))
    return sorted(digest for digest in wanted if DIGEST.fullmatch(digest) and workspace.store.has(digest))


def named_by(entries: Iterable[Entry], run: str) -> set[str]:
    """Every digest, of whatever, in the entries of a run and in those that took up a people file."""
    lines = (entry.raw.decode() for entry in entries if entry.run == run or entry.kind == "people.adopted")
    return {digest for line in lines for digest in DIGEST.findall(line)}


def data_of(entries: Iterable[Entry]) -> frozenset[str]:
    """The digests of data and models, in the formats that nobody reads by eye, that any run has attached, and of the
    data sets that people have accepted, in whatever format.
    """
    known = list(entries)
    items = [item for entry in known if entry.kind == "stage.sealed" for item in entry.body.get("artifacts") or ()]
    attached = {str(item["sha256"]) for item in items if str(item["name"]).endswith(IN_STORE_ONLY)}
    return frozenset(attached | {str(entry.body["digest"]) for entry in known if entry.kind == ACCEPTED})


def verifier() -> bytes:
    """The single-file verifier, as it travels in every pack."""
    return Path(__file__).with_name("verifier.py").read_bytes()


def readme(entries: Sequence[Entry], run: str, *, with_data: bool, page: bool) -> bytes:
    """What a stranger reads first. Raises NotFound."""
    from sopkit import __version__

    state = run_state(entries, run)
    told = {
        "run": run,
        "sop": state.sop,
        "version": state.sop_version or "",
        "model": state.model,
        "state": state.state + (f", outcome {state.outcome}" if state.outcome else ""),
        "workspace": entries[0].body.get("workspace"),
        "size": len(entries),
        "sign_offs": len(state.sign_offs),
        "data": "included" if with_data else "data and models (.parquet, .skops) are left out",
        "page": _SHOWN if page else "",
        "signing": "" if state.ended else _SIGNING,
        "product": __version__,
        "verifier": sha256_hex(verifier()),
    }
    return _README.format_map(told).encode()


_SHOWN = """
  index.html
      the run on one page; open it in any browser, it fetches nothing
"""
_README = """\
AUDIT PACK of run {run}

  procedure    {sop} {version}
  model        {model}
  state        {state}
  workspace    {workspace}
  log          {size} entries when this pack was made, {sign_offs} of them sign-offs of this run
  data         {data}

What this is

  The record of one run of a procedure that keeps a machine-learning model healthy: the executed notebooks, what
  they found, who signed what, and the log that binds all of it together. Nothing needs to be installed to read it.
{page}
  runs/{sop}/{run}/
      the notebooks (.ipynb: Jupyter, VS Code, or any viewer), each with its sign-offs at the end;
      artifacts/ with reports and figures; definitions/ with procedure and model file as they were
  runs/log/entries.jsonl
      what happened, one line an event, of all runs of this workspace
  runs/store/
      the same bytes, and data and models, under their sha256: what the log speaks of

How to check it

  1. With Python 3.11 or newer and the package `cryptography` (or an OpenSSL 3 command beside it):

         python verify.py

     It checks the log and its signature, the digest of every file, every notebook against what was sealed and
     signed, and every signature against the people files; and it says so in words. Exit code 0: all holds.

  2. With sopkit:  sop verify PACK.zip

  Whoever alters a pack can alter verify.py as well. To be sure, take it from where you trust it: it is the file
  sopkit/archive/packs/verifier.py of sopkit {product}, sha256
  {verifier}

  By itself a log proves order and completeness to whoever kept an older checkpoint of it (runs/log/checkpoint, a
  few lines). If you have one from an earlier pack:  python verify.py --checkpoint FILE
{signing}"""
_SIGNING = """
How to sign from here

  A reviewer signs on any machine that has sopkit and the reviewer's own key, and sends the small file that comes
  out of it back to the workspace, where `sop accept sign-off.json` checks and records it:

         sop sign --detached PACK.zip --approve -o sign-off.json
"""
