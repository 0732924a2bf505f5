"""An approval with conditions: shown where the run is, listed, settled by who may, and verified."""

from __future__ import annotations

import json

import pytest

RUN = ("run", "sample", "--model", "tiny")
ASKED = "watch recall; at night; severity=high; owner=engineer; due=2999-12-01"


@pytest.fixture(scope="module")
def desk(make_shell):
    """A workspace in which ada executes and grace, validator and engineer, signs with a key of her own."""
    sop = make_shell()
    line = sop("keys", "new", "grace", "--json").json["public"]
    roles = [{"role": role} for role in ("validator", "engineer", "people-admin")]
    people = [
        {"id": "ada", "name": "Ada"},
        {"id": "grace", "name": "Grace", "keys": [{"public": line}], "roles": roles},
    ]
    (sop.folder / "templates/people.yaml").write_text(json.dumps({"version": 1, "people": people}))
    return sop


def test_a_condition_is_open_until_it_is_settled(desk):
    """Signed with its fields, told before the next sign-off, listed, settled with a comment; then nothing is open."""
    run = desk(*RUN, "--json", code=3).json["run"]
    assert "No condition is open" in desk("conditions").out
    assert (
        "a condition has no 'sevrity'"
        in desk("sign", run, "judge", "--approve", "--condition", "x; sevrity=low", code=2).err
    )
    assert (
        "nobody owns the condition"
        in desk("sign", run, "judge", "--approve", "--condition", "x; owner=nobody", code=1).err
    )
    signed = desk("sign", run, "judge", "--approve", "--condition", ASKED, "--condition", "tell the users")
    assert "The way back: none. This would be the first champion of tiny" in signed.err
    first, second = desk("conditions", "--json").json
    assert (first["text"], first["severity"], first["due"]) == ("watch recall; at night", "high", "2999-12-01")
    assert (second["severity"], second["owner"], second["state"], second["overdue"]) == (
        "medium",
        "engineer",
        "open",
        False,
    )
    assert first["id"] in signed.out
    assert [each["id"] for each in desk("status", run, "--json").json["conditions"]] == [first["id"], second["id"]]

    assert "how was it met?" in desk("settle", first["id"], code=2).err
    assert "no condition '9.9'" in desk("settle", "9.9", "--comment", "x", code=2).err
    settled = desk("settle", first["id"], "--comment", "watched, it holds")
    assert "○ open" in settled.err
    assert "settled by grace as validator" in settled.out
    assert "is settled already" in desk("settle", first["id"], "--comment", "again", code=1).err
    told = desk("settle", second["id"], "--comment", "told them", "--role", "engineer", "--json").json
    assert (told["condition"], told["role"], told["by"]) == (second["id"], "engineer", "grace")
    assert desk("conditions", run, "--json").json == []
    assert [each["state"] for each in desk("conditions", "--all", "--json").json] == ["settled", "settled"]
    assert "● settled" in desk("status", run).out
    assert desk("resume", run, "--json").json["state"] == "done"
    assert desk("verify", "--json").json["ok"]


def test_an_open_condition_is_told_at_the_next_run(desk):
    """Another run of the model shows what is open, and says it before anything is signed there."""
    run = desk(*RUN, "--json", code=3).json["run"]
    desk("sign", run, "judge", "--approve", "--condition", "look \x1b[2J again")
    desk("resume", run)
    other = desk(*RUN, "--json", code=3).json["run"]
    shown = desk("status", other)
    assert "○ open" in shown.out
    assert "\x1b" not in shown.out
    said = desk("sign", other, "judge", "--return", "--comment", "no").err
    assert "Condition: ○ open" in said
    assert "\x1b" not in said
    desk("abandon", other, "--reason", "it was a test")
