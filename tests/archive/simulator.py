"""A small workspace whose procedure is played by hand: real log, store, keys, files and signatures, no kernel.

world = Simulator(tmp_path)
run = world.start(by="mia")
world.seal(run, "evaluate")
world.sign(run, "evaluate", "olga", "approve", role="model-owner")
"""

from __future__ import annotations

import base64
import copy
import json
import shutil
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from sopkit.archive import envelopes, people, sign_offs, verification
from sopkit.archive.canonical import canonical_json, sha256_hex
from sopkit.archive.entries import Entry
from sopkit.archive.gates import GateResult
from sopkit.archive.keys import fingerprint, public_line
from sopkit.archive.notebooks import content_digest, sealed_bytes
from sopkit.archive.runs import new_run_id
from sopkit.archive.workspace import Workspace
from sopkit.definitions.results import RESULT_MIME

SOP = """
sop: repair
version: 1.2.0
title: Repair
owner: model-owner
author: sam
purpose: To have something to sign.
roles:
  model-owner: {title: Model owner}
  reviewer: {title: Reviewer}
  data-steward: {title: Data steward}
outcomes:
  promoted: {meaning: The new one serves., moves: true}
stages:
  - {id: collect, title: Collect, purpose: p, owner: data-steward, notebook: repair/01_collect.ipynb, on_failure: stop,
     gate: {id: data, title: Data, meaning: The data is what it should be., roles: {data-steward: 1}}}
  - {id: evaluate, title: Evaluate, purpose: p, owner: model-owner, notebook: repair/02_evaluate.ipynb,
     on_failure: stop, gate: {id: promotion, title: Promotion, meaning: I have read the evidence., valid_for: 30d,
                              roles: {model-owner: 1, reviewer: 1}}}
  - {id: deploy, title: Deploy, purpose: p, owner: model-owner, notebook: repair/03_deploy.ipynb, on_failure: stop}
"""
MODEL = """
model: flights
author: mona
data: {source: data.csv, time: when}
target: {column: late, task: binary}
features: {a: numeric}
"""
FILES = {"collect": "01_collect", "evaluate": "02_evaluate", "deploy": "03_deploy"}
START = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


class Simulator:
    """Its people: anna (people-admin), olga (model-owner), rita (reviewer), dora (data-steward), both roles: bob;
    mia executes, sam wrote the SOP, mona the model file (these three hold every role, and may not sign)."""

    def __init__(self, root: Path, mode: str = "live", sop: str = SOP, *, now: datetime = START) -> None:
        self.sop = sop
        for name in ("notebooks", "templates", "runs"):
            (root / name).mkdir(parents=True)
        (root / "runs" / "README.md").write_text("Written by the product.\n")
        self.workspace = Workspace(root)
        self.now = now
        self.keys: dict[str, Ed25519PrivateKey] = {}
        self.people: list[dict[str, Any]] = []
        every = ["model-owner", "reviewer", "data-steward"]
        for id, roles in {
            "anna": ["people-admin"],
            "olga": ["model-owner"],
            "rita": ["reviewer"],
            "dora": ["data-steward"],
            "bob": ["model-owner", "reviewer"],
            "mia": every,
            "sam": every,
            "mona": every,
        }.items():
            self.person(id, *roles)
        self.workspace.open_log(mode, self.tick())  # type: ignore[arg-type]
        self.write_people()
        people.adopt(self.workspace, self.tick())

    def copy(self, root: Path) -> Simulator:
        """The same world, as it is now, in another folder: to be changed by one test."""
        shutil.copytree(self.workspace.root, root)
        other = copy.copy(self)
        other.workspace = Workspace(root)
        other.keys, other.people = dict(self.keys), copy.deepcopy(self.people)
        return other

    # Time, people

    def tick(self, **length: float) -> datetime:
        """The wall clock, one second (or `length`) later."""
        self.now += timedelta(**(length or {"seconds": 1}))
        return self.now

    def person(self, id: str, *roles: str, **validity: Any) -> dict[str, Any]:
        """A person with a fresh key, added to the people file that `write_people` writes."""
        self.keys[id] = Ed25519PrivateKey.generate()
        person = {
            "id": id,
            "name": id.title(),
            "keys": [{"public": public_line(self.keys[id].public_key(), id), **validity}],
            "roles": [{"role": role} for role in roles],
        }
        self.people.append(person)
        return person

    def named(self, id: str) -> dict[str, Any]:
        return next(person for person in self.people if person["id"] == id)

    def write_people(self) -> Path:
        path = self.workspace.templates / "people.yaml"
        # JSON is YAML without anchors, which the reader refuses
        path.write_text(json.dumps({"version": 1, "people": self.people}, default=str, indent=1))
        return path

    def change_people(self) -> list[str]:
        """The people file as it is in memory now, signed by anna and adopted."""
        self.write_people()
        people.sign_people(self.workspace, self.keys["anna"], at=self.tick())
        return people.adopt(self.workspace, self.tick())

    # Runs

    @property
    def entries(self) -> Sequence[Entry]:
        return self.workspace.log.entries()

    def append(self, kind: str, **parts: Any) -> Entry:
        return self.workspace.log.append(kind, at=self.tick(), **parts)

    def start(self, by: str | None = "mia", *, demo: bool = False) -> str:
        store = self.workspace.store
        as_of = datetime(2013, 7, 1, tzinfo=UTC)
        run = new_run_id(as_of, "flights", self.workspace.sop_folder("repair"))
        notebooks = {f"repair/{file}.ipynb": store.put(sealed_bytes(notebook(stage))) for stage, file in FILES.items()}
        pins = {
            "sop": store.put(self.sop.encode()),
            "model": store.put(MODEL.encode()),
            "module": None,
            "people": store.put((self.workspace.templates / "people.yaml").read_bytes()),
            "lock": store.put(b"numpy==2\n"),
            "notebooks": notebooks,
        }
        named = {"sop": "repair", "sop_version": "1.2.0", "model": "flights", "parameters": {}}
        body = {**named, "demo": demo, "pins": pins}
        self.append("run.started", as_of=as_of, run=run, by=by, body=body)
        verification.rebuild(self.workspace, run)
        return run

    def seal(
        self,
        run: str,
        stage: str,
        attempt: int = 1,
        *,
        auc: float = 0.75,
        artifacts: Mapping[str, bytes] | None = None,
        uses: Mapping[str, str] | None = None,
        results: Mapping[str, Any] | None = None,
        show: bool = True,
    ) -> Entry:
        """One sealed attempt, as the runner would log it; `show=False`: the runner died before the view."""
        store = self.workspace.store
        if artifacts is None:
            artifacts = {"report.json": f'{{"auc": {auc}}}'.encode(), "model.skops": f"model {auc}".encode()}
        attached = [
            {"record": "attached", "name": name, "sha256": store.put(data), "size": len(data)}
            for name, data in artifacts.items()
        ]
        sealed = sealed_bytes(notebook(stage, auc))
        place: dict[str, Any] = {"run": run, "stage": stage, "attempt": attempt}
        self.append("stage.started", **place, body={"because": ["first attempt"]})
        body = {
            "notebook": store.put(sealed),
            "content": content_digest(json.loads(sealed)),
            "file": f"{FILES[stage]}.ipynb" if attempt == 1 else f"{FILES[stage]}.{attempt}.ipynb",
            "artifacts": attached,
            "uses": [{"record": "used", "input": name, "digest": digest} for name, digest in (uses or {}).items()],
            "results": {"auc": {"name": "auc", "value": auc, "verdict": "pass"}, **(results or {})},
        }
        entry = self.append("stage.sealed", **place, body=body)
        if show:
            verification.rebuild(self.workspace, run)
        return entry

    def wait(self, run: str) -> None:
        self.append("run.waiting", run=run, body={"for": []})

    def demo_reviewers(self, run: str, **roles: str) -> None:
        """Demo people of a run, `id=role`."""
        listed = []
        for id, role in roles.items():
            self.keys[id] = Ed25519PrivateKey.generate()
            line = public_line(self.keys[id].public_key(), id)
            listed.append({"id": id, "name": id.title(), "keys": [{"public": line}], "roles": [{"role": role}]})
        self.append("demo.people", run=run, body={"people": listed})

    def whole_run(self) -> str:
        """Two attempts of evaluate, everything approved, waiting for what comes next."""
        run = self.start()
        self.seal(run, "collect")
        self.sign(run, "collect", "dora", "approve")
        self.seal(run, "evaluate", auc=0.7)
        self.sign(run, "evaluate", "rita", "return", comment="the wrong month")
        self.seal(run, "evaluate", 2, auc=0.8, artifacts={"report.json": b"{}", "chart.svg": b"<svg/>"})
        self.sign(run, "evaluate", "rita", "approve", comment="read it all")
        self.sign(run, "evaluate", "olga", "approve")
        self.wait(run)
        return run

    # Sign-offs

    def sign(self, run: str, stage: str, person: str, decision: str, **options: Any) -> Entry:
        return sign_offs.sign(
            self.workspace, run, stage, decision=decision, private_key=self.keys[person], at=self.tick(), **options
        )

    def forge(
        self,
        like: Entry,
        *,
        key: Ed25519PrivateKey | None = None,
        place: Mapping[str, Any] | None = None,
        by: str | None = None,
        body: Mapping[str, Any] | None = None,
        edit: Any = None,
    ) -> Entry:
        """Log a sign-off as an intruder with write access would: the statement of `like`, edited by `edit`, signed
        with `key` (None: the old signature), logged at `place` with `body` over the old one."""
        envelope = json.loads(json.dumps(like.body["envelope"]))
        told = json.loads(base64.b64decode(envelope["payload"]))
        if edit is not None:
            edit(told)
            envelope["payload"] = base64.b64encode(canonical_json(told)).decode()
        new = dict(like.body)
        if key is not None:
            envelope = envelopes.sign(envelopes.PAYLOAD_TYPE, canonical_json(told), key)
            new["key"] = fingerprint(key.public_key())
        for name in ("role", "gate", "decision", "comment", "withdraws"):
            new[name] = told["predicate"][name]
        where = {"run": like.run, "stage": like.stage, "attempt": like.attempt, **(place or {})}
        logged = {**new, "envelope": envelope, **(body or {})}
        return self.append("sign_off", **where, by=by or like.by, body=logged)

    def gate(self, run: str, stage: str) -> GateResult:
        return sign_offs.gate_result(self.workspace, self.entries, run, stage, at=self.now)

    def verify(self, **options: Any) -> verification.Verification:
        return verification.verify(self.workspace, **options)


def notebook(stage: str, auc: float | None = None) -> dict[str, Any]:
    """A stage notebook; executed if there is a result."""
    result = {"name": "auc", "title": "AUC", "value": auc, "verdict": "pass"}
    shown = [
        {"output_type": "stream", "name": "stdout", "text": "fitting\ndone\n"},
        {
            "output_type": "display_data",
            "metadata": {},
            "data": {RESULT_MIME: result, "text/markdown": f"**AUC** {auc}\n", "text/plain": f"AUC {auc}\n"},
        },
    ]
    executed = auc is not None
    cells = [
        {"cell_type": "markdown", "id": "title", "metadata": {}, "source": f"# {stage.title()}\nWhat it is for.\n"},
        _code("parameters", 'run: str = ""', 1 if executed else None, [], ["parameters"]),
        *([_code("injected", f'run = "{stage}"', 2, [], ["injected-parameters"])] if executed else []),
        _code("measure", "this.record('auc', model.auc)\n", 3 if executed else None, shown if executed else [], []),
    ]
    parameters = {"papermill": {"parameters": {"run": stage}, "duration": 1.5}} if executed else {}
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return {"cells": cells, "metadata": {**kernel, **parameters}, "nbformat": 4, "nbformat_minor": 5}


def _code(id: str, source: str, count: int | None, outputs: list[Any], tags: list[str]) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "id": id,
        "metadata": {"tags": tags} if tags else {},
        "source": source,
        "execution_count": count,
        "outputs": outputs,
    }


def digest_of(name: str, entry: Entry) -> str:
    """The digest of an artifact of a sealed attempt."""
    return next(str(item["sha256"]) for item in entry.body["artifacts"] if item["name"] == name)


__all__ = ["MODEL", "SOP", "START", "Simulator", "digest_of", "notebook", "sha256_hex"]
