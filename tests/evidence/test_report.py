from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from sopkit.errors import NotEnoughEvidence
from sopkit.evidence.report import begin_report, evidently_report

KINDS = {"a": "numeric", "c": "categorical"}


def sides(rows: int = 600) -> tuple[pd.DataFrame, pd.DataFrame]:
    random = np.random.default_rng(0)

    def side(shift: float) -> pd.DataFrame:
        return pd.DataFrame(
            {"a": random.normal(shift, 1, rows), "c": random.choice(["x", "y"], rows), "y": random.random(rows) < 0.3}
        )

    return side(0), side(1)


def test_equal_inputs_give_equal_json():
    """The JSON, which is kept, is the same for the same inputs and seed."""
    once, twice = (evidently_report(*sides(), KINDS, "y") for _ in range(2))
    assert once.json == twice.json
    assert json.loads(json.dumps(once.to_dict()))["rows"] == [600, 600]


def test_the_sample_is_stated():
    """On more rows than the sample the report says on how many it rests."""
    found = evidently_report(*sides(), KINDS, sample=200)
    assert found.sample_rows == (200, 200)
    assert found.sentence == "Rendered on 200 of 600 reference and 200 of 600 current rows"


def test_names_and_categories_cannot_break_out_of_the_page():
    """A column name or a category that closes a script block is shown as harmless text."""
    before, now = sides()
    hostile = "</script><script>alert(1)</script>"
    before, now = (
        side.assign(**{hostile: np.where(side["y"], hostile, "<img src=x onerror=alert(2)>")}) for side in (before, now)
    )
    found = evidently_report(before, now, {**KINDS, hostile: "categorical"})
    whole = json.dumps(found.json) + found.html
    assert "<script>alert(1)" not in whole
    assert "<img src=x" not in whole
    assert "‹/script›" in json.dumps(found.json, ensure_ascii=False)


def test_names_that_become_alike_stay_apart():
    """Two names that differ only in what is replaced are still two columns."""
    before, now = (side.assign(**{"<a": 1.0, "‹a": 2.0}) for side in sides())
    found = evidently_report(before, now, {"<a": "numeric", "‹a": "numeric", "a": "numeric"})
    assert "‹a'" in json.dumps(found.json, ensure_ascii=False)


@pytest.mark.parametrize("dtype", ["string", "category", object])
def test_categories_of_every_type_are_rendered(dtype):
    """pandas 3 strings, categoricals and objects are all read."""
    before, now = (side.astype({"c": dtype}) for side in sides())
    assert evidently_report(before, now, KINDS).html.lstrip().startswith("<!DOCTYPE html>")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda side: side.iloc[:0],
        lambda side: side[["y"]],
        lambda side: side.assign(a=np.nan, c=None),
    ],
)
def test_nothing_to_report_on_is_an_error_with_its_reason(spoil):
    """No rows, no columns or no values raise NotEnoughEvidence."""
    before, now = sides()
    with pytest.raises(NotEnoughEvidence, match=r"nothing to report on|no column has values"):
        evidently_report(before, spoil(now), KINDS)


@pytest.mark.parametrize("column", [np.nan, np.inf, 1.0, "text"])
def test_odd_columns_do_not_stop_the_report(column):
    """An empty, infinite or constant column is rendered or left out."""
    before, now = sides()
    assert evidently_report(before, now.assign(a=column), KINDS).json["metrics"]


def test_a_report_rendered_beside_the_other_figures_is_the_same():
    """In a process of its own evidently finds the same, missing values and categories included."""
    before, now = (
        side.assign(a=side["a"].mask(side.index % 7 == 0), c=side["c"].where(side.index % 5 > 0)) for side in sides(300)
    )
    here = evidently_report(before, now, KINDS, "y", sample=200)
    beside = begin_report(before, now, KINDS, "y", sample=200).report()
    assert beside.to_dict() == here.to_dict()
    assert "<html" in beside.html


def test_a_rendering_that_fails_says_why():
    """An error of the process is a reason in words, and what cannot begin is refused at once."""
    before, now = sides(300)
    rendering = begin_report(before, now, KINDS)
    rendering._process.kill()
    with pytest.raises(NotEnoughEvidence, match="could not render"):
        rendering.report()
    with pytest.raises(NotEnoughEvidence, match="nothing to report on"):
        begin_report(before[:0], now, KINDS)


def test_a_rendering_that_nobody_asks_for_leaves_nothing():
    """A notebook that stops before it asks leaves neither a process nor a folder."""
    rendering = begin_report(*sides(300), KINDS)
    process, folder = rendering._process, rendering._folder
    del rendering
    assert process.returncode is not None
    assert not folder.exists()
