"""Envelopes: the published vectors, every flipped bit, and tools that are not ours."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import Signature, SSlibKey

from sopkit.archive.envelopes import PAYLOAD_TYPE, pae, payload, sign, verify
from sopkit.archive.keys import fingerprint, public_line
from sopkit.errors import Untrusted

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
OTHER = Ed25519PrivateKey.from_private_bytes(bytes(32))
PUBLIC = KEY.public_key()


def made() -> dict[str, Any]:
    return sign(PAYLOAD_TYPE, b'{"decision":"approve"}', KEY)


def test_the_pre_authentication_encoding_is_that_of_the_protocol() -> None:
    """The vector in the DSSE protocol text comes out byte for byte."""
    expected = b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("http://example.com/HelloWorld", b"hello world") == expected


def test_an_envelope_names_its_key_and_verifies() -> None:
    """A signed envelope verifies among several keys, and gives the fingerprint of the one that signed."""
    envelope = made()
    assert verify(envelope, [OTHER.public_key(), PUBLIC]) == fingerprint(PUBLIC) == envelope["signatures"][0]["keyid"]
    assert payload(envelope) == b'{"decision":"approve"}'


def test_signing_is_deterministic_and_leaves_its_arguments_alone() -> None:
    """The same payload and key give the same envelope, and verifying does not change it."""
    envelope = made()
    before = json.dumps(envelope)
    verify(envelope, [PUBLIC])
    assert json.dumps(envelope) == before == json.dumps(made())


@pytest.mark.parametrize("part", ["payload", "signature"])
def test_every_flipped_bit_is_found(part: str) -> None:
    """No single bit of payload or signature can be flipped."""
    clean = made()
    where = clean["signatures"][0] if part == "signature" else clean
    name = "sig" if part == "signature" else "payload"
    data = base64.b64decode(where[name])
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        where[name] = base64.b64encode(bytes(changed)).decode()
        with pytest.raises(Untrusted):
            verify(clean, [PUBLIC])


def test_a_key_id_of_somebody_else_does_not_help() -> None:
    """An envelope that names another person's key is tried with that key, and refused."""
    envelope = made()
    envelope["signatures"][0]["keyid"] = fingerprint(OTHER.public_key())
    with pytest.raises(Untrusted, match="does not fit"):
        verify(envelope, [PUBLIC, OTHER.public_key()])


def test_an_unknown_key_is_refused() -> None:
    """A signature by a key that nobody holds is refused, and the key named."""
    with pytest.raises(Untrusted, match="nobody in force holds") as refused:
        verify(made(), [OTHER.public_key()])
    assert refused.value.got == fingerprint(PUBLIC)


def test_a_payload_of_another_type_is_refused() -> None:
    """What was signed as one type is never read as another, even with the type rewritten."""
    envelope = sign("text/plain", b"{}", KEY)
    with pytest.raises(Untrusted, match="another type"):
        verify(envelope, [PUBLIC])
    with pytest.raises(Untrusted, match="does not fit"):
        verify({**envelope, "payloadType": PAYLOAD_TYPE}, [PUBLIC])


@pytest.mark.parametrize(
    "change",
    [
        {"signatures": []},
        {"signatures": made()["signatures"] * 2},
        {"signatures": None},
        {"signatures": [{"keyid": "x"}]},
        {"signatures": [{"keyid": fingerprint(PUBLIC), "sig": "AAAA"}]},
        {"signatures": [{**made()["signatures"][0], "cert": "x"}]},
        {"payload": made()["payload"].rstrip("=") + "\n"},
        {"payload": 5},
        {"payload": None},
        {"payloadType": None},
        {"also": "this"},
    ],
)
def test_what_is_no_envelope_is_refused(change: dict[str, Any]) -> None:
    """Missing, doubled, unknown and misspelt parts are all Untrusted, never a crash."""
    with pytest.raises(Untrusted):
        verify({**made(), **change}, [PUBLIC])


def test_two_signatures_are_refused() -> None:
    """A sign-off is one person's: a second, also valid, signature makes it none."""
    envelope = made()
    envelope["signatures"] += sign(PAYLOAD_TYPE, payload(envelope), OTHER)["signatures"]
    with pytest.raises(Untrusted, match="one signature"):
        verify(envelope, [PUBLIC, OTHER.public_key()])


def test_wycheproof(vectors: Path) -> None:
    """All 151 published Ed25519 signatures are judged as they should be, the malleable ones among them."""
    groups = json.loads((vectors / "ed25519_wycheproof.json").read_text())["testGroups"]
    wrong, count = [], 0
    for group in groups:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(group["publicKey"]["pk"]))
        key = SSlibKey.from_crypto(public, keyid="x")
        for case in group["tests"]:
            count += 1
            try:
                key.verify_signature(Signature("x", case["sig"]), bytes.fromhex(case["msg"]))
                verdict = "valid"
            except UnverifiedSignatureError:
                verdict = "invalid"
            if verdict != case["result"]:
                wrong.append(case["tcId"])
    assert (count, wrong) == (151, [])


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_an_envelope(tmp_path: Path) -> None:
    """Stock openssl says yes to the signature over the PAE bytes, and no after a flipped byte."""
    envelope = made()
    (tmp_path / "pae").write_bytes(pae(PAYLOAD_TYPE, base64.b64decode(envelope["payload"])))
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "key.pem").write_bytes(PUBLIC.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo))
    inputs = ["-pubin", "-inkey", "key.pem", "-sigfile", "sig", "-in", "pae"]
    command = ["openssl", "pkeyutl", "-verify", "-rawin", *inputs]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (run.returncode, run.stdout.strip()) == (0, "Signature Verified Successfully")
    (tmp_path / "pae").write_bytes(pae(PAYLOAD_TYPE, b'{"decision":"reject"}'))
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode != 0


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_the_same_key_signs_for_ssh(tmp_path: Path) -> None:
    """`ssh-keygen -Y` verifies, with the line of the people file, what the same key signs over the PAE bytes."""
    private = tmp_path / "key"
    private.write_bytes(KEY.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, form.NoEncryption()))
    private.chmod(0o600)
    (tmp_path / "pae").write_bytes(pae(PAYLOAD_TYPE, b"{}"))
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", "key", "-n", "sopkit", "pae"],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    (tmp_path / "allowed").write_text(f"olga {public_line(PUBLIC)}\n")
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed", "-I", "olga", "-n", "sopkit", "-s", "pae.sig"]
    run = subprocess.run(command, cwd=tmp_path, input=(tmp_path / "pae").read_bytes(), capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
