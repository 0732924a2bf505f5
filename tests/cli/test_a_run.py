"""A run from start to end by commands alone: the real runner, kernels, keys and archive."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

RUN = ("run", "sample", "--model", "tiny")


@pytest.fixture(scope="module")
def signed(make_shell):
    """A workspace in which a person with a key of their own is validator; ada executes."""
    sop = make_shell()
    line = sop("keys", "new", "grace", "--json").json["public"]
    people = {
        "version": 1,
        "people": [
            {"id": "ada", "name": "Ada", "roles": [{"role": "engineer"}]},
            {
                "id": "grace",
                "name": "Grace",
                "keys": [{"public": line}],
                "roles": [{"role": "validator"}, {"role": "people-admin"}],
            },
        ],
    }
    (sop.folder / "templates/people.yaml").write_text(json.dumps(people))
    return sop


def test_a_person_signs_and_the_run_goes_on(signed):
    """A run waits at its gate with exit code 3, is signed with a key, is resumed to its end, and verifies."""
    waiting = signed(*RUN, "--json", code=3).json
    assert (waiting["state"], waiting["simulated"]) == ("waiting", False)
    assert waiting["waiting_for"] == [{"stage": "judge", "kind": "sign_off", "roles": ["validator"], "until": None}]
    run = waiting["run"]
    assert signed("status", run, "--json").json == waiting
    assert f"sop sign {run} judge --approve" in signed("status", run).out
    assert signed("resume", run, "--wait-ok").code == 0

    given = signed("sign", run, "judge", "--approve", "--comment", "enough rows", "--json").json
    assert (given["by"], given["role"], given["decision"], given["demo"]) == ("grace", "validator", "approve", False)
    assert signed("status", run, "--json").json["waiting_for"] == []
    told = signed("status", run).out
    assert f"sop resume {run}" in told
    assert "sop sign" not in told
    done = signed("resume", run, "--json").json
    assert (done["state"], done["outcome"]) == ("done", "moved")
    assert [(stage["id"], stage["state"], stage["attempt"]) for stage in done["stages"]] == [
        ("judge", "done", 1),
        ("after", "done", 1),
    ]
    assert (signed.folder / done["stages"][0]["notebook"]).exists()
    verified = signed("verify", "--json").json
    assert verified == {**verified, "ok": True, "runs": 1, "sign_offs": 1, "demo": 0, "problems": []}


def test_a_changed_record_does_not_verify(signed):
    """After a byte of a run notebook is changed, verify names the file and exits with 1; set right, it is 0 again."""
    run = signed(*RUN, "--json", code=3).json
    path = signed.folder / run["stages"][0]["notebook"]
    kept = path.read_bytes()
    path.write_bytes(kept.replace(b"enough rows", b"plenty rows"))
    found = signed("verify", run["run"], "--json", code=1).json
    assert [(problem["kind"], problem["path"]) for problem in found["problems"]] == [
        ("altered", run["stages"][0]["notebook"])
    ]
    assert "✗ does not verify" in signed("verify", code=1).out
    path.write_bytes(kept)
    assert signed("verify").out.strip().startswith("✓ verified")
    signed("abandon", run["run"], "--reason", "it was a test")


def test_a_rejected_run_stops(signed):
    """A reject needs a comment; with it the next resume stops the run with exit code 4, and nothing more is signed."""
    run = signed(*RUN, "--json", code=3).json["run"]
    refused = signed("sign", run, "judge", "--reject", code=1)
    assert "comment" in refused.err
    signed("sign", run, "judge", "--reject", "--comment", "the rows are made up")
    stopped = signed("resume", run, "--json", code=4).json
    assert (stopped["state"], stopped["outcome"]) == ("stopped", "rejected")
    assert "over" in signed("sign", run, "judge", "--approve", code=1).err


def test_a_returned_attempt_is_made_again(signed):
    """A return gives a second attempt beside the first one, and says who asked for it."""
    run = signed(*RUN, "--json", code=3).json["run"]
    signed("sign", run, "judge", "--return", "--comment", "name the rows")
    again = signed("resume", run, "--json", code=3).json
    judge = again["stages"][0]
    assert judge["attempt"] == 2
    assert judge["notebook"].endswith("01_judge.2.ipynb")
    shown = signed("show", run, "judge", "--attempt", "1", "--json").json
    assert (shown["state"], shown["reason"]) == ("returned", "by grace: name the rows")
    signed("sign", run, "judge", "--approve")
    taken = signed("withdraw", run, "judge", "--comment", "the wrong run", "--json").json
    assert taken["decision"] == "withdraw"
    assert signed("resume", run, "--json", code=3).json["waiting_for"][0]["roles"] == ["validator"]
    signed("abandon", run, "--reason", "it was a test")


def test_a_check_that_must_pass_blocks(signed):
    """A result below its threshold stops the run with exit code 4 and outcome `blocked`."""
    run = signed(*RUN, "-p", "rows=2", "--json", code=4).json
    assert (run["state"], run["outcome"]) == ("stopped", "blocked")
    assert run["stages"][0]["results"]["rows"]["verdict"] == "fail"


def test_a_live_workspace_refuses_a_clock_of_its_own(signed):
    """After a live run, --as-of and --demo-reviewers are refused with exit code 2 and the way out."""
    for options in (("--as-of", "2013-07-01"), ("--demo-reviewers",)):
        refused = signed(*RUN, *options, code=2)
        assert "sop new" in refused.err


def test_demo_reviewers_take_a_run_to_its_end(make_shell):
    """With demo reviewers a run needs nobody: it is done, marked as demo, and verify counts their sign-offs."""
    sop = make_shell()
    run = sop(*RUN, "--as-of", "2013-07-01", "--demo-reviewers", "--json", SOP_PERSON="").json
    assert (run["state"], run["demo"], run["simulated"]) == ("done", True, True)
    assert run["run"].startswith("20130701T000000Z-tiny-")
    assert [sign_off["demo"] for sign_off in run["sign_offs"]] == [True]
    verified = sop("verify", "--all", "--json").json
    assert (verified["ok"], verified["demo"]) == (True, 1)
    assert "demo" in {notice["kind"] for notice in verified["notices"]}
    assert [each["run"] for each in sop("status", "--json").json] == [run["run"]]
    drawn = sop("diagram", "last").out
    assert drawn.startswith("flowchart")
    draft = json.loads(Path(sop("open", "last", "judge", "--print").out.strip()).read_text())
    bound = [cell for cell in draft["cells"] if cell["id"] == "bound-to-attempt"]
    assert f"run = '{run['run']}#1'" in bound[0]["source"]
    page = sop.folder / "runs" / run["sop"] / f"{run['run']}.html"
    sop("show", "last", "--html")
    assert "I have looked at it" not in page.read_text() or "Judged" in page.read_text()


def test_a_cell_that_raises_fails_the_run(sop):
    """A failed stage is exit code 1; the reason and its notebook are shown, and a resume makes a new attempt."""
    path = sop.folder / "notebooks/sample/02_after.ipynb"
    source = path.read_text()
    path.write_text(source.replace('this.record(\\"looked_back\\", True)', "1 / 0"))
    run = sop(*RUN, "--as-of", "2013-07-01", "--demo-reviewers", "--json", code=1).json
    after = run["stages"][1]
    assert (run["state"], after["state"], after["attempt"]) == ("failed", "failed", 1)
    assert "ZeroDivisionError" in after["reason"]
    assert (sop.folder / after["notebook"]).exists()
    again = sop("resume", run["run"], "--json", code=1).json
    assert again["stages"][1]["attempt"] == 2
    sop("abandon", "last", "--reason", "the notebook divides by zero")
    path.write_text(source)


def test_ctrl_c_says_how_to_go_on(make_shell):
    """Interrupted in a long cell, the command ends with exit code 1 and names the resume that goes on."""
    sop = make_shell()
    path = sop.folder / "notebooks/sample/01_judge.ipynb"
    marker = sop.folder / "sleeping"
    waits = f"import pathlib, time\\npathlib.Path({str(marker)!r}).touch()\\ntime.sleep(600)"
    path.write_text(path.read_text().replace('"source": "this.record', f'"source": "{waits}\\nthis.record'))
    command = [sys.executable, "-c", "from sopkit.cli import main; main()", *RUN, "--as-of", "2013-07-01"]
    process = subprocess.Popen(
        command,
        cwd=sop.folder,
        env=sop.environment,
        stderr=subprocess.PIPE,
        text=True,
        # whoever starts the tests in the background has them, and all their children, ignore Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while not marker.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    said = process.communicate()[1]
    run = sop("status", "--json").json[0]
    assert process.returncode == 1
    assert f"sop resume {run['run']}" in said
    assert "Traceback" not in said
    assert run["stages"][0]["state"] == "interrupted"
    assert sop("verify", "--json").json["ok"]
    sop("abandon", "last", "--reason", "it was a test")
