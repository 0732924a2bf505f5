from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from sopkit.definitions.results import Result, Threshold, Verdict
from sopkit.evidence.measure import (
    Measure,
    failed,
    insufficient,
    measure_name,
    measured,
    number,
    percent,
    with_unit,
    worst_of,
)


def test_a_value_is_judged_against_its_threshold():
    """A value within its threshold passes and one beyond it fails."""
    limit = Threshold(op="at_least", value=0.7)
    assert measured("auc", 0.71, threshold=limit).verdict is Verdict.PASS
    assert measured("auc", 0.69, threshold=limit).verdict is Verdict.FAIL


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), -float("inf"), np.float64("nan")])
def test_a_value_that_is_none_is_insufficient_and_says_so(value):
    """What is missing or not finite is never a pass, and the reason is there."""
    found = measured("auc", value, threshold=Threshold(op="at_most", value=0.7))
    assert found.verdict is Verdict.INSUFFICIENT
    assert found.reason


def test_without_a_rule_there_is_no_verdict():
    """A value without a threshold informs and decides nothing."""
    assert measured("rows", 12).verdict is None


def test_fail_outranks_insufficient_which_outranks_pass():
    """The verdict of several measures is that of the worst."""
    good = measured("a", 1, threshold=Threshold(op="at_least", value=0))
    assert worst_of([good, insufficient("b", "no rows"), failed("c", "it raised")]) is Verdict.FAIL
    assert worst_of([good, insufficient("b", "no rows")]) is Verdict.INSUFFICIENT
    assert worst_of([]) is None


def test_a_measure_is_a_result_in_plain_json():
    """`to_dict` gives what the schema of results accepts, with NaN as text."""
    found = Measure("gain", float("nan"), Verdict.INSUFFICIENT, "no rows", {"low": np.float64(1.5), "n": np.int64(3)})
    told = json.loads(json.dumps(found.to_dict()))
    assert Result.model_validate(told | {"source": "evidence"}).value == "NaN"
    assert told["detail"] == {"low": 1.5, "n": 3}


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("wind speed (mph)", "wind_speed_mph"),
        ("2nd", "n_2nd"),
        ("</script>", "script"),
        ("é", "n"),
        ("a" * 90, "a" * 64),
    ],
)
def test_any_text_becomes_a_name_that_a_result_accepts(text, name):
    """Column names of all kinds give valid names of results."""
    assert measure_name(text) == name
    assert Result(name=measure_name(text))


@pytest.mark.parametrize(
    ("value", "told"),
    [(None, "-"), (0.123456, "0.123"), (27075, "27,075"), (1234567.8, "1,234,568"), (float("nan"), "NaN"), ("x", "x"),
     (float("inf"), "inf"), (True, "True")],
)  # fmt: skip
def test_numbers_are_told_as_a_reader_wants_them(value, told):
    """Three digits, thousands in groups, a dash for nothing."""
    assert number(value) == told


def test_markdown_from_data_is_escaped():
    """A name from data cannot open a tag or a link in the notebook."""
    shown = Measure("x", 1, title="<b>[x](y)</b>")._repr_markdown_()
    assert "<b>" not in shown
    assert "[x]" not in shown


def test_measuring_needs_none_of_the_heavy_libraries():
    """Importing the measures loads no pandas, matplotlib, evidently, pandera or sklearn by itself."""
    code = (
        "import sys, importlib.util as u, types; p = types.ModuleType('sopkit.evidence'); "
        "import sopkit, pathlib; p.__path__ = [str(pathlib.Path(sopkit.__file__).parent / 'evidence')]; "
        "sys.modules['sopkit.evidence'] = p; import sopkit.evidence.measure, sopkit.evidence.charts; "
        "print([m for m in ('pandas', 'matplotlib', 'evidently', 'pandera', 'sklearn') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_shares_are_told_one_way():
    """A share is percent with a space before the sign, a change with its sign, a share of no-skill in percent."""
    assert ("< 0.1 %", "0.0 %") == (percent(1 / 19606), percent(0.0))
    assert ("37.5 %", "+1.7 %", "-6 %") == (percent(0.375), percent(0.017, signed=True), percent(-0.06, 0))
    assert with_unit(7.26, "of no-skill") == "726 % of no-skill"
