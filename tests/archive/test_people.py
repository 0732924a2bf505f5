"""People: the chain of people files from the first, and the demo people of one run."""

from __future__ import annotations

import json
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive import people
from sopkit.archive.keys import fingerprint, public_line
from sopkit.archive.people import InForce, adopt, in_force, people_at, sign_people
from sopkit.errors import DefinitionError, NotFound, Untrusted, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from simulator import Simulator


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Simulator:
    return Simulator(tmp_path_factory.mktemp("made") / "w")


@pytest.fixture
def world(made: Simulator, tmp_path: Path) -> Simulator:
    return made.copy(tmp_path / "world")


def ids(world: Simulator, seq: int | None = None) -> list[str]:
    return [person.id for person in people_at(world.workspace, world.entries, seq).people]


def in_force_digest(world: Simulator) -> str | None:
    return in_force(world.workspace, world.entries).digest


def test_the_first_people_file_is_trusted_and_its_digest_shown(tmp_path: Path) -> None:
    """Nobody is in force before it; afterwards its people are, and the notice names digest and admin."""
    world = Simulator(tmp_path / "w")
    assert ids(world, seq=2) == []
    assert "anna" in ids(world)
    assert world.entries[1].body["first"] is True
    again = Simulator(tmp_path / "v")
    (again.workspace.templates / "people.yaml").write_bytes((world.workspace.templates / "people.yaml").read_bytes())
    assert adopt(world.workspace, world.tick()) == []


def test_a_first_file_without_an_admin_is_not_trusted(workspace: Any, now: Any) -> None:
    """A file that names no people-admin with a key does not count, and the notice says that nobody can sign."""
    workspace.open_log("live", now)
    assert "nobody can sign" in adopt(workspace, now)[0]
    (workspace.templates / "people.yaml").write_text(
        "people: [{id: anna, name: Anna, roles: [{role: people-admin}]}]\n"
    )
    (notice,) = adopt(workspace, now)
    assert "names no people-admin with a key" in notice
    assert "nobody can sign" in notice
    assert workspace.log.size == 1


def test_a_signed_successor_counts_from_its_entry_on(world: Simulator) -> None:
    """A people file that a people-admin signed takes over; earlier positions of the log keep the old one."""
    world.person("rolf", "reviewer")
    (notice,) = world.change_people()
    assert "signed by a people-admin" in notice
    last = world.entries[-1].seq
    assert "rolf" in ids(world)
    assert "rolf" not in ids(world, seq=last)


def test_an_unsigned_change_is_not_taken_up(world: Simulator) -> None:
    """A changed people file without a signature leaves the one in force, and says how to sign."""
    before, size = in_force_digest(world), len(world.entries)
    world.person("eve", "model-owner")
    world.write_people()
    (notice,) = adopt(world.workspace, world.tick())
    assert "sop people sign" in notice
    assert (in_force_digest(world), len(world.entries)) == (before, size)


def test_only_an_admin_in_force_may_sign(world: Simulator) -> None:
    """A person without the role, and one who gives it to themselves in the new file, are refused."""
    world.named("olga")["roles"].append({"role": "people-admin"})
    world.write_people()
    with pytest.raises(Untrusted, match="olga, who signed it, is no people-admin"):
        sign_people(world.workspace, world.keys["olga"], at=world.tick())
    with pytest.raises(Untrusted, match="nobody in force holds"):
        sign_people(world.workspace, Ed25519PrivateKey.generate(), at=world.tick())
    assert not (world.workspace.templates / "people.yaml.dsse").exists()


def test_an_admin_whose_role_or_key_has_ended_may_not_sign(world: Simulator) -> None:
    """Role and key of the people-admin are judged at the time of the adoption."""
    end = world.now + timedelta(hours=1)
    world.named("anna")["roles"][0]["until"] = end
    world.person("ada", "people-admin", until=end)
    world.person("abe", "people-admin")
    world.change_people()
    world.person("rolf", "reviewer")
    world.write_people()
    world.tick(hours=2)
    with pytest.raises(Untrusted, match="anna, who signed it, is no people-admin now"):
        sign_people(world.workspace, world.keys["anna"], at=world.tick())
    with pytest.raises(Untrusted, match="key that signed it is not valid"):
        sign_people(world.workspace, world.keys["ada"], at=world.tick())
    sign_people(world.workspace, world.keys["abe"], at=world.tick())
    adopt(world.workspace, world.tick())
    assert "rolf" in ids(world)


def test_a_signature_over_other_bytes_does_not_count(world: Simulator) -> None:
    """A byte changed after signing makes the file unsigned."""
    world.person("rolf", "reviewer")
    path = world.write_people()
    sign_people(world.workspace, world.keys["anna"], at=world.tick())
    path.write_text(path.read_text() + "\n")
    (notice,) = adopt(world.workspace, world.tick())
    assert "for another people file" in notice


def test_an_old_people_file_cannot_be_played_in_again(world: Simulator) -> None:
    """A signed file names the one before it, so an earlier one with its true signature is refused later."""
    world.person("rolf", "reviewer")
    world.change_people()
    old = {name: (world.workspace.templates / name).read_bytes() for name in ("people.yaml", "people.yaml.dsse")}
    world.people.remove(world.named("rolf"))
    world.change_people()
    for name, data in old.items():
        (world.workspace.templates / name).write_bytes(data)
    (notice,) = adopt(world.workspace, world.tick())
    assert "another one before it" in notice
    assert "rolf" not in ids(world)


@pytest.mark.parametrize("envelope", [None, {}, {"payload": "x"}, "text"])
def test_an_entry_that_was_written_past_adopt_does_not_count(world: Simulator, envelope: Any) -> None:
    """An unsigned people file in the log, `first` or not, changes nobody's authority."""
    world.person("eve", "model-owner", "people-admin")
    digest = world.workspace.store.put(world.write_people().read_bytes())
    world.append("people.adopted", body={"digest": digest, "envelope": envelope, "first": True})
    assert "eve" not in ids(world)


def test_a_sidecar_that_is_no_json_is_no_signature(world: Simulator) -> None:
    """Rubbish beside the people file is the same as nothing."""
    world.person("rolf", "reviewer")
    world.write_people()
    (world.workspace.templates / "people.yaml.dsse").write_text("{")
    assert "does not count" in adopt(world.workspace, world.tick())[0]


def test_the_last_admin_cannot_be_removed(world: Simulator) -> None:
    """A successor without a people-admin is refused: nobody could ever change it."""
    world.people.remove(world.named("anna"))
    world.write_people()
    with pytest.raises(Untrusted, match="names no people-admin"):
        sign_people(world.workspace, world.keys["anna"], at=world.tick())


def test_two_people_with_one_id_or_one_key_are_a_mistake(world: Simulator) -> None:
    """Ids and keys belong to one person; a key that is none is named."""
    olga = world.named("olga")
    for change, says in (
        ({"id": "olga", "name": "Another", "keys": [], "roles": []}, "two people have the id 'olga'"),
        ({"id": "otto", "name": "Otto", "keys": olga["keys"], "roles": []}, "have the same key"),
        ({"id": "otto", "name": "Otto", "keys": [{"public": "ssh-rsa AAAA"}], "roles": []}, "a key of 'otto'"),
    ):
        world.people.append(change)
        world.write_people()
        with pytest.raises(DefinitionError, match=says):
            adopt(world.workspace, world.tick())
        world.people.pop()


def test_there_has_to_be_something_to_sign(world: Simulator, workspace: Any, now: Any) -> None:
    """The file in force needs no signature, the first needs none either, and a missing one is named."""
    with pytest.raises(WrongUse, match="in force already"):
        sign_people(world.workspace, world.keys["anna"], at=world.tick())
    workspace.open_log("live", now)
    with pytest.raises(NotFound, match="no people file"):
        sign_people(workspace, world.keys["anna"], at=now)
    (workspace.templates / "people.yaml").write_bytes(world.write_people().read_bytes())
    with pytest.raises(WrongUse, match="first needs no signature"):
        sign_people(workspace, world.keys["anna"], at=now)


def test_the_sidecar_is_an_in_toto_statement(world: Simulator) -> None:
    """Any DSSE tool can read it: subject people.yaml, and the digest of the file before it."""
    before = in_force_digest(world)
    world.person("rolf", "reviewer")
    world.write_people()
    envelope = json.loads(sign_people(world.workspace, world.keys["anna"], at=world.tick()).read_bytes())
    told = json.loads(people.envelopes.payload(envelope))
    assert told["_type"] == "https://in-toto.io/Statement/v1"
    assert told["subject"][0]["name"] == "people.yaml"
    assert told["predicate"]["previous"] == {"sha256": before, "entry": 2}


def test_a_key_belongs_to_whom_the_file_says(world: Simulator) -> None:
    """A fingerprint leads to its person, also when the key is no longer valid; an unknown one to nobody."""
    now = in_force(world.workspace, world.entries)
    signer = now.owner(fingerprint(world.keys["olga"].public_key()))
    assert signer is not None
    assert (signer.person.id, signer.demo) == ("olga", False)
    assert now.owner(fingerprint(Ed25519PrivateKey.generate().public_key())) is None


def test_a_key_line_that_is_none_makes_nobody(world: Simulator) -> None:
    """A people file in the store with a broken key line does not break reading: that key is nobody's."""
    world.person("otto", "reviewer")["keys"] = [{"public": "ssh-ed25519 broken"}]
    world.write_people()
    parsed = people.parse_people((world.workspace.templates / "people.yaml").read_bytes(), "x")
    assert len(InForce(parsed).public_keys()) == len(parsed.people) - 1


# Demo people


@pytest.mark.parametrize(
    ("mode", "demo", "counts"), [("simulation", True, True), ("simulation", False, False), ("live", True, False)]
)
def test_demo_people_count_in_a_demo_of_a_simulation_only(tmp_path: Path, mode: str, demo: bool, counts: bool) -> None:
    """They count if the run was started as a demo and the workspace is a simulation, and nowhere else."""
    world = Simulator(tmp_path / "w", mode)
    run, other = world.start(demo=demo), world.start(demo=True)
    world.demo_reviewers(run, zoe="reviewer")
    key = fingerprint(world.keys["zoe"].public_key())
    signer = in_force(world.workspace, world.entries, run=run).owner(key)
    assert (signer is not None and signer.demo) is counts
    assert in_force(world.workspace, world.entries, run=other).owner(key) is None
    assert in_force(world.workspace, world.entries).owner(key) is None


def test_demo_people_count_from_their_entry_on(tmp_path: Path) -> None:
    """A demo person who is named later did not sign earlier."""
    world = Simulator(tmp_path / "w", "simulation")
    run = world.start(demo=True)
    world.demo_reviewers(run, zoe="reviewer")
    key = fingerprint(world.keys["zoe"].public_key())
    assert in_force(world.workspace, world.entries, world.entries[-1].seq, run=run).owner(key) is None


def test_demo_people_cannot_be_real_people(tmp_path: Path) -> None:
    """A demo entry that uses the id or the key of somebody in the people file gives nobody that person's word."""
    world = Simulator(tmp_path / "w", "simulation")
    run = world.start(demo=True)
    line = public_line(world.keys["rita"].public_key())
    thief = {"id": "zed", "name": "Z", "keys": [{"public": line}], "roles": [{"role": "model-owner"}]}
    world.append("demo.people", run=run, body={"people": [thief]})
    mine = Ed25519PrivateKey.generate()
    world.append(
        "demo.people",
        run=run,
        body={"people": [{**thief, "id": "olga", "keys": [{"public": public_line(mine.public_key())}]}]},
    )
    now = in_force(world.workspace, world.entries, run=run)
    assert now.owner(fingerprint(line)) is None
    assert now.owner(fingerprint(mine.public_key())) is None
