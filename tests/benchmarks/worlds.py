"""Worlds in which the truth is known: rows of days, two models, and how much one is better than the other.

A row's outcome follows a score `z` of three inputs and of its day. Both models see the first input; the champion sees
part of the second, the challenger as much of the third; a better challenger sees more of both. In a world with day
effects a day also has a level of its own that nobody knows, and an error of its own in each model, which is what makes
rows of one day tell about each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from sopkit.evidence.metrics import Metric, Task, find

__all__ = ["DAYS", "INDEPENDENT", "LASTING", "WORLDS", "Sample", "World", "inputs", "sample", "true_gain"]

Array = np.ndarray[Any, Any]
SEEN = 0.3  # of the weight of its own input, by either model
WEIGHT = 0.7


@dataclass(frozen=True)
class World:
    """`effect`: the standard deviation of day effects; `lasting`: their correlation from one day to the next."""

    name: str
    effect: float
    lasting: float

    def days(self, random: np.random.Generator, days: int) -> Array:
        """Effects (days,) with standard deviation one, a stationary first-order autoregression."""
        steps = random.normal(size=days)
        effects = np.empty(days)
        effects[0] = steps[0]
        spread = np.sqrt(1 - self.lasting**2)
        for day in range(1, days):
            effects[day] = self.lasting * effects[day - 1] + spread * steps[day]
        return effects


INDEPENDENT = World("independent rows", 0.0, 0.0)
DAYS = World("day effects", 0.5, 0.0)
LASTING = World("day effects that last", 0.5, 0.6)
WORLDS = (INDEPENDENT, DAYS, LASTING)


class Sample(NamedTuple):
    """Truth (n,), both predictions, the day of each row, and the three inputs (n, 3).

    `honest` is a third model's: it sees the first two inputs and its probabilities mean what they say (binary only).
    """

    y: Array
    champion: Array
    challenger: Array
    day: Array
    x: Array
    honest: Array


def sample(
    world: World, task: Task, days: int, per_day: int, random: np.random.Generator, *, gain: float = 0.0
) -> Sample:
    """Rows of `days` days. With `gain` zero both models are equally good; above, the challenger sees more."""
    day = np.repeat(np.arange(days), per_day)
    x = random.normal(size=(len(day), 3))
    level, one, other = (world.effect * world.days(random, days)[day] for _ in range(3))
    z = x[:, 0] + WEIGHT * x[:, 1] + WEIGHT * x[:, 2] + level
    old = x[:, 0] + SEEN * x[:, 1] + one * x[:, 2]
    new = x[:, 0] + (SEEN + gain) * x[:, 2] + (gain + other) * x[:, 1]
    if task == "regression":
        return Sample(z + random.normal(size=len(z)), old, new, day, x, np.empty(0))
    if task == "binary":
        y = (random.random(len(z)) < _odds(z - 1)).astype(float)
        unseen = np.hypot(WEIGHT, world.effect)
        honest = _expected_odds(x[:, 0] + WEIGHT * x[:, 1] - 1, float(unseen))
        return Sample(y, _odds(old - 1), _odds(new - 1), day, x, honest)
    steps = _shares(z).cumsum(axis=1)
    y = np.minimum((random.random(len(z))[:, None] > steps).sum(axis=1), 2).astype(float)
    return Sample(y, _shares(old), _shares(new), day, x, np.empty(0))


@cache
def true_gain(world: World, task: Task, metric: str, gain: float) -> float:
    """How much better the challenger is over all days that there could be: a million rows of twenty thousand days."""
    if gain == 0:
        return 0.0
    found = find(task, metric)
    rows = sample(world, task, 20_000, 50, np.random.default_rng(1), gain=gain)
    return _gain(found, rows)


def inputs(
    world: World, days: int, per_day: int, columns: int, random: np.random.Generator
) -> tuple[dict[str, Array], Array]:
    """`columns` inputs by name, every fifth a category, each with day effects of its own; and the day of each row."""
    day = np.repeat(np.arange(days), per_day)
    found: dict[str, Array] = {}
    for place in range(columns):
        values = random.normal(size=len(day)) + world.effect * world.days(random, days)[day]
        numeric = place % 5 != 4
        found[f"x{place:02}"] = values if numeric else np.array(["low", "middle", "high"])[np.digitize(values, (-1, 1))]
    return found, day


def _gain(metric: Metric, rows: Sample) -> float:
    values = [metric.goodness(metric(rows.y, p)) for p in (rows.champion, rows.challenger)]
    return float(values[1] - values[0])


def _odds(score: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-score)))


def _expected_odds(score: Array, spread: float) -> Array:
    """The mean of the odds' share over a normal part of the score that is not seen (Gauss and Hermite, 21 nodes)."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(21)
    return np.asarray(_odds(score[:, None] + spread * nodes) @ weights / weights.sum())


def _shares(score: Array) -> Array:
    weights = np.exp(np.column_stack([-score, np.full(len(score), 0.3), score]))
    return np.asarray(weights / weights.sum(axis=1, keepdims=True))
