"""Two runs, or two attempts, side by side: what is a difference, and what is none."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sopkit.archive.contents import Contents
from sopkit.archive.diffs import full_run_diff, last_promoted, run_diff
from sopkit.archive.notebooks import sealed_bytes
from sopkit.archive.runs import new_run_id, run_state, run_states
from sopkit.errors import NotFound

sys.path.insert(0, str(Path(__file__).parent))
from simulator import FILES, MODEL, SOP, Simulator, notebook

ORIGIN = {"rows": 100, "dtypes": {"a": "float64"}, "time": {"to": "2013-06-30T00:00:00+00:00"}, "as_of": "2013-07-01"}
REASONS = {"reasons": [{"topic": "Gain", "verdict": "pass", "weight": "rule", "finding": "0.02"}]}


@pytest.fixture
def world(tmp_path: Path) -> Simulator:
    return Simulator(tmp_path / "workspace")


def start(world: Simulator, by: str = "mia", *, notebooks: dict[str, Any] | None = None, **pins: bytes | None) -> str:
    """A run pinned to the simulator's definitions, or to these."""
    store, as_of = world.workspace.store, datetime(2013, 7, 1, tzinfo=UTC)
    run = new_run_id(as_of, "flights", world.workspace.sop_folder("repair"))
    sources = {stage: notebook(stage) for stage in FILES} | (notebooks or {})
    files = {
        "sop": SOP.encode(),
        "model": MODEL.encode(),
        "module": None,
        "people": b"people: []",
        "lock": b"numpy==2\n",
    }
    kept = {name: None if data is None else store.put(data) for name, data in {**files, **pins}.items()}
    kept["notebooks"] = {
        f"repair/{FILES[stage]}.ipynb": store.put(sealed_bytes(each)) for stage, each in sources.items()
    }
    body = {"sop": "repair", "sop_version": "1.2.0", "model": "flights", "parameters": {}, "demo": False, "pins": kept}
    world.append("run.started", as_of=as_of, run=run, by=by, body=body)
    return run


def diff(
    world: Simulator, left: str, right: str, *, attempts: tuple[int, int] | None = None, **more: Any
) -> dict[str, Any]:
    sides = []
    for place, run in enumerate((left, right)):
        chosen = {more["stage"]: attempts[place]} if attempts else {}
        sides.append(Contents(world.workspace, run_state(world.entries, run), chosen))
    told = run_diff(*sides, **more)
    assert json.loads(json.dumps(told)) == told  # plain JSON
    return told


def artifacts(**files: Any) -> dict[str, bytes]:
    return {name.replace("_json", ".json"): json.dumps(value).encode() for name, value in files.items()}


def result(value: Any, **more: Any) -> dict[str, Any]:
    return {"rows": {"name": "rows", "title": "Rows", "value": value, "unit": "rows", **more}}


def test_two_runs_of_the_same_report_nothing(world):
    """Other ids, times, durations, notebooks of other bytes, models and pages of other bytes: no difference."""
    runs = [start(world), start(world)]
    for number, run in enumerate(runs):
        files = artifacts(training_json={"rows": 9, "resources": {"wall_seconds": number}})
        files |= {"model.skops": b"model %d" % number, "report.html": b"<p>%d" % number}
        seconds = {"training_seconds": {"name": "training_seconds", "value": 1.0 + number, "unit": "s"}}
        world.seal(run, "evaluate", artifacts=files, results=seconds)
        world.sign(run, "evaluate", "rita", "approve", comment="read it")
    told = diff(world, *runs)
    assert (told["same"], told["count"], told["flips"]) == (True, 0, 0)
    assert told["bytes_only"] == ["model.skops", "report.html"]
    assert told["times"] == ["training_seconds"]


def test_numbers_count_beyond_the_tolerance(world):
    """The same computed on another machine is quiet; asked more strictly, it is told."""
    runs = [start(world), start(world)]
    for run, auc in zip(runs, (0.75, 0.7500000001), strict=True):
        world.seal(run, "evaluate", auc=auc, artifacts=artifacts(report_json={"auc": auc}))
    assert diff(world, *runs)["same"]
    told = diff(world, *runs, tolerance=1e-12)
    assert [each["name"] for each in told["results"]] == ["auc"]
    assert told["files"] == [{"stage": "evaluate", "name": "report.json", "kind": "changed"}]


def test_verdicts_that_flipped_come_first(world):
    """A flipped verdict stands before changed values, of results and of the reasons of the decision."""
    runs = [start(world), start(world)]
    for run, value, verdict in zip(runs, (9, 3), ("pass", "fail"), strict=True):
        reasons = {"reasons": [{**REASONS["reasons"][0], "verdict": verdict}]}
        threshold = {"op": "at_least", "value": 5}
        results = result(value, verdict=verdict, threshold=threshold, reason=f"{value} rows")
        world.seal(run, "evaluate", auc=value / 10, results=results, artifacts=artifacts(decision_json=reasons))
    told = diff(world, *runs)
    assert [(each["name"], each["flipped"], each["differs"]) for each in told["results"]] == [
        ("rows", True, ["verdict", "value"]),
        ("auc", False, ["value"]),
    ]
    assert [(each["topic"], each["left"]["verdict"], each["right"]["verdict"]) for each in told["reasons"]] == [
        ("Gain", "pass", "fail")
    ]
    assert told["flips"] == 2


def test_a_moved_threshold_is_told_though_value_and_verdict_are_the_same(world):
    """A limit that was lowered until it passed does not go unseen."""
    runs = [start(world), start(world)]
    for run, limit in zip(runs, (5, 3), strict=True):
        world.seal(run, "evaluate", results=result(9, verdict="pass", threshold={"op": "at_least", "value": limit}))
    (told,) = diff(world, *runs)["results"]
    assert told["differs"] == ["threshold"]
    assert (told["left"]["threshold"]["value"], told["right"]["threshold"]["value"]) == (5, 3)


def test_a_time_counts_where_it_is_far_off_or_has_a_limit(world):
    """Twice as long and ten seconds more is told; so is a time that somebody has set a limit for."""

    def seconds(value: float, **more: Any) -> dict[str, Any]:
        return {"fit_seconds": {"name": "fit_seconds", "value": value, "unit": "s", **more}}

    runs = [start(world) for _ in range(4)]
    limit = {"threshold": {"op": "at_most", "value": 60}, "verdict": "pass"}
    given = (seconds(2), seconds(30), seconds(20), seconds(20.5, **limit))
    for run, results in zip(runs, given, strict=True):
        world.seal(run, "evaluate", results=results)
    assert [each["name"] for each in diff(world, runs[0], runs[1])["results"]] == ["fit_seconds"]
    assert diff(world, runs[1], runs[2])["same"]
    assert not diff(world, runs[2], runs[3])["same"]


def test_the_data_is_told_by_what_was_recorded_about_it(world):
    """Rows, times and columns of a snapshot; the same counts with other values are a difference that says so."""
    runs = [start(world) for _ in range(3)]
    origins = (ORIGIN, {**ORIGIN, "rows": 250, "dtypes": {"a": "float64", "b": "str"}, "as_of": "2013-08-01"}, ORIGIN)
    for number, (run, origin) in enumerate(zip(runs, origins, strict=True)):
        files = artifacts(origin_json=origin) | {"snapshot.parquet": b"PAR%d" % number}
        world.seal(run, "collect", artifacts=files, uses={"champion": "ab" * 32 if number else ""})
    snapshot, champion = diff(world, runs[0], runs[1])["data"]
    assert [(each["field"], each["left"], each["right"]) for each in snapshot["changes"]] == [
        ("rows", 100, 250),
        ("columns.b", None, "str"),
    ]
    assert (champion["what"], champion["left"], champion["right"]) == ("champion", None, "ab" * 32)
    (other, _) = diff(world, runs[0], runs[2])["data"]
    assert (other["changes"], other["note"]) == ([], "the same by every count, and other values")


def test_definitions_are_compared_by_what_they_say(world):
    """A field of the model file by its path, features apart; comments and order are only remarked upon."""
    commented = b"# a comment\n" + MODEL.replace("author: mona\n", "").encode() + b"author: mona\n"
    changed = MODEL.replace("{a: numeric}", "{a: categorical, b: numeric}").encode() + b"evaluation: {window: 60d}\n"
    first, second, third = start(world), start(world, model=commented), start(world, model=changed)
    told = diff(world, first, second)
    assert told["same"]
    assert told["remarks"] == ["the model file says the same, in other words: comments, order or layout differ"]
    told = diff(world, first, third)
    (file,) = told["definitions"]
    assert (file["file"], [each["field"] for each in file["changes"]]) == ("model file", ["evaluation"])
    assert [(each["field"], each["kind"]) for each in told["features"]["declared"]] == [
        ("a.type", "changed"),
        ("b", "added"),
    ]


def test_versions_and_not_digests_of_the_lock_count(world):
    """A package of another version is told; digests of wheels for other machines are not."""
    one, same, other = (
        start(world, lock=lock)
        for lock in (b"numpy==2.0 \\\n  --hash=sha256:aa\n", b"numpy==2.0 \\\n  --hash=sha256:bb\n", b"numpy==2.1\n")
    )
    assert diff(world, one, same)["same"]
    (lock,) = diff(world, one, other)["definitions"]
    assert [(each["field"], each["left"], each["right"]) for each in lock["changes"]] == [("numpy", "2.0", "2.1")]


def test_code_comes_line_by_line(world):
    """A changed cell of a source notebook and a changed module; of a stage, only its own notebook."""
    source = notebook("evaluate")
    source["cells"][2]["source"] = "this.record('auc', model.auc, at_least=0.7)\n"
    runs = [start(world, module=b"A = 1\n"), start(world, module=b"A = 2\n", notebooks={"evaluate": source})]
    for run in runs:
        world.seal(run, "collect")
    told = diff(world, *runs)
    assert [(each["file"], each["cells"][0]["cell"]) for each in told["code"]] == [
        ("repair/02_evaluate.ipynb", "measure"),
        ("flights.py", ""),
    ]
    assert told["code"][1]["cells"][0]["lines"] == ["@@ -1 +1 @@", "-A = 1", "+A = 2"]
    assert [each["file"] for each in diff(world, *runs, stage="collect")["code"]] == ["flights.py"]


def test_who_signed_what(world):
    """Another person, another decision, another comment, a withdrawal: each is told in its role."""
    runs = [start(world), start(world)]
    for run in runs:
        world.seal(run, "evaluate")
    world.sign(runs[0], "evaluate", "rita", "approve", comment="read it")
    world.sign(runs[0], "evaluate", "olga", "approve")
    world.sign(runs[1], "evaluate", "rita", "reject", comment="wrong month")
    world.sign(runs[1], "evaluate", "olga", "approve")
    (told,) = diff(world, *runs)["sign_offs"]
    assert (told["stage"], told["role"]) == ("evaluate", "reviewer")
    assert (told["left"]["decision"], told["left"]["comment"]) == ("approve", "read it")
    assert (told["right"]["decision"], told["right"]["comment"]) == ("reject", "wrong month")


def test_two_attempts_of_one_run(world):
    """The first attempt of a stage against the second: results, files, sign-offs and why it was made again."""
    run = world.whole_run()
    told = diff(world, run, run, stage="evaluate", attempts=(1, 2))
    assert (told["left"]["attempts"], told["right"]["attempts"]) == ({"evaluate": 1}, {"evaluate": 2})
    assert [(each["name"], each["left"]["value"], each["right"]["value"]) for each in told["results"]] == [
        ("auc", 0.7, 0.8)
    ]
    assert [(each["left"]["state"], each["right"]["state"]) for each in told["stages"]] == [("returned", "done")]
    assert [each["name"] for each in told["files"]] == ["report.json", "model.skops", "chart.svg"]
    assert {each["right"]["decision"] for each in told["sign_offs"] if each["right"]} == {"approve"}
    assert not told["run"]
    assert not told["definitions"]
    assert diff(world, run, run, stage="evaluate", attempts=(2, 2))["same"]
    with pytest.raises(NotFound, match="no such attempt"):
        diff(world, run, run, stage="evaluate", attempts=(1, 3))
    with pytest.raises(NotFound, match="neither run has started"):
        diff(world, run, run, stage="deploy")


def test_what_only_one_run_has_come_to(world):
    """A stage that one run has not started is told once, not with each of its results."""
    runs = [start(world), start(world)]
    world.seal(runs[0], "collect")
    world.seal(runs[0], "evaluate")
    world.seal(runs[1], "collect")
    told = diff(world, *runs)
    assert [(each["stage"], each["right"]) for each in told["stages"]] == [("evaluate", None)]
    assert told["count"] == 1


def test_what_cannot_be_read_is_never_the_same(world):
    """A file that is not what was kept is named with the reason, and two runs that need it are not called the same."""
    runs = [start(world), start(world)]
    for number, run in enumerate(runs):
        world.seal(run, "evaluate", artifacts=artifacts(decision_json={**REASONS, "made": number}))
    state = run_state(world.entries, runs[1])
    path = world.workspace.store.path(state.stage("evaluate").current.artifacts[0]["sha256"])
    path.chmod(0o644)
    path.write_bytes(b"{}")
    told = diff(world, *runs)
    assert not told["same"]
    (item,) = told["unreadable"]
    assert item["what"] == f"decision.json of stage evaluate in {runs[1]}"
    assert "not what was stored" in item["why"]


@pytest.mark.parametrize(
    "odd",
    [
        {"reasons": "none", "findings": {"a": 1}, "table": [1, None]},
        {
            "reasons": [{"topic": "Gain", "verdict": ["maybe"], "finding": {"a": 1}}],
            "findings": [{"id": "x", "severity": {}}],
        },
        {"table": [{"feature": "a", "importance": "much", "low": None}, {"feature": "a"}, {"feature": 3}]},
        [1, 2],
        None,
        "text",
    ],
)
def test_files_of_another_form_are_passed_over(world, odd):
    """What a workspace's own notebook attached under a known name, in any form, takes nothing down."""
    runs = [start(world), start(world)]
    names = ("decision_json", "findings_json", "importance_json", "training_json", "origin_json", "splits_json")
    world.seal(runs[0], "evaluate", artifacts=artifacts(**dict.fromkeys(names, odd)))
    world.seal(runs[1], "evaluate", artifacts=artifacts(**dict.fromkeys(names, REASONS)))
    diff(world, *runs)
    diff(world, *reversed(runs))


def test_nesting_that_is_too_deep_is_named(world):
    """An artifact nested a hundred thousand times is unreadable, and the rest is compared."""
    runs = [start(world), start(world)]
    for run, deep in zip(runs, (b"[" * 100_000 + b"]" * 100_000, b"[]"), strict=True):
        world.seal(run, "evaluate", artifacts={"deep.json": deep})
    assert [each["why"][:8] for each in diff(world, *runs)["unreadable"]] == ["not JSON"]


def test_the_last_promoted_run_is_of_the_same_model_and_earlier(world):
    """Neither a later one, nor one that kept the champion, nor one of another SOP."""
    runs = [start(world) for _ in range(4)]
    for run, outcome in zip(runs, ("promoted", "champion_kept", "promoted", "promoted"), strict=True):
        world.seal(run, "evaluate")
        world.append("run.outcome", run=run, body={"outcome": outcome})
    states = run_states(world.entries)
    by_id = {state.id: state for state in states}
    assert last_promoted(states, by_id[runs[2]]).id == runs[0]
    assert last_promoted(states, by_id[runs[3]]).id == runs[2]
    assert last_promoted(states, by_id[runs[0]]) is None


def test_all_of_it_comes_from_nbdime(world):
    """The executed notebooks that differ, each with the names of both files; nothing for those that do not."""
    runs = [start(world), start(world)]
    for run, auc in zip(runs, (0.7, 0.8), strict=True):
        world.seal(run, "collect", auc=0.5)
        world.seal(run, "evaluate", auc=auc)
    sides = [Contents(world.workspace, run_state(world.entries, run)) for run in runs]
    (told,) = full_run_diff(*sides)
    assert told.startswith(f"runs/repair/{runs[0]}/02_evaluate.ipynb → runs/repair/{runs[1]}/02_evaluate.ipynb\n")
    assert "AUC 0.8" in told
