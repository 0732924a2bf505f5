"""What people write: SOP, model and people files, and the schema of results that everything else shares.

A definition is read once, strictly, and is an immutable value from then on:

    model = load_model("templates/models/flights.yaml")     # or DefinitionError: file, line, field, expected, got
    model = parse_model(pinned_bytes, "flights.yaml")       # the same for a pinned copy

The room, from the bottom up:

    durations            `30d`, `12h`
    results, rendering   results, thresholds, verdicts and records: what a stage notebook tells, and how it reads
    sop, model, people   the three files as frozen pydantic models
    problems             what is wrong with a file, as values
    yaml_file            YAML with lines, strictly: the only door to the yaml library
    files                from bytes to definitions, or to every problem at once
    expressions          the one language of targets, triggers, rules and cleaning: `parse("arr_delay >= 15")`
    expression_values    what its operations do, on columns and scalars (pandas; imported when something is computed)
    lint                 `check(root, today=...)`: is everything measurable, owned, consistent and readable?
    diagram              `mermaid(sop, Live(...))`: swimlanes by role, with a run's state on them
    schema               JSON Schema of the three files, for editors
"""

from sopkit.definitions.durations import parse_duration, render_duration
from sopkit.definitions.files import load_model, load_people, load_sop, parse_model, parse_people, parse_sop
from sopkit.definitions.model import ModelFile
from sopkit.definitions.people import PEOPLE_ADMIN, People, Person
from sopkit.definitions.problems import Problem
from sopkit.definitions.results import Result, Threshold, Verdict
from sopkit.definitions.sop import Gate, Sop, Stage

__all__ = [
    "PEOPLE_ADMIN",
    "Gate",
    "ModelFile",
    "People",
    "Person",
    "Problem",
    "Result",
    "Sop",
    "Stage",
    "Threshold",
    "Verdict",
    "load_model",
    "load_people",
    "load_sop",
    "parse_duration",
    "parse_model",
    "parse_people",
    "parse_sop",
    "render_duration",
]
