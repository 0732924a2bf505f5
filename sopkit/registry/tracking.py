"""Model versions and aliases in MLflow: a projection for people and tools; the log is the truth.

The rules:
* MLflow keeps a pointer only: the model's bytes lie in our store, by the sha256 in `sopkit.sha256`, so a
  moved workspace breaks nothing (MLflow 3.17 stores absolute paths for artifacts of its own);
* every call can be repeated: what is there already is found by its tags and not made twice;
* an alias that differs from the log is repaired, never believed;
* no telemetry, no chatter, and no credential of a tracking address in an error.

The tracking address is MLflow's (`sqlite:///…`, `https://…`). A SQLite registry is used by one process at a time.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import re
import sqlite3
import uuid
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sopkit.errors import EffectRefused, NotFound, SopkitError

if TYPE_CHECKING:
    from mlflow import MlflowClient

__all__ = ["aliases", "find_version", "move_alias", "register", "repair", "sqlite_uri", "versions"]

_DIGEST, _RUN, _STAGE, _ATTEMPT = "sopkit.sha256", "sopkit.run", "sopkit.stage", "sopkit.attempt"
_LONGEST_VALUE = 5000  # MLflow 3.17 takes 6,000 characters in a parameter, 5,000 in a tag
_SQLITE = "sqlite:///"
_SETTINGS = {  # read by mlflow when it is imported or first used
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # a pooled connection would go on with a registry file that was deleted or replaced
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
}
_NOT_IN_A_NAME = re.compile(r"[^\w\-./ :]")


def sqlite_uri(path: Path) -> str:
    """The tracking address of a SQLite file; its folder is made when it is first used."""
    return f"{_SQLITE}{path}"


def register(
    tracking_uri: str,
    *,
    model: str,
    digest: str,
    run: str,
    stage: str,
    attempt: int,
    parameters: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
) -> int:
    """The version of `model` that stands for `digest` of this attempt; made if it is not there yet.

    An MLflow run of the same tags carries parameters and metrics. Raises EffectRefused if MLflow fails.
    """
    identity = {_DIGEST: digest, _RUN: run, _STAGE: stage, _ATTEMPT: str(attempt)}
    with _client(tracking_uri) as client:
        _registered_model(client, model)
        for version in _versions(client, model):
            if identity.items() <= version["tags"].items():
                return int(version["version"])
        own = identity | {_name(key): _text(value) for key, value in (tags or {}).items()}
        run_id = _run_with(client, model, identity, own, parameters or {}, metrics or {})
        made = client.create_model_version(model, source=f"sopkit-store:sha256/{digest}", run_id=run_id, tags=own)
        return int(made.version)


def move_alias(tracking_uri: str, model: str, alias: str, version: int, *, expected: int | None = None) -> int | None:
    """Point `alias` at `version`; the version it pointed at before, or None. Moving it twice is moving it once.

    With `expected`, raises EffectRefused unless the alias points there (or at `version` already); MLflow has no
    compare-and-set, so this is a check before the move, made under the lock of a local registry.
    """
    with _client(tracking_uri) as client:
        before = _aliases(client, model).get(alias)
        if expected is not None and before not in (expected, version):
            raise EffectRefused(
                f"alias '{alias}' of '{model}' is not where it was expected to be",
                where=_shown(tracking_uri),
                expected=f"version {expected}",
                got="no version" if before is None else f"version {before}",
            )
        if before != version:
            client.set_registered_model_alias(model, alias, str(version))
        return before


def aliases(tracking_uri: str, model: str) -> dict[str, int]:
    """Alias -> version, as MLflow has it; empty for a model that it does not know."""
    with _client(tracking_uri) as client:
        return _aliases(client, model)


def versions(tracking_uri: str, model: str) -> list[dict[str, Any]]:
    """`{version, digest, run, stage, attempt, tags}` of every version, oldest first."""
    with _client(tracking_uri) as client:
        return _versions(client, model)


def find_version(tracking_uri: str, model: str, digest: str, *, run: str | None = None) -> int:
    """The version registered for `digest`: the one of `run` if there are several, else the newest. Raises NotFound."""
    found = [version for version in versions(tracking_uri, model) if version["digest"] == digest]
    if not found:
        raise NotFound(
            f"no version of '{model}' is registered for this digest",
            where=_shown(tracking_uri),
            expected=digest,
            remedy="request register_model before move_alias",
        )
    return int(max(found, key=lambda version: (version["run"] == run, version["version"]))["version"])


def repair(tracking_uri: str, model: str, wanted: Mapping[str, int | None]) -> dict[str, tuple[int | None, int | None]]:
    """Make the aliases what the log says (`None`: gone); alias -> (was, is) of those that differed.

    Aliases that `wanted` does not name are somebody else's and stay.
    """
    changed: dict[str, tuple[int | None, int | None]] = {}
    with _client(tracking_uri) as client:
        now = _aliases(client, model)
        for alias, version in wanted.items():
            if now.get(alias) == version:
                continue
            if version is None:
                client.delete_registered_model_alias(model, alias)
            else:
                client.set_registered_model_alias(model, alias, str(version))
            changed[alias] = (now.get(alias), version)
    return changed


@contextlib.contextmanager
def _client(tracking_uri: str) -> Iterator[MlflowClient]:
    """A client, alone with a local registry. Raises EffectRefused for whatever goes wrong inside MLflow."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    with warnings.catch_warnings():
        # mlflow 3.17 uses `lazy="noload"`, which SQLAlchemy 2.1 deprecates, and warns of its own old ways.
        warnings.simplefilter("ignore")
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic"):  # they tell of every migration, and of errors that are raised as well
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            with _alone_with(tracking_uri):
                yield MlflowClient(tracking_uri, tracking_uri)
        except SopkitError:
            raise
        except Exception as error:  # MlflowException, but also whatever lies below: database, network, disk
            shown = _shown(tracking_uri)
            raise EffectRefused(
                "the model registry failed",
                where=shown,
                got=f"{type(error).__name__}: {(str(error).splitlines() or [''])[0]}".replace(tracking_uri, shown),
                remedy="see that MLflow answers there; then:  sop resume RUN",
            ) from None


@contextlib.contextmanager
def _alone_with(tracking_uri: str) -> Iterator[None]:
    """For SQLite: the only process at it, and the tables made whole before the file has its name.

    MLflow 3.17 makes its tables in many transactions and cannot go on where a killed process left off.
    """
    if not tracking_uri.startswith(_SQLITE):
        yield
        return
    from filelock import FileLock

    path = Path(tracking_uri.removeprefix(_SQLITE))
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{path}.lock"):
        for left in path.parent.glob(f"{path.name}.new-*"):
            left.unlink()
        if not path.exists():
            _make_tables(path)
        yield


def _make_tables(path: Path) -> None:
    """MLflow's tables, made in memory (on disk its 80 migrations wait seconds for the disk) and kept in one piece."""
    from mlflow import MlflowClient

    # A name of its own: MLflow remembers for each address that its tables are there.
    unique = uuid.uuid4().hex
    memory = f"file:{unique}?mode=memory&cache=shared&uri=true"
    fresh = path.with_name(f"{path.name}.new-{unique}")
    with contextlib.closing(sqlite3.connect(memory, uri=True)) as made:  # it lives as long as it is open
        MlflowClient(f"{_SQLITE}{memory}", f"{_SQLITE}{memory}")
        with contextlib.closing(sqlite3.connect(fresh)) as kept:
            made.backup(kept)
    os.replace(fresh, path)


def _registered_model(client: MlflowClient, model: str) -> None:
    from mlflow.exceptions import MlflowException

    try:
        client.create_registered_model(model)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def _versions(client: MlflowClient, model: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    token: str | None = None
    while True:
        page = client.search_model_versions(f"name = '{model}'", max_results=1000, page_token=token)
        for version in page:
            tags = dict(version.tags)
            found.append(
                {
                    "version": int(version.version),
                    "digest": tags.get(_DIGEST),
                    "run": tags.get(_RUN),
                    "stage": tags.get(_STAGE),
                    "attempt": int(tags[_ATTEMPT]) if tags.get(_ATTEMPT, "").isdigit() else None,
                    "tags": tags,
                }
            )
        token = page.token
        if not token:
            return sorted(found, key=lambda version: int(version["version"]))


def _aliases(client: MlflowClient, model: str) -> dict[str, int]:
    from mlflow.exceptions import MlflowException

    try:
        return {alias: int(version) for alias, version in client.get_registered_model(model).aliases.items()}
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return {}


def _run_with(
    client: MlflowClient,
    model: str,
    identity: Mapping[str, str],
    tags: Mapping[str, str],
    parameters: Mapping[str, Any],
    metrics: Mapping[str, Any],
) -> str:
    """The id of the MLflow run that has these tags, with parameters and metrics logged and ended."""
    from mlflow.entities import Metric, Param

    experiment = client.get_experiment_by_name(model)
    # No artifact is ever written, and a location of MLflow's own choice would be an absolute path.
    experiment_id = experiment.experiment_id if experiment else client.create_experiment(model, f"sopkit-store:{model}")
    where = " and ".join(f"tags.`{key}` = '{value}'" for key, value in identity.items())
    runs = client.search_runs([experiment_id], where, max_results=1)
    run = runs[0] if runs else client.create_run(experiment_id, tags=dict(tags))
    numbers = {_name(key): float(value) for key, value in metrics.items() if _is_number(value)}
    client.log_batch(
        run.info.run_id,
        metrics=[
            Metric(key, value, run.info.start_time, 0) for key, value in numbers.items() if key not in run.data.metrics
        ],
        params=[Param(_name(key), _text(value)) for key, value in parameters.items()],
    )
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _name(key: str) -> str:
    return _NOT_IN_A_NAME.sub("_", str(key))[:250]


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
    return text[:_LONGEST_VALUE]


def _shown(tracking_uri: str) -> str:
    """The address without user and password."""
    parts = urlsplit(tracking_uri)
    return tracking_uri if "@" not in parts.netloc else parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
