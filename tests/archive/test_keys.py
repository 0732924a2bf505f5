"""Keys: encrypted Ed25519 files that ssh-keygen and openssl understand."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive.keys import fingerprint, load_private, load_public, new_key, public_line
from sopkit.errors import NotFound, Untrusted, WrongUse

needs_ssh = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes_raw()


def test_a_new_key_is_encrypted_private_and_loads_again(tmp_path: Path) -> None:
    """A new key lies in a 0700 folder with mode 0600, is not in plain text, and its public line names it."""
    path = new_key("olga", "correct horse", tmp_path / "keys")
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    key = load_private(path, "correct horse")
    assert path.with_name("olga.pub").read_text() == public_line(key.public_key(), "olga") + "\n"
    assert raw(key) not in path.read_bytes()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    """A second key of the same name is refused and the first still loads."""
    path = new_key("olga", "one", tmp_path)
    before = path.read_bytes()
    with pytest.raises(WrongUse, match="never overwritten"):
        new_key("olga", "two", tmp_path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["", "../olga", "a/b", ".hidden", "x.pub", "a b", "-rf"])
def test_a_name_that_is_no_name_is_refused(tmp_path: Path, name: str) -> None:
    """Key names build paths, so only plain names are taken."""
    with pytest.raises(WrongUse, match="not a name"):
        new_key(name, "passphrase", tmp_path)


def test_an_empty_passphrase_is_refused(tmp_path: Path) -> None:
    """A personal key without a passphrase is not made."""
    with pytest.raises(WrongUse, match="needs a passphrase"):
        new_key("olga", "", tmp_path)


@pytest.mark.parametrize(
    ("passphrase", "says"), [("wrong", "wrong passphrase"), (None, "no passphrase"), ("", "no passphrase")]
)
@pytest.mark.parametrize("encoding", ["openssh", "pem"])
def test_the_wrong_passphrase_is_named(tmp_path: Path, passphrase: str | None, says: str, encoding: str) -> None:
    """A wrong and a missing passphrase are told apart, for OpenSSH and for PEM files."""
    how = form.PrivateFormat.OpenSSH if encoding == "openssh" else form.PrivateFormat.PKCS8
    path = tmp_path / "key"
    encrypted = form.BestAvailableEncryption(b"right")
    path.write_bytes(Ed25519PrivateKey.generate().private_bytes(form.Encoding.PEM, how, encrypted))
    with pytest.raises(Untrusted, match=says):
        load_private(path, passphrase)
    assert load_private(path, "right")


@pytest.mark.parametrize("how", [form.PrivateFormat.OpenSSH, form.PrivateFormat.PKCS8])
def test_an_unencrypted_key_needs_to_be_asked_for(tmp_path: Path, how: form.PrivateFormat) -> None:
    """A key without a passphrase is refused with the way to give it one, unless it is allowed by name."""
    path = tmp_path / "key"
    path.write_bytes(Ed25519PrivateKey.generate().private_bytes(form.Encoding.PEM, how, form.NoEncryption()))
    with pytest.raises(Untrusted, match="ssh-keygen -p"):
        load_private(path, None)
    with pytest.raises(Untrusted, match="not encrypted"):
        load_private(path, "a passphrase that is not needed")
    assert load_private(path, None, allow_unencrypted=True)


def test_other_kinds_of_keys_are_refused(tmp_path: Path) -> None:
    """Only Ed25519 is taken, as a private key, an OpenSSH line and a PEM."""
    other = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "key"
    encrypted = form.BestAvailableEncryption(b"pw")
    path.write_bytes(other.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, encrypted))
    with pytest.raises(WrongUse, match="not an Ed25519 key"):
        load_private(path, "pw")
    openssh = other.public_key().public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
    pem = other.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()
    for text in (openssh, pem):
        with pytest.raises(WrongUse, match="not an Ed25519 key"):
            load_public(text)


@pytest.mark.parametrize("data", [b"", b"hello", b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_refused(tmp_path: Path, data: bytes) -> None:
    """A file that holds no key, or half of one, gives an error that says so."""
    (tmp_path / "key").write_bytes(data)
    with pytest.raises(WrongUse, match="not a private key"):
        load_private(tmp_path / "key", "pw")
    with pytest.raises(WrongUse, match="not a public key"):
        load_public(data.decode())


def test_a_key_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing key names its path and how to make one."""
    with pytest.raises(NotFound, match="sop keys new"):
        load_private(tmp_path / "nobody", "pw")


@needs_ssh
def test_the_fingerprint_is_that_of_ssh_keygen(tmp_path: Path) -> None:
    """The fingerprint of a key, of its line and of its PEM is what `ssh-keygen -l` prints."""
    path = new_key("olga", "pw", tmp_path)
    public = load_private(path, "pw").public_key()
    printed = subprocess.run(["ssh-keygen", "-lf", f"{path}.pub"], capture_output=True, text=True, check=True).stdout
    pem = public.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo).decode()
    assert {fingerprint(public), fingerprint(public_line(public)), fingerprint(pem)} == {printed.split()[1]}


@needs_ssh
def test_ssh_keygen_and_sopkit_read_each_others_keys(tmp_path: Path) -> None:
    """A key of ours opens with ssh-keygen, one of ssh-keygen's opens here."""
    ours = new_key("ours", "pw", tmp_path)
    command = ["ssh-keygen", "-y", "-P", "pw", "-f", str(ours)]
    opened = subprocess.run(command, capture_output=True, text=True, check=True)
    assert opened.stdout.split()[:2] == ours.with_name("ours.pub").read_text().split()[:2]
    theirs = tmp_path / "theirs"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "pw", "-C", "x", "-f", str(theirs)]
    subprocess.run(command, check=True)
    line = theirs.with_name("theirs.pub").read_text()
    assert fingerprint(load_private(theirs, "pw").public_key()) == fingerprint(line)
