from __future__ import annotations

import errno
import os
import resource
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest

from sopkit.archive.publish import TEMPORARY, publish, settle, write_beside
from sopkit.errors import RecordError, SopkitError


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_published_file_is_whole_and_alone(tmp_path):
    """The bytes stand under the name, in folders made for it, and no temporary file is left."""
    publish(tmp_path / "a" / "b" / "record.json", b"{}")
    assert (tmp_path / "a" / "b" / "record.json").read_bytes() == b"{}"
    assert names(tmp_path / "a" / "b") == ["record.json"]


def test_a_name_is_published_once(tmp_path):
    """A second file of the same name is refused and the first one stays as it is, unless it may be replaced."""
    path = tmp_path / "record.json"
    publish(path, b"first")
    with pytest.raises(RecordError, match="published once"):
        publish(path, b"second")
    assert path.read_bytes() == b"first"
    publish(path, b"third", replace=True)
    assert path.read_bytes() == b"third"
    assert names(tmp_path) == ["record.json"]


def test_of_two_who_publish_at_once_one_wins(tmp_path):
    """Of many writers of one name exactly one succeeds, and its bytes are what is there."""
    path = tmp_path / "record.json"

    def attempt(number):
        try:
            publish(path, str(number).encode() * 1000)
        except RecordError:
            return None
        return number

    with ThreadPoolExecutor(8) as pool:
        winners = [number for number in pool.map(attempt, range(8)) if number is not None]
    assert len(winners) == 1
    assert path.read_bytes() == str(winners[0]).encode() * 1000
    assert names(tmp_path) == ["record.json"]


def test_permissions_follow_the_umask(tmp_path):
    """A record is as readable as any file of its writer; a mode that is asked for is only ever narrowed."""
    old = os.umask(0o027)
    try:
        publish(tmp_path / "record", b"")
        publish(tmp_path / "key", b"", mode=0o600)
    finally:
        os.umask(old)
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names(tmp_path)}
    assert modes == {"record": 0o640, "key": 0o600}


def test_a_full_disk_leaves_nothing_behind(small_disk):
    """Publishing more than fits fails with a clear error; neither a partial file nor a temporary one remains."""
    with pytest.raises(SopkitError, match="disk is full") as raised:
        publish(small_disk / "record", b"x" * 1_000_000)
    assert raised.value.remedy
    assert names(small_disk) == []
    publish(small_disk / "record", b"x" * 1000)
    assert (small_disk / "record").read_bytes() == b"x" * 1000


def test_a_replacement_that_does_not_fit_keeps_what_was_there(small_disk):
    """When the disk is full, the old content stays whole."""
    publish(small_disk / "record", b"old")
    with pytest.raises(SopkitError, match="disk is full"):
        publish(small_disk / "record", b"x" * 1_000_000, replace=True)
    assert (small_disk / "record").read_bytes() == b"old"


def test_a_limit_on_file_sizes_is_a_full_disk(tmp_path):
    """A quota that stops the write half way leaves nothing behind either."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(SopkitError, match="disk is full"):
            publish(tmp_path / "record", b"x" * 5000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == []


def test_an_interrupt_while_the_bytes_come_removes_the_temporary_file(tmp_path):
    """Whoever produces the bytes may be interrupted; the folder is then as before."""

    def pieces():
        yield b"first"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_beside(tmp_path / "record", pieces())
    assert names(tmp_path) == []


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_where_links_are_not_permitted_a_name_is_still_published_once(tmp_path, monkeypatch, number):
    """On a file system without hard links the bytes arrive whole, and a second file of that name is refused."""

    def refused(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "link", refused)  # no such file system can be counted on here
    publish(tmp_path / "record", b"first")
    with pytest.raises(RecordError, match="published once"):
        publish(tmp_path / "record", b"second")
    assert (tmp_path / "record").read_bytes() == b"first"
    assert names(tmp_path) == ["record"]


def test_a_temporary_file_is_known_by_its_name(tmp_path):
    """What a killed process leaves behind starts with the prefix that readers pass over."""
    temporary = write_beside(tmp_path / "record", b"1")
    assert names(tmp_path) == [temporary.name]
    assert temporary.name.startswith(TEMPORARY)
    settle(temporary, tmp_path / "record", replace=True)
    assert names(tmp_path) == ["record"]
