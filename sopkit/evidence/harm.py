"""Was harm measured? Drift starts an examination; it proves no harm.

Inputs may move far while the model stays as good as ever, and a model may fail on inputs that look as always. So what
was measured of the inputs and of the performance is told together, and never one for the other.
"""

from __future__ import annotations

from collections.abc import Sequence

from sopkit.definitions.results import Verdict
from sopkit.evidence.drift import Drift
from sopkit.evidence.measure import Measure
from sopkit.evidence.promise import PromiseKept

__all__ = ["harm_of"]

INPUTS = {
    Verdict.FAIL: "Inputs have drifted",
    Verdict.PASS: "Inputs have not drifted",
    Verdict.INSUFFICIENT: "Whether inputs have drifted is open",
}


def harm_of(drift: Drift | None, kept: PromiseKept | None, beyond: Sequence[str] = ()) -> Measure:
    """`measured`, `none measured` or `not known`, told beside the drift.

    Harm is a broken promise, or a metric beyond its owner's limit: `beyond` are the sentences that say so.
    """
    inputs = INPUTS[drift.verdict] if drift else "Inputs were not compared"
    if drift is not None and drift.verdict is Verdict.PASS and drift.drifted and drift.share is not None:
        moved_by = f"{100 * drift.share:.3g} % of the features' weight, limit {100 * drift.limit:.3g} %"
        inputs = f"Inputs have drifted less than the limit ({moved_by})"
    moved = drift is not None and drift.verdict is Verdict.FAIL
    found = [*beyond, *(measure.reason for measure in kept.broken)] if kept else [*beyond]
    if found:
        value, verdict = "measured", Verdict.FAIL
        told = f"harm was measured: {found[0]}{f' (and {len(found) - 1} more)' if found[1:] else ''}"
    elif kept is None or kept.verdict is not Verdict.PASS:
        why = f": {kept.reason}" if kept else ", performance was not measured"
        value, verdict, told = "not known", Verdict.INSUFFICIENT, f"whether the model does harm is not known{why}"
    else:
        value, verdict = "none measured", Verdict.PASS
        told = f"no harm was measured: every promise is kept on {kept.rows:,} labelled rows"
    link = "but" if (moved and verdict is Verdict.PASS) or (not moved and verdict is Verdict.FAIL) else "and"
    rest = "; drift starts an examination, it is no harm by itself" if moved and verdict is not Verdict.FAIL else ""
    return Measure("harm", value, verdict, f"{inputs}, {link} {told}{rest}", {}, None, "Harm to the model's answers")
