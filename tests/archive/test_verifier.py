"""The verifier that travels in every pack: it imports nothing of ours, and finds what ours finds."""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
import venv
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from sopkit.archive import packs, settling
from sopkit.archive.canonical import canonical_json
from sopkit.archive.checkpoint import Checkpoint, sign, sign_note
from sopkit.archive.keys import fingerprint, public_line
from sopkit.archive.merkle import leaf_hash, root
from sopkit.archive.notebooks import content_digest
from sopkit.archive.packs import verifier
from sopkit.archive.packs.contents import Manifest, store_digest
from sopkit.archive.record_cells import record_cell
from sopkit.archive.records import read_sign_offs
from sopkit.definitions.files import parse_people

sys.path.insert(0, str(Path(__file__).parent))
from packing import contents, two_runs, zipped
from simulator import Simulator
from test_packs import TAMPERING

SOURCE = Path(verifier.__file__)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulator, str, str]:
    """A world whose people file was changed between two runs, so there is a signed one to check."""
    world, done, waits = two_runs(tmp_path_factory.mktemp("made") / "w")
    world.person("nora", "reviewer")
    world.change_people()
    hostile = "<script>alert(1)</script> $x$ | \\ *a*\nnext"
    said = world.sign(waits, "evaluate", "nora", "approve", comment=hostile, conditions=["watch *recall*", hostile])
    settling.settle(
        world.workspace, f"{said.seq}.1", comment="watched", private_key=world.keys["rita"], at=world.tick()
    )
    return world, done, waits


@pytest.fixture(scope="module")
def pack(made: tuple[Simulator, str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("packs") / "pack.zip"
    packs.write(made[0].workspace, made[1], path, page=b"<title>A run</title>")
    return path


def told(path: Path, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str]:
    code = verifier.main([str(path), *options])
    return code, capsys.readouterr().out


# By itself


def test_it_imports_nothing_of_ours() -> None:
    """Only Python's own library is imported, and `cryptography` where it is there."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names | {"cryptography"}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A Python of its own without any package, and a folder that lends it `cryptography` and what that needs."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder / "venv", symlinks=True, with_pip=False)
    import cffi
    import cryptography

    lent = folder / "lent"
    lent.mkdir()
    for module in (cryptography, cffi):
        (lent / module.__name__).symlink_to(Path(str(module.__file__)).parent)
    for native in Path(str(cffi.__file__)).parent.parent.glob("_cffi_backend*.so"):
        (lent / native.name).symlink_to(native)
    return folder / "venv/bin/python", lent


@pytest.mark.parametrize("with_what", ["cryptography", "openssl", "nothing"])
def test_it_runs_where_nothing_of_ours_is_installed(
    bare: tuple[Path, Path], pack: Path, tmp_path: Path, with_what: str
) -> None:
    """Unpacked by an auditor, it verifies with cryptography or OpenSSL; with neither it says so and does not pass."""
    if with_what == "openssl" and shutil.which("openssl") is None:
        pytest.skip("there is no openssl here")
    python, lent = bare
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(tmp_path / "pack")
    environment = {"PATH": os.environ["PATH"] if with_what == "openssl" else str(tmp_path)}
    environment |= {"PYTHONPATH": str(lent)} if with_what == "cryptography" else {}
    command = [str(python), "-W", "error", "verify.py"]
    done = subprocess.run(command, cwd=tmp_path / "pack", env=environment, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    if with_what == "nothing":
        assert (done.returncode, "no signature was checked" in done.stdout) == (1, True)
        assert "pip install cryptography" in done.stdout
        assert "✓ sign-off" not in done.stdout
    else:
        checker = {"cryptography": "the package cryptography", "openssl": "the command openssl"}[with_what]
        assert (done.returncode, f"checked with {checker}" in done.stdout) == (0, True)
    changed = tmp_path / "pack" / next(name for name in contents(pack) if name.endswith("01_collect.ipynb"))
    changed.write_bytes(changed.read_bytes().replace(b"fitting", b"fooling"))
    done = subprocess.run(command, cwd=tmp_path / "pack", env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, "01_collect.ipynb: not what was" in done.stdout) == (1, True)


# What it finds


def test_a_good_pack_verifies_and_names_who_signed(pack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every sign-off is named with person, decision and key; the people file is trusted on first use, or signed."""
    code, text = told(pack, capsys)
    assert code == 0
    assert "✓ VERIFIED" in text
    assert text.count("✓ sign-off") == 4
    assert "Rita, rita: return evaluate, attempt 1, as reviewer" in text
    assert "trusted on first use" in text
    assert "signed by a key of the one before" in text


def test_conditions_and_their_settlement_verify(
    made: tuple[Simulator, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What else people sign in a run is checked as well, and named; conditions are shown as the archive shows them."""
    packs.write(made[0].workspace, made[2], tmp_path / "pack.zip")
    code, text = told(tmp_path / "pack.zip", capsys)
    assert code == 0, text
    assert "condition.settled, rita" in text


@pytest.mark.parametrize("what", TAMPERING)
def test_it_finds_what_was_changed(
    made: tuple[Simulator, str, str], pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], what: str
) -> None:
    """Whatever `sop verify` finds altered in a pack, the verifier finds too, in the zip and unpacked."""
    files = contents(pack)
    TAMPERING[what][0](files, made[1])
    path = zipped(tmp_path / "changed.zip", files)
    assert told(path, capsys)[0] == 1
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "unpacked")
    code, text = told(tmp_path / "unpacked", capsys)
    assert (code, "✗ DOES NOT VERIFY" in text) == (1, True)


def test_it_finds_what_is_missing(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without any one of its files a pack does not verify."""
    files = contents(pack)
    for name in files:
        path = zipped(tmp_path / "less.zip", {other: data for other, data in files.items() if other != name})
        assert told(path, capsys)[0] == 1, name


def test_without_data_it_says_so(
    made: tuple[Simulator, str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the manifest leaves out is said, and is no problem."""
    packs.write(made[0].workspace, made[1], tmp_path / "small.zip", with_data=False)
    code, text = told(tmp_path / "small.zip", capsys)
    assert (code, "data and models were left out" in text) == (0, True)


def test_a_checkpoint_that_was_kept_must_be_continued(
    made: tuple[Simulator, str, str], pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An older checkpoint of this log holds; one of a log that went another way, or of the future, does not."""
    kept = tmp_path / "checkpoint"
    kept.write_bytes(contents(pack)["runs/log/checkpoint"])
    assert told(pack, capsys, "--checkpoint", str(kept))[0] == 0
    later = made[0].copy(tmp_path / "later")
    later.wait(made[2])
    kept.write_bytes(later.workspace.log.checkpoint_path.read_bytes())
    code, text = told(pack, capsys, "--checkpoint", str(kept))
    assert (code, "does not continue the checkpoint" in text) == (1, True)


def rewritten(files: dict[str, bytes], change: Any, key: Ed25519PrivateKey) -> dict[str, bytes]:
    """What a thief of the log key can do: another log, with checkpoint and manifest signed anew."""
    entries = [json.loads(line) for line in files["runs/log/entries.jsonl"].splitlines()]
    change(entries)
    lines = [canonical_json(entry) for entry in entries]
    name, top = entries[0]["body"]["log_key"].split("+")[0], root(map(leaf_hash, lines))
    log = {
        "runs/log/entries.jsonl": b"".join(line + b"\n" for line in lines),
        "runs/log/checkpoint": sign(Checkpoint(name, len(lines), top), key),
    }
    manifest = Manifest.read(files["pack.txt"])
    stored = ["".join(each.split("/")[-2:]) for each in files if "/store/" in each]
    anew = {"size": len(lines), "root": top.hex(), "objects": len(stored), "store": store_digest(stored)}
    return {**files, **log, "pack.txt": sign_note(Manifest(**{**vars(manifest), **anew}).text, name, key)}


def first(entries: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["kind"] == kind)


def by_somebody_else(entries: list[dict[str, Any]]) -> None:
    first(entries, "sign_off")["by"] = "olga"


def another_decision(entries: list[dict[str, Any]]) -> None:
    first(entries, "sign_off")["body"]["decision"] = "reject"


def another_attempt(entries: list[dict[str, Any]]) -> None:
    first(entries, "sign_off")["attempt"] = 2


def said_twice(entries: list[dict[str, Any]]) -> None:
    copied = json.loads(json.dumps(first(entries, "sign_off")))
    entries.append({**copied, "seq": len(entries) + 1})


def another_content(entries: list[dict[str, Any]]) -> None:
    first(entries, "stage.sealed")["body"]["content"] = "0" * 64


def another_artifact(entries: list[dict[str, Any]]) -> None:
    items = first(entries, "stage.sealed")["body"]["artifacts"]
    items[0]["sha256"], items[1]["sha256"] = items[1]["sha256"], items[0]["sha256"]


def unsigned_people(entries: list[dict[str, Any]]) -> None:
    people = [entry for entry in entries if entry["kind"] == "people.adopted"]
    people[1]["body"]["envelope"]["signatures"][0]["sig"] = "A" * 86 + "=="


def another_key(entries: list[dict[str, Any]]) -> None:
    first(entries, "sign_off")["body"]["envelope"]["signatures"][0]["keyid"] = "SHA256:" + "A" * 43


REWRITTEN = {
    by_somebody_else: "the key is that of dora, the log says olga",
    another_decision: "decision: the log says other than what was signed",
    another_attempt: "attempt: the log says other than what was signed",
    said_twice: "logged before",
    another_content: "the content is not what was sealed",
    another_artifact: "what was signed is not what was sealed",
    unsigned_people: "the signature does not hold",
    another_key: "no people file then in force",
}


@pytest.mark.parametrize("change", REWRITTEN, ids=lambda change: change.__name__)
def test_who_has_the_log_key_cannot_speak_for_people(
    made: tuple[Simulator, str, str],
    pack: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Any,
) -> None:
    """A log that was rewritten and signed anew with the workspace's own log key does not verify."""
    from sopkit.archive.checkpoint import load_log_key

    files = rewritten(contents(pack), change, load_log_key(made[0].workspace.log_key))
    code, text = told(zipped(tmp_path / "other.zip", files), capsys)
    assert (code, REWRITTEN[change] in text) == (1, True), text
    assert "log entry" in text or "collect" in text


def test_what_is_no_pack_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A missing place, an empty folder, a text, a foreign zip and wrong options end with 1 and a sentence."""
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.zip").write_text("no zip")
    for place in (
        tmp_path / "nowhere",
        tmp_path / "empty",
        tmp_path / "text.zip",
        zipped(tmp_path / "o.zip", {"a": b""}),
    ):
        code, text = told(place, capsys)
        assert (code, bool(text.strip())) == (1, True)
    assert verifier.main(["--help"]) == 1
    assert verifier.main(["a", "b"]) == 1
    assert verifier.main(["--checkpoint"]) == 1


def test_what_an_auditor_puts_beside_it_is_no_problem(
    pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Notes beside an unpacked pack are named and not looked at; a file more among the records is a problem."""
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(tmp_path / "pack")
    (tmp_path / "pack/my notes.txt").write_text("to be asked: ...")
    (tmp_path / "pack/runs/.DS_Store").write_bytes(b"")
    code, text = told(tmp_path / "pack", capsys)
    assert (code, "not looked at: my notes.txt" in text) == (0, True)
    (tmp_path / "pack/runs/notes.txt").write_text("to be asked: ...")
    assert told(tmp_path / "pack", capsys)[0] == 1


def test_a_damaged_zip_is_said(pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A flipped bit anywhere in the zip does not verify, and ends in words."""
    data = pack.read_bytes()
    for place in range(40, len(data) - 200, len(data) // 40):
        spoilt = bytearray(data)
        spoilt[place] ^= 1
        (tmp_path / "spoilt.zip").write_bytes(spoilt)
        code, text = told(tmp_path / "spoilt.zip", capsys)
        assert (code, "✗ DOES NOT VERIFY" in text) in [(1, True), (0, False)]
        # What it still takes for whole has the same files: the bit was in what zip tools write for themselves
        assert code == 1 or contents(tmp_path / "spoilt.zip") == contents(pack)


def test_nothing_in_a_pack_moves_the_cursor(
    made: tuple[Simulator, str, str], pack: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Escape sequences in names are shown as text."""
    _, text = told(zipped(tmp_path / "bad.zip", {**contents(pack), "runs/\x1b[2J\u202e.txt": b""}), capsys)
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert r"\x1b[2J" in text


# The same as ours

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300, deadline=None)
@given(JSON)
def test_its_canonical_json_is_ours(value: Any) -> None:
    """What it writes is what RFC 8785 says, for every JSON value."""
    try:
        expected = canonical_json(value)
    except UnicodeError:
        return
    assert verifier.canonical(value) == expected


@pytest.mark.parametrize("number", [0.0, -0.0, 1e21, 1e20, 123456789012345680000.0, 1e-6, 1e-7, 5e-324, 1.5e300, 0.1])
def test_its_numbers_are_ours(number: float) -> None:
    """The edges of how ECMAScript writes a number."""
    assert verifier.canonical([number, -number]) == canonical_json([number, -number])


def test_its_content_digest_is_ours(made: tuple[Simulator, str, str]) -> None:
    """Texts as lines or whole, JSON outputs, attachments, empty metadata: the digest is the archive's."""
    image = {"image/png": ["aGVs", "bG8="], "application/vnd.x+json": ["a", "b"], "application/json": ["a"]}
    shown = {"output_type": "display_data", "metadata": {}, "data": {**image, "text/plain": ["a\n", "b"]}}
    cells = [
        {"cell_type": "markdown", "id": "a", "metadata": {}, "source": ["x\n", "y"], "attachments": {"p.png": image}},
        {
            "cell_type": "code",
            "id": "b",
            "metadata": {"collapsed": True},
            "source": "",
            "execution_count": None,
            "outputs": [shown, {"output_type": "stream", "name": "stdout", "text": ["ä\n", "b"]}],
        },
        {"cell_type": "raw", "id": "c", "metadata": {}, "source": "1e9 \u2028"},
    ]
    parameters = {"big": 2**60, "small": 1e-9, "whole": 1.0}
    notebook = {
        "cells": cells,
        "metadata": {"papermill": {"parameters": parameters}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    assert verifier.content_digest(json.loads(json.dumps(notebook))) == content_digest(notebook)
    world = made[0]
    for entry in world.entries:
        if entry.kind == "stage.sealed":
            sealed = json.loads(world.workspace.store.get(entry.body["notebook"]))
            assert verifier.content_digest(sealed) == entry.body["content"]


def test_its_record_cells_are_ours(made: tuple[Simulator, str, str]) -> None:
    """Each logged sign-off is rendered as the archive renders it, hostile comments included."""
    world, *runs = made
    for run in runs:
        for sign_off in read_sign_offs(world.workspace, world.entries, run)[0]:
            entry = json.loads(world.entries[sign_off.seq - 1].raw)
            assert verifier.record_cell(entry) == record_cell(sign_off.record)


PEOPLE = """
# The people of this workspace
version: 1
people:
  - id: ada                # the first
    name: "Ada # not a comment"
    keys:
      - public: {ada}
        from: 2026-01-01   # a date begins at 00:00 UTC
        until: 2028-01-01
    # - public: {eve}
    roles:
      - role: people-admin
        until: 2027-01-01
  - {{id: bob, name: Bob, keys: [{{public: {bob}, until: 2026-06-01T09:00:00Z}}], roles: [{{role: reviewer}}]}}
  - name: Cyd
    id: cyd
    roles: [{{role: reviewer}}]
    keys:
    - from: 2026-03-01
      public: '{cyd}'
    - public: {old}
"""


def test_it_reads_keys_as_ours() -> None:
    """Whose a key is, and from when to when, is read as the archive reads it: from YAML by lines, from JSON whole."""
    lines = {
        name: public_line(Ed25519PrivateKey.generate().public_key(), name)
        for name in ("ada", "eve", "bob", "cyd", "old")
    }
    text = PEOPLE.format(**lines)
    people = parse_people(text.encode(), "people.yaml")
    expected = {
        fingerprint(key.public): (person.id, key.from_, key.until) for person in people.people for key in person.keys
    }
    found = {name: (key.person, key.start, key.until) for name, key in verifier.keys_in(text).items()}
    assert found == expected
    assert found[fingerprint(lines["bob"])] == ("bob", None, datetime(2026, 6, 1, 9, tzinfo=UTC))
    as_json = json.dumps(json.loads(people.model_dump_json(by_alias=True)))
    assert {name: (k.person, k.start, k.until) for name, k in verifier.keys_in(as_json).items()} == expected
