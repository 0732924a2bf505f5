"""Packs: what is in one, that it verifies, and that nothing in it can be changed unnoticed."""

from __future__ import annotations

import json
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sopkit.archive import packs
from sopkit.archive.checkpoint import new_log_key, sign_note
from sopkit.archive.packs.contents import Manifest
from sopkit.archive.runs import run_state
from sopkit.archive.workspace import Workspace
from sopkit.errors import NotFound, RecordError, SopkitError, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from packing import contents, two_runs, zipped
from simulator import Simulator, digest_of

PAGE = b"<!doctype html><title>A run</title>"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulator, str, str]:
    return two_runs(tmp_path_factory.mktemp("made") / "w")


@pytest.fixture(scope="module")
def pack(made: tuple[Simulator, str, str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack of the run in which everything is signed."""
    path = tmp_path_factory.mktemp("packs") / "pack.zip"
    packs.write(made[0].workspace, made[1], path, page=PAGE)
    return path


def found_in(path: Path) -> list[tuple[str, str]]:
    with packs.opened(path) as pack:
        return [(problem.kind, problem.path) for problem in packs.verify(pack).problems]


# What is in it


def test_a_pack_verifies_and_is_a_workspace_with_one_run(made: tuple[Simulator, str, str], pack: Path) -> None:
    """Opened, a pack has the whole log and one run that verifies with its sign-offs; closed, it leaves nothing."""
    world, done, _ = made
    with packs.opened(pack) as opened:
        found = packs.verify(opened)
        assert (found.ok, found.runs, found.sign_offs, found.notices) == (True, 1, 4, ())
        assert opened.workspace.log.size == world.workspace.log.size
        assert run_state(opened.workspace.log.entries(), opened.run).id == done
        folder = opened.workspace.root
    assert not folder.exists()


def test_a_pack_holds_what_its_run_rests_on_and_nothing_of_another(
    made: tuple[Simulator, str, str], pack: Path
) -> None:
    """Notebooks of all attempts, artifacts, pins and people files are inside; what only another run has is not."""
    world, done, waits = made
    names = contents(pack).keys()
    for entry in world.entries:
        if entry.kind == "stage.sealed":
            stored = world.workspace.store.path(entry.body["notebook"]).relative_to(world.workspace.root).as_posix()
            assert (stored in names) == (entry.run == done or entry.stage == "collect")
    assert f"runs/repair/{done}/02_evaluate.2.ipynb" in names
    assert not any(waits in name for name in names)
    assert {"README.txt", "verify.py", "index.html", "pack.txt"} <= names
    assert done in contents(pack)["README.txt"].decode()


def test_the_same_pack_has_the_same_bytes(made: tuple[Simulator, str, str], pack: Path, tmp_path: Path) -> None:
    """Packed again from the same log, the file is the same, byte for byte, and the digest that is told is its own."""
    world, done, _ = made
    again = packs.write(world.workspace, done, tmp_path / "again.zip", page=PAGE)
    assert again.path.read_bytes() == pack.read_bytes()
    assert again.sha256 == packs.write(world.workspace, done, tmp_path / "third.zip", page=PAGE).sha256


def test_without_data_a_pack_says_what_is_left_out(made: tuple[Simulator, str, str], tmp_path: Path) -> None:
    """Models and data stay behind, which is a notice and no problem; what people read by eye is all there."""
    world, done, _ = made
    written = packs.write(world.workspace, done, tmp_path / "small.zip", with_data=False)
    assert written.left_out
    with packs.opened(written.path) as opened:
        found = packs.verify(opened)
        assert (found.problems, [notice.kind for notice in found.notices]) == ((), ["left_out"])
        sealed = next(entry for entry in world.entries if entry.run == done and entry.kind == "stage.sealed")
        assert not opened.workspace.store.has(digest_of("model.skops", sealed))
        assert opened.workspace.store.has(digest_of("report.json", sealed))


def test_a_pack_that_says_it_has_the_data_must_have_it(pack: Path, tmp_path: Path) -> None:
    """Taking out an object is found, also one that only the manifest speaks for."""
    files = contents(pack)
    for name in [name for name in files if name.startswith("runs/store/")]:
        assert found_in(zipped(tmp_path / "less.zip", {k: v for k, v in files.items() if k != name})), name


def test_a_pack_continues_a_checkpoint_that_was_kept(made: tuple[Simulator, str, str], pack: Path) -> None:
    """The checkpoint of a pack holds for the log that went on; one of the future does not hold for the pack."""
    world, done, _ = made
    with packs.opened(pack) as opened:
        assert packs.verify(opened, contents(pack)["runs/log/checkpoint"]).ok
        later = world.copy(opened.workspace.root / "later")
        later.wait(done)
        found = packs.verify(opened, later.workspace.log.checkpoint_path.read_bytes())
        assert [problem.kind for problem in found.problems if problem.path.startswith("runs/log")] == ["broken_log"]


def test_the_log_may_be_written_to_while_a_pack_is_made(made: tuple[Simulator, str, str], tmp_path: Path) -> None:
    """What is logged after packing began is not in the pack, and the pack verifies."""
    world = made[0].copy(tmp_path / "w")
    size, seen = world.workspace.log.size, []

    def told(done: int, total: int) -> None:
        if not seen:
            world.wait(made[2])
        seen.append((done, total))

    written = packs.write(world.workspace, made[1], tmp_path / "pack.zip", told=told)
    assert (written.entries, written.verification.ok) == (size, True)
    assert seen[-1][0] == seen[-1][1] == written.bytes


def test_what_an_interrupted_writer_left_is_not_in_the_pack(made: tuple[Simulator, str, str], tmp_path: Path) -> None:
    """With the newest checkpoint not yet in place and a torn line after it, the pack is whole, last entry included."""
    world = made[0].copy(tmp_path / "w")
    log = world.workspace.log
    older = log.checkpoint_path.read_bytes()
    world.wait(made[1])
    log.checkpoint_path.rename(log.next_path)
    log.checkpoint_path.write_bytes(older)
    with log.path.open("ab") as file:
        file.write(b'{"torn')
    written = packs.write(world.workspace, made[1], tmp_path / "pack.zip")
    assert (written.entries, written.verification.notices) == (made[0].workspace.log.size + 1, ())


# Refusals


def test_a_pack_never_overwrites_and_never_lies_in_runs(made: tuple[Simulator, str, str], tmp_path: Path) -> None:
    """A file of that name, a dangling link, a missing folder, the records' own folder: refused, nothing is left."""
    world, done, _ = made
    there = tmp_path / "there.zip"
    there.write_bytes(b"mine")
    link = tmp_path / "link.zip"
    link.symlink_to(tmp_path / "nowhere")
    for path, error in ((there, WrongUse), (link, WrongUse), (tmp_path / "no" / "x.zip", NotFound)):
        with pytest.raises(error):
            packs.write(world.workspace, done, path)
    with pytest.raises(WrongUse, match="records and nothing else"):
        packs.write(world.workspace, done, world.workspace.runs / "x.zip")
    assert there.read_bytes() == b"mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.zip", "there.zip"]


def test_a_run_that_does_not_verify_is_not_packed(made: tuple[Simulator, str, str], tmp_path: Path) -> None:
    """An altered notebook in the run folder is not papered over by the stored one: it is named, there is no pack."""
    world = made[0].copy(tmp_path / "w")
    path = world.workspace.run_folder("repair", made[1]) / "02_evaluate.2.ipynb"
    path.write_bytes(path.read_bytes().replace(b"AUC", b"ACU"))
    with pytest.raises(RecordError, match=r"02_evaluate\.2\.ipynb"):
        packs.write(world.workspace, made[1], tmp_path / "pack.zip")
    assert not list(tmp_path.glob("*.zip")) + list(tmp_path.glob(".tmp*"))


def test_a_pack_needs_the_log_key_of_the_workspace(made: tuple[Simulator, str, str], tmp_path: Path) -> None:
    """Without the log key, or with another, nobody can vouch for the page, and the way out is named."""
    world = made[0].copy(tmp_path / "w")
    world.workspace.log_key.unlink()
    with pytest.raises(SopkitError, match="backup"):
        packs.write(world.workspace, made[1], tmp_path / "pack.zip")
    new_log_key(world.workspace.log_key)
    with pytest.raises(SopkitError, match="not the one"):
        packs.write(world.workspace, made[1], tmp_path / "pack.zip")


def test_no_such_run(made: tuple[Simulator, str, str], tmp_path: Path) -> None:
    """A run that is not there is named before anything is written."""
    with pytest.raises(NotFound):
        packs.write(made[0].workspace, "20130701T000000Z-flights-ffff", tmp_path / "pack.zip")


# Tampering: (what is done to the files of a pack, a problem that must be found)

Change = Callable[[dict[str, bytes], str], None]


def replaced(name: str, old: bytes, new: bytes) -> Change:
    def change(files: dict[str, bytes], run: str) -> None:
        path = name.format(run=run)
        assert old in files[path]
        files[path] = files[path].replace(old, new)

    return change


def stored_notebook(files: dict[str, bytes], run: str) -> None:
    name = next(name for name, data in files.items() if "store/" in name and b"AUC 0.8" in data and b'"cells"' in data)
    files[name] = files[name].replace(b"AUC 0.8", b"AUC 0.9")


def signature(files: dict[str, bytes], run: str) -> None:
    """One character of a signature, with log and checkpoint as they were."""
    lines = files["runs/log/entries.jsonl"].split(b"\n")
    place = next(place for place, line in enumerate(lines) if b'"kind":"sign_off"' in line)
    entry = json.loads(lines[place])
    signed = entry["body"]["envelope"]["signatures"][0]
    signed["sig"] = ("B" if signed["sig"][0] == "A" else "A") + signed["sig"][1:]
    lines[place] = json.dumps(entry, separators=(",", ":"), sort_keys=True).encode()
    files["runs/log/entries.jsonl"] = b"\n".join(lines)


def shorter_log(files: dict[str, bytes], run: str) -> None:
    files["runs/log/entries.jsonl"] = b"\n".join(files["runs/log/entries.jsonl"].split(b"\n")[:-2]) + b"\n"


def stray(files: dict[str, bytes], run: str) -> None:
    files[f"runs/repair/{run}/artifacts/evaluate/extra.html"] = b"<p>all is well</p>"


def another_manifest(files: dict[str, bytes], run: str) -> None:
    """Somebody changes the page and signs a manifest that says so with a key of their own."""
    files["index.html"] = b"<p>promoted</p>"
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from sopkit.archive.canonical import sha256_hex

    manifest = Manifest.read(files["pack.txt"])
    own = {**manifest.files, "index.html": sha256_hex(files["index.html"])}
    text = Manifest(**{**vars(manifest), "files": own}).text
    files["pack.txt"] = sign_note(text, f"sopkit/{manifest.workspace}", Ed25519PrivateKey.generate())


TAMPERING: dict[str, tuple[Change, str]] = {
    "a view": (replaced("runs/repair/{run}/02_evaluate.2.ipynb", b"AUC 0.8", b"AUC 0.9"), "altered"),
    "a sealed notebook": (stored_notebook, "altered"),
    "a record cell": (replaced("runs/repair/{run}/02_evaluate.2.ipynb", b"### Approved", b"### Rejected"), "altered"),
    "an artifact": (replaced("runs/repair/{run}/artifacts/evaluate/report.json", b"{}", b"[]"), "altered"),
    "a signature": (signature, "broken_log"),
    "a word in the log": (replaced("runs/log/entries.jsonl", b"read it all", b"read nought"), "broken_log"),
    "the end of the log": (shorter_log, "broken_log"),
    "the checkpoint": (replaced("runs/log/checkpoint", b"sopkit/", b"sopkat/"), "forged"),
    "a file too many": (stray, "extra"),
    "the page": (replaced("index.html", b"A run", b"A bun"), "altered"),
    "the verifier": (replaced("verify.py", b"return 1", b"return 0"), "altered"),
    "the readme": (replaced("README.txt", b"AUDIT", b"EDITED"), "altered"),
    "the manifest": (replaced("pack.txt", b"data included", b"data left out"), "forged"),
    "a manifest of one's own": (another_manifest, "forged"),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_what_was_changed_in_a_pack_is_found(
    made: tuple[Simulator, str, str], pack: Path, tmp_path: Path, what: str
) -> None:
    """A change of anything in a pack is a problem, of the kind that says what it is."""
    change, kind = TAMPERING[what]
    files = contents(pack)
    change(files, made[1])
    assert kind in [found[0] for found in found_in(zipped(tmp_path / "changed.zip", files))]


def test_zipped_again_a_pack_is_the_same_pack(pack: Path, tmp_path: Path) -> None:
    """The zip itself says nothing: the same files in another order, packed by another tool, verify."""
    files = contents(pack)
    assert found_in(zipped(tmp_path / "again.zip", dict(reversed(files.items())))) == []


def test_a_verifier_of_another_release_is_told(
    made: tuple[Simulator, str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pack made by another release verifies, with the notice that its verify.py is not the one of this release."""
    with monkeypatch.context() as patched:
        patched.setattr("sopkit.archive.packs.contents.verifier", lambda: b"# another release\n")
        packs.write(made[0].workspace, made[1], tmp_path / "pack.zip")
    with packs.opened(tmp_path / "pack.zip") as opened:
        found = packs.verify(opened)
        assert (found.ok, [notice.kind for notice in found.notices]) == (True, ["verifier"])


def test_a_manifest_for_another_run_of_the_log_is_found(made: tuple[Simulator, str, str], tmp_path: Path) -> None:
    """The folder of one run under the manifest of another is no pack."""
    world, done, waits = made
    packs.write(world.workspace, done, tmp_path / "a.zip")
    packs.write(world.workspace, waits, tmp_path / "b.zip")
    files = {**contents(tmp_path / "a.zip"), "pack.txt": contents(tmp_path / "b.zip")["pack.txt"]}
    with pytest.raises(RecordError, match="a name that no file of this pack has"):
        found_in(zipped(tmp_path / "c.zip", files))


def test_a_pack_of_a_pack_is_not_made(pack: Path, tmp_path: Path) -> None:
    """An unpacked pack has no log key, so it verifies and is read, and nothing new is made of it."""
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(tmp_path / "unpacked")
    workspace = Workspace(tmp_path / "unpacked")
    run = Manifest.read((tmp_path / "unpacked/pack.txt").read_bytes()).run
    with pytest.raises(SopkitError, match="log key"):
        packs.write(workspace, run, tmp_path / "new.zip")
