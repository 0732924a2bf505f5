"""JSON Schema of the three files, so that editors complete them and mark mistakes while typing.

The first line of a file names its schema (`# yaml-language-server: $schema=…`). The schema is a help for
editors; what counts is `files`, which also knows what a schema cannot say.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema

from sopkit.definitions.model import ModelFile
from sopkit.definitions.people import People
from sopkit.definitions.sop import Sop

__all__ = ["SCHEMAS", "render_schema", "write_schemas"]

SCHEMAS: dict[str, type[BaseModel]] = {"sop": Sop, "model": ModelFile, "people": People}


def render_schema(name: str) -> str:
    """The schema of `sop`, `model` or `people` as JSON text, the same for the same models."""
    schema = SCHEMAS[name].model_json_schema(mode="validation")
    schema = {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": f"sopkit {name} file"}
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> list[Path]:
    """Write `<name>.schema.json` of every file kind to `folder`; returns the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in SCHEMAS:
        path = folder / f"{name}.schema.json"
        path.write_text(render_schema(name), encoding="utf-8")
        paths.append(path)
    return paths
