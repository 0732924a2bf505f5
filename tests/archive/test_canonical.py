from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopkit.archive.canonical import canonical_json, sha256_file, sha256_hex
from sopkit.errors import WrongUse

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
)


@given(JSON)
def test_canonical_json_read_and_written_again_has_the_same_bytes(value):
    """Any value, non-finite and very large numbers included, has one form that survives a reader."""
    once = canonical_json(value)
    assert canonical_json(json.loads(once)) == once


@given(st.dictionaries(TEXT, JSON))
def test_the_order_of_keys_does_not_matter(value):
    """Two writers who build the same object in another order write the same bytes."""
    assert canonical_json(dict(reversed(value.items()))) == canonical_json(value)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, b"1"),
        (-0.0, b"0"),
        (1e-7, b"1e-7"),
        (333333333.33333329, b"333333333.3333333"),
        (float("nan"), b'"NaN"'),
        (2**53 - 1, b"9007199254740991"),
        (2**53, b'"9007199254740992"'),
        (float(2**53), b'"9007199254740992"'),
        ('\u20ac$\u000f\nA\'B"\\"/', b'"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\"/"'),
        ({"\u20ac": 1, "\r": 2, "1": 3, "\U0001f600": 4}, b'{"\\r":2,"1":3,"\xe2\x82\xac":1,"\xf0\x9f\x98\x80":4}'),
    ],
)
def test_rfc_8785_examples(value, expected):
    """Numbers, escapes and key order are those of RFC 8785; what it cannot hold becomes a string."""
    assert canonical_json(value) == expected


@pytest.mark.parametrize("value", ["\ud800", {"a": object()}, 10**5000], ids=["surrogate", "object", "digits"])
def test_a_value_without_json_form_is_refused(value):
    """Half a surrogate pair, an object and a number of 5,000 digits are refused with an error of ours."""
    with pytest.raises(WrongUse, match="no canonical JSON form"):
        canonical_json(value)


def test_a_file_has_the_digest_of_its_bytes(tmp_path):
    """Reading in pieces changes nothing, also for a file larger than a piece."""
    data = bytes(range(256)) * 9000
    (tmp_path / "file").write_bytes(data)
    assert sha256_file(tmp_path / "file") == sha256_hex(data) == hashlib.sha256(data).hexdigest()
