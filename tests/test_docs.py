"""The documents tell the truth: diagrams are up to date, links lead somewhere, and the README's example is executed."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from sopkit.archive.notebooks import content_digest
from sopkit.definitions import load_sop
from sopkit.definitions.diagram import mermaid

PAGES = ("README.md", "CHANGELOG.md", "runs/README.md", "docs/*.md")
RUN = re.compile(r"^\$ (sop (?:new|check|keys|run|sign|resume|show|open|verify)\b[^#\n]*)", re.MULTILINE)


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language in a page."""
    return re.findall(rf"^```{language}\n(.*?)^```", path.read_text(), re.MULTILINE | re.DOTALL)


def block(path: Path, language: str, first_line: str) -> str:
    """The only fenced block of a language that begins so."""
    (found,) = (each for each in blocks(path, language) if each.startswith(first_line))
    return found


def test_the_diagrams_of_the_retraining_sop_are_up_to_date(checkout: Path):
    """The file in docs/ and the README show what `sop diagram retraining` makes of the template."""
    drawn = mermaid(load_sop(checkout / "templates/sops/retraining.yaml")).strip()
    assert (checkout / "docs/retraining.mmd").read_text().strip() == drawn
    assert drawn in [each.strip() for each in blocks(checkout / "README.md", "mermaid")]


def test_every_link_between_documents_leads_somewhere(checkout: Path):
    """No page links to a file that is not in the project, and no picture is larger than 250 kB."""
    missing = []
    for page in (page for pattern in PAGES for page in checkout.glob(pattern)):
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            if not (page.parent / target).exists():
                missing.append(f"{page.name}: {target}")
    assert missing == []
    assert [path.name for path in (checkout / "docs/images").glob("*.png") if path.stat().st_size > 250_000] == []


def test_the_page_on_the_record_gives_the_content_digest(checkout: Path, tmp_path: Path):
    """The script of docs/record.md, which imports nothing of ours, digests a notebook as the archive does."""
    (tmp_path / "content.py").write_text(block(checkout / "docs/record.md", "python", "# content.py"))
    for path in sorted((checkout / "notebooks/retraining").glob("*.ipynb")):
        notebook = json.loads(path.read_text())
        notebook["metadata"]["papermill"] = {"parameters": {"run": "20130701T000000Z-flights-4f2a", "share": 0.1}}
        code = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
        code["execution_count"] = 1
        code["outputs"] = [
            {"output_type": "stream", "name": "stdout", "text": ["ä\n", "b"]},
            {
                "output_type": "display_data",
                "metadata": {},
                "data": {"text/markdown": ["# a\n", "b"], "application/x+json": {"a": [1.0, 1e-9, None]}},
            },
        ]
        executed = tmp_path / path.name
        executed.write_text(json.dumps(notebook))
        command = [sys.executable, "content.py", path.name]
        told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True).stdout.strip()
        assert told == content_digest(notebook)


@pytest.mark.timeout(900)
def test_the_example_of_the_readme_works_as_it_stands(checkout: Path, tmp_path: Path):
    """Data, model file, keys and people as the README has them: each command gives what is said, and all verifies."""
    readme = checkout / "README.md"
    (tmp_path / "passphrase").write_text("what only they know")
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "SOP_KEYS": str(tmp_path / "keys"),
        "SOP_PASSPHRASE_FILE": str(tmp_path / "passphrase"),
    }
    folder = tmp_path / "here"
    folder.mkdir()

    def type_in(line: str) -> subprocess.CompletedProcess[str]:
        words = [*shlex.split(line), *(["--print"] if line.startswith("sop open") else [])]
        return subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True)

    def prepare(line: str) -> None:
        """What the README says before that command."""
        if line == "sop check":
            (folder / "make_customers.py").write_text(block(readme, "python", "import numpy"))
            assert type_in("python make_customers.py").returncode == 0
            (folder / "templates/models/churn.yaml").write_text(block(readme, "yaml", "model: churn"))
        if line.startswith("sop run"):
            people = block(readme, "yaml", "version: 1")
            for name in ("ada", "grace", "kofi"):
                public = (tmp_path / f"keys/{name}.pub").read_text().strip()
                people = people.replace(f"ssh-ed25519 AAAA… {name}", public)
            (folder / "templates/people.yaml").write_text(people)

    waits = {"sop run": 3, "sop resume": 3, "sop resume last --by ada --as-of 2026-03-09": 0}
    lines = [line.strip() for line in RUN.findall(readme.read_text())]
    assert len(lines) == 15
    for line in lines:
        prepare(line)
        done = type_in(line.removesuffix("&& cd ../churn").strip())
        expected = waits.get(line, waits.get(" ".join(line.split()[:2]), 0))
        assert done.returncode == expected, f"{line}\n{done.stdout}\n{done.stderr}"
        if line.startswith("sop new"):
            folder = tmp_path / "churn"
        told = done.stdout
    promised = re.search(r"`(✓ verified: [^`]+)`", readme.read_text())
    assert promised is not None
    assert re.search(re.escape(promised[1]).replace("…", r"\d+"), told)
    state = json.loads(type_in("sop status last --json").stdout)
    assert (state["state"], state["outcome"]) == ("done", "first_champion")
    assert state["stages"][-1]["results"]["post_deployment"]["value"] == "watch"
