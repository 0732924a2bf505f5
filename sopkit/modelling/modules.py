"""The workspace's own Python: the file beside a model file, loaded from a pinned copy.

The rules:
* the bytes that are digested are the bytes that are executed;
* the module's name carries the digest (`sopkit_module_<16 hex digits>`), so what was made with one
  version of the file can never be taken for the work of another: a model saved with a class of
  this module names the digest in the type that the registry has to trust.
"""

from __future__ import annotations

import hashlib
import re
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from sopkit.errors import DataError, DefinitionError, NotFound

__all__ = ["MODULE_PREFIX", "attribute", "is_function", "load_module", "module_name", "no_module", "no_such_name"]

MODULE_PREFIX = "sopkit_module_"
_loading = threading.RLock()  # fits run side by side, and a class must not exist twice
_REFERENCE = re.compile(r"[A-Za-z_]\w*:[A-Za-z_]\w*")


def is_function(reference: str) -> bool:
    """Whether `reference` has the form `module:name`."""
    return _REFERENCE.fullmatch(reference) is not None


def module_name(digest: str) -> str:
    """The name under which a module with this sha256 is loaded."""
    return f"{MODULE_PREFIX}{digest[:16]}"


def load_module(path: Path) -> ModuleType:
    """The module at `path`, executed once for each content. Raises NotFound, or DataError where it does not load."""
    try:
        source = Path(path).read_bytes()
    except OSError as error:
        raise NotFound(
            "the Python file cannot be read", where=path, got=error.strerror, remedy="put it beside the model file"
        ) from None
    name = module_name(hashlib.sha256(source).hexdigest())
    with _loading:
        if name in sys.modules:
            return sys.modules[name]
        module = ModuleType(name, f"{Path(path).name}, pinned")
        module.__file__ = str(path)
        sys.modules[name] = module
        try:
            exec(compile(source, str(path), "exec"), module.__dict__)
        except Exception as error:
            del sys.modules[name]
            raise DataError("the module does not load", where=path, got=f"{type(error).__name__}: {error}") from error
    return module


def attribute(reference: str, path: Path | None, *, where: object = None) -> Any:
    """What `module:Name` stands for in the pinned file. Raises DefinitionError without a file or such a name."""
    if path is None:
        raise no_module(reference, where=where)
    name = reference.partition(":")[2]
    module = load_module(path)
    if not hasattr(module, name):
        raise no_such_name(name, path, vars(module), where=where)
    return getattr(module, name)


def no_module(reference: str, *, where: object = None) -> DefinitionError:
    return DefinitionError(
        f"{reference!r} names a Python file, and the model file has none beside it",
        where=where,
        remedy="put <model>.py beside the model file",
    )


def no_such_name(name: str, path: Path, names: Iterable[str], *, where: object = None) -> DefinitionError:
    public = ", ".join(sorted(known for known in names if not known.startswith("_"))) or "nothing public"
    return DefinitionError(f"{Path(path).name} has no {name!r}", where=where or path, expected=name, got=public)
