"""DSSE envelopes: bytes, their type, and one Ed25519 signature.

The rules:
* what is signed is the pre-authentication encoding, so a payload cannot be taken for another type;
* an envelope holds exactly one signature, because a sign-off is one person's;
* `keyid` is the fingerprint of the key; it only says which key to try, the signature decides;
* an envelope has one spelling: unknown fields and loose base64 are refused.

The only door to securesystemslib. Any Ed25519 tool can check a signature over `pae()`.
"""

from __future__ import annotations

import binascii
import copy
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sopkit.archive.keys import fingerprint
from sopkit.errors import Untrusted

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
    from securesystemslib.dsse import Envelope

__all__ = ["PAYLOAD_TYPE", "pae", "payload", "sign", "verify"]

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def pae(payload_type: str, payload: bytes) -> bytes:
    """The bytes that are signed: DSSE's pre-authentication encoding (DSSE protocol 1.0.2)."""
    from securesystemslib.dsse import Envelope

    return Envelope(payload, payload_type, {}).pae()


def sign(payload_type: str, payload: bytes, private: Ed25519PrivateKey) -> dict[str, Any]:
    """The envelope `{payloadType, payload, signatures: [{keyid, sig}]}`, signed with `private`."""
    from securesystemslib.dsse import Envelope
    from securesystemslib.signer import CryptoSigner, SSlibKey  # type: ignore[attr-defined]

    public = private.public_key()
    # securesystemslib 1.6.0 reads no OpenSSH keys: it is handed the loaded key
    signer = CryptoSigner(private, SSlibKey.from_crypto(public, keyid=fingerprint(public)))
    envelope = Envelope(payload, payload_type, {})
    envelope.sign(signer)
    return envelope.to_dict()


def payload(envelope: Mapping[str, Any], payload_type: str = PAYLOAD_TYPE) -> bytes:
    """The payload of a well-formed envelope, *not verified*. Raises Untrusted."""
    return _parsed(envelope, payload_type).payload


def verify(
    envelope: Mapping[str, Any], public_keys: Iterable[Ed25519PublicKey], payload_type: str = PAYLOAD_TYPE
) -> str:
    """The fingerprint of the one key among `public_keys` that signed. Raises Untrusted."""
    from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

    parsed = _parsed(envelope, payload_type)
    (keyid,) = parsed.signatures
    known = {fingerprint(public): public for public in public_keys}
    if keyid not in known:
        raise Untrusted("signed with a key that nobody in force holds", got=keyid)
    try:
        parsed.verify([SSlibKey.from_crypto(known[keyid], keyid=keyid)], 1)
    except (VerificationError, UnverifiedSignatureError):
        raise Untrusted("the signature does not fit what it is said to sign", got=f"key {keyid}") from None
    return keyid


def _parsed(envelope: Mapping[str, Any], payload_type: str) -> Envelope:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import FormatError

    try:
        parsed = Envelope.from_dict(copy.deepcopy(dict(envelope)))  # securesystemslib 1.6.0 changes its argument
        # securesystemslib 1.6.0 keeps unknown fields of a signature and reads loose base64
        (signature,) = envelope["signatures"]
        well_formed = parsed.to_dict() == envelope and set(signature) == {"keyid", "sig"}
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, FormatError) as error:
        raise Untrusted("not an envelope", expected="payloadType, payload, one signature", got=error) from None
    if not well_formed:
        raise Untrusted("not an envelope as it is written", expected="payloadType, payload, one signature")
    if parsed.payload_type != payload_type:
        raise Untrusted("an envelope of another type", expected=payload_type, got=parsed.payload_type)
    return parsed
