"""What the section on training shows, from log entries and from what the stages attached."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from sopkit.archive.contents import Contents
from sopkit.archive.taken import Alert
from sopkit.archive.workspace import Workspace
from sopkit.definitions import Sop
from sopkit.views.fragments import fragment
from sopkit.views.links import lab_link
from sopkit.views.stepping_facts import next_facts, stepping_facts, wait_facts
from sopkit.views.training.facts import alerts, live_facts, training_facts
from sopkit.views.training.terminal import under_way
from sopkit.views.training.words import alert_words, live_words, memory

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
USAGE = {
    "peak_memory_mb": 1890.0,
    "cpu_seconds": 80.5,
    "samples": {"seconds": [1.0, 2.0, 75.0], "cpu_percent": [90.0, 180.0, 20.0], "memory_mb": [300.0, 1890.0, 700.0]},
}
TRAINING = {
    "recipe": {
        "name": "all-past",
        "title": "All past flights",
        "estimator": "sklearn.ensemble.HistGradientBoostingClassifier",
        "parameters": {"max_iter": 120, "learning_rate": 0.08},
        "features": {"hour": "numeric", "carrier": "categorical", "origin": "categorical"},
        "window": None,
    },
    "trained_from": "2013-01-01T10:00:00+00:00",
    "trained_until": "2013-05-29T23:00:00+00:00",
    "rows": 131574,
    "resources": {"wall_seconds": 1.936, "peak_memory_mb": 507.9},
    "notes": ["feature 'x' has no value"],
    "iterations": {
        "title": "HistGradientBoostingClassifier",
        "metric": "loss",
        "better": "lower",
        "iteration": [0, 1, 2],
        "train": [0.69, 0.5, 0.4],
        "validation": [0.69, 0.55, 0.56],
        "of": "training rows",
        "validation_of": "rows set aside",
    },
}
TRIAL = {
    "primary": "roc_auc",
    "chosen": "all-past",
    "why": "all-past has the best mean",
    "means": {"naive": {"roc_auc": 0.5}, "all-past": {"roc_auc": 0.7}},
    "folds": [
        {
            "fold": fold,
            "recipe": recipe,
            "roc_auc": score,
            "rows": 27101,
            "train_rows": 48910,
            "test_from": "2013-03-01T00:00:00+00:00",
            "test_until": "2013-04-01T00:00:00+00:00",
            "judged": fold != 2,
            "note": "",
        }
        for fold in (1, 2)
        for recipe, score in (("naive", 0.5), ("all-past", 0.7123456789))
    ],
}
ENVIRONMENT = {
    "interpreter": "CPython 3.11.7",
    "platform": "Linux",
    "processors": 2,
    "seed": 20130701,
    "libraries": {"scikit-learn": "1.9.1"},
    "code": {"commit": "bafeb6e547222fe82e1e", "changed": True},
    "lock_sha256": "47414a777dbaca0739",
}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    for name in ("notebooks", "templates", "runs"):
        (tmp_path / name).mkdir()
    return Workspace(tmp_path)


def attached(workspace: Workspace, told: Any, **files: Any) -> Any:
    """The stage evaluate, sealed with these files."""
    artifacts = [
        {"name": f"{name}.json", "sha256": workspace.store.put(json.dumps(value).encode()), "size": 1, "title": ""}
        for name, value in files.items()
    ]
    return told.sealed("evaluate", artifacts=artifacts, usage=USAGE).state


def shown(workspace: Workspace, sop: Sop, run: Any, states: Any = None, live: Any = None) -> str:
    facts = training_facts(run, sop, states or [run], Contents(workspace, run), live)
    return str(fragment("training", **facts))


def text_of(markup: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", markup))


def test_a_training_is_told_from_what_its_stages_attached(workspace: Workspace, sop: Sop, told: Any) -> None:
    """Recipe, parameters, rows and period, curve, folds, processor and memory, environment: in words and pictures."""
    page = shown(workspace, sop, attached(workspace, told, training=TRAINING, trial=TRIAL, environment=ENVIRONMENT))
    text = text_of(page)
    for words in (
        "1 min 15 s",
        "1.8 GB",
        "All past flights (all-past)",
        "max_iter = 120",
        "1 number, 2 categories",
        "131,574, 2013-01-01 10:00 UTC to 2013-05-29 23:00 UTC (all past rows)",
        "feature &#39;x&#39; has no value",
        "Loss of HistGradientBoostingClassifier, lower is better",
        "All-past has the best mean",
        "0.7123",
        "not judged",
        "20130701",
        "with changes that were not committed",
        "scikit-learn 1.9.1",
    ):
        assert words in text
    for label in ("loss over the iterations", "roc auc of each recipe", "processor over time", "memory over time"):
        assert f'aria-label="{label}' in page
    assert "0.7123456789" not in page


def test_a_run_that_has_trained_nothing_says_so(workspace: Workspace, sop: Sop, told: Any) -> None:
    """Before the first stage, and in a SOP that trains nothing, each part says what is not there."""
    text = text_of(shown(workspace, sop, told.state))
    for words in ("No stage has come to its end yet", "Nothing has been trained", "Nothing was measured"):
        assert words in text


def test_an_adopted_model_has_no_folds_and_no_curve(workspace: Workspace, sop: Sop, told: Any) -> None:
    """Its trial names where it comes from, and no recipes competed."""
    trained = {**TRAINING, "iterations": None}
    run = attached(workspace, told, training=trained, trial={"chosen": "adopted", "why": "one only", "uri": "x"})
    text = text_of(shown(workspace, sop, run))
    assert "Past periods" not in text
    assert "Nothing was kept iteration by iteration" in text


def test_what_stages_attach_shows_as_text(workspace: Workspace, sop: Sop, told: Any) -> None:
    """Names, notes, reasons and metrics with markup in them are text in tables and pictures."""
    spoiled = json.loads(json.dumps([TRAINING, TRIAL, ENVIRONMENT]).replace("all-past", HOSTILE.replace('"', "")))
    spoiled[0]["iterations"]["title"] = spoiled[0]["iterations"]["metric"] = HOSTILE
    spoiled[0]["notes"] = [HOSTILE]
    spoiled[0]["recipe"]["parameters"] = {HOSTILE: HOSTILE}
    spoiled[2]["libraries"] = {HOSTILE: HOSTILE}
    names = ("training", "trial", "environment")
    page = shown(workspace, sop, attached(workspace, told, **dict(zip(names, spoiled, strict=True))))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;img" in page


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False) | st.just(HOSTILE),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*TRAINING, *TRIAL, "x"]), inner),
    max_leaves=8,
)


def spoil(original: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """The file with some of its fields replaced by anything."""
    anything = st.dictionaries(st.sampled_from(list(original)), JSON)
    inner = st.dictionaries(st.sampled_from(["recipe", "iterations", "resources", "means", "code"]), JSON)
    return st.builds(lambda outer, deep: {**original, **outer, **deep}, anything, inner)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(training=spoil(TRAINING), trial=spoil(TRIAL), environment=spoil(ENVIRONMENT))
def test_a_file_that_holds_anything_is_shown_without_an_error_and_without_markup(
    workspace: Workspace, sop: Sop, told: Any, training: Any, trial: Any, environment: Any
) -> None:
    """A stage of another SOP may attach files of these names: whatever is in them, the section stands."""
    run = attached(workspace, type(told)(), training=training, trial=trial, environment=environment)
    page = shown(workspace, sop, run)
    assert "<script" not in page
    assert "<img" not in page


LIVE = {
    "alive": True,
    "stage": "evaluate",
    "title": "x",
    "seconds": 42.0,
    "cell": 7,
    "cells": 22,
    "heading": f"Which recipe {HOSTILE}?",
    "told": {"fold": 2.0, "folds": 3.0, "iteration": 40.0, "loss": 0.4123456, "seconds": 3.0, "recipe": HOSTILE},
    "memory_mb": 412.0,
    "peak_memory_mb": 1500.0,
    "cpu_percent": 187.3,
    "samples": USAGE["samples"],
}


def test_a_stage_under_way_tells_where_it_is(workspace: Workspace, sop: Sop, told: Any) -> None:
    """Cell, fold, iteration, seconds, processor and memory, in words and as a bar; hostile words are text."""
    run = told.add("stage.started", stage="evaluate", attempt=1).state
    page = shown(workspace, sop, run, live=LIVE)
    text = text_of(page)
    assert "Under way: Compare champion and challenger" in text
    for words in (
        "cell 7 of 22",
        "fold 2 of 3",
        "iteration 40",
        "loss 0.4123",
        "42 s",
        "187 %",
        "412 MB, at most 1.5 GB",
    ):
        assert words in text
    assert "<script" not in page
    assert "<img" not in page


@pytest.mark.parametrize(("live", "runner"), [(None, "unknown"), ({**LIVE, "alive": False}, "gone"), (LIVE, "alive")])
def test_a_runner_that_is_gone_is_told_from_one_that_is_not_known(sop: Sop, told: Any, live: Any, runner: str) -> None:
    """A dead one is to be resumed; of one that nothing tells of nobody knows; a page that is kept says nothing."""
    run = told.add("stage.started", stage="evaluate", attempt=1).state
    facts = live_facts(run, sop, [run], live)
    assert facts is not None
    assert facts["runner"] == runner
    words = {"unknown": "may run on another machine", "gone": "is gone", "alive": "Under way"}
    assert words[runner] in text_of(str(fragment("training_live", live=facts, alerts=[])))


def test_a_run_that_waits_has_nothing_under_way(sop: Sop, told: Any) -> None:
    """Nobody executes it, and nothing is missing."""
    run = told.waiting_for_the_validator().state
    assert live_facts(run, sop, [run], None) is None


@pytest.mark.parametrize(
    ("live", "words"),
    [
        (None, "nothing tells of a process"),
        ({**LIVE, "alive": False}, "is gone: resume it"),
        (LIVE, "▶ under way: Compare champion and challenger  cell 7 of 22, recipe </script>"),
    ],
)
def test_the_terminal_tells_it_too(sop: Sop, told: Any, live: Any, words: str) -> None:
    """The same facts as lines; an alert is a line of its own, and nothing to tell is no line."""
    run = told.add("stage.started", stage="evaluate", attempt=1).state
    lines = under_way(live_facts(run, sop, [run], live), [{"sentence": "«x» took far longer"}])
    console = Console(file=io.StringIO(), width=300, color_system=None)
    console.print(lines)
    assert words in console.file.getvalue()
    assert "◐ «x» took far longer" in console.file.getvalue()
    assert under_way(None, []) is None


def test_far_more_than_usual_is_told_in_words() -> None:
    """How much, how many times the usual, and of how many earlier runs that is the median."""
    slow = Alert("evaluate", "time", 302.0, 60.0, 4)
    assert alert_words(slow, "Compare") == (
        "«Compare» took far longer than in earlier runs: 5 min 2 s, 5.0 times the usual "
        "(the median of 4 earlier runs is 1 min 0 s)"
    )
    large = Alert("evaluate", "memory", 4096.0, 512.0, 3, under_way=True)
    assert "has taken far more memory than in earlier runs: 4.0 GB at its peak so far, 8.0 times" in alert_words(
        large, "Compare"
    )


def test_an_alert_names_the_stage_by_its_title(sop: Sop, told: Any) -> None:
    """The facts hold numbers and a sentence."""
    before = [type(told)().sealed("evaluate").state for _ in range(3)]
    run = told
    for _ in range(10):  # later in the log than the earlier ones
        run.add("look")
    state = run.sealed("evaluate", seconds=400.0).state
    (found,) = alerts([state, *before], state, {"evaluate": "Compare <b>"})
    assert found["sentence"].startswith("«Compare <b>» took far longer")
    assert (found["earlier"], found["usual"], found["value"]) == (3, 75.2, 400.0)


@pytest.mark.parametrize(
    ("live", "words"),
    [
        ({}, ""),
        ({"cell": 1, "cells": 9}, "cell 1 of 9"),
        ({"cell": 3, "cells": 9, "told": {"done": 2.0, "total": 6.0, "note": "x"}}, "cell 3 of 9, 2 of 6"),
        ({"cell": 3, "cells": 9, "told": {"fold": "x", "folds": 3.0}}, "cell 3 of 9, fold x of 3"),
    ],
)
def test_how_far_a_stage_is_in_words(live: dict[str, Any], words: str) -> None:
    """Cell, then what the notebook tells, as far as it does."""
    assert live_words(live) == words


def test_memory_in_words() -> None:
    """Megabytes up to a thousand, gigabytes from there on, a dash for what is not known."""
    assert [memory(value) for value in (None, 0.4, 412.0, 2048.0)] == ["–", "0 MB", "412 MB", "2.0 GB"]


def test_what_comes_next_is_told_with_all_that_it_needs(sop: Sop, told: Any) -> None:
    """Title, purpose, owner, gate and what happens on failure, of the pinned SOP; executed notebooks as links."""
    run = told.evaluated().state
    facts = {**stepping_facts(run, sop), "next": next_facts(run, sop, [run], "monitor", 2, ["attempt 1 failed: <b>"])}
    page = str(fragment("stepping", **facts))
    text = text_of(page)
    for words in ("Next: 2. Watch the new champion", "attempt 2: attempt 1 failed: &lt;b&gt;", "Watches it.", "none"):
        assert words in text
    path = "runs/retraining/20130701T000000Z-flights-4f2a/05_evaluate.ipynb"
    assert f'href="/lab/tree/{path}"' in page


def test_what_a_run_waits_for_is_told_in_words(sop: Sop) -> None:
    """A gate by its roles, a clock by its date."""
    needs = [
        {"stage": "evaluate", "kind": "sign_off", "roles": ["validator"], "until": None},
        {"stage": "monitor", "kind": "clock", "roles": [], "until": "2013-07-08T00:00:00Z"},
    ]
    assert wait_facts(sop, "gate 'promotion' is closed", needs) == {
        "words": "Gate 'promotion' is closed",
        "needs": [
            "Sign-off of «Compare champion and challenger» by: validator.",
            "«Watch the new champion» may start as of 2013-07-08.",
        ],
    }


def test_a_link_to_a_file_is_no_way_out() -> None:
    """Whatever the path holds, it is one attribute, below JupyterLab's own folder."""
    link = str(lab_link('runs/"><img src=x onerror=alert(1)>/../a b.ipynb', "<b>"))
    assert "<img" not in link
    assert "<b>" not in link
    assert 'href="/lab/tree/runs/%22%3E%3Cimg' in link
