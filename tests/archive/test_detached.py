"""Detached sign-offs: signed from a pack elsewhere, accepted where the run is, once, and only if they count."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive import detached, packs
from sopkit.archive.entries import Entry
from sopkit.errors import NotFound, RecordError, SignOffRefused, SopkitError, Untrusted, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from packing import contents, two_runs, zipped
from simulator import Simulator


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulator, str, str]:
    return two_runs(tmp_path_factory.mktemp("made") / "w")


@pytest.fixture
def world(made: tuple[Simulator, str, str], tmp_path: Path) -> Simulator:
    return made[0].copy(tmp_path / "w")


@pytest.fixture
def run(made: tuple[Simulator, str, str]) -> str:
    """The run that waits for its evaluation to be signed."""
    return made[2]


def signed(
    world: Simulator, run: str, person: str, decision: str = "approve", *, with_data: bool = True, **options: Any
) -> bytes:
    """The file that a person hands in, signed from a pack that is made for it."""
    path = world.workspace.root.parent / f"{world.tick():%H%M%S}.zip"
    packs.write(world.workspace, run, path, with_data=with_data)
    return signed_from(path, world, person, decision, **options)


def signed_from(path: Path, world: Simulator, person: str, decision: str = "approve", **options: Any) -> bytes:
    with packs.opened(path) as pack:
        key = world.keys[person]
        told = detached.sign(pack, "evaluate", decision=decision, private_key=key, at=world.tick(), **options)
    return json.dumps(told, indent=1).encode()


def accept(world: Simulator, data: bytes) -> Entry:
    return detached.accept(world.workspace, detached.read(data, "sign-off.json"), at=world.tick())


def refused(world: Simulator, data: bytes) -> str:
    size = world.workspace.log.size
    with pytest.raises(SopkitError) as caught:
        accept(world, data)
    assert world.workspace.log.size == size
    return str(caught.value)


# Working


@pytest.mark.parametrize("with_data", [True, False])
def test_signed_elsewhere_the_gate_opens_here(world: Simulator, run: str, with_data: bool) -> None:
    """Two people sign from packs, with or without the data in them; both are accepted, the gate is open."""
    files = [signed(world, run, person, comment="read", with_data=with_data) for person in ("olga", "rita")]
    entries = [accept(world, data) for data in files]
    assert [(entry.by, entry.body["role"]) for entry in entries] == [("olga", "model-owner"), ("rita", "reviewer")]
    assert world.gate(run, "evaluate").open
    assert world.verify().ok


def test_the_log_may_go_on_in_between(world: Simulator, run: str) -> None:
    """Other runs, another sign-off here and a new people file do not void what was signed from a pack."""
    data = signed(world, run, "olga")
    other = world.start()
    world.seal(other, "collect")
    world.sign(run, "evaluate", "rita", "approve")
    world.person("nora", "reviewer")
    world.change_people()
    accept(world, data)
    assert world.gate(run, "evaluate").open
    assert world.verify().ok


def test_the_file_says_in_plain_what_was_signed(world: Simulator, run: str) -> None:
    """A person who opens the file reads who decided what, about which run, in which words."""
    told = json.loads(signed(world, run, "rita", "return", comment="the wrong month"))
    said = told["summary"]
    assert (said["run"], said["stage"], said["attempt"]) == (run, "evaluate", 1)
    assert (said["name"], said["role"], said["decision"], said["comment"]) == (
        "Rita",
        "reviewer",
        "return",
        "the wrong month",
    )
    assert "sop accept" in told["how"]


def test_conditions_and_answers_travel_with_it(world: Simulator, run: str) -> None:
    """A condition is completed where it is signed, stands in the file in plain, and is open once it is accepted."""
    data = signed(world, run, "olga", conditions=["watch recall at night"])
    (condition,) = json.loads(data)["summary"]["conditions"]
    assert (condition["text"], condition["owner"]) == ("watch recall at night", "model-owner")
    assert accept(world, data).body["conditions"] == [condition]
    assert world.verify().ok


# Refusals where it is signed


def test_nothing_is_signed_from_a_pack_that_does_not_verify(world: Simulator, run: str, tmp_path: Path) -> None:
    """A notebook that was altered in the pack is named, and no key is used."""
    packs.write(world.workspace, run, tmp_path / "pack.zip")
    files = contents(tmp_path / "pack.zip")
    name = f"runs/repair/{run}/02_evaluate.ipynb"
    path = zipped(tmp_path / "bad.zip", {**files, name: files[name].replace(b"AUC 0.9", b"AUC 0.1")})
    with pytest.raises(RecordError, match=r"02_evaluate\.ipynb"):
        signed_from(path, world, "olga")


def test_a_key_that_nobody_has_signs_nothing(world: Simulator, run: str) -> None:
    """A key that is not in the people file of the pack is refused before anything is written."""
    world.keys["eve"] = Ed25519PrivateKey.generate()
    with pytest.raises(SignOffRefused, match="nobody"):
        signed(world, run, "eve")


def test_who_executed_the_run_does_not_sign_from_a_pack_either(world: Simulator, run: str) -> None:
    """Separation holds on another machine as it does here."""
    with pytest.raises(SignOffRefused, match="mia"):
        signed(world, run, "mia", role="reviewer")


# Refusals where it is accepted


def test_a_sign_off_is_accepted_once(world: Simulator, run: str) -> None:
    """Handed in again it is refused with its log entry, also after it was withdrawn."""
    data = signed(world, run, "olga")
    entry = accept(world, data)
    assert f"log entry {entry.seq}" in refused(world, data)
    world.sign(run, "evaluate", "olga", "withdraw", comment="too early")
    assert f"log entry {entry.seq}" in refused(world, data)
    assert not world.gate(run, "evaluate").open


def test_a_return_in_between_makes_it_stale(world: Simulator, run: str) -> None:
    """An approval of an attempt that was returned meanwhile is refused, also once there is a new attempt."""
    data = signed(world, run, "olga")
    world.sign(run, "evaluate", "rita", "return", comment="the wrong month")
    assert "returned" in refused(world, data)
    world.seal(run, "evaluate", 2, auc=0.95)
    assert "attempt" in refused(world, data)
    assert world.gate(run, "evaluate").have["model-owner"] == ()


def test_a_key_that_was_taken_away_meanwhile_does_not_count(world: Simulator, run: str) -> None:
    """The people file in force when it is accepted decides, not the one in the pack."""
    data = signed(world, run, "olga")
    world.named("olga")["keys"] = []
    world.change_people()
    assert "nobody" in refused(world, data)


def test_a_key_or_role_that_ended_meanwhile_does_not_count(world: Simulator, run: str) -> None:
    """Wall time of accepting decides: who held key and role when signing and no longer does is refused."""
    for thing, data in (("keys", signed(world, run, "olga")), ("roles", signed(world, run, "rita"))):
        person = world.named("olga" if thing == "keys" else "rita")
        person[thing][0]["until"] = (world.now + timedelta(minutes=1)).isoformat()
        world.change_people()
        world.tick(minutes=5)
        assert "count" in refused(world, data) or "valid" in refused(world, data)


def test_a_run_that_is_over_takes_no_sign_off(world: Simulator, run: str) -> None:
    """Handed in after the run was abandoned, it is refused as any sign-off is."""
    data = signed(world, run, "olga")
    world.append("run.abandoned", run=run, body={"reason": "the model is retired"})
    assert "over" in refused(world, data)


def test_another_workspace_refuses_it_by_name(world: Simulator, run: str, tmp_path: Path) -> None:
    """In another workspace the error names both; one that has no log yet says so."""
    data = signed(world, run, "olga")
    other, _, _ = two_runs(tmp_path / "other")
    assert "another workspace" in refused(other, data)
    told = json.loads(data)
    told["workspace"] = other.entries[0].body["workspace"]
    assert "not signed in this workspace" in refused(other, json.dumps(told).encode())
    from sopkit.archive.workspace import Workspace

    with pytest.raises(SignOffRefused, match="another workspace"):
        detached.accept(Workspace(tmp_path / "empty"), detached.read(data, "f"), at=world.tick())


def test_a_copy_of_the_workspace_with_another_history_refuses_it(world: Simulator, run: str, tmp_path: Path) -> None:
    """Signed where the log went one way, it is not taken in where it went another, though both began alike."""
    fork = world.copy(tmp_path / "fork")
    world.wait(run)
    fork.append("run.waiting", run=run, body={"for": [], "why": "otherwise"})
    assert "not signed in this workspace" in refused(fork, signed(world, run, "olga"))


def in_payload(change: Callable[[dict[str, Any]], object]) -> Callable[[dict[str, Any]], object]:
    """A change of what is stated, with the summary changed alike and the signature as it was."""

    def both(told: dict[str, Any]) -> None:
        statement = json.loads(base64.b64decode(told["envelope"]["payload"]))
        change(statement["predicate"])
        told["summary"] |= {name: statement["predicate"][name] for name in told["summary"] if name != "key"}
        told["envelope"]["payload"] = base64.b64encode(json.dumps(statement).encode()).decode()

    return both


ALTERED: dict[str, Callable[[dict[str, Any]], object]] = {
    "the decision": in_payload(lambda said: said.update(decision="reject", comment="no")),
    "the run": in_payload(lambda said: said.update(run="20130701T000000Z-flights-ffff")),
    "the name": in_payload(lambda said: said.update(name="Rita")),
    "the summary alone": lambda told: told["summary"].update(decision="reject"),
    "a word more in the summary": lambda told: told["summary"].update(note="all is well"),
    "the signature": lambda told: told["envelope"]["signatures"][0].update(sig="A" * 86 + "=="),
    "whose key": lambda told: told["envelope"]["signatures"][0].update(keyid="SHA256:" + "A" * 43),
    "a second signature": lambda told: told["envelope"]["signatures"].append(told["envelope"]["signatures"][0]),
    "the type": lambda told: told["envelope"].update(payloadType="text/plain"),
    "no envelope": lambda told: told.pop("envelope"),
    "another format": lambda told: told.update(format="urn:sopkit:detached-sign-off:v9"),
    "a payload that is no text": lambda told: told["envelope"].update(payload="////"),
}


@pytest.mark.parametrize("what", ALTERED)
def test_an_altered_file_is_refused(world: Simulator, run: str, what: str) -> None:
    """Whatever is changed in the file, nothing is recorded, and the error says that it is not what was signed."""
    told = json.loads(signed(world, run, "olga"))
    ALTERED[what](told)
    assert refused(world, json.dumps(told).encode())


@pytest.mark.parametrize(
    "data",
    [b"", b"[]", b"null", b"{", b'{"format": 1, "format": 2}', b"\xff\xfe", b"[" * 100_000, b" " * (2 << 20)],
    ids=["empty", "a list", "null", "torn", "a key twice", "no text", "deep", "long"],
)
def test_what_is_no_sign_off_is_refused(world: Simulator, data: bytes) -> None:
    """Anything else that is handed in is refused as not a detached sign-off, never with a traceback."""
    with pytest.raises(Untrusted, match="not a detached sign-off"):
        detached.read(data, "sign-off.json")


def test_a_stage_that_has_no_gate_or_is_not_there(world: Simulator, run: str, tmp_path: Path) -> None:
    """A wrong stage is told as it is in the workspace."""
    packs.write(world.workspace, run, tmp_path / "pack.zip")
    with packs.opened(tmp_path / "pack.zip") as pack:
        for stage, error in (("deploy", WrongUse), ("nothing", NotFound)):
            with pytest.raises(error):
                detached.sign(pack, stage, decision="approve", private_key=world.keys["olga"], at=world.tick())
