"""What people type wrong: exit code 2, one clear message, and a workspace that is as it was."""

from __future__ import annotations

from pathlib import Path

import pytest

from sopkit.cli import options
from sopkit.errors import WrongUse


def files(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("run", "nonsense", "--model", "tiny"), "no SOP named 'nonsense'"),
        (("run", "sample", "--model", "nonsense"), "no model file named 'nonsense'"),
        (("run", "sample", "--model", "../../etc"), "not a name of a model"),
        (("run", "sample", "--model", "tiny", "--as-of", "yesterday"), "not a date"),
        (("run", "sample", "--model", "tiny", "--as-of", "2999-01-01"), "never lies in the future"),
        (("run", "sample", "--model", "tiny", "-p", "rows"), "name=value"),
        (("run", "sample", "--model", "tiny", "-p", "raws=3"), "raws"),
        (("run", "sample", "--model", "tiny", "-p", "rows=many"), "rows"),
        (("run", "sample", "--model", "tiny", "--until", "lunch"), "no stage 'lunch'"),
        (("status", "20130701T000000Z-flights-4f2a"), "no run"),
        (("resume", "last"), "no run 'last'"),
        (("sign", "last", "judge"), "one of --approve, --reject, --return"),
        (("sign", "last", "judge", "--approve", "--reject"), "one of --approve, --reject, --return"),
        (("show", "last", "judge"), "no run 'last'"),
        (("diagram", "nonsense"), "neither a SOP nor a run"),
        (("diagram", "sample", "-o", "x.exe"), ".mmd"),
        (("keys", "new", "../x"), "not a name for a key"),
        (("new", "."), "not an empty folder"),
        (("-C", "nowhere", "status"), "not a folder that can be entered"),
        (("frobnicate",), "No such command"),
    ],
)
def test_it_is_said_and_nothing_happens(sop, arguments, said):
    """A wrong command ends with exit code 2 and a message that names what is wrong; no file is made or changed."""
    before = files(sop.folder)
    done = sop(*arguments, code=2)
    assert said in done.err
    assert "Traceback" not in done.err
    assert files(sop.folder) == before


def test_outside_of_a_workspace(sop, tmp_path):
    """Outside of a workspace every command says how to make one."""
    done = sop("status", "-C", str(tmp_path), code=2)
    assert "sop new DIR" in done.err


def test_a_malformed_definition_names_file_and_line(sop):
    """A model file with an unknown key is refused with its line before anything is written."""
    path = sop.folder / "templates/models/tiny.yaml"
    kept = path.read_text()
    path.write_text(kept + "featurs: {z: numeric}\n")
    done = sop("run", "sample", "--model", "tiny", code=2)
    assert "templates/models/tiny.yaml:6" in done.err
    assert "featurs" in done.err
    checked = sop("check", "templates/models/tiny.yaml", "--json", code=2).json
    assert [problem["line"] for problem in checked["problems"] if problem["severity"] == "error"] == [6]
    path.write_text(kept)
    assert not (sop.folder / "runs" / "log").exists()


def test_an_unexpected_error_is_one_line_and_a_file(sop):
    """A bug prints one line and no traceback; the traceback lies in `.sop`, and the exit code is 1."""
    broken = "from sopkit.cli import looking\nlooking.here = lambda: 1 / 0\nfrom sopkit.cli import main\nmain()"
    import subprocess
    import sys

    done = subprocess.run(
        [sys.executable, "-c", broken, "status"], cwd=sop.folder, env=sop.environment, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("internal error: ZeroDivisionError: division by zero; please report it")
    logs = list((sop.folder / ".sop").glob("crash-*.log"))
    assert "Traceback" in logs[0].read_text()
    logs[0].unlink()


def test_a_passphrase_is_never_taken_from_nowhere(sop):
    """Without a terminal and without SOP_PASSPHRASE_FILE a key is not made, and the message names the way out."""
    done = sop("keys", "new", "eve", code=2, SOP_PASSPHRASE_FILE="")
    assert "SOP_PASSPHRASE_FILE" in done.err
    assert not (sop.folder / "home/keys/eve").exists()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("n=3", 3),
        ("n=3.5", 3.5),
        ("n=true", True),
        ("n=null", None),
        ('n=["a", 1]', ["a", 1]),
        ("n=a=b", "a=b"),
        ("n=NaN", "NaN"),
        ('n="3"', "3"),
        ("n=", ""),
    ],
)
def test_a_parameter_is_json_or_text(text, value):
    """A value that is JSON is that value; anything else, also NaN, is text."""
    assert options.parameters([text]) == {"n": value}


def test_a_parameter_is_given_once():
    """The same name twice is refused: nobody has to know which one wins."""
    with pytest.raises(WrongUse, match="given twice"):
        options.parameters(["n=1", "n=2"])
