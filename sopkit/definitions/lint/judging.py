"""Does what a model file says of judging fit its target: metrics, own measures, costs?"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sopkit.definitions.model import COSTS, METRICS, ModelFile
from sopkit.definitions.problems import Problem, did_you_mean
from sopkit.definitions.yaml_file import Document

__all__ = ["check_judging"]

Function = Callable[[str, tuple[str, ...]], Iterator[Problem]]


def check_judging(model: ModelFile, document: Document, function: Function) -> Iterator[Problem]:
    """Every problem of metrics, measures and costs; `function(reference, path)` checks a `module:name`."""
    task, rules = model.target.task, model.evaluation
    known = METRICS[task]
    for name, measure in rules.measures.items():
        own = ("evaluation", "measures", name)
        if name in known:
            yield document.error(own, "an own measure is called like a metric", "another name", name)
        yield from function(measure.function, (*own, "function"))
    named: list[tuple[tuple[str, ...], str, tuple[str, ...]]] = []
    named += [(("evaluation", "guardrails", name), name, known) for name in rules.guardrails or {}]
    if rules.primary is not None:
        named.append((("evaluation", "primary"), rules.primary, (*known, *rules.measures)))
    named += [
        (("triggers", "conditions", name, "metric"), trigger.metric, known)
        for name, trigger in model.triggers.conditions.items()
        if trigger.metric is not None
    ]
    for path, name, allowed in named:
        if name not in allowed:
            what = f"no metric '{name}' for a {task} target{did_you_mean(name, allowed)}"
            yield document.error(path, what, f"one of {', '.join(allowed)}")
    if rules.costs is None:
        return
    written = {field for fields in COSTS.values() for field in fields if getattr(rules.costs, field)}
    for field in sorted(written - set(COSTS[task])):
        what = f"a {task} target has no such answer"
        yield document.error(("evaluation", "costs", field), what, f"one of {', '.join(COSTS[task])}")
    if not written:
        what = "no answer costs anything"
        yield document.error(("evaluation", "costs"), what, f"at least one of {', '.join(COSTS[task])}")
