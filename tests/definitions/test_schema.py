from __future__ import annotations

import json

import jsonschema
import pytest

from sopkit.definitions.schema import SCHEMAS, render_schema, write_schemas
from sopkit.definitions.yaml_file import parse_yaml

FILES = [
    ("sop", "sops/retraining"),
    ("model", "models/flights"),
    ("model", "models/diabetes-progression"),
    ("people", "people"),
]


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_schema_is_that_of_the_models(project, name):
    """Editors see the models as they are: whoever changes a model writes the schemas anew."""
    path = project / "docs/schema" / f"{name}.schema.json"
    assert path.read_text(encoding="utf-8") == render_schema(name), (
        "write_schemas(Path('docs/schema')) has to be called"
    )


def test_schemas_are_written_to_a_folder_that_need_not_exist(tmp_path):
    """Three files, each a valid JSON Schema."""
    for path in write_schemas(tmp_path / "new"):
        jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))


@pytest.mark.parametrize(("kind", "file"), FILES)
def test_templates_fit_the_schema_that_they_name(project, kind, file):
    """An editor that follows the first line of a template finds the schema, and nothing to complain about."""
    path = project / "templates" / f"{file}.yaml"
    first = path.read_text().splitlines()[0]
    schema = (path.parent / first.removeprefix("# yaml-language-server: $schema=")).resolve()
    assert schema == project / "docs/schema" / f"{kind}.schema.json"
    jsonschema.validate(parse_yaml(path.read_bytes(), path.name).value, json.loads(schema.read_text()))


def test_the_schema_finds_what_an_editor_should_mark(project):
    """A misspelt key and a wrong kind are errors of the schema too."""
    schema = json.loads(render_schema("model"))
    sound = {
        "model": "m",
        "data": {"source": "a.csv", "time": "t"},
        "target": {"task": "binary"},
        "features": {"a": "text"},
    }
    jsonschema.validate(sound, schema)
    for wrong in (
        {**sound, "modle": "m"},
        {**sound, "features": {"a": "txt"}},
        {**sound, "evaluation": {"window": 30}},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
