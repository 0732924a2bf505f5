"""The source notebooks as they lie in `notebooks/`: the product's face, held to the rules of a stage notebook."""

import json
from datetime import date

import pytest

from sopkit.definitions.diagram import mermaid
from sopkit.definitions.files import load_sop
from sopkit.definitions.lint import check
from sopkit.running.parameters import declared_parameters


@pytest.fixture(scope="module")
def sop(checkout):
    return load_sop(checkout / "templates/sops/retraining.yaml")


@pytest.fixture(scope="module")
def sources(checkout, sop):
    return {stage.id: json.loads((checkout / "notebooks" / stage.notebook).read_text()) for stage in sop.stages}


def test_definitions_and_notebooks_are_without_errors(checkout):
    """`sop check` finds no error in what the project ships."""
    assert [] == [problem for problem in check(checkout, today=date(2026, 11, 20)) if problem.severity == "error"]


def test_each_notebook_opens_with_what_the_sop_says_of_its_stage(sop, sources):
    """Title, purpose, inputs and what to do on failure stand at the head, in the words of the SOP."""
    for stage in sop.stages:
        head = "".join(sources[stage.id]["cells"][0]["source"])
        assert head.startswith(f"# {stage.title}\n")
        for text in (stage.purpose, stage.on_failure, *stage.inputs):
            assert " ".join(text.split()) in head, (stage.id, text)


def test_the_first_notebook_shows_the_diagram_of_its_sop(sop, sources):
    """The swimlanes at the head of the first notebook are those that `sop diagram` draws."""
    cells = "\n".join("".join(cell["source"]) for cell in sources["trigger"]["cells"])
    assert f"```mermaid\n{mermaid(sop).strip()}\n```" in cells


def test_a_draft_needs_nothing_but_the_defaults(sources):
    """Each notebook declares run, model and as_of with a comment, and its defaults make a draft."""
    for stage, notebook in sources.items():
        declared = {parameter.name: parameter for parameter in declared_parameters(notebook, stage)}
        assert ("", "") == (declared["run"].default, declared["as_of"].default)
        assert all(parameter.comment for parameter in declared.values())
