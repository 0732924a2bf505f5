"""`sop new`, and help for every command."""

from __future__ import annotations

import pytest

COMMANDS = (
    "new", "adopt", "run", "resume", "abandon", "open", "status", "show", "sign", "withdraw", "verify", "check",
    "diagram", "lab", "waive", "conditions", "settle", "keys new", "keys list", "people show", "people sign",
)  # fmt: skip


def test_a_new_workspace_is_complete(sop, tmp_path, checkout):
    """`sop new` copies notebooks, templates and the lock; nothing is executed, signed or logged in it yet."""
    made = tmp_path / "made"
    sop("new", str(made))
    for name in ("notebooks", "templates"):
        kept = {
            path.relative_to(checkout) for path in (checkout / name).rglob("*") if path.suffix in (".ipynb", ".yaml")
        }
        there = {path.relative_to(made) for path in (made / name).rglob("*") if path.is_file()}
        assert {path for path in kept if ".ipynb_checkpoints" not in path.parts} <= there
    assert (made / "requirements.lock").exists()
    assert [path.name for path in (made / "runs").iterdir()] == ["README.md"]
    assert sop("status", "-C", str(made), "--json").json == []
    assert sop("new", str(made), code=2).err.startswith("error: ")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(sop, command):
    """The help of every command has an example that starts with `sop` and that command."""
    assert f"Example:  sop {command}" in " ".join(sop(*command.split(), "--help").out.split("\n"))


def test_keys_are_listed_with_their_owner(sop):
    """A new key is listed with its fingerprint and belongs to nobody until the people file says so."""
    made = sop("keys", "new", "lin", "--json").json
    assert sop("keys", "list", "--json").json == [
        {"name": "lin", "fingerprint": made["fingerprint"], "person": None, "path": made["path"] + ".pub"}
    ]
    assert "PRIVATE" not in sop("keys", "list").out
    assert sop("keys", "new", "lin", code=2).err.startswith("error: ")
