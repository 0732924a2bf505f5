"""Two notebooks side by side, by our eyes and by nbdime's."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import pytest

from sopkit.archive.diffs.notebooks import cell_changes, full_diff, line_changes
from sopkit.archive.notebooks import sealed_bytes
from sopkit.errors import RecordError

sys.path.insert(0, str(Path(__file__).parent))
from simulator import notebook


def test_a_changed_source_cell_is_told_line_by_line():
    """A cell is found by its id; what came and went stands in unified diff, its surroundings beside it."""
    left = notebook("evaluate")
    right = copy.deepcopy(left)
    right["cells"][2]["source"] = "this.record('auc', model.auc, at_least=0.7)\n"
    (told,) = cell_changes(sealed_bytes(left), sealed_bytes(right))
    assert (told["cell"], told["type"], told["kind"]) == ("measure", "code", "changed")
    assert "-this.record('auc', model.auc)" in told["lines"]
    assert "+this.record('auc', model.auc, at_least=0.7)" in told["lines"]


def test_cells_that_came_went_and_moved():
    """New and removed cells are told with all their lines; cells that only changed places are told as that."""
    left = notebook("evaluate")
    right = copy.deepcopy(left)
    right["cells"][0]["id"] = "headline"
    assert [(each["cell"], each["kind"]) for each in cell_changes(sealed_bytes(left), sealed_bytes(right))] == [
        ("title", "removed"),
        ("headline", "added"),
    ]
    moved = {**left, "cells": left["cells"][::-1]}
    (told,) = cell_changes(sealed_bytes(left), sealed_bytes(moved))
    assert (told["cell"], told["type"]) == ("", "order")


def test_outputs_and_metadata_are_no_code():
    """The same notebook executed with another result has the same source cells."""
    low, high = (sealed_bytes(notebook("evaluate", auc)) for auc in (0.7, 0.8))
    assert cell_changes(low, high) == []
    assert full_diff(low, low) == ""


def test_nbdime_tells_outputs_and_not_timings():
    """The full diff is nbdime's: results that changed are in it, durations and random cell ids are not."""
    left, right = notebook("evaluate", 0.7), notebook("evaluate", 0.8)
    right["metadata"]["papermill"]["duration"] = 99.0
    right["cells"][2]["id"] = "a1b2c3d4"
    told = full_diff(sealed_bytes(left), sealed_bytes(right))
    assert "-        AUC 0.7" in told
    assert "+        AUC 0.8" in told
    assert "duration" not in told
    assert "a1b2c3d4" not in told
    assert "\x1b[" not in told
    assert "\x1b[" in full_diff(sealed_bytes(left), sealed_bytes(right), colour=True)


def test_what_is_no_notebook_is_refused_in_words():
    """Bytes that are no notebook raise a RecordError, not whatever the library raises."""
    good = sealed_bytes(notebook("evaluate"))
    for bad in (b"", b"[]", b"\xff\xfe", b"[" * 100_000):
        with pytest.raises(RecordError, match="not a notebook"):
            cell_changes(bad, good)
    with pytest.raises(RecordError):
        full_diff(json.dumps({"cells": 3}).encode(), good)


def test_lines_without_a_difference_are_none():
    """Equal texts have no lines to show."""
    assert line_changes("a\nb", "a\nb") == []
