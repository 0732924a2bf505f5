"""A workspace with hundreds of runs, to measure and to look at what people open when there is much to see.

    python -m tests.benchmarks.many_runs DIR [--runs 500] [--pattern demo] [--keys FOLDER]

The rules:
* it is made through the archive's own doors, sign-offs with real keys included, so `sop verify` finds it clean;
* what a run looks like is copied from the finished runs of `demo/` (`make run`): the same entries, notebooks, findings
  and tables, with ids, people, times and clocks of its own and every number a little different;
* there are as many different contents as a quarter of a hundred; runs that have the same share the store;
* one run of a model is open at a time, so the newest run of each model is the one that waits, soaks or has failed;
* the same arguments give the same runs, but for keys and run ids.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import random
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive import people, sign_offs
from sopkit.archive.conditions import Condition
from sopkit.archive.entries import Entry
from sopkit.archive.folders import expected_files, rebuild
from sopkit.archive.keys import load_private, new_key, public_line
from sopkit.archive.notebooks import content_digest, sealed_bytes
from sopkit.archive.runs import new_run_id, run_states
from sopkit.archive.settling import settle
from sopkit.archive.workspace import Workspace
from sopkit.definitions.results import RESULT_MIME

__all__ = ["PASSPHRASE", "PEOPLE", "make", "main"]

CHECKOUT = Path(__file__).parents[2]
NOW = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)
EVERY = timedelta(hours=17)  # a run starts
BEHIND = timedelta(days=100)  # the clock that a run sees never comes to lie in the future, after any soak
VARIANTS = 12  # contents of each pattern
PASSPHRASE = "a benchmark and nobody's secret"
PEOPLE = {
    "ada": ("Ada Admin", "people-admin"),
    "dora": ("Dora Data", "data-steward"),
    "dirk": ("Dirk Daten", "data-steward"),
    "vera": ("Vera Valid", "validator"),
    "viktor": ("Viktor Valid", "validator"),
    "olga": ("Olga Owner", "model-owner"),
    "otto": ("Otto Owner", "model-owner"),
}
EXECUTORS = ("mia", "nightly")
SIGNERS = {"data-steward": ("dora", "dirk"), "validator": ("vera", "viktor"), "model-owner": ("olga", "otto")}
COMMENTS = (
    "",
    "",
    "read the comparison and the slices",
    "gain holds in every slice; the fairness table has two thin groups",
)
# What becomes of a run: how often among those that are over, and among the newest of each model
OVER = {"done": 10, "kept": 6, "stopped": 2, "abandoned": 1, "returned": 1}
OPEN = {"soaking": 4, "evaluate": 5, "evaluate-half": 4, "collect": 3, "failed": 2, "running": 1, "done": 6, "kept": 3}
MODELS = ("arrivals", "claims", "churn", "demand", "energy", "fraud", "prices", "returns", "credit", "outages")


@dataclass
class Maker:
    """The workspace in the making: its clock, its people and the contents that runs share."""

    workspace: Workspace
    patterns: Sequence[Sequence[Entry]]
    source: Workspace
    chance: random.Random
    keys: Mapping[str, Ed25519PrivateKey]
    at: datetime
    contents: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    digests: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)  # of a pattern's run -> the variant's
    models: dict[str, str] = field(default_factory=dict)

    def tick(self, **length: float) -> datetime:
        self.at += timedelta(**(length or {"milliseconds": 1}))
        return self.at

    # Contents

    def sealed(self, entry: Entry, variant: int) -> dict[str, Any]:
        """The body of a sealed stage of a pattern as `variant` of it, its files in the store."""
        key = (f"{entry.run}/{entry.stage}", variant)
        if key not in self.contents:
            digests = self.digests.setdefault((str(entry.run), variant), {})
            self.contents[key] = self._vary(entry, random.Random(f"{key}"), digests)
        return self.contents[key]

    def renamed(self, entry: Entry, variant: int) -> dict[str, Any]:
        """The body of an entry of a pattern, naming the files of `variant`."""
        text = json.dumps(dict(entry.body))
        for old, new in self.digests.get((str(entry.run), variant), {}).items():
            text = text.replace(old, new)
        told: dict[str, Any] = json.loads(text)
        return told

    def _vary(self, entry: Entry, chance: random.Random, digests: dict[str, str]) -> dict[str, Any]:
        body = copy.deepcopy(dict(entry.body))
        factor = chance.uniform(0.97, 1.03)
        for used in body["uses"]:
            used["digest"] = digests.get(used["digest"], used["digest"])
        for artifact in body["artifacts"]:
            data = self.source.store.get(artifact["sha256"])
            if artifact["media_type"] == "application/json":
                data = json.dumps(_moved(json.loads(data), factor), indent=1, sort_keys=True).encode()
            digests[artifact["sha256"]] = self.workspace.store.put(data)
            artifact |= {"sha256": digests[artifact["sha256"]], "size": len(data)}
        body["results"] = _moved(body["results"], factor)
        body["seconds"] = round(body["seconds"] * chance.uniform(0.6, 1.8), 3)
        notebook = json.loads(self.source.store.get(body["notebook"]))
        for cell in notebook["cells"]:
            for output in cell.get("outputs", ()):
                if RESULT_MIME in output.get("data", {}):
                    output["data"][RESULT_MIME] = _moved(output["data"][RESULT_MIME], factor)
        sealed = sealed_bytes(notebook)
        return {**body, "notebook": self.workspace.store.put(sealed), "content": content_digest(json.loads(sealed))}

    def pins(self, pattern: Entry, model: str) -> dict[str, Any]:
        """What a run of `model` is pinned to: as the pattern, with the model file under its own name."""
        pins = copy.deepcopy(dict(pattern.body["pins"]))
        if model not in self.models:
            text = self.source.store.get(pins["model"]).decode()
            text = re.sub(r"^model: .*$", f"model: {model}", text, count=1, flags=re.M)
            self.models[model] = self.workspace.store.put(text.encode())
            path = self.workspace.model_file(model)
            path.write_text(text, encoding="utf-8")
            shutil.copy(self.source.templates / "models" / "flights.py", path.with_suffix(".py"))
        for digest in [*(pins["notebooks"].values()), pins["sop"], pins["module"], pins["lock"]]:
            if digest and not self.workspace.store.has(digest):
                self.workspace.store.put(self.source.store.get(digest))
        pins["model"] = self.models[model]
        pins["people"] = self._people
        return pins

    @cached_property
    def _people(self) -> str:
        return self.workspace.store.put((self.workspace.templates / "people.yaml").read_bytes())

    # Runs

    def run(self, model: str, fate: str, *, first: bool, variant: int) -> str:
        """One run from its start to what becomes of it."""
        pattern = self.patterns[0 if first else 1]
        as_of = (self.at - BEHIND).replace(minute=0, second=0, microsecond=0)
        made = _Run(self, model, fate, pattern, variant, as_of)
        made.play()
        return made.id

    def show(self, run: str) -> None:
        """The run's folder. Whatever equals a file of the store is a second name of it, which saves the room."""
        for name, kept in expected_files(self.workspace, self.workspace.log.entries(), run).items():
            path = self.workspace.root / name
            if not kept.records and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                os.link(self.workspace.store.path(kept.digest), path)
        rebuild(self.workspace, run)


class _Run:
    def __init__(
        self, maker: Maker, model: str, fate: str, pattern: Sequence[Entry], variant: int, as_of: datetime
    ) -> None:
        self.maker, self.model, self.fate, self.pattern, self.variant = maker, model, fate, pattern, variant
        self.moved = as_of - (pattern[0].as_of or pattern[0].at)
        self.by = maker.chance.choice(EXECUTORS)
        self.id = new_run_id(as_of, model, maker.workspace.sop_folder(pattern[0].body["sop"]))
        self.end = {"evaluate-half": "evaluate", "stopped": "evaluate"}.get(fate, fate)

    def play(self) -> None:
        for entry in self.pattern:
            if entry.kind in ("demo.people", "sign_off"):
                continue
            if entry.kind == "run.started":
                pins = self.maker.pins(entry, self.model)
                self.log(entry, {**entry.body, "model": self.model, "demo": False, "pins": pins})
            elif entry.kind == "stage.sealed":
                if not self._sealed(entry):
                    break
            elif entry.kind == "run.outcome":
                outcome = "champion_kept" if self.fate == "kept" else entry.body["outcome"]
                self.log(entry, {**entry.body, "outcome": outcome})
            elif entry.kind == "run.waiting":
                until = (entry.as_of or self.maker.at) + timedelta(days=7)
                need = {"kind": "clock", "roles": [], "stage": "monitor", "until": _text(until)}
                self.log(entry, {**entry.body, "for": [need]})
                if self.fate == "soaking":
                    break
                self.maker.tick(hours=2)
            elif self.fate == "kept" and entry.kind.startswith("effect.") and entry.stage == "deploy":
                continue  # nothing moves
            else:
                self.log(entry, self._renamed(entry))
        self.maker.show(self.id)

    def _sealed(self, entry: Entry) -> bool:
        """A stage that has come to its end, and its gate; False: the run goes no further."""
        maker, stage = self.maker, str(entry.stage)
        if (self.fate, stage) == ("running", "retrain"):
            return False
        if (self.fate, stage) == ("abandoned", "prepare"):
            self.log(entry, {"reason": "started for the wrong month"}, kind="run.abandoned", stage=None)
            return False
        maker.tick(seconds=entry.body["seconds"])
        body = maker.sealed(entry, self.variant)
        if (self.fate, stage) == ("failed", "retrain"):
            why = "cell `fit` ended with MemoryError: 7.1 GiB were asked for, 3.9 GiB were free"
            self.log(
                entry,
                {**{name: body[name] for name in ("notebook", "file", "seconds")}, "reason": why, "error": None},
                kind="stage.failed",
            )
            self.log(entry, {"stage": stage, "reason": why}, kind="run.failed")
            return False
        self.log(entry, body)
        if stage == "evaluate" and self.fate == "kept":
            return True
        if stage in ("collect", "evaluate"):
            return self._gate(entry, stage)
        return True

    def _gate(self, entry: Entry, stage: str) -> bool:
        """The gate of a stage; False: the run waits there, or was rejected."""
        roles = ["data-steward"] if stage == "collect" else ["model-owner", "validator"]
        need = {"kind": "sign_off", "roles": roles, "stage": stage, "until": None}
        why = f"stage '{stage}' waits for: {', '.join(roles)}"
        self.log(entry, {"for": [need], "why": why}, kind="run.waiting", stage=None)
        self.maker.show(self.id)
        if self.end == stage and self.fate == stage:
            return False
        if (self.fate, stage) == ("stopped", "evaluate"):
            self.sign(stage, roles[0], "reject")
            self.log(entry, {"outcome": "rejected", "why": "a reviewer rejected it"}, kind="run.outcome")
            body = {"state": "stopped", "why": "rejected at the gate 'promotion'"}
            self.log(entry, body, kind="run.finished", stage=None)
            return False
        if (self.fate, stage) == ("returned", "evaluate"):
            self.sign(stage, roles[1], "return")
            self._again(entry, stage)
        for role in roles:
            self.sign(stage, role, "approve")
            if self.end == stage:
                return False
        self.log(entry, {"differs": [], "until": None}, kind="run.resumed", stage=None)
        return True

    def _again(self, entry: Entry, stage: str) -> None:
        """A second attempt, which finds the same."""
        body = self.maker.sealed(entry, self.variant)
        self.log(entry, {"differs": [], "until": None}, kind="run.resumed", stage=None)
        started = {"because": ["attempt 1 was returned"], "notebook": self.pattern[0].body["pins"]["notebooks"]}
        started["notebook"] = next(digest for name, digest in started["notebook"].items() if stage in name)
        self.log(entry, started, kind="stage.started", attempt=2)
        file = body["file"].replace(".ipynb", ".2.ipynb")
        self.log(entry, {**body, "file": file}, kind="stage.sealed", attempt=2)
        self.maker.show(self.id)

    def sign(self, stage: str, role: str, decision: str) -> None:
        maker = self.maker
        maker.tick(minutes=maker.chance.uniform(3, 300))
        comment = maker.chance.choice(COMMENTS)
        if decision != "approve":
            comment = "the slice of the last month is too thin to say anything about it"
        asked: tuple[Condition, ...] = ()
        if (role, decision) == ("validator", "approve") and maker.chance.random() < 0.15:
            asked = (Condition("watch recall in the two thin slices", "low", "model-owner"),)
        entry = sign_offs.sign(
            maker.workspace,
            self.id,
            stage,
            decision=decision,
            role=role,
            comment=comment or "as discussed",
            conditions=asked,
            private_key=maker.keys[maker.chance.choice(SIGNERS[role])],
            at=maker.tick(),
        )
        if asked and maker.chance.random() < 0.9:
            owner, at = maker.keys["olga"], maker.tick(minutes=3)
            settle(
                maker.workspace, f"{entry.seq}.1", private_key=owner, at=at, comment="it is watched", role="model-owner"
            )

    def log(self, entry: Entry, body: Mapping[str, Any], **other: Any) -> None:
        """The entry of the pattern, as this run's."""
        told = {"kind": entry.kind, "stage": entry.stage, "attempt": entry.attempt, **other}
        if told["stage"] is None:
            told["attempt"] = None
        as_of = entry.as_of and entry.as_of + self.moved
        self.maker.workspace.log.append(
            at=self.maker.tick(), as_of=as_of, run=self.id, by=self.by, body=dict(body), **told
        )

    def _renamed(self, entry: Entry) -> dict[str, Any]:
        old = self.pattern[0]
        text = json.dumps(self.maker.renamed(entry, self.variant)).replace(str(old.run), self.id)
        told: dict[str, Any] = json.loads(text.replace(f'"{old.body["model"]}"', f'"{self.model}"'))
        return told


def _moved(value: Any, factor: float) -> Any:
    """Every number between whole ones times `factor`; counts, texts, thresholds and limits stay."""
    if isinstance(value, dict):
        kept = ("threshold", "confidence", "limit", "margin")
        return {name: item if name in kept else _moved(item, factor) for name, item in value.items()}
    if isinstance(value, list):
        return [_moved(item, factor) for item in value]
    return round(value * factor, 12) if isinstance(value, float) and not value.is_integer() else value


def _text(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")


def _fates(runs: int, chance: random.Random) -> Iterator[tuple[str, str, bool]]:
    """(model, what becomes of it, whether it is the model's first run), oldest first."""
    count = max(1, min(60, runs // 8))
    names = [f"{MODELS[number % len(MODELS)]}-{number // len(MODELS) + 1:02d}" for number in range(count)]
    last = [fate for fate, times in OPEN.items() for _ in range(times)]
    chance.shuffle(last)
    for number in range(runs):
        model, first = names[number % count], number < count
        if number >= runs - count:
            fate = last[number % len(last)]
        else:
            fate = "done" if first else chance.choices(list(OVER), list(OVER.values()))[0]
        yield model, fate, first


def make(folder: Path, runs: int, pattern: Path, keys: Path | None = None) -> Workspace:
    """A workspace with that many runs. Raises FileExistsError, NotFound where the pattern has no finished runs."""
    source, chance = Workspace(pattern), random.Random(runs)
    done = [state for state in reversed(run_states(source.log.entries())) if state.state == "done"]
    if len(done) < 2:
        raise FileNotFoundError(f"{pattern} has no two finished runs: `make run` makes them")
    folder.mkdir(parents=True)
    for name in ("notebooks", "templates"):
        shutil.copytree(source.root / name, folder / name)
    shutil.copy(CHECKOUT / "notebooks" / "workbench.ipynb", folder / "notebooks")
    (folder / "runs").mkdir()
    shutil.copy(source.runs / "README.md", folder / "runs")
    workspace = Workspace(folder)
    held = _people(workspace, keys)
    began = NOW - runs * EVERY
    workspace.open_log("simulation", began)
    people.adopt(workspace, began)
    patterns = [[entry for entry in source.log.entries() if entry.run == state.id] for state in done[:2]]
    maker = Maker(workspace, patterns, source, chance, held, began)
    for number, (model, fate, first) in enumerate(_fates(runs, chance)):
        maker.at = max(maker.at, began + number * EVERY)
        maker.run(model, fate, first=first, variant=chance.randrange(VARIANTS))
        if sys.stderr.isatty():
            print(f"\r{number + 1} of {runs} runs", end="", file=sys.stderr)
    return workspace


def _people(workspace: Workspace, keys: Path | None) -> dict[str, Ed25519PrivateKey]:
    held, listed = {}, []
    for id, (name, *roles) in PEOPLE.items():
        if keys is None:
            held[id] = Ed25519PrivateKey.generate()
        else:
            held[id] = load_private(new_key(id, PASSPHRASE, keys), PASSPHRASE)
        line = public_line(held[id].public_key(), id)
        listed.append({"id": id, "name": name, "keys": [{"public": line}], "roles": [{"role": role} for role in roles]})
    text = json.dumps({"version": 1, "people": listed}, indent=1)
    (workspace.templates / "people.yaml").write_text(text, encoding="utf-8")
    return held


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--runs", type=int, default=500)
    parser.add_argument("--pattern", type=Path, default=Path("demo"))
    parser.add_argument("--keys", type=Path, help=f"where to leave the people's keys; their passphrase: {PASSPHRASE}")
    given = parser.parse_args()
    workspace = make(given.folder, given.runs, given.pattern, given.keys)
    states: dict[str, int] = {}
    for state in run_states(workspace.log.entries()):
        word = state.outcome or state.state if state.state == "done" else "soaking" if state.soaking else state.state
        states[word] = states.get(word, 0) + 1
    print(f"{given.folder}: {given.runs} runs, {workspace.log.size} entries: ", end="")
    print(", ".join(f"{count} {word}" for word, count in sorted(states.items(), key=lambda item: -item[1])))


if __name__ == "__main__":
    main()
