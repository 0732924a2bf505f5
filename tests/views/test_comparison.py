"""The comparison as a validator reads it: all that was recorded, in order, and nothing from data that could act."""

from __future__ import annotations

import copy
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sopkit.errors import DigestMismatch
from sopkit.evidence.metrics import METRICS
from sopkit.views.comparison.facts import as_of_attempt, comparison_facts
from sopkit.views.comparison.wording import TITLES
from sopkit.views.fragments import fragment

sys.path.insert(0, str(Path(__file__).parent))
from comparisons import IMAGE, SCRIPT, World, left_by_evaluate

ALLOWED = {
    "a", "br", "caption", "circle", "dd", "details", "div", "dl", "dt", "h3", "h4", "li", "line", "p", "polygon",
    "polyline", "rect", "span", "strong", "summary", "svg", "table", "tbody", "td", "text", "th", "thead", "title",
    "tr", "ul",
}  # fmt: skip


class Page(HTMLParser):
    """Tags in order, headings, and the text of a fragment."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.tags, self.open, self.words = html, list[tuple[str, dict[str, Any]]](), list[str](), list[str]()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "br" and tag not in ("circle", "line", "rect", "polyline", "polygon"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return re.sub(r"\s+", " ", "".join(self.words))

    @property
    def headings(self) -> list[str]:
        return [re.sub(r"<.*?>", "", each).strip() for each in re.findall(r"<h3>(.*?)</h3>", self.html)]


@pytest.fixture(scope="module")
def left() -> dict[str, dict[str, Any]]:
    """One comparison a task; made once, for it takes a second each."""
    return {
        "binary": left_by_evaluate("binary", costs=True),
        "first": left_by_evaluate("binary", first=True),
        "multiclass": left_by_evaluate("multiclass"),
        "regression": left_by_evaluate("regression"),
        "no slices": left_by_evaluate("binary", slices=False),
    }


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path / "workspace")


def shown(world: World, found: dict[str, Any], **trained: Any) -> Page:
    world.trained(**trained)
    world.leave("evaluate", found["artifacts"], results=found["results"])
    return Page(fragment("comparison", **comparison_facts(world.contents)))


def test_everything_a_validator_asks_stands_in_the_order_of_reading(world, left) -> None:
    """Decision, models, gains, curves, calibration, operating point, slices, fairness, robustness, importance."""
    page = shown(world, left["binary"])
    assert page.headings == [
        "Champion and challengers",
        "How much better, and how surely",
        "At every threshold",
        "Does it mean what it says?",
        "What changes for those who act on it?",
        "What it costs to act on it: Costs &lt;img src=x onerror=alert(1)&gt;",
        "What the workspace itself counts",
        "Slice by slice: does anyone pay for it?",
        "Is it as good for everyone?",
        "What if the inputs are not what they were?",
        "What does it rest on?",
        "How do its answers move?",
    ]
    assert page.text.index("By the rule") < page.text.index("Champion and challengers")


def test_the_decision_tells_the_rule_and_what_speaks_against_it(world, left) -> None:
    """Each reason of the record is shown once; what speaks against the challenger and what is to weigh is marked."""
    facts = comparison_facts_of(world, left["binary"])
    recorded = left["binary"]["artifacts"]["decision.json"]
    told = facts["decision"]["reasons"] + facts["decision"]["weighed"] + facts["decision"]["others"]
    assert sorted(reason["topic"] for reason in told) == sorted(reason["topic"] for reason in recorded["reasons"])
    marks = {reason["topic"]: reason["mark"] for reason in told}
    for reason in recorded["reasons"]:
        against, soft = reason["against"], reason["weight"] == "soft" and reason["verdict"] != "pass"
        assert marks[reason["topic"]] == ("speaks against" if against else "to weigh" if soft else "")
    page = Page(fragment("comparison", **facts))
    assert f"fixed before anyone looked: {recorded['rule']}." in page.text


def test_an_outcome_is_a_sentence(world, left) -> None:
    """A challenger that loses by the rule leaves the champion in its place, in words and by a shape."""
    found = copy.deepcopy(left["binary"])
    decision = found["artifacts"]["decision.json"]
    decision |= {"outcome": "champion_kept", "verdict": "fail"}
    decision["reasons"] = [{**reason, "against": place == 0} for place, reason in enumerate(decision["reasons"])]
    text = shown(world, found).text
    assert "By the rule, the champion stays. ✗ fail" in text
    assert "1 speaks against the challenger" in text
    assert text.count("speaks against") == 2  # in the sentence, and as a mark beside its topic


def test_where_no_model_is_fit_it_says_so(world, left) -> None:
    """The worst finding stands in the first box."""
    found = copy.deepcopy(left["binary"])
    found["artifacts"]["decision.json"]["fit_for_use"] |= {"value": False, "reason": "neither beats no skill"}
    assert "No model is fit for use. neither beats no skill" in shown(world, found).text


def test_metrics_have_titles_intervals_and_limits(world, left) -> None:
    """No raw key is shown; a margin in points is drawn among shares of no-skill, a guardrail's limit below zero."""
    facts = comparison_facts_of(world, left["binary"])
    primary, guardrail = facts["metrics"]["rows"][:2]
    assert (primary["title"], primary["role"]) == ("ROC AUC", "primary")
    assert (guardrail["title"], guardrail["role"]) == ("Brier score", "guardrail")
    assert primary["share"]["limit"] == pytest.approx(0.003 / 0.5)
    assert guardrail["share"]["limit"] == pytest.approx(-0.02)
    recorded = left["binary"]["artifacts"]["comparison.json"]["metrics"][0]
    assert primary["champion"] == f"{recorded['champion']:.3f}"
    text = Page(fragment("comparison", **facts)).text
    assert not re.search(r"roc_auc|brier_|average_precision|log_loss|recipe_on|true_positive_rate", text)
    assert not re.search(r"\d\.\d{8,}", text)


def test_the_old_recipe_on_new_data_has_a_column_where_it_answers_otherwise(world, left) -> None:
    """It is the third arm of the comparison, and its curve is in the legend."""
    text = shown(world, left["binary"]).text
    assert "Old recipe, new data" in text
    assert "old recipe on new data" in text


def test_recipes_fold_by_fold_and_the_chosen_one(world, left) -> None:
    """Every recipe has its means, the chosen one is marked, each fold is a row; a name without a title is in words."""
    facts = comparison_facts_of(world, left["binary"])
    trial = facts["models"]["trial"]
    assert [(row["title"], row["chosen"]) for row in trial["rows"]] == [
        (IMAGE, True),
        ("The recipe of the model file", False),
        ("Naive forecast", False),
    ]
    assert [fold["values"] for fold in trial["folds"]] == [["0.610"] * 3, ["0.620"] * 3]
    assert dict(facts["models"]["facts"])["Training took"] == "1 min 15 s, 512 MB at its peak"


def test_several_classes_have_curves_and_confusions(world, left) -> None:
    """A curve a class, what was answered for what of both models, and each class by itself."""
    page = shown(world, left["multiclass"])
    assert {"Each class against the rest", "Class by class"} <= set(page.headings)
    assert "Precision over recall" not in page.text
    titles = [attributes["aria-label"] for tag, attributes in page.tags if tag == "svg" and "aria-label" in attributes]
    assert sum(title.startswith("Receiver operating characteristic of") for title in titles) == 3
    assert sum(title.startswith("Confusion of") for title in titles) == 2
    assert any(f"characteristic of {IMAGE}" in title for title in titles)


def test_numbers_have_bands_errors_and_what_is_free(world, left) -> None:
    """Predicted over actual and errors in place of a curve; the forecast for free, the lean over time, the misses."""
    page = shown(world, left["regression"])
    assert {
        "What came over what was predicted",
        "Worth more than a forecast for free?",
        "Does it lean to one side?",
    } <= set(page.headings)
    assert "At every threshold" not in page.headings
    assert "How often is it off by more than" in page.text
    assert "bikes" in page.text


def test_a_first_champion_is_held_against_the_naive_forecast(world, left) -> None:
    """There is no champion: columns are named after the naive forecast, and nothing is said against a champion."""
    page = shown(world, left["first"])
    assert "By the rule, the challenger becomes the first champion" in page.text
    assert "Naive forecast" in page.text
    assert "Against the champion" not in page.text
    assert "forecasts of a rolling origin" in page.text


def test_an_adopted_model_is_named_with_its_origin(world, left) -> None:
    """Where it comes from and what was noticed; no recipes, for none was tried."""
    page = shown(world, left["first"], adopted=True)
    assert "The model that serves already is recorded as the first champion" in page.text
    assert f"Adopted from models:/{IMAGE}, when it was trained is not known" in page.text
    assert "The recipes that were tried" not in page.text
    assert "900 later rows" in page.text


def test_what_was_not_examined_is_a_finding(world, left) -> None:
    """Without slices nobody has looked at fairness, which is said; of texts, where there are none, nothing is."""
    text = shown(world, left["no slices"]).text
    assert "Fairness was not examined: the model file names no slices and no protected attributes" in text
    assert "Slice by slice" not in text
    assert "On texts that nobody has read" not in text


@pytest.mark.parametrize("task", ["binary", "first", "multiclass", "regression"])
def test_nothing_from_data_acts(task, world, left) -> None:
    """Hostile features, groups, classes, recipes and titles are text: no tag but ours, no handler, nothing fetched."""
    page = shown(world, left[task], adopted=task == "first")
    assert {tag for tag, _ in page.tags} <= ALLOWED
    names = {name for _, attributes in page.tags for name in attributes}
    assert not {name for name in names if name.startswith("on") or name in ("href", "src", "style")}
    assert IMAGE in page.text
    assert SCRIPT in page.text
    assert page.open == []


def test_small_groups_are_named_insufficient_with_their_sizes(world, left) -> None:
    """The group of 2 % of the rows is listed last, with its rows and the verdict in word and shape."""
    facts = comparison_facts_of(world, left["binary"])
    (attribute,) = facts["fairness"]["attributes"]
    assert attribute["small"] == ["c"]
    assert [group["verdict"] for group in attribute["groups"]] == ["", "", "insufficient"]
    assert (
        "3 groups of </script><script>alert(1)</script> with their sizes; 1 too small to be judged"
        in Page(fragment("comparison", **facts)).text
    )


def test_long_lists_fold_after_the_worst(world, left) -> None:
    """Of forty slices twelve are shown at once, the failing one first."""
    found = copy.deepcopy(left["binary"])
    row = found["artifacts"]["comparison.json"]["slices"][0]
    many = [{**row, "value": f"v{place}", "verdict": "pass"} for place in range(39)]
    found["artifacts"]["comparison.json"]["slices"] = [*many, {**row, "value": "worst", "verdict": "fail"}]
    page = shown(world, found)
    assert "The challenger is worse in 1 slice" in page.text
    assert page.text.index(": worst") < page.text.index(": v0")
    assert "28 more slices" in page.text


def test_before_the_stage_was_reached_it_says_so(world) -> None:
    """A run under way has nothing to compare yet."""
    assert Page(fragment("comparison", **comparison_facts(world.contents))).text.strip() == (
        "Champion and challenger have not been compared yet."
    )


def test_a_run_that_ended_before_tells_its_outcome_and_why(world) -> None:
    """Blocked by its data, it never came to a comparison; the reason is text."""
    world.leave("collect", {})
    world.simulator.append(
        "run.outcome",
        run=world.run,
        stage="collect",
        attempt=1,
        body={"outcome": "blocked", "why": f"no labels {IMAGE}"},
    )
    world.simulator.append("run.finished", run=world.run, body={"state": "stopped"})
    text = Page(fragment("comparison", **comparison_facts(world.contents))).text
    assert "The run ended before champion and challenger were compared (blocked)." in text
    assert IMAGE in text


def test_a_comparison_that_failed_tells_its_reason(world) -> None:
    """The recipes are shown, the reason is text, and there is no decision."""
    world.trained()
    world.fail("evaluate", f"cell 'compare' raised {SCRIPT}")
    page = Page(fragment("comparison", **comparison_facts(world.contents)))
    assert f"The comparison failed: cell 'compare' raised {SCRIPT}" in page.text
    assert page.headings == ["Champion and challengers"]
    assert {tag for tag, _ in page.tags} <= ALLOWED


def test_metrics_have_their_titles_without_a_comparison_too() -> None:
    """The titles that the view knows are those of the evidence."""
    assert TITLES == {metric.name: metric.title for own in METRICS.values() for metric in own.values()}


def test_an_older_attempt_is_shown_with_what_had_been_trained_by_then(world, left) -> None:
    """After a second training and comparison, the first comparison still stands beside the first training."""
    shown(world, left["binary"])
    world.leave("retrain", {}, attempt=2)
    world.leave("evaluate", left["first"]["artifacts"], attempt=2)
    newest = comparison_facts(world.contents)
    assert (newest["attempt"], newest["first"]) == ({"number": 2, "of": 2, "newest": True}, True)
    assert newest["models"]["trial"] is None
    older = comparison_facts(as_of_attempt(world.simulator.workspace, world.state, 1))
    assert (older["attempt"]["newest"], older["first"]) == (False, False)
    assert older["models"]["trial"] is not None
    assert "Only the newest attempt counts." in Page(fragment("comparison", **older)).text


@pytest.mark.parametrize("name", ["comparison", "decision", "calibration", "fairness", "curves", "importance"])
@pytest.mark.parametrize("value", [[], {}, {"table": 1}, {"finding": "x", "bands": [{}]}, "text", 7], ids=str)
def test_an_artifact_of_another_form_is_named_and_the_rest_is_shown(name, value, world, left) -> None:
    """People adapt notebooks: what cannot be read here does not take the section with it."""
    found = copy.deepcopy(left["binary"])
    found["artifacts"][f"{name}.json"] = value
    page = shown(world, found)
    assert "What if the inputs are not what they were?" in page.headings
    if value and name != "decision":
        assert "left for the run notebook" in page.text


def test_an_attempt_without_a_comparison_says_so(world) -> None:
    """A stage of that name may do something else."""
    world.leave("evaluate", {"report.json": {}})
    assert "This attempt kept no comparison." in Page(fragment("comparison", **comparison_facts(world.contents))).text


def test_bytes_that_are_not_what_was_kept_are_refused(world, left) -> None:
    """An artifact that was altered in the store is not shown as if it were the record."""
    shown(world, left["binary"])
    digest = world.contents.digest("evaluate", "comparison.json")
    path = next((world.simulator.workspace.runs / "store").rglob(digest[2:]))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes().replace(b"0", b"1", 1))
    with pytest.raises(DigestMismatch):
        comparison_facts(world.contents)


def comparison_facts_of(world: World, found: dict[str, Any]) -> dict[str, Any]:
    world.trained()
    world.leave("evaluate", found["artifacts"], results=found["results"])
    return comparison_facts(world.contents)
