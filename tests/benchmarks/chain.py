"""Where the time of a whole retraining goes: seven stages, one wide table, everything as a user runs it.

Times depend on the machine and on who else uses it, so what is kept are ratios of one run, measured side by side:
each stage's share, the whole against the bare fits that it contains, and ten times the rows against the rows.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NUMBERS, CATEGORIES, NOISE = 30, 15, 5
START = pd.Timestamp("2024-01-01", tz="UTC")
FIRST, SECOND, SOAKED = 180, 350, 7  # days after START: the first champion, the run that is measured, its soak
CHANGED = 190  # from this day on the target depends on its features in another way
MODEL = """\
model: wide
title: A wide table
data: {{source: wide.parquet, time: at}}
target: {{column: y, task: binary}}
features:
{features}
slices: [c00, c01]
protected: [c02]
challengers:
  all-past: {{title: The same recipe on all past rows}}
  recent: {{title: The same recipe on the last two months, window: 60d}}
promotion: {{soak: {soak}d}}
"""


@dataclass(frozen=True)
class Spent:
    """Seconds of one command and of the stages that it executed: wall, and processor over all its processes."""

    wall: float
    cpu: float
    stages: dict[str, float]


def make_rows(rows: int = 100_000, *, seed: int = 20130701) -> pd.DataFrame:
    """`rows` rows before the day SECOND, spread over the hours, and as dense for the soak after it."""
    random = np.random.default_rng(seed)
    n = rows + rows * (SOAKED + 1) // SECOND
    hours = np.sort(np.concatenate([
        random.integers(0, SECOND * 24, rows), random.integers(SECOND * 24, (SECOND + SOAKED + 1) * 24, n - rows)
    ]))  # fmt: skip
    day = hours // 24
    x = random.normal(size=(n, NUMBERS)).round(5)
    codes = [random.integers(0, 3 + 2 * k, n) for k in range(CATEGORIES)]
    slopes = np.linspace(0.6, 0.02, NUMBERS) * np.where(np.arange(NUMBERS) % 2, 1, -1)
    score = x @ slopes + sum(0.4 * (code % 3 == 0) for code in codes[:6]) - 0.8
    score += 0.2 * random.normal(size=day.max() + 1)[day]  # a day has its own weather
    score += np.where(day >= CHANGED, 1.4 * x[:, 2] * np.sign(x[:, 5]) + 0.8 * (codes[3] % 2), x[:, 2])
    x[random.random(n) < 0.05, 1] = np.nan
    columns: dict[str, Any] = {"at": START + pd.to_timedelta(hours, unit="h")}
    columns |= {f"x{k:02}": x[:, k] for k in range(NUMBERS)}
    columns |= {f"c{k:02}": [f"v{code}" for code in codes[k]] for k in range(CATEGORIES)}
    columns |= {f"noise{k}": random.normal(size=n) for k in range(NOISE)}
    columns["y"] = (random.random(n) < 1 / (1 + np.exp(-score))).astype(int)
    return pd.DataFrame(columns)


def make_workspace(folder: Path, rows: int) -> None:
    """A workspace with the table as Parquet and a model file for it, and its first champion in service."""
    _sop(folder.parent, "new", folder.name)
    table = make_rows(rows)
    table.to_parquet(folder / "wide.parquet")
    names = [name for name in table.columns if name not in ("at", "y")]
    features = "\n".join(f"  {name}: {'categorical' if name[0] == 'c' else 'numeric'}" for name in names)
    (folder / "templates/models/wide.yaml").write_text(MODEL.format(features=features, soak=SOAKED))
    _sop(folder, "run", "retraining", "--model", "wide", "--as-of", _date(FIRST), "--demo-reviewers", code=3)


def retrain(folder: Path) -> Spent:
    """The run that is measured: every stage, with a champion in place, to the end of its soak."""
    run = _sop(folder, "run", "retraining", "--model", "wide", "--as-of", _date(SECOND), "--demo-reviewers", code=3)
    soak = _sop(folder, "resume", "last", "--as-of", _date(SECOND + SOAKED))
    told = json.loads(_sop(folder, "status", "last", "--json").out)
    assert told["outcome"] == "promoted", told["outcome"]
    stages = {stage["id"]: float(stage["seconds"]) for stage in told["stages"]}
    return Spent(run.wall + soak.wall, run.cpu + soak.cpu, stages)


@dataclass(frozen=True)
class _Done:
    out: str
    wall: float
    cpu: float


def _sop(folder: Path, *arguments: str, code: int = 0) -> _Done:
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-c", "from sopkit.cli import main; main()", *arguments],
        cwd=folder,
        env={**os.environ, "SOP_PERSON": "bench"},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _Done(done.stdout, time.monotonic() - began, cpu)


def _date(day: int) -> str:
    return f"{START + pd.Timedelta(days=day):%Y-%m-%d}"


if __name__ == "__main__":  # one measured run, for work on the speed itself: python -m tests.benchmarks.chain [ROWS]
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "work"
        make_workspace(place, int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
        print(retrain(place))
