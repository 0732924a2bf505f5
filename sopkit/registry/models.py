"""Models as bytes: saved and loaded with skops, by our own list of trusted types, never by pickle.

The rules:
* a file is loaded only if every type in it is a scikit-learn estimator or primitive that skops knows, or stands
  in `TRUSTED` by its exact name, or is a class of the workspace's module *with the digest that is pinned*;
* the same is asked when saving, so a model that could not be loaded is never promoted;
* loading from the store checks the digest first; what a digest cannot vouch for (a file from elsewhere) is
  checked by content: trees may only point at nodes and features that exist;
* the same fitted pipeline gives the same bytes, so its digest is its identity.
"""

from __future__ import annotations

import inspect
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sopkit.archive.store import Store
from sopkit.errors import Untrusted
from sopkit.modelling.modules import load_module
from sopkit.registry.trees import refuse_broken_trees

__all__ = ["TRUSTED", "from_bytes", "load", "save", "to_bytes", "types_beyond_default"]

# Beyond what skops 0.16 trusts by itself (public estimators, ufuncs, dtypes, primitives). Each is here because a
# fitted model of the named kind holds it, and because making one runs no code that the file brings along.
TRUSTED = frozenset(
    {
        # every pipeline of ours
        "sopkit.modelling.columns.Columns",
        # models that were adopted
        "sopkit.modelling.adoption.AdoptedClassifier",
        "sopkit.modelling.adoption.AdoptedRegressor",
        # histogram boosting: its trees, and the input check that its encoder of categories carries
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "functools.partial",
        "sklearn.utils.validation.check_array",
        # trees and forests
        "sklearn.tree._tree.Tree",
        # linear models
        "numpy.dtype",
        # neighbours
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._kd_tree.KDTree",
        # neural networks
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        # LightGBM
        "collections.OrderedDict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "lightgbm.sklearn.LGBMRegressor",
        # XGBoost
        "builtins.bytearray",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        "xgboost.sklearn.XGBRegressor",
    }
)
_OF_WORKSPACE = re.compile(r"(sopkit_module_[0-9a-f]{16})\.([A-Za-z_]\w*)")
_OLDEST_PROTOCOL = 2  # skops keeps laxer loaders for older ones, and the file itself says which to use
_LARGEST = 2**31  # bytes, unpacked
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_IMMUTABLE = {"JsonNode", "TypeNode", "FunctionNode"}


def to_bytes(pipeline: Any) -> bytes:
    """The fitted `pipeline` in the skops format. Raises Untrusted for one that `from_bytes` would refuse."""
    import skops.io

    try:
        data = _canonical(skops.io.dumps(pipeline))
    except Exception as error:  # skops raises many kinds for what it cannot write
        raise Untrusted(
            "the model cannot be saved without pickle",
            got=f"{type(error).__name__}: {error}",
            remedy="use an estimator of scikit-learn, LightGBM or XGBoost, without functions or open files in it",
        ) from None
    loaded = {name for name in sys.modules if name.startswith("sopkit_module_")}
    _refuse_untrusted(types_beyond_default(data), loaded)
    return data


def from_bytes(data: bytes, *, module: Path | None = None) -> Any:
    """The model in `data`, which must have come by a checked digest or is taken apart first.

    `module` is the pinned Python file beside the model file; only classes of exactly this content are trusted.
    Raises Untrusted, which names the types or the fault.
    """
    import skops.io

    unknown = types_beyond_default(data)
    pinned = {load_module(module).__name__} if module is not None else set()
    _refuse_untrusted(unknown, pinned)
    try:
        model = skops.io.loads(data, trusted=sorted(unknown))
    except Exception as error:  # a file that is not what it says fails anywhere
        raise _unreadable(data, error) from None
    refuse_broken_trees(model)
    return model


def save(store: Store, pipeline: Any) -> str:
    """Keep `pipeline` in the store; its digest. Raises Untrusted."""
    return store.put(to_bytes(pipeline))


def load(store: Store, digest: str, *, module: Path | None = None) -> Any:
    """The model of `digest`. Raises NotFound, DigestMismatch, Untrusted."""
    return from_bytes(store.get(digest), module=module)


def types_beyond_default(data: bytes) -> set[str]:
    """Names of the types in a skops file that skops does not trust by itself. Nothing in the file is executed.

    Raises Untrusted for what is not a skops file, is too large, or asks for an older protocol.
    """
    import skops.io

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            size = sum(entry.file_size for entry in archive.infolist())
            if size > _LARGEST:
                raise Untrusted("the model is too large", expected=f"at most {_LARGEST} bytes unpacked", got=size)
            protocol = json.loads(archive.read("schema.json")).get("protocol")
        if not isinstance(protocol, int) or isinstance(protocol, bool) or protocol < _OLDEST_PROTOCOL:
            raise Untrusted(
                "the model uses an old form of the skops format",
                expected=f"protocol {_OLDEST_PROTOCOL} or later",
                got=protocol,
                remedy="load it where it was made, and save it with skops 0.16 or later",
            )
        return set(skops.io.get_untrusted_types(data=data))
    except Untrusted:
        raise
    except Exception as error:  # a file that is not what it says fails anywhere
        raise _unreadable(data, error) from None


def _refuse_untrusted(names: Iterable[str], modules: set[str]) -> None:
    refused = sorted(name for name in names if name not in TRUSTED and not _is_own_class(name, modules))
    if refused:
        foreign = [name for name in refused if _OF_WORKSPACE.fullmatch(name)]
        raise Untrusted(
            f"the model holds types that are not trusted: {', '.join(refused)}",
            expected="scikit-learn, LightGBM or XGBoost estimators, or classes of the pinned Python file",
            got="a class of another version of that file" if foreign else None,
            remedy="use the module file that the model was trained with" if foreign else "do not load this file",
        )


def _is_own_class(name: str, modules: set[str]) -> bool:
    found = _OF_WORKSPACE.fullmatch(name)
    if not found or found[1] not in modules:
        return False
    cls = getattr(sys.modules[found[1]], found[2], None)
    # What the module merely imported (`from os import system`) is not its own.
    return inspect.isclass(cls) and cls.__module__ == found[1]


def _unreadable(data: bytes, error: Exception) -> Untrusted:
    return Untrusted(
        "the model file cannot be read: it is damaged, or not a skops file",
        got=f"{len(data)} bytes; {type(error).__name__}: {error}",
        remedy="fetch the file again, or train the model again",
    )


def _canonical(data: bytes) -> bytes:
    """The same skops file with addresses in memory (skops 0.16 uses them as ids and names) and times taken out."""
    ids: dict[int, int] = {}
    names: dict[str, str] = {}

    def renumbered(node: Any) -> Any:
        if isinstance(node, list):
            return [renumbered(item) for item in node]
        if not isinstance(node, dict):
            return node
        fresh = {key: renumbered(value) for key, value in node.items() if key != "__id__"}
        if "_stop_words_id" in fresh:  # scikit-learn 1.9 keeps an address in text features, to skip a warning
            fresh["_stop_words_id"]["content"] = "0"
        # Whether two equal texts are one object is chance; sharing them means nothing.
        if "__id__" in node and node.get("__loader__") not in _IMMUTABLE:
            fresh["__id__"] = ids.setdefault(node["__id__"], len(ids) + 1)
        if "__loader__" in node and isinstance(file := node.get("file"), str):
            ending = file.rpartition(".")[2]
            fresh["file"] = names.setdefault(file, f"{len(names) + 1}.{ending}")
        return fresh

    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as archive:
        schema = renumbered(json.loads(source.read("schema.json")))
        for old, new in names.items():
            archive.writestr(zipfile.ZipInfo(new, _NO_TIME), source.read(old))
        archive.writestr(zipfile.ZipInfo("schema.json", _NO_TIME), json.dumps(schema))
    return target.getvalue()
