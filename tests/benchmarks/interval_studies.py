"""Do intervals hold the truth as often as they say? One trial each: sample a world, take the interval, look."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from sopkit.definitions.model import Evaluation, Fairness
from sopkit.evidence.bootstrap import plan, resampled
from sopkit.evidence.comparing import compare
from sopkit.evidence.fairness import fairness_of
from sopkit.evidence.importance import importance_of
from sopkit.evidence.metrics import Task, find, roc_auc
from tests.benchmarks.trials import Cell
from tests.benchmarks.worlds import DAYS, WORLDS, World, sample, true_gain

__all__ = ["COUNTED", "cells"]

METRICS: dict[Task, tuple[str, ...]] = {
    "binary": ("roc_auc", "brier"),
    "multiclass": ("macro_f1",),
    "regression": ("r2", "mae"),
}
BETTER = 0.2  # the challenger's weight on its own input, above the champion's on its
PER_DAY = 40
COUNTED = " with neighbours"


def gain_covered(
    random: np.random.Generator, world: World, task: Task, days: int, by_rows: bool, truth: Mapping[str, float]
) -> dict[str, bool | None]:
    """Does the 95 % interval of the paired gain hold the true gain?"""
    rows = sample(world, task, days, PER_DAY, random, gain=BETTER)
    seed = int(random.integers(2**31))
    drawn = plan(np.arange(len(rows.y)) if by_rows else rows.day, len(rows.y), seed=seed)
    found: dict[str, bool | None] = {}
    for name in METRICS[task]:
        metric = find(task, name)
        new, old = (resampled(metric, rows.y, p, drawn) for p in (rows.challenger, rows.champion))
        interval = new.better_than(old)
        seen = {metric.title: interval}
        if not by_rows:
            seen[f"{metric.title}{COUNTED}"] = interval.with_neighbours
        found |= {what: one.low <= truth[name] <= one.high if one.known else None for what, one in seen.items()}
    return found


def slices_covered(
    random: np.random.Generator, world: World, slices: int, days: int, per_day: int
) -> dict[str, bool | None]:
    """Do the intervals of all slices hold together, and does none cry wolf, where both models are equally good?"""
    rows = sample(world, "binary", days, per_day, random)
    group = random.integers(0, slices, len(rows.y)).astype(str)
    evaluation = Evaluation(seed=int(random.integers(2**31)), minimum_rows=100, guardrails={})
    table = compare(
        rows.y, rows.champion, rows.challenger, task="binary", blocks=rows.day, evaluation=evaluation,
        slices=pd.DataFrame({"group": group}),
    ).slices  # fmt: skip
    known = table[table.low.notna()]
    together = bool(((known.low <= 0) & (known.high >= 0)).all()) if len(known) else None
    return {f"{slices} slices": together}


def fairness_covered(
    random: np.random.Generator, world: World, groups: int, days: int, per_day: int
) -> dict[str, bool | None]:
    """Does the interval of the largest gap hold zero where groups are treated alike?"""
    rows = sample(world, "binary", days, per_day, random)
    group = random.integers(0, groups, len(rows.y)).astype(str)
    evaluation = Evaluation(seed=int(random.integers(2**31)), threshold=0.4, fairness=Fairness(minimum_group=50))
    gaps = fairness_of(
        rows.y, rows.challenger, pd.DataFrame({"group": group}), task="binary", blocks=rows.day, evaluation=evaluation
    ).gaps
    return {
        f"{groups} groups, {gap.rate.replace('_', ' ')}": gap.gap.low <= 0 if gap.gap.known else None for gap in gaps
    }


def importance_covered(random: np.random.Generator, rows: int) -> dict[str, bool | None]:
    """Does the interval over five shuffles hold the mean of two hundred, for each of three features?"""
    found = sample(DAYS, "binary", max(rows // 50, 1), 50, random)
    features = pd.DataFrame(found.x, columns=["strong", "weak", "weaker"])

    def predict(table: pd.DataFrame) -> np.ndarray:
        score = table.strong + 0.4 * table.weak + 0.2 * table.weaker - 1
        return np.asarray(1 / (1 + np.exp(-score)))

    evaluation = Evaluation(seed=int(random.integers(2**31)))
    table = importance_of(predict, features, found.y, task="binary", evaluation=evaluation).table.set_index("feature")
    whole = roc_auc(found.y, predict(features))
    told: dict[str, bool | None] = {}
    for name in features.columns:
        shuffled = [
            whole - roc_auc(found.y, predict(features.assign(**{name: random.permutation(features[name].to_numpy())})))
            for _ in range(200)
        ]
        truth = float(np.mean(shuffled))
        told[f"{name} feature"] = bool(table.low[name] <= truth <= table.high[name])
    return told


def cells(scale: float) -> list[Cell]:
    """`scale` 1 is the full study."""
    found = []
    for world in WORLDS:
        for task, names in METRICS.items():
            truth = {name: true_gain(world, task, name, BETTER) for name in names}
            for days, by_rows in ((20, False), (30, False), (60, False), (30, True)):
                label = f"{world.name}, {days} days" + (", rows resampled" if by_rows else "")
                settings = {"world": world, "task": task, "days": days, "by_rows": by_rows, "truth": truth}
                trials = 400 if by_rows else 2000
                found.append(Cell("gain", f"{label}, {task}", gain_covered, settings, 0.95, "coverage", trials))
        for slices, per_day in ((4, 40), (20, 100)):
            settings = {"world": world, "slices": slices, "days": 30, "per_day": per_day}
            found.append(Cell("slices", f"{world.name}, 30 days", slices_covered, settings, 0.95, "coverage", 300))
        for groups, per_day in ((2, 40), (6, 100)):
            settings = {"world": world, "groups": groups, "days": 30, "per_day": per_day}
            found.append(Cell("fairness", f"{world.name}, 30 days", fairness_covered, settings, 0.95, "coverage", 400))
    for rows in (500, 2000):
        label = f"{rows:,} rows"
        found.append(Cell("importance", label, importance_covered, {"rows": rows}, 0.95, "coverage", 200))
    return [cell.scaled(scale) for cell in found]
