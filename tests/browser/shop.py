"""A shop whose returned orders are predicted: rows that drift, people with keys, and a run that waits for them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

__all__ = ["PASSPHRASE", "made_shop"]

PASSPHRASE = "correct horse battery"
PEOPLE = {
    "vera": ("Vera Lindqvist", ["people-admin", "validator"]),
    "owen": ("Owen Achterberg", ["model-owner"]),
    "dana": ("Dana Okafor", ["data-steward"]),
}
MODEL = """
model: shop
title: Orders that are returned
purpose: Says which orders will be returned.
data: {source: data/shop.csv, time: placed, id: [order]}
target: {column: returned, task: binary, title: Returned}
features: {spend: {unit: EUR}, age: {unit: years}, region: categorical}
slices: [region]
evaluation: {window: 28d}
"""


def rows(days: int = 210, each: int = 40, seed: int = 7) -> pd.DataFrame:
    """Orders in the order of time. From day 120 on people spend more, a region is new, and age tells the opposite."""
    rng, n = np.random.default_rng(seed), days * each
    day = np.repeat(np.arange(days), each)
    late = day >= 120
    spend, age = rng.normal(50 + 15 * late, 12, n).round(2), rng.integers(18, 80, n)
    region = np.where(late & (rng.random(n) < 0.15), "East", rng.choice(["North", "South"], n))
    score = 0.06 * (spend - 50 - 15 * late) + np.where(late, -0.05, 0.05) * (age - 45) - 0.4 + 0.5 * (region == "North")
    returned = (rng.random(n) < 1 / (1 + np.exp(-score))).astype(int)
    start = pd.Timestamp("2024-01-01", tz="UTC") + pd.to_timedelta(day, unit="D")
    placed = (start + pd.to_timedelta(rng.integers(0, 1440, n), unit="m")).strftime("%Y-%m-%dT%H:%M:%SZ")
    table = pd.DataFrame({"placed": placed, "spend": spend, "age": age, "region": region, "returned": returned})
    table = table.sort_values("placed", ignore_index=True)
    table.insert(0, "order", np.arange(1, n + 1))
    return table


def made_shop(place_of: Callable[[Path], Any], folder: Path) -> Any:
    """The workspace `folder/workspace`, and the keys of its people in `folder/keys`."""
    place_of(folder)("new", "workspace")
    place, root = place_of(folder / "workspace"), folder / "workspace"
    (root / "data").mkdir()
    rows().to_csv(root / "data/shop.csv", index=False)
    (root / "templates/models/shop.yaml").write_text(MODEL)
    place("run", "retraining", "--model", "shop", "--as-of", "2024-04-10", "--demo-reviewers", "--wait-ok")
    (folder / "passphrase").write_text(PASSPHRASE)
    named = {"SOP_KEYS": str(folder / "keys"), "SOP_PASSPHRASE_FILE": str(folder / "passphrase")}
    os.environ |= named
    try:
        people = [_person(place, id, *told) for id, told in PEOPLE.items()]
    finally:
        for name in named:
            del os.environ[name]
    (root / "templates/people.yaml").write_text(json.dumps({"version": 1, "people": people}))
    place("run", "retraining", "--model", "shop", "--as-of", "2024-07-20", "--by", "mia", "--wait-ok")
    return place


def _person(place: Any, id: str, name: str, roles: list[str]) -> dict[str, Any]:
    line = json.loads(place("keys", "new", id, "--json"))["public"]
    return {"id": id, "name": name, "keys": [{"public": line}], "roles": [{"role": role} for role in roles]}
