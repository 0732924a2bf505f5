"""How far a run is, told by the runner's events."""

from __future__ import annotations

import io
import json

from rich.console import Console

from sopkit.cli.progress import Progress

STARTED = {
    "kind": "stage",
    "state": "running",
    "stage": "retrain",
    "title": "Train the challengers",
    "attempt": 1,
    "because": ["first attempt"],
}


def told(*events, terminal=False):
    """What is printed for events, without colours."""
    console = Console(file=io.StringIO(), width=200, color_system=None, force_terminal=terminal)
    with Progress(console) as progress:
        for event in events:
            progress(event)
    return console.file.getvalue()


def test_without_a_terminal_every_stage_is_a_line():
    """In a file or a pipe a stage that starts and one that ends are a plain line each; cells are not."""
    cell = {"kind": "cell", "stage": "retrain", "attempt": 1, "cell": 2, "cells": 9}
    done = {**STARTED, "state": "done", "seconds": 12.4}
    expected = "▶ retrain: Train the challengers\n● retrain: Train the challengers  12 s\n"
    assert told(STARTED, cell, done) == expected


def test_a_new_attempt_says_why():
    """A second attempt is named as one, with what changed."""
    again = {**STARTED, "attempt": 2, "because": ["stage:prepare/train.parquet changed: 12ab → 34cd"]}
    assert "attempt 2  (stage:prepare/train.parquet changed: 12ab → 34cd)" in told(again)


def test_a_failed_stage_is_no_done_stage():
    """A stage that failed has another shape than one that is done."""
    assert told({**STARTED, "state": "failed", "seconds": 1.0}).startswith("✗ retrain")


def test_the_moving_line_shows_what_the_notebook_tells(tmp_path):
    """On a terminal the stage under way shows its cell and the progress that the notebook wrote, once it is whole."""
    console = Console(file=io.StringIO(), width=200, color_system=None, force_terminal=True)
    progress = Progress(console)
    progress(STARTED)
    progress({"kind": "cell", "stage": "retrain", "attempt": 1, "cell": 4, "cells": 9, "files": tmp_path})
    (tmp_path / ".progress.json").write_text('{"done": 2, "tot')
    assert "cell 4 of 9" in progress.line().plain
    (tmp_path / ".progress.json").write_text(json.dumps({"done": 2, "total": 6, "note": "recent window"}))
    assert progress.line().plain.endswith("recent window 2/6")
    progress({**STARTED, "state": "done", "seconds": 1.0})
    assert progress.line().plain == ""
