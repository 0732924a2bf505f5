"""A workspace in which everything that people or data may name tries to be more than text."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shop

from sopkit.archive.keys import new_key

__all__ = ["ATTACKS", "FILE", "IMAGE", "LINK", "MATH", "SCRIPT", "made_hostile"]

SCRIPT = "</script><script>window.hacked=1</script>"
IMAGE = '<img src=x onerror="window.hacked=1">'
LINK = "[x](javascript:window.hacked=1)"
MATH = r"$\unicode{x41}\href{javascript:window.hacked=1}{y}$"
ATTACKS = (SCRIPT, IMAGE, LINK, MATH)
FILE = "<img src=x onerror=window.hacked=1>.csv"
PEOPLE = {"ada": (SCRIPT, "people-admin"), "dora": (IMAGE, "data-steward"), "vera": (LINK, "validator")}
PEOPLE |= {"olga": (MATH, "model-owner")}
COLUMNS = {"order": "<i>n</i>", "spend": SCRIPT, "age": IMAGE, "region": LINK, "returned": MATH}
VALUES = {"North": f"{SCRIPT} {LINK}", "South": MATH, "East": f"{IMAGE} {MATH}"}
ALL = " ".join(ATTACKS)
MODEL = f"""
model: hostile
title: {json.dumps("Title " + ALL)}
purpose: {json.dumps("Purpose " + ALL)}
data:
  source: {json.dumps("data/" + FILE)}
  time: placed
  id: ["<i>n</i>"]
  columns: {{{json.dumps(IMAGE)}: {{max: 79, unit: {json.dumps(SCRIPT)}}}}}
  keep_rows_where: {{{json.dumps(SCRIPT)}: placed is not missing}}
target: {{column: {json.dumps(MATH)}, task: binary, title: {json.dumps("Target " + ALL)}}}
features:
  {json.dumps(SCRIPT)}: {{unit: {json.dumps(IMAGE)}}}
  {json.dumps(IMAGE)}: numeric
  {json.dumps(LINK)}: categorical
slices: [{json.dumps(LINK)}]
protected: [{json.dumps(LINK)}]
challengers: {{other: {{title: {json.dumps("Other " + ALL)}, window: 60d}}}}
evaluation: {{window: 28d}}
"""


def made_hostile(place_of: Callable[[Path], Any], folder: Path) -> Any:
    """A first champion in service, and a second run, signed for by half, that waits for the other half."""
    place_of(folder)("new", "workspace")
    root = folder / "workspace"
    place = place_of(root)
    table = shop.rows().replace({"region": VALUES}).rename(columns=COLUMNS)
    (root / "data").mkdir()
    table.to_csv(root / "data" / FILE, index=False)
    (root / "templates/models/hostile.yaml").write_text(MODEL)
    sop = root / "templates/sops/retraining.yaml"
    text = sop.read_text()
    for title in ("Model retraining", "Data approved", "Promotion approved", "ML engineer"):
        assert f"title: {title}\n" in text
        text = text.replace(f"title: {title}\n", f"title: {json.dumps(f'{title} {ALL}')}\n", 1)
    sop.write_text(text)
    people = []
    for id, (name, role) in PEOPLE.items():
        line = new_key(id, shop.PASSPHRASE, folder / "keys").with_name(f"{id}.pub").read_text().strip()
        people.append({"id": id, "name": name, "keys": [{"public": line}], "roles": [{"role": role}]})
    (root / "templates/people.yaml").write_text(json.dumps({"version": 1, "people": people}))
    (folder / "passphrase").write_text(shop.PASSPHRASE)
    os.environ["SOP_PASSPHRASE_FILE"] = str(folder / "passphrase")
    try:
        _play(place, folder / "keys")
    finally:
        del os.environ["SOP_PASSPHRASE_FILE"]
    return place


def _play(place: Any, keys: Path) -> None:
    start = ("run", "retraining", "--model", "hostile", "--wait-ok", "--reason", f"Because {ALL}")
    signed = ("--comment", f"Comment {ALL}", "--key")
    condition = ("--condition", f"Condition {ALL}; severity=high; owner=model-owner")
    place(*start, "--as-of", "2024-04-10", "--demo-reviewers")
    place(*start, "--as-of", "2024-07-20", "--by", "mia")
    place("sign", "last", "collect", "--approve", *signed, str(keys / "dora"))
    place("resume", "last", "--by", "mia", "--wait-ok")
    place("sign", "last", "evaluate", "--approve", *condition, *signed, str(keys / "vera"))
    place("sign", "last", "evaluate", "--return", *signed, str(keys / "olga"))
    place("withdraw", "last", "evaluate", *signed, str(keys / "olga"))
