"""Models as bytes: exact when they are ours, refused when they are not."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer

from sopkit import modelling
from sopkit.archive.workspace import Workspace
from sopkit.definitions.model import ModelFile
from sopkit.errors import DigestMismatch, NotFound, Untrusted
from sopkit.registry import models

ESTIMATORS: list[dict[str, Any]] = [
    {"class": "sklearn.ensemble.HistGradientBoostingClassifier", "parameters": {"max_iter": 5}},
    {"class": "sklearn.linear_model.LogisticRegression"},
    {"class": "sklearn.ensemble.RandomForestClassifier", "parameters": {"n_estimators": 5}},
    {"class": "sklearn.ensemble.GradientBoostingClassifier", "parameters": {"n_estimators": 5}},
    {"class": "sklearn.neighbors.KNeighborsClassifier"},
    {"class": "sklearn.neural_network.MLPClassifier", "parameters": {"max_iter": 5}},
    {"class": "sklearn.naive_bayes.GaussianNB"},
    {"class": "lightgbm.LGBMClassifier", "parameters": {"n_estimators": 5}},
]


def with_estimator(model: ModelFile, estimator: dict[str, Any]) -> ModelFile:
    return ModelFile.model_validate({**model.model_dump(by_alias=True), "estimator": estimator})


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda estimator: estimator["class"].rpartition(".")[2])
def test_a_model_comes_back_exactly(rows: pd.DataFrame, model: ModelFile, estimator: dict[str, Any]) -> None:
    """Every prediction of the loaded model equals that of the saved one, bit by bit."""
    changed = with_estimator(model, estimator)
    fitted = modelling.fit(modelling.recipe(changed), rows, changed)
    loaded = models.from_bytes(models.to_bytes(fitted.pipeline))
    np.testing.assert_array_equal(
        modelling.predict(loaded, rows, changed), modelling.predict(fitted.pipeline, rows, changed)
    )


def test_text_features_come_back_exactly(rows: pd.DataFrame, model: ModelFile) -> None:
    """The vocabulary of a text feature is kept too."""
    changed = ModelFile.model_validate({**model.model_dump(by_alias=True), "features": {"site": "text"}})
    fitted = modelling.fit(modelling.recipe(changed), rows, changed)
    loaded = models.from_bytes(models.to_bytes(fitted.pipeline))
    np.testing.assert_array_equal(
        modelling.predict(loaded, rows, changed), modelling.predict(fitted.pipeline, rows, changed)
    )


SAVE = """
import sys, pandas as pd
from sopkit import modelling
from sopkit.archive.canonical import sha256_hex
from sopkit.definitions.model import ModelFile
from sopkit.registry import models
model = ModelFile.model_validate_json(sys.argv[1])
rows = pd.read_parquet(sys.argv[2])
print(sha256_hex(models.to_bytes(modelling.fit(modelling.recipe(model), rows, model).pipeline)))
"""


def test_the_same_training_gives_the_same_digest_in_another_process(
    tmp_path: Path, rows: pd.DataFrame, model: ModelFile
) -> None:
    """Addresses, times and the order of sets in memory are not part of a model, so its digest is its identity."""
    changed = ModelFile.model_validate(
        {**model.model_dump(by_alias=True), "features": {"temperature": "numeric", "site": "text"}}
    )
    rows.to_parquet(tmp_path / "rows.parquet")
    arguments = [sys.executable, "-c", SAVE, changed.model_dump_json(by_alias=True), str(tmp_path / "rows.parquet")]
    digests = {
        subprocess.run(
            arguments,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


def test_the_store_checks_the_digest_before_a_model_is_loaded(workspace: Workspace, digest: str) -> None:
    """A flipped bit in the store is an error before a byte is interpreted, and so is a model that is not there."""
    assert models.load(workspace.store, digest) is not None
    path = workspace.store.path(digest)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(data)
    with pytest.raises(DigestMismatch):
        models.load(workspace.store, digest)
    with pytest.raises(NotFound):
        models.load(workspace.store, "0" * 64)


def altered(data: bytes, change: Any) -> bytes:
    """The skops file with its schema changed by hand, as an attacker would."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as made:
        for name in source.namelist():
            content = source.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                change(schema)
                content = json.dumps(schema).encode()
            made.writestr(name, content)
    return target.getvalue()


class Unknown:
    """A type that nobody trusts."""


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Unknown(), "Unknown"),
        (FunctionTransformer(os.system), "posix.system"),
        (FunctionTransformer(subprocess.check_output), "subprocess.check_output"),
        (FunctionTransformer(partial(os.remove, "x")), "posix.remove"),
        (FunctionTransformer(eval), "builtins.eval"),
        ({"type": subprocess.Popen}, "subprocess.Popen"),
    ],
)
def test_a_file_with_a_hostile_type_is_refused(value: Any, name: str) -> None:
    """Neither loaded nor saved, and the error names the type."""
    data = skops.io.dumps(value)
    with pytest.raises(Untrusted, match=name):
        models.from_bytes(data)
    with pytest.raises(Untrusted, match=name):
        models.to_bytes(value)


def test_a_type_that_a_file_claims_is_not_made(tmp_path: Path, pipeline: Any) -> None:
    """A trusted file whose estimator is renamed to `os.system` by hand is refused before anything is made."""

    def rename(schema: dict[str, Any]) -> None:
        schema["__module__"], schema["__class__"] = "os", "system"

    with pytest.raises(Untrusted, match=r"os\.system"):
        models.from_bytes(altered(models.to_bytes(pipeline), rename))


def test_an_older_protocol_is_refused(pipeline: Any) -> None:
    """skops keeps laxer loaders for older protocols, and the file would choose."""
    for protocol in (0, 1, True, None, "2"):
        data = altered(models.to_bytes(pipeline), lambda schema, p=protocol: schema.update(protocol=p))
        with pytest.raises(Untrusted, match="old form of the skops format"):
            models.from_bytes(data)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 nothing", b"\x80\x04N."], ids=["empty", "zip", "pickle"])
def test_what_is_no_model_file_is_refused(data: bytes) -> None:
    """Also a pickle, whose bytes are never interpreted."""
    with pytest.raises(Untrusted, match="damaged, or not a skops file"):
        models.from_bytes(data)


def test_a_truncated_model_is_refused(pipeline: Any) -> None:
    """Half a file is not half a model."""
    data = models.to_bytes(pipeline)
    with pytest.raises(Untrusted, match="damaged"):
        models.from_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [("left", 10**6, "child node"), ("right", 0, "child node"), ("feature_idx", 10**6, "feature")],
)
def test_a_tree_that_points_outside_itself_is_refused(
    rows: pd.DataFrame, model: ModelFile, field: str, value: int, fault: str
) -> None:
    """All types are trusted, but the first prediction would read foreign memory or never end."""
    pipeline = modelling.fit(modelling.recipe(model), rows, model).pipeline
    pipeline.named_steps["estimator"]._predictors[0][0].nodes[field][0] = value
    with pytest.raises(Untrusted, match=fault):
        models.from_bytes(models.to_bytes(pipeline))


OWN = """
from os import system
from sklearn.linear_model import LogisticRegression

class Careful(LogisticRegression):
    pass
"""


def test_classes_of_the_pinned_module_are_trusted_only_with_its_digest(
    tmp_path: Path, rows: pd.DataFrame, model: ModelFile
) -> None:
    """The pinned file loads its model; another content, or no file, does not."""
    (tmp_path / "own.py").write_text(OWN)
    changed = with_estimator(model, {"class": "own:Careful"})
    fitted = modelling.fit(modelling.recipe(changed), rows, changed, module=tmp_path / "own.py")
    data = models.to_bytes(fitted.pipeline)
    loaded = models.from_bytes(data, module=tmp_path / "own.py")
    np.testing.assert_array_equal(
        modelling.predict(loaded, rows, changed), modelling.predict(fitted.pipeline, rows, changed)
    )
    (tmp_path / "own.py").write_text(OWN + "\n# changed\n")
    with pytest.raises(Untrusted, match="another version of that file"):
        models.from_bytes(data, module=tmp_path / "own.py")
    with pytest.raises(Untrusted, match="Careful"):
        models.from_bytes(data)


def test_what_the_pinned_module_merely_imported_is_not_trusted(tmp_path: Path) -> None:
    """`from os import system` in the module does not make `system` a class of the workspace."""
    (tmp_path / "own.py").write_text(OWN)
    name = modelling.load_module(tmp_path / "own.py").__name__
    data = skops.io.dumps(Pipeline([("call", FunctionTransformer(os.system))]))
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as source, zipfile.ZipFile(target, "w") as made:
        for entry in source.namelist():
            made.writestr(entry, source.read(entry).replace(b'"posix"', f'"{name}"'.encode()))
    with pytest.raises(Untrusted, match=rf"{name}\.system"):
        models.from_bytes(target.getvalue(), module=tmp_path / "own.py")
