from __future__ import annotations

import base64
import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sopkit.archive.merkle import (
    Tree,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

LEAVES = [leaf_hash(str(number).encode()) for number in range(70)]
SIZES = st.integers(1, len(LEAVES))


def oracle(leaves):
    """RFC 6962, section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(oracle(leaves[:split]), oracle(leaves[split:]))


def oracle_path(index, leaves):
    """RFC 6962, section 2.1.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*oracle_path(index, leaves[:split]), oracle(leaves[split:])]
    return [*oracle_path(index - split, leaves[split:]), oracle(leaves[:split])]


def oracle_consistency(old, leaves, whole=True):
    """RFC 6962, section 2.1.2."""
    if old == len(leaves):
        return [] if whole else [oracle(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if old <= split:
        return [*oracle_consistency(old, leaves[:split], whole), oracle(leaves[split:])]
    return [*oracle_consistency(old - split, leaves[split:], False), oracle(leaves[:split])]


def test_every_prefix_of_a_growing_tree_has_the_root_of_the_definition():
    """At each size the root, the root of each earlier size and the root with one more leaf are the oracle's."""
    tree = Tree()
    assert tree.root() == oracle([])
    for size, leaf in enumerate(LEAVES, start=1):
        assert tree.root_with(leaf) == oracle(LEAVES[:size])
        tree.append(leaf)
        assert tree.root() == root(LEAVES[:size]) == oracle(LEAVES[:size])
    assert [tree.root(size) for size in range(len(LEAVES) + 1)] == [oracle(LEAVES[:n]) for n in range(len(LEAVES) + 1)]


@given(SIZES, st.data())
def test_an_inclusion_proof_holds_for_its_leaf_and_for_no_other(size, data):
    """The proof is the definition's, verifies for its index, and for no other index, leaf or root."""
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(LEAVES[:size], index)
    top = root(LEAVES[:size])
    assert proof == oracle_path(index, LEAVES[:size]) == Tree(LEAVES).inclusion_proof(index, size)
    assert verify_inclusion(LEAVES[index], index, size, proof, top)
    assert not any(verify_inclusion(LEAVES[index], other, size, proof, top) for other in range(size) if other != index)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, top)
    assert not verify_inclusion(LEAVES[index], index, size, proof, leaf_hash(b"other"))
    assert not verify_inclusion(LEAVES[index], index, size, [*proof, top], top)


@given(SIZES, st.data())
def test_a_consistency_proof_holds_for_its_sizes_and_roots_only(size, data):
    """The proof is the definition's, verifies, and fails when a node, a root or the order of sizes is another."""
    old = data.draw(st.integers(1, size))
    proof = consistency_proof(LEAVES[:size], old)
    before, after = root(LEAVES[:old]), root(LEAVES[:size])
    assert proof == oracle_consistency(old, LEAVES[:size]) == Tree(LEAVES).consistency_proof(old, size)
    assert verify_consistency(old, before, size, after, proof)
    assert not verify_consistency(old, leaf_hash(b"other"), size, after, proof)
    assert not verify_consistency(old, before, size, leaf_hash(b"other"), proof)
    assert not verify_consistency(old, before, size, after, [*proof, after])
    if proof:
        spoilt = data.draw(st.integers(0, len(proof) - 1))
        assert not verify_consistency(old, before, size, after, [*proof[:spoilt], *proof[spoilt + 1 :]])
        changed = [*proof[:spoilt], leaf_hash(b"other"), *proof[spoilt + 1 :]]
        assert not verify_consistency(old, before, size, after, changed)


def test_what_no_tree_has_is_refused():
    """A leaf, size or old size beyond the tree, and a proof from nothing, raise ValueError."""
    tree = Tree(LEAVES[:5])
    for call in (
        lambda: tree.root(6),
        lambda: tree.root(-1),
        lambda: tree.inclusion_proof(5),
        lambda: tree.inclusion_proof(-1),
        lambda: tree.inclusion_proof(0, 6),
        lambda: tree.consistency_proof(0),
        lambda: tree.consistency_proof(6),
        lambda: tree.consistency_proof(4, 3),
    ):
        with pytest.raises(ValueError, match="no "):
            call()


def test_a_consistency_proof_from_size_0_says_nothing_and_is_refused():
    """Any tree continues the empty one, so a proof from it proves nothing."""
    empty, tree = root([]), root(LEAVES[:3])
    assert not verify_consistency(0, empty, 3, tree, [])
    assert not verify_consistency(0, empty, 0, empty, [])


def decoded(value):
    return base64.b64decode(value) if isinstance(value, str) else b""


def test_published_inclusion_proofs(vectors):
    """All published inclusion proofs of RFC 6962 verify or fail as they must."""
    cases = json.loads((vectors / "rfc6962_proofs.json").read_text())["inclusion"]
    wrong = [
        case["name"]
        for case in cases
        if verify_inclusion(
            decoded(case["leafHash"]),
            case["leafIdx"],
            case["treeSize"],
            [decoded(node) for node in case["proof"] or []],
            decoded(case["root"]),
        )
        == case["wantErr"]
    ]
    assert len(cases) == 98
    assert wrong == []


def test_published_consistency_proofs(vectors):
    """All published consistency proofs verify or fail as they must; those from size 0 never hold."""
    cases = json.loads((vectors / "rfc6962_proofs.json").read_text())["consistency"]
    wrong = [
        case["name"]
        for case in cases
        if verify_consistency(
            case["size1"],
            decoded(case["root1"]),
            case["size2"],
            decoded(case["root2"]),
            [decoded(node) for node in case["proof"] or []],
        )
        == (case["wantErr"] or case["size1"] == 0)
    ]
    assert len(cases) == 98
    assert wrong == []
