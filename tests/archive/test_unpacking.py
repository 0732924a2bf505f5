"""Unpacking: a zip by somebody who means harm writes nothing outside, fills no disk, and leaves nothing behind."""

from __future__ import annotations

import os
import shutil
import stat
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from sopkit.archive import packs
from sopkit.archive.packs.unpacking import LIMITS, Limits, unpacked
from sopkit.errors import NotFound, RecordError, SopkitError, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from packing import contents, two_runs, zipped


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world, done, _ = two_runs(tmp_path_factory.mktemp("made") / "w")
    path = tmp_path_factory.mktemp("packs") / "pack.zip"
    packs.write(world.workspace, done, path)
    return path


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made: to see that nothing stays."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def refused(path: Path, limits: Limits = LIMITS) -> str:
    with pytest.raises(RecordError) as caught, unpacked(path, limits):
        pass
    return str(caught.value.got)


RUN = "runs/repair/20130701T000000Z-flights-0000"
NAMES = {
    "a name that leads out": "../outside.txt",
    "a name that leads out of its folder": "{folder}/../../../../outside.txt",
    "a name from the root": "/tmp/outside.txt",
    "a name of another system": "..\\outside.txt",
    "a drive": "C:/outside.txt",
    "a hidden file": "{folder}/.ipynb_checkpoints/x.ipynb",
    "another run": RUN + "/01_collect.ipynb",
    "an unknown file": "setup.py",
    "a key": ".sop/keys/log.key",
    "a template": "templates/people.yaml",
    "a folder": "{folder}/artifacts/",
    "a stored file that is no digest": "runs/store/sha256/ab/cdef",
    "an empty part": "{folder}//x",
    "a control character": "{folder}/a\x1b[2Jb",
}


@pytest.mark.parametrize("what", NAMES)
def test_only_the_names_of_a_pack_are_unpacked(pack: Path, tmp_path: Path, scratch: Path, what: str) -> None:
    """A zip with any other name is refused as a whole, before anything is written."""
    files = contents(pack)
    folder = next(name for name in files if name.startswith("runs/repair/")).rsplit("/", 1)[0]
    path = zipped(tmp_path / "bad.zip", {**files, NAMES[what].format(folder=folder): b"x"})
    assert "name" in refused(path)
    assert not list(scratch.iterdir())
    assert not list(tmp_path.parent.rglob("outside.txt"))


def test_a_link_is_refused(pack: Path, tmp_path: Path, scratch: Path) -> None:
    """An entry that says it is a symbolic link, or a device, is refused, whatever it is called."""
    for number, kind in enumerate((stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR, stat.S_IFDIR)):
        path = tmp_path / f"{number}.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in contents(pack).items():
                info = zipfile.ZipInfo(name)
                info.external_attr = (kind if name == "README.txt" else stat.S_IFREG) << 16
                archive.writestr(info, b"/etc/passwd" if name == "README.txt" else data)
        assert "link" in refused(path)
    assert not list(scratch.iterdir())


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["README.txt", "readme.TXT"])
def test_a_name_that_stands_twice_is_refused(pack: Path, tmp_path: Path, second: str) -> None:
    """Of two files of one name, the verifier could see the other one; also where upper and lower case are one."""
    path = zipped(tmp_path / "twice.zip", contents(pack))
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(second, b"something else")
    assert "twice" in refused(path)


def test_a_zip_that_unpacks_to_too_much_is_refused(pack: Path, tmp_path: Path, scratch: Path) -> None:
    """A bomb is refused by what it declares: by its bytes, by how it shrinks, by the number of its files."""
    files = contents(pack)
    bomb = zipped(tmp_path / "bomb.zip", {**files, "index.html": b"\0" * (80 << 20)})
    assert bomb.stat().st_size < 1 << 20
    assert "shrink" in refused(bomb)
    assert "more than" in refused(bomb, Limits(total=1 << 20))
    assert "more than" in refused(bomb, Limits(one_text=1 << 20, small=1 << 30))
    assert "more than 3" in refused(pack, Limits(files=3))
    assert not list(scratch.iterdir())


def test_a_file_that_is_longer_than_it_says_is_refused(pack: Path, tmp_path: Path, scratch: Path) -> None:
    """A header that declares fewer bytes than there are gets no more than it declared, and the pack is damaged."""
    path = zipped(tmp_path / "liar.zip", {**contents(pack), "index.html": b"a" * 100_000})
    data = bytearray(path.read_bytes())
    place = data.rindex(b"index.html") - 46  # its entry in the central directory; 24: the size when unpacked
    assert struct.unpack_from("<I", data, place + 24)[0] == 100_000
    struct.pack_into("<I", data, place + 24, 10)
    path.write_bytes(data)
    assert "damaged" in refused(path)
    assert not list(scratch.iterdir())


def test_what_another_tool_would_see_in_the_zip_is_refused(pack: Path, tmp_path: Path, scratch: Path) -> None:
    """A second zip before the first, or a file that only who reads from the beginning finds, is refused."""
    hidden = zipped(tmp_path / "hidden.zip", {"index.html": b"<p>all is well</p>"}).read_bytes()
    (tmp_path / "before.zip").write_bytes(hidden + pack.read_bytes())
    assert "none of its files" in refused(tmp_path / "before.zip")
    (tmp_path / "program.zip").write_bytes(b"#!/bin/sh\n" + pack.read_bytes())
    assert "none of its files" in refused(tmp_path / "program.zip")
    with zipfile.ZipFile(tmp_path / "between.zip", "w") as archive:
        for name, data in contents(pack).items():
            archive.writestr(name, data)
        archive.writestr("index.html", b"<p>all is well</p>")
        del archive.filelist[-1]  # in the directory no more, in the bytes still
        del archive.NameToInfo["index.html"]
    assert "none of its files" in refused(tmp_path / "between.zip")
    with zipfile.ZipFile(zipped(tmp_path / "comment.zip", contents(pack)), "a") as archive:
        archive.comment = b"a remark"
    assert "comment" in refused(tmp_path / "comment.zip")


@pytest.mark.skipif(shutil.which("zip") is None, reason="zip is not installed")
def test_a_pack_may_be_zipped_again_by_ordinary_tools(pack: Path, tmp_path: Path) -> None:
    """Info-ZIP, also as a stream with descriptors behind the files, makes a zip that is unpacked."""
    with zipfile.ZipFile(pack) as archive:
        archive.extractall(tmp_path / "pack")
    for options, target in ((["-rD", "../again.zip"], None), (["-rD", "-"], tmp_path / "stream.zip")):
        done = subprocess.run(["zip", "-q", *options, "."], cwd=tmp_path / "pack", capture_output=True, check=True)
        if target is not None:
            target.write_bytes(done.stdout)
    for name in ("again.zip", "stream.zip"):
        with unpacked(tmp_path / name) as (folder, _, _):
            assert (folder / "verify.py").exists()


CHANGES: dict[str, Callable[[bytearray], object]] = {
    "cut off": lambda data: data.__delitem__(slice(len(data) // 2, len(data) - 30)),
    "a flipped bit": lambda data: data.__setitem__(len(data) // 3, data[len(data) // 3] ^ 1),
    "encrypted": lambda data: data.__setitem__(data.rindex(b"index.html") - 46 + 8, 1),
    "a foreign compression": lambda data: data.__setitem__(data.rindex(b"index.html") - 46 + 10, 99),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_damaged_zip_is_refused_in_words(pack: Path, tmp_path: Path, scratch: Path, what: str) -> None:
    """A zip that is cut off, damaged, encrypted or packed in a way of its own is an error with a way out."""
    path = zipped(tmp_path / "bad.zip", {**contents(pack), "index.html": os.urandom(5000)})
    data = bytearray(path.read_bytes())
    CHANGES[what](data)
    path.write_bytes(data)
    with pytest.raises(SopkitError) as caught, unpacked(path):
        pass
    assert caught.value.remedy or caught.value.expected
    assert not list(scratch.iterdir())


def test_what_is_no_zip_is_said(tmp_path: Path) -> None:
    """A missing file, a text and a zip of something else are told apart."""
    with pytest.raises(NotFound), unpacked(tmp_path / "nowhere.zip"):
        pass
    (tmp_path / "text.zip").write_text("not a zip")
    with pytest.raises(WrongUse, match="not a zip"), unpacked(tmp_path / "text.zip"):
        pass
    assert "pack.txt" in refused(zipped(tmp_path / "other.zip", {"a.txt": b"a"}))


MANIFESTS = {
    "no signature": lambda text: text.split(b"\n\n")[0],
    "another version": lambda text: text.replace(b"pack v1", b"pack v2"),
    "a run that is no id": lambda text: text.replace(b"\nrun 2013", b"\nrun ../2013"),
    "a SOP that leads elsewhere": lambda text: text.replace(b"sop repair", b"sop ../../x"),
    "a line more": lambda text: text.replace(b"\nsop ", b"\nsap x\nsop "),
    "a number in other words": lambda text: text.replace(b"\nstore ", b"\nstore +"),
    "no text": lambda text: b"\xff\xfe\0" + text,
    "nothing": lambda text: b"",
}


@pytest.mark.parametrize("what", MANIFESTS)
def test_a_manifest_has_one_spelling(pack: Path, tmp_path: Path, scratch: Path, what: str) -> None:
    """A manifest that is not written as one is refused before a name is compared with it."""
    files = contents(pack)
    path = zipped(tmp_path / "bad.zip", {**files, "pack.txt": MANIFESTS[what](files["pack.txt"])})
    with pytest.raises(RecordError, match="manifest"), unpacked(path):
        pass
    assert not list(scratch.iterdir())


def test_the_folder_is_gone_also_after_an_error(pack: Path, scratch: Path) -> None:
    """Whatever happens while a pack is open, its folder does not stay."""

    def interrupted() -> None:
        with unpacked(pack) as (folder, _, _):
            assert folder.parent == scratch
            raise KeyError

    with pytest.raises(KeyError):
        interrupted()
    assert not list(scratch.iterdir())
