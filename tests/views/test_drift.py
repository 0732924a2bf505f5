"""The drift view: everything that was measured, one row a column, and nothing from data that could act."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sopkit import evidence
from sopkit.definitions.model import ModelFile
from sopkit.running.formats import to_bytes
from sopkit.views.drift import pictures as drift_pictures
from sopkit.views.drift.facts import drift_facts, narrowed
from sopkit.views.fragments import fragment

HOSTILE = "</script><script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"


class Kept:
    """What stages left, by stage and name: the part of `Contents` that the view asks."""

    def __init__(self, artifacts: dict[tuple[str, str], Any], *, statuses: dict[str, str] | None = None) -> None:
        self.artifacts, self.statuses = artifacts, statuses or {}
        self.state = SimpleNamespace(id="20240601T000000Z-small-0000", sop="retraining")

    def json(self, stage: str, name: str) -> Any:
        return self.artifacts.get((stage, name))

    def digest(self, stage: str, name: str) -> str | None:
        return "0" * 64 if (stage, name) in self.artifacts else None

    def attempt(self, stage: str) -> Any:
        return SimpleNamespace(status=self.statuses[stage]) if stage in self.statuses else None


class Page(HTMLParser):
    """The tags of a fragment with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))


def stored(value: Any) -> Any:
    """As an artifact is read back."""
    return json.loads(to_bytes("x.json", value)[0])


def table(rows: int, start: str, shift: float = 0.0, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "at": pd.date_range(start, periods=rows, freq="h", tz="UTC"),
            "a": random.normal(10 + shift, 2, rows),
            "b": random.gamma(2, 3, rows),
            "c": random.choice(["red", "green", HOSTILE], rows),
            "y": random.integers(0, 2, rows),
        }
    )


def model(**parts: Any) -> ModelFile:
    features = {
        "a": {"type": "numeric", "title": f"Weight {IMAGE}", "unit": "kg"},
        "b": "numeric",
        "c": "categorical",
    }
    given: dict[str, Any] = {
        "model": "small",
        "data": {"source": "x.csv", "time": "at"},
        "target": {"column": "y", "task": "binary"},
        "features": features,
        "slices": ["c"],
    }
    return ModelFile.model_validate(given | parts)


def compared(before: pd.DataFrame, now: pd.DataFrame, made: ModelFile, **options: Any) -> dict[tuple[str, str], Any]:
    names = ("training rows of the champion", "newest rows")
    found = evidence.drift(before, now, made.features, labels=names)
    profiles = evidence.drift_profiles(found, before, now, made, importance={"a": 3.0, "c": 1.0}, **options)
    return {("trigger", "drift.json"): stored(found), ("trigger", "profiles.json"): stored(profiles)}


@pytest.fixture
def artifacts() -> dict[tuple[str, str], Any]:
    now = table(2000, "2024-06-01", shift=4, seed=1)
    now.loc[:600, "c"], now.loc[601:620, "b"] = IMAGE, np.nan
    return compared(table(2000, "2024-01-01"), now, model())


def shown(artifacts: dict[tuple[str, str], Any], **options: Any) -> tuple[dict[str, Any], Page]:
    facts = drift_facts(Kept(artifacts), **options)
    return facts, Page(fragment("drift", **facts))


def test_the_data_set_and_the_columns_are_both_told(artifacts):
    """The head says the verdict of the whole and how many columns drifted: one can be quiet while the other is not."""
    facts, page = shown(artifacts)
    assert facts["comparisons"][0]["count"] == "2 of 3 columns have drifted"
    assert "✗ fail The data set has drifted" in page.text
    assert "2 of 3 columns have drifted" in page.text


def test_rows_stand_by_effect_with_everything_that_was_measured(artifacts):
    """Each row: verdict by word and shape, value and limit, importance, missing then and now, new values."""
    facts, page = shown(artifacts)
    rows = facts["comparisons"][0]["rows"]
    assert [row["name"] for row in rows][:2] == sorted(["a", "c"], key=[row["name"] for row in rows].index)
    one = next(row for row in rows if row["name"] == "a")
    assert (one["threshold"], one["importance"], one["unit"]) == ("0.1", "75.0 %", "kg")
    assert next(row for row in rows if row["name"] == "b")["missing"] == ["0 %", "1.0 %"]
    assert next(row for row in rows if row["name"] == "c")["new"] == "30.0 % of rows"
    assert page.text.count("Inside each slice") == 2
    assert len([tag for tag, given in page.tags if given.get("class") == "sop-drift-row"]) == 3


def test_every_picture_says_in_words_what_it_shows(artifacts):
    """An SVG has a role and a label that a screen reader speaks."""
    _, page = shown(artifacts)
    pictures = [given for tag, given in page.tags if tag == "svg"]
    assert len(pictures) >= 3 * 3
    assert all(given["role"] == "img" and given["aria-label"] for given in pictures)


def test_names_and_values_from_data_cannot_act(artifacts):
    """Scripts and images in names of categories and titles of columns are text."""
    _, page = shown(artifacts)
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "iframe", "a")]
    assert not [name for _, given in page.tags for name in given if name.startswith("on")]
    assert IMAGE in page.text
    assert HOSTILE in page.text


def test_a_hostile_column_cannot_act_either():
    """Names of columns, reasons and findings are escaped like values."""
    before, now = table(500, "2024-01-01"), table(500, "2024-06-01", shift=3)
    before[HOSTILE], now[HOSTILE] = before.a, now.a
    kept = compared(before, now, model(features={HOSTILE: {"title": IMAGE, "unit": IMAGE}}, slices=[]))
    kept["collect", "findings.json"] = {"findings": [{"column": HOSTILE, "sentence": IMAGE}]}
    _, page = shown(kept)
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "iframe")]
    assert "Found in the data of this run" in page.text


def test_a_first_champion_has_no_drift_and_says_so():
    """Without a champion there is nothing to compare with: a sentence, no empty table."""
    facts, page = shown({("trigger", "triggers.json"): {"first": True, "triggers": [], "harm": None}})
    assert facts["comparisons"] == []
    assert "there was nothing that could have drifted" in page.text
    assert not [tag for tag, _ in page.tags if tag == "table"]


@pytest.mark.parametrize(
    ("statuses", "told"), [({}, "has not been executed yet"), ({"trigger": "failed"}, "stage trigger failed")]
)
def test_what_was_not_measured_is_told(statuses, told):
    """A stage that failed or is to come is named; nothing is shown as if it were quiet."""
    facts = drift_facts(Kept({}, statuses=statuses))
    assert told in facts["nothing"]
    assert told in Page(fragment("drift", **facts)).text


def test_a_run_without_profiles_keeps_its_rows(artifacts):
    """Runs of earlier releases attached no profiles: their verdicts are shown without pictures."""
    del artifacts["trigger", "profiles.json"]
    facts, page = shown(artifacts)
    assert len(facts["comparisons"][0]["rows"]) == 3
    assert "attached no profiles" in page.text
    assert not [tag for tag, _ in page.tags if tag == "svg"]


def test_causes_harm_season_promise_and_indicators_stand_beside(artifacts):
    """What the stage told of causes and harm is repeated in its own words."""
    artifacts |= {
        ("trigger", "triggers.json"): {
            "first": False,
            "harm": {"name": "harm", "value": "measured", "verdict": "fail", "reason": "Harm was measured: Brier"},
            "triggers": [{"kind": "drift", "name": "drift", "state": "fired", "sentence": "51% has drifted"}],
        },
        ("trigger", "causes.json"): {
            "sentence": "At work: data drift",
            "at_work": ["data_drift"],
            "causes": [
                {"name": "data_drift", "title": "Data drift", "value": 0.5, "unit": "of the features' weight",
                 "threshold": {"op": "at_most", "value": 0.3}, "verdict": "fail", "reason": "a moved"},
                {"name": "concept_drift", "title": "Concept drift", "value": "NaN", "unit": "of no-skill",
                 "threshold": None, "verdict": "insufficient", "reason": "too few rows"},
            ],
        },
        ("trigger", "season.json"): {
            "learned": True, "from": "2023-06-01T00:00:00+00:00", "until": "2023-06-30T00:00:00+00:00",
            "verdict": "pass", "reason": "None of 3 features has drifted",
        },
        ("trigger", "performance.json"): {
            "verdict": "fail", "reason": "A promise is broken",
            "measures": [
                {"title": "ROC AUC", "detail": {"promised": 0.8, "now": 0.7}, "value": 0.1, "verdict": "fail"}
            ],
        },
        ("trigger", "indicators.json"): {"readings": [{"series": "rate", "verdict": "fail", "reason": "rate rose"}]},
    }  # fmt: skip
    _, page = shown(artifacts)
    for words in (
        "At work: data drift", "Harm was measured: Brier", "✗ at work", "◌ cannot be told",
        "The champion has learned from that season",
        "None of 3 features has drifted", "ROC AUC 0.800 promised, 0.700 came",
        "rate: rate rose", "fired: 51% has drifted",
    ):  # fmt: skip
        assert words in page.text
    assert "NaN" not in page.text


def test_columns_are_found_by_name_title_and_verdict(artifacts):
    """A filter shows the rows that fit and says how many of how many."""
    facts, _ = shown(artifacts)
    assert narrowed(facts) == facts
    by_title = narrowed(facts, words="weight")
    assert [row["name"] for row in by_title["comparisons"][0]["rows"]] == ["a"]
    assert by_title["narrowed"] == "1 row of 3 is shown"
    drifted = narrowed(facts, only_drifted=True)
    assert {row["verdict"] for row in drifted["comparisons"][0]["rows"]} == {"fail"}
    assert narrowed(facts, words="no such")["narrowed"] == "0 rows of 3 are shown"
    assert "0 rows of 3 are shown" in Page(fragment("drift", **narrowed(facts, words="no such"))).text


def test_of_five_hundred_columns_sixty_have_pictures():
    """The largest effects have pictures; the others are a list that opens, and the page stays small."""
    random = np.random.default_rng(0)
    names = [f"x{place}" for place in range(500)]
    before, now = table(400, "2024-01-01"), table(400, "2024-06-01", seed=1)
    before = pd.concat([before, pd.DataFrame(random.normal(size=(400, 500)), columns=names)], axis=1)
    now = pd.concat([now, pd.DataFrame(random.normal(size=(400, 500)), columns=names)], axis=1)
    facts, page = shown(compared(before, now, model(features=dict.fromkeys(names, "numeric"))))
    assert (len(facts["comparisons"][0]["rows"]), len(facts["comparisons"][0]["short"])) == (60, 440)
    assert "440 more columns, with smaller effects and without pictures" in page.text
    assert len(fragment("drift", **facts)) < 2_000_000


def test_monitor_has_a_part_of_its_own(artifacts):
    """What came after the change is told apart from what started the run."""
    artifacts |= {("monitor", name): value for (_, name), value in dict(artifacts).items()}
    facts, page = shown(artifacts)
    assert [each["id"] for each in facts["comparisons"]] == ["trigger", "monitor"]
    assert page.text.index("What came after the change") > page.text.index("Open a row to see more")


def test_on_a_page_the_full_report_lies_in_a_frame_without_origin(artifacts):
    """The frame may run the report's scripts, and nothing else: it has no `allow-same-origin`."""
    artifacts["evaluate", "drift_report.html"] = "<html></html>"
    artifacts["evaluate", "drift_report.json"] = {"sample_rows": [5000, 5000], "rows": [80000, 27000]}
    _, page = shown(artifacts, report="../..")
    frame = next(given for tag, given in page.tags if tag == "iframe")
    assert frame["sandbox"] == "allow-scripts"
    assert "src" not in frame
    link = next(given for tag, given in page.tags if tag == "a")
    assert link["href"].startswith("../../runs/retraining/")
    assert link["target"] == frame["name"]
    assert frame["title"]
    assert "5,000 of 80,000 reference" in page.text
    assert not [tag for tag, _ in shown(artifacts)[1].tags if tag == "iframe"]


def test_in_the_desk_the_report_is_the_value_of_an_attribute():
    """Quotes and tags of the report cannot end the attribute that holds it."""
    page = Page(fragment("drift_report", text=f"\"><p id='out'>{HOSTILE}"))
    assert [tag for tag, _ in page.tags] == ["iframe"]
    assert page.tags[0][1]["sandbox"] == "allow-scripts"
    policy, _, rest = str(page.tags[0][1]["srcdoc"]).partition('">')
    assert policy.startswith('<!doctype html><meta http-equiv="Content-Security-Policy" content="default-src \'none\'')
    assert rest == f"\"><p id='out'>{HOSTILE}"


def axis(middles: list[float]) -> dict[str, Any]:
    return {
        "span": "day",
        "middles": middles,
        "range": (middles[0], middles[-1]),
        "marks": [],
        "sides": ["current"] * len(middles),
    }


def test_a_gap_in_time_is_not_drawn_through():
    """Where a period has too few rows, the line and its band end and begin anew."""
    over = {"low": [1, 1, None, 1, 1], "middle": [2, 2, None, 2, 2], "high": [3, 3, None, 3, 3], "missing": [0] * 5}
    drawn = drift_pictures.over_time(over, axis([86400.0 * n for n in range(5)]), title="x")
    assert drawn.count("<polygon") == drawn.count("<polyline") == 2


def test_a_line_over_time_is_drawn_in_the_style_of_its_side():
    """Reference, what lies between, and current are told apart, and joined where they meet."""
    time = axis([86400.0 * n for n in range(6)]) | {"sides": ["reference"] * 2 + ["between"] * 2 + ["current"] * 2}
    same = [2.0] * 6
    drawn = drift_pictures.over_time({"low": same, "middle": same, "high": same, "missing": same}, time, title="x")
    lines = re.findall(r'<polyline class="stroke (\w+)"[^>]*points="([^"]*)"', drawn)
    assert [style for style, _ in lines] == ["reference", "third", "current"]
    assert [len(points.split()) for _, points in lines] == [3, 3, 2]


@pytest.mark.parametrize("span", [3600 * 5, 86400 * 9, 86400 * 40, 86400 * 200, 86400 * 400, 86400 * 365 * 30])
def test_an_axis_of_time_has_a_few_dates_inside_it(span):
    """From hours to decades: between two and seven dates, all of them in range and in order."""
    first = 1_700_000_000.0
    found = drift_pictures._dates(first, first + span)
    assert 2 <= len(found) <= 7
    assert found == sorted(found)
    assert all(first <= at <= first + span for at in found)


def test_nothing_to_draw_is_no_picture():
    """No distribution, no values, no periods: an empty place, never a broken picture."""
    assert drift_pictures.small(None, title="x") == ""
    empty = {"form": "values", "labels": [], "reference": [], "current": []}
    assert drift_pictures.small(empty, title="x") == ""
    assert drift_pictures.distribution(empty, ["a", "b"], title="x") == ""
    over = {"low": [None], "middle": [None], "high": [None], "missing": [None]}
    assert drift_pictures.over_time(over, axis([1.0, 2.0]), title="x") == ""
    assert drift_pictures.missing_over_time(over, axis([1.0, 2.0]), title="x") == ""
