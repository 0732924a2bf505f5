"""Worlds in which at most one thing has changed, and how often the rules of stage 1 say otherwise.

A period has rows of `days` days; its model was right before the change. What can change:

    nothing
    harder_inputs    x moves to where the model tells outcomes apart less well
    idle_inputs      z moves, which the outcome does not depend on
    concept          the same inputs lead to other outcomes
    conditions       the outcome is commoner (higher), with everything else as it was

With `dependent` days differ: half of the variance of x belongs to the day, and so does a part of the outcome's level.
`alarm_rates` is for tests with few repetitions and for studies with many.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import numpy as np
import pandas as pd

from sopkit.definitions.model import Triggers
from sopkit.evidence.causes import Causes, Period, causes
from sopkit.evidence.drift import Drift, drift
from sopkit.evidence.promise import PromiseKept, make_promise, promise_kept
from sopkit.evidence.triggers import Facts, evaluate_triggers
from sopkit.evidence.triggers import Triggers as Told

Task = Literal["binary", "multiclass", "regression", "text"]
Change = Literal["nothing", "harder_inputs", "idle_inputs", "concept", "conditions"]
TASKS: tuple[Task, ...] = ("binary", "multiclass", "regression", "text")

NOW = datetime(2024, 7, 1, tzinfo=UTC)
KINDS = {"x": "numeric", "z": "numeric", "c": "categorical"}
WORDS = np.array(["refund", "late", "broken", "thanks", "great", "parcel", "order", "card", "fee", "loan"])
EFFECTS = np.array([1.6, 1.2, 1.0, -1.4, -1.2, 0, 0, 0, 0, 0])
OF_THE_DAY = 0.4  # standard deviation of a day's level of the outcome, in logits (numbers: half of that)


@dataclass(frozen=True)
class Found:
    """What stage 1 finds between two periods."""

    drift: Drift
    kept: PromiseKept
    causes: Causes
    triggers: Told


def features_of(task: Task) -> dict[str, str]:
    return {"words": "text"} if task == "text" else KINDS


def period(
    task: Task, random: np.random.Generator, change: Change = "nothing", *, dependent: bool = False, rows: int = 4000,
    days: int = 40,
) -> Period:  # fmt: skip
    """One period after a change. Conditions change by drawing rows whose outcome is commoner."""
    more = 3 * rows if change == "conditions" and task != "regression" else rows
    day = np.sort(random.integers(0, days, more))
    table, score = _inputs(task, random, change, day, days, dependent)
    level = random.normal(0, OF_THE_DAY, days)[day] if dependent else np.zeros(more)
    y, prediction = _outcomes(task, random, change, score, level, dependent)
    kept = np.arange(more)
    if more > rows:  # the same rows of each class, one class twice as often
        weight = np.where(y == 1, 2.0, 1.0)
        kept = np.sort(random.choice(more, rows, replace=False, p=weight / weight.sum()))
    return Period(table.iloc[kept].reset_index(drop=True), y[kept], prediction[kept], day[kept])


def _inputs(
    task: Task, random: np.random.Generator, change: Change, day: np.ndarray, days: int, dependent: bool
) -> tuple[pd.DataFrame, np.ndarray]:
    size = len(day)
    if task == "text":
        often = np.full(len(WORDS), 0.3)
        if change == "harder_inputs":
            often[:5] = 0.04
        if change == "idle_inputs":
            often[5:] = 0.8
        wave = random.normal(0, 0.5 if dependent else 0.0, (days, len(WORDS)))[day]
        shown = random.random((size, len(WORDS))) < 1 / (1 + np.exp(-(np.log(often / (1 - often)) + wave)))
        texts = [" ".join(WORDS[row]) + " hello" for row in shown]
        score = shown @ EFFECTS - 0.8
        return pd.DataFrame({"words": texts}), score
    shared = random.normal(0, np.sqrt(0.5), days)[day] if dependent else random.normal(0, np.sqrt(0.5), size)
    x = shared + random.normal(0, np.sqrt(0.5), size)
    if change == "harder_inputs":
        x = 0.35 * x + 0.6
    z = random.normal(1.5 if change == "idle_inputs" else 0.0, 1, size)
    return pd.DataFrame({"x": x, "z": z, "c": random.choice(["p", "q", "r"], size)}), 1.5 * x


def _outcomes(
    task: Task, random: np.random.Generator, change: Change, score: np.ndarray, level: np.ndarray, dependent: bool
) -> tuple[np.ndarray, np.ndarray]:
    size, sign = len(score), -1.0 if change == "concept" else 1.0
    middle = score.mean() if task == "text" else 0.0  # another meaning, and as common as before
    turned = middle + sign * (score - middle)
    blur = np.sqrt(1 + 0.346 * OF_THE_DAY**2) if dependent else 1.0  # the mean over days of a logistic curve
    if task == "regression":
        moved = 0.5 if change == "conditions" else 0.0
        return turned + level / 2 + moved + random.normal(0, 1, size), score
    if task == "multiclass":
        logits = np.column_stack([np.zeros(size), turned + level - 0.5, -turned - 0.5])
        logits += random.gumbel(size=logits.shape)
        clean = np.exp(np.column_stack([np.zeros(size), score - 0.5, -score - 0.5]) / blur)
        return logits.argmax(axis=1).astype(float), clean / clean.sum(axis=1, keepdims=True)
    y = random.random(size) < 1 / (1 + np.exp(-(turned + level - 1)))
    return y.astype(float), 1 / (1 + np.exp(-(score - 1) / blur))


def examine(task: Task, before: Period, now: Period, *, resamples: int = 200, seed: int = 0) -> Found:
    """What the rules of stage 1 say of a champion whose promise was made on `before`."""
    kind: Any = "binary" if task == "text" else task
    options: dict[str, Any] = {"resamples": resamples, "seed": seed}
    moved = drift(before.table, now.table, features_of(task), blocks=(before.blocks, now.blocks))
    promise = make_promise(kind, before.y, before.prediction, blocks=before.blocks, **options)
    kept = promise_kept(promise, now.y, now.prediction, task=kind, blocks=now.blocks, **options)
    told = causes(moved, before, now, features_of(task), task=kind, **options)
    facts = Facts(
        champion="one", trained_until=NOW - timedelta(days=60), promoted_at=NOW - timedelta(days=30), drift=moved,
        performance=kept, task=kind, new_labelled_rows=len(now.y),
    )  # fmt: skip
    return Found(moved, kept, told, evaluate_triggers(Triggers(), facts, as_of=NOW))


def between(task: Task, change: Change, *, seed: int, dependent: bool = False, **size: int) -> Found:
    """A period, the change, another period, and what is found between them."""
    random = np.random.default_rng(seed)
    before = period(task, random, dependent=dependent, **size)
    return examine(task, before, period(task, random, change, dependent=dependent, **size), seed=seed)


def alarm_rates(
    task: Task,
    change: Change = "nothing",
    *,
    dependent: bool = False,
    repetitions: int = 60,
    seed: int = 0,
    **size: int,
) -> dict[str, float]:
    """How often each cause is found at work and each trigger fires; `any_cause`, `any_trigger` for at least one."""
    counted: Counter[str] = Counter()
    for number in range(repetitions):
        found = between(task, change, seed=seed * 100_003 + number, dependent=dependent, **size)
        counted.update(found.causes.at_work)
        counted.update(f"{name}_fired" for name in found.triggers.fired)
        counted["any_cause"] += bool(found.causes.at_work)
        counted["any_trigger"] += found.triggers.any
    names = ("data_drift", "concept_drift", "changed_conditions", "drift_fired", "performance_fired", "any_cause")
    return {name: counted[name] / repetitions for name in (*names, "any_trigger")}
