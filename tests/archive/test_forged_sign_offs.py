"""Forged sign-offs: everything that an intruder with write access to the log could try.

Each forgery is logged in a world where olga has approved and rita's approval is all that is missing: it must not open
the gate.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive import folders, sign_offs
from sopkit.archive.entries import Entry
from sopkit.archive.keys import public_line
from sopkit.errors import BrokenLog

sys.path.insert(0, str(Path(__file__).parent))
from simulator import Simulator


def edit(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda statement: statement["predicate"].update(changes)


def as_rita(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return edit(name="Rita", role="reviewer", **changes)


def other_subject(statement: dict[str, Any]) -> None:
    as_rita()(statement)
    statement["subject"][0]["digest"] = {"sha256": "0" * 64}


def fewer_subjects(statement: dict[str, Any]) -> None:
    as_rita()(statement)
    statement["subject"].pop()


def other_type(statement: dict[str, Any]) -> None:
    as_rita()(statement)
    statement["predicateType"] = "urn:sopkit:people:v1"


FORGERIES: dict[str, tuple[Callable[[Simulator, Entry], Any], str]] = {
    "olga's envelope again, as a reviewer": (lambda w, like: w.forge(like, body={"role": "reviewer"}), "role"),
    "olga's envelope again": (lambda w, like: w.forge(like), "a copy of the sign-off"),
    "olga's envelope as rita's": (lambda w, like: w.forge(like, by="rita", body={"role": "reviewer"}), "person"),
    "an edited envelope": (lambda w, like: w.forge(like, edit=as_rita()), "does not fit"),
    "a stranger's key": (
        lambda w, like: w.forge(like, key=Ed25519PrivateKey.generate(), by="rita", edit=as_rita()),
        "nobody in force",
    ),
    "rita's key id on a stranger's signature": (
        lambda w, like: _with_keyid(w, like, "rita"),
        "does not fit",
    ),
    "olga as rita": (lambda w, like: w.forge(like, key=w.keys["olga"], by="rita", edit=as_rita()), "printed name"),
    "olga with rita's name": (
        lambda w, like: w.forge(like, key=w.keys["olga"], edit=as_rita()),
        "printed name: Rita was signed",
    ),
    "olga as a reviewer": (
        lambda w, like: w.forge(like, key=w.keys["olga"], edit=edit(role="reviewer")),
        "did not hold the role",
    ),
    "olga's other key": (
        lambda w, like: w.forge(like, key=w.keys["olga's other"], edit=edit(comment="again")),
        "approved as model-owner",
    ),
    "rita, for another run": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=as_rita(run="20130701T000000Z-flights-ffff")),
        "run: 20130701T000000Z-flights-ffff was signed",
    ),
    "rita, for another stage": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=as_rita(stage="collect")),
        "stage: collect",
    ),
    "rita, for another stage, logged there": (
        lambda w, like: w.forge(
            like, key=w.keys["rita"], by="rita", edit=as_rita(stage="collect"), place={"stage": "collect"}
        ),
        "",
    ),
    "rita, for an old attempt": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=as_rita(attempt=1), place={"attempt": 1}),
        "stale: signed for attempt 1, not 2",
    ),
    "rita, for another gate": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=as_rita(gate="data")),
        "",
    ),
    "rita, for other content": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=other_subject),
        "stale: what was signed",
    ),
    "rita, for one file less": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=fewer_subjects),
        "stale: what was signed",
    ),
    "rita, for another SOP": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=as_rita(sop={"digest": "0" * 64})),
        "signed for SOP",
    ),
    "rita, of another predicate type": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=other_type),
        "statement type",
    ),
    "rita, from another workspace": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=as_rita(log={"size": 3, "root": "0" * 64})),
        "log root",
    ),
    "rita, from the future": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=as_rita(log={"size": 999, "root": "0" * 64})),
        "log size",
    ),
    "rita, not an approval": (
        lambda w, like: w.forge(
            like, key=w.keys["rita"], by="rita", edit=as_rita(decision="return"), body={"decision": "approve"}
        ),
        "decision: return was signed, approve was logged",
    ),
    "rita, an unknown decision": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=as_rita(decision="applaud")),
        "decision",
    ),
    "rita, as a demo": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=as_rita(), body={"demo": True}),
        "demo",
    ),
    "rita, with another comment logged": (
        lambda w, like: w.forge(like, key=w.keys["rita"], by="rita", edit=as_rita(), body={"comment": "fine"}),
        "comment",
    ),
    "the executor": (
        lambda w, like: w.forge(like, key=w.keys["mia"], by="mia", edit=edit(name="Mia", role="reviewer")),
        "mia executed",
    ),
    "the author of the SOP": (
        lambda w, like: w.forge(like, key=w.keys["sam"], by="sam", edit=edit(name="Sam", role="reviewer")),
        "author",
    ),
    "the author of the model file": (
        lambda w, like: w.forge(like, key=w.keys["mona"], by="mona", edit=edit(name="Mona", role="reviewer")),
        "author",
    ),
    "a key that has ended": (
        lambda w, like: w.forge(like, key=w.keys["rex"], by="rex", edit=edit(name="Rex", role="reviewer")),
        "was not valid",
    ),
    "a role that has ended": (
        lambda w, like: w.forge(like, key=w.keys["rolf"], by="rolf", edit=edit(name="Rolf", role="reviewer")),
        "did not hold the role",
    ),
    "a role that is not asked for": (
        lambda w, like: w.forge(like, key=w.keys["dora"], by="dora", edit=edit(name="Dora", role="data-steward")),
        "not asked for",
    ),
    "a demo reviewer in a live workspace": (lambda w, like: _demo(w, like), "nobody in force"),
    "no envelope": (lambda w, like: w.forge(like, by="rita", body={"envelope": None}), "not an envelope"),
    "an empty body": (
        lambda w, like: w.append("sign_off", run=like.run, stage=like.stage, attempt=2, by="rita"),
        "not a sign-off",
    ),
    "a statement that is none": (lambda w, like: _bare(w, like, b"[]"), "not a sign-off statement"),
    "a payload that is no JSON": (lambda w, like: _bare(w, like, b"approve"), "not a sign-off statement"),
}


def _with_keyid(world: Simulator, like: Entry, person: str) -> None:
    from sopkit.archive.keys import fingerprint

    forged = world.forge(like, key=Ed25519PrivateKey.generate(), by=person, edit=as_rita())
    key = fingerprint(world.keys[person].public_key())
    envelope = json.loads(json.dumps(forged.body["envelope"]))
    envelope["signatures"][0]["keyid"] = key
    world.forge(like, by=person, body={"envelope": envelope, "key": key, "role": "reviewer"})


def _demo(world: Simulator, like: Entry) -> None:
    world.demo_reviewers(str(like.run), zoe="reviewer")
    statement = edit(name="Zoe", role="reviewer")
    world.forge(like, key=world.keys["zoe"], by="zoe", edit=statement, body={"demo": True})


def _bare(world: Simulator, like: Entry, payload: bytes) -> None:
    from sopkit.archive.envelopes import PAYLOAD_TYPE, sign

    world.forge(like, by="rita", body={"envelope": sign(PAYLOAD_TYPE, payload, world.keys["rita"])})


@pytest.fixture(scope="module")
def one_missing(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulator, str, Entry]:
    """A run whose second attempt of evaluate lacks one reviewer, and olga's approval of it; made once."""
    world = Simulator(tmp_path_factory.mktemp("almost") / "w")
    world.person("rex", "reviewer", until=world.now)
    world.person("rolf", "reviewer")["roles"][0]["until"] = world.now
    world.keys["olga's other"] = Ed25519PrivateKey.generate()
    world.named("olga")["keys"].append({"public": public_line(world.keys["olga's other"].public_key())})
    world.change_people()
    run = world.start()
    world.seal(run, "collect")
    world.seal(run, "evaluate", auc=0.7)
    world.seal(run, "evaluate", 2, auc=0.8)
    return world, run, world.sign(run, "evaluate", "olga", "approve")


@pytest.fixture
def almost_open(one_missing: tuple[Simulator, str, Entry], tmp_path: Path) -> tuple[Simulator, str, Entry]:
    world, run, like = one_missing
    return world.copy(tmp_path / "w"), run, like


def test_the_forger_can_forge(almost_open: tuple[Simulator, str, Entry]) -> None:
    """What the forgeries are varied from would open the gate: rita's true statement, logged past `sign`."""
    world, run, like = almost_open
    world.forge(like, key=world.keys["rita"], by="rita", edit=as_rita())
    assert world.gate(run, "evaluate")


@pytest.mark.parametrize(("forge", "reason"), FORGERIES.values(), ids=FORGERIES)
def test_a_forged_sign_off_opens_nothing(
    almost_open: tuple[Simulator, str, Entry], forge: Callable[[Simulator, Entry], Any], reason: str
) -> None:
    """Whatever is written into the log, the gate lacks its reviewer; where it is about this gate, it says why."""
    world, run, like = almost_open
    forge(world, like)
    result = world.gate(run, "evaluate")
    assert result.missing == {"reviewer": 1}
    reasons = [refused.reason for refused in result.refused] + [
        refused.reason for refused in sign_offs.read_sign_offs(world.workspace, world.entries, run)[1]
    ]
    assert not reason or any(reason in each for each in reasons), reasons


def test_an_envelope_that_is_copied_into_another_run_names_the_first(almost_open: tuple[Simulator, str, Entry]) -> None:
    """A sign-off that is copied into a second run of the same SOP is refused, and the reason names the first run."""
    world, run, like = almost_open
    other = world.start()
    world.seal(other, "evaluate", auc=0.7)
    world.seal(other, "evaluate", 2, auc=0.8)
    world.forge(like, place={"run": other})
    result = world.gate(other, "evaluate")
    assert result.missing == {"model-owner": 1, "reviewer": 1}
    assert run in result.refused[0].reason


def test_a_withdrawn_approval_cannot_be_played_again(almost_open: tuple[Simulator, str, Entry]) -> None:
    """The envelope of an approval that was withdrawn, logged again, does not bring it back."""
    world, run, like = almost_open
    world.sign(run, "evaluate", "rita", "approve")
    world.sign(run, "evaluate", "olga", "withdraw", comment="a mistake")
    world.forge(like)
    assert world.gate(run, "evaluate").missing == {"model-owner": 1}


def test_somebody_else_cannot_withdraw_a_reject(almost_open: tuple[Simulator, str, Entry]) -> None:
    """A withdrawal by rita of bob's reject, written past `sign`, leaves the reject standing."""
    world, run, _ = almost_open
    like = world.sign(run, "evaluate", "rita", "approve")
    reject = world.sign(run, "evaluate", "bob", "reject", role="reviewer", comment="no")
    world.forge(like, key=world.keys["rita"], edit=edit(decision="withdraw", withdraws=reject.seq))
    assert world.gate(run, "evaluate").rejected_by == ("bob",)


def test_a_log_entry_cannot_lead_out_of_the_run_folder(tmp_path: Path) -> None:
    """A file name in the log that is a path is refused before a path is built."""
    world = Simulator(tmp_path / "w")
    run = world.start()
    for name in ("../../x", "/etc/x", "a/../../x", "..", "", "a\\b"):
        body = {"notebook": "0" * 64, "content": "0" * 64, "file": name or "/", "artifacts": []}
        world.append("stage.started", run=run, stage="collect", attempt=1)
        world.append("stage.sealed", run=run, stage="collect", attempt=1, body=body)
        with pytest.raises(BrokenLog, match="outside its folder"):
            folders.expected_files(world.workspace, world.entries, run)
