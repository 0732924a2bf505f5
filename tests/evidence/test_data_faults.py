"""Faults that real tables have, put into a table without any: each is found and named with its column."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit.definitions.model import ModelFile
from sopkit.definitions.results import Verdict
from sopkit.evidence.by_period import missing_by_period
from sopkit.evidence.finding_rules import FINDINGS
from sopkit.evidence.findings import Findings, finding
from sopkit.evidence.leaks import suspected_leaks
from sopkit.evidence.validation import validate

ROWS = 6000
CLOCK = datetime(2024, 9, 7, 2, tzinfo=UTC)  # after the newest of 6000 hourly rows


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Hourly rows of eight months with a slice and a protected attribute, and nothing wrong."""
    random = np.random.default_rng(1)
    a, at = random.normal(10, 2, ROWS), pd.date_range("2024-01-01", periods=ROWS, freq="h", tz="UTC")
    return pd.DataFrame(
        {
            "id": np.arange(ROWS),
            "at": at,
            "a": a,
            "b": random.gamma(2, 3, ROWS),
            "c": random.choice(["red", "green", "blue"], ROWS, p=[0.5, 0.3, 0.2]),
            "hour": at.hour.astype(float),
            "site": random.choice(["north", "south"], ROWS),
            "group": random.choice(["x", "y", "z"], ROWS),
            "y": (random.random(ROWS) < 1 / (1 + np.exp(-(a - 11) / 2))).astype(float),
        }
    )


def spoilt(table: pd.DataFrame, column: str, where: Any, value: Any) -> pd.DataFrame:
    table = table.astype({column: object}) if isinstance(value, str) else table.copy()
    table.loc[where, column] = value
    return table


def model(**changes: Any) -> ModelFile:
    told: dict[str, Any] = {
        "model": "small",
        "data": {"source": "x.csv", "time": "at", "id": ["id"]} | changes.pop("data", {}),
        "target": {"column": "y", "task": "binary"},
        "features": {"a": "numeric", "b": "numeric", "c": "categorical", "hour": "numeric"},
        "slices": ["site"],
        "protected": ["group"],
    }
    return ModelFile.model_validate(told | changes)


def look(table: pd.DataFrame, spec: ModelFile | None = None, **options: Any) -> Findings:
    return validate(table, spec or model(), as_of=CLOCK, **options)


def ids(found: Findings) -> set[str]:
    return {item.id for item in found.items}


LATE = slice(4000, None)
SOME = slice(1, None, 50)
FAULTS: list[tuple[str, Any]] = [
    ("missing_moves:a", lambda t: t.assign(a=t["a"].where(t.index >= 3000))),
    ("constant_period:b", lambda t: t.assign(b=t["b"].where((t.index < 2000) | (t.index > 2400), 5.0))),
    ("sentinel:a", lambda t: spoilt(t, "a", SOME, -999.0)),
    ("sentinel:a", lambda t: spoilt(t, "a", SOME, 9999.0)),
    ("sentinel_time:at", lambda t: spoilt(t, "at", [7, 8], pd.Timestamp("1900-01-01", tz="UTC"))),
    ("placeholder:c", lambda t: spoilt(t, "c", SOME, "N/A")),
    ("placeholder:c", lambda t: spoilt(t, "c", SOME, " ")),
    ("spelling:c", lambda t: spoilt(t, "c", SOME, "Red ")),
    ("spelling:site", lambda t: spoilt(t, "site", SOME, "NORTH")),
    ("broken_characters:c", lambda t: spoilt(t, "c", SOME, "rosÃ©")),
    ("two_scales:a", lambda t: spoilt(t, "a", SOME, t["a"] * 1000)),
    ("unit_by_period:a", lambda t: spoilt(t, "a", LATE, t["a"] * 1000)),
    ("unit_by_period:a", lambda t: spoilt(t.assign(a=t["a"] * 5), "a", LATE, (t["a"] * 5 - 32) / 1.8)),
    ("unit_by_period:a", lambda t: spoilt(t.assign(a=t["a"] * 5), "a", LATE, t["a"] * 5 * 1.8 + 32)),
    ("unit_by_group:a", lambda t: spoilt(t.assign(a=t["a"] * 5), "a", t["site"] == "north", t["a"] * 5 * 2.54)),
    ("category_appears:c", lambda t: spoilt(t, "c", (t["c"] == "red") & (t.index >= 4000), "crimson")),
    ("category_vanishes:c", lambda t: spoilt(t, "c", (t["c"] == "red") & (t.index >= 4000), "crimson")),
    ("names_rows:c", lambda t: t.assign(c=[f"k{i}" for i in range(ROWS)])),
    ("numbers_as_text:c", lambda t: t.assign(c=[str(i % 97) for i in range(ROWS)])),
    ("same_content:", lambda t: pd.concat([t, t.iloc[:20].assign(id=range(-20, 0), at=t["at"].iloc[-1])])),
    ("thin_period:at", lambda t: t.drop(index=[i for i in range(2000, 2336) if i % 10])),
    ("volume_drop:at", lambda t: t.drop(index=[i for i in range(5700, ROWS) if i % 10])),
    ("future_time:at", lambda t: spoilt(t, "at", [5], pd.Timestamp("2031-01-01", tz="UTC"))),
    ("duplicate_id:id", lambda t: spoilt(t, "id", [5], 4)),
    ("protected_label_gap:group", lambda t: t.assign(y=t["y"].where(t["group"] != "x", (t.index % 20 == 0) * 1.0))),
    ("label_gap:site", lambda t: t.assign(y=t["y"].where(t["site"] != "north", (t.index % 20 == 0) * 1.0))),
    ("unlabelled_group:group", lambda t: t.assign(y=t["y"].where((t["group"] != "x") | (t.index % 10 == 0)))),
    ("label_missing", lambda t: t.assign(y=t["y"].where(t.index % 2 == 0))),
    ("label_jump:y", lambda t: t.assign(y=t["y"].where(t.index < 4000, 1.0 * (t.index % 10 < 9)))),
    ("few_labels:y", lambda t: t.assign(y=(t.index % 1000 == 7) * 1.0)),
    ("id_tells_label:id", lambda t: t.assign(id=t["y"].rank(method="first").astype(int))),
    ("almost_constant:c", lambda t: spoilt(t.assign(c="red"), "c", [3], "blue")),
    ("infinite:b", lambda t: spoilt(t, "b", [3], np.inf)),
    ("some_not_numbers:b", lambda t: spoilt(t, "b", [3, 4], "1,5")),
]


@pytest.mark.parametrize(("id", "spoil"), FAULTS, ids=[f"{n}-{i}" for n, (i, _) in enumerate(FAULTS)])
def test_a_fault_is_found_by_name_and_with_a_way_out(rows, id, spoil):
    """Each fault has its finding, a sentence, and where rows show it, rows; the verdict is not `pass` for a warning."""
    found = look(spoil(rows).reset_index(drop=True))
    item = next((item for item in found.items if item.id == id.rstrip(":")), None)
    assert item is not None, found
    assert item.sentence
    assert len(item.examples) <= 5
    assert item.severity == FINDINGS[item.name].severity.replace("declared", "warn")
    assert found.verdict is not Verdict.PASS or item.severity == "note"
    assert len(ids(found)) == len(found.items)
    assert item.column in (*rows.columns, "")


def test_a_table_without_faults_has_none(rows):
    """Eight months of ordinary rows raise nothing, also against an earlier part of themselves."""
    assert look(rows).items == ()
    assert look(rows, reference=rows.iloc[:3000]).items == ()


BLOCKS: list[tuple[str, Any]] = [
    ("label_spelling:y", lambda t: t.assign(y=np.where(t["y"] == 1, "Yes", "no")).assign(y=lambda u: u["y"].where(u.index % 9 > 0, u["y"].str.lower() + " "))),  # noqa: E501
    ("known_later:closed", lambda t: t.assign(closed=t["at"] + pd.Timedelta("2D"))),
    ("known_later:closed", lambda t: t.assign(closed=(t["at"] + pd.Timedelta("2D")).dt.strftime("%Y-%m-%d"))),
    ("target_from_features:a", lambda t: t.assign(y=1.0 * (2 * t["a"] > t["b"] + 14))),
]  # fmt: skip


@pytest.mark.parametrize(("id", "spoil"), BLOCKS, ids=[f"{n}-{i}" for n, (i, _) in enumerate(BLOCKS)])
def test_what_makes_every_number_worthless_stops_the_run(rows, id, spoil):
    """Labels in two spellings, moments after the row's own, and features that make up the target block by name."""
    table = spoil(rows)
    features = {"a": "numeric", "b": "numeric", "c": "categorical"} | (
        {"closed": "numeric"} if "closed" in table else {}
    )
    target = {"column": "y", "task": "binary"} | ({"positive": "Yes"} if table["y"].dtype.kind not in "fi" else {})
    labels = table["y"] if table["y"].dtype.kind in "fi" else table["y"].eq("Yes").astype(float)
    found = look(table, model(features=features, target=target), target=labels)
    assert id in {item.id for item in found.blocking}
    assert all(item.remedy for item in found.blocking)


def test_a_later_moment_that_is_declared_is_a_question(rows):
    """`known_at` turns the stop into a question for the signer."""
    features = {"a": "numeric", "due": {"type": "numeric", "known_at": "agreed at the beginning"}}
    found = look(rows.assign(due=rows["at"] + pd.Timedelta("2D")), model(features=features))
    assert [(item.name, item.severity) for item in found.items if item.column == "due"] == [("leak_question", "warn")]


def test_a_product_or_ratio_of_features_is_found_in_regression(rows):
    """price times quantity is the turnover, though neither alone is."""
    random = np.random.default_rng(0)
    table = rows.assign(a=random.lognormal(0, 1, ROWS), b=random.lognormal(0, 1, ROWS))
    found = suspected_leaks(table, table["a"] / table["b"], model().features, task="regression", time="at")
    assert [item.name for item in found.findings] == ["target_from_features"]
    assert "ratio" in found.findings[0].sentence


def test_slow_labels_do_not_make_a_slow_feature_a_leak(rows):
    """Where labels come in long runs, a slow feature agrees with them; only what changes in step is suspected."""
    random = np.random.default_rng(0)
    label = pd.Series((np.arange(ROWS) // 60 % 2).astype(float))
    slow = label.ewm(halflife=20).mean() + random.normal(0, 0.05, ROWS)
    step = label + random.normal(0, 0.25, ROWS)
    kinds = {"slow": "numeric", "step": "numeric"}
    found = suspected_leaks(rows.assign(slow=slow, step=step), label, kinds, task="binary", time="at")
    assert found.suspects == ["step"]


def test_labels_that_came_early_are_compared_with_the_rest(rows):
    """Early labels are noted; where their rate is another one they are a warning."""
    spec = model(data={"label_delay": "20d"})
    assert "early_labels:y" in ids(look(rows, spec))
    assert "early_labels_differ:y" not in ids(look(rows, spec))
    quick = rows.assign(y=rows["y"].where(rows.index < ROWS - 480, 1.0 * (rows.index % 10 > 0)))
    assert {"early_labels:y", "early_labels_differ:y"} <= ids(look(quick, spec))


def test_a_label_delay_that_is_too_short_shows_in_the_youngest_labels(rows):
    """The youngest labelled rows with hardly a positive are a warning: theirs are still to come."""
    late = rows.assign(y=rows["y"].where(rows.index < 5850, 0.0))
    spec = model(data={"label_delay": "1d"})
    assert ids(look(late, spec)) & {"young_labels:y", "label_jump:y"}


def test_the_decision_policy_is_repeated_to_the_signer(rows):
    """Selective labels: the region that the results hold for is stated."""
    found = look(rows, model(decision_policy="only accepted applicants"))
    (item,) = found.named("selective_labels")
    assert "only accepted applicants" in item.sentence


# ---- against the rows that the champion learned from ------------------------------------------------------------

HISTORY: list[tuple[str, Any]] = [
    ("rows_lost", lambda t: t.iloc[1000:]),
    ("rows_lost", lambda t: t.iloc[::2]),
    ("history_rewritten:at", lambda t: t.assign(at=t["at"].sample(frac=1, random_state=0).to_numpy())),
    ("history_rewritten:y", lambda t: t.assign(y=t["y"].sample(frac=1, random_state=0).to_numpy())),
    ("history_rewritten:y", lambda t: t.assign(y=1 - t["y"])),
    ("values_revised:a", lambda t: t.assign(a=t["a"] + 0.5)),
    ("calendar_disagrees:hour", lambda t: t.assign(at=t["at"].sample(frac=1, random_state=0).to_numpy())),
    ("calendar_disagrees:hour", lambda t: t.assign(at=t["at"] + pd.Timedelta("5h"))),
    ("group_shrinks:group", lambda t: t[(t["group"] != "x") | (t.index < 3000)]),
    ("category_vanishes:c", lambda t: t.assign(c=t["c"].replace("red", "green"))),
    ("unit_jump:a", lambda t: t.assign(a=t["a"] * 60)),
]


@pytest.mark.parametrize(("id", "spoil"), HISTORY, ids=[f"{n}-{i}" for n, (i, _) in enumerate(HISTORY)])
def test_what_happened_to_the_past_is_found(rows, id, spoil):
    """Rows lost, times or labels rewritten, times shifted, groups that shrink: against the champion's training rows."""
    found = look(spoil(rows).reset_index(drop=True), reference=rows.iloc[:3000])
    assert id in ids(found), found
    assert found.verdict is not Verdict.PASS


def test_without_ids_lost_rows_are_counted(rows):
    """Where no column names a row, fewer rows over the same time are rows lost."""
    spec = model(data={"id": []})
    assert "rows_lost" in ids(look(rows.iloc[::2], spec, reference=rows.iloc[:3000]))
    assert "rows_lost" not in ids(look(rows, spec, reference=rows.iloc[:3000]))


def test_rows_older_than_the_declared_history_are_not_lost(rows):
    """With `data.history` the old rows are meant to go."""
    spec = model(data={"history": "60d"})
    assert "rows_lost" not in ids(look(rows.iloc[2000:], spec, reference=rows.iloc[:3000]))


# ---- the rules --------------------------------------------------------------------------------------------------


def test_every_finding_has_its_rule_and_the_page_lists_it(checkout):
    """`finding_rules` is the one table: docs/evidence.md prints it, and no finding is made without a rule."""
    page = (checkout / "docs" / "evidence.md").read_text(encoding="utf-8")
    for name, rule in FINDINGS.items():
        waiver = "yes" if rule.waivable and rule.severity != "note" else "no"
        assert f"| `{name}` | {rule.severity} | {waiver} | {rule.reason} |" in page
    listed = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `") and line.count("|") == 5]
    assert listed == list(FINDINGS)
    with pytest.raises(KeyError):
        finding("no_such_rule", "…")


def test_missing_by_period_is_told_drawn_and_insufficient_where_it_cannot_be(rows):
    """Table, JSON, figure and verdict agree; one period is `insufficient`."""
    found = missing_by_period(rows.assign(a=rows["a"].where(rows.index >= 3000)), model())
    assert (found.changed, found.verdict) == (["a"], Verdict.FAIL)
    assert found.table["a"].iloc[0] == 1.0
    assert found.measures[0].value == 1
    assert found.to_dict()["changed"] == ["a"]
    assert found.figure().png()
    assert missing_by_period(rows, model()).verdict is Verdict.PASS
    assert missing_by_period(rows.iloc[:50], model()).verdict is Verdict.INSUFFICIENT
    assert missing_by_period(rows.iloc[:0], model()).verdict is Verdict.INSUFFICIENT
