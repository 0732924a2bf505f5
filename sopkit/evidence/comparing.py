"""Comparing: champion, challenger, and the champion's recipe on the new data, on the same later rows.

The rules:
* rows are resampled in blocks, once, for all metrics and slices together (`bootstrap`);
* too few rows or blocks, a missing prediction or one class only is `insufficient`, and that is no permission;
* the third arm splits the gain: recipe on new data over champion is what the data did, challenger over that is
  what the recipe did;
* a limit that the model file declares of its own (`own_measures`, `costs`) is never left out in silence;
* a first champion is held against a naive forecast on the folds of a rolling origin, its rows ranked fold by fold.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from sopkit.definitions.model import Evaluation
from sopkit.errors import WrongUse
from sopkit.evidence.bootstrap import plan_of, resampled
from sopkit.evidence.comparison import Comparison
from sopkit.evidence.costs import CostComparison
from sopkit.evidence.forecasts_compared import SecondOpinion, second_opinions
from sopkit.evidence.gains import CHALLENGER, CHAMPION, RECIPE, Gain
from sopkit.evidence.metrics import METRICS, Metric, Task, defaults, find, no_skill, room
from sopkit.evidence.own_measures import OwnMeasures
from sopkit.evidence.single_rows import largest_row
from sopkit.evidence.slices import by_slice

__all__ = ["against_naive", "compare"]


def compare(
    y: Any,
    champion: Any,
    challenger: Any,
    *,
    task: Task,
    blocks: Any,
    evaluation: Evaluation | None = None,
    recipe_on_new_data: Any = None,
    slices: pd.DataFrame | None = None,
    names: Mapping[str, str] | None = None,
    own: OwnMeasures | None = None,
    costs: CostComparison | None = None,
    unit: str = "",
    folds: Any = None,
) -> Comparison:
    """The challenger against the champion on the same later rows.

    `y` (n,) and predictions as in `metrics`; `blocks` (n,) as in `bootstrap.plan`; `slices` one column a slice,
    rows in the order of `y`. `names` may rename `champion` and `challenger` for people.
    `own` and `costs`, of the same rows, take part in the rule as the model file says; `unit` is that of the target.
    `folds` (n,) says which rows one model has predicted, where several have (`bootstrap.resampled`).
    Raises DataError when shapes do not fit, WrongUse for a metric the task does not have, or an own measure or costs
    that the rule needs and nobody measured.
    """
    evaluation = evaluation or Evaluation()
    usual = defaults(task, y)
    _require_measured(evaluation, own, costs)
    primary = find(task, evaluation.metric or usual.primary)
    guardrails = dict(usual.guardrails if evaluation.guardrails is None else evaluation.guardrails)
    for name in guardrails:
        find(task, name)
    truth = np.asarray(y, dtype=float)
    arms = {CHAMPION: np.asarray(champion, dtype=float), CHALLENGER: np.asarray(challenger, dtype=float)}
    if recipe_on_new_data is not None:
        arms[RECIPE] = np.asarray(recipe_on_new_data, dtype=float)
    drawn = plan_of(evaluation, blocks, len(truth)).of_at_least(evaluation.minimum_rows)

    measured = sorted(METRICS[task].values(), key=lambda m: (m is not primary, m.name not in guardrails))
    each = {
        arm: {m.name: resampled(m, truth, p, drawn, evaluation.confidence, folds=folds) for m in measured}
        for arm, p in arms.items()
    }

    def gain(metric: Metric, better: str, than: str) -> Gain:
        interval = each[better][metric.name].better_than(each[than][metric.name])
        return Gain(metric, better, than, interval, interval.scaled(1 / room(metric, truth)), len(truth))

    third = recipe_on_new_data is not None
    gains = {m.name: gain(m, CHALLENGER, CHAMPION) for m in measured}
    second, one_row = tuple[SecondOpinion, ...](), None
    if task == "regression":
        both = (truth, arms[CHAMPION], arms[CHALLENGER])
        lines = {name: -limit for name, limit in guardrails.items()} | {primary.name: evaluation.margin}
        seen = {name: own_gain.judged for name, own_gain in gains.items()}
        second = second_opinions(*both, blocks, seen, lines=lines, evaluation=evaluation)
        one_row = largest_row(primary, *both, drawn)
    return Comparison(
        task=task,
        rows=len(truth),
        blocks=drawn.blocks,
        evaluation=evaluation,
        primary=primary,
        guardrails=guardrails,
        scores={arm: {name: r.interval for name, r in own.items()} for arm, own in each.items()},
        chance={m.name: no_skill(task, m, truth) for m in measured},
        gains=gains,
        of_data=gain(primary, RECIPE, CHAMPION) if third else None,
        of_recipe=gain(primary, CHALLENGER, RECIPE) if third else None,
        slices=by_slice(primary, truth, arms[CHAMPION], arms[CHALLENGER], slices, drawn, evaluation),
        names={CHAMPION: "the champion", CHALLENGER: "the challenger", RECIPE: RECIPE} | dict(names or {}),
        plan=drawn,
        own=own,
        costs=costs,
        second=second,
        one_row=one_row,
        unit=unit,
    )


def against_naive(
    y: Any,
    model: Any,
    naive: Any,
    *,
    task: Task,
    blocks: Any,
    folds: Any,
    evaluation: Evaluation | None = None,
    names: Mapping[str, str] | None = None,
    own: OwnMeasures | None = None,
    costs: CostComparison | None = None,
) -> Comparison:
    """The first champion's test: out-of-fold predictions of a rolling origin against a naive baseline's.

    All arrays are the folds' rows, one fold after the other; `folds` (n,) names the fold of each row and becomes
    the slice table. Tashman (2000), Out-of-sample tests of forecasting accuracy.
    """
    return compare(
        y,
        naive,
        model,
        task=task,
        blocks=blocks,
        evaluation=evaluation,
        slices=pd.DataFrame({"fold": np.asarray(folds)}),
        names={CHAMPION: "the naive baseline", CHALLENGER: "the model"} | dict(names or {}),
        own=own,
        costs=costs,
        folds=np.asarray(folds),
    )


def _require_measured(evaluation: Evaluation, own: OwnMeasures | None, costs: CostComparison | None) -> None:
    """A limit that the model file declares is never left out in silence."""
    limits = [name for name, m in evaluation.measures.items() if m.worse_by_at_most is not None]
    limits += [evaluation.primary] if evaluation.primary in evaluation.measures else []
    measured = {found.name for found in own.gains} if own else set()
    lacking = [name for name in limits if name not in measured]
    if evaluation.costs is not None and evaluation.costs.worse_by_at_most is not None and costs is None:
        lacking.append("costs")
    if lacking:
        what = f"the rule needs {', '.join(lacking)}, which were not measured"
        raise WrongUse(what, remedy="hand own_measures_of(…) as `own` and costs_of(…) as `costs` to the comparison")
