from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sopkit.archive.canonical import sha256_hex
from sopkit.archive.store import Store
from sopkit.errors import DigestMismatch, NotFound, SopkitError, WrongUse


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary())
def test_what_is_stored_is_read_back(store, data):
    """Any bytes come back under their sha256, however often they are stored."""
    digest = store.put(data)
    assert digest == store.put(data) == sha256_hex(data)
    assert store.get(digest) == data
    assert store.has(digest)


def test_a_digest_tells_where_the_bytes_are(store):
    """Two digits name the folder, the other 62 the file, which is read-only."""
    digest = store.put(b"hello")
    path = store.folder / "sha256" / "2c" / "f24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
    assert store.path(digest) == path == store.check(digest)
    assert stat.S_IMODE(path.stat().st_mode) & 0o222 == 0
    assert list(store) == [digest]


def test_a_large_file_is_stored_as_its_bytes(store, tmp_path):
    """A file of many pieces has the same digest as its bytes, is stored once, and leaves no copy behind."""
    data = bytes(range(251)) * 10_000
    (tmp_path / "large").write_bytes(data)
    assert store.put_file(tmp_path / "large") == store.put(data) == store.put_file(tmp_path / "large")
    assert store.get(sha256_hex(data)) == data
    assert [path.name for path in store.folder.iterdir()] == ["sha256"]


def test_a_flipped_bit_is_noticed_at_every_reading(store):
    """Changed bytes are never handed out; the error names file, expected and found digest, and the way out."""
    digest = store.put(b"some bytes")
    path = store.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"some bytez")
    for read in (store.get, store.check):
        with pytest.raises(DigestMismatch) as raised:
            read(digest)
        assert (raised.value.expected, raised.value.got) == (digest, sha256_hex(b"some bytez"))
        assert raised.value.where == str(path)
        assert raised.value.remedy


@pytest.mark.parametrize("from_file", [True, False])
def test_storing_the_right_bytes_again_mends_spoilt_ones(store, tmp_path, from_file):
    """Whoever holds the bytes and stores them gets a digest under which they can be read."""
    digest = store.put(b"some bytes")
    store.path(digest).chmod(0o644)
    store.path(digest).write_bytes(b"")
    (tmp_path / "file").write_bytes(b"some bytes")
    assert (store.put_file(tmp_path / "file") if from_file else store.put(b"some bytes")) == digest
    assert store.get(digest) == b"some bytes"


def test_what_is_not_there_is_not_found(store, tmp_path):
    """An unknown digest and an unknown file are errors, not empty bytes."""
    for read in (store.get, store.check):
        with pytest.raises(NotFound, match="missing"):
            read("0" * 64)
    with pytest.raises(NotFound, match="does not exist"):
        store.put_file(tmp_path / "nothing")
    assert not store.has("0" * 64)
    assert list(store) == []


@pytest.mark.parametrize("digest", ["", "../../etc/passwd", "A" * 64, "0" * 63, "0" * 64 + "\n", "sha256:" + "0" * 64])
def test_what_is_no_digest_never_becomes_a_path(store, digest):
    """Anything but 64 lower-case hex digits is refused."""
    for call in (store.path, store.get, store.has, store.check):
        with pytest.raises(WrongUse, match="not a digest"):
            call(digest)


def test_many_may_store_the_same_bytes_at_once(store, tmp_path):
    """All of them get the digest, and the bytes are whole."""
    data = b"x" * 300_000
    (tmp_path / "file").write_bytes(data)
    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(lambda n: store.put(data) if n % 2 else store.put_file(tmp_path / "file"), range(16)))
    assert digests == {sha256_hex(data)}
    assert store.get(sha256_hex(data)) == data


def test_a_full_disk_stores_nothing(small_disk):
    """Bytes that do not fit are refused with a clear error, from memory and from a file; others still fit."""
    store = Store(small_disk / "store")
    data = b"x" * 1_000_000
    (small_disk.parent / "file").write_bytes(data)
    for put in (lambda: store.put(data), lambda: store.put_file(small_disk.parent / "file")):
        with pytest.raises(SopkitError, match="disk is full"):
            put()
        assert list(store) == []
    assert store.get(store.put(b"small")) == b"small"
    assert not list(small_disk.rglob(".tmp-*"))
