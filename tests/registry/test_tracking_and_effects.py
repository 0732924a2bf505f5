"""Versions and aliases in a real MLflow store, and effects that can be performed again."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sopkit.archive.workspace import Workspace
from sopkit.errors import DigestMismatch, EffectRefused, NotFound, WrongUse
from sopkit.registry import tracking
from sopkit.registry.effects import PERFORMERS, Context, rebuild

A, B = "a" * 64, "b" * 64
RUN = "20260301T000000Z-sensors-4f2a"


def register(uri: str, digest: str = A, run: str = RUN, attempt: int = 1, **more: Any) -> int:
    return tracking.register(uri, model="sensors", digest=digest, run=run, stage="retrain", attempt=attempt, **more)


def test_registering_twice_is_registering_once(uri: str) -> None:
    """The same attempt and digest have one version; another digest, attempt or run has its own."""
    assert [register(uri), register(uri), register(uri, B), register(uri, attempt=2), register(uri, B)] == [
        1,
        1,
        2,
        3,
        2,
    ]
    assert [version["digest"] for version in tracking.versions(uri, "sensors")] == [A, B, A]


def test_parameters_metrics_and_tags_are_logged_with_a_pointer_and_no_path(uri: str, tmp_path: Path) -> None:
    """MLflow's run carries what was used and found; the version points at the digest, not at a place on this disk."""
    more: dict[str, Any] = {
        "parameters": {"max_iter": 5, "features": ["a", "b"], "window": None},
        "metrics": {"roc_auc": 0.75, "not a number": float("nan"), "note": "text"},
        "tags": {"sopkit.as_of": "2026-03-01"},
    }
    register(uri, **more)
    register(uri, **more)
    with tracking._client(uri) as client:
        version = client.get_model_version("sensors", "1")
        run = client.get_run(version.run_id)
        experiment = client.get_experiment(run.info.experiment_id)
    assert version.source == f"sopkit-store:sha256/{A}"
    assert version.tags["sopkit.as_of"] == "2026-03-01"
    assert run.data.params == {"max_iter": "5", "features": '["a", "b"]', "window": "null"}
    assert run.data.metrics == {"roc_auc": 0.75}
    assert run.info.status == "FINISHED"
    assert str(tmp_path) not in f"{version} {run.info.artifact_uri} {experiment.artifact_location}"


def test_a_crash_after_the_run_and_before_the_version_leaves_one_of_each(uri: str) -> None:
    """What a killed process left behind is found by its tags and completed."""
    register(uri)
    with tracking._client(uri) as client:
        client.delete_model_version("sensors", "1")
    register(uri)
    assert len(tracking.versions(uri, "sensors")) == 1
    with tracking._client(uri) as client:
        experiment = client.get_experiment_by_name("sensors")
        assert len(client.search_runs([experiment.experiment_id])) == 1


KILLED = """
import os, sys, threading, mlflow
from sopkit.registry import tracking
uri, after = sys.argv[1], float(sys.argv[2])
threading.Timer(after, lambda: os.kill(os.getpid(), 9)).start()
while True:
    for attempt in range(1, 4):
        tracking.register(uri, model="sensors", digest="a" * 64, run=RUN, stage="retrain", attempt=attempt)
        tracking.move_alias(uri, "sensors", "champion", attempt)
"""


@pytest.mark.parametrize("after", [0.5, 1.5, 2.5])
def test_kill_9_at_any_instant_leaves_a_registry_that_goes_on(tmp_path: Path, after: float) -> None:
    """Also while the tables are made: afterwards each attempt has one version and the alias moves on."""
    uri = tracking.sqlite_uri(tmp_path / "new" / "mlflow.db")
    script = KILLED.replace("RUN", repr(RUN))
    killed = subprocess.run([sys.executable, "-c", script, uri, str(after)], capture_output=True, check=False)
    assert killed.returncode == -9
    assert [register(uri, attempt=attempt) for attempt in (1, 2, 3)] == [1, 2, 3]
    tracking.move_alias(uri, "sensors", "champion", 3)
    assert len(tracking.versions(uri, "sensors")) == 3
    assert tracking.aliases(uri, "sensors") == {"champion": 3}


def test_an_alias_moves_and_knows_where_it_was(uri: str) -> None:
    """Moving it twice is moving it once; an expectation that does not hold refuses the move."""
    register(uri)
    register(uri, B)
    assert tracking.aliases(uri, "unknown") == {}
    assert tracking.move_alias(uri, "sensors", "champion", 1) is None
    assert tracking.move_alias(uri, "sensors", "champion", 2, expected=1) == 1
    assert tracking.move_alias(uri, "sensors", "champion", 2, expected=1) == 2
    with pytest.raises(EffectRefused, match=r"expected: version 2(?s:.*)got:      no version"):
        tracking.move_alias(uri, "sensors", "challenger", 1, expected=2)
    with pytest.raises(EffectRefused, match=r"registry failed(?s:.*)99"):
        tracking.move_alias(uri, "sensors", "champion", 99)


def test_repair_sets_what_the_log_says_and_leaves_the_rest(uri: str) -> None:
    """An alias of somebody else stays; what differed is told."""
    register(uri)
    register(uri, B)
    for alias in ("champion", "challenger", "theirs"):
        tracking.move_alias(uri, "sensors", alias, 2)
    assert tracking.repair(uri, "sensors", {"champion": 1, "challenger": None, "shadow": None}) == {
        "champion": (2, 1),
        "challenger": (2, None),
    }
    assert tracking.aliases(uri, "sensors") == {"champion": 1, "theirs": 2}


def test_a_registry_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    """The address stands in the error, user and password do not."""
    with pytest.raises(EffectRefused, match="registry failed") as caught:
        tracking.aliases("nosuch://me:sesame@registry.example/x", "sensors")
    assert "registry.example" in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_nothing_is_said_on_the_way(tmp_path: Path) -> None:
    """In a fresh process no migration chatter and no telemetry notice reaches the terminal."""
    script = "import sys; from sopkit.registry import tracking; print(tracking.aliases(sys.argv[1], 'sensors'))"
    uri = tracking.sqlite_uri(tmp_path / "new" / "mlflow.db")
    said = subprocess.run([sys.executable, "-c", script, uri], capture_output=True, text=True, check=True)
    assert (said.stdout, said.stderr) == ("{}\n", "")


# ---- effects


def done(context: Context, effect: str, arguments: dict[str, Any], answer: dict[str, Any]) -> None:
    """What the runner logs after an effect."""
    context.workspace.log.append(
        "effect.done",
        at=context.workspace.log.entries()[0].at,
        run=context.run,
        stage=context.stage,
        attempt=context.attempt,
        body={"index": 0, "effect": effect, "arguments": arguments, "answer": answer},
    )


def perform(context: Context, effect: str, **arguments: Any) -> dict[str, Any]:
    """Performed twice, as after a crash before the log entry; the answers must be equal."""
    answer = PERFORMERS[effect](context, arguments)
    assert PERFORMERS[effect](context, arguments) == answer
    done(context, effect, arguments, answer)
    return answer


def put(workspace: Workspace, text: str) -> str:
    return workspace.store.put(text.encode())


def test_a_promotion_registers_and_moves_the_alias(context: Context, digest: str) -> None:
    """Version null stands for the version of the digest; the answer tells what was there before."""
    second = put(context.workspace, "another model")
    assert perform(context, "register_model", model="sensors", digest=digest, challenger="all-past") == {"version": 1}
    moved = perform(context, "move_alias", model="sensors", alias="champion", digest=digest, version=None)
    assert moved == {"version": 1, "previous": None, "previous_digest": None}
    perform(context, "register_model", model="sensors", digest=second)
    moved = perform(
        context, "move_alias", model="sensors", alias="champion", digest=second, version=2, expected_digest=digest
    )
    assert moved == {"version": 2, "previous": 1, "previous_digest": digest}
    assert tracking.aliases(context.uri, "sensors") == {"champion": 2}


def test_a_promotion_against_another_champion_is_refused(context: Context, digest: str) -> None:
    """The comparison was made against a model that is not in service any more: the log decides, not the registry."""
    second = put(context.workspace, "another model")
    perform(context, "register_model", model="sensors", digest=digest)
    perform(context, "move_alias", model="sensors", alias="champion", digest=digest, version=None, expected_digest=None)
    for expected in (None, "f" * 64):
        with pytest.raises(EffectRefused, match="has moved since this was decided"):
            PERFORMERS["move_alias"](
                context,
                {"model": "sensors", "alias": "champion", "digest": second, "version": 1, "expected_digest": expected},
            )


def test_an_alias_moved_by_hand_does_not_fool_the_effect(context: Context, digest: str) -> None:
    """The registry is a projection: what someone did to it is put right by the next move, and by a rebuild."""
    second = put(context.workspace, "another model")
    perform(context, "register_model", model="sensors", digest=digest)
    perform(context, "move_alias", model="sensors", alias="champion", digest=digest, version=None)
    perform(context, "register_model", model="sensors", digest=second)
    tracking.move_alias(context.uri, "sensors", "champion", 2)
    assert rebuild(context, "sensors") == {"champion": (2, 1)}
    assert rebuild(context, "sensors") == {}


def test_a_deleted_registry_is_made_again_from_the_log(context: Context, digest: str) -> None:
    """Versions come back in the log's order, and the alias where the log says; a move does it by itself."""
    second = put(context.workspace, "another model")
    perform(context, "register_model", model="sensors", digest=digest)
    perform(context, "move_alias", model="sensors", alias="champion", digest=digest, version=None)
    perform(context, "register_model", model="sensors", digest=second)
    shutil.rmtree(context.workspace.sop / "registry")
    moved = perform(context, "move_alias", model="sensors", alias="champion", digest=second, version=None)
    assert moved == {"version": 2, "previous": 1, "previous_digest": digest}
    assert [version["digest"] for version in tracking.versions(context.uri, "sensors")] == [digest, second]


def test_a_version_that_does_not_belong_to_the_digest_is_not_taken(context: Context, digest: str) -> None:
    """The digest decides; a wrong number is looked up again, an unknown digest refused."""
    second = put(context.workspace, "another model")
    perform(context, "register_model", model="sensors", digest=digest)
    perform(context, "register_model", model="sensors", digest=second)
    moved = perform(context, "move_alias", model="sensors", alias="champion", digest=second, version=1)
    assert moved["version"] == 2
    third = put(context.workspace, "never registered")
    with pytest.raises(NotFound, match="no version of 'sensors' is registered"):
        PERFORMERS["move_alias"](context, {"model": "sensors", "alias": "x", "digest": third, "version": None})


def test_nothing_is_registered_whose_bytes_are_not_kept_whole(context: Context, digest: str) -> None:
    """A digest without bytes, damaged bytes and a missing argument are refused before MLflow hears of them."""
    with pytest.raises(NotFound):
        PERFORMERS["register_model"](context, {"model": "sensors", "digest": A})
    path = context.workspace.store.path(digest)
    path.chmod(0o644)
    path.write_bytes(b"damaged")
    with pytest.raises(DigestMismatch):
        PERFORMERS["register_model"](context, {"model": "sensors", "digest": digest})
    with pytest.raises(WrongUse, match="lacks `digest`"):
        PERFORMERS["register_model"](context, {"model": "sensors"})
    with pytest.raises(WrongUse, match="name of a model"):
        PERFORMERS["register_model"](context, {"model": "../x", "digest": A})
    assert tracking.versions(context.uri, "sensors") == []


def test_names_may_be_mapped_for_a_shared_registry(workspace: Workspace, digest: str, uri: str) -> None:
    """`team.{model}` at an address of one's own keeps other teams' models apart."""
    context = Context(workspace, RUN, "retrain", 1, tracking_uri=uri, naming="team.{model}")
    assert perform(context, "register_model", model="sensors", digest=digest) == {"version": 1}
    assert len(tracking.versions(uri, "team.sensors")) == 1
