"""Models from elsewhere: addresses, MLflow in the skops form only, and never a pickle."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from sopkit.errors import DataError, NotFound, Untrusted, WrongUse
from sopkit.modelling.adoption import adapt
from sopkit.registry import foreign, models

DIGEST = "ab" * 32


@pytest.fixture(scope="module")
def fitted() -> LogisticRegression:
    x = pd.DataFrame({"temperature": [1.0, 2.0, 3.0, 4.0]})
    return LogisticRegression().fit(x, [0, 0, 1, 1])


@pytest.mark.parametrize(
    ("uri", "kind"),
    [
        ("models/old.skops", "file"),
        ("models:/churn/3", "mlflow"),
        ("models:/churn@production", "mlflow"),
        (f"runs:/{'0a' * 16}/model", "mlflow"),
        ("churn:fitted", "module"),
        ("recipe", "recipe"),
    ],
)
def test_an_address_says_what_kind_it_is(uri, kind):
    """Every form that is offered is understood, with a digest behind it where bytes are kept."""
    assert (kind, uri) == (foreign.address(uri).kind, str(foreign.address(uri)))
    if kind != "module":
        kept = foreign.address(f"{uri}#sha256={DIGEST}")
        assert (uri, DIGEST) == (kept.text, kept.digest)


@pytest.mark.parametrize("uri", ["old.pkl", "model.joblib", "models:/churn", "https://host/m.skops", "churn", ""])
def test_other_addresses_are_refused(uri):
    """A pickle, an address of the net and half an address are refused with the forms that there are."""
    with pytest.raises(WrongUse, match=r"models:/name/version"):
        foreign.address(uri)


def test_a_skops_file_is_fetched_kept_and_loaded_by_digest(workspace, fitted):
    """What is in the store under its digest is what a stage loads; a file alone is not enough for it."""
    (workspace.root / "old.skops").write_bytes(skops.io.dumps(fitted))
    where = foreign.address("old.skops")
    digest = workspace.store.put(foreign.fetch(where, workspace.root, {}))
    uri = str(foreign.Address("file", "old.skops", digest))
    found, told = foreign.load(uri, store=workspace.store, root=workspace.root, module=None)
    assert (digest, [[0.0, 1.0]]) == (
        told,
        found.predict_proba(pd.DataFrame({"temperature": [99.0]})).round(6).tolist(),
    )
    with pytest.raises(WrongUse, match="sop adopt"):
        foreign.load("old.skops", store=workspace.store, root=workspace.root, module=None)
    with pytest.raises(NotFound, match="cannot be read"):
        foreign.fetch(foreign.address("new.skops"), workspace.root, {})


def test_an_adopted_model_comes_back_from_its_bytes(fitted, model):
    """The adapter is on our list; a function inside the model is not."""
    pipeline = adapt(fitted, model)
    again = models.from_bytes(models.to_bytes(pipeline))
    rows = pd.DataFrame({"temperature": np.arange(5.0), "site": "north"})
    assert np.array_equal(pipeline.predict_proba(rows), again.predict_proba(rows))
    with pytest.raises(Untrusted, match="eval"):
        models.from_bytes(skops.io.dumps(make_pipeline(FunctionTransformer(eval), fitted)))


def test_a_module_gives_an_estimator_or_a_function_that_makes_one(workspace, tmp_path):
    """Both forms load; what fails in people's own code is said, and what is no model too."""
    module = tmp_path / "churn.py"
    module.write_text(
        "from sklearn.dummy import DummyClassifier\n"
        "fitted = DummyClassifier().fit([[0], [1]], [0, 1])\n"
        "def make():\n    return fitted\n"
        "def broken():\n    raise OSError('no disk')\n"
        "number = 3\n"
    )

    def load(name: str):
        return foreign.load(f"churn:{name}", store=workspace.store, root=workspace.root, module=module)

    assert load("fitted")[0] is load("make")[0]
    for name, told in (("broken", "no disk"), ("number", "no model")):
        with pytest.raises(DataError, match=told):
            load(name)


def test_mlflow_gives_models_in_the_skops_form_only(tmp_path: Path, uri: str, fitted):
    """A model that was logged as skops is fetched by version and by run; one that was pickled is not opened."""
    import mlflow

    before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mlflow 3.17 warns of its own old ways
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        try:
            mlflow.set_experiment(experiment_id=mlflow.create_experiment("e", artifact_location=str(tmp_path / "art")))
            with mlflow.start_run() as run:
                kept = {"sk_model": fitted, "pip_requirements": []}
                mlflow.sklearn.log_model(
                    **kept, name="model", serialization_format="skops", registered_model_name="good",
                    skops_trusted_types=["numpy.dtype"],
                )  # fmt: skip
                mlflow.sklearn.log_model(
                    **kept, name="pickled", serialization_format="cloudpickle", registered_model_name="bad"
                )
        finally:
            mlflow.set_tracking_uri(before[0])
            mlflow.set_registry_uri(before[1])
    environment = {"MLFLOW_TRACKING_URI": uri}
    by_version, by_run = (
        foreign.fetch(foreign.address(each), tmp_path, environment)
        for each in ("models:/good/1", f"runs:/{run.info.run_id}/model")
    )
    assert by_version == by_run
    assert fitted.coef_.tolist() == models.from_bytes(by_version).coef_.tolist()
    with pytest.raises(Untrusted, match="cloudpickle"):
        foreign.fetch(foreign.address("models:/bad/1"), tmp_path, environment)
    with pytest.raises(DataError, match="not found"):
        foreign.fetch(foreign.address("models:/good/7"), tmp_path, environment)
    with pytest.raises(WrongUse, match="MLFLOW_TRACKING_URI"):
        foreign.fetch(foreign.address("models:/good/1"), tmp_path, {})
