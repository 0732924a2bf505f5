"""From the workspace to a reviewer's machine and back, by commands alone: pack, sign there, accept here, go on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

RUN = ("run", "sample", "--model", "tiny")


@pytest.fixture(scope="module")
def here(make_shell, tmp_path_factory):
    """The workspace: ada executes, anna is people-admin; the keys of grace and rob lie on other machines."""
    sop = make_shell()
    people = [{"id": "ada", "name": "Ada", "roles": [{"role": "engineer"}]}]
    for name, role in (("grace", "validator"), ("rob", "validator"), ("anna", "people-admin")):
        keys = sop.folder / "home/keys" if name == "anna" else sop.folder / "away" / name
        line = sop("keys", "new", name, "--json", SOP_KEYS=str(keys)).json["public"]
        people.append({"id": name, "name": name.title(), "keys": [{"public": line}], "roles": [{"role": role}]})
    model = (sop.folder / "templates/models/tiny.yaml").read_text()
    (sop.folder / "templates/models/other.yaml").write_text(model.replace("model: tiny", "model: other"))
    (sop.folder / "templates/people.yaml").write_text(json.dumps({"version": 1, "people": people}))
    return sop


@pytest.fixture
def there(here, tmp_path):
    """A reviewer's machine: another home with the reviewer's key alone, and no workspace."""
    home = tmp_path / "home"
    (home / ".config/sopkit").mkdir(parents=True)
    shutil.copytree(here.folder / "away/grace", home / ".config/sopkit/keys")
    shutil.copy(here.folder / "home/passphrase", home / "passphrase")
    desk = tmp_path / "desk"
    desk.mkdir()
    without = ("SOP_KEYS", "SOP_PERSON")
    environment = {name: value for name, value in here.environment.items() if name not in without}
    environment |= {"HOME": str(home), "SOP_PASSPHRASE_FILE": str(home / "passphrase")}
    return type(here)(desk, environment)


@pytest.fixture
def run(here):
    """A run that waits to be signed; over when the test is."""
    run = here(*RUN, "--json", code=3).json["run"]
    yield run
    if here("status", run, "--json").json["state"] == "waiting":
        here("abandon", run, "--reason", "the test is over")


def test_a_reviewer_elsewhere_signs_and_the_run_goes_on(here, there, run):
    """Verified and signed where no workspace is, accepted where the run is: the gate opens, the run goes on."""
    told = here("pack", run, "-o", str(there.folder / "run.zip")).out
    assert "sop sign --detached" in told
    found = there("verify", "run.zip", "--json").json
    assert (found["ok"], found["runs"], found["problems"], found["notices"]) == (True, 1, [], [])
    assert found["pack"]["run"] == run
    signed = there("sign", "--detached", "run.zip", "--approve", "-o", "sign-off.json", "--comment", "read it there")
    assert "Pack verified" in signed.err
    assert f"Approve: attempt 1 of judge in {run}" in signed.err
    assert "You state: I have looked at it and it is good." in signed.err
    assert "sop accept sign-off.json" in signed.out
    assert [path.name for path in sorted(there.folder.iterdir())] == ["run.zip", "sign-off.json"]

    taken = here("accept", str(there.folder / "sign-off.json"))
    assert "accepted: signed by grace as validator" in taken.out
    assert "comment: read it there" in taken.err
    assert here("status", run, "--json").json["waiting_for"] == []
    done = here("resume", run, "--json").json
    assert (done["state"], done["outcome"]) == ("done", "moved")
    assert [(said["by"], said["comment"]) for said in done["sign_offs"]] == [("grace", "read it there")]
    assert here("verify", "--json").json["ok"]
    again = here("accept", str(there.folder / "sign-off.json"), code=1)
    assert "over" in again.err or "already" in again.err


def test_run_and_stage_may_be_said_or_left_out(here, there, run):
    """`STAGE`, `RUN STAGE` and neither all mean the one that waits; another run, stage or file is refused."""
    here("pack", run, "-o", str(there.folder / "run.zip"), "--without-data")
    for number, which in enumerate(((), ("judge",), (run, "judge"), ("last", "judge"), (run,))):
        said = there("sign", *which, "--detached", "run.zip", "--approve", "-o", f"{number}.json", "--json").json
        assert (said["run"], said["stage"], said["name"]) == (run, "judge", "Grace")
    for which, code, word in (
        (("20130701T000000Z-tiny-0000", "judge"), 2, "no run"),
        (("nothing",), 2, "no run"),
        (("after",), 2, "no gate"),
        ((run, "nothing"), 2, "no stage"),
    ):
        refused = there("sign", *which, "--detached", "run.zip", "--approve", "-o", "x.json", code=code)
        assert word in refused.err
    assert "overwritten" in there("sign", "--detached", "run.zip", "--approve", "-o", "0.json", code=2).err
    assert "-o FILE" in there("sign", "--detached", "run.zip", "--approve", code=2).err
    assert "--detached" in there("sign", run, "judge", "--approve", "-o", "x.json", code=2).err
    assert not (there.folder / "x.json").exists()
    assert "attempt 1 of judge" in here("accept", str(there.folder / "0.json"), code=0).err
    assert "already" in here("accept", str(there.folder / "0.json"), code=1).err


def test_what_was_altered_is_neither_signed_nor_accepted(here, there, run):
    """A notebook altered in the pack stops the signing before a passphrase is asked for."""
    here("pack", run, "-o", str(there.folder / "run.zip"))
    with zipfile.ZipFile(there.folder / "run.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(there.folder / "bad.zip", "w") as archive:
        for name, data in files.items():
            archive.writestr(
                name, data.replace(b"enough rows", b"plenty rows") if name.endswith("1_judge.ipynb") else data
            )
    refused = there("sign", "--detached", "bad.zip", "--approve", "-o", "x.json", code=1, SOP_PASSPHRASE_FILE="nowhere")
    assert "does not verify" in refused.err
    verified = there("verify", "bad.zip", code=1)
    assert "altered" in verified.out
    assert not (there.folder / "x.json").exists()

    there("sign", "--detached", "run.zip", "--reject", "--comment", "made up", "-o", "no.json")
    told = json.loads((there.folder / "no.json").read_text())
    told["summary"]["decision"] = "approve"
    (there.folder / "yes.json").write_text(json.dumps(told))
    assert "does not say what was signed" in here("accept", str(there.folder / "yes.json"), code=1).err
    assert "not a detached sign-off" in here("accept", "data.csv", code=1).err
    assert "cannot be read" in here("accept", "nowhere.json", code=2).err
    here("accept", str(there.folder / "no.json"))
    assert here("resume", run, "--json", code=4).json["outcome"] == "rejected"


def test_a_return_in_between_is_told_and_other_runs_do_not_matter(here, there, run):
    """Another run goes on while a reviewer reads: the sign-off counts. Once the attempt was returned, it does not."""
    here("pack", run, "-o", str(there.folder / "run.zip"))
    there("sign", "--detached", "run.zip", "--approve", "-o", "late.json")
    rob = {"SOP_KEYS": str(here.folder / "away/rob")}
    there("sign", "--detached", "run.zip", "--return", "--comment", "name the rows", "-o", "r.json", **rob)
    other = here("run", "sample", "--model", "other", "--json", code=3).json["run"]
    here("accept", str(there.folder / "r.json"))
    here("abandon", other, "--reason", "it was a test")
    assert "returned" in here("accept", str(there.folder / "late.json"), code=1).err
    assert here("resume", run, "--json", code=3).json["stages"][0]["attempt"] == 2
    assert "attempt" in here("accept", str(there.folder / "late.json"), code=1).err


def test_the_pack_can_be_checked_and_read_without_sopkit(here, there, run):
    """Unpacked, its own verifier says that all holds, and its page names the run."""
    here("pack", run, "-o", str(there.folder / "run.zip"))
    with zipfile.ZipFile(there.folder / "run.zip") as archive:
        archive.extractall(there.folder / "run")
    done = subprocess.run(
        [sys.executable, "verify.py"], cwd=there.folder / "run", capture_output=True, text=True, check=False
    )
    assert (done.returncode, "✓ VERIFIED" in done.stdout) == (0, True)
    page = (there.folder / "run/index.html").read_text()
    assert run in page
    for target in set(Path(part.split('"')[0].split("#")[0]) for part in page.split('href="')[1:]) - {Path()}:
        assert (there.folder / "run" / target).exists(), target


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("pack", "nothing"), 2, "no run"),
        (("pack", "last", "-o", "nowhere/x.zip"), 2, "no such folder"),
        (("pack", "last", "-o", "data.csv"), 2, "never overwrites"),
        (("pack", "last", "-o", "runs/x.zip"), 2, "records and nothing else"),
        (("verify", "nowhere.zip"), 2, "no such pack"),
        (("verify", "data.csv"), 2, "not a zip"),
        (("verify", "data.csv", "last"), 2, "by itself"),
        (("sign", "--detached", "nowhere.zip", "--approve", "-o", "x"), 2, "no such pack"),
        (("sign", "--detached", "data.csv", "--approve", "-o", "x"), 2, "not a zip"),
        (("sign", "judge", "--approve"), 2, "which run"),
    ],
)
def test_what_people_type_wrong(here, run, arguments, code, said):
    """A wrong command says what is wrong and writes nothing."""
    before = sorted(here.folder.rglob("*"))
    done = here(*arguments, code=code)
    assert said in done.err
    assert "Traceback" not in done.err
    assert sorted(here.folder.rglob("*")) == before
