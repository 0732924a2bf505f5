from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import ModelFile
from sopkit.definitions.results import Verdict
from sopkit.evidence.finding_rules import FINDINGS
from sopkit.evidence.findings import Findings, to_weigh
from sopkit.evidence.validation import validate
from sopkit.modelling.cleaning import Cleaned

CLOCK = datetime(2024, 3, 24, 12, tzinfo=UTC)  # four hours after the newest of 2000 hourly rows


def changed(model: ModelFile, **parts: Any) -> ModelFile:
    told = model.model_dump(by_alias=True, mode="json")
    told["data"] |= parts.pop("data", {})
    return ModelFile.model_validate(told | parts)


def names(found: Findings, severity: str | None = None) -> set[tuple[str, str]]:
    return {(item.name, item.column) for item in found.items if severity in (None, item.severity)}


def test_a_table_without_faults_has_no_findings(table, model):
    """Nothing is found where nothing is wrong, and what was looked at is told."""
    found = validate(table, model, as_of=CLOCK)
    assert found.items == ()
    assert found.verdict is Verdict.PASS
    assert {"columns", "constraints", "labels", "leaks", "freshness"} <= set(found.looked_at)


# ---- what stops a run ---------------------------------------------------------------------------------------

BLOCKS: list[tuple[str, str, Any]] = [
    ("missing_column", "a", lambda t: t.drop(columns="a")),
    ("missing_column", "at", lambda t: t.drop(columns="at")),
    ("missing_column", "y", lambda t: t.drop(columns="y")),
    ("missing_column", "id", lambda t: t.drop(columns="id")),
    ("too_few_rows", "", lambda t: t.iloc[:10]),
    ("too_few_rows", "", lambda t: t.iloc[:0]),
    ("no_values", "a", lambda t: t.assign(a=np.nan)),
    ("no_values", "c", lambda t: t.assign(c=None)),
    ("no_labels", "y", lambda t: t.assign(y=np.nan)),
    ("one_class", "y", lambda t: t.assign(y=1.0)),
    ("not_numbers", "a", lambda t: t.assign(a="text")),
    ("suspected_leak", "b", lambda t: t.assign(b=t["y"] + t["b"] / 1e6)),
    ("no_times", "at", lambda t: t.assign(at="yesterday")),
    ("no_times", "at", lambda t: t.assign(at=pd.NaT)),
]


@pytest.mark.parametrize(("name", "column", "spoil"), BLOCKS, ids=[f"{n} {c}" for n, c, _ in BLOCKS])
def test_what_cannot_be_learnt_from_stops_the_run(table, model, name, column, spoil):
    """Each of these faults blocks, is named with its column, and says what is wrong in a sentence."""
    found = validate(spoil(table), model, as_of=CLOCK)
    assert (name, column) in names(found, "block")
    assert found.verdict is Verdict.FAIL
    assert all(item.sentence for item in found.blocking)
    assert found.figure().png()


def test_a_declared_constraint_stops_the_run_only_where_it_says_so(table, model):
    """The same violation warns by default and blocks with `severity: block`, with rows as examples."""
    spoilt = table.copy()
    spoilt.loc[[7, 9], "a"] = [500.0, 600.0]
    for severity in ("warn", "block"):
        rule = {"columns": {"a": {"max": 100, "severity": severity}}}
        found = validate(spoilt, changed(model, data=rule), as_of=CLOCK)
        (item,) = found.named("above_maximum", "a")
        assert (item.severity, item.count) == (severity, 2)
        assert [row["id"] for row in item.examples] == ["7", "9"]
        assert "500" in item.sentence


@pytest.mark.parametrize(
    ("rule", "column", "value", "name"),
    [
        ({"min": 0}, "a", -1.0, "below_minimum"),
        ({"max": 100}, "a", 101.0, "above_maximum"),
        ({"allowed": ["red", "green", "blue"]}, "c", "pink", "not_allowed"),
        ({"allowed": [1, 2]}, "c", "3", "not_allowed"),
        ({"pattern": "[a-z]+"}, "c", "RED!", "not_of_pattern"),
        ({"missing_at_most": 0.0}, "b", np.nan, "missing_beyond_limit"),
    ],
)
def test_every_kind_of_constraint_is_checked(table, model, rule, column, value, name):
    """Minimum, allowed values, pattern and missing share each give a finding for the column."""
    spoilt = table.astype({"c": object})
    spoilt.loc[[3], column] = value
    found = validate(spoilt, changed(model, data={"columns": {column: rule}}), as_of=CLOCK)
    declared = {code for code, rule in FINDINGS.items() if rule.severity == "declared"}
    assert [(item.name, item.column) for item in found.items if item.name in declared] == [(name, column)]


def test_one_value_is_told_as_one(table, model):
    """A single value beyond its limit is told in the singular, and one row of many is not 0 %."""
    spoilt = spoil_rows(table, "a", [3], 999.0)
    spoilt.loc[5, "b"] = np.nan
    found = validate(spoilt, changed(model, data={"columns": {"a": {"max": 100}}}), as_of=CLOCK)
    assert found.named("above_maximum")[0].sentence.startswith("1 value of a is not at most 100")
    assert "b is missing in 1 of 2,000 rows (0.1 %)" in [item.sentence for item in found.items]


def test_allowed_numbers_may_be_written_as_texts(table, model):
    """`allowed: [1, 2]` accepts the numbers and their texts."""
    rule = changed(model, data={"columns": {"c": {"allowed": [1, 2]}}})
    assert not validate(table.assign(c=["1", "2"] * 1000), rule, as_of=CLOCK).named("not_allowed")
    assert not validate(table.assign(c=[1, 2] * 1000), rule, as_of=CLOCK).named("not_allowed")


# ---- what a person should look at ---------------------------------------------------------------------------


def spoil_rows(table: pd.DataFrame, column: str, rows: Any, value: Any) -> pd.DataFrame:
    spoilt = table.copy()
    spoilt.loc[rows, column] = value
    return spoilt


WARNS: list[tuple[str, str, Any]] = [
    ("constant", "a", lambda t: t.assign(a=1.0)),
    ("infinite", "a", lambda t: spoil_rows(t, "a", [1], np.inf)),
    ("wild_value", "b", lambda t: spoil_rows(t, "b", [1], 1e6)),
    ("often_missing", "a", lambda t: spoil_rows(t, "a", range(0, 2000, 3), np.nan)),
    ("missing_times", "at", lambda t: spoil_rows(t, "at", [3], pd.NaT)),
    ("missing_together", "a", lambda t: spoil_rows(t, ["a", "b", "c"], range(9), None)),
    ("duplicate_rows", "", lambda t: pd.concat([t, t.iloc[:5]], ignore_index=True)),
    ("duplicate_id", "id", lambda t: spoil_rows(t, "id", [5], 4)),
    ("future_time", "at", lambda t: spoil_rows(t, "at", [5], pd.Timestamp("2030-01-01", tz="UTC"))),
    ("time_gap", "at", lambda t: t.drop(index=range(500, 700))),
    ("stale_data", "at", lambda t: t.iloc[:1500]),
    ("one_class_period", "y", lambda t: t.assign(y=t["y"].where(t.index >= 168, 0.0))),
]


@pytest.mark.parametrize(("name", "column", "spoil"), WARNS, ids=[f"{n} {c}" for n, c, _ in WARNS])
def test_what_is_odd_is_put_before_a_person(table, model, name, column, spoil):
    """Each of these is a warning with a sentence and a way out, and does not stop the run."""
    found = validate(spoil(table), model, as_of=CLOCK)
    assert (name, column) in names(found, "warn"), found.items
    assert not found.blocking


def test_a_declared_freshness_is_binding(table, model):
    """Rows older than `fresh_within` block; older than usual only warns."""
    old = table.iloc[:1900]
    assert validate(old, changed(model, data={"fresh_within": "2d"}), as_of=CLOCK).blocking[0].name == "overdue_data"
    assert not validate(table, changed(model, data={"fresh_within": "1d"}), as_of=CLOCK).named("stale_data")


def test_early_labels_are_noted_as_biased(table, model):
    """Labels of rows younger than the label delay are counted and named a biased sample."""
    found = validate(table, changed(model, data={"label_delay": "7d"}), as_of=CLOCK)
    (item,) = found.named("early_labels")
    assert item.severity == "note"
    assert "biased" in item.sentence


def test_repeated_entities_are_noted(table, model):
    """Rows of one entity that repeats are counted."""
    found = validate(table.assign(who=[1, 1, 2, 3] * 500), changed(model, data={"entity": "who"}), as_of=CLOCK)
    assert found.named("repeated_entity")[0].count == 2000
    assert found.named("repeated_entity")[0].sentence.startswith(
        "2,000 rows share their who with other rows (3 in all)"
    )


def test_what_changed_since_the_last_training_is_found(table, model):
    """Against the reference, a jump of missing values, an unseen category and a unit are findings."""
    now = table.assign(c=table["c"].replace("red", "crimson"), a=table["a"] * 1.8 + 32)
    now.loc[:199, "b"] = np.nan
    found = validate(now, model, as_of=CLOCK, reference=table)
    assert {("missing_jump", "b"), ("unseen_category", "c"), ("unit_jump", "a")} <= names(found)
    assert "crimson" in found.named("unseen_category")[0].sentence
    assert "factor of 1.8" in found.named("unit_jump")[0].sentence
    assert "reference" in found.looked_at


def test_a_mere_shift_is_not_a_unit(table, model):
    """Values that moved as a whole without a change of scale are drift, not another unit."""
    assert not validate(table.assign(a=table["a"] + 30), model, as_of=CLOCK, reference=table).named("unit_jump")


def test_recorded_cleaning_is_shown_beside_the_rest(table, model):
    """Rows that cleaning took out are notes with their reason and share."""
    found = validate(table, model, as_of=CLOCK, cleaned=Cleaned(table, {"cancelled": 500}, {"b: infinite": 3}))
    (item,) = found.named("removed")
    assert (item.count, item.share) == (500, 0.2)
    assert found.named("changed")[0].count == 3
    assert not found.named("much_removed")


def test_much_that_was_taken_out_is_weighed(table, model):
    """A table that arrived twice, or without most labels, is a warning though cleaning mended it."""
    for reason in ("exact duplicate of an earlier row", "no label, though it should be known by now"):
        lost = table if "label" in reason else table.iloc[:0]
        found = validate(table, model, as_of=CLOCK, cleaned=Cleaned(table, {reason: 2000}, unlabelled=lost))
        assert found.named("much_removed")[0].severity == "warn"
    assert found.named("label_missing")[0].count == 2000


def test_rows_that_went_for_want_of_a_label_are_no_gap_and_no_standstill(table, model):
    """Every row was delivered up to the clock: labels that stopped are told as that, not as a source that is late."""
    known = np.arange(len(table)) < 1600
    cleaned = Cleaned(table[known], unlabelled=table[~known])
    found = validate(table[known], model, as_of=CLOCK, cleaned=cleaned)
    assert not {item.name for item in found.items} & {"stale_data", "time_gap", "volume_drop", "thin_period"}
    (stop,) = found.named("labels_stop", "y")
    assert (stop.severity, stop.count) == ("block", 400)
    assert stop.sentence.startswith("Labels have stopped: none of the 400 rows after 2024-03-07 15:00 has one")
    assert not validate(table, model, as_of=CLOCK).named("labels_stop")


def test_a_period_without_labels_in_the_midst_is_named(table, model):
    """The labels of one week are lost; its rows went, and the signer is told."""
    known = (np.arange(len(table)) < 700) | (np.arange(len(table)) >= 1100)
    found = validate(table[known], model, as_of=CLOCK, cleaned=Cleaned(table[known], unlabelled=table[~known]))
    (bare,) = found.named("unlabelled_period")
    assert "Hardly any row has a label in 2 weeks, first in that of 2024-01-29" in bare.sentence
    assert not found.named("time_gap")


def test_a_gap_since_the_last_training_is_named_before_an_older_one(table, model):
    """The champion has seen the older and longer gap; the newer one is news."""
    rows = table.drop(index=[*range(500, 900), *range(1500, 1700)])
    told = validate(rows, model, as_of=CLOCK, reference=rows[rows.index < 1400]).named("time_gap")[0].sentence
    assert told == "There are no rows from 2024-03-03 11:00 for 8.38 days; 1 more such gaps"
    assert "2024-01-21" in validate(rows, model, as_of=CLOCK).named("time_gap")[0].sentence


def test_an_excluded_column_that_is_mostly_missing_is_a_note_with_its_reason(table, model):
    """What is not used may be missing; the note repeats why it is excluded."""
    rows = table.assign(gust=np.nan)
    found = validate(rows, changed(model, excluded={"gust": "mostly missing"}), as_of=CLOCK)
    assert found.named("missing", "gust")[0].severity == "note"
    assert "mostly missing" in found.named("missing", "gust")[0].sentence


def test_more_findings_are_added_once(table, model):
    """Findings from elsewhere join in order of severity; what is said twice is kept once."""
    found = validate(table.iloc[:10], model, as_of=CLOCK)
    assert found.plus(found.items) == found


def test_lists_in_cells_break_nothing(table, model):
    """A column of lists cannot be compared by hash and is still looked through."""
    assert not validate(table.assign(extra=[[1]] * 2000), model, as_of=CLOCK).blocking


def test_findings_are_plain_json_and_escaped_html(table, model):
    """Values from data appear in JSON and HTML as data."""
    rows = table.assign(c=table["c"].replace("red", "</script><b>"))
    rule = {"columns": {"c": {"allowed": ["green", "blue"]}}}
    found = validate(rows, changed(model, data=rule), as_of=CLOCK)
    assert json.loads(json.dumps(found.to_dict()))["findings"][0]["examples"]
    assert "&lt;b&gt;" in found._repr_html_()
    assert "</script>" not in found._repr_html_()
    stop, warned = found.measures
    assert (stop.name, warned.name, warned.value) == ("blocking_findings", "data_warnings", len(found.warnings))
    later = to_weigh(found.to_dict())
    assert [measure.verdict for measure in later] == [Verdict.INSUFFICIENT] * bool(found.warnings)


# ---- real flights -------------------------------------------------------------------------------------------


def test_the_real_faults_of_flights_are_named(flights, flights_model):
    """Cancelled flights, missing arrivals, tail numbers, rows without weather and the empty gusts are all named."""
    end = datetime(2014, 1, 1, 12, tzinfo=UTC)
    rows = flights.drop(columns="late")
    found = validate(rows, flights_model, as_of=end, target=flights["late"], target_columns=["arr_delay"])
    counts = {item.column: item.count for item in found.items if "missing" in item.name}
    assert counts["dep_delay"] == 8255
    assert counts["arr_delay"] == 9430
    assert counts["tailnum"] == 2512
    assert round(counts["wind_gust"] / len(rows), 2) == 0.76
    together = found.named("missing_together")[0]
    assert 1400 <= (together.count or 0) <= 1600
    assert "temp" in together.sentence
    assert not found.blocking


def test_a_wind_of_a_thousand_miles_an_hour_is_named(flights, flights_model):
    """An impossible wind speed is found by the model file's limit and by its distance from the rest."""
    rows = flights[flights["time_hour"] < "2013-04-01"].drop(columns="late").reset_index(drop=True)
    rows.loc[100, "wind_speed"] = 1048.36
    as_of = datetime(2013, 4, 1, 12, tzinfo=UTC)
    found = validate(rows, flights_model, as_of=as_of)
    assert found.named("above_maximum", "wind_speed")[0].count == 1
    assert found.named("wild_value", "wind_speed")[0].count == 1


def test_a_leak_added_to_flights_blocks_by_name(flights, flights_model):
    """`dep_delay` as a feature stops the run, and the sentence names it."""
    rows = flights[flights["time_hour"] < "2013-04-01"]
    told = flights_model.model_dump(by_alias=True, mode="json")
    told["features"]["dep_delay"] = {"type": "numeric"}
    found = validate(
        rows.drop(columns="late"),
        ModelFile.model_validate(told),
        as_of=datetime(2013, 4, 1, tzinfo=UTC),
        target=rows["late"],
    )
    assert [item.column for item in found.blocking] == ["dep_delay"]


# ---- waivers ------------------------------------------------------------------------------------------------


def test_a_waived_finding_is_still_shown_and_no_longer_stops_the_run(table, model):
    """The severity turns to `waived`, the reason joins the sentence, and only the named finding is touched."""
    found = validate(table.assign(a=table["y"], b=table["y"]), model, as_of=CLOCK)
    assert {item.id for item in found.blocking} == {"suspected_leak:a", "suspected_leak:b"}
    waived = found.waive({"suspected_leak:a": "it is announced the day before"})
    assert [item.id for item in waived.blocking] == ["suspected_leak:b"]
    assert [item.id for item in waived.waived] == ["suspected_leak:a"]
    assert waived.waived[0].sentence.endswith("Waived: it is announced the day before")
    assert waived.verdict is Verdict.FAIL
    assert waived.waive({"suspected_leak:b": "so is this one"}).verdict is not Verdict.FAIL
    assert found.waive({"suspected_leak:gone": "not there any more"}) == found


def test_what_no_judgement_can_mend_cannot_be_waived(table, model):
    """A feature without a value stays a reason to stop, whatever is written."""
    found = validate(table.assign(a=np.nan), model, as_of=CLOCK)
    assert found.waive({"no_values:a": "never mind"}) == found
