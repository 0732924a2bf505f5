"""A finding that stops a run is accepted in writing, taken up by the next run, shown everywhere, and withdrawn."""

from __future__ import annotations

import contextlib
import json

import pytest
import typer

from sopkit.cli.app import app
from sopkit.running import stage

RUN = ("run", "sample", "--model", "tiny", "--reason", "the price list is new")

FINDS = """
waived = "short" in this.waivers
found = {"id": "short", "sentence": "Few rows" + this.waivers.get("short", ""), "waivable": True}
found["severity"] = "waived" if waived else "block"
this.record("rows", 0 if waived else 1, at_most=0, detail={"findings": [found]})
this.record("asked_for", reason)
"""
CHECKLIST = """
checklist:
  - {id: rows, question: "Are there rows enough?", gate: judged, answered_by: judge.rows}
  - {id: lawful, question: "Is it lawful?", gate: judged}
"""


@pytest.fixture(scope="module")
def desk(make_shell):
    """A workspace whose first stage stops every run; ada executes, grace is validator with a key of her own."""
    sop = make_shell()
    line = sop("keys", "new", "grace", "--json").json["public"]
    roles = [{"role": "validator"}, {"role": "people-admin"}]
    people = [
        {"id": "ada", "name": "Ada"},
        {"id": "grace", "name": "Grace", "keys": [{"public": line}], "roles": roles},
    ]
    (sop.folder / "templates/people.yaml").write_text(json.dumps({"version": 1, "people": people}))
    path = sop.folder / "templates/sops/sample.yaml"
    path.write_text(path.read_text() + CHECKLIST)
    path = sop.folder / "notebooks/sample/01_judge.ipynb"
    made = json.loads(path.read_text())
    made["cells"][1]["source"] += '\nreason: str = ""'
    made["cells"][-1]["source"] = FINDS.strip()
    path.write_text(json.dumps(made))
    return sop


def test_a_waiver_is_taken_up_by_the_next_run_until_it_is_withdrawn(desk):
    """Blocked; waived; the next run waits at its gate and shows it; withdrawn, the stage is made again and blocks."""
    blocked = desk(*RUN, "--json", code=4).json
    run = blocked["run"]
    assert (blocked["outcome"], blocked["reason"]) == ("blocked", "the price list is new")
    assert blocked["stages"][0]["results"]["asked_for"]["value"] == "the price list is new"
    assert f"sop waive {run} short --reason TEXT" in desk("status", run).out
    assert desk("waive", "--list", "--json").json == []
    assert "why?" in desk("waive", run, "short", code=2).err

    given = desk("waive", run, "short", "--reason", "a quiet month", "--until", "2999-01-01", code=2)
    assert "90 days at most" in given.err
    given = desk("waive", run, "short", "--reason", "a quiet month", "--json").json
    assert (given["by"], given["finding"], given["model"], given["role"]) == ("grace", "short", "tiny", "validator")
    assert [each["reason"] for each in desk("waive", "--list", "--json").json] == ["a quiet month"]
    assert "a quiet month" in desk("status").out
    assert desk("status", run, "--json").json["state"] == "stopped"

    waiting = desk(*RUN, "--json", code=3).json
    assert waiting["stages"][0]["findings"][0]["severity"] == "waived"
    assert "Grace (validator) accepts this until" in waiting["stages"][0]["findings"][0]["sentence"]
    page = desk.folder / "runs" / waiting["sop"] / f"{waiting['run']}.html"
    desk("show", "last", "--html")
    assert "accepted in writing" in page.read_text()
    assert "Is it lawful?" in page.read_text()
    with contextlib.chdir(desk.folder):
        assert "a quiet month" in stage.begin("sample", "judge", model="tiny").waivers["short"]

    assert "not an answer" in desk("sign", "last", "judge", "--approve", "--answer", "lawful", code=2).err
    signed = desk("sign", "last", "judge", "--approve")
    assert "Accepted in writing: short" in signed.err
    assert "lawful: Is it lawful?" in signed.err
    answers = desk("show", "last", "judge", "--json").json["gate"]["checklist"]
    assert {each["id"]: (each["answer"], each["by"]) for each in answers} == {
        "rows": ("yes", ["judge.rows"]),
        "lawful": ("yes", ["grace"]),
    }

    desk("waive", "last", "short", "--withdraw", "--reason", "the month was not quiet")
    again = desk("resume", "last", "--json", code=4).json
    assert (again["outcome"], again["stages"][0]["attempt"]) == ("blocked", 2)
    assert desk("verify", "--json").json["ok"]


def test_no_command_skips_a_stage_or_a_check():
    """`sop run` and `sop resume` have no option that leaves something out: it is waived in writing, or mended."""
    tree = typer.main.get_command(app)
    options = {name: {parameter.name for parameter in tree.commands[name].params} for name in ("run", "resume")}
    everywhere = {"as_of", "until", "by", "wait_ok", "json", "workspace"}
    assert options["run"] == {"sop", "model", "parameter", "demo_reviewers", "reason", *everywhere}
    assert options["resume"] == {"run", "parameter", *everywhere}
