"""Sign-offs: what may be signed, by whom, and what takes it back. What is forged: `test_forged_sign_offs`."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive import records, seen, sign_offs
from sopkit.archive.entries import Entry
from sopkit.archive.envelopes import pae
from sopkit.archive.keys import public_line
from sopkit.archive.notebooks import parse_notebook
from sopkit.definitions.sop import Gate
from sopkit.errors import NotFound, RecordError, SignOffRefused, WrongUse

sys.path.insert(0, str(Path(__file__).parent))
from simulator import Simulator, digest_of


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Simulator, str]:
    """A world with a run whose gated stages are both sealed, and nothing signed; made once."""
    world = Simulator(tmp_path_factory.mktemp("made") / "w")
    run = world.start()
    world.seal(run, "collect")
    world.seal(run, "evaluate")
    return world, run


@pytest.fixture
def world(made: tuple[Simulator, str], tmp_path: Path) -> Simulator:
    return made[0].copy(tmp_path / "w")


@pytest.fixture
def run(made: tuple[Simulator, str]) -> str:
    return made[1]


def told(entry: Entry) -> dict[str, Any]:
    statement: dict[str, Any] = json.loads(base64.b64decode(entry.body["envelope"]["payload"]))
    return statement


# Signing


def test_a_sign_off_says_what_was_signed_by_whom_and_where_the_log_stood(world: Simulator, run: str) -> None:
    """The statement names notebook and artifacts by digest, SOP, gate, decision, meaning, person and log position."""
    before = world.workspace.log.position()
    entry = world.sign(run, "evaluate", "olga", "approve", comment=" fine ", conditions=["watch recall"])
    statement = told(entry)
    sealed = next(each for each in world.entries if each.kind == "stage.sealed" and each.stage == "evaluate")
    assert {item["name"]: item["digest"] for item in statement["subject"]} == {
        "02_evaluate.ipynb": {"sopkit-content-v1": sealed.body["content"]},
        "artifacts/evaluate/report.json": {"sha256": digest_of("report.json", sealed)},
        "artifacts/evaluate/model.skops": {"sha256": digest_of("model.skops", sealed)},
    }
    predicate = statement["predicate"]
    assert predicate["log"] == before
    assert predicate["sop"]["name"] == "repair"
    assert predicate["sop"]["digest"] == world.entries[2].body["pins"]["sop"]
    expected = {
        "run": run,
        "stage": "evaluate",
        "attempt": 1,
        "gate": "promotion",
        "decision": "approve",
        "comment": "fine",
        "meaning": "I have read the evidence.",
        "name": "Olga",
        "role": "model-owner",
        "conditions": [{"text": "watch recall", "severity": "medium", "owner": "model-owner", "due": "2026-12-20"}],
    }
    assert {name: predicate[name] for name in expected} == expected
    assert (entry.by, entry.body["demo"]) == ("olga", False)


def test_two_people_open_a_gate(world: Simulator, run: str) -> None:
    """The gate is closed, names what is missing after the first, and is open after the second."""
    assert not world.gate(run, "evaluate")
    world.sign(run, "evaluate", "olga", "approve")
    assert world.gate(run, "evaluate").missing == {"reviewer": 1}
    world.sign(run, "evaluate", "rita", "approve")
    assert world.gate(run, "evaluate")
    assert not world.gate(run, "collect")


def test_the_run_notebook_shows_the_sign_off(world: Simulator, run: str) -> None:
    """After signing the view has the record cell, and the sealed bytes in the store are as before."""
    entry = world.sign(run, "evaluate", "olga", "approve")
    path = world.workspace.run_folder("repair", run) / "02_evaluate.ipynb"
    last = parse_notebook(path.read_bytes(), "x")["cells"][-1]
    assert last["metadata"]["sopkit"]["envelope"] == entry.body["envelope"]
    assert world.verify().ok


def test_a_role_is_asked_for_only_where_it_is_ambiguous(world: Simulator, run: str) -> None:
    """Who holds one role of the gate need not say it; who holds two must; who holds none is told."""
    assert world.sign(run, "evaluate", "rita", "approve").body["role"] == "reviewer"
    with pytest.raises(SignOffRefused, match="--role"):
        world.sign(run, "evaluate", "bob", "approve")
    assert world.sign(run, "evaluate", "bob", "approve", role="model-owner").body["role"] == "model-owner"
    with pytest.raises(SignOffRefused, match="holds no role that gate 'promotion' asks for") as refused:
        world.sign(run, "evaluate", "dora", "approve")
    assert refused.value.got == "data-steward"


def test_a_changed_people_file_counts_for_those_who_sign_later(world: Simulator, run: str) -> None:
    """A sign-off is judged by the people in force at its log position, also after they changed."""
    world.sign(run, "evaluate", "olga", "approve")
    world.named("olga")["roles"] = []
    world.named("rita")["roles"].append({"role": "model-owner"})
    world.change_people()
    assert world.gate(run, "evaluate").have["model-owner"] == ("olga",)
    with pytest.raises(SignOffRefused, match="holds no role"):
        world.sign(run, "collect", "olga", "approve")


def refused(
    world: Simulator, *arguments: Any, match: str, error: type[Exception] = SignOffRefused, **options: Any
) -> None:
    """Signing raises, and neither log nor run folders change."""

    def state() -> Any:
        files = [path for path in sorted(world.workspace.runs.rglob("*")) if path.is_file()]
        return [(path, path.read_bytes()) for path in files]

    before = state()
    with pytest.raises(error, match=match):
        world.sign(*arguments, **options)
    assert state() == before


def test_what_would_not_count_is_refused_before_it_is_signed(world: Simulator, run: str) -> None:
    """Executor, authors, strangers, wrong roles, gates, stages and decisions are refused and leave no trace."""
    world.keys["eve"] = Ed25519PrivateKey.generate()
    at = (run, "evaluate")
    refused(world, *at, "mia", "approve", role="reviewer", match="mia executed this run")
    refused(world, *at, "sam", "approve", role="reviewer", match="sam is an author")
    refused(world, *at, "mona", "approve", role="reviewer", match="mona is an author")
    refused(world, *at, "eve", "approve", match="nobody's in the people file")
    refused(world, *at, "olga", "approve", role="reviewer", match="olga did not hold the role 'reviewer'")
    refused(world, *at, "dora", "approve", role="data-steward", match="not asked for at gate 'promotion'")
    refused(world, *at, "olga", "approve", gate="data", match="has no gate 'data'")
    refused(world, run, "deploy", "olga", "approve", match="has no gate", error=WrongUse)
    refused(world, run, "dance", "olga", "approve", match="no stage 'dance'", error=NotFound)
    refused(world, *at, "olga", "applaud", match="not a decision", error=WrongUse)
    refused(world, *at, "olga", "reject", match="needs a comment")
    refused(world, *at, "olga", "return", comment="  ", match="needs a comment")
    refused(world, *at, "olga", "withdraw", match="a withdrawal needs a comment")
    refused(world, "20130701T000000Z-flights-ffff", "evaluate", "olga", "approve", match="no such run", error=NotFound)
    refused(world, *at, "olga", "withdraw", comment="a mistake", match="no sign-off of olga stands")


def test_a_second_approval_is_refused(world: Simulator, run: str) -> None:
    """The same person does not approve twice, with the same key or with another one."""
    world.sign(run, "evaluate", "olga", "approve")
    refused(world, run, "evaluate", "olga", "approve", match="olga has approved as model-owner already")
    world.keys["olga's other"] = Ed25519PrivateKey.generate()
    world.named("olga")["keys"].append({"public": public_line(world.keys["olga's other"].public_key())})
    world.change_people()
    refused(world, run, "evaluate", "olga's other", "approve", match="people are counted, not keys")


def test_an_ended_key_or_role_does_not_sign(world: Simulator, run: str) -> None:
    """Key and role are judged at the wall time of signing."""
    end = world.now + timedelta(hours=1)
    world.named("rita")["keys"][0]["until"] = end
    world.named("olga")["roles"][0]["until"] = end
    world.change_people()
    world.sign(run, "evaluate", "rita", "approve")
    world.tick(hours=2)
    refused(world, run, "evaluate", "rita", "withdraw", comment="a mistake", match="was not valid")
    refused(world, run, "evaluate", "olga", "approve", role="model-owner", match="did not hold the role")


def test_a_clock_that_is_set_back_does_not_bring_back_a_key(world: Simulator, run: str) -> None:
    """Wall time never runs back behind an earlier entry: neither in signing, nor in an entry that says so."""
    end = world.now + timedelta(hours=1)
    world.named("rita")["keys"][0]["until"] = end
    world.change_people()
    like = world.sign(run, "evaluate", "olga", "approve")
    world.tick(hours=2)
    world.wait(run)
    world.now -= timedelta(hours=3)
    refused(world, run, "evaluate", "rita", "approve", match="was not valid")
    world.forge(
        like,
        key=world.keys["rita"],
        by="rita",
        edit=lambda statement: statement["predicate"].update(name="Rita", role="reviewer"),
    )
    assert "was not valid" in world.gate(run, "evaluate").refused[0].reason
    assert [problem.kind for problem in world.verify().problems] == ["forged"]


def test_nothing_is_signed_before_it_is_sealed_or_after_the_run(world: Simulator) -> None:
    """A stage that was not executed, is running or failed has nothing to sign; a run that is over neither."""
    run = world.start()
    refused(world, run, "evaluate", "olga", "approve", match="was not executed yet")
    world.append("stage.started", run=run, stage="evaluate", attempt=1)
    refused(world, run, "evaluate", "olga", "approve", match="attempt 1 is running")
    world.append("stage.failed", run=run, stage="evaluate", attempt=1, body={"reason": "x"})
    refused(world, run, "evaluate", "olga", "approve", match="attempt 1 is failed")
    assert "no sealed attempt" in str(world.gate(run, "evaluate"))
    world.seal(run, "evaluate", 2)
    world.append("run.abandoned", run=run, body={"reason": "x"})
    refused(world, run, "evaluate", "olga", "approve", match="is over: it is abandoned")


def test_a_run_of_nobody_is_not_approved(world: Simulator) -> None:
    """Where it is not known who executed, an approval is refused up front, and so is its gate; a reject is taken."""
    run = world.start(by=None)
    world.seal(run, "evaluate")
    refused(world, run, "evaluate", "olga", "approve", match="not known who executed")
    world.sign(run, "evaluate", "olga", "reject", comment="no")
    assert world.gate(run, "evaluate").rejected_by == ("olga",)


def test_who_resumed_a_run_executed_it(world: Simulator, run: str) -> None:
    """The person of each resume is excluded too, also for what was signed before."""
    world.sign(run, "evaluate", "olga", "approve")
    world.append("run.resumed", run=run, by="olga", body={})
    result = world.gate(run, "evaluate")
    assert result.missing == {"model-owner": 1, "reviewer": 1}
    assert "olga executed" in result.refused[0].reason


def test_a_return_voids_the_attempt(world: Simulator, run: str) -> None:
    """A returned attempt takes no approval; the next attempt is signed anew, the old sign-offs are stale."""
    world.sign(run, "evaluate", "olga", "approve")
    world.sign(run, "evaluate", "rita", "return", comment="the wrong month")
    assert world.gate(run, "evaluate").returned_by == ("rita",)
    refused(world, run, "evaluate", "bob", "approve", role="reviewer", match="rita has returned this attempt")
    world.seal(run, "evaluate", 2, auc=0.8)
    result = world.gate(run, "evaluate")
    assert result.missing == {"model-owner": 1, "reviewer": 1}
    assert all("stale" in each.reason for each in result.refused)
    world.sign(run, "evaluate", "olga", "approve")
    assert world.sign(run, "evaluate", "rita", "approve").attempt == 2
    assert world.gate(run, "evaluate")


def test_a_reject_stands_until_its_person_withdraws_it(world: Simulator, run: str) -> None:
    """A reject closes; its person cannot just approve, but withdraw and then approve."""
    world.sign(run, "evaluate", "rita", "approve")
    world.sign(run, "evaluate", "olga", "approve")
    world.sign(run, "evaluate", "bob", "reject", role="reviewer", comment="no")
    assert not world.gate(run, "evaluate")
    refused(world, run, "evaluate", "bob", "approve", role="reviewer", match="not withdrawn")
    refused(world, run, "evaluate", "mia", "withdraw", comment="a mistake", match="no sign-off of mia stands")
    entry = world.sign(run, "evaluate", "bob", "withdraw", comment="a mistake")
    assert entry.body["withdraws"] == entry.seq - 1
    assert world.gate(run, "evaluate")


def test_which_of_two_sign_offs_is_withdrawn_has_to_be_said(world: Simulator, run: str) -> None:
    """A person who approved in two roles names the one that is withdrawn."""
    world.sign(run, "evaluate", "bob", "approve", role="reviewer")
    world.sign(run, "evaluate", "bob", "approve", role="model-owner")
    refused(world, run, "evaluate", "bob", "withdraw", comment="a mistake", match="more than one sign-off of bob")
    world.sign(run, "evaluate", "bob", "withdraw", role="reviewer", comment="a mistake")
    assert world.gate(run, "evaluate").have["model-owner"] == ("bob",)


def test_a_changed_input_closes_exactly_the_gates_that_rest_on_it(world: Simulator) -> None:
    """When a stage before is executed again with another output, the gate after it is stale and its own is too."""
    run = world.start()
    first = world.seal(run, "collect", artifacts={"train.parquet": b"1", "notes.md": b"n"})
    used = {"stage:collect/train.parquet": digest_of("train.parquet", first), "champion": "x"}
    world.seal(run, "evaluate", uses=used)
    for person in ("olga", "rita"):
        world.sign(run, "evaluate", person, "approve")
    assert world.gate(run, "evaluate")
    world.seal(run, "collect", 2, artifacts={"train.parquet": b"1", "notes.md": b"a corrected typo"})
    assert world.gate(run, "evaluate")
    world.seal(run, "collect", 3, artifacts={"train.parquet": b"2", "notes.md": b"n"})
    assert "stage:collect/train.parquet is not what it used" in str(world.gate(run, "evaluate"))
    refused(world, run, "evaluate", "bob", "approve", role="reviewer", match="is stale")


def test_old_evidence_is_not_approved(world: Simulator, run: str) -> None:
    """Thirty days after the seal the gate is closed, and an approval is refused."""
    world.sign(run, "evaluate", "olga", "approve")
    world.tick(days=31)
    assert "older than 30d" in str(world.gate(run, "evaluate"))
    refused(world, run, "evaluate", "rita", "approve", match="a new attempt is needed")


def test_an_attempt_that_ended_while_someone_signed_is_not_signed(world: Simulator, run: str) -> None:
    """A new attempt that starts between looking and signing makes the signature refused, under the log's lock."""
    log, real = world.workspace.log, world.workspace.log.append

    def late(kind: str, **parts: Any) -> Entry:
        world.workspace.log.append = real  # type: ignore[method-assign]
        world.append("stage.started", run=run, stage="evaluate", attempt=2)
        return real(kind, **parts)

    log.append = late  # type: ignore[method-assign]
    with pytest.raises(SignOffRefused, match="attempt 2 is running"):
        world.sign(run, "evaluate", "olga", "approve")
    assert world.entries[-1].kind == "stage.started"


@pytest.mark.parametrize("name", ["02_evaluate.ipynb", "artifacts/evaluate/report.json"])
def test_nobody_signs_what_differs_from_what_they_look_at(world: Simulator, run: str, name: str) -> None:
    """If the notebook or an artifact in the run folder was changed, signing is refused and names the file."""
    path = world.workspace.run_folder("repair", run) / name
    path.write_bytes(path.read_bytes().replace(b"0.75", b"0.99"))
    refused(world, run, "evaluate", "olga", "approve", match="not what was sealed", error=RecordError)


@pytest.mark.parametrize("name", ["model.skops", "report.json"])
def test_nobody_signs_what_the_store_lost(world: Simulator, run: str, name: str) -> None:
    """If a signed artifact's bytes are gone or spoilt in the store, signing is refused."""
    sealed = next(each for each in world.entries if each.kind == "stage.sealed" and each.stage == "evaluate")
    stored = world.workspace.store.path(digest_of(name, sealed))
    stored.chmod(0o644)
    stored.write_bytes(b"spoilt")
    with pytest.raises((RecordError, NotFound)):
        world.sign(run, "evaluate", "olga", "approve")
    assert world.entries[-1].kind == "stage.sealed"


def test_nobody_signs_something_else_than_what_was_shown(world: Simulator, run: str) -> None:
    """What was shown is named by its digests: after another attempt, signing is refused and says to look again."""
    shown = sign_offs.subject_of(world.workspace, world.entries, run, "evaluate").seen
    entry = world.sign(run, "evaluate", "olga", "approve", seen=shown)
    world.seal(run, "evaluate", 2, auc=0.75)
    refused(world, run, "evaluate", "rita", "approve", seen=shown, match="what was shown has changed since")
    now = sign_offs.subject_of(world.workspace, world.entries, run, "evaluate")
    assert (now.seen != shown, entry.attempt) == (True, 1)
    world.sign(run, "evaluate", "rita", "approve", seen=now.seen)


def test_what_was_shown_is_other_when_its_inputs_are(world: Simulator) -> None:
    """The same attempt is not what was shown once its inputs changed; another's sign-off changes nothing."""
    run = world.start()
    first = world.seal(run, "collect", artifacts={"train.parquet": b"1"})
    world.seal(run, "evaluate", uses={"stage:collect/train.parquet": digest_of("train.parquet", first)})
    shown = sign_offs.subject_of(world.workspace, world.entries, run, "evaluate").seen
    world.sign(run, "evaluate", "rita", "approve")
    assert sign_offs.subject_of(world.workspace, world.entries, run, "evaluate").seen == shown
    world.seal(run, "collect", 2, artifacts={"train.parquet": b"2"})
    refused(world, run, "evaluate", "olga", "approve", seen=shown, match="changed since")


def test_who_signs_after_a_reject_is_recorded_and_the_reject_blocks(world: Simulator, run: str) -> None:
    """Two reviewers at once: the one whose evidence was shown before the other's reject is heard, and opens nothing."""
    shown = sign_offs.subject_of(world.workspace, world.entries, run, "evaluate").seen
    world.sign(run, "evaluate", "rita", "reject", comment="no", seen=shown)
    world.sign(run, "evaluate", "olga", "approve", seen=shown)
    world.sign(run, "evaluate", "bob", "approve", role="reviewer", seen=shown)
    result = world.gate(run, "evaluate")
    assert (result.open, result.missing, result.rejected_by) == (False, {}, ("rita",))


def test_what_was_opened_is_signed_and_shown(world: Simulator, run: str) -> None:
    """The statement names what the signer had opened; the record cell shows it where there is any."""
    first = world.sign(run, "evaluate", "olga", "approve")
    entry = world.sign(run, "evaluate", "rita", "approve", opened=["drift", "<img onerror>", "comparison", "drift"])
    assert told(first)["predicate"]["opened"] == []
    assert told(entry)["predicate"]["opened"] == ["<img onerror>", "comparison", "drift"]
    cells = parse_notebook((world.workspace.run_folder("repair", run) / "02_evaluate.ipynb").read_bytes(), "x")["cells"]
    assert "opened before" not in "".join(cells[-2]["source"])
    assert "| opened before | &#60;img onerror&#62;, comparison, drift |\n" in cells[-1]["source"]
    assert sign_offs.read_sign_offs(world.workspace, world.entries, run)[0][1].opened[1:] == ("comparison", "drift")
    assert world.verify().ok


def test_a_sign_off_of_before_there_was_opened_still_counts(world: Simulator, run: str) -> None:
    """A statement without `opened` verifies, and its record cell is what it was."""
    like = world.sign(run, "evaluate", "olga", "approve")
    old = {name: value for name, value in like.body.items() if name not in ("opened", "conditions")}
    older = replace(like, body=old)
    world.forge(older, key=world.keys["rita"], by="rita", edit=lambda said: _as_rita(said["predicate"]).pop("opened"))
    assert world.gate(run, "evaluate").have == {"model-owner": ("olga",), "reviewer": ("rita",)}


def _as_rita(predicate: dict[str, Any]) -> dict[str, Any]:
    predicate.update(name="Rita", role="reviewer")
    return predicate


def test_what_a_gate_wants_to_be_opened_first() -> None:
    """What is missing comes in the gate's order; a gate that asks for nothing is approved at once."""
    gate = Gate(id="g", title="G", meaning="m", roles={"reviewer": 1}, read_first=["drift", "comparison"])
    assert sign_offs.not_opened(gate, ["run"]) == ["drift", "comparison"]
    assert sign_offs.not_opened(gate, {"drift", "run"}) == ["comparison"]
    assert sign_offs.not_opened(gate.model_copy(update={"read_first": []}), ()) == []


def test_a_notebook_that_was_only_saved_again_is_signed_and_put_back(world: Simulator, run: str) -> None:
    """Saving in JupyterLab does not keep anybody from signing; the view is rebuilt afterwards."""
    path = world.workspace.run_folder("repair", run) / "02_evaluate.ipynb"
    path.write_bytes(json.dumps(json.loads(path.read_bytes())).encode())
    world.sign(run, "evaluate", "olga", "approve")
    assert world.verify().notices == ()


def test_two_processes_that_sign_at_once_both_count(world: Simulator, run: str) -> None:
    """Signing from several threads through workspaces of their own loses nothing, and the view shows both."""
    from concurrent.futures import ThreadPoolExecutor

    from sopkit.archive.workspace import Workspace

    def sign(person: str) -> Entry:
        mine = Workspace(world.workspace.root)
        return sign_offs.sign(mine, run, "evaluate", decision="approve", private_key=world.keys[person], at=world.now)

    with ThreadPoolExecutor(2) as pool:
        entries = list(pool.map(sign, ["olga", "rita"]))
    assert len({entry.seq for entry in entries}) == 2
    assert world.gate(run, "evaluate")
    assert (world.verify().problems, world.verify().notices) == ((), ())


def test_what_somebody_has_signed_in_the_meantime_is_no_alteration(world: Simulator, run: str) -> None:
    """Whoever looked at the log before another's sign-off came, and at the notebook after it, may sign all the same."""
    before = world.workspace.log.entries()
    case = records.case_of(world.workspace, before, run, "evaluate")
    world.sign(run, "evaluate", "olga", "approve")
    assert seen.not_what_was_sealed(world.workspace, before, case) is not None
    seen.require_what_was_seen(world.workspace, before, case)


def test_a_file_that_does_not_show_the_newest_sign_off_yet_is_no_alteration(world: Simulator, run: str) -> None:
    """A sign-off is in the log before it is in the notebook: whoever signs in between is not told of an alteration, and
    whoever finds other words there is."""
    path = world.workspace.run_folder("repair", run) / "02_evaluate.ipynb"
    shown = path.read_bytes()
    world.sign(run, "evaluate", "olga", "approve")
    path.write_bytes(shown)
    entries = world.workspace.log.entries()
    case = records.case_of(world.workspace, entries, run, "evaluate")
    assert seen.not_what_was_sealed(world.workspace, entries, case) is None
    seen.require_what_was_seen(world.workspace, entries, case)
    path.write_bytes(shown.replace(b"0.75", b"0.99"))
    with pytest.raises(RecordError, match="not what was sealed"):
        seen.require_what_was_seen(world.workspace, entries, case)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_openssl_verifies_a_logged_sign_off(world: Simulator, run: str, tmp_path: Path) -> None:
    """Stock openssl, the log line and the person's public key are enough."""
    envelope = json.loads(world.sign(run, "evaluate", "olga", "approve").raw)["body"]["envelope"]
    (tmp_path / "pae").write_bytes(pae(envelope["payloadType"], base64.b64decode(envelope["payload"])))
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    public = world.keys["olga"].public_key()
    pem = public.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    inputs = ["-pubin", "-inkey", "key.pem", "-sigfile", "sig", "-in", "pae"]
    done = subprocess.run(["openssl", "pkeyutl", "-verify", "-rawin", *inputs], cwd=tmp_path, check=False)
    assert done.returncode == 0


# Demo


def test_demo_reviewers_sign_in_their_run_only(tmp_path: Path) -> None:
    """They open a gate of their run, marked demo everywhere, and are nobody in another run."""
    world = Simulator(tmp_path / "w", "simulation")
    run, other = world.start(demo=True), world.start(demo=True)
    for each in (run, other):
        world.seal(each, "evaluate")
    world.demo_reviewers(run, zoe="reviewer", zac="model-owner")
    entry = world.sign(run, "evaluate", "zoe", "approve")
    world.sign(run, "evaluate", "zac", "approve")
    assert entry.body["demo"] is True
    assert world.gate(run, "evaluate")
    assert world.gate(run, "evaluate").demo
    assert b"DEMO" in (world.workspace.run_folder("repair", run) / "02_evaluate.ipynb").read_bytes()
    refused(world, other, "evaluate", "zoe", "approve", match="nobody's")
    report = world.verify()
    assert (report.ok, report.demo, [notice.kind for notice in report.notices]) == (True, 2, ["demo"])


def test_real_people_sign_in_a_simulation_too(tmp_path: Path) -> None:
    """In a simulation people sign with keys of their own, beside demo reviewers."""
    world = Simulator(tmp_path / "w", "simulation")
    run = world.start(demo=True)
    world.seal(run, "evaluate")
    world.demo_reviewers(run, zoe="reviewer")
    world.sign(run, "evaluate", "zoe", "approve")
    assert world.sign(run, "evaluate", "olga", "approve").body["demo"] is False
    assert world.gate(run, "evaluate")
