"""Is what people wrote complete, consistent and measurable?

`check` reads a workspace's SOPs, model files, people file and the source notebooks that its SOPs name, and
returns every problem. An `error` makes a definition unusable; a `warning` is for its author to judge.

    problems = check(root, today=date(2026, 11, 20))
    problems = check(root, today=..., files=[root / "templates/models/flights.yaml"])   # only these
"""

from sopkit.definitions.lint.workspace import check

__all__ = ["check"]
