#!/usr/bin/env python3
"""Verify an audit pack of sopkit without sopkit: the log, every digest, every notebook, every signature.

    python verify.py                            the unpacked pack that this file lies in
    python verify.py PACK.zip                   a pack, or a folder into which one was unpacked
    python verify.py --checkpoint FILE          and the log must continue this checkpoint, kept from earlier

Needs Python 3.11 or newer, and for signatures the package `cryptography` or the command `openssl` (3 or newer).
Exit code 0: everything holds. 1: something does not, or could not be checked; it is said in words.

This one file imports nothing of sopkit, on purpose: whoever doubts sopkit can read it from top to bottom. What it
holds is written down in docs/record.md of the project. It does not judge whether a gate was rightly opened; it shows
who signed what, and that nothing was changed since.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["canonical", "content_digest", "keys_in", "main", "record_cell"]

LOG, CHECKPOINT, MANIFEST = "runs/log/entries.jsonl", "runs/log/checkpoint", "pack.txt"
STORED = re.compile(r"runs/store/sha256/([0-9a-f]{2})/([0-9a-f]{62})")
IN_STORE_ONLY = (".parquet", ".skops", ".joblib")
FURNITURE = (".DS_Store", "Thumbs.db", "desktop.ini")  # what a look at a folder leaves in it
MOST_FILES, MOST_BYTES, MOST_SHRUNK = 20_000, 16 << 30, 200
Body = dict[str, Any]
Verify = Callable[[bytes, bytes, bytes], bool]  # public key, signature, message


class Wrong(Exception):
    """Something does not hold; the text says what."""


# Canonical JSON (RFC 8785)


def canonical(value: Any) -> bytes:
    """`value` as RFC 8785 writes it; numbers that JSON readers disagree about are text, as the archive keeps them."""
    return _written(value).encode()


def _written(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (int, float)):
        return _number(value) if abs(value) < 2**53 else json.dumps(str(int(value)))
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    ordered = sorted(value.items(), key=lambda item: item[0].encode("utf-16-be"))
    return "{" + ",".join(f"{_written(key)}:{_written(item)}" for key, item in ordered) + "}"


def _number(value: int | float) -> str:
    """As ECMAScript writes a number: the fewest digits, exponents below 1e-6 and from 1e21 on."""
    sign, numbers, shift = Decimal(repr(value)).as_tuple()
    digits = "".join(map(str, numbers)).rstrip("0")
    if not digits.strip("0"):
        return "0"
    point = len(numbers) + int(shift)  # where the decimal point stands, counted from the first digit
    if point > 21 or point <= -6:
        text = f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{'+' if point > 0 else '-'}{abs(point - 1)}"
    elif point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        text = digits.ljust(point, "0")
        text = text if len(text) == point else f"{text[:point]}.{text[point:]}"
    return ("-" if sign else "") + text


def parsed(data: bytes | str) -> Any:
    """JSON, strictly: no key twice, no NaN."""

    def once(pairs: list[tuple[str, Any]]) -> Body:
        if len(dict(pairs)) != len(pairs):
            raise ValueError("a key stands twice")
        return dict(pairs)

    def never(name: str) -> Any:
        raise ValueError(f"{name} is not JSON")

    return json.loads(data, object_pairs_hook=once, parse_constant=never)


# Digests and trees


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def root(leaves: list[bytes]) -> bytes:
    """The root of an RFC 6962 tree."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256(b"").digest()
    split = 1 << (len(leaves) - 1).bit_length() - 1
    return hashlib.sha256(b"\1" + root(leaves[:split]) + root(leaves[split:])).digest()


# Ed25519


def ed25519() -> tuple[str, Verify] | None:
    """What checks signatures here, tried out on a signature of RFC 8032; None if nothing does."""
    known = [
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ]
    public, signature = map(bytes.fromhex, known)
    for name, check in (("the package cryptography", _by_cryptography), ("the command openssl", _by_openssl)):
        try:
            if check(public, signature, b"\x72") and not check(public, signature, b"\x73"):
                return name, check
        except (ImportError, OSError):
            continue
    return None


def _by_cryptography(public: bytes, signature: bytes, message: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _by_openssl(public: bytes, signature: bytes, message: bytes) -> bool:
    # The fixed head of an Ed25519 public key (RFC 8410), then the key
    der = base64.encodebytes(bytes.fromhex("302a300506032b6570032100") + public).decode()
    folder = Path(tempfile.mkdtemp())
    try:
        (folder / "key.pem").write_text(f"-----BEGIN PUBLIC KEY-----\n{der}-----END PUBLIC KEY-----\n")
        (folder / "signature").write_bytes(signature)
        (folder / "signed").write_bytes(message)
        command = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", "key.pem", "-rawin", "-in", "signed"]
        command += ["-sigfile", "signature"]
        return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# People files


class Key(NamedTuple):
    """A public key as a people file lists it: 32 bytes, whose it is, and from when to when."""

    public: bytes
    person: str
    start: datetime | None
    until: datetime | None
    demo: bool = False

    @property
    def owner(self) -> str:
        return f"{self.person} (DEMO)" if self.demo else self.person


def keys_in(text: str) -> dict[str, Key]:
    """Fingerprint -> key, of every OpenSSH line in a people file.

    Python has no reader for YAML, so a file that is not JSON is read by lines: a key belongs to the last `id:` before
    it, and its `from:` and `until:` stand in the same item of a list. `sop verify` reads the whole of it.
    """
    found: dict[str, Key] = {}
    for person, line, start, until in _listed(text):
        for encoded in re.findall(r"ssh-ed25519 ([A-Za-z0-9+/]+=*)", line):
            blob = base64.b64decode(encoded)
            found[fingerprint(blob)] = Key(blob[-32:], person, moment(start), moment(until))
    return found


def _listed(text: str) -> Iterator[tuple[str, str, str | None, str | None]]:
    """Person, line with a key, from, until."""
    try:
        for person in parsed(text)["people"]:
            for key in person.get("keys") or ():
                yield person["id"], key["public"], key.get("from"), key.get("until")
        return
    except ValueError:
        lines = [re.sub(r"(^|\s)#.*", "", line) for line in text.split("\n")]
    person = "nobody"
    for number, line in enumerate(lines):
        if named := re.search(r"""(?:^\s*(?:-\s+)?|[{,]\s*)id:\s*["']?([a-z0-9][a-z0-9._-]*)""", line):
            person = named[1]
        first, last = number, number + 1
        while first and not re.match(r"\s*- ", lines[first]):
            first -= 1
        while last < len(lines) and not re.match(r"\s*(- |roles:)", lines[last]):
            last += 1
        times = (
            re.search(rf"""\b{w}:\s*["']?([0-9][0-9T:.Z+-]*)""", "\n".join(lines[first:last]))
            for w in ("from", "until")
        )
        start, until = (match[1] if match else None for match in times)
        if "ssh-ed25519 " in line:
            yield person, line, start, until


def fingerprint(blob: bytes) -> str:
    """As `ssh-keygen -l` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


# Notebooks


def content_digest(notebook: Body) -> str:
    """What a person signs (`sopkit-content-v1`): parameters and cells, without timings and other metadata."""
    parameters = notebook["metadata"].get("papermill", {}).get("parameters", {})
    return sha256(canonical({"parameters": parameters, "cells": [_covered(cell) for cell in notebook["cells"]]}))


def _covered(cell: Body) -> Body:
    names = ("id", "cell_type", "source", "attachments", "execution_count", "outputs")
    kept = {name: cell[name] for name in names if name in cell and cell[name] not in ({}, None)}
    kept["source"] = "".join(kept["source"])
    if "attachments" in kept:
        kept["attachments"] = {name: _joined(bundle) for name, bundle in kept["attachments"].items()}
    if "outputs" in kept:
        kept["outputs"] = [_output(output) for output in kept["outputs"]]
    return kept


def _output(found: Body) -> Body:
    found = {name: value for name, value in found.items() if not (name == "metadata" and value == {})}
    if isinstance(found.get("text"), list):
        found["text"] = "".join(found["text"])
    return {**found, "data": _joined(found["data"])} if "data" in found else found


def _joined(bundle: Body) -> Body:
    """A text counts the same as one string or as lines; JSON outputs keep their lists."""
    return {kind: "".join(v) if isinstance(v, list) and not kind.endswith("json") else v for kind, v in bundle.items()}


def record_cell(entry: Body) -> Body:
    """How a logged sign-off is shown at the end of its notebook; any other cell there is not one."""
    statement = json.loads(base64.b64decode(entry["body"]["envelope"]["payload"]))
    told, demo = statement["predicate"], entry["body"]["demo"]
    subjects = [
        f"{one['name']}: {kind} {digest}" for one in statement["subject"] for kind, digest in one["digest"].items()
    ]
    answers = []
    for said in (told.get("checklist") or {}).values():
        by = f" (by {said['answered_by']})" if "answered_by" in said else ""
        answers.append(f"{said['answer']}: {said['question']}{by}")
    rows = {name: told[name] for name in ("name", "role", "decision", "meaning")}
    rows = {"who": rows.pop("name"), **rows, "comment": told["comment"] or "none"}
    rows |= {"checklist": "\n".join(answers)} if answers else {}
    rows |= {"opened before": ", ".join(told["opened"])} if told.get("opened") else {}
    conditions = []
    for number, one in enumerate(told["conditions"], 1):
        if isinstance(one, dict):
            what = f"{one['severity']} severity, owner {one['owner']}, due {one['due']}"
            one = f"{entry['seq']}.{number}: {one['text']} ({what})"
        conditions.append(one)
    rows["conditions"] = "\n".join(conditions) or "none"
    rows["signed"] = f"{told['run']}, stage {told['stage']}, attempt {told['attempt']}, gate {told['gate']}"
    rows["procedure"] = "{name} {version}, sha256 {digest}".format(**told["sop"])
    rows |= {"subjects": "\n".join(subjects), "when": f"{told['at']}, log entry {entry['seq']}"}
    rows["key"] = entry["body"]["key"]
    if told.get("withdraws") is not None:
        rows["withdraws"] = f"log entry {told['withdraws']}"
    titles = {"approve": "Approved", "reject": "Rejected", "return": "Returned for a new attempt"}
    title = titles.get(told["decision"], "Sign-off withdrawn")
    lines = [f"### {'DEMO: ' if demo else ''}{title}", ""]
    if demo:
        lines += ["**DEMO**: signed with a throw-away key by a demo reviewer who exists in this run only.", ""]
    lines += ["| sign-off | |", "|---|---|", *(f"| {name} | {_shown(value)} |" for name, value in rows.items())]
    return {
        "cell_type": "markdown",
        "id": f"sopkit-record-{entry['seq']}",
        "metadata": {
            "sopkit": {"seq": entry["seq"], "demo": demo, "envelope": entry["body"]["envelope"]},
            "tags": ["sopkit-record"],
        },
        "source": "\n".join(lines),
    }


def _shown(value: object) -> str:
    """Nothing that a person wrote may mean anything to Markdown, HTML or MathJax."""

    def harmless(sign: str) -> str:
        if not sign.isprintable():
            return f"&#91;U&#43;{ord(sign):04X}&#93;"
        if sign in "$\\":
            return f"<span>&#{ord(sign)};</span>"
        return sign if sign.isalnum() or sign in " ,-/()+=%?" or ord(sign) > 127 else f"&#{ord(sign)};"

    return "<br>".join("".join(map(harmless, line)) for line in str(value).splitlines())


# The files of a pack


class Files:
    """The files of a zip, or of a folder into which one was unpacked; none is written, links are not followed."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.zip = zipfile.ZipFile(place) if place.is_file() else None
        self.names = set(self._in_zip(self.zip) if self.zip else self._in_folder())

    def _in_zip(self, archive: zipfile.ZipFile) -> Iterator[str]:
        infos = archive.infolist()
        total = sum(info.file_size for info in infos)
        if len(infos) > MOST_FILES or total > MOST_BYTES:
            raise Wrong("this zip is larger than any pack")
        if total > 64 << 20 and total > MOST_SHRUNK * self.place.stat().st_size:
            raise Wrong("this zip becomes larger than any pack does when it is unpacked")
        if len({info.filename.casefold() for info in infos}) != len(infos):
            raise Wrong("a name stands twice in this zip")
        for info in infos:
            if info.orig_filename != info.filename or info.external_attr >> 28 not in (0, 8):
                raise Wrong(f"no plain file: {info.filename!r}")
            yield info.filename

    def _in_folder(self) -> Iterator[str]:
        for path in self.place.rglob("*"):
            if path.is_symlink():
                raise Wrong(f"a link: {path}")
            if path.is_file():
                yield path.relative_to(self.place).as_posix()

    def pieces(self, name: str) -> Iterator[bytes]:
        with self.zip.open(name) if self.zip else (self.place / name).open("rb") as file:
            while piece := file.read(1 << 20):
                yield piece

    def read(self, name: str) -> bytes:
        if name not in self.names:
            raise Wrong(f"missing: {name}")
        return b"".join(self.pieces(name))

    def digest(self, name: str) -> str:
        found = hashlib.sha256()
        for piece in self.pieces(name):
            found.update(piece)
        return found.hexdigest()


# The verification


class Verification:
    """One pass over a pack. `problems` and `told` are sentences; what cannot go on raises Wrong."""

    def __init__(self, files: Files, verify: Verify | None) -> None:
        self.files, self.verify = files, verify
        self.problems: list[str] = []
        self.told: list[str] = []
        self.heard = 0  # how many problems there were when something was told last
        self.checked: set[str] = set()  # files that log, store or manifest speak for

    def hold(self, holds: bool, problem: str) -> bool:
        if not holds and problem not in self.problems:
            self.problems.append(problem)
        return holds

    def tell(self, text: str) -> None:
        """A line about what was just checked, with a mark that says whether it holds, as far as it could be checked."""
        sealed_only = text.startswith(("store", "notebooks", "run folder"))
        holds = "✓" if sealed_only or self.verify is not None else "?"
        self.told.append(f"{'✗' if len(self.problems) > self.heard else holds} {text}")
        self.heard = len(self.problems)

    def signed(self, public: bytes, signature: bytes, message: bytes, what: str) -> bool:
        if self.verify is None:
            return True  # said once, at the end
        return self.hold(self.verify(public, signature, message), f"{what}: the signature does not hold")

    def everything(self, older: bytes | None) -> None:
        self.log()
        self.manifest()
        self.older(older)
        checks = (self.store, self.people, self.notebooks, self.run_folder, self.sign_offs, self.waivers, self.others)
        for check in checks:
            try:
                check()
            except Wrong as wrong:
                self.hold(False, str(wrong))
        for name in sorted(self.files.names - self.checked):
            if self.files.zip is None and (not name.startswith("runs/") or Path(name).name in FURNITURE):
                self.told.append(f"  (not part of the pack, and not looked at: {name})")
            else:
                self.hold(False, f"{name}: nothing in log, store or manifest accounts for it")

    # The log

    def log(self) -> None:
        data = self.files.read(LOG)
        *lines, rest = data.split(b"\n")
        self.hold(not rest, f"{LOG}: the last line is torn")
        self.entries: list[Body] = []
        for number, line in enumerate(lines, 1):
            try:
                entry = parsed(line)
                same = canonical(entry) == line and entry["seq"] == number
            except (ValueError, KeyError, TypeError, RecursionError):
                same = False
            if not same:
                raise Wrong(f"{LOG}, line {number}: not entry {number} in canonical JSON")
            self.entries.append(entry)
        if not self.entries or self.entries[0]["kind"] != "workspace.created":
            raise Wrong(f"{LOG}: the first entry names no workspace")
        self.leaves = [hashlib.sha256(b"\0" + line).digest() for line in lines]
        name, _, encoded = str(self.entries[0]["body"]["log_key"]).split("+", 2)
        self.origin, self.log_key = name, base64.b64decode(encoded)[1:]
        size, signed_root = self.checkpoint(self.files.read(CHECKPOINT), CHECKPOINT)
        whole = size == len(lines) and signed_root == root(self.leaves)
        self.hold(whole, f"{LOG}: these are not the {size} entries that the checkpoint was signed over")
        self.checked |= {LOG, CHECKPOINT}
        self.tell(f"log          {len(lines)} entries in one order, signed by {self.origin}")

    def note(self, data: bytes, what: str) -> list[str]:
        """The lines of a signed note, if the log key signed it."""
        text, _, signatures = data.rpartition(b"\n\n")
        text += b"\n"
        key_id = hashlib.sha256(self.origin.encode() + b"\n\1" + self.log_key).digest()[:4]
        for line in signatures.decode(errors="replace").split("\n"):
            start = f"\N{EM DASH} {self.origin} "
            raw = base64.b64decode(line.removeprefix(start)) if line.startswith(start) else b""
            if raw[:4] == key_id:
                self.signed(self.log_key, raw[4:], text, what)
                return text.decode().rstrip("\n").split("\n")
        raise Wrong(f"{what}: the log key did not sign it")

    def checkpoint(self, data: bytes, what: str) -> tuple[int, bytes]:
        origin, size, encoded = self.note(data, what)[:3]
        self.hold(origin == self.origin, f"{what}: of another log, {origin}")
        return int(size), base64.b64decode(encoded)

    def older(self, data: bytes | None) -> None:
        if data is not None:
            size, signed_root = self.checkpoint(data, "the checkpoint that was given")
            same = size <= len(self.leaves) and root(self.leaves[:size]) == signed_root
            self.hold(same, f"the log does not continue the checkpoint that was given ({size} entries)")
            self.tell(f"checkpoint   the log continues the one that was given, of {size} entries")

    # The manifest, the store

    def manifest(self) -> None:
        lines = self.note(self.files.read(MANIFEST), MANIFEST)
        said = dict(line.split(" ", 1) for line in lines[1:8])
        self.run, self.with_data = said["run"], said["data"] == "included"
        own = [entry for entry in self.entries if entry["run"] == self.run]
        if lines[0] != "sopkit pack v1" or not own:
            raise Wrong(f"{MANIFEST}: no manifest of a run of this log")
        self.started = next(entry["body"] for entry in own if entry["kind"] == "run.started")
        self.folder = f"runs/{said['sop']}/{self.run}/"
        self.own = own
        self.attempts: dict[tuple[str, int], Body] = {}  # stage and number -> the entry that ended it
        self.in_force: list[tuple[int, dict[str, Key]]] = []  # from which entry on, which keys
        self.demo: dict[str, Key] = {}
        log = f"{len(self.entries)} {root(self.leaves).hex()}"
        compared = (self.entries[0]["body"]["workspace"], self.started["sop"], self.started["model"], log)
        self.hold(
            tuple(said[name] for name in ("workspace", "sop", "model", "log")) == compared,
            f"{MANIFEST}: not of this log",
        )
        stored = sorted("".join(match.groups()) for name in self.files.names if (match := STORED.fullmatch(name)))
        listed = f"{len(stored)} {sha256(''.join(f'{digest}{chr(10)}' for digest in stored).encode())}"
        self.hold(said["store"] == listed, "runs/store: not the objects that were packed, some are missing or added")
        for line in lines[8:]:
            digest, name = line.removeprefix("sha256 ").split(" ", 1)
            there = name in self.files.names and self.files.digest(name) == digest
            self.hold(there, f"{name}: not what was packed")
            self.checked.add(name)
        self.checked.add(MANIFEST)
        self.tell(f"manifest     of run {self.run}, signed by the same key")

    def store(self) -> None:
        self.stored: dict[str, str] = {}
        size = 0
        for name in sorted(self.files.names):
            if match := STORED.fullmatch(name):
                digest = "".join(match.groups())
                if self.hold(self.files.digest(name) == digest, f"{name}: the bytes do not have this digest"):
                    self.stored[digest] = name
                self.checked.add(name)
                size += 1
        items = [item for e in self.entries if e["kind"] == "stage.sealed" for item in e["body"].get("artifacts") or ()]
        data = {item["sha256"] for item in items if item["name"].endswith(IN_STORE_ONLY)}
        data |= {e["body"].get("digest") for e in self.entries if e["kind"] == "data.accepted"}
        for entry in [*self.own, *(e for e in self.entries if e["kind"] == "people.adopted")]:
            body, found = entry["body"], []
            if entry["kind"] == "run.started":
                pins = dict(body["pins"])
                found = [*dict(pins.pop("notebooks", None) or {}).values(), *pins.values()]
            elif entry["kind"] in ("stage.sealed", "stage.failed"):
                found = [body.get("notebook"), *(item["sha256"] for item in body.get("artifacts") or ())]
            elif entry["kind"] == "people.adopted":
                found = [body["digest"]]
            for digest in filter(None, found):
                gone = digest in self.stored or (not self.with_data and digest in data)
                self.hold(gone, f"log entry {entry['seq']}: {digest} is not in the store")
        left = "" if self.with_data else "; data and models were left out"
        self.tell(f"store        {size} objects, each with the digest that names it{left}")

    def object(self, digest: object) -> bytes:
        if digest not in self.stored:
            raise Wrong(f"not in the store: {digest}")
        return self.files.read(self.stored[str(digest)])

    # People

    def people(self) -> None:
        """Each people file counts that its predecessor's people-admin signed; the first is trusted on first use."""
        previous: Body = {}
        for entry in self.entries:
            if entry["kind"] != "people.adopted":
                continue
            seq, digest = entry["seq"], entry["body"]["digest"]
            keys = keys_in(self.object(digest).decode())
            if previous:
                told = self.statement(entry, dict(self.in_force)[previous["entry"]], "urn:sopkit:people:v1")
                right = told["predicate"]["previous"] == previous and told["subject"][0]["digest"] == {"sha256": digest}
                self.hold(right, f"log entry {seq}: the signature is for another people file")
            previous = {"sha256": digest, "entry": seq}
            self.in_force.append((seq, keys))
            how = "signed by a key of the one before" if len(self.in_force) > 1 else "the first, trusted on first use"
            self.tell(f"people file  log entry {seq}, sha256 {digest[:12]}…, {len(keys)} keys: {how}")
        if self.started.get("demo") and self.entries[0]["body"].get("mode") == "simulation":
            for entry in self.own:
                if entry["kind"] == "demo.people":
                    found = keys_in(json.dumps(entry["body"]))
                    self.demo |= {name: key._replace(demo=True) for name, key in found.items()}

    def keys_at(self, seq: int, *, demo: bool = True) -> dict[str, Key]:
        """The keys that counted just before an entry."""
        before = [keys for start, keys in self.in_force if start < seq]
        return {**(self.demo if demo else {}), **(before[-1] if before else {})}

    def statement(self, entry: Body, keys: dict[str, Key], kind: str | None) -> Body:
        """What the envelope of an entry states, its signature checked (DSSE). Raises Wrong."""
        where = f"log entry {entry['seq']}"
        try:
            envelope = entry["body"]["envelope"]
            (signature,) = envelope["signatures"]
            payload, name = base64.b64decode(envelope["payload"], validate=True), envelope["payloadType"].encode()
            key = keys[signature["keyid"]]
        except KeyError as error:
            raise Wrong(f"{where}: signed with a key that is in no people file then in force: {error}") from None
        message = b"DSSEv1 %d %b %d %b" % (len(name), name, len(payload), payload)
        self.signed(key.public, base64.b64decode(signature["sig"]), message, where)
        told: Body = parsed(payload)
        self.hold(kind in (None, told["predicateType"]), f"{where}: it states something else, {told['predicateType']}")
        return told

    # Notebooks and the run folder

    def notebooks(self) -> None:
        """Every sealed notebook of the run has the content digest that was logged, and signed."""
        for entry in self.own:
            place = (entry["stage"], entry["attempt"])
            if entry["kind"] in ("stage.sealed", "stage.failed") and place not in self.attempts:
                self.attempts[place] = entry
                body = entry["body"]
                if entry["kind"] == "stage.sealed":
                    found = content_digest(parsed(self.object(body["notebook"])))
                    self.hold(found == body["content"], f"{body['file']}: the content is not what was sealed")
        sealed = [entry for entry in self.attempts.values() if entry["kind"] == "stage.sealed"]
        self.tell(f"notebooks    {len(sealed)} sealed, each with the content that was logged")

    def run_folder(self) -> None:
        """What people look at is a copy of what the log speaks of."""
        copies: dict[str, str] = {}
        newest: dict[str, Body] = {}
        for (stage, _), entry in self.attempts.items():
            body = entry["body"]
            records = [record_cell(e) for e in self.own if e["kind"] == "sign_off" and self._about(e, entry)]
            if body.get("file") and records:
                self.view(self.folder + body["file"], body["notebook"], records)
            elif body.get("file") and body.get("notebook"):
                copies[body["file"]] = body["notebook"]
            newest |= {stage: entry} if entry["kind"] == "stage.sealed" else {}
        for stage, entry in newest.items():
            items = entry["body"].get("artifacts") or ()
            kept = [item for item in items if not item["name"].endswith(IN_STORE_ONLY)]
            copies |= {f"artifacts/{stage}/{item['name']}": item["sha256"] for item in kept}
        pins = self.started["pins"]
        files = {"sop": "sop.yaml", "model": "model.yaml", "module": "model.py", "people": "people.yaml"}
        files["lock"] = "requirements.lock"
        copies |= {f"definitions/{name}": pins[kind] for kind, name in files.items() if pins.get(kind)}
        copies |= {f"definitions/notebooks/{name}": digest for name, digest in (pins.get("notebooks") or {}).items()}
        for name, digest in copies.items():
            path = self.folder + name
            if self.hold(path in self.files.names, f"{path}: missing"):
                self.hold(self.files.digest(path) == digest, f"{path}: not what was kept in the store")
            self.checked.add(path)
        self.tell(f"run folder   {self.folder}: copies of what log and store have")

    @staticmethod
    def _about(sign_off: Body, sealed: Body) -> bool:
        return sealed["kind"] == "stage.sealed" and all(sign_off[name] == sealed[name] for name in ("stage", "attempt"))

    def view(self, path: str, digest: str, records: list[Body]) -> None:
        """A notebook with sign-offs at its end: the sealed cells, then exactly the cells of these sign-offs."""
        self.checked.add(path)
        shown, sealed = parsed(self.files.read(path)), parsed(self.object(digest))
        last = [{**cell, "source": "".join(cell["source"])} for cell in shown["cells"][len(sealed["cells"]) :]]
        same = {**shown, "cells": shown["cells"][: len(sealed["cells"])]} == sealed
        self.hold(same, f"{path}: not what was sealed (if you have saved it, unpack the pack again)")
        self.hold(last == records, f"{path}: what stands at its end is not what was signed")

    # Sign-offs and waivers

    def sign_offs(self) -> None:
        payloads: set[str] = set()
        for entry in self.own:
            if entry["kind"] != "sign_off":
                continue
            where, body = f"log entry {entry['seq']}", entry["body"]
            try:
                told = self.statement(entry, self.keys_at(entry["seq"]), "urn:sopkit:sign-off:v1")
            except Wrong as wrong:
                self.hold(False, str(wrong))
                continue
            said, key = told["predicate"], self.keys_at(entry["seq"])[body["envelope"]["signatures"][0]["keyid"]]
            self.agrees(entry, said, key, ("role", "gate", "decision", "comment", "withdraws"))
            sealed = self.attempts.get((entry["stage"], entry["attempt"]), {"body": {}})["body"]
            subjects = {(sealed.get("file"), "sopkit-content-v1", sealed.get("content"))}
            for item in sealed.get("artifacts") or ():
                subjects.add((f"artifacts/{entry['stage']}/{item['name']}", "sha256", item["sha256"]))
            signed = {(one["name"], kind, digest) for one in told["subject"] for kind, digest in one["digest"].items()}
            self.hold(signed == subjects, f"{where}: what was signed is not what was sealed")
            self.hold(body["envelope"]["payload"] not in payloads, f"{where}: a sign-off that was logged before")
            payloads.add(body["envelope"]["payload"])
            what = f"{said['decision']} {entry['stage']}, attempt {entry['attempt']}, as {said['role']}"
            self.tell(f"sign-off     {where}: {said['name']}, {key.owner}: {what}; {entry['at'][:10]}, {body['key']}")

    def agrees(self, entry: Body, said: Body, key: Key, names: tuple[str, ...]) -> None:
        """Statement and log entry say the same, in `names` and whatever both have, by a key that was valid then."""
        where, at = f"log entry {entry['seq']}", moment(max(e["at"] for e in self.entries[: entry["seq"]]))
        for name in ("run", "stage", "attempt"):
            self.hold(said[name] == entry[name], f"{where}: {name}: the log says other than what was signed")
        body = entry["body"]
        for name in sorted({*names, *(said.keys() & body.keys())} - {"sop"}):
            self.hold(said.get(name) == body.get(name), f"{where}: {name}: the log says other than what was signed")
        same = key.person == entry["by"] and key.demo == entry["body"].get("demo", False)
        self.hold(same, f"{where}: the key is that of {key.owner}, the log says {entry['by']}")
        valid = at is not None and (key.start is None or at >= key.start) and (key.until is None or at < key.until)
        self.hold(valid, f"{where}: the key was not valid then")
        size, there = said["log"]["size"], said["log"]["root"]
        known = 0 < size < entry["seq"] and root(self.leaves[:size]).hex() == there
        self.hold(known, f"{where}: it was signed for another history than this log")

    def waivers(self) -> None:
        used = [
            item for entry in self.own for item in entry["body"].get("uses") or () if entry["kind"] == "stage.sealed"
        ]
        taken_up = {
            item["input"].removeprefix("waiver:"): item["digest"] for item in used if "waiver:" in item["input"]
        }
        for entry in self.entries:
            if not entry["kind"].startswith("waiver.") or not (
                entry["run"] == self.run or str(entry["seq"]) in taken_up
            ):
                continue
            where = f"log entry {entry['seq']}"
            try:
                keys = self.keys_at(entry["seq"], demo=False)
                said = self.statement(entry, keys, "urn:sopkit:waiver:v1")["predicate"]
            except Wrong as wrong:
                self.hold(False, str(wrong))
                continue
            key = keys[entry["body"]["envelope"]["signatures"][0]["keyid"]]
            self.agrees(
                entry, said, key, ("finding", "sentence", "decision", "reason", "until", "withdraws", "role", "model")
            )
            payload = base64.b64decode(entry["body"]["envelope"]["payload"])
            same = taken_up.get(str(entry["seq"]), sha256(payload)) == sha256(payload)
            self.hold(same, f"{where}: the run took up another waiver")
            self.tell(f"waiver       {where}: {said['name']}, {key.owner}: {said['finding']}: {said['reason']}")

    def others(self) -> None:
        """Whatever else a person has signed in this run, of a kind that came after this verifier was written."""
        for entry in self.own:
            if (
                entry["body"].get("envelope")
                and entry["kind"] != "sign_off"
                and not entry["kind"].startswith("waiver.")
            ):
                keys = self.keys_at(entry["seq"])
                told = self.statement(entry, keys, None)
                key = keys[entry["body"]["envelope"]["signatures"][0]["keyid"]]
                self.agrees(entry, told["predicate"], key, ())
                self.tell(f"signed       log entry {entry['seq']}: {entry['kind']}, {key.owner}")


def main(arguments: list[str]) -> int:
    """The exit code."""
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")
    older, places = None, list(arguments)
    try:
        if "--checkpoint" in places:
            at = places.index("--checkpoint")
            older = Path(places[at + 1]).read_bytes()
            del places[at : at + 2]
        if len(places) > 1 or any(place.startswith("-") for place in places):
            raise IndexError
    except IndexError:
        print(__doc__)
        return 1
    except OSError as error:
        print(f"the checkpoint cannot be read: {error}")
        return 1
    place = Path(places[0]) if places else Path(__file__).resolve().parent
    if not place.exists():
        print(f"there is no {place}")
        return 1
    checker = ed25519()
    found = None
    try:
        found = Verification(Files(place), checker[1] if checker else None)
        found.everything(older)
    except (Wrong, OSError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        problems = [*(found.problems if found else []), str(error)]
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, RecursionError, NotImplementedError) as error:
        problems = [*(found.problems if found else []), f"something is not of the form it must have ({error!r})"]
    else:
        problems = list(found.problems)
    for line in found.told if found else ():
        print(plain(line))
    if checker is not None:
        print(f"  (signatures were checked with {checker[0]})")
    if problems or checker is None:
        count = len(problems) + (checker is None)
        print(f"\n✗ DOES NOT VERIFY: {count} problem{'s' if count > 1 else ''}")
        for problem in problems:
            print(f"  - {plain(problem)}")
        print(_NOT_CHECKED if checker is None else "", end="")
        return 1
    print(f"\n✓ VERIFIED: run {found.run if found else ''} is what was recorded, and what was signed.")
    print(_SHOWN)
    return 0


def plain(text: str) -> str:
    """Nothing from a pack may move the cursor of a terminal."""
    return "".join(sign if sign.isprintable() else f"\\x{ord(sign):02x}" for sign in text)


_NOT_CHECKED = """  - no signature was checked: neither the Python package cryptography nor OpenSSL 3 is here.
    Everything else was. Install one of them (pip install cryptography) and run this again, or check a signature by
    hand with any Ed25519 tool: over the bytes `DSSEv1 <length of type> <type> <length of payload> <payload>`,
        openssl pkeyutl -verify -pubin -inkey KEY.pem -rawin -in SIGNED -sigfile SIGNATURE
"""
_SHOWN = """  The log key shows where and in which order this was recorded, the people's keys show who signed. Only a
  checkpoint that you have kept shows that nobody who holds the log key wrote another history (--checkpoint)."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
