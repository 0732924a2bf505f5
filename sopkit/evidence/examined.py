"""Was it examined? What a compliance checklist asks, apart from what was found.

The rules:
* looked at and found wanting is examined: what was found stands in results of its own, and decides there;
* an attribute of which no two groups are large enough was not examined, nor is anything where no attribute is named;
* a model of which not every disturbance was tried has not shown how it answers.
"""

from __future__ import annotations

from sopkit.definitions.results import Threshold, Verdict
from sopkit.evidence.fairness import Fairness
from sopkit.evidence.measure import Measure, insufficient
from sopkit.evidence.representation import Representation
from sopkit.evidence.robustness import Robustness

__all__ = ["fairness_examined", "groups_examined", "robustness_examined"]

SOME = Threshold(op="at_least", value=1)
NO_ATTRIBUTES = "the model file names no slices and no protected attributes"


def groups_examined(found: Representation) -> Measure:
    """How many groups of rows were large enough to tell their label rate."""
    name, title = "groups_examined", "Groups whose share and label rate were examined"
    if not found.groups:
        return insufficient(name, NO_ATTRIBUTES, title=title, value=0, threshold=SOME)
    told = [group for group in found.groups if group.verdict is Verdict.PASS]
    columns = {group.column for group in found.groups} - {group.column for group in told}
    return _counted(name, title, len(told), len(found.groups), "groups are large enough", columns)


def fairness_examined(found: Fairness) -> Measure:
    """How many differences between groups could be measured, of those that were asked about."""
    name, title = "fairness_examined", "Differences between groups that were examined"
    if found.reason or not found.gaps:
        return insufficient(name, found.reason or NO_ATTRIBUTES, title=title, value=0, threshold=SOME)
    told = [gap for gap in found.gaps if gap.gap.known]
    columns = {gap.attribute for gap in found.gaps} - {gap.attribute for gap in told}
    return _counted(name, title, len(told), len(found.gaps), "differences could be measured", columns)


def robustness_examined(found: Robustness) -> Measure:
    """How many disturbances of the inputs were tried."""
    name, title = "robustness_examined", "Disturbances of the inputs that were tried"
    if found.reason or not len(found.table):
        reason = found.reason or "nothing could be disturbed"
        return insufficient(name, reason, title=title, value=0, threshold=SOME)
    kinds = ", ".join(dict.fromkeys(str(kind) for kind in found.table.disturbance))
    return Measure(name, len(found.table), Verdict.PASS, kinds, {}, SOME, title)


def _counted(name: str, title: str, told: int, asked: int, what: str, columns: set[str]) -> Measure:
    reason = f"{told} of {asked} {what}"
    if columns:
        return insufficient(
            name, f"{reason}; none of {', '.join(sorted(columns))}", title=title, value=told, threshold=SOME
        )
    return Measure(name, told, Verdict.PASS, reason, {}, SOME, title)
