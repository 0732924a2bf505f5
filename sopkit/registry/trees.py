"""Trees that came out of a file: do they point at nodes and features that exist?

scikit-learn 1.9 walks the arrays of a fitted tree without looking at bounds, so a crafted file of nothing but
trusted types could read foreign memory or loop for ever at the first prediction
(https://github.com/scikit-learn/scikit-learn/pull/34558). The rule: children come after their parent
and inside the tree, features and bit sets exist.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from sopkit.errors import Untrusted

__all__ = ["refuse_broken_trees"]


def refuse_broken_trees(model: Any) -> None:
    """Raises Untrusted if a tree anywhere in `model` points outside itself."""
    for thing, features in _trees(model):
        is_histogram = type(thing).__name__ == "TreePredictor"
        fault = _fault_of_predictor(thing, features) if is_histogram else _fault_of_tree(thing)
        if fault:
            raise Untrusted(
                "a tree of the model points outside itself: the file was made to do harm, or is damaged",
                got=fault,
                remedy="do not use this file",
            )


def _fault_of_predictor(predictor: Any, features: int | None) -> str | None:
    nodes = predictor.nodes
    inner = np.flatnonzero(nodes["is_leaf"] == 0)
    fault = _fault_of_children(inner, nodes["left"][inner], nodes["right"][inner], len(nodes))
    if fault:
        return fault
    if len(inner) and int(nodes["feature_idx"][inner].max()) >= (features if features is not None else np.inf):
        return "a feature that does not exist"
    if len(inner) and int(nodes["feature_idx"][inner].min()) < 0:
        return "a feature that does not exist"
    sets = nodes["bitset_idx"][inner][nodes["is_categorical"][inner] != 0]
    for bitsets in (predictor.raw_left_cat_bitsets, predictor.binned_left_cat_bitsets):
        if len(sets) and (bitsets.ndim != 2 or bitsets.shape[1] != 8 or int(sets.max()) >= len(bitsets)):
            return "a set of categories that does not exist"
    return None


def _fault_of_tree(tree: Any) -> str | None:
    left, right = tree.children_left, tree.children_right
    inner = np.flatnonzero(left != -1)
    if len(inner) and not (int(tree.feature[inner].min()) >= 0 and int(tree.feature[inner].max()) < tree.n_features):
        return "a feature that does not exist"
    return _fault_of_children(inner, left[inner], right[inner], tree.node_count)


def _fault_of_children(inner: Any, left: Any, right: Any, size: int) -> str | None:
    for child in (left.astype(np.int64), right.astype(np.int64)):
        if len(child) and (bool((child <= inner).any()) or int(child.max()) >= size):
            return "a child node that does not exist or comes before its parent"
    return None if size else "no node at all"


def _trees(model: Any) -> Iterator[tuple[Any, int | None]]:
    """Every tree below `model`, with the number of features of the estimator that holds it (histogram boosting)."""
    seen: set[int] = set()
    waiting: list[tuple[Any, int | None]] = [(model, None)]
    while waiting:
        thing, features = waiting.pop()
        if id(thing) in seen or isinstance(thing, str | bytes | int | float | bool | type | None):
            continue
        seen.add(id(thing))
        kind = type(thing).__name__
        if kind in ("TreePredictor", "Tree") and type(thing).__module__.startswith("sklearn."):
            yield thing, features
        elif isinstance(thing, dict):
            waiting += [(item, features) for item in thing.values()]
        elif isinstance(thing, list | tuple | set):
            waiting += [(item, features) for item in thing]
        elif isinstance(thing, np.ndarray):
            waiting += [(item, features) for item in thing.ravel().tolist()] if thing.dtype == object else []
        elif hasattr(thing, "__dict__"):
            own = thing.__dict__.get("_n_features", thing.__dict__.get("n_features_in_", features))
            waiting += [(item, own) for item in thing.__dict__.values()]
