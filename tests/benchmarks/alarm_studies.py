"""How often does a test cry wolf where nothing has changed, and how often does the rule promote what is no better?"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from sopkit.definitions.model import Evaluation
from sopkit.definitions.results import Verdict
from sopkit.evidence.causes import Period, causes
from sopkit.evidence.comparing import compare
from sopkit.evidence.decision import decide
from sopkit.evidence.drift import drift
from sopkit.evidence.fairness import fairness_of
from sopkit.evidence.forecasts_compared import diebold_mariano
from sopkit.evidence.labels import label_rate
from sopkit.evidence.metrics import roc_auc
from sopkit.evidence.promise import make_promise, promise_kept
from sopkit.evidence.robustness import robustness_of
from tests.benchmarks.trials import Cell
from tests.benchmarks.worlds import WORLDS, World, inputs, sample, true_gain

__all__ = ["POWER", "cells"]

POWER = (0.0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4)
START = pd.Timestamp("2024-01-01", tz="UTC")
LABELLED = {"concept_drift": "concept drift", "changed_conditions": "changed conditions", "data_drift": "data drift"}


def promoted(
    random: np.random.Generator, world: World, task: str, days: int, per_day: int, gain: float, true: float = 0.0
) -> dict[str, bool | None]:
    """Does the whole rule promote the challenger, who is better by `true`?"""
    rows = sample(world, task, days, per_day, random, gain=gain)  # type: ignore[arg-type]
    evaluation = Evaluation(seed=int(random.integers(2**31)))
    comparison = compare(
        rows.y, rows.champion, rows.challenger, task=task, blocks=rows.day, evaluation=evaluation  # type: ignore[arg-type]
    )  # fmt: skip
    moved = decide(comparison).moves
    warned = any(measure.verdict is not Verdict.PASS for measure in (*comparison.seconds, *comparison.doubts))
    return {"promoted": moved, "promoted, and no doubt told": moved and not warned}


def drifted(random: np.random.Generator, world: World, columns: int, by_rows: bool) -> dict[str, bool | None]:
    """Thirty days against ninety before them; nothing has changed."""
    found, day = inputs(world, 120, 50, columns, random)
    table = pd.DataFrame(found)
    before = day < 90
    sides = table[before].reset_index(drop=True), table[~before].reset_index(drop=True)
    kinds = {name: "numeric" if table[name].dtype == float else "categorical" for name in table.columns}
    told = drift(*sides, kinds, blocks=None if by_rows else (day[before], day[~before]))
    return {
        "the whole": told.verdict is Verdict.FAIL,
        "at least one column": bool(told.drifted),
    }


def promise_broken(random: np.random.Generator, world: World, days: int) -> dict[str, bool | None]:
    """Sixty days were promised, and the days after them are like them."""
    rows = sample(world, "binary", 60 + days, 50, random)
    before = rows.day < 60
    promise = make_promise("binary", rows.y[before], rows.honest[before], blocks=rows.day[before])
    kept = promise_kept(promise, rows.y[~before], rows.honest[~before], task="binary", blocks=rows.day[~before])
    return {measure.title: measure.verdict is Verdict.FAIL for measure in kept.measures}


def causes_found(random: np.random.Generator, world: World, days: int) -> dict[str, bool | None]:
    """Two periods of one world."""
    rows = sample(world, "binary", 60 + days, 50, random)
    table = pd.DataFrame(rows.x, columns=["a", "b", "c"])
    parts = [rows.day < 60, rows.day >= 60]
    sides = [Period(table[p].reset_index(drop=True), rows.y[p], rows.honest[p], rows.day[p]) for p in parts]
    features = dict.fromkeys(table.columns, "numeric")
    moved = drift(sides[0].table, sides[1].table, features, blocks=(sides[0].blocks, sides[1].blocks))
    found = causes(moved, *sides, features, task="binary", seed=int(random.integers(2**31)))
    return {LABELLED[m.name]: m.verdict is Verdict.FAIL for m in found.measures}


def labels_jumped(random: np.random.Generator, world: World, days: int, per_day: int) -> dict[str, bool | None]:
    """A whole series without a jump: does one period of it read as a jump?"""
    rows = sample(world, "binary", days, per_day, random)
    time = pd.Series(START + pd.to_timedelta(rows.day, unit="D"))
    told = label_rate(time, pd.Series(rows.y), period="day")
    return {"at least one jump": bool(told.jumps) if told.verdict is not Verdict.INSUFFICIENT else None}


def unfair(random: np.random.Generator, world: World, groups: int) -> dict[str, bool | None]:
    """Groups are treated alike by both models: does fairness speak against the challenger?"""
    rows = sample(world, "binary", 30, 100, random)
    group = pd.DataFrame({"group": random.integers(0, groups, len(rows.y)).astype(str)})
    evaluation = Evaluation(seed=int(random.integers(2**31)), threshold=0.4)
    told = fairness_of(
        rows.y, rows.challenger, group, task="binary", blocks=rows.day, evaluation=evaluation, champion=rows.champion
    )
    return {f"{groups} groups": bool(told.hard_failures)}


def fragile(random: np.random.Generator, rows: int, weight: float) -> dict[str, bool | None]:
    """A feature whose absence costs less AUC than the limit allows (0.1)."""
    x = random.normal(size=(rows, 2))
    score = x[:, 0] + weight * x[:, 1]
    y = (random.random(rows) < 1 / (1 + np.exp(-score))).astype(float)
    features = pd.DataFrame({"kept": x[:, 0], "lost": x[:, 1]})

    def predict(table: pd.DataFrame) -> np.ndarray:
        return np.asarray(1 / (1 + np.exp(-(table.kept + weight * table.lost.fillna(0.0)))))

    evaluation = Evaluation(seed=int(random.integers(2**31)))
    table = robustness_of(predict, features, y, task="binary", evaluation=evaluation).table
    row = table[(table.disturbance == "missing") & (table.feature == "lost")].iloc[0]
    return {"called too much": row.verdict == "fail"}


def second_opinion(random: np.random.Generator, world: World, days: int) -> dict[str, bool | None]:
    """Two forecasts that err alike: does Diebold and Mariano's test see a difference?"""
    rows = sample(world, "regression", days, 40, random)
    found = diebold_mariano(rows.y, rows.champion, rows.challenger, rows.day, metric="mae")
    return {"p below 0.05": found.p_value < 0.05 if found.interval.known else None}


def cells(scale: float) -> list[Cell]:
    """`scale` 1 is the full study."""
    found = []
    for world in WORLDS:
        for task in ("binary", "multiclass", "regression"):
            settings = {"world": world, "task": task, "days": 30, "per_day": 40, "gain": 0.0}
            label = f"{world.name}, {task}, 30 days"
            found.append(
                Cell("false promotion", label, promoted, settings, 0.025, "alarm", 1000 if task != "binary" else 500)
            )
        for columns in (10, 50):
            for by_rows in (False, True):
                label = f"{world.name}, {columns} columns" + (", rows counted singly" if by_rows else "")
                settings = {"world": world, "columns": columns, "by_rows": by_rows}
                found.append(Cell("drift", label, drifted, settings, 0.05, "alarm", 400 if columns == 10 else 120))
        for days in (30, 60):
            label, settings = f"{world.name}, {days} days", {"world": world, "days": days}
            found.append(Cell("promise", label, promise_broken, settings, 0.05, "alarm", 1000))
            found.append(Cell("causes", label, causes_found, settings, 0.05, "alarm", 500))
            found.append(Cell("second opinion", label, second_opinion, settings, 0.05, "alarm", 1000))
        for days, per_day in ((60, 50), (180, 50), (60, 1000)):
            settings = {"world": world, "days": days, "per_day": per_day}
            label = f"{world.name}, {days} days of {per_day:,}"
            found.append(
                Cell("label rate", label, labels_jumped, settings, 0.05, "alarm", 400 if per_day < 1000 else 200)
            )
        for groups in (2, 6):
            settings = {"world": world, "groups": groups}
            found.append(Cell("fairness alarm", world.name, unfair, settings, 0.05, "alarm", 300))
    for rows, loss in ((500, 0.05), (500, 0.08), (3000, 0.05), (3000, 0.08)):
        label, settings = f"{rows:,} rows, true loss {loss}", {"rows": rows, "weight": _weight(loss)}
        found.append(Cell("robustness", label, fragile, settings, None, "alarm", 500))
    for world in WORLDS:
        for per_day, size in ((40, "small"), (200, "medium")):
            for gain in POWER:
                settings = {"world": world, "task": "binary", "days": 30, "per_day": per_day, "gain": gain}
                settings["true"] = round(true_gain(world, "binary", "roc_auc", gain), 5)
                label = f"{world.name}, {30 * per_day:,} rows, {settings['true']:.4f}"
                found.append(
                    Cell(f"power {size}", label, promoted, settings, None, "power", 200 if size == "small" else 100)
                )
    return [cell.scaled(scale) for cell in found]


@cache
def _weight(loss: float) -> float:
    """The weight of a feature beside one of weight one whose absence costs so much AUC, from a million rows."""
    x = np.random.default_rng(1).normal(size=(1_000_000, 2))
    chance = np.random.default_rng(2).random(len(x))

    def off(weight: float) -> float:
        score = x[:, 0] + weight * x[:, 1]
        y = (chance < 1 / (1 + np.exp(-score))).astype(float)
        return roc_auc(y, score) - roc_auc(y, x[:, 0]) - loss

    return float(brentq(off, 0.1, 3.0, xtol=0.001))
