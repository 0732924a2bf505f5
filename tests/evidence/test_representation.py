from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint

from sopkit.definitions.results import Verdict
from sopkit.evidence.representation import representation, wilson


@pytest.mark.parametrize(("hits", "rows"), [(0, 10), (3, 10), (10, 10), (500, 2000)])
def test_wilsons_interval_is_statsmodels(hits, rows):
    """The interval of a share equals statsmodels' Wilson interval."""
    assert wilson(hits, rows) == pytest.approx(proportion_confint(hits, rows, method="wilson"), abs=1e-12)


def test_each_group_has_its_share_and_rate(table):
    """Shares add up to one and rates are the plain means."""
    found = representation(table, table["y"], ["c"])
    assert sum(group.share for group in found.groups) == pytest.approx(1.0)
    for group in found.groups:
        assert group.rate == pytest.approx(table.loc[table["c"] == group.group, "y"].mean())
        assert group.low < group.rate < group.high


def test_a_small_group_is_insufficient_and_named(table):
    """Below the minimum size a group is shown, named, and concluded nothing from."""
    few = table.assign(c=["rare"] * 5 + ["usual"] * 1995)
    found = representation(few, few["y"], ["c"])
    assert found.small == ["c=rare"]
    assert found.verdict is Verdict.INSUFFICIENT
    assert "only 5 labelled rows" in next(g.reason for g in found.groups if g.group == "rare")
    assert found.measures[0].value is None


def test_a_group_of_a_few_rows_is_not_nothing(table):
    """Titles name the column with its value, and a group that is there has no share of 0.0 %."""
    few = table.assign(c=["rare"] + ["usual"] * 999 + ["other"] * 1000)
    many = pd.concat([few, *[few[few.c != "rare"]] * 2])
    figure = representation(many, many["y"], ["c"]).figure()
    assert "(c " in figure.title
    beside = [child for axes in figure.figure.axes for child in axes.child_axes]
    shown = [text.get_text().replace("\u00a0", " ") for axes in beside for text in axes.get_yticklabels()]
    assert any("< 0.1 % of rows" in text for text in shown)


def test_missing_is_a_group_and_numbers_are_cut_at_their_quartiles(table):
    """Nobody is left out: missing values are a group of their own, ages are cut into four."""
    rows = table.assign(c=table["c"].where(table.index > 300))
    found = representation(rows, rows["y"], ["c", "a"])
    assert "(missing)" in {group.group for group in found.groups}
    assert len([group for group in found.groups if group.column == "a"]) == 4


@pytest.mark.parametrize(
    "column",
    [pd.Series([None] * 2000), pd.Series([[1]] * 2000), pd.Series(range(2000)).astype(str), pd.Series([np.nan] * 2000)],
)
def test_odd_columns_break_nothing(table, column):
    """Empty columns, lists and two thousand categories all give groups or none, and a figure."""
    rows = table.assign(c=column.astype(str) if isinstance(column[0], list) else column)
    assert representation(rows, rows["y"], ["c"]).figure().png()


def test_a_column_that_is_not_there_is_insufficient(table):
    """A slice that the data lack is named, not passed over."""
    found = representation(table, table["y"], ["gender"])
    assert found.groups[0].reason == "the column is not there"
    assert found.verdict is Verdict.INSUFFICIENT


def test_numbers_and_classes_have_groups_too(table):
    """For regression the mean, for classes the share of the commonest one."""
    numbers = representation(table, table["a"], ["c"], task="regression", measured_in="bikes")
    assert (numbers.what, numbers.unit) == ("mean of the target", "bikes")
    assert numbers.figure().title.startswith("The mean of the target runs from")
    classes = table["c"].astype(object)
    assert representation(table, classes, ["c"], task="multiclass").groups[0].rate in (0.0, 1.0)


def test_groups_are_plain_json_and_escaped(table):
    """A group's name from data appears as data."""
    found = representation(table.assign(c="<b>"), table["y"], ["c"])
    assert "<b>" not in found._repr_html_()
    assert json.loads(json.dumps(found.to_dict()))["groups"][0]["group"] == "<b>"


def test_real_airports_and_airlines_are_represented(flights, flights_model):
    """Three airports are large enough; the smallest airline is not."""
    march = flights[flights["time_hour"] < "2013-04-01"]
    found = representation(march, march["late"], flights_model.slices)
    assert not any(name.startswith("origin") for name in found.small)
    assert "carrier=OO" in found.small
