"""Merkle trees of RFC 6962: one root for a sequence of lines, and short proofs about it.

The rules:
* a leaf is sha256 of 0x00 and the data, a node sha256 of 0x01, left and right; so neither passes for the other;
* the tree over n leaves is split at the largest power of two below n; the root of none is sha256 of nothing;
* an inclusion proof says: this leaf is at that place in the tree with this root;
* a consistency proof says: the smaller tree is a prefix of the larger. From size 0 it says nothing, and is refused.

Verification follows RFC 9162, sections 2.1.3.2 and 2.1.4.2.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

__all__ = [
    "Tree",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root",
    "verify_consistency",
    "verify_inclusion",
]


def leaf_hash(data: bytes) -> bytes:
    """The leaf of `data`, 32 bytes."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The parent of two nodes, 32 bytes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Tree:
    """A growing tree of leaves; the root of each of its prefixes, and proofs, in O(log n) hashes or little more.

    `_levels[k][i]` is the node over the leaves from i * 2^k on, 2^k of them: every complete subtree, once.
    """

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for leaf in leaves:
            self.append(leaf)

    @property
    def size(self) -> int:
        return len(self._levels[0])

    def append(self, leaf: bytes) -> None:
        """Add the leaf (from `leaf_hash`) of the next line."""
        node = leaf
        for level, nodes in enumerate(self._levels):
            nodes.append(node)
            if len(nodes) % 2:
                return
            node = node_hash(nodes[-2], nodes[-1])
            if level + 1 == len(self._levels):
                self._levels.append([node])
                return

    def root(self, size: int | None = None) -> bytes:
        """The root over the first `size` leaves, of all by default. Raises ValueError beyond the end."""
        size = self.size if size is None else size
        if not 0 <= size <= self.size:
            raise ValueError(f"no tree of {size} leaves in one of {self.size}")
        return self._node(0, size) if size else hashlib.sha256().digest()

    def root_with(self, leaf: bytes) -> bytes:
        """The root that the tree would have with one more leaf."""
        node, size = leaf, self.size
        for level, nodes in enumerate(self._levels):
            if size >> level & 1:
                node = node_hash(nodes[-1], node)
        return node

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """The nodes that lead from leaf `index` to the root over `size` leaves. Raises ValueError."""
        size = self.size if size is None else size
        if not 0 <= index < size <= self.size:
            raise ValueError(f"no leaf {index} among {size} of {self.size}")
        start, stop, path = 0, size, []
        while stop - start > 1:
            middle = start + _split(stop - start)
            if index < middle:
                path.append(self._node(middle, stop))
                stop = middle
            else:
                path.append(self._node(start, middle))
                start = middle
        return path[::-1]

    def consistency_proof(self, old: int, size: int | None = None) -> list[bytes]:
        """The nodes that lead from the root over `old` leaves to that over `size`. Raises ValueError."""
        size = self.size if size is None else size
        if not 0 < old <= size <= self.size:
            raise ValueError(f"no proof from {old} to {size} leaves of {self.size}")
        start, stop, path = 0, size, []
        whole = True  # whether the old tree is a subtree of its own here, whose root the verifier knows
        while stop != old:
            middle = start + _split(stop - start)
            if old <= middle:
                path.append(self._node(middle, stop))
                stop = middle
            else:
                path.append(self._node(start, middle))
                start, whole = middle, False
        if not whole:
            path.append(self._node(start, stop))
        return path[::-1]

    def _node(self, start: int, stop: int) -> bytes:
        """The node over leaves start … stop-1, a range that the tree's splitting produces."""
        count = stop - start
        if count & (count - 1) == 0:
            level = count.bit_length() - 1
            return self._levels[level][start >> level]
        middle = start + _split(count)
        return node_hash(self._node(start, middle), self._node(middle, stop))


def root(leaves: Iterable[bytes]) -> bytes:
    """The root over leaves (from `leaf_hash`)."""
    return Tree(leaves).root()


def inclusion_proof(leaves: Iterable[bytes], index: int) -> list[bytes]:
    """See `Tree.inclusion_proof`."""
    return Tree(leaves).inclusion_proof(index)


def consistency_proof(leaves: Iterable[bytes], old: int) -> list[bytes]:
    """See `Tree.consistency_proof`."""
    return Tree(leaves).consistency_proof(old)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether `proof` shows that `leaf` is number `index` (from 0) of the `size` leaves under `root`."""
    if not 0 <= index < size or any(len(node) != 32 for node in (leaf, root, *proof)):
        return False
    place, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place % 2 or place == last:
            node = node_hash(sibling, node)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether `proof` shows that the tree under `old_root` is the prefix of that under `root`. Never from size 0."""
    if not 0 < old_size <= size or any(len(node) != 32 for node in proof):
        return False
    if old_size == size:
        return not proof and old_root == root
    path = list(proof)
    if old_size & (old_size - 1) == 0:  # a complete subtree: the verifier starts from the root it knows
        path.insert(0, old_root)
    if not path:
        return False
    place, last = old_size - 1, size - 1
    while place % 2:
        place, last = place >> 1, last >> 1
    old_node = node = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place % 2 or place == last:
            old_node, node = node_hash(sibling, old_node), node_hash(sibling, node)
            while place % 2 == 0 and place:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and old_node == old_root and node == root


def _split(count: int) -> int:
    """The largest power of two below `count` (at least 2)."""
    return 1 << ((count - 1).bit_length() - 1)
