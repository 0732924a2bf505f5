"""Where the time of a whole retraining goes: seven stages, one wide table, everything as a user runs it.

Times depend on the machine and on who else uses it, so what is kept are ratios of one run, measured side by side:
each stage's share, the whole against the fits that it makes, and ten times the rows against the rows. Seconds are told
on the terminal only.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sopkit import modelling
from sopkit.definitions.files import load_model
from sopkit.evidence.charts import Row, bars
from tests.benchmarks.report import Report

NUMBERS, CATEGORIES, NOISE = 30, 15, 5
START = pd.Timestamp("2024-01-01", tz="UTC")
FIRST, SECOND, SOAKED = 180, 350, 7  # days after START: the first champion, the run that is measured, its soak
SMALL, LARGE = 10_000, 100_000
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


def measure(quick: bool, tell: Callable[[str], None]) -> Report:
    """Ten thousand and a hundred thousand rows of fifty columns (`quick`: ten thousand and twice as many)."""
    sizes = (SMALL, 2 * SMALL) if quick else (SMALL, LARGE)
    spent, fits = {}, 0.0
    for rows in sizes:
        with tempfile.TemporaryDirectory() as temporary:
            place = Path(temporary) / "work"
            make_workspace(place, rows)
            tell(f"{rows:,} rows: the first champion is in service (load {os.getloadavg()[0]:.1f})")
            spent[rows] = retrain(place)
            tell(f"{rows:,} rows: {spent[rows].wall:.0f} s, of processors {spent[rows].cpu:.0f} s")
            for stage, seconds in spent[rows].stages.items():
                tell(f"  {stage:9} {seconds:5.1f} s")
            if rows == sizes[1]:
                fits = bare_fits(place)
                tell(f"  the fits in it alone: {fits:.0f} s of processors")
    return _report(sizes, spent, fits)


def _report(sizes: tuple[int, int], spent: dict[int, Spent], fits: float) -> Report:
    small, large = (spent[rows] for rows in sizes)
    columns = NUMBERS + CATEGORIES + NOISE
    inside = sum(large.stages.values())
    shares = {stage: seconds / inside for stage, seconds in large.stages.items()}
    by_fits, by_rows = large.cpu / fits, large.cpu / small.cpu
    rows = [Row(stage, 100 * share, note=f"{100 * share:.0f} %") for stage, share in shares.items()]
    first, second = sorted(shares, key=lambda stage: -shares[stage])[:2]
    title = f"{first} and {second} take {shares[first] + shares[second]:.0%} of a retraining's time"
    subtitle = f"{sizes[1]:,} rows of {columns} columns, a champion in place, two challengers; shares of all stages"
    chart = bars(title, rows, x_label="share of the time of all stages, %", subtitle=subtitle)
    text = f"""\
# The retraining chain, measured

Made by `make bench ONLY=chain`: the SOP from trigger to monitor, as `sop run` and `sop resume` execute it, with a
champion in place, two challengers and demo reviewers, on {sizes[1]:,} rows of {columns} columns. Ratios of one run;
seconds depend on the machine and are not kept.

* All of it takes {by_fits:.1f} times the processor time of the fits in it (rolling origin, the challenger, the
  champion's recipe on the new rows), made alone.
* {sizes[1]:,} rows take {by_rows:.1f} times the processor time of {sizes[0]:,} rows.

![{title}](chain_shares.png)

| stage | share of the time |
|---|---:|
""" + "".join(f"| {stage} | {share:.0%} |\n" for stage, share in shares.items())
    facts = {
        "rows": sizes[1],
        "columns": columns,
        "shares": {stage: round(share, 3) for stage, share in shares.items()},
        "processor_time_over_fits": round(by_fits, 2),
        "processor_time_over_fewer_rows": {str(sizes[0]): round(by_rows, 2)},
    }
    return Report(text, facts, {"shares": chart})


def bare_fits(folder: Path) -> float:
    """Processor seconds of what the run fitted: each recipe on each fold's past, the chosen one and the champion's."""
    model = load_model(folder / "templates/models/wide.yaml")
    clock = (START + pd.Timedelta(days=SECOND)).to_pydatetime()
    table = modelling.clean(modelling.read(model, as_of=clock, root=folder).table, model, as_of=clock).table
    train = modelling.split(table, model, as_of=clock).train
    past = [cut.parts(train, model.data.time)[0] for cut in modelling.folds(train, model)]
    recipes = modelling.recipes(model)
    began = time.process_time()
    for recipe in recipes:
        for rows in (*past, train):
            modelling.fit(recipe, rows, model)
    return time.process_time() - began


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
