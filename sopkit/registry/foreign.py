"""Models from elsewhere, to be adopted: found by an address, kept by digest, loaded by our own list of trusted types.

    champion.skops                  a skops file, relative to the workspace
    models:/churn/3, models:/churn@production, runs:/<run>/model      MLflow, in the skops form only
    churn:fitted                    a fitted estimator of the Python file beside the model file, or a function that
                                    gives one
    recipe                          the model file's own, fitted by `sop adopt` in place of a model that is not at hand
    …#sha256=<digest>               the same, with bytes that are in the store already

The rules:
* a pickle is never read, whoever says that it is safe;
* what was fetched goes into the store, and a run names it by digest: a stage needs no access to where it came from.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sopkit.archive.store import Store
from sopkit.errors import DataError, NotFound, SopkitError, Untrusted, WrongUse
from sopkit.modelling.modules import attribute, is_function
from sopkit.registry import models, tracking

__all__ = ["Address", "address", "fetch", "load"]

_MLFLOW = re.compile(r"models:/[^/@#]+(/\d+|@[\w.-]+)|runs:/[0-9a-f]{32}/.+")
_DIGEST = re.compile(r"(.+)#sha256=([0-9a-f]{64})")
_FORMS = "a .skops file, models:/name/version, models:/name@alias, runs:/id/path, module:name, or recipe"


@dataclass(frozen=True)
class Address:
    """Where a model is: `text` as written without the digest, `digest` of bytes in the store where it is known."""

    kind: Literal["file", "mlflow", "module", "recipe"]
    text: str
    digest: str | None = None

    def __str__(self) -> str:
        return f"{self.text}#sha256={self.digest}" if self.digest else self.text


def address(uri: str) -> Address:
    """What a URI names. Raises WrongUse for one that names nothing that could be adopted."""
    found = _DIGEST.fullmatch(uri)
    text, digest = (found[1], found[2]) if found else (uri, None)
    if _MLFLOW.fullmatch(text):
        return Address("mlflow", text, digest)
    if text.startswith(("models:", "runs:")) or "://" in text:
        raise WrongUse("not an address of a model", expected=_FORMS, got=uri)
    if is_function(text):
        return Address("module", text)
    if text == "recipe":
        return Address("recipe", text, digest)
    if not text.endswith(".skops"):
        pickled = text.endswith((".pkl", ".pickle", ".joblib", ".sav"))
        raise WrongUse(
            "a pickle is never loaded: it could run anything" if pickled else "not a model that can be adopted",
            expected=_FORMS,
            got=uri,
            remedy="save it with skops where it was made: skops.io.dump(model, 'model.skops')",
        )
    return Address("file", text, digest)


def fetch(where: Address, root: Path, environment: Mapping[str, str]) -> bytes:
    """The bytes of a skops file at the address of a file or of MLflow. Raises NotFound, DataError, Untrusted, WrongUse.

    `root` is what relative paths start from; MLflow is found by MLFLOW_TRACKING_URI in `environment`.
    """
    if where.kind == "file":
        try:
            return (root / where.text).read_bytes()
        except OSError as error:
            raise NotFound("the model file cannot be read", where=root / where.text, got=error.strerror) from None
    uri = environment.get("MLFLOW_TRACKING_URI")
    if not uri:
        remedy = "export MLFLOW_TRACKING_URI=sqlite:///mlflow.db, or the address of the server"
        raise WrongUse("which MLflow?", where=where.text, expected="MLFLOW_TRACKING_URI", remedy=remedy)
    with tempfile.TemporaryDirectory(prefix="sop-") as folder:
        return _skops_of_mlflow(_downloaded(uri, where.text, folder), where.text)


def load(uri: str, *, store: Store, root: Path, module: Path | None) -> tuple[Any, str]:
    """The model at `uri` and its digest (empty for one that a module makes), as a stage may load it.

    Raises WrongUse where the bytes would have to be fetched first, Untrusted for types that are not on our list.
    """
    where = address(uri)
    if where.kind == "module":
        found = attribute(where.text, module, where="adopt")
        return (found if hasattr(found, "predict") else _made(found, where.text)), ""
    if where.digest is None:
        raise WrongUse(
            "the model was not fetched before the run", where=uri, remedy="start the run with:  sop adopt MODEL URI"
        )
    return models.load(store, where.digest, module=module), where.digest


def _made(function: Any, name: str) -> Any:
    if not callable(function):
        expected = "a fitted estimator, or a function that gives one"
        raise DataError(f"{name} is no model", expected=expected, got=type(function).__name__)
    try:
        return function()
    except Exception as error:  # whatever people's own code raises
        raise DataError(f"{name}() failed", got=f"{type(error).__name__}: {error}") from None


def _downloaded(tracking_uri: str, uri: str, folder: str) -> Path:
    """The folder of an MLflow model, copied into `folder`."""
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    try:
        with tracking._client(tracking_uri):
            import mlflow

            # mlflow 3.17 passes the addresses on to some of the stores only that `models:/` leads through.
            before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
            mlflow.set_tracking_uri(tracking_uri)
            mlflow.set_registry_uri(tracking_uri)
            try:
                return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=folder))
            finally:
                mlflow.set_tracking_uri(before[0])
                mlflow.set_registry_uri(before[1])
    except SopkitError as error:
        remedy = "see that the model is there, and that MLFLOW_TRACKING_URI names the right MLflow"
        raise DataError("MLflow does not give the model", where=uri, got=error.got, remedy=remedy) from None


def _skops_of_mlflow(folder: Path, uri: str) -> bytes:
    """The skops file of an MLflow model. Raises Untrusted for every other form, which is not opened."""
    from mlflow.models import Model

    try:
        flavours = Model.load(str(folder)).flavors
    except Exception as error:  # a folder that is no MLflow model fails anywhere
        raise DataError("not an MLflow model", where=uri, got=f"{type(error).__name__}: {error}") from None
    settings = flavours.get("sklearn", {})
    form = settings.get("serialization_format", "none of scikit-learn")
    if form != "skops":
        raise Untrusted(
            "the model lies in MLflow in a form that could run anything when it is loaded",
            where=uri,
            expected="flavour sklearn, saved as skops",
            got=f"flavours {', '.join(sorted(flavours))}; form {form}",
            remedy='log it again where it was made: mlflow.sklearn.log_model(…, serialization_format="skops")',
        )
    path = (folder / str(settings.get("pickled_model", ""))).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise DataError("the MLflow model lacks its skops file", where=uri, got=settings.get("pickled_model"))
    return path.read_bytes()
