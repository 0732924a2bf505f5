"""What stage evaluate leaves, made by the same functions of evidence that its notebook calls; and a run that has it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sopkit import evidence
from sopkit.archive.contents import Contents
from sopkit.archive.runs import run_state
from sopkit.definitions.model import Costs, Evaluation, OwnMeasure
from sopkit.definitions.results import plain
from sopkit.evidence.near_duplicates import near_duplicates

sys.path.insert(0, str(Path(__file__).parent.parent / "archive"))
from simulator import Simulator

__all__ = ["IMAGE", "SCRIPT", "World", "left_by_evaluate"]

SCRIPT = "</script><script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"
ROWS = 900


def left_by_evaluate(task: str, *, first: bool = False, costs: bool = False, slices: bool = True) -> dict[str, Any]:
    """Artifacts by name and results of a comparison on synthetic rows; names from data are hostile."""
    random = np.random.default_rng(5)
    rows = pd.DataFrame(
        {
            IMAGE: random.normal(size=ROWS),
            "z": random.normal(size=ROWS),
            SCRIPT: random.choice([IMAGE, "b", "c"], ROWS, p=[0.6, 0.38, 0.02]),
        }
    )
    times = pd.date_range("2024-01-01", periods=ROWS, freq="2h", tz="UTC")
    blocks = np.arange(ROWS) // 12
    level = 1.2 * rows[IMAGE] - 0.7 * rows["z"] + random.normal(0, 1, ROWS)
    labels = [IMAGE, "middle", SCRIPT] if task == "multiclass" else None
    truth = {
        "binary": (level > 0.3).astype(float),
        "regression": 50 + 10 * level,
        "multiclass": pd.cut(level, [-np.inf, -1, 1, np.inf], labels=False).astype(float),
    }[task].to_numpy()

    def predict(table: pd.DataFrame, skill: float = 1.0) -> Any:
        known = table[[IMAGE, "z"]].fillna(0.0)  # it answers where a feature is missing
        said = skill * (1.2 * known[IMAGE] - 0.7 * known["z"]).to_numpy()
        if task == "regression":
            return 50 + 10 * said
        if task == "binary":
            return 1 / (1 + np.exp(-1.5 * (said - 0.3)))
        apart = np.exp(-((said[:, None] - np.array([-1.8, 0.0, 1.8])) ** 2) / 1.5)
        return apart / apart.sum(axis=1, keepdims=True)

    def before(table: pd.DataFrame) -> Any:
        return predict(table.assign(**{IMAGE: 0.0}), 0.6)

    extra: dict[str, Any] = {}
    if costs:
        extra["costs"] = Costs(title=f"Costs {IMAGE}", unit="€", false_negative=60, true_positive=5, false_positive=5)
        extra["measures"] = {
            "missed": OwnMeasure(function="own:missed", better="lower", title=f"Missed {SCRIPT}", worse_by_at_most=0.2)
        }
    settings = Evaluation(resamples=100, minimum_rows=100, **extra)
    names = {"champion": "the naive forecast"} if first else {}
    common: dict[str, Any] = {"task": task, "blocks": blocks, "evaluation": settings}
    ours, theirs = predict(rows), before(rows)
    third = None if first else predict(rows, 0.9)
    groups = rows[[SCRIPT]] if slices else pd.DataFrame(index=rows.index)
    functions = (
        {"missed": lambda y, p, _: float(np.mean((np.asarray(p) < 0.5) & (np.asarray(y) == 1)))} if costs else {}
    )
    own = evidence.own_measures_of(functions, truth, theirs, ours, rows, labels=labels, **common)
    priced = evidence.costs_of(truth, theirs, ours, labels=labels, names=names, **common)
    comparison = evidence.compare(
        truth, theirs, ours, recipe_on_new_data=third, slices=groups, names=names, own=own, costs=priced, **common
    )
    free = 50 + random.normal(0, 12, ROWS)
    scaled = evidence.scaled_error_of(truth, ours, free, times=times, season="last week", scale=12.0, **common)
    residuals = evidence.residuals_of(truth, ours, times=times, slices=groups, **common)
    each = evidence.by_class(truth, theirs, ours, labels=labels, names=names, **common)
    calibration = evidence.calibration_of(truth, ours, **common)
    operating = evidence.operating_point(truth, theirs, ours, labels=labels, names=names, **common)
    fairness = evidence.fairness_of(truth, ours, groups, champion=None if first else theirs, protected=[], **common)
    asked: dict[str, Any] = {"task": task, "evaluation": settings}
    robustness = evidence.robustness_of(predict, rows, truth, **asked)
    importance = evidence.importance_of(predict, rows, truth, champion=None if first else before, **asked)
    dependence = evidence.partial_dependence_of(
        predict, rows, truth, champion=None if first else before, chosen=list(rows), labels=labels, **asked
    )
    copies = near_duplicates(rows, rows, {}, time="at")
    new = evidence.on_new_texts(copies, truth, theirs, ours, **common)
    decision = evidence.decide(
        comparison, first=first, calibration=calibration, operating=operating, fairness=fairness,
        robustness=robustness, naive=scaled,
        also=[*own.informing, *priced.informing, *residuals.measures, *each.measures],
    )  # fmt: skip
    metrics = [comparison.primary.name, *comparison.guardrails]
    promise = evidence.make_promise(task, truth, ours, metrics=metrics, blocks=blocks, labels=labels)
    curves = evidence.curves_of(
        truth, theirs, ours, recipe_on_new_data=third, labels=labels, names=names, task=task, unit="bikes"
    )
    kept = {
        "comparison": comparison, "decision": decision, "curves": curves, "calibration": calibration,
        "fairness": fairness, "robustness": robustness, "importance": importance, "operating_point": operating,
        "promise": promise, "by_class": each, "residuals": residuals, "scaled_error": scaled, "costs": priced,
        "own_measures": own, "partial_dependence": dependence, "new_texts": new,
    }  # fmt: skip
    results = [evidence.fairness_examined(fairness), evidence.robustness_examined(robustness)]
    return {
        "artifacts": {f"{name}.json": plain(found.to_dict()) for name, found in kept.items()},
        "results": {measure.name: measure.to_dict() for measure in results},
    }


TRIAL = {
    "chosen": "recent", "primary": "roc_auc", "beats_naive": True, "seconds": {}, "why": "better",
    "means": {name: {"roc_auc": auc, "brier": 0.2} for name, auc in (("own", 0.6), ("recent", 0.7), ("naive", 0.5))},
    "folds": [
        {"fold": fold, "recipe": name, "judged": True, "rows": 300, "note": "", "roc_auc": 0.6 + fold / 100,
         "test_from": "2024-01-01T00:00:00+00:00", "test_until": "2024-02-01T00:00:00+00:00"}
        for fold in (1, 2)
        for name in ("naive", "own", "recent")
    ],
}  # fmt: skip
RECIPES = [{"name": "own", "title": "", "estimator": "x.Y"}, {"name": "recent", "title": IMAGE, "estimator": "x.Y"}]
TRAINING = {
    "recipe": {"name": "recent", "title": IMAGE, "estimator": "sklearn.ensemble.Forest", "features": {}},
    "rows": 12000, "trained_from": "2023-01-01T00:00:00+00:00", "trained_until": "2023-12-31T00:00:00+00:00",
    "resources": {"wall_seconds": 75.2, "peak_memory_mb": 512.4}, "notes": [],
}  # fmt: skip


class World:
    """A run in a real workspace: the log and the store are the real ones, only the kernels are missing."""

    def __init__(self, folder: Path) -> None:
        self.simulator = Simulator(folder)
        self.run = self.simulator.start()

    def leave(
        self, stage: str, artifacts: Mapping[str, Any], attempt: int = 1, *, results: Mapping[str, Any] | None = None
    ) -> None:
        """A sealed attempt with these artifacts."""
        put = self.simulator.workspace.store.put
        kept = [(name, json.dumps(value, allow_nan=False).encode()) for name, value in artifacts.items()]
        attached = [{"record": "attached", "name": name, "sha256": put(data), "size": len(data)} for name, data in kept]
        place: dict[str, Any] = {"run": self.run, "stage": stage, "attempt": attempt}
        self.simulator.append("stage.started", **place, body={"because": ["first attempt"]})
        body = {"notebook": put(b"{}"), "content": "0" * 64, "file": "x.ipynb", "artifacts": attached}
        body |= {"uses": [{"record": "used", "input": "champion", "digest": "ab" * 32}], "results": dict(results or {})}
        self.simulator.append("stage.sealed", **place, body=body)

    def trained(self, *, adopted: bool = False) -> None:
        """What comes before evaluate."""
        self.leave("prepare", {"recipes.json": RECIPES})
        more = {
            "uri": f"models:/{IMAGE}",
            "kind": "Forest",
            "trained_until": None,
            "notes": [SCRIPT],
            "chosen": "adopted",
        }
        self.leave(
            "retrain", {"trial.json": TRIAL, "training.json": TRAINING} | ({"adoption.json": more} if adopted else {})
        )

    def fail(self, stage: str, reason: str, attempt: int = 1) -> None:
        place: dict[str, Any] = {"run": self.run, "stage": stage, "attempt": attempt}
        self.simulator.append("stage.started", **place, body={"because": ["first attempt"]})
        self.simulator.append("stage.failed", **place, body={"reason": reason, "artifacts": [], "results": {}})

    @property
    def state(self) -> Any:
        return run_state(self.simulator.entries, self.run)

    @property
    def contents(self) -> Contents:
        return Contents(self.simulator.workspace, self.state)
