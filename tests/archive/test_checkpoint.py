from __future__ import annotations

import base64
import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive.checkpoint import (
    Checkpoint,
    VerifierKey,
    load_log_key,
    new_log_key,
    open_note,
    parse_and_verify,
    sign,
    verifier_key,
)
from sopkit.errors import SopkitError, Untrusted

PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
CHECKPOINT = Checkpoint("sopkit/5c3f1c1e-8a39-4f0e-9d55-0d9f5d3b8a52", 17, bytes(range(32)))
KEY = verifier_key(CHECKPOINT.origin, PRIVATE)
NOTE = sign(CHECKPOINT, PRIVATE)


def test_the_format_is_that_of_a_signed_note():
    """The note of another implementation (Go's x/mod/sumdb/note) opens with its verifier key."""
    key = VerifierKey.parse("PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
    text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    signature = "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM="
    note = f"{text}\n— PeterNeumann {signature}\n".encode()
    assert open_note(note, key) == text.encode()
    with pytest.raises(Untrusted, match="does not hold"):
        open_note(note.replace(b"answer", b"Answer"), key)


def test_a_checkpoint_reads_as_it_was_signed():
    """Origin, size and root survive, and the file shows them a line each."""
    assert parse_and_verify(NOTE, KEY) == CHECKPOINT
    origin, size, root, empty, signature, end = NOTE.decode().split("\n")
    assert (origin, size, empty, end) == (CHECKPOINT.origin, "17", "", "")
    assert base64.b64decode(root) == CHECKPOINT.root
    assert signature.startswith(f"— {CHECKPOINT.origin} ")


def test_every_byte_of_a_checkpoint_counts():
    """A note with any one byte changed is refused."""
    for position in range(len(NOTE)):
        spoilt = bytearray(NOTE)
        spoilt[position] ^= 1
        with pytest.raises(Untrusted):
            parse_and_verify(bytes(spoilt), KEY)


def test_no_part_of_a_checkpoint_is_enough():
    """A note that is cut off anywhere is refused."""
    for length in range(len(NOTE)):
        with pytest.raises(Untrusted):
            parse_and_verify(NOTE[:length], KEY)


def test_signatures_of_others_do_not_disturb():
    """A witness may add its line, before or after the log's, also one that cannot be read."""
    text, _, line = NOTE.rpartition(b"\n\n")
    other = Ed25519PrivateKey.generate()
    witness = sign(Checkpoint("witness.example", 1, bytes(32)), other).rpartition(b"\n\n")[2]
    for lines in (witness + line, line + witness, "— witness !!!\n".encode() + line):
        assert parse_and_verify(text + b"\n\n" + lines, KEY) == CHECKPOINT
    with pytest.raises(Untrusted, match="did not sign"):
        parse_and_verify(text + b"\n\n" + witness, KEY)


def test_another_key_of_the_same_name_does_not_count():
    """A checkpoint by a key that only carries the log's name is refused."""
    forged = sign(Checkpoint(CHECKPOINT.origin, 18, CHECKPOINT.root), Ed25519PrivateKey.generate())
    with pytest.raises(Untrusted, match="did not sign"):
        parse_and_verify(forged, KEY)


def test_a_checkpoint_of_another_log_is_refused():
    """A note that the key signed, but that speaks of another origin, is no checkpoint of this log."""
    text = Checkpoint("sopkit/other", 17, CHECKPOINT.root).text
    signature = base64.b64encode(KEY.id + PRIVATE.sign(text)).decode()
    with pytest.raises(Untrusted, match="another log"):
        parse_and_verify(text + f"\n— {KEY.name} {signature}\n".encode(), KEY)


@pytest.mark.parametrize("text", ["", "name", "a+b+c", f"{KEY}x", str(KEY).replace("sopkit", "Sopkit"), None])
def test_a_verifier_key_that_does_not_fit_itself_is_refused(text):
    """Name, key id and key must agree, so a slip in any of them is noticed."""
    assert VerifierKey.parse(str(KEY)) == KEY
    with pytest.raises(Untrusted, match="not a log key"):
        VerifierKey.parse(text)


def test_a_log_key_is_made_once_and_only_its_owner_may_read_it(tmp_path):
    """The key file has mode 0600, and asking again gives the same key."""
    path = tmp_path / "keys" / "log.key"
    first = new_log_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert new_log_key(path).private_bytes_raw() == load_log_key(path).private_bytes_raw() == first.private_bytes_raw()


def test_a_log_key_that_is_missing_or_spoilt_is_an_error_with_a_way_out(tmp_path):
    """Both errors name the file and say to restore it."""
    path = tmp_path / "log.key"
    for content, words in ((None, "missing"), (b"spoilt", "cannot be read")):
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(SopkitError, match=words) as raised:
            load_log_key(path)
        assert raised.value.where == str(path)
        assert "restore" in raised.value.remedy
