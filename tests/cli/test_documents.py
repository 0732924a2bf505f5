"""What the documents say works, because it is done here as it stands there."""

from __future__ import annotations

import base64
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from sopkit.cli.app import app


def commands() -> set[str]:
    """Every command of `sop`, with its group before it."""
    found = set()
    for name, command in typer.main.get_command(app).commands.items():
        inner = getattr(command, "commands", None)
        found |= {f"{name} {each}" for each in inner} if inner else {name}
    return found


def test_every_command_is_in_a_document(checkout: Path):
    """No command exists that neither the README nor a page of docs/ mentions."""
    text = "".join(path.read_text() for path in (checkout / "README.md", *(checkout / "docs").glob("*.md")))
    assert {command for command in commands() if f"sop {command}" not in text} == set()


def test_the_documents_name_only_commands_that_exist(checkout: Path):
    """A line of a console block that starts with `$ sop` names a command that there is, and options that it has."""
    tree = typer.main.get_command(app)
    for path in (checkout / "README.md", *(checkout / "docs").glob("*.md")):
        for words in re.findall(r"^\$ (?:.*&& )?sop ([^#\n&]+)", path.read_text(), re.MULTILINE):
            first, *rest = words.split()
            command = tree.commands[first]
            if inner := getattr(command, "commands", None):
                command, rest = inner[rest[0]], rest[1:]
            known = {option for parameter in command.params for option in parameter.opts + parameter.secondary_opts}
            assert [word for word in rest if word.startswith("-") and word not in known] == [], f"{path.name}: {words}"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")
def test_any_ed25519_tool_checks_a_sign_off(make_shell, checkout: Path, tmp_path: Path):
    """The script of docs/check-a-sign-off.md accepts a sign-off with stock OpenSSL, and refuses a changed one."""
    sop = make_shell()
    run = sop("run", "sample", "--model", "tiny", "--as-of", "2013-07-01", "--demo-reviewers", "--json").json
    log = sop.folder / "runs/log/entries.jsonl"
    entries = [json.loads(line) for line in log.read_text().splitlines()]
    people = next(entry["body"]["people"] for entry in entries if entry["kind"] == "demo.people")
    signed = run["sign_offs"][0]
    public = next(person["keys"][0]["public"] for person in people if person["id"] == signed["by"])
    page = (checkout / "docs/check-a-sign-off.md").read_text()
    script = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert script is not None
    (tmp_path / "check.py").write_text(script[1])

    def check(path: Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "check.py", str(path), str(signed["seq"]), public]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    good = check(log)
    assert (good.returncode, "Signature Verified Successfully" in good.stdout) == (0, True)
    assert run["run"] in good.stdout

    envelope = entries[signed["seq"] - 1]["body"]["envelope"]
    statement = base64.b64decode(envelope["payload"]).replace(b'"approve"', b'"approvE"')
    envelope["payload"] = base64.b64encode(statement).decode()
    (tmp_path / "changed.jsonl").write_text("\n".join(json.dumps(entry) for entry in entries) + "\n")
    assert check(tmp_path / "changed.jsonl").returncode != 0
